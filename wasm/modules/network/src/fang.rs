//! Texts with indicators that nobody can follow by accident, and back.

use crate::ioc::{Hit, Kind, Tag};
use crate::marks::{at_sign, dot, separator};
use crate::scan::scan;
use crate::text::{before, byte, each_run, goes_on, is_word, slice, string};

/// Schemes as people change them.
const SCHEMES: &[(&[u8], &[u8])] = &[
    (b"hxxps", b"https"),
    (b"hxxp", b"http"),
    (b"htxps", b"https"),
    (b"htxp", b"http"),
    (b"hxtps", b"https"),
    (b"hxtp", b"http"),
    (b"h**ps", b"https"),
    (b"h**p", b"http"),
    (b"fxps", b"ftps"),
    (b"fxp", b"ftp"),
];

/// Writes every address, host and mail address of a text so that no program makes a link of it.
pub fn defang(text: &str) -> String {
    let mut spans: Vec<(usize, usize, Kind)> = Vec::new();
    each_run(text.as_bytes(), |run| {
        scan(&run, |hit: Hit| {
            let is_address =
                matches!(hit.kind, Kind::Url | Kind::Domain | Kind::Onion | Kind::Ipv4 | Kind::Ipv6 | Kind::Email);
            if is_address && !hit.tags.contains(&Tag::Ambiguous) {
                spans.push((run.offset(hit.start), run.offset(hit.end), hit.kind));
            }
        });
    });
    // Hosts lie within addresses: each span does its own part, and what is changed already stays.
    let mut edits: Vec<(usize, usize, &str)> =
        spans.iter().flat_map(|&(start, end, kind)| edits(text.as_bytes(), start, end, kind)).collect();
    edits.sort_unstable();
    edits.dedup();
    apply(text, &edits)
}

/// What changes in one indicator: a place, the bytes that go, and what takes their place.
fn edits(text: &[u8], start: usize, end: usize, kind: Kind) -> Vec<(usize, usize, &'static str)> {
    let all = |sign: u8, with: &'static str| {
        let is_plain = move |at: &usize| {
            byte(text, *at) == sign && !matches!(before(text, *at), b'[' | b'(' | b'{' | b'\\' | b'^')
        };
        (start..end).filter(is_plain).map(move |at| (at, 1, with))
    };
    match kind {
        Kind::Url => {
            let Some(colon) = slice(text, start, end).windows(3).position(|part| part == b"://") else {
                return Vec::new();
            };
            let scheme = slice(text, start, start + colon);
            let mut edits = vec![(start + colon, 1, "[:]")];
            if scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https") {
                edits.push((start + 1, 2, "xx"));
            }
            edits
        }
        Kind::Email => all(b'@', "[@]").collect(),
        Kind::Ipv6 => all(b':', "[:]").collect(),
        _ => all(b'.', "[.]").collect(),
    }
}

fn apply(text: &str, edits: &[(usize, usize, &str)]) -> String {
    let mut written = String::with_capacity(text.len() + 2 * edits.len());
    let mut at = 0;
    for &(place, length, with) in edits {
        if let Some(between) = text.get(at..place) {
            written.push_str(between);
            written.push_str(with);
            at = place + length;
        }
    }
    written.push_str(text.get(at..).unwrap_or_default());
    written
}

/// Writes what people put in place of a scheme, `://`, dots and `@` as it is meant.
pub fn refang(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut written = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (length, meant) = meant_at(bytes, at);
        written.extend_from_slice(meant);
        at += length.max(1);
    }
    string(&written)
}

/// What is meant at `at`, and how many bytes say it.
fn meant_at(text: &[u8], at: usize) -> (usize, &[u8]) {
    let lead = before(text, at);
    let next = byte(text, at);
    if matches!(next, b'h' | b'H' | b'f' | b'F') && !is_word(lead) {
        let known = SCHEMES
            .iter()
            .find(|(spelled, _)| goes_on(text, at, spelled) && separator(text, at + spelled.len()).length > 0);
        if let Some((spelled, meant)) = known {
            return (spelled.len(), meant);
        }
    }
    if is_word(lead) || lead == b':' || lead == b']' {
        let separator = separator(text, at);
        if separator.defanged && !is_word(next) && next != b'%' {
            return (separator.length, b"://");
        }
        if goes_on(text, at, b"[:]") {
            return (3, b":");
        }
    }
    for (mark, meant) in [(dot(text, at), &b"."[..]), (at_sign(text, at), b"@")] {
        if mark.defanged && is_word(lead) && is_word(byte(text, at + mark.length)) {
            return (mark.length, meant);
        }
    }
    (1, slice(text, at, at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_defanged_where_they_have_addresses() {
        let text = "Get http://evil.com:80/a.exe from bob@evil.com or 1.2.3.4. See setup.py, e.g. this.";
        let expected =
            "Get hxxp[:]//evil[.]com:80/a.exe from bob[@]evil[.]com or 1[.]2[.]3[.]4. See setup.py, e.g. this.";
        assert_eq!(defang(text), expected);
        assert_eq!(defang(expected), expected);
        assert_eq!(refang(expected), text);
    }

    #[test]
    fn texts_are_refanged() {
        for (text, expected) in [
            ("hxxp://a[.]com and hXXps[:]//b(.)org", "http://a.com and https://b.org"),
            ("bob[at]evil(dot)com", "bob@evil.com"),
            ("http[:]//1[.]2[.]3[.]4", "http://1.2.3.4"),
            ("2606[:]4700[:][:]1111", "2606:4700::1111"),
            ("me (arroba) evil (punto) com", "me@evil.com"),
            (
                "pay (https://a.net/b). (Ask Bob). [c](d). [e](f).(g)",
                "pay (https://a.net/b). (Ask Bob). [c](d). [e](f).(g)",
            ),
            ("array[0].x and a[.] b (at) ", "array[0].x and a[.] b (at) "),
            ("seasharpee 123howp www[.a", "seasharpee 123howp www[.a"),
        ] {
            assert_eq!(refang(text), expected);
        }
    }
}
