//! Imports by the slots that the loader writes their addresses to.

use super::headers::{DIRECTORY_DELAY_IMPORT, DIRECTORY_IMPORT, Headers};
use super::imports::{Descriptor, MAX_NAME, delayed, is_library_name, ordinary, symbol};
use super::ordinals;
use crate::image::Named;
use crate::limits::MAX_LIBRARIES;
use crate::reader::text;

pub fn import_slots(headers: &Headers, most: usize) -> Vec<Named> {
    let mut slots = Vec::new();
    walk(headers, DIRECTORY_IMPORT, 20, ordinary, most, &mut slots);
    walk(headers, DIRECTORY_DELAY_IMPORT, 32, delayed, most, &mut slots);
    slots
}

fn walk(
    headers: &Headers,
    directory: usize,
    size: u64,
    read: fn(&Headers, u64) -> Option<Descriptor>,
    most: usize,
    slots: &mut Vec<Named>,
) {
    let start = headers.directory(directory).and_then(|found| headers.offset(found.address));
    let Some(start) = start else { return };
    for index in 0..MAX_LIBRARIES as u64 {
        let Some(descriptor) = read(headers, start + size * index) else { return };
        let name = headers.string_at(descriptor.name, MAX_NAME).unwrap_or_default();
        if !is_library_name(name) || slots.len() >= most {
            return;
        }
        read_library(headers, &descriptor, &text(name, 512), most, slots);
    }
}

fn read_library(headers: &Headers, descriptor: &Descriptor, library: &str, most: usize, slots: &mut Vec<Named>) {
    let has_lookup = descriptor.lookup != 0 && headers.offset(descriptor.lookup).is_some();
    let table = if has_lookup { descriptor.lookup } else { descriptor.address_table };
    let Some(at) = headers.offset(table) else { return };
    let width: u64 = if headers.wide { 8 } else { 4 };
    for index in 0..most.saturating_sub(slots.len()) as u64 {
        let thunk = headers.reader.word(at + width * index, headers.wide).filter(|&thunk| thunk != 0);
        let Some((name, ordinal)) = thunk.and_then(|thunk| symbol(headers, thunk)) else { return };
        let known =
            ordinal.and_then(|ordinal| ordinals::name_of(library, u16::try_from(ordinal).ok()?).map(str::to_owned));
        let name = name.or(known).unwrap_or_else(|| format!("#{}", ordinal.unwrap_or(0)));
        let rva = u64::from(descriptor.address_table).wrapping_add(width * index);
        slots.push(Named { address: headers.image_base.wrapping_add(rva), name, library: library.to_owned() });
    }
}
