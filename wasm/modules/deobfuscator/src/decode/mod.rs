//! Decoders by name: the steps that the function `decode` takes, and that the peeling of layers uses.

pub mod base64;
pub mod cipher;
pub mod lz;
pub mod text;

use crate::limits::MAX_DECODED;
use module_kit::Gzip;
use serde::Deserialize;

/// Arguments of a step.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepArgs {
    /// 64 characters, and a 65th for padding; `standard` or `url`.
    pub alphabet: Option<String>,
    /// Hexadecimal, `base64:...` or `text:...`.
    pub key: Option<String>,
    /// How far letters are moved back.
    pub by: Option<u8>,
    /// What stands between numbers or pieces.
    pub separator: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub name: String,
    #[serde(default)]
    pub args: StepArgs,
}

/// Names of the steps, and what each does.
pub const STEPS: [(&str, &str); 24] = [
    ("base64", "base64; `alphabet`: standard, url or 64 characters (default: whichever of the two fits)"),
    ("base32", "base32 of RFC 4648"),
    ("base85", "base85 as Python's b85encode makes it"),
    ("ascii85", "Ascii85 as Adobe writes it"),
    ("hex", "hexadecimal digits, whatever stands between them"),
    ("url", "%xx and %uxxxx"),
    ("html", "entities of HTML"),
    ("unicode-escape", "\\xhh, \\uhhhh and \\ooo"),
    ("charcode", "numbers, decimal or with 0x, each a character; `separator` if it is not a sign"),
    ("reverse", "the other way round"),
    ("rot", "letters moved `by` places (default 13)"),
    ("rot47", "printable ASCII moved by 47"),
    ("xor", "XOR with a `key` that repeats"),
    ("rc4", "RC4 with a `key`"),
    ("add", "the bytes of `key` subtracted, repeating"),
    ("gzip", "gzip"),
    ("zlib", "zlib"),
    ("deflate", "raw deflate"),
    ("lz-string", "lz-string, its binary form of UTF-16 characters"),
    ("lz-string-base64", "lz-string in base64"),
    ("lz-string-uri", "lz-string for addresses"),
    ("utf16le", "UTF-16, low byte first, to UTF-8"),
    ("utf16be", "UTF-16, high byte first, to UTF-8"),
    ("replace", "each `from` becomes `to`"),
];

/// Runs one step.
///
/// # Errors
/// Why it cannot be done, in a sentence.
pub fn run(step: &Step, data: &[u8]) -> Result<Vec<u8>, String> {
    let args = &step.args;
    let key = || -> Result<Vec<u8>, String> {
        let key = args.key.as_deref().ok_or("It needs a `key`.")?;
        bytes_of(key).filter(|key| !key.is_empty()).ok_or_else(|| "Its `key` is empty or not readable.".to_owned())
    };
    let done = match step.name.as_str() {
        "base64" => base64::decode_named(data, args.alphabet.as_deref())?,
        "base32" => base64::base32(data).ok_or("It is not base32.")?,
        "base85" => base64::base85(data).ok_or("It is not base85.")?,
        "ascii85" => base64::ascii85(data).ok_or("It is not Ascii85.")?,
        "hex" => text::hex_loose(data).ok_or("There are no pairs of hexadecimal digits.")?,
        "url" => text::percent(data),
        "html" => text::entities(&lossy(data)).into_bytes(),
        "unicode-escape" => text::escapes(&lossy(data)).into_bytes(),
        "charcode" => text::charcodes(&lossy(data), args.separator.as_deref()).ok_or("There are no numbers.")?,
        "reverse" => reverse(data),
        "rot" => cipher::rot(data, args.by.unwrap_or(13)),
        "rot47" => cipher::rot47(data),
        "xor" => cipher::xor(data, &key()?),
        "rc4" => cipher::rc4(data, &key()?),
        "add" => cipher::subtract(data, &key()?),
        "gzip" => inflate(data, Packed::Gzip).ok_or("It is not gzip.")?,
        "zlib" => inflate(data, Packed::Zlib).ok_or("It is not zlib.")?,
        "deflate" => inflate(data, Packed::Raw).ok_or("It is not deflate.")?,
        "lz-string" => lz::decompress_wide(data).ok_or("It is not lz-string.")?,
        "lz-string-base64" => lz::decompress_base64(data).ok_or("It is not lz-string.")?,
        "lz-string-uri" => lz::decompress_uri(data).ok_or("It is not lz-string.")?,
        "utf16le" => text::utf16(data, true),
        "utf16be" => text::utf16(data, false),
        "replace" => {
            let from = args.from.as_deref().filter(|from| !from.is_empty()).ok_or("It needs `from`.")?;
            replace(data, from, args.to.as_deref().unwrap_or_default())?
        }
        other => return Err(format!("There is no step {:?}.", other.chars().take(40).collect::<String>())),
    };
    if done.len() > MAX_DECODED { Err(format!("It makes more than {MAX_DECODED} bytes.")) } else { Ok(done) }
}

fn replace(data: &[u8], from: &str, to: &str) -> Result<Vec<u8>, String> {
    let mut done = Vec::with_capacity(data.len());
    let mut at = 0;
    for found in memchr::memmem::find_iter(data, from.as_bytes()) {
        done.extend_from_slice(data.get(at..found).unwrap_or_default());
        done.extend_from_slice(to.as_bytes());
        at = found + from.len();
        if done.len() > MAX_DECODED {
            return Err(format!("It makes more than {MAX_DECODED} bytes."));
        }
    }
    done.extend_from_slice(data.get(at..).unwrap_or_default());
    Ok(done)
}

/// Characters of a text, bytes of anything else, the other way round.
fn reverse(data: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(data) {
        Ok(text) => text.chars().rev().collect::<String>().into_bytes(),
        Err(_) => data.iter().rev().copied().collect(),
    }
}

/// Bytes as an argument has them.
pub fn bytes_of(text: &str) -> Option<Vec<u8>> {
    if let Some(text) = text.strip_prefix("text:") {
        return Some(text.as_bytes().to_vec());
    }
    if let Some(text) = text.strip_prefix("base64:") {
        return base64::decode(text.as_bytes(), base64::STANDARD);
    }
    text::hex_strict(text.as_bytes())
}

/// A text of the same length: what is not UTF-8 becomes question marks, byte by byte.
pub fn lossy(data: &[u8]) -> std::borrow::Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(data) {
        return text.into();
    }
    let mut text = String::with_capacity(data.len());
    for chunk in data.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|_| text.push('?'));
    }
    text.into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packed {
    Gzip,
    Zlib,
    Raw,
}

/// What is packed by deflate, up to the limit; None for what does not begin as it should or gives nothing.
pub fn inflate(data: &[u8], kind: Packed) -> Option<Vec<u8>> {
    use miniz_oxide::inflate::{decompress_to_vec_with_limit, decompress_to_vec_zlib_with_limit};
    let packed = match kind {
        Packed::Gzip => Gzip::read(data)?.body,
        Packed::Zlib => data.first_chunk::<2>().filter(|head| is_zlib(**head)).map(|_| data)?,
        Packed::Raw => data,
    };
    let done = match kind {
        Packed::Zlib => decompress_to_vec_zlib_with_limit(packed, MAX_DECODED),
        _ => decompress_to_vec_with_limit(packed, MAX_DECODED),
    };
    // What was cut off is as good as what there is of it; raw deflate, that anything may look like, must be whole.
    match done {
        Ok(done) => Some(done),
        Err(broken) if kind != Packed::Raw => Some(broken.output),
        Err(_) => None,
    }
    .filter(|done| !done.is_empty())
}

const fn is_zlib(head: [u8; 2]) -> bool {
    head[0] & 0x0f == 8 && head[0] >> 4 <= 7 && u16::from_be_bytes(head).is_multiple_of(31) && head[1] & 0x20 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, args: &serde_json::Value, data: &[u8]) -> Result<String, String> {
        let step = serde_json::from_value(serde_json::json!({"name": name, "args": args})).expect("a step");
        run(&step, data).map(|done| String::from_utf8_lossy(&done).into_owned())
    }

    #[test]
    fn each_step_undoes_its_encoding() {
        let none = serde_json::json!({});
        let cases: [(&str, &[u8], &str); 17] = [
            ("base64", b"aGVsbG8/", "hello?"),
            ("base64", b"aGVsbG8_", "hello?"),
            ("base32", b"NBSWY3DP", "hello"),
            ("base85", b"Xk~0{Zv", "hello"),
            ("ascii85", b"<~BOu!rDZ~>", "hello"),
            ("hex", b"68 65-6c:6c\\x6f", "hello"),
            ("url", b"%68ell%u006f", "hello"),
            ("html", b"&#104;&#x65;l&lt;o", "hel<o"),
            ("unicode-escape", b"\\x68\\u0065\\154lo", "hello"),
            ("charcode", b"[104, 0x65, 108,108,111]", "hello"),
            ("reverse", b"olleh", "hello"),
            ("rot", b"uryyb", "hello"),
            ("rot47", b"96==@", "hello"),
            ("utf16le", b"h\0i\0", "hi"),
            ("utf16be", b"\0h\0i", "hi"),
            ("lz-string-base64", b"BYUwNmD2Q===", "hello"),
            ("zlib", &[0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x06, 0x2c, 0x02, 0x15], "hello"),
        ];
        for (name, data, plain) in cases {
            assert_eq!(step(name, &none, data).as_deref(), Ok(plain), "{name}");
        }
        assert_eq!(step("xor", &serde_json::json!({"key": "text:k"}), b"\x03\x0e\x07\x07\x04").as_deref(), Ok("hello"));
        assert_eq!(step("rot", &serde_json::json!({"by": 1}), b"ifmmp").as_deref(), Ok("hello"));
        assert_eq!(step("replace", &serde_json::json!({"from": "_", "to": ""}), b"h_e_llo").as_deref(), Ok("hello"));
        // The first vector of RC4 that everybody has.
        let rc4 = step(
            "rc4",
            &serde_json::json!({"key": "text:Key"}),
            &text::hex_strict(b"bbf316e8d940af0ad3").expect("hex"),
        );
        assert_eq!(rc4.as_deref(), Ok("Plaintext"));
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        for (name, args) in
            [("none", serde_json::json!({})), ("xor", serde_json::json!({})), ("gzip", serde_json::json!({}))]
        {
            assert!(step(name, &args, b"?").is_err(), "{name}");
        }
    }
}
