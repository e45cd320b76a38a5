//! Files in Windows programs: resources of a format that holds or runs something, and what is behind the image.

use crate::children::Children;
use crate::facts::Category;
use crate::formats::category_of;
use crate::pe;
use memchr::memmem::find;

/// Bytes behind the image in which the payload of a self-extractor begins.
const SEARCHED: usize = 4_096;
const MARKS: [(&str, &[u8]); 3] =
    [("7z-sfx", b"7z\xbc\xaf\x27\x1c"), ("rar-sfx", b"Rar!\x1a\x07"), ("cab-sfx", b"MSCF\0\0\0\0")];

pub fn add(id: &str, data: &[u8], children: &mut Children) {
    if !children.are_wanted() {
        return;
    }
    let Some(payloads) = pe::payloads(data) else { return };
    for resource in payloads.resources.iter().filter(|resource| is_of_note(resource.format)) {
        let bytes = slice(data, resource.offset, resource.size);
        children.add(&format!("{}/{}", resource.kind, resource.name), "resource", Some(resource.offset), bytes);
    }
    // The directory of a ZIP counts from the start of the file: it is listed from there.
    let Some(overlay) = payloads.overlay.filter(|_| id != "zip-sfx") else { return };
    let bytes = slice(data, overlay.offset, overlay.size);
    let mark = MARKS
        .iter()
        .find(|(kind, _)| *kind == id)
        .and_then(|(_, mark)| find(&bytes[..bytes.len().min(SEARCHED)], mark));
    let skipped = mark.unwrap_or(0);
    let kind = if mark.is_some() { "self-extractor" } else { "overlay" };
    children.add(kind, kind, Some(overlay.offset + skipped as u64), &bytes[skipped..]);
}

fn is_of_note(format: &str) -> bool {
    use Category::{Archive, Bytecode, DiskImage, Document, Executable, Installer, Script};
    matches!(category_of(format), Some(Archive | Bytecode | DiskImage | Document | Executable | Installer | Script))
}

fn slice(data: &[u8], offset: u64, size: u64) -> &[u8] {
    crate::reader::Reader::little(data).upto(offset, size)
}
