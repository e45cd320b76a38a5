//! `document`: what is written into the page, where it goes, and elements by what they are asked for.

use super::element::Element;
use super::location::{self, Location};
use crate::host::{Answer, Fault, Host};
use crate::objects::page::written;
use crate::objects::{Class, Object, class};
use crate::value::{Value, text};

static DOCUMENT: Class = Class {
    name: "document",
    methods: &[
        "write",
        "writeln",
        "createElement",
        "createElementNS",
        "createTextNode",
        "createDocumentFragment",
        "getElementById",
        "querySelector",
        "getElementsByTagName",
        "getElementsByClassName",
        "getElementsByName",
        "querySelectorAll",
        "addEventListener",
        "removeEventListener",
        "open",
        "close",
        "execCommand",
        "attachEvent",
    ],
    properties: &[
        "cookie",
        "referrer",
        "URL",
        "location",
        "domain",
        "body",
        "head",
        "documentElement",
        "title",
        "readyState",
        "characterSet",
        "forms",
        "scripts",
        "currentScript",
        "defaultView",
        "all",
    ],
    quiet: &[
        "createElement",
        "createElementNS",
        "createTextNode",
        "createDocumentFragment",
        "getElementById",
        "querySelector",
        "getElementsByTagName",
        "getElementsByClassName",
        "getElementsByName",
        "querySelectorAll",
        "addEventListener",
        "removeEventListener",
        "body",
        "head",
        "documentElement",
        "title",
        "readyState",
        "characterSet",
        "URL",
        "domain",
        "open",
        "close",
        "forms",
        "scripts",
        "currentScript",
        "defaultView",
        "all",
        "location",
        "attachEvent",
    ],
    default: "",
};

pub struct Document;

impl Object for Document {
    class!(DOCUMENT);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "write" | "writeln" => {
                let page = text(args, 0);
                host.code("document.write", &page);
                written(host, page);
                Ok(Value::Empty)
            }
            "getElementsByTagName"
            | "getElementsByClassName"
            | "getElementsByName"
            | "querySelectorAll"
            | "forms"
            | "scripts"
            | "all" => {
                let element = host.add(Box::new(Element::new(&text(args, 0))))?;
                Ok(Value::list([element]))
            }
            "createElement"
            | "createTextNode"
            | "createElementNS"
            | "createDocumentFragment"
            | "getElementById"
            | "querySelector"
            | "body"
            | "head"
            | "documentElement"
            | "currentScript" => host.add(Box::new(Element::new(&text(args, 0)))),
            "location" => host.add(Box::new(Location)),
            "URL" => Ok(Value::text(location::PAGE)),
            "domain" => Ok(Value::text("www.example.com")),
            "referrer" | "cookie" | "title" => Ok(Value::text("")),
            "readyState" => Ok(Value::text("complete")),
            "characterSet" => Ok(Value::text("UTF-8")),
            _ => Ok(Value::Empty),
        }
    }

    fn put(&mut self, host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        if member == "location" {
            host.go(&value.to_text());
        }
        Ok(())
    }

    fn given_to_callback(&mut self, _host: &mut Host, member: &str) -> Option<Vec<Value>> {
        matches!(member, "addEventListener" | "attachEvent").then(Vec::new)
    }
}
