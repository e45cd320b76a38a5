//! Distinguished encoding of ASN.1 (ITU-T X.690), as far as certificates and signatures need it.

pub use module_kit::der::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET};
use module_kit::der::{dotted, split, time};

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
        let (tag, content, rest) = split(self.0)?;
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

    /// Unix seconds of a date.
    pub fn time(&self) -> Option<i64> {
        time(self.tag, self.content)
    }

    /// `1.2.840...`; empty for what is no identifier.
    pub fn oid(&self) -> String {
        if self.tag == OBJECT_IDENTIFIER { dotted(self.content) } else { String::new() }
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
