//! From the bytes of a flow to what was said in it. The protocol is told by content; the port only helps where two begin
//! alike.

use super::flows::{Flow, Transport};
use super::found::{Extra, Found, seconds};
use super::hello::{Handshake, is_tls};
use super::lines::Reader;
use super::space::Space;
use super::stream::{Piece, Stream};
use super::{bytes, datagrams, http, lines, smb, web};
use crate::ioc::Source;

/// First bytes of protocols that are only named.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"PRI * HTTP/2.0", "http2"),
    (b"\x13BitTorrent protocol", "bittorrent"),
    (b"RFB 00", "vnc"),
    (b"\x03\x00\x00", "rdp"),
    (b"\x05\x01\x00", "socks5"),
    (b"\x05\x02\x00", "socks5"),
    (b"*1\r\n$", "redis"),
    (b"*2\r\n$", "redis"),
    (b"*3\r\n$", "redis"),
    (b"RTSP/1.", "rtsp"),
];
/// Bytes of each side over which entropy is taken, and how many there must be.
const FIRST: usize = 256;
const LEAST_FIRST: usize = 64;

pub fn flow(index: usize, flow: &Flow, space: &Space, found: &mut Found) {
    let extra = match flow.transport {
        Transport::Tcp => tcp(index, flow, space, found),
        Transport::Udp => datagrams::read(index, flow, space, found),
    };
    found.extras.push(extra);
}

/// Both sides of a connection.
pub struct Talk<'a> {
    pub index: usize,
    pub flow: &'a Flow,
    pub space: &'a Space<'a>,
    pub up: Stream<'a>,
    pub down: Stream<'a>,
}

fn tcp(index: usize, flow: &Flow, space: &Space, found: &mut Found) -> Extra {
    let up = Stream::of(&flow.up, space, &mut found.stream_budget);
    let down = Stream::of(&flow.down, space, &mut found.stream_budget);
    let talk = Talk { index, flow, space, up, down };
    let mut extra = Extra {
        entropy: entropy(talk.up.first(), talk.down.first()),
        missing: talk.up.missing + talk.down.missing,
        contradicting: talk.up.contradicting + talk.down.contradicting,
        cut: talk.up.cut || talk.down.cut,
        ..Extra::default()
    };
    talk.read(found, &mut extra);
    extra
}

pub fn entropy(up: &[u8], down: &[u8]) -> Option<f64> {
    let part = |data: &[u8]| data.get(..data.len().min(FIRST)).unwrap_or_default().to_vec();
    let both = [part(up), part(down)].concat();
    (both.len() >= LEAST_FIRST).then(|| module_kit::entropy(&both))
}

impl Talk<'_> {
    fn read(&self, found: &mut Found, extra: &mut Extra) {
        let (up, down) = (self.up.first(), self.down.first());
        if is_tls(up) || is_tls(down) {
            extra.service = "tls";
            self.tls(up, down, found, extra);
        } else if http::is_request(up) || http::is_answer(down) {
            extra.service = "http";
            web::read(self, found, extra);
        } else if smb::is_smb(up) || smb::is_smb(down) {
            extra.service = "smb";
            found.smb.push(smb::read(self.index, up, down));
        } else if self.flow.server.port == 53 && datagrams::is_framed(up, down) {
            extra.service = "dns";
            datagrams::framed(self, found);
        } else if let Some(protocol) = lines::protocol(up, down, self.flow.server.port) {
            extra.service = protocol.name();
            self.lines(protocol, found, extra);
        } else {
            let known = |data: &[u8]| SIGNATURES.iter().find(|(first, _)| data.starts_with(first)).map(|it| it.1);
            extra.service = known(up).or_else(|| known(down)).unwrap_or_default();
            self.scan(Source::Stream, found);
        }
    }

    pub fn tls(&self, up: &[u8], down: &[u8], found: &mut Found, extra: &mut Extra) {
        let mut handshake = Handshake::default();
        handshake.read(up);
        handshake.read(down);
        extra.malformed |= handshake.malformed;
        if handshake.client.is_none() && handshake.server.is_none() {
            return;
        }
        let offset = self.up.pieces.first().and_then(|piece| piece.offset(self.space, 0));
        for name in handshake.certificates.iter().flat_map(|certificate| &certificate.names) {
            found.host(name.strip_prefix("*.").unwrap_or(name), Source::Tls, offset);
        }
        found.tls(self.index, seconds(self.flow.start), 't', handshake);
        if let Some(last) = found.tls.items.last().filter(|tls| tls.flow == self.index) {
            extra.name.clone_from(&last.server_name);
            found.host(&extra.name, Source::Tls, offset);
        }
    }

    fn lines(&self, protocol: lines::Protocol, found: &mut Found, extra: &mut Extra) {
        let (up, down) = (self.up.first(), self.down.first());
        let offset = |at: usize| self.up.pieces.first().and_then(|piece| piece.offset(self.space, at));
        let (dialog, credentials) = Reader { flow: self.index, protocol, offset: &offset }.read(up, down);
        found.dialogs.push(dialog);
        for credential in credentials {
            found.credentials.push(credential);
        }
        // Behind STARTTLS.
        let hello = |data: &[u8]| {
            let at = bytes::find(data, b"\n\x16\x03")? + 1;
            data.get(at..).is_some_and(is_tls).then_some(at)
        };
        if let Some(at) = hello(up) {
            let answer = down.get(hello(down).unwrap_or(down.len())..).unwrap_or_default().to_vec();
            self.tls(up.get(at..).unwrap_or_default(), &answer, found, extra);
        } else if protocol != lines::Protocol::Ssh {
            self.scan(Source::Stream, found);
        }
    }

    fn scan(&self, source: Source, found: &mut Found) {
        for piece in self.up.pieces.iter().chain(&self.down.pieces) {
            found.scan(&piece.data, source, &|at| piece.offset(self.space, at));
        }
    }

    pub fn time(&self, piece: &Piece, at: usize) -> f64 {
        seconds(piece.time(at))
    }
}
