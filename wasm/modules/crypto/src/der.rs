//! Values of DER (X.690): only what keys and certificates need, all of it checked against the bytes there are.

/// One value: its tag, its content, and the bytes that both take.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    pub size: usize,
}

pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const OID: u8 = 0x06;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;
/// Context-specific, constructed, number 0.
pub const EXPLICIT_0: u8 = 0xa0;

/// The value at the beginning of `data`; None if it is not DER or not all there.
pub fn read(data: &[u8]) -> Option<Value<'_>> {
    let (&tag, rest) = data.split_first()?;
    let (&first, rest) = rest.split_first()?;
    // Tags of several bytes do not occur here.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => long_length(rest, usize::from(first & 0x7f))?,
        _ => return None,
    };
    let content = rest.get(..length)?;
    Some(Value { tag, content, size: data.len() - rest.len() + length })
}

/// A length of several bytes, which DER wants as short as it can be.
fn long_length(rest: &[u8], bytes: usize) -> Option<(usize, &[u8])> {
    let (digits, rest) = rest.split_at_checked(bytes)?;
    let length = digits.iter().fold(0_u64, |length, &digit| length << 8 | u64::from(digit));
    let shortest = length >= 0x80 && digits.first() != Some(&0);
    shortest.then_some((usize::try_from(length).ok()?, rest))
}

/// The values in `content`, up to the first that is none.
pub fn values(mut content: &[u8]) -> impl Iterator<Item = Value<'_>> {
    std::iter::from_fn(move || {
        let value = read(content)?;
        content = content.get(value.size..)?;
        Some(value)
    })
}

impl<'a> Value<'a> {
    pub fn is(&self, tag: u8) -> bool {
        self.tag == tag
    }

    /// The first values inside, exactly `N` or more.
    pub fn first<const N: usize>(&self) -> Option<[Value<'a>; N]> {
        let mut inner = values(self.content);
        let mut found = [*self; N];
        for value in &mut found {
            *value = inner.next()?;
        }
        Some(found)
    }

    /// Bits of a positive INTEGER; 0 for anything else.
    pub fn bits(&self) -> usize {
        if !self.is(INTEGER) || self.content.first().is_none_or(|&first| first >= 0x80) {
            return 0;
        }
        let zeros = self.content.iter().take_while(|&&byte| byte == 0).count();
        let digits = self.content.get(zeros..).unwrap_or_default();
        digits.first().map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize)
    }

    pub fn is_odd(&self) -> bool {
        self.content.last().is_some_and(|last| last & 1 == 1)
    }

    /// A small INTEGER.
    pub fn number(&self) -> Option<u8> {
        match (self.tag, self.content) {
            (INTEGER, [number]) => Some(*number),
            _ => None,
        }
    }
}

/// The dotted form of an object identifier's content; empty if it is broken.
pub fn dotted(content: &[u8]) -> String {
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc = 0_u64;
    // The longest in use have some 20 bytes.
    for &byte in content.iter().take(64) {
        arc = arc << 7 | u64::from(byte & 0x7f);
        if arc > u64::from(u32::MAX) {
            return String::new();
        }
        if byte < 0x80 {
            arcs.push(arc);
            arc = 0;
        }
    }
    let Some((&first, rest)) = arcs.split_first() else { return String::new() };
    let root = (first / 40).min(2);
    let start = format!("{root}.{}", first - root * 40);
    rest.iter().fold(start, |text, arc| format!("{text}.{arc}"))
}
