//! What Rust leaves: the compiler's commit and the crates in the paths that panics name, the list of cargo-auditable.

use std::collections::BTreeSet;

use memchr::memmem;
use serde::Deserialize;

use super::section;
use crate::facts::Executable;
use crate::facts::build::{Dependency, MAX_TEXT, RustBuild};
use crate::limits::MAX_INFLATED;
use crate::reader::text;

/// Paths that are looked at: each panic has one, and large programs have tens of thousands.
const MAX_PATHS: usize = 65_536;
const MAX_CRATES: usize = 4_096;
/// Characters of a crate's name with its version, and of a registry's.
const MAX_PART: usize = 128;
const COMMIT: usize = 40;

pub fn read(image: &[u8], executable: &Executable) -> Option<RustBuild> {
    let commit = commit(image).unwrap_or_default();
    let audited = section(image, executable, &[".dep-v0"]).and_then(audited);
    let is_audited = audited.is_some();
    let crates = audited.unwrap_or_else(|| in_paths(image));
    let comment = section(image, executable, &[".comment"]).unwrap_or_default();
    let version = version(comment).unwrap_or_default();
    // Paths of a registry alone may be in any text.
    let is_rust = !commit.is_empty() || is_audited || !version.is_empty();
    is_rust.then_some(RustBuild { version, commit, crates, audited: is_audited })
}

/// `/rustc/<commit>/library/...`: where the standard library was built.
fn commit(image: &[u8]) -> Option<String> {
    let is_hash = |bytes: &&[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    let mut found = memmem::find_iter(image, b"rustc").take(MAX_PATHS).filter_map(|at| {
        let rest = image.get(at + 5..)?;
        let hash = rest.strip_prefix(b"/").or_else(|| rest.strip_prefix(b"\\"))?.get(..COMMIT)?;
        Some(hash).filter(is_hash)
    });
    found.next().map(|hash| text(hash, COMMIT))
}

/// `rustc version 1.80.0 (051478957 2024-07-21)`, without the words before the number.
fn version(comment: &[u8]) -> Option<String> {
    const WORDS: &[u8] = b"rustc version ";
    let at = memmem::find(comment, WORDS)? + WORDS.len();
    let rest = &comment[at..];
    Some(text(&rest[..rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len())], MAX_PART))
}

/// `.../registry/src/<registry>/<crate>-<version>/...`
fn in_paths(image: &[u8]) -> Vec<Dependency> {
    let mut crates = BTreeSet::new();
    for at in memmem::find_iter(image, b"registry").take(MAX_PATHS) {
        if let Some(dependency) = image.get(at + 8..).and_then(in_path) {
            crates.insert(dependency);
        }
        if crates.len() >= MAX_CRATES {
            break;
        }
    }
    crates.into_iter().collect()
}

fn in_path(path: &[u8]) -> Option<Dependency> {
    let path = path.strip_prefix(b"/src/").or_else(|| path.strip_prefix(b"\\src\\"))?;
    let mut parts = path[..path.len().min(2 * MAX_PART)].split(|byte| matches!(byte, b'/' | b'\\'));
    parts.next()?; // the registry
    let name = parts.next()?;
    parts.next()?; // that the name has an end
    let name = std::str::from_utf8(name).ok()?;
    // The version begins with the first digit behind a dash.
    let at = name.match_indices('-').find(|(at, _)| name.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit))?.0;
    let (name, version) = (&name[..at], &name[at + 1..]);
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
    };
    (is_name(name) && is_name(version)).then(|| Dependency { name: name.to_owned(), version: version.to_owned() })
}

#[derive(Deserialize)]
struct Audit {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

/// JSON, compressed with zlib.
fn audited(section: &[u8]) -> Option<Vec<Dependency>> {
    let json = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(section, MAX_INFLATED).ok()?;
    let audit: Audit = serde_json::from_slice(&json).ok()?;
    let packages = audit.packages.into_iter().take(MAX_CRATES);
    let short = |text: String| text.chars().take(MAX_TEXT).collect();
    Some(packages.map(|it| Dependency { name: short(it.name), version: short(it.version) }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_read_from_paths() {
        let image = b"\0/x/registry/src/index.crates.io-6f17d22bba15001f/serde_json-1.0.100/src/de.rs\0\
                      C:\\x\\registry\\src\\github.com-1ecc6299db9ec823\\bzip2-sys-0.1.11+1.0.8\\lib.rs\0registry/src/a/b-1";
        let found: Vec<_> = in_paths(image).into_iter().map(|it| format!("{} {}", it.name, it.version)).collect();
        assert_eq!(found, ["bzip2-sys 0.1.11+1.0.8", "serde_json 1.0.100"]);
    }

    #[test]
    fn the_compiler_is_known_by_its_commit() {
        let image = b"x/rustc/051478957371ee0084a7c0913941d2a8c4757bb9/library/core/src/fmt/mod.rs";
        let build = read(image, &Executable::default()).unwrap_or_default();
        assert_eq!(build.commit, "051478957371ee0084a7c0913941d2a8c4757bb9");
        assert_eq!(read(b"/rustc/short/library registry/src/a/b-1.0/c", &Executable::default()), None);
    }

    #[test]
    fn the_version_is_in_the_comment() {
        let comment = b"GCC: 1\0rustc version 1.80.0 (051478957 2024-07-21)\0";
        assert_eq!(version(comment).as_deref(), Some("1.80.0 (051478957 2024-07-21)"));
    }
}
