//! Golden tests: each `golden/<name>.b64` is an encoded sample, `golden/<name>.json` what the module says of it.
//! `UPDATE_GOLDEN=1` writes the expected outputs anew. `tests/wasm_modules/test_golden.py` runs the same cases through
//! the built component.

use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine};
use file_processor::FileProcessor;
use module_kit::{Call, Module};

/// Strings in a golden file: enough to see that they are found.
const MAX_STRINGS: usize = 20;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = folder.read_dir().expect("the folder is beside this file").map(|entry| entry.expect("readable").path());
    let mut cases: Vec<_> = files.filter(|path| path.extension().is_some_and(|extension| extension == "b64")).collect();
    cases.sort();
    cases
}

fn sample(case: &Path) -> Vec<u8> {
    let text: String = std::fs::read_to_string(case).expect("readable").split_whitespace().collect();
    let packed = BASE64_STANDARD.decode(text).expect("base64");
    miniz_oxide::inflate::decompress_to_vec_zlib(&packed).expect("zlib")
}

fn output(case: &Path) -> serde_json::Value {
    let data = sample(case);
    let name = case.file_stem().and_then(|stem| stem.to_str()).expect("UTF-8");
    let call = serde_json::json!({
        "function": "analyze",
        "args": {"max_strings": MAX_STRINGS},
        "sample": {"size": data.len(), "name": name},
    });
    let call = Call::parse(&call.to_string()).expect("a call");
    let output = FileProcessor::analyze(&call, Some(&data)).expect("an answer");
    let mut output = serde_json::to_value(&output).expect("JSON");
    // It depends on where the module runs.
    output["memory_bytes"] = 0.into();
    output
}

#[test]
fn outputs_are_the_golden_ones() {
    let cases = cases();
    assert!(cases.len() >= 41, "cases are missing");
    for case in cases {
        let golden = case.with_extension("json");
        let found = serde_json::to_string_pretty(&output(&case)).expect("JSON") + "\n";
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &found).expect("writable");
        }
        let expected = std::fs::read_to_string(&golden).expect("a golden output");
        assert_eq!(found, expected, "{}", case.display());
    }
}
