//! What the language has by itself: its functions, by name. None of them has an effect outside.

use super::machine::{Machine, Mode, Outcome, Stop};
use super::parse;
use super::value::{Kind, Value, in_base, power, text_number, to_int};
use super::{coding, regex, strings};
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

/// Characters of a text that is run as a function to decode something.
const MAX_STUB: usize = 4_096;

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
        if !self.replaced.is_empty() && self.replaced.contains(name) {
            return Err(Stop::Unknown);
        }
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
            "Array.from" if arguments.len() == 1 => {
                let items = self.spread(&first)?;
                self.array(items)
            }
            "Array.from" => Err(Stop::Unknown),
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
            "RegExp.prototype.test" => regex::test(self, this, &first),
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
            "String.fromCharCode" if arguments.len() == 1 => {
                let unit = to_int(self.number_of(&first)?).cast_unsigned() & 0xffff;
                self.letter(unit as u16)
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
            | "encodeURI" => coding::coded(self, name, &first),
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
        // Decoders reach for the global object so; what `eval` runs may change what is around it.
        if self.mode == Mode::Pure && (name == "eval" || code.len() > MAX_STUB) {
            return Err(Stop::Unknown);
        }
        let mut text = String::from_utf16_lossy(&code);
        if self.mode == Mode::Pure && keeps_busy(&text) {
            return Err(Stop::Unknown);
        }
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
        if self.mode == Mode::Pure && text.len() > 2 * MAX_STUB {
            return Err(Stop::Unknown);
        }
        self.run_inside(&text)
    }

    fn run_inside(&mut self, text: &str) -> Outcome {
        let program = match self.parse(text) {
            Err(stop) if self.mode == Mode::Pure => return Err(stop),
            Err(_) => return Ok(Value::Opaque),
            Ok(program) => program,
        };
        // A body that ends the function which is put around it is none.
        if self.mode == Mode::Pure && !parse::is_function(program) {
            return Err(Stop::Unknown);
        }
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

    /// A function that gives a text.
    pub fn closure_of_text(&mut self, text: &str) -> Outcome {
        self.object(Kind::Bound(Value::Native("String"), Value::Undefined, vec![Value::text(text)]))
    }
}

/// What keeps debuggers busy is nothing that was hidden, and has no value.
fn keeps_busy(code: &str) -> bool {
    let words: String = code.split_ascii_whitespace().collect();
    matches!(words.trim_end_matches(';'), "debugger" | "while(true){}" | "while(!0){}" | "for(;;){}")
}

/// Names that lead to the global object and to nothing else.
const WAYS: [&str; 9] =
    ["return", "this", "function", "Function", "constructor", "window", "self", "global", "globalThis"];
/// Characters of a way to the global object.
const MAX_WAY: usize = 80;

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '_' | '$')))
        .filter(|word| !word.is_empty())
}

/// What encoders made of few characters use to reach the global object and its functions.
fn is_trivial(code: &str) -> bool {
    let code = code.trim().trim_end_matches(';');
    if keeps_busy(code) {
        return true;
    }
    code.strip_prefix("return").is_some_and(|rest| {
        let rest = rest.trim();
        if rest.len() <= MAX_WAY && words(rest).all(|word| WAYS.contains(&word)) {
            return true;
        }
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
