//! The compiled form of a module, which stands before its source and is what Office runs where its version fits. A
//! module whose source was taken away or replaced ("stomped") is told by what only the compiled form has.

use crate::reader::{Reader, text};

/// Marks the table of lines.
const LINES_MAGIC: &[u8] = &[0xfe, 0xca, 0x01, 0x00];
const LINE_ENTRY: u64 = 12;
/// Bytes between that table and the first line.
const BEHIND_TABLE: u64 = 10;
/// The instruction that pushes a text; the bits above these say how.
const OPCODE_BITS: u16 = 0x03ff;
const PUSH_TEXT: u16 = 0x00b9;
/// Shorter texts may come about by chance.
const SHORTEST: usize = 6;
const MAX_TEXTS: usize = 256;
/// Versions of VBA 6 and 7, whose instructions have these numbers.
const FIRST_VERSION: u16 = 0x6b;

/// What the compiled form has.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    pub lines: u64,
    pub texts: Vec<String>,
}

/// The version of VBA that compiled a project, from its `_VBA_PROJECT` stream.
pub fn version(stream: &[u8]) -> Option<u16> {
    let reader = Reader::little(stream);
    reader.u16(2).filter(|_| reader.u16(0) == Some(0x61cc))
}

/// `compiled` is the module's stream up to its source.
pub fn parse(compiled: &[u8], version: u16) -> Option<Compiled> {
    if version < FIRST_VERSION {
        return None;
    }
    let at = compiled.windows(4).rposition(|window| window == LINES_MAGIC)? as u64 + 4;
    let reader = Reader::little(compiled);
    let lines = u64::from(reader.u16(at)?);
    let table = at + 2;
    let code = table + lines * LINE_ENTRY + BEHIND_TABLE;
    let mut texts = Vec::new();
    for entry in (0..lines).map(|index| table + index * LINE_ENTRY) {
        let (Some(length), Some(offset)) = (reader.u16(entry + 4), reader.u32(entry + 8)) else { break };
        if let Some(line) = reader.slice(code + u64::from(offset), u64::from(length)) {
            line_texts(line, &mut texts);
        }
        if texts.len() >= MAX_TEXTS {
            break;
        }
    }
    Some(Compiled { lines, texts })
}

/// Texts that a line pushes. The other instructions are not decoded: their numbers and operands are even in size.
fn line_texts(line: &[u8], texts: &mut Vec<String>) {
    let reader = Reader::little(line);
    let mut at = 0;
    while let (Some(word), Some(length)) = (reader.u16(at), reader.u16(at + 2)) {
        let literal = reader.slice(at + 4, u64::from(length)).filter(|_| word & OPCODE_BITS == PUSH_TEXT);
        match literal.filter(|literal| is_text(literal)) {
            Some(literal) => {
                texts.push(text(literal, 1_024));
                at += 4 + u64::from(length).next_multiple_of(2);
            }
            None => at += 2,
        }
    }
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.len() >= SHORTEST && bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Texts that the compiled form has and no source: `source` is that of all modules.
///
/// `left` is what may be searched, in bytes: modules and texts are many, and the source is that of all of them.
pub fn missing<'a>(texts: &'a [String], source: &str, left: &mut usize) -> Vec<&'a str> {
    let has = |text: &str| source.contains(text) || source.contains(&text.replace('"', "\"\""));
    let pays = |_: &&str| {
        let rest = left.checked_sub(2 * source.len());
        *left = rest.unwrap_or(0);
        rest.is_some()
    };
    texts.iter().map(String::as_str).take_while(pays).filter(|text| !has(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(line: &[u8]) -> Vec<u8> {
        let mut data = vec![0x16; 9];
        data.extend(LINES_MAGIC);
        data.extend(1_u16.to_le_bytes());
        data.extend([0; 4]);
        data.extend(u16::try_from(line.len()).unwrap_or(0).to_le_bytes());
        data.extend([0; 6]);
        data.extend([0; 10]);
        data.extend(line);
        data
    }

    #[test]
    fn texts_of_the_compiled_form_are_compared_with_the_source() {
        let mut line = vec![0x20, 0, 1, 2, 0xb9, 0, 7, 0];
        line.extend(b"cmd \"x\"\0\xb9\0\x02\0ok");
        let found = parse(&compiled(&line), 0x97).unwrap_or_default();
        assert_eq!(found, Compiled { lines: 1, texts: vec!["cmd \"x\"".into()] });
        let missing = |source: &str, mut left: usize| missing(&found.texts, source, &mut left).len();
        assert_eq!(missing("a = \"cmd \"\"x\"\"\"", 1_000), 0);
        assert_eq!(missing("a = 1", 1_000), 1);
        assert_eq!(missing("a = 1", 9), 0); // no more work for it
        assert_eq!(parse(&compiled(&line), 0x50), None);
    }
}
