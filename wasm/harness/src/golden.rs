//! Golden cases: each `tests/golden/<name>.b64` of a module is an encoded sample, `<name>.json` what the module says of
//! it. `UPDATE_GOLDEN=1` writes the expected outputs anew. `tests/wasm_modules/test_golden.py` runs the same cases
//! through the built components.

use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine};
use module_kit::{Call, Module};
use serde_json::{Value, json};

pub struct Case {
    /// Without its ending.
    pub file: PathBuf,
    pub sample: Vec<u8>,
}

impl Case {
    /// # Panics
    /// Never for the names that cases have.
    #[must_use]
    pub fn name(&self) -> &str {
        self.file.file_name().and_then(|name| name.to_str()).expect("UTF-8")
    }

    fn with(&self, ending: &str) -> PathBuf {
        self.file.with_file_name(format!("{}{ending}", self.name()))
    }
}

/// The cases of one module, by its folder.
///
/// # Panics
/// For a folder or a file that cannot be read.
#[must_use]
pub fn cases(module: &Path) -> Vec<Case> {
    let folder = module.join("tests/golden");
    let entries = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files = entries.map(|entry| entry.expect("readable").path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|ending| ending == "b64")).collect();
    files.sort();
    files.iter().map(|file| Case { sample: decode(file), file: file.with_extension("") }).collect()
}

/// The samples of all modules: what one of them reads, the others must bear.
///
/// # Panics
/// As [`cases`].
#[must_use]
pub fn all_samples() -> Vec<Vec<u8>> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../modules");
    let mut folders: Vec<_> =
        modules.read_dir().expect("readable").map(|entry| entry.expect("readable").path()).collect();
    folders.retain(|folder| folder.join("tests/golden").is_dir());
    folders.sort();
    folders.iter().flat_map(|folder| cases(folder)).map(|case| case.sample).collect()
}

fn decode(file: &Path) -> Vec<u8> {
    let text: String = std::fs::read_to_string(file).expect("readable").split_whitespace().collect();
    let packed = BASE64_STANDARD.decode(text).expect("base64");
    miniz_oxide::inflate::decompress_to_vec_zlib(&packed).expect("zlib")
}

/// Compares what a module says of each of its cases with what it is to say. `least` is how many cases there must be.
///
/// # Panics
/// For what is different.
pub fn check<M: Module>(module: &str, args: &Value, least: usize) {
    let cases = cases(Path::new(module));
    assert!(cases.len() >= least, "cases are missing");
    for case in cases {
        let golden = case.with(".json");
        let found = serde_json::to_string_pretty(&output::<M>(&case, args)).expect("JSON") + "\n";
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &found).expect("writable");
        }
        let expected = std::fs::read_to_string(&golden).expect("a golden output");
        assert_eq!(found, expected, "{}", case.file.display());
    }
}

fn output<M: Module>(case: &Case, args: &Value) -> Value {
    let info = json!({"size": case.sample.len(), "name": case.name()});
    let call = json!({"function": "analyze", "args": args, "sample": info});
    let call = Call::parse(&call.to_string()).expect("a call");
    let output = M::analyze(&call, Some(&case.sample)).expect("an answer");
    let mut output = serde_json::to_value(&output).expect("JSON");
    // It depends on where the module runs.
    output["memory_bytes"] = 0.into();
    output
}
