//! Fingerprints of TLS handshakes, as published: JA3 and JA3S by Salesforce (Althouse, Atkinson, Atkins, 2017), JA4 by
//! FoxIO (2023; of the family only JA4, which is BSD-licensed).

use md5::Md5;
use module_kit::hex;
use sha2::{Digest, Sha256};

use super::hello::{ClientHello, ServerHello};

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;

/// Values that clients throw in so that servers learn to ignore what they do not know (RFC 8701).
pub const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

fn joined(values: &[u16]) -> String {
    let kept: Vec<String> = values.iter().filter(|&&value| !is_grease(value)).map(u16::to_string).collect();
    kept.join("-")
}

/// The text of which JA3 is the MD5.
pub fn ja3_text(hello: &ClientHello) -> String {
    let formats: Vec<u16> = hello.formats.iter().map(|&format| format.into()).collect();
    format!(
        "{},{},{},{},{}",
        hello.version,
        joined(&hello.ciphers),
        joined(&hello.extensions),
        joined(&hello.groups),
        joined(&formats)
    )
}

pub fn ja3s_text(hello: &ServerHello) -> String {
    format!("{},{},{}", hello.version, hello.cipher, joined(&hello.extensions))
}

pub fn md5_hex(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

pub fn ja4(hello: &ClientHello, transport: char) -> String {
    let plain = |values: &[u16]| values.iter().copied().filter(|&value| !is_grease(value)).collect::<Vec<u16>>();
    let (mut ciphers, extensions) = (plain(&hello.ciphers), plain(&hello.extensions));
    let name = if hello.extensions.contains(&SERVER_NAME) { 'd' } else { 'i' };
    let first = format!(
        "{transport}{}{name}{:02}{:02}{}",
        version(hello),
        ciphers.len().min(99),
        extensions.len().min(99),
        ends(hello.alpn.first().map_or(&[], Vec::as_slice))
    );
    ciphers.sort_unstable();
    let mut sorted: Vec<u16> = extensions.into_iter().filter(|&it| it != SERVER_NAME && it != ALPN).collect();
    sorted.sort_unstable();
    let mut third = listed(&sorted);
    let algorithms = plain(&hello.algorithms);
    if !algorithms.is_empty() {
        third = format!("{third}_{}", listed(&algorithms));
    }
    let third = if sorted.is_empty() { String::new() } else { third };
    format!("{first}_{}_{}", shortened(&listed(&ciphers)), shortened(&third))
}

fn version(hello: &ClientHello) -> &'static str {
    let offered = hello.versions.iter().copied().filter(|&version| !is_grease(version)).max();
    match offered.unwrap_or(hello.version) {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// First and last character of the first protocol; of one that has others than letters and digits there, of its digits in
/// hexadecimal.
fn ends(protocol: &[u8]) -> String {
    let (Some(&first), Some(&last)) = (protocol.first(), protocol.last()) else { return "00".to_owned() };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(first), char::from(last)].iter().collect();
    }
    let digits = hex(protocol);
    digits.chars().take(1).chain(digits.chars().last()).collect()
}

fn listed(values: &[u16]) -> String {
    values.iter().map(|value| format!("{value:04x}")).collect::<Vec<_>>().join(",")
}

fn shortened(text: &str) -> String {
    if text.is_empty() {
        return "000000000000".to_owned();
    }
    hex(Sha256::digest(text.as_bytes()).get(..6).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the repository of JA3.
    #[test]
    fn ja3_as_published() {
        let hello = ClientHello {
            version: 769,
            ciphers: vec![47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
            extensions: vec![0, 10, 11],
            groups: vec![23, 24, 25],
            formats: vec![0],
            ..ClientHello::default()
        };
        let text = ja3_text(&hello);
        assert_eq!(text, "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
        assert_eq!(md5_hex(&text), "ada70206e40642a3e4461f35503241d5");
        let bare = ClientHello {
            version: 769,
            ciphers: vec![0x0a0a, 4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99],
            ..ClientHello::default()
        };
        assert_eq!(md5_hex(&ja3_text(&bare)), "de350869b8c85de67a350c8d186f11e6");
        let answer =
            ServerHello { version: 769, cipher: 47, extensions: vec![65281, 0, 11, 35, 5, 16], ..Default::default() };
        assert_eq!(ja3s_text(&answer), "769,47,65281-0-11-35-5-16");
    }

    /// The example in the description of JA4.
    #[test]
    fn ja4_as_published() {
        let hello = ClientHello {
            version: 0x0303,
            versions: vec![0x2a2a, 0x0304, 0x0303],
            ciphers: vec![
                0x5a5a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
                0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x8a8a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
                0xff01, 0x000b, 0x000a, 0x0015, 0x1a1a,
            ],
            algorithms: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            ..ClientHello::default()
        };
        assert_eq!(ja4(&hello, 't'), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert_eq!(
            ja4(&ClientHello { version: 0x0301, ..ClientHello::default() }, 't'),
            "t10i000000_000000000000_000000000000"
        );
    }

    /// What another implementation said of a newer browser, which asks with a key exchange after quantum computers.
    #[test]
    fn both_as_others_have_them() {
        let hello = ClientHello {
            version: 771,
            versions: vec![0x0304, 0x0303],
            ciphers: vec![4865, 4866, 4867, 49195, 49199, 49196, 49200, 52393, 52392, 49171, 49172, 156, 157, 47, 53],
            extensions: vec![45, 51, 16, 65037, 23, 17613, 0, 11, 10, 43, 65281, 35, 18, 5, 13, 27],
            groups: vec![4588, 29, 23, 24],
            formats: vec![0],
            algorithms: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            alpn: vec![b"h2".to_vec()],
            ..ClientHello::default()
        };
        assert_eq!(md5_hex(&ja3_text(&hello)), "98487aa16281980e7d1120d399efb6a4");
        assert_eq!(ja4(&hello, 't'), "t13d1516h2_8daaf6152771_d8a2da3f94cd");
    }

    #[test]
    fn protocols_that_are_no_text_are_told_by_their_digits() {
        assert_eq!((ends(b"h"), ends(&[0xab]), ends(&[0xab, 0xcd])), ("hh".into(), "ab".into(), "ad".into()));
        assert_eq!(ends(&[0x30, 0xab]), "3b");
    }
}
