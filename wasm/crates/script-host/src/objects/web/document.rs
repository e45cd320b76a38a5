//! `document`: what is written into the page, where it goes, and elements by what they are asked for.

use super::element::Element;
use super::location::{self, Location};
use super::nodes::Nodes;
use crate::host::{Answer, Fault, Host};
use crate::markup::{DOCUMENT as PAGE, Form, NAMED, Page, Place};
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
        "images",
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
        "images",
        "currentScript",
        "defaultView",
        "all",
        "location",
        "attachEvent",
    ],
    default: "",
};

pub struct Document {
    /// Whether it is the page that the scripts are in.
    pub is_own: bool,
}

impl Document {
    /// What is asked for, if there is such a thing in the page.
    fn found(&self, host: &mut Host, member: &'static str, args: &[Value]) -> Option<Answer> {
        if !self.is_own || host.page.is_empty() {
            return None;
        }
        let asked = text(args, 0);
        match member {
            "getElementById" => host.of_page(&asked),
            "querySelector" => host.first_of(PAGE, member, &asked),
            "body" | "head" => host.first_of(PAGE, "getElementsByTagName", member),
            "documentElement" => host.first_of(PAGE, "getElementsByTagName", "html"),
            "currentScript" => host.page.running().map(|node| host.element(node)),
            "title" => Some(Ok(title(host).unwrap_or_else(|| Value::text("")))),
            "forms" | "scripts" | "images" | "all" => {
                let list = host.all_of(PAGE, member, "")?;
                Some(if args.is_empty() { list } else { list.map(|list| of_list(host, &list, &asked)) })
            }
            "getElementsByTagName" | "getElementsByClassName" | "getElementsByName" | "querySelectorAll" => {
                host.all_of(PAGE, member, &asked)
            }
            _ => None,
        }
    }
}

fn of_list(host: &Host, list: &Value, key: &str) -> Value {
    host.look::<Nodes>(list).and_then(|list| list.get(key)).cloned().unwrap_or(Value::Null)
}

fn title(host: &mut Host) -> Option<Value> {
    let title = host.first_node(PAGE, "getElementsByTagName", "title")?;
    Some(host.page_text(title, Form::Text))
}

impl Object for Document {
    class!(DOCUMENT);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        if let Some(found) = self.found(host, member, args) {
            return found;
        }
        match member {
            "write" | "writeln" => {
                let page = text(args, 0);
                host.code("document.write", &page);
                let place = Place::Behind(host.page.body());
                written(host, page, place);
                Ok(Value::Empty)
            }
            "getElementsByTagName"
            | "getElementsByClassName"
            | "getElementsByName"
            | "querySelectorAll"
            | "forms"
            | "scripts"
            | "images"
            | "all" => {
                let element = host.add(Box::new(Element::new(&text(args, 0))))?;
                // What it is not known by, it is still there as the first.
                let mut list = Nodes::default();
                list.push_named(text(args, 0), element.clone());
                let is_one = !args.is_empty() && matches!(member, "forms" | "scripts" | "images" | "all");
                if is_one { Ok(element) } else { host.add(Box::new(list)) }
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

    fn node(&self, page: &Page, name: &str) -> Option<usize> {
        if self.is_own { page.by_name(name, &NAMED, PAGE) } else { None }
    }

    fn given_to_callback(&mut self, _host: &mut Host, member: &str) -> Option<Vec<Value>> {
        matches!(member, "addEventListener" | "attachEvent").then(Vec::new)
    }
}
