//! Windows shortcuts ([MS-SHLLINK]).

use module_kit::Findings;

use super::lnk_judge;
use crate::children::Children;
use crate::facts::Shortcut;
use crate::reader::{Reader, text, text_utf16};
use module_kit::hex;

const HAS_ID_LIST: u32 = 1;
const HAS_LINK_INFO: u32 = 2;
const IS_UNICODE: u32 = 0x80;
const RUNS_AS_ADMINISTRATOR: u32 = 0x2000;
/// Characters of a text: a command line has at most 32,767.
const MAX_TEXT: usize = 32_767;
/// Items of a list of ids, and blocks of extra data: real ones have below 20.
const MAX_ITEMS: usize = 256;
/// Seconds between 1601 and 1970.
const WINDOWS_EPOCH: i64 = 11_644_473_600;
const BLOCKS: [(u32, &str); 11] = [
    (0xa000_0001, "environment"),
    (0xa000_0002, "console"),
    (0xa000_0003, "tracker"),
    (0xa000_0004, "console code page"),
    (0xa000_0005, "special folder"),
    (0xa000_0006, "darwin"),
    (0xa000_0007, "icon environment"),
    (0xa000_0008, "shim"),
    (0xa000_0009, "property store"),
    (0xa000_000b, "known folder"),
    (0xa000_000c, "vista id list"),
];
const FOLDERS: [(&str, &str); 8] = [
    ("b4bfcc3a-db2c-424c-b029-7fe99a87c641", "Desktop"),
    ("fdd39ad0-238f-46af-adb4-6c85480369c7", "Documents"),
    ("374de290-123f-4565-9164-39c4925e467b", "Downloads"),
    ("1ac14e77-02e7-4e5d-b744-2eb1ae5198b7", "System"),
    ("d65231b0-b2f1-4857-a4ce-a8e7c6ea7d27", "System (x86)"),
    ("f38bf404-1d43-42f2-9305-67de0b28fc23", "Windows"),
    ("905e63b6-c1bf-494e-b29c-65b732d3d21a", "Program Files"),
    ("b97d20bb-f46a-4c97-ba10-5e3608430854", "Startup"),
];

pub fn parse(data: &[u8], findings: &mut Findings, children: &mut Children) -> Option<Shortcut> {
    let reader = Reader::little(data);
    let Some(flags) = reader.u32(0x14).filter(|_| data.len() >= 76) else {
        findings.malformed("lnk-header", "The shortcut's header is cut off.");
        return None;
    };
    let mut shortcut = header(reader);
    let end = body(reader, flags, &mut shortcut);
    let Some(end) = end else {
        findings.malformed("lnk-structure", "The shortcut ends within what its header announces.");
        lnk_judge::judge(&shortcut, false, findings);
        return Some(shortcut);
    };
    let appended = reader.upto(end, u64::MAX);
    if !appended.is_empty() && appended.iter().any(|&byte| byte != 0) {
        shortcut.appended = appended.len() as u64;
        children.add("appended", "lnk-appended", Some(end), appended);
    }
    lnk_judge::judge(&shortcut, flags & RUNS_AS_ADMINISTRATOR != 0, findings);
    Some(shortcut)
}

fn header(reader: Reader) -> Shortcut {
    let time = |at| reader.u64(at).filter(|&time| time != 0).map(|time| (time / 10_000_000) as i64 - WINDOWS_EPOCH);
    Shortcut {
        created: time(0x1c),
        accessed: time(0x24),
        modified: time(0x2c),
        target_size: reader.u32(0x34).unwrap_or(0),
        icon_index: reader.u32(0x38).unwrap_or(0).cast_signed(),
        window: match reader.u32(0x3c) {
            Some(3) => "maximised",
            Some(7) => "minimised",
            _ => "normal",
        },
        ..Shortcut::default()
    }
}

/// Everything behind the header; where it ends.
fn body(reader: Reader, flags: u32, shortcut: &mut Shortcut) -> Option<u64> {
    let mut at = 76;
    if flags & HAS_ID_LIST != 0 {
        let size = u64::from(reader.u16(at)?);
        name_target("id-list", id_list(reader.slice(at + 2, size)?), shortcut);
        at += 2 + size;
    }
    if flags & HAS_LINK_INFO != 0 {
        let size = u64::from(reader.u32(at)?).max(4);
        link_info(reader.slice(at, size)?, shortcut);
        at += size;
    }
    let mut texts = [const { String::new() }; 5];
    for (bit, target) in (2..7).zip(&mut texts) {
        if flags >> bit & 1 == 1 {
            *target = string(reader, &mut at, flags & IS_UNICODE != 0)?;
        }
    }
    let [description, relative_path, working_folder, arguments, icon] = texts;
    *shortcut = Shortcut { description, relative_path, working_folder, arguments, icon, ..std::mem::take(shortcut) };
    let end = extra(reader, at, shortcut)?;
    let order = ["environment", "link-info", "network", "id-list", "vista id list"];
    let target = order.iter().find_map(|place| shortcut.targets.get(place)).cloned();
    shortcut.target = target.unwrap_or_else(|| shortcut.relative_path.clone());
    Some(end)
}

fn name_target(place: &'static str, target: String, shortcut: &mut Shortcut) {
    if !target.is_empty() {
        shortcut.targets.insert(place, target);
    }
}

fn string(reader: Reader, at: &mut u64, is_unicode: bool) -> Option<String> {
    let count = u64::from(reader.u16(*at)?);
    let size = if is_unicode { 2 * count } else { count };
    let bytes = reader.slice(*at + 2, size)?;
    *at += 2 + size;
    Some(if is_unicode { text_utf16(bytes, MAX_TEXT) } else { text(bytes, MAX_TEXT) })
}

/// The names of the items, as a path.
fn id_list(list: &[u8]) -> String {
    let reader = Reader::little(list);
    let (mut path, mut at) = (String::new(), 0);
    for _ in 0..MAX_ITEMS {
        let Some(size) = reader.u16(at).map(u64::from).filter(|&size| size >= 3) else { break };
        let name = item_name(reader.upto(at + 2, size - 2));
        at += size;
        if name.is_empty() {
            continue;
        }
        if !path.is_empty() && !path.ends_with('\\') {
            path.push('\\');
        }
        path += &name;
    }
    path
}

/// The name of a drive, a folder or a file; roots and what only a shell extension knows have none.
fn item_name(item: &[u8]) -> String {
    let reader = Reader::little(item);
    match item.first().map(|kind| kind & 0x7f) {
        Some(0x20..=0x2f) => {
            let name = text(reader.c_string(1, 32).unwrap_or_default(), 32);
            if name.as_bytes().get(1) == Some(&b':') { name } else { String::new() }
        }
        Some(kind @ 0x30..=0x3f) => long_name(item).unwrap_or_else(|| {
            let name = reader.upto(12, u64::MAX);
            if kind & 4 == 0 { text(reader.c_string(12, 260).unwrap_or_default(), 260) } else { text_utf16(name, 260) }
        }),
        Some(0x40..=0x4f) => text(reader.c_string(3, 260).unwrap_or_default(), 260),
        Some(0x61) => text_utf16(reader.upto(6, u64::MAX), 1_024),
        _ => String::new(),
    }
}

/// The block with the signature 0xbeef0004, whose layout depends on its version.
fn long_name(item: &[u8]) -> Option<String> {
    let signature = memchr::memmem::find(item, &0xbeef_0004_u32.to_le_bytes())?;
    let block = item.get(signature.checked_sub(4)?..)?;
    let start = match Reader::little(block).u16(2)? {
        0..3 => return None,
        3..7 => 20,
        7 => 38,
        8 => 42,
        _ => 46,
    };
    let name = text_utf16(block.get(start..)?, 260);
    (!name.is_empty()).then_some(name)
}

fn link_info(info: &[u8], shortcut: &mut Shortcut) {
    let reader = Reader::little(info);
    let field = |at| reader.u32(at).map_or(0, u64::from);
    let (header, flags) = (field(4), field(8));
    let ansi = |at: u64| if at == 0 { String::new() } else { c_text(reader, at) };
    let wide = |at: u64| if at == 0 { String::new() } else { text_utf16(reader.upto(at, u64::MAX), MAX_TEXT) };
    let (mut base, mut suffix) = (String::new(), ansi(field(24)));
    if flags & 1 != 0 {
        base = ansi(field(16));
        volume(Reader::little(reader.upto(field(12), u64::MAX)), shortcut);
    }
    if header >= 0x24 {
        base = Some(wide(field(28))).filter(|base| !base.is_empty() && flags & 1 != 0).unwrap_or(base);
        suffix = Some(wide(field(32))).filter(|suffix| !suffix.is_empty()).unwrap_or(suffix);
    }
    if !base.is_empty() {
        name_target("link-info", format!("{base}{suffix}"), shortcut);
    }
    if flags & 2 != 0 {
        let network = Reader::little(reader.upto(field(20), u64::MAX));
        let share = network.u32(8).map(|at| c_text(network, at.into())).unwrap_or_default();
        let target = if suffix.is_empty() { share } else { format!("{share}\\{suffix}") };
        name_target("network", target, shortcut);
    }
}

fn c_text(reader: Reader, at: u64) -> String {
    text(reader.c_string(at, MAX_TEXT as u64).unwrap_or_default(), MAX_TEXT)
}

fn volume(volume: Reader, shortcut: &mut Shortcut) {
    shortcut.drive = match volume.u32(4) {
        Some(2) => "removable",
        Some(3) => "fixed",
        Some(4) => "remote",
        Some(5) => "cd-rom",
        Some(6) => "ram disk",
        _ => "",
    };
    if let Some(serial) = volume.u32(8) {
        shortcut.volume_serial = format!("{:04x}-{:04x}", serial >> 16, serial & 0xffff);
    }
    shortcut.volume_label = match volume.u32(12) {
        Some(0x14) => volume.u32(16).map(|at| text_utf16(volume.upto(at.into(), 64), 32)).unwrap_or_default(),
        Some(at) => text(volume.c_string(at.into(), 32).unwrap_or_default(), 32),
        None => String::new(),
    };
}

/// Blocks of extra data; where they end.
fn extra(reader: Reader, mut at: u64, shortcut: &mut Shortcut) -> Option<u64> {
    for _ in 0..MAX_ITEMS {
        // Some writers leave the last block out.
        let Some(size) = reader.u32(at).map(u64::from) else { return Some(reader.len()) };
        if size < 4 {
            return Some(at + 4);
        }
        let block = reader.slice(at, size)?;
        let signature = Reader::little(block).u32(4)?;
        let Some((_, kind)) = BLOCKS.iter().find(|(known, _)| *known == signature) else {
            // No block: what follows was appended where the last block is missing.
            return Some(at);
        };
        shortcut.blocks.push(kind);
        extra_block(kind, Reader::little(block), shortcut);
        at += size;
    }
    Some(at)
}

fn extra_block(kind: &'static str, block: Reader, shortcut: &mut Shortcut) {
    let wide_or_ansi = || {
        let wide = text_utf16(block.upto(268, 520), 260);
        if wide.is_empty() { text(block.c_string(8, 260).unwrap_or_default(), 260) } else { wide }
    };
    match kind {
        "environment" => name_target("environment", wide_or_ansi(), shortcut),
        "icon environment" if shortcut.icon.is_empty() => shortcut.icon = wide_or_ansi(),
        "vista id list" => name_target("vista id list", id_list(block.upto(8, u64::MAX)), shortcut),
        "tracker" => {
            shortcut.machine = text(block.c_string(16, 16).unwrap_or_default(), 16);
            // The node of a UUID of version 1 is the address of a network card.
            if let Some(id) = block.slice(48, 16).filter(|id| id[7] >> 4 == 1) {
                let digits = hex(&id[10..]);
                let pairs = digits.as_bytes().chunks(2).map(|pair| text(pair, 2));
                shortcut.mac = pairs.collect::<Vec<_>>().join(":");
            }
        }
        "known folder" => {
            let id = block.slice(8, 16).map(guid).unwrap_or_default();
            let known = FOLDERS.iter().find(|(known, _)| *known == id);
            shortcut.known_folder = known.map_or(id.clone(), |(_, name)| (*name).to_owned());
        }
        _ => {}
    }
}

/// Of sixteen bytes, the first three numbers of which are little-endian.
fn guid(bytes: &[u8]) -> String {
    let reader = Reader::little(bytes);
    let (first, second, third) = (reader.u32(0).unwrap_or(0), reader.u16(4).unwrap_or(0), reader.u16(6).unwrap_or(0));
    let rest = hex(bytes.get(8..16).unwrap_or_default());
    let (fourth, last) = rest.split_at(rest.len().min(4));
    format!("{first:08x}-{second:04x}-{third:04x}-{fourth}-{last}")
}
