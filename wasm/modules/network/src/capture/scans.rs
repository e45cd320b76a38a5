//! Hosts that try many ports of one host, or one port of many hosts, and find nobody there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;

use super::flows::Flow;

/// Different ports or hosts that failed, from which on it is a scan: a browser that finds a server dead tries a few.
const LEAST: usize = 25;
/// Different ones that are remembered.
const MAX_TARGETS: usize = 65_536;
/// Hosts and ports that are looked at.
const MAX_KEYS: usize = 100_000;

#[derive(Debug, Clone, Serialize)]
pub struct Scan {
    /// `ports` of one host, or `hosts` at one port.
    pub kind: &'static str,
    pub client: IpAddr,
    /// The host whose ports are tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<IpAddr>,
    /// The port that is tried on each host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Different ports or hosts without an answer, or with a refusal.
    pub failed: usize,
    /// Those that answered.
    pub answered: usize,
    pub flow: usize,
}

struct Tried<T> {
    failed: BTreeSet<T>,
    answered: BTreeSet<T>,
    flow: usize,
}

impl<T> Default for Tried<T> {
    fn default() -> Self {
        Self { failed: BTreeSet::new(), answered: BTreeSet::new(), flow: 0 }
    }
}

impl<T: Ord> Tried<T> {
    fn add(&mut self, target: T, flow: &Flow, index: usize) {
        if self.failed.is_empty() && self.answered.is_empty() {
            self.flow = index;
        }
        let set = if flow.has_failed() { &mut self.failed } else { &mut self.answered };
        if set.len() < MAX_TARGETS {
            set.insert(target);
        }
    }

    /// Most of what was tried must have failed.
    fn is_scan(&self) -> bool {
        self.failed.len() >= LEAST && self.failed.len() > self.answered.len()
    }
}

pub fn scans(flows: &[Flow]) -> Vec<Scan> {
    let mut ports: BTreeMap<(IpAddr, IpAddr), Tried<u16>> = BTreeMap::new();
    let mut hosts: BTreeMap<(IpAddr, u16), Tried<IpAddr>> = BTreeMap::new();
    let asked = |flow: &&Flow| flow.from_start && flow.transport == super::flows::Transport::Tcp;
    for (index, flow) in flows.iter().enumerate().filter(|(_, flow)| asked(flow)) {
        let (client, server) = (flow.client.address, flow.server);
        if ports.len() < MAX_KEYS || ports.contains_key(&(client, server.address)) {
            ports.entry((client, server.address)).or_default().add(server.port, flow, index);
        }
        if hosts.len() < MAX_KEYS || hosts.contains_key(&(client, server.port)) {
            hosts.entry((client, server.port)).or_default().add(server.address, flow, index);
        }
    }
    let of_ports = ports.into_iter().filter(|(_, tried)| tried.is_scan()).map(|((client, server), tried)| Scan {
        kind: "ports",
        client,
        server: Some(server),
        port: None,
        failed: tried.failed.len(),
        answered: tried.answered.len(),
        flow: tried.flow,
    });
    let of_hosts = hosts.into_iter().filter(|(_, tried)| tried.is_scan()).map(|((client, port), tried)| Scan {
        kind: "hosts",
        client,
        server: None,
        port: Some(port),
        failed: tried.failed.len(),
        answered: tried.answered.len(),
        flow: tried.flow,
    });
    of_ports.chain(of_hosts).collect()
}
