//! Formats that say more of themselves than what is in them.

mod android;
mod axml;
mod bundle;
mod dex;
mod java;
mod lnk;
mod lnk_judge;
mod marshal;
pub mod msi;
mod msi_formatted;
mod msi_judge;
mod payload;
pub mod pyinstaller;
mod python;

use module_kit::Findings;

use crate::children::Children;
use crate::facts::{Bundle, Category, Contents};
use crate::formats::category_of;

pub fn parse(id: &str, data: &[u8], findings: &mut Findings, children: &mut Children) -> Option<Contents> {
    let mut contents = Contents::default();
    match id {
        "lnk" => contents.shortcut = lnk::parse(data, findings, children).map(Box::new),
        "msi" => contents.installer = msi::parse(data, findings, children).map(Box::new),
        "apk" => contents.android = android::parse(data, findings).map(Box::new),
        "dex" => contents.dex = dex::parse(data, findings).map(Box::new),
        "jar" => contents.java = java::archive(data).map(Box::new),
        "java-class" => contents.java = java::class(data, findings).map(Box::new),
        "python-bytecode" => contents.python = python::parse(data, findings).map(Box::new),
        "pe" | "pyinstaller" | "elf" | "macho" | "macho-fat" => contents.bundle = program(id, data, findings, children),
        _ if data.starts_with(b"MZ") && category_of(id) == Some(Category::Installer) => {
            contents.bundle = program(id, data, findings, children);
        }
        _ => {}
    }
    (contents != Contents::default()).then_some(contents)
}

/// What a program carries.
fn program(id: &str, data: &[u8], findings: &mut Findings, children: &mut Children) -> Option<Box<Bundle>> {
    let bundle = pyinstaller::parse(data, findings, children);
    if bundle.is_none() {
        payload::add(id, data, children);
    }
    bundle.or_else(|| bundle::parse(id, data, children.are_wanted(), findings)).map(Box::new)
}
