//! Hostile inputs: whatever is done to a sample, the module answers, in the shape of the contract. The
//! test profile checks arithmetic, so that an overflow which the sandbox would not notice fails here.

use std::collections::HashSet;
use std::path::Path;
use std::sync::LazyLock;

use base64::prelude::{BASE64_STANDARD, Engine};
use file_processor::FileProcessor;
use harness::mutate::{Chance, mutated};
use module_kit::{Call, Module};
use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert, prop_oneof, proptest};

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = folder.read_dir().expect("the folder is beside this file").map(|entry| entry.expect("readable").path());
    let mut encoded: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "b64")).collect();
    encoded.sort();
    encoded.iter().map(|path| decode(path)).collect()
});

fn decode(path: &Path) -> Vec<u8> {
    let text: String = std::fs::read_to_string(path).expect("readable").split_whitespace().collect();
    let packed = BASE64_STANDARD.decode(text).expect("base64");
    miniz_oxide::inflate::decompress_to_vec_zlib(&packed).expect("zlib")
}

/// Analyses and checks what every answer must fulfil.
fn check(data: &[u8]) {
    let call = serde_json::json!({"function": "analyze", "sample": {"size": data.len(), "name": "x.pdf.exe"}});
    let call = Call::parse(&call.to_string()).expect("a call");
    let output = FileProcessor::analyze(&call, Some(data)).expect("an answer");
    let mut ids = HashSet::new();
    for finding in &output.findings {
        assert!(ids.insert(&finding.id), "{} twice", finding.id);
        assert!(is_slug(&finding.id), "{}", finding.id);
        assert!((1..=200).contains(&finding.title.len()), "{}", finding.title);
        assert!(finding.confidence <= 100);
    }
    let facts: serde_json::Value = serde_json::from_str(output.data.get()).expect("JSON");
    assert_eq!(facts["size"], data.len());
    assert!(facts["entropy"]["overall"].as_f64().is_some_and(|entropy| (0.0..=8.0).contains(&entropy)));
}

fn is_slug(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._/-".contains(&byte);
    id.len() <= 96 && id.bytes().all(allowed) && id.as_bytes()[0].is_ascii_alphanumeric()
}

/// One thing that is done to a sample.
#[derive(Clone, Debug)]
enum Mutation {
    Cut(usize),
    Set(usize, u8),
    /// A number of 32 or 64 bits, of the kind that parsers stumble over.
    Number(usize, u64, bool),
    Copy {
        from: usize,
        to: usize,
        length: usize,
    },
    Append(Vec<u8>),
}

const NUMBERS: &[u64] =
    &[0, 1, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, u64::MAX, u64::MAX - 7, 1 << 63, u64::MAX / 24];

fn mutation() -> impl Strategy<Value = Mutation> {
    let number = prop_oneof![proptest::sample::select(NUMBERS), any::<u64>()];
    // Most of what can go wrong is in the headers.
    let place = prop_oneof![3 => 0..1_024_usize, 1 => any::<u16>().prop_map(usize::from)];
    prop_oneof![
        any::<u16>().prop_map(|at| Mutation::Cut(at.into())),
        (place.clone(), any::<u8>()).prop_map(|(at, value)| Mutation::Set(at, value)),
        (place.clone(), number, any::<bool>()).prop_map(|(at, value, wide)| Mutation::Number(at, value, wide)),
        (place.clone(), place, 1..256_usize).prop_map(|(from, to, length)| Mutation::Copy { from, to, length }),
        proptest::collection::vec(any::<u8>(), 1..64).prop_map(Mutation::Append),
    ]
}

fn apply(data: &mut Vec<u8>, mutation: &Mutation) {
    match mutation {
        Mutation::Cut(at) => data.truncate(*at),
        Mutation::Set(at, value) => put(data, *at, &[*value]),
        Mutation::Number(at, value, wide) => put(data, *at, &value.to_le_bytes()[..if *wide { 8 } else { 4 }]),
        Mutation::Copy { from, to, length } => {
            let end = (from + length).min(data.len());
            let copied = data.get(*from..end).unwrap_or_default().to_vec();
            put(data, *to, &copied);
        }
        Mutation::Append(bytes) => data.extend(bytes),
    }
}

fn put(data: &mut [u8], at: usize, bytes: &[u8]) {
    for (target, &byte) in data.iter_mut().skip(at).zip(bytes) {
        *target = byte;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_samples_are_answered(index in any::<usize>(), mutations in proptest::collection::vec(mutation(), 1..8)) {
        let mut data = SAMPLES[index % SAMPLES.len()].clone();
        for mutation in &mutations {
            apply(&mut data, mutation);
        }
        if !data.is_empty() {
            check(&data);
        }
    }

    #[test]
    fn noise_behind_a_magic_is_answered(index in any::<usize>(), keep in 4..128_usize, noise in proptest::collection::vec(any::<u8>(), 0..4_096)) {
        let mut data = SAMPLES[index % SAMPLES.len()].clone();
        data.truncate(keep);
        data.extend(noise);
        prop_assert!(!data.is_empty());
        check(&data);
    }
}

fn answer(function: &str, args: &serde_json::Value, data: &[u8]) -> Result<module_kit::Output, module_kit::Refusal> {
    let call = serde_json::json!({"function": function, "args": args, "sample": {"size": data.len()}});
    FileProcessor::analyze(&Call::parse(&call.to_string()).expect("a call"), Some(data))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is listed can be taken out, with the size that is said; what is not, is refused.
    #[test]
    fn children_of_mutated_samples_can_be_taken_out(index in any::<usize>(), mutations in proptest::collection::vec(mutation(), 0..4)) {
        let mut data = SAMPLES[index % SAMPLES.len()].clone();
        mutations.iter().for_each(|mutation| apply(&mut data, mutation));
        if data.is_empty() {
            return Ok(());
        }
        let output = answer("analyze", &serde_json::json!({}), &data).expect("an answer");
        let facts: serde_json::Value = serde_json::from_str(output.data.get()).expect("JSON");
        let children = facts["children"].as_array().cloned().unwrap_or_default();
        for child in children.iter().filter(|child| child["cut"] != true) {
            let part = answer("extract", &serde_json::json!({"index": child["index"]}), &data).expect("a part");
            let part: serde_json::Value = serde_json::from_str(part.data.get()).expect("JSON");
            prop_assert!(part["child"] == *child);
            let content = BASE64_STANDARD.decode(part["content"].as_str().expect("text")).expect("base64");
            prop_assert!(content.len() as u64 == child["size"].as_u64().expect("a number").min(8 << 20));
        }
        let refused = answer("extract", &serde_json::json!({"index": children.len()}), &data);
        prop_assert!(refused.is_err_and(|refusal| refusal.code == "invalid_args"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_pattern_is_searched_for_or_refused(index in any::<usize>(), pattern in ".{0,60}", regex in any::<bool>(), ignore_case in any::<bool>()) {
        let data = &SAMPLES[index % SAMPLES.len()];
        let args = serde_json::json!({"pattern": pattern, "regex": regex, "ignore_case": ignore_case});
        if let Ok(output) = answer("search", &args, data) {
            let found: serde_json::Value = serde_json::from_str(output.data.get()).expect("JSON");
            for hit in found["items"].as_array().expect("a list") {
                prop_assert!(hit["offset"].as_u64().is_some_and(|offset| offset < data.len() as u64));
            }
        }
    }

    #[test]
    fn bytes_are_read_wherever_they_are_asked_for(index in any::<usize>(), offset in any::<u64>(), near in 0..4_096_u64, length in 1..4_096_usize) {
        let data = &SAMPLES[index % SAMPLES.len()];
        for offset in [offset, near] {
            let output = answer("read", &serde_json::json!({"offset": offset, "length": length}), data).expect("an answer");
            let read: serde_json::Value = serde_json::from_str(output.data.get()).expect("JSON");
            let digits: String = read["rows"].as_array().expect("a list").iter().filter_map(|row| row["hex"].as_str()).collect();
            let expected = data.iter().skip(usize::try_from(offset).unwrap_or(usize::MAX)).take(length);
            let expected: String = expected.map(|byte| format!("{byte:02x}")).collect();
            prop_assert!(digits == expected);
        }
    }
}

#[test]
fn samples_cut_at_every_byte_of_their_headers_are_answered() {
    for sample in SAMPLES.iter() {
        for length in 1..sample.len().min(2_048) {
            check(&sample[..length]);
        }
    }
}

#[test]
fn every_aligned_word_of_the_headers_may_be_anything() {
    for sample in SAMPLES.iter() {
        for at in (0..sample.len().min(1_536)).step_by(2) {
            for value in [&[0; 4][..], &[0xff; 2], &[0xf0, 0xff, 0xff, 0x7f], &[0xff; 4], &[0xff; 8]] {
                let mut data = sample.clone();
                put(&mut data, at, value);
                check(&data);
            }
        }
    }
}

/// The others are changed in their headers mostly; what is packed with LZX is behind those of the cabinet.
#[test]
fn changed_lzx_data_are_answered() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/packed.cab.b64");
    let sample = decode(&path);
    let (headers, data) = sample.split_at(108);
    for seed in 0..4_000 {
        let changed = mutated(&mut Chance::new(seed), data, &SAMPLES);
        check(&[headers, &changed].concat());
    }
}

/// Each has its folder: for each of these the files are not gone through anew.
#[test]
fn a_cabinet_may_have_as_many_folders_as_files() {
    let many = u16::MAX;
    let files = 36 + 8 * u32::from(many);
    let mut data = b"MSCF\0\0\0\0".to_vec();
    data.resize(36, 0);
    data[16..20].copy_from_slice(&files.to_le_bytes());
    data[24..26].copy_from_slice(&[3, 1]);
    data[26..28].copy_from_slice(&many.to_le_bytes());
    data[28..30].copy_from_slice(&many.to_le_bytes());
    data.resize(files as usize, 0);
    for folder in 0..many {
        data.extend([0; 8]);
        data.extend(folder.to_le_bytes());
        data.extend(*b"\0\0\0\0\0\0a\0");
    }
    check(&data);
}

/// What many objects of a PDF share is not made anew for each of them.
#[test]
fn what_objects_of_a_pdf_share_costs_little() {
    let begin = "%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\n";
    let text = format!("{begin}9 0 obj ({}) endobj\n", "a".repeat(1 << 20));
    let sharing = |value: &str| text.clone() + &format!("8 0 obj << {value} >> endobj\n").repeat(4_000);
    check(sharing("/S /JavaScript /JS 9 0 R").as_bytes());
    check(sharing("/F 9 0 R /EF << /F 8 0 R >>").as_bytes());
    check(format!("{begin}9 0 obj << {}", "(".repeat(1 << 20)).as_bytes());
    check((begin.to_owned() + &"trailer << /X [".repeat(256) + &"1 ".repeat(1 << 20)).as_bytes());
}
