rule powershell_encoded_command
{
    meta:
        description = "PowerShell is started with an encoded command"
        severity = "medium"
        confidence = 75
        technique = "T1059.001, T1027.010"
    strings:
        $a = /powershell(\.exe)?['"]?\s[^\r\n]{0,200}-e(c|nc|ncodedcommand)?\s+['"]?[A-Za-z0-9+\/]{40,}/ ascii wide nocase
    condition:
        $a
}

rule powershell_download_and_run
{
    meta:
        description = "PowerShell loads something from the network and runs it"
        severity = "high"
        confidence = 80
        technique = "T1059.001, T1105"
    strings:
        $run_a = /\biex\b/ ascii wide nocase
        $run_b = "invoke-expression" ascii wide nocase
        $load_a = ".downloadstring(" ascii wide nocase
        $load_b = ".downloaddata(" ascii wide nocase
        $load_c = "net.webclient" ascii wide nocase
        $save_a = ".downloadfile(" ascii wide nocase
        $save_b = "invoke-webrequest" ascii wide nocase
        $save_c = "start-bitstransfer" ascii wide nocase
        $start_a = "start-process" ascii wide nocase
        $start_b = "invoke-item" ascii wide nocase
        $place_a = "$env:temp" ascii wide nocase
        $place_b = "$env:appdata" ascii wide nocase
        $place_c = "$env:public" ascii wide nocase
        $hidden_a = "-windowstyle hidden" ascii wide nocase
        $hidden_b = "-w hidden" ascii wide nocase
        $hidden_c = "-executionpolicy bypass" ascii wide nocase
        $hidden_d = "-ep bypass" ascii wide nocase
        $hidden_e = "-nop " ascii wide nocase
    condition:
        any of ($run*) and 2 of ($load*) or (any of ($load*) and 2 of ($hidden*))
        or (any of ($save*) and any of ($start*) and any of ($place*, $hidden*))
}

rule powershell_in_memory_loader
{
    meta:
        description = "PowerShell decodes a program and loads it without writing it"
        severity = "high"
        confidence = 75
        technique = "T1620, T1059.001"
    strings:
        $decode = "frombase64string(" ascii wide nocase
        $load_a = "reflection.assembly]::load(" ascii wide nocase
        $load_b = "getdelegateforfunctionpointer" ascii wide nocase
        $load_c = "virtualalloc" ascii wide nocase
        $amsi = "amsiinitfailed" ascii wide nocase
    condition:
        filesize < 5MB and uint16(0) != 0x5a4d and (($decode and ($load_a or ($load_b and $load_c))) or $amsi)
}

rule script_host_dropper
{
    meta:
        description = "A script for Windows loads a file, writes it and starts it"
        severity = "high"
        confidence = 80
        technique = "T1059, T1105"
    strings:
        $http_a = "msxml2.xmlhttp" ascii wide nocase
        $http_b = "winhttp.winhttprequest" ascii wide nocase
        $http_c = "microsoft.xmlhttp" ascii wide nocase
        $write_a = "adodb.stream" ascii wide nocase
        $write_b = "savetofile" ascii wide nocase
        $run_a = "wscript.shell" ascii wide nocase
        $run_b = "shell.application" ascii wide nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and any of ($http*) and all of ($write*) and any of ($run*)
}

rule script_packed_by_eval
{
    meta:
        description = "JavaScript that unpacks itself"
        severity = "low"
        confidence = 80
        technique = "T1027.002"
    strings:
        $packer = /eval\(function\(p,a,c,k,e,[rd]\)\{/
        $charcodes = /String\.fromCharCode\((\d{2,3},\s?){40}/
        $hexed = /(\\x[0-9a-fA-F]{2}){200}/
    condition:
        filesize < 5MB and uint16(0) != 0x5a4d and ($packer or ($charcodes and $hexed))
}

rule webshell_php
{
    meta:
        description = "PHP that runs what a request says"
        severity = "critical"
        confidence = 85
        technique = "T1505.003"
    strings:
        $php = "<?php" nocase
        $short = "<?="
        $direct = /\b(eval|assert|system|exec|shell_exec|passthru|popen|create_function)\s{0,4}\(\s{0,4}@?\s{0,4}\$_(GET|POST|REQUEST|COOKIE)\s{0,4}\[/ nocase
        $decoded = /\beval\s{0,4}\(\s{0,4}(gzinflate|gzuncompress|str_rot13|base64_decode)\s{0,4}\(/ nocase
        $ticks = /`\s{0,4}\$_(GET|POST|REQUEST)\s{0,4}\[/ nocase
    condition:
        filesize < 2MB and ($php or $short) and ($direct or $decoded or $ticks)
}

rule webshell_jsp
{
    meta:
        description = "A page for a Java server that runs what a request says"
        severity = "critical"
        confidence = 80
        technique = "T1505.003"
    strings:
        $page = "<%"
        $run = /Runtime\.getRuntime\(\)\.exec\(\s{0,4}request\.getParameter\(/
        $run2 = /new ProcessBuilder\([^)]{0,80}request\.getParameter\(/
    condition:
        filesize < 1MB and $page and ($run or $run2)
}

rule webshell_aspx
{
    meta:
        description = "A page for an ASP server that runs what a request says"
        severity = "critical"
        confidence = 85
        technique = "T1505.003"
    strings:
        $page = /<%@?/
        $eval = /\b(eval|execute|executeglobal)\s{0,4}\(?\s{0,4}request\s{0,4}[\.\(\[]/ nocase
    condition:
        filesize < 1MB and $page and $eval
}

rule reverse_shell_one_liner
{
    meta:
        description = "A line that connects a shell to somebody else"
        severity = "high"
        confidence = 80
        technique = "T1059.004"
    strings:
        $bash = /(ba)?sh\s+-i\s+[0-9]?[>&]{1,2}\s?\/dev\/tcp\/[0-9a-zA-Z.-]{4,64}\/[0-9]{1,5}/
        $nc = /\bn(c|cat)\s+(-[a-z]{1,6}\s+){0,3}-e\s+\/bin\/(ba)?sh\s+[0-9a-zA-Z.-]{4,64}\s+[0-9]{1,5}/
        $fifo = /mkfifo\s+\/tmp\/[a-z]{1,8};\s?cat\s+\/tmp\/[a-z]{1,8}\s?\|\s?\/bin\/sh\s+-i/
        $perl = /\bsocket\(\s{0,4}S,\s{0,4}PF_INET[^\r\n]{0,160}\bconnect\(\s{0,4}S,[^\r\n]{0,200}\bexec\s{0,4}\(?\s{0,4}['"{]{1,2}\/bin\/(ba)?sh/
        $python = /socket\.socket\([^)]{0,60}\)[^\r\n]{0,120}\.connect\(\([^\r\n]{4,80}\)\)[^\r\n]{0,60}os\.dup2\(/
    condition:
        filesize < 5MB and any of them
}

rule shadow_copies_deleted
{
    meta:
        description = "Deletes what Windows could be restored from, as ransomware does first"
        severity = "high"
        confidence = 85
        technique = "T1490"
    strings:
        $a = /vssadmin(\.exe)?\s+delete\s+shadows/ ascii wide nocase
        $b = /wmic(\.exe)?\s+shadowcopy\s+delete/ ascii wide nocase
        $c = /bcdedit(\.exe)?\s+\/set\s+\{?default\}?\s+recoveryenabled\s+no/ ascii wide nocase
        $d = /wbadmin(\.exe)?\s+delete\s+(catalog|systemstatebackup)/ ascii wide nocase
    condition:
        any of them
}

rule base64_of_a_program
{
    meta:
        description = "A Windows program, written as base64"
        severity = "medium"
        confidence = 80
        technique = "T1027.013"
    strings:
        $head = /TV(qQ|oA|pQ|ro)[A-Za-z0-9+\/]{8,64}AAAA[A-Za-z0-9+\/]{40}/
        $stub = "VGhpcyBwcm9ncmFtIGNhbm5vdCBiZSBydW4gaW4gRE9TIG1vZGU"
        $stub2 = "RoaXMgcHJvZ3JhbSBjYW5ub3QgYmUgcnVuIGluIERPUyBtb2Rl"
        $stub3 = "UaGlzIHByb2dyYW0gY2Fubm90IGJlIHJ1biBpbiBET1MgbW9kZ"
    condition:
        $head and any of ($stub*)
}
