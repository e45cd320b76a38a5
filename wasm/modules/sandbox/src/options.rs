//! The module's functions, their arguments and the description of both.

use module_kit::{Args, Description, Function, PartArgs, Refusal, parse_args, rest};
use script_host::{NetworkAnswer, Settings};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::machine;

const MAX_STEPS: u64 = 200_000_000;
/// Milliseconds since 1970 of the year 3000.
const MAX_DATE: u64 = 32_503_680_000_000;
const MAX_ARGUMENTS: usize = 64;

/// Arguments of `analyze`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Analyze {
    pub language: Option<Language>,
    pub raw: Option<Width>,
    steps: Option<u64>,
    date: Option<u64>,
    arguments: Vec<String>,
    user: Option<String>,
    computer: Option<String>,
    answers: Vec<Answer>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Javascript,
    Vbscript,
}

/// Of machine code.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum Width {
    #[serde(rename = "x86")]
    Narrow,
    #[serde(rename = "x86-64")]
    Wide,
}

impl Width {
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Narrow => 32,
            Self::Wide => 64,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default)]
    prefix: String,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    body: String,
}

const fn ok() -> u16 {
    200
}

impl Analyze {
    /// # Errors
    /// `invalid_args` for what is out of range.
    pub fn read(args: &Args) -> Result<Self, Refusal> {
        let options: Self = parse_args(args)?;
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> Result<(), Refusal> {
        let refuse =
            |name: &str, most: u64| Err(Refusal::invalid_args(format!("Arguments: `{name}` is at most {most}.")));
        if self.steps.is_some_and(|steps| steps > MAX_STEPS) {
            return refuse("steps", MAX_STEPS);
        }
        if self.date.is_some_and(|date| date > MAX_DATE) {
            return refuse("date", MAX_DATE);
        }
        if self.arguments.len().max(self.answers.len()) > MAX_ARGUMENTS {
            return refuse("the number of arguments and answers", MAX_ARGUMENTS as u64);
        }
        Ok(())
    }

    /// What the run pretends. `name` is the sample's, and hostile.
    #[must_use]
    pub fn settings(&self, name: &str) -> Settings {
        let mut settings = Settings::default();
        if let Some(user) = &self.user {
            settings.user.clone_from(user);
        }
        if let Some(computer) = &self.computer {
            settings.computer.clone_from(computer);
        }
        let plain: String = name.rsplit(['/', '\\']).next().unwrap_or_default().chars().take(100).collect();
        let plain = if plain.is_empty() { "sample.js".to_owned() } else { plain };
        settings.path = format!("C:\\Users\\{}\\Downloads\\{plain}", settings.user);
        settings.start = self.date.unwrap_or(settings.start);
        settings.steps = self.steps.unwrap_or(settings.steps);
        settings.keep = Some(rest::keep);
        settings.arguments.clone_from(&self.arguments);
        let own = self.answers.iter().map(|answer| NetworkAnswer {
            prefix: answer.prefix.clone(),
            status: answer.status,
            body: answer.body.clone().into_bytes(),
        });
        settings.answers = own.chain(settings.answers).collect();
        settings
    }
}

pub fn description() -> Description {
    Description {
        name: "sandbox",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Runs scripts (JavaScript, JScript, VBScript, VBA, HTA, WSF), machine code (x86) and WebAssembly against a \
                  Windows that only exists here, and writes down what they do; disassembles programs.",
        slot: "sandbox",
        capabilities: &[
            "javascript",
            "jscript",
            "vbscript",
            "vba",
            "behaviour",
            "x86",
            "webassembly",
            "disassembly",
            "emulation",
            "extract",
        ],
        functions: vec![
            Function {
                name: "analyze",
                summary: "What the sample does: calls in order, and what they touch.",
                args: analyze_schema(),
                needs_sample: true,
            },
            Function {
                name: "extract",
                summary: "Code that the sample ran or a file that it wrote, by its number.",
                args: PartArgs::schema("The child's number in the facts."),
                needs_sample: true,
            },
            Function {
                name: "disassemble",
                summary: "Instructions from an address or an offset on, with what they refer to.",
                args: place_schema(
                    &json!({"count": {"type": "integer", "minimum": 1, "maximum": machine::MAX_LINES, "default": 64}}),
                ),
                needs_sample: true,
            },
            Function {
                name: "functions",
                summary: "Functions that the code has, with what they call.",
                args: place_schema(&json!({"start": {"type": "integer", "minimum": 0, "default": 0},
                                           "count": {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100}})),
                needs_sample: true,
            },
            Function {
                name: "emulate",
                summary: "Runs code from an address or an offset on, and says what the processor is then, and what was called.",
                args: place_schema(&emulate_schema()),
                needs_sample: true,
            },
        ],
    }
}

fn analyze_schema() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {
        "language": {"enum": ["javascript", "vbscript"], "description": "What to take it for; told by content otherwise."},
        "raw": {"enum": ["x86", "x86-64"], "description": "The sample is machine code as a whole."},
        "steps": {"type": "integer", "minimum": 0, "maximum": MAX_STEPS, "description": "Instructions that it may take."},
        "date": {"type": "integer", "minimum": 0, "maximum": MAX_DATE, "description": "The date that it sees, in milliseconds since 1970."},
        "arguments": {"type": "array", "items": {"type": "string"}, "maxItems": MAX_ARGUMENTS, "description": "Of its command line."},
        "user": {"type": "string", "description": "The user's name that it sees."},
        "computer": {"type": "string", "description": "The computer's name that it sees."},
        "answers": {"type": "array", "maxItems": MAX_ARGUMENTS, "description": "What the network answers, the first that fits.",
                    "items": {"type": "object", "additionalProperties": false, "properties": {
                        "prefix": {"type": "string", "description": "The beginning of the addresses; empty for all."},
                        "status": {"type": "integer", "minimum": 100, "maximum": 599, "default": 200},
                        "body": {"type": "string"}}}},
    }})
}

/// Where in the sample, and what else.
fn place_schema(own: &Value) -> Value {
    let mut properties = json!({
        "address": {"type": "integer", "minimum": 0, "description": "In memory; the entry point if both are left out."},
        "offset": {"type": "integer", "minimum": 0, "description": "In the sample."},
        "raw": {"enum": ["x86", "x86-64"], "description": "The sample is code as a whole."},
    });
    if let (Some(all), Some(own)) = (properties.as_object_mut(), own.as_object()) {
        all.extend(own.clone());
    }
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

fn emulate_schema() -> Value {
    json!({
        "steps": {"type": "integer", "minimum": 1, "maximum": machine::MAX_STEPS, "default": 100_000, "description": "Instructions."},
        "registers": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}, "description": "By name, `rax` to `r15`."},
        "flags": {"type": "integer", "minimum": 0, "description": "The register of flags."},
    })
}
