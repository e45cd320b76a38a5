//! Resource tree: type, name, language; and the version information in it.

use std::collections::BTreeMap;

use super::headers::{DIRECTORY_RESOURCE, Headers};
use crate::budget::Budget;
use crate::facts::Resource;
use crate::limits::{MAX_RESOURCE_MEASURED, MAX_RESOURCES};
use crate::reader::{Reader, text_utf16};
use module_kit::Findings;

const TYPES: [(u32, &str); 21] = [
    (1, "RT_CURSOR"),
    (2, "RT_BITMAP"),
    (3, "RT_ICON"),
    (4, "RT_MENU"),
    (5, "RT_DIALOG"),
    (6, "RT_STRING"),
    (7, "RT_FONTDIR"),
    (8, "RT_FONT"),
    (9, "RT_ACCELERATOR"),
    (10, "RT_RCDATA"),
    (11, "RT_MESSAGETABLE"),
    (12, "RT_GROUP_CURSOR"),
    (14, "RT_GROUP_ICON"),
    (16, "RT_VERSION"),
    (17, "RT_DLGINCLUDE"),
    (19, "RT_PLUGPLAY"),
    (20, "RT_VXD"),
    (21, "RT_ANICURSOR"),
    (22, "RT_ANIICON"),
    (23, "RT_HTML"),
    (24, "RT_MANIFEST"),
];

/// Version strings that are reported: real files have about 12.
const MAX_VERSION_STRINGS: usize = 64;

struct Walk<'h, 'a> {
    headers: &'h Headers<'a>,
    root: u64,
    visited: usize,
    found: Vec<Resource>,
}

pub fn parse(headers: &Headers, budget: &mut Budget, findings: &mut Findings) -> Vec<Resource> {
    let Some(directory) = headers.directory(DIRECTORY_RESOURCE) else { return Vec::new() };
    let Some(root) = headers.offset(directory.address) else {
        findings.malformed("resource-directory", "The resource directory lies outside of the file.");
        return Vec::new();
    };
    let mut walk = Walk { headers, root, visited: 0, found: Vec::new() };
    walk.types(findings);
    // All of them, not those alone that are reported: an executable may be behind hundreds of others.
    for resource in &mut walk.found {
        let bytes = headers.reader.upto(resource.offset, resource.size.min(MAX_RESOURCE_MEASURED));
        resource.entropy = budget.entropy(bytes);
        resource.format = budget.identify(headers.reader.upto(resource.offset, resource.size));
    }
    walk.found
}

/// An entry of a directory: its id or name, and what it points to.
struct Node {
    id: u32,
    name: Option<String>,
    target: u32,
}

impl Node {
    fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.id.to_string())
    }

    fn type_label(&self) -> String {
        let known = TYPES.iter().find(|(id, _)| self.name.is_none() && *id == self.id);
        known.map_or_else(|| self.label(), |(_, name)| (*name).to_owned())
    }
}

impl Walk<'_, '_> {
    fn types(&mut self, findings: &mut Findings) {
        for kind in self.children(0, findings) {
            for name in self.subdirectory(&kind, findings) {
                for language in self.subdirectory(&name, findings) {
                    self.leaf(&kind, &name, &language, findings);
                }
            }
        }
    }

    fn subdirectory(&mut self, node: &Node, findings: &mut Findings) -> Vec<Node> {
        if node.target & 0x8000_0000 == 0 {
            findings.malformed("resource-tree", "The resource tree has data where a directory belongs.");
            return Vec::new();
        }
        self.children(node.target & 0x7fff_ffff, findings)
    }

    fn children(&mut self, offset: u32, findings: &mut Findings) -> Vec<Node> {
        let at = self.root + u64::from(offset);
        let reader = self.headers.reader;
        let (Some(named), Some(numbered)) = (reader.u16(at + 12), reader.u16(at + 14)) else {
            findings.malformed("resource-tree", "A resource directory lies outside of the file.");
            return Vec::new();
        };
        let count = usize::from(named) + usize::from(numbered);
        let allowed = count.min(MAX_RESOURCES.saturating_sub(self.visited));
        if allowed < count {
            findings.malformed("resource-count", format!("The resource tree has more than {MAX_RESOURCES} entries."));
        }
        self.visited += allowed;
        (0..allowed as u64).map_while(|index| self.node(at + 16 + 8 * index)).collect()
    }

    fn node(&self, at: u64) -> Option<Node> {
        let id = self.headers.reader.u32(at)?;
        let target = self.headers.reader.u32(at + 4)?;
        let name = (id & 0x8000_0000 != 0).then(|| self.name(id & 0x7fff_ffff));
        Some(Node { id, name, target })
    }

    fn name(&self, offset: u32) -> String {
        let at = self.root + u64::from(offset);
        let length = self.headers.reader.u16(at).unwrap_or(0);
        text_utf16(self.headers.reader.upto(at + 2, 2 * u64::from(length)), 256)
    }

    fn leaf(&mut self, kind: &Node, name: &Node, language: &Node, findings: &mut Findings) {
        let at = self.root + u64::from(language.target & 0x7fff_ffff);
        let (Some(rva), Some(size)) = (self.headers.reader.u32(at), self.headers.reader.u32(at + 4)) else {
            findings.malformed("resource-tree", "A resource's entry lies outside of the file.");
            return;
        };
        let offset = self.headers.offset(rva);
        if size > 0 && offset.is_none_or(|offset| offset + u64::from(size) > self.headers.reader.len()) {
            findings.malformed("resource-data", "A resource's data lies outside of the file.");
        }
        self.found.push(Resource {
            kind: kind.type_label(),
            name: name.label(),
            language: language.id & 0x7fff_ffff,
            offset: offset.unwrap_or(0),
            size: if offset.is_some() { u64::from(size) } else { 0 },
            ..Resource::default()
        });
    }
}

/// The strings of the first version resource, and its binary versions where no string says them.
pub fn version_info(headers: &Headers, resources: &[Resource]) -> BTreeMap<String, String> {
    let version = resources.iter().find(|resource| resource.kind == "RT_VERSION");
    version.map_or_else(BTreeMap::new, |version| {
        let mut info = BTreeMap::new();
        let bytes = headers.reader.upto(version.offset, version.size.min(1 << 16));
        version_block(bytes, 0, &mut info);
        info
    })
}

/// A block is: length, length of the value, type, key in UTF-16, padding, value, padding, children. The root holds
/// `StringFileInfo`, that holds tables by language, and those hold the strings: three levels.
fn version_block(block: &[u8], depth: u8, info: &mut BTreeMap<String, String>) {
    let reader = Reader::little(block);
    let Some(value_length) = reader.u16(2) else { return };
    let key = text_utf16(&block[6.min(block.len())..], 256);
    let value_at = aligned(6 + 2 * (key.encode_utf16().count() as u64 + 1));
    if depth == 3 {
        // The length counts characters; some compilers wrote bytes. The terminating NUL decides.
        if info.len() < MAX_VERSION_STRINGS {
            let value = text_utf16(reader.upto(value_at, 2 * u64::from(value_length)), 1_024);
            info.entry(key).or_insert(value);
        }
        return;
    }
    if depth == 1 && key != "StringFileInfo" {
        return;
    }
    let mut at = aligned(value_at + u64::from(value_length));
    while let Some(length) = reader.u16(at).filter(|&length| length > 6) {
        version_block(reader.upto(at, u64::from(length)), depth + 1, info);
        at = aligned(at + u64::from(length));
    }
}

const fn aligned(offset: u64) -> u64 {
    offset.next_multiple_of(4)
}
