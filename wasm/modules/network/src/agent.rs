//! User agents: what a client of HTTP calls itself (RFC 9110, section 10.1.5).

use crate::ioc::{Hit, Kind};
use crate::limits::MAX_USER_AGENT;
use crate::text::{byte, goes_on, slice, span_end, string};

/// Names with which user agents begin, where a version follows.
const PRODUCTS: &[&[u8]] = &[
    b"Mozilla/",
    b"Opera/",
    b"curl/",
    b"Wget/",
    b"python-requests/",
    b"Python-urllib/",
    b"Go-http-client/",
    b"Java/",
    b"okhttp/",
    b"libwww-perl/",
    b"PostmanRuntime/",
    b"Microsoft-CryptoAPI/",
    b"Dalvik/",
    b"Microsoft BITS/",
    b"WindowsPowerShell/",
    b"axios/",
    b"aiohttp/",
];

/// Whether a user agent may begin with the word `start..end`: most words are told by their last and first letters.
pub fn may_begin(text: &[u8], start: usize, end: usize) -> bool {
    let first = byte(text, start).to_ascii_lowercase();
    match byte(text, end) {
        b'/' => matches!(first, b'm' | b'o' | b'c' | b'w' | b'j' | b'p' | b'd' | b'a'),
        b'-' => matches!(first, b'p' | b'g' | b'l' | b'm' | b'u'),
        b' ' => first == b'm' && end - start == 9,
        _ => false,
    }
}

/// The user agent that begins at `start`.
pub fn at_word(text: &[u8], start: usize) -> Option<Hit> {
    if goes_on(text, start, b"User-Agent: ") {
        let from = start + 12;
        let end = span_end(text, from, MAX_USER_AGENT, |byte| !matches!(byte, 0 | b'"' | b'\\' | b'\''));
        let fits = end >= from + 3 && byte(text, from).is_ascii_alphanumeric();
        return fits.then(|| Hit::new(Kind::UserAgent, string(slice(text, from, end)).trim().to_owned(), from, end));
    }
    let product = PRODUCTS.iter().find(|product| goes_on(text, start, product))?;
    byte(text, start + product.len()).is_ascii_digit().then(|| {
        let end = products_end(text, start);
        Hit::new(Kind::UserAgent, string(slice(text, start, end)), start, end)
    })
}

/// `name/version` and comments in parentheses, with single spaces between them.
fn products_end(text: &[u8], start: usize) -> usize {
    let last = start + MAX_USER_AGENT;
    let mut end = start;
    let mut at = start;
    while at < last {
        let next = if byte(text, at) == b'(' { comment_end(text, at, last) } else { product_end(text, at, last) };
        // Another one begins where there is Mozilla again.
        if next == at || (at > start && goes_on(text, at, b"Mozilla/")) {
            break;
        }
        end = next;
        if byte(text, end) != b' ' {
            break;
        }
        at = end + 1;
    }
    end
}

fn comment_end(text: &[u8], start: usize, last: usize) -> usize {
    let mut depth = 0_usize;
    for at in start..last {
        match byte(text, at) {
            b'(' => depth += 1,
            b')' if depth <= 1 => return at + 1,
            b')' => depth -= 1,
            0 | b'"' => return start,
            _ => {}
        }
    }
    start
}

/// A product, with or without a version; a word without one counts if it is one that browsers write.
fn product_end(text: &[u8], start: usize, last: usize) -> usize {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&*+-.^_`|~".contains(&byte);
    let name = span_end(text, start, last - start, allowed);
    if byte(text, name) == b'/' && name > start {
        return span_end(text, name + 1, last.saturating_sub(name), allowed);
    }
    let known: [&[u8]; 4] = [b"Gecko", b"Mobile", b"Safari", b"Firefox"];
    if known.iter().any(|word| slice(text, start, name).eq_ignore_ascii_case(word)) { name } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_product_may_begin_one() {
        for product in PRODUCTS.iter().copied().chain([&b"User-Agent: "[..]]) {
            for text in [product.to_ascii_lowercase(), product.to_ascii_uppercase()] {
                assert!(may_begin(&text, 0, crate::text::word_end(&text, 0)), "{}", string(product));
            }
        }
    }

    #[test]
    fn a_user_agent_ends_where_the_next_begins() {
        let one = "mozilla/5.0 (windows nt 6.1; wow64) applewebkit/535.11 (khtml, like gecko) chrome/17.0.963.56 safari/535.11";
        let text = format!("{one} mozilla/5.0 (windows nt 6.1; wow64; rv:11.0) gecko firefox/11.0");
        let value = |text: &str, at| at_word(text.as_bytes(), at).map(|hit| hit.value);
        assert_eq!(value(&text, 0).as_deref(), Some(one));
        let second = value(&text, one.len() + 1);
        assert_eq!(second.as_deref(), text.get(one.len() + 1..));
        assert_eq!(value("curl/8.5.0 is old", 0).as_deref(), Some("curl/8.5.0"));
        assert_eq!(value("User-Agent: my bot 1", 0).as_deref(), Some("my bot 1"));
        assert_eq!(value("Mozilla/x", 0), None);
        assert_eq!(value("Mozilla/5.0 (never closed", 0).as_deref(), Some("Mozilla/5.0"));
    }
}
