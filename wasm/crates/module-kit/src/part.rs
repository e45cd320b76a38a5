//! Contents that are given out in parts, by the number that the facts give them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Args, Refusal, parse_args};

/// Bytes of a content that one answer holds: in base64 they are 11 MiB, of the host's 16.
pub const MAX_PART: usize = 8 << 20;

/// Arguments of a function that gives a content out: which, and what of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartArgs {
    /// 64 bits, though the sandbox's own numbers have 32: one that is beyond them is refused in our words.
    pub index: u64,
    #[serde(default)]
    offset: u64,
    #[serde(default = "most")]
    length: u64,
}

const fn most() -> u64 {
    MAX_PART as u64
}

/// A part of a content.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Where it begins in the content.
    offset: u64,
    /// Base64.
    content: String,
}

impl PartArgs {
    /// # Errors
    /// `invalid_args` for what is out of range.
    pub fn read(args: &Args) -> Result<Self, Refusal> {
        let read: Self = parse_args(args)?;
        if read.length > most() {
            let length = read.length;
            return Err(Refusal::invalid_args(format!(
                "Arguments: `length` must be from 0 to {MAX_PART}, not {length}."
            )));
        }
        Ok(read)
    }

    /// The index as the sandbox counts: there is nothing at a number that does not fit.
    #[must_use]
    pub fn at(&self) -> usize {
        usize::try_from(self.index).unwrap_or(usize::MAX)
    }

    /// What is asked for; nothing behind the end.
    #[must_use]
    pub fn of(&self, content: &[u8]) -> Part {
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).min(content.len());
        let (start, end) = (place(self.offset), place(self.offset.saturating_add(self.length)));
        Part { offset: start as u64, content: STANDARD.encode(content.get(start..end).unwrap_or_default()) }
    }

    /// JSON Schema; `index` says where its numbers are found.
    #[must_use]
    pub fn schema(index: &str) -> Value {
        json!({"type": "object", "additionalProperties": false, "required": ["index"], "properties": {
            "index": {"type": "integer", "minimum": 0, "description": index},
            "offset": {"type": "integer", "minimum": 0, "default": 0, "description": "Byte of its content to begin at."},
            "length": {"type": "integer", "minimum": 0, "maximum": MAX_PART, "default": MAX_PART, "description": "Bytes."},
        }})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &Value) -> Result<PartArgs, Refusal> {
        PartArgs::read(&args.as_object().cloned().unwrap_or_default())
    }

    #[test]
    fn a_part_is_what_is_asked_for() {
        let part = |args: &Value| read(args).expect("arguments").of(b"0123456789");
        let is = |offset: u64, content: &[u8]| Part { offset, content: STANDARD.encode(content) };
        assert_eq!(part(&json!({"index": 0})), is(0, b"0123456789"));
        assert_eq!(part(&json!({"index": 0, "offset": 8, "length": 9})), is(8, b"89"));
        assert_eq!(part(&json!({"index": 0, "offset": u64::MAX})), is(10, b""));
    }

    #[test]
    fn an_index_beyond_all_is_one() {
        let at = |index: u64| read(&json!({"index": index})).ok().map(|asked| asked.at());
        assert_eq!([0, 7, u64::MAX].map(at), [Some(0), Some(7), Some(usize::MAX)]);
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        for bad in
            [json!({}), json!({"index": -1}), json!({"index": 0, "length": MAX_PART + 1}), json!({"index": 0, "n": 1})]
        {
            assert_eq!(read(&bad).map(|_| ()).map_err(|refusal| refusal.code), Err("invalid_args"), "{bad}");
        }
    }
}
