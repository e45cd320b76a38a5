//! JScript's own objects for what COM gives: `Enumerator` and `VBArray`.

use super::{Class, Object, class};
use crate::host::{Answer, Host};
use crate::value::{Value, argument};

static ENUMERATOR: Class = Class {
    name: "Enumerator",
    methods: &["atEnd", "item", "moveNext", "moveFirst"],
    properties: &[],
    quiet: &["atEnd", "item", "moveNext", "moveFirst"],
    default: "",
};

pub struct Enumerator {
    items: Vec<Value>,
    at: usize,
}

impl Enumerator {
    pub fn new(host: &mut Host, args: &[Value]) -> Self {
        let items = match argument(args, 0) {
            Value::Object(handle) => host.items(*handle).unwrap_or_default(),
            Value::List(items) => items.to_vec(),
            _ => Vec::new(),
        };
        Self { items, at: 0 }
    }
}

impl Object for Enumerator {
    class!(ENUMERATOR);

    fn call(&mut self, _host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        match member {
            "atEnd" => return Ok(Value::Bool(self.at >= self.items.len())),
            "item" => return Ok(self.items.get(self.at).cloned().unwrap_or_default()),
            "moveNext" => self.at = self.at.saturating_add(1),
            _ => self.at = 0,
        }
        Ok(Value::Empty)
    }
}

static SAFE_ARRAY: Class = Class {
    name: "VBArray",
    methods: &["toArray", "getItem", "lbound", "ubound", "dimensions"],
    properties: &[],
    quiet: &["toArray", "getItem", "lbound", "ubound", "dimensions"],
    default: "",
};

pub struct SafeArray {
    items: Vec<Value>,
}

impl SafeArray {
    pub fn new(args: &[Value]) -> Self {
        let items = match argument(args, 0) {
            Value::List(items) => items.to_vec(),
            Value::Bytes(bytes) => bytes.iter().map(|&byte| Value::number(byte)).collect(),
            _ => Vec::new(),
        };
        Self { items }
    }
}

impl Object for SafeArray {
    class!(SAFE_ARRAY);

    fn call(&mut self, _host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        Ok(match member {
            "toArray" => Value::list(self.items.iter().cloned()),
            "getItem" => {
                let at = usize::try_from(argument(args, 0).to_integer()).unwrap_or(usize::MAX);
                self.items.get(at).cloned().unwrap_or_default()
            }
            "ubound" if self.items.is_empty() => Value::number(-1),
            "ubound" => Value::size(self.items.len() - 1),
            "dimensions" => Value::number(1),
            _ => Value::number(0),
        })
    }
}
