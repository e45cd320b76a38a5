//! Sections of OneNote ([MS-ONESTORE]): the files that are inside of them.

use module_kit::{Finding, Findings, Severity};

use super::document::Document;
use crate::facts::document::EmbeddedObject;
use crate::facts::{Category, Container, Entry};
use crate::formats::category_of;
use crate::reader::Reader;
use memchr::memmem::find;

/// Begins a FileDataStoreObject: {BDE316E7-2665-4511-A4C4-8D4D0B7A9EAC}.
const FILE_DATA: &[u8] =
    &[0xe7, 0x16, 0xe3, 0xbd, 0x65, 0x26, 0x11, 0x45, 0xa4, 0xc4, 0x8d, 0x4d, 0x0b, 0x7a, 0x9e, 0xac];
/// The file's size and reserved fields stand behind the GUID.
const HEADER: u64 = 36;

pub fn parse(data: &[u8], document: &mut Document, findings: &mut Findings) -> Container {
    let reader = Reader::little(data);
    let mut at = 0;
    while let Some(found) = find(&data[at..], FILE_DATA) {
        let place = (at + found) as u64;
        let size = reader.u64(place + 16).unwrap_or(0);
        let content = reader.upto(place + HEADER, size);
        let offset = place + HEADER;
        let name = format!("file at {offset:#x}");
        document
            .file(EmbeddedObject { kind: "onenote-file", name, offset: Some(offset), ..Default::default() }, content);
        at += found + FILE_DATA.len();
        if document.is_cut {
            break;
        }
    }
    let dangerous = document.facts.objects.iter().filter(|object| category_of(object.format) == Some(Category::Script));
    let dangerous: Vec<_> = dangerous.map(|object| format!("{}: {}", object.name, object.format)).collect();
    if !dangerous.is_empty() {
        findings.add(
            Finding::new("embedded-script", Severity::High, 80, "The notebook carries a script")
                .quotes(dangerous)
                .techniques(&["T1204.002", "T1027.009"]),
        );
    }
    let entries = document.facts.objects.iter().map(|object| Entry {
        name: object.name.clone(),
        size: object.size,
        offset: object.offset,
        format: object.format,
        ..Entry::default()
    });
    Container {
        kind: "onenote",
        count: document.facts.objects.len() as u64,
        entries: entries.collect(),
        ..Container::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_their_guid() {
        let mut data = vec![0; 40];
        data.extend(FILE_DATA);
        data.extend(9_u64.to_le_bytes());
        data.extend([0; 12]);
        data.extend(b"@echo off\r\n");
        let (mut document, mut findings) = (Document::default(), Findings::default());
        parse(&data, &mut document, &mut findings);
        assert_eq!((document.facts.objects[0].format, document.facts.objects[0].offset), ("batch", Some(76)));
        assert!(findings.has("embedded-script"));
    }
}
