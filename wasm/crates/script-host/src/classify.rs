//! What kind of call each is, and which technique of ATT&CK it stands for.

use crate::commands;
use crate::trace::Category;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    pub category: Category,
    pub techniques: Vec<&'static str>,
}

/// Beginnings of names, the longer before the shorter.
const TABLE: &[(&str, Category, &[&str])] = &[
    ("WScript.Sleep", Category::Time, &["T1497.003"]),
    ("WScript.Echo", Category::User, &[]),
    ("WScript.StdIn", Category::User, &[]),
    ("WScript.Shell.Run", Category::Process, &[]),
    ("WScript.Shell.Exec", Category::Process, &[]),
    ("WScript.Shell.RegRead", Category::Registry, &["T1012"]),
    ("WScript.Shell.RegWrite", Category::Registry, &["T1112"]),
    ("WScript.Shell.RegDelete", Category::Registry, &["T1112"]),
    ("WScript.Shell.Popup", Category::User, &[]),
    ("WScript.Shell.SendKeys", Category::User, &[]),
    ("WScript.Shell.AppActivate", Category::User, &[]),
    ("WScript.Shell.CreateShortcut", Category::File, &[]),
    ("WshShortcut.Save", Category::File, &["T1547.009"]),
    ("WshExec", Category::Process, &[]),
    ("WScript.Network.MapNetworkDrive", Category::Network, &["T1021.002"]),
    ("WScript.Network", Category::Other, &["T1033"]),
    ("Scripting.FileSystemObject.Delete", Category::File, &["T1070.004"]),
    ("Scripting.FileSystemObject", Category::File, &[]),
    ("File.", Category::File, &[]),
    ("Folder.", Category::File, &[]),
    ("Drive.", Category::File, &["T1082"]),
    ("TextStream.", Category::File, &[]),
    ("ADODB.Stream.SaveToFile", Category::File, &[]),
    ("ADODB.Stream.LoadFromFile", Category::File, &[]),
    ("MSXML2.XMLHTTP", Category::Network, &["T1071.001"]),
    ("WinHttp.WinHttpRequest.5.1", Category::Network, &["T1071.001"]),
    ("System.Net.WebClient", Category::Network, &["T1105"]),
    ("InternetExplorer.Application", Category::Network, &["T1071.001"]),
    ("Shell.Application.ShellExecute", Category::Process, &[]),
    ("Shell.Application.Open", Category::Process, &[]),
    ("Shell.Application.NameSpace", Category::File, &[]),
    ("Shell.Folder.CopyHere", Category::File, &[]),
    ("Win32_Process.Create", Category::Process, &["T1047"]),
    ("SWbemServices.ExecQuery", Category::Other, &["T1047"]),
    ("SWbemServices", Category::Other, &["T1047"]),
    ("SWbemEvent", Category::Persistence, &["T1546.003"]),
    ("TaskFolder.Register", Category::Persistence, &["T1053.005"]),
    ("StdRegProv.Set", Category::Registry, &["T1112"]),
    ("StdRegProv", Category::Registry, &["T1012"]),
    ("fetch", Category::Network, &["T1071.001"]),
    ("XMLHttpRequest", Category::Network, &["T1071.001"]),
    ("setTimeout", Category::Time, &[]),
    ("setInterval", Category::Time, &[]),
    ("alert", Category::User, &[]),
    ("prompt", Category::User, &[]),
    ("confirm", Category::User, &[]),
    ("MsgBox", Category::User, &[]),
    ("InputBox", Category::User, &[]),
    ("eval", Category::Code, &[]),
    ("Function", Category::Code, &[]),
    ("Execute", Category::Code, &[]),
    ("Eval", Category::Code, &[]),
    ("document.write", Category::Code, &[]),
    ("child_process.", Category::Process, &[]),
    ("fs.", Category::File, &[]),
    ("http.", Category::Network, &["T1071.001"]),
    ("https.", Category::Network, &["T1071.001"]),
    ("net.", Category::Network, &["T1095"]),
    ("dns.", Category::Network, &["T1071.004"]),
    ("os.", Category::Other, &["T1082"]),
    ("Shell", Category::Process, &[]),
    ("Environ", Category::Other, &["T1082"]),
    ("Declare ", Category::Other, &["T1106"]),
    ("Word.", Category::Other, &[]),
    ("Excel.", Category::Other, &[]),
];

/// The kind of a call by its name, and its techniques by name and arguments.
#[must_use]
pub fn meaning(api: &str, args: &[String]) -> Meaning {
    let row = TABLE.iter().find(|(name, ..)| api.starts_with(name));
    let (category, fixed) =
        row.map_or((Category::Other, &[][..]), |(_, category, techniques)| (*category, *techniques));
    let mut techniques = fixed.to_vec();
    let mut category = category;
    match category {
        Category::Process => args.iter().take(3).for_each(|arg| add(&mut techniques, &commands::techniques(arg))),
        Category::Registry if is_writing(api) && args.iter().any(|arg| commands::is_autostart_key(arg)) => {
            add(&mut techniques, &["T1547.001"]);
            category = Category::Persistence;
        }
        Category::Time if is_short(args) => techniques.clear(),
        Category::File if is_writing(api) && args.iter().any(|arg| commands::is_startup_folder(arg)) => {
            add(&mut techniques, &["T1547.001"]);
            category = Category::Persistence;
        }
        _ => {}
    }
    // What is written or sent may name whatever it likes.
    let may_ask = matches!(category, Category::File | Category::Registry | Category::Other) && !is_writing(api);
    if may_ask && args.iter().any(|arg| commands::is_machine_check(arg)) {
        add(&mut techniques, &["T1497.001"]);
        category = Category::Evasion;
    }
    Meaning { category, techniques }
}

fn add(techniques: &mut Vec<&'static str>, more: &[&'static str]) {
    for technique in more {
        if !techniques.contains(technique) {
            techniques.push(technique);
        }
    }
}

/// Below a minute nobody waits a sandbox out.
fn is_short(args: &[String]) -> bool {
    args.first().and_then(|arg| arg.parse().ok()).is_none_or(|time: f64| time < 60_000.0)
}

fn is_writing(api: &str) -> bool {
    ["Copy", "Move", "Create", "Save", "Write", "write", "append", "Set"].iter().any(|word| api.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arguments_tell() {
        let of = |api: &str, args: &[&str]| {
            let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
            meaning(api, &args)
        };
        let run = of("WScript.Shell.Run", &["powershell -enc AA", "0"]);
        assert_eq!((run.category, run.techniques), (Category::Process, vec!["T1059.001", "T1027.010"]));
        let key = "HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\x";
        assert_eq!(of("WScript.Shell.RegWrite", &[key, "x"]).category, Category::Persistence);
        assert_eq!(of("WScript.Shell.RegRead", &[key]).category, Category::Registry);
        assert!(of("WScript.Sleep", &["10"]).techniques.is_empty());
        assert_eq!(of("WScript.Sleep", &["600000"]).techniques, ["T1497.003"]);
        assert_eq!(of("Unheard.Of", &[]).category, Category::Other);
        assert_eq!(of("WScript.Shell.RegRead", &["HKLM\\HARDWARE\\SystemBiosVersion"]).category, Category::Evasion);
        assert_eq!(of("TaskFolder.RegisterTaskDefinition", &["x"]).category, Category::Persistence);
        assert_eq!(of("Schedule.Service.GetFolder", &["\\"]).category, Category::Other);
        assert_eq!(of("TextStream.WriteLine", &["for VMware and VirtualBox"]).category, Category::File);
        assert_eq!(of("http.get", &["https://www.virtualbox.org/"]).category, Category::Network);
    }
}
