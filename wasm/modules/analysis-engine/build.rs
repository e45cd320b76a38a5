//! The rules are TOML, for people; the module gets them as JSON, which it reads anyway.

use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=rules");
    let mut files: Vec<PathBuf> =
        fs::read_dir("rules").expect("rules").map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    let rules: Vec<toml::Value> = files.iter().flat_map(|file| read(file)).collect();
    let out = Path::new(&std::env::var_os("OUT_DIR").expect("cargo sets it")).join("rules.json");
    fs::write(out, serde_json::to_string(&rules).expect("JSON")).expect("writable");
}

fn read(file: &Path) -> Vec<toml::Value> {
    let text = fs::read_to_string(file).expect("readable");
    let mut table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    match table.remove("rule") {
        Some(toml::Value::Array(rules)) if table.is_empty() => rules,
        _ => panic!("{}: rules, and nothing else, are expected", file.display()),
    }
}
