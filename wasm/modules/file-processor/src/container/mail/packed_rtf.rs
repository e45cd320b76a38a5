//! The packed RTF of messages ([MS-OXRTFCP]): literals and copies from a ring of 4 KiB that begins with common words.

use crate::limits::MAX_INFLATED;
use crate::reader::Reader;

const PACKED: u32 = 0x7546_5a4c;
const PLAIN: u32 = 0x414c_454d;
const COMMON: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \
\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \
\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
const RING: usize = 4_096;

pub fn unpack(data: &[u8]) -> Option<Vec<u8>> {
    let reader = Reader::little(data);
    let size = usize::try_from(reader.u32(4)?).ok()?.min(MAX_INFLATED);
    let body = data.get(16..)?;
    match reader.u32(8)? {
        PLAIN => Some(body[..body.len().min(size)].to_vec()),
        PACKED => Some(unpack_body(body, size)),
        _ => None,
    }
}

/// What was written last, to copy from.
struct Ring {
    bytes: [u8; RING],
    at: usize,
    output: Vec<u8>,
}

impl Ring {
    fn push(&mut self, byte: u8) {
        self.bytes[self.at] = byte;
        self.at = (self.at + 1) % RING;
        self.output.push(byte);
    }
}

fn unpack_body(mut body: &[u8], size: usize) -> Vec<u8> {
    let mut ring = Ring { bytes: [0; RING], at: COMMON.len(), output: Vec::new() };
    ring.bytes[..COMMON.len()].copy_from_slice(COMMON);
    while let Some((&flags, rest)) = body.split_first() {
        body = rest;
        for bit in 0..8 {
            if ring.output.len() >= size {
                return ring.output;
            }
            if flags >> bit & 1 == 0 {
                let Some((&byte, rest)) = body.split_first() else { return ring.output };
                body = rest;
                ring.push(byte);
                continue;
            }
            let [high, low, rest @ ..] = body else { return ring.output };
            body = rest;
            let token = usize::from(u16::from_be_bytes([*high, *low]));
            let (from, length) = (token >> 4, (token & 15) + 2);
            // A copy of nothing is the end.
            if from == ring.at {
                return ring.output;
            }
            for index in 0..length {
                ring.push(ring.bytes[(from + index) % RING]);
            }
        }
    }
    ring.output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_example_unpacks() {
        // [MS-OXRTFCP] 4.1.1.
        let packed = [
            0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00, 0x0a, 0x00, 0x72,
            0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0x00, 0x20, 0x62,
            0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0,
        ];
        assert_eq!(unpack(&packed).unwrap_or_default(), b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
        for end in 0..packed.len() {
            assert!(unpack(&packed[..end]).is_none_or(|text| text.len() <= 0x2b + 18));
        }
    }
}
