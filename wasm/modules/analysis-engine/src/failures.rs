//! A module that did not come to its end is a finding: samples are made to crash and to stall analysers.

use module_kit::{Finding, Findings, Severity};

use crate::told::Told;

/// By the code of the host's error: id, title. Errors that say nothing of the sample are not here.
const TELLING: &[(&str, &str, &str)] = &[
    ("module_trap", "module-trapped", "A module crashed on this sample"),
    ("module_deadline", "module-out-of-time", "A module did not finish this sample in its time"),
    ("module_memory", "module-out-of-memory", "A module ran out of memory on this sample"),
    ("bad_output", "module-bad-output", "A module's answer on this sample could not be read"),
];

pub fn judge(told: &Told, findings: &mut Findings) {
    for result in &told.results {
        let code = result.error.as_ref().map_or("", |error| error.code.as_str());
        if let Some((_, id, title)) = TELLING.iter().find(|(known, ..)| *known == code) {
            findings.add(
                Finding::new(id, Severity::Low, 60, title)
                    .detail(format!("{}: what it would have found is missing.", result.module)),
            );
        }
    }
}
