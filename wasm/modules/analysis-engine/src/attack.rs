//! ATT&CK: what a technique is called and which tactics it serves, by MITRE's published data (`attack.tsv`, which
//! `tests/wasm_modules/test_attack.py` compares with it).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::limits::{MAX_OF_TECHNIQUE, MAX_TECHNIQUES};
use crate::score::Counted;

const TABLE: &str = include_str!("attack.tsv");

/// A technique that findings name.
#[derive(Debug, Serialize)]
pub struct Named {
    pub id: String,
    /// Empty for an id that the published data does not have.
    pub name: String,
    /// `defense-evasion`, `execution` ...
    pub tactics: Vec<&'static str>,
    /// Ids of findings, the worst first.
    pub findings: Vec<String>,
}

/// In the order of their ids.
pub fn techniques(counted: &[Counted]) -> Vec<Named> {
    let mut by_id: BTreeMap<&str, Vec<&Counted>> = BTreeMap::new();
    for finding in counted {
        for technique in &finding.techniques {
            by_id.entry(technique).or_default().push(finding);
        }
    }
    by_id.into_iter().take(MAX_TECHNIQUES).map(|(id, findings)| named(id, findings)).collect()
}

fn named(id: &str, mut findings: Vec<&Counted>) -> Named {
    findings.sort_by(|a, b| (b.severity, b.confidence).cmp(&(a.severity, a.confidence)).then_with(|| a.id.cmp(&b.id)));
    findings.dedup_by(|a, b| a.id == b.id);
    let (name, tactics) = known(id).unwrap_or_default();
    Named {
        id: id.chars().take(16).collect(),
        name: name.to_owned(),
        tactics: tactics.split(',').filter(|tactic| !tactic.is_empty()).collect(),
        findings: findings.into_iter().take(MAX_OF_TECHNIQUE).map(|finding| finding.id.clone()).collect(),
    }
}

fn known(id: &str) -> Option<(&'static str, &'static str)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let (name, tactics) = line.strip_prefix(id)?.strip_prefix('\t')?.split_once('\t')?;
        Some((name, tactics))
    })
}

#[cfg(test)]
mod tests {
    use module_kit::Severity;

    use super::*;

    #[test]
    fn a_technique_has_its_name_its_tactics_and_its_findings_the_worst_first() {
        let counted = |id: &str, severity, technique| Counted {
            id: id.to_owned(),
            severity,
            confidence: 80,
            techniques: vec![technique],
        };
        let all = [
            counted("m/b", Severity::Low, "T1055"),
            counted("m/a", Severity::High, "T1055"),
            counted("m/c", Severity::High, "T9999"),
        ];
        let named = techniques(&all);
        assert_eq!((named[0].id.as_str(), named[0].name.as_str()), ("T1055", "Process Injection"));
        assert_eq!(named[0].tactics, ["defense-evasion", "privilege-escalation"]);
        assert_eq!(named[0].findings, ["m/a", "m/b"]);
        assert_eq!((named[1].name.as_str(), named[1].tactics.len()), ("", 0));
    }

    #[test]
    fn an_id_is_not_the_beginning_of_another() {
        assert_eq!(known("T1055").map(|row| row.0), Some("Process Injection"));
        assert_eq!(known("T105"), None);
    }
}
