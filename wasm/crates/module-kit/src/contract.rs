//! The JSON of the contract, as `athena_lab/wasm/contract.py` reads and writes it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
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
    /// Made by the host when it stored the sample, if it still knows them.
    pub hashes: Option<SampleHashes>,
}

/// Lower-case hexadecimal.
#[derive(Clone, Debug, Deserialize)]
pub struct SampleHashes {
    pub md5: String,
    pub sha1: String,
    pub sha256: String,
}

#[derive(Debug, Deserialize)]
pub struct Call {
    pub function: String,
    #[serde(default)]
    pub args: Args,
    pub sample: Option<SampleInfo>,
    /// What an earlier call of the same session kept, base64 in the text. It came from this module, but whoever may
    /// open a session chose what it was made of: it is as hostile as a sample.
    #[serde(default, deserialize_with = "from_base64")]
    pub state: Option<Vec<u8>>,
    /// The same call was stopped before: the answer is to be made of what was kept of it.
    pub stopped: Option<Stopped>,
}

/// What ended a call before its answer, and what [`crate::rest`] had of it: from a guest that read hostile bytes.
#[derive(Debug, Deserialize)]
pub struct Stopped {
    /// As the host's metrics name it: `memory`, `deadline`, `stack_overflow` ...
    pub cause: String,
    /// Base64 in the text.
    #[serde(deserialize_with = "some_base64")]
    pub rest: Vec<u8>,
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
    /// See [`Output::keep`].
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "to_base64")]
    pub state: Option<Vec<u8>>,
}

impl Output {
    /// `data` serialised once; [`crate::answer`] fills in `memory_bytes`.
    #[must_use]
    pub fn new<T: Serialize>(data: &T, findings: Vec<Finding>) -> Self {
        // Types of ours with string keys and finite numbers: there is nothing in them that JSON cannot say.
        let data = serde_json::value::to_raw_value(data).unwrap_or_default();
        Self { data, findings, memory_bytes: 0, state: None }
    }

    /// What the session's next call gets as [`Call::state`]. Without, the session keeps what it has.
    #[must_use]
    pub fn keep(mut self, state: Vec<u8>) -> Self {
        self.state = Some(state);
        self
    }
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text: Option<std::borrow::Cow<'de, str>> = Deserialize::deserialize(deserializer)?;
    text.map(|text| STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)).transpose()
}

fn some_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    from_base64(deserializer).map(Option::unwrap_or_default)
}

#[allow(clippy::ref_option, reason = "serde's signature")]
fn to_base64<S: Serializer>(state: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    STANDARD.encode(state.as_deref().unwrap_or_default()).serialize(serializer)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_as_it_was_kept() {
        let kept = Output::new(&(), Vec::new()).keep(vec![0, 255, 7]);
        let json = serde_json::to_value(&kept).unwrap_or_default();
        let call = format!(r#"{{"function": "f", "state": {}}}"#, json["state"]);
        assert_eq!(Call::parse(&call).ok().and_then(|call| call.state), Some(vec![0, 255, 7]));
    }

    #[test]
    fn what_was_kept_of_a_call_comes_back() {
        let call = Call::parse(r#"{"function": "f", "stopped": {"cause": "memory", "rest": "AP8H"}}"#);
        let stopped = call.ok().and_then(|call| call.stopped).expect("it was stopped");
        assert_eq!((stopped.cause.as_str(), stopped.rest), ("memory", vec![0, 255, 7]));
        assert!(Call::parse(r#"{"function": "f", "stopped": {"cause": "memory", "rest": "?"}}"#).is_err());
        assert!(Call::parse(r#"{"function": "f"}"#).is_ok_and(|call| call.stopped.is_none()));
    }

    #[test]
    fn a_session_without_a_state_has_none() {
        let json = serde_json::to_value(Output::new(&(), Vec::new())).unwrap_or_default();
        assert_eq!(json.get("state"), None);
        assert!(Call::parse(r#"{"function": "f"}"#).is_ok_and(|call| call.state.is_none()));
        assert!(Call::parse(r#"{"function": "f", "state": null}"#).is_ok_and(|call| call.state.is_none()));
        assert!(Call::parse(r#"{"function": "f", "state": "?"}"#).is_err());
    }
}
