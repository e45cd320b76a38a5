//! Values of a script that is evaluated. Objects lie side by side in a heap, so that no nesting of a sample's nests
//! anything here.

use std::collections::HashMap;
use std::rc::Rc;

use oxc_ast::ast::{ArrowFunctionExpression, Function};

pub type Units = Rc<Vec<u16>>;

/// What all variants have stands behind the tag, in words: copies of anything else wait for one another in the processor.
#[derive(Debug, Clone)]
#[repr(u64)]
pub enum Value {
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
    Text(Units),
    Object(Place),
    /// A function of the language, by its name.
    Native(&'static str),
    /// Something of the host, of which nothing is known.
    Opaque,
}

impl Value {
    pub fn text(text: &str) -> Self {
        Self::Text(Rc::new(text.encode_utf16().collect()))
    }

    pub fn units(units: Vec<u16>) -> Self {
        Self::Text(Rc::new(units))
    }

    /// The place in a list that a number is.
    pub fn index(&self) -> Option<usize> {
        let Self::Number(number) = *self else { return None };
        let index = number as u32;
        (f64::from(index) == number).then_some(index as usize)
    }

    pub const fn is_opaque(&self) -> bool {
        matches!(self, Self::Opaque)
    }

    pub const fn is_primitive(&self) -> bool {
        matches!(self, Self::Undefined | Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_))
    }
}

/// A place in the heap, as wide as a number: a word of which half was written has to be waited for when it is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u64);

impl Place {
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug, Default)]
pub struct Heap<'a>(Vec<Object<'a>>);

impl<'a> Heap<'a> {
    pub fn add(&mut self, object: Object<'a>) -> Place {
        self.0.push(object);
        Place(self.0.len() as u64 - 1)
    }

    pub const fn len(&self) -> usize {
        self.0.len()
    }

    pub fn get(&self, place: Place) -> Option<&Object<'a>> {
        self.0.get(place.index())
    }

    pub fn get_mut(&mut self, place: Place) -> Option<&mut Object<'a>> {
        self.0.get_mut(place.index())
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Code<'a> {
    Function(&'a Function<'a>),
    Arrow(&'a ArrowFunctionExpression<'a>),
}

impl Code<'_> {
    /// The bytes of the text that it is.
    pub const fn place(self) -> (usize, usize) {
        let span = match self {
            Self::Function(function) => function.span,
            Self::Arrow(arrow) => arrow.span,
        };
        (span.start as usize, span.end as usize)
    }
}

#[derive(Debug)]
pub enum Kind<'a> {
    Plain,
    Array(Vec<Value>),
    Closure {
        code: Code<'a>,
        scope: usize,
        /// Whether its text is the one that is folded, and not one that was made while it ran.
        own: bool,
    },
    Regex(String, String),
    /// A function with a fixed `this` and first arguments.
    Bound(Value, Value, Vec<Value>),
}

#[derive(Debug)]
pub struct Object<'a> {
    pub kind: Kind<'a>,
    /// Where members are that it has not itself.
    pub prototype: Option<Place>,
    /// Whether a list was made with places where nothing is, not even `undefined`: these are `Undefined` here.
    pub holes: bool,
    names: Vec<String>,
    members: HashMap<String, Value>,
}

impl<'a> Object<'a> {
    pub fn new(kind: Kind<'a>) -> Self {
        Self { kind, prototype: None, holes: false, names: Vec::new(), members: HashMap::new() }
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    pub fn set(&mut self, name: &str, value: Value) {
        if self.members.insert(name.to_owned(), value).is_none() {
            self.names.push(name.to_owned());
        }
    }

    pub fn remove(&mut self, name: &str) {
        if self.members.remove(name).is_some() {
            self.names.retain(|known| known != name);
        }
    }

    pub const fn count(&self) -> usize {
        self.names.len()
    }

    /// Own names in the order in which a script sees them.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.names.clone();
        let place = |name: &String| index_of(name).filter(|&index| index < u32::MAX as usize);
        names.sort_by_cached_key(|name| place(name).map_or((1, 0), |index| (0, index)));
        names
    }
}

/// As a script writes a number.
pub fn number_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    let size = number.abs();
    if (1e-6..1e21).contains(&size) {
        return format!("{number}");
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}"),
        _ => text,
    }
}

/// As a script reads a number; NaN for what is none.
pub fn text_number(text: &str) -> f64 {
    let text = text.trim_matches(super::strings::is_blank);
    let radix = |digits: &str, radix| match u128::from_str_radix(digits, radix) {
        Ok(value) if !digits.starts_with('+') => value as f64,
        _ => f64::NAN,
    };
    match text.get(..2) {
        Some("0x" | "0X") => return radix(&text[2..], 16),
        Some("0b" | "0B") => return radix(&text[2..], 2),
        Some("0o" | "0O") => return radix(&text[2..], 8),
        _ => {}
    }
    match text {
        "" => 0.0,
        "Infinity" | "+Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')) => {
            text.parse().unwrap_or(f64::NAN)
        }
        _ => f64::NAN,
    }
}

/// To 32 bits as the operators on bits do.
pub fn to_int(number: f64) -> i32 {
    if !number.is_finite() {
        return 0;
    }
    // Most are small, and the remainder of others is slow.
    if number.abs() < 2_147_483_648.0 {
        return number as i32;
    }
    let wrapped = number.trunc().rem_euclid(4_294_967_296.0);
    // Below 2^32 by the remainder.
    (wrapped as u32).cast_signed()
}

/// The remainder with the sign of the first, exactly: of whole numbers without the slow way for all others.
pub fn remainder(one: f64, two: f64) -> f64 {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |number: f64| Some(number as i64).filter(|&whole| number.abs() < EXACT && whole as f64 == number);
    match (whole(one), whole(two)) {
        (Some(first), Some(second)) if second != 0 => ((first % second) as f64).copysign(one),
        _ => one % two,
    }
}

/// Digits of a number in another base.
pub fn in_base(number: f64, base: u32) -> String {
    if base == 10 || !number.is_finite() || !(2..=36).contains(&base) {
        return number_text(number);
    }
    let digit = |value: u32| char::from_digit(value, base).unwrap_or('0');
    let mut whole = number.abs().trunc();
    let mut rest = number.abs() - whole;
    let mut digits = Vec::new();
    while whole >= 1.0 && digits.len() < 1_100 {
        digits.push(digit((whole % f64::from(base)) as u32));
        whole = (whole / f64::from(base)).trunc();
    }
    if digits.is_empty() {
        digits.push('0');
    }
    if number < 0.0 {
        digits.push('-');
    }
    let mut text: String = digits.into_iter().rev().collect();
    if rest > 0.0 {
        text.push('.');
        // As many as the number is exact to.
        let mut delta = (0.5 * (number.abs().next_up() - number.abs())).max(f64::MIN_POSITIVE);
        while rest >= delta && text.len() < 1_200 {
            rest *= f64::from(base);
            delta *= f64::from(base);
            let value = rest.trunc();
            rest -= value;
            if rest > 0.5 && rest + delta > 1.0 {
                text.push(digit((value as u32 + 1).min(base - 1)));
                break;
            }
            text.push(digit(value as u32));
        }
    }
    text
}

/// A power, where the language does not do as others: one to the power of what is no number is none.
pub fn power(base: f64, exponent: f64) -> f64 {
    let is_odd = exponent.is_nan() || exponent.is_infinite() && base.abs() == 1.0;
    if is_odd { f64::NAN } else { base.powf(exponent) }
}

/// The index that a member's name is; `01` and `+1` are none.
pub fn index_of(name: &str) -> Option<usize> {
    let is_plain = name == "0" || !name.starts_with(['0', '+']);
    name.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An evaluator copies them at each node of a tree.
    #[test]
    fn values_are_small_and_made_of_words() {
        let words = size_of::<&str>() / size_of::<usize>() + 1;
        assert_eq!(size_of::<Value>(), words * size_of::<u64>());
        assert_eq!(size_of::<crate::js::machine::Outcome>(), size_of::<Value>());
        let value = Value::Bool(true);
        let Value::Bool(inner) = &value else { return };
        let place = std::ptr::from_ref(inner) as usize - std::ptr::from_ref(&value) as usize;
        assert_eq!(place, size_of::<u64>());
    }

    #[test]
    fn places_in_lists_are_whole_and_not_negative() {
        let places = [0.0, -0.0, 7.0, 4_294_967_295.0].map(|number| Value::Number(number).index());
        assert_eq!(places, [Some(0), Some(0), Some(7), Some(4_294_967_295)]);
        for number in [-1.0, 0.5, f64::NAN, f64::INFINITY, 4_294_967_296.0] {
            assert_eq!(Value::Number(number).index(), None, "{number}");
        }
        assert_eq!(Value::text("0").index(), None);
    }

    #[test]
    fn numbers_are_written_and_read_as_scripts_do() {
        for (number, text) in
            [(0.1, "0.1"), (-5.0, "-5"), (1e21, "1e+21"), (1.5e-7, "1.5e-7"), (123_456_789_012.0, "123456789012")]
        {
            assert_eq!(number_text(number), text);
            assert!((text_number(text) - number).abs() <= f64::EPSILON * number.abs());
        }
        assert_eq!(
            (in_base(31.0, 32).as_str(), in_base(-255.0, 16).as_str(), in_base(0.5, 2).as_str()),
            ("v", "-ff", "0.1")
        );
        assert_eq!((to_int(4_294_967_295.0), to_int(-1.5), to_int(f64::NAN)), (-1, -1, 0));
        for (one, two) in
            [(7.0, 3.0), (-7.0, 3.0), (-6.0, 3.0), (7.0, -3.0), (-0.0, 2.0), (5.5, 2.0), (1e300, 7.0), (1.0, 0.0)]
        {
            let (fast, exact) = (remainder(one, two), one % two);
            assert!(fast.to_bits() == exact.to_bits() || (fast.is_nan() && exact.is_nan()), "{one} % {two}");
        }
        assert_eq!(
            (to_int(2_147_483_648.0), to_int(-2_147_483_648.0), to_int(-4_294_967_297.0)),
            (i32::MIN, i32::MIN, -1)
        );
        for text in ["1a", "inf", "0x+5", "0b-1", "0x"] {
            assert!(text_number(text).is_nan(), "{text}");
        }
    }
}
