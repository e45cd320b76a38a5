//! The module's output, in the shape of `athena_lab/report/facts.py`; units and meanings are described there.

pub mod build;
mod children;
pub mod code;
pub mod contents;
pub mod document;
pub mod dotnet;
pub mod signing;

use std::collections::BTreeMap;

use serde::Serialize;

pub use children::Child;
pub use contents::{Android, Bundle, Component, Contents, CustomAction, Dex, Installer, Java, Python, Shortcut};
use document::DocumentFacts;

use crate::limits::{
    MAX_ENTRIES_REPORTED, MAX_ENTRY_TEXT, MAX_LIBRARIES, MAX_RESOURCES_REPORTED, MAX_SECTIONS_REPORTED, MAX_SEGMENTS,
    MAX_SYMBOL_TEXT, MAX_SYMBOLS_REPORTED,
};

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Debug, Clone, Serialize)]
pub struct Hashes {
    pub md5: String,
    pub sha1: String,
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Format {
    pub id: &'static str,
    pub name: String,
    pub mime: &'static str,
    pub category: Category,
    #[serde(skip_serializing_if = "is_default")]
    pub extension: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    Executable,
    Script,
    Document,
    Archive,
    Image,
    Installer,
    DiskImage,
    Mail,
    AudioVideo,
    Font,
    Certificate,
    Bytecode,
    Database,
    Capture,
    Text,
    Data,
}

#[derive(Debug, Clone, Serialize)]
pub struct EntropyProfile {
    pub overall: f64,
    pub block_size: u64,
    pub profile: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    Ascii,
    #[serde(rename = "utf-16le")]
    Utf16Le,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StringItem {
    pub offset: u64,
    pub encoding: Encoding,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Strings {
    pub total: u64,
    pub items: Vec<StringItem>,
    pub min_length: usize,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Section {
    pub name: String,
    pub address: u64,
    pub virtual_size: u64,
    pub offset: u64,
    pub size: u64,
    pub entropy: f64,
    pub permissions: String,
    #[serde(skip_serializing_if = "is_default")]
    pub flags: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub md5: String,
    #[serde(skip_serializing_if = "is_default")]
    pub anomalies: Vec<&'static str>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Segment {
    pub kind: String,
    pub address: u64,
    pub virtual_size: u64,
    pub offset: u64,
    pub size: u64,
    pub permissions: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Import {
    pub library: String,
    #[serde(skip_serializing_if = "is_default")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub ordinal: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub delayed: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Export {
    #[serde(skip_serializing_if = "is_default")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub ordinal: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub address: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub forward: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Resource {
    pub kind: String,
    pub name: String,
    pub language: u32,
    pub offset: u64,
    pub size: u64,
    pub entropy: f64,
    #[serde(skip_serializing_if = "is_default")]
    pub format: &'static str,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Overlay {
    pub offset: u64,
    pub size: u64,
    pub entropy: f64,
    #[serde(skip_serializing_if = "is_default")]
    pub format: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RichEntry {
    pub product: u16,
    pub build: u16,
    pub count: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RichHeader {
    pub key: u32,
    pub checksum_valid: bool,
    pub hash: String,
    pub entries: Vec<RichEntry>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DebugInfo {
    pub kind: String,
    #[serde(skip_serializing_if = "is_default")]
    pub pdb_path: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub guid: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub age: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub timestamp: Option<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Signature {
    pub kind: &'static str,
    pub offset: u64,
    pub size: u64,
    pub subjects: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub signers: Vec<signing::Signer>,
    #[serde(skip_serializing_if = "is_default")]
    pub hidden: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub directory: Option<signing::CodeDirectory>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Executable {
    pub kind: &'static str,
    pub arch: String,
    pub bits: u8,
    pub endian: &'static str,
    #[serde(rename = "type")]
    pub kind_of_image: String,
    pub entry_point: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub image_base: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub subsystem: String,
    #[serde(skip_serializing_if = "is_default")]
    pub compile_time: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<Section>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Segment>,
    #[serde(skip_serializing_if = "is_default")]
    pub libraries: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub imports: Vec<Import>,
    #[serde(skip_serializing_if = "is_default")]
    pub import_count: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub exports: Vec<Export>,
    #[serde(skip_serializing_if = "is_default")]
    pub export_count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    #[serde(skip_serializing_if = "is_default")]
    pub resource_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlay: Option<Overlay>,
    #[serde(skip_serializing_if = "is_default")]
    pub imphash: String,
    #[serde(skip_serializing_if = "is_default")]
    pub authentihash: Option<code::Authentihash>,
    #[serde(skip_serializing_if = "is_default")]
    pub telfhash: String,
    #[serde(skip_serializing_if = "is_default")]
    pub rich: Option<RichHeader>,
    #[serde(skip_serializing_if = "is_default")]
    pub debug: Vec<DebugInfo>,
    #[serde(skip_serializing_if = "is_default")]
    pub version_info: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "is_default")]
    pub tls_callbacks: Vec<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub signature: Option<Signature>,
    #[serde(skip_serializing_if = "is_default")]
    pub checksum: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub checksum_computed: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub dll_characteristics: Vec<&'static str>,
    #[serde(skip_serializing_if = "is_default")]
    pub dotnet: Option<dotnet::DotNet>,
    #[serde(skip_serializing_if = "is_default")]
    pub build: Option<build::BuildInfo>,
    #[serde(skip_serializing_if = "is_default")]
    pub export_name: String,
    #[serde(skip_serializing_if = "is_default")]
    pub interpreter: String,
    #[serde(skip_serializing_if = "is_default")]
    pub build_id: String,
    #[serde(skip_serializing_if = "is_default")]
    pub rpath: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub mitigations: BTreeMap<&'static str, bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub slice_offset: u64,
}

impl Executable {
    /// Cuts the lists to what is reported, and gives their memory back. More `images` than two share the space of two.
    pub fn cut(&mut self, images: usize) {
        let share = |limit: usize| 2 * limit / images.max(2);
        let length = |name: &Option<String>| name.as_deref().map_or(0, json_length);
        let (symbols, names, letters) = (share(MAX_SYMBOLS_REPORTED), share(MAX_LIBRARIES), share(MAX_SYMBOL_TEXT));
        cut(&mut self.imports, symbols, letters, |symbol| json_length(&symbol.library) + length(&symbol.name));
        cut(&mut self.exports, symbols, letters, |symbol| length(&symbol.name) + length(&symbol.forward));
        cut(&mut self.libraries, names, letters, |name| json_length(name));
        cut(&mut self.rpath, names, letters, |path| json_length(path));
        cut(&mut self.resources, share(MAX_RESOURCES_REPORTED), letters, |resource| {
            json_length(&resource.kind) + json_length(&resource.name)
        });
        cut(&mut self.sections, share(MAX_SECTIONS_REPORTED), letters, |section| json_length(&section.name));
        cut(&mut self.segments, share(MAX_SEGMENTS), letters, |segment| json_length(&segment.kind));
    }
}

/// Bytes that a text takes in JSON: control characters are written as six.
pub fn json_length(text: &str) -> usize {
    let length = |byte: u8| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(length).sum()
}

/// Keeps the first items: at most `limit` of them, whose texts have at most `letters` in sum.
pub fn cut<T>(items: &mut Vec<T>, limit: usize, letters: usize, length: impl Fn(&T) -> usize) {
    let sums = items.iter().scan(0, |sum, item| {
        *sum += length(item);
        Some(*sum)
    });
    let kept = sums.take(limit).take_while(|&sum| sum <= letters).count();
    items.truncate(kept);
    items.shrink_to_fit();
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub name: String,
    pub size: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub compressed_size: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub offset: Option<u64>,
    #[serde(skip_serializing_if = "is_default_kind")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "is_default")]
    pub encrypted: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub modified: Option<i64>,
    #[serde(skip_serializing_if = "is_default")]
    pub format: &'static str,
}

fn is_default_kind(kind: &str) -> bool {
    kind.is_empty() || kind == "file"
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Container {
    pub kind: &'static str,
    pub count: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub entries: Vec<Entry>,
    #[serde(skip_serializing_if = "is_default")]
    pub properties: BTreeMap<String, String>,
}

impl Container {
    /// Cuts the entries to what is reported.
    pub fn cut(&mut self) {
        cut(&mut self.entries, MAX_ENTRIES_REPORTED, MAX_ENTRY_TEXT, |entry| json_length(&entry.name));
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct FileFacts {
    pub size: u64,
    pub hashes: Hashes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<code::Similarity>,
    pub format: Format,
    pub entropy: EntropyProfile,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub executables: Vec<Executable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Child>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strings: Option<Strings>,
}

/// What the function `headers` answers.
#[derive(Debug, Clone, Serialize)]
pub struct HeaderFacts {
    pub size: u64,
    pub format: Format,
    pub executables: Vec<Executable>,
}
