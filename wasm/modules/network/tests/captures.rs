//! Captures: one of each protocol says what it should, and no change of its bytes makes the module panic or take long.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use module_kit::{Call, Module, Output};
use network::Network;
use proptest::prelude::*;

/// Made by `tests/wasm_modules/capture_samples.py`.
fn talks() -> Vec<u8> {
    let encoded: String = include_str!("golden/talks.pcapng.b64").split_whitespace().collect();
    let packed = STANDARD.decode(encoded).expect("base64");
    miniz_oxide::inflate::decompress_to_vec_zlib(&packed).expect("zlib")
}

fn call(function: &str, args: &serde_json::Value, sample: &[u8]) -> Option<Output> {
    let call = serde_json::json!({"function": function, "args": args, "sample": {"size": sample.len()}});
    Network::analyze(&Call::parse(&call.to_string()).expect("a call"), Some(sample)).ok()
}

fn check(sample: &[u8]) {
    let output = call("analyze", &serde_json::json!({"keep": true}), sample).expect("an answer");
    let within = |offset: u64| usize::try_from(offset).is_ok_and(|offset| offset < sample.len());
    for finding in &output.findings {
        assert!(finding.evidence.iter().all(|evidence| evidence.offset.is_none_or(within)), "{finding:?}");
    }
    call("extract", &serde_json::json!({"index": 1}), sample);
}

#[test]
fn the_golden_capture_says_what_it_said() {
    let output = call("analyze", &serde_json::json!({}), &talks()).expect("an answer");
    let data: serde_json::Value = serde_json::from_str(output.data.get()).expect("JSON");
    let said = serde_json::json!({"data": data, "findings": output.findings});
    let found = serde_json::to_string_pretty(&said).expect("JSON") + "\n";
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/talks.pcapng.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(file, &found).expect("written");
    }
    let expected = std::fs::read_to_string(file).expect("the golden output");
    assert_eq!(found, expected);
}

#[test]
fn it_may_end_anywhere() {
    let sample = talks();
    for length in 1..sample.len() {
        call("analyze", &serde_json::json!({}), &sample[..length]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bits_may_flip(flips in proptest::collection::vec((any::<u16>(), 0_u8..8), 1..24)) {
        let mut sample = talks();
        let length = sample.len();
        for (at, bit) in flips {
            sample[usize::from(at) % length] ^= 1 << bit;
        }
        check(&sample);
    }

    #[test]
    fn any_packets_may_follow_a_header(kind in 0_usize..6, link in 0_usize..8, packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..96), 0..24)) {
        check(&capture(kind, link, &packets));
    }

    #[test]
    fn any_bytes_may_be_said(server in any::<bool>(), port in 0_usize..12, parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..64), 1..12), start in 0_usize..14) {
        let ports = [21, 22, 23, 25, 53, 80, 110, 143, 443, 445, 6667, 9999];
        let mut packets = Vec::new();
        let mut number = 1;
        for (index, part) in parts.iter().enumerate() {
            let mut data = if index == 0 { STARTS[start].to_vec() } else { Vec::new() };
            data.extend(part);
            packets.push(segment(ports[port], server, number, &data));
            number += u32::try_from(data.len()).expect("small");
        }
        check(&capture(0, 2, &packets));
    }
}

const STARTS: [&[u8]; 14] = [
    b"GET / HTTP/1.1\r\nHost: a\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\0",
    b"\x16\x03\x01\0\x30\x01\0\0\x2c\x03\x03",
    b"\x16\x03\x03\0\x30\x0b\0\0\x2c\0\0\x29\0\0\x26\x30\x24",
    b"\0\0\0\x40\xfeSMB@\0",
    b"\0\0\0\x40\xffSMBr",
    b"220 x\r\n",
    b"USER a\r\nPASS b\r\n",
    b"\xff\xfd\x18",
    b"+OK\r\n",
    b"\0\x20\0\x07\x81\x80\0\x01\0\x01\0\0\0\0\x01a\xc0\x0c",
    b"NICK x\r\n",
    b"EHLO x\r\nAUTH PLAIN ",
];

fn segment(port: u16, server: bool, number: u32, data: &[u8]) -> Vec<u8> {
    let (from, to) = if server { (port, 40_000) } else { (40_000, port) };
    let mut packet = vec![0x45, 0];
    packet.extend(u16::try_from(40 + data.len()).expect("small").to_be_bytes());
    packet.extend([0, 1, 0, 0, 64, 6, 0, 0]);
    packet.extend(if server { [8, 8, 8, 8, 10, 0, 0, 1] } else { [10, 0, 0, 1, 8, 8, 8, 8] });
    packet.extend(from.to_be_bytes());
    packet.extend(to.to_be_bytes());
    packet.extend(number.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0x50, 0x18, 0, 0, 0, 0, 0, 0]);
    packet.extend(data);
    packet
}

/// A capture in one of six forms, of one of eight types of link.
fn capture(kind: usize, link: usize, packets: &[Vec<u8>]) -> Vec<u8> {
    let link = [1_u32, 0, 101, 113, 276, 9, 108, 229][link];
    let big = kind % 2 == 1;
    let number = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let block = |kind: u32, body: Vec<u8>| {
        let length = number(u32::try_from(12 + body.len()).expect("small"));
        [&number(kind)[..], &length, &body, &length].concat()
    };
    let length = |packet: &Vec<u8>| number(u32::try_from(packet.len()).expect("small"));
    if kind < 4 {
        let magic = if kind < 2 { 0xa1b2_c3d4 } else { 0xa1b2_3c4d };
        let mut made = [&number(magic)[..], &[2, 0, 4, 0], &[0; 12], &number(link)].concat();
        for packet in packets {
            made.extend([&number(1_700_000_000)[..], &[0; 4], &length(packet), &length(packet), packet].concat());
        }
        return made;
    }
    let interface = if big { link << 16 } else { link };
    let mut made = block(0x0a0d_0d0a, [&number(0x1a2b_3c4d)[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    made.extend(block(1, [&number(interface)[..], &[0; 4]].concat()));
    for packet in packets {
        let mut body = [&[0; 12][..], &length(packet), &length(packet), packet].concat();
        body.resize(body.len().next_multiple_of(4), 0);
        made.extend(block(6, body));
    }
    made
}

/// Link 2 of `capture` is IP without anything before it.
#[test]
fn passwords_in_addresses_are_told_nowhere() {
    let web = b"GET http://bob:hunter2secret@evil-site.com/a?to=ftp://eve:hunter2secret@b.net/ HTTP/1.1\r\n\
        Host: evil-site.com\r\nReferer: http://bob:hunter2secret@evil-site.com/\r\n\r\n";
    let files = b"USER bob\r\nACCT hunter2secret\r\nADAT hunter2secret\r\nRETR ftp://bob:hunter2secret@c.net/\r\n";
    let other = b"say http://bob:hunter2secret@evil-site.com/ and go";
    for (port, hello, said) in [(80, &b""[..], &web[..]), (21, b"220 ftp\r\n", files), (9_999, b"", other)] {
        let packets = [segment(port, true, 1, hello), segment(port, false, 1, said)];
        let output = call("analyze", &serde_json::json!({}), &capture(0, 2, &packets)).expect("an answer");
        let told = serde_json::json!({"data": output.data, "findings": output.findings}).to_string();
        assert!(told.contains("bob") && !told.contains("hunter2secret"), "{port}: {told}");
    }
}

/// A megabyte that a stream says once, in each protocol.
#[test]
fn one_sign_over_and_over_is_read_to_its_end() {
    let repeated: [&[u8]; 8] = [
        b"a",
        b"\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\xff\xfa",
        b"\0\0\0\x01",
        b"\x16\x03\x01",
        b"0\r\n",
    ];
    for start in STARTS {
        for piece in repeated {
            let mut packets = vec![segment(9_999, true, 1, start)];
            let mut number = 1 + u32::try_from(start.len()).expect("small");
            for _ in 0..200 {
                let data = piece.repeat(1_400 / piece.len());
                packets.push(segment(9_999, true, number, &data));
                number += u32::try_from(data.len()).expect("small");
            }
            let sample = capture(0, 2, &packets);
            call("analyze", &serde_json::json!({}), &sample);
        }
    }
}
