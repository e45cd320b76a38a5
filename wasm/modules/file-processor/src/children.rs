//! Files inside the sample: listed with their hashes, looked into as far as they are containers themselves, and taken
//! out by their number. The walk's order depends on the bytes alone, so that a number means the same in every call.

use std::collections::HashSet;

use module_kit::{Evidence, Finding, Findings, Severity};

use crate::container::document::{Document, MAX_TEXT};
use crate::digest::sha256;
use crate::facts::document::DocumentFacts;
use crate::facts::{Child, json_length};
use crate::formats::identify;
use crate::limits::{
    BOMB_RATIO, CUT_RATIO, MAX_CHILD, MAX_CHILD_NAME, MAX_CHILD_TEXT, MAX_CHILDREN, MAX_DEPTH, MAX_UNPACKED,
    NESTED_BOMB_RATIO,
};
use crate::{triage, unpack};

/// Kinds of children whose findings are their parent's, whose parser looks into them.
const READ_BY_PARENT: [&str; 1] = ["vba-project"];

/// Documents in the sample whose facts are kept.
const MAX_DOCUMENTS: usize = 256;

/// Formats whose files stand one after the other, each behind its header.
const IN_A_ROW: [&str; 5] = ["tar", "tar-old", "cpio-newc", "cpio-crc", "cpio-odc"];

/// What a walk is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A quick analysis: nothing is unpacked.
    Nothing,
    All,
    /// The content of the child with this number.
    One(usize),
}

/// Where the walk is: a child that is being looked into.
struct Level {
    index: usize,
    digest: String,
}

pub struct Children<'a> {
    wanted: Wanted,
    sample: &'a [u8],
    listed: Vec<Child>,
    taken: Option<Vec<u8>>,
    levels: Vec<Level>,
    /// Digests of what was looked into: what comes twice is listed twice and looked into once.
    seen: HashSet<String>,
    /// Bytes that may still be read and unpacked.
    left: u64,
    unpacked: u64,
    letters: usize,
    findings: Findings,
    documents: Vec<DocumentFacts>,
    document_room: usize,
}

impl<'a> Children<'a> {
    pub fn new(wanted: Wanted, sample: &'a [u8]) -> Self {
        Self {
            wanted,
            sample,
            listed: Vec::new(),
            taken: None,
            levels: Vec::new(),
            seen: HashSet::new(),
            // What stands in the sample as it is, is read too.
            left: MAX_UNPACKED.saturating_add(4 * sample.len() as u64),
            unpacked: 0,
            letters: 0,
            findings: Findings::default(),
            documents: Vec::new(),
            document_room: MAX_TEXT,
        }
    }

    /// Bytes that the texts of the next document's facts may take.
    pub const fn document_room(&self) -> usize {
        self.document_room
    }

    /// What a document says, and the files in it.
    pub fn add_document(&mut self, document: Document) {
        self.document_room = document.room();
        let child = self.levels.last().map(|level| level.index);
        if document.facts != DocumentFacts::default() && self.documents.len() < MAX_DOCUMENTS {
            self.documents.push(DocumentFacts { child, ..document.facts });
        }
        for file in document.embedded {
            self.add(&file.name, file.kind, file.offset, &file.content);
        }
    }

    /// Name and format of those directly in what is being read, of the ones that came when there were `before`.
    pub fn unpacked_since(&self, before: usize) -> impl Iterator<Item = (&str, &'static str)> {
        let parent = self.levels.last().map(|level| level.index);
        let own = self.listed.iter().skip(before).filter(move |child| child.parent == parent);
        own.map(|child| (child.name.as_str(), child.format))
    }

    /// Whether children are unpacked at all, so that what is found in them is said of them.
    pub fn are_wanted(&self) -> bool {
        self.wanted != Wanted::Nothing
    }

    /// A child that stands in its parent as it is, at `offset`; without an offset it was put together by the parser.
    pub fn add(&mut self, name: &str, kind: &'static str, offset: Option<u64>, content: &[u8]) {
        if let Some(limit) = self.room(0) {
            let is_cut = content.len() > limit;
            self.record(name, kind, offset, &content[..content.len().min(limit)], is_cut, content.len() as u64);
        }
    }

    /// A child that `unpack` makes out of `packed` bytes: at most as many bytes as it is given, none if it cannot.
    pub fn add_packed(
        &mut self,
        name: &str,
        kind: &'static str,
        packed: u64,
        unpack: impl FnOnce(usize) -> Option<Vec<u8>>,
    ) {
        let Some(limit) = self.room(packed) else { return };
        // One byte more shows that there is more.
        let Some(mut content) = unpack(limit + 1) else { return };
        let is_cut = content.len() > limit;
        content.truncate(limit);
        self.unpacked = self.unpacked.saturating_add(content.len() as u64);
        self.record(name, kind, None, &content, is_cut, packed);
    }

    /// Pays for what a parser unpacks by itself; false if nothing more is to be unpacked.
    pub fn spend(&mut self, bytes: u64) -> bool {
        if self.wanted == Wanted::Nothing || self.taken.is_some() {
            return false;
        }
        self.left = self.left.saturating_sub(bytes);
        if self.left == 0 {
            self.judge_total();
        }
        self.left > 0
    }

    /// What a parser unpacked by itself was longer than it may be.
    pub fn too_long(&mut self, unpacked: u64, packed: u64) {
        if unpacked / packed.max(1) >= BOMB_RATIO {
            self.bomb(format!("More than {unpacked} bytes out of {packed}."));
        } else {
            self.unread("What is in the sample is longer than what is unpacked at once.");
        }
    }

    /// How long the next child may be; none if there is no room for one.
    fn room(&mut self, packed: u64) -> Option<usize> {
        if self.wanted == Wanted::Nothing || self.taken.is_some() {
            return None;
        }
        if self.listed.len() >= MAX_CHILDREN || self.letters >= MAX_CHILD_TEXT {
            self.unread("More files are in the sample than are listed.");
            return None;
        }
        self.left = self.left.saturating_sub(packed);
        if self.left == 0 {
            self.judge_total();
            return None;
        }
        Some(usize::try_from(self.left).unwrap_or(usize::MAX).min(MAX_CHILD))
    }

    fn record(&mut self, name: &str, kind: &'static str, offset: Option<u64>, content: &[u8], cut: bool, packed: u64) {
        self.left = self.left.saturating_sub(content.len() as u64);
        let name: String = name.chars().take(MAX_CHILD_NAME).collect();
        self.letters += json_length(&name);
        let digest = if cut { String::new() } else { sha256(content) };
        let format = identify(content).id;
        let index = self.listed.len();
        self.listed.push(Child {
            index,
            parent: self.levels.last().map(|level| level.index),
            depth: self.levels.len() + 1,
            name,
            kind,
            offset,
            size: content.len() as u64,
            sha256: digest.clone(),
            format,
            cut,
        });
        if self.wanted == Wanted::One(index) {
            self.taken = Some(content.to_vec());
        } else if cut {
            self.judge_cut(index, packed);
            // The members before the end are whole.
            if IN_A_ROW.contains(&format) {
                self.look_into(index, format, format!("cut {index}"), content);
            }
        } else if !READ_BY_PARENT.contains(&kind) {
            self.look_into(index, format, digest, content);
        }
    }

    fn look_into(&mut self, index: usize, format: &'static str, digest: String, content: &[u8]) {
        if content == self.sample || self.levels.iter().any(|level| level.digest == digest) {
            self.add_finding(
                Finding::new("archive-quine", Severity::High, 90, "An archive contains itself")
                    .detail(format!("Child {index} is what it is in; whoever unpacks it by itself never ends."))
                    .techniques(&["T1499"]),
            );
            return;
        }
        if !self.seen.insert(digest.clone()) {
            return;
        }
        if self.levels.len() >= MAX_DEPTH {
            if unpack::is_container(format) {
                self.add_finding(
                    Finding::new("nested-deep", Severity::Medium, 70, "Archives are nested deeper than honest ones")
                        .detail(format!("Child {index} is in {MAX_DEPTH} others and was not looked into."))
                        .techniques(&["T1027.015"]),
                );
            }
            return;
        }
        self.levels.push(Level { index, digest });
        let mut inner = Findings::default();
        triage::judge_format(format, &mut inner);
        unpack::look_into(format, content, &mut inner, self);
        self.levels.pop();
        let label = format!("In child {index}, {:?}", self.listed[index].name);
        self.findings.absorb(inner, |finding| marked(finding, &label));
    }

    fn judge_cut(&mut self, index: usize, packed: u64) {
        let size = self.listed[index].size;
        if size / packed.max(1) >= CUT_RATIO {
            self.bomb(format!("Child {index}: more than {size} bytes out of {packed}."));
        } else if self.left == 0 {
            self.judge_total();
        } else {
            self.unread(&format!("Child {index} is longer than {size} bytes."));
        }
    }

    /// All that may be unpacked was.
    fn judge_total(&mut self) {
        let size = self.sample.len() as u64;
        if self.unpacked / size.max(1) >= NESTED_BOMB_RATIO {
            self.bomb(format!("More than {} bytes out of {size}, all levels together.", self.unpacked));
        } else {
            self.unread("What is in the sample is longer than what is unpacked at once.");
        }
    }

    fn bomb(&mut self, detail: String) {
        if !self.findings.has("unpacking-bomb") {
            self.findings.add(
                Finding::new("unpacking-bomb", Severity::High, 85, "Unpacking would fill the disk")
                    .detail(detail)
                    .techniques(&["T1499"]),
            );
        }
    }

    fn unread(&mut self, detail: &str) {
        if !self.findings.has("unread-children") {
            self.findings.add(
                Finding::new("unread-children", Severity::Info, 90, "Not all files in the sample were unpacked")
                    .detail(detail),
            );
        }
    }

    fn add_finding(&mut self, finding: Finding) {
        self.findings.add(finding);
    }

    /// The list; what was found in the children goes to `findings`.
    pub fn finish(self, findings: &mut Findings) -> (Vec<Child>, Vec<DocumentFacts>) {
        findings.absorb(self.findings, |finding| finding);
        (self.listed, self.documents)
    }

    /// How many children the walk came to.
    pub fn count(&self) -> usize {
        self.listed.len()
    }

    /// The child that was wanted, and its content.
    pub fn into_taken(mut self) -> Option<(Child, Vec<u8>)> {
        let content = self.taken?;
        self.listed.pop().map(|child| (child, content))
    }
}

/// A finding in a child: its offsets are not the sample's, and so are left out.
fn marked(mut finding: Finding, label: &str) -> Finding {
    const MARK: &str = "child/";
    if finding.id.starts_with(MARK) {
        return finding;
    }
    let detail = if finding.detail.is_empty() { format!("{label}.") } else { format!("{label}: {}", finding.detail) };
    finding.evidence.retain(|evidence| evidence.text.is_some());
    for evidence in &mut finding.evidence {
        *evidence = Evidence { text: evidence.text.take(), ..Evidence::default() };
    }
    finding.id = format!("{MARK}{}", finding.id);
    finding.detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_itself_is_told_and_not_looked_into() {
        let sample = b"sample";
        let mut children = Children::new(Wanted::All, sample);
        children.add("again", "test", Some(0), sample);
        let mut findings = Findings::default();
        assert_eq!(children.finish(&mut findings).0.len(), 1);
        assert!(findings.has("archive-quine"));
    }

    #[test]
    fn a_number_is_the_same_child_in_every_walk() {
        let mut children = Children::new(Wanted::One(1), b"sample");
        for name in ["a", "b", "c"] {
            children.add(name, "test", None, name.as_bytes());
        }
        let (child, content) = children.into_taken().unwrap_or_default();
        assert_eq!((child.index, child.name.as_str(), content.as_slice()), (1, "b", &b"b"[..]));
    }

    #[test]
    fn what_is_too_much_is_neither_unpacked_nor_silent() {
        let mut children = Children::new(Wanted::All, b"sample");
        for index in 0..MAX_CHILDREN + 5 {
            children.add_packed(&index.to_string(), "test", 1, |_| Some(index.to_le_bytes().to_vec()));
        }
        children.add_packed("not asked", "test", 1, |_| unreachable!());
        let mut findings = Findings::default();
        assert_eq!(children.finish(&mut findings).0.len(), MAX_CHILDREN);
        assert!(findings.has("unread-children"));
    }
}
