//! What the language does with texts.

use std::rc::Rc;

use super::machine::{Machine, Outcome, Stop};
use super::value::{Kind, Value};
use crate::decode::base64::{self, STANDARD};
use crate::limits::{MAX_ELEMENTS, MAX_VALUE};
use crate::pattern::Pattern;

pub fn call(machine: &mut Machine<'_, '_>, method: &str, this: &Value, arguments: &[Value]) -> Outcome {
    let units = machine.text_of(this)?;
    machine.spend(units.len() / 16)?;
    let first = arguments.first().cloned().unwrap_or(Value::Undefined);
    let number = |machine: &mut Machine<'_, '_>| {
        if matches!(first, Value::Undefined) { Ok(0.0) } else { machine.number_of(&first) }
    };
    match method {
        "toString" | "valueOf" => Ok(Value::Text(units)),
        "charAt" => {
            let index = number(machine)?;
            at(&units, index).map_or_else(|| Ok(Value::text("")), |unit| machine.letter(unit))
        }
        "at" => {
            let index = number(machine)?;
            let index = if index < 0.0 { index + units.len() as f64 } else { index };
            at(&units, index).map_or(Ok(Value::Undefined), |unit| machine.letter(unit))
        }
        "charCodeAt" => {
            let index = number(machine)?;
            Ok(Value::Number(at(&units, index).map_or(f64::NAN, f64::from)))
        }
        "codePointAt" => {
            let index = number(machine)?;
            let Some(rest) = (index > -1.0 || index.is_nan()).then(|| units.get(index as usize..)).flatten() else {
                return Ok(Value::Undefined);
            };
            Ok(char::decode_utf16(rest.iter().copied()).next().map_or(Value::Undefined, |letter| {
                Value::Number(
                    letter.map_or_else(
                        |lone| f64::from(lone.unpaired_surrogate()),
                        |letter| f64::from(u32::from(letter)),
                    ),
                )
            }))
        }
        "concat" => {
            let mut all = (*units).clone();
            for argument in arguments {
                all.extend(machine.text_of(argument)?.iter());
                machine.fits(&all)?;
            }
            machine.text(all)
        }
        "indexOf" | "lastIndexOf" | "includes" | "startsWith" | "endsWith" => {
            if arguments.len() > 1 && method != "indexOf" {
                return Err(Stop::Unknown);
            }
            let wanted = machine.text_of(&first)?;
            let from = arguments.get(1).map_or(Ok(0.0), |from| machine.number_of(from))?.max(0.0) as usize;
            machine.spend((units.len() + wanted.len()) / 4)?;
            let found = if matches!(method, "indexOf" | "includes") { find(&units, &wanted, from) } else { None };
            Ok(match method {
                "includes" => Value::Bool(found.is_some()),
                "startsWith" => Value::Bool(units.starts_with(&wanted)),
                "endsWith" => Value::Bool(units.ends_with(&wanted)),
                "lastIndexOf" => Value::Number(last(&units, &wanted).map_or(-1.0, |index| index as f64)),
                _ => Value::Number(found.map_or(-1.0, |index| index as f64)),
            })
        }
        "slice" => {
            let (start, end) = machine.range(arguments, units.len())?;
            machine.text(units.get(start..end.max(start)).unwrap_or_default().to_vec())
        }
        "substring" => {
            let bound = |machine: &mut Machine<'_, '_>, index: usize, default: usize| match arguments.get(index) {
                None | Some(Value::Undefined) => Ok(default),
                Some(value) => Ok((machine.number_of(value)?.max(0.0) as usize).min(units.len())),
            };
            let (start, end) = (bound(machine, 0, 0)?, bound(machine, 1, units.len())?);
            machine.text(units.get(start.min(end)..start.max(end)).unwrap_or_default().to_vec())
        }
        "substr" => {
            let (start, _) = machine.range(&arguments[..arguments.len().min(1)], units.len())?;
            let length = match arguments.get(1) {
                None | Some(Value::Undefined) => units.len(),
                Some(value) => machine.number_of(value)?.max(0.0) as usize,
            };
            machine.text(units.iter().skip(start).take(length).copied().collect())
        }
        "split" => split(machine, &units, arguments),
        "replace" | "replaceAll" => replace(machine, &units, arguments, method == "replaceAll"),
        "match" => matched(machine, &units, &first),
        "search" => {
            let text = String::from_utf16(&units).map_err(|_| Stop::Unknown)?;
            let (regex, _) = regex_of(machine, &first)?;
            let found = regex.find(&text, machine.budget).ok_or(Stop::Unknown)?;
            Ok(Value::Number(found.map_or(-1.0, |found| text[..found.start()].encode_utf16().count() as f64)))
        }
        "toLowerCase" => made(machine, &String::from_utf16_lossy(&units).to_lowercase()),
        "toUpperCase" => made(machine, &String::from_utf16_lossy(&units).to_uppercase()),
        "trim" => made(machine, String::from_utf16_lossy(&units).trim_matches(is_blank)),
        "repeat" => {
            let times = number(machine)?;
            if times <= -1.0 {
                return Err(Stop::Unknown);
            }
            let times = times as usize;
            if units.len().saturating_mul(times) * 2 > MAX_VALUE {
                return Err(Stop::Unknown);
            }
            machine.text(units.repeat(times))
        }
        "padStart" | "padEnd" => {
            let length = (number(machine)?.max(0.0) as usize).min(MAX_VALUE / 4);
            let fill = match arguments.get(1).filter(|fill| !matches!(fill, Value::Undefined)) {
                Some(fill) => machine.text_of(fill)?,
                None => Rc::new(vec![u16::from(b' ')]),
            };
            let missing: Vec<u16> = fill.iter().copied().cycle().take(length.saturating_sub(units.len())).collect();
            machine.text(if method == "padStart" {
                [&missing[..], &units].concat()
            } else {
                [&units[..], &missing].concat()
            })
        }
        "italics" | "bold" | "strike" | "sub" => {
            let tag = match method {
                "italics" => "i",
                "bold" => "b",
                other => other,
            };
            made(machine, &format!("<{tag}>{}</{tag}>", String::from_utf16_lossy(&units)))
        }
        "fontcolor" | "link" => {
            let value = machine.string_of(&first)?.replace('"', "&quot;");
            let (tag, name) = if method == "link" { ("a", "href") } else { ("font", "color") };
            made(machine, &format!("<{tag} {name}=\"{value}\">{}</{tag}>", String::from_utf16_lossy(&units)))
        }
        _ => Err(Stop::Unknown),
    }
}

fn made(machine: &mut Machine<'_, '_>, text: &str) -> Outcome {
    machine.text(text.encode_utf16().collect())
}

fn at(units: &[u16], index: f64) -> Option<u16> {
    let index = if index.is_nan() { 0.0 } else { index.trunc() };
    if index < 0.0 { None } else { units.get(index as usize).copied() }
}

fn find(units: &[u16], wanted: &[u16], from: usize) -> Option<usize> {
    match wanted {
        [] => Some(from.min(units.len())),
        // Decoders ask for the place of a letter in their alphabet, time and again.
        [letter] => units.get(from..)?.iter().position(|unit| unit == letter).map(|index| from + index),
        _ => Sought::new(wanted).after(units, from),
    }
}

fn last(units: &[u16], wanted: &[u16]) -> Option<usize> {
    if wanted.is_empty() {
        return Some(units.len());
    }
    let reversed = |units: &[u16]| units.iter().rev().copied().collect::<Vec<u16>>();
    let found = find(&reversed(units), &reversed(wanted), 0)?;
    Some(units.len() - found - wanted.len())
}

/// A text that is looked for, by Knuth, Morris and Pratt: no text makes it look at a character again and again.
struct Sought<'t> {
    wanted: &'t [u16],
    /// How much of the beginning each part of it ends with.
    borders: Vec<usize>,
}

impl<'t> Sought<'t> {
    fn new(wanted: &'t [u16]) -> Self {
        let mut borders = vec![0; wanted.len()];
        let mut length = 0;
        for index in 1..wanted.len() {
            while length > 0 && wanted[index] != wanted[length] {
                length = borders[length - 1];
            }
            length += usize::from(wanted[index] == wanted[length]);
            borders[index] = length;
        }
        Self { wanted, borders }
    }

    fn after(&self, units: &[u16], from: usize) -> Option<usize> {
        let mut length = 0;
        for (index, unit) in units.iter().enumerate().skip(from) {
            while length > 0 && *unit != self.wanted[length] {
                length = self.borders[length - 1];
            }
            length += usize::from(*unit == self.wanted[length]);
            if length == self.wanted.len() {
                return Some(index + 1 - length);
            }
        }
        None
    }
}

fn split(machine: &mut Machine<'_, '_>, units: &[u16], arguments: &[Value]) -> Outcome {
    let parts: Vec<Vec<u16>> = match arguments.first() {
        None | Some(Value::Undefined) => vec![units.to_vec()],
        Some(separator @ Value::Object(_)) => {
            let (regex, _) = regex_of(machine, separator)?;
            let text = String::from_utf16(units).map_err(|_| Stop::Unknown)?;
            let (mut parts, mut at) = (Vec::new(), 0);
            regex
                .each(&text, machine.budget, |groups, _| {
                    // What is in parentheses is a part, too; and where nothing is found, each language has its own mind.
                    let all = groups.get(0).filter(|all| groups.len() == 1 && !all.is_empty())?;
                    parts.push(text.get(at..all.start())?.encode_utf16().collect());
                    at = all.end();
                    (parts.len() <= MAX_ELEMENTS).then_some(true)
                })
                .ok_or(Stop::Unknown)?;
            parts.push(text.get(at..).unwrap_or_default().encode_utf16().collect());
            parts
        }
        Some(separator) => {
            let separator = machine.text_of(separator)?;
            machine.spend(separator.len() / 4)?;
            pieces(units, &separator).ok_or(Stop::Unknown)?
        }
    };
    machine.spend(parts.len() + units.len() / 4)?;
    machine.charge(parts.len() * 64 + units.len() * 2)?;
    let limit = match arguments.get(1) {
        None | Some(Value::Undefined) => usize::MAX,
        Some(limit) => Some(machine.number_of(limit)?).filter(|limit| *limit >= 0.0).ok_or(Stop::Unknown)? as usize,
    };
    machine.array(parts.into_iter().take(limit).map(Value::units).collect())
}

/// None for more of them than a list may have.
fn pieces(units: &[u16], separator: &[u16]) -> Option<Vec<Vec<u16>>> {
    if separator.is_empty() {
        return (units.len() <= MAX_ELEMENTS).then(|| units.iter().map(|&unit| vec![unit]).collect());
    }
    let sought = Sought::new(separator);
    let (mut parts, mut from) = (Vec::new(), 0);
    while let Some(found) = sought.after(units, from) {
        parts.push(units[from..found].to_vec());
        from = found + separator.len();
        if parts.len() > MAX_ELEMENTS {
            return None;
        }
    }
    parts.push(units[from..].to_vec());
    Some(parts)
}

/// An expression, and its flags. Only what means the same here is taken.
fn regex_of(machine: &mut Machine<'_, '_>, value: &Value) -> Outcome<(Pattern, String)> {
    let Value::Object(place) = value else { return Err(Stop::Unknown) };
    let Some(Kind::Regex(source, flags)) = machine.heap.get(*place).map(|object| &object.kind) else {
        return Err(Stop::Unknown);
    };
    if flags.contains('y') || source.len() > 4_096 {
        return Err(Stop::Unknown);
    }
    let (source, flags) = (plain_braces(&source.replace("[^]", "(?s:.)")), flags.clone());
    let set = |builder: &mut regex_lite::RegexBuilder| {
        builder
            .case_insensitive(flags.contains('i'))
            .multi_line(flags.contains('m'))
            .dot_matches_new_line(flags.contains('s'));
    };
    let pattern = Pattern::new(&source, set, machine.budget).ok_or(Stop::Unknown)?;
    Ok((pattern, flags))
}

/// A brace that counts nothing is itself, which others take for a mistake.
fn plain_braces(source: &str) -> String {
    let mut done = String::with_capacity(source.len());
    let mut letters = source.char_indices();
    while let Some((at, letter)) = letters.next() {
        let rest = source.get(at + 1..).unwrap_or_default();
        match letter {
            '\\' => {
                done.push(letter);
                done.extend(letters.next().map(|next| next.1));
            }
            '{' => {
                let inner = rest.split('}').next().unwrap_or_default();
                let counts = rest.len() > inner.len()
                    && inner.starts_with(|letter: char| letter.is_ascii_digit())
                    && inner.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
                done.push_str(if counts { "{" } else { "\\{" });
            }
            other => done.push(other),
        }
    }
    done
}

pub fn test(machine: &mut Machine<'_, '_>, this: &Value, text: &Value) -> Outcome {
    let (regex, flags) = regex_of(machine, this)?;
    if flags.contains('g') {
        return Err(Stop::Unknown);
    }
    let text = machine.string_of(text)?;
    regex.find(&text, machine.budget).map(|found| Value::Bool(found.is_some())).ok_or(Stop::Unknown)
}

fn matched(machine: &mut Machine<'_, '_>, units: &[u16], pattern: &Value) -> Outcome {
    let text = String::from_utf16(units).map_err(|_| Stop::Unknown)?;
    let (regex, flags) = regex_of(machine, pattern)?;
    let is_global = flags.contains('g');
    let mut found: Vec<Value> = Vec::new();
    regex
        .each(&text, machine.budget, |groups, _| {
            let groups = groups.iter().take(if is_global { 1 } else { usize::MAX });
            found.extend(groups.map(|group| group.map_or(Value::Undefined, |group| Value::text(group.as_str()))));
            (found.len() <= MAX_ELEMENTS).then_some(is_global)
        })
        .ok_or(Stop::Unknown)?;
    machine.charge(found.len() * 64 + text.len() * 2)?;
    if found.is_empty() { Ok(Value::Null) } else { machine.array(found) }
}

fn replace(machine: &mut Machine<'_, '_>, units: &[u16], arguments: &[Value], all: bool) -> Outcome {
    let [pattern, with, ..] = arguments else { return Err(Stop::Unknown) };
    let text = String::from_utf16(units).map_err(|_| Stop::Unknown)?;
    let whole = Value::units(units.to_vec());
    machine.spend(text.len())?;
    let places: Vec<Vec<Option<(usize, usize)>>> = if matches!(pattern, Value::Object(_)) {
        let (regex, flags) = regex_of(machine, pattern)?;
        let (mut places, mut count) = (Vec::new(), 0);
        regex
            .each(&text, machine.budget, |found, _| {
                count += found.len();
                places.push(found.iter().map(|group| group.map(|group| (group.start(), group.end()))).collect());
                (count <= 4 * MAX_ELEMENTS).then(|| flags.contains('g'))
            })
            .ok_or(Stop::Unknown)?;
        places
    } else {
        let wanted = machine.string_of(pattern)?;
        let most = if all { usize::MAX } else { 1 };
        let most = most.min(4 * MAX_ELEMENTS);
        text.match_indices(&wanted).take(most).map(|(start, found)| vec![Some((start, start + found.len()))]).collect()
    };
    let is_empty =
        |groups: &Vec<Option<(usize, usize)>>| matches!(groups.first(), Some(&Some((start, end))) if start == end);
    // Where one behind another is looked for, each language has its own mind.
    if matches!(pattern, Value::Object(_)) && places.len() > 1 && places.iter().any(is_empty) {
        return Err(Stop::Unknown);
    }
    let mut done = String::with_capacity(text.len());
    let (mut at, mut units_before) = (0, 0);
    for groups in places {
        let Some(&Some((start, end))) = groups.first() else { continue };
        done.push_str(&text[at..start]);
        units_before += text[at..start].encode_utf16().count();
        let group = |index: usize| groups.get(index).copied().flatten().map_or("", |(start, end)| &text[start..end]);
        if machine.is_function(with) {
            let found = groups.iter().map(|group| {
                group.map_or(Value::Undefined, |(start, end)| Value::text(text.get(start..end).unwrap_or_default()))
            });
            let behind = [Value::Number(units_before as f64), whole.clone()];
            let value = machine.call(with, Value::Undefined, found.chain(behind).collect())?;
            done.push_str(&machine.string_of(&value)?);
        } else {
            let with = machine.string_of(with)?;
            expand(&with, groups.len(), &group, &mut done)?;
        }
        units_before += text[start..end].encode_utf16().count();
        at = end;
        machine.spend(1)?;
        if done.len() > MAX_VALUE {
            return Err(Stop::Unknown);
        }
    }
    done.push_str(&text[at..]);
    machine.text(done.encode_utf16().collect())
}

/// `$1`, `$&` and `$$` in what is put in; the number of a group that there is not is itself.
fn expand<'t>(with: &str, count: usize, group: &impl Fn(usize) -> &'t str, to: &mut String) -> Outcome<()> {
    let mut letters = with.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek().copied()) {
            ('$', Some('$')) => {
                letters.next();
                to.push('$');
            }
            ('$', Some('&')) => {
                letters.next();
                to.push_str(group(0));
            }
            ('$', Some(digit @ '1'..='9')) => {
                let number = digit.to_digit(10).unwrap_or(0) as usize;
                if number >= count {
                    to.push('$');
                    continue;
                }
                letters.next();
                to.push_str(group(number));
            }
            ('$', Some('`' | '\'' | '<')) => return Err(Stop::Unknown),
            _ => to.push(letter),
        }
    }
    Ok(())
}

/// The global functions that encode and decode.
pub fn coded(machine: &mut Machine<'_, '_>, name: &str, value: &Value) -> Outcome {
    let units = machine.text_of(value)?;
    machine.spend(units.len() / 2)?;
    let text = String::from_utf16_lossy(&units);
    let unit_bytes = |bytes: &[u8]| bytes.iter().map(|&byte| u16::from(byte)).collect::<Vec<u16>>();
    match name {
        "atob" => {
            let bytes = base64::decode(text.as_bytes(), STANDARD)
                .ok_or_else(|| Stop::thrown(Value::text("InvalidCharacterError")))?;
            machine.text(unit_bytes(&bytes))
        }
        "unescape" => machine.text(unescape(&units)),
        "decodeURIComponent" | "decodeURI" => {
            let wrong = || Stop::thrown(Value::text("URIError"));
            let escaped = escaped(&text, name == "decodeURI").ok_or_else(wrong)?;
            let plain = String::from_utf8(crate::decode::text::percent(&escaped)).map_err(|_| wrong())?;
            machine.text(plain.encode_utf16().collect())
        }
        "btoa" => {
            use ::base64::Engine;
            let bytes: Option<Vec<u8>> = units.iter().map(|&unit| u8::try_from(unit).ok()).collect();
            let text = ::base64::engine::general_purpose::STANDARD.encode(bytes.ok_or(Stop::Unknown)?);
            made(machine, &text)
        }
        "escape" => {
            let mut done = String::new();
            for &unit in units.iter() {
                match u8::try_from(unit) {
                    Ok(byte) if byte.is_ascii_alphanumeric() || b"@*_+-./".contains(&byte) => {
                        done.push(char::from(byte))
                    }
                    Ok(byte) => done.push_str(&format!("%{byte:02X}")),
                    Err(_) => done.push_str(&format!("%u{unit:04X}")),
                }
            }
            made(machine, &done)
        }
        _ => {
            let kept: &[u8] = if name == "encodeURI" { b"-_.!~*'();/?:@&=+$,#" } else { b"-_.!~*'()" };
            let mut done = String::new();
            for byte in text.bytes() {
                if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
                    done.push(char::from(byte));
                } else {
                    done.push_str(&format!("%{byte:02X}"));
                }
            }
            made(machine, &done)
        }
    }
}

/// A text whose percent signs all begin an escape; None for any other. `keeps`: escapes of signs that divide an address
/// stay as they are.
fn escaped(text: &str, keeps: bool) -> Option<Vec<u8>> {
    let mut done = Vec::with_capacity(text.len());
    let mut pieces = text.split('%');
    done.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let byte = piece.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = u8::from_str_radix(byte?, 16).ok()?;
        done.extend_from_slice(if keeps && b";/?:@&=+$,#".contains(&byte) { b"%25" } else { b"%" });
        done.extend_from_slice(piece.as_bytes());
    }
    Some(done)
}

/// What the language takes for blanks.
pub fn is_blank(letter: char) -> bool {
    letter == '\u{feff}' || letter.is_whitespace() && letter != '\u{85}'
}

/// `%xx` and `%uxxxx`, each a character.
fn unescape(units: &[u16]) -> Vec<u16> {
    let digit = |index: usize| {
        units.get(index).and_then(|&unit| char::from_u32(u32::from(unit))).and_then(|letter| letter.to_digit(16))
    };
    let number =
        |from: usize, count: usize| (from..from + count).try_fold(0, |value, index| Some(value * 16 + digit(index)?));
    let mut done = Vec::with_capacity(units.len());
    let mut at = 0;
    while let Some(&unit) = units.get(at) {
        let wide = units.get(at + 1) == Some(&u16::from(b'u'));
        let value = match unit == u16::from(b'%') {
            true if wide => number(at + 2, 4),
            true => number(at + 1, 2),
            false => None,
        };
        done.push(value.map_or(unit, |value| (value & 0xffff) as u16));
        at += match (value, wide) {
            (None, _) => 1,
            (_, true) => 6,
            (_, false) => 3,
        };
    }
    done
}
