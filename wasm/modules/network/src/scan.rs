//! One pass over a run: each word, and each sign that begins something, is looked at once. What spans several words is
//! read from its beginning, and a cursor keeps it from being read again, so that the work stays linear.

use crate::host::{self, Host};
use crate::ioc::{Hit, Kind, Tag};
use crate::limits::MAX_LOCAL_PART;
use crate::marks::at_sign;
use crate::text::{Run, before, behind_escape, byte, is_word, slice, span_end, string, word_end};
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
            at += 1;
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
            b':' if at >= self.done.colons && !is_word(before(self.text, at)) => {
                return self.colons(at, at);
            }
            _ if at < self.done.path => return,
            b'\\' => path::at_backslash(self.text, at),
            b'%' if at_sign(self.text, at).length > 0 => return self.email(at),
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
        let start = behind_escape(self.text, start);
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
        before(self.text, start) == b'@'
            || slice(self.text, start.saturating_sub(2), start) == b"//"
            || (start < self.done.url && slice(self.text, start.saturating_sub(3), start).eq_ignore_ascii_case(b"%2f"))
    }

    /// A mail address, at what stands for its `@`.
    fn email(&mut self, at: usize) {
        let mark = at_sign(self.text, at);
        let domain = at + mark.length;
        if mark.length == 0 || !is_word(byte(self.text, domain)) {
            return;
        }
        let is_local = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-');
        let lead = slice(self.text, at.saturating_sub(MAX_LOCAL_PART), at);
        let length = lead.iter().rev().take_while(|&&byte| is_local(byte)).count();
        let local = slice(self.text, at - length, at);
        let skipped = local.iter().take_while(|&&byte| !is_word(byte) && byte != b'_').count();
        // Nor does it begin within an escape.
        let escape = local.iter().rposition(|&byte| byte == b'%').map_or(0, |at| match behind_escape(local, at + 1) {
            behind if behind > at + 1 => behind,
            _ => 0,
        });
        let local = slice(local, skipped.max(escape), local.len());
        if local.is_empty() || local.ends_with(b".") || local.windows(2).any(|pair| pair == b"..") {
            return;
        }
        let Some(host) = Host::read(self.text, domain).hit().filter(|hit| hit.kind == Kind::Domain) else { return };
        let value = format!("{}@{}", string(local), host.value);
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
    fn names_behind_escapes_begin_behind_them() {
        for (text, domain) in [
            ("http%3A%2F%2Fhidden-evil.ru%2Fx", "hidden-evil.ru"),
            ("u=https%253A%252F%252Fdouble-evil.ru%252F", "double-evil.ru"),
            ("a%20evil.ru", "evil.ru"),
            ("x%41evil.ru", "41evil.ru"),
            ("100%25fevil.ru", "fevil.ru"),
            ("%2fevil.ru", "evil.ru"),
            ("2fevil.ru", "2fevil.ru"),
        ] {
            assert_eq!(values(text, Kind::Domain), [domain], "{text}");
        }
        for text in ["user%40evil.ru", "mailto%3Auser%40evil.ru", "to%20user@evil.ru"] {
            assert_eq!(values(text, Kind::Email), ["user@evil.ru"], "{text}");
            assert_eq!(values(text, Kind::Domain), ["evil.ru"], "{text}");
        }
        assert_eq!(values("50%off@evil.ru", Kind::Email), ["50%off@evil.ru"]);
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
