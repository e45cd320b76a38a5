//! bzip2, xz, LZMA, lzip, Zstandard and zlib: one file in another.

use std::collections::BTreeMap;

use crate::children::Children;
use crate::codec;
use crate::facts::Container;
use crate::formats::identify_embedded;

/// Bytes that tell the format of the content.
const START: usize = 4_096;

pub fn parse(id: &'static str, data: &[u8], children: &mut Children) -> Option<Container> {
    let start = codec::unpack(id, data, START)?;
    let content = identify_embedded(&start);
    children.add_packed("content", "compressed", data.len() as u64, |limit| codec::unpack(id, data, limit));
    let properties = BTreeMap::from([("content".to_owned(), content.to_owned())]);
    Some(Container { kind: id, count: 1, properties, ..Container::default() })
}
