//! An emulated program's memory: pages that appear when they are used, inside of areas that exist; which bytes were
//! written is remembered for each.

use std::collections::HashMap;
use std::rc::Rc;

use crate::limits::MAX_PAGES;
use crate::view::View;

const PAGE: u64 = 4_096;
const PAGE_BYTES: usize = 4_096;

/// An access to an address where nothing is, or with no page left for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault(pub u64);

struct Page {
    bytes: Box<[u8; PAGE_BYTES]>,
    written: Box<[u64; PAGE_BYTES / 64]>,
    /// Instructions of it were decoded.
    executed: bool,
}

/// Memory that exists, and what is in it at first.
struct Area {
    start: u64,
    end: u64,
    content: Rc<Vec<u8>>,
}

pub struct Memory<'v, 'd> {
    view: &'v View<'d>,
    areas: Vec<Area>,
    pages: Vec<Page>,
    index: HashMap<u64, usize>,
    /// The last page that was used.
    last: (u64, usize),
    /// Reads where nothing is are zero and writes go nowhere: for code that runs without its callers.
    pub lenient: bool,
}

impl<'v, 'd> Memory<'v, 'd> {
    pub fn new(view: &'v View<'d>) -> Self {
        Self { view, areas: Vec::new(), pages: Vec::new(), index: HashMap::new(), last: (u64::MAX, 0), lenient: false }
    }

    /// Memory of `size` bytes, which begins with `content` and goes on with zeros.
    pub fn map(&mut self, start: u64, size: u64, content: Rc<Vec<u8>>) {
        self.areas.push(Area { start, end: start.saturating_add(size), content });
    }

    /// All that was written is forgotten.
    pub fn reset(&mut self) {
        self.pages.clear();
        self.index.clear();
        self.last = (u64::MAX, 0);
    }

    /// What was written until now counts as there from the start.
    pub fn forget_written(&mut self) {
        for page in &mut self.pages {
            page.written.fill(0);
        }
    }

    pub fn exists(&self, address: u64) -> bool {
        self.view.index(address).is_some() || self.areas.iter().any(|area| (area.start..area.end).contains(&address))
    }

    fn page(&mut self, address: u64) -> Result<usize, Fault> {
        let number = address / PAGE;
        if self.last.0 == number {
            return Ok(self.last.1);
        }
        let known = self.index.get(&number).copied();
        let found = match known {
            Some(found) => found,
            None => self.load(number).ok_or(Fault(address))?,
        };
        self.last = (number, found);
        Ok(found)
    }

    fn load(&mut self, number: u64) -> Option<usize> {
        if self.pages.len() >= MAX_PAGES {
            return None;
        }
        let start = number * PAGE;
        let mut bytes = Box::new([0; PAGE_BYTES]);
        let mut exists = false;
        for region in &self.view.image.regions {
            let end = region.address.saturating_add(region.memory);
            if region.address <= start.saturating_add(PAGE - 1) && end > start {
                exists = true;
                fill(&mut bytes, start, region.address, self.view.content(region));
            }
        }
        for area in &self.areas {
            if area.start <= start.saturating_add(PAGE - 1) && area.end > start {
                exists = true;
                fill(&mut bytes, start, area.start, &area.content);
            }
        }
        if !exists {
            return None;
        }
        self.pages.push(Page { bytes, written: Box::new([0; PAGE_BYTES / 64]), executed: false });
        self.index.insert(number, self.pages.len() - 1);
        Some(self.pages.len() - 1)
    }

    pub fn byte(&mut self, address: u64) -> Result<u8, Fault> {
        match self.page(address) {
            Ok(page) => Ok(self.pages[page].bytes[inside(address)]),
            Err(_) if self.lenient => Ok(0),
            Err(fault) => Err(fault),
        }
    }

    /// Little-endian, of up to 16 bytes.
    pub fn read(&mut self, address: u64, size: usize) -> Result<u128, Fault> {
        let at = inside(address);
        if at + size <= PAGE_BYTES
            && let Ok(page) = self.page(address)
        {
            let mut bytes = [0; 16];
            bytes[..size].copy_from_slice(&self.pages[page].bytes[at..at + size]);
            return Ok(u128::from_le_bytes(bytes));
        }
        let mut value = 0;
        for index in 0..size {
            value |= u128::from(self.byte(address.wrapping_add(index as u64))?) << (8 * index);
        }
        Ok(value)
    }

    /// True if it was code: what was decoded of it is no longer true.
    pub fn write(&mut self, address: u64, size: usize, value: u128) -> Result<bool, Fault> {
        let mut was_code = false;
        for (index, byte) in value.to_le_bytes().into_iter().take(size).enumerate() {
            let address = address.wrapping_add(index as u64);
            let page = match self.page(address) {
                Ok(page) => page,
                Err(_) if self.lenient => continue,
                Err(fault) => return Err(fault),
            };
            let (page, at) = (&mut self.pages[page], inside(address));
            page.bytes[at] = byte;
            page.written[at / 64] |= 1 << (at % 64);
            was_code |= page.executed;
        }
        Ok(was_code)
    }

    /// Bytes to decode an instruction of, fewer at the end of what exists; and whether the first was written.
    pub fn fetch(&mut self, address: u64) -> Result<([u8; 16], usize, bool), Fault> {
        let page = self.page(address)?;
        self.pages[page].executed = true;
        let is_written = self.is_written(address);
        let mut bytes = [0; 16];
        let at = inside(address);
        let here = (PAGE_BYTES - at).min(15);
        bytes[..here].copy_from_slice(&self.pages[page].bytes[at..at + here]);
        let mut length = here;
        if here < 15
            && let Ok(next) = self.page(address.wrapping_add(here as u64))
        {
            self.pages[next].executed = true;
            bytes[here..15].copy_from_slice(&self.pages[next].bytes[..15 - here]);
            length = 15;
        }
        Ok((bytes, length, is_written))
    }

    /// Whether anything of the address's page was read or written.
    pub fn was_used(&self, address: u64) -> bool {
        self.index.contains_key(&(address / PAGE))
    }

    pub fn is_written(&self, address: u64) -> bool {
        let at = inside(address);
        let page = self.index.get(&(address / PAGE)).map(|&page| &self.pages[page]);
        page.is_some_and(|page| page.written[at / 64] & (1 << (at % 64)) != 0)
    }

    /// Bytes up to a zero, at most `most`.
    pub fn text(&mut self, address: u64, most: usize) -> Vec<u8> {
        let mut text = Vec::new();
        while text.len() < most {
            match self.byte(address.wrapping_add(text.len() as u64)) {
                Ok(byte) if byte != 0 => text.push(byte),
                _ => break,
            }
        }
        text
    }

    /// UTF-16 up to a zero.
    pub fn wide_text(&mut self, address: u64, most: usize) -> String {
        let mut units = Vec::new();
        while units.len() < most {
            match self.read(address.wrapping_add(2 * units.len() as u64), 2) {
                Ok(unit) if unit != 0 => units.push(u16::try_from(unit).unwrap_or(0)),
                _ => break,
            }
        }
        String::from_utf16_lossy(&units)
    }

    pub fn copy(&mut self, address: u64, size: usize) -> Vec<u8> {
        (0..size as u64).map_while(|index| self.byte(address.wrapping_add(index)).ok()).collect()
    }

    /// Runs of bytes that were written, by their addresses; gaps of a few bytes do not part them.
    pub fn written(&self, gap: u64) -> Vec<(u64, u64)> {
        let mut numbers: Vec<_> = self.index.iter().map(|(&number, &page)| (number, page)).collect();
        numbers.sort_unstable();
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for (number, page) in numbers {
            for (word, &bits) in self.pages[page].written.iter().enumerate() {
                let mut left = bits;
                while left != 0 {
                    let bit = left.trailing_zeros();
                    left &= left - 1;
                    let address = number * PAGE + 64 * word as u64 + u64::from(bit);
                    match runs.last_mut() {
                        Some((_, end)) if address - *end <= gap => *end = address + 1,
                        _ => runs.push((address, address + 1)),
                    }
                }
            }
        }
        runs
    }

    /// Bytes of what was written, without changing anything.
    pub fn peek(&self, start: u64, end: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut at = start;
        while at < end {
            let stop = (at / PAGE + 1).saturating_mul(PAGE).min(end);
            let count = (stop - at) as usize;
            match self.index.get(&(at / PAGE)) {
                Some(&page) => bytes.extend_from_slice(&self.pages[page].bytes[inside(at)..inside(at) + count]),
                None => bytes.resize(bytes.len() + count, 0),
            }
            at = stop;
        }
        bytes
    }
}

fn inside(address: u64) -> usize {
    (address % PAGE) as usize
}

/// Copies the part of `content`, which stands at `from`, that lies in the page.
fn fill(page: &mut [u8; PAGE_BYTES], start: u64, from: u64, content: &[u8]) {
    let skipped = usize::try_from(start.saturating_sub(from)).unwrap_or(usize::MAX);
    let at = usize::try_from(from.saturating_sub(start)).unwrap_or(usize::MAX);
    let (Some(source), Some(target)) = (content.get(skipped..), page.get_mut(at..)) else { return };
    let count = source.len().min(target.len());
    target[..count].copy_from_slice(&source[..count]);
}
