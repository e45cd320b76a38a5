//! What signatures say, and what of it was verified; the shapes are described in `athena_lab/report/code.py`.

use serde::Serialize;

use super::is_default;

/// Of a digest or a signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Not asked for, or by an algorithm that is not known here.
    #[default]
    NotChecked,
    Valid,
    Invalid,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    pub serial: String,
    pub not_before: i64,
    pub not_after: i64,
    pub sha1: String,
    pub sha256: String,
    pub key: String,
    pub digest: String,
    #[serde(skip_serializing_if = "is_default")]
    pub self_issued: bool,
    pub signature: Check,
    #[serde(skip_serializing_if = "is_default")]
    pub in_time: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Timestamp {
    pub kind: &'static str,
    #[serde(skip_serializing_if = "is_default")]
    pub time: Option<i64>,
    pub digest_algorithm: String,
    pub content: Check,
    pub signature: Check,
    #[serde(skip_serializing_if = "is_default")]
    pub chain: Vec<Certificate>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Signer {
    pub digest_algorithm: String,
    #[serde(skip_serializing_if = "is_default")]
    pub digest: String,
    /// The signed digest is that of the file.
    pub file: Check,
    /// What is signed is what the signer's attributes name.
    pub content: Check,
    /// The signer's key made the signature.
    pub signature: Check,
    #[serde(skip_serializing_if = "is_default")]
    pub program_name: String,
    #[serde(skip_serializing_if = "is_default")]
    pub more_info: String,
    #[serde(skip_serializing_if = "is_default")]
    pub signing_time: Option<i64>,
    #[serde(skip_serializing_if = "is_default")]
    pub nested: u32,
    #[serde(skip_serializing_if = "is_default")]
    pub chain: Vec<Certificate>,
    /// The chain ends in a certificate that signed itself.
    #[serde(skip_serializing_if = "is_default")]
    pub chain_complete: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub timestamp: Option<Timestamp>,
}

/// Of a Mach-O: what its code signature says of the code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CodeDirectory {
    pub identifier: String,
    #[serde(skip_serializing_if = "is_default")]
    pub team: String,
    pub cdhash: String,
    pub digest: &'static str,
    #[serde(skip_serializing_if = "is_default")]
    pub adhoc: bool,
    /// The pages of the image have the hashes that stand in it.
    pub pages: Check,
}
