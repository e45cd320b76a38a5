//! The module's functions and their arguments.

use module_kit::{Description, Function};
use serde_json::json;

pub fn description() -> Description {
    Description {
        name: "analysis-engine",
        version: env!("CARGO_PKG_VERSION"),
        summary: "One conclusion from what the other modules say: combinations, a score and its arithmetic, techniques.",
        slot: "conclusion",
        capabilities: &["combinations", "score", "attack-techniques", "failures-as-findings"],
        functions: vec![Function {
            name: "analyze",
            summary: "The conclusion from the results of modules, as a report has them, and the verdicts on files inside.",
            args: json!({
                "type": "object",
                "properties": {
                    "results": {"type": "array", "items": {"type": "object"}, "default": []},
                    "children": {"type": "array", "items": {"type": "object"}, "default": []},
                },
                "additionalProperties": false,
            }),
            needs_sample: false,
        }],
    }
}
