//! `process`: the program that runs, its arguments and variables.

use crate::environment;
use crate::files::parent;
use crate::host::{Answer, Fault, Host};
use crate::objects::{Class, Object, class};
use crate::value::Value;

static PROCESS: Class = Class {
    name: "process",
    methods: &[
        "exit",
        "cwd",
        "on",
        "once",
        "kill",
        "nextTick",
        "uptime",
        "hrtime",
        "memoryUsage",
        "emitWarning",
        "binding",
    ],
    properties: &[
        "env", "argv", "platform", "pid", "version", "versions", "arch", "execPath", "title", "stdout", "stdin",
        "stderr", "release", "argv0",
    ],
    quiet: &[
        "on",
        "once",
        "nextTick",
        "platform",
        "version",
        "versions",
        "arch",
        "stdout",
        "stderr",
        "env",
        "title",
        "cwd",
        "hrtime",
        "release",
        "emitWarning",
        "uptime",
        "memoryUsage",
    ],
    default: "",
};

pub struct Process;

impl Object for Process {
    class!(PROCESS);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        match member {
            "exit" => Err(Fault::Quit),
            "cwd" => Ok(Value::text(parent(&host.settings.path))),
            "env" => host.add(Box::new(Variables { all: environment::variables(&host.settings) })),
            "argv" => {
                if host.settings.arguments.is_empty() {
                    host.wait("argument", "any");
                }
                let all = ["C:\\Program Files\\nodejs\\node.exe", &host.settings.path].map(Value::text);
                Ok(Value::list(all.into_iter().chain(host.settings.arguments.iter().map(Value::text))))
            }
            "platform" => Ok(Value::text("win32")),
            "pid" => Ok(Value::number(4_711)),
            "version" => Ok(Value::text("v22.16.0")),
            "arch" => Ok(Value::text("x64")),
            "execPath" | "argv0" => Ok(Value::text("C:\\Program Files\\nodejs\\node.exe")),
            "title" => Ok(Value::text("node")),
            "uptime" => Ok(Value::number(0.05)),
            "hrtime" => Ok(Value::list([Value::number(1_000), Value::number(0)])),
            "versions" | "release" | "memoryUsage" | "stdout" | "stdin" | "stderr" | "binding" => {
                host.generic(&format!("process.{member}"))
            }
            _ => Ok(Value::Empty),
        }
    }

    fn given_to_callback(&mut self, _host: &mut Host, member: &str) -> Option<Vec<Value>> {
        (member == "nextTick").then(Vec::new)
    }
}

static VARIABLES: Class = Class { name: "process.env", methods: &[], properties: &[], quiet: &[], default: "" };

struct Variables {
    all: Vec<(&'static str, String)>,
}

impl Object for Variables {
    class!(VARIABLES);

    fn is_open(&self) -> bool {
        false
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.all.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| Value::text(value))
    }

    fn call(&mut self, _host: &mut Host, _member: &'static str, _args: &[Value]) -> Answer {
        Ok(Value::Empty)
    }
}
