//! What operators, members and types of PowerShell do with values.

use std::collections::HashSet;

use crate::budget::Budget;
use crate::decode::base64::{self, STANDARD};
use crate::decode::text::utf16;
use crate::decode::{Packed, inflate, lossy};
use crate::limits::{MAX_ELEMENTS, MAX_VALUE};
use crate::pattern::Pattern;
use crate::script::{self, Value, letters, listed};

pub fn plus(left: Value, right: &Value) -> Option<Value> {
    Some(match (left, right) {
        (Value::Text(mut left), right) => {
            left.push_str(&joined(right)?);
            Value::Text(left)
        }
        (Value::Char(left), right) => Value::Text(format!("{left}{}", right.text()?)),
        (Value::Int(left), right) => Value::Int(left.wrapping_add(right.int()?)),
        (Value::List(mut left), right) => {
            left.extend(right.items());
            Value::List(left)
        }
        (Value::Bytes(left), right) => Value::Bytes([left, right.bytes()?].concat()),
        (Value::Name(_), _) => return None,
    })
}

/// As a value is written into a text: a list with spaces.
fn joined(value: &Value) -> Option<String> {
    match value {
        Value::List(items) => Some(items.iter().map(joined).collect::<Option<Vec<_>>>()?.join(" ")),
        other => other.text(),
    }
}

pub fn times(left: &Value, right: &Value) -> Option<Value> {
    let count = right.int()?;
    match left {
        Value::Text(text) => {
            let count = usize::try_from(count).ok()?;
            (text.len().checked_mul(count)? <= MAX_VALUE).then(|| Value::Text(text.repeat(count)))
        }
        other => Some(Value::Int(other.int()?.wrapping_mul(count))),
    }
}

pub fn join(value: &Value, separator: &str) -> Option<Value> {
    let texts: Option<Vec<String>> = value.items().iter().map(joined).collect();
    script::joined(&texts?, separator).map(Value::Text)
}

/// `{0}{1,5}{2:X2}` with what they stand for.
pub fn format(pattern: &str, arguments: &[Value]) -> Option<String> {
    script::filled(pattern, |inner| item(inner, arguments))
}

/// Characters that a format item may be made as long as.
const MAX_WIDTH: usize = 1_000;

/// One item: a number, how wide it is (to the right of zero: on the right), and how a number is written.
fn item(inner: &str, arguments: &[Value]) -> Option<String> {
    let (place, form) = inner.split_once(':').map_or((inner, ""), |(place, form)| (place, form));
    let (index, width) = place.split_once(',').map_or((place, "0"), |(index, width)| (index, width));
    let value = arguments.get(index.trim().parse::<usize>().ok()?)?;
    // Forms are those of numbers: a text is as it is.
    let text = match value {
        Value::Int(number) if !form.is_empty() => formed(*number, form)?,
        other => joined(other)?,
    };
    let width: i64 = width.trim().parse().ok()?;
    let room = usize::try_from(width.unsigned_abs()).ok().filter(|room| *room <= MAX_WIDTH)?;
    Some(if width < 0 { format!("{text:<room$}") } else { format!("{text:>room$}") })
}

/// A number as `X2`, `d3` or `000` write it; None for what depends on where it is run.
fn formed(number: i64, form: &str) -> Option<String> {
    let sign = if number < 0 { "-" } else { "" };
    let size = number.unsigned_abs();
    if form.bytes().all(|byte| byte == b'0') && form.len() <= MAX_WIDTH {
        return Some(format!("{sign}{size:0>least$}", least = form.len()));
    }
    let (kind, least) = form.split_at_checked(1)?;
    let least = if least.is_empty() { 0 } else { least.parse::<usize>().ok().filter(|least| *least < 100)? };
    // Below zero, the digits are those of the 32 bits that numbers have here, or of 64.
    let bits = i32::try_from(number).map_or(number.cast_unsigned(), |number| u64::from(number.cast_unsigned()));
    match kind {
        "X" => Some(format!("{bits:0>least$X}")),
        "x" => Some(format!("{bits:0>least$x}")),
        "D" | "d" => Some(format!("{sign}{size:0>least$}")),
        _ => None,
    }
}

pub fn operator(operator: &str, left: &Value, right: &Value, budget: &mut Budget) -> Option<Value> {
    if !budget.spend(left.size() / 16 + 1) {
        return None;
    }
    match operator {
        "-join" => join(left, &right.text()?),
        "-replace" | "-ireplace" | "-creplace" => replace(operator, left, &right.items(), budget),
        "-split" | "-isplit" | "-csplit" => {
            // A second argument is the number of parts.
            let patterns = right.items();
            let [pattern] = patterns.as_slice() else { return None };
            let regex = regex(&pattern.text()?, operator != "-csplit", budget)?;
            let mut parts = Vec::new();
            for text in left.items() {
                let (text, mut at) = (text.text()?, 0);
                regex.each(&text, budget, |groups, _| {
                    let all = groups.get(0)?;
                    parts.push(Value::Text(text.get(at..all.start())?.to_owned()));
                    at = all.end();
                    (parts.len() <= MAX_ELEMENTS).then_some(true)
                })?;
                parts.push(Value::Text(text.get(at..)?.to_owned()));
            }
            Some(Value::List(parts))
        }
        "-bxor" => Some(Value::Int(left.int()? ^ right.int()?)),
        "-band" => Some(Value::Int(left.int()? & right.int()?)),
        "-bor" => Some(Value::Int(left.int()? | right.int()?)),
        "-as" => match right {
            Value::Name(name) => cast(name, left.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn regex(pattern: &str, insensitive: bool, budget: &mut Budget) -> Option<Pattern> {
    let set = |builder: &mut regex_lite::RegexBuilder| {
        builder.case_insensitive(insensitive);
    };
    Pattern::new(pattern, set, budget)
}

fn replace(operator: &str, left: &Value, arguments: &[Value], budget: &mut Budget) -> Option<Value> {
    let regex = regex(&arguments.first()?.text()?, operator != "-creplace", budget)?;
    let with = arguments.get(1).map_or(Some(String::new()), Value::text)?;
    let text = left.text()?;
    let with_groups = if with.contains('$') { Some(groups(&with)?) } else { None };
    let (mut done, mut at) = (String::with_capacity(text.len()), 0);
    regex.each(&text, budget, |found, _| {
        let all = found.get(0)?;
        done.push_str(text.get(at..all.start())?);
        match &with_groups {
            Some(with) => found.expand(with, &mut done),
            None => done.push_str(&with),
        }
        at = all.end();
        (done.len() <= MAX_VALUE).then_some(true)
    })?;
    done.push_str(text.get(at..)?);
    Value::Text(done).bounded()
}

/// What a text is replaced with, as the regular expressions here write it: the number of a group ends with its digit.
/// None for all that is no number of one digit.
fn groups(with: &str) -> Option<String> {
    let mut done = String::with_capacity(with.len() + 8);
    let mut letters = with.chars().peekable();
    while let Some(letter) = letters.next() {
        done.push(letter);
        if letter != '$' {
            continue;
        }
        match letters.next()? {
            '$' => done.push('$'),
            digit if digit.is_ascii_digit() && !letters.peek().is_some_and(char::is_ascii_digit) => {
                done.push_str(&format!("{{{digit}}}"));
            }
            _ => return None,
        }
    }
    Some(done)
}

pub fn cast(name: &str, value: Value) -> Option<Value> {
    Some(match name {
        "char" => match value {
            Value::Int(number) => Value::Char(char::from_u32(u32::try_from(number).ok()?)?),
            Value::Char(_) => value,
            Value::Text(text) => match number_or_letter(&text)? {
                Value::Int(number) => Value::Char(char::from_u32(u32::try_from(number).ok()?)?),
                letter => letter,
            },
            _ => return None,
        },
        "string" => Value::Text(joined(&value)?),
        "string[]" => {
            Value::List(value.items().iter().map(|item| item.text().map(Value::Text)).collect::<Option<_>>()?)
        }
        "int" | "int32" | "int64" | "long" | "byte" | "uint32" | "int16" | "uint16" => Value::Int(value.int()?),
        "char[]" => match value {
            Value::Text(text) => Value::List(letters(&text, Value::Char)?),
            other => Value::List(other.items().into_iter().map(|item| cast("char", item)).collect::<Option<_>>()?),
        },
        "int[]" => Value::List(value.items().iter().map(|item| item.int().map(Value::Int)).collect::<Option<_>>()?),
        "byte[]" => Value::Bytes(match value {
            Value::Text(_) => return None,
            other => other.bytes()?,
        }),
        "array" | "object[]" => Value::List(value.items()),
        "scriptblock" | "regex" | "object" | "psobject" => value,
        name if name.ends_with("memorystream") => Value::Bytes(value.bytes()?),
        _ => return None,
    })
}

/// A text of one letter is that letter, a longer one a number.
fn number_or_letter(text: &str) -> Option<Value> {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Some(Value::Char(letter)),
        _ => crate::script::number(text.trim()).map(Value::Int),
    }
}

pub fn index(value: &Value, index: &Value) -> Option<Value> {
    let items: Vec<Value> = match value {
        Value::Text(text) => letters(text, Value::Char)?,
        other => other.items(),
    };
    let at = |index: &Value| {
        let index = index.int()?;
        let index = if index < 0 { index.checked_add(i64::try_from(items.len()).ok()?)? } else { index };
        items.get(usize::try_from(index).ok()?).cloned()
    };
    match index {
        Value::List(indexes) if indexes.len() <= crate::limits::MAX_ELEMENTS => {
            // What is beyond the end is nothing.
            Some(Value::List(indexes.iter().filter_map(at).collect()))
        }
        one => at(one),
    }
}

/// A member, called with arguments or read.
pub fn member(value: &Value, name: &str, arguments: Option<&[Value]>, budget: &mut Budget) -> Option<Value> {
    if !budget.spend(value.size() / 16 + 1) {
        return None;
    }
    match value {
        Value::Name(of) => of_name(of, name, arguments, budget),
        Value::Text(text) => of_text(text, name, arguments),
        Value::Char(letter) => of_text(&letter.to_string(), name, arguments),
        Value::Bytes(bytes) => match name {
            "readtoend" => Some(Value::Text(lossy(bytes).into_owned())),
            "toarray" => Some(value.clone()),
            "length" | "count" => Some(Value::Int(i64::try_from(bytes.len()).ok()?)),
            _ => None,
        },
        Value::List(items) => match name {
            "length" | "count" => Some(Value::Int(i64::try_from(items.len()).ok()?)),
            _ => None,
        },
        Value::Int(number) => {
            (name == "tostring" && arguments.is_some_and(<[Value]>::is_empty)).then(|| Value::Text(number.to_string()))
        }
    }
}

fn of_name(of: &str, name: &str, arguments: Option<&[Value]>, budget: &mut Budget) -> Option<Value> {
    if of == "maximumdrivecount" {
        return (name == "name").then(|| Value::Text("MaximumDriveCount".to_owned()));
    }
    let argument = |index: usize| arguments?.get(index);
    match (of.rsplit('.').next().unwrap_or(of), name) {
        ("convert", "frombase64string") => base64::decode(argument(0)?.text()?.as_bytes(), STANDARD).map(Value::Bytes),
        ("convert", "toint32" | "toint16" | "tobyte" | "toint64") => {
            let (text, base) = (argument(0)?.text()?, argument(1).map_or(Some(10), Value::int)?);
            let text = text.trim().trim_start_matches("0x");
            i64::from_str_radix(text, u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?)
                .ok()
                .map(Value::Int)
        }
        ("convert", "tochar") => cast("char", argument(0)?.clone()),
        ("string", "join") => {
            let separator = argument(0)?.text()?;
            let items = match arguments? {
                [_, list @ (Value::List(_) | Value::Bytes(_))] => list.clone(),
                all => Value::List(all.get(1..)?.to_vec()),
            };
            join(&items, &separator)
        }
        ("string", "concat") => join(&Value::List(arguments?.to_vec()), ""),
        ("string", "format") => format(&argument(0)?.text()?, arguments?.get(1..)?).map(Value::Text),
        ("regex", "replace") => replace("-creplace", argument(0)?, arguments?.get(1..)?, budget),
        ("regex", "unescape") => Some(Value::Text(crate::decode::text::escapes(&argument(0)?.text()?))),
        ("char", "convertfromutf32") => cast("char", argument(0)?.clone()),
        ("uri", "unescapedatastring") => {
            Some(Value::Text(lossy(&crate::decode::text::percent(argument(0)?.text()?.as_bytes())).into_owned()))
        }
        ("encoding", _) if arguments.is_none() => Some(Value::Name(format!("encoding.{name}"))),
        (encoding, "getstring") if of.starts_with("encoding.") => {
            let bytes = argument(0)?.bytes()?;
            let text = match encoding {
                "unicode" => utf16(&bytes, true),
                "bigendianunicode" => utf16(&bytes, false),
                _ => bytes,
            };
            Some(Value::Text(lossy(&text).into_owned()))
        }
        (encoding, "getbytes") if of.starts_with("encoding.") => {
            let text = argument(0)?.text()?;
            Some(Value::Bytes(match encoding {
                "unicode" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                _ => text.into_bytes(),
            }))
        }
        ("compressionmode", _) if arguments.is_none() => Some(Value::Name(name.to_owned())),
        _ => None,
    }
}

fn of_text(text: &str, name: &str, arguments: Option<&[Value]>) -> Option<Value> {
    let given = arguments.unwrap_or_default();
    let string = |index: usize| given.get(index).and_then(Value::text);
    let number = |index: usize| given.get(index).and_then(Value::int).and_then(|number| usize::try_from(number).ok());
    let letters = || text.chars().collect::<Vec<char>>();
    Some(match (name, given.len()) {
        ("length", _) => Value::Int(i64::try_from(text.chars().count()).ok()?),
        ("tostring" | "trim" | "normalize", 0) if arguments.is_some() => {
            Value::Text(if name == "trim" { text.trim() } else { text }.to_owned())
        }
        ("toupper" | "toupperinvariant", 0) => Value::Text(text.to_uppercase()),
        ("tolower" | "tolowerinvariant", 0) => Value::Text(text.to_lowercase()),
        ("tochararray", 0) => Value::List(script::letters(text, Value::Char)?),
        ("replace", 2) => {
            let from = string(0).filter(|from| !from.is_empty())?;
            Value::Text(script::replaced(text, &from, &string(1)?)?)
        }
        ("split", 1..) => {
            // Numbers of parts and options come behind the signs; of those nothing is known here.
            let is_sign = |item: &Value| matches!(item, Value::Text(_) | Value::Char(_));
            let signs = given.iter().flat_map(Value::items);
            let signs = signs.map(|item| is_sign(&item).then(|| item.text()).flatten()).collect::<Option<String>>()?;
            let signs: HashSet<char> = signs.chars().collect();
            let parts = text.split(|letter| signs.contains(&letter));
            Value::List(listed(parts.map(|part| Value::Text(part.to_owned())))?)
        }
        ("substring", 1) => Value::Text(letters().get(number(0)?..)?.iter().collect()),
        ("substring", 2) => {
            Value::Text(letters().get(number(0)?..number(0)?.checked_add(number(1)?)?)?.iter().collect())
        }
        ("remove", 1) => Value::Text(letters().get(..number(0)?)?.iter().collect()),
        ("remove", 2) => {
            let mut all = letters();
            let (start, end) = (number(0)?, number(0)?.checked_add(number(1)?)?);
            if end > all.len() {
                return None;
            }
            all.drain(start..end);
            Value::Text(all.into_iter().collect())
        }
        ("insert", 2) => {
            let mut all = letters();
            let at = number(0).filter(|&at| at <= all.len())?;
            all.splice(at..at, string(1)?.chars());
            Value::Text(all.into_iter().collect())
        }
        ("indexof", 1) => {
            let found = text.find(&string(0)?);
            Value::Int(found.map_or(-1, |at| i64::try_from(text[..at].chars().count()).unwrap_or(-1)))
        }
        ("invoke", _) => return None,
        _ => return None,
    })
}

/// What comes out of an object that is made of bytes.
pub fn stream(name: &str, arguments: &[Value]) -> Option<Value> {
    let name = name.strip_prefix("system.").unwrap_or(name);
    let bytes = || arguments.first().and_then(Value::bytes);
    match name.rsplit('.').next().unwrap_or(name) {
        "memorystream" | "streamreader" | "binaryreader" => Some(Value::Bytes(match arguments.first()? {
            Value::List(items) if items.len() == 1 => items.first()?.bytes()?,
            _ => bytes()?,
        })),
        "deflatestream" => inflate(&bytes()?, Packed::Raw).map(Value::Bytes),
        "gzipstream" => inflate(&bytes()?, Packed::Gzip).map(Value::Bytes),
        "string" => match arguments {
            [Value::List(items)] => join(&Value::List(items.clone()), ""),
            [other] => Some(Value::Text(other.text()?)),
            _ => None,
        },
        "asciiencoding" | "utf8encoding" => Some(Value::Name("encoding.utf8".to_owned())),
        "unicodeencoding" => Some(Value::Name("encoding.unicode".to_owned())),
        _ => None,
    }
}
