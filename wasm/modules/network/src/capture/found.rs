//! What is read out of flows, gathered: each kind in a list that is bounded, with how many were left out.

use std::net::IpAddr;

use serde::Serialize;

use super::files::Files;
use super::hello::Handshake;
use super::limits::{MAX_BODIES, MAX_DNS, MAX_KEPT, MAX_STREAMS};
use super::lines::{Credential, Dialog};
use super::smb::Smb;
use crate::host::Host;
use crate::ioc::{Hit, Kind, Source};
use crate::store::Store;

#[derive(Debug)]
pub struct Kept<T> {
    pub items: Vec<T>,
    pub left_out: u64,
    most: usize,
}

impl<T> Kept<T> {
    const fn new(most: usize) -> Self {
        Self { items: Vec::new(), left_out: 0, most }
    }

    /// Its place; None where there was no room.
    pub fn push(&mut self, item: T) -> Option<usize> {
        if self.items.len() >= self.most {
            self.left_out += 1;
            return None;
        }
        self.items.push(item);
        Some(self.items.len() - 1)
    }

    pub fn total(&self) -> u64 {
        self.items.len() as u64 + self.left_out
    }
}

/// A question of DNS with its answer, or an answer whose question is not in the capture.
#[derive(Debug, Serialize)]
pub struct Dns {
    pub flow: usize,
    /// Unix seconds.
    pub time: f64,
    pub protocol: &'static str,
    pub name: String,
    pub kind: String,
    /// Empty where no answer came.
    pub code: String,
    pub answers: Vec<Answer>,
    pub asked: bool,
    #[serde(skip)]
    pub id: u16,
    #[serde(skip)]
    pub size: usize,
}

#[derive(Debug, Serialize)]
pub struct Answer {
    pub name: String,
    pub kind: String,
    pub value: String,
    pub ttl: u32,
}

/// A request of HTTP with its answer. Sizes are bytes of bodies as they were sent.
#[derive(Debug, Default, Serialize)]
pub struct Exchange {
    pub flow: usize,
    pub time: f64,
    /// Empty for an answer whose request is not in the capture.
    pub method: String,
    pub host: String,
    pub target: String,
    pub user_agent: String,
    pub request_size: usize,
    /// 0 where no answer came.
    pub status: u16,
    pub content_type: String,
    pub response_size: usize,
    /// Indexes of the files in the bodies.
    pub files: Vec<usize>,
    pub server: String,
}

/// A connection of TLS.
#[derive(Debug, Serialize)]
pub struct Tls {
    pub flow: usize,
    pub time: f64,
    pub server_name: String,
    pub alpn: Vec<String>,
    /// What the server chose; empty where its hello is not in the capture.
    pub version: String,
    /// The highest that the client offers.
    pub offered: String,
    pub cipher: String,
    pub ja3: String,
    pub ja3s: String,
    pub ja4: String,
    pub certificates: Vec<super::certificate::Certificate>,
}

/// A name that an address has, and who says so.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct HostName {
    pub address: IpAddr,
    pub name: String,
    /// `dhcp`, `netbios`, `mdns`, `llmnr` or `resolver` (the capture's own).
    pub source: &'static str,
}

/// What is known of a flow once its bytes were read.
#[derive(Debug, Default, Clone)]
pub struct Extra {
    pub service: &'static str,
    pub name: String,
    pub entropy: Option<f64>,
    pub missing: u64,
    pub contradicting: u64,
    pub cut: bool,
    pub malformed: bool,
}

pub struct Found {
    pub dns: Kept<Dns>,
    pub queries: u64,
    pub http: Kept<Exchange>,
    pub tls: Kept<Tls>,
    pub dialogs: Kept<Dialog>,
    pub credentials: Kept<Credential>,
    pub smb: Kept<Smb>,
    pub hosts: Kept<HostName>,
    pub files: Files,
    pub extras: Vec<Extra>,
    /// Bytes of streams that may still be put together, and of bodies that may be unpacked.
    pub stream_budget: usize,
    pub body_budget: usize,
    /// Indicators; None where they are not asked for.
    store: Option<Store>,
}

impl Found {
    pub fn new(store: Option<Store>, wanted: Option<usize>) -> Self {
        Self {
            dns: Kept::new(MAX_DNS),
            queries: 0,
            http: Kept::new(MAX_KEPT),
            tls: Kept::new(MAX_KEPT),
            dialogs: Kept::new(MAX_KEPT),
            credentials: Kept::new(MAX_KEPT),
            smb: Kept::new(MAX_KEPT),
            hosts: Kept::new(MAX_KEPT),
            files: Files::new(wanted),
            extras: Vec::new(),
            stream_budget: MAX_STREAMS,
            body_budget: MAX_BODIES,
            store,
        }
    }

    pub fn take_store(&mut self) -> Option<Store> {
        self.store.take()
    }

    /// Looks for indicators in what was sent in the clear.
    pub fn scan(&mut self, data: &[u8], source: Source, offset: &dyn Fn(usize) -> Option<u64>) {
        if let Some(store) = &mut self.store {
            store.scan(data, source, offset);
        }
    }

    /// A name of a host that a protocol names.
    pub fn host(&mut self, name: &str, source: Source, offset: Option<u64>) {
        let Some(store) = &mut self.store else { return };
        let name = name.strip_suffix('.').unwrap_or(name);
        let host = Host::read(name.as_bytes(), 0);
        if host.end == name.len()
            && let Some(hit) = host.hit()
        {
            store.found(hit, source, offset);
        }
    }

    pub fn value(&mut self, kind: Kind, value: &str, source: Source, offset: Option<u64>) {
        if let Some(store) = &mut self.store {
            store.found(Hit::new(kind, value.to_owned(), 0, 0), source, offset);
        }
    }

    pub fn address(&mut self, address: IpAddr, offset: Option<u64>) {
        let Some(store) = &mut self.store else { return };
        let (kind, tags) = match address {
            IpAddr::V4(it) => (Kind::Ipv4, crate::address::tags_of_v4(it)),
            IpAddr::V6(it) => (Kind::Ipv6, crate::address::tags_of_v6(it)),
        };
        store.found(Hit::new(kind, address.to_string(), 0, 0).tags(&tags), Source::Flow, offset);
    }

    /// A URL that was asked for.
    pub fn url(&mut self, url: &str, offset: Option<u64>) {
        let Some(store) = &mut self.store else { return };
        if let Some(hit) = crate::url::at_word(url.as_bytes(), 0, 4) {
            store.found(hit, Source::Http, offset);
        }
    }

    pub fn name(&mut self, address: IpAddr, name: String, source: &'static str) {
        let known = HostName { address, name, source };
        // Hosts repeat their names: of the last ones, one is enough.
        if !known.name.is_empty() && !self.hosts.items.iter().rev().take(64).any(|it| *it == known) {
            self.hosts.push(known);
        }
    }

    pub fn tls(&mut self, flow: usize, time: f64, transport: char, handshake: Handshake) {
        use super::hello::version_name;
        use super::ja::{is_grease, ja3_text, ja3s_text, ja4, md5_hex};
        let name = |name: &[u8]| super::bytes::text(name, 255);
        let client = handshake.client.as_ref();
        let server = handshake.server.as_ref();
        let server_name = client.and_then(|hello| hello.server_name.as_deref()).map(name).unwrap_or_default();
        let chosen = server.map(|hello| version_name(hello.chosen.unwrap_or(hello.version)));
        let offered = client.map(|hello| {
            let best = hello.versions.iter().copied().filter(|&version| !is_grease(version)).max();
            version_name(best.unwrap_or(hello.version))
        });
        let alpn = server.filter(|hello| !hello.alpn.is_empty()).map(|hello| &hello.alpn);
        let alpn = alpn.or(client.map(|hello| &hello.alpn));
        self.tls.push(Tls {
            flow,
            time,
            server_name,
            alpn: alpn.map(|list| list.iter().take(16).map(|it| name(it)).collect()).unwrap_or_default(),
            version: chosen.unwrap_or_default(),
            offered: offered.unwrap_or_default(),
            cipher: server.map(|hello| format!("{:#06x}", hello.cipher)).unwrap_or_default(),
            ja3: client.map(|hello| md5_hex(&ja3_text(hello))).unwrap_or_default(),
            ja3s: server.map(|hello| md5_hex(&ja3s_text(hello))).unwrap_or_default(),
            ja4: client.map(|hello| ja4(hello, transport)).unwrap_or_default(),
            certificates: handshake.certificates,
        });
    }
}

/// Unix seconds of nanoseconds, as far as microseconds go.
#[allow(clippy::cast_precision_loss, reason = "microseconds of this century are below 2^53")]
pub fn seconds(nanoseconds: u64) -> f64 {
    (nanoseconds / 1_000) as f64 / 1e6
}
