//! The object `WScript`.

use super::collection::Collection;
use super::text_stream::TextStream;
use super::{Class, Object, class};
use crate::files;
use crate::host::{Answer, Fault, Host};
use crate::value::{Value, argument, text};

static CLASS: Class = Class {
    name: "WScript",
    methods: &["CreateObject", "GetObject", "Echo", "Quit", "Sleep", "ConnectObject", "DisconnectObject"],
    properties: &[
        "Arguments",
        "FullName",
        "Name",
        "Path",
        "ScriptFullName",
        "ScriptName",
        "StdIn",
        "StdOut",
        "StdErr",
        "Version",
        "BuildVersion",
        "Interactive",
        "Application",
    ],
    quiet: &[
        "CreateObject",
        "GetObject",
        "Arguments",
        "FullName",
        "Name",
        "Path",
        "ScriptFullName",
        "ScriptName",
        "StdIn",
        "StdOut",
        "StdErr",
        "Version",
        "BuildVersion",
        "Interactive",
        "Application",
    ],
    default: "Name",
};

pub struct Wscript;

impl Object for Wscript {
    class!(CLASS);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "CreateObject" => host.create("WScript.CreateObject", &text(args, 0)),
            "GetObject" => host.bind("WScript.GetObject", &text(args, 0), &text(args, 1)),
            "Quit" => Err(Fault::Quit),
            "Sleep" => {
                host.sleep(u64::try_from(argument(args, 0).to_integer()).unwrap_or(0));
                Ok(Value::Empty)
            }
            "Arguments" => {
                let arguments: Vec<Value> = host.settings.arguments.iter().map(Value::text).collect();
                host.add(Box::new(Collection::new("WScript.Arguments", arguments)))
            }
            "FullName" => Ok(Value::text("C:\\Windows\\System32\\wscript.exe")),
            "Name" => Ok(Value::text("Windows Script Host")),
            "Path" => Ok(Value::text("C:\\Windows\\System32")),
            "ScriptFullName" => Ok(Value::text(&host.settings.path)),
            "ScriptName" => Ok(Value::text(files::name(&host.settings.path))),
            "StdIn" => {
                host.wait("user", "input on the console");
                host.add(Box::new(TextStream::console("WScript.StdIn")))
            }
            "StdOut" | "StdErr" => host.add(Box::new(TextStream::console("WScript.StdOut"))),
            "Version" => Ok(Value::text("5.812")),
            "BuildVersion" => Ok(Value::number(0)),
            "Interactive" => Ok(Value::Bool(true)),
            "Application" => host.add(Box::new(Self)),
            _ => Ok(Value::Empty),
        }
    }
}
