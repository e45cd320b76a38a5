//! What the module tells: `SandboxFacts` of `athena_lab/report/behaviour.py`.

use machine_code::facts::{Guest, Machine};
use module_kit::hex;
use script_host::settings::is_our_answer;
use script_host::trace::{Touched, Trace};
use script_host::{Call, Ended};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::addresses::Address;

/// Children that are listed.
const MAX_CHILDREN: usize = 1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Javascript,
    Vbscript,
    Wasm,
    X86,
    #[serde(rename = "x86-64")]
    X86Wide,
}

#[derive(Debug, Serialize)]
pub struct Facts {
    pub kind: &'static str,
    /// None: nothing in the sample runs here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// What was thrown and not caught; hostile.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    pub steps: u64,
    pub calls: Vec<Call>,
    pub calls_total: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Touched>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub registry: Vec<Touched>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<Touched>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network: Vec<Touched>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub persistence: Vec<Touched>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evasion: Vec<Touched>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<Touched>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<Executed>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Child>,
    #[serde(skip_serializing_if = "is_zero")]
    pub children_left_out: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest: Option<Guest>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A text that was run as code; its content is the child.
#[derive(Debug, Serialize)]
pub struct Executed {
    pub by: &'static str,
    pub child: usize,
    /// Bytes.
    pub size: usize,
}

/// As file-processor has it.
#[derive(Clone, Debug, Serialize)]
pub struct Child {
    pub index: usize,
    pub depth: usize,
    pub name: String,
    pub kind: &'static str,
    pub size: usize,
    /// Empty for a stand-in: it would be taken for that of what the sample loads.
    pub sha256: String,
}

/// A child that holds what we answered in place of what the sample would have loaded.
pub const STAND_IN: &str = "stand-in";

/// A child with what it holds.
pub struct Content {
    pub child: Child,
    pub bytes: Vec<u8>,
}

/// What a run made that is worth an analysis of its own: code first, then files, in the order of the trace.
#[must_use]
pub fn children(trace: &Trace, decoded: Vec<(String, Vec<u8>)>) -> Vec<Content> {
    let decoded = decoded.into_iter().map(|(name, bytes)| (name, "decoded-script", bytes));
    let code = trace.code.iter().enumerate();
    let name = |at: usize, by: &str| format!("{by}-{}.{}", at + 1, ending(by));
    let code = code.map(|(at, code)| (name(at, code.by), "executed-code", code.text.clone().into_bytes()));
    let files = trace.dropped.iter().map(|(path, content)| (path.clone(), "written-file", content.clone()));
    let all = code.chain(decoded).chain(files);
    all.enumerate()
        .map(|(index, (name, kind, bytes))| {
            let (kind, sha256) =
                if is_our_answer(&bytes) { (STAND_IN, String::new()) } else { (kind, hex(&Sha256::digest(&bytes))) };
            Content { child: Child { index, depth: 1, name, kind, size: bytes.len(), sha256 }, bytes }
        })
        .collect()
}

/// What names of files in the language end with that something runs.
fn ending(by: &str) -> &'static str {
    match by {
        "Execute" | "ExecuteGlobal" | "Eval" => "vbs",
        "document.write" => "html",
        // Both languages may be in it.
        "execScript" | "ScriptControl" => "txt",
        _ => "js",
    }
}

impl Facts {
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            kind: "sandbox",
            engine: None,
            ended: None,
            error: String::new(),
            steps: 0,
            calls: Vec::new(),
            calls_total: 0,
            files: Vec::new(),
            registry: Vec::new(),
            processes: Vec::new(),
            network: Vec::new(),
            persistence: Vec::new(),
            evasion: Vec::new(),
            waits: Vec::new(),
            code: Vec::new(),
            children: Vec::new(),
            children_left_out: 0,
            addresses: Vec::new(),
            machine: None,
            guest: None,
        }
    }

    #[must_use]
    pub fn of(engine: Engine, trace: Trace, children: &[Content]) -> Self {
        let code = trace.code.iter().enumerate();
        Self {
            kind: "sandbox",
            engine: Some(engine),
            ended: trace.ended,
            error: trace.error,
            steps: trace.steps,
            calls_total: trace.calls_total,
            code: code.map(|(child, code)| Executed { by: code.by, child, size: code.text.len() }).collect(),
            children: children.iter().take(MAX_CHILDREN).map(|content| content.child.clone()).collect(),
            children_left_out: children.len().saturating_sub(MAX_CHILDREN) + trace.code_left_out,
            calls: trace.calls,
            files: trace.files,
            registry: trace.registry,
            processes: trace.processes,
            network: trace.network,
            persistence: trace.persistence,
            evasion: trace.evasion,
            waits: trace.waits,
            addresses: Vec::new(),
            machine: None,
            guest: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::options::Analyze;
    use crate::run;

    #[test]
    fn code_that_is_run_is_a_child_with_the_ending_of_its_language() {
        for (script, name, child) in [
            ("Execute \"x = 1\"", "a.vbs", "Execute-1.vbs"),
            ("eval('1 + 1')", "a.js", "eval-1.js"),
            ("document.write('<b>x</b>')", "a.js", "document.write-1.html"),
        ] {
            let outcome = run::scripts(script.as_bytes(), name, &Analyze::default(), None).expect("a script");
            assert_eq!(outcome.children[0].child.name, child);
        }
    }
}
