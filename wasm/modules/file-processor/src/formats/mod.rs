//! What the content says that a file is.

mod installer;
mod openpgp;
mod script;
mod structure;
mod table;

use crate::facts::{Category, Format};
use crate::pe::headers::Headers;
use crate::{elf, macho};

/// The format with a name for people. Reads the magic, the headers, and where needed a container's directory.
pub fn identify(data: &[u8]) -> Format {
    let id = identify_id(data);
    let mut format = plain(id);
    match id {
        "pe" => {
            if let Some(headers) = Headers::parse(data) {
                format = describe_pe(data, &headers);
            }
        }
        "elf" => {
            if let Some(elf::Description { name, mime }) = elf::describe(data) {
                format = Format { name, mime, ..format };
            }
        }
        "macho" => format.name = macho::name(data).unwrap_or(format.name),
        "macho-fat" => format.name = macho::fat_name(data).unwrap_or(format.name),
        _ => {}
    }
    format
}

/// A PE image by its headers; an installer or a self-extracting archive by what is behind them.
fn describe_pe(data: &[u8], headers: &Headers) -> Format {
    let name = headers.name();
    let extension = match headers.image_type() {
        "dll" => "dll",
        "driver" => "sys",
        _ => "exe",
    };
    match installer::identify(data, headers) {
        Some(id) => {
            let installer = plain(id);
            Format { name: format!("{}, {name}", installer.name), ..installer }
        }
        None => Format { name, extension, ..plain("pe") },
    }
}

fn plain(id: &str) -> Format {
    let row = table::by_id(id).or_else(|| table::by_id("data"));
    row.map_or_else(
        || Format {
            id: "data",
            name: "Data".into(),
            mime: "application/octet-stream",
            category: Category::Data,
            extension: "",
        },
        |row| Format {
            id: row.id,
            name: row.name.to_owned(),
            mime: row.mime,
            category: row.category,
            extension: row.extension,
        },
    )
}

/// Only the id; empty for no bytes.
pub fn identify_id(data: &[u8]) -> &'static str {
    identify_by(data, script::identify)
}

/// Bytes of embedded text that are looked at.
const EMBEDDED_TEXT: usize = 512;

/// Bytes of what is embedded that are looked at: the directories of embedded archives and documents may be long, and
/// thousands of entries may share one.
pub const MAX_EMBEDDED: usize = 64 << 10;

/// The same for what is embedded, of which there may be thousands: text is told by its beginning, not by its syntax.
/// Of an archive or document longer than `MAX_EMBEDDED` only the family may be told: `ole` for `doc`.
pub fn identify_embedded(data: &[u8]) -> &'static str {
    let data = &data[..data.len().min(MAX_EMBEDDED)];
    identify_by(data, |data| script::identify_start(&data[..data.len().min(EMBEDDED_TEXT)]))
}

fn identify_by(data: &[u8], text: fn(&[u8]) -> Option<&'static str>) -> &'static str {
    if data.is_empty() {
        return "";
    }
    structure::identify(data)
        .or_else(|| table::find_row(data).map(|row| row.id))
        .or_else(|| openpgp::is_key(data).then_some("pgp-keys"))
        .or_else(|| structure::identify_weak(data))
        .or_else(|| text(data))
        .unwrap_or("data")
}

pub fn category_of(id: &str) -> Option<Category> {
    table::by_id(id).map(|row| row.category)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unknown_is_data_and_nothing_is_nothing() {
        assert_eq!(identify(&[1, 2, 0x80, 0]).id, "data");
        assert_eq!(identify_id(b""), "");
        assert_eq!(identify(b"").id, "data");
    }

    #[test]
    fn every_id_in_the_code_is_in_a_table() {
        let code = concat!(include_str!("structure.rs"), include_str!("script.rs"), include_str!("installer.rs"));
        for id in code.split("Some(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(table::by_id(id).is_some(), "{id}");
        }
    }
}
