//! Workbooks of Excel 5 - 2003 ([MS-XLS]): records; formulas of macro sheets, and links to other programs.

use super::formula::{Layout, Names, text};
use super::sheets::{Builder, MAX_NAMES, MAX_SHEETS, is_automatic, state};
use crate::charset;
use crate::container::document::Document;
use crate::reader::{Reader, text_utf16};

const BOF: u16 = 0x809;
const EOF: u16 = 0x0a;
const FORMULA: [u16; 3] = [0x06, 0x206, 0x406];
const SHARED: u16 = 0x4bc;
const NAME: u16 = 0x18;
const BOUND_SHEET: u16 = 0x85;
const FILE_PASS: u16 = 0x2f;
const EXTERN_SHEET: u16 = 0x17;
const SUP_BOOK: u16 = 0x1ae;
const MACRO_SHEET: u8 = 1;
/// Records of one workbook.
const MAX_RECORDS: usize = 2_000_000;
/// Names that Excel itself has, by number.
const BUILT_IN: [&str; 14] = [
    "Consolidate_Area",
    "Auto_Open",
    "Auto_Close",
    "Extract",
    "Database",
    "Criteria",
    "Print_Area",
    "Print_Titles",
    "Recorder",
    "Data_Form",
    "Auto_Activate",
    "Auto_Deactivate",
    "Sheet_Title",
    "_FilterDatabase",
];

struct Sheet {
    name: String,
    state: &'static str,
    is_macro: bool,
    offset: u64,
}

struct Workbook<'a> {
    reader: Reader<'a>,
    layout: Layout,
    sheets: Vec<Sheet>,
    names: Names,
    automatic: Vec<String>,
    /// Of each reference to sheets: the number of the first.
    references: Vec<u16>,
    is_encrypted: bool,
    records: usize,
}

pub fn parse(stream: &[u8], document: &mut Document) {
    let reader = Reader::little(stream);
    let layout = if reader.u16(4) == Some(0x500) { Layout::Biff5 } else { Layout::Biff8 };
    let mut workbook = Workbook {
        reader,
        layout,
        sheets: Vec::new(),
        names: Names::default(),
        automatic: Vec::new(),
        references: Vec::new(),
        is_encrypted: false,
        records: 0,
    };
    workbook.globals(document);
    document.hints.is_encrypted |= workbook.is_encrypted;
    let place =
        |&reference: &u16| workbook.sheets.get(usize::from(reference)).map_or("sheet?", |sheet| &sheet.name).to_owned();
    workbook.names.sheets = workbook.references.iter().map(place).collect();
    let macros: Vec<usize> = (0..workbook.sheets.len()).filter(|&index| workbook.sheets[index].is_macro).collect();
    for index in macros {
        workbook.sheet(index, document);
    }
}

impl<'a> Workbook<'a> {
    /// The record at `at`: its kind, content and the place behind it.
    fn record(&mut self, at: u64) -> Option<(u16, &'a [u8], u64)> {
        self.records += 1;
        let (kind, size) = (self.reader.u16(at)?, u64::from(self.reader.u16(at + 2)?));
        (self.records <= MAX_RECORDS).then(|| (kind, self.reader.upto(at + 4, size), at + 4 + size))
    }

    fn globals(&mut self, document: &mut Document) {
        let mut at = 0;
        while let Some((kind, content, next)) = self.record(at) {
            at = next;
            match kind {
                EOF => break,
                FILE_PASS => self.is_encrypted = true,
                BOUND_SHEET if self.sheets.len() < MAX_SHEETS => self.sheets.extend(self.bound_sheet(content)),
                NAME if self.names.defined.len() < MAX_NAMES => {
                    let name = self.name(content).unwrap_or_default();
                    if is_automatic(&name) {
                        self.automatic.push(name.clone());
                    }
                    self.names.defined.push(name);
                }
                EXTERN_SHEET => self.references(content),
                SUP_BOOK if !self.is_encrypted => self.link(content, document),
                _ => {}
            }
        }
    }

    fn bound_sheet(&self, content: &[u8]) -> Option<Sheet> {
        let reader = Reader::little(content);
        let length = u64::from(reader.u8(6)?);
        Some(Sheet {
            name: self.characters(reader, 7, length).0,
            state: state(u32::from(reader.u8(4)?)),
            is_macro: reader.u8(5)? == MACRO_SHEET,
            offset: u64::from(reader.u32(0)?),
        })
    }

    /// `length` characters; in Excel 97 and later a flag before them says whether they are wide. Also the place behind.
    fn characters(&self, reader: Reader, at: u64, length: u64) -> (String, u64) {
        if self.layout == Layout::Biff5 {
            return (charset::decode_page(reader.upto(at, length), 1252, 256), at + length);
        }
        if reader.u8(at).unwrap_or(0) & 1 == 1 {
            (text_utf16(reader.upto(at + 1, 2 * length), 256), at + 1 + 2 * length)
        } else {
            (charset::decode_page(reader.upto(at + 1, length), 1252, 256), at + 1 + length)
        }
    }

    fn name(&self, content: &[u8]) -> Option<String> {
        let reader = Reader::little(content);
        let is_built_in = reader.u16(0)? & 0x20 != 0;
        let length = u64::from(reader.u8(3)?);
        if is_built_in {
            let at = if self.layout == Layout::Biff5 { 14 } else { 15 };
            let number = usize::from(reader.u8(at)?);
            // Excel takes `Auto_Open` with anything behind it.
            let rest = self.characters(reader, 14, length).0;
            let rest: String = rest.chars().skip(1).collect();
            return BUILT_IN.get(number).map(|name| format!("{name}{rest}"));
        }
        Some(self.characters(reader, 14, length).0)
    }

    fn references(&mut self, content: &[u8]) {
        let reader = Reader::little(content);
        if self.layout == Layout::Biff8 {
            let count = u64::from(reader.u16(0).unwrap_or(0));
            let sheets = (0..count).map_while(|index| reader.u16(2 + 6 * index + 2));
            self.references.extend(sheets);
        }
    }

    /// A link to another program: `cmd\u{3}/c calc`.
    fn link(&self, content: &[u8], document: &mut Document) {
        let reader = Reader::little(content);
        let length = u64::from(reader.u16(2).unwrap_or(0));
        if !(1..=255).contains(&length) {
            return;
        }
        let target = self.characters(reader, 4, length).0;
        if let Some((program, topic)) = target.split_once('\u{3}') {
            document.link("dde", &format!("{program} {topic}"), "Workbook");
        }
    }

    fn sheet(&mut self, index: usize, document: &mut Document) {
        let sheet = &self.sheets[index];
        let mut at = sheet.offset;
        let mut builder = Builder::new(&sheet.name, sheet.state, document);
        if self.is_encrypted {
            return builder.finish(&self.automatic, document);
        }
        let mut depth = 0_u32;
        let mut last = (0, 0);
        while let Some((kind, content, next)) = self.record(at) {
            at = next;
            let reader = Reader::little(content);
            match kind {
                BOF => depth += 1,
                EOF if depth <= 1 => break,
                EOF => depth -= 1,
                SHARED => {
                    let tokens = reader.upto(10, u64::from(reader.u16(8).unwrap_or(0)));
                    builder.formula(last.0, last.1, &text(tokens, self.layout, &self.names), document);
                }
                _ if FORMULA.contains(&kind) => {
                    let (Some(row), Some(column), Some(size)) = (reader.u16(0), reader.u16(2), reader.u16(20)) else {
                        continue;
                    };
                    last = (u32::from(row), column);
                    let tokens = reader.upto(22, u64::from(size));
                    builder.formula(last.0, last.1, &text(tokens, self.layout, &self.names), document);
                }
                _ => {}
            }
        }
        builder.finish(&self.automatic, document);
    }
}
