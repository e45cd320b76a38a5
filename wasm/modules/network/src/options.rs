//! The module's functions, their arguments and the description of both.

use module_kit::{Args, Description, Function, PartArgs, Refusal, parse_args};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::limits::MAX_FANGED_TEXT;

const DEFAULT_ANALYZED: usize = 500;
const DEFAULT_LISTED: usize = 10_000;
const MAX_LISTED: usize = 50_000;
const DEFAULT_RECORDS: usize = 500;
const MAX_RECORDS: usize = 20_000;

/// Arguments of `analyze`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawAnalyze {
    max_indicators: Option<usize>,
    max_records: Option<usize>,
    keep: Option<bool>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Analyze {
    /// Indicators that are listed.
    pub max_indicators: usize,
    /// Rows of each list of a capture.
    pub max_records: usize,
    /// Whether the session keeps the capture, to go on with it. None: if it has one already.
    pub keep: Option<bool>,
}

/// Arguments of `indicators`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Listing {
    max_indicators: Option<usize>,
}

/// Arguments of `defang` and `refang`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
}

pub fn analyzed(args: &Args) -> Result<Analyze, Refusal> {
    let raw: RawAnalyze = parse_args(args)?;
    Ok(Analyze {
        max_indicators: at_most("max_indicators", raw.max_indicators.unwrap_or(DEFAULT_ANALYZED), MAX_LISTED)?,
        max_records: at_most("max_records", raw.max_records.unwrap_or(DEFAULT_RECORDS), MAX_RECORDS)?,
        keep: raw.keep,
    })
}

/// How many indicators `indicators` lists.
pub fn listed(args: &Args) -> Result<usize, Refusal> {
    let most = parse_args::<Listing>(args)?.max_indicators.unwrap_or(DEFAULT_LISTED);
    at_most("max_indicators", most, MAX_LISTED)
}

fn at_most(name: &str, value: usize, most: usize) -> Result<usize, Refusal> {
    if value <= most {
        return Ok(value);
    }
    Err(Refusal::invalid_args(format!("Arguments: `{name}` must be from 0 to {most}, not {value}.")))
}

pub fn text(args: &Args) -> Result<String, Refusal> {
    let text = parse_args::<Text>(args)?.text;
    if text.len() <= MAX_FANGED_TEXT {
        return Ok(text);
    }
    Err(Refusal::invalid_args(format!(
        "Arguments: `text` must have at most {MAX_FANGED_TEXT} bytes, not {}.",
        text.len()
    )))
}

pub fn description() -> Description {
    Description {
        name: "network",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Finds indicators of compromise in any bytes, in the clear and defanged, and reads captures of packets: \
                  flows, DNS, HTTP, TLS, files, beacons, tunnels.",
        slot: "network",
        capabilities: &["indicators", "defang", "refang", "captures", "extract"],
        functions: vec![
            function(
                "analyze",
                "Indicators, what a capture of packets says, and which of it to look at first.",
                analyze_schema(),
                true,
            ),
            function("indicators", "Indicators alone, and more of them.", listing_schema(), true),
            function(
                "extract",
                "The content of a file that is in a capture, by its number.",
                PartArgs::schema("The file's number in the facts."),
                true,
            ),
            function("defang", "A text with its addresses written so that nobody follows them.", text_schema(), false),
            function("refang", "A text with its defanged addresses written as they are meant.", text_schema(), false),
        ],
    }
}

fn function(name: &'static str, summary: &'static str, args: Value, needs_sample: bool) -> Function {
    Function { name, summary, args, needs_sample }
}

fn listed_schema(default: usize) -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": MAX_LISTED, "default": default,
           "description": "Different indicators to list; all are counted."})
}

fn analyze_schema() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {
        "max_indicators": listed_schema(DEFAULT_ANALYZED),
        "max_records": {"type": "integer", "minimum": 0, "maximum": MAX_RECORDS, "default": DEFAULT_RECORDS,
                        "description": "Rows of each list of a capture; all are counted."},
        "keep": {"type": "boolean", "description": "Whether the session keeps the capture, so that the next one is \
                 added to it; without a word, if it has one already."},
    }})
}

fn listing_schema() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {
        "max_indicators": listed_schema(DEFAULT_LISTED),
    }})
}

fn text_schema() -> Value {
    json!({"type": "object", "additionalProperties": false, "required": ["text"], "properties": {
        "text": {"type": "string", "description": "At most 1 MiB of UTF-8."},
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_arguments_are_refused() {
        let args = |value: Value| value.as_object().cloned().unwrap_or_default();
        for bad in
            [json!({"max": 1}), json!({"max_indicators": -1}), json!({"max_indicators": 50_001}), json!({"keep": 1})]
        {
            assert_eq!(analyzed(&args(bad.clone())).map_err(|refusal| refusal.code), Err("invalid_args"), "{bad}");
        }
        for bad in [json!({}), json!({"text": 1}), json!({"text": "x".repeat(MAX_FANGED_TEXT + 1)})] {
            assert_eq!(text(&args(bad)).map_err(|refusal| refusal.code), Err("invalid_args"));
        }
        assert_eq!(listed(&args(json!({}))), Ok(DEFAULT_LISTED));
    }
}
