//! Texts that tell of cryptography: names of functions, of providers, and alphabets; and where keys begin.

use crate::tables::Category;

/// Whether a text is also, or only, looked for in UTF-16LE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wide {
    Never,
    Also,
    Only,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A function's or class's name, its library and purpose.
    Api(&'static str, &'static str),
    /// Bytes that tell of an algorithm, and what they are.
    Constant(&'static str, Category, &'static str),
    /// Here may be a key: see `keys`.
    Key(Marker),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    Pem,
    /// PUBLICKEYBLOB and PRIVATEKEYBLOB of CryptoAPI, from their first byte.
    CapiPublic,
    CapiPrivate,
    PuttyPrivate,
    OpenSshPublic,
    /// SEC 1: INTEGER 1 and OCTET STRING of 32, 48 or 66 bytes, the inside of an ECPrivateKey.
    EcPrivate,
    /// RFC 8410, 7: the inside of a PrivateKeyInfo for Ed25519.
    EdwardsPrivate,
    /// RFC 5480 and RFC 8410: the inside of a SubjectPublicKeyInfo.
    PublicInfo,
}

pub struct Text {
    pub bytes: &'static [u8],
    pub kind: Kind,
    pub wide: Wide,
}

const fn api(library: &'static str, purpose: &'static str, name: &'static str) -> Text {
    Text { bytes: name.as_bytes(), kind: Kind::Api(library, purpose), wide: Wide::Never }
}

const fn wide(library: &'static str, purpose: &'static str, name: &'static str) -> Text {
    Text { bytes: name.as_bytes(), kind: Kind::Api(library, purpose), wide: Wide::Also }
}

const fn constant(algorithm: &'static str, category: Category, what: &'static str, bytes: &'static [u8]) -> Text {
    Text { bytes, kind: Kind::Constant(algorithm, category, what), wide: Wide::Never }
}

const fn key(marker: Marker, bytes: &'static [u8]) -> Text {
    Text { bytes, kind: Kind::Key(marker), wide: Wide::Never }
}

use Category::{Encoding, PublicKey, StreamCipher};

pub static TEXTS: &[Text] = &[
    // Microsoft's documentation of CryptoAPI blobs: type, version, reserved, CALG_RSA_KEYX, "RSA1" or "RSA2".
    key(Marker::CapiPublic, b"\x06\x02\x00\x00\x00\xa4\x00\x00RSA1"),
    key(Marker::CapiPrivate, b"\x07\x02\x00\x00\x00\xa4\x00\x00RSA2"),
    Text { bytes: b"-----BEGIN ", kind: Kind::Key(Marker::Pem), wide: Wide::Also },
    key(Marker::PuttyPrivate, b"PuTTY-User-Key-File-"),
    key(Marker::OpenSshPublic, b"ssh-rsa AAAA"),
    key(Marker::OpenSshPublic, b"ssh-ed25519 AAAA"),
    key(Marker::EdwardsPrivate, b"\x06\x03\x2b\x65\x70\x04\x22\x04\x20"),
    key(Marker::EdwardsPrivate, b"\x06\x03\x2b\x65\x6e\x04\x22\x04\x20"),
    key(Marker::PublicInfo, b"\x06\x03\x2b\x65\x70\x03\x21\x00"),
    key(Marker::PublicInfo, b"\x06\x03\x2b\x65\x6e\x03\x21\x00"),
    key(Marker::PublicInfo, b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"),
    key(Marker::EcPrivate, b"\x02\x01\x01\x04\x20"),
    key(Marker::EcPrivate, b"\x02\x01\x01\x04\x30"),
    key(Marker::EcPrivate, b"\x02\x01\x01\x04\x42"),
    constant("ChaCha or Salsa20", StreamCipher, "sigma", b"expand 32-byte k"),
    constant("ChaCha or Salsa20", StreamCipher, "tau", b"expand 16-byte k"),
    // RFC 8017, appendix C; RFC 5480, 2.1.1.
    constant("RSA", PublicKey, "object identifier", b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"),
    constant("Elliptic curves", PublicKey, "object identifier", b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"),
    constant("Curve P-256", PublicKey, "object identifier", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"),
    // RFC 4648, 6 and 7; Bitcoin's base58; RFC 1924 and ZeroMQ's RFC 32.
    constant("Base32", Encoding, "alphabet", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    constant("Base32", Encoding, "alphabet in hexadecimal order", b"0123456789ABCDEFGHIJKLMNOPQRSTUV"),
    constant("Base32", Encoding, "alphabet of z-base-32", b"ybndrfg8ejkmcpqxot1uwisza345h769"),
    constant("Base58", Encoding, "alphabet", b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"),
    constant(
        "Base85",
        Encoding,
        "alphabet",
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
    ),
    constant(
        "Base85",
        Encoding,
        "alphabet of Z85",
        b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
    ),
    api("CryptoAPI", "key", "CryptAcquireContext"),
    api("CryptoAPI", "key", "CryptGenKey"),
    api("CryptoAPI", "key", "CryptDeriveKey"),
    api("CryptoAPI", "key", "CryptImportKey"),
    api("CryptoAPI", "key", "CryptExportKey"),
    api("CryptoAPI", "key", "CryptSetKeyParam"),
    api("CryptoAPI", "key", "CryptDestroyKey"),
    api("CryptoAPI", "key", "CryptImportPublicKeyInfo"),
    api("CryptoAPI", "key", "CryptReleaseContext"),
    api("CryptoAPI", "encrypt", "CryptEncrypt"),
    api("CryptoAPI", "encrypt", "CryptEncryptMessage"),
    api("CryptoAPI", "encrypt", "CryptProtectData"),
    api("CryptoAPI", "encrypt", "CryptProtectMemory"),
    api("CryptoAPI", "encrypt", "SystemFunction032"),
    api("CryptoAPI", "encrypt", "SystemFunction040"),
    api("CryptoAPI", "decrypt", "CryptDecrypt"),
    api("CryptoAPI", "decrypt", "CryptDecryptMessage"),
    api("CryptoAPI", "decrypt", "CryptUnprotectData"),
    api("CryptoAPI", "decrypt", "CryptUnprotectMemory"),
    api("CryptoAPI", "decrypt", "SystemFunction033"),
    api("CryptoAPI", "decrypt", "SystemFunction041"),
    api("CryptoAPI", "hash", "CryptCreateHash"),
    api("CryptoAPI", "hash", "CryptHashData"),
    api("CryptoAPI", "hash", "CryptGetHashParam"),
    api("CryptoAPI", "random", "CryptGenRandom"),
    api("CryptoAPI", "random", "SystemFunction036"),
    api("CryptoAPI", "random", "RtlGenRandom"),
    api("CryptoAPI", "encode", "CryptStringToBinary"),
    api("CryptoAPI", "encode", "CryptBinaryToString"),
    api("CryptoAPI", "encode", "CryptDecodeObject"),
    api("CNG", "key", "BCryptOpenAlgorithmProvider"),
    api("CNG", "key", "BCryptGenerateSymmetricKey"),
    api("CNG", "key", "BCryptGenerateKeyPair"),
    api("CNG", "key", "BCryptImportKey"),
    api("CNG", "key", "BCryptImportKeyPair"),
    api("CNG", "key", "BCryptExportKey"),
    api("CNG", "key", "BCryptDeriveKey"),
    api("CNG", "key", "BCryptDeriveKeyPBKDF2"),
    api("CNG", "key", "NCryptOpenStorageProvider"),
    api("CNG", "key", "NCryptImportKey"),
    api("CNG", "key", "NCryptOpenKey"),
    api("CNG", "encrypt", "BCryptEncrypt"),
    api("CNG", "encrypt", "NCryptEncrypt"),
    api("CNG", "decrypt", "BCryptDecrypt"),
    api("CNG", "decrypt", "NCryptDecrypt"),
    api("CNG", "hash", "BCryptCreateHash"),
    api("CNG", "hash", "BCryptHashData"),
    api("CNG", "hash", "BCryptFinishHash"),
    api("CNG", "random", "BCryptGenRandom"),
    api("OpenSSL", "encrypt", "EVP_EncryptInit"),
    api("OpenSSL", "encrypt", "EVP_EncryptUpdate"),
    api("OpenSSL", "encrypt", "EVP_CipherInit"),
    api("OpenSSL", "encrypt", "EVP_SealInit"),
    api("OpenSSL", "encrypt", "EVP_PKEY_encrypt"),
    api("OpenSSL", "encrypt", "AES_encrypt"),
    api("OpenSSL", "encrypt", "AES_cbc_encrypt"),
    api("OpenSSL", "encrypt", "RSA_public_encrypt"),
    api("OpenSSL", "encrypt", "DES_ecb_encrypt"),
    api("OpenSSL", "encrypt", "DES_ncbc_encrypt"),
    api("OpenSSL", "encrypt", "BF_cbc_encrypt"),
    api("OpenSSL", "decrypt", "EVP_DecryptInit"),
    api("OpenSSL", "decrypt", "EVP_DecryptUpdate"),
    api("OpenSSL", "decrypt", "EVP_OpenInit"),
    api("OpenSSL", "decrypt", "EVP_PKEY_decrypt"),
    api("OpenSSL", "decrypt", "AES_decrypt"),
    api("OpenSSL", "decrypt", "RSA_private_decrypt"),
    api("OpenSSL", "key", "EVP_BytesToKey"),
    api("OpenSSL", "key", "AES_set_encrypt_key"),
    api("OpenSSL", "key", "AES_set_decrypt_key"),
    api("OpenSSL", "key", "RC4_set_key"),
    api("OpenSSL", "key", "BF_set_key"),
    api("OpenSSL", "key", "PKCS5_PBKDF2_HMAC"),
    api("OpenSSL", "key", "PEM_read_bio_RSA_PUBKEY"),
    api("OpenSSL", "key", "PEM_read_bio_PrivateKey"),
    api("OpenSSL", "hash", "EVP_DigestInit"),
    api("OpenSSL", "hash", "EVP_DigestUpdate"),
    api("OpenSSL", "hash", "MD5_Init"),
    api("OpenSSL", "hash", "SHA1_Init"),
    api("OpenSSL", "hash", "SHA256_Init"),
    api("OpenSSL", "hash", "HMAC_Init"),
    api("OpenSSL", "random", "RAND_bytes"),
    api("mbed TLS", "encrypt", "mbedtls_aes_crypt_cbc"),
    api("mbed TLS", "encrypt", "mbedtls_aes_crypt_ctr"),
    api("mbed TLS", "encrypt", "mbedtls_gcm_crypt_and_tag"),
    api("mbed TLS", "encrypt", "mbedtls_rsa_pkcs1_encrypt"),
    api("mbed TLS", "decrypt", "mbedtls_gcm_auth_decrypt"),
    api("mbed TLS", "decrypt", "mbedtls_rsa_pkcs1_decrypt"),
    api("mbed TLS", "key", "mbedtls_aes_setkey_enc"),
    api("mbed TLS", "key", "mbedtls_pk_parse_key"),
    api("mbed TLS", "key", "mbedtls_pk_parse_public_key"),
    api("Libgcrypt", "encrypt", "gcry_cipher_encrypt"),
    api("Libgcrypt", "encrypt", "gcry_pk_encrypt"),
    api("Libgcrypt", "decrypt", "gcry_cipher_decrypt"),
    api("Libgcrypt", "decrypt", "gcry_pk_decrypt"),
    api("Libgcrypt", "key", "gcry_cipher_open"),
    api("Libgcrypt", "key", "gcry_cipher_setkey"),
    api("libsodium", "encrypt", "crypto_secretbox_easy"),
    api("libsodium", "encrypt", "crypto_box_easy"),
    api("libsodium", "encrypt", "crypto_box_seal"),
    api("libsodium", "encrypt", "crypto_stream_xor"),
    api("libsodium", "encrypt", "crypto_aead_chacha20poly1305_encrypt"),
    api("libsodium", "decrypt", "crypto_secretbox_open_easy"),
    api("libsodium", "decrypt", "crypto_box_seal_open"),
    api("libsodium", "random", "randombytes_buf"),
    api("CommonCrypto", "encrypt", "CCCrypt"),
    api("CommonCrypto", "encrypt", "CCCryptorCreate"),
    api("CommonCrypto", "encrypt", "SecKeyEncrypt"),
    api("CommonCrypto", "encrypt", "SecKeyCreateEncryptedData"),
    api("CommonCrypto", "key", "CCKeyDerivationPBKDF"),
    api("CommonCrypto", "random", "SecRandomCopyBytes"),
    api(".NET", "encrypt", "CreateEncryptor"),
    api(".NET", "encrypt", "RijndaelManaged"),
    api(".NET", "encrypt", "AesManaged"),
    api(".NET", "encrypt", "AesCryptoServiceProvider"),
    api(".NET", "encrypt", "TripleDESCryptoServiceProvider"),
    api(".NET", "encrypt", "RSACryptoServiceProvider"),
    api(".NET", "decrypt", "CreateDecryptor"),
    api(".NET", "key", "Rfc2898DeriveBytes"),
    api(".NET", "encode", "FromBase64String"),
    api(".NET", "encode", "ToBase64String"),
    api("Java", "encrypt", "javax/crypto/Cipher"),
    api("Java", "key", "javax/crypto/spec/SecretKeySpec"),
    api("Java", "key", "javax/crypto/spec/PBEKeySpec"),
    api("Java", "hash", "java/security/MessageDigest"),
    api("Go", "encrypt", "crypto/aes"),
    api("Go", "encrypt", "crypto/cipher"),
    api("Go", "encrypt", "crypto/rc4"),
    api("Go", "encrypt", "crypto/rsa"),
    api("Go", "encrypt", "crypto/des"),
    api("Go", "encrypt", "x/crypto/chacha20"),
    api("Go", "encrypt", "x/crypto/nacl/secretbox"),
    wide("CNG", "key", "ChainingModeCBC"),
    wide("CNG", "key", "ChainingModeGCM"),
    wide("CNG", "key", "ChainingModeECB"),
    wide("CryptoAPI", "key", "Microsoft Enhanced RSA and AES Cryptographic Provider"),
    wide("CryptoAPI", "key", "Microsoft Enhanced Cryptographic Provider"),
    wide("CryptoAPI", "key", "Microsoft Strong Cryptographic Provider"),
];
