//! `WScript.Shell`: programs, the registry, variables, shortcuts, messages.

use super::collection::Collection;
use super::text_stream::TextStream;
use super::{Class, Object, class};
use crate::environment;
use crate::host::{Answer, Fault, Host, IDENTITY};
use crate::registry::full;
use crate::value::{Value, argument, text};

static CLASS: Class = Class {
    name: "WScript.Shell",
    methods: &[
        "Run",
        "Exec",
        "RegRead",
        "RegWrite",
        "RegDelete",
        "ExpandEnvironmentStrings",
        "CreateShortcut",
        "Popup",
        "SendKeys",
        "AppActivate",
        "LogEvent",
        "SpecialFolders",
        "Environment",
    ],
    properties: &["CurrentDirectory"],
    quiet: &[],
    default: "",
};

pub struct Shell;

impl Object for Shell {
    class!(CLASS);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        let first = text(args, 0);
        match member {
            "Run" => {
                host.process("run", &first);
                Ok(Value::number(0))
            }
            "Exec" => {
                host.process("run", &first);
                host.add(Box::new(Exec))
            }
            "RegRead" => read(host, &first),
            "RegWrite" => {
                host.registry_touched("write", &full(&first));
                host.registry.write(&first, argument(args, 1).clone());
                Ok(Value::Empty)
            }
            "RegDelete" => {
                host.registry_touched("delete", &full(&first));
                host.registry.delete(&first);
                Ok(Value::Empty)
            }
            "ExpandEnvironmentStrings" => {
                tell_who(host, &first);
                Ok(Value::text(environment::expand(&host.settings, &first)))
            }
            "CreateShortcut" => host.add(Box::new(Shortcut { path: first, ..Shortcut::default() })),
            "Popup" => {
                host.wait("user", "a message to be answered");
                Ok(Value::number(crate::messages::pressed(argument(args, 3).to_integer())))
            }
            "AppActivate" | "LogEvent" => Ok(Value::Bool(true)),
            "SpecialFolders" => folders(host, args),
            "Environment" => host.add(Box::new(Environment)),
            "CurrentDirectory" => Ok(Value::text(crate::files::parent(&host.settings.path))),
            _ => Ok(Value::Empty),
        }
    }
}

fn read(host: &mut Host, key: &str) -> Answer {
    host.registry_touched("read", &full(key));
    let message = format!("Unable to open registry key \"{key}\" for reading.");
    host.registry.read(key).ok_or(Fault::Thrown(-2_147_024_894, message))
}

/// Whoever asks for these asks whether it is on the right machine.
fn tell_who(host: &mut Host, text: &str) {
    const WHO: [&str; 5] =
        ["%username%", "%computername%", "%userdomain%", "%userdnsdomain%", "%number_of_processors%"];
    if WHO.contains(&text.to_ascii_lowercase().as_str()) {
        host.evasion(IDENTITY, text);
    }
}

fn folders(host: &mut Host, args: &[Value]) -> Answer {
    const NAMES: [&str; 4] = ["Desktop", "Startup", "MyDocuments", "AppData"];
    if !args.is_empty() {
        let found = environment::special_folder(&host.settings, &text(args, 0)).unwrap_or_default();
        return Ok(Value::text(found));
    }
    let named = NAMES.iter().filter_map(|name| {
        environment::special_folder(&host.settings, name).map(|path| ((*name).to_owned(), Value::text(path)))
    });
    let folders = Collection::named("SpecialFolders", named.collect());
    host.add(Box::new(folders))
}

static ENVIRONMENT: Class = Class {
    name: "WshEnvironment",
    methods: &["Item", "Remove"],
    properties: &["Count", "Length"],
    quiet: &["Count", "Length"],
    default: "Item",
};

struct Environment;

impl Object for Environment {
    class!(ENVIRONMENT);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        let name = text(args, 0);
        match member {
            "Item" => {
                tell_who(host, &format!("%{name}%"));
                Ok(environment::variable(&host.settings, &name).map_or_else(|| Value::text(""), Value::text))
            }
            "Remove" => Ok(Value::Empty),
            _ => Ok(Value::size(environment::variables(&host.settings).len())),
        }
    }

    fn put(&mut self, host: &mut Host, member: &'static str, args: &[Value], value: Value) -> Result<(), Fault> {
        if member == "Item" {
            environment::set(&mut host.settings, &text(args, 0), &value.to_text());
        }
        Ok(())
    }

    fn items(&mut self, host: &mut Host) -> Option<Vec<Value>> {
        let all = environment::variables(&host.settings).into_iter();
        Some(all.map(|(name, value)| Value::text(format!("{name}={value}"))).collect())
    }
}

static EXEC: Class = Class {
    name: "WshExec",
    methods: &["Terminate"],
    properties: &["ExitCode", "ProcessID", "Status", "StdIn", "StdOut", "StdErr"],
    quiet: &["ExitCode", "ProcessID", "Status", "StdIn", "StdOut", "StdErr"],
    default: "",
};

/// A program that ran and said nothing.
pub struct Exec;

impl Object for Exec {
    class!(EXEC);

    fn call(&mut self, host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        match member {
            "ExitCode" => Ok(Value::number(0)),
            "ProcessID" => Ok(Value::number(4_712)),
            "Status" => Ok(Value::number(1)),
            "StdIn" | "StdOut" | "StdErr" => host.add(Box::new(TextStream::console("WshExec.Stream"))),
            _ => Ok(Value::Empty),
        }
    }
}

static SHORTCUT: Class = Class {
    name: "WshShortcut",
    methods: &["Save"],
    properties: &[
        "TargetPath",
        "Arguments",
        "WorkingDirectory",
        "IconLocation",
        "WindowStyle",
        "Description",
        "Hotkey",
        "FullName",
        "RelativePath",
    ],
    quiet: &["FullName"],
    default: "FullName",
};

#[derive(Default)]
struct Shortcut {
    path: String,
    target: String,
    arguments: String,
}

impl Object for Shortcut {
    class!(SHORTCUT);

    fn call(&mut self, host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        match member {
            "Save" => {
                let content = format!("[shortcut]\r\ntarget={}\r\narguments={}\r\n", self.target, self.arguments);
                host.write_file(&self.path, content.into_bytes(), false)?;
                Ok(Value::Empty)
            }
            "TargetPath" => Ok(Value::text(&self.target)),
            "Arguments" => Ok(Value::text(&self.arguments)),
            "FullName" => Ok(Value::text(&self.path)),
            _ => Ok(Value::text("")),
        }
    }

    fn put(&mut self, _host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        match member {
            "TargetPath" => self.target = value.to_text(),
            "Arguments" => self.arguments = value.to_text(),
            _ => {}
        }
        Ok(())
    }
}
