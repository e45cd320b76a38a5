//! Fields of documents and formulas of tables that fetch from other programs (DDE) or other places.

use super::document::Document;
use super::xml::{self, Piece};
use crate::reader::text;

/// Characters of one instruction, and fields in fields.
const MAX_INSTRUCTION: usize = 2_048;
const MAX_NESTED: usize = 16;
/// Marks in the text of a document of Word 97 - 2003.
const BEGIN: u16 = 0x13;
const SEPARATOR: u16 = 0x14;
const END: u16 = 0x15;

/// Fields that are open: their instructions, and whether their results have begun.
#[derive(Default)]
pub struct Fields {
    open: Vec<(String, bool)>,
}

impl Fields {
    pub fn begin(&mut self) {
        if self.open.len() < MAX_NESTED {
            self.open.push((String::new(), false));
        }
    }

    pub fn separate(&mut self) {
        if let Some((_, is_result)) = self.open.last_mut() {
            *is_result = true;
        }
    }

    pub fn push(&mut self, text: &str) {
        if let Some((instruction, false)) = self.open.last_mut()
            && instruction.len() < MAX_INSTRUCTION
        {
            instruction.push_str(text);
        }
    }

    /// A field within another gives it its text; `QUOTE 99 109 100` is written to hide it.
    pub fn end(&mut self, place: &str, document: &mut Document) {
        let Some((text, _)) = self.open.pop() else { return };
        instruction(&text, place, document);
        let quoted = unquote(&text);
        self.push(quoted.as_deref().unwrap_or(&text));
    }
}

fn unquote(instruction: &str) -> Option<String> {
    let mut words = instruction.split_ascii_whitespace();
    words.next().filter(|word| word.eq_ignore_ascii_case("QUOTE"))?;
    words.map(|word| word.parse().ok().and_then(char::from_u32)).collect()
}

/// Fields that only fetch what they name.
const FETCHING: [&str; 6] = ["INCLUDEPICTURE", "INCLUDETEXT", "INCLUDE", "IMPORT", "LINK", "DATABASE"];

/// Tells of a field that starts another program, or that names a place elsewhere.
pub fn instruction(instruction: &str, place: &str, document: &mut Document) {
    let instruction = instruction.trim();
    let (word, arguments) =
        instruction.split_once(|letter: char| letter.is_whitespace() || letter == '"').unwrap_or((instruction, ""));
    let word = word.trim_matches('\\').to_ascii_uppercase();
    let arguments = arguments.trim();
    match word.as_str() {
        "DDEAUTO" if !arguments.is_empty() => document.link("dde-auto", arguments, place),
        "DDE" if !arguments.is_empty() => document.link("dde", arguments, place),
        word if FETCHING.contains(&word) && super::links::is_remote(arguments) => {
            document.link("field", arguments, place)
        }
        _ => {}
    }
}

/// The main stream of a document of Word 97 - 2003, whose text is in bytes or in UTF-16, wherever it begins.
pub fn binary(stream: &[u8], document: &mut Document) {
    scan(stream.iter().map(|&byte| u16::from(byte)), document);
    for start in [0, 1] {
        let units = stream.get(start..).unwrap_or_default().as_chunks::<2>().0;
        scan(units.iter().map(|&unit| u16::from_le_bytes(unit)), document);
    }
}

fn scan(units: impl Iterator<Item = u16>, document: &mut Document) {
    let mut fields = Fields::default();
    for unit in units {
        match unit {
            BEGIN => fields.begin(),
            SEPARATOR => fields.separate(),
            END => fields.end("WordDocument", document),
            _ if fields.open.is_empty() => {}
            // What is no text is no instruction.
            0..0x09 | 0x0e..0x13 => fields = Fields::default(),
            _ => fields.push(char::from_u32(u32::from(unit)).unwrap_or('?').encode_utf8(&mut [0; 4])),
        }
    }
}

/// A part of a document in XML: `w:fldSimple`, and `w:instrText` between `w:fldChar`.
pub fn markup(part: &str, place: &str, document: &mut Document) {
    let mut fields = Fields::default();
    for piece in xml::pieces(part) {
        match piece.name() {
            "fldSimple" => {
                if let Some(text) = piece.attribute("instr") {
                    instruction(&text, place, document);
                }
            }
            "instrText" | "delInstrText" => fields.push(&piece.text()),
            "fldChar" => match piece.raw_attribute("fldCharType") {
                Some("begin") => fields.begin(),
                Some("separate") => fields.separate(),
                Some("end") => fields.end(place, document),
                _ => {}
            },
            "ddeLink" => table_link(&piece, place, document),
            _ => {}
        }
    }
}

/// A link of a workbook: `<ddeLink ddeService="cmd" ddeTopic="/c calc">`.
fn table_link(piece: &Piece, place: &str, document: &mut Document) {
    let service = piece.attribute("ddeService").unwrap_or_default();
    let topic = piece.attribute("ddeTopic").unwrap_or_default();
    document.link("dde", &format!("{service} {topic}"), place);
}

/// Lines of a table in text that a spreadsheet runs: `=cmd|'/c calc'!A0`.
pub fn table(data: &[u8], document: &mut Document) {
    const MAX_TABLE: usize = 4 << 20;
    let content = text(data, MAX_TABLE);
    for line in content.lines() {
        for cell in line.split([',', ';', '\t']) {
            formula(cell.trim_matches(['"', ' ']), "table", document);
        }
    }
}

/// A formula that names a program and what to tell it.
pub fn formula(cell: &str, place: &str, document: &mut Document) {
    let Some(call) = cell.strip_prefix(['=', '+', '-', '@']) else { return };
    let Some((program_end, rest)) = call.split_once('|') else { return };
    let program = program_end.trim_start_matches(['=', '+', '-', '@']).rsplit(['(', '+', '-', '*', '/', '&']).next();
    let program = program.unwrap_or_default().trim_matches(['\'', '"', ' ']);
    let is_name =
        !program.is_empty() && program.len() <= 64 && program.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // A list of Markdown has blanks there, and prose ends with its exclamation mark.
    let is_call = !call.starts_with(' ') && !program_end.ends_with(' ');
    let item = rest.rsplit_once('!').map_or("", |(_, item)| item);
    if is_name && is_call && item.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '$') {
        document.link("dde", &format!("{program} {rest}"), place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(fill: impl FnOnce(&mut Document)) -> Vec<(&'static str, String)> {
        let mut document = Document::default();
        fill(&mut document);
        document.facts.links.into_iter().map(|link| (link.kind, link.target)).collect()
    }

    #[test]
    fn fields_in_pieces_and_quoted_are_put_together() {
        let part = r#"<w:fldChar w:fldCharType="begin"/><w:instrText>DDE</w:instrText><w:instrText>AUTO </w:instrText>
            <w:fldChar w:fldCharType="begin"/><w:instrText>QUOTE 99 109 100</w:instrText><w:fldChar w:fldCharType="end"/>
            <w:instrText> "/c calc"</w:instrText><w:fldChar w:fldCharType="separate"/><w:t>x</w:t>
            <w:fldChar w:fldCharType="end"/><w:fldSimple w:instr=' DDE a b '/><w:fldSimple w:instr='PAGE'/>"#;
        let found = links(|document| markup(part, "p", document));
        assert_eq!(found, [("dde-auto", "cmd \"/c calc\"".into()), ("dde", "a b".into())]);
    }

    #[test]
    fn fields_of_old_documents_are_read_in_bytes_and_in_utf_16() {
        let narrow = b"\x01\x13 DDEAUTO c:\\\\cmd \"/k x\" \x14result\x15";
        let expected = [("dde-auto", "c:\\\\cmd \"/k x\"".into())];
        assert_eq!(links(|document| binary(narrow, document)), expected);
        let wide: Vec<u8> = narrow.iter().skip(1).flat_map(|&byte| [byte, 0]).collect();
        assert_eq!(links(|document| binary(&wide, document)), expected);
        let odd = [&[7][..], &wide].concat();
        assert_eq!(links(|document| binary(&odd, document)), expected);
    }

    #[test]
    fn formulas_that_start_programs_are_told_and_prose_is_not() {
        let table_text = b"a;=cmd|'/C calc'!A0\n-1|2!,=A1|B\nx,@SUM(1+1)*cmd|' /C calc'!A0\n";
        let found: Vec<_> = links(|document| table(table_text, document)).into_iter().map(|link| link.1).collect();
        assert_eq!(found, ["cmd '/C calc'!A0", "cmd ' /C calc'!A0"]);
    }
}
