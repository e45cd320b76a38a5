//! @name@: what it looks for is up to you. This one looks for hidden Windows programs.
//!
//! A sample is hostile: check what you read, and put a limit on what it can make you do. What is malformed is a finding.

use module_kit::{Args, Call, Description, Finding, Function, Output, Refusal, Severity, parse_args};
use serde::{Deserialize, Serialize};

const MAX_FOUND: usize = 100;

struct Analyzer;

/// The arguments of `analyze`; their schema is in the description.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { max: MAX_FOUND }
    }
}

#[derive(Serialize)]
struct Facts {
    programs: Vec<usize>,
}

impl module_kit::Module for Analyzer {
    fn description() -> Description {
        Description {
            name: "@name@",
            version: env!("CARGO_PKG_VERSION"),
            summary: "Windows programs inside of other files.",
            slot: "foreign",
            capabilities: &["embedded-programs"],
            functions: vec![Function {
                name: "analyze",
                summary: "Looks for Windows programs behind the first byte.",
                args: serde_json::json!({
                    "type": "object",
                    "properties": {"max": {"type": "integer", "minimum": 1, "maximum": MAX_FOUND}},
                    "additionalProperties": false,
                }),
                needs_sample: true,
            }],
        }
    }

    fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
        match call.function.as_str() {
            "analyze" => analyze(&call.args, sample.ok_or_else(Refusal::no_sample)?),
            other => Err(Refusal::unknown_function(other)),
        }
    }
}

module_kit::component!(super::Analyzer);

fn analyze(args: &Args, sample: &[u8]) -> Result<Output, Refusal> {
    let options: Options = parse_args(args)?;
    let programs: Vec<usize> = programs(sample).take(options.max.min(MAX_FOUND)).collect();
    let findings = programs.first().map(|&first| {
        Finding::new("embedded-program", Severity::Medium, 75, "A Windows program is hidden inside the file")
            .detail(format!("{} in all.", programs.len()))
            .at(first as u64, 2)
            .techniques(&["T1027.009"])
    });
    Ok(Output::new(&Facts { programs }, findings.into_iter().collect()))
}

/// Where a DOS header is whose pointer leads to a PE header.
pub fn programs(sample: &[u8]) -> impl Iterator<Item = usize> + '_ {
    (1..sample.len()).filter(|&at| is_program(sample.get(at..).unwrap_or_default()))
}

fn is_program(bytes: &[u8]) -> bool {
    let Some(pointer) = bytes.get(60..64).filter(|_| bytes.starts_with(b"MZ")) else { return false };
    let header = u32::from_le_bytes([pointer[0], pointer[1], pointer[2], pointer[3]]) as usize;
    bytes.get(header..).is_some_and(|rest| rest.starts_with(b"PE\0\0"))
}

#[cfg(test)]
mod tests {
    use super::programs;

    #[test]
    fn a_hidden_program_is_found() {
        let mut sample = b"harmlessMZ".to_vec();
        sample.resize(8 + 60, 0);
        sample.extend(64_u32.to_le_bytes());
        sample.extend(b"PE\0\0");
        assert_eq!(programs(&sample).collect::<Vec<_>>(), [8]);
        sample.pop();
        assert_eq!(programs(&sample).count(), 0);
    }
}
