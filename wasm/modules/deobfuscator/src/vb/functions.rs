//! Functions of Visual Basic.

use crate::script::{Value, joined, listed, number, replaced};

pub const FUNCTIONS: [&str; 33] = [
    "chr",
    "chrw",
    "chrb",
    "asc",
    "ascw",
    "strreverse",
    "replace",
    "mid",
    "left",
    "right",
    "ucase",
    "lcase",
    "trim",
    "ltrim",
    "rtrim",
    "split",
    "join",
    "array",
    "cstr",
    "clng",
    "cint",
    "cbyte",
    "val",
    "hex",
    "space",
    "string",
    "len",
    "instr",
    "abs",
    "int",
    "unescape",
    "cdbl",
    "ubound",
];

/// None where it takes no such arguments.
pub fn call(name: &str, arguments: &[Value]) -> Option<Value> {
    let text = |index: usize| arguments.get(index).and_then(Value::text);
    let int = |index: usize| arguments.get(index).and_then(Value::int);
    let size = |index: usize| int(index).and_then(|number| usize::try_from(number).ok());
    let count = |number: usize| i64::try_from(number).ok().map(Value::Int);
    let letters = |index: usize| text(index).map(|text| text.chars().collect::<Vec<char>>());
    let of = |letters: &[char]| Some(Value::Text(letters.iter().collect()));
    match name {
        "chr" | "chrw" | "chrb" => {
            let code = int(0)?.rem_euclid(65_536);
            Some(Value::Text(char::from_u32(u32::try_from(code).ok()?)?.to_string()))
        }
        "asc" | "ascw" => Some(Value::Int(i64::from(u32::from(text(0)?.chars().next()?)))),
        "strreverse" => Some(Value::Text(text(0)?.chars().rev().collect())),
        "replace" if arguments.len() == 3 => {
            let from = text(1).filter(|from| !from.is_empty())?;
            replaced(&text(0)?, &from, &text(2)?).map(Value::Text)
        }
        "mid" => {
            let all = letters(0)?;
            let start = size(1)?.checked_sub(1)?.min(all.len());
            let end = if arguments.len() > 2 { start.saturating_add(size(2)?).min(all.len()) } else { all.len() };
            of(all.get(start..end)?)
        }
        "left" => letters(0).and_then(|all| of(all.get(..size(1)?.min(all.len()))?)),
        "right" => letters(0).and_then(|all| of(all.get(all.len() - size(1)?.min(all.len())..)?)),
        "ucase" => Some(Value::Text(text(0)?.to_uppercase())),
        "lcase" => Some(Value::Text(text(0)?.to_lowercase())),
        "trim" => Some(Value::Text(text(0)?.trim_matches(' ').to_owned())),
        "ltrim" => Some(Value::Text(text(0)?.trim_start_matches(' ').to_owned())),
        "rtrim" => Some(Value::Text(text(0)?.trim_end_matches(' ').to_owned())),
        "split" => {
            let separator = if arguments.len() > 1 { text(1)? } else { " ".to_owned() };
            if separator.is_empty() || arguments.len() > 2 {
                return None;
            }
            listed(text(0)?.split(&separator).map(|part| Value::Text(part.to_owned()))).map(Value::List)
        }
        "join" => {
            let Some(Value::List(items)) = arguments.first() else { return None };
            let separator = if arguments.len() > 1 { text(1)? } else { " ".to_owned() };
            let texts: Option<Vec<String>> = items.iter().map(Value::text).collect();
            joined(&texts?, &separator).map(Value::Text)
        }
        "array" => Some(Value::List(arguments.to_vec())),
        "cstr" => Some(Value::Text(text(0)?)),
        "clng" | "cint" | "cbyte" | "val" | "int" | "cdbl" => {
            int(0).or_else(|| number(text(0)?.trim())).map(Value::Int)
        }
        "hex" => Some(Value::Text(format!("{:X}", int(0).filter(|number| *number >= 0)?))),
        "abs" => Some(Value::Int(int(0)?.checked_abs()?)),
        "space" => Some(Value::Text(" ".repeat(size(0).filter(|size| *size < 65_536)?))),
        "string" => {
            let letter = match arguments.get(1)? {
                Value::Int(code) => char::from_u32(u32::try_from(*code).ok()?)?,
                other => other.text()?.chars().next()?,
            };
            Some(Value::Text(std::iter::repeat_n(letter, size(0).filter(|size| *size < 65_536)?).collect()))
        }
        "ubound" if arguments.len() == 1 => match arguments.first()? {
            Value::List(items) => Some(Value::Int(i64::try_from(items.len()).ok()? - 1)),
            _ => None,
        },
        "len" => count(text(0)?.chars().count()),
        "instr" if arguments.len() == 2 => {
            let all = text(0)?;
            count(all.find(&text(1)?).map_or(0, |at| all[..at].chars().count() + 1))
        }
        "unescape" => {
            Some(Value::Text(String::from_utf8_lossy(&crate::decode::text::percent(text(0)?.as_bytes())).into_owned()))
        }
        _ => None,
    }
}
