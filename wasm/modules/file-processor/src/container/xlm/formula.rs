//! Formulas as Excel compiles them ([MS-XLS] 2.5.198, [MS-XLSB] 2.5.97): tokens in reverse Polish order, written back as
//! text as far as they can be read.

use super::functions;
use crate::charset;
use crate::reader::{Reader, text_utf16};

/// Tokens of one formula, and characters of its text.
const MAX_TOKENS: usize = 4_096;
pub const MAX_TEXT: usize = 8_192;
const MAX_STACK: usize = 256;

/// How the tokens of a file are laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Excel 97 - 2003.
    Biff8,
    /// Excel 5 and 95.
    Biff5,
    /// Excel's binary workbooks.
    Biff12,
}

/// What formulas refer to by number.
#[derive(Default)]
pub struct Names {
    /// Defined names, from 1.
    pub defined: Vec<String>,
    /// Sheets by the number of the reference.
    pub sheets: Vec<String>,
}

/// The formula as text; what cannot be read ends it with `?`.
pub fn text(tokens: &[u8], layout: Layout, names: &Names) -> String {
    let mut machine = Machine { reader: Reader::little(tokens), at: 0, layout, names, stack: Vec::new() };
    for _ in 0..MAX_TOKENS {
        let Some(token) = machine.reader.u8(machine.at) else { break };
        machine.at += 1;
        if machine.token(token).is_none() {
            machine.push("?".to_owned());
            break;
        }
    }
    let mut text = String::from("=");
    text.push_str(&machine.stack.join(" "));
    cut(text)
}

fn cut(text: String) -> String {
    if text.len() <= MAX_TEXT { text } else { text.chars().take(MAX_TEXT / 4).collect() }
}

struct Machine<'a> {
    reader: Reader<'a>,
    at: u64,
    layout: Layout,
    names: &'a Names,
    stack: Vec<String>,
}

/// Operators by their tokens, from 3.
const OPERATORS: [&str; 15] = ["+", "-", "*", "/", "^", "&", "<", "<=", "=", ">=", ">", "<>", " ", ",", ":"];

impl Machine<'_> {
    fn push(&mut self, text: String) {
        if self.stack.len() < MAX_STACK {
            self.stack.push(cut(text));
        }
    }

    fn pop(&mut self) -> String {
        self.stack.pop().unwrap_or_else(|| "?".to_owned())
    }

    fn u8(&mut self) -> Option<u8> {
        let value = self.reader.u8(self.at)?;
        self.at += 1;
        Some(value)
    }

    fn u16(&mut self) -> Option<u16> {
        let value = self.reader.u16(self.at)?;
        self.at += 2;
        Some(value)
    }

    fn u32(&mut self) -> Option<u32> {
        let value = self.reader.u32(self.at)?;
        self.at += 4;
        Some(value)
    }

    fn skip(&mut self, bytes: u64) -> Option<()> {
        self.at += bytes;
        (self.at <= self.reader.len()).then_some(())
    }

    /// None for a token that is not known: its length is not known either.
    fn token(&mut self, token: u8) -> Option<()> {
        match token {
            0x03..=0x11 => self.operator(OPERATORS[usize::from(token - 3)]),
            0x12 => self.wrap("+", ""),
            0x13 => self.wrap("-", ""),
            0x14 => self.wrap("", "%"),
            0x15 => self.wrap("(", ")"),
            0x16 => self.push(String::new()),
            _ if token & 0x60 == 0 => return self.plain(token),
            _ => return self.classed(token & 0x1f),
        }
        Some(())
    }

    fn operator(&mut self, operator: &str) {
        let (right, left) = (self.pop(), self.pop());
        self.push(format!("{left}{operator}{right}"));
    }

    fn wrap(&mut self, before: &str, behind: &str) {
        let inner = self.pop();
        self.push(format!("{before}{inner}{behind}"));
    }

    /// Constants and attributes.
    fn plain(&mut self, token: u8) -> Option<()> {
        match token {
            0x01 | 0x02 => self.skip(4)?,
            0x17 => {
                let text = self.string()?.replace('"', "\"\"");
                self.push(format!("\"{text}\""));
            }
            0x18 => self.extended()?,
            0x19 => self.attribute()?,
            0x1c => {
                let code = self.u8()?;
                self.push(error(code).to_owned());
            }
            0x1d => {
                let text = if self.u8()? == 0 { "FALSE" } else { "TRUE" };
                self.push(text.to_owned());
            }
            0x1e => {
                let number = self.u16()?;
                self.push(number.to_string());
            }
            0x1f => {
                let number = f64::from_bits(self.reader.u64(self.at)?);
                self.skip(8)?;
                self.push(number.to_string());
            }
            _ => return None,
        }
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        let length = if self.layout == Layout::Biff12 { u64::from(self.u16()?) } else { u64::from(self.u8()?) };
        let is_wide = match self.layout {
            Layout::Biff12 => true,
            Layout::Biff8 => self.u8()? & 1 == 1,
            Layout::Biff5 => false,
        };
        let bytes = self.reader.slice(self.at, if is_wide { length * 2 } else { length })?;
        self.skip(bytes.len() as u64)?;
        Some(if is_wide { text_utf16(bytes, bytes.len()) } else { charset::decode_page(bytes, 1252, bytes.len()) })
    }

    /// A token of two bytes, of tables and natural language.
    fn extended(&mut self) -> Option<()> {
        let size = match self.u8()? {
            0x19 => 12,
            _ => 4,
        };
        self.skip(size)?;
        self.push("?".to_owned());
        Some(())
    }

    /// Of what calculation does; only some are seen in the text.
    fn attribute(&mut self) -> Option<()> {
        let kind = self.u8()?;
        let count = self.u16()?;
        match kind {
            0x04 => self.skip(2 * (u64::from(count) + 1))?,
            0x10 => self.wrap("SUM(", ")"),
            _ => {}
        }
        Some(())
    }

    /// References and functions, whose class the upper bits of a token say.
    fn classed(&mut self, token: u8) -> Option<()> {
        let is_wide = self.layout == Layout::Biff12;
        match token {
            0x00 => {
                self.skip(if is_wide { 14 } else { 7 })?;
                self.push("{array}".to_owned());
            }
            0x01 => {
                let number = self.u16()?;
                let count = functions::fixed_arguments(number)?;
                self.call(number, count);
            }
            0x02 => {
                let count = usize::from(self.u8()? & 0x7f);
                let number = self.u16()?;
                self.call(number, count);
            }
            0x03 => self.name()?,
            0x04 | 0x0c => {
                let cell = self.cell(token == 0x0c)?;
                self.push(cell);
            }
            0x05 | 0x0d => {
                let area = self.area(token == 0x0d)?;
                self.push(area);
            }
            0x06..=0x08 => self.skip(6)?,
            0x09 => self.skip(2)?,
            0x0a | 0x0b => {
                let size = match self.layout {
                    Layout::Biff5 => 3,
                    Layout::Biff8 => 4,
                    Layout::Biff12 => 6,
                };
                self.skip(if token == 0x0a { size } else { 2 * size })?;
                self.push("#REF!".to_owned());
            }
            0x19 => {
                let index = self.foreign_name()?;
                let name = self.defined(index).unwrap_or_else(|| format!("name{index}"));
                self.push(name);
            }
            0x1a | 0x1c => {
                let sheet = self.sheet()?;
                let cell = self.cell(false)?;
                self.push(format!("{sheet}!{cell}"));
            }
            0x1b | 0x1d => {
                let sheet = self.sheet()?;
                let area = self.area(false)?;
                self.push(format!("{sheet}!{area}"));
            }
            _ => return None,
        }
        Some(())
    }

    fn call(&mut self, number: u16, count: usize) {
        let keep = self.stack.len().saturating_sub(count);
        let mut arguments = self.stack.split_off(keep);
        let name = match functions::name(number) {
            // A function of a workbook or library: its name is the first argument.
            Some("USER") if !arguments.is_empty() => arguments.remove(0),
            Some(name) => name.to_owned(),
            None => format!("FUNCTION{number}"),
        };
        self.push(format!("{name}({})", arguments.join(",")));
    }

    fn name(&mut self) -> Option<()> {
        let index = if self.layout == Layout::Biff5 {
            let index = u32::from(self.u16()?);
            self.skip(12)?;
            index
        } else {
            self.u32()?
        };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let name = self.defined(index).unwrap_or_else(|| format!("name{index}"));
        self.push(name);
        Some(())
    }

    /// A name of another sheet or workbook.
    fn foreign_name(&mut self) -> Option<usize> {
        self.u16()?;
        if self.layout != Layout::Biff5 {
            return usize::try_from(self.u32()?).ok();
        }
        self.skip(8)?;
        let index = self.u16()?;
        self.skip(12)?;
        Some(usize::from(index))
    }

    fn defined(&self, index: usize) -> Option<String> {
        self.names.defined.get(index.checked_sub(1)?).cloned()
    }

    fn sheet(&mut self) -> Option<String> {
        let index = if self.layout == Layout::Biff5 {
            let index = self.u16()?;
            self.skip(12)?;
            index
        } else {
            self.u16()?
        };
        Some(self.names.sheets.get(usize::from(index)).cloned().unwrap_or_else(|| format!("sheet{index}")))
    }

    fn row(&mut self) -> Option<u32> {
        if self.layout == Layout::Biff12 { self.u32() } else { self.u16().map(u32::from) }
    }

    fn cell(&mut self, is_offset: bool) -> Option<String> {
        let row = self.row()?;
        if self.layout == Layout::Biff5 {
            let column = u16::from(self.u8()?);
            return Some(reference(row & 0x3fff, column, row & 0x8000 != 0, row & 0x4000 != 0, is_offset));
        }
        let column = self.u16()?;
        Some(reference(row, column & 0x3fff, column & 0x8000 != 0, column & 0x4000 != 0, is_offset))
    }

    fn area(&mut self, is_offset: bool) -> Option<String> {
        let (first, last) = (self.row()?, self.row()?);
        if self.layout == Layout::Biff5 {
            let (left, right) = (u16::from(self.u8()?), u16::from(self.u8()?));
            let one =
                |row: u32, column| reference(row & 0x3fff, column, row & 0x8000 != 0, row & 0x4000 != 0, is_offset);
            return Some(format!("{}:{}", one(first, left), one(last, right)));
        }
        let (left, right) = (self.u16()?, self.u16()?);
        let one =
            |row, column: u16| reference(row, column & 0x3fff, column & 0x8000 != 0, column & 0x4000 != 0, is_offset);
        Some(format!("{}:{}", one(first, left), one(last, right)))
    }
}

/// `$A$1`; of a shared formula the distance from the cell that it is in: `R[1]C[-2]`.
fn reference(row: u32, column: u16, row_moves: bool, column_moves: bool, is_offset: bool) -> String {
    if is_offset {
        return format!("R[{row}]C[{column}]");
    }
    let (column_mark, row_mark) = (if column_moves { "" } else { "$" }, if row_moves { "" } else { "$" });
    format!("{column_mark}{}{row_mark}{}", column_name(column), u64::from(row) + 1)
}

/// `A`, `Z`, `AA` ...
pub fn column_name(column: u16) -> String {
    let mut letters = Vec::new();
    let mut rest = u32::from(column) + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

const fn error(code: u8) -> &'static str {
    match code {
        0x00 => "#NULL!",
        0x07 => "#DIV/0!",
        0x0f => "#VALUE!",
        0x17 => "#REF!",
        0x1d => "#NAME?",
        0x24 => "#NUM!",
        _ => "#N/A",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(tokens: &[u8]) -> String {
        text(tokens, Layout::Biff8, &Names { defined: vec!["n".into()], sheets: vec!["S".into()] })
    }

    #[test]
    fn formulas_are_written_back() {
        assert_eq!(written(b"\x17\x04\0calc\x42\x01\x6e\0"), "=EXEC(\"calc\")");
        assert_eq!(written(b"\x1e\x41\0\x41\x6f\0\x17\x01\0x\x08"), "=CHAR(65)&\"x\"");
        assert_eq!(written(b"\x44\x01\0\x02\xc0\x3a\0\0\0\0\x1b\0\x05"), "=C2*S!$AB$1");
        assert_eq!(written(b"\x23\x01\0\0\0\x42\x00\x36\0"), "=n HALT()");
        assert_eq!(written(b"\x42\x00\x76\x80"), "=ALERT()");
        assert_eq!(written(b"\x23\x01\0\0\0\x1e\x01\0\x42\x02\xff\0"), "=n(1)");
    }

    #[test]
    fn what_is_not_known_ends_the_text() {
        assert_eq!(written(b"\x1e\x01\0\x7f"), "=1 ?");
        assert_eq!(written(b"\x05"), "=?*?");
        assert_eq!(written(b"\x17\xff\0ab"), "=?");
    }

    #[test]
    fn doubling_does_not_swell() {
        let mut tokens = b"\x17\x04\0abcd".to_vec();
        for _ in 0..2_000 {
            tokens.extend(b"\x17\xf0\x00");
            tokens.extend([b'"'; 240]);
            tokens.push(0x08);
        }
        assert!(written(&tokens).len() <= MAX_TEXT);
    }

    #[test]
    fn columns_have_letters() {
        assert_eq!([0, 25, 26, 701, 702].map(column_name), ["A", "Z", "AA", "ZZ", "AAA"]);
    }
}
