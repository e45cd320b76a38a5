//! From a frame to the packet of the network layer in it. Types of link are numbered by tcpdump.org (LINKTYPE_...).

use super::bytes::{be16, be32};
use super::limits::MAX_HEADERS;

/// What a frame carries, and where in it that begins.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Carried {
    /// IPv4 or IPv6: the packet itself says which.
    Ip(usize),
    Arp,
    /// A protocol, or a type of link, that is not followed.
    Other,
}

const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;

/// Families of addresses in BSD's loopback header: IPv6 has another number on each system.
const FAMILIES: [u32; 6] = [2, 10, 23, 24, 28, 30];

pub fn carried(link: u32, frame: &[u8]) -> Carried {
    let found = match link {
        1 => ethernet(frame, 12),
        0 | 108 => loopback(frame),
        9 => ppp(frame, 0),
        12 | 14 | 101 | 228 | 229 => Some(Carried::Ip(0)),
        113 => ethernet(frame, 14),
        // SLL2 has the protocol first, and its header's 20 bytes behind it.
        276 => be16(frame, 0).and_then(|kind| by_type(frame, kind, 20, 0)),
        _ => None,
    };
    found.unwrap_or(Carried::Other)
}

/// A frame whose type is at `at`.
fn ethernet(frame: &[u8], at: usize) -> Option<Carried> {
    by_type(frame, be16(frame, at)?, at + 2, 0)
}

fn by_type(frame: &[u8], kind: u16, at: usize, depth: usize) -> Option<Carried> {
    if depth > MAX_HEADERS {
        return None;
    }
    match kind {
        IPV4 | IPV6 => Some(Carried::Ip(at)),
        ARP => Some(Carried::Arp),
        // IEEE 802.1Q, 802.1ad, and what was used before it.
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => by_type(frame, be16(frame, at + 2)?, at + 4, depth + 1),
        // PPPoE's session.
        0x8864 => ppp(frame, at + 6),
        0x8847 | 0x8848 => labels(frame, at),
        // An 802.3 frame's length, with SNAP behind it.
        0..=0x05dc if frame.get(at..at + 6)? == [0xaa, 0xaa, 3, 0, 0, 0] => {
            by_type(frame, be16(frame, at + 6)?, at + 8, depth + 1)
        }
        _ => None,
    }
}

/// MPLS: labels up to the one with the bottom bit.
fn labels(frame: &[u8], at: usize) -> Option<Carried> {
    let bottom = (0..MAX_HEADERS)
        .map(|index| at + 4 * index)
        .find(|&at| be32(frame, at).is_none_or(|label| label & 0x100 != 0))?;
    matches!(frame.get(bottom + 4)? >> 4, 4 | 6).then_some(Carried::Ip(bottom + 4))
}

/// PPP, with or without its address and control fields.
fn ppp(frame: &[u8], at: usize) -> Option<Carried> {
    let at = if frame.get(at..at + 2)? == [0xff, 3] { at + 2 } else { at };
    matches!(be16(frame, at)?, 0x21 | 0x57).then_some(Carried::Ip(at + 2))
}

/// The family is in the byte order of the machine that captured, which is not always the file's.
fn loopback(frame: &[u8]) -> Option<Carried> {
    let family = be32(frame, 0)?;
    (FAMILIES.contains(&family) || FAMILIES.contains(&family.swap_bytes())).then_some(Carried::Ip(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_looked_through() {
        let frame = |types: &[u16]| {
            let mut bytes = vec![0; 12];
            for kind in types {
                bytes.extend(kind.to_be_bytes());
                if *kind != IPV4 {
                    bytes.extend([0, 1]);
                }
            }
            bytes
        };
        assert_eq!(carried(1, &frame(&[IPV4])), Carried::Ip(14));
        assert_eq!(carried(1, &frame(&[0x88a8, 0x8100, IPV4])), Carried::Ip(22));
        assert_eq!(carried(1, &frame(&[0x8100; 40])), Carried::Other);
        assert_eq!(carried(1, &[0; 5]), Carried::Other);
        assert_eq!(carried(0, &[30, 0, 0, 0, 0x60]), Carried::Ip(4));
        assert_eq!(carried(108, &[0, 0, 0, 2, 0x45]), Carried::Ip(4));
    }
}
