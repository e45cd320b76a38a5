//! What answers over time, and functions that are called when something of it is ready.

use crate::charset;
use crate::host::{Answer, Host};
use crate::objects::{Class, Object, class};
use crate::value::{Value, argument, text};

/// To a port of a host, to what options name, or to a path.
pub fn connect(host: &mut Host, args: &[Value]) {
    let first = text(args, 0);
    let target = match argument(args, 1) {
        Value::Text(name) if argument(args, 0).to_integer() > 0 => format!("{name}:{first}"),
        _ => first.trim_start_matches("//").to_owned(),
    };
    host.network("connects to", &target);
    host.wait("answer", &target);
}

static RESPONSE: Class = Class {
    name: "response",
    methods: &[
        "on",
        "once",
        "pipe",
        "write",
        "end",
        "text",
        "json",
        "arrayBuffer",
        "setEncoding",
        "close",
        "send",
        "kill",
        "unref",
        "destroy",
        "connect",
    ],
    properties: &["status", "statusCode", "ok", "headers", "stdout", "stderr", "stdin", "pid", "body", "data"],
    quiet: &[
        "on",
        "once",
        "setEncoding",
        "close",
        "status",
        "statusCode",
        "ok",
        "headers",
        "stdout",
        "stderr",
        "stdin",
        "pid",
        "unref",
    ],
    default: "",
};

/// What answers over time: of a request, of a process, of a file that is written.
pub struct Response {
    status: u16,
    body: Vec<u8>,
    /// Of a file that is written.
    path: String,
    event: String,
}

impl Response {
    pub const fn new(status: u16, body: Vec<u8>) -> Self {
        Self { status, body, path: String::new(), event: String::new() }
    }

    /// What writes a file.
    pub fn of_file(path: String) -> Self {
        Self { path, ..Self::new(0, Vec::new()) }
    }
}

impl Object for Response {
    class!(RESPONSE);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "on" | "once" => self.event = text(args, 0),
            "write" | "end" if !self.path.is_empty() && !argument(args, 0).is_missing() => {
                host.write_file(&self.path.clone(), argument(args, 0).to_bytes().to_vec(), true)?;
            }
            "connect" => connect(host, args),
            "pipe" => {
                let path = host.look::<Self>(argument(args, 0)).map(|other| other.path.clone()).unwrap_or_default();
                if !path.is_empty() {
                    host.write_file(&path, self.body.clone(), false)?;
                }
                return Ok(argument(args, 0).clone());
            }
            "text" | "body" | "data" => return Ok(Value::text(charset::source(&self.body))),
            "arrayBuffer" => return Ok(Value::bytes(self.body.clone())),
            "json" => return host.generic("response.json"),
            "status" | "statusCode" => return Ok(Value::number(self.status)),
            "ok" => return Ok(Value::Bool(self.status == 200)),
            "pid" => return Ok(Value::number(4_712)),
            "headers" => return host.generic("response.headers"),
            "stdout" | "stderr" | "stdin" => return host.add(Box::new(Self::new(0, Vec::new()))),
            _ => {}
        }
        Ok(Value::Empty)
    }

    fn given_to_callback(&mut self, _host: &mut Host, member: &str) -> Option<Vec<Value>> {
        match (member, self.event.as_str()) {
            ("on" | "once", "data") => Some(vec![Value::text(charset::source(&self.body))]),
            ("on" | "once", "end" | "finish" | "open" | "connect" | "ready") => Some(Vec::new()),
            ("connect", _) => Some(Vec::new()),
            ("on" | "once", "close" | "exit") => Some(vec![Value::number(0)]),
            _ => None,
        }
    }
}
