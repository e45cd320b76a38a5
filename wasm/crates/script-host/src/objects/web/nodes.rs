//! Lists of elements and of attributes, by place and by name.

use std::collections::HashMap;

use crate::host::{Answer, Host};
use crate::markup::Page;
use crate::objects::{Class, Object, class};
use crate::value::{Value, argument};

static CLASS: Class = Class {
    name: "NodeList",
    methods: &["item", "namedItem", "getNamedItem"],
    properties: &["length"],
    quiet: &["item", "namedItem", "getNamedItem", "length"],
    default: "item",
};

#[derive(Default)]
pub struct Nodes {
    items: Vec<Value>,
    /// Places of ids and names, of each the first.
    names: HashMap<String, usize>,
}

impl Nodes {
    pub fn push(&mut self, page: &Page, node: usize, element: Value) {
        for name in page.names_of(node) {
            self.names.entry(name).or_insert(self.items.len());
        }
        self.items.push(element);
    }

    pub fn push_named(&mut self, name: String, item: Value) {
        self.names.entry(name).or_insert(self.items.len());
        self.items.push(item);
    }

    pub const fn len(&self) -> usize {
        self.items.len()
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        let at = key.parse().ok().or_else(|| self.names.get(key).copied())?;
        self.items.get(at)
    }
}

impl Object for Nodes {
    class!(CLASS);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, _host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        Ok(match member {
            "length" => Value::size(self.items.len()),
            _ => self.get(&argument(args, 0).to_text()).cloned().unwrap_or(Value::Null),
        })
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }

    fn items(&mut self, _host: &mut Host) -> Option<Vec<Value>> {
        Some(self.items.clone())
    }
}
