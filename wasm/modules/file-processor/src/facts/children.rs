//! Files inside the sample, in the shape of `athena_lab/report/children.py`.

use serde::Serialize;

use super::is_default;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Child {
    /// The number to extract it by.
    pub index: usize,
    /// The child that it is in; none: the sample itself.
    #[serde(skip_serializing_if = "is_default")]
    pub parent: Option<usize>,
    /// 1 for what is in the sample itself.
    pub depth: usize,
    pub name: String,
    pub kind: &'static str,
    /// Where it begins in its parent, if it stands there as it is.
    #[serde(skip_serializing_if = "is_default")]
    pub offset: Option<u64>,
    pub size: u64,
    /// Empty if it was not unpacked to its end.
    #[serde(skip_serializing_if = "is_default")]
    pub sha256: String,
    #[serde(skip_serializing_if = "is_default")]
    pub format: &'static str,
    /// It is longer than what is unpacked; `size` is how far that came.
    #[serde(skip_serializing_if = "is_default")]
    pub cut: bool,
}
