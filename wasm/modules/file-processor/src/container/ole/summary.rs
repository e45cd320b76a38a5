//! The document's summary: its properties that are text ([MS-OLEPS] 2.21, 3.1.2).

use std::collections::BTreeMap;

use super::directory::Directory;
use super::root_stream;
use crate::charset;
use crate::reader::{Reader, text_utf16};

const CODE_PAGE: u32 = 1;
const NAMES: [(u32, &str); 9] = [
    (2, "title"),
    (3, "subject"),
    (4, "author"),
    (5, "keywords"),
    (6, "comments"),
    (7, "template"),
    (8, "last author"),
    (9, "revision"),
    (18, "application"),
];
/// Properties that are read, and characters of each.
const MAX_PROPERTIES: u32 = 64;
const MAX_TEXT: usize = 512;
const INTEGER: u32 = 2;
/// Text in the set's code page, and in UTF-16.
const TEXT: u32 = 0x1e;
const WIDE_TEXT: u32 = 0x1f;
const UTF_16: u16 = 1200;
const WINDOWS_1252: u16 = 1252;

pub fn read(directory: &mut Directory) -> BTreeMap<String, String> {
    let Some(index) = root_stream(directory, &["\u{5}SummaryInformation"]) else { return BTreeMap::new() };
    texts(&directory.stream_upto(index, 64 << 10))
}

fn texts(content: &[u8]) -> BTreeMap<String, String> {
    let reader = Reader::little(content);
    let set = reader.u32(44).map_or(u64::MAX, u64::from);
    let count = reader.u32(set.saturating_add(4)).unwrap_or(0).min(MAX_PROPERTIES);
    let rows =
        (0..u64::from(count)).map_while(|row| Some((reader.u32(set + 8 + 8 * row)?, reader.u32(set + 12 + 8 * row)?)));
    let places: Vec<_> = rows.map(|(id, offset)| (id, set + u64::from(offset))).collect();
    let page = places.iter().find(|(id, at)| *id == CODE_PAGE && reader.u32(*at) == Some(INTEGER));
    let page = page.and_then(|(_, at)| reader.u16(at + 4)).unwrap_or(WINDOWS_1252);
    let named = places.iter().filter_map(|(id, at)| {
        let (_, name) = NAMES.iter().find(|(known, _)| known == id)?;
        Some(((*name).to_owned(), value(reader, *at, page)?)).filter(|(_, value)| !value.is_empty())
    });
    named.collect()
}

fn value(reader: Reader, at: u64, page: u16) -> Option<String> {
    let length = reader.u32(at + 4).map_or(0, u64::from);
    match reader.u32(at)? {
        TEXT if page == UTF_16 => Some(text_utf16(reader.upto(at + 8, length.min(2 * MAX_TEXT as u64)), MAX_TEXT)),
        TEXT => Some(charset::decode_page(reader.c_string(at + 8, length.min(MAX_TEXT as u64))?, page, MAX_TEXT)),
        WIDE_TEXT => Some(text_utf16(reader.upto(at + 8, length.saturating_mul(2).min(2 * MAX_TEXT as u64)), MAX_TEXT)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(properties: &[(u32, &[u8])]) -> Vec<u8> {
        let mut content = [&[0; 44][..], &48_u32.to_le_bytes()].concat();
        let count = u32::try_from(properties.len()).unwrap();
        content.extend([0, count].into_iter().flat_map(u32::to_le_bytes));
        let mut at = 8 + 8 * count;
        for (id, value) in properties {
            content.extend([*id, at].into_iter().flat_map(u32::to_le_bytes));
            at += u32::try_from(value.len()).unwrap();
        }
        properties.iter().for_each(|(_, value)| content.extend(*value));
        content
    }

    fn author(content: &[u8]) -> Option<String> {
        texts(content).remove("author")
    }

    #[test]
    fn text_is_in_the_code_page_of_its_set() {
        let name: &[u8] = b"\x1e\0\0\0\x05\0\0\0\xc8\xe2\xe0\xed\0";
        assert_eq!(author(&set(&[(1, b"\x02\0\0\0\xe3\x04\0\0"), (4, name)])).unwrap(), "\u{418}\u{432}\u{430}\u{43d}");
        assert_eq!(author(&set(&[(4, name)])).unwrap(), "\u{c8}\u{e2}\u{e0}\u{ed}");
        let wide: &[u8] = b"\x1f\0\0\0\x02\0\0\0\x18\x04\0\0";
        let paged: &[u8] = b"\x1e\0\0\0\x04\0\0\0\x18\x04\0\0";
        assert_eq!(author(&set(&[(1, b"\x02\0\0\0\xb0\x04\0\0"), (4, paged)])).unwrap(), "\u{418}");
        assert_eq!(author(&set(&[(4, wide)])).unwrap(), "\u{418}");
    }

    #[test]
    fn what_is_cut_off_is_left_out() {
        let whole = set(&[(2, b"\x1e\0\0\0\x02\0\0\0t\0"), (4, b"\x1e\0\0\0\x02\0\0\0a\0")]);
        (0..whole.len() - 2).for_each(|end| assert!(!texts(&whole[..end]).contains_key("author"), "{end}"));
    }
}
