//! Where the bytes of packets are: in what a session kept, in the sample, or in datagrams made of fragments. One number
//! tells a place in all three, so that streams are kept as places rather than as copies.

use super::limits::MAX_DEFRAGMENTED;

/// Some bytes of the space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub at: u32,
    pub length: u32,
}

impl Span {
    pub fn new(at: usize, length: usize) -> Option<Self> {
        Some(Self { at: u32::try_from(at).ok()?, length: u32::try_from(length).ok()? })
    }

    /// The part from `start` on, of at most `length` bytes.
    pub fn part(self, start: usize, length: usize) -> Option<Self> {
        let start = u32::try_from(start).ok().filter(|&start| start <= self.length)?;
        let length = u32::try_from(length).unwrap_or(u32::MAX).min(self.length - start);
        Some(Self { at: self.at.checked_add(start)?, length })
    }

    pub const fn len(self) -> usize {
        self.length as usize
    }
}

pub struct Space<'a> {
    earlier: &'a [u8],
    sample: &'a [u8],
    made: Vec<u8>,
}

impl<'a> Space<'a> {
    pub const fn new(earlier: &'a [u8], sample: &'a [u8]) -> Self {
        Self { earlier, sample, made: Vec::new() }
    }

    /// Where the sample begins.
    pub const fn base(&self) -> usize {
        self.earlier.len()
    }

    pub fn get(&self, span: Span) -> &[u8] {
        let (start, length) = (span.at as usize, span.len());
        let part = |data: &'_ [u8], start: usize| start..start.saturating_add(length).min(data.len());
        let after = start.checked_sub(self.earlier.len());
        match (after, after.and_then(|at| at.checked_sub(self.sample.len()))) {
            (None, _) => self.earlier.get(part(self.earlier, start)),
            (Some(at), None) => self.sample.get(part(self.sample, at)),
            (_, Some(at)) => self.made.get(part(&self.made, at)),
        }
        .unwrap_or_default()
    }

    /// Bytes from the start of the sample; None for what is not in it.
    pub fn offset(&self, span: Span) -> Option<u64> {
        let at = (span.at as usize).checked_sub(self.earlier.len())?;
        (at < self.sample.len()).then_some(at as u64)
    }

    /// Keeps bytes that are in no file; None where there are too many.
    pub fn make(&mut self, parts: &[Span]) -> Option<Span> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if self.made.len() + length > MAX_DEFRAGMENTED {
            return None;
        }
        let at = self.earlier.len() + self.sample.len() + self.made.len();
        for &part in parts {
            let bytes = self.get(part).to_vec();
            self.made.extend_from_slice(&bytes);
        }
        Span::new(at, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_tells_a_place_in_all_three() {
        let mut space = Space::new(b"abc", b"defg");
        let (first, second) = (Span { at: 1, length: 2 }, Span { at: 4, length: 3 });
        assert_eq!((space.get(first), space.offset(first)), (&b"bc"[..], None));
        assert_eq!((space.get(second), space.offset(second)), (&b"efg"[..], Some(1)));
        let made = space.make(&[second, first]).unwrap_or_default();
        assert_eq!((space.get(made), space.offset(made)), (&b"efgbc"[..], None));
        assert_eq!(second.part(1, 9), Some(Span { at: 5, length: 2 }));
        assert_eq!(second.part(4, 1), None);
    }
}
