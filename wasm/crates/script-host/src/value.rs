//! Values as COM passes them, between the objects of the host and the languages in front of them.

use std::rc::Rc;

/// An object of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle(pub(crate) u32);

impl Handle {
    /// For a language that keeps it as a number.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0
    }

    #[must_use]
    pub const fn from_index(index: u32) -> Self {
        Self(index)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Empty,
    Null,
    Bool(bool),
    Number(f64),
    Text(Rc<str>),
    Bytes(Rc<[u8]>),
    /// Milliseconds since 1970.
    Date(f64),
    List(Rc<[Value]>),
    Object(Handle),
    /// A function or an object of the language, which only that understands.
    Foreign,
}

impl Value {
    #[must_use]
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Rc::from(text.as_ref()))
    }

    #[must_use]
    pub fn bytes(bytes: impl Into<Rc<[u8]>>) -> Self {
        Self::Bytes(bytes.into())
    }

    #[must_use]
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(items.into_iter().collect())
    }

    #[must_use]
    pub fn number(number: impl Into<f64>) -> Self {
        Self::Number(number.into())
    }

    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "sizes of what fits into memory")]
    pub const fn size(size: usize) -> Self {
        Self::Number(size as f64)
    }

    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Empty | Self::Null => String::new(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Number(number) => number_text(*number),
            Self::Text(text) => text.to_string(),
            Self::Bytes(bytes) => bytes.iter().map(|&byte| char::from(byte)).collect(),
            Self::Date(milliseconds) => crate::time::text(*milliseconds),
            Self::List(items) => items.iter().map(Self::to_text).collect::<Vec<_>>().join(","),
            Self::Object(_) | Self::Foreign => "[object]".to_owned(),
        }
    }

    #[must_use]
    pub fn to_number(&self) -> f64 {
        match self {
            Self::Bool(true) => -1.0,
            Self::Number(number) | Self::Date(number) => *number,
            Self::Text(text) => text.trim().parse().unwrap_or(0.0),
            _ => 0.0,
        }
    }

    /// Cut to what fits; 0 for what is none.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "it saturates")]
    pub fn to_integer(&self) -> i64 {
        self.to_number() as i64
    }

    #[must_use]
    pub fn to_bool(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => text.eq_ignore_ascii_case("true") || text.parse().is_ok_and(|it: f64| it != 0.0),
            Self::Object(_) | Self::Foreign => true,
            _ => false,
        }
    }

    /// As it is written: text as its characters below 256, else as UTF-8.
    #[must_use]
    pub fn to_bytes(&self) -> Rc<[u8]> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::List(items) => items.iter().map(|item| item.to_integer().to_le_bytes()[0]).collect(),
            other => crate::charset::narrow(&other.to_text()).into(),
        }
    }

    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Empty | Self::Null)
    }
}

/// Whole numbers without a point.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "it is in range")]
pub fn number_text(number: f64) -> String {
    match number.fract() == 0.0 && number.abs() < 1e15 {
        true => (number as i64).to_string(),
        false => number.to_string(),
    }
}

/// An argument by its place; `Empty` where it was left out.
#[must_use]
pub fn argument(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&Value::Empty)
}

#[must_use]
pub fn text(args: &[Value], index: usize) -> String {
    argument(args, index).to_text()
}
