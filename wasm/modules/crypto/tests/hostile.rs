//! Hostile inputs: whatever a sample is, the module answers, within its limits, and points inside the sample.

mod common;

use std::collections::HashSet;

use common::{analyze, call};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use serde_json::json;

fn check(data: &[u8]) {
    let (facts, findings) = analyze(data);
    assert!(facts.to_string().len() < 1 << 20);
    assert!(findings.len() <= 256);
    let mut ids = HashSet::new();
    for finding in &findings {
        assert!(ids.insert(&finding.id), "{} twice", finding.id);
        assert!(finding.confidence <= 100 && finding.id.len() <= 96);
        for place in &finding.evidence {
            let end = place.offset.unwrap_or(0) + place.length.unwrap_or(0);
            assert!(end <= data.len() as u64, "{finding:?}");
        }
    }
}

/// Pieces of what the module looks for.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&[u8]] = &[
        b"-----BEGIN RSA PRIVATE KEY-----\n",
        b"-----END RSA PRIVATE KEY-----\n",
        b"MIIEpAIBAAKCAQEA",
        &[0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01],
        &[0x30, 0x82, 0xff, 0xff],
        &[0x30, 0x81, 0x80, 0x02, 0x01, 0x00, 0x30],
        &[0x02, 0x01, 0x01, 0x04, 0x20],
        &[0xa0, 0x03, 0x02, 0x01, 0x02],
        b"\x07\x02\0\0\0\xa4\0\0RSA2\0\x08\0\0",
        b"PuTTY-User-Key-File-3: ssh-rsa\n",
        b"ssh-rsa AAAAB3NzaC1yc2E",
        b"CryptEncryptA",
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        &[0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5],
        &[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef],
        b"Uihr!qsnfs`l!b`oonu!cd!sto!ho!ENR!lned",
    ];
    prop_oneof![
        3 => proptest::sample::select(PIECES).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => Just(vec![0; 16]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_in_any_order_are_answered(pieces in proptest::collection::vec(piece(), 1..20), cut in 0..8_usize) {
        let mut data = pieces.concat();
        data.truncate(data.len().saturating_sub(cut));
        data.push(1);
        check(&data);
    }

    #[test]
    fn functions_answer_whatever_they_are_given(key in proptest::collection::vec(any::<u8>(), 0..40), data in proptest::collection::vec(any::<u8>(), 0..100)) {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (key, data) = (hex(&key), hex(&data));
        for function in ["aes-cbc", "aes-ctr", "aes-gcm", "rc4", "xor", "chacha20"] {
            for second in ["iv", "nonce"] {
                for length in [12, 16] {
                    let args = json!({"key": key, second: "00".repeat(length), "data": data});
                    drop(call(function, &args, None));
                }
            }
        }
    }
}

#[test]
fn floods_are_answered_in_time() {
    let size = 4 << 20;
    let floods: [&[u8]; 9] = [
        &[0x30, 0x82],
        &[0x30, 0x82, 0x10, 0x00, 0x30, 0x81, 0x80, 0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01, 0x01],
        b"-----BEGIN ",
        b"-----BEGIN A-----\n-----END A-----\n",
        &[0x01, 0x23, 0x45, 0x67],
        &[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10],
        b"PuTTY-User-Key-File-",
        b"ssh-rsa AAAA",
        &[0xd9, 0, 0, 0],
    ];
    for piece in floods {
        check(&piece.repeat(size / piece.len()));
    }
}
