//! A file of packets, whatever its format.

use std::net::IpAddr;

use super::pcap::Order;
use super::space::Span;
use super::{pcap, pcapng};

#[derive(Debug, Clone, Copy)]
pub struct Packet {
    /// Nanoseconds since 1970; 0 where the file does not say.
    pub time: u64,
    pub span: Span,
    /// Bytes that it had when it was captured, of which the file may hold fewer.
    pub original: u32,
    pub link: u32,
}

/// A name that the capture's program had for an address.
#[derive(Debug)]
pub struct Resolved {
    pub address: IpAddr,
    pub name: String,
}

/// What is said of the file itself.
#[derive(Debug)]
pub struct Container {
    pub format: &'static str,
    pub order: Order,
    pub packets: u64,
    /// Types of link, each once, as tcpdump.org numbers them.
    pub links: Vec<u32>,
    pub interfaces: Vec<String>,
    pub sections: u64,
    pub application: String,
    pub resolved: Vec<Resolved>,
    /// Blocks with keys that decrypt what is in the capture.
    pub secrets: u64,
    /// Where the file ends amid a packet or a block, or stops to be one.
    pub cut_at: Option<u64>,
    /// Blocks of packets that contradict themselves.
    pub malformed: u64,
    /// More packets or interfaces than are read.
    pub left_out: bool,
}

impl Container {
    pub const fn new() -> Self {
        Self {
            format: "",
            order: Order::Little,
            packets: 0,
            links: Vec::new(),
            interfaces: Vec::new(),
            sections: 0,
            application: String::new(),
            resolved: Vec::new(),
            secrets: 0,
            cut_at: None,
            malformed: 0,
            left_out: false,
        }
    }

    pub fn saw_link(&mut self, link: u32) {
        if !self.links.contains(&link) && self.links.len() < 32 {
            self.links.push(link);
        }
    }
}

pub fn is_capture(data: &[u8]) -> bool {
    (pcap::magic(data).is_some() && data.len() >= 24) || pcapng::is(data)
}

/// Calls `visit` for each packet of the file, which begins at `base` in the space.
pub fn each_packet(data: &[u8], base: usize, visit: impl FnMut(&Packet)) -> Option<Container> {
    let mut file = Container::new();
    if pcap::magic(data).is_some() {
        pcap::read(data, base, &mut file, visit)?;
    } else {
        pcapng::read(data, base, &mut file, visit)?;
    }
    Some(file)
}
