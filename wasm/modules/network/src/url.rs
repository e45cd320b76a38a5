//! URLs: a scheme, what stands for `://`, a host, and the rest as far as it is one.

use crate::address::{tags_of_v4, tags_of_v6, v4_in_other_numbers, v6_at};
use crate::benign;
use crate::field;
use crate::host::Host;
use crate::ioc::{Hit, Kind, Tag};
use crate::limits::MAX_URL;
use crate::marks::{at_sign, dot, separator};
use crate::text::{before, byte, goes_on, is_word, slice, span_end, string};

/// As they are written, and what is meant. The longest first where one ends as another does.
const SCHEMES: &[(&[u8], &str)] = &[
    (b"https", "https"),
    (b"hxxps", "https"),
    (b"htxps", "https"),
    (b"hxtps", "https"),
    (b"http", "http"),
    (b"hxxp", "http"),
    (b"htxp", "http"),
    (b"hxtp", "http"),
    (b"meow", "http"),
    (b"sftp", "sftp"),
    (b"tftp", "tftp"),
    (b"ftps", "ftps"),
    (b"fxps", "ftps"),
    (b"ftp", "ftp"),
    (b"fxp", "ftp"),
    (b"wss", "wss"),
    (b"ws", "ws"),
    (b"tcp", "tcp"),
    (b"txp", "tcp"),
    (b"udp", "udp"),
    (b"ssl", "ssl"),
    (b"tls", "tls"),
    (b"ssh", "ssh"),
    (b"telnet", "telnet"),
    (b"ldaps", "ldaps"),
    (b"ldap", "ldap"),
    (b"rmi", "rmi"),
    (b"smb", "smb"),
    (b"ircs", "ircs"),
    (b"irc", "irc"),
    (b"mqtts", "mqtts"),
    (b"mqtt", "mqtt"),
    (b"rtsp", "rtsp"),
    (b"socks5", "socks5"),
    (b"git", "git"),
    (b"dav", "dav"),
];

/// Forms of `http` that are no word.
const STARRED: &[(&[u8], &str)] = &[(b"h**ps", "https"), (b"h**p", "http"), (b"h__ps", "https"), (b"h__p", "http")];

/// A scheme that ends with the word `start..end`, where `://` follows: where it begins, what it means, and where what
/// follows begins.
struct Scheme {
    start: usize,
    meant: &'static str,
    spelled_otherwise: bool,
    body: usize,
    /// How often its signs were escaped: it is a part of another URL.
    escaped: usize,
}

fn scheme(text: &[u8], start: usize, end: usize) -> Option<Scheme> {
    if let Some((starred, meant)) = STARRED.iter().find(|(starred, _)| goes_on(text, start, starred)) {
        let mark = separator(text, start + starred.len());
        let body = start + starred.len() + mark.length;
        return (mark.length > 0).then_some(Scheme { start, meant, spelled_otherwise: true, body, escaped: 0 });
    }
    let mark = separator(text, end);
    if mark.length == 0 {
        return None;
    }
    let word = slice(text, start, end);
    let (spelled, meant) = SCHEMES.iter().find(|(spelled, _)| {
        let at = word.len().wrapping_sub(spelled.len());
        // Glued to what is before it only where the scheme cannot be a part of that word.
        word.get(at..).is_some_and(|tail| tail.eq_ignore_ascii_case(spelled)) && (at == 0 || spelled.len() >= 4)
    })?;
    Some(Scheme {
        start: end - spelled.len(),
        meant,
        spelled_otherwise: mark.defanged || !spelled.eq_ignore_ascii_case(meant.as_bytes()),
        body: end + mark.length,
        escaped: usize::from(byte(text, end) == b'%') + usize::from(goes_on(text, end, b"%25")),
    })
}

/// Whether what stands for `://` may follow the word `start..end`: most words are told by two bytes behind them.
pub fn may_begin(text: &[u8], start: usize, end: usize) -> bool {
    match (byte(text, end), byte(text, end + 1)) {
        (b':', next) => matches!(next, b'/' | b'\\' | b'[' | b'('),
        (b'[' | b'(' | b'{', next) => next == b':',
        (b'%', next) => matches!(next, b'2' | b'3'),
        (b'*' | b'_', _) => matches!(slice(text, start, end), b"h" | b"H"),
        _ => false,
    }
}

/// The URL whose scheme ends with the word `start..end`.
pub fn at_word(text: &[u8], start: usize, end: usize) -> Option<Hit> {
    let scheme = scheme(text, start, end)?;
    let userinfo = user_info_end(text, scheme.body);
    let host = read_host(text, userinfo)?;
    let port = port_end(text, host.end);
    let rest = Rest::read(text, port, scheme.escaped);
    let user = string(slice(text, scheme.body, userinfo));
    let port = string(slice(text, host.end, port));
    let value = format!("{}://{user}{}{port}{}", scheme.meant, host.value, rest.value);
    let defanged = scheme.spelled_otherwise || host.tags.contains(&Tag::Defanged) || rest.defanged;
    Some(Hit::new(Kind::Url, value, scheme.start, rest.end).tags(&host.tags).tag_if(defanged, Tag::Defanged))
}

/// The URL without a scheme whose host is `host`, and where its text ends: a path must follow, which is not one of a
/// program's own packages, of which only the end is told.
pub fn without_scheme(text: &[u8], host: &Hit) -> (Option<Hit>, usize) {
    let port = port_end(text, host.end);
    if byte(text, port) != b'/' || !is_word(byte(text, port + 1)) {
        return (None, host.end);
    }
    let rest = Rest::read(text, port, 0);
    let is_network = host.kind == Kind::Ipv4 && is_prefix_length(&rest.value);
    if is_network || benign::is_of_package(&host.value, &rest.value) {
        return (None, rest.end);
    }
    let value = format!("{}{}{}", host.value, string(slice(text, host.end, port)), rest.value);
    let hit = Hit::new(Kind::Url, value, host.start, rest.end);
    (Some(hit.tags(&host.tags).tag_if(rest.defanged, Tag::Defanged)), rest.end)
}

/// `/24`, as many bits of an address as its network has.
fn is_prefix_length(path: &str) -> bool {
    path.strip_prefix('/').and_then(|bits| bits.parse::<u8>().ok()).is_some_and(|bits| bits <= 32)
}

/// Where the `user:password@` of the URL ends whose scheme ends with the word `start..end`: what is before it is nothing
/// else. None where no password is in it.
pub fn login_end(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let body = scheme(text, start, end)?.body;
    let login = slice(text, body, user_info_end(text, body));
    login.contains(&b':').then_some(body + login.len())
}

/// What is written with asterisks for the passwords in its URLs, as many as they have characters, up to 16.
pub fn masked(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("//") {
        let end = behind.find(|sign: char| sign.is_whitespace() || "/?#\\\"'<>".contains(sign)).unwrap_or(behind.len());
        let login = behind.get(..end).unwrap_or_default().rsplit_once('@').and_then(|(login, _)| login.split_once(':'));
        told.push_str(before);
        told.push_str("//");
        rest = behind;
        if let Some((user, password)) = login {
            told.push_str(user);
            told.push(':');
            told.push_str(&"*".repeat(password.chars().count().min(16)));
            rest = behind.get(user.len() + 1 + password.len()..).unwrap_or_default();
        }
    }
    told + rest
}

/// The end of `user:password@`, or `at`.
fn user_info_end(text: &[u8], at: usize) -> usize {
    let allowed = |byte: u8| is_word(byte) || b"-._~!$&*+,;=:%".contains(&byte);
    let end = span_end(text, at, 128, allowed);
    if end > at && byte(text, end) == b'@' { end + 1 } else { at }
}

struct Place {
    value: String,
    end: usize,
    tags: Vec<Tag>,
}

fn read_host(text: &[u8], at: usize) -> Option<Place> {
    if byte(text, at) == b'[' {
        let hit = v6_at(text, at + 1).filter(|hit| byte(text, hit.end) == b']')?;
        let tags = hit.value.parse().map(tags_of_v6).unwrap_or_default();
        return Some(Place { value: format!("[{}]", hit.value), end: hit.end + 1, tags });
    }
    let host = Host::read(text, at);
    if let Some(hit) = host.hit() {
        return Some(Place { value: hit.value, end: hit.end, tags: hit.tags });
    }
    if let Some(address) = v4_in_other_numbers(&host.labels) {
        return Some(Place { value: address.to_string(), end: host.end, tags: tags_of_v4(address) });
    }
    // A name of one's own network, of one label. With a dot, an unknown suffix makes it none.
    let [label] = host.labels.as_slice() else { return None };
    let name = std::str::from_utf8(label).ok().filter(|name| name.len() >= 2 && !name.starts_with('-'))?.to_lowercase();
    let tag = if name == "localhost" { Tag::Loopback } else { Tag::Private };
    Some(Place { value: name, end: host.end, tags: vec![tag] })
}

fn port_end(text: &[u8], at: usize) -> usize {
    if byte(text, at) != b':' {
        return at;
    }
    let end = span_end(text, at + 1, 5, |byte| byte.is_ascii_digit());
    if end > at + 1 && !byte(text, end).is_ascii_digit() { end } else { at }
}

/// Path, query and fragment.
struct Rest {
    value: String,
    end: usize,
    defanged: bool,
}

impl Rest {
    fn read(text: &[u8], start: usize, escaped: usize) -> Self {
        let nothing = Self { value: String::new(), end: start, defanged: false };
        let starts = matches!(byte(text, start), b'/' | b'?' | b'#')
            || slice(text, start, start + 2) == b"\\/"
            || (escaped > 0 && byte(text, start) == b'%');
        if !starts {
            return nothing;
        }
        let (mut value, mut at, mut defanged, mut kept) = (Vec::new(), start, false, (0, start));
        let mut depth = 0_i32;
        while at - start < MAX_URL {
            let next = byte(text, at);
            let mark = if is_word(next) || next == b'.' { Default::default() } else { Self::mark(text, at) };
            if let (true, (length, sign)) = (mark.0 > 0, mark) {
                value.push(sign);
                at += length;
                defanged = true;
            } else if next == b'\\' && byte(text, at + 1) == b'/' {
                value.push(b'/');
                at += 2;
            } else if !is_of_url(next) || is_next_parameter(text, at, escaped) || ends_at(text, start, at) {
                break;
            } else {
                depth += i32::from(next == b'(') - i32::from(next == b')');
                if depth < 0 {
                    break;
                }
                value.push(next);
                at += 1;
            }
            // What ends a sentence does not end an address.
            if !matches!(next, b'.' | b',' | b';' | b':' | b'!' | b'?' | b'*' | b'(' | b'[' | b'\'' | b'_' | b'~') {
                kept = (value.len(), at);
            }
        }
        value.truncate(kept.0);
        let mut value = string(&value);
        value = decode_percent(value, escaped);
        Self { value, end: kept.1, defanged }
    }

    /// A defanged dot or `@` within the rest, where a letter follows.
    fn mark(text: &[u8], at: usize) -> (usize, u8) {
        for (mark, sign) in [(dot(text, at), b'.'), (at_sign(text, at), b'@')] {
            if mark.defanged && byte(text, at) != b' ' && is_word(byte(text, at + mark.length)) {
                return (mark.length, sign);
            }
        }
        (0, 0)
    }
}

/// Whether what goes on at `at` belongs to the URL that has an escaped one: one that was escaped twice stands in one that
/// was escaped once.
fn is_next_parameter(text: &[u8], at: usize, escaped: usize) -> bool {
    escaped > 0 && byte(text, at) == b'&' || escaped > 1 && goes_on(text, at, b"%26")
}

/// Whether the rest of a URL, which begins at `start`, ends before `at`, since something else begins there.
fn ends_at(text: &[u8], start: usize, at: usize) -> bool {
    match byte(text, at) {
        b',' => field::is_behind(text, start, at),
        b';' => !is_parameter(text, at + 1) && !is_reference(slice(text, start, at)),
        b'h' | b'H' if at > start => is_glued_scheme(text, start, at),
        _ => false,
    }
}

/// `name=value`, as behind a semicolon in a path or query; a shell's command is none.
fn is_parameter(text: &[u8], at: usize) -> bool {
    let end = span_end(text, at, 64, |byte| is_word(byte) || matches!(byte, b'-' | b'_' | b'.' | b'%'));
    end > at && byte(text, end) == b'='
}

/// `&amp` and `&#38`, which HTML ends with a semicolon.
fn is_reference(before: &[u8]) -> bool {
    let name = before.iter().rev().take(8).take_while(|&&byte| is_word(byte) || byte == b'#').count();
    name > 0 && before.iter().rev().nth(name) == Some(&b'&')
}

/// The scheme of another URL, or the beginning of a message of a library for HTTP, where texts stand one behind the
/// other without a sign between them, or in a list. A URL within a URL has a sign of URLs before it, or
/// stands in its query.
fn is_glued_scheme(text: &[u8], start: usize, at: usize) -> bool {
    let lead = before(text, at);
    let is_glue = is_word(lead) || matches!(lead, b',' | b')');
    let begins = [&b"http://"[..], b"https://", b"http: "].iter().any(|begin| goes_on(text, at, begin));
    is_glue && begins && !slice(text, start, at).contains(&b'?')
}

const fn is_of_url(byte: u8) -> bool {
    !matches!(byte, 0..=b' ' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'\\' | b'^' | 0x7f | b']')
}

/// The signs that divide an address, where it is itself a part of another: escaped `times` times.
fn decode_percent(text: String, times: usize) -> String {
    const SIGNS: [(&str, &str); 6] = [("2f", "/"), ("3f", "?"), ("3d", "="), ("26", "&"), ("3a", ":"), ("25", "%")];
    let once = |text: String, _| {
        let mut parts = text.split('%');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |decoded, part| {
            let code = part.get(..2).unwrap_or_default();
            match SIGNS.iter().find(|(escape, _)| escape.eq_ignore_ascii_case(code)) {
                Some((_, sign)) => decoded + sign + &part[2..],
                None => decoded + "%" + part,
            }
        })
    };
    (0..times).fold(text, once)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::word_end;

    fn value(text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        at_word(bytes, 0, word_end(bytes, 0)).map(|hit| hit.value)
    }

    #[test]
    fn an_address_ends_where_the_sentence_goes_on() {
        for (text, expected) in [
            ("https://citizenlab.ca/about/), bar", "https://citizenlab.ca/about/"),
            ("https://a.com/rdp.ps1');g", "https://a.com/rdp.ps1"),
            ("http://a.com/b_(c)_d.", "http://a.com/b_(c)_d"),
            ("https://a.com.", "https://a.com"),
            ("http://a.com/x?y=1&z=2, and", "http://a.com/x?y=1&z=2"),
            ("HTTP://A.COM:8080/Path", "http://a.com:8080/Path"),
            ("http://user:pw@a.com/", "http://user:pw@a.com/"),
            ("http:\\/\\/a.com\\/b", "http://a.com/b"),
            ("http%3A%2F%2Fa.com%2Fb&c=1", "http://a.com/b"),
            ("http%3A%2F%2Fa.com%2Fr%3Fu%3Dhttp%253A%252F%252Fb.com%2526c", "http://a.com/r?u=http%3A%2F%2Fb.com%26c"),
            ("http%253A%252F%252Fb.com%252Fa%2526b%26c", "http://b.com/a&b"),
            ("http://[2606:4700::1]:80/x", "http://[2606:4700::1]:80/x"),
            ("http://localhost:3000/x", "http://localhost:3000/x"),
            ("http://a.com/b). (http://c.com/d)", "http://a.com/b"),
            ("http://a.com/b). [2](http://c.com/d)", "http://a.com/b"),
        ] {
            assert_eq!(value(text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_address_ends_where_a_command_or_another_address_begins() {
        for (text, expected) in [
            ("http://1.2.3.4/bins/mips;chmod 777 mips;./mips", "http://1.2.3.4/bins/mips"),
            ("http://a.com/a.sh;sh a.sh", "http://a.com/a.sh"),
            ("http://a.com/a,http://b.com/b;http://c.com/c", "http://a.com/a"),
            ("http://a.com/a;http://c.com/c", "http://a.com/a"),
            ("http://a.com/gate.phphttps://b.com/", "http://a.com/gate.php"),
            ("http://a.com/gate.phphttp: concurrent read", "http://a.com/gate.php"),
            ("http://a.com/x;jsessionid=1?b=2;c=3", "http://a.com/x;jsessionid=1?b=2;c=3"),
            ("http://a.com/?x=1&amp;y=2&#38;z", "http://a.com/?x=1&amp;y=2&#38;z"),
            ("http://a.com/r?u=http://b.com/c", "http://a.com/r?u=http://b.com/c"),
            ("http://a.com/r?u=x&s=y~Chttp://b.com/c", "http://a.com/r?u=x&s=y~Chttp://b.com/c"),
            ("http://a.com/web/2020/http://b.com/c", "http://a.com/web/2020/http://b.com/c"),
        ] {
            assert_eq!(value(text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_address_ends_where_the_next_field_of_a_row_begins() {
        for (text, expected) in [
            ("https://evil.com/abc,2024-01-01,malware", "https://evil.com/abc"),
            ("https://evil.com/abc,2024-01-01 12:30:00,malware", "https://evil.com/abc"),
            ("https://evil.com/abc,malware_download,2024-01-01T12:30:00Z", "https://evil.com/abc"),
            ("https://evil.com/abc,200,12:30:59", "https://evil.com/abc"),
            ("https://evil.com/abc,45.9.148.7,x", "https://evil.com/abc"),
            ("https://evil.com/?a=1&b=2,,44d88612fea8a8f36de82e1278abb02f", "https://evil.com/?a=1&b=2"),
            ("https://evil.com/?ids=1,2,2024-01-01,x", "https://evil.com/?ids=1,2"),
            ("https://evil.com/a.exe,malware", "https://evil.com/a.exe"),
            ("https://evil.com/,phishing,https", "https://evil.com/"),
            ("https://evil.com/abc,\"x, y\"", "https://evil.com/abc"),
        ] {
            assert_eq!(value(text).as_deref(), Some(expected));
        }
        for text in [
            "https://a.com/maps/@1,2,3z",
            "https://a.com/maps/@48.1371,11.5754,12z/data=1",
            "https://a.com/?ids=1,2",
            "https://a.com/?fields=name,email",
            "https://a.com/tags/red,blue",
            "https://a.com/?dates=2024-01-01,2024-02-01",
            "https://a.com/?t=12:00,13:00&x=1",
            "https://a.com/?on=x,2024-01-01&y=2",
            "https://a.com/?on=x,2024-01-01",
            "https://a.com/gate.php?h=bot,44d88612fea8a8f36de82e1278abb02f",
            "https://a.com/dl/chrome,120.0.6099.1",
            "https://a.com/map,1:25000",
            "https://a.com/a.js,b.js",
            "https://a.com/f(a,b)/c",
            "https://a.com/1,2024,x.html",
            "https://a.com/?ip=1.2.3.4,5.6.7.8",
        ] {
            assert_eq!(value(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn addresses_of_ipv4_in_other_numbers_are_the_same() {
        for (text, expected) in [
            ("http://0177.0.0.1/a", "http://127.0.0.1/a"),
            ("http://0x7f000001/", "http://127.0.0.1/"),
            ("http://2130706433:80/", "http://127.0.0.1:80/"),
            ("http://0x2d.9.0224.7/a", "http://45.9.148.7/a"),
            ("http://0x2d.0x099407/a", "http://45.9.148.7/a"),
        ] {
            assert_eq!(value(text).as_deref(), Some(expected));
        }
        for text in ["http://0x2d.256.1.1/", "http://0999.1.1.1/", "http://1.2/", "http://0x1.0x1000000/"] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn defanged_addresses_are_refanged() {
        for (text, expected) in [
            ("hxxp://a[.]com", "http://a.com"),
            ("hXXps[:]//a[.]com/t?m=bad[@]test.com", "https://a.com/t?m=bad@test.com"),
            ("h**p://a(dot)com/b", "http://a.com/b"),
            ("http[:]//1[.]2[.]3[.]4/x[.]exe", "http://1.2.3.4/x.exe"),
        ] {
            assert_eq!(value(text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn passwords_are_masked_and_nothing_else() {
        for (text, expected) in [
            ("ftp://bob:secret@a.com/x@y:z", "ftp://bob:******@a.com/x@y:z"),
            ("/go?to=http://a:b@c.net&and=https://d:ee@f.org/", "/go?to=http://a:*@c.net&and=https://d:**@f.org/"),
            ("GET http://u:p@ss@h/ HTTP/1.1", "GET http://u:****@h/ HTTP/1.1"),
            ("hxxp://u:pw@a[.]com", "hxxp://u:**@a[.]com"),
            ("//u:pw@a.com", "//u:**@a.com"),
            ("http://a.com:80/x@y", "http://a.com:80/x@y"),
            ("http://bob@a.com/", "http://bob@a.com/"),
            ("http://a.com//", "http://a.com//"),
            ("", ""),
        ] {
            assert_eq!(masked(text), expected);
        }
        assert_eq!(masked("http://u:éé@x"), "http://u:**@x");
        assert_eq!(masked(&format!("http://u:{}@x", "p".repeat(99))), format!("http://u:{}@x", "*".repeat(16)));
    }

    #[test]
    fn what_has_no_host_is_no_address() {
        for text in ["http://", "http://%s/%s", "http://../", "http:///a", "http://a", "foo://a.com", "http://a.dll/"] {
            assert_eq!(value(text), None, "{text}");
        }
    }
}
