//! `console`, which nobody reads.

use crate::host::{Answer, Host};
use crate::objects::{Class, Object, class};
use crate::value::Value;

static CONSOLE: Class = Class {
    name: "console",
    methods: &[
        "log", "info", "warn", "error", "debug", "trace", "dir", "assert", "group", "groupEnd", "table", "time",
        "timeEnd", "clear", "count",
    ],
    properties: &[],
    quiet: &["dir", "assert", "group", "groupEnd", "table", "time", "timeEnd", "clear", "trace", "count"],
    default: "",
};

pub struct Console;

impl Object for Console {
    class!(CONSOLE);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, _host: &mut Host, _member: &'static str, _args: &[Value]) -> Answer {
        Ok(Value::Empty)
    }
}
