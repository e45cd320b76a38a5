//! `Schedule.Service`: tasks that start again.

use std::borrow::Cow;

use super::collection::Collection;
use super::{Class, Object, class};
use crate::host::{Answer, Fault, Host};
use crate::value::{Value, text};

static SERVICE: Class = Class {
    name: "Schedule.Service",
    methods: &["Connect", "GetFolder", "NewTask", "GetRunningTasks"],
    properties: &["Connected", "ConnectedUser", "TargetServer"],
    quiet: &["Connect", "Connected", "ConnectedUser", "TargetServer"],
    default: "",
};

pub struct Service;

impl Object for Service {
    class!(SERVICE);

    fn call(&mut self, host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        match member {
            "GetFolder" => host.add(Box::new(Folder)),
            "NewTask" => host.add(Box::new(Definition { part: "TaskDefinition" })),
            "GetRunningTasks" => host.add(Box::new(Collection::new("RunningTasks", []))),
            "Connected" => Ok(Value::Bool(true)),
            _ => Ok(Value::Empty),
        }
    }
}

static FOLDER: Class = Class {
    name: "TaskFolder",
    methods: &[
        "RegisterTaskDefinition",
        "RegisterTask",
        "GetTask",
        "GetTasks",
        "GetFolder",
        "GetFolders",
        "CreateFolder",
        "DeleteTask",
    ],
    properties: &["Name", "Path"],
    quiet: &["Name", "Path"],
    default: "Path",
};

struct Folder;

impl Object for Folder {
    class!(FOLDER);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "RegisterTaskDefinition" | "RegisterTask" => {
                host.persistence("scheduled task", &text(args, 0));
                host.generic("RegisteredTask")
            }
            "GetTask" => Err(Fault::Thrown(-2_147_024_894, "The system cannot find the file specified.".to_owned())),
            "GetTasks" | "GetFolders" => host.add(Box::new(Collection::new("Tasks", []))),
            "GetFolder" | "CreateFolder" => host.add(Box::new(Self)),
            "Name" | "Path" => Ok(Value::text("\\")),
            _ => Ok(Value::Empty),
        }
    }
}

static DEFINITION: Class = Class {
    name: "TaskDefinition",
    methods: &["Create"],
    properties: &[
        "Actions",
        "Triggers",
        "Settings",
        "Principal",
        "RegistrationInfo",
        "Path",
        "Arguments",
        "WorkingDirectory",
    ],
    quiet: &["Actions", "Triggers", "Settings", "Principal", "RegistrationInfo"],
    default: "",
};

/// A definition and its parts, which take what they are given.
struct Definition {
    part: &'static str,
}

impl Object for Definition {
    class!(DEFINITION);

    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.part)
    }

    fn call(&mut self, host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        let part = match member {
            "Actions" => "TaskActions",
            "Triggers" => "TaskTriggers",
            "Create" if self.part == "TaskActions" => "TaskAction",
            "Create" => "TaskTrigger",
            _ => "TaskSettings",
        };
        host.add(Box::new(Self { part }))
    }

    fn put(&mut self, host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        if member == "Path" && self.part == "TaskAction" {
            host.process("schedule", &value.to_text());
        }
        Ok(())
    }
}
