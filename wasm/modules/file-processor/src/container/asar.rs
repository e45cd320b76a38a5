//! Electron's asar: a header in JSON, and the files behind it.

use module_kit::Findings;
use serde_json::Value;

use crate::children::Children;
use crate::facts::{Container, Entry};
use crate::formats::identify_embedded;
use crate::limits::{MAX_ENTRIES, MAX_ENTRIES_REPORTED};
use crate::reader::Reader;

/// Bytes of the header: large applications have some MiB.
const MAX_HEADER: u64 = 8 << 20;
/// Bytes of a path.
const MAX_PATH: usize = 1_024;
const MAX_LEVELS: usize = 64;

struct File {
    name: String,
    offset: Option<u64>,
    size: u64,
}

pub fn parse(data: &[u8], findings: &mut Findings, children: &mut Children) -> Container {
    let reader = Reader::little(data);
    let mut container = Container { kind: "asar", ..Container::default() };
    let size = reader.u32(12).map(u64::from).filter(|&size| size <= MAX_HEADER);
    let header = size.and_then(|size| reader.slice(16, size)).and_then(|header| serde_json::from_slice(header).ok());
    let (Some(header), Some(start)) = (header, reader.u32(4)) else {
        findings.malformed("asar-header", "The archive's header is no JSON or cut off.");
        return container;
    };
    let mut files = Vec::new();
    walk(&header, "", 0, &mut files);
    let start = 8 + u64::from(start);
    for file in &files {
        let Some(offset) = file.offset.and_then(|offset| offset.checked_add(start)) else { continue };
        let content = reader.upto(offset, file.size);
        children.add(&file.name, "asar-file", Some(offset), content);
        if container.entries.len() < MAX_ENTRIES_REPORTED {
            container.entries.push(Entry {
                name: file.name.clone(),
                size: file.size,
                offset: Some(offset),
                format: identify_embedded(content),
                ..Entry::default()
            });
        }
    }
    container.count = files.len() as u64;
    super::judge_names(files.iter().map(|file| file.name.as_str()), findings);
    container
}

fn walk(folder: &Value, path: &str, level: usize, files: &mut Vec<File>) {
    let Some(entries) = folder.get("files").and_then(Value::as_object).filter(|_| level < MAX_LEVELS) else { return };
    for (name, entry) in entries {
        if files.len() >= MAX_ENTRIES {
            return;
        }
        let name = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        if name.len() > MAX_PATH {
            continue;
        }
        if entry.get("files").is_some() {
            walk(entry, &name, level + 1, files);
            continue;
        }
        let offset = entry.get("offset").and_then(Value::as_str).and_then(|offset| offset.parse().ok());
        files.push(File { name, offset, size: entry.get("size").and_then(Value::as_u64).unwrap_or(0) });
    }
}
