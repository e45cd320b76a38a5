//! The JSON of the contract, as `athena_lab/wasm/contract.py` reads and writes it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::findings::Finding;

/// Arguments of a call, before a module's own type has read them.
pub type Args = serde_json::Map<String, serde_json::Value>;

#[derive(Debug, Deserialize)]
pub struct SampleInfo {
    /// Bytes.
    pub size: u64,
    /// A hint only, and hostile.
    #[serde(default)]
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub struct Call {
    pub function: String,
    #[serde(default)]
    pub args: Args,
    pub sample: Option<SampleInfo>,
}

impl Call {
    /// # Errors
    /// `invalid_args` for what is not a call.
    pub fn parse(options: &str) -> Result<Self, Refusal> {
        serde_json::from_str(options).map_err(|error| Refusal::invalid_args(format!("Not a call: {error}.")))
    }

    /// The sample's name as its sender knew it; empty if unknown.
    #[must_use]
    pub fn sample_name(&self) -> &str {
        self.sample.as_ref().map_or("", |sample| &sample.name)
    }
}

/// Reads the arguments into the module's own type, which should `deny_unknown_fields`.
///
/// # Errors
/// `invalid_args` that names the argument.
pub fn parse_args<T: DeserializeOwned>(args: &Args) -> Result<T, Refusal> {
    T::deserialize(serde_json::Value::Object(args.clone()))
        .map_err(|error| Refusal::invalid_args(format!("Arguments: {error}.")))
}

#[derive(Debug, Serialize)]
pub struct Function {
    pub name: &'static str,
    pub summary: &'static str,
    /// JSON Schema (2020-12) of type object.
    pub args: serde_json::Value,
    pub needs_sample: bool,
}

#[derive(Debug, Serialize)]
pub struct Description {
    pub name: &'static str,
    pub version: &'static str,
    pub summary: &'static str,
    pub slot: &'static str,
    pub capabilities: &'static [&'static str],
    pub functions: Vec<Function>,
}

#[derive(Debug, Serialize)]
pub struct Output {
    pub data: Box<RawValue>,
    pub findings: Vec<Finding>,
    pub memory_bytes: u64,
}

impl Output {
    /// `data` serialised once; [`crate::answer`] fills in `memory_bytes`.
    #[must_use]
    pub fn new<T: Serialize>(data: &T, findings: Vec<Finding>) -> Self {
        // Types of ours with string keys and finite numbers: there is nothing in them that JSON cannot say.
        let data = serde_json::value::to_raw_value(data).unwrap_or_default();
        Self { data, findings, memory_bytes: 0 }
    }
}

#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    #[must_use]
    pub fn unknown_function(name: &str) -> Self {
        let name: String = name.chars().take(64).collect();
        Self { code: "unknown_function", message: format!("There is no function {name:?}.") }
    }

    #[must_use]
    pub fn invalid_args(message: String) -> Self {
        Self { code: "invalid_args", message }
    }

    #[must_use]
    pub fn no_sample() -> Self {
        Self { code: "no_sample", message: "This function needs a sample of at least one byte.".to_owned() }
    }
}
