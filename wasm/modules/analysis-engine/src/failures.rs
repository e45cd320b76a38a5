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
            let missing = if result.data.is_null() && result.findings.is_empty() {
                "its results are missing from this report"
            } else {
                "this report has what it found before it stopped; the rest is missing"
            };
            findings.add(Finding::new(id, Severity::Low, 60, title).detail(format!("{}: {missing}.", result.module)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_module_had_found_by_then_is_not_said_to_be_missing() {
        let detail = |found: &str| {
            let result = format!(r#"{{"module": "sandbox", "error": {{"code": "module_memory"}}{found}}}"#);
            let told = serde_json::from_str(&format!(r#"{{"results": [{result}]}}"#)).expect("it is well formed");
            let mut findings = Findings::default();
            judge(&told, &mut findings);
            findings.into_sorted().remove(0).detail
        };
        assert_eq!(detail(""), "sandbox: its results are missing from this report.");
        let partial = "sandbox: this report has what it found before it stopped; the rest is missing.";
        assert_eq!(detail(r#", "data": {"calls": []}"#), partial);
        let finding = r#"{"id": "sandbox/x", "severity": "low", "confidence": 50, "title": "X"}"#;
        assert_eq!(detail(&format!(r#", "findings": [{finding}]"#)), partial);
    }
}
