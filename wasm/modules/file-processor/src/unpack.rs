//! What is in a file: its listing as a container, what particular formats say, and the files in it.

use module_kit::Findings;

use crate::children::Children;
use crate::facts::{Category, Container, Contents};
use crate::formats::category_of;
use crate::{container, package};

/// What is inside goes to `children`.
pub fn look_into(
    id: &str,
    data: &[u8],
    findings: &mut Findings,
    children: &mut Children,
) -> (Option<Container>, Option<Contents>) {
    let container = container::parse(id, data, findings, children);
    (container, package::parse(id, data, findings, children))
}

/// Whether there may be other files in files of that format.
pub fn is_container(id: &str) -> bool {
    let category = category_of(id);
    matches!(category, Some(Category::Archive | Category::Document | Category::Mail | Category::DiskImage))
        || category == Some(Category::Installer)
}
