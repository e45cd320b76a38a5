//! Functions of `execute` against published vectors.

mod common;

use common::call;
use serde_json::{Value, json};

fn digest(function: &str, args: &Value) -> String {
    call(function, args, None).expect("an answer").0["hex"].as_str().expect("a text").to_owned()
}

fn bytes(function: &str, args: &Value) -> String {
    call(function, args, None).expect("an answer").0["begins"].as_str().expect("a text").to_owned()
}

#[test]
fn digests_of_abc_are_those_of_rfc_1321_and_fips_180_and_202() {
    for (algorithm, expected) in [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("sha384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"),
        (
            "sha512",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        ("sha3-256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
    ] {
        assert_eq!(digest("hash", &json!({"algorithm": algorithm, "data": "text:abc"})), expected, "{algorithm}");
    }
}

#[test]
fn hmac_is_that_of_rfc_4231_and_2202() {
    let jefe = |algorithm: &str| {
        let args = json!({"algorithm": algorithm, "key": "text:Jefe", "data": "text:what do ya want for nothing?"});
        digest("hmac", &args)
    };
    assert_eq!(jefe("sha256"), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_eq!(jefe("sha224"), "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44");
    assert_eq!(
        jefe("sha512"),
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
         9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
    );
    assert_eq!(jefe("md5"), "750c783e6ab0b503eaa86e310a5db738");
    assert_eq!(jefe("sha1"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

/// NIST SP 800-38A, F.2.1, F.2.5 and F.5.1.
#[test]
fn aes_is_that_of_sp_800_38a() {
    let key = "2b7e151628aed2a6abf7158809cf4f3c";
    let plain = "6bc1bee22e409f96e93d7e117393172a";
    let iv = "000102030405060708090a0b0c0d0e0f";
    let cbc = |key: &str, direction: &str, data: &str| {
        bytes("aes-cbc", &json!({"key": key, "iv": iv, "direction": direction, "padding": "none", "data": data}))
    };
    assert_eq!(cbc(key, "encrypt", plain), "7649abac8119b246cee98e9b12e9197d");
    assert_eq!(cbc(key, "decrypt", "7649abac8119b246cee98e9b12e9197d"), plain);
    let long = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
    assert_eq!(cbc(long, "decrypt", "f58c4c04d6e5f1ba779eabfb5f7bfbd6"), plain);
    let middle = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b";
    assert_eq!(cbc(middle, "encrypt", plain), "4f021db243bc633d7178183a9fa071e8");
    let counter = json!({"key": key, "iv": "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "data": plain});
    assert_eq!(bytes("aes-ctr", &counter), "874d6191b620e3261bef6864990db6ce");
}

#[test]
fn padding_is_added_and_taken_away() {
    let args = |direction: &str, data: &str| json!({"key": "00".repeat(16), "iv": "00".repeat(16), "direction": direction, "data": data});
    let hidden = bytes("aes-cbc", &args("encrypt", "text:attack at dawn, all of you"));
    assert_eq!(hidden.len(), 64);
    let (plain, _) = call("aes-cbc", &args("decrypt", &hidden), None).expect("an answer");
    assert_eq!(plain["text"], "attack at dawn, all of you");
}

/// McGrew and Viega, "The Galois/Counter Mode of operation", test cases 4 and 13.
#[test]
fn gcm_is_that_of_its_authors() {
    let args = json!({
        "key": "feffe9928665731c6d6a8f9467308308", "nonce": "cafebabefacedbaddecaf888", "direction": "encrypt",
        "aad": "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "data": "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    });
    let expected = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091\
                    5bc94fbc3221a5db94fae95ae7121a47";
    assert_eq!(bytes("aes-gcm", &args), expected);
    let mut back = args.clone();
    (back["direction"], back["data"]) = (json!("decrypt"), json!(expected));
    assert_eq!(bytes("aes-gcm", &back), args["data"]);
    back["aad"] = json!("00");
    assert!(call("aes-gcm", &back, None).is_err());
    let empty = json!({"key": "00".repeat(32), "nonce": "00".repeat(12), "direction": "encrypt", "data": ""});
    assert_eq!(bytes("aes-gcm", &empty), "530f8afbc74536b9a963b4f1c4cb738b");
}

/// RFC 8439, 2.4.2.
#[test]
fn chacha20_is_that_of_rfc_8439() {
    let key: String = (0..32).map(|byte| format!("{byte:02x}")).collect();
    let text = "text:Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                sunscreen would be it.";
    let args = json!({"key": key, "nonce": "000000000000004a00000000", "counter": 1, "data": text});
    assert!(bytes("chacha20", &args).starts_with("6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b"));
}

/// RFC 6229: the first 16 bytes of the key stream of 0102030405; and RFC 6070; and RFC 7914, 11.
#[test]
fn rc4_and_pbkdf2_are_those_of_the_rfcs() {
    let stream = json!({"key": "0102030405", "data": "00".repeat(16)});
    assert_eq!(bytes("rc4", &stream), "b2396305f03dc027ccc3524a0a1118a8");
    let derive = |iterations: u32| {
        let args = json!({"algorithm": "sha1", "password": "text:password", "salt": "text:salt", "iterations": iterations, "length": 20});
        bytes("pbkdf2", &args)
    };
    assert_eq!(derive(1), "0c60c80f961f0e71f3a9b524af6012062fe037a6");
    assert_eq!(derive(4_096), "4b007901b765489abead49d926f721d065a429c1");
    let args = json!({"password": "text:passwd", "salt": "text:salt", "iterations": 1, "length": 16});
    assert_eq!(bytes("pbkdf2", &args), "55ac046e56e3089fec1691c22544b605");
}

#[test]
fn a_part_of_the_sample_is_taken() {
    let sample = b"....hello";
    let args = json!({"key": "20", "offset": 4, "length": 5});
    let (data, _) = call("xor", &args, Some(sample)).expect("an answer");
    assert_eq!((data["text"].as_str(), data["base64"].as_str()), (Some("HELLO"), Some("SEVMTE8=")));
}

#[test]
fn what_cannot_be_is_refused() {
    for (function, args, code) in [
        ("hash", json!({"algorithm": "crc", "data": "00"}), "invalid_args"),
        ("hash", json!({"algorithm": "md5", "data": "0"}), "invalid_args"),
        ("hash", json!({"algorithm": "md5", "data": "00", "offset": 2}), "invalid_args"),
        ("hash", json!({"algorithm": "md5", "data": "00", "length": 2}), "invalid_args"),
        ("hash", json!({"algorithm": "md5"}), "no_sample"),
        ("aes-cbc", json!({"key": "00", "iv": "00".repeat(16), "data": ""}), "invalid_args"),
        ("aes-cbc", json!({"key": "00".repeat(16), "iv": "00".repeat(16), "data": "00"}), "invalid_args"),
        ("aes-gcm", json!({"key": "00".repeat(16), "nonce": "00".repeat(12), "data": "00"}), "invalid_args"),
        ("chacha20", json!({"key": "00".repeat(32), "nonce": "00".repeat(8), "data": "00"}), "invalid_args"),
        ("rc4", json!({"key": "", "data": "00"}), "invalid_args"),
        ("xor", json!({"key": "", "data": "00"}), "invalid_args"),
        ("xor", json!({"key": "zz", "data": "00"}), "invalid_args"),
        ("pbkdf2", json!({"password": "", "salt": "", "iterations": 4_000_001}), "invalid_args"),
        ("pbkdf2", json!({"password": "", "salt": "", "iterations": 2_000_001, "length": 33}), "invalid_args"),
        ("pbkdf2", json!({"password": "", "salt": "", "iterations": 1, "length": 1025}), "invalid_args"),
        ("rot13", json!({}), "unknown_function"),
        ("analyze", json!({"quick": true}), "invalid_args"),
        ("analyze", json!({}), "no_sample"),
    ] {
        let refusal = call(function, &args, None).err();
        assert_eq!(refusal.map(|refusal| refusal.code), Some(code), "{function} {args}");
    }
}
