//! What `execute` runs: digests and ciphers over given bytes or a part of the sample.

mod ciphers;
mod digests;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use module_kit::{Call, Output, Refusal};
use serde::{Deserialize, Serialize};

use crate::hex::from_hex;
use crate::limits::{MAX_ARGUMENT, MAX_DATA};
use module_kit::hex;

type Run = fn(&Call, Option<&[u8]>) -> Result<Output, Refusal>;

pub fn function(name: &str) -> Option<Run> {
    Some(match name {
        "hash" => digests::hash,
        "hmac" => digests::hmac,
        "pbkdf2" => |call, _| digests::pbkdf2(call),
        "aes-cbc" => ciphers::aes_cbc,
        "aes-ctr" => ciphers::aes_ctr,
        "aes-gcm" => ciphers::aes_gcm,
        "rc4" => ciphers::rc4,
        "xor" => ciphers::xor,
        "chacha20" => ciphers::chacha20,
        _ => return None,
    })
}

/// What a function works on.
#[derive(Debug, Default, Deserialize)]
pub struct Input {
    data: Option<String>,
    #[serde(default)]
    offset: u64,
    length: Option<u64>,
}

impl Input {
    pub fn read(&self, sample: Option<&[u8]>) -> Result<Vec<u8>, Refusal> {
        let given = self.data.as_deref().map(|data| decode("data", data, 2 * MAX_DATA)).transpose()?;
        let all = given.as_deref().or(sample).ok_or_else(Refusal::no_sample)?;
        let rest = usize::try_from(self.offset).ok().and_then(|offset| all.get(offset..));
        let rest =
            rest.ok_or_else(|| refuse(format!("`offset` must be at most {}, not {}", all.len(), self.offset)))?;
        let wanted = self.length.map_or(Some(rest.len()), |length| usize::try_from(length).ok());
        let part = wanted.and_then(|length| rest.get(..length));
        let part = part.ok_or_else(|| refuse(format!("`length` must be at most {}", rest.len())))?;
        if part.len() > MAX_DATA {
            return Err(refuse(format!(
                "`length` must say which part to take: {} bytes are more than {MAX_DATA}",
                part.len()
            )));
        }
        Ok(part.to_vec())
    }
}

#[derive(Debug, Serialize)]
struct Bytes {
    /// Bytes.
    size: usize,
    base64: String,
    /// The first bytes, hexadecimal.
    begins: String,
    /// The first characters, where the beginning is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

const MAX_PREVIEW: usize = 256;

/// The answer of a cipher.
pub fn answer(bytes: &[u8]) -> Output {
    let begins = bytes.get(..MAX_PREVIEW).unwrap_or(bytes);
    let readable =
        |text: &str| !text.is_empty() && !text.contains(|letter: char| letter.is_control() && !letter.is_whitespace());
    let whole = match std::str::from_utf8(begins) {
        Ok(text) => Some(text),
        // The cut may be inside a character.
        Err(error) if error.error_len().is_none() => {
            begins.get(..error.valid_up_to()).and_then(|text| std::str::from_utf8(text).ok())
        }
        Err(_) => None,
    };
    let text = whole.filter(|text| readable(text)).map(str::to_owned);
    Output::new(
        &Bytes { size: bytes.len(), base64: BASE64_STANDARD.encode(bytes), begins: hex(begins), text },
        Vec::new(),
    )
}

pub fn argument(name: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    decode(name, text, MAX_ARGUMENT)
}

/// Hexadecimal, `base64:` or `text:`.
fn decode(name: &str, text: &str, longest: usize) -> Result<Vec<u8>, Refusal> {
    if text.len() > longest + 16 {
        return Err(refuse(format!("`{name}` must have at most {longest} characters")));
    }
    if let Some(text) = text.strip_prefix("text:") {
        return Ok(text.as_bytes().to_vec());
    }
    if let Some(text) = text.strip_prefix("base64:") {
        return BASE64_STANDARD.decode(text).map_err(|_| refuse(format!("`{name}` is not base64")));
    }
    from_hex(text).ok_or_else(|| refuse(format!("`{name}` is not hexadecimal, nor begins with `base64:` or `text:`")))
}

pub fn refuse(what: String) -> Refusal {
    Refusal::invalid_args(format!("Arguments: {what}."))
}

/// Checks a key's or nonce's length.
pub fn exactly<const N: usize>(name: &str, bytes: &[u8]) -> Result<[u8; N], Refusal> {
    bytes.try_into().map_err(|_| refuse(format!("`{name}` must have {N} bytes, not {}", bytes.len())))
}
