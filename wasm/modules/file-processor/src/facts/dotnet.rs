//! What the metadata of .NET says; the shapes are described in `athena_lab/report/code.py`.

use serde::Serialize;

use super::{cut, is_default, json_length};

/// Rows of each list that are reported: assemblies of real programs refer to some dozens, and have thousands of types.
const MAX_ROWS: usize = 1_000;
/// Bytes that their texts take in JSON, of each list.
const MAX_TEXT: usize = 128 << 10;

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DotNet {
    pub runtime_version: String,
    pub flags: u32,
    pub entry_point_token: u32,
    pub streams: Vec<String>,
    pub module_name: String,
    pub assembly_name: String,
    pub mvid: String,
    #[serde(skip_serializing_if = "is_default")]
    pub version: String,
    #[serde(skip_serializing_if = "is_default")]
    pub public_key_token: String,
    #[serde(skip_serializing_if = "is_default")]
    pub entry_point: String,
    #[serde(skip_serializing_if = "is_default")]
    pub typelib_id: String,
    #[serde(skip_serializing_if = "is_default")]
    pub references: Vec<AssemblyReference>,
    #[serde(skip_serializing_if = "is_default")]
    pub types: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub type_count: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub method_count: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub p_invokes: Vec<PInvoke>,
    #[serde(skip_serializing_if = "is_default")]
    pub p_invoke_count: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub resources: Vec<ManifestResource>,
    #[serde(skip_serializing_if = "is_default")]
    pub resource_count: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub user_strings: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub user_string_count: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub attributes: Vec<Attribute>,
    #[serde(skip_serializing_if = "is_default")]
    pub obfuscators: Vec<&'static str>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AssemblyReference {
    pub name: String,
    pub version: String,
    #[serde(skip_serializing_if = "is_default")]
    pub public_key_token: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PInvoke {
    pub library: String,
    pub name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ManifestResource {
    pub name: String,
    /// None for what is in another file.
    #[serde(skip_serializing_if = "is_default")]
    pub offset: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub size: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub entropy: f64,
    #[serde(skip_serializing_if = "is_default")]
    pub format: &'static str,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Attribute {
    pub name: String,
    pub value: String,
}

impl DotNet {
    /// Cuts the lists to what is reported.
    pub fn cut(&mut self) {
        cut(&mut self.references, MAX_ROWS, MAX_TEXT, |reference| json_length(&reference.name));
        cut(&mut self.types, MAX_ROWS, MAX_TEXT, |name| json_length(name));
        cut(&mut self.p_invokes, MAX_ROWS, MAX_TEXT, |it| json_length(&it.library) + json_length(&it.name));
        cut(&mut self.resources, MAX_ROWS, MAX_TEXT, |resource| json_length(&resource.name));
        cut(&mut self.user_strings, MAX_ROWS, MAX_TEXT, |text| json_length(text));
    }
}
