rule macro_that_starts_by_itself_and_runs_programs
{
    meta:
        description = "A macro starts when the document is opened, and runs a program"
        severity = "high"
        confidence = 75
        technique = "T1059.005, T1204.002"
    strings:
        $auto_a = "AutoOpen" ascii wide nocase
        $auto_b = "Document_Open" ascii wide nocase
        $auto_c = "Workbook_Open" ascii wide nocase
        $auto_d = "Auto_Open" ascii wide nocase
        $sub = /\bSub\s+(AutoOpen|Document_Open|Workbook_Open|Auto_Open)\b/ ascii wide nocase
        $run_a = /\bShell\s{0,4}[\(\s]["A-Za-z]/ ascii wide nocase
        $run_b = "WScript.Shell" ascii wide nocase
        $run_c = "Win32_Process" ascii wide nocase
        $run_d = "ShellExecute" ascii wide nocase
    condition:
        filesize < 20MB and uint16(0) != 0x5a4d and $sub and any of ($auto*) and any of ($run*)
}

rule rtf_equation_object
{
    meta:
        description = "An RTF document with an object of the old equation editor, which is known for its flaw"
        severity = "high"
        confidence = 80
        technique = "T1203"
        reference = "CVE-2017-11882"
    strings:
        $data = "\\objdata" nocase
        $name = /4571756174696f6e2e33/ nocase
        $clsid = /02ce020000000000c000000000000046/ nocase
    condition:
        uint32(0) == 0x74725c7b and $data and ($name or $clsid)
}

rule rtf_object_updates_itself
{
    meta:
        description = "An RTF document whose object is loaded without being asked for"
        severity = "medium"
        confidence = 80
        technique = "T1221"
    strings:
        $update = "\\objupdate" nocase
        $data = "\\objdata" nocase
    condition:
        uint32(0) == 0x74725c7b and $update and $data
}

rule pdf_runs_something
{
    meta:
        description = "A PDF document that starts a program"
        severity = "high"
        confidence = 80
        technique = "T1204.002"
    strings:
        $launch = /\/S\s{0,4}\/Launch\b/
        $program = /\/(Win|F|P)\s{0,4}[<\(][^\r\n]{0,200}(cmd|powershell|mshta|wscript|rundll32)/ nocase
    condition:
        uint32be(0) == 0x25504446 and $launch and $program
}

rule pdf_script_when_opened
{
    meta:
        description = "A PDF document with JavaScript that runs when it is opened"
        severity = "medium"
        confidence = 70
        technique = "T1059.007"
    strings:
        $open = /\/OpenAction\b/
        $script = /\/S\s{0,4}\/JavaScript\b/
        $telling_a = "unescape(" nocase
        $telling_b = "eval(" nocase
        $telling_c = "util.printf(" nocase
        $telling_d = "Collab.getIcon(" nocase
        $telling_e = "app.launchURL(" nocase
    condition:
        uint32be(0) == 0x25504446 and $open and $script and any of ($telling*)
}

rule template_from_the_network
{
    meta:
        description = "A document takes its template from the network"
        severity = "high"
        confidence = 75
        technique = "T1221"
    strings:
        $relation = /relationships\/(attachedTemplate|oleObject|frame)"/
        $target = /Target="(https?|file):\/\/[^"]{4,200}"\s+TargetMode="External"/ nocase
    condition:
        filesize < 1MB and $relation and $target
}

rule shortcut_runs_a_shell
{
    meta:
        description = "A shortcut that starts a shell or a script host with arguments"
        severity = "high"
        confidence = 75
        technique = "T1204.002, T1059"
    strings:
        $a = "powershell" ascii wide nocase
        $b = "cmd.exe" ascii wide nocase
        $c = "mshta" ascii wide nocase
        $d = "wscript" ascii wide nocase
        $e = "rundll32" ascii wide nocase
        $argument_a = " /c " ascii wide nocase
        $argument_b = "-enc" ascii wide nocase
        $argument_c = "http" ascii wide nocase
        $argument_d = "-w hidden" ascii wide nocase
        $argument_e = "-windowstyle hidden" ascii wide nocase
    condition:
        uint32(0) == 0x0000004c and uint32(4) == 0x00021401 and any of ($a, $b, $c, $d, $e) and any of ($argument*)
}

rule internet_shortcut_to_a_program
{
    meta:
        description = "An internet shortcut opens a program of another machine"
        severity = "high"
        confidence = 80
        technique = "T1204.002, T1105"
    strings:
        $head = "[InternetShortcut]" nocase
        $url = /[\r\n]URL[ \t]{0,4}=[ \t]{0,4}(file:[\/\\]{2}|\\\\)[A-Za-z0-9][^\r\n]{1,200}\.(exe|scr|com|bat|cmd|js|jse|vbs|vbe|wsf|hta|lnk|url|msi|ps1|cpl)\b/ nocase
    condition:
        filesize < 16KB and all of them
}
