//! The module's functions, their arguments and the description of both.

use module_kit::{Args, Description, Function, PartArgs, Refusal, parse_args};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::decode::{STEPS, Step};
use crate::limits::{MAX_CHAIN, MAX_DECODED};

/// Arguments of `analyze`: there are none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Arguments of `decode`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decode {
    pub steps: Vec<Step>,
    pub data: Option<String>,
    #[serde(default)]
    pub offset: usize,
    pub length: Option<usize>,
}

pub fn decode(args: &Args) -> Result<Decode, Refusal> {
    let decode: Decode = parse_args(args)?;
    if decode.steps.is_empty() || decode.steps.len() > MAX_CHAIN {
        return Err(Refusal::invalid_args(format!("Arguments: `steps` must have from 1 to {MAX_CHAIN} steps.")));
    }
    Ok(decode)
}

pub fn description() -> Description {
    Description {
        name: "deobfuscator",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Peels layers of obfuscation: JavaScript, PowerShell, VBScript, VBA, batch files, Python, and data that is encoded, packed \
                  or encrypted with a key that can be found.",
        slot: "deobfuscation",
        capabilities: &[
            "layers",
            "javascript",
            "powershell",
            "vbscript",
            "vba",
            "batch",
            "python",
            "html",
            "xor-keys",
            "decode",
            "extract",
        ],
        functions: vec![
            function("analyze", "Layers, what each of them hid, and what that means.", empty_schema(), true),
            function(
                "layer",
                "The content of a layer, by its number.",
                PartArgs::schema("The layer's number in the facts."),
                true,
            ),
            function(
                "extract",
                "The content of a decoded file, by its number.",
                PartArgs::schema("The file's number in the facts."),
                true,
            ),
            function("decode", "Data through a chain of named steps.", decode_schema(), false),
        ],
    }
}

fn function(name: &'static str, summary: &'static str, args: Value, needs_sample: bool) -> Function {
    Function { name, summary, args, needs_sample }
}

fn empty_schema() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {}})
}

fn decode_schema() -> Value {
    let names: Vec<&str> = STEPS.iter().map(|step| step.0).collect();
    let told: Vec<String> = STEPS.iter().map(|(name, what)| format!("{name}: {what}")).collect();
    let text = |what: &str| json!({"type": "string", "description": what});
    json!({"type": "object", "additionalProperties": false, "required": ["steps"], "properties": {
        "steps": {"type": "array", "minItems": 1, "maxItems": MAX_CHAIN, "items": {
            "type": "object", "additionalProperties": false, "required": ["name"], "properties": {
                "name": {"enum": names, "description": told.join("; ")},
                "args": {"type": "object", "additionalProperties": false, "properties": {
                    "alphabet": text("standard, url or 64 characters."),
                    "key": text("Hexadecimal, or with the prefix `base64:` or `text:`."),
                    "by": {"type": "integer", "minimum": 0, "maximum": 255, "description": "Places."},
                    "separator": text("What stands between numbers."),
                    "from": text("What is replaced."),
                    "to": text("By what."),
                }},
            },
        }},
        "data": text("What to work on: hexadecimal, or with the prefix `base64:` or `text:`; the sample if it is left out."),
        "offset": {"type": "integer", "minimum": 0, "default": 0, "description": "Bytes of the sample to leave out before."},
        "length": {"type": "integer", "minimum": 0, "maximum": MAX_DECODED, "description": "Bytes to take; all if left out."},
    }})
}
