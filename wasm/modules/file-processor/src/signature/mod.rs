//! Signatures in PKCS #7 (CMS): who signed, with which certificates, and whether the mathematics is right. Whom to trust
//! is not known here: there are no root certificates, and nobody is asked whether one was revoked.

mod algorithms;
mod certificate;
mod der;
mod names;
mod opus;
mod scheme;
mod signed_data;
mod timestamp;
mod verify;

pub use algorithms::Hash;
pub use signed_data::SignedData;
pub use verify::Effort;

/// The signature at the start of some bytes, behind which others may follow.
pub fn whole(bytes: &[u8]) -> Option<&[u8]> {
    der::Element::first(bytes).map(|element| element.whole)
}
