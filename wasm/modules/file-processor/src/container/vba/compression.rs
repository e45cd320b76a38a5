//! The compressed containers of VBA ([MS-OVBA] 2.4.1): chunks of at most 4,096 bytes, of literals and copies.

use crate::limits::MAX_INFLATED;
use memchr::memmem::find;

/// A container begins with this byte.
const SIGNATURE: u8 = 1;

/// The content of the container at the begin of `stream`; None if there is none.
pub fn decompress(stream: &[u8]) -> Option<Vec<u8>> {
    let (&signature, chunks) = stream.split_first()?;
    (signature == SIGNATURE && !chunks.is_empty()).then(|| decompress_chunks(chunks))
}

/// Where the source's container is in a module's stream, by how the text begins: a module's first line is an attribute.
pub fn find_source(stream: &[u8]) -> Option<usize> {
    let found = find(stream, b"\0Attribut")?;
    let start = found.checked_sub(3)?;
    (stream[start] == SIGNATURE).then_some(start)
}

fn decompress_chunks(mut packed: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    while let [low, high, rest @ ..] = packed {
        let header = u16::from_le_bytes([*low, *high]);
        let size = usize::from(header & 0x0fff) + 1;
        let (chunk, behind) = rest.split_at(size.min(rest.len()));
        packed = behind;
        if output.len() >= MAX_INFLATED {
            break;
        }
        if header & 0x8000 == 0 {
            output.extend_from_slice(chunk);
        } else {
            decompress_chunk(chunk, &mut output);
        }
    }
    output
}

fn decompress_chunk(mut chunk: &[u8], output: &mut Vec<u8>) {
    let start = output.len();
    while let [flags, rest @ ..] = chunk {
        chunk = rest;
        for bit in 0..8 {
            if flags >> bit & 1 == 0 {
                let [byte, rest @ ..] = chunk else { return };
                output.push(*byte);
                chunk = rest;
            } else {
                let [low, high, rest @ ..] = chunk else { return };
                copy(u16::from_le_bytes([*low, *high]), start, output);
                chunk = rest;
            }
        }
    }
}

/// A copy's bits are shared between offset and length by how much of the chunk is there already.
fn copy(token: u16, start: usize, output: &mut Vec<u8>) {
    let written = output.len() - start;
    let offset_bits = (usize::BITS - written.saturating_sub(1).leading_zeros()).clamp(4, 12);
    let length_bits = 16 - offset_bits;
    let length = usize::from(token & ((1 << length_bits) - 1)) + 3;
    let offset = usize::from(token >> length_bits) + 1;
    for _ in 0..length.min(4_096) {
        let Some(at) = output.len().checked_sub(offset).filter(|&at| at >= start) else { return };
        output.push(output[at]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_examples_decompress() {
        // [MS-OVBA] 3.2.2, normal compression.
        let packed = [
            0x01, 0x2f, 0xb0, 0x00, 0x23, 0x61, 0x61, 0x61, 0x62, 0x63, 0x64, 0x65, 0x82, 0x66, 0x00, 0x70, 0x61, 0x67,
            0x68, 0x69, 0x6a, 0x01, 0x38, 0x08, 0x61, 0x6b, 0x6c, 0x00, 0x30, 0x6d, 0x6e, 0x6f, 0x70, 0x06, 0x71, 0x02,
            0x70, 0x04, 0x10, 0x72, 0x73, 0x74, 0x75, 0x76, 0x10, 0x77, 0x78, 0x79, 0x7a, 0x00, 0x3c,
        ];
        assert_eq!(
            decompress(&packed).unwrap_or_default(),
            b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa"
        );
        // [MS-OVBA] 3.2.3, maximum compression.
        assert_eq!(decompress(&[0x01, 0x03, 0xb0, 0x02, 0x61, 0x45, 0x00]).unwrap_or_default(), [b'a'; 73]);
        assert_eq!(decompress(&[0x02, 0x03, 0xb0, 0x02, 0x61, 0x45, 0x00]), None);
    }
}
