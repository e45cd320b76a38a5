//! PDF (ISO 32000): objects that act, and what is attached. The file is scanned, not followed: a crafted
//! cross-reference table hides nothing then.

use std::collections::BTreeMap;

use module_kit::{Finding, Findings, Severity};

use super::inflate;
use crate::facts::{Container, Entry};
use crate::limits::{MAX_ENTRIES_REPORTED, MAX_INFLATED, MAX_PDF_STREAMS};
use crate::reader::{Reader, find, text};

/// Bytes of an object's dictionary that are looked at.
const MAX_DICTIONARY: u64 = 4_096;

/// Beginnings of the names in `MARKS`, or of an escape.
const FIRST_LETTERS: &[u8] = b"JLOAERXSGU#";

/// A name in the file that says what an object does.
struct Mark {
    name: &'static [u8],
    id: &'static str,
    title: &'static str,
    severity: Severity,
    techniques: &'static [&'static str],
}

const fn mark(
    name: &'static [u8],
    id: &'static str,
    severity: Severity,
    title: &'static str,
    techniques: &'static [&'static str],
) -> Mark {
    Mark { name, id, title, severity, techniques }
}

#[rustfmt::skip]
const MARKS: &[Mark] = &[
    mark(b"/JavaScript", "pdf-javascript", Severity::Medium, "The document has JavaScript", &["T1059.007"]),
    mark(b"/JS", "pdf-javascript", Severity::Medium, "The document has JavaScript", &["T1059.007"]),
    mark(b"/Launch", "pdf-launch", Severity::High, "The document starts a program", &["T1204.002"]),
    mark(b"/OpenAction", "pdf-open-action", Severity::Info, "An action runs when the document is opened", &[]),
    mark(b"/AA", "pdf-additional-action", Severity::Low, "Actions run on events of the document", &[]),
    mark(b"/EmbeddedFile", "pdf-embedded-file", Severity::Low, "A file is attached to the document", &["T1027.009"]),
    mark(b"/EmbeddedFiles", "pdf-embedded-file", Severity::Low, "A file is attached to the document", &["T1027.009"]),
    mark(b"/RichMedia", "pdf-rich-media", Severity::Low, "The document has rich media (Flash)", &[]),
    mark(b"/XFA", "pdf-xfa", Severity::Low, "The document has an XFA form, which may have scripts", &[]),
    mark(b"/SubmitForm", "pdf-submit-form", Severity::Low, "A form is sent to a server", &["T1056.003"]),
    mark(b"/GoToR", "pdf-remote", Severity::Low, "The document refers to another document", &["T1187"]),
    mark(b"/GoToE", "pdf-remote", Severity::Low, "The document refers to another document", &["T1187"]),
    mark(b"/Encrypt", "pdf-encrypted", Severity::Low, "The document is encrypted", &["T1027.013"]),
    mark(b"/JBIG2Decode", "pdf-jbig2", Severity::Info, "The document has JBIG2 images, whose decoders had flaws", &[]),
    mark(b"/URI", "pdf-links", Severity::Info, "The document has links", &["T1566.002"]),
];

/// What one pass over the file and its inflated streams finds.
#[derive(Default)]
struct Scan {
    objects: u64,
    streams: usize,
    entries: Vec<Entry>,
    /// How often each mark was seen, and where first: offsets in the file; None within a compressed stream.
    marks: BTreeMap<usize, (u64, Option<u64>)>,
    links: Vec<String>,
    escaped_names: u64,
}

pub fn parse(data: &[u8], findings: &mut Findings) -> Container {
    let mut scan = Scan::default();
    scan.names(data, Some(0));
    scan.objects(data);
    scan.judge(findings);
    if scan.streams > MAX_PDF_STREAMS {
        let detail = format!("The first {MAX_PDF_STREAMS} of {} streams were looked at.", scan.streams);
        super::unread(Severity::Low, detail, findings);
    }
    if find(&data[data.len().saturating_sub(2_048)..], b"%%EOF").is_none() {
        findings.malformed("pdf-end", "The end mark is missing: the document was cut off.");
    }
    let mut properties = BTreeMap::new();
    properties.insert("version".to_owned(), text(data.get(5..8).unwrap_or_default(), 8));
    properties.insert("streams".to_owned(), scan.streams.to_string());
    Container { kind: "pdf", count: scan.objects, entries: scan.entries, properties }
}

impl Scan {
    /// Names in `bytes`; `base` is None within a compressed stream.
    fn names(&mut self, bytes: &[u8], base: Option<u64>) {
        let mut at = 0;
        while let Some(found) = bytes[at..].iter().position(|&byte| byte == b'/') {
            at += found;
            // Most names begin with another letter: they are not worth the copy.
            if bytes.get(at + 1).is_some_and(|first| FIRST_LETTERS.contains(first)) {
                self.name(&name_at(&bytes[at..]), bytes, at, base);
            }
            at += 1;
        }
    }

    fn name(&mut self, name: &[u8], bytes: &[u8], at: usize, base: Option<u64>) {
        let Some(index) = MARKS.iter().position(|mark| mark.name == name) else { return };
        let offset = base.map(|base| base + at as u64);
        let entry = self.marks.entry(index).or_insert((0, offset));
        entry.0 += 1;
        if !bytes[at..].starts_with(name) {
            self.escaped_names += 1;
        }
        if name == b"/URI" && self.links.len() < 16 {
            self.links.extend(literal_string(&bytes[at + name.len()..]));
        }
    }

    /// Objects with their streams: `12 0 obj << ... >> stream ... endstream`.
    fn objects(&mut self, data: &[u8]) {
        let reader = Reader::little(data);
        let mut at = 0;
        while let Some(found) = find(&data[at..], b" obj") {
            let object = at + found;
            at = object + 4;
            self.objects += 1;
            // Up to the next object: however many there are, each byte is looked at a fixed number of times.
            let dictionary = reader.upto(at as u64, MAX_DICTIONARY);
            let dictionary = &dictionary[..find(dictionary, b" obj").unwrap_or(dictionary.len())];
            let end = find(dictionary, b"endobj").unwrap_or(dictionary.len());
            let Some(stream) = find(&dictionary[..end], b"stream") else { continue };
            let dictionary = &dictionary[..stream];
            at += stream + 6;
            let line_end = data[at..].iter().take(2).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            at += line_end;
            at += self.stream(dictionary, &data[at..], object as u64);
        }
    }

    /// Bytes that the stream takes.
    fn stream(&mut self, dictionary: &[u8], rest: &[u8], offset: u64) -> usize {
        let size = find(rest, b"endstream").unwrap_or(rest.len());
        let packed = &rest[..size];
        self.streams += 1;
        let is_flate = find(dictionary, b"FlateDecode").is_some() || find(dictionary, b"/Fl ").is_some();
        let is_image = find(dictionary, b"/Image").is_some();
        let is_attachment = find(dictionary, b"/EmbeddedFile").is_some();
        let mut content = Vec::new();
        if is_flate && !is_image && self.streams <= MAX_PDF_STREAMS {
            // Two bytes of zlib header stand before the deflate data.
            content = inflate(packed.get(2..).unwrap_or_default(), MAX_INFLATED / 16);
            self.names(&content, None);
        }
        if is_attachment && self.entries.len() < MAX_ENTRIES_REPORTED {
            let content = if is_flate { &content[..] } else { packed };
            self.entries.push(Entry {
                name: format!("object at {offset}"),
                size: content.len() as u64,
                compressed_size: Some(size as u64),
                offset: Some(offset),
                kind: "attachment",
                format: crate::formats::identify_embedded(content),
                ..Entry::default()
            });
        }
        size
    }

    fn judge(&self, findings: &mut Findings) {
        for (&index, &(count, offset)) in &self.marks {
            let mark = &MARKS[index];
            if findings.has(mark.id) {
                continue;
            }
            let place = if offset.is_some() { "" } else { ", the first within a compressed stream" };
            let finding = Finding::new(mark.id, mark.severity, 80, mark.title)
                .detail(format!("Seen {count} times{place}."))
                .techniques(mark.techniques);
            let finding = match offset {
                Some(offset) => finding.at(offset, mark.name.len() as u64),
                None => finding,
            };
            findings.add(if mark.id == "pdf-links" { finding.quotes(&self.links) } else { finding });
        }
        if findings.has("pdf-javascript") && (findings.has("pdf-open-action") || findings.has("pdf-additional-action"))
        {
            findings.add(
                Finding::new(
                    "pdf-automatic-javascript",
                    Severity::High,
                    65,
                    "JavaScript may run when the document is opened",
                )
                .techniques(&["T1059.007", "T1204.002"]),
            );
        }
        if self.escaped_names > 0 {
            findings.add(
                Finding::new(
                    "pdf-hidden-names",
                    Severity::High,
                    80,
                    "Names are written with escapes to hide from scanners",
                )
                .detail(format!("{} names.", self.escaped_names))
                .techniques(&["T1027"]),
            );
        }
        let programs = self
            .entries
            .iter()
            .filter(|entry| crate::formats::category_of(entry.format) == Some(crate::facts::Category::Executable));
        let programs: Vec<_> = programs.map(|entry| entry.format).collect();
        if !programs.is_empty() {
            findings.add(
                Finding::new("embedded-executable", Severity::High, 85, "A program is attached to the document")
                    .quotes(programs)
                    .techniques(&["T1027.009"]),
            );
        }
    }
}

/// The name at a slash, with its `#41` escapes resolved.
fn name_at(bytes: &[u8]) -> Vec<u8> {
    let mut name = vec![b'/'];
    let mut at = 1;
    while name.len() < 24 {
        match bytes.get(at) {
            Some(b'#') => {
                let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
                let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else { break };
                name.push(byte);
                at += 3;
            }
            Some(&byte) if byte.is_ascii_alphanumeric() => {
                name.push(byte);
                at += 1;
            }
            _ => break,
        }
    }
    name
}

/// `(http://...)` behind a name.
fn literal_string(bytes: &[u8]) -> Option<String> {
    let bytes = &bytes[..bytes.len().min(1_024)];
    let start = bytes.iter().take(4).position(|&byte| byte == b'(')? + 1;
    let end = start + bytes[start..].iter().position(|&byte| byte == b')')?;
    Some(text(&bytes[start..end], 256))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(data: &[u8]) -> Vec<String> {
        let mut findings = Findings::default();
        parse(data, &mut findings);
        findings.into_sorted().into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn escaped_names_are_resolved_and_told() {
        let found = ids(b"%PDF-1.7\n1 0 obj << /J#61vaScript 2 0 R /OpenAction 3 0 R >> endobj\n%%EOF");
        assert!(found.contains(&"pdf-javascript".to_owned()), "{found:?}");
        assert!(found.contains(&"pdf-hidden-names".to_owned()));
        assert!(found.contains(&"pdf-automatic-javascript".to_owned()));
    }

    #[test]
    fn names_that_only_begin_alike_do_not_count() {
        assert!(ids(b"%PDF-1.7\n1 0 obj << /JSON 1 /AAPL 2 >> endobj\n%%EOF").is_empty());
    }

    #[test]
    fn every_mark_begins_with_a_known_letter() {
        assert!(MARKS.iter().all(|mark| FIRST_LETTERS.contains(&mark.name[1])));
    }

    #[test]
    fn names_within_compressed_streams_are_found() {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(b"<< /S /Launch >>", 6);
        let mut data = b"%PDF-1.5\n1 0 obj << /Type /ObjStm /Filter /FlateDecode >> stream\n".to_vec();
        data.extend(packed);
        data.extend(b"\nendstream endobj\n%%EOF");
        assert_eq!(ids(&data), ["pdf-launch"]);
    }
}
