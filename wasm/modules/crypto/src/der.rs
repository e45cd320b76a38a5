//! Values of DER (X.690): only what keys and certificates need, all of it checked against the bytes there are.

use module_kit::der::{self, split};
pub use module_kit::der::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER as OID, OCTET_STRING, SEQUENCE, SET, dotted};

/// One value: its tag, its content, and the bytes that both take.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    pub size: usize,
}

/// Context-specific, constructed, number 0.
pub const EXPLICIT_0: u8 = 0xa0;

/// The value at the beginning of `data`; None if it is not DER or not all there.
pub fn read(data: &[u8]) -> Option<Value<'_>> {
    let (tag, content, behind) = split(data)?;
    let size = data.len() - behind.len();
    let length_bytes = match content.len() {
        0..=0x7f => 1,
        0x80..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xff_ffff => 4,
        _ => 5,
    };
    // DER wants a length as short as it can be.
    (size - content.len() == 1 + length_bytes).then_some(Value { tag, content, size })
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

    /// Unix seconds of a date.
    pub fn time(&self) -> Option<i64> {
        der::time(self.tag, self.content)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_one_is_cut_off() {
        assert_eq!(values(&[0x02, 0x01, 0x05, 0x30]).count(), 1);
    }

    #[test]
    fn a_length_is_as_short_as_it_can_be() {
        let long = |header: &[u8], size: usize| read(&[header, &vec![0; size]].concat()).is_some();
        assert!(long(&[4, 0x7f], 0x7f) && long(&[4, 0x81, 0x80], 0x80) && long(&[4, 0x82, 1, 0], 0x100));
        assert!(!long(&[4, 0x81, 0x7f], 0x7f) && !long(&[4, 0x82, 0, 0x80], 0x80));
    }
}
