//! What functions and methods of Python's standard library make of values.

use super::format;
use crate::decode::{self, Packed, StepArgs, inflate, lossy};
use crate::limits::MAX_DECODED;
use crate::script::{Value, joined, listed, replaced};

/// Functions of the standard library that decode, and what they do.
const DECODERS: [(&str, &str); 17] = [
    ("b64decode", "base64"),
    ("standard_b64decode", "base64"),
    ("urlsafe_b64decode", "base64"),
    ("decodebytes", "base64"),
    ("a2b_base64", "base64"),
    ("b32decode", "base32"),
    ("b16decode", "hex"),
    ("unhexlify", "hex"),
    ("a2b_hex", "hex"),
    ("fromhex", "hex"),
    ("b85decode", "base85"),
    ("a85decode", "ascii85"),
    ("unquote", "url"),
    ("unquote_to_bytes", "url"),
    ("decompress", "packed"),
    ("decode", "codec"),
    ("loads", "marshal"),
];

/// How a file of xz begins.
const XZ: &[u8] = b"\xfd7zXZ\0";

pub fn is_decoder(name: &str) -> bool {
    DECODERS.iter().any(|known| known.0 == name && !matches!(known.1, "codec" | "marshal"))
}

pub fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

/// The name of a codec, as every spelling of it has it.
fn codec(name: Option<&str>) -> String {
    name.unwrap_or("utf8").to_ascii_lowercase().replace(['-', '_'], "")
}

pub fn method(value: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    let text = |index: usize| match arguments.get(index) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    match (value, name) {
        (Value::Bytes(bytes), "decode") => match codec(text(0)).as_str() {
            "latin1" | "iso88591" => Some(Value::Text(bytes.iter().map(|&byte| char::from(byte)).collect())),
            "utf16" | "utf16le" => Some(Value::Text(lossy(&decode::text::utf16(bytes, true)).into_owned())),
            "utf8" | "ascii" => String::from_utf8(bytes.clone()).ok().map(Value::Text),
            "unicodeescape" => {
                let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
                Some(Value::Text(decode::text::escapes(&text)))
            }
            _ => None,
        },
        (Value::Text(value), "encode") => match codec(text(0)).as_str() {
            "utf8" => Some(Value::Bytes(value.as_bytes().to_vec())),
            "ascii" => value.is_ascii().then(|| Value::Bytes(value.as_bytes().to_vec())),
            "latin1" | "iso88591" => value
                .chars()
                .map(|letter| u8::try_from(u32::from(letter)).ok())
                .collect::<Option<_>>()
                .map(Value::Bytes),
            _ => None,
        },
        (Value::Text(separator), "join") => {
            let texts: Option<Vec<String>> = arguments
                .first()?
                .items()
                .iter()
                .map(|item| match item {
                    Value::Text(text) => Some(text.clone()),
                    _ => None,
                })
                .collect();
            joined(&texts?, separator).map(Value::Text)
        }
        (Value::Text(value), "replace") if arguments.len() == 2 => {
            let from = text(0).filter(|from| !from.is_empty())?;
            replaced(value, from, text(1)?).map(Value::Text)
        }
        (Value::Text(value), "split") if arguments.len() < 2 => match text(0) {
            Some(separator) if !separator.is_empty() => {
                listed(value.split(separator).map(|part| Value::Text(part.to_owned())))
            }
            _ => listed(value.split_whitespace().map(|part| Value::Text(part.to_owned()))),
        }
        .map(Value::List),
        (Value::Text(value), "strip") if arguments.is_empty() => Some(Value::Text(value.trim().to_owned())),
        (Value::Text(value), "lower") => Some(Value::Text(value.to_lowercase())),
        (Value::Text(value), "upper") => Some(Value::Text(value.to_uppercase())),
        (Value::Text(value), "format") => format::braces(value, arguments).map(Value::Text),
        (Value::Bytes(bytes), "hex") => Some(Value::Text(module_kit::hex(bytes))),
        _ => None,
    }
}

/// A function by its name; `module` tells of which one it is, where that counts.
pub fn function(module: &str, name: &str, arguments: &[Value]) -> Option<Value> {
    let first = arguments.first()?;
    if let Some((_, step)) = DECODERS.iter().find(|known| known.0 == name) {
        return decoder(module, step, first, arguments.get(1));
    }
    match name {
        "chr" => char::from_u32(u32::try_from(number(first)?).ok()?).map(|letter| Value::Text(letter.to_string())),
        "ord" => Some(Value::Int(i64::from(u32::from(first.text()?.chars().next()?)))),
        "bytes" | "bytearray" => match first {
            Value::List(_) | Value::Bytes(_) => first.bytes().map(Value::Bytes),
            Value::Text(text) if arguments.len() > 1 => Some(Value::Bytes(text.as_bytes().to_vec())),
            _ => None,
        },
        "str" => match (first, arguments.len()) {
            (Value::Bytes(bytes), 2..) => String::from_utf8(bytes.clone()).ok().map(Value::Text),
            (other, 1) if !matches!(other, Value::Bytes(_)) => other.text().map(Value::Text),
            _ => None,
        },
        "int" => {
            let base = arguments.get(1).map_or(Some(10), number)?;
            let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?;
            i64::from_str_radix(first.text()?.trim().trim_start_matches("0x"), base).ok().map(Value::Int)
        }
        "list" | "tuple" => Some(Value::List(first.items())),
        "reversed" => Some(Value::List(first.items().into_iter().rev().collect())),
        "map" => {
            let Value::Name(function_name) = first else { return None };
            let items = arguments.get(1)?.items();
            items
                .into_iter()
                .map(|item| function("", function_name, &[item]))
                .collect::<Option<Vec<_>>>()
                .map(Value::List)
        }
        // Compiled later: what it is made of is what is run.
        "compile" => Some(first.clone()),
        _ => None,
    }
}

fn decoder(module: &str, step: &str, value: &Value, codec: Option<&Value>) -> Option<Value> {
    let data = value.bytes()?;
    let run = |name: &str| {
        let step = decode::Step { name: name.to_owned(), args: StepArgs::default() };
        decode::run(&step, &data).ok()
    };
    let made = match step {
        "packed" => unpacked(module, &data, codec)?,
        "marshal" if module == "marshal" => return Some(Value::Name(format!("marshal:{}", module_kit::hex(&data)))),
        "codec" if module == "codecs" => match codec?.text()?.to_ascii_lowercase().replace('-', "_").as_str() {
            "rot13" | "rot_13" => return Some(Value::Text(lossy(&run("rot")?).into_owned())),
            "hex" | "hex_codec" => run("hex")?,
            "base64" | "base64_codec" => run("base64")?,
            "zlib" | "zlib_codec" => run("zlib")?,
            "bz2" | "bz2_codec" => unpacked("bz2", &data, None)?,
            "utf_8" | "utf8" => return Some(Value::Text(String::from_utf8(data).ok()?)),
            _ => return None,
        },
        "codec" if module == "base64" => run("base64")?,
        "codec" | "marshal" => return None,
        other => run(other)?,
    };
    Some(Value::Bytes(made))
}

/// What `decompress` gives; `how` is its second argument. A function that was imported by itself tells no module: there
/// the data does.
fn unpacked(module: &str, data: &[u8], how: Option<&Value>) -> Option<Vec<u8>> {
    let limited = |id: &str| file_processor::unpack(id, data, MAX_DECODED).filter(|made| !made.is_empty());
    match (module, how) {
        // How wide the window is: below zero there is no header, and from 16 on it is that of gzip.
        ("zlib" | "", Some(Value::Int(..=-1))) => inflate(data, Packed::Raw),
        ("gzip", _) | ("zlib", Some(Value::Int(16..))) => inflate(data, Packed::Gzip),
        ("zlib", _) => inflate(data, Packed::Zlib),
        ("bz2", None) => limited("bzip2"),
        ("lzma", None) if data.starts_with(XZ) => limited("xz"),
        ("lzma", None) => limited("lzma"),
        ("", None) if data.starts_with(XZ) => limited("xz"),
        ("", None) if data.starts_with(b"BZh") => limited("bzip2"),
        ("", _) => inflate(data, Packed::Zlib).or_else(|| inflate(data, Packed::Gzip)),
        _ => None,
    }
}
