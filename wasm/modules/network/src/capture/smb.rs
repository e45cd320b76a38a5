//! SMB as far as its names go (MS-CIFS, MS-SMB2): the dialect that both agree on, shares, and files that are opened.

use serde::Serialize;

use super::bytes::{le16, le32};
use super::limits::MAX_TEXT;

#[derive(Debug, Serialize)]
pub struct Smb {
    pub flow: usize,
    /// Of the client, for version 1; of 2 and 3 their numbers.
    pub dialects: Vec<String>,
    /// What the server chose; empty where that is not in the capture.
    pub dialect: String,
    pub shares: Vec<String>,
    pub files: Vec<String>,
}

/// Names of one connection that are listed.
const MAX_NAMES: usize = 64;
const REPLY: u32 = 1;

pub fn is_smb(data: &[u8]) -> bool {
    matches!(data, [0, _, _, _, 0xff | 0xfe, b'S', b'M', b'B', ..])
}

pub fn read(flow: usize, client: &[u8], server: &[u8]) -> Smb {
    let mut found = Smb { flow, dialects: Vec::new(), dialect: String::new(), shares: Vec::new(), files: Vec::new() };
    messages(client, |message| match message {
        [0xfe, ..] => found.ask(message),
        [0xff, _, _, _, 0x72, ..] => found.dialects = old_dialects(message),
        _ => {}
    });
    messages(server, |message| match message {
        [0xfe, ..] if le16(message, 12) == Some(0) && le32(message, 16).is_some_and(|flags| flags & REPLY != 0) => {
            if let Some(number) = le16(message, 64 + 4).filter(|_| found.dialect.is_empty()) {
                found.dialect = dialect(number);
            }
        }
        [0xff, _, _, _, 0x72, ..] => {
            let chosen = le16(message, 33).and_then(|index| found.dialects.get(usize::from(index)));
            if let Some(name) = chosen {
                found.dialect.clone_from(name);
            }
        }
        _ => {}
    });
    found
}

/// Calls `visit` for each message behind a header of NetBIOS' session service; of chained ones for each.
fn messages(data: &[u8], mut visit: impl FnMut(&[u8])) {
    let mut at = 0;
    while let Some(&[kind, a, b, c]) = data.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        let end = (at + 4 + length).min(data.len());
        let mut message = data.get(at + 4..end).unwrap_or_default();
        while kind == 0 && !message.is_empty() {
            visit(message);
            let next = if message.starts_with(b"\xfeSMB") { le32(message, 20).unwrap_or(0) as usize } else { 0 };
            message = if next >= 64 { message.get(next..).unwrap_or_default() } else { &[] };
        }
        at = end;
    }
}

impl Smb {
    fn ask(&mut self, message: &[u8]) {
        match le16(message, 12) {
            Some(0) => {
                let count = le16(message, 66).unwrap_or(0);
                let numbers = (0..usize::from(count).min(MAX_NAMES)).filter_map(|index| le16(message, 100 + 2 * index));
                self.dialects = numbers.map(dialect).collect();
            }
            Some(3) => push(&mut self.shares, wide(message, le16(message, 68), le16(message, 70))),
            Some(5) => push(&mut self.files, wide(message, le16(message, 64 + 44), le16(message, 64 + 46))),
            _ => {}
        }
    }
}

fn push(names: &mut Vec<String>, name: Option<String>) {
    if let Some(name) = name.filter(|name| !name.is_empty() && names.len() < MAX_NAMES && !names.contains(name)) {
        names.push(name);
    }
}

fn wide(message: &[u8], offset: Option<u16>, length: Option<u16>) -> Option<String> {
    let (start, length) = (usize::from(offset?), usize::from(length?).min(2 * MAX_TEXT));
    let units: Vec<u16> =
        message.get(start..start + length)?.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair)).collect();
    Some(String::from_utf16_lossy(&units))
}

fn dialect(number: u16) -> String {
    match number {
        0x0202 => "SMB 2.0.2".to_owned(),
        0x0210 => "SMB 2.1".to_owned(),
        0x0300 => "SMB 3.0".to_owned(),
        0x0302 => "SMB 3.0.2".to_owned(),
        0x0311 => "SMB 3.1.1".to_owned(),
        0x02ff => "SMB 2.*".to_owned(),
        other => format!("{other:#06x}"),
    }
}

/// Of version 1's negotiation: a count of words, of bytes, then names, each with a 2 before and a NUL behind it.
fn old_dialects(message: &[u8]) -> Vec<String> {
    let names = message.get(35..).unwrap_or_default().split(|&byte| byte == 0);
    let name = |part: &[u8]| part.strip_prefix(&[2]).map(|name| super::bytes::text(name, 32));
    names.filter_map(name).take(MAX_NAMES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_shares_and_files() {
        let mut ask = vec![0; 64];
        ask[..4].copy_from_slice(b"\xfeSMB");
        let mut negotiate = ask.clone();
        negotiate.extend([36, 0, 2, 0]);
        negotiate.extend([0; 32]);
        negotiate.extend([0x02, 0x02, 0x11, 0x03]);
        let mut tree = ask.clone();
        tree[12] = 3;
        let name: Vec<u8> = r"\\srv\c$".encode_utf16().flat_map(u16::to_le_bytes).collect();
        tree.extend([9, 0, 0, 0, 72, 0, u8::try_from(name.len()).unwrap_or(0), 0]);
        tree.extend(&name);
        let framed = |message: &[u8]| [&[0, 0, 0, u8::try_from(message.len()).unwrap_or(0)], message].concat();
        let client = [framed(&negotiate), framed(&tree)].concat();
        let mut reply = ask;
        reply[16] = 1;
        reply.extend([65, 0, 0, 0, 0x11, 3]);
        assert!(is_smb(&client));
        let found = read(0, &client, &framed(&reply));
        assert_eq!(
            (found.dialects, found.dialect.as_str()),
            (vec!["SMB 2.0.2".to_owned(), "SMB 3.1.1".to_owned()], "SMB 3.1.1")
        );
        assert_eq!(found.shares, [r"\\srv\c$"]);
        for length in 0..client.len() {
            read(0, &client[..length], &[]);
        }
    }
}
