//! Base64 (RFC 4648), of what mail and HTTP send as passwords.

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode::Indifferent;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&ALPHABET, GeneralPurposeConfig::new().with_decode_padding_mode(Indifferent));

pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    LENIENT.decode(text.trim_ascii()).ok()
}
