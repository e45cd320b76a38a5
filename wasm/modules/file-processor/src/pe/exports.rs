//! Export directory.

use std::collections::HashMap;

use super::headers::{DIRECTORY_EXPORT, Headers};
use crate::facts::Export;
use crate::limits::MAX_EXPORTS;
use crate::reader::text;
use module_kit::Findings;

#[derive(Default)]
pub struct Exports {
    pub library: String,
    pub symbols: Vec<Export>,
}

pub fn parse(headers: &Headers, findings: &mut Findings) -> Exports {
    let Some(directory) = headers.directory(DIRECTORY_EXPORT) else { return Exports::default() };
    read(headers, directory.address, directory.size, findings).unwrap_or_else(|| {
        findings.malformed("export-directory", "The export directory or one of its tables lies outside of the file.");
        Exports::default()
    })
}

fn read(headers: &Headers, rva: u32, size: u32, findings: &mut Findings) -> Option<Exports> {
    let at = headers.offset(rva)?;
    let field = |index: u64| headers.reader.u32(at + 4 * index);
    let (base, functions, names) = (field(4)?, field(5)?, field(6)?);
    let library = text(headers.string_at(field(3)?, 256).unwrap_or_default(), 256);
    if functions == 0 {
        return Some(Exports { library, symbols: Vec::new() });
    }
    let limit = u32::try_from(MAX_EXPORTS).unwrap_or(u32::MAX);
    if functions > limit || names > limit {
        findings.malformed("export-count", format!("{functions} functions and {names} names are announced."));
    }
    let named = read_names(headers, field(8)?, field(9)?, names.min(limit));
    let table = headers.offset(field(7)?)?;
    let mut symbols = Vec::new();
    for index in 0..functions.min(limit) {
        let Some(address) = headers.reader.u32(table + 4 * u64::from(index)) else {
            findings.malformed("export-table", "The table of functions has no end within the file.");
            break;
        };
        if address == 0 {
            continue;
        }
        let forward = (rva..rva.saturating_add(size)).contains(&address).then(|| headers.string_at(address, 512));
        let forward = forward.flatten().map(|bytes| text(bytes, 512));
        let aliases = named.get(&index).map_or(&[None][..], Vec::as_slice);
        let symbol = |name: &Option<String>| Export {
            name: name.clone(),
            ordinal: Some(base.wrapping_add(index)),
            address: headers.image_base.wrapping_add(u64::from(address)),
            forward: forward.clone(),
        };
        symbols.extend(aliases.iter().map(symbol));
    }
    Some(Exports { library, symbols })
}

/// Names by the index of their function; a function may have several.
fn read_names(headers: &Headers, names: u32, ordinals: u32, count: u32) -> HashMap<u32, Vec<Option<String>>> {
    let mut named: HashMap<u32, Vec<Option<String>>> = HashMap::new();
    let (Some(names), Some(ordinals)) = (headers.offset(names), headers.offset(ordinals)) else { return named };
    for index in 0..u64::from(count) {
        let (Some(name), Some(function)) =
            (headers.reader.u32(names + 4 * index), headers.reader.u16(ordinals + 2 * index))
        else {
            break;
        };
        if let Some(name) = headers.string_at(name, 512) {
            named.entry(u32::from(function)).or_default().push(Some(text(name, 512)));
        }
    }
    named
}
