//! One pass over a run: each word, and each sign that begins something, is looked at once. What spans several words is
//! read from its beginning, and a cursor keeps it from being read again, so that the work stays linear.

use crate::host::{self, Host};
use crate::ioc::{Hit, Kind, Tag};
use crate::limits::MAX_LOCAL_PART;
use crate::marks::{at_sign, escape_length};
use crate::text::{Run, before, byte, goes_on, is_word, slice, span_end, string, word_end};
use crate::{address, agent, benign, path, url, word};

/// Up to where something has been read.
#[derive(Default)]
struct Cursors {
    host: usize,
    url: usize,
    path: usize,
    colons: usize,
    agent: usize,
    /// Up to here a user and a password stand in an address.
    login: usize,
}

struct Scan<'a, F> {
    text: &'a [u8],
    is_version: bool,
    is_immediate: bool,
    done: Cursors,
    found: F,
}

/// A plus is what people add to their names in mail addresses.
const ESCAPED_PLUS: &[u8] = b"%2b";

/// Whether something may begin with a sign, by what follows it: most are between two words and no more.
const fn may_begin(sign: u8, next: u8) -> bool {
    match sign {
        b' ' => matches!(next, b'[' | b'(' | b'{' | b'A'),
        b':' => next == b':',
        _ => matches!(sign, b'@' | b'[' | b'(' | b'{' | b'\\' | b'%' | b'$' | b'/' | b'~'),
    }
}

/// Calls `found` for each indicator of the run.
pub fn scan(run: &Run, found: impl FnMut(Hit)) {
    let (is_version, is_immediate) = (run.is_version, run.is_immediate);
    let mut scan = Scan { text: run.text, is_version, is_immediate, done: Cursors::default(), found };
    let mut at = 0;
    while at < run.text.len() {
        if is_word(byte(run.text, at)) {
            let end = word_end(run.text, at);
            scan.word(at, end);
            at = end;
        } else {
            scan.sign(at);
            // What an escape stands for is no part of the word behind it.
            at += if byte(run.text, at) == b'%' { escape_length(run.text, at).max(1) } else { 1 };
        }
    }
}

impl<F: FnMut(Hit)> Scan<'_, F> {
    fn word(&mut self, start: usize, end: usize) {
        if start < self.done.login {
            return;
        }
        if let Some(hit) = word::at_word(self.text, start, end) {
            (self.found)(hit);
        }
        self.url(start, end);
        if start >= self.done.path {
            self.path(path::at_word(self.text, start, end));
        }
        if start >= self.done.agent
            && agent::may_begin(self.text, start, end)
            && let Some(hit) = agent::at_word(self.text, start)
        {
            self.done.agent = hit.end;
            (self.found)(hit);
        }
        if start >= self.done.colons && matches!(byte(self.text, end), b':' | b'[') {
            self.colons(start, end);
        }
        if start >= self.done.host {
            self.host(start, end);
        }
    }

    fn sign(&mut self, at: usize) {
        if !may_begin(byte(self.text, at), byte(self.text, at + 1)) || at < self.done.login {
            return;
        }
        let path = match byte(self.text, at) {
            b'@' | b'[' | b'(' | b'{' | b' ' => return self.email(at),
            b'%' if at_sign(self.text, at).length > 0 => return self.email(at),
            b':' if at >= self.done.colons && !is_word(before(self.text, at)) => {
                return self.colons(at, at);
            }
            _ if at < self.done.path => return,
            b'\\' => path::at_backslash(self.text, at),
            b'%' => path::at_percent(self.text, at),
            b'$' => path::at_dollar(self.text, at),
            b'/' | b'~' if at >= self.done.url && !self.is_immediate => path::at_slash(self.text, at),
            _ => None,
        };
        self.path(path);
    }

    fn path(&mut self, hit: Option<Hit>) {
        if let Some(hit) = hit {
            self.done.path = hit.end;
            (self.found)(hit);
        }
    }

    fn url(&mut self, start: usize, end: usize) {
        if !url::may_begin(self.text, start, end) {
            return;
        }
        if let Some(hit) = url::at_word(self.text, start, end) {
            // Addresses within addresses are read too: they are where redirections lead.
            self.done.url = self.done.url.max(hit.end);
            self.done.login = url::login_end(self.text, start, end).unwrap_or(self.done.login);
            (self.found)(hit);
        }
    }

    /// An address of IPv6. The word before its first colon may be empty.
    fn colons(&mut self, start: usize, end: usize) {
        let is_group = end - start <= 4 && slice(self.text, start, end).iter().all(u8::is_ascii_hexdigit);
        if !is_group || matches!(before(self.text, start), b':' | b'.' | b'_' | b'-') {
            return;
        }
        let hit = address::v6_at(self.text, start);
        self.done.colons = hit.as_ref().map_or_else(
            || span_end(self.text, start, usize::MAX, |byte| byte.is_ascii_hexdigit() || byte == b':'),
            |hit| hit.end,
        );
        if let Some(hit) = hit {
            (self.found)(hit);
        }
    }

    fn host(&mut self, start: usize, end: usize) {
        // Most words stand alone: that needs no list of labels.
        let label = host::label_end(self.text, end);
        if !host::goes_on_behind(self.text, label) {
            self.done.host = label;
            return;
        }
        let host = Host::read(self.text, start);
        self.done.host = host.end.max(start + 1);
        if host.labels.len() < 2 {
            return;
        }
        if let Some(hit) = path::pdb(self.text, host.start, host.end) {
            (self.found)(hit);
        }
        let Some(hit) = host.hit() else { return };
        let hit = self.judged(hit);
        let certain = !hit.tags.contains(&Tag::Ambiguous);
        if certain && start >= self.done.url && start >= self.done.path {
            let (found, end) = url::without_scheme(self.text, &hit);
            self.done.url = self.done.url.max(end);
            found.into_iter().for_each(&mut self.found);
        }
        (self.found)(hit);
    }

    /// Says of a host that stands alone whether it may be something else.
    fn judged(&self, hit: Hit) -> Hit {
        let is_clear = hit.tags.contains(&Tag::Defanged) || self.is_in_address(hit.start);
        let lead = before(self.text, hit.start);
        let is_ambiguous = match hit.kind {
            Kind::Ipv4 => {
                address::is_version(self.text, hit.start)
                    || (hit.start == 0 && self.is_version)
                    || hit.tags.is_empty()
                        && hit.value.parse().is_ok_and(|number| address::may_be_version(self.text, hit.start, number))
            }
            Kind::Domain => {
                let spelled = string(slice(self.text, hit.start, hit.end));
                benign::may_be_something_else(&spelled, lead, byte(self.text, hit.end))
            }
            _ => false,
        };
        hit.tag_if(is_ambiguous && !is_clear, Tag::Ambiguous)
    }

    /// Whether `://` or `@` is before it.
    fn is_in_address(&self, start: usize) -> bool {
        let is_behind = |sign: &[u8]| goes_on(self.text, start.wrapping_sub(sign.len()), sign);
        let is_in_url = start < self.done.url;
        before(self.text, start) == b'@'
            || is_behind(b"//")
            || is_behind(b"%40")
            || (is_in_url && (is_behind(b"%2f") || is_behind(b"%252f")))
    }

    /// Where the part of a mail address begins that ends at `end`: behind what an escape before it stands for.
    fn local_start(&self, end: usize) -> usize {
        let is_local = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-');
        let lead = slice(self.text, end.saturating_sub(MAX_LOCAL_PART), end);
        let start = end - lead.iter().rev().take_while(|&&byte| is_local(byte)).count();
        let behind_escape = |at: usize| {
            let length = escape_length(self.text, at);
            (length > 0 && at + length <= end && !goes_on(self.text, at, ESCAPED_PLUS)).then_some(at + length)
        };
        let start = (start..end).rev().find_map(behind_escape).unwrap_or(start);
        span_end(self.text, start, end - start, |byte| !is_word(byte) && byte != b'_')
    }

    /// A mail address, at what stands for its `@`.
    fn email(&mut self, at: usize) {
        let mark = at_sign(self.text, at);
        let domain = at + mark.length;
        if mark.length == 0 || !is_word(byte(self.text, domain)) {
            return;
        }
        let local = slice(self.text, self.local_start(at), at);
        if local.is_empty() || local.ends_with(b".") || local.windows(2).any(|pair| pair == b"..") {
            return;
        }
        let Some(host) = Host::read(self.text, domain).hit().filter(|hit| hit.kind == Kind::Domain) else { return };
        let value = format!("{}@{}", string(local).replace("%2B", "+").replace("%2b", "+"), host.value);
        let hit = Hit::new(Kind::Email, value, at - local.len(), host.end).tags(&host.tags);
        (self.found)(hit.tag_if(mark.defanged, Tag::Defanged));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(text: &str) -> Vec<Hit> {
        let mut found = Vec::new();
        scan(&Run::narrow(text.as_bytes(), 0), |hit| found.push(hit));
        found
    }

    fn values(text: &str, kind: Kind) -> Vec<String> {
        hits(text).into_iter().filter(|hit| hit.kind == kind).map(|hit| hit.value).collect()
    }

    #[test]
    fn an_address_gives_its_host_too() {
        let text = "see hxxps://evil[.]com/a?u=http://other.net/x now";
        assert_eq!(values(text, Kind::Url), ["https://evil.com/a?u=http://other.net/x", "http://other.net/x"]);
        assert_eq!(values(text, Kind::Domain), ["evil.com", "other.net"]);
    }

    #[test]
    fn mail_addresses_in_all_spellings() {
        for text in
            ["bob@evil.com", "bob[@]evil[.]com", "bob[at]evil.com", "bob (at) evil (dot) com", "bob AT evil DOT com"]
        {
            assert_eq!(values(text, Kind::Email), ["bob@evil.com"], "{text}");
            assert_eq!(values(text, Kind::Domain), ["evil.com"], "{text}");
        }
        for text in ["@evil.com", "a@b", "..@evil.com", "x@1.2.3.4"] {
            assert!(values(text, Kind::Email).is_empty(), "{text}");
        }
    }

    #[test]
    fn names_begin_behind_escapes() {
        for (text, domain) in [
            ("http%3A%2F%2Fhidden-evil.ru%2Fx", "hidden-evil.ru"),
            ("https%253A%252F%252Fhidden-evil.ru%252Fx%26d%3D1", "hidden-evil.ru"),
            ("a%20evil.ru", "evil.ru"),
            ("x%3D%22evil.ru%22", "evil.ru"),
            ("%E2%80%9Cevil.ru%E2%80%9D", "evil.ru"),
            ("LIKE '%facebook.com'", "facebook.com"),
            ("user%40evil.ru", "evil.ru"),
        ] {
            assert_eq!(values(text, Kind::Domain), [domain], "{text}");
        }
        let link = "https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Fevil.ru%2Fa%3Fb&data=05";
        assert_eq!(values(link, Kind::Domain), ["nam02.safelinks.protection.outlook.com", "evil.ru"]);
        assert_eq!(values(link, Kind::Url).last().map(String::as_str), Some("https://evil.ru/a?b"));
        let doubled = "r?u=http%253A%252F%252Fevil.ru%252Fx%253Fy%26d%3D1";
        assert_eq!(values(doubled, Kind::Url), ["http://evil.ru/x?y"]);
        assert_eq!(values("a%3D44d88612fea8a8f36de82e1278abb02f", Kind::Md5).len(), 1);
    }

    #[test]
    fn mail_addresses_with_escapes() {
        for (text, email) in [
            ("user%40evil.ru", "user@evil.ru"),
            ("to%3Duser%2540evil.ru%26", "user@evil.ru"),
            ("%20user@evil.ru", "user@evil.ru"),
            ("mail%3Dbob.x%2Bspam%40evil.ru", "bob.x+spam@evil.ru"),
            ("user%host@evil.ru", "user%host@evil.ru"),
        ] {
            assert_eq!(values(text, Kind::Email), [email], "{text}");
        }
    }

    #[test]
    fn names_that_may_be_something_else_say_so() {
        let ambiguous = |text: &str| hits(text).iter().any(|hit| hit.tags.contains(&Tag::Ambiguous));
        assert!(ambiguous("run setup.py now"));
        assert!(!ambiguous("http://setup.py/"));
        assert!(!ambiguous("setup[.]py"));
        assert!(ambiguous("Version=\"6.0.0.1\""));
        assert!(!ambiguous("from 6.0.0.1"));
    }

    #[test]
    fn numbers_behind_a_product_s_name_may_be_its_version() {
        let ambiguous = |text: &str| hits(text).iter().any(|hit| hit.tags.contains(&Tag::Ambiguous));
        for text in ["OpenSSL 3.0.2.1", "Netscape/7.2.0.1", "Chrome/120.0.0.0", "\"1.0.0.0\"", "(PyCrypto/2.6.1.5)"] {
            assert!(ambiguous(text), "{text}");
        }
        for text in ["RemoteHost 45.9.148.7", "C2 5.8.18.7", "Server 5.8.18.7", "http://Host/1.2.3.4", "GET /5.8.1.2"] {
            assert!(!ambiguous(text), "{text}");
        }
    }

    #[test]
    fn a_network_is_no_address_of_a_page() {
        assert_eq!(values("8.8.8.8/24 5.6.7.8/33", Kind::Url), ["5.6.7.8/33"]);
        assert_eq!(values("8.8.8.8/24 8.8.4.4/2/x", Kind::Ipv4), ["8.8.8.8", "8.8.4.4"]);
        assert_eq!(values("8.8.4.4/2/x 8.8.4.4/24.exe", Kind::Url), ["8.8.4.4/2/x", "8.8.4.4/24.exe"]);
    }

    #[test]
    fn symbols_of_go_are_no_addresses() {
        let text = "golang.org/x/crypto/cryptobyte.(*String).ReadASN1Boolean golang.org/x/sys/cpu.init.0 \
                    vendor/golang.org/x/net/idna.errPunycode github.com/a/b.(*T).Do github.com/a/b.RunAll \
                    corp.net/a/cmd.Execute github.com/a/b/main.go github.com/a/b@v1.2.3/c gopkg.in/yaml.v3";
        assert!(values(text, Kind::Url).is_empty(), "{:?}", values(text, Kind::Url));
        let text = "github.com/a/b evil.com/gate.php evil.com/Setup.Exe evil.com/a(1).exe evil.com/My.Invoice.exe \
                    evil.com/a/Report.Final.pdf evil.com/Invoke.Mimikatz evil.com/x.php?user=John.Smith";
        assert_eq!(values(text, Kind::Url), text.split(' ').collect::<Vec<_>>());
        assert_eq!(values("https://golang.org/x/a.(*B).C", Kind::Url), ["https://golang.org/x/a.(*B).C"]);
    }

    #[test]
    fn a_password_in_an_address_is_nothing_else() {
        let text = "http://bob:5ebe2294ecd0e0f08eab7690d2a6ee69@evil.com/ ftp://a:pass.word.net@b.net";
        assert_eq!(hits(text).iter().filter(|hit| !matches!(hit.kind, Kind::Url | Kind::Domain)).count(), 0);
        assert_eq!(values(text, Kind::Domain), ["evil.com", "b.net"]);
        assert_eq!(values("http://bob@evil.com/", Kind::Email), ["bob@evil.com"]);
    }

    #[test]
    fn addresses_of_ipv6_are_found_within_text() {
        assert_eq!(values("at 2606:4700:4700::1111, and ::1.", Kind::Ipv6), ["2606:4700:4700::1111", "::1"]);
        assert!(values("std::vec::Vec fe::ed ab:cd:ef", Kind::Ipv6).is_empty());
    }

    #[test]
    fn a_path_is_no_address_and_no_other_path() {
        assert_eq!(values("http://a.com/usr/bin/x", Kind::UnixPath), [] as [&str; 0]);
        assert_eq!(values(r#"x "C:\a b\c d" y"#, Kind::WindowsPath), [r"C:\a b\c d"]);
    }
}
