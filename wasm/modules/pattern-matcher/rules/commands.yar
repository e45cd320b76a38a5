rule windows_tool_loads_from_network
{
    meta:
        description = "A tool of Windows is used to load or to run something from the network"
        severity = "high"
        confidence = 75
        technique = "T1105, T1218"
    strings:
        $certutil = /certutil(\.exe)?['"]?\s[^\r\n]{0,60}[-\/](urlcache|verifyctl)\s[^\r\n]{0,60}(https?|ftp):/ ascii wide nocase
        $mshta = /mshta(\.exe)?['"]?[ \t]{1,64}['"]?https?:/ ascii wide nocase
        $regsvr32 = /regsvr32(\.exe)?['"]?\s[^\r\n]{0,60}[-\/]i:['"]?https?:/ ascii wide nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and any of them
}

rule library_is_loaded_and_started
{
    meta:
        description = "A command loads a library from the network, and another starts it"
        severity = "high"
        confidence = 80
        technique = "T1105, T1218.010, T1218.011"
    strings:
        $load = /(invoke-webrequest|iwr|curl|wget|certutil|bitsadmin|start-bitstransfer|downloadfile)\b[^\r\n]{0,40}https?:[^\r\n]{1,200}\.(dll|ocx|cpl)/ ascii wide nocase
        $start = /(rundll32|regsvr32)(\.exe)?['"]?\s[^\r\n]{0,120}\.(dll|ocx|cpl)/ ascii wide nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and $load and $start
}

rule program_is_loaded_and_started
{
    meta:
        description = "A command loads a program from the network into a folder that anybody may write to, and another starts it"
        severity = "high"
        confidence = 75
        technique = "T1105, T1059.003"
    strings:
        $load = /(invoke-webrequest|iwr|curl|wget|certutil|bitsadmin|start-bitstransfer|downloadfile)\b[^\r\n]{0,60}https?:[^\r\n]{1,300}(%(temp|tmp|appdata|localappdata|public|programdata)%|\\users\\public|\\programdata)\\[^\r\n]{1,80}\.(exe|scr|com|bat|cmd|ps1|vbs|js|hta|msi)\b/ ascii wide nocase
        $start = /(^|[\r\n&|])[ \t]{0,16}((start|call|msiexec|wscript|cscript|mshta)\b[^\r\n&|]{0,40}[ \t"]{1,4})?"?(%(temp|tmp|appdata|localappdata|public|programdata)%|[A-Z]:\\users\\public|[A-Z]:\\programdata)\\[^\r\n&|]{1,80}\.(exe|scr|com|bat|cmd|ps1|vbs|js|hta|msi)\b/ ascii wide nocase
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and $load and $start
}

rule network_into_a_shell
{
    meta:
        description = "What comes from the network is given to a shell"
        severity = "medium"
        confidence = 70
        technique = "T1105, T1059.004"
    strings:
        $pipe = /\b(curl|wget)\s[^\r\n|;]{0,160}(https?|ftp):\/\/[^\r\n|;]{4,160}\|[ \t]{0,64}(sudo\s{1,4}(-[A-Z]\s{1,4})?|env\s{1,4})?(\/usr)?(\/bin\/)?(ba|da|z|a|k)?sh\b/
    condition:
        filesize < 8KB and $pipe
}

rule decoded_into_a_shell
{
    meta:
        description = "A text is decoded and given to a shell"
        severity = "high"
        confidence = 75
        technique = "T1140, T1027.010, T1059.004"
    strings:
        $pipe = /\bbase64\s{1,4}(-d|-D|--decode)[^\r\n|;]{0,40}\|[ \t]{0,64}((gunzip|zcat|gzip\s-d)[^\r\n|;]{0,12}\|[ \t]{0,64})?(\/usr)?(\/bin\/)?(ba|da|z|a|k)?sh\b/
    condition:
        filesize < 1MB and $pipe
}

rule shell_dropper
{
    meta:
        description = "A shell script loads a program into a folder for temporary files, and runs it"
        severity = "high"
        confidence = 75
        technique = "T1105, T1059.004, T1222.002"
    strings:
        $load = /\b(wget|curl|tftp|ftpget)\s[^\r\n]{1,200}/
        $place = /(\/tmp|\/var\/tmp|\/var\/run|\/dev\/shm)\b/
        $allow = /\bchmod\s{1,4}(\+x|a\+x|[0-7]?7[0-7]{2})\s/
        $all = /\bchmod\s{1,4}0?777\s/
        $run = /(^|[\s;&|])(sh\s{1,4}|\.\/|\/tmp\/|\/var\/tmp\/|\/dev\/shm\/)[A-Za-z0-9._-]{1,40}/
        $address = /\b(wget|curl|tftp|ftpget)\s[^\r\n;]{0,120}\b[0-9]{1,3}(\.[0-9]{1,3}){3}\b/
        $stays = /\bcrontab\s/
        $removes = /\brm\s{1,4}-r?f\s[^\r\n]{0,80}(\$0|\*)/
    condition:
        filesize < 256KB and $load and $place and $allow and $run and ($address or ($all and any of ($stays, $removes)))
}

rule python_reverse_shell
{
    meta:
        description = "Python connects a shell to somebody else"
        severity = "high"
        confidence = 85
        technique = "T1059.006, T1059.004"
    strings:
        $socket = /socket\.socket\s{0,4}\(/
        $connect = /\.connect\s{0,4}\(\s{0,4}\(/
        $joined = /os\.dup2\s{0,4}\(/
        $terminal = /pty\.spawn\s{0,4}\(/
        $shell = /['"](\/bin\/(ba|da|z)?sh|cmd\.exe)['"]/
    condition:
        filesize < 64KB and $socket and $connect and $shell and (#joined >= 2 or ($joined and $terminal))
}

rule python_runs_fetched_code
{
    meta:
        description = "Python runs code that it fetches from the network"
        severity = "high"
        confidence = 80
        technique = "T1105, T1059.006"
    strings:
        $run = /\b(exec|eval)\s{0,4}\([^\r\n]{0,100}\b(urlopen|requests\.get|httpx\.get|urllib3\.PoolManager)\s{0,4}\(/
    condition:
        filesize < 1MB and $run
}

rule node_reverse_shell
{
    meta:
        description = "Node.js connects a shell to somebody else"
        severity = "high"
        confidence = 80
        technique = "T1059.007, T1059.004"
    strings:
        $net = /require\s{0,4}\(\s{0,4}['"](node:)?(net|tls)['"]\s{0,4}\)/
        $shell = /\bspawn\s{0,4}\(\s{0,4}['"](\/bin\/(ba|da|z)?sh|cmd(\.exe)?|powershell(\.exe)?)['"]/
        $into = /\.stdin\b/
        $from = /\.std(out|err)\.pipe\s{0,4}\(/
        $connect = /\.connect\s{0,4}\(|\bcreateConnection\s{0,4}\(/
    condition:
        filesize < 64KB and all of them
}

rule powershell_fetches_into_expression
{
    meta:
        description = "PowerShell runs what it fetches from the network"
        severity = "medium"
        confidence = 75
        technique = "T1059.001, T1105"
    strings:
        $call = /\b(iex|invoke-expression)\b[ \t(&"']{1,8}(iwr|irm|invoke-webrequest|invoke-restmethod)\b[^\r\n|]{0,80}https?:\/\// ascii wide nocase
        $pipe = /\b(iwr|irm|invoke-webrequest|invoke-restmethod)\b[^\r\n|]{0,80}https?:\/\/[^\r\n|]{1,200}\|[ \t]{0,8}(iex|invoke-expression)\b/ ascii wide nocase
    condition:
        filesize < 8KB and any of them
}
