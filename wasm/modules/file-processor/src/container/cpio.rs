//! cpio in its ASCII forms, and RPM, whose payload is one.

use std::collections::BTreeMap;

use module_kit::{Finding, Findings, Severity};

use crate::children::Children;
use crate::codec;
use crate::facts::{Container, Entry};
use crate::formats::{identify_embedded, identify_id};
use crate::limits::{MAX_ENTRIES, MAX_ENTRIES_REPORTED};
use crate::reader::{Reader, text};

const REGULAR: u64 = 0o100_000;
const FOLDER: u64 = 0o040_000;
const LINK: u64 = 0o120_000;

struct Member<'a> {
    name: String,
    mode: u64,
    modified: u64,
    start: u64,
    size: u64,
    content: &'a [u8],
    next: u64,
}

pub fn parse(data: &[u8], findings: &mut Findings, children: &mut Children) -> Container {
    let reader = Reader::little(data);
    let mut container = Container { kind: "cpio", ..Container::default() };
    let mut names = Vec::new();
    let mut at = 0;
    while (container.count as usize) < MAX_ENTRIES {
        let Some(member) = member(reader, at) else {
            findings.malformed("cpio-header", "A member's header is damaged or the archive's end is missing.");
            break;
        };
        if member.name == "TRAILER!!!" {
            break;
        }
        container.count += 1;
        at = member.next;
        let kind = match member.mode & 0o170_000 {
            REGULAR => "file",
            FOLDER => "folder",
            LINK => "link",
            _ => "special",
        };
        if kind == "file" && !member.content.is_empty() {
            children.add(&member.name, "cpio-member", Some(member.start), member.content);
        }
        if container.entries.len() < MAX_ENTRIES_REPORTED {
            container.entries.push(Entry {
                name: member.name.clone(),
                size: member.size,
                offset: Some(member.start),
                kind,
                modified: i64::try_from(member.modified).ok(),
                format: if kind == "file" { identify_embedded(member.content) } else { "" },
                ..Entry::default()
            });
        }
        names.push(member.name);
    }
    // The payload of a package begins at the root and is unpacked below it.
    super::judge_names(names.iter().map(|name| name.trim_start_matches("./").trim_start_matches('/')), findings);
    container
}

fn member<'a>(reader: Reader<'a>, at: u64) -> Option<Member<'a>> {
    let is_old = reader.slice(at, 6)? == b"070707";
    let radix = if is_old { 8 } else { 16 };
    let field = |offset: u64, length: u64| {
        let digits = std::str::from_utf8(reader.slice(at.checked_add(offset)?, length)?).ok()?;
        u64::from_str_radix(digits, radix).ok()
    };
    let (mode, modified, name_size, size, header) = if is_old {
        (field(18, 6)?, field(48, 11)?, field(59, 6)?, field(65, 11)?, 76)
    } else if matches!(reader.slice(at, 6)?, b"070701" | b"070702") {
        (field(14, 8)?, field(46, 8)?, field(94, 8)?, field(54, 8)?, 110)
    } else {
        return None;
    };
    let aligned = |offset: u64| if is_old { offset } else { offset.next_multiple_of(4) };
    let name = reader.slice(at + header, name_size)?;
    let start = aligned(at + header + name_size);
    let name = text(name.strip_suffix(b"\0").unwrap_or(name), 1_024);
    let content = reader.upto(start, size);
    Some(Member { name, mode, modified, start, size, content, next: aligned(start + size) })
}

/// Tags of an RPM's header that say what it is.
const TAGS: [(u32, &str); 6] = [
    (1_000, "name"),
    (1_001, "version"),
    (1_002, "release"),
    (1_022, "architecture"),
    (1_011, "vendor"),
    (1_044, "source"),
];
/// Scripts that run when the package is installed or removed.
const SCRIPTS: [u32; 4] = [1_023, 1_024, 1_025, 1_026];
/// Index entries of a header: real ones have below 200.
const MAX_TAGS: u64 = 4_096;

/// A lead, the header of the signature, the header of the package, and the payload.
pub fn rpm(data: &[u8], findings: &mut Findings, children: &mut Children) -> Container {
    let reader = Reader::little(data);
    let mut container = Container { kind: "rpm", ..Container::default() };
    let Some((header, payload)) = rpm_header(data) else {
        findings.malformed("rpm-header", "The package's header is cut off or damaged.");
        return container;
    };
    let (tags, scripts) = rpm_tags(reader, header);
    container.properties = tags;
    if !scripts.is_empty() {
        findings.add(
            Finding::new("package-scripts", Severity::Info, 90, "Scripts run when the package is installed")
                .quotes(scripts)
                .techniques(&["T1059.004"]),
        );
    }
    let payload = reader.upto(payload, u64::MAX);
    let format = identify_embedded(payload);
    container.count = 1;
    container.properties.insert("payload".to_owned(), format.to_owned());
    let id = identify_id(payload);
    if id == "gzip" || codec::unpack(id, &[], 0).is_none() {
        let offset = data.len() - payload.len();
        children.add("payload", "rpm-payload", Some(offset as u64), payload);
    } else {
        children.add_packed("payload", "rpm-payload", payload.len() as u64, |limit| codec::unpack(id, payload, limit));
    }
    container
}

/// The places of the package's header and of the payload.
fn rpm_header(data: &[u8]) -> Option<(u64, u64)> {
    let signature = 96;
    let header = rpm_end(data, signature)?.next_multiple_of(8);
    Some((header, rpm_end(data, header)?))
}

fn rpm_end(data: &[u8], at: u64) -> Option<u64> {
    let reader = Reader::big(data);
    (reader.u32(at)? == 0x8ead_e801).then_some(())?;
    Some(at + 16 + 16 * u64::from(reader.u32(at + 8)?) + u64::from(reader.u32(at + 12)?))
}

fn rpm_tags(reader: Reader, header: u64) -> (BTreeMap<String, String>, Vec<String>) {
    let reader = Reader::big(reader.data());
    let count = u64::from(reader.u32(header + 8).unwrap_or(0));
    let store = header + 16 + 16 * count;
    let (mut tags, mut scripts) = (BTreeMap::new(), Vec::new());
    for index in 0..count.min(MAX_TAGS) {
        let at = header + 16 + 16 * index;
        let (Some(tag), Some(offset)) = (reader.u32(at), reader.u32(at + 8)) else { break };
        let value = || text(reader.c_string(store + u64::from(offset), 1_024).unwrap_or_default(), 256);
        if let Some((_, name)) = TAGS.iter().find(|(known, _)| *known == tag) {
            tags.entry((*name).to_owned()).or_insert_with(value);
        } else if SCRIPTS.contains(&tag) && scripts.len() < SCRIPTS.len() {
            scripts.push(value());
        }
    }
    (tags, scripts)
}
