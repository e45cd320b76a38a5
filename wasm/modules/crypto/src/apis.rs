//! Functions of cryptography that a file names.

use std::collections::BTreeMap;

use module_kit::{Finding, Findings, Severity, counted};
use serde::Serialize;

use crate::texts::{Kind, TEXTS};

#[derive(Debug, Serialize)]
pub struct Api {
    pub name: String,
    pub library: &'static str,
    /// `encrypt`, `decrypt`, `key`, `hash`, `random`, `encode`.
    pub purpose: &'static str,
    /// Where it is first, in bytes.
    pub offset: u64,
    pub places: u64,
}

#[derive(Default)]
pub struct Apis(BTreeMap<usize, Api>);

impl Apis {
    /// `index` is that of `TEXTS`; the text at `start` has been compared.
    pub fn add(&mut self, data: &[u8], start: usize, index: usize, wide: bool) {
        let Some(text) = TEXTS.get(index) else { return };
        let Kind::Api(library, purpose) = text.kind else { return };
        let unit = if wide { 2 } else { 1 };
        if !is_name(data, start, text.bytes.len() * unit, unit) {
            return;
        }
        let api = self.0.entry(index).or_insert_with(|| {
            let name = String::from_utf8_lossy(text.bytes).into_owned();
            Api { name, library, purpose, offset: start as u64, places: 0 }
        });
        api.places += 1;
    }

    pub fn finish(self) -> Vec<Api> {
        self.0.into_values().collect()
    }
}

/// A name ends where letters end: what follows may be `A`, `W`, `Ex` or `_ex`, but no small letter.
fn is_name(data: &[u8], start: usize, length: usize, unit: usize) -> bool {
    let before = start.checked_sub(unit).and_then(|at| data.get(at));
    let after = data.get(start + length);
    !before.is_some_and(u8::is_ascii_alphanumeric) && !after.is_some_and(u8::is_ascii_lowercase)
}

/// To encrypt, with a key of the program's own making, is what ransomware does, and what many honest programs do.
pub fn judge(apis: &[Api], findings: &mut Findings) {
    if apis.is_empty() {
        return;
    }
    let has = |purpose: &str| apis.iter().any(|api| api.purpose == purpose);
    let severity = if has("encrypt") && has("key") { Severity::Low } else { Severity::Info };
    let mut finding = Finding::new("crypto-api", severity, 90, "Functions of cryptographic libraries are named")
        .detail(format!("{}.", counted(apis.len(), "function")));
    for api in apis {
        finding = finding.quote_at(api.offset, &api.name);
    }
    findings.add(finding);
}
