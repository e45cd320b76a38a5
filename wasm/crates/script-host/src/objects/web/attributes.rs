//! Attributes as objects: one by itself, and those that are data of the page's scripts.

use crate::host::{Answer, Host};
use crate::objects::{Class, Object, class};
use crate::value::Value;

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
    items: Vec<(String, Value)>,
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
        self.items.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
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
