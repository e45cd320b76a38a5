//! pcapng (draft-ietf-opsawg-pcapng): blocks in sections, each with a byte order and interfaces of its own.

use super::bytes::text;
use super::file::{Container, Packet, Resolved};
use super::limits::{MAX_INTERFACES, MAX_OPTIONS, MAX_PACKETS, MAX_RESOLVED, MAX_TEXT};
use super::pcap::Order;
use super::space::Span;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAMES: u32 = 4;
const ENHANCED_PACKET: u32 = 6;
const SECRETS: u32 = 10;

/// Options that are read.
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const SHB_APPLICATION: u16 = 4;
/// Records of a block of names.
const NAME_V4: u16 = 1;
const NAME_V6: u16 = 2;

pub fn is(data: &[u8]) -> bool {
    order(data, 0).is_some() && data.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a])
}

fn order(data: &[u8], block: usize) -> Option<Order> {
    match data.get(block.checked_add(8)?..)?.first_chunk::<4>()? {
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(Order::Little),
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(Order::Big),
        _ => None,
    }
}

/// How an interface counts time: units a second, and seconds to add.
#[derive(Clone, Copy)]
struct Interface {
    link: u32,
    units: u64,
    seconds: u64,
    snap: u32,
}

impl Interface {
    fn time(&self, high: u32, low: u32) -> u64 {
        let ticks = u128::from(u64::from(high) << 32 | u64::from(low));
        let nanoseconds = ticks * 1_000_000_000 / u128::from(self.units.max(1));
        u64::try_from(nanoseconds).unwrap_or(u64::MAX).saturating_add(self.seconds.saturating_mul(1_000_000_000))
    }
}

struct Reader<'a> {
    data: &'a [u8],
    base: usize,
    order: Order,
    interfaces: Vec<Interface>,
}

/// Calls `visit` for each packet; `base` is where the file begins in the space.
pub fn read(data: &[u8], base: usize, file: &mut Container, mut visit: impl FnMut(&Packet)) -> Option<()> {
    let mut reader = Reader { data, base, order: order(data, 0)?, interfaces: Vec::new() };
    file.format = "pcapng";
    file.order = reader.order;
    let mut at = 0;
    while at < data.len() {
        let Some((kind, body, next)) = reader.block(at) else {
            file.cut_at.get_or_insert(at as u64);
            break;
        };
        if file.packets >= MAX_PACKETS {
            file.left_out = true;
            break;
        }
        if let Some(packet) = reader.packet(kind, body.0, body.1) {
            file.packets += 1;
            visit(&packet);
        } else if matches!(kind, OLD_PACKET | SIMPLE_PACKET | ENHANCED_PACKET) {
            file.malformed += 1;
        } else {
            reader.other(kind, body.0, body.1, file);
        }
        at = next;
    }
    Some(())
}

impl Reader<'_> {
    /// Kind, body and end of the block at `at`. A section's header sets the byte order first.
    fn block(&mut self, at: usize) -> Option<(u32, (usize, usize), usize)> {
        if self.order.u32(self.data, at)? == SECTION {
            self.order = order(self.data, at)?;
            self.interfaces.clear();
        }
        let kind = self.order.u32(self.data, at)?;
        let length = self.order.u32(self.data, at + 4)? as usize;
        let padded = length.checked_add(3)? & !3;
        let next = at.checked_add(padded).filter(|&next| length >= 12 && next <= self.data.len())?;
        Some((kind, (at + 8, next - 4), next))
    }

    fn packet(&self, kind: u32, start: usize, end: usize) -> Option<Packet> {
        let number = |at: usize| self.order.u32(self.data, start + at).filter(|_| start + at + 4 <= end);
        let interface = |index: usize| self.interfaces.get(index);
        let (interface, time, captured, original, from) = match kind {
            ENHANCED_PACKET => {
                let interface = interface(number(0)? as usize)?;
                (interface, interface.time(number(4)?, number(8)?), number(12)?, number(16)?, start + 20)
            }
            OLD_PACKET => {
                let interface = interface(self.order.u16(self.data, start)?.into())?;
                (interface, interface.time(number(4)?, number(8)?), number(12)?, number(16)?, start + 20)
            }
            SIMPLE_PACKET => {
                let interface = interface(0)?;
                let original = number(0)?;
                let most = if interface.snap == 0 { original } else { original.min(interface.snap) };
                let room = u32::try_from(end - start - 4).ok()?;
                (interface, 0, most.min(room), original, start + 4)
            }
            _ => return None,
        };
        let to = from.checked_add(captured as usize).filter(|&to| to <= end)?;
        Some(Packet { time, span: Span::new(self.base + from, to - from)?, original, link: interface.link })
    }

    fn other(&mut self, kind: u32, start: usize, end: usize, file: &mut Container) {
        match kind {
            INTERFACE => self.interface(start, end, file),
            NAMES => self.names(start, end, file),
            SECRETS => file.secrets += 1,
            SECTION => {
                file.sections += 1;
                self.each_option(start + 16, end, |code, value| {
                    if code == SHB_APPLICATION && file.application.is_empty() {
                        file.application = text(value, MAX_TEXT);
                    }
                });
            }
            _ => {}
        }
    }

    fn interface(&mut self, start: usize, end: usize, file: &mut Container) {
        if self.interfaces.len() >= MAX_INTERFACES {
            file.left_out = true;
            return;
        }
        let link = u32::from(self.order.u16(self.data, start).unwrap_or(u16::MAX));
        let snap = self.order.u32(self.data, start + 4).unwrap_or(0);
        let mut found = Interface { link, units: 1_000_000, seconds: 0, snap };
        let order = self.order;
        self.each_option(start + 8, end, |code, value| match (code, value) {
            (IF_TSRESOL, &[value, ..]) => found.units = units(value),
            (IF_TSOFFSET, value) => found.seconds = order.u64(value, 0).unwrap_or(0),
            (IF_NAME, value) if file.interfaces.len() < MAX_INTERFACES => file.interfaces.push(text(value, 64)),
            _ => {}
        });
        file.saw_link(link);
        self.interfaces.push(found);
    }

    fn names(&self, start: usize, end: usize, file: &mut Container) {
        let mut at = start;
        while let (Some(kind), Some(length)) = (self.order.u16(self.data, at), self.order.u16(self.data, at + 2)) {
            let from = at + 4;
            let to = from + usize::from(length);
            let Some(record) = self.data.get(from..to).filter(|_| to <= end && kind != 0) else { return };
            let address = match kind {
                NAME_V4 => record.first_chunk::<4>().map(|&bytes| std::net::Ipv4Addr::from(bytes).into()),
                NAME_V6 => record.first_chunk::<16>().map(|&bytes| std::net::Ipv6Addr::from(bytes).into()),
                _ => None,
            };
            let skipped = if kind == NAME_V4 { 4 } else { 16 };
            for name in record.get(skipped..).unwrap_or_default().split(|&byte| byte == 0) {
                if let Some(address) = address.filter(|_| !name.is_empty() && file.resolved.len() < MAX_RESOLVED) {
                    file.resolved.push(Resolved { address, name: text(name, MAX_TEXT) });
                }
            }
            at = to.next_multiple_of(4);
        }
    }

    fn each_option(&self, start: usize, end: usize, mut visit: impl FnMut(u16, &[u8])) {
        let mut at = start;
        for _ in 0..MAX_OPTIONS {
            let (Some(code), Some(length)) = (self.order.u16(self.data, at), self.order.u16(self.data, at + 2)) else {
                return;
            };
            let to = at + 4 + usize::from(length);
            let Some(value) = self.data.get(at + 4..to).filter(|_| code != 0 && to <= end) else { return };
            visit(code, value);
            at = at + 4 + usize::from(length).next_multiple_of(4);
        }
    }
}

/// Units a second: a power of ten, or with the high bit of two.
fn units(resolution: u8) -> u64 {
    let exponent = u32::from(resolution & 0x7f);
    let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(exponent).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_powers_of_ten_or_of_two() {
        assert_eq!((units(6), units(9), units(0x80 | 10), units(0)), (1_000_000, 1_000_000_000, 1_024, 1));
        assert_eq!(units(127), u64::MAX);
        let interface = Interface { link: 1, units: units(0x80 | 10), seconds: 5, snap: 0 };
        assert_eq!(interface.time(0, 1_536), 6_500_000_000);
    }
}
