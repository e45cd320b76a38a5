//! Rich Text Format: embedded objects, which are hexadecimal text with any amount of noise in it; fields, templates.

mod destinations;
mod lexer;

use module_kit::{Finding, Findings, Severity, counted};

use self::lexer::{Ended, Lexer, Object};
use super::document::Document;
use super::{fields, ole};
use crate::facts::document::EmbeddedObject;
use crate::facts::{Container, Entry};
use crate::formats::identify_embedded;
use memchr::memmem::find;

/// Objects of one document that are decoded.
const MAX_OBJECTS: usize = 256;

/// CLSID 0002CE02-0000-0000-C000-000000000046, as it is in a file.
const EQUATION_CLASS: &[u8] = &[0x02, 0xce, 0x02, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];

pub fn parse(data: &[u8], document: &mut Document, findings: &mut Findings) -> Container {
    let mut entries = Vec::new();
    let mut class = String::new();
    let mut update = None;
    let mut noisy = Vec::new();
    let mut lexer = Lexer::new(data);
    let mut word = |word: &str, at: usize| {
        if word == "objupdate" {
            update.get_or_insert(at);
        }
    };
    while let Some(ended) = lexer.next(&mut word) {
        match ended {
            Ended::Text("objclass", text) => class = text.trim().to_owned(),
            Ended::Text("template", text) => document.link("template", text.trim(), "template"),
            Ended::Text(_, text) => fields::instruction(&text, "field", document),
            Ended::Object(_) if entries.len() >= MAX_OBJECTS => {
                let detail = format!("The first {MAX_OBJECTS} embedded objects were decoded.");
                super::unread(Severity::Medium, detail, findings);
                break;
            }
            Ended::Object(object) => {
                if object.noise > 0 {
                    noisy.push(object.offset as u64);
                }
                entries.push(read(&object, std::mem::take(&mut class), document));
            }
        }
    }
    judge(data, update, &noisy, findings);
    Container { kind: "rtf", count: entries.len() as u64, entries, ..Container::default() }
}

fn read(object: &Object, stated: String, document: &mut Document) -> Entry {
    let parsed = ole::native::object(&object.content).unwrap_or_default();
    let class = if parsed.class.is_empty() { stated } else { parsed.class };
    let payload = if parsed.content.is_empty() { &object.content[..] } else { parsed.content };
    let is_equation =
        find(&object.content, EQUATION_CLASS).is_some() && !class.to_ascii_lowercase().contains("equation");
    let facts = EmbeddedObject {
        kind: "ole-native",
        class: if is_equation { format!("{class} {{0002CE02-}}") } else { class.clone() },
        offset: Some(object.offset as u64),
        ..EmbeddedObject::default()
    };
    if !parsed.topic.is_empty() {
        document.link("ole-link", &parsed.topic, "object");
    }
    let package = class.eq_ignore_ascii_case("Package").then(|| ole::native::package(parsed.content)).flatten();
    if let Some(link) = package.as_ref().filter(|package| package.is_link) {
        document.link("ole-link", &link.path, "object");
    }
    if let Some(package) = package.filter(|package| !package.is_link || !package.content.is_empty()) {
        let facts = EmbeddedObject {
            kind: "ole-package",
            name: package.name,
            path: package.path,
            temporary_path: package.temporary_path,
            ..facts
        };
        document.file(facts, package.content);
    } else if let Some(at) = compound_at(payload) {
        document.file(EmbeddedObject { kind: "ole-object", ..facts }, &payload[at..]);
    } else {
        document.file(facts, payload);
    }
    Entry {
        name: class,
        size: object.content.len() as u64,
        offset: Some(object.offset as u64),
        kind: "object",
        format: identify_embedded(&payload[compound_at(payload).unwrap_or(0)..]),
        ..Entry::default()
    }
}

/// Where a compound file begins: of an object whose header is damaged, behind that.
fn compound_at(payload: &[u8]) -> Option<usize> {
    find(&payload[..payload.len().min(1_024)], ole::MAGIC)
}

fn judge(data: &[u8], update: Option<usize>, noisy: &[u64], findings: &mut Findings) {
    if let Some(at) = update {
        findings.add(
            Finding::new("automatic-object", Severity::Medium, 75, "An object is updated when the document is opened")
                .at(at as u64, b"\\objupdate".len() as u64)
                .techniques(&["T1221"]),
        );
    }
    if let Some(&first) = noisy.first() {
        findings.add(
            Finding::new(
                "obfuscated-object",
                Severity::High,
                75,
                "The data of an object is mixed with what Word ignores",
            )
            .detail(counted(noisy.len(), "object") + ".")
            .at(first, b"\\objdata".len() as u64)
            .techniques(&["T1027"]),
        );
    }
    if !data.starts_with(b"{\\rtf1") {
        findings.malformed("rtf-header", "The header is not that of a word processor; parsers take it all the same.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(data: &[u8]) -> (Container, Document, Findings) {
        let (mut document, mut findings) = (Document::default(), Findings::default());
        let container = parse(data, &mut document, &mut findings);
        (container, document, findings)
    }

    #[test]
    fn objects_are_told_by_class() {
        let mut data = b"{\\rtf1{\\object\\objupdate{\\*\\objdata 0105000002000000".to_vec();
        data.extend(b"0b0000004571756174696f6e2e3300000000000000000002000000ffff}}}");
        let (container, document, findings) = parsed(&data);
        assert_eq!(container.entries[0].name, "Equation.3");
        assert_eq!(document.facts.objects[0].class, "Equation.3");
        assert!(findings.has("automatic-object") && !findings.has("obfuscated-object"));
    }

    #[test]
    fn templates_and_fields_are_links() {
        let (_, document, _) = parsed(b"{\\rtf1{\\*\\template http://a/t.dotm}{\\field{\\*\\fldinst DDEAUTO c d}}}");
        let links: Vec<_> = document.facts.links.iter().map(|link| (link.kind, link.target.as_str())).collect();
        assert_eq!(links, [("template", "http://a/t.dotm"), ("dde-auto", "c d")]);
    }
}
