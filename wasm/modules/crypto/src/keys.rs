//! Keys and certificates, in DER, PEM and the blobs of Windows.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem;
use module_kit::{Finding, Findings, Severity};
use serde::Serialize;

use crate::certificate::{Certificate, certificate};
use crate::der::{BIT_STRING, EXPLICIT_0, INTEGER, OCTET_STRING, OID, SEQUENCE, Value, dotted, read};
use crate::limits::{MAX_DER, MAX_DER_CANDIDATES, MAX_KEYS, MAX_PEM, MAX_PEM_TOTAL};
use crate::texts::Marker;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    PrivateKey,
    EncryptedPrivateKey,
    PublicKey,
    Certificate,
    CertificateRequest,
    KeyStore,
}

/// What a structure says of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    pub algorithm: String,
    /// 0 if it is not told.
    pub bits: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct Key {
    pub kind: Kind,
    /// `der`, `pem`, `capi-blob`, `openssh`, `putty`.
    pub encoding: &'static str,
    pub algorithm: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub bits: usize,
    pub offset: u64,
    pub length: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What the beginning of DER is, if it is one of these.
struct Meaning {
    kind: Kind,
    facts: KeyFacts,
    certificate: Option<Certificate>,
}

impl Meaning {
    fn new(kind: Kind, algorithm: &str, bits: usize) -> Self {
        Self { kind, facts: KeyFacts { algorithm: algorithm.to_owned(), bits }, certificate: None }
    }
}

/// Names for the object identifiers of RFC 8017, RFC 5480, RFC 8410, RFC 3279 and RFC 8018.
fn algorithm_name(oid: &[u8]) -> String {
    let known = match oid {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01] => "RSA",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a] => "RSA-PSS",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => "EC",
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01] => "DSA",
        [0x2b, 0x65, 0x6e] => "X25519",
        [0x2b, 0x65, 0x6f] => "X448",
        [0x2b, 0x65, 0x70] => "Ed25519",
        [0x2b, 0x65, 0x71] => "Ed448",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d] => "PBES2",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, ..] => "PBES1",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, ..] => "PKCS #12",
        _ => return dotted(oid),
    };
    known.to_owned()
}

/// The algorithm and its bits, as far as the algorithm's own identifier and parameters tell them: RFC 5480, 2.1.1.1, and
/// RFC 5639.
fn key_facts(algorithm: &Value) -> Option<KeyFacts> {
    let [oid] = algorithm.first().filter(|[oid]: &[Value; 1]| oid.is(OID))?;
    let name = algorithm_name(oid.content);
    let curve = algorithm.first().filter(|[_, curve]: &[Value; 2]| name == "EC" && curve.is(OID));
    Some(curve.map_or(KeyFacts { algorithm: name, bits: 0 }, |[_, curve]| on_curve(curve.content)))
}

fn on_curve(oid: &[u8]) -> KeyFacts {
    let (name, bits) = match oid {
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1] => ("EC P-192", 192),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7] => ("EC P-256", 256),
        [0x2b, 0x81, 0x04, 0, 33] => ("EC P-224", 224),
        [0x2b, 0x81, 0x04, 0, 34] => ("EC P-384", 384),
        [0x2b, 0x81, 0x04, 0, 35] => ("EC P-521", 521),
        [0x2b, 0x81, 0x04, 0, 10] => ("EC secp256k1", 256),
        [0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7] => ("EC brainpoolP256r1", 256),
        [0x2b, 0x24, 3, 3, 2, 8, 1, 1, 11] => ("EC brainpoolP384r1", 384),
        [0x2b, 0x24, 3, 3, 2, 8, 1, 1, 13] => ("EC brainpoolP512r1", 512),
        _ => return KeyFacts { algorithm: format!("EC {}", dotted(oid)), bits: 0 },
    };
    KeyFacts { algorithm: name.to_owned(), bits }
}

fn meaning(outer: &Value) -> Option<Meaning> {
    if !outer.is(SEQUENCE) || outer.size > MAX_DER {
        return None;
    }
    private_key(outer).or_else(|| rsa_public(outer)).or_else(|| key_info(outer)).or_else(|| request(outer)).or_else(
        || {
            let (told, facts) = certificate(outer)?;
            Some(Meaning { kind: Kind::Certificate, facts, certificate: Some(told) })
        },
    )
}

/// RFC 8017, A.1.2; RFC 5208, 5; RFC 5915, 3; and of RFC 7292, 4 the store.
fn private_key(outer: &Value) -> Option<Meaning> {
    let [version, second] = outer.first()?;
    match (version.number()?, second.tag) {
        (0, INTEGER) => rsa_private(outer).or_else(|| dsa_private(outer)),
        (0 | 1, SEQUENCE) => {
            let [_, algorithm, key] = outer.first()?;
            let facts = key_facts(&algorithm).filter(|_| key.is(OCTET_STRING) && !key.content.is_empty())?;
            let rsa = read(key.content).and_then(|inner| rsa_private(&inner));
            Some(Meaning::new(Kind::PrivateKey, &facts.algorithm, rsa.map_or(facts.bits, |rsa| rsa.facts.bits)))
        }
        (1, OCTET_STRING) => {
            let length = second.content.len();
            let bits = length.min(65) * 8 + usize::from(length == 66);
            let facts = curve_behind(outer).unwrap_or(KeyFacts { algorithm: "EC".to_owned(), bits });
            matches!(length, 28 | 32 | 48 | 66).then(|| Meaning::new(Kind::PrivateKey, &facts.algorithm, facts.bits))
        }
        (3, SEQUENCE) => {
            let [oid] = second.first()?;
            let data = oid.content.starts_with(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07]);
            data.then(|| Meaning::new(Kind::KeyStore, "PKCS #12", 0))
        }
        _ => None,
    }
}

/// The parameters of RFC 5915, 3.
fn curve_behind(outer: &Value) -> Option<KeyFacts> {
    let [_, _, parameters] = outer.first().filter(|[_, _, it]: &[Value; 3]| it.is(EXPLICIT_0))?;
    let [curve] = parameters.first().filter(|[curve]: &[Value; 1]| curve.is(OID))?;
    Some(on_curve(curve.content))
}

/// The primes together have the modulus's length, or one bit more.
fn rsa_private(outer: &Value) -> Option<Meaning> {
    let [_, n, e, d, p, q, ..] = outer.first::<9>()?;
    let bits = n.bits();
    let whole =
        bits >= 256 && n.is_odd() && e.is_odd() && d.bits() > 0 && (p.bits() + q.bits()).wrapping_sub(bits) <= 1;
    whole.then(|| Meaning::new(Kind::PrivateKey, "RSA", bits))
}

/// OpenSSL's form: version, p, q, g, the public and the private number, and nothing more. FIPS 186-4 has the lengths of q.
fn dsa_private(outer: &Value) -> Option<Meaning> {
    let parts = outer.first::<6>()?;
    let [_, p, q, g, public, private] = parts;
    let filled = parts.iter().map(|part| part.size).sum::<usize>() == outer.content.len();
    let bits = p.bits();
    let is_group = (512..=4_096).contains(&bits) && matches!(q.bits(), 160 | 224 | 256) && p.is_odd() && q.is_odd();
    let is_in_group = [g, public].iter().all(|it| (2..=bits).contains(&it.bits()));
    let whole = filled && is_group && is_in_group && (1..=q.bits()).contains(&private.bits());
    whole.then(|| Meaning::new(Kind::PrivateKey, "DSA", bits))
}

/// RFC 2986, 4: a name and a key, signed with it.
fn request(outer: &Value) -> Option<Meaning> {
    let [info, algorithm, signature] = outer.first()?;
    let [version, subject, key] = info.first()?;
    let filled = info.size + algorithm.size + signature.size == outer.content.len();
    let whole = info.is(SEQUENCE) && algorithm.is(SEQUENCE) && signature.is(BIT_STRING) && subject.is(SEQUENCE);
    let facts = public_key_info(&key).filter(|_| filled && whole && version.number() == Some(0))?;
    Some(Meaning { kind: Kind::CertificateRequest, facts, certificate: None })
}

/// RFC 8017, A.1.1: a modulus and an exponent, and nothing more.
fn rsa_public(outer: &Value) -> Option<Meaning> {
    let [n, e] = outer.first()?;
    let filled = n.size + e.size == outer.content.len();
    let whole = filled && n.bits() >= 512 && n.is_odd() && (2..=64).contains(&e.bits()) && e.is_odd();
    whole.then(|| Meaning::new(Kind::PublicKey, "RSA", n.bits()))
}

/// An algorithm and a key: RFC 5280, 4.1.2.7, or RFC 5208, 6.
fn key_info(outer: &Value) -> Option<Meaning> {
    let [algorithm, key] = outer.first()?;
    let [oid] = algorithm.first()?;
    if key.is(OCTET_STRING) && oid.is(OID) {
        let name = algorithm_name(oid.content);
        return name.starts_with('P').then(|| Meaning::new(Kind::EncryptedPrivateKey, &name, 0));
    }
    let facts = public_key_info(outer).filter(|facts| may_be_point(facts, &key))?;
    Some(Meaning { kind: Kind::PublicKey, facts, certificate: None })
}

/// Whether a key on a curve has the length of a point there, as SEC 1, 2.3.3 writes one; others may be anything.
fn may_be_point(facts: &KeyFacts, key: &Value) -> bool {
    let length = facts.bits.div_ceil(8);
    if !facts.algorithm.starts_with("EC") || length == 0 {
        return true;
    }
    match key.content {
        [0, 4, point @ ..] => point.len() == 2 * length,
        [0, 2 | 3, point @ ..] => point.len() == length,
        _ => false,
    }
}

pub fn public_key_info(outer: &Value) -> Option<KeyFacts> {
    let [algorithm, key] = outer.first()?;
    let facts = key_facts(&algorithm)?;
    let (&unused, content) = key.content.split_first()?;
    if !algorithm.is(SEQUENCE) || !key.is(BIT_STRING) || unused != 0 || outer.content.len() != algorithm.size + key.size
    {
        return None;
    }
    let rsa = read(content).and_then(|inner| rsa_public(&inner));
    Some(KeyFacts { bits: rsa.map_or(facts.bits, |rsa| rsa.facts.bits), ..facts })
}

/// The keys of one sample, as they are found.
#[derive(Default)]
pub struct Keys {
    pub found: Vec<Key>,
    pub left_out: u64,
    /// Whether there was more than the limits let be read.
    pub cut: bool,
    pem_bytes: usize,
}

impl Keys {
    /// Sequences whose length has one or two bytes of its own: shorter ones are found by their markers.
    pub fn find_der(&mut self, data: &[u8]) {
        let mut places: Vec<usize> = Vec::new();
        for start in [[0x30, 0x82], [0x30, 0x81]] {
            let found = memmem::find_iter(data, &start).take(MAX_DER_CANDIDATES);
            let before = places.len();
            places.extend(found);
            self.cut |= places.len() - before == MAX_DER_CANDIDATES;
        }
        places.sort_unstable();
        let mut free_from = 0;
        for at in places {
            if at >= free_from {
                free_from = self.der_at(data, at).map_or(free_from, |size| at + size);
            }
        }
    }

    /// Reads the DER at `at`; its size if it has a meaning.
    fn der_at(&mut self, data: &[u8], at: usize) -> Option<usize> {
        let outer = read(data.get(at..)?)?;
        let meaning = meaning(&outer)?;
        self.add(meaning, "der", at, outer.size);
        Some(outer.size)
    }

    /// In the order of the file, without what is a part of another: a key inside its wrapping.
    pub fn sort(&mut self) {
        self.found.sort_by_key(|key| (key.offset, std::cmp::Reverse(key.length)));
        let mut end = 0;
        self.found.retain(|key| {
            let outside = key.offset + key.length > end;
            end = end.max(key.offset + key.length);
            outside
        });
    }

    fn add(&mut self, meaning: Meaning, encoding: &'static str, at: usize, length: usize) {
        if self.found.len() == MAX_KEYS {
            self.left_out += 1;
            return;
        }
        let Meaning { kind, facts, certificate } = meaning;
        let KeyFacts { algorithm, bits } = facts;
        self.found.push(Key { kind, encoding, algorithm, bits, offset: at as u64, length: length as u64, certificate });
    }

    pub fn marker(&mut self, data: &[u8], at: usize, marker: Marker) {
        match marker {
            Marker::Pem => self.pem(data, at),
            Marker::CapiPublic => self.capi(data, at, Kind::PublicKey),
            Marker::CapiPrivate => self.capi(data, at, Kind::PrivateKey),
            Marker::PuttyPrivate => self.putty(data, at),
            Marker::OpenSshPublic => self.openssh_public(data, at),
            Marker::EcPrivate => self.short(data, at, &[2, 3]),
            Marker::EdwardsPrivate => self.short(data, at, &[7]),
            Marker::PublicInfo => self.short(data, at, &[4]),
        }
    }

    /// A SEQUENCE that begins one of these numbers of bytes before `at`.
    fn short(&mut self, data: &[u8], at: usize, before: &[usize]) {
        for start in before.iter().filter_map(|&back| at.checked_sub(back)) {
            // Those with longer lengths are found by them.
            if data.get(start) == Some(&SEQUENCE) && data.get(start + 1).is_some_and(|&length| length < 0x80) {
                self.der_at(data, start);
            }
        }
    }

    /// `bitlen` and the exponent follow the magic; the modulus has to be there.
    fn capi(&mut self, data: &[u8], at: usize, kind: Kind) {
        let Some(&[a, b, c, d]) = data.get(at + 12..).and_then(|rest| rest.first_chunk()) else { return };
        let bits = u32::from_le_bytes([a, b, c, d]) as usize;
        // A private key has the modulus, five numbers of half its length, and the exponent.
        let body = if kind == Kind::PrivateKey { bits / 16 * 9 } else { bits / 8 };
        if !(384..=16_384).contains(&bits) || !bits.is_multiple_of(8) || data.len() < at + 20 + body {
            return;
        }
        self.add(Meaning::new(kind, "RSA", bits), "capi-blob", at, 20 + body);
    }

    fn putty(&mut self, data: &[u8], at: usize) {
        let rest = data.get(at..).unwrap_or_default();
        let rest = rest.get(..4_096).unwrap_or(rest);
        if memmem::find(rest, b"\nPrivate-Lines: ").is_none() && memmem::find(rest, b"\nPublic-Lines: ").is_none() {
            return;
        }
        let open = memmem::find(rest, b"Encryption: none").is_some();
        let kind = if open { Kind::PrivateKey } else { Kind::EncryptedPrivateKey };
        self.add(Meaning::new(kind, "SSH", 0), "putty", at, rest.len());
    }

    fn openssh_public(&mut self, data: &[u8], at: usize) {
        let rest = data.get(at..).unwrap_or_default();
        let line = rest.get(..MAX_PEM.min(rest.len())).unwrap_or_default();
        let name: Vec<u8> = line.iter().copied().take_while(|&byte| byte != b' ').take(16).collect();
        let body: Vec<u8> = line
            .iter()
            .skip(name.len() + 1)
            .copied()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte))
            .collect();
        // The name is repeated inside, behind its length.
        if BASE64_STANDARD.decode(&body).is_ok_and(|key| key.get(4..4 + name.len()) == Some(&name)) {
            let algorithm = if name.ends_with(b"rsa") { "RSA" } else { "Ed25519" };
            self.add(Meaning::new(Kind::PublicKey, algorithm, 0), "openssh", at, name.len() + 1 + body.len());
        }
    }

    /// PEM in UTF-16LE, whose place and length are those of the file. What is copied counts as what is decoded.
    pub fn wide_pem(&mut self, data: &[u8], at: usize) {
        if self.pem_bytes > MAX_PEM_TOTAL {
            self.cut = true;
            return;
        }
        let (pairs, _) = data.get(at..).unwrap_or_default().as_chunks::<2>();
        let text: Vec<u8> = pairs.iter().take(MAX_PEM).take_while(|pair| pair[1] == 0).map(|pair| pair[0]).collect();
        self.pem_bytes += text.len();
        if let Some((meaning, length)) = Pem::read(&text, 0).and_then(|block| Some((block.meaning()?, block.length))) {
            self.add(meaning, "pem", at, 2 * length);
        }
    }

    /// A key in PEM counts only with a body that decodes to one: programs that read keys have the markers alone.
    fn pem(&mut self, data: &[u8], at: usize) {
        let Some(block) = Pem::read(data, at) else { return };
        self.pem_bytes += block.body.len();
        if self.pem_bytes > MAX_PEM_TOTAL {
            self.cut = true;
            return;
        }
        if let Some(meaning) = block.meaning() {
            self.add(meaning, "pem", at, block.length);
        }
    }
}

/// One block of RFC 7468, or of the older RFC 1421 with its headers.
struct Pem<'a> {
    label: &'a [u8],
    body: &'a [u8],
    length: usize,
}

impl<'a> Pem<'a> {
    fn read(data: &'a [u8], at: usize) -> Option<Self> {
        let rest = data.get(at..)?.strip_prefix(b"-----BEGIN ")?;
        let rest = rest.get(..MAX_PEM).unwrap_or(rest);
        let label_end = memmem::find(rest.get(..64).unwrap_or(rest), b"-----")?;
        let label = rest.get(..label_end)?;
        let body = rest.get(label_end + 5..)?;
        let end = memmem::find(body, b"-----")?;
        let closing = [b"-----END ", label, b"-----"].concat();
        let whole = body.get(end..)?.starts_with(&closing);
        whole.then(|| Self {
            label,
            body: body.get(..end).unwrap_or_default(),
            length: 11 + label_end + 5 + end + closing.len(),
        })
    }

    fn meaning(&self) -> Option<Meaning> {
        let encrypted = memmem::find(self.body, b"ENCRYPTED").is_some();
        let bytes = self.decode()?;
        if self.label.ends_with(b"PRIVATE KEY") && encrypted && bytes.len() >= 32 {
            return Some(Meaning::new(Kind::EncryptedPrivateKey, "RFC 1421", 0));
        }
        if self.label.starts_with(b"PGP P") && bytes.len() >= 64 {
            let kind = if self.label.starts_with(b"PGP PRIVATE") { Kind::PrivateKey } else { Kind::PublicKey };
            return Some(Meaning::new(kind, "OpenPGP", 0));
        }
        if let Some(rest) = bytes.strip_prefix(b"openssh-key-v1\0") {
            let open = rest.starts_with(b"\0\0\0\x04none");
            return Some(Meaning::new(if open { Kind::PrivateKey } else { Kind::EncryptedPrivateKey }, "OpenSSH", 0));
        }
        meaning(&read(&bytes)?)
    }

    /// Base64 without lines, headers, and the `\n` of texts in source code; OpenPGP's checksum ends it.
    fn decode(&self) -> Option<Vec<u8>> {
        let lines = self.body.split(|&byte| byte == b'\n' || byte == b'\r' || byte == b'\\');
        let mut text: Vec<u8> = Vec::with_capacity(self.body.len());
        for (index, line) in lines.enumerate() {
            let escaped = index > 0 && self.body.contains(&b'\\') && matches!(line.first(), Some(b'n' | b'r'));
            let line = if escaped { line.get(1..).unwrap_or_default() } else { line };
            if line.starts_with(b"=") {
                break;
            }
            if !line.contains(&b':') {
                text.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
            }
        }
        BASE64_STANDARD.decode(&text).ok()
    }
}

pub fn judge(keys: &Keys, findings: &mut Findings) {
    for key in &keys.found {
        let (id, severity, title) = match key.kind {
            Kind::PrivateKey => ("private-key", Severity::Medium, "A private key that is not encrypted"),
            Kind::EncryptedPrivateKey => ("encrypted-private-key", Severity::Medium, "A private key, encrypted"),
            Kind::PublicKey => ("public-key", Severity::Low, "A public key"),
            Kind::Certificate => ("certificate", Severity::Info, "A certificate"),
            Kind::CertificateRequest => ("certificate-request", Severity::Info, "A request for a certificate"),
            Kind::KeyStore => ("key-store", Severity::Medium, "A store of keys and certificates"),
        };
        let bits = if key.bits > 0 { format!(", {} bits", key.bits) } else { String::new() };
        let mut finding = Finding::new(id, severity, 95, title)
            .detail(format!("{}{bits}, as {}.", key.algorithm, key.encoding))
            .at(key.offset, key.length);
        if let Some(certificate) = &key.certificate {
            finding = finding.quote(&certificate.subject).quote(&certificate.issuer);
        }
        if key.kind == Kind::PrivateKey {
            finding = finding.techniques(&["T1552.004"]);
        }
        findings.add(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_markers_alone_are_no_key() {
        let data = b"-----BEGIN RSA PRIVATE KEY-----\0-----END RSA PRIVATE KEY-----\0";
        let mut keys = Keys::default();
        keys.marker(data, 0, Marker::Pem);
        assert!(keys.found.is_empty());
    }
}
