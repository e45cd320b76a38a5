//! Lists of values: arguments, special folders, query results, .NET's ArrayList.

use std::borrow::Cow;

use super::{Class, Object, class, wrong};
use crate::host::{Answer, Fault, Host};
use crate::limits::MAX_ITEMS;
use crate::value::{Value, argument, text};

static CLASS: Class = Class {
    name: "Collection",
    methods: &["Item", "Exists", "ItemIndex"],
    properties: &["Count", "Length", "Named", "Unnamed"],
    quiet: &["Count", "Length", "Named", "Unnamed"],
    default: "Item",
};

/// Values by number or by name.
pub struct Collection {
    name: &'static str,
    items: Vec<(String, Value)>,
}

impl Collection {
    pub fn new(name: &'static str, items: impl IntoIterator<Item = Value>) -> Self {
        Self { name, items: items.into_iter().map(|item| (String::new(), item)).collect() }
    }

    pub fn named(name: &'static str, items: Vec<(String, Value)>) -> Self {
        Self { name, items }
    }

    fn find(&self, key: &Value) -> Option<&Value> {
        let by_name =
            |name: &str| self.items.iter().find(|(known, _)| !known.is_empty() && known.eq_ignore_ascii_case(name));
        match key {
            Value::Text(name) => by_name(name).map(|(_, item)| item).or_else(|| self.at(key.to_integer())),
            other => self.at(other.to_integer()),
        }
    }

    fn at(&self, index: i64) -> Option<&Value> {
        self.items.get(usize::try_from(index).ok()?).map(|(_, item)| item)
    }
}

impl Object for Collection {
    class!(CLASS);

    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.name)
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "Item" | "ItemIndex" => match self.find(argument(args, 0)) {
                Some(item) => Ok(item.clone()),
                None if self.name == "WScript.Arguments" => {
                    host.wait("argument", &text(args, 0));
                    Err(Fault::Thrown(9, "Subscript out of range".to_owned()))
                }
                None => Ok(Value::Empty),
            },
            "Exists" => {
                let found = self.find(argument(args, 0)).is_some();
                if !found && self.name == "WScript.Arguments" {
                    host.wait("argument", &text(args, 0));
                }
                Ok(Value::Bool(found))
            }
            "Count" | "Length" => {
                if self.items.is_empty() && self.name == "WScript.Arguments" {
                    host.wait("argument", "any");
                }
                Ok(Value::size(self.items.len()))
            }
            "Named" => host.add(Box::new(Self::new(self.name, []))),
            _ => host.add(Box::new(Self { name: self.name, items: self.items.clone() })),
        }
    }

    fn items(&mut self, _host: &mut Host) -> Option<Vec<Value>> {
        Some(self.items.iter().map(|(_, item)| item.clone()).collect())
    }
}

static ARRAY_LIST: Class = Class {
    name: "System.Collections.ArrayList",
    methods: &["Add", "Item", "ToArray", "Reverse", "Sort", "Clear", "Contains", "Insert", "RemoveAt"],
    properties: &["Count"],
    quiet: &["Add", "Item", "ToArray", "Reverse", "Sort", "Clear", "Contains", "Insert", "RemoveAt", "Count"],
    default: "Item",
};

#[derive(Default)]
pub struct ArrayList {
    items: Vec<Value>,
}

impl Object for ArrayList {
    class!(ARRAY_LIST);

    fn call(&mut self, _host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        let first = argument(args, 0);
        let at = usize::try_from(first.to_integer()).unwrap_or(usize::MAX);
        match member {
            "Add" | "Insert" if self.items.len() >= MAX_ITEMS => return Err(wrong("Out of memory")),
            "Add" => {
                self.items.push(first.clone());
                return Ok(Value::size(self.items.len() - 1));
            }
            "Insert" if at <= self.items.len() => self.items.insert(at, argument(args, 1).clone()),
            "Item" => return self.items.get(at).cloned().ok_or_else(|| wrong("Index was out of range.")),
            "ToArray" => return Ok(Value::list(self.items.iter().cloned())),
            "Contains" => return Ok(Value::Bool(self.items.contains(first))),
            "Count" => return Ok(Value::size(self.items.len())),
            "Reverse" => self.items.reverse(),
            "Sort" => self.items.sort_by(|one, other| match (one, other) {
                (Value::Number(one), Value::Number(other)) => one.total_cmp(other),
                _ => one.to_text().cmp(&other.to_text()),
            }),
            "Clear" => self.items.clear(),
            "RemoveAt" if at < self.items.len() => drop(self.items.remove(at)),
            _ => return Err(wrong("Index was out of range.")),
        }
        Ok(Value::Empty)
    }

    fn put(&mut self, _host: &mut Host, _member: &'static str, args: &[Value], value: Value) -> Result<(), Fault> {
        let at = usize::try_from(argument(args, 0).to_integer()).unwrap_or(usize::MAX);
        match self.items.get_mut(at) {
            Some(item) => *item = value,
            None => return Err(wrong("Index was out of range.")),
        }
        Ok(())
    }

    fn items(&mut self, _host: &mut Host) -> Option<Vec<Value>> {
        Some(self.items.clone())
    }
}
