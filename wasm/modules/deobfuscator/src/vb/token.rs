//! Tokens of VBScript and VBA.

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Text(String),
    Number(i64),
    /// Lower case.
    Name(String),
    Sign(char),
    Line,
}

/// As all of it is in the text.
pub type Placed = crate::script::Placed<Token>;

impl From<char> for Token {
    fn from(sign: char) -> Self {
        Self::Sign(sign)
    }
}

pub fn tokens(text: &str) -> Vec<Placed> {
    let bytes = text.as_bytes();
    let span = |from: usize, is: &dyn Fn(u8) -> bool| {
        from + bytes.get(from..).unwrap_or_default().iter().take_while(|byte| is(**byte)).count()
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    let mut found: Vec<Placed> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let token = match bytes[at] {
            b' ' | b'\t' | b'\r' => {
                at += 1;
                None
            }
            b'\n' => {
                at += 1;
                Some(Token::Line)
            }
            // A line that goes on.
            b'_' if continues(bytes, at) => {
                at = span(at, &|byte| byte != b'\n') + 1;
                None
            }
            b'\'' => {
                at = span(at, &|byte| byte != b'\n');
                None
            }
            b'"' => {
                let (text, end) = quoted(text, at);
                at = end;
                Some(Token::Text(text))
            }
            b'&' if bytes.get(at + 1).is_some_and(|byte| matches!(byte, b'h' | b'H'))
                && bytes.get(at + 2).is_some_and(u8::is_ascii_hexdigit) =>
            {
                at = span(at + 2, &|byte| byte.is_ascii_hexdigit());
                let number = crate::script::number(text.get(start..at).unwrap_or_default());
                at += usize::from(
                    bytes.get(at) == Some(&b'&') && bytes.get(at + 1).is_none_or(|byte| !matches!(byte, b' ')),
                );
                number.map(Token::Number)
            }
            byte if byte.is_ascii_digit() => {
                at = span(at, &is_name);
                crate::script::number(text.get(start..at).unwrap_or_default())
                    .map(Token::Number)
                    .or(Some(Token::Sign('?')))
            }
            byte if is_name(byte) => {
                at = span(at, &is_name);
                let name = text.get(start..at).unwrap_or_default().to_lowercase();
                if name == "rem" {
                    at = span(at, &|byte| byte != b'\n');
                    None
                } else {
                    Some(Token::Name(name))
                }
            }
            _ => {
                let letter = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
                at += letter.len_utf8();
                Some(Token::Sign(letter))
            }
        };
        if let Some(token) = token {
            found.push(Placed { token, start, end: at });
        }
    }
    found
}

fn continues(bytes: &[u8], at: usize) -> bool {
    let is_apart = at == 0 || matches!(bytes[at - 1], b' ' | b'\t' | b'&' | b'+' | b',' | b'(');
    let rest = bytes.get(at + 1..).unwrap_or_default();
    is_apart && rest.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')) == Some(&b'\n')
}

/// A text in quotes, where two of them stand for one; it ends with its line.
fn quoted(text: &str, at: usize) -> (String, usize) {
    let mut value = String::new();
    let mut from = at + 1;
    loop {
        let rest = text.get(from..).unwrap_or_default();
        let Some(end) = rest.find(['"', '\n']) else {
            value.push_str(rest);
            return (value, text.len());
        };
        value.push_str(&rest[..end]);
        from += end;
        if text.as_bytes().get(from) == Some(&b'\n') {
            return (value, from);
        }
        from += 1;
        if text.as_bytes().get(from) != Some(&b'"') {
            return (value, from);
        }
        value.push('"');
        from += 1;
    }
}
