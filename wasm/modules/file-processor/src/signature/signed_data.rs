//! SignedData of PKCS #7 and CMS (RFC 2315, RFC 5652): what is signed, certificates, signers and their attributes.

use super::algorithms::Hash;
use super::certificate::Certificate;
use super::der::{Element, Elements, INTEGER, OCTET_STRING, SEQUENCE, SET};
use super::names;
use super::opus::opus;
use super::scheme::Scheme;
use super::timestamp;
use super::verify::{Effort, MAX_SIGNED, verify};
use crate::facts::signing::{Certificate as CertificateFacts, Check, Signer as Facts};

const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
const OPUS: &str = "1.3.6.1.4.1.311.2.1.12";
const NESTED: &str = "1.3.6.1.4.1.311.2.4.1";

/// Certificates of one signature: real ones have below ten.
const MAX_CERTIFICATES: usize = 64;
/// From the signer to a root: real chains have three or four.
const MAX_CHAIN: usize = 8;
const MAX_SIGNERS: usize = 4;
const MAX_ATTRIBUTES: usize = 32;

pub struct SignedData<'a> {
    pub content_type: String,
    /// What is signed, with its tag; None if it is elsewhere.
    pub content: Option<Element<'a>>,
    pub certificates: Vec<Certificate<'a>>,
    pub signers: Vec<Signer<'a>>,
}

#[derive(Clone, Copy)]
pub struct Signer<'a> {
    issuer: &'a [u8],
    serial: &'a [u8],
    digest_algorithm: Element<'a>,
    /// Signed in the place of the content.
    signed_attributes: Option<Element<'a>>,
    algorithm: Element<'a>,
    pub signature: &'a [u8],
    unsigned_attributes: Option<Element<'a>>,
}

impl<'a> SignedData<'a> {
    /// From a ContentInfo.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut info = Element::first(bytes)?.parts(SEQUENCE)?;
        if info.next()?.oid() != SIGNED_DATA {
            return None;
        }
        let mut parts = Element::first(info.expect(0xa0)?.content)?.parts(SEQUENCE)?;
        parts.expect(INTEGER)?;
        parts.expect(SET)?; // digest algorithms, which the signers name again
        let mut content = parts.expect(SEQUENCE)?.elements();
        let content_type = content.next()?.oid();
        let content = content.expect(0xa0).and_then(|content| Element::first(content.content));
        let certificates = parts.next_if(0xa0).map_or(&[][..], |certificates| certificates.content);
        parts.next_if(0xa1); // lists of revoked certificates
        let signers = parts.expect(SET)?;
        Some(Self {
            content_type,
            content,
            certificates: Elements(certificates).filter_map(Certificate::parse).take(MAX_CERTIFICATES).collect(),
            signers: signers.elements().filter_map(Signer::parse).take(MAX_SIGNERS).collect(),
        })
    }

    /// Common names in the certificates.
    pub fn common_names(&self) -> impl Iterator<Item = String> {
        self.certificates.iter().filter_map(|certificate| names::common_name(certificate.subject))
    }

    /// Algorithm and digest of SpcIndirectDataContent: of the file that the signature is for.
    pub fn indirect_digest(&self) -> Option<(String, &'a [u8])> {
        let mut parts = self.content?.parts(SEQUENCE)?;
        parts.next()?; // what kind of file it is
        let mut info = parts.expect(SEQUENCE)?.elements();
        let algorithm = info.expect(SEQUENCE)?.elements().next()?.oid();
        Some((algorithm, info.expect(OCTET_STRING)?.content))
    }

    pub fn certificate_of(&self, signer: &Signer) -> Option<&Certificate<'a>> {
        let is_signers = |certificate: &&Certificate| {
            certificate.issuer.whole == signer.issuer && certificate.serial == signer.serial
        };
        self.certificates.iter().find(is_signers)
    }

    /// From the signer's certificate upwards, each with whether the next one signed it; `at` is the time to be valid at.
    pub fn chain(&self, signer: &Signer, at: Option<i64>, effort: &mut Effort) -> (Vec<CertificateFacts>, bool) {
        let mut chain = Vec::new();
        let mut next = self.certificate_of(signer);
        while let Some(certificate) = next.filter(|_| chain.len() < MAX_CHAIN) {
            if certificate.is_self_issued() {
                chain.push(certificate.facts(certificate.signed_by(certificate, effort), at));
                return (chain, true);
            }
            let issuers = self.certificates.iter().filter(|other| other.subject.whole == certificate.issuer.whole);
            // Several may have one name, after a key was renewed: the one that signed is meant.
            let mut checked = issuers.map(|issuer| (certificate.signed_by(issuer, effort), issuer)).collect::<Vec<_>>();
            checked.sort_by_key(|(check, _)| *check != Check::Valid);
            let (check, issuer) = checked.first().map_or((Check::NotChecked, None), |&(check, it)| (check, Some(it)));
            chain.push(certificate.facts(check, at));
            next = issuer;
        }
        (chain, false)
    }

    /// What one signer says, and what of it is right. `content` are the bytes that the signer's digest is of.
    pub fn facts(&self, signer: &Signer, content: &[u8], now: Option<i64>, effort: &mut Effort) -> Facts {
        let timestamp = timestamp::of(self, signer, effort);
        let at = timestamp.as_ref().and_then(|timestamp| timestamp.time).or(now);
        let (chain, chain_complete) = self.chain(signer, at, effort);
        let (program_name, more_info) = signer.signed_attribute(OPUS).map(opus).unwrap_or_default();
        Facts {
            digest_algorithm: signer.digest_name(),
            content: signer.check_content(content, effort),
            signature: signer.check_signature(self.certificate_of(signer), content, effort),
            program_name,
            more_info,
            signing_time: signer.signing_time(),
            chain,
            chain_complete,
            timestamp,
            ..Facts::default()
        }
    }
}

impl<'a> Signer<'a> {
    pub fn parse(element: Element<'a>) -> Option<Self> {
        let mut parts = element.parts(SEQUENCE)?;
        parts.expect(INTEGER)?;
        let mut identity = parts.expect(SEQUENCE)?.elements();
        let (issuer, serial) = (identity.expect(SEQUENCE)?.whole, identity.expect(INTEGER)?.content);
        let digest_algorithm = parts.expect(SEQUENCE)?;
        let signed_attributes = parts.next_if(0xa0);
        let algorithm = parts.expect(SEQUENCE)?;
        let signature = parts.expect(OCTET_STRING)?.content;
        let unsigned_attributes = parts.next_if(0xa1);
        Some(Self { issuer, serial, digest_algorithm, signed_attributes, algorithm, signature, unsigned_attributes })
    }

    pub fn hash(&self) -> Option<Hash> {
        Hash::by_oid(&self.digest_algorithm.elements().next()?.oid())
    }

    pub fn digest_name(&self) -> String {
        let oid = self.digest_algorithm.elements().next().map(|oid| oid.oid()).unwrap_or_default();
        Hash::by_oid(&oid).map_or(oid, |hash| hash.name().to_owned())
    }

    /// The first value of a signed attribute.
    pub fn signed_attribute(&self, oid: &str) -> Option<Element<'a>> {
        attribute(self.signed_attributes?, oid)?.next()
    }

    /// The values of an attribute that is not signed.
    pub fn unsigned_attribute(&self, oid: &str) -> Option<Elements<'a>> {
        attribute(self.unsigned_attributes?, oid)
    }

    /// Signatures that stand in this one.
    pub fn nested(&self) -> impl Iterator<Item = &'a [u8]> {
        self.unsigned_attribute(NESTED).into_iter().flatten().map(|element| element.whole).take(MAX_SIGNERS)
    }

    pub fn signing_time(&self) -> Option<i64> {
        self.signed_attribute(SIGNING_TIME)?.time()
    }

    /// Whether the attributes that are signed name the digest of the content.
    pub fn check_content(&self, content: &[u8], effort: &Effort) -> Check {
        let (Some(hash), true) = (self.hash(), effort.0 > 0 && content.len() <= MAX_SIGNED) else {
            return Check::NotChecked;
        };
        match self.signed_attribute(MESSAGE_DIGEST) {
            Some(digest) if digest.content == hash.of(content) => Check::Valid,
            // Without attributes, the content itself is signed.
            None if self.signed_attributes.is_none() => Check::NotChecked,
            _ => Check::Invalid,
        }
    }

    pub fn check_signature(&self, certificate: Option<&Certificate>, content: &[u8], effort: &mut Effort) -> Check {
        let (Some(hash), Some(certificate)) = (self.hash(), certificate) else { return Check::NotChecked };
        // What is signed has the tag of a set, and not that of its place.
        let attributes = self.signed_attributes.map(|it| [&[SET], &it.whole[1..]].concat());
        let signed = attributes.as_deref().unwrap_or(content);
        // By ECDSA and PSS the algorithm names a hash of its own.
        let Some(scheme) = Scheme::parse(self.algorithm, Some(hash)) else { return Check::NotChecked };
        verify(&certificate.public_key(), scheme, signed, self.signature, effort)
    }
}

fn attribute<'a>(attributes: Element<'a>, wanted: &str) -> Option<Elements<'a>> {
    attributes.elements().take(MAX_ATTRIBUTES).find_map(|attribute| {
        let mut parts = attribute.parts(SEQUENCE)?;
        (parts.next()?.oid() == wanted).then_some(())?;
        parts.next()?.parts(SET)
    })
}
