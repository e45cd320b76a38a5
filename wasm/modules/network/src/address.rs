//! IPv4 and IPv6 addresses, and what networks they belong to.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::ioc::{Hit, Kind, Tag};
use crate::marks::colon;
use crate::text::{before, byte, goes_on, is_word, slice};

/// What IANA's registry of special-purpose addresses says (RFC 6890).
pub fn tags_of_v4(address: Ipv4Addr) -> Vec<Tag> {
    let octets = address.octets();
    let tag = match octets {
        [127, ..] => Tag::Loopback,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [169, 254, ..] | [100, 64..=127, ..] => Tag::Private,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Tag::Documentation,
        [224..=239, ..] => Tag::Multicast,
        [0 | 240.., ..] | [192, 0, 0, _] | [198, 18..=19, ..] => Tag::Reserved,
        _ => return Vec::new(),
    };
    vec![tag]
}

pub fn tags_of_v6(address: Ipv6Addr) -> Vec<Tag> {
    let segments = address.segments();
    let tag = match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Tag::Loopback,
        [0, 0, 0, 0, 0, 0, 0, 0] => Tag::Reserved,
        [0, 0, 0, 0, 0, 0xffff, ..] => return address.to_ipv4_mapped().map(tags_of_v4).unwrap_or_default(),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Tag::Documentation,
        [0xfc00..=0xfdff, ..] | [0xfe80..=0xfebf, ..] => Tag::Private,
        [0xff00..=0xffff, ..] => Tag::Multicast,
        [0x2000..=0x3fff, ..] | [0x64, 0xff9b, ..] => return Vec::new(),
        _ => Tag::Reserved,
    };
    vec![tag]
}

/// An address of four decimal numbers from labels between dots. Leading zeros would mean octal numbers to some.
pub fn v4_of(labels: &[&[u8]]) -> Option<Ipv4Addr> {
    if labels.len() != 4 || !labels.iter().all(|label| label.len() <= 3 && label.iter().all(u8::is_ascii_digit)) {
        return None;
    }
    let mut octets = [0; 4];
    for (octet, label) in octets.iter_mut().zip(labels) {
        *octet =
            std::str::from_utf8(label).ok().filter(|text| text.len() == 1 || !text.starts_with('0'))?.parse().ok()?;
    }
    Some(octets.into())
}

/// An address of IPv4 as browsers read it (WHATWG URL, 3.5): octal, hexadecimal, or with its last numbers in one. Two
/// or three decimal numbers are left alone, since they are versions more often.
pub fn v4_in_other_numbers(labels: &[&[u8]]) -> Option<Ipv4Addr> {
    let numbers: Vec<(u32, u32)> = labels.iter().map(|label| number(label)).collect::<Option<_>>()?;
    let (&(last, _), octets) = numbers.split_last()?;
    let is_plain = numbers.iter().all(|&(_, radix)| radix == 10);
    if octets.len() > 3 || (is_plain && (labels.len() > 1 || last < 1 << 24)) {
        return None;
    }
    let room = 32 - 8 * octets.len();
    if octets.iter().any(|&(octet, _)| octet > 255) || u64::from(last) >> room != 0 {
        return None;
    }
    let places = octets.iter().zip([24, 16, 8]);
    Some(Ipv4Addr::from(places.fold(last, |address, (&(octet, _), place)| address | octet << place)))
}

/// A number and its radix.
fn number(label: &[u8]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(label).ok()?;
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let is_number = digits.bytes().all(|digit| digit.is_ascii_alphanumeric());
    Some((u32::from_str_radix(digits, radix).ok().filter(|_| is_number)?, radix))
}

/// Numbers up to which those of four-part versions mostly are.
const MAX_OF_VERSION: u8 = 31;

/// Whether `address` may be a version by itself (`1.0.0.0`), or by a product's name before it: `OpenSSL 3.0.2.1`,
/// `Netscape/7.2.0.1`. A name in one case is a word of a sentence (`Server 5.8.18.7`).
pub fn may_be_version(text: &[u8], start: usize, address: Ipv4Addr) -> bool {
    let octets = address.octets();
    if matches!(octets, [_, 0, 0, 0]) {
        return true;
    }
    let divider = before(text, start);
    let name_end = start.saturating_sub(1);
    let lead = slice(text, name_end.saturating_sub(32), name_end);
    let length = lead.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let name = slice(text, name_end - length, name_end);
    let is_capital = name.first().is_some_and(u8::is_ascii_uppercase) && name.len() >= 3;
    let is_camel = name.windows(2).any(|pair| matches!(pair, [b'a'..=b'z', b'A'..=b'Z']));
    let stands_free = !matches!(before(text, name_end - length), b'/' | b'.' | b':' | b'\\');
    let is_product = match divider {
        b' ' => is_camel,
        b'/' => is_capital && stands_free,
        _ => false,
    };
    is_product && octets.iter().all(|&octet| octet <= MAX_OF_VERSION)
}

/// Whether words before `start` make the four numbers a version (`Version="6.0.0.0"`, `v1.2.3.4`, `PublicKey, Version=`).
pub fn is_version(text: &[u8], start: usize) -> bool {
    let lead = slice(text, start.saturating_sub(12), start).to_ascii_lowercase();
    [&b"version"[..], b"ver."].iter().any(|word| lead.windows(word.len()).any(|part| part == *word))
        || matches!(before(text, start), b'v' | b'V')
}

/// Letters of the longest text of an address: eight groups of four, or with an IPv4 address at its end.
const MAX_V6: usize = 45;

/// The address of IPv6 that begins at `start`, in its canonical spelling (RFC 5952).
pub fn v6_at(text: &[u8], start: usize) -> Option<Hit> {
    let (letters, end, defanged) = v6_letters(text, start)?;
    let groups = letters.split(|&letter| letter == b':').filter(|group| !group.is_empty()).count();
    let is_short = letters.windows(2).any(|pair| pair == b"::");
    // `ad::be` is a name of C++ as well.
    let has_digit = letters.iter().any(u8::is_ascii_digit);
    if (is_short && groups < 3 && !has_digit) || groups == 0 || (is_short && groups < 2 && letters != b"::1") {
        return None;
    }
    let address: Ipv6Addr = std::str::from_utf8(&letters).ok()?.parse().ok()?;
    let is_ambiguous = is_short && groups < 3 && !letters.iter().take(2).eq(b"fe") && !goes_on(&letters, 0, b"2");
    let hit = Hit::new(Kind::Ipv6, address.to_string(), start, end).tags(&tags_of_v6(address));
    Some(hit.tag_if(is_ambiguous, Tag::Ambiguous).tag_if(defanged, Tag::Defanged))
}

/// The letters that an address may be made of, with its colons refanged.
fn v6_letters(text: &[u8], start: usize) -> Option<(Vec<u8>, usize, bool)> {
    let (mut letters, mut at, mut colons, mut defanged) = (Vec::new(), start, 0, false);
    loop {
        let next = byte(text, at);
        let mark = colon(text, at);
        if mark.length > 0 {
            letters.push(b':');
            at += mark.length;
            colons += 1;
            defanged |= mark.defanged;
        } else if next.is_ascii_hexdigit() || (next == b'.' && byte(text, at + 1).is_ascii_digit()) {
            letters.push(next);
            at += 1;
        } else {
            break;
        }
        if letters.len() > MAX_V6 {
            return None;
        }
    }
    // A sentence's colon behind the address.
    if letters.ends_with(b":") && !letters.ends_with(b"::") {
        letters.pop();
        at -= 1;
        colons -= 1;
    }
    (colons >= 2 && !is_word(byte(text, at)) && byte(text, at) != b'_').then_some((letters, at, defanged))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_networks_are_told() {
        for (address, tag) in [
            ("10.1.2.3", Tag::Private),
            ("172.31.0.1", Tag::Private),
            ("100.64.0.1", Tag::Private),
            ("127.0.0.1", Tag::Loopback),
            ("203.0.113.9", Tag::Documentation),
            ("255.255.255.255", Tag::Reserved),
            ("239.255.255.250", Tag::Multicast),
        ] {
            assert_eq!(address.parse().map(tags_of_v4), Ok(vec![tag]), "{address}");
        }
        assert_eq!("172.32.0.1".parse().map(tags_of_v4), Ok(vec![]));
        assert_eq!("2001:db8::1".parse().map(tags_of_v6), Ok(vec![Tag::Documentation]));
        assert_eq!("fe80::1".parse().map(tags_of_v6), Ok(vec![Tag::Private]));
        assert_eq!("::ffff:10.0.0.1".parse().map(tags_of_v6), Ok(vec![Tag::Private]));
        assert_eq!("2606:4700::1111".parse().map(tags_of_v6), Ok(vec![]));
    }

    #[test]
    fn addresses_of_ipv6_are_told_from_other_colons() {
        let value = |text: &str| v6_at(text.as_bytes(), 0).map(|hit| hit.value);
        assert_eq!(value("2001:DB8:0:0:0:0:2:1").as_deref(), Some("2001:db8::2:1"));
        assert_eq!(value("2606[:]4700[:][:]1111").as_deref(), Some("2606:4700::1111"));
        assert_eq!(value("::ffff:192.0.2.128").as_deref(), Some("::ffff:192.0.2.128"));
        for other in ["ad::be", "00:11:22:33:44:55", "12:34:56", "::", "a::b::c", "fe80::1z", "dead::"] {
            assert_eq!(value(other), None, "{other}");
        }
    }
}
