//! An object that we do not know: it answers to everything with one of its kind, so that the sample goes on.

use std::borrow::Cow;

use super::{Class, Object, class};
use crate::host::{Answer, Host};
use crate::trace::cut;
use crate::value::Value;

/// Characters of a name: a chain of unknown members grows.
const MAX_NAME: usize = 200;

static CLASS: Class = Class { name: "object", methods: &[], properties: &[], quiet: &[], default: "" };

pub struct Generic {
    name: String,
}

impl Generic {
    pub fn new(name: &str) -> Self {
        let name: String = cut(name).chars().take(MAX_NAME).collect();
        Self { name: if name.is_empty() { CLASS.name.to_owned() } else { name } }
    }
}

impl Object for Generic {
    class!(CLASS);

    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }

    fn call(&mut self, _host: &mut Host, _member: &'static str, _args: &[Value]) -> Answer {
        Ok(Value::Empty)
    }

    fn items(&mut self, _host: &mut Host) -> Option<Vec<Value>> {
        Some(Vec::new())
    }
}
