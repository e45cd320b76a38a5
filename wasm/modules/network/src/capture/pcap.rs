//! pcap, the format of libpcap: all four magics, of which two are of the other byte order and two of nanoseconds.

use super::file::{Container, Packet};
use super::limits::MAX_PACKETS;
use super::space::Span;

const HEADER: usize = 24;
const RECORD: usize = 16;
/// Bytes of a packet: libpcap's own limit is 256 KiB; USB and D-Bus captures have more.
const MAX_LENGTH: u32 = 128 << 20;

/// How numbers lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    pub fn u16(self, data: &[u8], at: usize) -> Option<u16> {
        let part = data.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self == Self::Little { u16::from_le_bytes(part) } else { u16::from_be_bytes(part) })
    }

    pub fn u32(self, data: &[u8], at: usize) -> Option<u32> {
        let part = data.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self == Self::Little { u32::from_le_bytes(part) } else { u32::from_be_bytes(part) })
    }

    pub fn u64(self, data: &[u8], at: usize) -> Option<u64> {
        let (first, second) = (self.u32(data, at)?, self.u32(data, at.checked_add(4)?)?);
        let (low, high) = if self == Self::Little { (first, second) } else { (second, first) };
        Some(u64::from(high) << 32 | u64::from(low))
    }
}

/// Byte order and nanoseconds of each fraction's unit.
pub fn magic(data: &[u8]) -> Option<(Order, u64)> {
    match data.first_chunk::<4>()? {
        [0xd4, 0xc3, 0xb2, 0xa1] => Some((Order::Little, 1_000)),
        [0xa1, 0xb2, 0xc3, 0xd4] => Some((Order::Big, 1_000)),
        [0x4d, 0x3c, 0xb2, 0xa1] => Some((Order::Little, 1)),
        [0xa1, 0xb2, 0x3c, 0x4d] => Some((Order::Big, 1)),
        _ => None,
    }
}

/// Calls `visit` for each packet; `base` is where the file begins in the space.
pub fn read(data: &[u8], base: usize, file: &mut Container, mut visit: impl FnMut(&Packet)) -> Option<()> {
    let (order, unit) = magic(data)?;
    // The upper bits say whether there is a checksum behind each frame (draft-ietf-opsawg-pcap).
    let link = order.u32(data, 20)? & 0xffff;
    file.format = if unit == 1 { "pcap, nanoseconds" } else { "pcap" };
    file.order = order;
    file.saw_link(link);
    let mut at = HEADER;
    while at < data.len() {
        let Some(packet) = packet(data, at, order, unit, link, base) else {
            file.cut_at.get_or_insert(at as u64);
            break;
        };
        if file.packets >= MAX_PACKETS {
            file.left_out = true;
            break;
        }
        file.packets += 1;
        at += RECORD + packet.span.len();
        visit(&packet);
    }
    Some(())
}

fn packet(data: &[u8], at: usize, order: Order, unit: u64, link: u32, base: usize) -> Option<Packet> {
    let seconds = order.u32(data, at)?;
    let fraction = order.u32(data, at + 4)?;
    let length = order.u32(data, at + 8).filter(|&length| length <= MAX_LENGTH)?;
    let original = order.u32(data, at + 12)?;
    let start = at + RECORD;
    data.get(start..start.checked_add(length as usize)?)?;
    Some(Packet {
        time: u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * unit,
        span: Span::new(base + start, length as usize)?,
        original,
        link,
    })
}
