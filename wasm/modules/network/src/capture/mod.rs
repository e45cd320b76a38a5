//! Captures of packets: what is in them, and who spoke with whom about what. First all packets are sorted into flows, as
//! places in the sample; then each flow is put together and read, one after the other, so that memory is bounded by the
//! sample and by one stream.

mod base64;
mod beacon;
mod bigrams;
mod body;
mod bytes;
mod certificate;
mod datagrams;
mod dga;
mod dns;
mod facts;
mod file;
mod files;
mod flows;
mod form;
mod found;
mod fragments;
mod hello;
mod http;
mod ip;
mod ja;
mod judge;
mod limits;
mod lines;
mod link;
mod login;
mod names;
mod pcap;
mod pcapng;
mod read;
mod scans;
mod smb;
mod space;
mod state;
mod stream;
mod tunnel;
mod web;

pub use facts::Capture;
use facts::{FlowFacts, Listed, Packets, link_name};
pub use file::is_capture;
use file::{Container, Packet, each_packet};
use flows::{End, Flows, Segmented, Transport};
use found::{Found, seconds};
use fragments::Fragments;
use ip::Ip;
use module_kit::{Findings, PartArgs, Refusal};
use serde::Serialize;
use space::{Space, Span};

use crate::store::Store;

/// Packets that a session's state can hold: each takes 32 bytes at least.
const MAX_KEPT_PACKETS: usize = limits::MAX_STATE / 32;
/// Parts of the time line.
const PARTS: usize = 120;

/// What `analyze` says of a capture.
pub struct Analysis {
    pub facts: Capture,
    pub findings: Findings,
    pub store: Store,
    /// For the session.
    pub state: Option<Vec<u8>>,
}

/// All packets, sorted into flows.
struct Read<'a> {
    space: Space<'a>,
    container: Container,
    flows: Flows,
    fragments: Fragments,
    packets: Packets,
    bytes: u64,
    start: u64,
    end: u64,
    times: Vec<u64>,
    /// All packets, where the session keeps them.
    kept: Vec<Packet>,
    keeps: bool,
    /// Of those, how many are gone again.
    dropped: u64,
    earlier: u64,
}

/// Analyses a capture, with what the session has of it. `most` is how many of each list are told.
///
/// # Errors
/// `invalid_args` for a state that is none.
pub fn analyze(sample: &[u8], state: Option<&[u8]>, keeps: bool, most: usize) -> Result<Analysis, Refusal> {
    let earlier = state.map(state::restore).transpose()?.unwrap_or_default();
    let mut read = Read::new(&earlier.capture, sample, keeps);
    let mut found = Found::new(Some(Store::default()), None);
    read.all(&earlier.capture, sample);
    for (index, flow) in read.flows.flows.iter().enumerate() {
        read::flow(index, flow, &read.space, &mut found);
    }
    read.addresses(&mut found);
    let kept = keeps.then(|| state::keep(&read.kept, &read.space, earlier.given_up + read.dropped));
    let given_up = kept.as_ref().map_or(earlier.given_up, |(_, given_up)| *given_up);
    let store = found.take_store().unwrap_or_default();
    let (facts, findings) = read.facts(found, given_up, most);
    Ok(Analysis { facts, findings, store, state: kept.map(|(state, _)| state) })
}

/// A part of a file in a capture.
///
/// # Errors
/// `invalid_args` where there is no such file.
pub fn extract(sample: &[u8], wanted: &PartArgs) -> Result<impl Serialize, Refusal> {
    let mut read = Read::new(&[], sample, false);
    let mut found = Found::new(None, Some(wanted.at()));
    read.all(&[], sample);
    for (index, flow) in read.flows.flows.iter().enumerate() {
        read::flow(index, flow, &read.space, &mut found);
        if found.files.is_done() {
            break;
        }
    }
    let file = found.files.extracted(wanted);
    let json = file.and_then(|file| serde_json::to_value(file).ok());
    json.ok_or_else(|| {
        let count = found.files.count();
        Refusal::invalid_args(format!(
            "There is no file {} in what is a capture of {count}, counted from 0.",
            wanted.index
        ))
    })
}

impl<'a> Read<'a> {
    fn new(earlier: &'a [u8], sample: &'a [u8], keeps: bool) -> Self {
        Self {
            space: Space::new(earlier, sample),
            container: Container::new(),
            flows: Flows::default(),
            fragments: Fragments::default(),
            packets: Packets::default(),
            bytes: 0,
            start: u64::MAX,
            end: 0,
            times: Vec::new(),
            kept: Vec::new(),
            keeps,
            dropped: 0,
            earlier: 0,
        }
    }

    fn all(&mut self, earlier: &[u8], sample: &[u8]) {
        if !earlier.is_empty() {
            each_packet(earlier, 0, |packet| self.packet(packet));
            self.earlier = self.packets.total;
        }
        let base = self.space.base();
        if let Some(container) = each_packet(sample, base, |packet| self.packet(packet)) {
            self.container = container;
        }
        self.packets.fragments = self.fragments.seen;
        self.packets.incomplete = self.fragments.incomplete();
        self.packets.unfollowed = self.flows.unfollowed;
    }

    fn packet(&mut self, packet: &Packet) {
        self.packets.total += 1;
        self.bytes += u64::from(packet.original.max(packet.span.length));
        if packet.time > 0 {
            self.start = self.start.min(packet.time);
            self.end = self.end.max(packet.time);
        }
        self.times.push(packet.time);
        if self.keeps {
            self.keep(packet);
        }
        match link::carried(packet.link, self.space.get(packet.span)) {
            link::Carried::Ip(at) => self.ip(packet, at, 0),
            link::Carried::Arp => self.packets.arp += 1,
            link::Carried::Other => self.packets.other += 1,
        }
    }

    /// A session keeps the newest packets, and never more than these.
    fn keep(&mut self, packet: &Packet) {
        if self.kept.len() >= 2 * MAX_KEPT_PACKETS {
            self.kept.drain(..MAX_KEPT_PACKETS);
            self.dropped += MAX_KEPT_PACKETS as u64;
        }
        self.kept.push(*packet);
    }

    /// The packet of IP at `at` of a frame, or of another packet.
    fn ip(&mut self, packet: &Packet, at: usize, depth: usize) {
        let Some(span) = packet.span.part(at, usize::MAX) else { return };
        let Some(ip) = ip::parse(self.space.get(span)) else {
            self.packets.other += 1;
            return;
        };
        if ip.from.is_ipv4() {
            self.packets.ipv4 += 1;
        } else {
            self.packets.ipv6 += 1;
        }
        let Some(payload) = span.part(ip.start, ip.end - ip.start) else { return };
        let whole = match ip.fragment {
            None => Some(payload),
            Some(fragment) => self.fragments.add(&mut self.space, &ip, fragment, payload),
        };
        let Some(payload) = whole else { return };
        match ip.protocol {
            ip::TCP => self.tcp(packet, &ip, payload),
            ip::UDP => self.udp(packet, &ip, payload),
            ip::ICMP | ip::ICMP_V6 => self.packets.icmp += 1,
            other => match ip::inner(other, self.space.get(payload)) {
                Some(start) if depth < limits::MAX_HEADERS => {
                    if let Some(span) = payload.part(start, usize::MAX) {
                        self.ip(&Packet { span, ..*packet }, 0, depth + 1);
                    }
                }
                _ => self.packets.other += 1,
            },
        }
    }

    fn tcp(&mut self, packet: &Packet, ip: &Ip, payload: Span) {
        let data = self.space.get(payload);
        let read = || {
            let header = usize::from(*data.get(12)? >> 4) * 4;
            let ports = (bytes::be16(data, 0)?, bytes::be16(data, 2)?);
            (header >= 20).then_some(())?;
            Some((ports, bytes::be32(data, 4)?, *data.get(13)?, payload.part(header, usize::MAX)?))
        };
        let Some(((from, to), number, flags, body)) = read() else {
            self.packets.other += 1;
            return;
        };
        self.packets.tcp += 1;
        self.add(packet, ip, Transport::Tcp, (from, to), number, flags, body);
    }

    fn udp(&mut self, packet: &Packet, ip: &Ip, payload: Span) {
        let data = self.space.get(payload);
        let read = || {
            let length = usize::from(bytes::be16(data, 4)?);
            let length = if length < 8 { data.len() } else { length };
            Some(((bytes::be16(data, 0)?, bytes::be16(data, 2)?), payload.part(8, length.checked_sub(8)?)?))
        };
        let Some((ports, body)) = read() else {
            self.packets.other += 1;
            return;
        };
        self.packets.udp += 1;
        self.add(packet, ip, Transport::Udp, ports, 0, 0, body);
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of one header")]
    fn add(
        &mut self,
        packet: &Packet,
        ip: &Ip,
        transport: Transport,
        ports: (u16, u16),
        number: u32,
        flags: u8,
        payload: Span,
    ) {
        self.flows.add(&Segmented {
            transport,
            from: End { address: ip.from, port: ports.0 },
            to: End { address: ip.to, port: ports.1 },
            number,
            flags,
            payload,
            length: payload.len(),
            time: packet.time,
            packet: packet.span,
        });
    }

    /// Both ends of each flow are indicators, and so are names that the capture's program had for them.
    fn addresses(&mut self, found: &mut Found) {
        for flow in &self.flows.flows {
            let offset = self.space.offset(flow.first);
            found.address(flow.client.address, offset);
            found.address(flow.server.address, offset);
        }
        for resolved in std::mem::take(&mut self.container.resolved) {
            found.host(&resolved.name, crate::ioc::Source::Resolver, None);
            found.name(resolved.address, resolved.name, "resolver");
        }
    }

    fn facts(self, mut found: Found, given_up: u64, most: usize) -> (Capture, Findings) {
        let flows = &self.flows.flows;
        let beacons = beacon::beacons(flows);
        let scans = scans::scans(flows);
        let domains = tunnel::domains(&found.dns.items);
        let (generated, askers) = dga::generated(&found.dns.items, flows);
        let findings = judge::judge(&judge::Evidence {
            read: &self,
            found: &found,
            beacons: &beacons,
            scans: &scans,
            domains: &domains,
            askers: &askers,
        });
        let extras = std::mem::take(&mut found.extras);
        let rows =
            flows.iter().zip(&extras).enumerate().map(|(index, (flow, extra))| FlowFacts::new(index, flow, extra));
        let files = std::mem::replace(&mut found.files, files::Files::new(None));
        let total = |length: usize| length as u64;
        let capture = Capture {
            format: self.container.format,
            byte_order: if self.container.order == pcap::Order::Little { "little" } else { "big" },
            links: self.container.links.iter().map(|&link| link_name(link)).collect(),
            interfaces: self.container.interfaces.iter().take(64).cloned().collect(),
            application: self.container.application.clone(),
            start: if self.start == u64::MAX { 0.0 } else { seconds(self.start) },
            end: seconds(self.end),
            bytes: self.bytes,
            timeline: self.timeline(),
            earlier: self.earlier,
            given_up,
            flows: Listed::of(rows, total(flows.len()), most),
            dns_queries: found.queries,
            dns: Listed::kept(found.dns, most),
            http: Listed::kept(found.http, most),
            tls: Listed::kept(found.tls, most),
            files: Listed { total: files.left_out + total(files.items.len()), ..Listed::of(files.items, 0, most) },
            dialogs: Listed::kept(found.dialogs, most),
            credentials: Listed::kept(found.credentials, most),
            smb: Listed::kept(found.smb, most),
            hosts: Listed::kept(found.hosts, most),
            beacons: Listed { total: total(beacons.len()), ..Listed::of(beacons, 0, most) },
            domains: Listed { total: total(domains.len()), ..Listed::of(domains, 0, most) },
            generated: Listed { total: total(generated.len()), ..Listed::of(generated, 0, most) },
            scans: Listed { total: total(scans.len()), ..Listed::of(scans, 0, most) },
            packets: self.packets,
        };
        (capture, findings)
    }

    fn timeline(&self) -> Vec<u64> {
        if self.start >= self.end {
            return Vec::new();
        }
        let span = u128::from(self.end - self.start) + 1;
        let mut parts = vec![0; PARTS];
        for &time in self.times.iter().filter(|&&time| time >= self.start) {
            let at = u128::from(time - self.start) * PARTS as u128 / span;
            if let Some(part) = usize::try_from(at).ok().and_then(|at| parts.get_mut(at)) {
                *part += 1;
            }
        }
        parts
    }
}
