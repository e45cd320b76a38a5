//! Countersignatures that say when a signature was there: of RFC 3161, and the older ones of PKCS #9.

use super::algorithms::Hash;
use super::der::{Element, Elements, INTEGER, OCTET_STRING, SEQUENCE};
use super::signed_data::{SignedData, Signer};
use super::verify::Effort;
use crate::facts::signing::{Check, Timestamp};

const RFC_3161: [&str; 2] = ["1.3.6.1.4.1.311.3.3.1", "1.2.840.113549.1.9.16.2.14"];
const PKCS_9: &str = "1.2.840.113549.1.9.6";
const INFO: &str = "1.2.840.113549.1.9.16.1.4";

pub fn of(data: &SignedData, signer: &Signer, effort: &mut Effort) -> Option<Timestamp> {
    let token = RFC_3161.iter().find_map(|oid| signer.unsigned_attribute(oid)?.next());
    let token = token.and_then(|token| rfc_3161(token.whole, signer, effort));
    token.or_else(|| pkcs_9(data, signer.unsigned_attribute(PKCS_9)?.next()?, signer, effort))
}

/// The token is a signature of its own, over the time and the digest of what it is for.
fn rfc_3161(token: &[u8], stamped: &Signer, effort: &mut Effort) -> Option<Timestamp> {
    let token = SignedData::parse(token)?;
    let signer = token.signers.first().filter(|_| token.content_type == INFO)?;
    let info = token.content.filter(|content| content.tag == OCTET_STRING)?.content;
    let mut fields = Element::first(info)?.parts(SEQUENCE)?;
    fields.expect(INTEGER)?;
    fields.next()?; // the policy
    let imprint = fields.expect(SEQUENCE)?.elements();
    fields.expect(INTEGER)?; // the serial number
    let time = fields.next()?.time();
    let content = match check_imprint(imprint, stamped.signature, effort) {
        Check::Valid => signer.check_content(info, effort),
        other => other,
    };
    Some(Timestamp {
        kind: "rfc3161",
        time,
        digest_algorithm: signer.digest_name(),
        content,
        signature: signer.check_signature(token.certificate_of(signer), info, effort),
        chain: token.chain(signer, time, effort).0,
    })
}

fn check_imprint(mut imprint: Elements, stamped: &[u8], effort: &Effort) -> Check {
    let algorithm = imprint.expect(SEQUENCE).and_then(|algorithm| algorithm.elements().next());
    let hash = algorithm.and_then(|oid| Hash::by_oid(&oid.oid()));
    match (hash, imprint.expect(OCTET_STRING)) {
        (Some(hash), Some(digest)) if effort.0 > 0 => {
            if digest.content == hash.of(stamped) {
                Check::Valid
            } else {
                Check::Invalid
            }
        }
        _ => Check::NotChecked,
    }
}

/// A second signer, of the first one's signature; the certificates are among those of the file's signature.
fn pkcs_9(data: &SignedData, element: Element, stamped: &Signer, effort: &mut Effort) -> Option<Timestamp> {
    let signer = Signer::parse(element)?;
    let time = signer.signing_time();
    Some(Timestamp {
        kind: "pkcs9",
        time,
        digest_algorithm: signer.digest_name(),
        content: signer.check_content(stamped.signature, effort),
        signature: signer.check_signature(data.certificate_of(&signer), stamped.signature, effort),
        chain: data.chain(&signer, time, effort).0,
    })
}
