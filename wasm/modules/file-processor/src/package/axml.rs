//! Android's binary XML: chunks of texts, resource ids and elements.

use std::rc::Rc;

use crate::reader::{Reader, text, text_utf16};

const STRINGS: u16 = 0x0001;
const RESOURCE_IDS: u16 = 0x0180;
const ELEMENT: u16 = 0x0102;
/// Texts and elements of a manifest: large ones have some thousand.
const MAX_STRINGS: u32 = 65_536;
const MAX_ELEMENTS: usize = 65_536;
const MAX_ATTRIBUTES: u16 = 32;
/// Names of attributes by their resource, which stays when the name is removed.
const ATTRIBUTES: [(u32, &str); 8] = [
    (0x0101_0003, "name"),
    (0x0101_000f, "debuggable"),
    (0x0101_0010, "exported"),
    (0x0101_0006, "permission"),
    (0x0101_020c, "minSdkVersion"),
    (0x0101_0270, "targetSdkVersion"),
    (0x0101_021b, "versionCode"),
    (0x0101_021c, "versionName"),
];

pub struct Element {
    pub name: Rc<str>,
    attributes: Vec<(Rc<str>, Rc<str>)>,
}

impl Element {
    pub fn get(&self, name: &str) -> &str {
        self.attributes.iter().find(|(own, _)| **own == *name).map_or("", |(_, value)| value)
    }
}

/// The elements in their order, and whether all could be read.
pub fn parse(data: &[u8]) -> (Vec<Element>, bool) {
    let reader = Reader::little(data);
    let (mut strings, mut ids, mut elements) = (Vec::new(), Vec::new(), Vec::new());
    let mut at = 8;
    while at < reader.len() {
        let (Some(kind), Some(header), Some(size)) = (reader.u16(at), reader.u16(at + 2), reader.u32(at + 4)) else {
            return (elements, false);
        };
        let chunk = reader.upto(at, size.into());
        if size < 8 || elements.len() >= MAX_ELEMENTS {
            return (elements, false);
        }
        match kind {
            STRINGS if strings.is_empty() => strings = pool(chunk),
            RESOURCE_IDS => {
                let words = chunk.get(8..).unwrap_or_default().as_chunks::<4>().0;
                ids = words.iter().map(|&word| u32::from_le_bytes(word)).collect();
            }
            ELEMENT => elements.extend(element(chunk, header.into(), &strings, &ids)),
            _ => {}
        }
        at += u64::from(size);
    }
    (elements, true)
}

fn pool(chunk: &[u8]) -> Vec<Rc<str>> {
    let reader = Reader::little(chunk);
    let count = reader.u32(8).unwrap_or(0).min(MAX_STRINGS);
    let is_utf8 = reader.u32(16).is_some_and(|flags| flags & 0x100 != 0);
    let start = u64::from(reader.u32(20).unwrap_or(0));
    let texts = (0..count).map_while(|index| reader.u32(28 + 4 * u64::from(index)));
    let text_at = |offset: u32| {
        let at = start + u64::from(offset);
        if is_utf8 { utf8(reader, at) } else { utf16(reader, at) }.unwrap_or_default()
    };
    // Texts may share their bytes; all together are not longer than the file by much.
    let mut left = 4 * chunk.len() + 65_536;
    texts
        .map(|offset| {
            let text = if left == 0 { String::new() } else { text_at(offset) };
            left = left.saturating_sub(text.len());
            text.into()
        })
        .collect()
}

/// Two lengths, in characters and in bytes, each of one byte or two.
fn utf8(reader: Reader, at: u64) -> Option<String> {
    let skipped = if reader.u8(at)? & 0x80 == 0 { 1 } else { 2 };
    let first = reader.u8(at + skipped)?;
    let (length, start) = if first & 0x80 == 0 {
        (u64::from(first), at + skipped + 1)
    } else {
        (u64::from(first & 0x7f) << 8 | u64::from(reader.u8(at + skipped + 1)?), at + skipped + 2)
    };
    Some(text(reader.upto(start, length), 512))
}

fn utf16(reader: Reader, at: u64) -> Option<String> {
    let first = u64::from(reader.u16(at)?);
    let (length, start) = if first & 0x8000 == 0 {
        (first, at + 2)
    } else {
        ((first & 0x7fff) << 16 | u64::from(reader.u16(at + 2)?), at + 4)
    };
    Some(text_utf16(reader.upto(start, 2 * length), 512))
}

fn element(chunk: &[u8], header: u64, strings: &[Rc<str>], ids: &[u32]) -> Option<Element> {
    let reader = Reader::little(chunk);
    let string = |index: u32| strings.get(index as usize).cloned().unwrap_or_else(|| "".into());
    let (start, size) = (u64::from(reader.u16(header + 8)?), u64::from(reader.u16(header + 10)?));
    let count = reader.u16(header + 12)?.min(MAX_ATTRIBUTES);
    let attribute = |index: u16| {
        let at = header + start + size * u64::from(index);
        let name = reader.u32(at + 4)?;
        let known = ids.get(name as usize).and_then(|id| ATTRIBUTES.iter().find(|(known, _)| known == id));
        let name = known.map_or_else(|| string(name), |(_, name)| (*name).into());
        let (kind, value) = (reader.u8(at + 15)?, reader.u32(at + 16)?);
        let value = match kind {
            0x03 => string(value),
            0x12 => (value != 0).to_string().into(),
            0x10 => value.cast_signed().to_string().into(),
            0x01 => format!("@{value:08x}").into(),
            _ => format!("{value:#x}").into(),
        };
        Some((name, value))
    };
    Some(Element { name: string(reader.u32(header + 4)?), attributes: (0..count).map_while(attribute).collect() })
}
