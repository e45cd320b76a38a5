//! `Scripting.Dictionary`.

use std::collections::HashMap;

use super::{Class, Object, class, wrong};
use crate::host::{Answer, Fault, Host};
use crate::limits::MAX_ITEMS;
use crate::value::{Value, argument};

const MEMBERS: &[&str] = &["Add", "Exists", "Item", "Items", "Keys", "Key", "Remove", "RemoveAll"];

static CLASS: Class = Class {
    name: "Scripting.Dictionary",
    methods: MEMBERS,
    properties: &["Count", "CompareMode"],
    quiet: &["Add", "Exists", "Item", "Items", "Keys", "Key", "Remove", "RemoveAll", "Count", "CompareMode"],
    default: "Item",
};

#[derive(Default)]
pub struct Dictionary {
    /// In the order of adding.
    items: Vec<(Value, Value)>,
    /// Places by key; made anew after a removal.
    places: HashMap<String, usize>,
    ignores_case: bool,
}

impl Dictionary {
    fn key(&self, value: &Value) -> String {
        let text = value.to_text();
        let mark = if matches!(value, Value::Number(_)) { "n" } else { "t" };
        if self.ignores_case { format!("{mark}{}", text.to_lowercase()) } else { format!("{mark}{text}") }
    }

    fn set(&mut self, key: &Value, value: Value) -> Result<(), Fault> {
        let name = self.key(key);
        if let Some(item) = self.places.get(&name).and_then(|&at| self.items.get_mut(at)) {
            item.1 = value;
            return Ok(());
        }
        if self.items.len() >= MAX_ITEMS {
            return Err(wrong("Out of memory"));
        }
        self.places.insert(name, self.items.len());
        self.items.push((key.clone(), value));
        Ok(())
    }

    fn remove(&mut self, key: &Value) -> Answer {
        let name = self.key(key);
        let Some(at) = self.places.remove(&name) else {
            return Err(Fault::Thrown(32_811, "Element not found".to_owned()));
        };
        self.items.remove(at);
        self.places = self.items.iter().enumerate().map(|(at, (key, _))| (self.key(key), at)).collect();
        Ok(Value::Empty)
    }
}

impl Object for Dictionary {
    class!(CLASS);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        let key = argument(args, 0);
        let found = self.places.get(&self.key(key)).copied();
        if matches!(member, "Items" | "Keys" | "Remove") {
            host.work(self.items.len());
        }
        match member {
            "Add" if found.is_some() => {
                Err(Fault::Thrown(457, "This key is already associated with an element of this collection".to_owned()))
            }
            "Add" => self.set(key, argument(args, 1).clone()).map(|()| Value::Empty),
            "Exists" => Ok(Value::Bool(found.is_some())),
            "Item" => Ok(found.and_then(|at| self.items.get(at)).map(|(_, item)| item.clone()).unwrap_or_default()),
            "Items" => Ok(Value::list(self.items.iter().map(|(_, item)| item.clone()))),
            "Keys" => Ok(Value::list(self.items.iter().map(|(key, _)| key.clone()))),
            "Remove" => self.remove(key),
            "RemoveAll" => {
                self.items.clear();
                self.places.clear();
                Ok(Value::Empty)
            }
            "Count" => Ok(Value::size(self.items.len())),
            _ => Ok(Value::number(u8::from(self.ignores_case))),
        }
    }

    fn put(&mut self, _host: &mut Host, member: &'static str, args: &[Value], value: Value) -> Result<(), Fault> {
        match member {
            "CompareMode" => self.ignores_case = value.to_integer() == 1,
            "Item" => return self.set(argument(args, 0), value),
            _ => {}
        }
        Ok(())
    }

    fn items(&mut self, _host: &mut Host) -> Option<Vec<Value>> {
        Some(self.items.iter().map(|(key, _)| key.clone()).collect())
    }
}
