//! No bytes make the module panic or take long, and what it says of a sample lies inside it.

use module_kit::{Call, Module, Output};
use network::Network;
use proptest::prelude::*;

fn call(function: &str, args: &serde_json::Value, sample: &[u8]) -> Output {
    let call = serde_json::json!({"function": function, "args": args, "sample": {"size": sample.len()}});
    Network::analyze(&Call::parse(&call.to_string()).expect("a call"), Some(sample)).expect("an answer")
}

fn text_of(function: &str, text: &str) -> String {
    let output = call(function, &serde_json::json!({"text": text}), b"");
    let data: serde_json::Value = serde_json::from_str(output.data.get()).expect("JSON");
    data["text"].as_str().expect("a text").to_owned()
}

fn check(sample: &[u8]) {
    let output = call("analyze", &serde_json::json!({}), sample);
    let data: serde_json::Value = serde_json::from_str(output.data.get()).expect("JSON");
    for one in data["indicators"].as_array().expect("a list") {
        let text = one.get("text").unwrap_or(&one["value"]).as_str().expect("a text");
        let unit = if one["encoding"] == "utf-16le" { 2 } else { 1 };
        let start = usize::try_from(one["offset"].as_u64().expect("a number")).expect("small");
        let found: Vec<u8> = sample[start..].iter().step_by(unit).take(text.len()).copied().collect();
        // A cut through a letter leaves a sign in its place.
        assert!(text.contains('\u{fffd}') || found == text.as_bytes(), "{one}");
    }
    assert!(
        output.findings.iter().flat_map(|finding| &finding.evidence).all(|evidence| {
            usize::try_from(evidence.offset.unwrap_or(0)).is_ok_and(|offset| offset < sample.len())
        })
    );
}

const PIECES: &[&str] = &[
    "http://",
    "hxxps[:]//",
    "evil",
    ".com",
    "[.]",
    "(dot)",
    "@",
    "[at]",
    "://",
    ":",
    "::",
    "\\",
    "\\\\",
    "C:\\",
    "/",
    "/etc/",
    "HKLM\\",
    "Software\\Microsoft\\",
    "Global\\",
    "%APPDATA%\\",
    "1.2.3.4",
    "2001:db8",
    "CVE-2021-",
    "44228",
    "T1059",
    ".001",
    "3:",
    "bc1",
    "0x",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    ".onion",
    "Mozilla/5.0",
    " ",
    "(",
    ")",
    "\"",
    "'",
    "<",
    ">",
    ".",
    ",",
    "\0",
    "\n",
    "é",
    "日本",
    "%2f",
    "%3A%2F%2F",
    ".pdb",
    "-",
    "_",
    "[",
    "]",
    "User-Agent: ",
    "44d88612fea8a8f36de82e1278abb02f",
];

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(noise in proptest::collection::vec(any::<u8>(), 1..2_048)) {
        check(&noise);
    }

    #[test]
    fn any_pieces_are_answered(text in text(), noise in proptest::collection::vec(any::<u8>(), 1..32), at in any::<u16>()) {
        let mut sample = text.into_bytes();
        sample.extend(&noise);
        let length = sample.len();
        sample.rotate_left(usize::from(at) % length);
        check(&sample);
        let wide: Vec<u8> = sample.iter().flat_map(|&byte| [byte, 0]).collect();
        check(&wide);
    }

    #[test]
    fn any_text_is_rewritten(text in text()) {
        let defanged = text_of("defang", &text);
        text_of("refang", &defanged);
        text_of("refang", &text);
    }

    #[test]
    fn refanging_undoes_defanging(host in "[a-z]{1,9}(-[a-z0-9]{1,5})?", path in "(/[a-z0-9_]{1,5}){0,3}", user in "[a-z]{1,8}") {
        for text in [format!("http://{host}.com{path}"), format!("{user}@{host}.org"), format!("a {host}.net b"), "8.8.4.4".to_owned()] {
            let defanged = text_of("defang", &text);
            prop_assert_ne!(&defanged, &text);
            prop_assert_eq!(text_of("refang", &defanged), text);
        }
    }
}

/// What one sign may make a scanner read again and again: of a megabyte, it would not come to the end.
#[test]
fn one_sign_over_and_over_is_read_to_its_end() {
    for piece in PIECES.iter().copied().chain([
        "a.",
        "a@",
        "C:\\a ",
        "\\a",
        "a:",
        "a::",
        "[.]a",
        "((",
        "http://a.com/(",
        "/a",
        "%2f",
    ]) {
        let sample = piece.repeat((1 << 20) / piece.len());
        call("indicators", &serde_json::json!({}), sample.as_bytes());
    }
}
