//! Messages of Outlook ([MS-OXMSG]): properties in the streams of a compound file.

use super::mime::Fields;
use super::{MAX_LISTED, MAX_TEXT, header, judge, packed_rtf};
use crate::charset;
use crate::container::document::Document;
use crate::container::ole::Directory;
use crate::facts::document::{EmbeddedObject, Mail};
use crate::reader::text_utf16;

/// Messages in messages.
const MAX_DEPTH: u32 = 5;
const MAX_PARTS: usize = 1_000;
/// Bytes of an attachment.
const MAX_ATTACHMENT: usize = 32 << 20;

const SUBJECT: u16 = 0x0037;
const SENDER_NAME: u16 = 0x0c1a;
const SENDER_ADDRESS: u16 = 0x0c1f;
const SENDER_SMTP: u16 = 0x5d01;
const HEADERS: u16 = 0x007d;
const MESSAGE_ID: u16 = 0x1035;
const BODY: u16 = 0x1000;
const HTML: u16 = 0x1013;
const PACKED_RTF: u16 = 0x1009;
const NAME: u16 = 0x3001;
const SMTP: u16 = 0x39fe;
const ADDRESS: u16 = 0x3003;
const LONG_FILE_NAME: u16 = 0x3707;
const FILE_NAME: u16 = 0x3704;
const DATA: u16 = 0x3701;

pub fn parse(directory: &mut Directory, document: &mut Document) {
    if let Some(root) = directory.root() {
        let mail = message(directory, root, document);
        document.facts.mail = Some(mail);
        attachments(directory, root, 0, document);
    }
}

/// The stream of a property: its number and type are its name.
fn stream(directory: &mut Directory, storage: usize, property: u16, kind: &str, most: usize) -> Option<Vec<u8>> {
    let index = directory.find_in(storage, &format!("__substg1.0_{property:04X}{kind}"))?;
    Some(directory.stream_upto(index, most))
}

fn text(directory: &mut Directory, storage: usize, property: u16) -> String {
    if let Some(wide) = stream(directory, storage, property, "001F", 4 * MAX_TEXT) {
        return text_utf16(&wide, wide.len());
    }
    let narrow = stream(directory, storage, property, "001E", 4 * MAX_TEXT).unwrap_or_default();
    charset::decode_page(&narrow, 1252, narrow.len())
}

/// The first of several properties that is there.
fn first(directory: &mut Directory, storage: usize, properties: &[u16]) -> String {
    let texts = properties.iter().map(|&property| text(directory, storage, property));
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

fn message(directory: &mut Directory, storage: usize, document: &mut Document) -> Mail {
    let headers = text(directory, storage, HEADERS);
    let (fields, _) = Fields::parse(headers.as_bytes());
    let mut mail = header(&fields, document);
    mail.subject = document.line(&text(directory, storage, SUBJECT));
    let name = text(directory, storage, SENDER_NAME);
    let address = first(directory, storage, &[SENDER_SMTP, SENDER_ADDRESS]);
    mail.sender = document.line(&named(&name, &address));
    mail.recipients = recipients(directory, storage, document);
    if mail.message_id.is_empty() {
        mail.message_id = document.line(&text(directory, storage, MESSAGE_ID));
    }
    mail.text = document.keep(&text(directory, storage, BODY), MAX_TEXT);
    let html = stream(directory, storage, HTML, "0102", 4 * MAX_TEXT).unwrap_or_default();
    let html = charset::decode_named(&html, "utf-8", html.len());
    document.hints.misleading_links.extend(judge::misleading_links(&html));
    mail.html = document.keep(&html, MAX_TEXT);
    mail
}

fn named(name: &str, address: &str) -> String {
    match (name.is_empty(), address.is_empty()) {
        (true, _) => address.to_owned(),
        (_, true) => name.to_owned(),
        _ if name == address => address.to_owned(),
        _ => format!("{name} <{address}>"),
    }
}

/// Storages in a message whose names begin so.
fn parts(directory: &Directory, storage: usize, begin: &str) -> Vec<usize> {
    let contents = directory.entries.get(storage).map(|entry| entry.contents.as_slice()).unwrap_or_default();
    let entry = |index: usize| &directory.entries[index];
    let is_part = |index: &usize| entry(*index).is_storage() && entry(*index).name.starts_with(begin);
    let mut parts: Vec<usize> = contents.iter().copied().filter(is_part).take(MAX_PARTS).collect();
    parts.sort_by(|&a, &b| entry(a).name.cmp(&entry(b).name));
    parts
}

fn recipients(directory: &mut Directory, storage: usize, document: &mut Document) -> Vec<String> {
    let mut recipients = Vec::new();
    for part in parts(directory, storage, "__recip_version1.0").into_iter().take(MAX_LISTED) {
        let name = text(directory, part, NAME);
        let address = first(directory, part, &[SMTP, ADDRESS]);
        recipients.push(document.line(&named(&name, &address)));
    }
    recipients
}

/// What is attached, and what is attached to messages that are attached.
fn attachments(directory: &mut Directory, storage: usize, depth: u32, document: &mut Document) {
    let packed = stream(directory, storage, PACKED_RTF, "0102", MAX_ATTACHMENT);
    if let Some(rtf) = packed.and_then(|packed| packed_rtf::unpack(&packed)).filter(|rtf| !rtf.is_empty()) {
        let name = "body.rtf".to_owned();
        document.file(EmbeddedObject { kind: "message-body", name, ..EmbeddedObject::default() }, &rtf);
    }
    for part in parts(directory, storage, "__attach_version1.0") {
        let name = first(directory, part, &[LONG_FILE_NAME, FILE_NAME, NAME]);
        if let Some(content) = stream(directory, part, DATA, "0102", MAX_ATTACHMENT) {
            document.file(EmbeddedObject { kind: "attachment", name, ..EmbeddedObject::default() }, &content);
        } else if let Some(inner) = directory.find_in(part, "__substg1.0_3701000D") {
            let subject = text(directory, inner, SUBJECT);
            let name = if subject.is_empty() { name } else { subject };
            document.list(EmbeddedObject { kind: "message", name, ..EmbeddedObject::default() });
            if depth < MAX_DEPTH {
                attachments(directory, inner, depth + 1, document);
            } else {
                document.is_cut = true;
            }
        }
    }
}
