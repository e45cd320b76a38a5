//! `location`: where the page is, and where it goes.

use crate::host::{Answer, Fault, Host};
use crate::objects::{Class, Object, class};
use crate::value::{Value, text};

/// The address of the page.
pub const PAGE: &str = "https://www.example.com/index.html";

static LOCATION: Class = Class {
    name: "location",
    methods: &["assign", "replace", "reload", "toString"],
    properties: &["href", "host", "hostname", "pathname", "protocol", "search", "hash", "port", "origin"],
    quiet: &["href", "host", "hostname", "pathname", "protocol", "search", "hash", "port", "origin", "toString"],
    default: "href",
};

pub struct Location;

impl Object for Location {
    class!(LOCATION);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        Ok(Value::text(match member {
            "assign" | "replace" => {
                host.go(&text(args, 0));
                ""
            }
            "href" | "toString" => PAGE,
            "host" | "hostname" => "www.example.com",
            "pathname" => "/index.html",
            "protocol" => "https:",
            "origin" => "https://www.example.com",
            _ => "",
        }))
    }

    fn put(&mut self, host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        if member == "href" {
            host.go(&value.to_text());
        }
        Ok(())
    }
}
