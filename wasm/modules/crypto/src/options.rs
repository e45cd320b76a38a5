//! The module's functions, their arguments and the description of both.

use module_kit::{Args, Description, Function, Refusal, parse_args};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::limits::{MAX_DATA, MAX_DERIVED, MAX_ROUNDS};

/// Arguments of `analyze`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Analyze {
    /// Guess keys of XOR.
    pub xor: bool,
    /// Look for regions of high entropy.
    pub regions: bool,
}

impl Default for Analyze {
    fn default() -> Self {
        Self { xor: true, regions: true }
    }
}

impl Analyze {
    pub fn read(args: &Args) -> Result<Self, Refusal> {
        parse_args(args)
    }
}

const BYTES: &str = "Hexadecimal, or with the prefix `base64:` or `text:`.";
const HASHES: [&str; 9] = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"];
const KEYED_HASHES: [&str; 6] = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"];

pub fn description() -> Description {
    Description {
        name: "crypto",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Finds cryptography: algorithms by their constants, keys, certificates, functions, encrypted regions and XOR keys; decrypts.",
        slot: "crypto",
        capabilities: &[
            "constants",
            "keys",
            "certificates",
            "crypto-apis",
            "entropy-regions",
            "xor-keys",
            "ciphers",
            "hashes",
        ],
        functions: vec![
            Function {
                name: "analyze",
                summary: "All facts and findings.",
                args: analyze_schema(),
                needs_sample: true,
            },
            function("hash", "A digest of the data.", &json!({"algorithm": {"enum": HASHES}}), &["algorithm"]),
            function(
                "hmac",
                "A keyed digest of the data (RFC 2104).",
                &json!({"algorithm": {"enum": KEYED_HASHES}, "key": bytes("The key.")}),
                &["algorithm", "key"],
            ),
            function(
                "aes-cbc",
                "AES in CBC mode, the key of 16, 24 or 32 bytes.",
                &json!({"key": bytes("The key."), "iv": bytes("16 bytes."), "direction": direction(),
                        "padding": {"enum": ["pkcs7", "none"], "default": "pkcs7"}}),
                &["key", "iv"],
            ),
            function(
                "aes-ctr",
                "AES in counter mode with a counter of 128 bits; the same both ways.",
                &json!({"key": bytes("16, 24 or 32 bytes."), "iv": bytes("The first counter, 16 bytes.")}),
                &["key", "iv"],
            ),
            function(
                "aes-gcm",
                "AES in GCM; the tag of 16 bytes is the end of what is encrypted.",
                &json!({"key": bytes("16 or 32 bytes."), "nonce": bytes("12 bytes."), "direction": direction(),
                        "aad": bytes("What is authenticated only.")}),
                &["key", "nonce"],
            ),
            function("rc4", "RC4; the same both ways.", &json!({"key": bytes("1 to 256 bytes.")}), &["key"]),
            function("xor", "XOR with a key that repeats.", &json!({"key": bytes("At least one byte.")}), &["key"]),
            function(
                "chacha20",
                "ChaCha20 of RFC 8439; the same both ways.",
                &json!({"key": bytes("32 bytes."), "nonce": bytes("12 bytes."),
                        "counter": {"type": "integer", "minimum": 0, "maximum": u32::MAX, "default": 0,
                                    "description": "The first block of 64 bytes."}}),
                &["key", "nonce"],
            ),
            Function {
                name: "pbkdf2",
                summary: "A key from a password (RFC 8018).",
                args: pbkdf2_schema(),
                needs_sample: false,
            },
        ],
    }
}

/// A function over `data`, or over a part of the sample.
fn function(name: &'static str, summary: &'static str, own: &Value, required: &[&str]) -> Function {
    let mut properties = json!({
        "data": bytes("What to work on; the sample if it is left out."),
        "offset": {"type": "integer", "minimum": 0, "default": 0, "description": "Bytes of the sample to leave out before."},
        "length": {"type": "integer", "minimum": 0, "maximum": MAX_DATA, "description": "Bytes to take; all if left out."},
    });
    if let (Some(all), Some(own)) = (properties.as_object_mut(), own.as_object()) {
        all.extend(own.clone());
    }
    let args = json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    Function { name, summary, args, needs_sample: false }
}

fn bytes(what: &str) -> Value {
    json!({"type": "string", "description": format!("{what} {BYTES}")})
}

fn direction() -> Value {
    json!({"enum": ["decrypt", "encrypt"], "default": "decrypt"})
}

fn analyze_schema() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {
        "xor": {"type": "boolean", "default": true, "description": "Guess keys of XOR."},
        "regions": {"type": "boolean", "default": true, "description": "Look for regions of high entropy."},
    }})
}

fn pbkdf2_schema() -> Value {
    json!({"type": "object", "additionalProperties": false, "required": ["password", "salt", "iterations"], "properties": {
        "algorithm": {"enum": ["sha1", "sha256", "sha512"], "default": "sha256"},
        "password": bytes("The password."),
        "salt": bytes("The salt."),
        "iterations": {"type": "integer", "minimum": 1, "maximum": MAX_ROUNDS},
        "length": {"type": "integer", "minimum": 1, "maximum": MAX_DERIVED, "default": 32, "description": "Bytes."},
    }})
}
