//! ZIP and what is built on it (PKWARE APPNOTE 6.3.10).

use std::collections::HashSet;

use module_kit::{Finding, Findings, Severity};

use super::document::Document;
use crate::children::Children;
use crate::codec;
use crate::facts::{Container, Entry};
use crate::formats::identify_embedded;
use crate::limits::{BOMB_RATIO, MAX_ENTRIES, MAX_ENTRIES_REPORTED, MAX_INFLATED};
use crate::reader::{Reader, text};
use memchr::memmem::find;

/// The end record is in the last 64 KiB, behind it only its comment.
const END_SEARCHED: usize = 22 + 0xffff;
/// Names that identification looks at: the telling ones of documents and packages are among the first.
const NAMES_FOR_IDENTIFICATION: usize = 4_096;
const BOMB_SIZE: u64 = 256 << 20;
const METHOD_STORED: u16 = 0;
const METHOD_DEFLATED: u16 = 8;
const METHOD_BZIP2: u16 = 12;
const METHOD_LZMA: u16 = 14;
const METHOD_ZSTD: u16 = 93;
const METHOD_XZ: u16 = 95;

/// One entry of the central directory.
pub struct Member {
    pub name: String,
    pub flags: u16,
    pub method: u16,
    pub compressed: u64,
    pub size: u64,
    pub header: u64,
    modified: u32,
}

impl Member {
    const fn is_encrypted(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Where the member's packed bytes begin: its local header's own lengths say it.
    fn start(&self, reader: Reader) -> Option<u64> {
        let name = reader.u16(self.header.checked_add(26)?)?;
        let extra = reader.u16(self.header.checked_add(28)?)?;
        Some(self.header + 30 + u64::from(name) + u64::from(extra))
    }

    fn packed<'a>(&self, reader: Reader<'a>) -> Option<&'a [u8]> {
        Some(reader.upto(self.start(reader)?, self.compressed))
    }

    /// The member's content, at most `MAX_INFLATED` bytes of it.
    pub fn content(&self, data: &[u8]) -> Option<Vec<u8>> {
        self.unpack(data, MAX_INFLATED)
    }

    /// Version and length of the properties, the properties, the stream; a flag says that it marks its end.
    fn unpack_lzma(&self, packed: &[u8], limit: usize) -> Option<Vec<u8>> {
        let reader = Reader::little(packed);
        let (properties, dictionary) = (reader.u8(4)?, reader.u32(5)?);
        let size = if self.flags & 2 == 0 { self.size } else { u64::MAX };
        Some(codec::lzma1(properties, dictionary, size, packed.get(9..)?, limit))
    }

    /// The member's content, at most `limit` bytes of it.
    fn unpack(&self, data: &[u8], limit: usize) -> Option<Vec<u8>> {
        let packed = self.packed(Reader::little(data)).filter(|_| !self.is_encrypted())?;
        match self.method {
            METHOD_STORED => Some(packed[..packed.len().min(limit)].to_vec()),
            METHOD_DEFLATED => Some(super::inflate(packed, limit)),
            METHOD_BZIP2 => Some(codec::bzip2(packed, limit)),
            METHOD_LZMA => self.unpack_lzma(packed, limit),
            METHOD_ZSTD => Some(codec::zstd(packed, limit)),
            METHOD_XZ => Some(codec::xz(packed, limit)),
            _ => None,
        }
    }
}

/// Unix seconds of an MS-DOS date and time, read as if it were UTC: ZIP does not know time zones.
pub fn dos_time(stamp: u32) -> Option<i64> {
    let (date, time) = (stamp >> 16, stamp & 0xffff);
    let (year, month, day) = (1980 + (date >> 9), date >> 5 & 15, date & 31);
    if !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let days = days_from_civil(i64::from(year), i64::from(month), i64::from(day));
    Some(days * 86_400 + i64::from(time >> 11) * 3_600 + i64::from(time >> 5 & 63) * 60 + i64::from(time & 31) * 2)
}

/// Days since 1 January 1970 in the Gregorian calendar (Howard Hinnant's algorithm).
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// What the end record says.
struct End {
    count: u64,
    directory: u64,
    /// Bytes in front of the archive, of a self-extracting one.
    prefix: u64,
    comment: usize,
}

fn end(reader: Reader) -> Option<End> {
    let data = reader.data();
    let tail = &data[data.len().saturating_sub(END_SEARCHED)..];
    let at = tail.windows(4).rposition(|window| window == b"PK\x05\x06")? as u64 + (data.len() - tail.len()) as u64;
    let (count, size, offset) = (reader.u16(at + 10)?, reader.u32(at + 12)?, reader.u32(at + 16)?);
    let comment = usize::from(reader.u16(at + 20)?);
    if (offset == u32::MAX || count == u16::MAX)
        && let Some(end) = end64(reader, at, comment)
    {
        return Some(end);
    }
    let prefix = at.saturating_sub(u64::from(size) + u64::from(offset));
    Some(End { count: u64::from(count), directory: u64::from(offset) + prefix, prefix, comment })
}

/// ZIP64: a locator of 20 bytes stands before the end record.
fn end64(reader: Reader, at: u64, comment: usize) -> Option<End> {
    let locator = at.checked_sub(20)?;
    if reader.slice(locator, 4)? != b"PK\x06\x07" {
        return None;
    }
    let record = reader.u64(locator + 8)?;
    (reader.slice(record, 4)? == b"PK\x06\x06").then_some(())?;
    Some(End {
        count: reader.u64(record.checked_add(32)?)?,
        directory: reader.u64(record.checked_add(48)?)?,
        prefix: 0,
        comment,
    })
}

fn member(reader: Reader, at: u64, prefix: u64) -> Option<(Member, u64)> {
    if reader.slice(at, 4)? != b"PK\x01\x02" {
        return None;
    }
    let field = |offset| reader.u32(at + offset).map(u64::from);
    let lengths = [28, 30, 32].map(|offset| reader.u16(at + offset).map_or(0, u64::from));
    let [name, extra, comment] = lengths;
    let mut member = Member {
        name: text(reader.upto(at + 46, name), 1_024),
        flags: reader.u16(at + 8)?,
        method: reader.u16(at + 10)?,
        modified: reader.u32(at + 12)?,
        compressed: field(20)?,
        size: field(24)?,
        header: field(42)?,
    };
    member.read_zip64(Reader::little(reader.upto(at + 46 + name, extra)));
    member.header = member.header.saturating_add(prefix);
    Some((member, at + 46 + name + extra + comment))
}

impl Member {
    /// Sizes that do not fit 32 bits are in the extra field 1, in this order, each only if needed.
    fn read_zip64(&mut self, extra: Reader) {
        let mut at = 0;
        while let (Some(id), Some(size)) = (extra.u16(at), extra.u16(at + 2)) {
            if id == 1 {
                let mut value_at = at + 4;
                for field in [&mut self.size, &mut self.compressed, &mut self.header] {
                    if *field == u64::from(u32::MAX)
                        && let Some(value) = extra.u64(value_at)
                    {
                        *field = value;
                        value_at += 8;
                    }
                }
            }
            at += 4 + u64::from(size);
        }
    }
}

/// The central directory, in its order; cut at `limit`.
fn members(data: &[u8], limit: usize) -> Option<(Vec<Member>, End)> {
    let reader = Reader::little(data);
    let end = end(reader)?;
    let mut at = end.directory;
    let mut members = Vec::new();
    while members.len() < limit && (members.len() as u64) < end.count {
        let Some((member, next)) = member(reader, at, end.prefix) else { break };
        members.push(member);
        at = next;
    }
    Some((members, end))
}

/// An archive whose entries are asked for by name.
pub struct Package<'a> {
    data: &'a [u8],
    members: Vec<Member>,
    directory: u64,
}

impl<'a> Package<'a> {
    pub fn open(data: &'a [u8]) -> Option<Self> {
        let (members, end) = members(data, MAX_ENTRIES)?;
        Some(Self { data, members, directory: end.directory })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// At most `MAX_INFLATED` bytes.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        self.members.iter().find(|member| member.name == name)?.content(self.data)
    }

    /// Where the central directory begins.
    pub const fn directory(&self) -> u64 {
        self.directory
    }
}

/// The first names of the directory; of an archive without one, the names in local headers.
pub fn names(data: &[u8]) -> Vec<String> {
    match members(data, NAMES_FOR_IDENTIFICATION) {
        Some((members, _)) => members.into_iter().map(|member| member.name).collect(),
        None => local_names(data),
    }
}

fn local_names(data: &[u8]) -> Vec<String> {
    let reader = Reader::little(data);
    let mut names = Vec::new();
    let mut at = 0_u64;
    while names.len() < 64 {
        let rest = reader.upto(at, 1 << 20);
        let Some(found) = find(rest, b"PK\x03\x04") else { break };
        let header = at + found as u64;
        names.push(text(reader.upto(header + 30, reader.u16(header + 26).map_or(0, u64::from)), 256));
        at = header + 30;
    }
    names
}

pub fn parse(
    id: &str,
    data: &[u8],
    document: &mut Document,
    findings: &mut Findings,
    children: &mut Children,
) -> Option<Container> {
    let Some((members, end)) = members(data, MAX_ENTRIES) else {
        findings.malformed("zip-directory", "The archive has no central directory: it was cut off.");
        let names = local_names(data);
        let count = names.len() as u64;
        let entries = names.into_iter().map(|name| Entry { name, ..Entry::default() }).collect();
        return Some(Container { kind: "zip", count, entries, ..Container::default() });
    };
    if (members.len() as u64) < end.count.min(MAX_ENTRIES as u64) {
        findings
            .malformed("zip-directory", format!("{} entries are announced, {} can be read.", end.count, members.len()));
    }
    let mut container = Container { kind: "zip", count: members.len() as u64, ..Container::default() };
    container.entries = members.iter().take(MAX_ENTRIES_REPORTED).map(|member| entry(data, member)).collect();
    judge(data, &members, findings);
    super::office::read(id, data, &members, document, findings);
    unpack(data, &members, children);
    if end.comment > 0 {
        let comment = data.len().saturating_sub(end.comment);
        container.properties.insert("comment".into(), text(&data[comment..], 256));
    }
    Some(container)
}

fn unpack(data: &[u8], members: &[Member], children: &mut Children) {
    let reader = Reader::little(data);
    for member in members.iter().filter(|member| !member.name.ends_with('/') && !member.is_encrypted()) {
        let Some(packed) = member.packed(reader) else { continue };
        let kind =
            if member.name.to_ascii_lowercase().ends_with("vbaproject.bin") { "vba-project" } else { "zip-entry" };
        if member.method == METHOD_STORED {
            children.add(&member.name, kind, member.start(reader), packed);
        } else {
            children.add_packed(&member.name, kind, packed.len() as u64, |limit| member.unpack(data, limit));
        }
    }
}

fn entry(data: &[u8], member: &Member) -> Entry {
    Entry {
        name: member.name.clone(),
        size: member.size,
        compressed_size: Some(member.compressed),
        offset: Some(member.header),
        kind: if member.name.ends_with('/') { "folder" } else { "file" },
        encrypted: member.is_encrypted(),
        modified: dos_time(member.modified),
        format: format_of(data, member),
    }
}

/// By the first bytes of the content. What is packed is inflated only that far.
fn format_of(data: &[u8], member: &Member) -> &'static str {
    if member.is_encrypted() || member.name.ends_with('/') {
        return "";
    }
    let packed = member.packed(Reader::little(data)).unwrap_or_default();
    match member.method {
        METHOD_STORED => identify_embedded(packed),
        METHOD_DEFLATED => identify_embedded(&super::inflate(&packed[..packed.len().min(4_096)], 4_096)),
        _ => "",
    }
}

fn judge(data: &[u8], members: &[Member], findings: &mut Findings) {
    let encrypted = members.iter().filter(|member| member.is_encrypted());
    let encrypted: Vec<_> = encrypted.map(|member| member.name.as_str()).collect();
    super::encrypted(&encrypted, members.len(), findings);
    super::judge_names(members.iter().map(|member| member.name.as_str()), findings);
    bomb(data, members, findings);
    duplicates(members, findings);
}

fn bomb(data: &[u8], members: &[Member], findings: &mut Findings) {
    let size = members.iter().fold(0_u64, |sum, member| sum.saturating_add(member.size));
    let packed = members.iter().fold(0_u64, |sum, member| sum.saturating_add(member.compressed));
    let ratio = size / (data.len() as u64).max(1);
    // Entries that share their packed bytes sum up to more than the file.
    let overlapping = packed > (data.len() as u64).saturating_mul(2);
    if size > BOMB_SIZE && (ratio > BOMB_RATIO || overlapping) {
        findings.add(
            Finding::new("archive-bomb", Severity::High, 80, "The archive unpacks to far more than its size")
                .detail(format!("{size} bytes out of {}.", data.len()))
                .techniques(&["T1499"]),
        );
    }
}

/// Two entries of one name: unpackers differ in which one they take.
fn duplicates(members: &[Member], findings: &mut Findings) {
    let mut seen = HashSet::new();
    let twice: Vec<_> = members.iter().filter(|member| !seen.insert(&member.name)).map(|member| &member.name).collect();
    if !twice.is_empty() {
        findings.add(
            Finding::new("duplicate-entries", Severity::Low, 70, "Entries have the same name")
                .detail("Programs differ in which of them they see.")
                .quotes(twice),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 3, 1), 11_017);
        assert_eq!(days_from_civil(1980, 1, 1), 3_652);
    }
}
