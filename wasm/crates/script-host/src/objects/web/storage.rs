//! `localStorage` and `sessionStorage`: empty at first.

use crate::host::{Answer, Host};
use crate::objects::{Class, Object, class};
use crate::value::{Value, text};

static STORAGE: Class = Class {
    name: "localStorage",
    methods: &["getItem", "setItem", "removeItem", "clear", "key"],
    properties: &["length"],
    quiet: &["getItem", "removeItem", "clear", "key", "length"],
    default: "",
};

#[derive(Default)]
pub struct Storage {
    items: Vec<(String, String)>,
}

impl Object for Storage {
    class!(STORAGE);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, _host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        let key = text(args, 0);
        match member {
            "getItem" => {
                let found = self.items.iter().find(|(known, _)| *known == key);
                return Ok(found.map_or(Value::Null, |(_, value)| Value::text(value)));
            }
            "setItem" => {
                self.items.retain(|(known, _)| *known != key);
                if self.items.len() < 1_000 {
                    self.items.push((key, text(args, 1).chars().take(65_536).collect()));
                }
            }
            "removeItem" => self.items.retain(|(known, _)| *known != key),
            "clear" => self.items.clear(),
            "length" => return Ok(Value::size(self.items.len())),
            _ => return Ok(Value::Null),
        }
        Ok(Value::Empty)
    }
}
