//! The variables and folders of a user who does not exist.

use crate::settings::Settings;

/// Variables that a script may set, and characters of each, as Windows has it.
const MAX_VARIABLES: usize = 200;
const MAX_VALUE: usize = 32_767;

/// In the order in which Windows lists them.
#[must_use]
pub fn variables(settings: &Settings) -> Vec<(&'static str, String)> {
    let (user, computer) = (&settings.user, &settings.computer);
    let home = format!("C:\\Users\\{user}");
    let temp = format!("{home}\\AppData\\Local\\Temp");
    let fixed = |text: &str| text.to_owned();
    vec![
        ("ALLUSERSPROFILE", fixed("C:\\ProgramData")),
        ("APPDATA", format!("{home}\\AppData\\Roaming")),
        ("CommonProgramFiles", fixed("C:\\Program Files\\Common Files")),
        ("COMPUTERNAME", computer.clone()),
        ("ComSpec", fixed("C:\\Windows\\system32\\cmd.exe")),
        ("HOMEDRIVE", fixed("C:")),
        ("HOMEPATH", format!("\\Users\\{user}")),
        ("LOCALAPPDATA", format!("{home}\\AppData\\Local")),
        ("LOGONSERVER", format!("\\\\{computer}")),
        ("NUMBER_OF_PROCESSORS", fixed("4")),
        ("OS", fixed("Windows_NT")),
        (
            "Path",
            fixed(
                "C:\\Windows\\system32;C:\\Windows;C:\\Windows\\System32\\Wbem;C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\",
            ),
        ),
        ("PATHEXT", fixed(".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC")),
        ("PROCESSOR_ARCHITECTURE", fixed("AMD64")),
        ("PROCESSOR_IDENTIFIER", fixed("Intel64 Family 6 Model 158 Stepping 10, GenuineIntel")),
        ("ProgramData", fixed("C:\\ProgramData")),
        ("ProgramFiles", fixed("C:\\Program Files")),
        ("ProgramFiles(x86)", fixed("C:\\Program Files (x86)")),
        ("ProgramW6432", fixed("C:\\Program Files")),
        ("PSModulePath", fixed("C:\\Windows\\system32\\WindowsPowerShell\\v1.0\\Modules\\")),
        ("PUBLIC", fixed("C:\\Users\\Public")),
        ("SystemDrive", fixed("C:")),
        ("SystemRoot", fixed("C:\\Windows")),
        ("TEMP", temp.clone()),
        ("TMP", temp),
        ("USERDNSDOMAIN", fixed("CORP.EXAMPLE")),
        ("USERDOMAIN", fixed("CORP")),
        ("USERNAME", user.clone()),
        ("USERPROFILE", home),
        ("windir", fixed("C:\\Windows")),
    ]
}

#[must_use]
pub fn variable(settings: &Settings, name: &str) -> Option<String> {
    if let Some(value) = settings.variables.get(&name.to_uppercase()) {
        return Some(value.clone());
    }
    variables(settings).into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Sets a variable, as long as there are not too many.
pub fn set(settings: &mut Settings, name: &str, value: &str) {
    let name = name.to_uppercase();
    if settings.variables.len() < MAX_VARIABLES || settings.variables.contains_key(&name) {
        settings.variables.insert(name, value.chars().take(MAX_VALUE).collect());
    }
}

/// Replaces `%NAME%`; what is not known stays as it is.
#[must_use]
pub fn expand(settings: &Settings, text: &str) -> String {
    let mut parts = text.split('%');
    let mut result = parts.next().unwrap_or_default().to_owned();
    let mut open = true;
    for part in parts {
        match open.then(|| variable(settings, part)).flatten() {
            Some(value) => {
                result += &value;
                open = false;
            }
            None => {
                // The sign before this part stays, unless it closed a name.
                if open {
                    result.push('%');
                }
                result += part;
                open = true;
            }
        }
    }
    result
}

/// By the names of `WshShell.SpecialFolders`.
#[must_use]
pub fn special_folder(settings: &Settings, name: &str) -> Option<String> {
    let home = format!("C:\\Users\\{}", settings.user);
    let menu = "AppData\\Roaming\\Microsoft\\Windows\\Start Menu";
    let all = "C:\\ProgramData\\Microsoft\\Windows\\Start Menu";
    let found = match name.to_ascii_lowercase().as_str() {
        "allusersdesktop" => "C:\\Users\\Public\\Desktop".to_owned(),
        "allusersstartmenu" => all.to_owned(),
        "allusersprograms" => format!("{all}\\Programs"),
        "allusersstartup" => format!("{all}\\Programs\\Startup"),
        "desktop" => format!("{home}\\Desktop"),
        "favorites" => format!("{home}\\Favorites"),
        "fonts" => "C:\\Windows\\Fonts".to_owned(),
        "mydocuments" => format!("{home}\\Documents"),
        "appdata" => format!("{home}\\AppData\\Roaming"),
        "programs" => format!("{home}\\{menu}\\Programs"),
        "recent" => format!("{home}\\AppData\\Roaming\\Microsoft\\Windows\\Recent"),
        "sendto" => format!("{home}\\AppData\\Roaming\\Microsoft\\Windows\\SendTo"),
        "startmenu" => format!("{home}\\{menu}"),
        "startup" => format!("{home}\\{menu}\\Programs\\Startup"),
        "templates" => format!("{home}\\AppData\\Roaming\\Microsoft\\Windows\\Templates"),
        _ => return None,
    };
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_between_percent_signs_are_replaced() {
        let settings = Settings::default();
        assert_eq!(expand(&settings, "%systemdrive%\\x"), "C:\\x");
        assert_eq!(expand(&settings, "%ComSpec%|%windir%"), "C:\\Windows\\system32\\cmd.exe|C:\\Windows");
        assert_eq!(expand(&settings, "100 % of %nothing% and %OS%"), "100 % of %nothing% and Windows_NT");
        assert_eq!(expand(&settings, "%"), "%");
    }
}
