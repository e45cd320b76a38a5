//! What the language does with texts.

use std::rc::Rc;

use super::machine::{Machine, Outcome, Stop};
use super::regex::{self, regex_of};
use super::value::Value;
use crate::limits::{MAX_ELEMENTS, MAX_VALUE};

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
        "replace" | "replaceAll" => regex::replace(machine, &units, arguments, method == "replaceAll"),
        "match" => regex::matched(machine, &units, &first),
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

pub fn made(machine: &mut Machine<'_, '_>, text: &str) -> Outcome {
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

/// What the language takes for blanks.
pub fn is_blank(letter: char) -> bool {
    letter == '\u{feff}' || letter.is_whitespace() && letter != '\u{85}'
}
