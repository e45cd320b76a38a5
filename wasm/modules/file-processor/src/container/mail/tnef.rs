//! `winmail.dat` ([MS-OXTNEF]): attributes one after the other; attachments among them.

use module_kit::Findings;

use super::listing;
use crate::charset;
use crate::container::document::Document;
use crate::facts::Container;
use crate::facts::document::{EmbeddedObject, Mail};
use crate::reader::Reader;

const ATTACHMENT: u8 = 2;
const SUBJECT: u16 = 0x8004;
const BODY: u16 = 0x800c;
const ATTACHMENT_BEGIN: u16 = 0x9002;
const ATTACHMENT_TITLE: u16 = 0x8010;
const ATTACHMENT_DATA: u16 = 0x800f;
const MAX_ATTRIBUTES: usize = 10_000;

/// An attachment whose attributes are being read: its name, and where its content is.
#[derive(Default)]
struct Open<'a> {
    name: String,
    content: Option<(u64, &'a [u8])>,
}

pub fn parse(data: &[u8], document: &mut Document, findings: &mut Findings) -> Container {
    let reader = Reader::little(data);
    let mut at = 6;
    let mut mail = Mail::default();
    let mut open = Open::default();
    for _ in 0..MAX_ATTRIBUTES {
        let (Some(level), Some(id), Some(size)) = (reader.u8(at), reader.u16(at + 1), reader.u32(at + 5)) else {
            break;
        };
        let Some(content) = reader.slice(at + 9, u64::from(size)) else {
            findings.malformed("tnef-attribute", "An attribute is longer than the file.");
            break;
        };
        let text = |most| charset::decode_page(content, 1252, most).trim_end_matches('\0').to_owned();
        match (level, id) {
            (ATTACHMENT, ATTACHMENT_BEGIN) => finish(std::mem::take(&mut open), document),
            (ATTACHMENT, ATTACHMENT_TITLE) => open.name = text(1_024),
            (ATTACHMENT, ATTACHMENT_DATA) => open.content = Some((at + 9, content)),
            (_, SUBJECT) => mail.subject = document.line(&text(1_024)),
            (_, BODY) => mail.text = document.keep(&text(content.len()), super::MAX_TEXT),
            _ => {}
        }
        at += 11 + u64::from(size);
    }
    finish(open, document);
    document.facts.mail = Some(mail);
    listing("tnef", document)
}

fn finish(open: Open, document: &mut Document) {
    if let Some((offset, content)) = open.content {
        let (name, offset) = (open.name, Some(offset));
        document.file(EmbeddedObject { kind: "attachment", name, offset, ..EmbeddedObject::default() }, content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(level: u8, id: u16, content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len()).unwrap_or(0);
        [&[level][..], &id.to_le_bytes(), &[0, 0], &size.to_le_bytes(), content, &[0, 0]].concat()
    }

    #[test]
    fn attachments_have_names_and_content() {
        let data = [
            b"\x78\x9f\x3e\x22\x01\x00".to_vec(),
            attribute(1, SUBJECT, b"Hi\0"),
            attribute(2, ATTACHMENT_BEGIN, b"x"),
            attribute(2, ATTACHMENT_TITLE, b"a.txt\0"),
            attribute(2, ATTACHMENT_DATA, b"abc"),
        ];
        let mut document = Document::default();
        parse(&data.concat(), &mut document, &mut Findings::default());
        let object = &document.facts.objects[0];
        assert_eq!((object.name.as_str(), object.size), ("a.txt", 3));
        assert_eq!(document.facts.mail.map(|mail| mail.subject), Some("Hi".into()));
    }
}
