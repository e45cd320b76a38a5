//! What a program was built with; the shapes are described in `athena_lab/report/code.py`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{cut, is_default, json_length};

/// Dependencies that are reported: programs of several hundred exist.
const MAX_DEPENDENCIES: usize = 2_000;
/// Bytes that they take in JSON.
const MAX_LETTERS: usize = 256 << 10;
/// Characters of one text.
pub const MAX_TEXT: usize = 512;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BuildInfo {
    #[serde(skip_serializing_if = "is_default")]
    pub go: Option<GoBuild>,
    #[serde(skip_serializing_if = "is_default")]
    pub rust: Option<RustBuild>,
    #[serde(skip_serializing_if = "is_default")]
    pub compilers: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GoBuild {
    #[serde(skip_serializing_if = "is_default")]
    pub version: String,
    #[serde(skip_serializing_if = "is_default")]
    pub path: String,
    #[serde(skip_serializing_if = "is_default")]
    pub module: Option<Dependency>,
    #[serde(skip_serializing_if = "is_default")]
    pub dependencies: Vec<Dependency>,
    #[serde(skip_serializing_if = "is_default")]
    pub settings: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "is_default")]
    pub line_table: &'static str,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RustBuild {
    #[serde(skip_serializing_if = "is_default")]
    pub version: String,
    #[serde(skip_serializing_if = "is_default")]
    pub commit: String,
    #[serde(skip_serializing_if = "is_default")]
    pub crates: Vec<Dependency>,
    /// The list is the one that cargo-auditable wrote, and not of what paths happen to name.
    #[serde(skip_serializing_if = "is_default")]
    pub audited: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Dependency {
    pub name: String,
    pub version: String,
}

impl BuildInfo {
    /// Cuts the lists to what is reported.
    pub fn cut(&mut self) {
        let length = |it: &Dependency| json_length(&it.name) + json_length(&it.version);
        if let Some(go) = &mut self.go {
            cut(&mut go.dependencies, MAX_DEPENDENCIES, MAX_LETTERS, length);
        }
        if let Some(rust) = &mut self.rust {
            cut(&mut rust.crates, MAX_DEPENDENCIES, MAX_LETTERS, length);
        }
        cut(&mut self.compilers, 16, 16 << 10, |text| json_length(text));
    }
}
