//! Findings of a capture. What honest networks do every day stays below medium: polling, uploads, old protocols.

use std::net::IpAddr;

use module_kit::{Finding, Findings, Severity, counted};

use super::Read;
use super::beacon::Beacon;
use super::dga::Asker;
use super::files::File;
use super::flows::{Flow, Transport};
use super::found::Found;
use super::scans::Scan;
use super::tunnel::{self, Domain};
use crate::address::{tags_of_v4, tags_of_v6};
use Severity::{High, Info, Low, Medium};

/// Scores from which on a beacon, a tunnel are told. Of RITA's own scores, 0.8 and above are called a high threat.
const BEACON: f64 = 0.85;
const BEACON_LOW: f64 = 0.7;
const BEACON_LEAST: usize = 12;
const TUNNEL: f64 = 0.7;
const TUNNEL_LOW: f64 = 0.5;
/// Different names for a tunnel: less would be a few hashes in names of a content network.
const TUNNEL_NAMES: usize = 20;
/// Names that look made by a program, and do not exist, of one host.
const GENERATED: usize = 10;
/// Bytes sent, and how many times as many as came back, for an upload to be told.
const UPLOAD: u64 = 1 << 20;
const UPLOAD_RATIO: u64 = 10;
/// Bits per byte of the first bytes of a protocol that is not known: compressed or encrypted.
const EVEN: f64 = 7.0;

/// Ports at which TLS is usual: those of IANA's services over TLS, and their alternatives.
const TLS_PORTS: &[u16] = &[
    443, 465, 563, 587, 25, 110, 143, 21, 636, 853, 989, 990, 992, 993, 994, 995, 1194, 1883, 2083, 2087, 2096, 2376,
    3128, 3269, 3389, 4443, 5061, 5222, 5223, 5228, 5269, 5349, 5432, 5671, 6443, 6514, 6697, 8080, 8443, 8883, 9443,
    9993, 50000, 50001,
];
const HTTP_PORTS: &[u16] =
    &[80, 81, 591, 631, 3000, 3128, 5000, 5357, 5985, 8000, 8008, 8080, 8081, 8088, 8888, 1900, 2869, 49152];
/// Programs and scripts of Windows, Linux and macOS, as file-processor calls them.
const PROGRAMS: &[&str] = &["pe", "elf", "macho", "macho-fat", "msi", "lnk", "dex", "apk"];

/// Whether a service is one that a port is not for.
type OddPort = fn(&str, u16) -> bool;

pub struct Evidence<'a> {
    pub read: &'a Read<'a>,
    pub found: &'a Found,
    pub beacons: &'a [Beacon],
    pub scans: &'a [Scan],
    pub domains: &'a [Domain],
    pub askers: &'a [Asker],
}

pub fn judge(evidence: &Evidence) -> Findings {
    let mut findings = Findings::default();
    evidence.beacons(&mut findings);
    evidence.names(&mut findings);
    evidence.scans(&mut findings);
    evidence.files(&mut findings);
    evidence.credentials(&mut findings);
    evidence.ports(&mut findings);
    evidence.traffic(&mut findings);
    evidence.certificates(&mut findings);
    evidence.container(&mut findings);
    findings
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => tags_of_v4(it).is_empty(),
        IpAddr::V6(it) => tags_of_v6(it).is_empty(),
    }
}

impl Evidence<'_> {
    fn flow(&self, index: usize) -> Option<&Flow> {
        self.read.flows.flows.get(index)
    }

    /// The finding with the flow's first packet as evidence.
    fn at(&self, finding: Finding, flow: usize, quote: &str) -> Finding {
        let offset = self.flow(flow).and_then(|flow| self.read.space.offset(flow.first));
        offset.map_or_else(|| finding.clone().quote(quote), |offset| finding.clone().quote_at(offset, quote))
    }

    /// What the client calls the server, and its address.
    fn server(&self, index: usize) -> String {
        let Some(flow) = self.flow(index) else { return String::new() };
        let name = self.found.extras.get(index).map_or("", |extra| extra.name.as_str());
        let address = match flow.server.address {
            IpAddr::V4(it) => format!("{it}:{}", flow.server.port),
            IpAddr::V6(it) => format!("[{it}]:{}", flow.server.port),
        };
        if name.is_empty() || name == flow.server.address.to_string() { address } else { format!("{name} ({address})") }
    }

    fn beacons(&self, findings: &mut Findings) {
        for beacon in self.beacons.iter().filter(|it| it.score >= BEACON_LOW && it.connections >= BEACON_LEAST) {
            // Below a few seconds it is a program that works; hosts of one's own network watch each other.
            let is_telling = beacon.score >= BEACON && beacon.interval >= 5.0 && is_public(beacon.server);
            let severity = if is_telling { Medium } else { Low };
            let finding =
                Finding::new("beacon", severity, if is_telling { 70 } else { 40 }, "Connections as regular as a clock")
                    .detail(format!(
                        "{} connections from {}, every {} s in the median, {} s from that; score {}.",
                        beacon.connections, beacon.client, beacon.interval, beacon.jitter, beacon.score
                    ))
                    .techniques(&["T1071", "T1029"]);
            findings.add(self.at(finding, beacon.flow, &self.server(beacon.flow)));
        }
    }

    fn names(&self, findings: &mut Findings) {
        let telling = |it: &&Domain| it.score >= TUNNEL_LOW && it.names >= TUNNEL_NAMES && it.queries >= tunnel::LEAST;
        for domain in self.domains.iter().filter(telling) {
            let is_sure = domain.score >= TUNNEL && domain.mean_length >= 24.0;
            let severity = if is_sure { High } else { Low };
            let finding = Finding::new("dns-tunnel", severity, if is_sure { 75 } else { 40 }, "Data in names of DNS")
                .detail(format!(
                    "{} different names in {} questions, {} characters in the mean, {} bits each; score {}.",
                    domain.names, domain.queries, domain.mean_length, domain.entropy, domain.score
                ))
                .techniques(&["T1071.004", "T1048"]);
            findings.add(self.at(finding, domain.flow, &domain.domain));
        }
        for asker in self.askers.iter().filter(|asker| asker.missing >= GENERATED) {
            let title = "Names that a program seems to have made, and that do not exist";
            let finding = Finding::new("generated-names", High, 70, title)
                .detail(format!("{} names, asked for by {}.", asker.missing, asker.client))
                .techniques(&["T1568.002"]);
            let first = asker.examples.first().map_or("", String::as_str);
            let finding = self.at(finding, asker.flow, first);
            findings.add(finding.quotes(asker.examples.iter().skip(1)));
        }
    }

    fn scans(&self, findings: &mut Findings) {
        for scan in self.scans {
            let (id, title) = match scan.kind {
                "ports" => ("scan-ports", "One host tries many ports of another"),
                _ => ("scan-hosts", "One host tries the same port of many others"),
            };
            let target = match (scan.server, scan.port) {
                (Some(server), _) => format!("ports of {server}"),
                (_, Some(port)) => format!("hosts at port {port}"),
                _ => String::new(),
            };
            let finding = Finding::new(id, Medium, 80, title)
                .detail(format!("{}: {} {target} did not answer, {} did.", scan.client, scan.failed, scan.answered))
                .techniques(&["T1046"]);
            findings.add(self.at(finding, scan.flow, &scan.client.to_string()));
        }
    }

    fn files(&self, findings: &mut Findings) {
        for file in
            self.found.files.items.iter().filter(|file| file.kind == "http-response" && PROGRAMS.contains(&file.format))
        {
            let declared = file.declared.to_ascii_lowercase();
            let is_disguised = ["image/", "text/", "audio/", "video/", "application/pdf", "application/json", "font/"]
                .iter()
                .any(|kind| declared.starts_with(kind));
            let (id, severity, title) = match is_disguised {
                true => ("program-disguised", High, "A program that is sent as something else"),
                false => ("program-download", Medium, "A program fetched in the clear"),
            };
            let finding = Finding::new(id, severity, 75, title)
                .detail(format!("{}, {} bytes, SHA-256 {}, sent as {declared:?}.", file.format, file.size, file.sha256))
                .techniques(if is_disguised { &["T1105", "T1036.008"] } else { &["T1105"] });
            findings.add(quoted(finding, file));
        }
        if self.found.files.left_out > 0 {
            self.unread(findings, "files", self.found.files.left_out);
        }
    }

    fn credentials(&self, findings: &mut Findings) {
        let all = &self.found.credentials.items;
        if all.is_empty() {
            return;
        }
        let finding = Finding::new("credentials-in-clear", Medium, 90, "Passwords sent in the clear")
            .detail(format!(
                "{}; the passwords themselves are not told.",
                counted(self.found.credentials.total(), "login")
            ))
            .techniques(&["T1040", "T1552"]);
        findings.add(all.iter().fold(finding, |finding, it| {
            let who = format!("{} to {} ({})", it.user, self.server(it.flow), it.protocol);
            match it.offset {
                Some(offset) => finding.quote_at(offset, &who),
                None => finding.quote(&who),
            }
        }));
    }

    fn ports(&self, findings: &mut Findings) {
        let of_tcp = || self.read.flows.flows.iter().enumerate().filter(|(_, flow)| flow.transport == Transport::Tcp);
        let service = |index: usize| self.found.extras.get(index).map_or("", |extra| extra.service);
        let kinds: [(&str, &str, OddPort); 3] = [
            ("tls-odd-port", "TLS at a port that is not usual for it", |service, port| {
                service == "tls" && !TLS_PORTS.contains(&port)
            }),
            ("http-odd-port", "HTTP at a port that is not usual for it", |service, port| {
                service == "http" && !HTTP_PORTS.contains(&port) && port != 443
            }),
            ("other-protocol", "Another protocol than the port is for", |service, port| match port {
                443 => !matches!(service, "" | "tls" | "http2"),
                80 => !matches!(service, "" | "http" | "http2" | "tls"),
                22 => !matches!(service, "" | "ssh"),
                53 => !matches!(service, "" | "dns" | "tls"),
                _ => service == "ssh" && matches!(port, 80 | 8080 | 53),
            }),
        ];
        for (id, title, fits) in kinds {
            let odd = || of_tcp().filter(|(index, flow)| fits(service(*index), flow.server.port));
            let count = odd().count();
            if count > 0 {
                let finding =
                    Finding::new(id, Low, 60, title).detail(counted(count, "connection") + ".").techniques(&["T1571"]);
                findings.add(
                    odd().take(16).fold(finding, |finding, (index, _)| self.at(finding, index, &self.server(index))),
                );
            }
        }
        let is_odd = |flow: &Flow| {
            flow.transport == Transport::Udp
                && ![53, 5353, 5355].contains(&flow.server.port)
                && ![53, 5353, 5355].contains(&flow.client.port)
        };
        let dns = || {
            self.read.flows.flows.iter().enumerate().filter(|(index, flow)| service(*index) == "dns" && is_odd(flow))
        };
        if dns().count() > 0 {
            let finding =
                Finding::new("dns-odd-port", Low, 60, "DNS at a port that is not usual for it").techniques(&["T1571"]);
            findings
                .add(dns().take(16).fold(finding, |finding, (index, _)| self.at(finding, index, &self.server(index))));
        }
    }

    fn traffic(&self, findings: &mut Findings) {
        let flows = || self.read.flows.flows.iter().zip(&self.found.extras).enumerate();
        let is_upload = |flow: &Flow| {
            flow.up.bytes >= UPLOAD && flow.up.bytes / UPLOAD_RATIO > flow.down.bytes && is_public(flow.server.address)
        };
        for (index, (flow, _)) in flows().filter(|(_, (flow, _))| is_upload(flow)).take(16) {
            let finding = Finding::new("upload", Low, 50, "Far more was sent to a host than came back")
                .detail(format!("{} bytes from {}, {} back.", flow.up.bytes, flow.client.address, flow.down.bytes))
                .techniques(&["T1048"]);
            findings.add(self.at(finding, index, &self.server(index)));
        }
        let is_unknown = |flow: &Flow, service: &str, entropy: Option<f64>| {
            let both = flow.up.bytes >= 256 && flow.down.bytes >= 256;
            let tcp = flow.transport == Transport::Tcp && flow.from_start;
            tcp && both
                && service.is_empty()
                && entropy.is_some_and(|bits| bits >= EVEN)
                && is_public(flow.server.address)
        };
        let unknown = || flows().filter(|(_, (flow, extra))| is_unknown(flow, extra.service, extra.entropy));
        if unknown().count() > 0 {
            let finding =
                Finding::new("unknown-encrypted", Low, 50, "Even bytes from the first on, of no known protocol")
                    .detail(counted(unknown().count(), "connection") + ".")
                    .techniques(&["T1573"]);
            findings.add(
                unknown().take(16).fold(finding, |finding, (index, _)| self.at(finding, index, &self.server(index))),
            );
        }
        let spoilt = || flows().filter(|(_, (_, extra))| extra.contradicting > 0);
        if spoilt().count() > 0 {
            let title = "Segments of TCP that contradict each other";
            let finding = Finding::new("contradicting-segments", Low, 60, title)
                .detail("What came first counts here; the receiver may have taken the other.")
                .techniques(&["T1562"]);
            findings.add(
                spoilt().take(16).fold(finding, |finding, (index, _)| self.at(finding, index, &self.server(index))),
            );
        }
        let cut = flows().filter(|(_, (_, extra))| extra.cut).count() as u64 + self.read.flows.unkept;
        if cut > 0 {
            self.unread(findings, "streams or parts of them", cut);
        }
        if self.read.flows.unfollowed > 0 {
            self.unread(findings, "packets of flows", self.read.flows.unfollowed);
        }
        let lists =
            [self.found.dns.left_out, self.found.http.left_out, self.found.tls.left_out, self.found.dialogs.left_out];
        let left_out: u64 = lists.iter().sum();
        if left_out > 0 {
            self.unread(findings, "messages", left_out);
        }
    }

    #[allow(clippy::unused_self, reason = "reads as its neighbours do")]
    fn unread(&self, findings: &mut Findings, what: &str, count: u64) {
        let title = "There is more in the capture than is read";
        findings.add(Finding::new("unread-parts", Low, 100, title).detail(format!("{count} {what}.")));
    }

    fn certificates(&self, findings: &mut Findings) {
        let signed = || {
            self.found.tls.items.iter().filter(|tls| {
                let first = tls.certificates.first();
                let is_public = self.flow(tls.flow).is_some_and(|flow| is_public(flow.server.address));
                is_public && first.is_some_and(|certificate| certificate.self_signed)
            })
        };
        if signed().count() > 0 {
            let finding = Finding::new(
                "self-signed",
                Low,
                70,
                "Servers on the internet whose certificates are signed by themselves",
            )
            .detail(counted(signed().count(), "connection") + ".")
            .techniques(&["T1587.003"]);
            findings.add(signed().take(16).fold(finding, |finding, tls| {
                let subject = tls.certificates.first().map_or("", |certificate| certificate.subject.as_str());
                self.at(finding, tls.flow, subject)
            }));
        }
        let old = || {
            self.found.tls.items.iter().filter(|tls| matches!(tls.version.as_str(), "SSL 3.0" | "TLS 1.0" | "TLS 1.1"))
        };
        if old().count() > 0 {
            let finding = Finding::new("old-tls", Info, 80, "Versions of TLS that are no longer to be used (RFC 8996)")
                .detail(counted(old().count(), "connection") + ".");
            findings
                .add(old().take(16).fold(finding, |finding, tls| self.at(finding, tls.flow, &self.server(tls.flow))));
        }
    }

    fn container(&self, findings: &mut Findings) {
        let file = &self.read.container;
        if let Some(at) = file.cut_at {
            findings.malformed("capture", format!("The file ends amid a packet or block, or is none from {at:#x} on."));
        }
        if file.malformed > 0 {
            findings.malformed("packet-block", format!("{} blocks contradict themselves.", file.malformed));
        }
        if self.found.extras.iter().any(|extra| extra.malformed) {
            findings.malformed("tls-handshake", "A message of a handshake contradicts itself.");
        }
        if file.left_out {
            self.unread(findings, "packets or interfaces at least", 1);
        }
        let fragments = &self.read.fragments;
        if fragments.overlapping > 0 {
            let finding = Finding::new(
                "overlapping-fragments",
                Low,
                80,
                "Fragments of IP that overlap: honest senders make none",
            )
            .detail(format!("{} of {}; what came first counts here.", fragments.overlapping, fragments.seen))
            .techniques(&["T1562"]);
            findings.add(finding);
        }
        if fragments.left_out > 0 {
            self.unread(findings, "fragments", fragments.left_out);
        }
        if file.secrets > 0 {
            let title = "Keys are in the capture with which its connections can be decrypted";
            findings
                .add(Finding::new("capture-secrets", Info, 100, title).detail(counted(file.secrets, "block") + "."));
        }
        if self.read.packets.total > 0 && self.read.packets.other == self.read.packets.total {
            let links: Vec<String> = file.links.iter().map(|&link| super::link_name(link)).collect();
            let title = "No packet of the capture is of a protocol that is followed";
            findings.add(Finding::new("nothing-followed", Info, 90, title).detail(links.join(", ")));
        }
    }
}

fn quoted(finding: Finding, file: &File) -> Finding {
    match file.offset {
        Some(offset) => finding.quote_at(offset, &file.url),
        None => finding.quote(&file.url),
    }
}
