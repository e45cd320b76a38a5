//! Ciphers, by the crates of RustCrypto.

use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit, StreamCipher, StreamCipherSeek};
use module_kit::{Call, Output, Refusal, parse_args};
use serde::Deserialize;

use super::{Input, answer, argument, exactly, refuse};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    #[default]
    Decrypt,
    Encrypt,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Padding {
    #[default]
    Pkcs7,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cbc {
    key: String,
    iv: String,
    #[serde(default)]
    direction: Direction,
    #[serde(default)]
    padding: Padding,
    data: Option<String>,
    #[serde(default)]
    offset: u64,
    length: Option<u64>,
}

pub fn aes_cbc(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let Cbc { key, iv, direction, padding, data, offset, length } = parse_args(&call.args)?;
    let (key, iv) = (argument("key", &key)?, argument("iv", &iv)?);
    let iv: [u8; 16] = exactly("iv", &iv)?;
    let data = Input { data, offset, length }.read(sample)?;
    let whole = match (direction, key.len()) {
        (Direction::Decrypt, 16) => unblock::<cbc::Decryptor<Aes128>>(&key, &iv, padding, &data),
        (Direction::Decrypt, 24) => unblock::<cbc::Decryptor<Aes192>>(&key, &iv, padding, &data),
        (Direction::Decrypt, 32) => unblock::<cbc::Decryptor<Aes256>>(&key, &iv, padding, &data),
        (Direction::Encrypt, 16) => block::<cbc::Encryptor<Aes128>>(&key, &iv, padding, &data),
        (Direction::Encrypt, 24) => block::<cbc::Encryptor<Aes192>>(&key, &iv, padding, &data),
        (Direction::Encrypt, 32) => block::<cbc::Encryptor<Aes256>>(&key, &iv, padding, &data),
        (_, length) => return Err(refuse(format!("`key` must have 16, 24 or 32 bytes, not {length}"))),
    };
    let why = "the data is not a whole number of blocks, or its padding is wrong: another key, IV or `padding` may fit";
    Ok(answer(&whole.ok_or_else(|| refuse(why.to_owned()))?))
}

fn unblock<C: KeyIvInit + BlockModeDecrypt>(key: &[u8], iv: &[u8], padding: Padding, data: &[u8]) -> Option<Vec<u8>> {
    let cipher = C::new_from_slices(key, iv).ok()?;
    match padding {
        Padding::Pkcs7 => cipher.decrypt_padded_vec::<Pkcs7>(data).ok(),
        Padding::None => cipher.decrypt_padded_vec::<NoPadding>(data).ok(),
    }
}

fn block<C: KeyIvInit + BlockModeEncrypt>(key: &[u8], iv: &[u8], padding: Padding, data: &[u8]) -> Option<Vec<u8>> {
    let cipher = C::new_from_slices(key, iv).ok()?;
    match padding {
        Padding::Pkcs7 => Some(cipher.encrypt_padded_vec::<Pkcs7>(data)),
        // The crate takes a whole number of blocks for granted here.
        Padding::None => data.len().is_multiple_of(16).then(|| cipher.encrypt_padded_vec::<NoPadding>(data)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counter {
    key: String,
    iv: String,
    data: Option<String>,
    #[serde(default)]
    offset: u64,
    length: Option<u64>,
}

pub fn aes_ctr(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let Counter { key, iv, data, offset, length } = parse_args(&call.args)?;
    let (key, iv) = (argument("key", &key)?, argument("iv", &iv)?);
    let iv: [u8; 16] = exactly("iv", &iv)?;
    let data = Input { data, offset, length }.read(sample)?;
    match key.len() {
        16 => stream(ctr::Ctr128BE::<Aes128>::new_from_slices(&key, &iv).ok(), data),
        24 => stream(ctr::Ctr128BE::<Aes192>::new_from_slices(&key, &iv).ok(), data),
        32 => stream(ctr::Ctr128BE::<Aes256>::new_from_slices(&key, &iv).ok(), data),
        length => Err(refuse(format!("`key` must have 16, 24 or 32 bytes, not {length}"))),
    }
}

fn stream<C: StreamCipher>(cipher: Option<C>, mut data: Vec<u8>) -> Result<Output, Refusal> {
    let done = cipher.and_then(|mut cipher| cipher.try_apply_keystream(&mut data).ok());
    done.ok_or_else(|| refuse("the key stream is not as long as the data".to_owned()))?;
    Ok(answer(&data))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gcm {
    key: String,
    nonce: String,
    #[serde(default)]
    aad: String,
    #[serde(default)]
    direction: Direction,
    data: Option<String>,
    #[serde(default)]
    offset: u64,
    length: Option<u64>,
}

pub fn aes_gcm(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let Gcm { key, nonce, aad, direction, data, offset, length } = parse_args(&call.args)?;
    let (key, nonce, aad) = (argument("key", &key)?, argument("nonce", &nonce)?, argument("aad", &aad)?);
    let nonce: [u8; 12] = exactly("nonce", &nonce)?;
    let data = Input { data, offset, length }.read(sample)?;
    let payload = Payload { msg: &data, aad: &aad };
    let whole = match (direction, key.len()) {
        (Direction::Decrypt, 16) => gcm::<Aes128Gcm>(&key)?.decrypt(&nonce.into(), payload),
        (Direction::Decrypt, 32) => gcm::<Aes256Gcm>(&key)?.decrypt(&nonce.into(), payload),
        (Direction::Encrypt, 16) => gcm::<Aes128Gcm>(&key)?.encrypt(&nonce.into(), payload),
        (Direction::Encrypt, 32) => gcm::<Aes256Gcm>(&key)?.encrypt(&nonce.into(), payload),
        (_, length) => return Err(refuse(format!("`key` must have 16 or 32 bytes, not {length}"))),
    };
    Ok(answer(
        &whole.map_err(|_| refuse("the tag at the end of the data does not fit key, nonce and `aad`".to_owned()))?,
    ))
}

fn gcm<C: KeyInit>(key: &[u8]) -> Result<C, Refusal> {
    C::new_from_slice(key).map_err(|_| refuse("`key` cannot be used".to_owned()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keyed {
    key: String,
    data: Option<String>,
    #[serde(default)]
    offset: u64,
    length: Option<u64>,
}

impl Keyed {
    /// The key, of 1 to `longest` bytes, and the data.
    fn read(call: &Call, sample: Option<&[u8]>, longest: usize) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
        let Self { key, data, offset, length } = parse_args(&call.args)?;
        let key = argument("key", &key)?;
        if !(1..=longest).contains(&key.len()) {
            return Err(refuse(format!("`key` must have from 1 to {longest} bytes, not {}", key.len())));
        }
        Ok((key, Input { data, offset, length }.read(sample)?))
    }
}

/// The key schedule takes up to 256 bytes.
pub fn rc4(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let (key, data) = Keyed::read(call, sample, 256)?;
    stream(rc4::Rc4::new_from_slice(&key).ok(), data)
}

pub fn xor(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let (key, mut data) = Keyed::read(call, sample, crate::limits::MAX_ARGUMENT)?;
    data.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    Ok(answer(&data))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChaCha {
    key: String,
    nonce: String,
    #[serde(default)]
    counter: u32,
    data: Option<String>,
    #[serde(default)]
    offset: u64,
    length: Option<u64>,
}

pub fn chacha20(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let ChaCha { key, nonce, counter, data, offset, length } = parse_args(&call.args)?;
    let (key, nonce) = (argument("key", &key)?, argument("nonce", &nonce)?);
    let (key, nonce) = (exactly::<32>("key", &key)?, exactly::<12>("nonce", &nonce)?);
    let data = Input { data, offset, length }.read(sample)?;
    let mut cipher = chacha20::ChaCha20::new(&key.into(), &nonce.into());
    let seek = cipher.try_seek(u64::from(counter) * 64);
    stream(seek.is_ok().then_some(cipher), data)
}
