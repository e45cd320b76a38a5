//! A script's tokens, as far as it takes to see how deep it nests and to join texts: before the engine's parser, whose stack
//! a crafted script would overflow.

/// What a token is, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// Bytes.
    pub at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In quotes.
    Text,
    Word,
    /// A template up to a `${`, or from its `}` on; an expression, or anything else that stands for a value.
    Value,
    Sign,
}

/// Words behind which a slash begins an expression.
const BEFORE_VALUES: [&str; 12] =
    ["return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "else", "do", "instanceof"];

pub struct Tokens<'a> {
    source: &'a str,
    at: usize,
    /// What a slash after the last token is: a sign, or the beginning of an expression.
    divides: bool,
    /// For each open brace, whether it is of a template.
    braces: Vec<bool>,
}

#[must_use]
pub const fn tokens(source: &str) -> Tokens<'_> {
    Tokens { source, at: 0, divides: false, braces: Vec::new() }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks();
        let rest = self.source.get(self.at..)?;
        let char = rest.chars().next()?;
        let (kind, length) = match char {
            '"' | '\'' => (Kind::Text, quoted(rest, char)),
            '`' => (Kind::Value, self.template(rest, 1)),
            '}' if self.braces.pop() == Some(true) => (Kind::Value, self.template(rest, 1)),
            '/' if !self.divides => (Kind::Value, expression(rest)),
            _ if is_word(char) => (Kind::Word, rest.find(|char| !is_word(char)).unwrap_or(rest.len())),
            _ => (Kind::Sign, char.len_utf8()),
        };
        if char == '{' {
            self.braces.push(false);
        }
        let text = rest.get(..length)?;
        let at = self.at;
        self.at += length;
        self.divides = match kind {
            Kind::Sign => matches!(char, ')' | ']' | '}'),
            Kind::Word => !BEFORE_VALUES.contains(&text),
            Kind::Text => true,
            Kind::Value => !text.ends_with("${"),
        };
        Some(Token { kind, text, at })
    }
}

impl Tokens<'_> {
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.source.get(self.at..).unwrap_or_default();
            let length = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else {
                rest.len() - rest.trim_start().len()
            };
            if length == 0 {
                return;
            }
            self.at += length;
        }
    }

    /// A part of a template; one that goes on in an expression leaves a brace open.
    fn template(&mut self, rest: &str, start: usize) -> usize {
        let mut characters = rest.char_indices().skip(start);
        while let Some((at, char)) = characters.next() {
            match char {
                '\\' => drop(characters.next()),
                '`' => return at + 1,
                '$' if rest.get(at + 1..).is_some_and(|rest| rest.starts_with('{')) => {
                    self.braces.push(true);
                    return at + 2;
                }
                _ => {}
            }
        }
        rest.len()
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == '$'
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, char)) = characters.next() {
        match char {
            '\\' => drop(characters.next()),
            '\n' => return at,
            char if char == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn expression(rest: &str) -> usize {
    let mut in_class = false;
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, char)) = characters.next() {
        match char {
            '\\' => drop(characters.next()),
            '\n' => return at,
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return at + 1,
            _ => {}
        }
    }
    rest.len()
}
