import "pe"
import "elf"
import "math"

rule eicar_test_file
{
    meta:
        description = "The EICAR test file, which every scanner knows"
        severity = "info"
        confidence = 100
    strings:
        $text = "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    condition:
        $text in (0..128) and filesize < 256
}

rule packer_upx
{
    meta:
        description = "Packed with UPX"
        severity = "low"
        confidence = 95
        technique = "T1027.002"
    strings:
        $mark = "UPX!"
        $info = "$Info: This file is packed with the UPX executable packer"
    condition:
        (uint16(0) == 0x5a4d and for any section in pe.sections : (section.name == "UPX0" or section.name == "UPX1"))
        or (uint32(0) == 0x464c457f and ($info or #mark >= 3))
}

rule packer_by_section_names
{
    meta:
        description = "Sections are named as a packer or protector names them"
        severity = "medium"
        confidence = 85
        technique = "T1027.002"
    condition:
        uint16(0) == 0x5a4d and for any section in pe.sections : (
            section.name == ".aspack" or section.name == ".adata" or section.name == "MPRESS1" or
            section.name == ".petite" or section.name == ".themida" or section.name == ".winlice" or
            section.name == ".vmp0" or section.name == ".vmp1" or section.name == ".enigma1" or
            section.name == ".nsp0" or section.name == ".nsp1" or section.name == "pebundle" or
            section.name == ".perplex" or section.name == ".yP" or section.name == "FSG!"
        )
}

rule injection_into_other_processes
{
    meta:
        description = "Imports what writes code into other processes and runs it there"
        severity = "medium"
        confidence = 70
        technique = "T1055.002"
    condition:
        uint16(0) == 0x5a4d
        and (pe.imports("kernel32.dll", "VirtualAllocEx") or pe.imports("ntdll.dll", "NtAllocateVirtualMemory"))
        and (pe.imports("kernel32.dll", "WriteProcessMemory") or pe.imports("ntdll.dll", "NtWriteVirtualMemory"))
        and (pe.imports("kernel32.dll", "CreateRemoteThread") or pe.imports("ntdll.dll", "NtCreateThreadEx")
             or pe.imports("kernel32.dll", "QueueUserAPC"))
}

rule process_hollowing
{
    meta:
        description = "Imports what empties a process and fills it with other code"
        severity = "high"
        confidence = 75
        technique = "T1055.012"
    condition:
        uint16(0) == 0x5a4d
        and (pe.imports("ntdll.dll", "NtUnmapViewOfSection") or pe.imports("ntdll.dll", "ZwUnmapViewOfSection"))
        and (pe.imports("kernel32.dll", "SetThreadContext") or pe.imports("kernel32.dll", "Wow64SetThreadContext"))
        and pe.imports("kernel32.dll", "WriteProcessMemory")
}

rule keyboard_hook
{
    meta:
        description = "Imports what listens to the keyboard of other programs, and nothing that would draw a window"
        severity = "medium"
        confidence = 60
        technique = "T1056.001"
    condition:
        uint16(0) == 0x5a4d
        and pe.imports("user32.dll", "SetWindowsHookExA")
        and pe.imports("user32.dll", "GetAsyncKeyState")
        and not pe.imports("user32.dll", "BeginPaint")
        and not pe.imports("user32.dll", "CreateWindowExA")
        and not pe.imports("user32.dll", "CreateWindowExW")
}

rule virtual_machine_checks
{
    meta:
        description = "Names several virtual machines and analysis tools, as programs that hide from them do"
        severity = "medium"
        confidence = 65
        technique = "T1497.001"
    strings:
        $a = "VBoxService.exe" ascii wide nocase
        $b = "VBoxTray.exe" ascii wide nocase
        $c = "vmtoolsd.exe" ascii wide nocase
        $d = "vmwaretray.exe" ascii wide nocase
        $e = "qemu-ga.exe" ascii wide nocase
        $f = "SbieDll.dll" ascii wide nocase
        $g = "wireshark.exe" ascii wide nocase
        $h = "procmon.exe" ascii wide nocase
        $i = "ollydbg.exe" ascii wide nocase
        $j = "x64dbg.exe" ascii wide nocase
        $k = "joeboxcontrol.exe" ascii wide nocase
    condition:
        uint16(0) == 0x5a4d and 4 of them
}

rule api_lookup_by_hash
{
    meta:
        description = "Code walks the list of loaded modules and rotates names into hashes, as shellcode does"
        severity = "high"
        confidence = 70
        technique = "T1027.007"
    strings:
        // mov reg, fs:[30h]; mov reg, [reg+0Ch]; mov reg, [reg+14h or 0Ch or 1Ch]
        $peb32 = { 64 8b (0d | 15 | 1d | 35 | 3d) 30 00 00 00 [0-8] 8b (40 | 49 | 52 | 5b | 76 | 7f) 0c }
        $peb32a = { 64 a1 30 00 00 00 [0-8] 8b 40 0c 8b (40 | 70 | 78 | 48 | 50) (0c | 14 | 1c) }
        $peb32b = { 31 ?? 64 8b ?? 30 8b ?? 0c 8b ?? (0c | 14 | 1c) }
        // mov reg, gs:[60h]; mov reg, [reg+18h]; mov reg, [reg+10h or 20h or 30h]
        $peb64 = { 65 48 8b ?? (25 60 00 00 00 | 60) [0-6] 48 8b ?? 18 48 8b ?? (10 | 20 | 30) }
        // ror edi, 0Dh; add edi, eax and alike
        $ror13 = { c1 (c8 | c9 | ca | cb | cd | ce | cf) 0d (01 | 03) ?? }
        $ror13r = { 41 c1 (c8 | c9 | ca) 0d 41 01 ?? }
    condition:
        any of ($peb*) and any of ($ror*)
}

rule program_behind_another_file
{
    meta:
        description = "A Windows program lies inside a file that is none"
        severity = "medium"
        confidence = 75
        technique = "T1027.009"
    strings:
        $stub = "This program cannot be run in DOS mode"
    condition:
        uint16(0) != 0x5a4d and filesize < 20MB
        and (uint32(0) == 0xe011cfd0 or uint32(0) == 0x46445025 or uint32(0) == 0x74725c7b or uint16(0) == 0xd8ff
             or uint32(0) == 0x474e5089 or uint32(0) == 0x38464947)
        and for any i in (1..#stub) : (@stub[i] > 0x4e and uint16(@stub[i] - 0x4e) == 0x5a4d)
}

rule iot_bot
{
    meta:
        description = "An ELF program that knows how to log in to devices and to load itself there"
        severity = "high"
        confidence = 80
        technique = "T1110.001, T1105"
    strings:
        $a = "/bin/busybox" nocase
        $b = "wget http" nocase
        $c = "tftp -" nocase
        $d = "chmod 777" nocase
        $e = "enable\x00system\x00shell\x00" nocase
        $f = "/dev/watchdog"
        $g = "/proc/net/tcp"
        $h = "xc3511"
        $i = "vizxv"
        $j = "7ujMko0admin"
    condition:
        uint32(0) == 0x464c457f and filesize < 4MB and (($a and 4 of them) or 2 of ($h, $i, $j))
}
