//! The handshake of TLS as far as it is in the clear (RFC 5246, 8446): hellos, and certificates up to TLS 1.2.

use super::bytes::Cursor;
use super::certificate::{Certificate, certificate};
use super::limits::{MAX_CERTIFICATES, MAX_HANDSHAKE};

const HANDSHAKE: u8 = 22;

#[derive(Debug, Default, Clone)]
pub struct ClientHello {
    pub version: u16,
    /// Of the extension of supported versions, in which TLS 1.3 says what it really speaks.
    pub versions: Vec<u16>,
    pub ciphers: Vec<u16>,
    pub extensions: Vec<u16>,
    pub groups: Vec<u16>,
    pub formats: Vec<u8>,
    pub algorithms: Vec<u16>,
    pub alpn: Vec<Vec<u8>>,
    pub server_name: Option<Vec<u8>>,
}

#[derive(Debug, Default, Clone)]
pub struct ServerHello {
    pub version: u16,
    pub chosen: Option<u16>,
    pub cipher: u16,
    pub extensions: Vec<u16>,
    pub alpn: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
pub struct Handshake {
    pub client: Option<ClientHello>,
    pub server: Option<ServerHello>,
    pub certificates: Vec<Certificate>,
    /// A message that contradicts itself.
    pub malformed: bool,
}

/// Whether a stream begins with a record that holds a hello.
pub fn is_tls(data: &[u8]) -> bool {
    matches!(data, [HANDSHAKE, 3, 0..=4, _, _, 1 | 2, ..])
}

impl Handshake {
    /// Reads the messages of one side.
    pub fn read(&mut self, data: &[u8]) {
        let messages = messages(data);
        let mut cursor = Cursor::new(&messages);
        while let (Some(kind), Some(length)) = (cursor.u8(), cursor.u24()) {
            // What is cut off by the end of the capture is no contradiction.
            let Some(body) = cursor.take(length) else { return };
            let read = match kind {
                1 if self.client.is_none() => client_hello(body).map(|hello| self.client = Some(hello)),
                2 if self.server.is_none() => server_hello(body).map(|hello| self.server = Some(hello)),
                11 if self.certificates.is_empty() => certificates(body).map(|chain| self.certificates = chain),
                _ => Some(()),
            };
            self.malformed |= read.is_none();
        }
    }
}

/// The handshake's bytes out of the records up to the first of another kind, behind which all is encrypted.
fn messages(data: &[u8]) -> Vec<u8> {
    let mut cursor = Cursor::new(data);
    let mut messages = Vec::new();
    while let Some(HANDSHAKE) = cursor.u8() {
        cursor.u16();
        let Some(length) = cursor.u16() else { break };
        let part = cursor.take(length.into()).unwrap_or_else(|| cursor.rest());
        if messages.len() + part.len() > MAX_HANDSHAKE || part.is_empty() {
            break;
        }
        messages.extend_from_slice(part);
    }
    messages
}

fn numbers(data: &[u8]) -> Vec<u16> {
    data.as_chunks::<2>().0.iter().map(|&pair| u16::from_be_bytes(pair)).collect()
}

pub fn client_hello(body: &[u8]) -> Option<ClientHello> {
    let mut cursor = Cursor::new(body);
    let mut hello = ClientHello { version: cursor.u16()?, ..ClientHello::default() };
    cursor.take(32)?;
    cursor.sized8()?;
    hello.ciphers = numbers(cursor.sized16()?);
    cursor.sized8()?;
    if cursor.is_empty() {
        return Some(hello);
    }
    let mut extensions = Cursor::new(cursor.sized16()?);
    while !extensions.is_empty() {
        let (kind, body) = (extensions.u16()?, extensions.sized16()?);
        hello.extensions.push(kind);
        let mut body = Cursor::new(body);
        match kind {
            0 => hello.server_name = server_name(&mut body),
            10 => hello.groups = numbers(body.sized16().unwrap_or_default()),
            11 => hello.formats = body.sized8().unwrap_or_default().to_vec(),
            13 => hello.algorithms = numbers(body.sized16().unwrap_or_default()),
            16 => hello.alpn = protocols(&mut body),
            43 => hello.versions = numbers(body.sized8().unwrap_or_default()),
            _ => {}
        }
    }
    Some(hello)
}

fn server_name(body: &mut Cursor) -> Option<Vec<u8>> {
    let mut names = Cursor::new(body.sized16()?);
    let (kind, name) = (names.u8()?, names.sized16()?);
    (kind == 0).then(|| name.to_vec())
}

fn protocols(body: &mut Cursor) -> Vec<Vec<u8>> {
    let mut list = Cursor::new(body.sized16().unwrap_or_default());
    std::iter::from_fn(|| list.sized8().map(<[u8]>::to_vec)).take(64).collect()
}

fn server_hello(body: &[u8]) -> Option<ServerHello> {
    let mut cursor = Cursor::new(body);
    let mut hello = ServerHello { version: cursor.u16()?, ..ServerHello::default() };
    cursor.take(32)?;
    cursor.sized8()?;
    hello.cipher = cursor.u16()?;
    cursor.u8()?;
    if cursor.is_empty() {
        return Some(hello);
    }
    let mut extensions = Cursor::new(cursor.sized16()?);
    while !extensions.is_empty() {
        let (kind, body) = (extensions.u16()?, extensions.sized16()?);
        hello.extensions.push(kind);
        match kind {
            16 => hello.alpn = protocols(&mut Cursor::new(body)),
            43 => hello.chosen = Cursor::new(body).u16(),
            _ => {}
        }
    }
    Some(hello)
}

fn certificates(body: &[u8]) -> Option<Vec<Certificate>> {
    let mut cursor = Cursor::new(body);
    let length = cursor.u24()?;
    let mut list = Cursor::new(cursor.take(length)?);
    let mut chain = Vec::new();
    while !list.is_empty() && chain.len() < MAX_CERTIFICATES {
        let length = list.u24()?;
        chain.push(certificate(list.take(length)?)?);
    }
    Some(chain)
}

pub fn version_name(version: u16) -> String {
    match version {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301 => "TLS 1.0".to_owned(),
        0x0302 => "TLS 1.1".to_owned(),
        0x0303 => "TLS 1.2".to_owned(),
        0x0304 => "TLS 1.3".to_owned(),
        other => format!("{other:#06x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_may_be_cut_anywhere() {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 4, 0x13, 1, 0x0a, 0x0a, 1, 0]);
        body.extend([
            0, 26, 0, 0, 0, 10, 0, 8, 0, 0, 5, b'a', b'.', b'b', b'.', b'c', 0, 43, 0, 3, 2, 3, 4, 0, 10, 0, 1, 9,
        ]);
        body.truncate(body.len());
        let length = u16::try_from(body.len() - 43).unwrap_or(0) - 2;
        body[43..45].copy_from_slice(&length.to_be_bytes());
        let hello = client_hello(&body).unwrap_or_default();
        assert_eq!(hello.server_name.as_deref(), Some(&b"a.b.c"[..]));
        assert_eq!((hello.versions, hello.extensions), (vec![0x0304], vec![0, 43, 10]));
        for length in 0..body.len() {
            client_hello(&body[..length]);
        }
    }
}
