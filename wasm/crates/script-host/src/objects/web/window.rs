//! The window that a page is in, and what scripts find there by name alone, whatever their language.

use std::collections::HashMap;

use crate::host::{Answer, Fault, Host};
use crate::markup::Page;
use crate::objects::{Class, Object, class};
use crate::value::Value;

/// Objects that are there by their names.
pub const GLOBALS: [&str; 10] = [
    "document",
    "navigator",
    "location",
    "screen",
    "history",
    "localStorage",
    "sessionStorage",
    "external",
    "event",
    "clipboardData",
];
/// Names of the window itself.
pub const WINDOWS: [&str; 5] = ["window", "self", "top", "parent", "frames"];

const MEMBERS: [&str; 15] = [
    "document",
    "navigator",
    "location",
    "screen",
    "history",
    "localStorage",
    "sessionStorage",
    "external",
    "event",
    "clipboardData",
    "window",
    "self",
    "top",
    "parent",
    "frames",
];

static CLASS: Class = Class { name: "window", methods: &[], properties: &MEMBERS, quiet: &MEMBERS, default: "" };

#[derive(Default)]
pub struct Window {
    /// What was asked for, the same each time.
    made: HashMap<&'static str, Value>,
}

impl Object for Window {
    class!(CLASS);

    fn call(&mut self, host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        if let Some(known) = self.made.get(member) {
            return Ok(known.clone());
        }
        let made = host.of_web(member)?;
        self.made.insert(member, made.clone());
        Ok(made)
    }

    fn put(&mut self, host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        if member == "location" {
            host.go(&value.to_text());
        }
        Ok(())
    }

    fn node(&self, page: &Page, name: &str) -> Option<usize> {
        page.by_id(name)
    }
}

#[cfg(test)]
mod tests {
    use super::{GLOBALS, MEMBERS, WINDOWS};

    #[test]
    fn the_window_has_whatever_is_there_without_it() {
        assert_eq!(MEMBERS.as_slice(), [&GLOBALS[..], &WINDOWS[..]].concat());
    }
}
