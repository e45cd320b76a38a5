//! What is in a file: its listing as a container, and the files in it.

use module_kit::Findings;

use crate::children::Children;
use crate::container;
use crate::facts::{Category, Container};
use crate::formats::category_of;

/// The listing of a format that has one; what is inside goes to `children`.
pub fn look_into(id: &str, data: &[u8], findings: &mut Findings, children: &mut Children) -> Option<Container> {
    container::parse(id, data, findings, children)
}

/// Whether there may be other files in files of that format.
pub fn is_container(id: &str) -> bool {
    let category = category_of(id);
    matches!(category, Some(Category::Archive | Category::Document | Category::Mail | Category::DiskImage))
        || category == Some(Category::Installer)
}
