//! What particular formats say, in the shape of `athena_lab/report/contents.py`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{cut, is_default, json_length};
use crate::limits::MAX_SYMBOL_TEXT;

/// Items of one list.
pub const MAX_ITEMS: usize = 1_000;

/// Keeps what one list of texts may have.
pub fn cut_texts(texts: &mut Vec<String>) {
    cut(texts, MAX_ITEMS, MAX_SYMBOL_TEXT, |text| json_length(text));
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    #[serde(skip_serializing_if = "is_default")]
    pub shortcut: Option<Box<Shortcut>>,
    #[serde(skip_serializing_if = "is_default")]
    pub installer: Option<Box<Installer>>,
    #[serde(skip_serializing_if = "is_default")]
    pub android: Option<Box<Android>>,
    #[serde(skip_serializing_if = "is_default")]
    pub dex: Option<Box<Dex>>,
    #[serde(skip_serializing_if = "is_default")]
    pub java: Option<Box<Java>>,
    #[serde(skip_serializing_if = "is_default")]
    pub python: Option<Box<Python>>,
    #[serde(skip_serializing_if = "is_default")]
    pub bundle: Option<Box<Bundle>>,
}

/// A Windows shortcut ([MS-SHLLINK]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Shortcut {
    #[serde(skip_serializing_if = "is_default")]
    pub target: String,
    #[serde(skip_serializing_if = "is_default")]
    pub arguments: String,
    #[serde(skip_serializing_if = "is_default")]
    pub description: String,
    #[serde(skip_serializing_if = "is_default")]
    pub relative_path: String,
    #[serde(skip_serializing_if = "is_default")]
    pub working_folder: String,
    #[serde(skip_serializing_if = "is_default")]
    pub icon: String,
    #[serde(skip_serializing_if = "is_default")]
    pub icon_index: i32,
    pub window: &'static str,
    #[serde(skip_serializing_if = "is_default")]
    pub target_size: u32,
    #[serde(skip_serializing_if = "is_default")]
    pub created: Option<i64>,
    #[serde(skip_serializing_if = "is_default")]
    pub accessed: Option<i64>,
    #[serde(skip_serializing_if = "is_default")]
    pub modified: Option<i64>,
    /// What the target is by each place that names it: `id-list`, `link-info`, `environment` ...
    #[serde(skip_serializing_if = "is_default")]
    pub targets: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "is_default")]
    pub volume_serial: String,
    #[serde(skip_serializing_if = "is_default")]
    pub volume_label: String,
    #[serde(skip_serializing_if = "is_default")]
    pub drive: &'static str,
    #[serde(skip_serializing_if = "is_default")]
    pub machine: String,
    #[serde(skip_serializing_if = "is_default")]
    pub mac: String,
    #[serde(skip_serializing_if = "is_default")]
    pub known_folder: String,
    #[serde(skip_serializing_if = "is_default")]
    pub blocks: Vec<&'static str>,
    #[serde(skip_serializing_if = "is_default")]
    pub appended: u64,
}

/// A Windows Installer package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Installer {
    /// Rows by table.
    pub tables: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub properties: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "is_default")]
    pub actions: Vec<CustomAction>,
    #[serde(skip_serializing_if = "is_default")]
    pub files: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CustomAction {
    pub name: String,
    pub kind: u32,
    pub runs: &'static str,
    #[serde(skip_serializing_if = "is_default")]
    pub source: String,
    #[serde(skip_serializing_if = "is_default")]
    pub target: String,
}

/// An Android package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Android {
    pub package: String,
    #[serde(skip_serializing_if = "is_default")]
    pub version_name: String,
    #[serde(skip_serializing_if = "is_default")]
    pub version_code: String,
    #[serde(skip_serializing_if = "is_default")]
    pub min_sdk: String,
    #[serde(skip_serializing_if = "is_default")]
    pub target_sdk: String,
    #[serde(skip_serializing_if = "is_default")]
    pub is_debuggable: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub permissions: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub components: Vec<Component>,
    /// `v1`, `v2`, `v3` ...
    #[serde(skip_serializing_if = "is_default")]
    pub signatures: Vec<&'static str>,
    #[serde(skip_serializing_if = "is_default")]
    pub certificates: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Component {
    pub kind: &'static str,
    pub name: String,
    #[serde(skip_serializing_if = "is_default")]
    pub is_exported: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub actions: Vec<String>,
}

/// A Dalvik executable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Dex {
    pub version: String,
    pub is_checksum_valid: bool,
    pub strings: u32,
    pub methods: u32,
    pub class_count: u32,
    #[serde(skip_serializing_if = "is_default")]
    pub classes: Vec<String>,
    /// Calls of the platform that reach beyond the application.
    #[serde(skip_serializing_if = "is_default")]
    pub apis: Vec<String>,
}

/// A Java class, or the manifest of an archive of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Java {
    #[serde(skip_serializing_if = "is_default")]
    pub main_class: String,
    #[serde(skip_serializing_if = "is_default")]
    pub manifest: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    #[serde(skip_serializing_if = "is_default")]
    pub parent: String,
    #[serde(skip_serializing_if = "is_default")]
    pub version: String,
    #[serde(skip_serializing_if = "is_default")]
    pub references: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub strings: Vec<String>,
}

/// Compiled Python.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Python {
    pub version: String,
    #[serde(skip_serializing_if = "is_default")]
    pub source: String,
    #[serde(skip_serializing_if = "is_default")]
    pub modified: Option<i64>,
    pub code_objects: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub functions: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub imports: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub names: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub strings: Vec<String>,
}

/// A program that carries another one: an installer, a script and its interpreter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Bundle {
    /// `pyinstaller`, `nsis`, `inno`, `autoit`, `electron`, `node-sea` ...
    pub kind: &'static str,
    #[serde(skip_serializing_if = "is_default")]
    pub version: String,
    #[serde(skip_serializing_if = "is_default")]
    pub entry: String,
    #[serde(skip_serializing_if = "is_default")]
    pub properties: BTreeMap<String, String>,
}
