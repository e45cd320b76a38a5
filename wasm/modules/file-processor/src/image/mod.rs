//! An executable as its loader lays it out, for modules that read its code: what is where, where it begins, and which
//! slots of memory the loader fills with whose addresses.

mod elf;
mod macho;
mod pe;

use crate::formats;

/// Names of symbols and imports that are handed out.
const MAX_NAMES: usize = 65_536;
/// Bytes of one name.
const MAX_NAME: u64 = 512;

/// A range of the image that has bytes in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Region {
    pub name: String,
    pub address: u64,
    /// In the file, not in a slice of it.
    pub offset: u64,
    /// Bytes in the file; all of them are there.
    pub size: u64,
    /// Bytes in memory.
    pub memory: u64,
    pub executable: bool,
    pub writable: bool,
}

/// Something with a name at an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    pub address: u64,
    pub name: String,
    /// Of an imported one, if it is known.
    pub library: String,
}

/// Where the system begins to run the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    pub kind: &'static str,
    pub address: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    pub kind: &'static str,
    pub architecture: String,
    pub bits: u8,
    pub base: u64,
    pub regions: Vec<Region>,
    pub starts: Vec<Start>,
    /// Functions that the file names.
    pub functions: Vec<Named>,
    /// Slots that the loader fills.
    pub slots: Vec<Named>,
    /// Compiled for .NET: the bytes of its methods are no machine code.
    pub managed: bool,
}

impl Image {
    fn start(&mut self, kind: &'static str, address: u64) {
        if address != 0 && self.starts.len() < MAX_NAMES && !self.starts.iter().any(|start| start.address == address) {
            self.starts.push(Start { kind, address });
        }
    }
}

/// All images of a file: the slices of a fat Mach-O, else one or none.
#[must_use]
pub fn images(data: &[u8]) -> Vec<Image> {
    let images = match formats::identify(data).id {
        _ if data.starts_with(b"MZ") => pe::image(data).into_iter().collect(),
        "elf" => elf::image(data).into_iter().collect(),
        "macho" | "macho-fat" => macho::images(data),
        _ => Vec::new(),
    };
    images.into_iter().map(|image| clipped(image, data.len() as u64)).collect()
}

/// What is told of the file lies in the file, and its addresses do not wrap.
fn clipped(mut image: Image, length: u64) -> Image {
    for region in &mut image.regions {
        region.size = region.size.min(length.saturating_sub(region.offset)).min(u64::MAX - region.address);
        region.memory = region.memory.max(region.size).min(u64::MAX - region.address);
    }
    image.regions.retain(|region| region.memory > 0);
    image
}
