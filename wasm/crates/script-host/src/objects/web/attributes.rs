//! Attributes: those that an element has, one by itself, and those that are data of the page's scripts.

use std::collections::HashMap;

use crate::host::{Answer, Host};
use crate::markup::MAX_ATTRIBUTES;
use crate::objects::{Class, Object, class};
use crate::value::Value;

/// By their names in small letters, in order. Every member that a script asks for may be one of them.
#[derive(Clone, Default)]
pub struct Attributes {
    all: Vec<(String, Value)>,
    places: HashMap<String, usize>,
}

impl Attributes {
    pub fn get(&self, name: &str) -> Option<&Value> {
        let at = match self.places.get(name) {
            Some(at) => *at,
            None if name.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                *self.places.get(&name.to_ascii_lowercase())?
            }
            None => return None,
        };
        self.all.get(at).map(|(_, value)| value)
    }

    pub fn set(&mut self, name: &str, value: Value) {
        let name = name.to_ascii_lowercase();
        if let Some(known) = self.places.get(&name).and_then(|at| self.all.get_mut(*at)) {
            known.1 = value;
        } else if self.all.len() < MAX_ATTRIBUTES {
            self.places.insert(name.clone(), self.all.len());
            self.all.push((name, value));
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.all.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.places = self.all.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect();
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.all.iter().map(|(name, value)| (name.as_str(), value))
    }
}

static ATTRIBUTE: Class = Class {
    name: "Attr",
    methods: &[],
    properties: &["name", "value", "nodeName", "nodeValue", "textContent"],
    quiet: &["name", "value", "nodeName", "nodeValue", "textContent"],
    default: "",
};

pub struct Attribute {
    pub name: String,
    pub value: Value,
}

impl Object for Attribute {
    class!(ATTRIBUTE);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, _host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        Ok(match member {
            "name" | "nodeName" => Value::text(&self.name),
            _ => self.value.clone(),
        })
    }
}

static DATA: Class = Class { name: "DOMStringMap", methods: &[], properties: &[], quiet: &[], default: "" };

/// `dataset`: attributes that begin with `data-`, under the names that scripts have for them.
pub struct Data {
    items: HashMap<String, Value>,
}

impl Data {
    pub fn of<'a>(attributes: impl Iterator<Item = (&'a str, &'a Value)>) -> Self {
        let items =
            attributes.filter_map(|(name, value)| Some((in_one_word(name.strip_prefix("data-")?), value.clone())));
        Self { items: items.collect() }
    }
}

/// `one-two` as `oneTwo`.
fn in_one_word(name: &str) -> String {
    let mut word = String::with_capacity(name.len());
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('-', Some(next)) if next.is_ascii_lowercase() => {
                word.extend(letters.next().map(|it| it.to_ascii_uppercase()))
            }
            _ => word.push(letter),
        }
    }
    word
}

impl Object for Data {
    class!(DATA);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, _host: &mut Host, _member: &'static str, _args: &[Value]) -> Answer {
        Ok(Value::Empty)
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.items.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::in_one_word;

    #[test]
    fn names_of_data_are_words() {
        for (name, expected) in
            [("k", "k"), ("a-bc-d", "aBcD"), ("a-", "a-"), ("-x", "X"), ("a--b", "a-B"), ("a-1", "a-1")]
        {
            assert_eq!(in_one_word(name), expected);
        }
    }
}
