//! Messages: their headers, their text, what is attached.

mod encoded;
mod judge;
mod mime;
mod msg;
mod packed_rtf;
mod tnef;

use module_kit::{Findings, Severity};

pub use self::encoded::parameter;
pub use self::judge::judge;
use self::mime::Leaf;
pub use self::mime::{Fields, MAX_PARTS, Piece, split};
pub use self::msg::parse as msg;
pub use self::tnef::parse as tnef;
use super::document::Document;
use super::office;
use crate::charset::decode_named;
use crate::facts::document::{EmbeddedObject, Mail};
use crate::facts::{Container, Entry};
use crate::limits::MAX_ENTRIES_REPORTED;
use memchr::memmem::find;

/// Bytes of a message's text in JSON, each form of it.
const MAX_TEXT: usize = 64 << 10;
const MAX_LISTED: usize = 64;
/// Messages of a mailbox that are taken out.
const MAX_MESSAGES: usize = 1_000;

/// A message, or a web archive, which is built the same.
pub fn parse(id: &str, data: &[u8], document: &mut Document, findings: &mut Findings) -> Container {
    let mut is_cut = false;
    let (fields, leaves) = mime::parse(data, &mut is_cut);
    if is_cut {
        super::unread(Severity::Medium, "The message has more parts than those of people have.", findings);
    }
    let mut mail = header(&fields, document);
    for (index, leaf) in leaves.iter().enumerate() {
        read_leaf(index, leaf, &mut mail, document, findings);
    }
    document.facts.mail = (id == "eml").then_some(mail);
    Container { count: leaves.len() as u64, ..listing("mail", document) }
}

/// The listing of what is attached.
fn listing(kind: &'static str, document: &Document) -> Container {
    let entries = document.facts.objects.iter().take(MAX_ENTRIES_REPORTED).map(|object| Entry {
        name: object.name.clone(),
        size: object.size,
        kind: object.kind,
        format: object.format,
        ..Entry::default()
    });
    Container { kind, count: document.facts.objects.len() as u64, entries: entries.collect(), ..Container::default() }
}

fn header(fields: &Fields, document: &mut Document) -> Mail {
    let recipients = ["to", "cc", "bcc"].into_iter().flat_map(|name| fields.all(name)).take(MAX_LISTED);
    let checks = ["authentication-results", "arc-authentication-results", "received-spf"];
    let checks = checks.into_iter().flat_map(|name| fields.all(name)).take(MAX_LISTED);
    Mail {
        subject: document.line(&fields.text("subject")),
        sender: document.line(&fields.text("from")),
        reply_to: document.line(&fields.text("reply-to")),
        return_path: document.line(fields.get("return-path").unwrap_or_default()),
        recipients: recipients.map(|field| document.line(&encoded::words(field))).collect(),
        date: document.line(fields.get("date").unwrap_or_default()),
        message_id: document.line(fields.get("message-id").unwrap_or_default()),
        received: fields.all("received").take(MAX_LISTED).map(|field| document.line(field)).collect(),
        authentication: checks.map(|field| document.line(field)).collect(),
        ..Mail::default()
    }
}

fn read_leaf(index: usize, leaf: &Leaf, mail: &mut Mail, document: &mut Document, findings: &mut Findings) {
    let content = leaf.content();
    let name = leaf.name();
    let is_text = name.is_none() && !leaf.is_attachment();
    match leaf.kind.as_str() {
        "text/plain" | "" if is_text && mail.text.is_empty() => mail.text = body(leaf, &content, document),
        "text/html" if is_text && mail.html.is_empty() => mail.html = body(leaf, &content, document),
        kind => {
            let location = leaf.fields.get("content-location").unwrap_or_default();
            let name = name.unwrap_or_else(|| location.rsplit(['/', '\\']).next().unwrap_or_default().to_owned());
            if office::mime_part(&content, &name, document, findings) {
                return;
            }
            let name = if name.is_empty() { format!("part {index} ({kind})") } else { name };
            let kind = if kind == "message/rfc822" { "message" } else { "attachment" };
            document.file(EmbeddedObject { kind, name, ..EmbeddedObject::default() }, &content);
        }
    }
}

fn body(leaf: &Leaf, content: &[u8], document: &mut Document) -> String {
    let text = decode_named(content, &leaf.charset(), content.len());
    document.hints.misleading_links.extend(judge::misleading_links(&text));
    document.keep(&text, MAX_TEXT)
}

/// A mailbox: messages that begin with a line `From `.
pub fn mailbox(data: &[u8], document: &mut Document) -> Container {
    let mut start = 0;
    for index in 0..=MAX_MESSAGES {
        if index == MAX_MESSAGES {
            document.is_cut = true;
            break;
        }
        let end = find(&data[start..], b"\nFrom ").map_or(data.len(), |found| start + found + 1);
        let line = find(&data[start..end], b"\n").map_or(end, |found| start + found + 1);
        let name = format!("message {index}");
        let offset = Some(line as u64);
        document.file(EmbeddedObject { kind: "message", name, offset, ..EmbeddedObject::default() }, &data[line..end]);
        if end == data.len() {
            break;
        }
        start = end;
    }
    listing("mailbox", document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_of_a_mailbox_are_taken_apart() {
        let mut document = Document::default();
        mailbox(b"From a@b\nSubject: x\n\none\nFrom c@d\nSubject: y\n\ntwo\n", &mut document);
        let contents: Vec<_> = document.embedded.iter().map(|file| file.content.as_slice()).collect();
        assert_eq!(contents, [&b"Subject: x\n\none\n"[..], b"Subject: y\n\ntwo\n"]);
    }

    #[test]
    fn text_is_told_and_what_is_attached_is_taken_out() {
        let message = b"From: a@b.example\r\nSubject: s\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\
            Content-Type: text/plain; charset=iso-8859-1\r\n\r\nh\xe4\r\n--x\r\nContent-Type: text/plain; name=a.txt\r\n\r\nb\r\n--x--";
        let (mut document, mut findings) = (Document::default(), Findings::default());
        parse("eml", message, &mut document, &mut findings);
        assert_eq!(document.facts.mail.as_ref().map(|mail| mail.text.as_str()), Some("hä"));
        assert_eq!((document.embedded[0].name.as_str(), document.embedded[0].content.as_slice()), ("a.txt", &b"b"[..]));
    }
}
