//! Values of the language, and how they become each other.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use script_host::{Handle, Value, time};

use crate::ast::{Class, Name};

#[derive(Clone, Debug, Default)]
pub enum Val {
    #[default]
    Empty,
    Null,
    Nothing,
    Bool(bool),
    Number(f64),
    Text(Rc<str>),
    Bytes(Rc<[u8]>),
    Date(f64),
    /// Assigning copies it; the copy is made when one of both is changed.
    Array(Rc<Array>),
    Object(Handle),
    Instance(Rc<Instance>),
    /// `GetRef("f")`
    Procedure(Name),
}

#[derive(Clone, Debug, Default)]
pub struct Array {
    /// Upper bounds.
    pub bounds: Vec<usize>,
    pub items: Vec<Val>,
}

#[derive(Debug)]
pub struct Instance {
    pub class: Rc<Class>,
    pub fields: RefCell<HashMap<Name, Val>>,
}

impl Val {
    #[must_use]
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Rc::from(text.as_ref()))
    }

    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "lengths of texts in memory")]
    pub const fn size(size: usize) -> Self {
        Self::Number(size as f64)
    }

    #[must_use]
    pub fn array(items: Vec<Self>) -> Self {
        // Of an empty array the upper bound is one below the lower.
        let bounds = items.len().checked_sub(1).into_iter().collect();
        Self::Array(Rc::new(Array { bounds, items }))
    }

    #[must_use]
    pub fn to_text(&self) -> Rc<str> {
        match self {
            Self::Text(text) => text.clone(),
            Self::Bool(true) => "True".into(),
            Self::Bool(false) => "False".into(),
            Self::Number(number) => number_text(*number).into(),
            Self::Date(date) => time::text(*date).into(),
            Self::Bytes(bytes) => script_host::charset::widen(bytes).into(),
            Self::Object(_) => "[object]".into(),
            _ => "".into(),
        }
    }

    /// None for what is none.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Empty => Some(0.0),
            Self::Bool(value) => Some(if *value { -1.0 } else { 0.0 }),
            Self::Number(number) => Some(*number),
            Self::Date(date) => Some(serial(*date)),
            Self::Text(text) => text_number(text),
            _ => None,
        }
    }

    /// What is none counts as zero.
    #[must_use]
    pub fn to_number(&self) -> f64 {
        self.number().unwrap_or(0.0)
    }

    /// Rounded to the even neighbour, as Basic does.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "it saturates")]
    pub fn to_integer(&self) -> i64 {
        self.to_number().round_ties_even() as i64
    }

    #[must_use]
    pub fn to_bool(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::Text(text) if text.eq_ignore_ascii_case("true") => true,
            Self::Object(_) | Self::Instance(_) => true,
            other => other.to_number() != 0.0,
        }
    }

    #[must_use]
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Nothing | Self::Object(_) | Self::Instance(_))
    }

    /// For the host.
    #[must_use]
    pub fn to_host(&self) -> Value {
        match self {
            Self::Empty => Value::Empty,
            Self::Null | Self::Nothing => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(*number),
            Self::Text(text) => Value::Text(text.clone()),
            Self::Bytes(bytes) => Value::Bytes(bytes.clone()),
            Self::Date(date) => Value::Date(*date),
            Self::Array(array) => Value::List(array.items.iter().map(Self::to_flat_host).collect()),
            Self::Object(handle) => Value::Object(*handle),
            Self::Instance(_) | Self::Procedure(_) => Value::Foreign,
        }
    }

    /// Of an array within an array the host needs nothing.
    fn to_flat_host(&self) -> Value {
        if matches!(self, Self::Array(_)) { Value::Foreign } else { self.to_host() }
    }

    #[must_use]
    pub fn of_host(value: &Value) -> Self {
        match value {
            Value::Empty | Value::Foreign => Self::Empty,
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(*number),
            Value::Text(text) => Self::Text(text.clone()),
            Value::Bytes(bytes) => Self::Bytes(bytes.clone()),
            Value::Date(date) => Self::Date(*date),
            Value::List(items) => Self::array(items.iter().map(Self::of_host).collect()),
            Value::Object(handle) => Self::Object(*handle),
        }
    }
}

impl Array {
    /// With so many items of each dimension, all empty; None where they are too many.
    #[must_use]
    pub fn of_bounds(bounds: Vec<usize>, most: usize) -> Option<Self> {
        let count = bounds.iter().try_fold(1_usize, |count, bound| count.checked_mul(bound.checked_add(1)?))?;
        (count <= most).then(|| Self { items: vec![Val::Empty; count], bounds })
    }

    /// The place of an item by its indexes.
    #[must_use]
    pub fn place(&self, indexes: &[i64]) -> Option<usize> {
        if indexes.len() != self.bounds.len() {
            return None;
        }
        let mut place = 0;
        for (index, bound) in indexes.iter().zip(&self.bounds) {
            let index = usize::try_from(*index).ok().filter(|index| index <= bound)?;
            place = place * (bound + 1) + index;
        }
        (place < self.items.len()).then_some(place)
    }
}

/// With 15 digits, and an exponent where there are more before the point or many zeros behind it, as Basic writes it.
fn number_text(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{number:.14e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let plain = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    if (-4..15).contains(&exponent) {
        let places = usize::try_from(14 - exponent).unwrap_or(0);
        return plain(&format!("{number:.places$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}E{sign}{:02}", plain(digits), exponent.unsigned_abs())
}

/// As `CDbl` and `Val` of a whole text read it.
fn text_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    for (prefix, radix) in [("&h", 16), ("&o", 8)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            let digits = digits.trim_end_matches('&');
            let fits = !digits.is_empty() && digits.chars().all(|char| char.is_digit(radix));
            return fits.then(|| crate::lexer::of_digits(digits, radix, lower.ends_with('&')));
        }
    }
    // Rust reads "inf" and "nan", too.
    let is_number =
        text.starts_with(|char: char| char.is_ascii_digit() || "+-.".contains(char)) && !lower.contains(['n', 'i']);
    if is_number { text.replace(',', "").parse().ok() } else { None }
}

/// Days since 1899-12-30, which is how Basic counts.
#[must_use]
pub fn serial(date: f64) -> f64 {
    date / 86_400_000.0 + 25_569.0
}

/// The inverse of [`serial`].
#[must_use]
pub fn of_serial(days: f64) -> f64 {
    ((days - 25_569.0) * 86_400_000.0).round()
}

#[cfg(test)]
mod tests {
    use super::number_text;

    #[test]
    fn numbers_are_written_as_basic_does() {
        for (number, text) in [
            (0.0, "0"),
            (-3.0, "-3"),
            (1.0 / 3.0, "0.333333333333333"),
            (0.1 + 0.2, "0.3"),
            (123_456_789_012_345.0, "123456789012345"),
            (1e15, "1E+15"),
            (1.5e-7, "1.5E-07"),
            (0.0001, "0.0001"),
        ] {
            assert_eq!(number_text(number), text);
        }
    }
}
