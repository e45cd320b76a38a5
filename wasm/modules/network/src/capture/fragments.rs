//! Datagrams from their fragments. Of bytes that two fragments hold, those that came first count; that there are such is
//! told, since honest senders do not make them.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::ip::{Fragment, Ip};
use super::limits::MAX_FRAGMENTED;
use super::space::{Space, Span};

/// Bytes of a datagram.
const MAX_DATAGRAM: usize = 65_535;

#[derive(PartialEq, Eq, Hash)]
struct Key {
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    id: u32,
}

#[derive(Default)]
struct Pieces {
    pieces: BTreeMap<usize, Span>,
    held: usize,
    total: Option<usize>,
}

#[derive(Default)]
pub struct Fragments {
    waiting: HashMap<Key, Pieces>,
    pub seen: u64,
    pub datagrams: u64,
    pub overlapping: u64,
    /// For which there was no room, or which no datagram can have.
    pub left_out: u64,
}

impl Fragments {
    /// The whole payload, once all of it is there.
    pub fn add(&mut self, space: &mut Space, ip: &Ip, fragment: Fragment, payload: Span) -> Option<Span> {
        self.seen += 1;
        let key = Key { from: ip.from, to: ip.to, protocol: ip.protocol, id: fragment.id };
        let is_new = !self.waiting.contains_key(&key);
        if fragment.offset + payload.len() > MAX_DATAGRAM || (is_new && self.waiting.len() >= MAX_FRAGMENTED) {
            self.left_out += 1;
            return None;
        }
        let pieces = self.waiting.entry(key).or_default();
        self.overlapping += u64::from(pieces.add(fragment.offset, payload));
        if !fragment.more {
            pieces.total.get_or_insert(fragment.offset + payload.len());
        }
        // The pieces do not overlap: held bytes beside the total tell whether there are gaps.
        if pieces.total != Some(pieces.held) {
            return None;
        }
        let key = Key { from: ip.from, to: ip.to, protocol: ip.protocol, id: fragment.id };
        let parts: Vec<Span> = self.waiting.remove(&key)?.pieces.into_values().collect();
        let made = space.make(&parts);
        self.datagrams += u64::from(made.is_some());
        self.left_out += u64::from(made.is_none());
        made
    }

    pub fn incomplete(&self) -> u64 {
        self.waiting.len() as u64
    }
}

impl Pieces {
    /// Adds what is not there yet, and says whether something was. The work is bounded by the payload's length: a piece
    /// that is there has a byte at least.
    fn add(&mut self, offset: usize, payload: Span) -> bool {
        let (mut at, end) = (offset, offset + payload.len());
        if let Some((start, piece)) = self.pieces.range(..at).next_back() {
            at = at.max(start + piece.len());
        }
        let known: Vec<(usize, usize)> =
            self.pieces.range(offset..end).map(|(&start, piece)| (start, start + piece.len())).collect();
        let mut overlaps = at > offset && payload.length > 0;
        for (start, stop) in known {
            overlaps = true;
            self.insert(offset, payload, at, start);
            at = at.max(stop);
        }
        self.insert(offset, payload, at, end);
        overlaps
    }

    fn insert(&mut self, offset: usize, payload: Span, start: usize, end: usize) {
        if start < end
            && let Some(part) = payload.part(start - offset, end - start)
        {
            self.held += part.len();
            self.pieces.insert(start, part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::ip::UDP;

    fn ip() -> Ip {
        let address = IpAddr::from([10, 0, 0, 1]);
        Ip { from: address, to: address, protocol: UDP, start: 0, end: 0, fragment: None }
    }

    fn fragment(offset: usize, more: bool) -> Fragment {
        Fragment { id: 1, offset, more }
    }

    #[test]
    fn pieces_come_in_any_order_and_the_first_bytes_count() {
        let mut space = Space::new(b"", b"aaaaaaaabbbbbbbbccccXXXXXXXXXXXX");
        let mut fragments = Fragments::default();
        let span = |at, length| Span { at, length };
        assert_eq!(fragments.add(&mut space, &ip(), fragment(16, false), span(16, 4)), None);
        assert_eq!(fragments.add(&mut space, &ip(), fragment(0, true), span(0, 8)), None);
        let whole = fragments.add(&mut space, &ip(), fragment(4, true), span(20, 12)).unwrap_or_default();
        assert_eq!(space.get(whole), b"aaaaaaaaXXXXXXXXcccc");
        assert_eq!((fragments.overlapping, fragments.incomplete()), (1, 0));
    }

    #[test]
    fn more_than_a_datagram_holds_is_left_out() {
        let mut space = Space::new(b"", &[0; 100]);
        let mut fragments = Fragments::default();
        fragments.add(&mut space, &ip(), fragment(65_528, false), Span { at: 0, length: 100 });
        assert_eq!((fragments.left_out, fragments.incomplete()), (1, 0));
    }
}
