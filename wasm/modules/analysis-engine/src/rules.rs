//! Rules: what means more together than by itself. They are data, in `rules/*.toml`.

use std::collections::BTreeSet;

use module_kit::{Finding, Severity};
use serde::Deserialize;

use crate::atoms::Atoms;
use crate::limits::MAX_SUPPORT;

/// All of `rules/`, in the order of the files' names, as `build.rs` has put them together.
const RULES: &str = include_str!(concat!(env!("OUT_DIR"), "/rules.json"));

/// Matches where all of `all`, at least `least` of `any`, and none of `none` are there. The words are those of `atoms`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub id: String,
    pub title: String,
    severity: String,
    confidence: u8,
    #[serde(default)]
    techniques: Vec<String>,
    #[serde(default)]
    all: Vec<Clause>,
    #[serde(default)]
    any: Vec<Clause>,
    #[serde(default = "one")]
    least: usize,
    #[serde(default)]
    none: Vec<String>,
}

/// One word, or words of which any will do.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Clause {
    Word(String),
    AnyOf(Vec<String>),
}

fn one() -> usize {
    1
}

/// A word that is there, and what it comes from.
#[derive(Clone, Debug)]
pub struct Support {
    pub word: String,
    pub text: String,
    pub offset: Option<u64>,
    pub finding: Option<String>,
}

/// The rules that match, with what supports them, in the order of families and files.
pub fn matching(atoms: &Atoms) -> Vec<(Rule, Vec<Support>)> {
    // The tests read them all: what is shipped is never refused.
    let all: Vec<Rule> = serde_json::from_str(RULES).unwrap_or_default();
    all.into_iter().filter_map(|rule| rule.support(atoms).map(|support| (rule, support))).collect()
}

impl Rule {
    /// What speaks for it, each word once; None where it does not match.
    fn support(&self, atoms: &Atoms) -> Option<Vec<Support>> {
        if self.none.iter().any(|word| atoms.find(word).is_some()) {
            return None;
        }
        let all: Option<Vec<Support>> = self.all.iter().map(|clause| clause.support(atoms)).collect();
        let any: Vec<Support> = self.any.iter().filter_map(|clause| clause.support(atoms)).collect();
        if !self.any.is_empty() && any.len() < self.least {
            return None;
        }
        let mut seen = BTreeSet::new();
        let together = all?.into_iter().chain(any).filter(|support| seen.insert(support.word.clone()));
        Some(together.collect())
    }

    pub fn finding(&self, support: &[Support]) -> Finding {
        let severity = match self.severity.as_str() {
            "critical" => Severity::Critical,
            "high" => Severity::High,
            "medium" => Severity::Medium,
            _ => Severity::Low,
        };
        let mut finding = Finding::new(&self.id, severity, self.confidence, &self.title);
        for technique in &self.techniques {
            finding = finding.technique(technique.clone());
        }
        for support in support.iter().take(MAX_SUPPORT) {
            let text = format!("{}: {}", support.word, support.text);
            finding = match support.offset {
                Some(offset) => finding.quote_at(offset, &text),
                None => finding.quote(&text),
            };
        }
        finding
    }
}

impl Clause {
    fn words(&self) -> &[String] {
        match self {
            Self::Word(word) => std::slice::from_ref(word),
            Self::AnyOf(words) => words,
        }
    }

    fn support(&self, atoms: &Atoms) -> Option<Support> {
        let (word, source) = self.words().iter().find_map(|word| atoms.find(word))?;
        Some(Support {
            word: word.to_owned(),
            text: source.text.clone(),
            offset: source.offset,
            finding: source.finding.clone(),
        })
    }
}
