//! analysis-engine: one conclusion from what the other modules say. It reads their reports, never the sample: what
//! goes together becomes a finding by rules in data files, what did not come to its end becomes one, and all of them a
//! score whose arithmetic is shown.

mod atoms;
mod attack;
mod children;
mod failures;
mod limits;
mod options;
mod rules;
mod score;
mod told;

use module_kit::{Call, Description, Findings, Module, Output, Refusal, parse_args};
use serde::Serialize;
use told::Told;

pub struct AnalysisEngine;

/// What `analyze` answers beside its findings.
#[derive(Debug, Serialize)]
struct Conclusion {
    #[serde(flatten)]
    score: score::Score,
    techniques: Vec<attack::Named>,
}

impl Module for AnalysisEngine {
    fn description() -> Description {
        options::description()
    }

    fn analyze(call: &Call, _sample: Option<&[u8]>) -> Result<Output, Refusal> {
        match call.function.as_str() {
            "analyze" => Ok(conclude(&parse_args(&call.args)?)),
            name => Err(Refusal::unknown_function(name)),
        }
    }
}

fn conclude(told: &Told) -> Output {
    let atoms = atoms::Atoms::of(told);
    let mut findings = Findings::default();
    let mut groups = score::Groups::default();
    for (rule, support) in rules::matching(&atoms) {
        groups.claim(&rule.id, &support);
        findings.add(rule.finding(&support));
    }
    children::judge(told, &mut findings);
    failures::judge(told, &mut findings);
    let findings = findings.into_sorted();
    let counted = score::all_of(told, &findings);
    let conclusion = Conclusion { score: score::score(&counted, &groups), techniques: attack::techniques(&counted) };
    Output::new(&conclusion, findings)
}

module_kit::component!(super::AnalysisEngine);
