//! Findings: what an analyst should know, in the shape of `athena_lab/report/findings.py`.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Characters of sample text that one piece of evidence quotes.
const MAX_TEXT: usize = 256;

/// Characters of a detail, which may quote the sample.
const MAX_DETAIL: usize = 1_024;

/// Pieces of evidence for one finding: enough to see the pattern, not the whole list.
const MAX_EVIDENCE: usize = 16;

/// Findings of one call. A crafted file must not bury the analyst.
const MAX_FINDINGS: usize = 256;

/// Findings of one kind: more say nothing new, and a flood of them must not push out another kind.
const MAX_OF_A_KIND: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    pub techniques: Vec<Cow<'static, str>>,
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
        self.detail = cut(&detail.into(), MAX_DETAIL);
        self
    }

    #[must_use]
    pub fn at(mut self, offset: u64, length: u64) -> Self {
        self.push(Evidence { offset: Some(offset), length: Some(length), text: None });
        self
    }

    #[must_use]
    pub fn quote(mut self, text: &str) -> Self {
        self.push(Evidence { offset: None, length: None, text: Some(cut(text, MAX_TEXT)) });
        self
    }

    #[must_use]
    pub fn quote_at(mut self, offset: u64, text: &str) -> Self {
        self.push(Evidence { offset: Some(offset), length: None, text: Some(cut(text, MAX_TEXT)) });
        self
    }

    #[must_use]
    pub fn quotes<T: AsRef<str>>(self, texts: impl IntoIterator<Item = T>) -> Self {
        texts.into_iter().take(MAX_EVIDENCE).fold(self, |finding, text| finding.quote(text.as_ref()))
    }

    #[must_use]
    pub fn techniques(mut self, ids: &[&'static str]) -> Self {
        self.techniques.extend(ids.iter().map(|&id| Cow::Borrowed(id)));
        self
    }

    /// One that is not known before a rule names it.
    #[must_use]
    pub fn technique(mut self, id: String) -> Self {
        self.techniques.push(Cow::Owned(id));
        self
    }

    fn push(&mut self, evidence: Evidence) {
        if self.evidence.len() < MAX_EVIDENCE {
            self.evidence.push(evidence);
        }
    }
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

/// The findings of one call, with unique ids. How many kinds there are is the module's choice and never the sample's,
/// so that the limit of each kind bounds them all.
#[derive(Debug, Default)]
pub struct Findings {
    kinds: BTreeMap<String, Kind>,
    added: usize,
}

/// Findings that were added with the same id.
#[derive(Debug, Default)]
struct Kind {
    /// With the place in the order of adding.
    kept: Vec<(usize, Finding)>,
    left_out: usize,
}

impl Kind {
    /// Keeps the worst; of equal ones the first.
    fn add(&mut self, place: usize, mut finding: Finding) {
        if self.kept.len() < MAX_OF_A_KIND {
            if !self.kept.is_empty() {
                finding.id = format!("{}-{}", finding.id, self.kept.len() + 1);
            }
            self.kept.push((place, finding));
            return;
        }
        self.left_out += 1;
        if let Some((last_place, last)) = self.last().filter(|(_, last)| last.severity < finding.severity) {
            finding.id = std::mem::take(&mut last.id);
            (*last_place, *last) = (place, finding);
        }
    }

    /// The one that will be listed last.
    fn last(&mut self) -> Option<&mut (usize, Finding)> {
        self.kept.iter_mut().max_by_key(|(place, finding)| (Reverse(finding.severity), *place))
    }

    /// The last one tells how many more there were.
    fn count_left_out(&mut self) {
        let left_out = self.left_out;
        if let Some((_, last)) = self.last().filter(|_| left_out > 0) {
            let space = if last.detail.is_empty() { "" } else { " " };
            last.detail += &format!("{space}{left_out} more of this kind are not listed.");
        }
    }
}

impl Findings {
    /// Adds `finding`; an id that is taken gets a number: `overlay`, `overlay-2` ...
    pub fn add(&mut self, finding: Finding) {
        self.added += 1;
        self.kinds.entry(finding.id.clone()).or_default().add(self.added, finding);
    }

    /// Adds all of `other`, each as `mark` changes it: what was left out there stays counted.
    pub fn absorb(&mut self, other: Self, mark: impl Fn(Finding) -> Finding) {
        for (id, kind) in other.kinds {
            let mut marked = String::new();
            for (_, finding) in kind.kept {
                let finding = mark(Finding { id: id.clone(), ..finding });
                marked.clone_from(&finding.id);
                self.add(finding);
            }
            self.added += kind.left_out;
            self.kinds.entry(marked).and_modify(|known| known.left_out += kind.left_out);
        }
    }

    /// A structure that contradicts itself: id `malformed-<what>`, once for each `what`.
    pub fn malformed(&mut self, what: &str, detail: impl Into<String>) {
        let id = format!("malformed-{what}");
        if !self.has(&id) {
            let title = format!("malformed: {}", what.replace('-', " "));
            self.add(Finding::new(&id, Severity::Low, 90, &title).detail(detail));
        }
    }

    /// Whether one was added with this id.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.kinds.contains_key(id)
    }

    /// The worst first; equal ones in the order in which they were added. Where not all are listed, `findings-cut`
    /// says so.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Finding> {
        self.kinds.values_mut().for_each(Kind::count_left_out);
        let mut kept: Vec<_> = self.kinds.into_values().flat_map(|kind| kind.kept).collect();
        kept.sort_by_key(|(place, finding)| (Reverse(finding.severity), *place));
        let all: Vec<Finding> = kept.into_iter().map(|(_, finding)| finding).collect();
        cut_list(all, self.added)
    }
}

/// Cuts what is sorted to `MAX_FINDINGS`, and says if `added` were more than are listed.
fn cut_list(mut listed: Vec<Finding>, added: usize) -> Vec<Finding> {
    if added <= listed.len().min(MAX_FINDINGS) {
        return listed;
    }
    listed.truncate(MAX_FINDINGS - 1);
    let more = added - listed.len();
    listed.push(
        Finding::new("findings-cut", Severity::Info, 100, "There are more findings than are listed")
            .detail(format!("{more} more; of each kind and of all, the worst are listed.")),
    );
    listed
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

    fn sorted(added: &[(&str, Severity)]) -> Vec<Finding> {
        let mut findings = Findings::default();
        added.iter().for_each(|&(id, severity)| findings.add(Finding::new(id, severity, 80, "x")));
        findings.into_sorted()
    }

    #[test]
    fn a_flood_of_one_kind_does_not_hide_another() {
        let mut added = vec![("link", Severity::Low); 1_000];
        added.push(("template", Severity::High));
        let all = sorted(&added);
        assert_eq!(all.len(), 1 + MAX_OF_A_KIND + 1);
        assert_eq!(all[0].id, "template");
        assert_eq!(all[MAX_OF_A_KIND].id, "link-16");
        assert_eq!(all[MAX_OF_A_KIND].detail, "984 more of this kind are not listed.");
        assert_eq!(all[MAX_OF_A_KIND + 1].id, "findings-cut");
        assert!(all[MAX_OF_A_KIND + 1].detail.starts_with("984 more;"));
    }

    #[test]
    fn the_worst_of_a_kind_are_kept() {
        let mut added = vec![("section", Severity::Low); 20];
        added.extend([("section", Severity::Medium), ("section", Severity::High)]);
        let all = sorted(&added);
        let severities: Vec<_> = all.iter().take(3).map(|finding| finding.severity).collect();
        assert_eq!(severities, [Severity::High, Severity::Medium, Severity::Low]);
        assert!(all[MAX_OF_A_KIND - 1].detail.starts_with("6 more"));
        let ids: std::collections::HashSet<_> = all.iter().map(|finding| &finding.id).collect();
        assert_eq!(ids.len(), all.len());
    }

    #[test]
    fn of_too_many_kinds_the_worst_are_listed() {
        let ids: Vec<String> = (0..40).map(|index| format!("kind-{index}")).collect();
        let mut added: Vec<_> = ids.iter().flat_map(|id| [(id.as_str(), Severity::Info); MAX_OF_A_KIND]).collect();
        added.push(("last", Severity::Critical));
        let all = sorted(&added);
        assert_eq!(all.len(), MAX_FINDINGS);
        assert_eq!((all[0].id.as_str(), all[MAX_FINDINGS - 1].id.as_str()), ("last", "findings-cut"));
    }

    #[test]
    fn absorbed_findings_keep_their_kinds_and_counts() {
        let mut inner = Findings::default();
        (0..20).for_each(|_| inner.add(Finding::new("link", Severity::Low, 80, "x")));
        let mut findings = Findings::default();
        findings.add(Finding::new("child/link", Severity::Low, 80, "x"));
        findings.absorb(inner, |finding| Finding { id: format!("child/{}", finding.id), ..finding });
        let all = findings.into_sorted();
        assert_eq!(all.len(), MAX_OF_A_KIND + 1);
        assert_eq!((all[0].id.as_str(), all[1].id.as_str()), ("child/link", "child/link-2"));
        assert_eq!(all[MAX_OF_A_KIND - 1].detail, "5 more of this kind are not listed.");
    }

    #[test]
    fn without_a_flood_nothing_is_cut() {
        let all = sorted(&[("link", Severity::Low); MAX_OF_A_KIND]);
        assert_eq!(all.len(), MAX_OF_A_KIND);
        assert!(all.iter().all(|finding| finding.detail.is_empty()));
    }

    #[test]
    fn quotes_and_details_are_cut() {
        let long = "ä".repeat(2_000);
        let finding = Finding::new("x", Severity::Info, 1, "x").quote(&long).detail(long);
        assert_eq!(finding.detail.chars().count(), MAX_DETAIL);
        let text = finding.evidence[0].text.clone().unwrap_or_default();
        assert_eq!(text.chars().count(), MAX_TEXT);
    }
}
