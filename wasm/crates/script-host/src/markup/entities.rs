//! References to characters, as HTML reads and writes them.

/// The names that hidden texts and honest pages use.
const NAMED: [(&str, char); 46] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("Hat", '^'),
    ("lowbar", '_'),
    ("grave", '`'),
    ("lcub", '{'),
    ("lbrace", '{'),
    ("verbar", '|'),
    ("vert", '|'),
    ("rcub", '}'),
    ("rbrace", '}'),
    ("copy", '\u{a9}'),
    ("reg", '\u{ae}'),
    ("hellip", '\u{2026}'),
    ("ndash", '\u{2013}'),
    ("mdash", '\u{2014}'),
    ("bull", '\u{2022}'),
    ("shy", '\u{ad}'),
    ("euro", '\u{20ac}'),
];
/// Of these, the ones that need no semicolon.
const OLD: [&str; 8] = ["amp", "lt", "gt", "quot", "nbsp", "copy", "reg", "shy"];
/// Bytes of a reference.
const MAX_REFERENCE: usize = 16;

/// With its references put in. In attributes an old name that goes on is none: `?a=1&copy=2`.
pub fn decoded(text: &str, is_attribute: bool) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        done.push_str(&rest[..at]);
        rest = &rest[at..];
        let (letter, length) = reference(rest, is_attribute).unwrap_or(('&', 1));
        done.push(letter);
        rest = &rest[length..];
    }
    done.push_str(rest);
    done
}

/// The character of the reference that a text begins with, and its length.
fn reference(text: &str, is_attribute: bool) -> Option<(char, usize)> {
    let body = text.get(1..)?;
    if let Some(number) = body.strip_prefix('#') {
        return numbered(number).map(|(letter, length)| (letter, length + 2));
    }
    let length = body.bytes().take(MAX_REFERENCE).take_while(u8::is_ascii_alphanumeric).count();
    let name = body.get(..length)?;
    let known = |name: &str| NAMED.iter().find(|(known, _)| *known == name).map(|(_, letter)| *letter);
    if let Some(letter) = known(name).filter(|_| body.as_bytes().get(length) == Some(&b';')) {
        return Some((letter, length + 2));
    }
    let goes_on = body.as_bytes().get(length) == Some(&b'=');
    let old = OLD.iter().find(|old| name.starts_with(**old))?;
    let is_whole = old.len() == length && !goes_on;
    if is_attribute && !is_whole { None } else { known(old).map(|letter| (letter, old.len() + 1)) }
}

/// By number; its semicolon may be left out.
fn numbered(text: &str) -> Option<(char, usize)> {
    let (digits, radix, before) = match text.strip_prefix(['x', 'X']) {
        Some(rest) => (rest, 16, 1),
        None => (text, 10, 0),
    };
    let length = digits.chars().take_while(|sign| sign.is_digit(radix)).count();
    let number = digits.get(..length).filter(|digits| !digits.is_empty())?;
    let code = u32::from_str_radix(number, radix).unwrap_or(u32::MAX);
    let end = usize::from(digits.as_bytes().get(length) == Some(&b';'));
    Some((letter(code), before + length + end))
}

/// What browsers take a number for: those of control characters are Windows' own letters.
fn letter(code: u32) -> char {
    match u8::try_from(code) {
        Ok(byte @ 0x80..=0x9f) => crate::charset::decode(&[byte], "windows-1252").chars().next().unwrap_or('\u{fffd}'),
        _ => char::from_u32(code).filter(|letter| *letter != '\0').unwrap_or('\u{fffd}'),
    }
}

/// As a text is written in a page; in an attribute, in quotes.
pub fn encoded(text: &str, is_attribute: bool, to: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => to.push_str("&amp;"),
            '\u{a0}' => to.push_str("&nbsp;"),
            '"' if is_attribute => to.push_str("&quot;"),
            '<' if !is_attribute => to.push_str("&lt;"),
            '>' if !is_attribute => to.push_str("&gt;"),
            other => to.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{decoded, encoded};

    #[test]
    fn references_are_read_as_a_browser_does() {
        for (text, expected) in [
            ("a&amp;b&lt;&#99;&#x44;&#X65;", "a&b<cDe"),
            ("&amp&lt&ltx&#65&#x41 ", "&<<xAA "),
            ("&ampere;&lpar;&rpar;&none;&;&", "&ere;()&none;&;&"),
            ("&#;&#x;&#99999999;&#0;&#128;", "&#;&#x;\u{fffd}\u{fffd}\u{20ac}"),
            ("\u{e4}&auml", "\u{e4}&auml"),
        ] {
            assert_eq!(decoded(text, false), expected, "{text}");
        }
        assert_eq!(decoded("?a=1&copy=2&lt;&amp", true), "?a=1&copy=2<&");
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let text = "a<b>&\"'\u{a0}";
        for is_attribute in [false, true] {
            let mut written = String::new();
            encoded(text, is_attribute, &mut written);
            assert_eq!(decoded(&written, is_attribute), text);
        }
    }
}
