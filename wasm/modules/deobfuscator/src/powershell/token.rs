//! Tokens of PowerShell.

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A text without anything in it that is not known before it runs.
    Text(String),
    /// One in double quotes with variables in it.
    Expanding(String),
    Number(i64),
    /// Lower case, without the dollar.
    Variable(String),
    /// `[char]`, lower case, without brackets and `system.`.
    Type(String),
    /// A command, a name or a parameter, lower case; whether it had backticks in it.
    Word(String, usize),
    /// `-join` and the like.
    Operator(&'static str),
    Sign(char),
    /// `::`, `..`, `$(`, `@(`
    Signs(&'static str),
    Line,
}

/// As all of it is in the text.
pub type Placed = crate::script::Placed<Token>;

impl From<char> for Token {
    fn from(sign: char) -> Self {
        Self::Sign(sign)
    }
}

const OPERATORS: [&str; 18] = [
    "-join",
    "-split",
    "-csplit",
    "-isplit",
    "-replace",
    "-creplace",
    "-ireplace",
    "-f",
    "-bxor",
    "-band",
    "-bor",
    "-eq",
    "-ne",
    "-as",
    "-shl",
    "-shr",
    "-and",
    "-or",
];

const SCOPES: [&str; 5] = ["script:", "global:", "local:", "private:", "variable:"];

pub fn tokens(text: &str) -> Vec<Placed> {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0, found: Vec::new() };
    while lexer.at < lexer.bytes.len() {
        let start = lexer.at;
        if let Some(token) = lexer.next() {
            lexer.found.push(Placed { token, start, end: lexer.at });
        }
        lexer.at = lexer.at.max(start + 1);
    }
    lexer.found
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    found: Vec<Placed>,
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'`' | b'?' | 0x80..)
}

impl Lexer<'_> {
    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn span(&self, from: usize, is: impl Fn(u8) -> bool) -> usize {
        from + self.bytes.get(from..).unwrap_or_default().iter().take_while(|byte| is(**byte)).count()
    }

    fn next(&mut self) -> Option<Token> {
        match self.byte(0) {
            b'\n' => {
                self.at += 1;
                Some(Token::Line)
            }
            b' ' | b'\t' | b'\r' => {
                self.at += 1;
                None
            }
            b'`' if matches!(self.byte(1), b'\n' | b'\r') => {
                self.at = self.span(self.at + 1, |byte| matches!(byte, b'\r' | b'\n'));
                None
            }
            b'#' => {
                self.at = self.span(self.at, |byte| byte != b'\n');
                None
            }
            b'<' if self.byte(1) == b'#' => {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                self.at += memchr::memmem::find(rest, b"#>").map_or(rest.len(), |end| end + 2);
                None
            }
            b'\'' => Some(self.single()),
            b'"' => Some(self.double()),
            b'@' if matches!(self.byte(1), b'\'' | b'"') => Some(self.here()),
            b'@' if self.byte(1) == b'(' => Some(self.signs("@(")),
            b'$' if self.byte(1) == b'(' => Some(self.signs("$(")),
            b'$' => Some(self.variable()),
            b':' if self.byte(1) == b':' => Some(self.signs("::")),
            b'.' if self.byte(1) == b'.' => Some(self.signs("..")),
            b'[' => Some(self.type_or_bracket()),
            b'-' => Some(self.dash()),
            byte if byte.is_ascii_digit() => Some(self.number()),
            byte if is_word(byte) => Some(self.word()),
            _ => {
                let letter = self.text.get(self.at..)?.chars().next()?;
                self.at += letter.len_utf8();
                Some(Token::Sign(letter))
            }
        }
    }

    fn signs(&mut self, signs: &'static str) -> Token {
        self.at += 2;
        Token::Signs(signs)
    }

    fn single(&mut self) -> Token {
        let mut text = String::new();
        self.at += 1;
        loop {
            let end = self.span(self.at, |byte| byte != b'\'');
            text.push_str(self.text.get(self.at..end).unwrap_or_default());
            self.at = (end + 1).min(self.bytes.len());
            if self.byte(0) != b'\'' || end + 1 >= self.bytes.len() {
                return Token::Text(text);
            }
            text.push('\'');
            self.at += 1;
        }
    }

    fn double(&mut self) -> Token {
        self.at += 1;
        let start = self.at;
        while self.at < self.bytes.len() {
            match self.byte(0) {
                b'`' => self.at += 2,
                b'"' if self.byte(1) == b'"' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        let end = self.at.min(self.bytes.len());
        self.at = (end + 1).min(self.bytes.len());
        let raw = self.text.get(start..end).unwrap_or_default();
        if has_variable(raw) {
            Token::Expanding(raw.to_owned())
        } else {
            Token::Text(unescaped(&raw.replace("\"\"", "\"")))
        }
    }

    fn here(&mut self) -> Token {
        let quote = self.byte(1);
        let start = self.span(self.at + 2, |byte| byte != b'\n') + 1;
        let mark = [b'\n', quote, b'@'];
        let rest = self.bytes.get(start.saturating_sub(1)..).unwrap_or_default();
        let end = memchr::memmem::find(rest, &mark).map_or(self.bytes.len(), |end| start - 1 + end);
        self.at = (end + 3).min(self.bytes.len());
        let raw = self.text.get(start..end.max(start)).unwrap_or_default().trim_end_matches('\r');
        match quote {
            b'"' if has_variable(raw) => Token::Expanding(raw.to_owned()),
            b'"' => Token::Text(unescaped(raw)),
            _ => Token::Text(raw.to_owned()),
        }
    }

    fn variable(&mut self) -> Token {
        let start = self.at + 1;
        if self.byte(1) == b'{' {
            let end = self.span(start, |byte| byte != b'}');
            self.at = (end + 1).min(self.bytes.len());
            return Token::Variable(
                self.text.get(start + 1..end).unwrap_or_default().replace('`', "").to_ascii_lowercase(),
            );
        }
        let mut end = self.span(start, |byte| is_word(byte) && byte != b'`');
        // `$env:name`, but not `$type::member`.
        if self.bytes.get(end) == Some(&b':') && self.bytes.get(end + 1).is_some_and(|&byte| is_word(byte)) {
            end = self.span(end + 1, |byte| is_word(byte) && byte != b'`');
        }
        self.at = end.max(self.at + 1);
        let name = self.text.get(start..end).unwrap_or_default().to_ascii_lowercase();
        // One that is set for another scope is set: by whichever name, it has more than one value.
        let bare = SCOPES.iter().find_map(|scope| name.strip_prefix(scope)).map(str::to_owned);
        Token::Variable(bare.unwrap_or(name))
    }

    /// A type has letters and dots alone; anything else in brackets is an index.
    fn type_or_bracket(&mut self) -> Token {
        let end = self.span(self.at + 1, |byte| is_word(byte) || matches!(byte, b'.' | b' '));
        let close =
            if self.bytes.get(end) == Some(&b'[') && self.bytes.get(end + 1) == Some(&b']') { end + 2 } else { end };
        let inner = self.text.get(self.at + 1..end).unwrap_or_default().trim();
        let begins = inner.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if !begins || self.bytes.get(close) != Some(&b']') {
            self.at += 1;
            return Token::Sign('[');
        }
        self.at = close + 1;
        let name = inner.replace('`', "").to_ascii_lowercase();
        let name = name.strip_prefix("system.").unwrap_or(&name);
        Token::Type(if close > end { format!("{name}[]") } else { name.to_owned() })
    }

    fn dash(&mut self) -> Token {
        let end = self.span(self.at + 1, is_word);
        let name = self.text.get(self.at..end).unwrap_or_default().replace('`', "").to_ascii_lowercase();
        if let Some(operator) = OPERATORS.iter().find(|known| **known == name) {
            self.at = end;
            return Token::Operator(operator);
        }
        // `-f'...'` may stand without a space; digits belong to a number.
        if self.byte(1).is_ascii_alphabetic() {
            let ticks = self.text.get(self.at..end).unwrap_or_default().matches('`').count();
            self.at = end;
            return Token::Word(name, ticks);
        }
        self.at += 1;
        Token::Sign('-')
    }

    fn number(&mut self) -> Token {
        let end = self.span(self.at, |byte| byte.is_ascii_alphanumeric());
        let text = self.text.get(self.at..end).unwrap_or_default();
        match super::super::script::number(text) {
            Some(number) => {
                self.at = end;
                Token::Number(number)
            }
            None => self.word(),
        }
    }

    fn word(&mut self) -> Token {
        let start = self.at;
        let end = self.span(start, |byte| is_word(byte) || byte == b'-' || byte == b'\\');
        // A backtick is an escape, whatever it stands before.
        self.at = end.max(start + 1);
        let raw = self.text.get(start..self.at).unwrap_or_default();
        Token::Word(raw.replace('`', "").to_ascii_lowercase(), raw.matches('`').count())
    }
}

fn has_variable(raw: &str) -> bool {
    let bytes = raw.as_bytes();
    let is_escaped = |at: usize| at > 0 && bytes[at - 1] == b'`';
    memchr::memchr_iter(b'$', bytes).any(|at| {
        !is_escaped(at)
            && bytes.get(at + 1).is_some_and(|&next| next.is_ascii_alphabetic() || matches!(next, b'_' | b'{' | b'('))
    })
}

/// Without backticks; those before a few letters stand for control characters.
pub fn unescaped(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut letters = raw.chars();
    while let Some(letter) = letters.next() {
        if letter != '`' {
            text.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('0') => text.push('\0'),
            Some('a') => text.push('\u{7}'),
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('v') => text.push('\u{b}'),
            Some(other) => text.push(other),
            None => {}
        }
    }
    text
}
