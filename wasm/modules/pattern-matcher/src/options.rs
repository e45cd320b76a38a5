//! The module's functions, their arguments and the description of both.

use std::collections::BTreeMap;

use module_kit::{Description, Function};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::limits::MAX_TIMES;

/// Arguments of `analyze`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Analyze {
    /// Unix seconds, for `time.now()`. Without, that is undefined: there is no clock in the sandbox.
    pub now: Option<i64>,
}

/// One text of rules.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub text: String,
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// How errors call it.
    #[serde(default)]
    pub name: String,
}

fn default_namespace() -> String {
    "default".to_owned()
}

/// A value of an external variable; its type is that of the variable.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum External {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

/// Rules as texts, with what they refer to.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Rules {
    pub sources: Vec<Source>,
    /// What `include` finds, by the name that it says. There are no files in the sandbox.
    pub includes: BTreeMap<String, String>,
    pub externals: BTreeMap<String, External>,
}

// `flatten` and `deny_unknown_fields` do not go together, so that these are written out.

/// Arguments of `scan`.
#[derive(Debug, Deserialize)]
#[serde(from = "RawScan")]
pub struct Scan {
    pub rules: Rules,
    pub now: Option<i64>,
}

/// Arguments of `compile`.
#[derive(Debug, Deserialize)]
#[serde(from = "RawRules")]
pub struct Compile {
    pub rules: Rules,
}

/// Arguments of `check` and of `split`.
pub type Check = Compile;

/// Arguments of `repeat`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    pub sources: Vec<Source>,
    #[serde(default)]
    pub externals: BTreeMap<String, External>,
    pub now: Option<i64>,
    pub times: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawRules {
    sources: Vec<Source>,
    includes: BTreeMap<String, String>,
    externals: BTreeMap<String, External>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawScan {
    sources: Vec<Source>,
    includes: BTreeMap<String, String>,
    externals: BTreeMap<String, External>,
    now: Option<i64>,
}

impl From<RawRules> for Compile {
    fn from(raw: RawRules) -> Self {
        Self { rules: Rules { sources: raw.sources, includes: raw.includes, externals: raw.externals } }
    }
}

impl From<RawScan> for Scan {
    fn from(raw: RawScan) -> Self {
        let rules = Rules { sources: raw.sources, includes: raw.includes, externals: raw.externals };
        Self { rules, now: raw.now }
    }
}

pub fn description() -> Description {
    Description {
        name: "pattern-matcher",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Matches YARA rules: those that come with it, those given, or a set that a session keeps compiled.",
        slot: "patterns",
        capabilities: &[
            "yara",
            "yara-module-pe",
            "yara-module-elf",
            "yara-module-macho",
            "yara-module-dotnet",
            "yara-module-dex",
            "yara-module-math",
            "yara-module-hash",
            "yara-module-string",
            "yara-module-time",
            "yara-module-magic",
        ],
        functions: vec![
            Function {
                name: "analyze",
                summary: "Matches the session's rule set, or the rules that come with the module.",
                args: object(json!({"now": now()}), &[]),
                needs_sample: true,
            },
            Function {
                name: "scan",
                summary: "Matches rules given as texts, else the session's, else those that come with the module.",
                args: object(with_rules(json!({"now": now()})), &[]),
                needs_sample: true,
            },
            Function {
                name: "compile",
                summary: "Compiles rules; a session keeps the set, for `analyze` and `scan` of any sample.",
                args: object(with_rules(json!({})), &["sources"]),
                needs_sample: false,
            },
            Function {
                name: "check",
                summary: "Says what is wrong with rules, with line and column.",
                args: object(with_rules(json!({})), &["sources"]),
                needs_sample: false,
            },
            Function {
                name: "split",
                summary: "Rules as texts of one rule each, with what it needs: for `repeat`.",
                args: object(with_rules(json!({})), &["sources"]),
                needs_sample: false,
            },
            Function {
                name: "repeat",
                summary: "Matches rules many times over: whoever calls has a clock, and so the time that they take.",
                args: repeat(),
                needs_sample: true,
            },
        ],
    }
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn repeat() -> Value {
    let times = json!({"type": "integer", "minimum": 0, "maximum": MAX_TIMES, "description": "0: only compiles."});
    let mut properties = with_rules(json!({"now": now(), "times": times}));
    if let Some(properties) = properties.as_object_mut() {
        properties.remove("includes");
    }
    object(properties, &["sources", "times"])
}

fn now() -> Value {
    json!({"type": "integer", "description": "Unix seconds, for time.now()."})
}

fn with_rules(mut properties: Value) -> Value {
    let rules = json!({
        "sources": {"type": "array", "description": "Texts of YARA rules.", "items": {
            "type": "object", "required": ["text"], "additionalProperties": false, "properties": {
                "text": {"type": "string"},
                "namespace": {"type": "string", "default": "default"},
                "name": {"type": "string", "description": "How errors call it."},
            },
        }},
        "includes": {"type": "object", "additionalProperties": {"type": "string"},
                     "description": "What `include` finds, by the name that it says."},
        "externals": {"type": "object", "additionalProperties": {"type": ["boolean", "integer", "number", "string"]},
                      "description": "Values of external variables."},
    });
    if let (Some(all), Some(more)) = (properties.as_object_mut(), rules.as_object()) {
        all.extend(more.clone());
    }
    properties
}
