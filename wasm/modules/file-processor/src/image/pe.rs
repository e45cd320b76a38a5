//! A PE image: sections, imports by the slots of their addresses, exports, callbacks.

use module_kit::Findings;

use super::{Image, MAX_NAMES, Named, Region};
use crate::pe::headers::{DIRECTORY_CLI, Headers, SECTION_CODE, SECTION_EXECUTE, SECTION_WRITE, SectionHeader};
use crate::pe::{export_list, import_slots, tls_list};

pub fn image(data: &[u8]) -> Option<Image> {
    let headers = Headers::parse(data)?;
    let mut ignored = Findings::default();
    let mut image = Image {
        kind: "pe",
        architecture: headers.arch().0,
        bits: if headers.wide { 64 } else { 32 },
        base: headers.image_base,
        regions: headers.sections.iter().map(|section| region(&headers, section)).collect(),
        managed: headers.directory(DIRECTORY_CLI).is_some(),
        slots: import_slots(&headers, MAX_NAMES),
        ..Image::default()
    };
    if headers.entry_point != 0 {
        image.start("entry", headers.image_base.wrapping_add(u64::from(headers.entry_point)));
    }
    for callback in tls_list(&headers, &mut ignored) {
        image.start("tls-callback", callback);
    }
    for export in export_list(&headers, &mut ignored) {
        if export.forward.is_none() && image.functions.len() < MAX_NAMES {
            let name = export.name.unwrap_or_default();
            image.functions.push(Named { address: export.address, name, ..Named::default() });
        }
    }
    if headers.wide {
        read_unwinding(&headers, &mut image);
    }
    Some(image)
}

/// In 64 bits each function that calls others has an entry for whoever unwinds the stack.
fn read_unwinding(headers: &Headers, image: &mut Image) {
    const DIRECTORY_EXCEPTION: usize = 3;
    const ENTRY: u64 = 12;
    /// The entry is a part of another's function.
    const CHAINED: u8 = 4 << 3;
    let Some(directory) = headers.directory(DIRECTORY_EXCEPTION).filter(|_| headers.machine == 0x8664) else { return };
    let Some(table) = headers.offset(directory.address) else { return };
    for index in 0..(u64::from(directory.size) / ENTRY).min(MAX_NAMES as u64) {
        let field = |place: u64| headers.reader.u32(table + ENTRY * index + place);
        let (Some(begin), Some(unwinding)) = (field(0), field(8)) else { return };
        let flags = headers.offset(unwinding).and_then(|at| headers.reader.u8(at));
        if begin != 0 && flags.is_some_and(|flags| flags & CHAINED == 0) && image.functions.len() < MAX_NAMES {
            let address = headers.image_base.wrapping_add(u64::from(begin));
            image.functions.push(Named { address, ..Named::default() });
        }
    }
}

/// Bytes of the file that are mapped of a section: no more than the pages that it announces.
fn mapped_size(raw: u32, announced: u32) -> u32 {
    match announced {
        0 => raw,
        _ => raw.min(announced.checked_next_multiple_of(0x1000).unwrap_or(u32::MAX)),
    }
}

fn region(headers: &Headers, section: &SectionHeader) -> Region {
    let size = mapped_size(section.raw_size, section.virtual_size);
    Region {
        name: section.name.clone(),
        address: headers.image_base.wrapping_add(u64::from(section.address)),
        offset: Headers::mapped_offset(section),
        size: u64::from(size),
        memory: u64::from(section.virtual_size.max(section.raw_size)),
        executable: section.flags & (SECTION_EXECUTE | SECTION_CODE) != 0,
        writable: section.flags & SECTION_WRITE != 0,
    }
}

#[cfg(test)]
mod tests {
    use super::mapped_size;

    #[test]
    fn no_more_is_mapped_than_the_pages_that_are_announced() {
        for (raw, announced, mapped) in [(512, 0, 512), (9_000, 1, 4_096), (512, 1, 512), (512, u32::MAX, 512)] {
            assert_eq!(mapped_size(raw, announced), mapped, "{announced}");
        }
    }
}
