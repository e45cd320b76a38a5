//! Calls through the module's public seam.

use crypto::Crypto;
use module_kit::{Call, Finding, Module, Refusal};
use serde_json::{Value, json};

/// Data and findings of one call.
pub fn call(function: &str, args: &Value, sample: Option<&[u8]>) -> Result<(Value, Vec<Finding>), Refusal> {
    let info = sample.map(|sample| json!({"size": sample.len(), "name": "sample.bin"}));
    let call = json!({"function": function, "args": args, "sample": info});
    let call = Call::parse(&call.to_string()).expect("a call");
    let output = Crypto::analyze(&call, sample)?;
    Ok((serde_json::from_str(output.data.get()).expect("JSON"), output.findings))
}

#[allow(dead_code, reason = "not all tests analyse")]
pub fn analyze(sample: &[u8]) -> (Value, Vec<Finding>) {
    call("analyze", &json!({}), Some(sample)).expect("an answer")
}
