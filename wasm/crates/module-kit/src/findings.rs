//! Findings: what an analyst should know, in the shape of `athena_lab/report/findings.py`.

use serde::Serialize;

/// Characters of sample text that one piece of evidence quotes.
const MAX_TEXT: usize = 256;

/// Pieces of evidence for one finding: enough to see the pattern, not the whole list.
const MAX_EVIDENCE: usize = 16;

/// Findings of one call. A crafted file must not bury the analyst.
const MAX_FINDINGS: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Bytes from the start of the sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub id: String,
    pub severity: Severity,
    /// Percent.
    pub confidence: u8,
    /// Words of the module alone.
    pub title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub techniques: Vec<&'static str>,
}

impl Finding {
    /// `id` is a slug (`[a-z0-9][a-z0-9._/-]*`), `title` a short sentence without text from the sample.
    #[must_use]
    pub fn new(id: &str, severity: Severity, confidence: u8, title: &str) -> Self {
        Self {
            id: id.to_owned(),
            severity,
            confidence,
            title: title.to_owned(),
            detail: String::new(),
            evidence: Vec::new(),
            techniques: Vec::new(),
        }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    #[must_use]
    pub fn at(mut self, offset: u64, length: u64) -> Self {
        self.push(Evidence { offset: Some(offset), length: Some(length), text: None });
        self
    }

    #[must_use]
    pub fn quote(mut self, text: &str) -> Self {
        self.push(Evidence { offset: None, length: None, text: Some(cut(text)) });
        self
    }

    #[must_use]
    pub fn quote_at(mut self, offset: u64, text: &str) -> Self {
        self.push(Evidence { offset: Some(offset), length: None, text: Some(cut(text)) });
        self
    }

    #[must_use]
    pub fn quotes<T: AsRef<str>>(self, texts: impl IntoIterator<Item = T>) -> Self {
        texts.into_iter().take(MAX_EVIDENCE).fold(self, |finding, text| finding.quote(text.as_ref()))
    }

    #[must_use]
    pub fn techniques(mut self, ids: &[&'static str]) -> Self {
        self.techniques.extend_from_slice(ids);
        self
    }

    fn push(&mut self, evidence: Evidence) {
        if self.evidence.len() < MAX_EVIDENCE {
            self.evidence.push(evidence);
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// The findings of one call, with unique ids.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds `finding`; an id that is taken gets a number: `overlay`, `overlay-2` ...
    pub fn add(&mut self, mut finding: Finding) {
        if self.0.len() >= MAX_FINDINGS {
            return;
        }
        let base = finding.id.clone();
        let mut number = 1;
        while self.has(&finding.id) {
            number += 1;
            finding.id = format!("{base}-{number}");
        }
        self.0.push(finding);
    }

    /// A structure that contradicts itself: id `malformed-<what>`, once for each `what`.
    pub fn malformed(&mut self, what: &str, detail: impl Into<String>) {
        let id = format!("malformed-{what}");
        if !self.has(&id) {
            let title = format!("malformed: {}", what.replace('-', " "));
            self.add(Finding::new(&id, Severity::Low, 90, &title).detail(detail));
        }
    }

    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.0.iter().any(|finding| finding.id == id)
    }

    /// The worst first; equal ones in the order in which they were added.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_the_worst_comes_first() {
        let mut findings = Findings::default();
        findings.add(Finding::new("overlay", Severity::Low, 80, "a"));
        findings.add(Finding::new("overlay", Severity::High, 80, "b"));
        let ids: Vec<_> = findings.into_sorted().into_iter().map(|finding| finding.id).collect();
        assert_eq!(ids, ["overlay-2", "overlay"]);
    }

    #[test]
    fn a_malformed_structure_is_said_once() {
        let mut findings = Findings::default();
        findings.malformed("import-table", "a");
        findings.malformed("import-table", "b");
        let all = findings.into_sorted();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].title, "malformed: import table");
    }

    #[test]
    fn quotes_are_cut() {
        let finding = Finding::new("x", Severity::Info, 1, "x").quote(&"ä".repeat(999));
        let text = finding.evidence[0].text.clone().unwrap_or_default();
        assert_eq!(text.chars().count(), MAX_TEXT);
    }
}
