//! What the language has by itself: functions of texts, lists and numbers. None of them has an effect outside.

use super::machine::{Machine, Mode, Outcome, Stop};
use super::strings;
use super::value::{Kind, Value, in_base, power, text_number, to_int};
use crate::limits::MAX_ELEMENTS;
use crate::peel::Technique;

const GLOBALS: [&str; 25] = [
    "String",
    "Array",
    "Object",
    "Function",
    "Number",
    "Boolean",
    "RegExp",
    "Math",
    "JSON",
    "parseInt",
    "parseFloat",
    "isNaN",
    "unescape",
    "escape",
    "decodeURIComponent",
    "encodeURIComponent",
    "decodeURI",
    "encodeURI",
    "atob",
    "btoa",
    "eval",
    "globalThis",
    "Date",
    "Error",
    "Symbol",
];
/// Other names of the global object.
const SELVES: [&str; 4] = ["window", "self", "global", "top"];

const MEMBERS: [&str; 88] = [
    "String.prototype.charAt",
    "String.prototype.charCodeAt",
    "String.prototype.codePointAt",
    "String.prototype.concat",
    "String.prototype.indexOf",
    "String.prototype.lastIndexOf",
    "String.prototype.includes",
    "String.prototype.startsWith",
    "String.prototype.endsWith",
    "String.prototype.slice",
    "String.prototype.substring",
    "String.prototype.substr",
    "String.prototype.split",
    "String.prototype.replace",
    "String.prototype.replaceAll",
    "String.prototype.toLowerCase",
    "String.prototype.toUpperCase",
    "String.prototype.trim",
    "String.prototype.repeat",
    "String.prototype.padStart",
    "String.prototype.padEnd",
    "String.prototype.toString",
    "String.prototype.valueOf",
    "String.prototype.match",
    "String.prototype.italics",
    "String.prototype.bold",
    "String.prototype.fontcolor",
    "String.prototype.link",
    "String.prototype.at",
    "String.prototype.search",
    "String.prototype.strike",
    "String.prototype.sub",
    "Array.prototype.join",
    "Array.prototype.reverse",
    "Array.prototype.push",
    "Array.prototype.pop",
    "Array.prototype.shift",
    "Array.prototype.unshift",
    "Array.prototype.slice",
    "Array.prototype.splice",
    "Array.prototype.concat",
    "Array.prototype.indexOf",
    "Array.prototype.map",
    "Array.prototype.forEach",
    "Array.prototype.filter",
    "Array.prototype.reduce",
    "Array.prototype.includes",
    "Array.prototype.toString",
    "Array.prototype.flat",
    "Array.prototype.fill",
    "Array.prototype.find",
    "Array.prototype.sort",
    "Array.prototype.entries",
    "Array.prototype.some",
    "Array.prototype.every",
    "Array.prototype.at",
    "Array.prototype.keys",
    "Number.prototype.toString",
    "Number.prototype.valueOf",
    "Number.prototype.toFixed",
    "Boolean.prototype.toString",
    "Function.prototype.call",
    "Function.prototype.apply",
    "Function.prototype.bind",
    "Function.prototype.toString",
    "RegExp.prototype.test",
    "RegExp.prototype.toString",
    "Object.prototype.hasOwnProperty",
    "Object.prototype.toString",
    "String.fromCharCode",
    "String.fromCodePoint",
    "String.raw",
    "Array.isArray",
    "Array.from",
    "Object.keys",
    "Object.values",
    "Number.parseInt",
    "Number.isNaN",
    "Math.floor",
    "Math.ceil",
    "Math.round",
    "Math.abs",
    "Math.min",
    "Math.max",
    "Math.pow",
    "Math.sqrt",
    "Math.trunc",
    "Math.sign",
];

pub fn global(name: &str) -> Option<Value> {
    match name {
        "undefined" => return Some(Value::Undefined),
        "NaN" => return Some(Value::Number(f64::NAN)),
        "Infinity" => return Some(Value::Number(f64::INFINITY)),
        _ => {}
    }
    if SELVES.contains(&name) {
        return Some(Value::Native("globalThis"));
    }
    GLOBALS.iter().find(|known| **known == name).map(|known| Value::Native(known))
}

/// Before the names of what a function of the language has itself.
pub fn statics(name: &str) -> &'static str {
    match name {
        "String" => "String.",
        "Array" => "Array.",
        "Object" => "Object.",
        "Number" => "Number.",
        "Math" => "Math.",
        "globalThis" => "globalThis.",
        "String.prototype" => "String.prototype.",
        "Array.prototype" => "Array.prototype.",
        _ => "Function.prototype.",
    }
}

pub fn member(family: &str, name: &str) -> Option<Value> {
    if family == "globalThis." {
        return global(name);
    }
    let find = |family: &str| {
        let length = family.len() + name.len();
        let is = |known: &&&str| known.len() == length && known.ends_with(name) && known.starts_with(family);
        MEMBERS.iter().find(is).map(|known| Value::Native(known))
    };
    let found = find(family);
    // A function of the language is a function, too.
    found.or_else(|| if family.ends_with("prototype.") { None } else { find("Function.prototype.") }).or_else(
        || match (family, name) {
            ("String.", "prototype") => Some(Value::Native("String.prototype")),
            ("Array.", "prototype") => Some(Value::Native("Array.prototype")),
            ("String.", "name") => Some(Value::text("String")),
            ("Number.", "name") => Some(Value::text("Number")),
            ("Array.", "name") => Some(Value::text("Array")),
            _ => None,
        },
    )
}

impl<'a> Machine<'a, '_> {
    pub fn native(&mut self, name: &'static str, this: &Value, arguments: Vec<Value>) -> Outcome {
        self.enter()?;
        let value = self.native_inner(name, this, arguments);
        self.leave();
        value
    }

    fn native_inner(&mut self, name: &'static str, this: &Value, arguments: Vec<Value>) -> Outcome {
        if name == "eval" || name == "Function" {
            return self.code(name, &arguments);
        }
        if let Some(method) = name.strip_prefix("Function.prototype.") {
            return self.of_function(method, this, arguments);
        }
        if this.is_opaque() || arguments.iter().any(Value::is_opaque) {
            // A list may hold what is not known.
            let may = name.starts_with("Array.prototype.") && !this.is_opaque();
            if !may {
                return if self.mode == Mode::Trace { Ok(Value::Opaque) } else { Err(Stop::Unknown) };
            }
        }
        if let Some(method) = name.strip_prefix("Array.prototype.") {
            return self.of_list(method, this, arguments);
        }
        if let Some(method) = name.strip_prefix("String.prototype.") {
            return strings::call(self, method, this, &arguments);
        }
        let first = arguments.first().cloned().unwrap_or(Value::Undefined);
        match name {
            "String" if arguments.is_empty() => Ok(Value::text("")),
            "String" => self.text_of(&first).map(Value::Text),
            "Number" => self.number_of(&first).map(Value::Number),
            "Boolean" => self.truth(&first).map(Value::Bool),
            "Array" => self.new_list(&arguments),
            "Object" if arguments.is_empty() => self.object(Kind::Plain),
            "RegExp" => {
                let source = if arguments.is_empty() { "(?:)".to_owned() } else { self.string_of(&first)? };
                let flags = arguments.get(1).cloned().map_or(Ok(String::new()), |flags| self.string_of(&flags))?;
                self.charge(source.len() + flags.len())?;
                self.object(Kind::Regex(source, flags))
            }
            "Array.isArray" => Ok(Value::Bool(self.items(&first).is_some())),
            "Array.from" => match (&first, arguments.len()) {
                (Value::Text(units), 1) => {
                    self.letters(units)?;
                    let items = units.iter().map(|&unit| Value::units(vec![unit])).collect();
                    self.array(items)
                }
                (_, 1) => {
                    let items = self.items(&first).cloned().ok_or(Stop::Unknown)?;
                    self.array(items)
                }
                _ => Err(Stop::Unknown),
            },
            "Object.keys" => {
                let names = self.own_names(&first)?.iter().map(|name| Value::text(name)).collect();
                self.array(names)
            }
            "Object.prototype.hasOwnProperty" => {
                let name = self.string_of(&first)?;
                Ok(Value::Bool(self.own_names(this)?.contains(&name)))
            }
            "Object.prototype.toString" => Ok(Value::text(match this {
                Value::Undefined => "[object Undefined]",
                Value::Null => "[object Null]",
                _ if self.items(this).is_some() => "[object Array]",
                _ => "[object Object]",
            })),
            "RegExp.prototype.toString" | "Boolean.prototype.toString" => self.text_of(this).map(Value::Text),
            "RegExp.prototype.test" => strings::test(self, this, &first),
            "Number.prototype.toString" => {
                let base = if matches!(first, Value::Undefined) { 10.0 } else { self.number_of(&first)? };
                Ok(Value::text(&in_base(self.number_of(this)?, base as u32)))
            }
            "Number.prototype.valueOf" => Ok(this.clone()),
            "Number.prototype.toFixed" => {
                let digits = if matches!(first, Value::Undefined) { 0.0 } else { self.number_of(&first)? };
                let text = fixed(self.number_of(this)?, digits).ok_or(Stop::Unknown)?;
                Ok(Value::text(&text))
            }
            "Number.isNaN" => Ok(Value::Bool(matches!(first, Value::Number(number) if number.is_nan()))),
            "isNaN" => Ok(Value::Bool(self.number_of(&first)?.is_nan())),
            "parseInt" | "Number.parseInt" => {
                let text = self.string_of(&first)?;
                let base = arguments.get(1).cloned().map_or(Ok(0.0), |base| self.number_of(&base))?;
                Ok(Value::Number(parse_int(&text, to_int(base))))
            }
            "parseFloat" => {
                let text = self.string_of(&first)?;
                Ok(Value::Number(text_number(number_part(text.trim_start_matches(strings::is_blank)).unwrap_or("NaN"))))
            }
            "String.fromCharCode" | "String.fromCodePoint" => {
                let mut units = Vec::with_capacity(arguments.len());
                for argument in &arguments {
                    let number = self.number_of(argument)?;
                    if name == "String.fromCharCode" {
                        units.push((to_int(number).cast_unsigned() & 0xffff) as u16);
                    } else {
                        let letter = char::from_u32(number as u32).ok_or(Stop::Unknown)?;
                        units.extend(letter.encode_utf16(&mut [0; 2]).iter());
                    }
                }
                self.text(units)
            }
            "atob" | "btoa" | "unescape" | "escape" | "decodeURIComponent" | "encodeURIComponent" | "decodeURI"
            | "encodeURI" => strings::coded(self, name, &first),
            _ => self.of_math(name, &arguments),
        }
    }

    fn of_math(&mut self, name: &str, arguments: &[Value]) -> Outcome {
        let mut numbers = Vec::with_capacity(arguments.len());
        for argument in arguments {
            numbers.push(self.number_of(argument)?);
        }
        let one = numbers.first().copied().unwrap_or(f64::NAN);
        Ok(Value::Number(match name {
            "Math.floor" => one.floor(),
            "Math.ceil" => one.ceil(),
            "Math.round" if one.fract() == -0.5 => one.ceil(),
            "Math.round" => one.round(),
            "Math.abs" => one.abs(),
            "Math.trunc" => one.trunc(),
            "Math.sqrt" => one.sqrt(),
            "Math.sign" if one == 0.0 || one.is_nan() => one,
            "Math.sign" => one.signum(),
            "Math.pow" => power(one, numbers.get(1).copied().unwrap_or(f64::NAN)),
            "Math.min" | "Math.max" if numbers.iter().any(|number| number.is_nan()) => f64::NAN,
            "Math.min" => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            "Math.max" => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            _ if self.mode == Mode::Trace => return Ok(Value::Opaque),
            _ => return Err(Stop::Unknown),
        }))
    }

    /// A text that is run as code: kept, and run on when tracing.
    fn code(&mut self, name: &str, arguments: &[Value]) -> Outcome {
        let Some(last) = arguments.last() else { return Ok(Value::Undefined) };
        let Value::Text(code) = last.clone() else {
            return if name == "eval" { Ok(last.clone()) } else { Err(Stop::Unknown) };
        };
        if self.mode == Mode::Pure {
            return Err(Stop::Unknown);
        }
        let mut text = String::from_utf16_lossy(&code);
        if name == "eval" {
            self.capture(Technique::Eval, &code);
            return self.run_inside(&text);
        }
        if !is_trivial(&text) {
            self.capture(Technique::Eval, &code);
        }
        let mut names = Vec::new();
        for argument in arguments.iter().take(arguments.len() - 1) {
            names.push(self.string_of(argument)?);
        }
        text = format!("(function anonymous({}\n) {{\n{text}\n}})", names.join(","));
        self.run_inside(&text)
    }

    fn run_inside(&mut self, text: &str) -> Outcome {
        let Ok(program) = self.parse(text) else { return Ok(Value::Opaque) };
        let before = std::mem::replace(&mut self.own, false);
        let value = self.run(program);
        self.own = before;
        value
    }

    fn of_function(&mut self, method: &str, this: &Value, mut arguments: Vec<Value>) -> Outcome {
        if this.is_opaque() {
            return Ok(Value::Opaque);
        }
        let target = if arguments.is_empty() { Value::Undefined } else { arguments.remove(0) };
        match method {
            "call" => self.call(this, target, arguments),
            "apply" => {
                let list = match arguments.first() {
                    None | Some(Value::Undefined | Value::Null) => Vec::new(),
                    Some(list) => self.items(list).cloned().ok_or(Stop::Unknown)?,
                };
                self.spend(list.len())?;
                self.call(this, target, list)
            }
            "bind" => self.object(Kind::Bound(this.clone(), target, arguments)),
            "toString" => self.text_of(this).map(Value::Text),
            _ => Err(Stop::Unknown),
        }
    }

    fn new_list(&mut self, arguments: &[Value]) -> Outcome {
        match arguments {
            [Value::Number(length)] if *length >= 0.0 && *length <= MAX_ELEMENTS as f64 => {
                self.array(vec![Value::Undefined; *length as usize])
            }
            _ => self.array(arguments.to_vec()),
        }
    }

    fn of_list(&mut self, method: &str, this: &Value, arguments: Vec<Value>) -> Outcome {
        let Some(length) = self.items(this).map(Vec::len) else { return Err(Stop::Unknown) };
        let first = arguments.first().cloned().unwrap_or(Value::Undefined);
        match method {
            "push" | "pop" | "shift" | "unshift" | "reverse" | "splice" | "fill" => {
                return self.change_list(method, this, arguments, length);
            }
            "map" | "forEach" | "filter" | "find" | "some" | "every" => return self.each(method, this, &first),
            "reduce" => return self.reduce(this, &arguments),
            _ => {}
        }
        self.spend(length / 4)?;
        let items = self.items(this).cloned().ok_or(Stop::Unknown)?;
        match method {
            "join" => {
                let separator = if matches!(first, Value::Undefined) { Value::text(",") } else { first };
                let separator = self.text_of(&separator)?;
                let mut units = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        units.extend(separator.iter());
                    }
                    if !matches!(item, Value::Undefined | Value::Null) {
                        units.extend(self.text_of(item)?.iter());
                    }
                    if units.len() * 2 > crate::limits::MAX_VALUE {
                        return Err(Stop::Unknown);
                    }
                }
                self.text(units)
            }
            "slice" => {
                let (start, end) = self.range(&arguments, length)?;
                self.array(items.get(start..end.max(start)).unwrap_or_default().to_vec())
            }
            "concat" => {
                let mut all = items;
                for argument in &arguments {
                    match self.items(argument) {
                        Some(more) => all.extend(more.iter().cloned()),
                        None => all.push(argument.clone()),
                    }
                    self.list_fits(&all)?;
                }
                self.array(all)
            }
            "indexOf" | "includes" if arguments.len() > 1 => Err(Stop::Unknown),
            "indexOf" | "includes" => {
                let mut found = None;
                for (index, item) in items.iter().enumerate() {
                    if self.same(item, &first)? {
                        found = Some(index);
                        break;
                    }
                }
                Ok(if method == "includes" {
                    Value::Bool(found.is_some())
                } else {
                    Value::Number(found.map_or(-1.0, |index| index as f64))
                })
            }
            "toString" => self.text_of(this).map(Value::Text),
            "entries" | "keys" => {
                // What walks through a list is of no use here but for how it is written.
                let object = self.object(Kind::Plain)?;
                self.object(Kind::Plain)?;
                if let Value::Object(place) = object {
                    let text = self.closure_of_text("[object Array Iterator]")?;
                    self.heap[place].set("toString", text);
                }
                Ok(object)
            }
            "flat" if !arguments.is_empty() => Err(Stop::Unknown),
            "flat" => {
                let mut all = Vec::new();
                for item in items {
                    match self.items(&item) {
                        Some(inner) => all.extend(inner.iter().cloned()),
                        None => all.push(item),
                    }
                    self.list_fits(&all)?;
                }
                self.array(all)
            }
            "at" => {
                let index = self.number_of(&first)?;
                let index = if index < 0.0 { index + length as f64 } else { index };
                Ok(if index < 0.0 {
                    Value::Undefined
                } else {
                    items.get(index as usize).cloned().unwrap_or(Value::Undefined)
                })
            }
            _ => Err(Stop::Unknown),
        }
    }

    /// A function that gives a text.
    fn closure_of_text(&mut self, text: &str) -> Outcome {
        self.object(Kind::Bound(Value::Native("String"), Value::Undefined, vec![Value::text(text)]))
    }

    fn change_list(&mut self, method: &str, this: &Value, arguments: Vec<Value>, length: usize) -> Outcome {
        if matches!(method, "shift" | "unshift" | "reverse" | "splice" | "fill") {
            self.spend(length / 16)?;
        }
        let (start, count) = if method == "splice" { self.splice_range(&arguments, length)? } else { (0, 0) };
        let fits = length + arguments.len() <= MAX_ELEMENTS;
        self.charge(arguments.len() * 32)?;
        let items = self.items_mut(this).filter(|_| fits).ok_or(Stop::Unknown)?;
        Ok(match method {
            "push" => {
                items.extend(arguments);
                Value::Number(items.len() as f64)
            }
            "pop" => items.pop().unwrap_or(Value::Undefined),
            "shift" if items.is_empty() => Value::Undefined,
            "shift" => items.remove(0),
            "unshift" => {
                items.splice(0..0, arguments);
                Value::Number(items.len() as f64)
            }
            "reverse" => {
                items.reverse();
                this.clone()
            }
            "fill" if arguments.len() == 1 => {
                items.fill(arguments[0].clone());
                this.clone()
            }
            "splice" => {
                let removed: Vec<Value> = items.splice(start..start + count, arguments.into_iter().skip(2)).collect();
                return self.array(removed);
            }
            _ => return Err(Stop::Unknown),
        })
    }

    fn splice_range(&mut self, arguments: &[Value], length: usize) -> Outcome<(usize, usize)> {
        let start = self.index(arguments.first(), length, 0)?;
        let count = match arguments.get(1) {
            None if arguments.is_empty() => 0,
            None => length - start,
            Some(count) => (self.number_of(count)?.max(0.0) as usize).min(length - start),
        };
        Ok((start, count))
    }

    /// Start and end of a slice: from the end where they are negative.
    pub fn range(&mut self, arguments: &[Value], length: usize) -> Outcome<(usize, usize)> {
        Ok((self.index(arguments.first(), length, 0)?, self.index(arguments.get(1), length, length)?))
    }

    fn index(&mut self, argument: Option<&Value>, length: usize, default: usize) -> Outcome<usize> {
        let number = match argument {
            None | Some(Value::Undefined) => return Ok(default),
            Some(value) => self.number_of(value)?.trunc(),
        };
        let number = if number < 0.0 { number + length as f64 } else { number };
        Ok((number.max(0.0) as usize).min(length))
    }

    fn each(&mut self, method: &str, this: &Value, function: &Value) -> Outcome {
        let mut made = Vec::new();
        let mut index = 0;
        while let Some(item) = self.items(this).and_then(|items| items.get(index)).cloned() {
            let value =
                self.call(function, Value::Undefined, vec![item.clone(), Value::Number(index as f64), this.clone()])?;
            match method {
                "map" => made.push(value),
                "forEach" => {}
                _ => {
                    let is_true = self.truth(&value)?;
                    match method {
                        "filter" if is_true => made.push(item),
                        "find" if is_true => return Ok(item),
                        "some" if is_true => return Ok(Value::Bool(true)),
                        "every" if !is_true => return Ok(Value::Bool(false)),
                        _ => {}
                    }
                }
            }
            index += 1;
        }
        match method {
            "map" | "filter" => self.array(made),
            "some" => Ok(Value::Bool(false)),
            "every" => Ok(Value::Bool(true)),
            _ => Ok(Value::Undefined),
        }
    }

    fn reduce(&mut self, this: &Value, arguments: &[Value]) -> Outcome {
        let function = arguments.first().cloned().unwrap_or(Value::Undefined);
        self.spend(self.items(this).map_or(0, Vec::len) / 4)?;
        let items = self.items(this).cloned().ok_or(Stop::Unknown)?;
        let mut items = items.into_iter().enumerate();
        let mut value = match arguments.get(1) {
            Some(value) => value.clone(),
            None => items.next().ok_or(Stop::Thrown(Value::text("TypeError")))?.1,
        };
        for (index, item) in items {
            value =
                self.call(&function, Value::Undefined, vec![value, item, Value::Number(index as f64), this.clone()])?;
        }
        Ok(value)
    }
}

/// What encoders made of few characters use to reach the global object and its functions.
fn is_trivial(code: &str) -> bool {
    let code = code.trim().trim_end_matches(';');
    // What keeps debuggers busy is nothing that was hidden.
    if code == "debugger" || code == "while (true) {}" {
        return true;
    }
    code.strip_prefix("return").is_some_and(|rest| {
        let rest = rest.trim();
        rest.len() <= 24
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'(' | b')' | b' '))
    })
}

/// The number that a text begins with, as `parseFloat` reads it.
fn number_part(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let digits =
        |from: usize| bytes.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
    let start = usize::from(text.starts_with(['+', '-']));
    if text[start..].starts_with("Infinity") {
        return text.get(..start + "Infinity".len());
    }
    let whole = digits(start);
    let mut end = start + whole;
    let mut fraction = 0;
    if bytes.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        end += if whole + fraction > 0 { 1 + fraction } else { 0 };
    }
    if whole + fraction == 0 {
        return None;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let power = digits(signed);
        end = if power > 0 { signed + power } else { end };
    }
    text.get(..end)
}

/// With so many digits behind the point; of two neighbours that are as near, the larger. None where it is written otherwise.
fn fixed(number: f64, digits: f64) -> Option<String> {
    let size = number.abs();
    if !(0.0..=20.0).contains(&digits) || size.is_nan() || size >= 1e15 {
        return None;
    }
    let digits = digits as usize;
    let text = format!("{size:.digits$}");
    // A tie is one that ends where one digit more is told, exactly.
    let more = format!("{size:.*}", digits + 1);
    let exact = format!("{size:.1074}");
    let is_tie = more.ends_with('5') && exact.trim_end_matches('0').len() == more.len();
    let text = if is_tie { format!("{:.digits$}", size.next_up()) } else { text };
    Some(if number < 0.0 { format!("-{text}") } else { text })
}

fn parse_int(text: &str, base: i32) -> f64 {
    let text = text.trim_matches(strings::is_blank);
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).filter(|_| base == 0 || base == 16);
    let base = match (base, hex) {
        (_, Some(_)) => 16,
        (0, None) => 10,
        (base, None) => base.cast_unsigned(),
    };
    if !(2..=36).contains(&base) {
        return f64::NAN;
    }
    let digits = hex.unwrap_or(text);
    let mut value = None;
    for digit in digits.chars().map_while(|letter| letter.to_digit(base)) {
        value = Some(value.unwrap_or(0.0) * f64::from(base) + f64::from(digit));
    }
    value.map_or(f64::NAN, |value| sign * value)
}
