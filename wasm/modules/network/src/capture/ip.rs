//! Packets of IPv4 (RFC 791) and IPv6 (RFC 8200): whose they are and what they carry.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bytes::{be16, be32};
use super::limits::MAX_HEADERS;

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMP_V6: u8 = 58;

/// A part of a datagram. `offset` in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    pub id: u32,
    pub offset: usize,
    pub more: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip {
    pub from: IpAddr,
    pub to: IpAddr,
    pub protocol: u8,
    /// The payload's place in the packet.
    pub start: usize,
    pub end: usize,
    pub fragment: Option<Fragment>,
}

pub fn parse(packet: &[u8]) -> Option<Ip> {
    match packet.first()? >> 4 {
        4 => v4(packet),
        6 => v6(packet),
        _ => None,
    }
}

fn v4(packet: &[u8]) -> Option<Ip> {
    let header = usize::from(packet.first()? & 15) * 4;
    // The length is 0 where the network card cuts a packet to size later.
    let total = Some(usize::from(be16(packet, 2)?)).filter(|&total| total > 0).unwrap_or(packet.len());
    let flags = be16(packet, 6)?;
    let address = |at: usize| packet.get(at..)?.first_chunk::<4>().map(|&bytes| Ipv4Addr::from(bytes).into());
    let (from, to) = (address(12)?, address(16)?);
    let (offset, more) = (usize::from(flags & 0x1fff) * 8, flags & 0x2000 != 0);
    let fragment = (offset > 0 || more).then_some(Fragment { id: be16(packet, 4)?.into(), offset, more });
    let end = total.min(packet.len());
    (header >= 20 && header <= end).then_some(Ip { from, to, protocol: *packet.get(9)?, start: header, end, fragment })
}

fn v6(packet: &[u8]) -> Option<Ip> {
    let length = usize::from(be16(packet, 4)?);
    let end = if length == 0 { packet.len() } else { packet.len().min(40 + length) };
    let address = |at: usize| packet.get(at..)?.first_chunk::<16>().map(|&bytes| Ipv6Addr::from(bytes).into());
    let (from, to) = (address(8)?, address(24)?);
    let (mut next, mut at, mut fragment) = (*packet.get(6)?, 40, None);
    for _ in 0..MAX_HEADERS {
        let length = match next {
            // Hop by hop, routing, destination, mobility, host identity, shim.
            0 | 43 | 60 | 135 | 139 | 140 => (usize::from(*packet.get(at + 1)?) + 1) * 8,
            // The authentication header counts in words.
            51 => (usize::from(*packet.get(at + 1)?) + 2) * 4,
            44 => {
                let flags = be16(packet, at + 2)?;
                let (offset, more) = (usize::from(flags & 0xfff8), flags & 1 != 0);
                // One that is whole needs no other (RFC 6946).
                if offset > 0 || more {
                    fragment = Some(Fragment { id: be32(packet, at + 4)?, offset, more });
                }
                8
            }
            _ => return (at <= end).then_some(Ip { from, to, protocol: next, start: at, end, fragment }),
        };
        next = *packet.get(at)?;
        at += length;
        // What is behind a fragment's header is a part of the datagram.
        if fragment.is_some() {
            return (at <= end).then_some(Ip { from, to, protocol: next, start: at, end, fragment });
        }
    }
    None
}

/// Where a packet begins that is carried in this one (IP in IP, 6in4, GRE); None for what is no tunnel.
pub fn inner(protocol: u8, payload: &[u8]) -> Option<usize> {
    match protocol {
        4 | 41 => Some(0),
        47 => {
            let flags = be16(payload, 0)?;
            // Version 0 with IP inside; checksum, key and sequence number are there if their bits say so (RFC 2784, 2890).
            let fits = flags & 7 == 0 && matches!(be16(payload, 2)?, 0x0800 | 0x86dd);
            let fields = [0x8000, 0x2000, 0x1000].iter().filter(|&&bit| flags & bit != 0).count();
            fits.then_some(4 + 4 * fields)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_headers_are_looked_through() {
        let mut packet = vec![0x60, 0, 0, 0, 0, 24, 0, 64];
        packet.extend([0; 32]);
        packet.extend([44, 0, 0, 0, 0, 0, 0, 0]);
        packet.extend([17, 0, 0, 9, 0, 0, 0, 7]);
        packet.extend([1; 8]);
        let ip = parse(&packet);
        assert_eq!(ip.map(|ip| (ip.protocol, ip.start, ip.end)), Some((UDP, 56, 64)));
        assert_eq!(ip.and_then(|ip| ip.fragment), Some(Fragment { id: 7, offset: 8, more: true }));
        for length in 0..packet.len() {
            parse(&packet[..length]);
        }
        packet[40] = 0;
        assert!(parse(&packet[..48]).is_none());
    }
}
