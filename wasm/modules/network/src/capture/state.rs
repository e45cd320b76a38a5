//! What a session keeps of a growing capture: its packets, as a pcapng file of our own, deflated. The reader of captures
//! reads them again, so that a state that somebody made up is as harmless as a sample.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use module_kit::Refusal;

use super::file::Packet;
use super::limits::{MAX_PACKED_STATE, MAX_STATE};
use super::space::Space;

/// Before the bytes: which form they have.
const MAGIC: &[u8] = b"athena-capture 1\n";
const LEVEL: u8 = 3;
const BLOCK: usize = 32;

/// What the session kept: a capture, and how many packets there was no room for.
#[derive(Default)]
pub struct Earlier {
    pub capture: Vec<u8>,
    pub given_up: u64,
}

/// # Errors
/// `invalid_args` for what is no state of this module's.
pub fn restore(state: &[u8]) -> Result<Earlier, Refusal> {
    let broken = || {
        Refusal::invalid_args("The session holds no capture that this version can read: open another one.".to_owned())
    };
    let rest = state.strip_prefix(MAGIC).ok_or_else(broken)?;
    let (count, packed) = rest.split_first_chunk::<8>().ok_or_else(broken)?;
    let most = MAX_STATE + (1 << 20);
    let capture = decompress_to_vec_with_limit(packed, most).map_err(|_| broken())?;
    Ok(Earlier { capture, given_up: u64::from_le_bytes(*count) })
}

/// The newest packets that there is room for, and how many were given up.
pub fn keep(packets: &[Packet], space: &Space, given_up: u64) -> (Vec<u8>, u64) {
    let mut most = MAX_STATE;
    loop {
        let (first, capture) = write(packets, space, most);
        let packed = compress_to_vec(&capture, LEVEL);
        // What does not deflate well is kept for a shorter time.
        if packed.len() <= MAX_PACKED_STATE || first >= packets.len() {
            let given_up = given_up + first as u64;
            return ([MAGIC, &given_up.to_le_bytes(), &packed].concat(), given_up);
        }
        most /= 2;
    }
}

/// A capture of the newest packets within `most` bytes, and the place of the first of them.
fn write(packets: &[Packet], space: &Space, most: usize) -> (usize, Vec<u8>) {
    let size = |packet: &Packet| BLOCK + packet.span.len().next_multiple_of(4);
    let mut room = most;
    let kept = packets.iter().rev().take_while(|packet| {
        let fits = size(packet) <= room;
        room -= size(packet).min(room);
        fits
    });
    let first = packets.len() - kept.count();
    let mut links: Vec<u32> = Vec::new();
    let mut capture = Vec::with_capacity(most - room + 1_024);
    block(&mut capture, 0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes(), &[1, 0, 0, 0], &[0xff; 8]]);
    for packet in packets.get(first..).unwrap_or_default() {
        let interface = links.iter().position(|&link| link == packet.link).unwrap_or_else(|| {
            let options = [9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];
            block(&mut capture, 1, &[&packet.link.to_le_bytes(), &[0; 4], &options]);
            links.push(packet.link);
            links.len() - 1
        });
        let (high, low) = ((packet.time >> 32) as u32, (packet.time & 0xffff_ffff) as u32);
        let interface = u32::try_from(interface).unwrap_or(0);
        let numbers = [interface, high, low, packet.span.length, packet.original].map(u32::to_le_bytes).concat();
        let padding = packet.span.len().next_multiple_of(4) - packet.span.len();
        block(&mut capture, 6, &[&numbers, space.get(packet.span), &[0; 4][..padding]]);
    }
    (first, capture)
}

fn block(capture: &mut Vec<u8>, kind: u32, parts: &[&[u8]]) {
    let length = u32::try_from(12 + parts.iter().map(|part| part.len()).sum::<usize>()).unwrap_or(0);
    capture.extend(kind.to_le_bytes());
    capture.extend(length.to_le_bytes());
    parts.iter().for_each(|part| capture.extend_from_slice(part));
    capture.extend(length.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::file::each_packet;
    use crate::capture::space::Span;

    #[test]
    fn packets_come_back_as_they_were() {
        let space = Space::new(b"", b"abcdefgh");
        let packet = |time, at, length, link| Packet { time, span: Span { at, length }, original: 99, link };
        let packets = [packet(1_700_000_000_123_456_789, 0, 3, 1), packet(2, 3, 5, 101)];
        let (state, given_up) = keep(&packets, &space, 4);
        let earlier = restore(&state).unwrap_or_default();
        let mut found = Vec::new();
        let file = each_packet(&earlier.capture, 0, |packet| {
            let bytes = earlier.capture[packet.span.at as usize..][..packet.span.len()].to_vec();
            found.push((packet.time, packet.link, packet.original, bytes));
        });
        assert_eq!(file.map(|file| file.cut_at), Some(None));
        assert_eq!(found, [(1_700_000_000_123_456_789, 1, 99, b"abc".to_vec()), (2, 101, 99, b"defgh".to_vec())]);
        assert_eq!((given_up, earlier.given_up), (4, 4));
        assert_eq!(write(&packets, &space, 40).0, 1);
        for bad in [&b""[..], b"athena-capture 2\n", b"athena-capture 1\n", b"athena-capture 1\n12345678\xff"] {
            assert!(restore(bad).is_err());
        }
    }
}
