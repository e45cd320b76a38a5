//! Macro sheets of Excel 2007 and later: in XML, and in the records of binary workbooks ([MS-XLSB]).

use std::collections::HashMap;

use super::formula::{Layout, Names, text};
use super::sheets::{Builder, MAX_NAMES, MAX_SHEETS, is_automatic, state};
use crate::container::document::Document;
use crate::container::office::Parts;
use crate::container::xml;
use crate::container::zip::Member;
use crate::reader::{Reader, text_utf16};

/// Records of one binary part.
const MAX_RECORDS: usize = 1_000_000;
const ROW: u32 = 0;
const BUNDLE_SHEET: u32 = 156;
const DEFINED_NAME: u32 = 39;
const FORMULA_CELLS: std::ops::RangeInclusive<u32> = 8..=11;
const BEGIN_SUP_BOOK: u32 = 360;

/// What the workbook says of its sheets.
#[derive(Default)]
struct Workbook {
    /// Name and state by the id of the relationship.
    sheets: HashMap<String, (String, &'static str)>,
    /// Part by the same id.
    parts: HashMap<String, String>,
    names: Names,
    automatic: Vec<String>,
}

impl Workbook {
    /// The sheet that a part is.
    fn sheet(&self, part: &str) -> (String, &'static str) {
        let file = part.rsplit('/').next().unwrap_or_default();
        let is_it = |target: &&String| {
            target.to_ascii_lowercase().ends_with(&format!("macrosheets/{}", file.to_ascii_lowercase()))
        };
        let id = self.parts.iter().filter(|(_, target)| is_it(target)).map(|(id, _)| id).min();
        id.and_then(|id| self.sheets.get(id)).cloned().unwrap_or_else(|| (file.to_owned(), "visible"))
    }

    fn name(&mut self, name: String) {
        if self.names.defined.len() < MAX_NAMES {
            if is_automatic(&name) {
                self.automatic.push(name.clone());
            }
            self.names.defined.push(name);
        }
    }
}

pub fn read(parts: &mut Parts, members: &[Member], document: &mut Document) {
    let is_macro = |member: &&Member| {
        let lower = member.name.to_ascii_lowercase();
        let is_sheet = lower.ends_with(".xml") || lower.ends_with(".bin") && !lower.contains("binaryindex");
        lower.starts_with("xl/macrosheets/") && is_sheet
    };
    let sheets: Vec<&Member> = members.iter().filter(is_macro).take(MAX_SHEETS).collect();
    if sheets.is_empty() {
        return;
    }
    let workbook = workbook(parts);
    for member in sheets {
        let (name, state) = workbook.sheet(&member.name);
        let mut builder = Builder::new(&name, state, document);
        let content = parts.content(member);
        if member.name.to_ascii_lowercase().ends_with(".bin") {
            binary_sheet(&content, &workbook.names, &mut builder, document);
        } else {
            markup_sheet(&xml::decode(content), &mut builder, document);
        }
        builder.finish(&workbook.automatic, document);
    }
}

fn workbook(parts: &mut Parts) -> Workbook {
    let mut workbook = Workbook::default();
    for name in ["xl/_rels/workbook.xml.rels", "xl/_rels/workbook.bin.rels"] {
        let Some(content) = parts.by_name(name) else { continue };
        for piece in xml::pieces(&xml::decode(content)).filter(|piece| piece.name() == "Relationship").take(MAX_SHEETS)
        {
            if let (Some(id), Some(target)) = (piece.attribute("Id"), piece.attribute("Target")) {
                workbook.parts.insert(id, target);
            }
        }
    }
    if let Some(content) = parts.by_name("xl/workbook.xml") {
        markup_workbook(&xml::decode(content), &mut workbook);
    }
    if let Some(content) = parts.by_name("xl/workbook.bin") {
        binary_workbook(&content, &mut workbook);
    }
    workbook
}

fn markup_workbook(content: &str, workbook: &mut Workbook) {
    for piece in xml::pieces(content) {
        match piece.name() {
            "sheet" if workbook.sheets.len() < MAX_SHEETS => {
                let state = match piece.raw_attribute("state") {
                    Some("hidden") => "hidden",
                    Some("veryHidden") => "very-hidden",
                    _ => "visible",
                };
                let name = piece.attribute("name").unwrap_or_default();
                // `sheetId` has another name before it than a prefix.
                if let Some(id) = piece.attribute("id") {
                    workbook.sheets.insert(id, (name, state));
                }
            }
            "definedName" => workbook.name(piece.attribute("name").unwrap_or_default()),
            _ => {}
        }
    }
}

fn markup_sheet(content: &str, builder: &mut Builder, document: &mut Document) {
    let mut cell = String::new();
    for piece in xml::pieces(content) {
        match piece.name() {
            "c" => cell = piece.attribute("r").unwrap_or_default(),
            "f" if !piece.is_empty_element() => builder.named(&cell, &format!("={}", piece.text()), document),
            _ => {}
        }
    }
}

/// Records of a binary part: kind and content. Both numbers have seven bits a byte.
fn records(data: &[u8]) -> impl Iterator<Item = (u32, Reader<'_>)> {
    let reader = Reader::little(data);
    let mut at = 0;
    std::iter::from_fn(move || {
        let kind = number(reader, &mut at, 2)?;
        let kind = if kind & 0x80 == 0 { kind } else { kind & 0x7f | (kind >> 8) << 7 };
        let size = varint(reader, &mut at)?;
        let content = reader.upto(at, u64::from(size));
        at += u64::from(size);
        Some((kind, Reader::little(content)))
    })
    .take(MAX_RECORDS)
}

/// Up to `most` bytes, as long as their high bits are set, one after the other.
fn number(reader: Reader, at: &mut u64, most: u32) -> Option<u32> {
    let mut value = 0;
    for index in 0..most {
        let byte = reader.u8(*at)?;
        *at += 1;
        value |= u32::from(byte) << (8 * index);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(value)
}

fn varint(reader: Reader, at: &mut u64) -> Option<u32> {
    let mut value = 0;
    for index in 0..4 {
        let byte = reader.u8(*at)?;
        *at += 1;
        value |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(value)
}

/// A counted text in UTF-16, and the place behind it.
fn wide(reader: Reader, at: u64) -> Option<(String, u64)> {
    let units = u64::from(reader.u32(at)?);
    if units == u64::from(u32::MAX) {
        return Some((String::new(), at + 4));
    }
    let bytes = reader.slice(at + 4, units * 2)?;
    Some((text_utf16(bytes, 512), at + 4 + units * 2))
}

fn binary_workbook(content: &[u8], workbook: &mut Workbook) {
    for (kind, record) in records(content) {
        match kind {
            BUNDLE_SHEET if workbook.sheets.len() < MAX_SHEETS => {
                let hidden = record.u32(0).unwrap_or(0);
                let Some((id, next)) = wide(record, 8) else { continue };
                let name = wide(record, next).map(|found| found.0).unwrap_or_default();
                workbook.names.sheets.push(name.clone());
                workbook.sheets.insert(id, (name, state(hidden)));
            }
            DEFINED_NAME => workbook.name(wide(record, 9).map(|found| found.0).unwrap_or_default()),
            _ => {}
        }
    }
}

fn binary_sheet(content: &[u8], names: &Names, builder: &mut Builder, document: &mut Document) {
    let mut row = 0;
    for (kind, record) in records(content) {
        if kind == ROW {
            row = record.u32(0).unwrap_or(0);
        } else if FORMULA_CELLS.contains(&kind) {
            let column = record.u32(0).unwrap_or(0) & 0x3fff;
            let value = match kind {
                8 => record.u32(8).map_or(u64::MAX, |units| 4 + 2 * u64::from(units)),
                9 => 8,
                _ => 1,
            };
            let at = 8_u64.saturating_add(value).saturating_add(2);
            let Some(size) = record.u32(at) else { continue };
            let tokens = record.upto(at + 4, u64::from(size));
            builder.formula(row, u16::try_from(column).unwrap_or(0), &text(tokens, Layout::Biff12, names), document);
        }
    }
}

/// A link to another program in a binary workbook.
pub fn binary_link(content: &[u8], place: &str, document: &mut Document) {
    const DDE: u16 = 1;
    for (kind, record) in records(content) {
        if kind != BEGIN_SUP_BOOK || record.u16(0) != Some(DDE) {
            continue;
        }
        let Some((service, next)) = wide(record, 2) else { continue };
        let topic = wide(record, next).map(|found| found.0).unwrap_or_default();
        document.link("dde", &format!("{service} {topic}"), place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_numbers_of_seven_bits_a_byte() {
        let data = [0x9c, 0x01, 0x02, 7, 8, 0x00, 0x81, 0x00, 9];
        let found: Vec<_> = records(&data).map(|(kind, content)| (kind, content.data().to_vec())).collect();
        assert_eq!(found, [(156, vec![7, 8]), (0, vec![9])]);
    }

    #[test]
    fn sheets_are_named_by_their_relationships() {
        let mut workbook = Workbook::default();
        markup_workbook(
            "<sheet name=\"M\" sheetId=\"7\" state=\"veryHidden\" r:id=\"rId2\"/><definedName name=\"_xlnm.Auto_Open\">",
            &mut workbook,
        );
        workbook.parts.insert("rId2".into(), "macrosheets/sheet1.xml".into());
        assert_eq!(workbook.sheet("xl/macrosheets/sheet1.xml"), ("M".into(), "very-hidden"));
        assert_eq!(workbook.automatic, ["_xlnm.Auto_Open"]);
    }
}
