//! Other people's implementations and programs, as they lie on the machine: what they have is found, and programs
//! without cryptography raise no alarm. A file that is not there is left out.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::analyze;
use module_kit::Severity;

fn evidence(path: &Path) -> Option<BTreeSet<String>> {
    let (facts, _) = analyze(&std::fs::read(path).ok()?);
    let rows = facts["algorithms"].as_array().expect("a list").clone();
    let told = rows.iter().flat_map(|row| {
        let name = row["name"].as_str().expect("a name").to_owned();
        let pieces = row["evidence"].as_array().expect("a list").clone();
        pieces.into_iter().map(move |piece| format!("{name}: {}", piece["what"].as_str().expect("a text")))
    });
    Some(told.collect())
}

fn check(library: &str, expected: &[&str]) {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let Some(found) = folders.iter().find_map(|folder| evidence(&Path::new(folder).join(library))) else { return };
    for wanted in expected {
        assert!(found.contains(*wanted), "{library} has no {wanted}: {found:#?}");
    }
}

#[test]
fn libgcrypt_has_what_it_implements() {
    check(
        "libgcrypt.so.20",
        &[
            "AES: T-table 0",
            "AES: inverse S-box",
            "Blowfish: P-array",
            "Blowfish: S-box 4",
            "CAST-128: S-box 8",
            "CRC-32: table",
            "ChaCha or Salsa20: tau",
            "DES: S-box and permutation 1",
            "MD4, MD5, SHA-1 or RIPEMD: initial state",
            "RC2: pi table",
            "SEED: S-box 0",
            "SHA-224: initial state",
            "SHA-256: constants K",
            "SHA-3: round constants",
            "SHA-384: initial state",
            "SHA-512: constants K",
            "SM3: initial state",
            "SM4: S-box",
            "Tiger: S-box 4",
            "Tiger: initial state",
            "Twofish: permutation q0",
            "Twofish: permutation q1",
            "Whirlpool: diffusion table",
        ],
    );
}

#[test]
fn nettle_has_what_it_implements() {
    check(
        "libnettle.so.8",
        &[
            "AES: T-table 3",
            "AES: inverse T-table 3",
            "CAST-128: S-box 1",
            "Camellia: key schedule constants",
            "MD2: S-table",
            "SHA-512 or BLAKE2b: initial state",
            "ChaCha or Salsa20: sigma",
        ],
    );
}

#[test]
fn mbed_tls_has_what_it_implements() {
    check(
        "libmbedcrypto.so.7",
        &[
            "Camellia: S-box 1",
            "Curve P-256: Gx, the lowest byte first",
            "Curve P-384: Gx, the lowest byte first",
            "Curve P-521: Gx, the lowest byte first",
            "Curve secp256k1: Gx, the lowest byte first",
            "TEA family: -delta and its sum",
        ],
    );
}

#[test]
fn openssl_has_what_it_implements() {
    check(
        "libcrypto.so.3",
        &[
            "AES: S-box",
            "Curve P-256: b",
            "Curve secp256k1: Gx",
            "DES: S-box and permutation 1 of libdes",
            "MD5: round constants in code",
            "SHA-1: round constants",
            "SipHash: initial state",
        ],
    );
}

/// Programs that neither encrypt nor keep keys.
#[test]
fn tools_of_the_system_raise_no_alarm() {
    let names =
        ["cat", "chmod", "cp", "date", "df", "dd", "echo", "grep", "ls", "mkdir", "mv", "ps", "rm", "sed", "tar"];
    for path in names.map(|name| PathBuf::from("/usr/bin").join(name)) {
        let Ok(data) = std::fs::read(&path) else { continue };
        let (facts, findings) = analyze(&data);
        let worst = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Info);
        assert!(worst <= Severity::Low, "{}: {findings:#?}", path.display());
        let ciphers = findings.iter().filter(|finding| finding.id.starts_with("cipher-")).count();
        assert_eq!(ciphers, 0, "{}: {facts:#}", path.display());
    }
}
