//! Names of hosts: labels between dots, in the clear and defanged, judged with the public suffix list.

use crate::address::v4_of;
use crate::benign;
use crate::ioc::{Hit, Kind, Tag};
use crate::limits::{MAX_DOMAIN, MAX_LABEL};
use crate::marks::dot;
use crate::onion;
use crate::text::{byte, is_word, slice, span_end};

/// Labels of one name: of 253 characters no more are possible.
const MAX_LABELS: usize = 127;

/// Labels and dots in a row, whatever they mean.
#[derive(Debug)]
pub struct Host<'a> {
    pub labels: Vec<&'a [u8]>,
    pub start: usize,
    pub end: usize,
    pub defanged: bool,
}

const fn is_label(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | 0x80..)
}

/// The end of the label in which `at` is.
pub fn label_end(text: &[u8], at: usize) -> usize {
    span_end(text, at, usize::MAX, is_label)
}

/// Whether another label follows the one that ends at `end`.
pub fn goes_on_behind(text: &[u8], end: usize) -> bool {
    let mark = dot(text, end);
    mark.length > 0 && is_word(byte(text, end + mark.length))
}

impl<'a> Host<'a> {
    /// Reads from `start`, where the first label begins, as far as labels follow each other.
    pub fn read(text: &'a [u8], start: usize) -> Self {
        let mut host = Self { labels: Vec::new(), start, end: start, defanged: false };
        let mut at = start;
        let mut defanged = false;
        while host.labels.len() <= MAX_LABELS {
            let end = span_end(text, at, usize::MAX, is_label);
            if end == at {
                break;
            }
            host.labels.push(slice(text, at, end));
            host.end = end;
            host.defanged |= defanged;
            let mark = dot(text, end);
            if mark.length == 0 || !is_word(byte(text, end + mark.length)) {
                break;
            }
            at = end + mark.length;
            defanged = mark.defanged;
        }
        // A dash or an underscore at the end belongs to the sentence.
        if let Some(last) = host.labels.last_mut() {
            let kept = last.iter().rposition(|&byte| is_word(byte)).map_or(0, |at| at + 1);
            host.end -= last.len() - kept;
            *last = slice(last, 0, kept);
        }
        host
    }

    /// The host as an indicator: an address, a hidden service, or a name with a public suffix.
    pub fn hit(&self) -> Option<Hit> {
        let defanged = |hit: Hit| hit.tag_if(self.defanged, Tag::Defanged);
        if let Some(address) = v4_of(&self.labels) {
            let hit = Hit::new(Kind::Ipv4, address.to_string(), self.start, self.end);
            return Some(defanged(hit.tags(&crate::address::tags_of_v4(address))));
        }
        if !self.may_have_suffix() {
            return None;
        }
        let name = self.name()?;
        if name.ends_with(".onion") {
            let tags = onion::check(&name)?;
            return Some(defanged(Hit::new(Kind::Onion, name, self.start, self.end).tags(tags)));
        }
        if let Some(tag) = benign::reserved_name(&name) {
            return Some(defanged(Hit::new(Kind::Domain, name, self.start, self.end).tag(tag)));
        }
        has_public_suffix(&name).then(|| {
            let tags = benign::tags_of_domain(&name);
            defanged(Hit::new(Kind::Domain, name, self.start, self.end).tags(tags))
        })
    }

    /// Whether there is a suffix that ends as the name does: most names in programs' text have none, and need not be put
    /// together to see that. Names that nobody can own pass too.
    fn may_have_suffix(&self) -> bool {
        let Some(last) = self.labels.last() else { return false };
        let mut name = [b'x'; MAX_LABEL + 2];
        let Some(place) = name.get_mut(2..2 + last.len()) else { return false };
        place.copy_from_slice(last);
        place.make_ascii_lowercase();
        let is_reserved = matches!(
            &*place,
            b"onion" | b"example" | b"invalid" | b"test" | b"localhost" | b"local" | b"internal" | b"arpa"
        );
        // Of some countries only names below are suffixes, and letters beyond ASCII may have small ones of another length.
        if is_reserved || last.len() == 2 || last.starts_with(b"xn--") || !last.is_ascii() {
            return true;
        }
        // With a label before it, since of some there are only names below.
        name[1] = b'.';
        let name = name.get(..2 + last.len()).unwrap_or_default();
        psl::suffix(name).is_some_and(|suffix| suffix.is_known())
    }

    /// The labels as one name in small letters, if they may be one.
    pub fn name(&self) -> Option<String> {
        let fits = |label: &&[u8]| {
            label.len() <= MAX_LABEL && !label.is_empty() && !label.starts_with(b"-") && !label.ends_with(b"-")
        };
        if self.labels.len() < 2 || !self.labels.iter().all(fits) || self.end - self.start > 4 * MAX_DOMAIN {
            return None;
        }
        let name = std::str::from_utf8(&self.labels.join(&b'.')).ok()?.to_lowercase();
        (name.len() <= MAX_DOMAIN).then_some(name)
    }
}

/// Whether a name ends in a suffix of the list, and someone can own it: it has a label before the suffix, or the suffix
/// is itself a name that its owner gives others names below (`duckdns.org`).
fn has_public_suffix(name: &str) -> bool {
    let Some(suffix) = psl::suffix(name.as_bytes()).filter(psl::Suffix::is_known) else { return false };
    suffix.as_bytes().len() < name.len() || (suffix.typ() == Some(psl::Type::Private) && name.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<String> {
        Host::read(text.as_bytes(), 0).hit().map(|hit| hit.value)
    }

    #[test]
    fn names_need_a_public_suffix() {
        assert_eq!(value("WWW.Evil.CO.UK").as_deref(), Some("www.evil.co.uk"));
        assert_eq!(value("münchen.de").as_deref(), Some("münchen.de"));
        assert_eq!(value("xn--mnchen-3ya.de/").as_deref(), Some("xn--mnchen-3ya.de"));
        assert_eq!(value("duckdns.org").as_deref(), Some("duckdns.org"));
        for other in ["kernel32.dll", "co.uk", "com", "-a.com", "1.2.3", "a..com", "1.2.3.4.5"] {
            assert_eq!(value(other), None, "{other}");
        }
    }

    #[test]
    fn suffixes_of_which_there_are_only_names_below_are_known() {
        for name in ["a.co.za", "a.b.ck", "www.ck", "a.b.kawasaki.jp", "x.onrender.com", "EVIL.COM", "a.b.bd", "a.b.er"]
        {
            assert!(value(name).is_some(), "{name}");
        }
    }

    #[test]
    fn defanged_names_are_read() {
        let text = b"evil[.]example-site(dot)com, and";
        let host = Host::read(text, 0);
        let hit = host.hit();
        assert_eq!(hit.as_ref().map(|hit| hit.value.as_str()), Some("evil.example-site.com"));
        assert_eq!(hit.map(|hit| (hit.end, hit.tags)), Some((27, vec![Tag::Defanged])));
        assert_eq!(value("1[.]2[.]3[.]4").as_deref(), Some("1.2.3.4"));
    }

    #[test]
    fn octal_and_too_large_numbers_are_no_address() {
        for other in ["01.2.3.4", "256.1.1.1", "1.2.3.4.example"] {
            assert!(Host::read(other.as_bytes(), 0).hit().is_none_or(|hit| hit.kind != Kind::Ipv4), "{other}");
        }
    }
}
