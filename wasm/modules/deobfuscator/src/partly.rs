//! Words of which a part is escaped, as in a query.

use crate::decode::text;
use crate::limits::{MAX_BLOBS, MAX_LAYER};
use crate::peel::{Found, Technique};

/// Escapes of which a few are worth a layer, where they hide one of the following.
const LEAST_PARTLY: usize = 3;
/// What is run by one line; lower case.
const COMMANDS: [&str; 16] = [
    "powershell -",
    "powershell.exe -",
    "powershell /",
    "cmd /c",
    "cmd.exe /c",
    "iex ",
    "iex(",
    "invoke-",
    "new-object ",
    "mshta ",
    "rundll32 ",
    "regsvr32 ",
    "bash -c",
    "<script",
    "javascript:",
    "eval(",
];
/// How links begin that name another place, which is no secret of theirs.
const LINKS: [&str; 6] = ["/", "?", "#", ".", "mailto:", "data:"];

/// Words with escapes in them, as of a query, that have a command or an address in them which nobody can read there.
pub fn escaped(data: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>');
    let mut from = 0;
    while data.len() <= MAX_LAYER
        && found.len() < MAX_BLOBS
        && let Some(at) = data.get(from..).and_then(|rest| memchr::memchr(b'%', rest)).map(|at| from + at)
    {
        let start = data[from..at].iter().rposition(is_end).map_or(from, |end| from + end + 1);
        let end = data[at..].iter().position(is_end).map_or(data.len(), |end| at + end);
        from = end;
        let word = &data[start..end];
        let plain = text::percent(word);
        if plain.len() + 2 * LEAST_PARTLY <= word.len() && reveals(word, &plain) {
            found.push(Found::part(Technique::Url, 85, plain).at(start, end));
        }
    }
    found
}

fn reveals(word: &[u8], plain: &[u8]) -> bool {
    let lower = |bytes: &[u8]| crate::decode::lossy(bytes).to_ascii_lowercase();
    let (before, after) = (lower(word), lower(plain));
    let is_new = |sign: &str| after.contains(sign) && !before.contains(sign);
    let is_link = before.contains("://") || LINKS.iter().any(|link| before.starts_with(link));
    COMMANDS.iter().any(|sign| is_new(sign)) || (!is_link && ["http://", "https://"].iter().any(|sign| is_new(sign)))
}
