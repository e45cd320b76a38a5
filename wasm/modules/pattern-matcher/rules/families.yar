rule ransom_note
{
    meta:
        description = "A text that asks for money for files that were encrypted"
        severity = "high"
        confidence = 75
        technique = "T1486"
    strings:
        $files_a = "your files have been encrypted" ascii wide nocase
        $files_b = "all your files are encrypted" ascii wide nocase
        $files_c = "your files are encrypted" ascii wide nocase
        $files_d = "your important files are encrypted" ascii wide nocase
        $pay_a = "bitcoin" ascii wide nocase
        $pay_b = "decryption key" ascii wide nocase
        $pay_c = "decryptor" ascii wide nocase
        $pay_d = ".onion" ascii wide nocase
        $pay_e = "monero" ascii wide nocase
    condition:
        any of ($files*) and 2 of ($pay*)
}

rule miner_of_coins
{
    meta:
        description = "Mines a crypto currency for somebody"
        severity = "high"
        confidence = 75
        technique = "T1496.001"
    strings:
        $pool_a = /stratum(\+(tcp|ssl|tls))?:\/\/[A-Za-z0-9.-]{4,80}:[0-9]{2,5}/
        $pool_b = "\"method\":\"mining.subscribe\""
        $option_a = "--donate-level"
        $option_b = "cryptonight" nocase
        $option_c = "randomx" nocase
        $option_d = "\"algo\":" nocase
        $option_e = "xmrig" nocase
    condition:
        (1 of ($pool*) and 1 of ($option*)) or 4 of ($option*)
}

rule thief_of_browser_passwords
{
    meta:
        description = "Reads the passwords that browsers keep"
        severity = "high"
        confidence = 70
        technique = "T1555.003"
    strings:
        $a = "\\Google\\Chrome\\User Data" ascii wide nocase
        $b = "\\Microsoft\\Edge\\User Data" ascii wide nocase
        $c = "\\BraveSoftware\\Brave-Browser\\User Data" ascii wide nocase
        $d = "\\Opera Software\\Opera Stable" ascii wide nocase
        $e = "\\Mozilla\\Firefox\\Profiles" ascii wide nocase
        $login = "Login Data" ascii wide
        $cookies = "\\Network\\Cookies" ascii wide nocase
        $decrypt = "CryptUnprotectData" ascii wide nocase
        $state = "os_crypt" ascii wide
        $select = "SELECT origin_url, username_value, password_value FROM logins" ascii wide nocase
    condition:
        (3 of ($a, $b, $c, $d, $e) and 2 of ($login, $cookies, $decrypt, $state)) or $select
}

rule dumper_of_credentials
{
    meta:
        description = "Names what tools that take credentials out of memory print"
        severity = "critical"
        confidence = 85
        technique = "T1003.001"
    strings:
        $a = "sekurlsa::logonpasswords" ascii wide nocase
        $b = "lsadump::sam" ascii wide nocase
        $c = "kerberos::golden" ascii wide nocase
        $d = "privilege::debug" ascii wide nocase
        $e = "comsvcs.dll, MiniDump" ascii wide nocase
        $f = "comsvcs.dll,MiniDump" ascii wide nocase
    condition:
        2 of ($a, $b, $c, $d) or any of ($e, $f)
}

rule run_key_is_written
{
    meta:
        description = "Writes itself where Windows starts programs from"
        severity = "medium"
        confidence = 70
        technique = "T1547.001"
    strings:
        $reg = /reg(\.exe)?\s+add\s+["']?HK(CU|LM|EY_CURRENT_USER|EY_LOCAL_MACHINE)\\Software\\Microsoft\\Windows\\CurrentVersion\\Run/ ascii wide nocase
        $task = /schtasks(\.exe)?\s+\/create\s[^\r\n]{0,200}\/sc\s+(onlogon|minute|onstart)/ ascii wide nocase
        $write = /\.RegWrite\s{0,4}\(?\s{0,4}["'][^"'\r\n]{0,80}\\CurrentVersion\\Run/ ascii wide nocase
    condition:
        any of them
}

rule defender_is_turned_off
{
    meta:
        description = "Turns the defence of Windows off, or makes it look away"
        severity = "high"
        confidence = 80
        technique = "T1562.001"
    strings:
        $a = "-DisableRealtimeMonitoring $true" ascii wide nocase
        $b = "Add-MpPreference -ExclusionPath" ascii wide nocase
        $c = "DisableAntiSpyware" ascii wide nocase
        $d = /sc(\.exe)?\s+(stop|delete)\s+windefend/ ascii wide nocase
    condition:
        any of ($a, $d) or ($b and $c)
}

rule stealer_sends_to_a_chat
{
    meta:
        description = "Sends what it found to a chat, as thieves of passwords do"
        severity = "medium"
        confidence = 70
        technique = "T1567.004"
    strings:
        $hook = /https:\/\/(ptb\.|canary\.)?discord(app)?\.com\/api\/webhooks\/[0-9]{10,20}\/[A-Za-z0-9_-]{40,}/ ascii wide
        $bot = /https:\/\/api\.telegram\.org\/bot[0-9]{6,12}:[A-Za-z0-9_-]{30,}\/send(Document|Message|Photo)/ ascii wide
    condition:
        any of them
}
