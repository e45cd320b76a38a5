//! PDF (ISO 32000): what it does when it is opened, its scripts, and what is attached.

mod crypt;
mod file;
mod filters;
mod judge;
mod object;
mod walk;

use std::collections::BTreeMap;

use module_kit::{Findings, Severity};

use self::file::File;
use self::object::{Dictionary, Object};
use super::document::Document;
use crate::facts::{Container, Entry};
use crate::limits::MAX_ENTRIES_REPORTED;
use crate::reader::text;
use memchr::memmem::find;

pub fn parse(data: &[u8], document: &mut Document, findings: &mut Findings) -> Container {
    let mut file = File::parse(data);
    let seen = walk::walk(&mut file, document);
    if file.is_cut {
        super::unread(Severity::Info, "There are more objects or streams than are read.", findings);
    }
    judge::judge(data, &file, &seen, document, findings);
    let attached = document.facts.objects.iter().filter(|object| object.kind == "attachment");
    let entries = attached.take(MAX_ENTRIES_REPORTED).map(|object| Entry {
        name: object.name.clone(),
        size: object.size,
        offset: object.offset,
        kind: "attachment",
        format: object.format,
        ..Entry::default()
    });
    Container {
        kind: "pdf",
        count: file.objects.len() as u64,
        entries: entries.collect(),
        properties: properties(data, &file, seen.pages),
    }
}

fn properties(data: &[u8], file: &File, pages: u64) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    let mut say = |key: &str, value: String| properties.insert(key.to_owned(), value);
    say("version", text(data.get(5..8).unwrap_or_default(), 8));
    say("streams", file.streams.to_string());
    say("pages", pages.to_string());
    say("revisions", revisions(data, file).to_string());
    if file.replaced > 0 {
        say("replaced objects", file.replaced.to_string());
    }
    if file.is_encrypted {
        let state = if file.is_locked() { "with a password" } else { "with an empty password" };
        say("encrypted", state.to_owned());
    }
    let info = file.trailer("Info").filter(|_| !file.is_locked());
    let info = info.map(|info| file.resolve(info)).and_then(Object::dictionary);
    for (key, value) in info.map(metadata).unwrap_or_default() {
        say(&key, value);
    }
    properties
}

/// Ends of the file, one for each time it was saved; a linearized one has two from the start.
fn revisions(data: &[u8], file: &File) -> usize {
    let (mut count, mut at) = (0, 0);
    while let Some(found) = find(&data[at..], b"%%EOF") {
        count += 1;
        at += found + 5;
    }
    let is_linearized = file
        .objects
        .iter()
        .take(2)
        .any(|object| object.value.dictionary().is_some_and(|it| it.get("Linearized").is_some()));
    if is_linearized && count > 1 { count - 1 } else { count }
}

fn metadata(info: &Dictionary) -> Vec<(String, String)> {
    const KEYS: [&str; 8] =
        ["Title", "Author", "Subject", "Keywords", "Creator", "Producer", "CreationDate", "ModDate"];
    let value = |key: &&str| match info.get(key) {
        Some(Object::Text(bytes)) => Some(((*key).to_lowercase(), object::text(&bytes[..bytes.len().min(1_024)]))),
        _ => None,
    };
    KEYS.iter().filter_map(value).map(|(key, value)| (key, value.chars().take(512).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(data: &[u8]) -> (Document, Vec<String>) {
        let (mut document, mut findings) = (Document::default(), Findings::default());
        parse(data, &mut document, &mut findings);
        (document, findings.into_sorted().into_iter().map(|finding| finding.id).collect())
    }

    #[test]
    fn escaped_names_are_resolved_and_told() {
        let (document, found) = parsed(
            b"%PDF-1.7\n1 0 obj << /Type /Catalog /OpenAction 2 0 R >> endobj\n\
            2 0 obj << /S /J#61vaScript /JS (eval\\(x\\)) >> endobj\ntrailer << /Root 1 0 R >>\n%%EOF",
        );
        assert_eq!(document.facts.scripts[0].source, "eval(x)");
        for id in ["pdf-javascript", "pdf-hidden-names", "pdf-automatic-javascript"] {
            assert!(found.contains(&id.to_owned()), "{id}: {found:?}");
        }
    }

    #[test]
    fn names_that_only_begin_alike_do_not_count() {
        assert!(parsed(b"%PDF-1.7\n1 0 obj << /JSON 1 /AAPL 2 >> endobj\n%%EOF").1.is_empty());
    }

    #[test]
    fn names_within_compressed_streams_are_found() {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(b"7 0 << /S /Launch /F (cmd.exe) >>", 6);
        let mut data = b"%PDF-1.5\n1 0 obj << /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode >> stream\n".to_vec();
        data.extend(packed);
        data.extend(b"\nendstream endobj\n%%EOF");
        let (document, found) = parsed(&data);
        assert_eq!(found, ["pdf-launch"]);
        assert_eq!((document.facts.links[0].kind, document.facts.links[0].target.as_str()), ("launch", "cmd.exe"));
    }

    #[test]
    fn attachments_have_the_names_of_their_specifications() {
        let (document, _) = parsed(
            b"%PDF-1.7\n1 0 obj << /Type /Filespec /F (a.txt) /UF (b.txt) /EF << /F 2 0 R >> >> endobj\n\
            2 0 obj << /Type /EmbeddedFile /Length 5 >> stream\nhello\nendstream endobj\n%%EOF",
        );
        assert_eq!((document.facts.objects[0].name.as_str(), document.facts.objects[0].size), ("b.txt", 5));
        assert_eq!(document.embedded.len(), 1);
    }

    #[test]
    fn scripts_of_forms_are_read() {
        let (document, _) = parsed(
            b"%PDF-1.7\n1 0 obj << /XFA [(template) 2 0 R] >> endobj\n\
            2 0 obj << >> stream\n<script contentType='application/x-javascript'>a &lt; b</script>\nendstream endobj",
        );
        assert_eq!(document.facts.scripts[0].source, "a < b");
    }
}
