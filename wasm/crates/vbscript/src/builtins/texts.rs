//! Functions of texts. Characters are counted, not bytes; a text of one byte a character is cut without counting.

use std::rc::Rc;

use script_host::{Fault, charset};

use super::{arg, count, wrong};
use crate::machine::{Done, MAX_ITEMS, MAX_TEXT};
use crate::values::Val;

pub const NAMES: [&str; 40] = [
    "chr",
    "chrw",
    "chrb",
    "asc",
    "ascw",
    "ascb",
    "len",
    "lenb",
    "left",
    "right",
    "mid",
    "midb",
    "leftb",
    "rightb",
    "instr",
    "instrrev",
    "replace",
    "split",
    "join",
    "strreverse",
    "ucase",
    "lcase",
    "trim",
    "ltrim",
    "rtrim",
    "space",
    "string",
    "hex",
    "oct",
    "strcomp",
    "filter",
    "escape",
    "unescape",
    "strconv",
    "instrb",
    "format",
    "array",
    "ubound",
    "lbound",
    "val",
];

pub fn call(name: &str, args: &[Val]) -> Done<Val> {
    let first = arg(args, 0);
    Ok(match name {
        "chr" | "chrw" | "chrb" => character(name, first)?,
        "asc" | "ascw" | "ascb" => code(name, &first.to_text())?,
        "len" | "lenb" if matches!(first, Val::Null) => Val::Null,
        "len" => Val::size(characters(&first.to_text())),
        "lenb" => match first {
            Val::Bytes(bytes) => Val::size(bytes.len()),
            other => Val::size(2 * characters(&other.to_text())),
        },
        "leftb" | "midb" | "rightb" => byte_piece(name, args)?,
        "instrb" => find_bytes(args)?,
        "left" => Val::text(piece(&first.to_text(), 0, count(arg(args, 1))?)),
        "right" => {
            let text = first.to_text();
            let (all, wanted) = (characters(&text), count(arg(args, 1))?);
            Val::text(piece(&text, all.saturating_sub(wanted), wanted))
        }
        "mid" => {
            let start = count(arg(args, 1))?.checked_sub(1).ok_or_else(wrong)?;
            let length = args.get(2).map_or(Ok(usize::MAX), count)?;
            Val::text(piece(&first.to_text(), start, length))
        }
        "instr" => find(args)?,
        "instrrev" => find_last(args)?,
        "replace" => replace(args)?,
        "split" => split(args)?,
        "join" => join(args)?,
        "strreverse" => Val::text(first.to_text().chars().rev().collect::<String>()),
        "ucase" => Val::text(first.to_text().to_uppercase()),
        "lcase" => Val::text(first.to_text().to_lowercase()),
        "trim" => Val::text(first.to_text().trim_matches(' ')),
        "ltrim" => Val::text(first.to_text().trim_start_matches(' ')),
        "rtrim" => Val::text(first.to_text().trim_end_matches(' ')),
        "space" => Val::text(" ".repeat(limited(count(first)?, 1)?)),
        "string" => {
            let sign = match arg(args, 1) {
                Val::Text(text) => text.chars().next().ok_or_else(wrong)?,
                other => char::from(other.to_integer().to_le_bytes()[0]),
            };
            Val::text(sign.to_string().repeat(limited(count(first)?, sign.len_utf8())?))
        }
        "hex" => Val::text(based(first, 16)),
        "oct" => Val::text(based(first, 8)),
        "strcomp" => {
            let (one, other) = (first.to_text(), arg(args, 1).to_text());
            let order = if ignores_case(arg(args, 2)) {
                one.to_lowercase().cmp(&other.to_lowercase())
            } else {
                one.cmp(&other)
            };
            Val::Number(f64::from(order as i8))
        }
        "filter" => filter(args),
        "escape" => Val::text(escape(&first.to_text())),
        "unescape" => Val::text(unescape(&first.to_text())),
        "strconv" => convert(first, arg(args, 1).to_integer()),
        "format" => Val::Text(first.to_text()),
        "array" => Val::array(args.to_vec()),
        "ubound" | "lbound" => bound(name, args)?,
        _ => Val::Number(leading_number(&first.to_text())),
    })
}

fn character(name: &str, value: &Val) -> Done<Val> {
    let code =
        value.number().ok_or_else(|| Fault::Thrown(13, "Type mismatch".to_owned())).map(|_| value.to_integer())?;
    if name == "chrw" {
        let code = u32::from(code.to_le_bytes()[0]) | u32::from(code.to_le_bytes()[1]) << 8;
        return Ok(Val::text(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).to_string()));
    }
    let byte = u8::try_from(code).map_err(|_| wrong())?;
    if name == "chrb" {
        return Ok(Val::Bytes([byte].into()));
    }
    // As windows-1252 has it, which is how a file that is written gets its bytes back.
    Ok(Val::text(charset::decode(&[byte], "windows-1252")))
}

fn code(name: &str, text: &str) -> Done<Val> {
    let char = text.chars().next().ok_or_else(wrong)?;
    Ok(Val::Number(match (name, u32::from(char)) {
        ("ascw", code) if code > 0x7fff => f64::from(code) - 65_536.0,
        ("ascw", code) => f64::from(code),
        _ => f64::from(charset::encode(&char.to_string(), "windows-1252").first().copied().unwrap_or(63)),
    }))
}

fn characters(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

fn piece(text: &str, start: usize, length: usize) -> &str {
    if text.is_ascii() {
        let start = start.min(text.len());
        return text.get(start..start.saturating_add(length).min(text.len())).unwrap_or_default();
    }
    let from = text.char_indices().nth(start).map_or(text.len(), |(at, _)| at);
    let rest = text.get(from..).unwrap_or_default();
    let to = rest.char_indices().nth(length).map_or(rest.len(), |(at, _)| at);
    rest.get(..to).unwrap_or_default()
}

/// Of a text, those that Windows keeps it in: two for a character.
fn bytes_of(value: &Val) -> Rc<[u8]> {
    match value {
        Val::Bytes(bytes) => bytes.clone(),
        other => charset::encode(&other.to_text(), "unicode").into(),
    }
}

/// Bytes from a place on; what is whole characters of a text is one.
fn byte_piece(name: &str, args: &[Val]) -> Done<Val> {
    let first = arg(args, 0);
    let bytes = bytes_of(first);
    let (start, length) = match name {
        "midb" => {
            let start = count(arg(args, 1))?.checked_sub(1).ok_or_else(wrong)?;
            (start, args.get(2).map_or(Ok(usize::MAX), count)?)
        }
        "leftb" => (0, count(arg(args, 1))?),
        _ => (bytes.len().saturating_sub(count(arg(args, 1))?), usize::MAX),
    };
    let start = start.min(bytes.len());
    let piece = bytes.get(start..start.saturating_add(length).min(bytes.len())).unwrap_or_default();
    let is_text = !matches!(first, Val::Bytes(_)) && piece.len().is_multiple_of(2);
    Ok(if is_text { Val::text(charset::decode(piece, "unicode")) } else { Val::Bytes(piece.into()) })
}

/// `InStrB([start,] text, wanted)`
fn find_bytes(args: &[Val]) -> Done<Val> {
    let (start, rest) = match args {
        [start, rest @ ..] if rest.len() > 1 => (count(start)?.checked_sub(1).ok_or_else(wrong)?, rest),
        _ => (0, args),
    };
    let (text, wanted) = (bytes_of(arg(rest, 0)), bytes_of(arg(rest, 1)));
    let (text, wanted) = (charset::widen(text.get(start..).unwrap_or_default()), charset::widen(&wanted));
    let found = text.find(&wanted).and_then(|at| text.get(..at));
    Ok(found.map_or(Val::Number(0.0), |before| Val::size(start + characters(before) + 1)))
}

fn limited(count: usize, size: usize) -> Done<usize> {
    if count.saturating_mul(size) <= MAX_TEXT {
        Ok(count)
    } else {
        script_host::met::meet("long texts");
        Err(Fault::Thrown(14, "Out of string space".to_owned()))
    }
}

fn ignores_case(value: &Val) -> bool {
    value.to_integer() == 1
}

/// Where characters of a text begin, in bytes.
fn byte_place(text: &str, characters: usize) -> usize {
    if text.is_ascii() {
        characters.min(text.len())
    } else {
        text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at)
    }
}

/// `InStr([start,] text, wanted [, compare])`
fn find(args: &[Val]) -> Done<Val> {
    let has_start = args.len() > 2 || matches!(arg(args, 0), Val::Number(_)) && args.len() == 3;
    let (start, rest) = match args.split_first() {
        Some((start, rest)) if has_start => (count(start)?.checked_sub(1).ok_or_else(wrong)?, rest),
        _ => (0, args),
    };
    let (mut text, mut wanted) = (arg(rest, 0).to_text().to_string(), arg(rest, 1).to_text().to_string());
    if ignores_case(arg(rest, 2)) {
        (text, wanted) = (text.to_lowercase(), wanted.to_lowercase());
    }
    let from = byte_place(&text, start);
    let found = text.get(from..).and_then(|rest| rest.find(&wanted)).map(|at| from + at);
    Ok(found.map_or(Val::Number(0.0), |at| Val::size(characters(text.get(..at).unwrap_or_default()) + 1)))
}

fn find_last(args: &[Val]) -> Done<Val> {
    let (mut text, mut wanted) = (arg(args, 0).to_text().to_string(), arg(args, 1).to_text().to_string());
    if ignores_case(arg(args, 3)) {
        (text, wanted) = (text.to_lowercase(), wanted.to_lowercase());
    }
    let end = match arg(args, 2).to_integer() {
        0 | -1 => text.len(),
        end => byte_place(&text, usize::try_from(end).map_err(|_| wrong())?),
    };
    let found = text.get(..end).and_then(|text| text.rfind(&wanted));
    Ok(found.map_or(Val::Number(0.0), |at| Val::size(characters(text.get(..at).unwrap_or_default()) + 1)))
}

fn replace(args: &[Val]) -> Done<Val> {
    let (text, wanted, other) = (arg(args, 0).to_text(), arg(args, 1).to_text(), arg(args, 2).to_text());
    if wanted.is_empty() {
        return Ok(Val::Text(text));
    }
    let most = match args.get(4) {
        Some(count) if count.to_integer() >= 0 => usize::try_from(count.to_integer()).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let start = count(args.get(3).unwrap_or(&Val::Number(1.0)))?.saturating_sub(1);
    let text = text.get(byte_place(&text, start)..).unwrap_or_default();
    let haystack = if ignores_case(arg(args, 5)) { text.to_ascii_lowercase() } else { text.to_owned() };
    let needle = if ignores_case(arg(args, 5)) { wanted.to_ascii_lowercase() } else { wanted.to_string() };
    let mut result = String::new();
    let mut at = 0;
    for (found, _) in haystack.match_indices(&needle).take(most) {
        result += text.get(at..found).unwrap_or_default();
        result += &other;
        at = found + needle.len();
        limited(result.len(), 1)?;
    }
    Ok(Val::text(result + text.get(at..).unwrap_or_default()))
}

fn split(args: &[Val]) -> Done<Val> {
    let text = arg(args, 0).to_text();
    let separator = args.get(1).map_or_else(|| " ".into(), Val::to_text);
    if text.is_empty() {
        return Ok(Val::array(Vec::new()));
    }
    if separator.is_empty() {
        return Ok(Val::array(vec![Val::Text(text)]));
    }
    let most = match args.get(2) {
        Some(count) if count.to_integer() > 0 => usize::try_from(count.to_integer()).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let parts: Vec<Val> = text.splitn(most, &*separator).take(MAX_ITEMS + 1).map(Val::text).collect();
    if parts.len() > MAX_ITEMS { Err(Fault::Thrown(7, "Out of memory".to_owned())) } else { Ok(Val::array(parts)) }
}

fn join(args: &[Val]) -> Done<Val> {
    let Val::Array(array) = arg(args, 0) else { return Err(Fault::Thrown(13, "Type mismatch".to_owned())) };
    let separator = args.get(1).map_or_else(|| " ".into(), Val::to_text);
    let mut text = String::new();
    for (at, item) in array.items.iter().enumerate() {
        if at > 0 {
            text += &separator;
        }
        text += &item.to_text();
        limited(text.len(), 1)?;
    }
    Ok(Val::text(text))
}

fn filter(args: &[Val]) -> Val {
    let Val::Array(array) = arg(args, 0) else { return Val::array(Vec::new()) };
    let wanted = arg(args, 1).to_text();
    let keeps = args.get(2).is_none_or(Val::to_bool);
    Val::array(array.items.iter().filter(|item| item.to_text().contains(&*wanted) == keeps).cloned().collect())
}

/// Of negative numbers the 32 bits, or the 16 where these are enough.
fn based(value: &Val, radix: u32) -> String {
    let number = value.to_integer();
    let bits = match (i16::try_from(number), i32::try_from(number)) {
        (Ok(short), _) => u32::from(short.cast_unsigned()),
        (_, Ok(long)) => long.cast_unsigned(),
        _ => u32::MAX,
    };
    if radix == 16 { format!("{bits:X}") } else { format!("{bits:o}") }
}

fn bound(name: &str, args: &[Val]) -> Done<Val> {
    let dimension = args.get(1).map_or(Ok(1), count)?.saturating_sub(1);
    match arg(args, 0) {
        Val::Array(_) if name == "lbound" => Ok(Val::Number(0.0)),
        Val::Array(array) if array.bounds.is_empty() => Ok(Val::Number(-1.0)),
        Val::Array(array) => {
            array.bounds.get(dimension).map(|bound| Val::size(*bound)).ok_or_else(crate::statements::out_of_range)
        }
        Val::Bytes(_) if name == "lbound" => Ok(Val::Number(0.0)),
        Val::Bytes(bytes) if bytes.is_empty() => Ok(Val::Number(-1.0)),
        Val::Bytes(bytes) => Ok(Val::size(bytes.len() - 1)),
        _ => Err(Fault::Thrown(13, "Type mismatch".to_owned())),
    }
}

pub fn type_name(value: &Val) -> &'static str {
    match value {
        Val::Empty => "Empty",
        Val::Null => "Null",
        Val::Nothing => "Nothing",
        Val::Bool(_) => "Boolean",
        Val::Number(number) if number.fract() == 0.0 && number.abs() < 32_768.0 => "Integer",
        Val::Number(number) if number.fract() == 0.0 && number.abs() < 2_147_483_648.0 => "Long",
        Val::Number(_) => "Double",
        Val::Text(_) => "String",
        Val::Bytes(_) => "Byte()",
        Val::Date(_) => "Date",
        Val::Array(_) => "Variant()",
        Val::Object(_) | Val::Instance(_) | Val::Procedure(_) => "Object",
    }
}

/// `Val`: digits as far as they go.
fn leading_number(text: &str) -> f64 {
    let text: String = text.chars().filter(|char| !char.is_whitespace()).take(40).collect();
    let is_based =
        text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("&h") || start.eq_ignore_ascii_case("&o"));
    if is_based {
        return Val::text(text).to_number();
    }
    let end = text
        .char_indices()
        .find(|(at, char)| !(char.is_ascii_digit() || *char == '.' || *at == 0 && "+-".contains(*char)))
        .map_or(text.len(), |(at, _)| at);
    text.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(0.0)
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii_alphanumeric() || b"@*_+-./".contains(&byte) => escaped.push(char::from(byte)),
            Ok(byte) => escaped += &format!("%{byte:02X}"),
            Err(_) => escaped += &format!("%u{unit:04X}"),
        }
    }
    escaped
}

fn unescape(text: &str) -> String {
    let mut units = Vec::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let wide =
            rest.get(..6).filter(|it| it.starts_with("%u")).and_then(|it| u16::from_str_radix(it.get(2..)?, 16).ok());
        let narrow =
            rest.get(..3).filter(|it| it.starts_with('%')).and_then(|it| u16::from_str_radix(it.get(1..)?, 16).ok());
        let length = match (wide, narrow) {
            (Some(unit), _) => {
                units.push(unit);
                6
            }
            (_, Some(unit)) => {
                units.push(unit);
                3
            }
            _ => {
                units.extend(char.encode_utf16(&mut [0; 2]).iter());
                char.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    String::from_utf16_lossy(&units)
}

/// By the numbers of `vbUpperCase` and its like.
fn convert(value: &Val, how: i64) -> Val {
    let text = value.to_text();
    match how {
        1 => Val::text(text.to_uppercase()),
        2 => Val::text(text.to_lowercase()),
        64 => match value {
            Val::Bytes(bytes) => Val::text(charset::decode(bytes, "windows-1252")),
            Val::Array(_) => Val::text(charset::decode(&value.to_host().to_bytes(), "windows-1252")),
            other => other.clone(),
        },
        128 => Val::Bytes(charset::encode(&text, "windows-1252").into()),
        _ => Val::Text(text),
    }
}
