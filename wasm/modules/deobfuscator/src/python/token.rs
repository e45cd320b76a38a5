//! Tokens of Python, as far as expressions need them.

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Text(String),
    /// `f'...'`
    Formatted(Vec<Piece>),
    Bytes(Vec<u8>),
    Number(i64),
    Name(String),
    Sign(char),
    Line,
}

/// Of a text that values are put into.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    Text(String),
    /// An expression, and how its value is written.
    Place(Vec<Placed>, String),
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
    let mut found: Vec<Placed> = Vec::new();
    let (mut at, mut open) = (0, 0_usize);
    while at < bytes.len() {
        let start = at;
        let token = match bytes[at] {
            b'\n' => {
                at += 1;
                // In brackets a line's end means nothing.
                (open == 0).then_some(Token::Line)
            }
            b' ' | b'\t' | b'\r' | b'\\' => {
                at += 1;
                None
            }
            b'#' => {
                at += bytes[at..].iter().take_while(|byte| **byte != b'\n').count();
                None
            }
            b'"' | b'\'' => Some(quoted(text, &mut at, "")),
            byte if byte.is_ascii_digit() => {
                at += bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
                let number = text.get(start..at).unwrap_or_default().replace('_', "");
                Some(crate::script::number(&number).map_or(Token::Sign('?'), Token::Number))
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => {
                at += bytes[at..]
                    .iter()
                    .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte >= 0x80)
                    .count();
                let name = text.get(start..at).unwrap_or_default();
                let is_prefix = name.len() <= 2
                    && matches!(bytes.get(at), Some(b'"' | b'\''))
                    && name.bytes().all(|byte| b"rRbBuUfF".contains(&byte));
                Some(if is_prefix { quoted(text, &mut at, name) } else { Token::Name(name.to_owned()) })
            }
            byte => {
                match byte {
                    b'(' | b'[' | b'{' => open += 1,
                    b')' | b']' | b'}' => open = open.saturating_sub(1),
                    _ => {}
                }
                at += 1;
                Some(Token::Sign(char::from(byte)))
            }
        };
        if let Some(token) = token {
            found.push(Placed { token, start, end: at });
        }
    }
    found
}

fn quoted(text: &str, at: &mut usize, prefix: &str) -> Token {
    let bytes = text.as_bytes();
    let quote = bytes[*at];
    let is_long = bytes.get(*at + 1) == Some(&quote) && bytes.get(*at + 2) == Some(&quote);
    let start = *at + if is_long { 3 } else { 1 };
    let mut end = start;
    while end < bytes.len() {
        match bytes[end] {
            b'\\' => end += 1,
            b'\n' if !is_long => break,
            byte if byte == quote
                && (!is_long || (bytes.get(end + 1) == Some(&quote) && bytes.get(end + 2) == Some(&quote))) =>
            {
                break;
            }
            _ => {}
        }
        end += 1;
    }
    let end = end.min(bytes.len());
    *at = (end + if is_long { 3 } else { 1 }).min(bytes.len());
    let raw = text.get(start..end).unwrap_or_default();
    let has = |letter: u8| prefix.bytes().any(|byte| byte.eq_ignore_ascii_case(&letter));
    let plain =
        |raw: &str| if has(b'r') { raw.to_owned() } else { crate::decode::text::escapes(&raw.replace("\\\n", "")) };
    if has(b'f') {
        pieces(raw, plain).map_or(Token::Sign('?'), Token::Formatted)
    } else if has(b'b') {
        Token::Bytes(plain(raw).chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect())
    } else {
        Token::Text(plain(raw))
    }
}

/// The pieces of a formatted text; None where its places have more than an expression and a plain form.
fn pieces(raw: &str, plain: impl Fn(&str) -> String) -> Option<Vec<Piece>> {
    let mut found = Vec::new();
    let (mut shown, mut rest) = (String::new(), raw);
    while let Some(at) = rest.find(['{', '}']) {
        shown.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix(brace) {
            shown.push_str(brace);
            rest = behind;
            continue;
        }
        // `\N{...}` is a character by its name.
        let (end, colon) = place(rest).filter(|_| brace == "{" && !shown.ends_with("\\N"))?;
        found.push(Piece::Text(plain(&std::mem::take(&mut shown))));
        let (expression, form) = (&rest[..colon.unwrap_or(end)], colon.map_or("", |colon| &rest[colon + 1..end]));
        found.push(Piece::Place(tokens(expression), form.to_owned()));
        rest = &rest[end + 1..];
    }
    shown.push_str(rest);
    found.push(Piece::Text(plain(&shown)));
    Some(found)
}

/// Where a place ends, and where in it the form begins.
fn place(rest: &str) -> Option<(usize, Option<usize>)> {
    let (mut quote, mut colon, mut depth) = (None, None, 0_usize);
    for (at, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) => quote = quote.filter(|_| byte != open),
            (None, b'{') => return None,
            (None, b'}') => return Some((at, colon)),
            (None, b'"' | b'\'') if colon.is_none() => quote = Some(byte),
            (None, b'[' | b'(') => depth += 1,
            (None, b']' | b')') => depth = depth.saturating_sub(1),
            (None, b':') if depth == 0 => colon = colon.or(Some(at)),
            _ => {}
        }
    }
    None
}
