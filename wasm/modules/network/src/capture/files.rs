//! Files that were sent in the clear: listed, and given out one by one.

use module_kit::{Part, PartArgs, hex};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::limits::MAX_FILES;

/// Named as a child of file-processor's is, so that the host takes both out in one way.
#[derive(Debug, Serialize)]
pub struct File {
    /// The number to extract it by.
    pub index: usize,
    /// It is in the sample itself.
    pub depth: usize,
    pub name: String,
    pub size: usize,
    pub sha256: String,
    /// What its content says that it is: the short name that file-processor gives it.
    pub format: &'static str,
    pub mime: String,
    pub flow: usize,
    /// `http-response` or `http-request`.
    pub kind: &'static str,
    /// Where it was fetched from or sent to.
    pub url: String,
    /// What the sender says that it is.
    pub declared: String,
    /// Whether all of it is in the capture.
    pub complete: bool,
    /// Whether it is still packed as it was sent, in an encoding that is not undone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub packed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    pub time: f64,
}

/// What is said of a file by the protocol that carries it.
pub struct Label {
    pub name: String,
    pub flow: usize,
    pub kind: &'static str,
    pub url: String,
    pub declared: String,
    pub complete: bool,
    pub packed: bool,
    pub offset: Option<u64>,
    pub time: f64,
}

pub struct Files {
    pub items: Vec<File>,
    pub left_out: u64,
    wanted: Option<usize>,
    content: Option<Vec<u8>>,
}

/// `Output.data` of `extract`.
#[derive(Debug, Serialize)]
pub struct Extracted<'a> {
    pub child: &'a File,
    #[serde(flatten)]
    pub part: Part,
}

impl Files {
    pub const fn new(wanted: Option<usize>) -> Self {
        Self { items: Vec::new(), left_out: 0, wanted, content: None }
    }

    pub fn is_done(&self) -> bool {
        self.content.is_some()
    }

    pub fn add(&mut self, data: &[u8], label: Label) -> Option<usize> {
        let index = self.items.len();
        if index >= MAX_FILES {
            self.left_out += 1;
            return None;
        }
        // For one that is given out, the others are only counted.
        let is_told = self.wanted.is_none_or(|wanted| wanted == index);
        let (mime, _) = if is_told { file_processor::identify(data) } else { ("", String::new()) };
        let format = if is_told { file_processor::format_id(data) } else { "" };
        let sha256 = if is_told { hex(&Sha256::digest(data)) } else { String::new() };
        if self.wanted == Some(index) {
            self.content = Some(data.to_vec());
        }
        let Label { name, flow, kind, url, declared, complete, packed, offset, time } = label;
        let mime = mime.to_owned();
        let size = data.len();
        self.items.push(File {
            index,
            depth: 1,
            name,
            size,
            sha256,
            format,
            mime,
            flow,
            kind,
            url,
            declared,
            complete,
            packed,
            offset,
            time,
        });
        Some(index)
    }

    pub fn count(&self) -> usize {
        self.items.len()
    }

    /// A part of the wanted file; None if there is no such file.
    pub fn extracted(&self, wanted: &PartArgs) -> Option<Extracted<'_>> {
        // Several files may have come to their ends with it.
        Some(Extracted { child: self.items.get(self.wanted?)?, part: wanted.of(self.content.as_deref()?) })
    }
}

#[cfg(test)]
mod tests {
    use module_kit::Call;

    use super::*;

    fn label(name: &str) -> Label {
        let (url, declared) = (String::new(), String::new());
        Label {
            name: name.to_owned(),
            flow: 0,
            kind: "http-response",
            url,
            declared,
            complete: true,
            packed: false,
            offset: None,
            time: 0.0,
        }
    }

    #[test]
    fn the_wanted_file_keeps_its_number_where_others_follow_at_once() {
        let call = Call::parse(r#"{"function": "extract", "args": {"index": 0}}"#).expect("a call");
        let wanted = PartArgs::read(&call.args).expect("arguments");
        let mut files = Files::new(Some(wanted.at()));
        files.add(b"first", label("big.exe"));
        files.add(b"second", label("small.txt"));
        let child = files.extracted(&wanted).expect("a file").child;
        assert_eq!((child.index, child.name.as_str(), child.size), (0, "big.exe", 5));
        assert!(!child.sha256.is_empty());
    }
}
