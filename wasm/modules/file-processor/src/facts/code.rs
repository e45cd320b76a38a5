//! What is told of similarity, signatures and build tools; the shapes are described in `athena_lab/report/code.py`.

use serde::Serialize;

use super::is_default;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Similarity {
    #[serde(skip_serializing_if = "is_default")]
    pub ssdeep: String,
    #[serde(skip_serializing_if = "is_default")]
    pub tlsh: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Authentihash {
    pub sha1: String,
    pub sha256: String,
}
