//! gzip, tar and ar: files in a row.

use std::collections::BTreeMap;

use module_kit::{Finding, Findings, Gzip, Severity};

use super::inflate;
use crate::children::Children;
use crate::facts::{Container, Entry};
use crate::formats::identify_embedded;
use crate::limits::{MAX_ENTRIES, MAX_ENTRIES_REPORTED, MAX_INFLATED};
use crate::reader::{Reader, text};

/// gzip (RFC 1952). Its one member; of a packed tar, that one's members too.
pub fn gzip(data: &[u8], findings: &mut Findings, children: &mut Children) -> Container {
    let Some(header) = Gzip::read(data) else {
        findings.malformed("gzip-header", "The header is cut off.");
        return Container { kind: "gzip", ..Container::default() };
    };
    let packed = header.body;
    let content = inflate(packed, MAX_INFLATED);
    let format = identify_embedded(&content);
    let reader = Reader::little(data);
    // Modulo 2^32, and of the last member only.
    let stated = reader.u32(reader.len().saturating_sub(4)).map_or(0, u64::from);
    let mut properties = BTreeMap::new();
    let (name, comment) = (text(header.name, 1_024), text(header.comment, 1_024));
    if !comment.is_empty() {
        properties.insert("comment".to_owned(), comment);
    }
    properties.insert("content".to_owned(), format.to_owned());
    bomb(stated, data.len() as u64, findings);
    children.add_packed(
        if name.is_empty() { "content" } else { &name },
        "gzip-content",
        packed.len() as u64,
        |limit| Some(inflate(packed, limit)),
    );
    if matches!(format, "tar" | "tar-old") {
        let is_cut = content.len() >= MAX_INFLATED;
        // What is wrong with its members is said of the tar, which is the child.
        let mut inner = Findings::default();
        let listed = members(&content, is_cut, &mut inner, None);
        if !children.are_wanted() {
            super::judge_programs(&listed.entries, std::iter::empty(), findings);
            findings.absorb(inner, |finding| finding);
        }
        if is_cut {
            properties.insert("listed".to_owned(), format!("the first {MAX_INFLATED} bytes"));
        }
        return Container { properties, kind: "gzip", ..listed };
    }
    let entry = Entry {
        name,
        size: stated,
        compressed_size: Some(packed.len() as u64),
        offset: Some((data.len() - packed.len()) as u64),
        modified: (header.modified != 0).then_some(i64::from(header.modified)),
        format,
        ..Entry::default()
    };
    super::judge_programs(std::slice::from_ref(&entry), std::iter::empty(), findings);
    Container { kind: "gzip", count: 1, entries: vec![entry], properties }
}

fn bomb(size: u64, packed: u64, findings: &mut Findings) {
    // Deflate packs 1,032 to one at most, which is reached by bytes that are all the same.
    if size > 256 << 20 && size / packed.max(1) > 500 {
        findings.add(
            Finding::new("archive-bomb", Severity::High, 80, "The archive unpacks to far more than its size")
                .detail(format!("{size} bytes out of {packed}."))
                .techniques(&["T1499"]),
        );
    }
}

/// tar: POSIX (ustar, pax) and GNU.
pub fn tar(data: &[u8], findings: &mut Findings, children: &mut Children) -> Container {
    members(data, false, findings, Some(children))
}

/// The name among the records of a pax header, each of which is its own length, a key and a value.
fn pax_path(mut records: &[u8]) -> Option<String> {
    let mut path = None;
    while let Some(blank) = records.iter().take(20).position(|&byte| byte == b' ') {
        let length: usize = std::str::from_utf8(&records[..blank]).ok()?.parse().ok()?;
        let record = records.get(blank + 1..length)?;
        if let Some(value) = record.strip_prefix(b"path=") {
            path = Some(text(value.strip_suffix(b"\n").unwrap_or(value), 1_024));
        }
        records = &records[length..];
    }
    path
}

/// `is_cut`: that the archive ends early is known and no finding.
fn members(data: &[u8], is_cut: bool, findings: &mut Findings, mut children: Option<&mut Children>) -> Container {
    let mut entries = Vec::new();
    let mut count = 0;
    let (mut names, mut links) = (Vec::new(), Vec::new());
    let mut long_name = None;
    let reader = Reader::little(data);
    let mut at = 0_u64;
    while let Some(header) = reader.slice(at, 512).filter(|header| header[0] != 0) {
        let Some(size) = number(&header[124..136]) else {
            findings.malformed("tar-header", "A member's size is no number.");
            break;
        };
        let kind = header[156];
        let content = reader.upto(at + 512, size);
        if (content.len() as u64) < size && !is_cut {
            findings.malformed("tar-end", "The last member is cut off.");
        }
        // GNU keeps a name that is too long in a member of its own.
        if kind == b'L' {
            long_name = Some(text(until_nul(content), 1_024));
        } else if kind == b'x' {
            long_name = pax_path(content).or(long_name);
        } else if !matches!(kind, b'g' | b'K') {
            count += 1;
            let name = long_name.take().unwrap_or_else(|| name(header));
            if matches!(kind, b'1' | b'2') {
                links.push(text(until_nul(&header[157..257]), 256));
            }
            names.push(name.clone());
            if let Some(children) = children.as_deref_mut().filter(|_| is_file(kind)) {
                children.add(&name, "tar-member", Some(at + 512), content);
            }
            if entries.len() < MAX_ENTRIES_REPORTED {
                entries.push(member(name, header, at, size, content));
            }
        }
        if count as usize >= MAX_ENTRIES {
            break;
        }
        at = at.saturating_add(512).saturating_add(size.div_ceil(512).saturating_mul(512));
    }
    super::judge_names(names.iter().map(String::as_str), findings);
    judge_links(&links, findings);
    Container { kind: "tar", count, entries, ..Container::default() }
}

const fn is_file(kind: u8) -> bool {
    matches!(kind, 0 | b'0' | b'7')
}

fn member(name: String, header: &[u8], at: u64, size: u64, content: &[u8]) -> Entry {
    let kind = match header[156] {
        kind if is_file(kind) => "file",
        b'1' | b'2' => "link",
        b'5' => "folder",
        _ => "special",
    };
    Entry {
        name,
        size,
        offset: Some(at + 512),
        kind,
        modified: number(&header[136..148]).and_then(|seconds| i64::try_from(seconds).ok()),
        format: if kind == "file" { identify_embedded(content) } else { "" },
        ..Entry::default()
    }
}

fn name(header: &[u8]) -> String {
    let name = text(until_nul(&header[..100]), 256);
    let prefix = until_nul(&header[345..500]);
    let is_posix = &header[257..263] == b"ustar\0";
    if is_posix && !prefix.is_empty() { format!("{}/{name}", text(prefix, 256)) } else { name }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    &bytes[..end]
}

/// Octal digits, or with the highest bit set a big-endian number.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let low = field[field.len() - 8..].iter();
        return Some(low.fold(0, |value, &byte| value << 8 | u64::from(byte)));
    }
    let mut digits = until_nul(field).iter().filter(|byte| **byte != b' ');
    digits.try_fold(0_u64, |value, &digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

fn judge_links(links: &[String], findings: &mut Findings) {
    let outside = links.iter().filter(|link| link.starts_with('/') || link.split('/').any(|part| part == ".."));
    let outside: Vec<_> = outside.collect();
    if !outside.is_empty() {
        findings.add(Finding::new("links-outside", Severity::Low, 60, "Links lead out of the archive").quotes(outside));
    }
}

/// Unix archives: static libraries and Debian packages.
pub fn ar(data: &[u8], findings: &mut Findings, children: &mut Children) -> Container {
    let reader = Reader::little(data);
    let mut entries = Vec::new();
    let mut count = 0;
    let mut at = 8;
    while let Some(header) = reader.slice(at, 60) {
        let size = decimal(&header[48..58]).filter(|_| &header[58..] == b"`\n");
        let Some(size) = size else {
            findings.malformed("ar-header", "A member's header is damaged.");
            break;
        };
        count += 1;
        let name = text(&header[..16], 16);
        let name = name.trim_end().trim_end_matches('/');
        children.add(name, "ar-member", Some(at + 60), reader.upto(at + 60, size));
        if entries.len() < MAX_ENTRIES_REPORTED {
            entries.push(Entry {
                name: name.to_owned(),
                size,
                offset: Some(at + 60),
                modified: decimal(&header[16..28]).and_then(|seconds| i64::try_from(seconds).ok()),
                format: identify_embedded(reader.upto(at + 60, size)),
                ..Entry::default()
            });
        }
        if count as usize >= MAX_ENTRIES {
            break;
        }
        at = at.saturating_add(60).saturating_add(size.next_multiple_of(2));
    }
    Container { kind: "ar", count, entries, ..Container::default() }
}

fn decimal(field: &[u8]) -> Option<u64> {
    std::str::from_utf8(field).ok()?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pax_records_name_the_member() {
        assert_eq!(pax_path(b"20 mtime=1600000000\n17 path=long/name\n").as_deref(), Some("long/name"));
        for damaged in [&b"0 path=x\n"[..], b"99 path=x\n", b"x path=x\n", b""] {
            assert_eq!(pax_path(damaged), None);
        }
    }
}
