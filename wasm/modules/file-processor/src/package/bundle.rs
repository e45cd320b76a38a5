//! Programs that carry another one: which, and what their marks say of the version.

use std::collections::BTreeMap;

use module_kit::{Finding, Findings, Severity};

use crate::facts::Bundle;
use crate::reader::{Reader, text};
use memchr::memmem::find;

/// Bytes in which a mark is looked for: stubs are smaller.
const SEARCHED: usize = 8 << 20;
const AUTOIT_OLD: &[u8] = b"\xa3\x48\x4b\xbe\x98\x6c\x4a\xa9\x99\x4c\x53\x0a\x86\xd6\x48\x7d";
/// Bytes that Node.js has at least.
const NODE_SIZE: usize = 16 << 20;
const NODE_FUSE: &[u8] = b"NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:";

/// `thorough`: also what takes a look at all of a large program.
pub fn parse(id: &str, data: &[u8], thorough: bool, findings: &mut Findings) -> Option<Bundle> {
    let start = &data[..data.len().min(SEARCHED)];
    match id {
        "nsis-installer" => nsis(data, start),
        "inno-installer" => inno(start),
        _ => None,
    }
    .or_else(|| autoit(start, findings))
    .or_else(|| if thorough && data.len() > NODE_SIZE { node(data, findings) } else { None })
}

fn properties<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    pairs.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The first header: flags, a mark, "NullsoftInst", the size of the header and of all data.
fn nsis(data: &[u8], start: &[u8]) -> Option<Bundle> {
    let at = find(data, b"\xef\xbe\xad\xdeNullsoftInst")? as u64;
    let reader = Reader::little(data);
    let flags = reader.u32(at.checked_sub(4)?)?;
    let packing = match reader.slice(at + 24, 5)? {
        [0x5d, 0, 0, ..] => "lzma, solid",
        [b'1', ..] => "bzip2, solid",
        _ if reader.slice(at + 28, 3) == Some(&[0x5d, 0, 0]) => "lzma",
        _ => "deflate or none",
    };
    let kind = if flags & 1 == 0 { "installer" } else { "uninstaller" };
    Some(Bundle {
        kind: "nsis",
        version: after(start, b"Nullsoft Install System v"),
        properties: properties([
            ("type", kind.to_owned()),
            ("header size", reader.u32(at + 16)?.to_string()),
            ("data size", reader.u32(at + 20)?.to_string()),
            ("compression", packing.to_owned()),
        ]),
        ..Bundle::default()
    })
}

fn inno(data: &[u8]) -> Option<Bundle> {
    let version = after(data, b"Inno Setup Setup Data (");
    let messages = after(data, b"Inno Setup Messages (");
    Some(Bundle { kind: "inno", version, properties: properties([("messages", messages)]), ..Bundle::default() })
}

/// The letters of a version behind a mark.
fn after(data: &[u8], mark: &[u8]) -> String {
    let Some(at) = find(data, mark) else { return String::new() };
    let rest = &data[at + mark.len()..];
    let end = rest.iter().take(24).position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.').unwrap_or(0);
    text(&rest[..end], 24)
}

/// A compiled script stands in a resource or behind the program; its mark has the version.
fn autoit(data: &[u8], findings: &mut Findings) -> Option<Bundle> {
    let marks: [(&[u8], &str); 2] = [(b"AU3!EA06", "3.2.6 or above"), (b"AU3!EA05", "3.0 to 3.2.5")];
    let found = marks.iter().find_map(|(mark, version)| find(data, mark).map(|at| (at, *version)));
    let (at, version) = found.or_else(|| find(data, AUTOIT_OLD).map(|at| (at, "unknown")))?;
    findings.add(
        Finding::new("autoit-script", Severity::Low, 90, "The program runs a compiled AutoIt script")
            .at(at as u64, 8)
            .techniques(&["T1059.010"]),
    );
    Some(Bundle {
        kind: "autoit",
        version: version.to_owned(),
        properties: properties([("offset", format!("{at:#x}"))]),
        ..Bundle::default()
    })
}

/// Node's fuse is followed by 1 where a script was put in.
fn node(data: &[u8], findings: &mut Findings) -> Option<Bundle> {
    let at = find(data, NODE_FUSE)?;
    let is_blown = data.get(at + NODE_FUSE.len()) == Some(&b'1');
    if is_blown {
        findings.add(
            Finding::new("node-program", Severity::Info, 90, "A JavaScript program packed with Node.js")
                .techniques(&["T1059.007"]),
        );
    }
    Some(Bundle {
        kind: if is_blown { "node-sea" } else { "node" },
        version: after(data, b"node-v"),
        ..Bundle::default()
    })
}
