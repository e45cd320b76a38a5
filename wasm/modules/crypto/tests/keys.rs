//! Keys and certificates, built here byte by byte: none of them is anybody's.

mod common;

use common::analyze;
use serde_json::Value;

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..=0x7f => vec![tag, length as u8],
        0x80..=0xff => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

/// A positive odd number of so many bytes, all bits of the first of them set: DER writes a zero before it.
fn number(bytes: usize) -> Vec<u8> {
    let mut content = vec![0x55; bytes + 1];
    (content[0], content[1]) = (0, 0xff);
    der(2, &content)
}

const RSA: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const EXPONENT: &[u8] = &[2, 3, 1, 0, 1];

fn rsa_private() -> Vec<u8> {
    let (whole, half) = (number(128), number(64));
    sequence(&[&[2, 1, 0], &whole, EXPONENT, &whole, &half, &half, &half, &half, &half])
}

fn public_key_info() -> Vec<u8> {
    let key = [vec![0], sequence(&[&number(128), EXPONENT])].concat();
    sequence(&[RSA, &der(3, &key)])
}

fn name(text: &str) -> Vec<u8> {
    let attribute = sequence(&[&[6, 3, 0x55, 4, 3], &der(0x0c, text.as_bytes())]);
    der(0x30, &der(0x31, &attribute))
}

fn certificate() -> Vec<u8> {
    let validity = sequence(&[&der(0x17, b"260101000000Z"), &der(0x17, b"270101000000Z")]);
    let (version, serial) = (der(0xa0, &[2, 1, 2]), der(2, &[0x12, 0x34]));
    let tbs = sequence(&[&version, &serial, RSA, &name("Issuer"), &validity, &name("Subject"), &public_key_info()]);
    sequence(&[&tbs, RSA, &der(3, &[0; 129])])
}

fn keys(data: &[u8]) -> Vec<Value> {
    analyze(data).0["keys"].as_array().expect("a list").clone()
}

fn kinds(data: &[u8]) -> Vec<(String, String, u64, u64)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let row = |key: &Value| {
        let (offset, bits) = (key["offset"].as_u64().unwrap_or(0), key["bits"].as_u64().unwrap_or(0));
        (text(&key["kind"]), text(&key["encoding"]), offset, bits)
    };
    keys(data).iter().map(row).collect()
}

fn one(kind: &str, encoding: &str, offset: u64, bits: u64) -> Vec<(String, String, u64, u64)> {
    vec![(kind.to_owned(), encoding.to_owned(), offset, bits)]
}

fn at_7(key: &[u8]) -> Vec<u8> {
    [b"\0\x01noise".as_slice(), key, b"\0more"].concat()
}

#[test]
fn der_is_found_where_it_is() {
    assert_eq!(kinds(&at_7(&rsa_private())), one("private-key", "der", 7, 1_024));
    let wrapped = sequence(&[&[2, 1, 0], RSA, &der(4, &rsa_private())]);
    assert_eq!(kinds(&at_7(&wrapped)), one("private-key", "der", 7, 1_024));
    assert_eq!(kinds(&at_7(&public_key_info())), one("public-key", "der", 7, 1_024));
    assert_eq!(kinds(&at_7(&sequence(&[&number(128), EXPONENT]))), one("public-key", "der", 7, 1_024));
    let curve = [&[0x30, 0x25, 2, 1, 1, 4, 0x20][..], &[7; 32]].concat();
    assert_eq!(kinds(&at_7(&curve)), one("private-key", "der", 7, 256));
    let edwards = [&[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20][..], &[7; 32]].concat();
    assert_eq!(kinds(&at_7(&edwards)), one("private-key", "der", 7, 0));
}

#[test]
fn a_private_key_is_a_medium_finding_and_its_public_half_is_not() {
    let severity = |data: &[u8]| {
        let findings = analyze(data).1;
        findings.iter().find(|finding| finding.id.ends_with("-key")).map(|finding| format!("{:?}", finding.severity))
    };
    assert_eq!(severity(&rsa_private()).as_deref(), Some("Medium"));
    assert_eq!(severity(&public_key_info()).as_deref(), Some("Low"));
}

#[test]
fn a_certificate_says_whose_it_is() {
    let found = keys(&at_7(&certificate()));
    assert_eq!(found.len(), 1);
    let told = &found[0]["certificate"];
    assert_eq!((told["subject"].as_str(), told["issuer"].as_str()), (Some("CN=Subject"), Some("CN=Issuer")));
    assert_eq!((told["serial"].as_str(), told["not_after"].as_i64()), (Some("1234"), Some(1_798_761_600)));
    assert_eq!(told["self_issued"], false);
}

#[test]
fn pem_is_read_with_lines_and_with_escaped_lines() {
    use base64::prelude::{BASE64_STANDARD, Engine};
    let text = BASE64_STANDARD.encode(rsa_private());
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    for end in ["\n", "\r\n", "\\n"] {
        let (begin, close) = ("-----BEGIN RSA ".to_owned() + "PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----");
        let pem = [begin, lines.join(end), close.to_owned()].join(end);
        assert_eq!(kinds(&at_7(pem.as_bytes())), one("private-key", "pem", 7, 1_024), "{end:?}");
    }
}

/// An algorithm, its curve, and a key of so many bytes behind what begins it.
fn curve_info(algorithm: &[u8], begin: &[u8], length: usize) -> Vec<u8> {
    sequence(&[&der(0x30, algorithm), &der(3, &[begin, &vec![7; length]].concat())])
}

const ON_CURVE: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];

#[test]
fn public_keys_on_curves_are_found() {
    let p256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    for (curve, bytes, bits) in [
        (p256, 32, 256),
        (&[6, 5, 0x2b, 0x81, 4, 0, 34][..], 48, 384),
        (&[6, 5, 0x2b, 0x81, 4, 0, 35], 66, 521),
        (&[6, 5, 0x2b, 0x81, 4, 0, 10], 32, 256),
    ] {
        let algorithm = [ON_CURVE, curve].concat();
        let found = kinds(&at_7(&curve_info(&algorithm, &[0, 4], 2 * bytes)));
        assert_eq!(found, one("public-key", "der", 7, bits));
        assert!(kinds(&at_7(&curve_info(&algorithm, &[0, 4], 2 * bytes - 1))).is_empty());
    }
    for last in [0x70, 0x6e] {
        let info = curve_info(&[6, 3, 0x2b, 0x65, last], &[0], 32);
        assert_eq!(kinds(&at_7(&info)), one("public-key", "der", 7, 0));
        assert!(kinds(&info[..info.len() - 1]).is_empty());
    }
}

fn pem(label: &str, content: &[u8]) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine};
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(content))
}

#[test]
fn keys_of_dsa_and_requests() {
    let dsa = sequence(&[&[2, 1, 0], &number(128), &number(20), &number(128), &number(128), &number(20)]);
    assert_eq!(kinds(&at_7(&dsa)), one("private-key", "der", 7, 1_024));
    assert_eq!(kinds(&at_7(pem("DSA PRIVATE KEY", &dsa).as_bytes())), one("private-key", "pem", 7, 1_024));
    let info = sequence(&[&[2, 1, 0], &name("Subject"), &public_key_info(), &[0xa0, 0]]);
    let request = sequence(&[&info, RSA, &der(3, &[0; 129])]);
    let text = pem("CERTIFICATE REQUEST", &request);
    assert_eq!(kinds(&at_7(text.as_bytes())), one("certificate-request", "pem", 7, 1_024));
    assert_eq!(kinds(&at_7(&request)), one("certificate-request", "der", 7, 1_024));
}

#[test]
fn pem_in_utf_16_has_its_place_in_the_file() {
    let text = pem("RSA PRIVATE KEY", &rsa_private());
    let wide: Vec<u8> = text.bytes().flat_map(|byte| [byte, 0]).collect();
    let found = keys(&at_7(&wide));
    assert_eq!((found.len(), found[0]["offset"].as_u64()), (1, Some(7)));
    assert_eq!(found[0]["length"].as_u64(), Some(wide.len() as u64 - 2));
}

#[test]
fn public_lines_of_openssh() {
    use base64::prelude::{BASE64_STANDARD, Engine};
    for name in ["ssh-rsa", "ssh-ed25519"] {
        let key = [&[0, 0, 0, name.len() as u8][..], name.as_bytes(), &[0, 0, 0, 32], &[7; 32]].concat();
        let line = format!("{name} {} bob@host\n", BASE64_STANDARD.encode(key));
        assert_eq!(kinds(&at_7(line.as_bytes())), one("public-key", "openssh", 7, 0));
    }
}

#[test]
fn blobs_of_windows_need_their_numbers() {
    let head = |kind: u8, magic: &[u8]| [&[kind, 2, 0, 0, 0, 0xa4, 0, 0], magic, &[0, 4, 0, 0, 1, 0, 1, 0]].concat();
    let public = [head(6, b"RSA1"), vec![0xab; 128]].concat();
    assert_eq!(kinds(&public), one("public-key", "capi-blob", 0, 1_024));
    let private = [head(7, b"RSA2"), vec![0xab; 576]].concat();
    assert_eq!(kinds(&private), one("private-key", "capi-blob", 0, 1_024));
    assert!(kinds(&private[..400]).is_empty());
}

#[test]
fn keys_that_are_cut_or_contradict_themselves_are_none() {
    let whole = rsa_private();
    for length in 1..whole.len() {
        assert!(kinds(&whole[..length]).is_empty(), "{length}");
    }
    let even = sequence(&[
        &[2, 1, 0],
        &der(2, &[0x7e; 128]),
        EXPONENT,
        &number(128),
        &number(64),
        &number(64),
        &number(64),
        &number(64),
        &number(64),
    ]);
    assert!(kinds(&even).is_empty());
}
