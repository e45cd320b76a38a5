//! Distinguished encoding of ASN.1 (ITU-T X.690), as far as certificates and signatures need it.

pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const OBJECT_IDENTIFIER: u8 = 0x06;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

/// An element of which `whole` has the tag and the length too.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    pub whole: &'a [u8],
}

/// Elements one behind the other.
#[derive(Clone, Copy)]
pub struct Elements<'a>(pub &'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, behind) = self.0.split_first()?;
        let (&first, behind) = behind.split_first()?;
        // Lengths without an end (0x80) and tags of several bytes are not used here.
        let octets = if first < 0x80 { 0 } else { usize::from(first & 0x7f) };
        if first == 0x80 || octets > 4 || tag & 0x1f == 0x1f {
            return None;
        }
        let (length, behind) = behind.split_at_checked(octets)?;
        let length = match octets {
            0 => usize::from(first),
            _ => length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)),
        };
        let (content, rest) = behind.split_at_checked(length)?;
        let whole = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        Some(Element { tag, content, whole })
    }
}

impl<'a> Elements<'a> {
    /// The next element, if it has this tag.
    pub fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next_if(tag)
    }

    /// The next element if it has this tag; else it stays the next one.
    pub fn next_if(&mut self, tag: u8) -> Option<Element<'a>> {
        (self.0.first() == Some(&tag)).then(|| self.next())?
    }
}

impl<'a> Element<'a> {
    /// The first element of some bytes.
    pub fn first(bytes: &'a [u8]) -> Option<Self> {
        Elements(bytes).next()
    }

    pub const fn elements(&self) -> Elements<'a> {
        Elements(self.content)
    }

    /// Its parts, if it has this tag.
    pub fn parts(&self, tag: u8) -> Option<Elements<'a>> {
        (self.tag == tag).then_some(Elements(self.content))
    }

    /// `1.2.840...`; empty for what is no identifier.
    pub fn oid(&self) -> String {
        let mut text = String::new();
        let mut value = 0_u64;
        if self.tag != OBJECT_IDENTIFIER || self.content.len() > 64 {
            return text;
        }
        for &byte in self.content {
            value = value << 7 & 0x00ff_ffff_ffff_ffff | u64::from(byte & 0x7f);
            if byte < 0x80 {
                if text.is_empty() {
                    let first = (value / 40).min(2);
                    text = format!("{first}.{}", value - 40 * first);
                } else {
                    text.push_str(&format!(".{value}"));
                }
                value = 0;
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_read() {
        let oid = |bytes: &[u8]| Element::first(bytes).map(|element| element.oid()).unwrap_or_default();
        assert_eq!(oid(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]), "1.2.840.113549.1.7.2");
        assert_eq!(oid(&[6, 3, 0x55, 4, 3]), "2.5.4.3");
        assert_eq!(oid(&[4, 3, 0x55, 4, 3]), "");
    }

    #[test]
    fn lengths_are_checked() {
        assert_eq!(
            Elements(&[4, 0x82, 0, 1, 7, 4, 0]).map(|element| element.content.len()).collect::<Vec<_>>(),
            [1, 0]
        );
        for bad in [&[4][..], &[4, 5, 1], &[4, 0x80, 0, 0], &[4, 0x85, 0, 0, 0, 0, 0], &[0x1f, 1, 0], &[4, 0x84, 0xff]]
        {
            assert!(Element::first(bad).is_none(), "{bad:?}");
        }
    }
}
