//! A program's bytes by the addresses that they have in memory.

use file_processor::image::{Image, Region};

pub struct View<'a> {
    data: &'a [u8],
    pub image: Image,
}

impl<'a> View<'a> {
    #[must_use]
    pub fn new(data: &'a [u8], mut image: Image) -> Self {
        image.regions.sort_by_key(|region| (region.address, region.size));
        Self { data, image }
    }

    /// Bytes of no known format, all of them code, at an address of the caller's choice.
    #[must_use]
    pub fn raw(data: &'a [u8], bits: u8, base: u64) -> Self {
        let size = data.len() as u64;
        let region = Region {
            name: "code".to_owned(),
            address: base,
            size,
            memory: size,
            executable: true,
            writable: true,
            ..Region::default()
        };
        let architecture = if bits == 64 { "x86-64" } else { "x86" }.to_owned();
        Self::new(data, Image { kind: "raw", architecture, bits, base, regions: vec![region], ..Image::default() })
    }

    #[must_use]
    pub fn bits(&self) -> u32 {
        u32::from(self.image.bits)
    }

    #[must_use]
    pub fn is_x86(&self) -> bool {
        matches!(self.image.architecture.as_str(), "x86" | "x86-64")
    }

    /// Where the region that has the address stands in the list.
    #[must_use]
    pub fn index(&self, address: u64) -> Option<usize> {
        let regions = &self.image.regions;
        let behind = regions.partition_point(|region| region.address <= address);
        let index = behind.checked_sub(1)?;
        (address - regions[index].address < regions[index].memory).then_some(index)
    }

    #[must_use]
    pub fn region(&self, address: u64) -> Option<&Region> {
        self.index(address).map(|index| &self.image.regions[index])
    }

    #[must_use]
    pub fn content(&self, region: &Region) -> &'a [u8] {
        let start = usize::try_from(region.offset).unwrap_or(usize::MAX).min(self.data.len());
        let size = usize::try_from(region.size).unwrap_or(usize::MAX).min(self.data.len() - start);
        &self.data[start..start + size]
    }

    /// From the address to the end of its region, as far as the file has it.
    #[must_use]
    pub fn bytes(&self, address: u64) -> &'a [u8] {
        let Some(region) = self.region(address) else { return &[] };
        let start = usize::try_from(address - region.address).unwrap_or(usize::MAX);
        self.content(region).get(start..).unwrap_or_default()
    }

    /// In the file.
    #[must_use]
    pub fn offset(&self, address: u64) -> Option<u64> {
        let region = self.region(address)?;
        let inside = address - region.address;
        (inside < region.size).then(|| region.offset + inside)
    }

    /// Of a byte of the file.
    #[must_use]
    pub fn address(&self, offset: u64) -> Option<u64> {
        let inside = |region: &&Region| offset.checked_sub(region.offset).is_some_and(|inside| inside < region.size);
        self.image.regions.iter().find(inside).map(|region| region.address + (offset - region.offset))
    }

    #[must_use]
    pub fn is_code(&self, address: u64) -> bool {
        self.region(address).is_some_and(|region| region.executable && address - region.address < region.size)
    }

    #[must_use]
    pub fn u32(&self, address: u64) -> Option<u32> {
        self.bytes(address).first_chunk().map(|&bytes| u32::from_le_bytes(bytes))
    }

    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }
}
