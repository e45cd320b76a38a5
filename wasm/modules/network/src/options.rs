//! The module's functions, their arguments and the description of both.

use module_kit::{Args, Description, Function, Refusal, parse_args};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::limits::MAX_FANGED_TEXT;

const DEFAULT_LISTED: usize = 500;
const DEFAULT_EXTRACTED: usize = 10_000;
const MAX_LISTED: usize = 50_000;

/// Arguments of `analyze` and `extract`.
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

/// How many indicators `analyze` lists.
pub fn analyzed(args: &Args) -> Result<usize, Refusal> {
    listed(args, DEFAULT_LISTED)
}

/// How many indicators `extract` lists.
pub fn extracted(args: &Args) -> Result<usize, Refusal> {
    listed(args, DEFAULT_EXTRACTED)
}

fn listed(args: &Args, default: usize) -> Result<usize, Refusal> {
    let most = parse_args::<Listing>(args)?.max_indicators.unwrap_or(default);
    if most <= MAX_LISTED {
        return Ok(most);
    }
    Err(Refusal::invalid_args(format!("Arguments: `max_indicators` must be from 0 to {MAX_LISTED}, not {most}.")))
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
        summary: "Finds indicators of compromise in any bytes, in the clear and defanged: addresses, names, hashes, wallets, paths.",
        slot: "network",
        capabilities: &["indicators", "defang", "refang"],
        functions: vec![
            function(
                "analyze",
                "Indicators, and which of them to look at first.",
                listing_schema(DEFAULT_LISTED),
                true,
            ),
            function("extract", "Indicators alone, and more of them.", listing_schema(DEFAULT_EXTRACTED), true),
            function("defang", "A text with its addresses written so that nobody follows them.", text_schema(), false),
            function("refang", "A text with its defanged addresses written as they are meant.", text_schema(), false),
        ],
    }
}

fn function(name: &'static str, summary: &'static str, args: Value, needs_sample: bool) -> Function {
    Function { name, summary, args, needs_sample }
}

fn listing_schema(default: usize) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {
        "max_indicators": {"type": "integer", "minimum": 0, "maximum": MAX_LISTED, "default": default,
                           "description": "Different indicators to list; all are counted."},
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
        for bad in [json!({"max": 1}), json!({"max_indicators": -1}), json!({"max_indicators": 50_001})] {
            assert_eq!(analyzed(&args(bad.clone())).map_err(|refusal| refusal.code), Err("invalid_args"), "{bad}");
        }
        for bad in [json!({}), json!({"text": 1}), json!({"text": "x".repeat(MAX_FANGED_TEXT + 1)})] {
            assert_eq!(text(&args(bad)).map_err(|refusal| refusal.code), Err("invalid_args"));
        }
        assert_eq!(extracted(&args(json!({}))), Ok(DEFAULT_EXTRACTED));
    }
}
