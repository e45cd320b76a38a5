//! PyInstaller: an archive behind a program, and the archive of modules in it.

use std::collections::BTreeMap;

use module_kit::{Finding, Findings, Severity};

use super::marshal::{Marshal, Value, plain};
use super::python::{header, version_of};
use crate::children::Children;
use crate::codec::zlib;
use crate::facts::{Bundle, Container, Entry};
use crate::limits::MAX_ENTRIES_REPORTED;
use crate::reader::{Reader, text};

const COOKIE: &[u8] = b"MEI\x0c\x0b\x0a\x0b\x0e";
/// Behind the cookie there is nothing but a signature.
const SEARCHED: usize = 64 << 10;
const COOKIE_SIZE: u64 = 88;
/// Entries of the table: large programs have some thousand.
const MAX_TOC: usize = 65_536;
/// Bytes of the table of modules.
const MAX_MODULES: usize = 4 << 20;

struct Archive<'a> {
    content: Reader<'a>,
    start: u64,
    toc: (u64, u64),
    version: (u8, u8),
    library: String,
}

fn archive(data: &[u8]) -> Option<Archive<'_>> {
    let from = data.len().saturating_sub(SEARCHED);
    let at = data[from..].windows(COOKIE.len()).rposition(|window| window == COOKIE)? + from;
    let cookie = Reader::big(data.get(at..)?);
    let length = u64::from(cookie.u32(8)?);
    let toc = (u64::from(cookie.u32(12)?), u64::from(cookie.u32(16)?));
    let version = cookie.u32(20)?;
    let version = if version >= 100 { (version / 100, version % 100) } else { (version / 10, version % 10) };
    let library = text(cookie.c_string(24, 64).unwrap_or_default(), 64);
    let start = (at as u64 + COOKIE_SIZE).checked_sub(length)?;
    Some(Archive {
        content: Reader::big(data.get(usize::try_from(start).ok()?..)?),
        start,
        toc,
        version: (u8::try_from(version.0).ok()?, u8::try_from(version.1).ok()?),
        library,
    })
}

struct Item {
    name: String,
    kind: u8,
    offset: u64,
    packed: u64,
    size: u64,
    is_packed: bool,
}

pub fn parse(data: &[u8], findings: &mut Findings, children: &mut Children) -> Option<Bundle> {
    let archive = archive(data)?;
    let items = items(&archive);
    if items.is_empty() {
        findings.malformed("pyinstaller-table", "The table of the program's archive is damaged.");
    }
    let scripts: Vec<_> =
        items.iter().filter(|item| item.kind == b's').take(64).map(|item| item.name.clone()).collect();
    // Those whose names begin so are PyInstaller's own.
    let own = scripts.iter().rfind(|name| !name.starts_with("pyi") && !name.starts_with("_pyi"));
    findings.add(
        Finding::new("python-program", Severity::Info, 95, "A Python program packed with its interpreter")
            .quotes(&scripts)
            .techniques(&["T1059.006"]),
    );
    for item in items.iter().filter(|item| item.kind != b'o' && item.kind != b'd' && item.kind != b'l') {
        add(&archive, item, children);
    }
    let mut properties = BTreeMap::from([("entries".to_owned(), items.len().to_string())]);
    properties.insert("library".to_owned(), archive.library.clone());
    properties.insert("scripts".to_owned(), scripts.join(", ").chars().take(1_024).collect());
    Some(Bundle {
        kind: "pyinstaller",
        version: format!("{}.{}", archive.version.0, archive.version.1),
        entry: own.or(scripts.last()).cloned().unwrap_or_default(),
        properties,
    })
}

fn items(archive: &Archive) -> Vec<Item> {
    let mut items = Vec::new();
    let table = Reader::big(archive.content.upto(archive.toc.0, archive.toc.1));
    let mut at = 0;
    while let Some(length) = table.u32(at).map(u64::from).filter(|&length| length > 18 && items.len() < MAX_TOC) {
        let field = |offset| table.u32(at + offset).map(u64::from);
        let (Some(offset), Some(packed), Some(size)) = (field(4), field(8), field(12)) else { break };
        items.push(Item {
            name: text(table.c_string(at + 18, length - 18).unwrap_or_default(), 1_024),
            kind: table.u8(at + 17).unwrap_or(0),
            offset,
            packed,
            size,
            is_packed: table.u8(at + 16) == Some(1),
        });
        at += length;
    }
    items
}

fn add(archive: &Archive, item: &Item, children: &mut Children) {
    let content = archive.content.upto(item.offset, item.packed);
    let is_code = matches!(item.kind, b's' | b'm' | b'M');
    let (kind, name) = match item.kind {
        b's' => ("pyinstaller-script", format!("{}.pyc", item.name)),
        b'm' | b'M' => ("pyinstaller-module", format!("{}.pyc", item.name)),
        b'z' => ("pyinstaller-archive", item.name.clone()),
        _ => ("pyinstaller-file", item.name.clone()),
    };
    let version = archive.version;
    if !item.is_packed && !is_code {
        children.add(&name, kind, Some(archive.start + item.offset), content);
        return;
    }
    let size = usize::try_from(item.size).unwrap_or(usize::MAX);
    children.add_packed(&name, kind, content.len() as u64, |limit| {
        let unpacked =
            if item.is_packed { zlib(content, limit.min(size)) } else { content[..content.len().min(limit)].to_vec() };
        Some(if is_code { with_header(unpacked, version) } else { unpacked })
    });
}

/// Code that is stored without the header of a file gets one.
fn with_header(code: Vec<u8>, version: (u8, u8)) -> Vec<u8> {
    if code.get(2..4) == Some(b"\r\n") {
        return code;
    }
    let mut file = header(version);
    file.extend(code);
    file
}

/// The archive of modules: its table is marshalled, each module packed by itself.
pub fn modules(data: &[u8], findings: &mut Findings, children: &mut Children) -> Container {
    let mut container = Container { kind: "pyz", ..Container::default() };
    let Some((version, modules)) = module_table(data) else {
        findings.malformed("pyz-table", "The table of modules is damaged or encrypted.");
        return container;
    };
    container.count = modules.len() as u64;
    let reader = Reader::big(data);
    for module in &modules {
        let packed = reader.upto(module.offset, module.packed);
        let name = format!("{}.pyc", module.name);
        children.add_packed(&name, "python-module", packed.len() as u64, |limit| {
            let code = zlib(packed, limit);
            (!code.is_empty()).then(|| with_header(code, version))
        });
    }
    let entries = modules.into_iter().take(MAX_ENTRIES_REPORTED);
    container.entries = entries
        .map(|module| Entry {
            name: module.name,
            size: 0,
            compressed_size: Some(module.packed),
            offset: Some(module.offset),
            kind: "module",
            ..Entry::default()
        })
        .collect();
    container
}

fn module_table(data: &[u8]) -> Option<((u8, u8), Vec<Item>)> {
    let version = version_of(Reader::little(data).u16(4)?)?;
    let table = Reader::big(data).upto(Reader::big(data).u32(8)?.into(), MAX_MODULES as u64);
    let Value::Items(rows) = Marshal::new(table, version).read()? else { return None };
    Some((version, rows.iter().take(MAX_TOC).filter_map(module_row).collect()))
}

/// A name, and behind it the kind, the place and the length.
fn module_row(row: &Value) -> Option<Item> {
    let Value::Items(row) = row else { return None };
    let [name, Value::Items(place)] = &row[..] else { return None };
    let [Value::Number(kind), Value::Number(offset), Value::Number(packed)] = &place[..] else { return None };
    // 0 a module, 1 a package, 2 data, 3 a package without code.
    matches!(kind, 0 | 1).then(|| Item {
        name: plain(name),
        kind: b'm',
        offset: u64::try_from(*offset).unwrap_or(u64::MAX),
        packed: u64::try_from(*packed).unwrap_or(0),
        size: 0,
        is_packed: true,
    })
}
