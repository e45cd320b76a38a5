//! Windows Installer packages: a database in the streams of a compound file. Names of streams are packed two letters a
//! character; texts are kept once, tables by columns of numbers.

use std::collections::BTreeMap;

use module_kit::Findings;

use super::msi_formatted::Properties;
use super::msi_judge;
use crate::children::Children;
use crate::container::ole::Directory;
use crate::facts::contents::{MAX_ITEMS, cut_texts};
use crate::facts::{CustomAction, Installer};
use crate::limits::{MAX_CHILD, MAX_INFLATED_PARTS};
use crate::reader::{Reader, text};

/// Texts of one package: large ones have some 100,000.
const MAX_STRINGS: usize = 1_000_000;
/// Rows of one table.
const MAX_ROWS: usize = 200_000;
/// Bytes of the texts of one table's rows.
const MAX_ROW_TEXT: usize = 16 << 20;
/// Characters of a name: the format allows 72.
const MAX_NAME: usize = 72;
/// Tables and their columns.
const MAX_COLUMNS: usize = 8_192;
const LETTERS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
/// Properties that say who made it and what it does; others follow as far as there is room.
const MAX_PROPERTIES: usize = 100;

struct Database<'a> {
    directory: Directory<'a>,
    /// Of the streams: decoded name, number in the directory, and size.
    streams: BTreeMap<String, (usize, u64)>,
    strings: Vec<String>,
    is_wide: bool,
    columns: BTreeMap<String, Vec<Column>>,
    left: usize,
}

struct Column {
    name: String,
    kind: u16,
}

impl Column {
    const fn is_text(&self) -> bool {
        self.kind & 0x0800 != 0
    }

    fn width(&self, is_wide: bool) -> usize {
        match self.kind & !0x1000 {
            // A stream of its own.
            0x0900 => 2,
            kind if kind & 0x0800 != 0 => 2 + usize::from(is_wide),
            kind if kind & 0xff <= 2 => 2,
            _ => 4,
        }
    }
}

pub fn parse(data: &[u8], findings: &mut Findings, children: &mut Children) -> Option<Installer> {
    let mut database = Database::open(data)?;
    if database.strings.is_empty() || database.columns.is_empty() {
        findings.malformed("msi-tables", "The package's tables cannot be read.");
    }
    let properties = database.properties();
    let mut installer = Installer::default();
    let names: Vec<String> =
        database.columns.keys().filter(|name| name.len() <= MAX_NAME).take(MAX_ITEMS).cloned().collect();
    for name in names {
        let rows = database.row_count(&name);
        installer.tables.insert(name, rows);
    }
    installer.actions = database.actions();
    let files = database.rows("File", &["FileName"]);
    installer.files = files.into_iter().filter_map(|row| row.into_iter().next()).map(long_name).collect();
    database.add_streams(children);
    msi_judge::judge(&installer.actions, &Properties::of(&properties, &installer.actions), findings);
    installer.properties = properties.into_iter().take(MAX_PROPERTIES).collect();
    cut_texts(&mut installer.files);
    installer.actions.truncate(MAX_ITEMS / 4);
    Some(installer)
}

/// `SHORT~1.EXE|Longer name.exe`
fn long_name(name: String) -> String {
    name.rsplit_once('|').map(|(_, long)| long.to_owned()).unwrap_or(name)
}

/// The name of a stream as the installer writes it; tables begin with `!`.
pub fn decode(name: &str) -> String {
    let mut decoded = String::new();
    for letter in name.chars() {
        match u32::from(letter) {
            code @ 0x3800..0x4800 => {
                let code = code - 0x3800;
                decoded.push(LETTERS[(code & 63) as usize].into());
                decoded.push(LETTERS[(code >> 6 & 63) as usize].into());
            }
            code @ 0x4800..0x4840 => decoded.push(LETTERS[(code - 0x4800) as usize].into()),
            0x4840 => decoded.push('!'),
            _ => decoded.push(letter),
        }
    }
    decoded
}

impl<'a> Database<'a> {
    fn open(data: &'a [u8]) -> Option<Self> {
        let directory = Directory::parse(data)?;
        let entries = directory.entries.iter().enumerate().filter(|(_, entry)| entry.is_stream());
        let streams = entries.map(|(index, entry)| (decode(&entry.name), (index, entry.size))).collect();
        let (strings, columns) = (Vec::new(), BTreeMap::new());
        let mut database = Self { directory, streams, strings, is_wide: false, columns, left: MAX_INFLATED_PARTS };
        database.read_strings();
        database.read_columns();
        Some(database)
    }

    fn stream(&mut self, name: &str) -> Vec<u8> {
        let Some(&(index, _)) = self.streams.get(name) else { return Vec::new() };
        let content = self.directory.stream_upto(index, self.left);
        self.left -= content.len();
        content
    }

    /// Lengths and counts of uses in one stream, the texts in another.
    fn read_strings(&mut self) {
        let (pool, data) = (self.stream("!_StringPool"), self.stream("!_StringData"));
        let pool = Reader::little(&pool);
        self.is_wide = pool.u32(0).is_some_and(|header| header & 0x8000_0000 != 0);
        let mut rest = &data[..];
        self.strings.push(String::new());
        let mut at = 4;
        while let (Some(size), Some(uses)) = (pool.u16(at), pool.u16(at + 2)) {
            if self.strings.len() >= MAX_STRINGS {
                break;
            }
            at += 4;
            let mut length = u32::from(size);
            if size == 0 && uses != 0 {
                // Longer than 64 KiB: the next entry has the length.
                length = pool.u32(at).unwrap_or(0);
                at += 4;
            }
            let (own, behind) = rest.split_at(rest.len().min(length as usize));
            rest = behind;
            self.strings.push(text(own, 8_192));
        }
    }

    /// The table of columns has four itself: table, number, name, kind.
    fn read_columns(&mut self) {
        let own = [0x0d40, 0x0502, 0x0d40, 0x0502].map(|kind| Column { name: String::new(), kind });
        let content = self.stream("!_Columns");
        for row in self.decode_rows(&content, &own, &[0, 1, 2, 3].map(Some)).into_iter().take(MAX_COLUMNS) {
            let [table, _, name, kind] = &row[..] else { continue };
            let kind = kind.parse::<i64>().map_or(0, |kind| kind as u16);
            self.columns.entry(table.clone()).or_default().push(Column { name: name.clone(), kind });
        }
    }

    /// The wanted columns of rows, as texts: a column's values of all rows stand together.
    fn decode_rows(&self, content: &[u8], columns: &[Column], wanted: &[Option<usize>]) -> Vec<Vec<String>> {
        let widths: Vec<usize> = columns.iter().map(|column| column.width(self.is_wide)).collect();
        let row_size: usize = widths.iter().sum();
        let rows = content.len() / row_size.max(1);
        let mut start = 0;
        let starts: Vec<usize> = widths
            .iter()
            .map(|width| {
                start += width * rows;
                start - width * rows
            })
            .collect();
        let value = |row: usize, index: usize| {
            let at = starts[index] + row * widths[index];
            let bytes = content.get(at..at + widths[index]).unwrap_or_default();
            let number = bytes.iter().rev().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
            if columns[index].is_text() && columns[index].kind & !0x1000 != 0x0900 {
                return self.strings.get(number as usize).cloned().unwrap_or_default();
            }
            // Zero is for nothing; numbers are moved by half of their range.
            let half = 1_i64 << (8 * widths[index] - 1);
            if number == 0 { String::new() } else { (number.cast_signed() - half).to_string() }
        };
        // Many rows may refer to one long text.
        let mut left = MAX_ROW_TEXT;
        let mut decoded = Vec::new();
        for row in 0..rows.min(MAX_ROWS) {
            let values: Vec<String> =
                wanted.iter().map(|index| index.map_or_else(String::new, |index| value(row, index))).collect();
            let size: usize = values.iter().map(String::len).sum();
            if size > left {
                break;
            }
            left -= size;
            decoded.push(values);
        }
        decoded
    }

    fn row_count(&self, table: &str) -> u64 {
        let Some(columns) = self.columns.get(table) else { return 0 };
        let size: usize = columns.iter().map(|column| column.width(self.is_wide)).sum();
        let stream = self.streams.get(&format!("!{table}")).map_or(0, |&(_, size)| size);
        stream / size.max(1) as u64
    }

    /// The named columns of a table.
    fn rows(&mut self, table: &str, names: &[&str]) -> Vec<Vec<String>> {
        let content = self.stream(&format!("!{table}"));
        let Some(columns) = self.columns.get(table) else { return Vec::new() };
        let places: Vec<_> = names.iter().map(|name| columns.iter().position(|column| column.name == *name)).collect();
        self.decode_rows(&content, columns, &places)
    }

    fn properties(&mut self) -> Vec<(String, String)> {
        let rows = self.rows("Property", &["Property", "Value"]);
        rows.iter()
            .filter_map(|row| {
                let [name, value] = &row[..] else { return None };
                Some((name.chars().take(128).collect(), value.chars().take(512).collect()))
            })
            .collect()
    }

    fn actions(&mut self) -> Vec<CustomAction> {
        let rows = self.rows("CustomAction", &["Action", "Type", "Source", "Target"]);
        let actions = rows.into_iter().filter_map(|row| {
            let [name, kind, source, target] = <[String; 4]>::try_from(row).ok()?;
            let kind = kind.parse::<i64>().ok()?.unsigned_abs() as u32;
            let cut = |text: String, most: usize| text.chars().take(most).collect();
            let (name, source, target) = (cut(name, MAX_NAME), cut(source, 256), cut(target, 1_024));
            Some(CustomAction { name, kind, runs: runs(kind), source, target })
        });
        actions.collect()
    }

    /// What is stored beside the tables: cabinets, and the table of binaries.
    fn add_streams(&mut self, children: &mut Children) {
        let names: Vec<String> =
            self.streams.keys().filter(|name| !name.starts_with(['!', '\u{5}'])).cloned().collect();
        for name in &names {
            let Some(&(index, size)) = self.streams.get(name) else { continue };
            children.add_packed(name, "msi-stream", size, |most| {
                Some(self.directory.stream_upto(index, most.min(MAX_CHILD)))
            });
        }
    }
}

/// By the lowest six bits of the type.
fn runs(kind: u32) -> &'static str {
    match kind & 63 {
        1 => "library in a stream",
        2 => "program in a stream",
        5 => "JScript in a stream",
        6 => "VBScript in a stream",
        17 => "installed library",
        18 => "installed program",
        19 => "error message",
        21 => "installed JScript",
        22 => "installed VBScript",
        34 => "program in a folder",
        35 => "set folder",
        37 => "JScript text",
        38 => "VBScript text",
        50 => "program of a property",
        51 => "set property",
        53 => "JScript of a property",
        54 => "VBScript of a property",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_streams_are_unpacked() {
        // Two letters a character, one in the last, and the mark of a table.
        assert_eq!(decode("\u{4840}\u{3d59}\u{4824}"), "!PLa");
        assert_eq!(decode("\u{5}SummaryInformation"), "\u{5}SummaryInformation");
        assert_eq!(long_name("SETUP~1.EXE|setup program.exe".to_owned()), "setup program.exe");
    }
}
