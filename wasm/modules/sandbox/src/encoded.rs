//! Scripts encoded by Microsoft's Script Encoder (`#@~^`): three alphabets that take turns.

/// What 0x20 to 0x7f stand for in each alphabet.
const ALPHABETS: [&[u8; 96]; 3] = [
    b".GzVBj/&IA42[vrC89pEhqO\tbD#uJ~J^@wJa]\"KoN;LPg*}tT+-,0nkf5%!dMRc?{x)(sY3\x7fmUS|:_eFX1ilZH'\\=$y7`Q 6",
    b"-uR`q^I\\b})6 |z\x7fkc3+hQfv1dTCL:L~LE,*t'7DyY/o&rj9{?8wgSG4x]0#Z[lHUpi.L!$NP\tVs5aKX;W\"mM%(FJ2A=_OBe",
    b"20!)[83=X:5e9\\VsfNEkbYx^}JmqA`AS@B'Hru17MR\"TjGd- \x7f.L]~loytC&v%$+(#A4\t*D?w;UiacPgQIOFh|6pnz/_KZ,W",
];
/// What a tab stands for in each alphabet.
const TABS: [u8; 3] = *b"Wn{";
/// Which alphabet has its turn, over and over.
const TURNS: &[u8; 64] = b"0120121221210212021200122102122100212120200120210212001220012021";

const START: &str = "#@~^";
const END: &str = "^#~@";
/// The length in base64, and the checksum likewise before the end.
const NUMBER: usize = 8;

/// Whether a text has an encoded part.
#[must_use]
pub fn is_encoded(text: &str) -> bool {
    text.contains(START)
}

/// A text with its encoded parts decoded.
#[must_use]
pub fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(START) {
        decoded += rest.get(..at).unwrap_or_default();
        let inner = rest.get(at + START.len()..).unwrap_or_default();
        let end = inner.find(END).unwrap_or(inner.len());
        let body = inner.get(..end).unwrap_or_default();
        decoded += &part(body.get(NUMBER..).unwrap_or_default(), end < inner.len());
        rest = inner.get(end + END.len()..).unwrap_or_default();
    }
    decoded + rest
}

/// One part, without its length; with the checksum at its end if it was not cut.
fn part(body: &str, is_whole: bool) -> String {
    let cut = body.len().saturating_sub(if is_whole { NUMBER } else { 0 });
    let body = body.get(..cut).unwrap_or(body);
    let mut decoded = String::with_capacity(body.len());
    let mut characters = body.chars();
    let mut turn = 0;
    while let Some(char) = characters.next() {
        let taken = turn;
        if char.is_ascii() {
            turn += 1;
        }
        match char {
            '@' => decoded.push(match characters.next() {
                Some('&') => '\n',
                Some('#') => '\r',
                Some('*') => '>',
                Some('!') => '<',
                Some('$') => '@',
                Some(other) => other,
                None => break,
            }),
            char => decoded.push(plain(char, taken)),
        }
    }
    decoded
}

fn plain(char: char, turn: usize) -> char {
    let alphabet = usize::from(TURNS[turn % TURNS.len()] - b'0');
    match u32::from(char) {
        0x09 => char::from(TABS[alphabet]),
        code @ 0x20..=0x7f => char::from(ALPHABETS[alphabet][code as usize - 0x20]),
        _ => char,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the encoder's documentation, and that of a manual.
    #[test]
    fn published_examples_are_decoded() {
        assert_eq!(decode("#@~^DgAAAA==\\ko$K6,JC\x7fV^GJqAQAAA==^#~@"), "MsgBox \"Hello\"");
        assert_eq!(decode("<b>#@~^DgAAAA==\\ko$K6,JC\x7fV^GJqAQAAA==^#~@</b>"), "<b>MsgBox \"Hello\"</b>");
    }

    #[test]
    fn cut_parts_are_decoded_as_far_as_they_go() {
        assert_eq!(decode("#@~^DgAAAA==\\ko$K6"), "MsgBox");
        for text in ["#@~^", "#@~^A", "#@~^AAAAAAAA@", "#@~^\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}^#~@", "^#~@"] {
            assert!(decode(text).len() <= text.len());
        }
    }

    #[test]
    fn each_alphabet_has_every_character_but_those_that_are_escaped() {
        for (alphabet, tab) in ALPHABETS.iter().zip(TABS) {
            let missing = (0x20..=0x7f).filter(|byte| *byte != tab && !alphabet.contains(byte)).collect::<Vec<u8>>();
            assert!(missing.iter().all(|byte| b"<>@".contains(byte)), "{missing:?}");
        }
    }
}
