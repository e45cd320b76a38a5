//! Flows of UDP, and DNS in both transports.

use super::bytes::{be16, be32};
use super::dns::{Message, code_name, kind_name, looks_like, parse};
use super::flows::{Flow, Segment};
use super::found::{Answer, Dns, Extra, Found, seconds};
use super::names::{dhcp, is_dhcp, netbios};
use super::read::{Talk, entropy};
use super::space::Space;
use crate::ioc::Source;

/// Answers of one message that are listed.
const MAX_ANSWERS: usize = 32;
/// How far back a question's answer is looked for.
const MAX_OPEN: usize = 1_024;

pub fn read(index: usize, flow: &Flow, space: &Space, found: &mut Found) -> Extra {
    let bytes = |segment: &Segment| space.get(segment.span);
    let (up, down) = (flow.up.segments.first().map(bytes), flow.down.segments.first().map(bytes));
    let first = up.or(down).unwrap_or_default();
    let service = service(flow, first);
    let entropy = entropy(up.unwrap_or_default(), down.unwrap_or_default());
    let mut reader = Messages { flow: index, protocol: service, open: Vec::new() };
    // Questions first, in the order of time: answers look for them.
    let both = [(&flow.up, flow.client), (&flow.down, flow.server)];
    for (segment, sender) in both.iter().flat_map(|(half, sender)| half.segments.iter().map(move |it| (it, sender))) {
        let data = space.get(segment.span);
        let offset = space.offset(segment.span);
        match service {
            "dns" | "mdns" | "llmnr" => {
                reader.add(data, segment.time, offset, found);
                if service != "dns"
                    && let Some(name) = own_name(data)
                {
                    found.name(sender.address, name, service);
                }
            }
            "netbios-ns" => {
                if let Some(name) = netbios(data) {
                    found.name(sender.address, name, "netbios");
                }
            }
            "dhcp" => {
                if let Some(name) = dhcp(data) {
                    found.name(sender.address, name, "dhcp");
                }
            }
            "quic" | "ntp" | "rtp" => {}
            _ => found.scan(data, Source::Stream, &|at| offset.map(|offset| offset + at as u64)),
        }
    }
    Extra { service, entropy, ..Extra::default() }
}

fn service(flow: &Flow, first: &[u8]) -> &'static str {
    let port = |number: u16| flow.client.port == number || flow.server.port == number;
    let is_ntp =
        first.len() >= 48 && matches!(first.first(), Some(byte) if matches!(byte >> 3 & 7, 1..=4) && byte & 7 != 0);
    match first {
        _ if port(5353) && first.len() >= 12 => "mdns",
        _ if port(5355) && first.len() >= 12 => "llmnr",
        _ if port(53) && first.len() >= 12 => "dns",
        _ if port(137) && first.len() >= 12 => "netbios-ns",
        _ if is_dhcp(first) => "dhcp",
        _ if port(123) && is_ntp => "ntp",
        _ if is_quic(first) => "quic",
        [b'M', b'-', b'S', b'E', b'A', b'R', b'C', b'H', ..] | [b'N', b'O', b'T', b'I', b'F', b'Y', b' ', ..] => "ssdp",
        [22, 0xfe, 0xfd | 0xff, ..] => "dtls",
        _ if looks_like(first) => "dns",
        _ => "",
    }
}

/// A long header (RFC 9000), of version 1 or 2, or of a draft.
fn is_quic(data: &[u8]) -> bool {
    let version = be32(data, 1).unwrap_or(0);
    data.first().is_some_and(|byte| byte & 0xc0 == 0xc0)
        && (matches!(version, 1 | 0x6b33_43cf) || version >> 8 == 0x00ff_0000 || version >> 8 == 0x0051_3034)
}

/// The name for which an answer of mDNS or LLMNR gives an address.
fn own_name(data: &[u8]) -> Option<String> {
    let message = parse(data).filter(|message| message.is_response)?;
    let record = message.answers.into_iter().find(|record| matches!(record.kind, 1 | 28))?;
    Some(record.name)
}

/// Messages of one flow, questions with their answers.
struct Messages {
    flow: usize,
    protocol: &'static str,
    /// Places of the questions that have no answer yet.
    open: Vec<usize>,
}

impl Messages {
    fn add(&mut self, data: &[u8], time: u64, offset: Option<u64>, found: &mut Found) {
        let Some(message) = parse(data) else { return };
        if message.malformed && message.questions.is_empty() {
            return;
        }
        for question in &message.questions {
            found.host(&question.name, Source::Dns, offset);
        }
        for record in &message.answers {
            found.host(&record.name, Source::Dns, offset);
            if matches!(record.kind, 1 | 2 | 5 | 12 | 28 | 39) {
                found.host(&record.value, Source::Dns, offset);
            } else if record.kind == 16 {
                found.scan(record.value.as_bytes(), Source::Dns, &|_| offset);
            }
        }
        if message.is_response {
            self.answer(&message, time, data.len(), found);
        } else {
            found.queries += 1;
            let place = found.dns.push(self.record(&message, time, data.len(), true));
            self.open.extend(place);
        }
    }

    fn record(&self, message: &Message, time: u64, size: usize, asked: bool) -> Dns {
        let question = message.questions.first();
        let first = message.answers.first();
        let name = question.map(|it| &it.name).or(first.map(|it| &it.name));
        let kind = question.map(|it| it.kind).or(first.map(|it| it.kind));
        Dns {
            flow: self.flow,
            time: seconds(time),
            protocol: self.protocol,
            name: name.cloned().unwrap_or_default(),
            kind: kind.map(kind_name).unwrap_or_default(),
            code: String::new(),
            answers: Vec::new(),
            asked,
            id: message.id,
            size,
        }
    }

    fn answer(&mut self, message: &Message, time: u64, size: usize, found: &mut Found) {
        let name = message.questions.first().map(|question| question.name.as_str());
        let fits = |place: &usize| {
            found.dns.items.get(*place).is_some_and(|asked| {
                asked.id == message.id && name.is_none_or(|name| name.eq_ignore_ascii_case(&asked.name))
            })
        };
        let known = self.open.iter().take(MAX_OPEN).position(fits).map(|at| self.open.remove(at));
        let place = known.or_else(|| found.dns.push(self.record(message, time, size, false)));
        if let Some(record) = place.and_then(|place| found.dns.items.get_mut(place)) {
            record.code = code_name(message.code);
            record.size += if known.is_some() { size } else { 0 };
            let answer = |it: &super::dns::Record| Answer {
                name: it.name.clone(),
                kind: kind_name(it.kind),
                value: it.value.clone(),
                ttl: it.ttl,
            };
            record.answers = message.answers.iter().take(MAX_ANSWERS).map(answer).collect();
        }
    }
}

/// Whether both sides of a connection are messages with their lengths before them (RFC 7766).
pub fn is_framed(up: &[u8], down: &[u8]) -> bool {
    let fits = |data: &[u8]| be16(data, 0).is_some_and(|length| length >= 12);
    fits(if up.is_empty() { down } else { up })
}

pub fn framed(talk: &Talk, found: &mut Found) {
    let mut reader = Messages { flow: talk.index, protocol: "dns", open: Vec::new() };
    for piece in talk.up.pieces.iter().chain(&talk.down.pieces) {
        let mut at = 0;
        while let Some(length) = be16(&piece.data, at) {
            let end = at + 2 + usize::from(length);
            let Some(message) = piece.data.get(at + 2..end) else { break };
            reader.add(message, piece.time(at), piece.offset(talk.space, at), found);
            at = end;
        }
    }
}
