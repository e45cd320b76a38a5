//! Messages of DNS (RFC 1035), and of mDNS and LLMNR, which have the same form.

use module_kit::hex;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::bytes::{Cursor, be16, text};
use super::limits::{MAX_JUMPS, MAX_RECORDS, MAX_TEXT};

const HEADER: usize = 12;
/// Bytes of a name (RFC 1035).
const MAX_NAME: usize = 255;

#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    pub name: String,
    pub kind: u16,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    pub name: String,
    pub kind: u16,
    pub ttl: u32,
    pub value: String,
    /// Bytes of its data.
    pub size: u16,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub id: u16,
    pub is_response: bool,
    pub opcode: u8,
    pub code: u16,
    pub questions: Vec<Question>,
    /// Of the section of answers.
    pub answers: Vec<Record>,
    /// Of the other two.
    pub others: usize,
    /// Whether there is an OPT record (RFC 6891).
    pub edns: bool,
    /// Whether it ends before what it announces, or has a name that is none.
    pub malformed: bool,
    /// Where its last record ends.
    pub end: usize,
}

pub fn parse(data: &[u8]) -> Option<Message> {
    let flags = be16(data, 2)?;
    let counts = [be16(data, 4)?, be16(data, 6)?, be16(data, 8)?, be16(data, 10)?];
    let mut message = Message {
        id: be16(data, 0)?,
        is_response: flags & 0x8000 != 0,
        opcode: u8::try_from(flags >> 11 & 15).ok()?,
        code: flags & 15,
        end: HEADER,
        ..Message::default()
    };
    message.malformed = message.sections(data, counts).is_none();
    Some(message)
}

impl Message {
    fn sections(&mut self, data: &[u8], counts: [u16; 4]) -> Option<()> {
        let [questions, answers, authorities, additional] = counts.map(usize::from);
        for _ in 0..questions.min(MAX_RECORDS) {
            let (name, at) = name(data, self.end)?;
            self.questions.push(Question { name, kind: be16(data, at)? });
            be16(data, at + 2)?;
            self.end = at + 4;
        }
        for _ in 0..answers.min(MAX_RECORDS) {
            let record = self.record(data)?;
            self.answers.push(record);
        }
        for _ in 0..(authorities + additional).min(MAX_RECORDS) {
            let record = self.record(data)?;
            self.others += 1;
            if record.kind == OPT {
                self.edns = true;
                // The upper bits of the code.
                self.code |= u16::try_from(record.ttl >> 24).ok()? << 4;
            }
        }
        Some(())
    }

    fn record(&mut self, data: &[u8]) -> Option<Record> {
        let (name, at) = name(data, self.end)?;
        let mut cursor = Cursor::new(data.get(at..)?);
        let (kind, _class, ttl, size) = (cursor.u16()?, cursor.u16()?, cursor.u32()?, cursor.u16()?);
        let start = at + cursor.at();
        cursor.take(size.into())?;
        self.end = start + usize::from(size);
        Some(Record { name, kind, ttl, size, value: value(data, start, size.into(), kind).unwrap_or_default() })
    }
}

/// The name at `at` and where what follows it begins. A pointer must lead back, and only so often: names cannot loop.
pub fn name(data: &[u8], at: usize) -> Option<(String, usize)> {
    let (mut at, mut next, mut jumps) = (at, None, 0);
    let (mut name, mut length) = (String::new(), 0);
    loop {
        let size = usize::from(*data.get(at)?);
        match size >> 6 {
            0 if size == 0 => return Some((name, next.unwrap_or(at + 1))),
            0 => {
                let label = data.get(at + 1..at + 1 + size)?;
                length += size + 1;
                if length > MAX_NAME {
                    return None;
                }
                if !name.is_empty() {
                    name.push('.');
                }
                push_label(&mut name, label);
                at += 1 + size;
            }
            3 => {
                let target = usize::from(be16(data, at)? & 0x3fff);
                next = next.or(Some(at + 2));
                jumps += 1;
                if target >= at || jumps > MAX_JUMPS {
                    return None;
                }
                at = target;
            }
            _ => return None,
        }
    }
}

/// As zone files write it: other characters as their numbers, a dot in a label with a backslash.
fn push_label(name: &mut String, label: &[u8]) {
    if let Ok(text) = std::str::from_utf8(label)
        && text.chars().all(|letter| !letter.is_control() && letter != '.' && letter != '\\')
    {
        name.push_str(text);
        return;
    }
    for &byte in label {
        match byte {
            b'.' | b'\\' => name.extend(['\\', byte.into()]),
            b' '..=b'~' => name.push(byte.into()),
            // Writing into a String cannot fail.
            _ => drop(write!(name, "\\{byte:03}")),
        }
    }
}

const OPT: u16 = 41;

fn value(data: &[u8], start: usize, size: usize, kind: u16) -> Option<String> {
    let body = data.get(start..start.checked_add(size)?)?;
    let at = |skipped: usize| name(data, start + skipped).map(|(name, _)| name);
    Some(match kind {
        1 => Ipv4Addr::from(*body.first_chunk::<4>()?).to_string(),
        28 => Ipv6Addr::from(*body.first_chunk::<16>()?).to_string(),
        2 | 5 | 12 | 39 => at(0)?,
        15 => format!("{} {}", be16(body, 0)?, at(2)?),
        33 => format!("{} {} {} {}", be16(body, 0)?, be16(body, 2)?, be16(body, 4)?, at(6)?),
        6 => {
            let (primary, next) = name(data, start)?;
            let (mail, _) = name(data, next)?;
            format!("{primary} {mail}")
        }
        16 | 99 => strings(body),
        64 | 65 => format!("{} {}", be16(body, 0)?, at(2)?),
        257 => {
            let mut cursor = Cursor::new(body);
            cursor.u8()?;
            let tag = text(cursor.sized8()?, 64);
            format!("{tag} {}", text(cursor.rest(), MAX_TEXT))
        }
        13 => strings(body),
        _ => hex(body.get(..body.len().min(64))?),
    })
}

fn strings(body: &[u8]) -> String {
    let mut cursor = Cursor::new(body);
    let mut all = Vec::new();
    while let Some(part) = cursor.sized8() {
        all.extend_from_slice(part);
    }
    text(&all, MAX_TEXT)
}

/// Names of types by IANA's registry; others as RFC 3597 writes them.
pub fn kind_name(kind: u16) -> String {
    const NAMES: &[(u16, &str)] = &[
        (1, "A"),
        (2, "NS"),
        (5, "CNAME"),
        (6, "SOA"),
        (10, "NULL"),
        (12, "PTR"),
        (13, "HINFO"),
        (15, "MX"),
        (16, "TXT"),
        (17, "RP"),
        (18, "AFSDB"),
        (24, "SIG"),
        (25, "KEY"),
        (28, "AAAA"),
        (29, "LOC"),
        (33, "SRV"),
        (35, "NAPTR"),
        (36, "KX"),
        (37, "CERT"),
        (39, "DNAME"),
        (41, "OPT"),
        (43, "DS"),
        (44, "SSHFP"),
        (46, "RRSIG"),
        (47, "NSEC"),
        (48, "DNSKEY"),
        (50, "NSEC3"),
        (51, "NSEC3PARAM"),
        (52, "TLSA"),
        (59, "CDS"),
        (60, "CDNSKEY"),
        (61, "OPENPGPKEY"),
        (64, "SVCB"),
        (65, "HTTPS"),
        (99, "SPF"),
        (249, "TKEY"),
        (250, "TSIG"),
        (251, "IXFR"),
        (252, "AXFR"),
        (255, "ANY"),
        (256, "URI"),
        (257, "CAA"),
    ];
    NAMES
        .iter()
        .find(|(number, _)| *number == kind)
        .map_or_else(|| format!("TYPE{kind}"), |(_, name)| (*name).to_owned())
}

pub fn code_name(code: u16) -> String {
    const NAMES: [&str; 11] = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
        "NOTZONE",
    ];
    NAMES.get(usize::from(code)).map_or_else(|| format!("RCODE{code}"), |name| (*name).to_owned())
}

/// Whether a datagram on any port is a message of DNS: one question of a known kind, and nothing behind its records.
pub fn looks_like(data: &[u8]) -> bool {
    let is_plain = |data: &[u8]| {
        let flags = be16(data, 2)?;
        let counts = [be16(data, 4)?, be16(data, 6)?, be16(data, 8)?, be16(data, 10)?];
        let fits = flags & 0x7840 == 0 && counts[0] == 1 && counts.iter().all(|&count| count <= 64);
        (fits && (flags & 0x8000 != 0 || counts[1] == 0)).then_some(())
    };
    if is_plain(data).is_none() {
        return false;
    }
    parse(data).is_some_and(|message| {
        let known = message
            .questions
            .first()
            .is_some_and(|question| question.name.contains('.') && !kind_name(question.kind).starts_with("TYPE"));
        known && !message.malformed && message.end == data.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &[u8]) -> Vec<u8> {
        let mut data = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        data.extend(name);
        data.extend([0, 1, 0, 1]);
        data
    }

    #[test]
    fn names_follow_pointers_back() {
        let mut data = query(b"\x03www\x04evil\x03com\0");
        data[2] = 0x81;
        data[7] = 1;
        data.extend(b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x06\x03cdn\xc0\x10");
        let message = parse(&data).unwrap_or_default();
        assert_eq!(message.questions, [Question { name: "www.evil.com".to_owned(), kind: 1 }]);
        assert_eq!(message.answers[0].value, "cdn.evil.com");
        assert_eq!((message.malformed, message.end), (false, data.len()));
        assert!(looks_like(&data));
    }

    #[test]
    fn loops_are_no_names() {
        for bad in [&b"\xc0\x0c"[..], b"\x01a\xc0\x0c", b"\xc0\x0e\xc0\x0c", b"\x80", b"\x3f"] {
            assert_eq!(name(&query(bad), HEADER), None);
            assert!(parse(&query(bad)).is_some_and(|message| message.malformed));
        }
        let long: Vec<u8> = b"\x01a".repeat(128).into_iter().chain([0]).collect();
        assert_eq!(name(&query(&long), HEADER), None);
    }

    #[test]
    fn labels_with_any_bytes_are_text() {
        assert_eq!(name(b"\x04a.\x01\xff\0", 0).map(|name| name.0).as_deref(), Some("a\\.\\001\\255"));
    }
}
