//! Rich Text Format: embedded objects, which are hexadecimal text with any amount of noise in it.

use module_kit::{Finding, Findings, Severity};

use crate::facts::{Container, Entry};
use crate::formats::identify_embedded;
use crate::limits::MAX_OBJECTS;
use crate::reader::{find, text};

/// Bytes of one object: its header and the begin of its payload tell what it is.
const MAX_DECODED: usize = 1 << 20;

pub fn parse(data: &[u8], findings: &mut Findings) -> Container {
    let objects = objects(data);
    let entries: Vec<Entry> = objects.iter().map(entry).collect();
    if objects.len() >= MAX_OBJECTS {
        super::unread(Severity::Medium, format!("The first {MAX_OBJECTS} embedded objects were decoded."), findings);
    }
    judge(data, &objects, findings);
    Container { kind: "rtf", count: entries.len() as u64, entries, ..Container::default() }
}

struct Object {
    offset: u64,
    /// Decoded from the hexadecimal text.
    content: Vec<u8>,
}

impl Object {
    /// The class of an OLE 1.0 object ([MS-OLEDS] 2.2.4): version, format, then a counted name.
    fn class(&self) -> Option<String> {
        let length = usize::from(*self.content.get(8)?);
        let name = self.content.get(12..12 + length.min(64))?;
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        Some(text(&name[..end], 64))
    }

    /// The embedded file, behind the header of the OLE object if it has one.
    fn payload(&self) -> &[u8] {
        let marks: [&[u8]; 2] = [super::ole::MAGIC, b"MZ"];
        let found = marks.iter().find_map(|mark| find(&self.content, mark));
        found.map_or(&self.content[..], |at| &self.content[at..])
    }
}

fn entry(object: &Object) -> Entry {
    Entry {
        name: object.class().unwrap_or_default(),
        size: object.content.len() as u64,
        offset: Some(object.offset),
        kind: "object",
        format: identify_embedded(object.payload()),
        ..Entry::default()
    }
}

fn objects(data: &[u8]) -> Vec<Object> {
    let mut objects = Vec::new();
    let mut at = 0;
    while let Some(found) = find(&data[at..], b"\\objdata") {
        let offset = at + found;
        at = offset + 8;
        let (content, consumed) = decode(&data[at..]);
        at += consumed;
        objects.push(Object { offset: offset as u64, content });
        if objects.len() >= MAX_OBJECTS {
            break;
        }
    }
    objects
}

/// Hexadecimal digits up to the end of the group; control words, groups and blanks between them do not count.
///
/// Returns the bytes, at most `MAX_DECODED` of them, and how much of `data` they took.
fn decode(data: &[u8]) -> (Vec<u8>, usize) {
    let mut bytes = Vec::new();
    let mut high = None;
    let mut depth = 0_u32;
    let mut at = 0;
    while let Some(&byte) = data.get(at) {
        at += 1;
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => break,
            b'}' => depth -= 1,
            b'\\' => at += control_word(&data[at..]),
            _ => {
                let Some(digit) = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()) else {
                    continue;
                };
                match high.take() {
                    None => high = Some(digit),
                    Some(high) => bytes.push(high << 4 | digit),
                }
            }
        }
        if bytes.len() >= MAX_DECODED {
            break;
        }
    }
    (bytes, at.min(data.len()))
}

fn control_word(data: &[u8]) -> usize {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'-';
    data.iter().take_while(is_part).count().max(1)
}

fn judge(data: &[u8], objects: &[Object], findings: &mut Findings) {
    let classes: Vec<String> = objects.iter().filter_map(Object::class).collect();
    let is_class = |wanted: &str| classes.iter().any(|class| class.eq_ignore_ascii_case(wanted));
    if !objects.is_empty() {
        findings.add(
            Finding::new("embedded-object", Severity::Low, 80, "The document carries embedded objects")
                .quotes(&classes)
                .techniques(&["T1027.009"]),
        );
    }
    if is_class("Equation.3")
        || is_class("Equation.2")
        || objects.iter().any(|object| find(&object.content, EQUATION_CLASS).is_some())
    {
        findings.add(
            Finding::new("equation-object", Severity::High, 80, "The document carries an Equation Editor object")
                .detail("The editor was removed from Office for its flaws (CVE-2017-11882); such objects are rare otherwise.")
                .techniques(&["T1203"]),
        );
    }
    if is_class("Package") || is_class("OLE2Link") {
        findings.add(
            Finding::new("packaged-file", Severity::Medium, 75, "An object is a packaged file or a link to one")
                .quotes(
                    classes
                        .iter()
                        .filter(|class| ["package", "ole2link"].contains(&class.to_ascii_lowercase().as_str())),
                )
                .techniques(&["T1204.002"]),
        );
    }
    for (word, id, title) in AUTOMATIC {
        if let Some(at) = find(data, word) {
            findings.add(
                Finding::new(id, Severity::Medium, 75, title).at(at as u64, word.len() as u64).techniques(&["T1221"]),
            );
        }
    }
    if !data.starts_with(b"{\\rtf1") {
        findings.malformed("rtf-header", "The header is not that of a word processor; parsers take it all the same.");
    }
}

/// CLSID 0002CE02-0000-0000-C000-000000000046, as it is in a file.
const EQUATION_CLASS: &[u8] = &[0x02, 0xce, 0x02, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];

const AUTOMATIC: [(&[u8], &str, &str); 2] = [
    (b"\\objupdate", "automatic-object", "An object is updated when the document is opened"),
    (b"\\*\\template", "external-template", "The document names a template to load"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_text_is_read_through_noise() {
        assert_eq!(decode(b" 4 1{\\*\\x12}42\r\n4\\par 3}44").0, b"ABC");
    }

    #[test]
    fn objects_are_told_by_class() {
        let mut data = b"{\\rtf1{\\object\\objupdate{\\*\\objdata 0105000002000000".to_vec();
        data.extend(b"0b0000004571756174696f6e2e3300}}}");
        let mut findings = Findings::default();
        let container = parse(&data, &mut findings);
        assert_eq!(container.entries[0].name, "Equation.3");
        assert!(findings.has("equation-object") && findings.has("automatic-object"));
    }
}
