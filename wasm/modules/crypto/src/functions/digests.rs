//! Digests, with and without a key.

use hmac::digest::{Digest, KeyInit};
use hmac::{Hmac, Mac};
use md5::Md5;
use module_kit::{Call, Output, Refusal, parse_args};
use serde::Deserialize;
use serde_json::json;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use sha3::{Sha3_256, Sha3_384, Sha3_512};

use super::{Input, answer, argument, refuse};
use crate::limits::{MAX_DERIVED, MAX_ROUNDS};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hash {
    algorithm: String,
    data: Option<String>,
    #[serde(default)]
    offset: u64,
    length: Option<u64>,
}

pub fn hash(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let Hash { algorithm, data, offset, length } = parse_args(&call.args)?;
    let data = Input { data, offset, length }.read(sample)?;
    let digest = match algorithm.as_str() {
        "md5" => Md5::digest(&data).to_vec(),
        "sha1" => Sha1::digest(&data).to_vec(),
        "sha224" => Sha224::digest(&data).to_vec(),
        "sha256" => Sha256::digest(&data).to_vec(),
        "sha384" => Sha384::digest(&data).to_vec(),
        "sha512" => Sha512::digest(&data).to_vec(),
        "sha3-256" => Sha3_256::digest(&data).to_vec(),
        "sha3-384" => Sha3_384::digest(&data).to_vec(),
        "sha3-512" => Sha3_512::digest(&data).to_vec(),
        _ => return Err(unknown(&algorithm)),
    };
    Ok(told(&algorithm, &digest))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyedHash {
    algorithm: String,
    key: String,
    data: Option<String>,
    #[serde(default)]
    offset: u64,
    length: Option<u64>,
}

pub fn hmac(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let KeyedHash { algorithm, key, data, offset, length } = parse_args(&call.args)?;
    let key = argument("key", &key)?;
    let data = Input { data, offset, length }.read(sample)?;
    let digest = match algorithm.as_str() {
        "md5" => keyed::<Hmac<Md5>>(&key, &data),
        "sha1" => keyed::<Hmac<Sha1>>(&key, &data),
        "sha224" => keyed::<Hmac<Sha224>>(&key, &data),
        "sha256" => keyed::<Hmac<Sha256>>(&key, &data),
        "sha384" => keyed::<Hmac<Sha384>>(&key, &data),
        "sha512" => keyed::<Hmac<Sha512>>(&key, &data),
        _ => return Err(unknown(&algorithm)),
    };
    Ok(told(&algorithm, &digest.ok_or_else(|| refuse("`key` cannot be used".to_owned()))?))
}

fn keyed<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    mac.update(data);
    Some(mac.finalize().into_bytes().to_vec())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Derive {
    #[serde(default = "sha256")]
    algorithm: String,
    password: String,
    salt: String,
    iterations: u32,
    #[serde(default = "length_of_a_key")]
    length: usize,
}

fn sha256() -> String {
    "sha256".to_owned()
}

fn length_of_a_key() -> usize {
    32
}

pub fn pbkdf2(call: &Call) -> Result<Output, Refusal> {
    let Derive { algorithm, password, salt, iterations, length } = parse_args(&call.args)?;
    let (password, salt) = (argument("password", &password)?, argument("salt", &salt)?);
    if !(1..=MAX_ROUNDS).contains(&iterations) {
        return Err(refuse(format!("`iterations` must be from 1 to {MAX_ROUNDS}, not {iterations}")));
    }
    if !(1..=MAX_DERIVED).contains(&length) {
        return Err(refuse(format!("`length` must be from 1 to {MAX_DERIVED}, not {length}")));
    }
    let block = match algorithm.as_str() {
        "sha1" => 20,
        "sha256" => 32,
        "sha512" => 64,
        _ => return Err(unknown(&algorithm)),
    };
    let blocks = length.div_ceil(block);
    if u64::from(iterations) * blocks as u64 > u64::from(MAX_ROUNDS) {
        return Err(refuse(format!("{blocks} blocks of {iterations} `iterations` are more than {MAX_ROUNDS} rounds")));
    }
    let mut derived = vec![0; length];
    match algorithm.as_str() {
        "sha1" => pbkdf2::pbkdf2_hmac::<Sha1>(&password, &salt, iterations, &mut derived),
        "sha256" => pbkdf2::pbkdf2_hmac::<Sha256>(&password, &salt, iterations, &mut derived),
        _ => pbkdf2::pbkdf2_hmac::<Sha512>(&password, &salt, iterations, &mut derived),
    }
    Ok(answer(&derived))
}

fn unknown(algorithm: &str) -> Refusal {
    let name: String = algorithm.chars().take(32).collect();
    refuse(format!("there is no `algorithm` {name:?}"))
}

fn told(algorithm: &str, digest: &[u8]) -> Output {
    Output::new(&json!({"algorithm": algorithm, "hex": module_kit::hex(digest)}), Vec::new())
}
