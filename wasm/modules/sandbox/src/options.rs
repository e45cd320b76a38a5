//! The module's functions, their arguments and the description of both.

use module_kit::{Args, Description, Function, Refusal, parse_args};
use script_host::{NetworkAnswer, Settings};
use serde::Deserialize;
use serde_json::{Value, json};

/// Bytes of an answer of `extract`.
pub const MAX_PART: usize = 8 << 20;
const MAX_STEPS: u64 = 200_000_000;
/// Milliseconds since 1970 of the year 3000.
const MAX_DATE: u64 = 32_503_680_000_000;
const MAX_ARGUMENTS: usize = 64;

/// Arguments of `analyze`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Analyze {
    pub language: Option<Language>,
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

/// Arguments of `extract`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extract {
    pub index: usize,
    #[serde(default)]
    pub offset: usize,
    #[serde(default = "most_of_a_part")]
    pub length: usize,
}

const fn most_of_a_part() -> usize {
    MAX_PART
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

/// # Errors
/// `invalid_args` for what is out of range.
pub fn extracted(args: &Args) -> Result<Extract, Refusal> {
    let options: Extract = parse_args(args)?;
    if options.length > MAX_PART {
        return Err(Refusal::invalid_args(format!("Arguments: `length` is at most {MAX_PART}.")));
    }
    Ok(options)
}

pub fn description() -> Description {
    Description {
        name: "sandbox",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Runs scripts (JavaScript, JScript, VBScript, VBA, HTA, WSF) against a Windows that only exists here, and \
                  writes down what they do.",
        slot: "sandbox",
        capabilities: &["javascript", "jscript", "vbscript", "vba", "behaviour", "extract"],
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
                args: extract_schema(),
                needs_sample: true,
            },
        ],
    }
}

fn analyze_schema() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {
        "language": {"enum": ["javascript", "vbscript"], "description": "What to take it for; told by content otherwise."},
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

fn extract_schema() -> Value {
    json!({"type": "object", "additionalProperties": false, "required": ["index"], "properties": {
        "index": {"type": "integer", "minimum": 0, "description": "The child's number in the facts."},
        "offset": {"type": "integer", "minimum": 0, "default": 0, "description": "Byte of its content to begin at."},
        "length": {"type": "integer", "minimum": 0, "maximum": MAX_PART, "default": MAX_PART, "description": "Bytes."},
    }})
}
