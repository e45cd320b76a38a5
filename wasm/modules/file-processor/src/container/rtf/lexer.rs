//! The groups and control words of RTF, read as Word reads them: what is in an object's data besides hexadecimal digits
//! does not count, with the exceptions that Word makes.

use super::destinations::is_destination;

/// Destinations in destinations: the deepest honest ones are below 30.
const MAX_OPEN: usize = 256;
/// Letters of a control word, and digits of its number; Word reads no more.
const MAX_WORD: usize = 250;
/// Bytes of one object, and characters of one text.
const MAX_OBJECT: usize = 32 << 20;
const MAX_TEXT: usize = 4_096;

/// What a destination held, when it ends.
pub enum Ended {
    Object(Object),
    /// An object's class, a field's instruction, a template's name: the destination and its text.
    Text(&'static str, String),
}

/// The data of one object.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Object {
    pub offset: usize,
    pub content: Vec<u8>,
    /// Words, groups and bytes between the digits, which nobody writes but to hide them.
    pub noise: u32,
    high: Option<u8>,
}

impl Object {
    fn digit(&mut self, digit: u8) {
        match self.high.take() {
            None => self.high = Some(digit),
            Some(high) if self.content.len() < MAX_OBJECT => self.content.push(high << 4 | digit),
            Some(_) => {}
        }
    }
}

enum Held {
    Nothing,
    Object(Object),
    Text(&'static str, Vec<u8>),
}

struct Open {
    level: u32,
    held: Held,
}

pub struct Lexer<'a> {
    data: &'a [u8],
    at: usize,
    level: u32,
    open: Vec<Open>,
}

/// Destinations whose text is told.
const TEXTS: [&str; 3] = ["objclass", "fldinst", "template"];

impl<'a> Lexer<'a> {
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, level: 0, open: Vec::new() }
    }

    /// The next destination that ends; `word` is told all control words on the way.
    pub fn next(&mut self, word: &mut impl FnMut(&str, usize)) -> Option<Ended> {
        while let Some(&byte) = self.data.get(self.at) {
            let start = self.at;
            self.at += 1;
            match byte {
                b'{' => {
                    self.level = self.level.saturating_add(1);
                    self.noise(1);
                }
                b'}' => {
                    let is_end = self.open.last().is_some_and(|open| open.level == self.level);
                    self.level = self.level.saturating_sub(1);
                    if is_end && let Some(ended) = self.close() {
                        return Some(ended);
                    }
                }
                b'\\' => {
                    if let Some(ended) = self.control(start, word) {
                        return Some(ended);
                    }
                }
                _ => self.text(byte),
            }
        }
        while !self.open.is_empty() {
            if let Some(ended) = self.close() {
                return Some(ended);
            }
        }
        None
    }

    fn close(&mut self) -> Option<Ended> {
        match self.open.pop()?.held {
            Held::Nothing => None,
            Held::Object(object) => Some(Ended::Object(object)),
            Held::Text(name, text) => Some(Ended::Text(name, String::from_utf8_lossy(&text).into_owned())),
        }
    }

    fn object(&mut self) -> Option<&mut Object> {
        match &mut self.open.last_mut()?.held {
            Held::Object(object) => Some(object),
            _ => None,
        }
    }

    fn noise(&mut self, count: u32) {
        if let Some(object) = self.object() {
            object.noise += count;
        }
    }

    fn text(&mut self, byte: u8) {
        match self.open.last_mut().map(|open| &mut open.held) {
            Some(Held::Object(object)) => {
                if let Some(digit) = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()) {
                    object.digit(digit);
                } else if !byte.is_ascii_whitespace() {
                    object.noise += 1;
                }
            }
            Some(Held::Text(_, text)) if text.len() < MAX_TEXT && !matches!(byte, b'\r' | b'\n') => text.push(byte),
            _ => {}
        }
    }

    /// A control word with its number, or a control symbol.
    fn control(&mut self, start: usize, word: &mut impl FnMut(&str, usize)) -> Option<Ended> {
        let rest = &self.data[self.at..];
        let letters = rest.iter().take(MAX_WORD).take_while(|byte| byte.is_ascii_alphabetic()).count();
        if letters == 0 {
            self.symbol();
            return None;
        }
        let name = std::str::from_utf8(&rest[..letters]).unwrap_or_default();
        let sign = usize::from(rest.get(letters) == Some(&b'-'));
        let digits = rest[letters + sign..].iter().take(MAX_WORD).take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(&rest[letters..letters + if digits > 0 { sign + digits } else { 0 }]);
        let number = number.unwrap_or_default();
        self.at += letters + number.len();
        self.at += usize::from(self.data.get(self.at) == Some(&b' '));
        word(name, start);
        self.noise(1);
        if name == "bin" {
            // A negative or missing length is none.
            self.binary(number.parse().unwrap_or(0));
            None
        } else if is_destination(name) {
            self.destination(name, start)
        } else {
            None
        }
    }

    fn destination(&mut self, name: &str, start: usize) -> Option<Ended> {
        // Another one on the same level ends the one before.
        let ended = self.open.last().is_some_and(|open| open.level == self.level).then(|| self.close()).flatten();
        if self.open.len() < MAX_OPEN {
            let held = match TEXTS.iter().find(|known| **known == name) {
                Some(known) => Held::Text(known, Vec::new()),
                None if name == "objdata" => Held::Object(Object { offset: start, ..Object::default() }),
                None => Held::Nothing,
            };
            self.open.push(Open { level: self.level, held });
        }
        ended
    }

    fn binary(&mut self, length: usize) {
        let bytes = &self.data[self.at..];
        let bytes = &bytes[..bytes.len().min(length)];
        self.at += bytes.len();
        if let Some(object) = self.object() {
            for &byte in bytes {
                object.digit(byte >> 4);
                object.digit(byte & 15);
            }
        }
    }

    fn symbol(&mut self) {
        let symbol = self.data.get(self.at).copied();
        self.at += 1;
        match (symbol, self.open.last_mut().map(|open| &mut open.held)) {
            (Some(b'\''), held) => {
                self.at += 2;
                // Word forgets the digit that waits for its second one here.
                if let Some(Held::Object(object)) = held {
                    object.high = None;
                    object.noise += 1;
                }
            }
            (Some(byte @ (b'\\' | b'{' | b'}')), Some(Held::Text(_, text))) if text.len() < MAX_TEXT => text.push(byte),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(data: &[u8]) -> Object {
        let mut lexer = Lexer::new(data);
        while let Some(ended) = lexer.next(&mut |_, _| {}) {
            if let Ended::Object(object) = ended {
                return object;
            }
        }
        Object::default()
    }

    #[test]
    fn digits_are_read_through_noise() {
        let found = object(b"{\\object{\\*\\objdata 4 1{\\xyz12}42\r\n4\\par 3{\\*\\author 44}}45}");
        assert_eq!(found.content, b"ABC");
        assert!(found.noise > 0);
        assert_eq!(object(b"{\\objdata 414").content, b"A");
        assert_eq!(object(b"{\\objdata 4\\'aa1414\\*2}").content, [0x14, 0x14]);
        assert_eq!(object(b"{\\objdata 41\\bin2 }{42}").content, b"A}{B");
        assert_eq!(object(b"{\\objdata 41\\bin-2 42}").content, b"AB");
    }

    #[test]
    fn plain_data_has_no_noise() {
        assert_eq!(object(b"{\\*\\objdata 4142\r\n43}").noise, 0);
    }

    #[test]
    fn texts_of_destinations_are_told() {
        let mut lexer = Lexer::new(b"{\\field{\\*\\fldinst {\\b DDE} a \\\\\\\\b}{\\fldrslt x}}");
        let mut texts = Vec::new();
        while let Some(ended) = lexer.next(&mut |_, _| {}) {
            if let Ended::Text(name, text) = ended {
                texts.push((name, text));
            }
        }
        assert_eq!(texts, [("fldinst", "DDE a \\\\b".to_owned())]);
    }
}
