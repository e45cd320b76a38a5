//! The objects of PDF (ISO 32000-2, 7.3): numbers, names, texts, arrays, dictionaries, references.

/// Objects in objects: real ones are nested below 20.
const MAX_DEPTH: u32 = 64;
/// Characters of a text, when many have had no end.
const MAX_IMPATIENT: usize = 4_096;
/// The same, when even those have cost too much.
const MAX_HASTY: usize = 16;
/// Entries of one array or dictionary.
const MAX_ITEMS: usize = 200_000;
/// Values of one file, in all arrays and dictionaries: in the sandbox each takes up to 32 bytes.
const MAX_VALUES: usize = 4_000_000;
const MAX_NAME: usize = 256;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Object {
    #[default]
    Null,
    Number(f64),
    Name(Name),
    Text(Vec<u8>),
    Array(Vec<Self>),
    Dictionary(Dictionary),
    /// The number of the object that is meant.
    Reference(u32),
    /// `true`, `endobj` and whatever else is a word.
    Word(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    /// A letter or digit was written as `#41`: nobody needs that.
    pub is_hidden: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dictionary(pub Vec<(Name, Object)>);

impl Dictionary {
    /// Of a key that is there twice, the last.
    pub fn get(&self, key: &str) -> Option<&Object> {
        self.0.iter().rev().find(|(name, _)| name.text == key).map(|(_, value)| value)
    }

    pub fn name(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Object::Name(name) => Some(&name.text),
            _ => None,
        }
    }

    pub fn number(&self, key: &str) -> Option<i64> {
        self.get(key)?.number()
    }

    pub fn is(&self, key: &str, value: &str) -> bool {
        self.name(key) == Some(value)
    }
}

impl Object {
    #[allow(clippy::cast_possible_truncation, reason = "a number that does not fit is none that is asked for")]
    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number as i64),
            _ => None,
        }
    }

    pub const fn dictionary(&self) -> Option<&Dictionary> {
        match self {
            Self::Dictionary(dictionary) => Some(dictionary),
            _ => None,
        }
    }
}

/// Reads objects one after the other.
pub struct Parser<'a> {
    data: &'a [u8],
    pub at: usize,
    pub left: Left,
}

/// What parsing a file may still cost, whatever is in it and however often the same bytes are read.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    /// Bytes that are read in vain for texts without an end, before the others are cut.
    pub patience: usize,
    /// Values that are kept in arrays and dictionaries.
    pub values: usize,
}

impl Left {
    pub const fn of(data: &[u8]) -> Self {
        Self { patience: data.len().saturating_mul(4), values: MAX_VALUES }
    }
}

impl<'a> Parser<'a> {
    pub const fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at, left: Left::of(data) }
    }

    pub const fn with(data: &'a [u8], at: usize, left: Left) -> Self {
        Self { data, at, left }
    }

    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    /// Blanks and comments.
    pub fn skip(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'%' => {
                    let line = self.data[self.at..].iter().position(|byte| matches!(byte, b'\r' | b'\n'));
                    self.at = line.map_or(self.data.len(), |end| self.at + end);
                }
                _ if is_blank(byte) => self.at += 1,
                _ => break,
            }
        }
    }

    /// The next object; None at the end of the data, or at the end of an array or dictionary.
    pub fn object(&mut self) -> Option<Object> {
        self.value(0)
    }

    fn value(&mut self, depth: u32) -> Option<Object> {
        self.skip();
        if depth > MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            b'/' => Some(Object::Name(self.name())),
            b'(' => Some(Object::Text(self.literal())),
            b'<' if self.data.get(self.at + 1) == Some(&b'<') => Some(Object::Dictionary(self.dictionary(depth))),
            b'<' => Some(Object::Text(self.hexadecimal())),
            b'[' => Some(Object::Array(self.array(depth))),
            b'0'..=b'9' | b'+' | b'-' | b'.' => Some(self.number_or_reference()),
            b']' | b'>' | b')' | b'{' | b'}' => None,
            _ => Some(Object::Word(self.word())),
        }
    }

    fn word(&mut self) -> String {
        let rest = &self.data[self.at..];
        let end = rest.iter().position(|&byte| !is_regular(byte)).unwrap_or(rest.len());
        self.at += end;
        String::from_utf8_lossy(&rest[..end.min(MAX_NAME)]).into_owned()
    }

    fn name(&mut self) -> Name {
        self.at += 1;
        let (mut bytes, mut is_hidden) = (Vec::new(), false);
        while let Some(byte) = self.peek().filter(|&byte| is_regular(byte)) {
            self.at += 1;
            let escaped = (byte == b'#').then(|| self.data.get(self.at..self.at + 2).and_then(hex_byte)).flatten();
            if let Some(escaped) = escaped {
                self.at += 2;
                is_hidden |= escaped.is_ascii_alphanumeric();
            }
            if bytes.len() < MAX_NAME {
                bytes.push(escaped.unwrap_or(byte));
            }
        }
        Name { text: String::from_utf8_lossy(&bytes).into_owned(), is_hidden }
    }

    /// `(text \(with\) \101)`, parentheses within it balanced.
    fn literal(&mut self) -> Vec<u8> {
        self.at += 1;
        let start = self.at;
        let (mut bytes, mut depth) = (Vec::new(), 0_u32);
        let end = match self.left.patience {
            0 => start.saturating_add(MAX_HASTY),
            patience if patience < self.data.len() => start.saturating_add(MAX_IMPATIENT),
            _ => self.data.len(),
        };
        while let Some(byte) = self.peek().filter(|_| self.at < end) {
            self.at += 1;
            match byte {
                b'\\' => self.escape(&mut bytes),
                b')' if depth == 0 => return bytes,
                b'(' | b')' => {
                    depth = if byte == b'(' { depth.saturating_add(1) } else { depth - 1 };
                    bytes.push(byte);
                }
                b'\r' => {
                    self.at += usize::from(self.peek() == Some(b'\n'));
                    bytes.push(b'\n');
                }
                _ => bytes.push(byte),
            }
        }
        // It was never closed: what is behind its begin is looked at too.
        self.left.patience = self.left.patience.saturating_sub(self.at - start);
        self.at = start;
        // Many of them, each up to the end of the file, would not have room.
        bytes.truncate(MAX_IMPATIENT);
        bytes.shrink_to_fit();
        bytes
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) {
        let Some(byte) = self.peek() else { return };
        self.at += 1;
        match byte {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'\r' => self.at += usize::from(self.peek() == Some(b'\n')),
            b'\n' => {}
            b'0'..=b'7' => {
                let mut value = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit) = self.peek().filter(|digit| matches!(digit, b'0'..=b'7')) else { break };
                    self.at += 1;
                    value = value * 8 + u32::from(digit - b'0');
                }
                bytes.push(value.to_le_bytes()[0]);
            }
            _ => bytes.push(byte),
        }
    }

    fn hexadecimal(&mut self) -> Vec<u8> {
        self.at += 1;
        let rest = &self.data[self.at..];
        // Other characters than digits and blanks end it too.
        let end = rest.iter().position(|&byte| !byte.is_ascii_hexdigit() && !is_blank(byte)).unwrap_or(rest.len());
        self.at += end + usize::from(rest.get(end) == Some(&b'>'));
        super::filters::hexadecimal(&rest[..end])
    }

    fn array(&mut self, depth: u32) -> Vec<Object> {
        self.at += 1;
        let mut items = Vec::new();
        while let Some(item) = self.value(depth + 1) {
            // An array that is never closed ends with its object.
            if matches!(&item, Object::Word(word) if word == "endobj" || word == "obj") {
                return items;
            }
            if items.len() < MAX_ITEMS && self.is_room() {
                items.push(item);
            }
        }
        self.at += usize::from(self.peek() == Some(b']'));
        items
    }

    fn dictionary(&mut self, depth: u32) -> Dictionary {
        self.at += 2;
        let mut entries = Vec::new();
        loop {
            self.skip();
            match self.peek() {
                Some(b'/') => {
                    let name = self.name();
                    let value = self.value(depth + 1).unwrap_or_default();
                    let is_end = matches!(&value, Object::Word(word) if word == "endobj" || word == "stream");
                    if entries.len() < MAX_ITEMS && self.is_room() {
                        entries.push((name, value));
                    }
                    if is_end {
                        break;
                    }
                }
                Some(b'>') => {
                    self.at += if self.data.get(self.at + 1) == Some(&b'>') { 2 } else { 1 };
                    break;
                }
                // What is between names is skipped; a word like `endobj` ends what was never closed.
                Some(byte) if is_regular(byte) => {
                    if matches!(self.word().as_str(), "endobj" | "stream" | "obj") {
                        break;
                    }
                }
                Some(b'(') => drop(self.literal()),
                Some(_) => self.at += 1,
                None => break,
            }
        }
        Dictionary(entries)
    }

    /// For one more value, which takes it.
    const fn is_room(&mut self) -> bool {
        let is_room = self.left.values > 0;
        self.left.values = self.left.values.saturating_sub(1);
        is_room
    }

    /// `12`, `-1.5`, or `12 0 R`.
    fn number_or_reference(&mut self) -> Object {
        let word = self.word();
        let Ok(number) = word.parse::<u32>() else { return Object::Number(word.parse().unwrap_or(0.0)) };
        let behind = self.at;
        self.skip();
        let generation = self.word();
        self.skip();
        let is_reference = !generation.is_empty()
            && generation.len() <= 5
            && generation.bytes().all(|byte| byte.is_ascii_digit())
            && self.peek() == Some(b'R')
            && !self.data.get(self.at + 1).is_some_and(|&byte| is_regular(byte));
        if is_reference {
            self.at += 1;
            return Object::Reference(number);
        }
        self.at = behind;
        Object::Number(f64::from(number))
    }
}

pub const fn is_blank(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

const fn is_regular(byte: u8) -> bool {
    !is_blank(byte) && !matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u8::from_str_radix(digits, 16).ok()
}

/// A text for people: UTF-16 or UTF-8 by its mark, else as good as Latin 1.
pub fn text(bytes: &[u8]) -> String {
    match bytes {
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

fn wide(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|&pair| unit(pair));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(data: &[u8]) -> Object {
        Parser::new(data, 0).object().unwrap_or_default()
    }

    #[test]
    fn texts_are_read_with_their_escapes() {
        assert_eq!(one(b"(a\\(b\\)(c)\\101\\\r\nd\\5)"), Object::Text(b"a(b)(c)Ad\x05".to_vec()));
        assert_eq!(one(b"<4 1 4>"), Object::Text(b"A@".to_vec()));
        assert_eq!(one(b"(never closed"), Object::Text(b"never closed".to_vec()));
        assert_eq!(one(b"<41 4"), Object::Text(b"A@".to_vec()));
    }

    #[test]
    fn names_are_read_with_their_escapes() {
        let Object::Name(name) = one(b"/J#61va#20Script ") else { panic!("a name") };
        assert_eq!((name.text.as_str(), name.is_hidden), ("Java Script", true));
        let Object::Name(name) = one(b"/A#2cB#zz") else { panic!("a name") };
        assert_eq!((name.text.as_str(), name.is_hidden), ("A,B#zz", false));
    }

    #[test]
    fn dictionaries_arrays_and_references() {
        let object = one(b"<< /A [1 2 0 R (x)] % comment\n /B << /C -1.5 >> /A 3 >>");
        let dictionary = object.dictionary().cloned().unwrap_or_default();
        assert_eq!(dictionary.number("A"), Some(3));
        assert_eq!(
            dictionary.0[0].1,
            Object::Array(vec![Object::Number(1.0), Object::Reference(2), Object::Text(b"x".to_vec())])
        );
    }

    #[test]
    fn what_is_not_closed_ends() {
        let deep = [b'['; 10_000];
        let _ = one(&deep);
        assert!(one(b"<< /A [1 2 endobj").dictionary().is_some());
        assert!(
            one(b"<< /JS (x) garbage /S /JavaScript endobj 5 0 obj")
                .dictionary()
                .is_some_and(|it| it.is("S", "JavaScript"))
        );
    }
}
