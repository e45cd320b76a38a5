//! ISO 9660 (ECMA-119) with the names of Joliet and Rock Ridge. El Torito and UDF are noted.

use std::collections::HashSet;

use module_kit::{Finding, Findings, Severity};

use super::zip::days_from_civil;
use crate::children::Children;
use crate::facts::{Container, Entry};
use crate::formats::identify_embedded;
use crate::limits::{MAX_ENTRIES, MAX_ENTRIES_REPORTED};
use crate::reader::{Reader, text};

const SECTOR: u64 = 2_048;
const FIRST_DESCRIPTOR: u64 = 16;
/// Descriptors of a volume: real ones have below ten.
const MAX_DESCRIPTORS: u64 = 64;
/// The standard allows eight levels; other writers use more.
const MAX_LEVELS: usize = 64;
/// Bytes of a path.
const MAX_PATH: usize = 1_024;
/// Bytes of one directory.
const MAX_DIRECTORY: u64 = 16 << 20;
const HIDDEN: u8 = 1;
const FOLDER: u8 = 2;

struct Record {
    name: String,
    start: u64,
    size: u64,
    flags: u8,
    modified: Option<i64>,
}

/// What the descriptors say.
#[derive(Default)]
struct Volume {
    label: String,
    root: Option<(u64, u64)>,
    joliet: Option<(u64, u64)>,
    is_bootable: bool,
    udf: &'static str,
}

pub fn parse(data: &[u8], findings: &mut Findings, children: &mut Children) -> Container {
    let reader = Reader::little(data);
    let volume = volume(reader);
    let mut container = Container { kind: "iso9660", ..Container::default() };
    let Some(root) = volume.joliet.or(volume.root) else {
        findings.malformed("iso-descriptor", "There is no descriptor of a volume.");
        return container;
    };
    let is_joliet = volume.joliet.is_some();
    let mut walk = Walk {
        reader,
        is_joliet,
        seen: HashSet::new(),
        visited: 0,
        found: Vec::new(),
        is_broken: false,
        has_rock: false,
    };
    walk.folder(root, "", 0);
    if walk.is_broken {
        findings.malformed("iso-directory", "A directory lies outside of the image, holds itself or is damaged.");
    }
    for record in walk.found.iter().filter(|record| record.flags & FOLDER == 0) {
        children.add(&record.name, "iso-file", Some(record.start), reader.upto(record.start, record.size));
    }
    judge(&walk.found, findings);
    let names = if is_joliet {
        "joliet"
    } else if walk.has_rock {
        "rock ridge"
    } else {
        "plain"
    };
    let properties = [("label", volume.label.as_str()), ("names", names), ("udf", volume.udf)];
    let properties = properties.into_iter().filter(|(_, value)| !value.is_empty());
    container.properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    if volume.is_bootable {
        container.properties.insert("boot".to_owned(), "el torito".to_owned());
    }
    container.count = walk.found.len() as u64;
    container.entries = walk.found.into_iter().take(MAX_ENTRIES_REPORTED).map(|record| entry(reader, record)).collect();
    container
}

fn volume(reader: Reader) -> Volume {
    let mut volume = Volume::default();
    for index in 0..MAX_DESCRIPTORS {
        let at = (FIRST_DESCRIPTOR + index) * SECTOR;
        let Some(descriptor) = reader.slice(at, SECTOR) else { break };
        match (&descriptor[1..6], descriptor[0]) {
            (b"CD001", 0) => volume.is_bootable |= descriptor[7..].starts_with(b"EL TORITO SPECIFICATION"),
            (b"CD001", 1) if volume.root.is_none() => {
                volume.root = root(descriptor);
                volume.label = text(&descriptor[40..72], 32).trim_end().to_owned();
            }
            (b"CD001", 2) if matches!(&descriptor[88..91], b"%/@" | b"%/C" | b"%/E") => {
                volume.joliet = root(descriptor)
            }
            (b"NSR02", _) => volume.udf = "version 1",
            (b"NSR03", _) => volume.udf = "version 2 or above",
            (b"CD001" | b"BEA01" | b"TEA01" | b"BOOT2", _) => {}
            _ => break,
        }
    }
    volume
}

/// Place and size of the root directory.
fn root(descriptor: &[u8]) -> Option<(u64, u64)> {
    let reader = Reader::little(descriptor);
    Some((u64::from(reader.u32(158)?) * SECTOR, reader.u32(166)?.into()))
}

struct Walk<'a> {
    reader: Reader<'a>,
    is_joliet: bool,
    seen: HashSet<u64>,
    /// Records, with those that have no name: directories may share them.
    visited: usize,
    found: Vec<Record>,
    is_broken: bool,
    has_rock: bool,
}

impl Walk<'_> {
    fn folder(&mut self, (start, size): (u64, u64), path: &str, level: usize) {
        let listing = self.reader.upto(start, size.min(MAX_DIRECTORY));
        if !self.seen.insert(start) || level > MAX_LEVELS || path.len() > MAX_PATH || (listing.len() as u64) < size {
            self.is_broken = true;
            return;
        }
        let mut at = 0;
        while at < listing.len() && self.found.len() < MAX_ENTRIES {
            self.visited += 1;
            if self.visited > 4 * MAX_ENTRIES {
                self.is_broken = true;
                return;
            }
            let length = usize::from(listing[at]);
            if length == 0 {
                // Records do not cross sectors.
                at = (at + 1).next_multiple_of(SECTOR as usize);
                continue;
            }
            let Some(record) = listing.get(at..at + length).and_then(|record| self.record(record, path)) else {
                self.is_broken = true;
                return;
            };
            at += length;
            if record.name.is_empty() {
                continue;
            }
            let inner = (record.flags & FOLDER != 0).then(|| ((record.start, record.size), record.name.clone()));
            self.found.push(record);
            if let Some((place, name)) = inner {
                self.folder(place, &name, level + 1);
            }
        }
    }

    /// With an empty name for the directory itself and the one above.
    fn record(&mut self, record: &[u8], path: &str) -> Option<Record> {
        let fields = Reader::little(record);
        let name = fields.slice(33, fields.u8(32)?.into())?;
        let own = match name {
            [0 | 1] => String::new(),
            _ if self.is_joliet => big_endian(name),
            _ => self.rock_name(record, name),
        };
        // A version stands behind a semicolon.
        let own = own.rsplit_once(";1").map_or(own.as_str(), |(stem, rest)| if rest.is_empty() { stem } else { &own });
        let name = if path.is_empty() || own.is_empty() { own.to_owned() } else { format!("{path}/{own}") };
        Some(Record {
            name,
            start: u64::from(fields.u32(2)?) * SECTOR,
            size: fields.u32(10)?.into(),
            flags: fields.u8(25)?,
            modified: time(record.get(18..25)?),
        })
    }

    /// Entries of the system's use: `NM` has the name, without the limits of the standard.
    fn rock_name(&mut self, record: &[u8], name: &[u8]) -> String {
        let mut found = Vec::new();
        let mut rest = record.get((33 + name.len()).next_multiple_of(2)..).unwrap_or_default();
        while let [first, second, length, _, ..] = rest {
            let Some(field) = rest.get(..usize::from(*length)).filter(|field| field.len() >= 4) else { break };
            if [*first, *second] == *b"NM" && field.len() > 5 {
                found.extend_from_slice(&field[5..]);
            }
            rest = &rest[field.len()..];
        }
        self.has_rock |= !found.is_empty();
        text(if found.is_empty() { name } else { &found }, 255)
    }
}

fn big_endian(name: &[u8]) -> String {
    let units = name.as_chunks::<2>().0.iter().map(|&unit| u16::from_be_bytes(unit));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Years since 1900, month, day, hour, minute, second, quarters of hours before UTC.
fn time(stamp: &[u8]) -> Option<i64> {
    let &[year, month @ 1..=12, day @ 1..=31, hour, minute, second, zone] = stamp else { return None };
    let days = days_from_civil(1_900 + i64::from(year), month.into(), day.into());
    let seconds = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    Some(days * 86_400 + seconds - i64::from(zone.cast_signed()) * 900)
}

fn entry(reader: Reader, record: Record) -> Entry {
    let is_folder = record.flags & FOLDER != 0;
    Entry {
        format: if is_folder { "" } else { identify_embedded(reader.upto(record.start, record.size)) },
        name: record.name,
        size: record.size,
        offset: Some(record.start),
        kind: match record.flags & (FOLDER | HIDDEN) {
            0 => "file",
            HIDDEN => "hidden file",
            FOLDER => "folder",
            _ => "hidden folder",
        },
        modified: record.modified,
        ..Entry::default()
    }
}

/// Images are sent since what is in them does not carry the mark of the web: a shortcut to open, and hidden beside it
/// what it starts.
fn judge(found: &[Record], findings: &mut Findings) {
    super::judge_names(found.iter().map(|record| record.name.as_str()), findings);
    let ends = |record: &&Record, end: &str| record.name.to_ascii_lowercase().ends_with(end);
    let links: Vec<_> = found.iter().filter(|record| ends(record, ".lnk")).map(|record| &record.name).collect();
    if !links.is_empty() {
        findings.add(
            Finding::new("shortcut-in-image", Severity::Medium, 75, "The disk image carries a shortcut")
                .quotes(links)
                .techniques(&["T1553.005", "T1204.002"]),
        );
    }
    let hidden: Vec<_> = found.iter().filter(|record| record.flags & HIDDEN != 0).map(|record| &record.name).collect();
    if !hidden.is_empty() {
        findings.add(
            Finding::new("hidden-entries", Severity::Medium, 70, "The disk image has files that Windows does not show")
                .quotes(hidden)
                .techniques(&["T1564.001"]),
        );
    }
}
