//! What is said of a capture, in the shape of `athena_lab/report/capture.py`.

use std::net::IpAddr;

use serde::Serialize;

use super::beacon::Beacon;
use super::dga::Generated;
use super::files::File;
use super::flows::{Flow, Transport};
use super::found::{Dns, Exchange, Extra, HostName, Kept, Tls, seconds};
use super::limits::MAX_LIST;
use super::lines::{Credential, Dialog};
use super::scans::Scan;
use super::smb::Smb;
use super::tunnel::Domain;

/// A list of which not all is told.
#[derive(Debug, Serialize)]
pub struct Listed<T> {
    pub total: u64,
    pub items: Vec<T>,
}

impl<T: Serialize> Listed<T> {
    /// At most `most`, within the bytes that a list may take. `total` counts those too that were never kept.
    pub fn of(items: impl IntoIterator<Item = T>, total: u64, most: usize) -> Self {
        let mut room = MAX_LIST;
        let mut listed = Vec::new();
        for item in items.into_iter().take(most) {
            let size = serde_json::to_vec(&item).map_or(usize::MAX, |json| json.len() + 1);
            if size > room {
                break;
            }
            room -= size;
            listed.push(item);
        }
        Self { total, items: listed }
    }

    pub fn kept(kept: Kept<T>, most: usize) -> Self {
        let total = kept.total();
        Self::of(kept.items, total, most)
    }
}

#[derive(Debug, Serialize)]
pub struct FlowFacts {
    pub index: usize,
    pub transport: &'static str,
    pub client: IpAddr,
    pub client_port: u16,
    pub server: IpAddr,
    pub server_port: u16,
    /// What is spoken, by content; empty where that is not known.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub service: &'static str,
    /// What the client calls the server, in TLS or HTTP.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    pub state: &'static str,
    pub packets_up: u64,
    pub packets_down: u64,
    /// Of payload.
    pub bytes_up: u64,
    pub bytes_down: u64,
    /// Unix seconds, and seconds.
    pub start: f64,
    pub duration: f64,
    /// Of the first 256 bytes of each side, in bits per byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entropy: Option<f64>,
    /// Bytes that no packet of the capture held.
    #[serde(skip_serializing_if = "is_zero")]
    pub missing: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl FlowFacts {
    pub fn new(index: usize, flow: &Flow, extra: &Extra) -> Self {
        Self {
            index,
            transport: transport(flow),
            client: flow.client.address,
            client_port: flow.client.port,
            server: flow.server.address,
            server_port: flow.server.port,
            service: extra.service,
            name: extra.name.chars().take(255).collect(),
            state: flow.state(),
            packets_up: flow.up.packets,
            packets_down: flow.down.packets,
            bytes_up: flow.up.bytes,
            bytes_down: flow.down.bytes,
            start: seconds(flow.start),
            duration: seconds(flow.end - flow.start),
            entropy: extra.entropy,
            missing: extra.missing,
        }
    }
}

pub const fn transport(flow: &Flow) -> &'static str {
    match flow.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    }
}

/// How many packets were of what.
#[derive(Debug, Default, Serialize)]
pub struct Packets {
    pub total: u64,
    pub ipv4: u64,
    pub ipv6: u64,
    pub tcp: u64,
    pub udp: u64,
    pub icmp: u64,
    pub arp: u64,
    /// Of other protocols, or cut off before one could be read.
    pub other: u64,
    pub fragments: u64,
    /// Datagrams of which fragments are missing.
    pub incomplete: u64,
    /// Of flows that are not followed, since there are too many.
    pub unfollowed: u64,
}

#[derive(Debug, Serialize)]
pub struct Capture {
    pub format: &'static str,
    pub byte_order: &'static str,
    /// Names of types of links, as tcpdump.org has them.
    pub links: Vec<String>,
    pub interfaces: Vec<String>,
    pub application: String,
    /// Unix seconds of the first and the last packet.
    pub start: f64,
    pub end: f64,
    /// Bytes that the packets had when they were captured.
    pub bytes: u64,
    pub packets: Packets,
    /// Packets that the session kept from earlier captures, and that it gave up for lack of room.
    #[serde(skip_serializing_if = "is_zero")]
    pub earlier: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub given_up: u64,
    pub flows: Listed<FlowFacts>,
    /// Messages of DNS that ask.
    pub dns_queries: u64,
    pub dns: Listed<Dns>,
    pub http: Listed<Exchange>,
    pub tls: Listed<Tls>,
    pub files: Listed<File>,
    pub dialogs: Listed<Dialog>,
    pub credentials: Listed<Credential>,
    pub smb: Listed<Smb>,
    pub hosts: Listed<HostName>,
    pub beacons: Listed<Beacon>,
    pub domains: Listed<Domain>,
    pub generated: Listed<Generated>,
    pub scans: Listed<Scan>,
    /// Packets in each of up to 120 equal parts of the time.
    pub timeline: Vec<u64>,
}

pub fn link_name(link: u32) -> String {
    const NAMES: &[(u32, &str)] = &[
        (0, "BSD loopback"),
        (1, "Ethernet"),
        (9, "PPP"),
        (12, "raw IP"),
        (14, "raw IP"),
        (101, "raw IP"),
        (105, "IEEE 802.11"),
        (108, "OpenBSD loopback"),
        (113, "Linux cooked"),
        (127, "IEEE 802.11 with radiotap"),
        (228, "raw IPv4"),
        (229, "raw IPv6"),
        (276, "Linux cooked 2"),
    ];
    NAMES
        .iter()
        .find(|(number, _)| *number == link)
        .map_or_else(|| format!("link {link}"), |(_, name)| (*name).to_owned())
}
