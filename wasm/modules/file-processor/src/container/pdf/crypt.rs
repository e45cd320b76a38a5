//! Encryption with the empty password (ISO 32000-2, 7.6): such files open without a question, so that their content is
//! hidden from scanners only. RC4 and AES of all revisions.

use aes::{Aes128, Aes256};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use md5::{Digest, Md5};
use rc4::{KeyInit, Rc4, StreamCipher};
use sha2::{Sha256, Sha384, Sha512};

use super::object::{Dictionary, Object};

const PADDING: [u8; 32] = [
    0x28, 0xbf, 0x4e, 0x5e, 0x4e, 0x75, 0x8a, 0x41, 0x64, 0x00, 0x4e, 0x56, 0xff, 0xfa, 0x01, 0x08, 0x2e, 0x2e, 0x00,
    0xb6, 0xd0, 0x68, 0x3e, 0x80, 0x2f, 0x0c, 0xa9, 0xfe, 0x64, 0x53, 0x69, 0x7a,
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    None,
    Rc4,
    Aes128,
    Aes256,
}

pub struct Key {
    key: Vec<u8>,
    texts: Method,
    streams: Method,
}

impl Key {
    /// None where the empty password is not the user's, or the handler is not the standard one.
    pub fn with_empty_password(dictionary: &Dictionary, id: &[u8]) -> Option<Self> {
        if dictionary.name("Filter") != Some("Standard") {
            return None;
        }
        let version = dictionary.number("V")?;
        let revision = dictionary.number("R")?;
        let (texts, streams) = match version {
            1 | 2 => (Method::Rc4, Method::Rc4),
            4 | 5 => (method(dictionary, "StrF")?, method(dictionary, "StmF")?),
            _ => return None,
        };
        let key = if revision >= 5 { new_key(dictionary, revision)? } else { old_key(dictionary, revision, id)? };
        Some(Self { key, texts, streams })
    }

    fn object_key(&self, method: Method, number: u32, generation: u16) -> Vec<u8> {
        if method == Method::Aes256 {
            return self.key.clone();
        }
        let mut digest = Md5::new();
        digest.update(&self.key);
        digest.update(&number.to_le_bytes()[..3]);
        digest.update(generation.to_le_bytes());
        if method == Method::Aes128 {
            digest.update(b"sAlT");
        }
        digest.finalize()[..(self.key.len() + 5).min(16)].to_vec()
    }

    fn decrypt(&self, method: Method, data: &[u8], number: u32, generation: u16) -> Vec<u8> {
        let key = self.object_key(method, number, generation);
        let decrypted = match method {
            Method::None => None,
            Method::Rc4 => rc4(&key, data),
            Method::Aes128 => data.split_at_checked(16).and_then(|(iv, data)| aes128(&key, iv, data)),
            Method::Aes256 => data.split_at_checked(16).and_then(|(iv, data)| aes256(&key, iv, data)),
        };
        decrypted.unwrap_or_else(|| data.to_vec())
    }

    pub fn decrypt_stream(&self, data: &[u8], dictionary: &Dictionary, number: u32, generation: u16) -> Vec<u8> {
        let is_plain = dictionary.is("Type", "XRef") || dictionary.is("Filter", "Crypt");
        if is_plain { data.to_vec() } else { self.decrypt(self.streams, data, number, generation) }
    }

    /// All texts within an object.
    pub fn decrypt_texts(&self, object: &mut Object, number: u32, generation: u16) {
        match object {
            Object::Text(text) => *text = self.decrypt(self.texts, text, number, generation),
            Object::Array(items) => items.iter_mut().for_each(|item| self.decrypt_texts(item, number, generation)),
            Object::Dictionary(dictionary) if !dictionary.is("Type", "XRef") => {
                dictionary.0.iter_mut().for_each(|(_, value)| self.decrypt_texts(value, number, generation));
            }
            _ => {}
        }
    }
}

fn method(dictionary: &Dictionary, key: &str) -> Option<Method> {
    let name = dictionary.name(key).unwrap_or("Identity");
    if name == "Identity" {
        return Some(Method::None);
    }
    let filter = dictionary.get("CF")?.dictionary()?.get(name)?.dictionary()?;
    match filter.name("CFM")? {
        "None" => Some(Method::None),
        "V2" => Some(Method::Rc4),
        "AESV2" => Some(Method::Aes128),
        "AESV3" => Some(Method::Aes256),
        _ => None,
    }
}

fn bytes<'a>(dictionary: &'a Dictionary, key: &str, length: usize) -> Option<&'a [u8]> {
    match dictionary.get(key)? {
        Object::Text(text) => text.get(..length),
        _ => None,
    }
}

/// Algorithm 2, and 6 to see whether the key is right.
fn old_key(dictionary: &Dictionary, revision: i64, id: &[u8]) -> Option<Vec<u8>> {
    let bits = dictionary.number("Length").unwrap_or(if revision >= 4 { 128 } else { 40 });
    let length = if revision == 2 { 5 } else { usize::try_from(bits / 8).ok()?.clamp(5, 16) };
    let permissions = dictionary.number("P")?.to_le_bytes();
    let mut digest = Md5::new();
    digest.update(PADDING);
    digest.update(bytes(dictionary, "O", 32)?);
    digest.update(&permissions[..4]);
    digest.update(id);
    if revision >= 4 && matches!(dictionary.get("EncryptMetadata"), Some(Object::Word(word)) if word == "false") {
        digest.update([0xff; 4]);
    }
    let mut key = digest.finalize().to_vec();
    if revision >= 3 {
        for _ in 0..50 {
            key = Md5::digest(&key[..length]).to_vec();
        }
    }
    key.truncate(length);
    let user = bytes(dictionary, "U", 32)?;
    let is_right = if revision == 2 {
        rc4(&key, &PADDING)? == user
    } else {
        let mut check = Md5::digest([&PADDING[..], id].concat()).to_vec();
        for round in 0..20_u8 {
            let round_key: Vec<u8> = key.iter().map(|byte| byte ^ round).collect();
            check = rc4(&round_key, &check)?;
        }
        check == user[..16]
    };
    is_right.then_some(key)
}

/// Algorithm 2.A: the file's key is in it, encrypted by a digest of the password.
fn new_key(dictionary: &Dictionary, revision: i64) -> Option<Vec<u8>> {
    let user = bytes(dictionary, "U", 48)?;
    let (check, salts) = user.split_at(32);
    let (validation, key_salt) = salts.split_at(8);
    let digest = |salt: &[u8]| if revision >= 6 { hardened(salt) } else { Some(Sha256::digest(salt).to_vec()) };
    if digest(validation)? != check {
        return None;
    }
    let encrypted = bytes(dictionary, "UE", 32)?;
    let cipher = cbc::Decryptor::<Aes256>::new_from_slices(&digest(key_salt)?, &[0; 16]).ok()?;
    cipher.decrypt_padded_vec::<NoPadding>(encrypted).ok()
}

/// Algorithm 2.B for the empty password.
fn hardened(salt: &[u8]) -> Option<Vec<u8>> {
    let mut key = Sha256::digest(salt).to_vec();
    // Ends after some 70 rounds; each has a chance to end from the 64th on.
    for round in 0..1_024_u32 {
        let repeated = key.repeat(64);
        let cipher = cbc::Encryptor::<Aes128>::new_from_slices(&key[..16], &key[16..32]).ok()?;
        let encrypted = cipher.encrypt_padded_vec::<NoPadding>(&repeated);
        let sum: u32 = encrypted[..16].iter().map(|&byte| u32::from(byte)).sum();
        key = match sum % 3 {
            0 => Sha256::digest(&encrypted).to_vec(),
            1 => Sha384::digest(&encrypted).to_vec(),
            _ => Sha512::digest(&encrypted).to_vec(),
        };
        if round >= 63 && u32::from(*encrypted.last()?) <= round - 31 {
            break;
        }
    }
    key.truncate(32);
    Some(key)
}

fn rc4(key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = data.to_vec();
    Rc4::new_from_slice(key).ok()?.apply_keystream(&mut bytes);
    Some(bytes)
}

fn aes128(key: &[u8], iv: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let whole = &data[..data.len() / 16 * 16];
    let cipher = cbc::Decryptor::<Aes128>::new_from_slices(key, iv).ok()?;
    cipher.decrypt_padded_vec::<NoPadding>(whole).ok().map(without_padding)
}

fn aes256(key: &[u8], iv: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let whole = &data[..data.len() / 16 * 16];
    let cipher = cbc::Decryptor::<Aes256>::new_from_slices(key, iv).ok()?;
    cipher.decrypt_padded_vec::<NoPadding>(whole).ok().map(without_padding)
}

/// Padding that is wrong is left, as readers do.
fn without_padding(mut data: Vec<u8>) -> Vec<u8> {
    let padding = usize::from(data.last().copied().unwrap_or(0));
    if (1..=16).contains(&padding) {
        data.truncate(data.len().saturating_sub(padding));
    }
    data
}
