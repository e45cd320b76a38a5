//! `Shell.Application`.

use super::collection::Collection;
use super::{Class, Object, class};
use crate::files::{name, normal};
use crate::host::{Answer, Host};
use crate::value::{Value, argument, text};

static CLASS: Class = Class {
    name: "Shell.Application",
    methods: &[
        "ShellExecute",
        "NameSpace",
        "Open",
        "Explore",
        "Windows",
        "MinimizeAll",
        "UndoMinimizeALL",
        "BrowseForFolder",
        "IsServiceRunning",
        "CanStartStopService",
        "ServiceStart",
        "ServiceStop",
        "GetSystemInformation",
        "FileRun",
    ],
    properties: &["Application", "Parent"],
    quiet: &["Application", "Parent"],
    default: "",
};

pub struct Application;

impl Object for Application {
    class!(CLASS);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "ShellExecute" => {
                let command = format!("{} {}", text(args, 0), text(args, 1));
                let operation =
                    if text(args, 3).eq_ignore_ascii_case("runas") { "run as administrator" } else { "run" };
                host.process(operation, command.trim());
                Ok(Value::Empty)
            }
            "Open" | "Explore" => {
                host.process("open", &text(args, 0));
                Ok(Value::Empty)
            }
            "NameSpace" => {
                let path = match argument(args, 0) {
                    Value::Number(number) => by_number(host, *number),
                    other => normal(&other.to_text()),
                };
                host.add(Box::new(Folder { path }))
            }
            "Windows" => host.add(Box::new(Collection::new("ShellWindows", []))),
            "Application" | "Parent" => host.add(Box::new(Self)),
            "BrowseForFolder" => {
                host.wait("user", "a folder to be chosen");
                Ok(Value::Null)
            }
            "IsServiceRunning" | "CanStartStopService" => Ok(Value::Bool(true)),
            "GetSystemInformation" => {
                host.evasion("asks what the machine has", &text(args, 0));
                Ok(Value::number(8_589_934_592.0))
            }
            _ => Ok(Value::Empty),
        }
    }
}

/// By the numbers of `ShellSpecialFolderConstants`.
#[allow(clippy::cast_possible_truncation, reason = "it saturates")]
fn by_number(host: &Host, number: f64) -> String {
    let home = format!("C:\\Users\\{}", host.settings.user);
    match number as i64 {
        0 | 16 => format!("{home}\\Desktop"),
        5 => format!("{home}\\Documents"),
        7 => format!("{home}\\AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup"),
        26 => format!("{home}\\AppData\\Roaming"),
        28 => format!("{home}\\AppData\\Local"),
        36 => "C:\\Windows".to_owned(),
        37 => "C:\\Windows\\System32".to_owned(),
        38 => "C:\\Program Files".to_owned(),
        _ => home,
    }
}

static FOLDER: Class = Class {
    name: "Shell.Folder",
    methods: &["CopyHere", "MoveHere", "Items", "ParseName", "NewFolder", "GetDetailsOf"],
    properties: &["Self", "Path", "Title", "Count"],
    quiet: &["Self", "Path", "Title", "Count"],
    default: "Path",
};

/// A folder, or what is in one.
struct Folder {
    path: String,
}

impl Object for Folder {
    class!(FOLDER);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "CopyHere" | "MoveHere" => {
                let from = match argument(args, 0) {
                    value @ Value::Object(_) => {
                        host.look::<Self>(value).map(|folder| folder.path.clone()).unwrap_or_default()
                    }
                    other => normal(&other.to_text()),
                };
                // What comes out of an archive is not known here.
                host.file("copy", &format!("{}\\{}", self.path, name(&from)));
                if let Some(content) = host.disk.read(&from).map(<[u8]>::to_vec) {
                    host.write_file(&format!("{}\\{}", self.path, name(&from)), content, false)?;
                }
                Ok(Value::Empty)
            }
            "ParseName" => host.add(Box::new(Self { path: format!("{}\\{}", self.path, text(args, 0)) })),
            "Items" | "Self" => host.add(Box::new(Self { path: self.path.clone() })),
            "Path" => Ok(Value::text(&self.path)),
            "Title" => Ok(Value::text(name(&self.path))),
            "Count" => Ok(Value::number(1)),
            _ => Ok(Value::text("")),
        }
    }
}
