//! Compiled Python (.pyc): version, names, constants and what is imported.

use std::collections::BTreeSet;

use module_kit::{Finding, Findings, Severity};

use super::marshal::{Code, Marshal};
use crate::facts::{Python, contents::cut_texts};
use crate::reader::Reader;

/// The last magic number of each version.
const MAGICS: [(u16, (u8, u8)); 13] = [
    (3_230, (3, 3)),
    (3_310, (3, 4)),
    (3_351, (3, 5)),
    (3_379, (3, 6)),
    (3_394, (3, 7)),
    (3_413, (3, 8)),
    (3_425, (3, 9)),
    (3_439, (3, 10)),
    (3_495, (3, 11)),
    (3_531, (3, 12)),
    (3_571, (3, 13)),
    (3_627, (3, 14)),
    (3_699, (3, 15)),
];
/// Python 2.7's.
const MAGIC_27: u16 = 62_211;
/// Names kept of one file.
const MAX_NAMES: usize = 4_000;

/// Major and minor by the magic number.
pub fn version_of(magic: u16) -> Option<(u8, u8)> {
    if magic == MAGIC_27 {
        return Some((2, 7));
    }
    (3_000..3_700)
        .contains(&magic)
        .then(|| MAGICS.iter().find(|(last, _)| magic <= *last))?
        .map(|&(_, version)| version)
}

/// A header for code that was stored without one.
pub fn header((major, minor): (u8, u8)) -> Vec<u8> {
    let known = MAGICS.iter().find(|(_, version)| *version == (major, minor)).map(|&(magic, _)| magic);
    let magic = if (major, minor) == (2, 7) { Some(MAGIC_27) } else { known };
    let mut header = magic.unwrap_or(0).to_le_bytes().to_vec();
    header.extend(b"\r\n");
    header.resize(header_size((major, minor)), 0);
    header
}

const fn header_size(version: (u8, u8)) -> usize {
    match version {
        (2, _) => 8,
        (3, 0..7) => 12,
        _ => 16,
    }
}

pub fn parse(data: &[u8], findings: &mut Findings) -> Option<Python> {
    let reader = Reader::little(data);
    let version = version_of(reader.u16(0)?)?;
    let body = data.get(header_size(version)..).unwrap_or_default();
    let mut marshal = Marshal::new(body, version);
    if marshal.read().is_none() {
        findings.malformed("python-bytecode", "The code ends early, is nested too deep, or is of no known version.");
    }
    let flags = if version >= (3, 7) { reader.u32(4)? } else { 0 };
    let stamp = reader.u32(if version >= (3, 7) { 8 } else { 4 }).filter(|&stamp| stamp != 0 && flags == 0);
    let Marshal { codes, texts, .. } = marshal;
    let mut python = Python {
        version: format!("{}.{}", version.0, version.1),
        source: codes.last().map(|code| code.file.clone()).unwrap_or_default(),
        modified: stamp.map(i64::from),
        code_objects: codes.len() as u64,
        functions: unique(codes.iter().map(|code| code.name.clone())),
        imports: unique(codes.iter().flat_map(|code| imports(code, version))),
        names: unique(codes.iter().flat_map(|code| code.names.iter().map(|name| name.to_string()))),
        strings: unique(texts.iter().filter(|text| text.len() >= 4).map(|text| text.to_string())),
    };
    judge(&python, findings);
    for list in [&mut python.functions, &mut python.imports, &mut python.names, &mut python.strings] {
        cut_texts(list);
    }
    Some(python)
}

/// In the order of their first place.
fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(name.clone())).take(MAX_NAMES).collect()
}

/// Operands of the instruction `IMPORT_NAME`; the numbers of instructions are known up to 3.13.
fn imports(code: &Code, version: (u8, u8)) -> Vec<String> {
    let (import, extended) = match version {
        (3, 14..) => return Vec::new(),
        (3, 13) => (75, 71),
        (2, _) => (108, 145),
        _ => (108, 144),
    };
    let mut found = Vec::new();
    let (mut at, mut argument) = (0, 0_usize);
    while let Some(&instruction) = code.bytecode.get(at) {
        let is_wide = version >= (3, 6);
        let operand = match code.bytecode.get(at + 1..at + 3) {
            Some(&[low, high]) if !is_wide && instruction >= 90 => usize::from(u16::from_le_bytes([low, high])),
            _ if is_wide => code.bytecode.get(at + 1).copied().map_or(0, usize::from),
            _ => 0,
        };
        at += if is_wide { 2 } else { 1 + 2 * usize::from(instruction >= 90) };
        argument = argument << if is_wide { 8 } else { 16 } & 0xff_ffff | operand;
        if instruction == extended {
            continue;
        }
        if instruction == import {
            found.extend(code.names.get(argument).map(|name| name.to_string()));
        }
        argument = 0;
    }
    found
}

fn judge(python: &Python, findings: &mut Findings) {
    let has = |list: &[String], names: &[&str]| {
        names
            .iter()
            .filter(|name| list.iter().any(|own| own == *name))
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let runs = has(&python.names, &["exec", "eval"]);
    let unpacks =
        has(&python.imports, &["marshal", "zlib", "base64", "lzma", "bz2", "Crypto.Cipher", "Cryptodome.Cipher"]);
    // What is short and does little else than unpack and run.
    if !runs.is_empty() && unpacks.len() >= 2 && python.code_objects <= 4 {
        findings.add(
            Finding::new("python-unpacker", Severity::Medium, 70, "The code unpacks other code and runs it")
                .quotes(runs.iter().chain(&unpacks))
                .techniques(&["T1027.002", "T1059.006"]),
        );
    }
    let native = has(
        &python.names,
        &[
            "VirtualAlloc",
            "VirtualAllocEx",
            "VirtualProtect",
            "CreateRemoteThread",
            "WriteProcessMemory",
            "RtlMoveMemory",
            "CreateThread",
        ],
    );
    if native.len() >= 2 {
        findings.add(
            Finding::new("python-injection", Severity::High, 75, "Python code puts machine code into memory")
                .quotes(native)
                .techniques(&["T1055", "T1059.006"]),
        );
    }
}
