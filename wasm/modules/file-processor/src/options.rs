//! The module's functions, their arguments and the description of both.

use module_kit::{Args, Description, Function, PartArgs, Refusal, parse_args};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::limits::{MAX_MATCHES, MAX_PATTERN, MAX_READ};

const DEFAULT_MAX_STRINGS: usize = 2_000;
const DEFAULT_MIN_LENGTH: usize = 5;
const MAX_STRINGS: usize = 100_000;
const MAX_MIN_LENGTH: usize = 1_024;
const DEFAULT_MATCHES: usize = 50;
const SEARCHED_LENGTH: usize = 4;

/// Arguments of `analyze`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Analyze {
    /// Leaves out strings, and hashes of anything but the file.
    pub quick: bool,
    pub max_strings: usize,
    pub min_string_length: usize,
    /// Unix seconds; compile times after it are in the future.
    pub now: Option<u64>,
    /// Nothing but what `headers` tells.
    #[serde(skip)]
    pub headers_only: bool,
}

impl Default for Analyze {
    fn default() -> Self {
        Self {
            quick: false,
            max_strings: DEFAULT_MAX_STRINGS,
            min_string_length: DEFAULT_MIN_LENGTH,
            now: None,
            headers_only: false,
        }
    }
}

/// Arguments of `strings`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Strings {
    pub max_strings: usize,
    pub min_string_length: usize,
}

impl Default for Strings {
    fn default() -> Self {
        Self { max_strings: DEFAULT_MAX_STRINGS, min_string_length: DEFAULT_MIN_LENGTH }
    }
}

/// Arguments of `search`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    pub pattern: String,
    /// It is an expression; else it is the text itself.
    pub regex: bool,
    pub ignore_case: bool,
    pub max_matches: usize,
    pub min_string_length: usize,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            pattern: String::new(),
            regex: false,
            ignore_case: false,
            max_matches: DEFAULT_MATCHES,
            min_string_length: SEARCHED_LENGTH,
        }
    }
}

/// Arguments of `read`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub offset: u64,
    pub length: usize,
}

/// Arguments of `fuzzy`: which hashes to make.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fuzzy {
    pub ssdeep: bool,
    pub tlsh: bool,
}

impl Default for Fuzzy {
    fn default() -> Self {
        Self { ssdeep: true, tlsh: true }
    }
}

/// Arguments of `compare`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    pub first: String,
    pub second: String,
}

/// Arguments of a function that has none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl Analyze {
    pub fn headers_only() -> Self {
        Self { quick: true, headers_only: true, ..Self::default() }
    }

    pub fn read(args: &Args) -> Result<Self, Refusal> {
        let options: Self = parse_args(args)?;
        check("max_strings", options.max_strings, 0, MAX_STRINGS)?;
        check("min_string_length", options.min_string_length, 2, MAX_MIN_LENGTH)?;
        Ok(options)
    }
}

impl Strings {
    pub fn read(args: &Args) -> Result<Self, Refusal> {
        let options: Self = parse_args(args)?;
        check("max_strings", options.max_strings, 0, MAX_STRINGS)?;
        check("min_string_length", options.min_string_length, 2, MAX_MIN_LENGTH)?;
        Ok(options)
    }
}

impl Search {
    pub fn read(args: &Args) -> Result<Self, Refusal> {
        let options: Self = parse_args(args)?;
        check("length of pattern", options.pattern.len(), 1, MAX_PATTERN)?;
        check("max_matches", options.max_matches, 0, MAX_MATCHES)?;
        check("min_string_length", options.min_string_length, 2, MAX_MIN_LENGTH)?;
        Ok(options)
    }
}

impl Window {
    pub fn read(args: &Args) -> Result<Self, Refusal> {
        let options: Self = parse_args(args)?;
        check("length", options.length, 1, MAX_READ)?;
        Ok(options)
    }
}

fn check(name: &str, value: usize, least: usize, most: usize) -> Result<(), Refusal> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Refusal::invalid_args(format!("Arguments: `{name}` must be from {least} to {most}, not {value}.")))
}

pub fn description() -> Description {
    Description {
        name: "file-processor",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Says what a file is and what its headers tell: format, PE, ELF and Mach-O, containers, strings, entropy.",
        slot: "analysis",
        capabilities: &[
            "format",
            "hashes",
            "similarity",
            "entropy",
            "strings",
            "pe",
            "elf",
            "macho",
            "archives",
            "documents",
            "extract",
        ],
        functions: vec![
            function("analyze", "All facts and findings.", analyze_schema()),
            function("identify", "The format alone.", object(&json!({}))),
            function("strings", "Strings in ASCII and UTF-16LE, with offsets.", strings_schema()),
            function("search", "Where a text or an expression is in the strings.", search_schema()),
            function("read", "Bytes at an offset, as digits and as text.", read_schema()),
            function(
                "extract",
                "The content of a file that is inside the sample, by its number.",
                PartArgs::schema("The child's number in the facts of a full analysis."),
            ),
            function("entropy", "Shannon entropy, overall and as a profile of up to 256 blocks.", object(&json!({}))),
            function("hashes", "MD5, SHA-1 and SHA-256.", object(&json!({}))),
            function("headers", HEADERS, object(&json!({}))),
            function("fuzzy", "Hashes that similar files have alike: ssdeep and TLSH.", fuzzy_schema()),
            Function { needs_sample: false, ..function("compare", COMPARE, compare_schema()) },
        ],
    }
}

const HEADERS: &str = "Headers, sections with their entropy, imports with imphash and exports of an executable, alone.";
const COMPARE: &str = "How alike two hashes are: ssdeep's score from 0 to 100, or TLSH's distance from 0 for the same.";

fn function(name: &'static str, summary: &'static str, args: Value) -> Function {
    Function { name, summary, args, needs_sample: true }
}

fn object(properties: &Value) -> Value {
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn analyze_schema() -> Value {
    object(&json!({
        "quick": {"type": "boolean", "default": false, "description": "Leave out strings, and hashes of anything but the file."},
        "max_strings": max_strings_schema(),
        "min_string_length": min_length_schema(),
        "now": {"type": "integer", "minimum": 0, "description": "Unix seconds; later compile times are in the future."},
    }))
}

fn fuzzy_schema() -> Value {
    let wanted = json!({"type": "boolean", "default": true});
    object(&json!({"ssdeep": wanted, "tlsh": wanted}))
}

fn compare_schema() -> Value {
    let hash = json!({"type": "string", "description": "A hash of ssdeep or TLSH; both of one kind."});
    let mut schema = object(&json!({"first": hash, "second": hash}));
    schema["required"] = json!(["first", "second"]);
    schema
}

fn strings_schema() -> Value {
    object(&json!({"max_strings": max_strings_schema(), "min_string_length": min_length_schema()}))
}

fn search_schema() -> Value {
    let no = json!({"type": "boolean", "default": false});
    let mut schema = object(&json!({
        "pattern": {"type": "string", "minLength": 1, "maxLength": MAX_PATTERN, "description": "What to look for."},
        "regex": no,
        "ignore_case": no,
        "max_matches": {"type": "integer", "minimum": 0, "maximum": MAX_MATCHES, "default": DEFAULT_MATCHES,
                        "description": "Matches to return; all are counted."},
        "min_string_length": {"type": "integer", "minimum": 2, "maximum": MAX_MIN_LENGTH, "default": SEARCHED_LENGTH,
                              "description": "Characters of the strings that are searched."},
    }));
    schema["required"] = json!(["pattern"]);
    schema
}

fn read_schema() -> Value {
    let mut schema = object(&json!({
        "offset": {"type": "integer", "minimum": 0},
        "length": {"type": "integer", "minimum": 1, "maximum": MAX_READ, "description": "Bytes."},
    }));
    schema["required"] = json!(["offset", "length"]);
    schema
}

fn max_strings_schema() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": MAX_STRINGS, "default": DEFAULT_MAX_STRINGS,
           "description": "Strings to return; all are counted."})
}

fn min_length_schema() -> Value {
    json!({"type": "integer", "minimum": 2, "maximum": MAX_MIN_LENGTH, "default": DEFAULT_MIN_LENGTH,
           "description": "Characters."})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(value: Value) -> Args {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn unknown_and_impossible_arguments_are_refused() {
        for bad in
            [json!({"quik": true}), json!({"quick": 1}), json!({"max_strings": -1}), json!({"min_string_length": 1})]
        {
            let refusal = Analyze::read(&args(bad.clone())).err();
            assert_eq!(refusal.map(|refusal| refusal.code), Some("invalid_args"), "{bad}");
        }
        assert!(Analyze::read(&args(json!({"quick": true, "now": 1}))).is_ok());
        assert!(Strings::read(&args(json!({"min_string_length": 4}))).is_ok());
        for bad in [json!({}), json!({"pattern": "", "regex": true}), json!({"pattern": "a", "max_matches": 1_001})] {
            assert_eq!(
                Search::read(&args(bad.clone())).err().map(|refusal| refusal.code),
                Some("invalid_args"),
                "{bad}"
            );
        }
        for bad in [json!({"offset": 0}), json!({"offset": -1, "length": 1}), json!({"offset": 0, "length": 4_097})] {
            assert_eq!(
                Window::read(&args(bad.clone())).err().map(|refusal| refusal.code),
                Some("invalid_args"),
                "{bad}"
            );
        }
    }
}
