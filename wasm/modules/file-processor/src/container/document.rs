//! Gathers what is found in documents: facts, whose texts share one room, and embedded files.

use sha2::{Digest, Sha256};

use crate::facts::document::{DocumentFacts, EmbeddedObject, Link, Script};
use crate::formats::identify_embedded;
use module_kit::hex;

/// Bytes that all texts of the facts of a document, and of those inside of it, take in JSON.
pub const MAX_TEXT: usize = 4 << 20;
/// Bytes of one script or macro in JSON.
pub const MAX_SOURCE: usize = 256 << 10;
/// Characters of a name, a target or a line.
pub const MAX_LINE: usize = 1_024;
/// Links, scripts and objects that are listed, each.
const MAX_LISTED: usize = 512;
/// Files that are taken out of one document, and bytes of them and of all scripts.
const MAX_EMBEDDED: usize = 1_024;
const MAX_EMBEDDED_BYTES: usize = 64 << 20;

/// A file inside of the document.
pub struct Embedded {
    pub name: String,
    pub kind: &'static str,
    pub offset: Option<u64>,
    pub content: Vec<u8>,
}

/// What was seen while there was the whole text.
#[derive(Default)]
pub struct Hints {
    pub is_encrypted: bool,
    pub obfuscated_macros: bool,
    /// Links in mail whose text names another site.
    pub misleading_links: Vec<String>,
}

pub struct Document {
    pub hints: Hints,
    pub facts: DocumentFacts,
    pub embedded: Vec<Embedded>,
    /// More than there is room for was found.
    pub is_cut: bool,
    text_left: usize,
    bytes_left: usize,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            hints: Hints::default(),
            facts: DocumentFacts::default(),
            embedded: Vec::new(),
            is_cut: false,
            text_left: MAX_TEXT,
            bytes_left: MAX_EMBEDDED_BYTES,
        }
    }
}

impl Document {
    /// With what others have left of the room for texts.
    pub fn with_room(text_left: usize) -> Self {
        Self { text_left, ..Self::default() }
    }

    pub const fn room(&self) -> usize {
        self.text_left
    }

    /// As much of `text` as there is room for, at most `most` bytes of JSON.
    pub fn keep(&mut self, text: &str, most: usize) -> String {
        let room = most.min(self.text_left);
        let mut used = 0;
        let mut end = text.len();
        for (at, letter) in text.char_indices() {
            let length = json_length(letter);
            if used + length > room {
                end = at;
                break;
            }
            used += length;
        }
        self.text_left -= used;
        text[..end].to_owned()
    }

    pub fn line(&mut self, text: &str) -> String {
        self.keep(text, MAX_LINE)
    }

    pub fn link(&mut self, kind: &'static str, target: &str, place: &str) {
        if self.facts.links.len() >= MAX_LISTED {
            self.is_cut = true;
            return;
        }
        let link = Link { kind, target: self.line(target), place: self.line(place) };
        if !self.facts.links.contains(&link) {
            self.facts.links.push(link);
        }
    }

    /// A script by its bytes, which `text` is the meaning of. The same one is listed once.
    pub fn script(&mut self, language: &'static str, place: &str, bytes: &[u8], text: &str) {
        let Some(sha256) = self.digest(bytes) else { return };
        if self.facts.scripts.iter().any(|script| script.sha256 == sha256) {
            return;
        }
        if self.facts.scripts.len() >= MAX_LISTED {
            self.is_cut = true;
            return;
        }
        if language == "javascript" {
            self.source(format!("{place}.js"), text);
        }
        let (place, source) = (self.line(place), self.keep(text, MAX_SOURCE));
        self.facts.scripts.push(Script { language, place, size: bytes.len() as u64, sha256, source });
    }

    /// Source text as a file of its own, so that what undoes and runs scripts gets it whole.
    pub fn source(&mut self, name: String, text: &str) {
        // Streams may be filled with NULs, which are no part of a script and would make data of it.
        let text = text.replace('\0', "");
        let left = self.bytes_left.checked_sub(text.len());
        let is_kept = left.is_some() && self.embedded.len() < MAX_EMBEDDED;
        self.is_cut |= !is_kept;
        if is_kept && !text.trim().is_empty() {
            self.bytes_left = left.unwrap_or_default();
            self.embedded.push(Embedded { name, kind: "source", offset: None, content: text.into_bytes() });
        }
    }

    /// An object whose payload is a file of its own.
    pub fn file(&mut self, mut object: EmbeddedObject, content: &[u8]) {
        object.size = content.len() as u64;
        let digest = self.digest(content);
        let is_kept = digest.is_some() && !content.is_empty() && self.embedded.len() < MAX_EMBEDDED;
        self.is_cut |= !is_kept && !content.is_empty();
        object.sha256 = digest.unwrap_or_default();
        object.format = identify_embedded(content);
        let name = if object.name.is_empty() { object.class.clone() } else { object.name.clone() };
        let (kind, offset) = (object.kind, object.offset);
        self.list(object);
        if is_kept {
            self.embedded.push(Embedded { name, kind, offset, content: content.to_vec() });
        }
    }

    /// None when the bytes that may be taken out are used up.
    fn digest(&mut self, bytes: &[u8]) -> Option<String> {
        let left = self.bytes_left.checked_sub(bytes.len());
        self.is_cut |= left.is_none();
        self.bytes_left = left?;
        Some(digest(bytes))
    }

    /// An object that is told of, without a payload of its own.
    pub fn list(&mut self, object: EmbeddedObject) {
        if self.facts.objects.len() >= MAX_LISTED {
            self.is_cut = true;
            return;
        }
        let (class, name) = (self.line(&object.class), self.line(&object.name));
        let (path, temporary_path) = (self.line(&object.path), self.line(&object.temporary_path));
        self.facts.objects.push(EmbeddedObject { class, name, path, temporary_path, ..object });
    }
}

pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

const fn json_length(letter: char) -> usize {
    match letter {
        '\0'..' ' => 6,
        '"' | '\\' => 2,
        _ => letter.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_share_one_room() {
        let mut document = Document::default();
        assert_eq!(document.keep("\u{1}\u{1}äb", 14), "\u{1}\u{1}ä");
        let long = "x".repeat(MAX_SOURCE + 1);
        let kept: usize = (0..20).map(|_| document.keep(&long, MAX_SOURCE).len()).sum();
        assert!(kept <= MAX_TEXT && kept > MAX_TEXT - MAX_SOURCE);
        assert_eq!(document.keep("x", 1), "");
    }

    #[test]
    fn embedded_files_have_a_limit_that_is_told() {
        let mut document = Document::default();
        let content = vec![0; MAX_EMBEDDED_BYTES / 2 + 1];
        document.file(EmbeddedObject::default(), &content);
        assert!(!document.is_cut);
        document.file(EmbeddedObject::default(), &content);
        assert!(document.is_cut);
        assert_eq!((document.embedded.len(), document.facts.objects.len()), (1, 2));
    }
}
