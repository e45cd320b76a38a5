//! Operators, and how one type becomes another.

use std::rc::Rc;

use oxc_syntax::operator::BinaryOperator;

use super::machine::{Machine, Mode, Outcome, Stop};
use super::natives;
use super::number::Name;
use super::value::{Kind, Place, Units, Value, index_of, number_text, power, remainder, text_number, to_int};

/// Levels of lists in lists that become a text.
const MAX_LISTS: usize = 16;
/// What all objects have beside what is done here.
const OF_ALL: [&str; 8] = [
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "valueOf",
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
];
/// Characters that are compared for the price of a step.
const COMPARED_PER_STEP: usize = 256;

impl Machine<'_, '_> {
    pub fn truth(&self, value: &Value) -> Outcome<bool> {
        Ok(match value {
            Value::Undefined | Value::Null => false,
            Value::Bool(value) => *value,
            Value::Number(number) => *number != 0.0 && !number.is_nan(),
            Value::Text(units) => !units.is_empty(),
            Value::Object(_) | Value::Native(_) => true,
            Value::Opaque => return Err(Stop::Unknown),
        })
    }

    pub fn text_of(&mut self, value: &Value) -> Outcome<Units> {
        if let Value::Text(units) = value {
            return Ok(Rc::clone(units));
        }
        let text = self.string_of(value)?;
        self.charge(text.len() * 2)?;
        Ok(Rc::new(text.encode_utf16().collect()))
    }

    pub fn string_of(&mut self, value: &Value) -> Outcome<String> {
        let mut text = Vec::new();
        self.write(value, &mut text, 0)?;
        self.spend(text.len() / 16)?;
        Ok(String::from_utf16_lossy(&text))
    }

    /// As a script writes a value.
    fn write(&mut self, value: &Value, to: &mut Vec<u16>, level: usize) -> Outcome<()> {
        let add = |to: &mut Vec<u16>, text: &str| to.extend(text.encode_utf16());
        match value {
            Value::Undefined => add(to, "undefined"),
            Value::Null => add(to, "null"),
            Value::Bool(value) => add(to, if *value { "true" } else { "false" }),
            Value::Number(number) => add(to, &number_text(*number)),
            Value::Text(units) => to.extend(units.iter()),
            Value::Native("Math" | "JSON") | Value::Opaque => return Err(Stop::Unknown),
            Value::Native("globalThis") => add(to, "[object Window]"),
            Value::Native(name) => {
                let short = name.rsplit('.').next().unwrap_or(name);
                add(to, &format!("function {short}() {{ [native code] }}"));
            }
            Value::Object(place) => return self.write_object(*place, to, level),
        }
        Ok(())
    }

    fn write_object(&mut self, place: Place, to: &mut Vec<u16>, level: usize) -> Outcome<()> {
        if let Some(own) = self.own_member(place, "toString")? {
            let made = self.call(&own, Value::Object(place), Vec::new())?;
            if !made.is_primitive() {
                return Err(Stop::Unknown);
            }
            return self.write(&made, to, level + 1);
        }
        match &self.heap.get(place).ok_or(Stop::Unknown)?.kind {
            Kind::Plain => to.extend("[object Object]".encode_utf16()),
            Kind::Array(items) => {
                if level >= MAX_LISTS {
                    return Err(Stop::Unknown);
                }
                let items = items.clone();
                self.spend(items.len())?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        to.push(u16::from(b','));
                    }
                    if !matches!(item, Value::Undefined | Value::Null) {
                        self.write(item, to, level + 1)?;
                    }
                    if to.len() * 2 > crate::limits::MAX_VALUE {
                        return Err(Stop::Unknown);
                    }
                }
            }
            Kind::Regex(source, flags) => to.extend(format!("/{source}/{flags}").encode_utf16()),
            Kind::Closure { code, own: true, .. } => {
                // Its text is not what it was, as soon as something of it has been rewritten.
                let (start, end) = code.place();
                let text = self.source.and_then(|source| source.get(start..end)).ok_or(Stop::Unknown)?;
                to.extend(text.encode_utf16());
            }
            Kind::Closure { .. } | Kind::Bound(..) => return Err(Stop::Unknown),
        }
        Ok(())
    }

    pub fn number_of(&mut self, value: &Value) -> Outcome<f64> {
        Ok(match value {
            Value::Undefined => f64::NAN,
            Value::Null => 0.0,
            Value::Bool(value) => f64::from(u8::from(*value)),
            Value::Number(number) => *number,
            Value::Text(units) => {
                self.spend(units.len() / 16)?;
                text_number(&String::from_utf16_lossy(units))
            }
            Value::Opaque => return Err(Stop::Unknown),
            other => match self.primitive(other)? {
                Value::Number(number) => number,
                other => text_number(&self.string_of(&other)?),
            },
        })
    }

    /// What an object is to an operator.
    fn primitive(&mut self, value: &Value) -> Outcome {
        match value {
            Value::Object(place) => {
                if let Some(own) = self.own_member(*place, "valueOf")? {
                    let made = self.call(&own, value.clone(), Vec::new())?;
                    return if made.is_primitive() { Ok(made) } else { Err(Stop::Unknown) };
                }
                self.text_of(value).map(Value::Text)
            }
            Value::Native(_) => self.text_of(value).map(Value::Text),
            other => Ok(other.clone()),
        }
    }

    pub fn plus(&mut self, left: &Value, right: &Value) -> Outcome {
        if left.is_opaque() || right.is_opaque() {
            return Ok(Value::Opaque);
        }
        let (left, right) = (self.primitive(left)?, self.primitive(right)?);
        if matches!(left, Value::Text(_)) || matches!(right, Value::Text(_)) {
            let (left, right) = (self.text_of(&left)?, self.text_of(&right)?);
            return self.text(left.iter().chain(right.iter()).copied().collect());
        }
        Ok(Value::Number(self.number_of(&left)? + self.number_of(&right)?))
    }

    pub fn binary(&mut self, operator: BinaryOperator, left: &Value, right: &Value) -> Outcome {
        if left.is_opaque() || right.is_opaque() {
            return if self.mode == Mode::Trace { Ok(Value::Opaque) } else { Err(Stop::Unknown) };
        }
        let boolean = |value| Ok(Value::Bool(value));
        match operator {
            BinaryOperator::Addition => return self.plus(left, right),
            BinaryOperator::StrictEquality => return boolean(self.same(left, right)?),
            BinaryOperator::StrictInequality => return boolean(!self.same(left, right)?),
            BinaryOperator::Equality => return boolean(self.alike(left, right)?),
            BinaryOperator::Inequality => return boolean(!self.alike(left, right)?),
            BinaryOperator::In => return self.has(right, left),
            BinaryOperator::Instanceof => return Err(Stop::Unknown),
            operator if operator.is_compare() => return self.compare(operator, left, right),
            _ => {}
        }
        let (one, two) = (self.number_of(left)?, self.number_of(right)?);
        of_numbers(operator, one, two).ok_or(Stop::Unknown)
    }

    fn has(&mut self, object: &Value, key: &Value) -> Outcome {
        let name = self.string_of(key)?;
        let Value::Object(place) = object else { return Err(Stop::Unknown) };
        let known = self.heap.get(*place).ok_or(Stop::Unknown)?;
        let (is_plain, index) = (matches!(known.kind, Kind::Plain), index_of(&name));
        if let (Kind::Array(items), Some(index)) = (&known.kind, index) {
            return match items.get(index) {
                Some(Value::Undefined) if known.holes => Err(Stop::Unknown),
                item => Ok(Value::Bool(item.is_some())),
            };
        }
        if self.own_member(*place, &name)?.is_some() || !matches!(self.member(object, &name)?, Value::Undefined) {
            return Ok(Value::Bool(true));
        }
        // The language has more than is known here.
        if is_plain && !OF_ALL.contains(&name.as_str()) { Ok(Value::Bool(false)) } else { Err(Stop::Unknown) }
    }

    fn compare(&mut self, operator: BinaryOperator, left: &Value, right: &Value) -> Outcome {
        let (left, right) = (self.primitive(left)?, self.primitive(right)?);
        if let (Value::Text(left), Value::Text(right)) = (&left, &right) {
            self.spend(left.len().min(right.len()) / COMPARED_PER_STEP)?;
            let order = left.cmp(right);
            return Ok(Value::Bool(match operator {
                BinaryOperator::LessThan => order.is_lt(),
                BinaryOperator::GreaterThan => order.is_gt(),
                BinaryOperator::LessEqualThan => order.is_le(),
                _ => order.is_ge(),
            }));
        }
        let (one, two) = (self.number_of(&left)?, self.number_of(&right)?);
        of_numbers(operator, one, two).ok_or(Stop::Unknown)
    }

    /// `===`
    #[allow(clippy::float_cmp, reason = "as the script compares")]
    pub fn same(&mut self, left: &Value, right: &Value) -> Outcome<bool> {
        if let (Value::Text(left), Value::Text(right)) = (left, right)
            && left.len() == right.len()
        {
            self.spend(left.len() / COMPARED_PER_STEP)?;
        }
        Ok(match (left, right) {
            (Value::Opaque, _) | (_, Value::Opaque) => return Err(Stop::Unknown),
            (Value::Undefined, Value::Undefined) | (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(two)) => one == two,
            (Value::Number(one), Value::Number(two)) => one == two,
            (Value::Text(one), Value::Text(two)) => one == two,
            (Value::Object(one), Value::Object(two)) => one == two,
            (Value::Native(one), Value::Native(two)) => one == two,
            _ => false,
        })
    }

    /// `==`
    fn alike(&mut self, left: &Value, right: &Value) -> Outcome<bool> {
        match (left, right) {
            (Value::Undefined | Value::Null, Value::Undefined | Value::Null) => Ok(true),
            (Value::Undefined | Value::Null, _) | (_, Value::Undefined | Value::Null) => Ok(false),
            (Value::Text(_), Value::Text(_))
            | (Value::Object(_) | Value::Native(_), Value::Object(_) | Value::Native(_)) => self.same(left, right),
            _ => {
                let (left, right) = (self.primitive(left)?, self.primitive(right)?);
                if let (Value::Text(_), Value::Text(_)) = (&left, &right) {
                    return self.same(&left, &right);
                }
                let (left, right) = (self.number_of(&left)?, self.number_of(&right)?);
                self.same(&Value::Number(left), &Value::Number(right))
            }
        }
    }

    // -- members

    /// What is at a place in a list or a text; None in anything else.
    pub fn element(&mut self, object: &Value, index: usize) -> Outcome<Option<Value>> {
        match object {
            Value::Text(units) => match units.get(index) {
                Some(&unit) => self.letter(unit).map(Some),
                None => Ok(Some(Value::Undefined)),
            },
            _ => Ok(self.items(object).map(|items| items.get(index).cloned().unwrap_or(Value::Undefined))),
        }
    }

    /// A member by its name in the text. What texts can do is known by that.
    pub fn named_member(&mut self, object: &Value, name: Name) -> Outcome {
        let known = &self.numbers.known[name];
        if let (Value::Text(_), Some(native)) = (object, &known.of_texts) {
            return Ok(native.clone());
        }
        self.member(object, known.text)
    }

    pub fn member(&mut self, object: &Value, name: &str) -> Outcome {
        match object {
            Value::Opaque => return Ok(Value::Opaque),
            Value::Undefined | Value::Null => return Err(Stop::thrown(Value::text("TypeError"))),
            Value::Text(units) => {
                if name == "length" {
                    return Ok(Value::Number(units.len() as f64));
                }
                if let Some(index) = index_of(name) {
                    return Ok(units.get(index).map_or(Value::Undefined, |&unit| Value::units(vec![unit])));
                }
            }
            Value::Object(place) => {
                if let Some(value) = self.own_member(*place, name)? {
                    return Ok(value);
                }
                if name == "prototype" && self.is_closure(object) {
                    let prototype = self.object(Kind::Plain)?;
                    self.heap.get_mut(*place).ok_or(Stop::Unknown)?.set(name, prototype.clone());
                    return Ok(prototype);
                }
            }
            _ => {}
        }
        if name == "constructor" {
            return Ok(Value::Native(self.constructor(object)));
        }
        if let Some(native) = natives::member(self.family(object), name) {
            return Ok(native);
        }
        match (object, self.mode) {
            (Value::Native("globalThis"), Mode::Pure) => Err(Stop::Unknown),
            (Value::Native(_), Mode::Trace) => Ok(Value::Opaque),
            (Value::Native(_), Mode::Pure) => Err(Stop::Unknown),
            _ if name == "prototype" || name == "__proto__" => Err(Stop::Unknown),
            _ => Ok(Value::Undefined),
        }
    }

    /// Whether a value is a function of the text, whose members change while it is called.
    pub fn is_closure(&self, value: &Value) -> bool {
        let Value::Object(place) = value else { return false };
        self.heap.get(*place).is_some_and(|object| matches!(object.kind, Kind::Closure { .. }))
    }

    fn own_member(&self, place: Place, name: &str) -> Outcome<Option<Value>> {
        let object = self.heap.get(place).ok_or(Stop::Unknown)?;
        if let Kind::Array(items) = &object.kind {
            if name == "length" {
                return Ok(Some(Value::Number(items.len() as f64)));
            }
            if let Some(index) = index_of(name) {
                return Ok(Some(items.get(index).cloned().unwrap_or(Value::Undefined)));
            }
        }
        if let (Kind::Regex(source, _), "source") = (&object.kind, name) {
            return Ok(Some(Value::text(source)));
        }
        if let Some(value) = object.get(name) {
            return Ok(Some(value.clone()));
        }
        Ok(object.prototype.and_then(|place| self.heap.get(place)).and_then(|prototype| prototype.get(name)).cloned())
    }

    fn constructor(&self, object: &Value) -> &'static str {
        match self.family(object) {
            "String.prototype." => "String",
            "Number.prototype." => "Number",
            "Boolean.prototype." => "Boolean",
            "Array.prototype." => "Array",
            "RegExp.prototype." => "RegExp",
            "Object.prototype." => "Object",
            _ => "Function",
        }
    }

    /// Before the names of what a value can do.
    fn family(&self, value: &Value) -> &'static str {
        match value {
            Value::Text(_) => "String.prototype.",
            Value::Number(_) => "Number.prototype.",
            Value::Bool(_) => "Boolean.prototype.",
            Value::Native(name) => natives::statics(name),
            Value::Object(place) => match self.heap.get(*place).map(|object| &object.kind) {
                Some(Kind::Array(_)) => "Array.prototype.",
                Some(Kind::Regex(..)) => "RegExp.prototype.",
                Some(Kind::Closure { .. } | Kind::Bound(..)) => "Function.prototype.",
                _ => "Object.prototype.",
            },
            _ => "",
        }
    }

    pub fn set_member(&mut self, object: &Value, name: &str, value: Value) -> Outcome<()> {
        self.spend(2)?;
        self.charge(if matches!(object, Value::Object(_)) { 64 + name.len() } else { 0 })?;
        let Value::Object(place) = object else {
            return if self.mode == Mode::Trace || matches!(object, Value::Text(_) | Value::Number(_)) {
                Ok(())
            } else {
                Err(Stop::Unknown)
            };
        };
        let object = self.heap.get_mut(*place).ok_or(Stop::Unknown)?;
        if let Kind::Array(items) = &mut object.kind {
            if name == "length" {
                // No list is made longer by that.
                let length = value.index().filter(|&length| length <= items.len()).ok_or(Stop::Unknown)?;
                items.truncate(length);
                return Ok(());
            }
            if let Some(index) = index_of(name) {
                if index > items.len() + 4_096 || index > crate::limits::MAX_ELEMENTS {
                    return Err(Stop::Unknown);
                }
                if index >= items.len() {
                    self.made = self.made.saturating_add((index - items.len()) * 16);
                    object.holes |= index > items.len();
                    items.resize(index + 1, Value::Undefined);
                }
                items[index] = value;
                return Ok(());
            }
        }
        object.set(name, value);
        Ok(())
    }

    pub fn own_names(&mut self, object: &Value) -> Outcome<Vec<String>> {
        let Value::Object(place) = object else { return Err(Stop::Unknown) };
        self.spend(self.items(object).map_or(0, Vec::len) / 16)?;
        let object = self.heap.get(*place).ok_or(Stop::Unknown)?;
        let mut names: Vec<String> = match &object.kind {
            Kind::Array(items) if object.holes && items.iter().any(|item| matches!(item, Value::Undefined)) => {
                return Err(Stop::Unknown);
            }
            Kind::Array(items) => (0..items.len()).map(|index| index.to_string()).collect(),
            _ => Vec::new(),
        };
        names.extend(object.names());
        self.spend(names.len())?;
        Ok(names)
    }
}

/// What an operator makes of two numbers; None if it is not for numbers.
#[allow(clippy::float_cmp, reason = "as the script compares")]
pub fn of_numbers(operator: BinaryOperator, one: f64, two: f64) -> Option<Value> {
    let shift = || to_int(two).cast_unsigned() & 31;
    Some(Value::Number(match operator {
        BinaryOperator::Addition => one + two,
        BinaryOperator::Subtraction => one - two,
        BinaryOperator::Multiplication => one * two,
        BinaryOperator::Division => one / two,
        BinaryOperator::Remainder => remainder(one, two),
        BinaryOperator::Exponential => power(one, two),
        BinaryOperator::BitwiseAnd => f64::from(to_int(one) & to_int(two)),
        BinaryOperator::BitwiseOR => f64::from(to_int(one) | to_int(two)),
        BinaryOperator::BitwiseXOR => f64::from(to_int(one) ^ to_int(two)),
        BinaryOperator::ShiftLeft => f64::from(to_int(one) << shift()),
        BinaryOperator::ShiftRight => f64::from(to_int(one) >> shift()),
        BinaryOperator::ShiftRightZeroFill => f64::from(to_int(one).cast_unsigned() >> shift()),
        BinaryOperator::LessThan => return Some(Value::Bool(one < two)),
        BinaryOperator::GreaterThan => return Some(Value::Bool(one > two)),
        BinaryOperator::LessEqualThan => return Some(Value::Bool(one <= two)),
        BinaryOperator::GreaterEqualThan => return Some(Value::Bool(one >= two)),
        BinaryOperator::Equality | BinaryOperator::StrictEquality => return Some(Value::Bool(one == two)),
        BinaryOperator::Inequality | BinaryOperator::StrictInequality => return Some(Value::Bool(one != two)),
        BinaryOperator::In | BinaryOperator::Instanceof => return None,
    }))
}
