//! Who speaks with whom: flows of TCP and UDP by their five numbers, and where each one's bytes are.

use std::collections::HashMap;
use std::net::IpAddr;

use super::limits::{MAX_DATAGRAMS, MAX_FLOWS, MAX_SEGMENTS};
use super::space::Span;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct End {
    pub address: IpAddr,
    pub port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Udp,
}

/// Bytes of one packet in a stream. `at` counts from the stream's first byte, and may be before what was seen first.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    pub at: i64,
    pub time: u64,
    pub span: Span,
}

/// One direction.
#[derive(Debug, Default)]
pub struct Half {
    pub packets: u64,
    /// Bytes of payload, retransmissions counted again.
    pub bytes: u64,
    pub segments: Vec<Segment>,
    pub flags: u8,
    /// The sequence number of the first byte, and the last number seen with its place in the stream.
    pub first: Option<u32>,
    last: (u32, i64),
}

impl Half {
    /// Where the number is in the stream. Numbers wrap around: the nearest place to the last one is meant.
    #[allow(clippy::cast_possible_wrap, reason = "the distance of two numbers, in either direction")]
    fn place(&mut self, number: u32, is_syn: bool) -> i64 {
        let number = if is_syn { number.wrapping_add(1) } else { number };
        if self.first.is_none() {
            self.first = Some(number);
            self.last = (number, 0);
        }
        let place = self.last.1 + i64::from(number.wrapping_sub(self.last.0) as i32);
        self.last = (number, place);
        place
    }
}

#[derive(Debug)]
pub struct Flow {
    pub transport: Transport,
    /// Who spoke first, or who was asked: the one that sent the SYN.
    pub client: End,
    pub server: End,
    pub up: Half,
    pub down: Half,
    /// Nanoseconds since 1970.
    pub start: u64,
    pub end: u64,
    /// Of the first packet.
    pub first: Span,
    /// Whether its beginning was seen.
    pub from_start: bool,
}

/// What is read of a packet of TCP or UDP.
pub struct Segmented {
    pub transport: Transport,
    pub from: End,
    pub to: End,
    pub number: u32,
    pub flags: u8,
    pub payload: Span,
    /// Bytes that the packet had on the wire.
    pub length: usize,
    pub time: u64,
    pub packet: Span,
}

#[derive(Default)]
pub struct Flows {
    places: HashMap<(bool, End, End), usize>,
    pub flows: Vec<Flow>,
    segments: usize,
    datagrams: usize,
    /// Packets of flows that are not followed.
    pub unfollowed: u64,
    /// Parts of streams for which there was no room.
    pub unkept: u64,
}

impl Flows {
    pub fn add(&mut self, packet: &Segmented) {
        let Some(place) = self.place(packet) else {
            self.unfollowed += 1;
            return;
        };
        let (segments, datagrams) = (self.segments, self.datagrams);
        let Some(flow) = self.flows.get_mut(place) else { return };
        flow.start = flow.start.min(packet.time);
        flow.end = flow.end.max(packet.time);
        let is_tcp = flow.transport == Transport::Tcp;
        let half = if packet.from == flow.client { &mut flow.up } else { &mut flow.down };
        half.packets += 1;
        half.bytes += packet.length as u64;
        half.flags |= packet.flags;
        #[allow(clippy::cast_possible_wrap, reason = "a count of datagrams")]
        let at = if is_tcp { half.place(packet.number, packet.flags & SYN != 0) } else { half.segments.len() as i64 };
        let room = if is_tcp { segments < MAX_SEGMENTS } else { datagrams < MAX_DATAGRAMS };
        if packet.payload.length == 0 {
            return;
        }
        if !room {
            self.unkept += 1;
            return;
        }
        half.segments.push(Segment { at, time: packet.time, span: packet.payload });
        if is_tcp {
            self.segments += 1;
        } else {
            self.datagrams += 1;
        }
    }

    fn place(&mut self, packet: &Segmented) -> Option<usize> {
        let is_tcp = packet.transport == Transport::Tcp;
        let (low, high) = if packet.from <= packet.to { (packet.from, packet.to) } else { (packet.to, packet.from) };
        let key = (is_tcp, low, high);
        if let Some(&place) = self.places.get(&key)
            && self.flows.get(place).is_some_and(|flow| !is_another(flow, packet))
        {
            return Some(place);
        }
        if self.flows.len() >= MAX_FLOWS {
            return None;
        }
        self.places.insert(key, self.flows.len());
        self.flows.push(new_flow(packet));
        Some(self.flows.len() - 1)
    }
}

/// Whether a packet begins a connection between ends that had one before.
fn is_another(flow: &Flow, packet: &Segmented) -> bool {
    if packet.transport == Transport::Udp || packet.flags & (SYN | ACK) != SYN {
        return false;
    }
    let half = if packet.from == flow.client { &flow.up } else { &flow.down };
    let known = half.first.is_some_and(|first| first != packet.number.wrapping_add(1));
    known || (flow.up.flags | flow.down.flags) & (FIN | RST) != 0
}

fn new_flow(packet: &Segmented) -> Flow {
    let is_tcp = packet.transport == Transport::Tcp;
    let answers = if is_tcp {
        // Amid a stream, the end with the lower port is taken for the server.
        match packet.flags & (SYN | ACK) {
            SYN => false,
            both if both == SYN | ACK => true,
            _ => packet.from.port < packet.to.port,
        }
    } else {
        packet.from.port < packet.to.port && packet.from.port < 1024
    };
    let (client, server) = if answers { (packet.to, packet.from) } else { (packet.from, packet.to) };
    Flow {
        transport: packet.transport,
        client,
        server,
        up: Half::default(),
        down: Half::default(),
        start: packet.time,
        end: packet.time,
        first: packet.packet,
        from_start: !is_tcp || packet.flags & SYN != 0,
    }
}

impl Flow {
    /// How far a connection came.
    pub fn state(&self) -> &'static str {
        let (up, down) = (self.up.flags, self.down.flags);
        if self.transport == Transport::Udp {
            return if self.down.packets > 0 { "answered" } else { "unanswered" };
        }
        if !self.from_start {
            return if (up | down) & RST != 0 { "reset" } else { "midstream" };
        }
        match (down & SYN != 0, (up | down) & RST != 0, up & FIN != 0, down & FIN != 0) {
            (false, true, _, _) => "rejected",
            (false, false, _, _) => "unanswered",
            (true, true, _, _) => "reset",
            (true, false, true, true) => "closed",
            (true, false, _, _) => "open",
        }
    }

    /// Whether a connection was asked for in vain.
    pub fn has_failed(&self) -> bool {
        self.transport == Transport::Tcp && matches!(self.state(), "rejected" | "unanswered")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_around_in_both_directions() {
        let mut half = Half::default();
        assert_eq!(half.place(u32::MAX - 9, false), 0);
        assert_eq!(half.place(10, false), 20);
        assert_eq!(half.place(u32::MAX, false), 9);
        assert_eq!(half.place(u32::MAX - 19, false), -10);
    }
}
