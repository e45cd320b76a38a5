//! Text to tokens. Names have no case; a line goes on behind ` _`; a colon ends a statement as a line's end does.

use std::rc::Rc;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// In lower case, with how it was written.
    Name(Rc<str>, Rc<str>),
    Text(Rc<str>),
    Number(f64),
    /// Milliseconds since 1970.
    Date(f64),
    Sign(&'static str),
    /// Of a line; `:` likewise, but not where a label may be.
    End,
    Colon,
}

/// Longer ones first.
const SIGNS: [&str; 23] = [
    ":=", "<>", "<=", ">=", "=<", "=>", "(", ")", ",", ".", "+", "-", "*", "/", "\\", "^", "&", "=", "<", ">", "#",
    "!", ";",
];

/// A point with a blank before it: of the object of a `With`.
pub const WITH: &str = " .";
/// Tokens of one text: a script of some megabytes.
const MAX_TOKENS: usize = 4_000_000;

#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    Lexer { rest: text, tokens: Vec::new(), is_apart: true, was_continued: false }.all()
}

struct Lexer<'a> {
    rest: &'a str,
    tokens: Vec<Token>,
    /// A blank was before, and not because a line goes on.
    is_apart: bool,
    /// The line before went on, and only blanks came since.
    was_continued: bool,
}

impl Lexer<'_> {
    fn all(mut self) -> Vec<Token> {
        while let Some(char) = self.rest.chars().next().filter(|_| self.tokens.len() < MAX_TOKENS) {
            let was_apart = std::mem::replace(&mut self.is_apart, false);
            self.was_continued &= char.is_whitespace();
            match char {
                '\r' | '\n' => {
                    self.skip(char.len_utf8());
                    self.push_end();
                }
                ':' if !self.rest.starts_with(":=") => {
                    self.skip(1);
                    self.tokens.push(Token::Colon);
                }
                '"' => self.text(),
                '\'' => self.comment(),
                '_' if self.is_continued() => self.continued(),
                '#' if self.date() => {}
                '&' if self.based() => {}
                '[' => self.bracketed(),
                '0'..='9' => self.number(),
                '.' if self.rest.get(1..2).is_some_and(|next| next.as_bytes()[0].is_ascii_digit())
                    && !self.after_value() =>
                {
                    self.number()
                }
                char if char.is_alphabetic() || char == '_' => self.name(),
                '.' if was_apart => {
                    self.skip(1);
                    self.tokens.push(Token::Sign(WITH));
                }
                _ => self.sign(char),
            }
        }
        self.push_end();
        self.tokens
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn push_end(&mut self) {
        if !matches!(self.tokens.last(), None | Some(Token::End)) {
            self.tokens.push(Token::End);
        }
    }

    /// Whether the last token is one that a point goes on from.
    fn after_value(&self) -> bool {
        matches!(self.tokens.last(), Some(Token::Name(..) | Token::Sign(")")))
    }

    fn line_length(&self) -> usize {
        self.rest.find(['\r', '\n']).unwrap_or(self.rest.len())
    }

    fn comment(&mut self) {
        self.skip(self.line_length());
    }

    fn is_continued(&self) -> bool {
        self.rest.get(1..self.line_length()).is_some_and(|line| line.trim().is_empty())
    }

    fn continued(&mut self) {
        self.skip(self.line_length());
        self.rest =
            self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix(['\r', '\n'])).unwrap_or(self.rest);
    }

    fn text(&mut self) {
        let mut text = String::new();
        let mut rest = self.rest.get(1..).unwrap_or_default();
        loop {
            let end = rest.find(['"', '\r', '\n']).unwrap_or(rest.len());
            text += rest.get(..end).unwrap_or_default();
            rest = rest.get(end..).unwrap_or_default();
            match rest.strip_prefix("\"\"") {
                Some(behind) => {
                    text.push('"');
                    rest = behind;
                }
                None => break,
            }
        }
        self.rest = rest.strip_prefix('"').unwrap_or(rest);
        self.tokens.push(Token::Text(text.into()));
    }

    /// `#1/2/2024#`; false for what is none.
    fn date(&mut self) -> bool {
        let line = self.rest.get(1..self.line_length()).unwrap_or_default();
        let Some(end) = line.find('#') else { return false };
        let Some(date) = crate::dates::parse(line.get(..end).unwrap_or_default()) else { return false };
        self.tokens.push(Token::Date(date));
        self.skip(end + 2);
        true
    }

    /// `&HFF` and `&O17`, with a mark of its type at the end.
    fn based(&mut self) -> bool {
        let radix = match self.rest.get(1..2) {
            Some("h" | "H") => 16,
            Some("o" | "O") => 8,
            _ => return false,
        };
        let digits: String = self.rest.chars().skip(2).take_while(|char| char.is_digit(radix)).collect();
        if digits.is_empty() {
            return false;
        }
        self.skip(2 + digits.len());
        let is_long = self.rest.starts_with('&');
        if self.rest.starts_with(['&', '%']) {
            self.skip(1);
        }
        self.tokens.push(Token::Number(of_digits(&digits, radix, is_long)));
        true
    }

    fn bracketed(&mut self) {
        let end = self.rest.find([']', '\r', '\n']).unwrap_or(self.rest.len());
        let name = self.rest.get(1..end).unwrap_or_default();
        self.tokens.push(Token::Name(name.to_lowercase().into(), name.into()));
        self.skip((end + 1).min(self.rest.len()));
        // A line's end that took the bracket's place is skipped, too: nothing else is cut off.
    }

    fn number(&mut self) {
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
        let mut length = digits(0);
        if bytes.get(length) == Some(&b'.') {
            length += 1 + digits(length + 1);
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length + 1 + sign);
            if exponent > 0 {
                length += 1 + sign + exponent;
            }
        }
        let number = self.rest.get(..length).and_then(|text| text.parse().ok()).unwrap_or(0.0);
        self.tokens.push(Token::Number(number));
        self.skip(length);
        if self.rest.starts_with(['%', '!', '@', '#']) || (self.rest.starts_with('&') && !self.rest.starts_with("& ")) {
            let marks_type = !self
                .rest
                .get(1..2)
                .is_some_and(|next| next.starts_with(|char: char| char.is_alphanumeric() || char == '"'));
            if marks_type {
                self.skip(1);
            }
        }
    }

    fn name(&mut self) {
        let end = self.rest.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(self.rest.len());
        let name = self.rest.get(..end).unwrap_or_default();
        let lower = name.to_lowercase();
        if lower == "rem" && matches!(self.tokens.last(), None | Some(Token::End | Token::Colon)) {
            return self.comment();
        }
        self.tokens.push(Token::Name(lower.into(), name.into()));
        self.skip(end);
        // Marks of types: `Chr$`, `i%`.
        if self.rest.starts_with(['$', '%']) {
            self.skip(1);
        }
    }

    fn sign(&mut self, char: char) {
        match SIGNS.iter().find(|sign| self.rest.starts_with(**sign)) {
            Some(sign) => {
                self.tokens.push(Token::Sign(sign));
                self.skip(sign.len());
            }
            None => {
                // Blanks in a row say what the first does.
                self.is_apart = !matches!(self.tokens.last(), Some(Token::Sign("("))) && !self.was_continued;
                self.skip(char.len_utf8());
            }
        }
    }
}

/// As Basic reads them: of 16 or of 32 bits, and negative where the highest is set.
#[must_use]
pub fn of_digits(digits: &str, radix: u32, is_long: bool) -> f64 {
    let value = u64::from_str_radix(digits, radix).unwrap_or(u64::MAX);
    match (u16::try_from(value), u32::try_from(value)) {
        (Ok(short), _) if !is_long => f64::from(short.cast_signed()),
        (_, Ok(long)) => f64::from(long.cast_signed()),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let each = tokens(text).into_iter().map(|token| match token {
            Token::Name(lower, _) => lower.to_string(),
            Token::Text(text) => format!("{text:?}"),
            Token::Number(number) => number.to_string(),
            Token::Date(date) => format!("#{date}"),
            Token::Sign(sign) => sign.to_owned(),
            Token::End => ";".to_owned(),
            Token::Colon => ":".to_owned(),
        });
        each.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn texts_become_tokens() {
        assert_eq!(
            shown("a = \"x\"\"y\" & Chr$(&H41) ' z\nrem w\nb _\n = 1.5e2: c"),
            "a = \"x\\\"y\" & chr ( 65 ) ; b = 150 : c ;"
        );
        assert_eq!(shown("x=&HFFFF:y=&HFFFF&:z=&O17"), "x = -1 : y = 65535 : z = 15 ;");
        assert_eq!(shown("a&\"b\"&1&c"), "a & \"b\" & 1 & c ;");
        assert_eq!(shown("d = #1/2/1970#"), "d = #86400000 ;");
        assert_eq!(shown("[a b] = .5 + o.x"), "a b = 0.5 + o . x ;");
    }

    #[test]
    fn unfinished_ones_are_borne() {
        for text in ["\"", "\"\"\"", "[", "#", "&", "&H", "_", "1e", "\u{e4}\u{0}\u{2028}", "'"] {
            assert!(tokens(text).len() < 6);
        }
    }
}
