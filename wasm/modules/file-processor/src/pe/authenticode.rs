//! Authenticode: the certificate table, the signatures in it, and whether what they sign is this file ("Windows
//! Authenticode Portable Executable Signature Format", 2008).

use std::collections::BTreeMap;

use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::authentihash;
use super::headers::{DIRECTORY_SECURITY, Headers};
use crate::facts::Signature;
use crate::facts::signing::{Check, Signer};
use crate::options::Analyze;
use crate::reader::Reader;
use crate::signature::{Effort, Hash, SignedData};
use module_kit::Findings;
use module_kit::hex;

/// Entries of the certificate table: one, and rarely two.
const MAX_ENTRIES: usize = 16;
/// Signatures in signatures.
const MAX_DEPTH: u32 = 4;
const MAX_SIGNERS: usize = 16;
const MAX_SUBJECTS: usize = 32;
const INDIRECT_DATA: &str = "1.3.6.1.4.1.311.2.1.4";
const PKCS_SIGNED_DATA: u16 = 2;
/// The table's entries begin at multiples of eight bytes, and some tools fill up to sixteen.
const MAX_PADDING: usize = 16;

/// The certificate table, with what its signatures say; in a quick analysis nothing is verified.
pub fn signature(headers: &Headers, options: &Analyze, findings: &mut Findings) -> Option<Signature> {
    let directory = headers.directory(DIRECTORY_SECURITY)?;
    let (offset, size) = (u64::from(directory.address), u64::from(directory.size));
    let Some(table) = headers.reader.slice(offset, size) else {
        findings.malformed("certificate-table", "The certificate table lies outside of the file.");
        return None;
    };
    let now = options.now.and_then(|now| i64::try_from(now).ok());
    let mut reading = Reading {
        headers,
        now,
        quick: options.quick,
        effort: Effort::for_file(options.quick),
        digests: BTreeMap::new(),
        signers: Vec::new(),
        subjects: Vec::new(),
        hidden: 0,
        malformed: false,
    };
    reading.read_table(table);
    if reading.malformed {
        findings.malformed("signature", "A signature cannot be read, or its length is impossible.");
    }
    Some(Signature {
        kind: "authenticode",
        offset,
        size,
        subjects: reading.subjects,
        signers: reading.signers,
        hidden: reading.hidden,
        directory: None,
    })
}

struct Reading<'h, 'a> {
    headers: &'h Headers<'a>,
    now: Option<i64>,
    quick: bool,
    effort: Effort,
    /// Of the file, each made once.
    digests: BTreeMap<Hash, Vec<u8>>,
    signers: Vec<Signer>,
    subjects: Vec<String>,
    /// Bytes in the table that belong to no signature.
    hidden: u64,
    malformed: bool,
}

impl Reading<'_, '_> {
    fn read_table(&mut self, table: &[u8]) {
        let reader = Reader::little(table);
        let mut at = 0;
        for _ in 0..MAX_ENTRIES {
            let (Some(length), Some(kind)) = (reader.u32(at), reader.u16(at + 6)) else { break };
            let Some(entry) = reader.slice(at + 8, u64::from(length).saturating_sub(8)).filter(|_| length >= 8) else {
                self.malformed |= length != 0;
                break;
            };
            if kind == PKCS_SIGNED_DATA {
                self.read_entry(entry);
            }
            at = (at + u64::from(length)).next_multiple_of(8);
        }
        self.hidden += used(reader.upto(at, reader.len()));
    }

    fn read_entry(&mut self, entry: &[u8]) {
        let Some(signature) = crate::signature::whole(entry) else {
            self.malformed = true;
            return;
        };
        self.hidden += used(&entry[signature.len()..]);
        self.read_signature(signature, 0);
    }

    fn read_signature(&mut self, bytes: &[u8], nested: u32) {
        let Some(data) = SignedData::parse(bytes) else {
            self.malformed = true;
            return;
        };
        for subject in data.common_names() {
            if self.subjects.len() < MAX_SUBJECTS && !self.subjects.contains(&subject) {
                self.subjects.push(subject);
            }
        }
        let content = data.content.map_or(&[][..], |content| content.content);
        for signer in &data.signers {
            if self.signers.len() >= MAX_SIGNERS {
                return;
            }
            let mut facts = data.facts(signer, content, self.now, &mut self.effort);
            facts.nested = nested;
            self.compare(&data, &mut facts);
            self.signers.push(facts);
            if nested < MAX_DEPTH {
                signer.nested().for_each(|inner| self.read_signature(inner, nested + 1));
            }
        }
    }

    /// The digest that is signed with that of the file.
    fn compare(&mut self, data: &SignedData, facts: &mut Signer) {
        let Some((algorithm, digest)) = data.indirect_digest().filter(|_| data.content_type == INDIRECT_DATA) else {
            return;
        };
        facts.digest = hex(&digest[..digest.len().min(64)]);
        if let Some(hash) = Hash::by_oid(&algorithm).filter(|_| !self.quick) {
            let headers = self.headers;
            let of_file = self.digests.entry(hash).or_insert_with(|| digest_of(headers, hash));
            facts.file = if of_file == digest { Check::Valid } else { Check::Invalid };
        }
    }
}

fn digest_of(headers: &Headers, hash: Hash) -> Vec<u8> {
    match hash {
        Hash::Md5 => authentihash::digest::<Md5>(headers),
        Hash::Sha1 => authentihash::digest::<Sha1>(headers),
        Hash::Sha256 => authentihash::digest::<Sha256>(headers),
        Hash::Sha384 => authentihash::digest::<Sha384>(headers),
        Hash::Sha512 => authentihash::digest::<Sha512>(headers),
    }
}

/// Bytes behind a signature that are more than padding.
fn used(bytes: &[u8]) -> u64 {
    if bytes.len() <= MAX_PADDING && bytes.iter().all(|&byte| byte == 0) { 0 } else { bytes.len() as u64 }
}
