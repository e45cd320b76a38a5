//! Words that code loads as immediates or keeps in short lists. One of them alone says little; `least` of a set near
//! each other do.

use super::Category;
use super::Category::{BlockCipher, Checksum, Hash, Random, StreamCipher};

/// A word of 32 or 64 bits, looked for in little-endian order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    W32(u32),
    W64(u64),
}

pub struct Set {
    pub algorithm: &'static str,
    pub category: Category,
    pub what: &'static str,
    /// Different words that must be within `NEAR` bytes.
    pub least: usize,
    pub words: &'static [Word],
}

use Word::{W32, W64};

const fn set(
    algorithm: &'static str,
    category: Category,
    what: &'static str,
    least: usize,
    words: &'static [Word],
) -> Set {
    Set { algorithm, category, what, least, words }
}

/// Named here, since it counts only where none of its successors' words are.
pub const MD4: &str = "MD4";
pub const MD4_SUCCESSORS: [&str; 2] = ["SHA-1", "RIPEMD"];

pub static WORDS: &[Set] = &[
    // RFC 1320 and 1321, 3.3; the first four of SHA-1's and RIPEMD-160's five.
    set(
        "MD4, MD5, SHA-1 or RIPEMD",
        Hash,
        "initial state",
        4,
        &[W32(0x6745_2301), W32(0xefcd_ab89), W32(0x98ba_dcfe), W32(0x1032_5476)],
    ),
    // RFC 1321, 3.4: the first constants of each round, which unrolled code has one by one.
    set(
        "MD5",
        Hash,
        "round constants in code",
        5,
        &[
            W32(0xd76a_a478),
            W32(0xe8c7_b756),
            W32(0x2420_70db),
            W32(0xc1bd_ceee),
            W32(0xf57c_0faf),
            W32(0x4787_c62a),
            W32(0xa830_4613),
            W32(0xfd46_9501),
            W32(0x6980_98d8),
            W32(0x8b44_f7af),
            W32(0xffff_5bb1),
            W32(0x895c_d7be),
        ],
    ),
    // RFC 1320, 3.4. Its successors have them among their own.
    set(MD4, Hash, "round constants", 2, &[W32(0x5a82_7999), W32(0x6ed9_eba1)]),
    // FIPS 180-4, 4.2.1.
    set("SHA-1", Hash, "round constants", 4, &[W32(0x5a82_7999), W32(0x6ed9_eba1), W32(0x8f1b_bcdc), W32(0xca62_c1d6)]),
    // Dobbertin, Bosselaers and Preneel, "RIPEMD-160", 1996: those of the parallel rounds, and of the fifth.
    set(
        "RIPEMD",
        Hash,
        "round constants",
        3,
        &[W32(0x50a2_8be6), W32(0x5c4d_d124), W32(0x6d70_3ef3), W32(0x7a6d_76e9), W32(0xa953_fd4e)],
    ),
    // FIPS 180-4, 5.3.3.
    set(
        "SHA-256 or BLAKE2s",
        Hash,
        "initial state in code",
        5,
        &[
            W32(0x6a09_e667),
            W32(0xbb67_ae85),
            W32(0x3c6e_f372),
            W32(0xa54f_f53a),
            W32(0x510e_527f),
            W32(0x9b05_688c),
            W32(0x1f83_d9ab),
            W32(0x5be0_cd19),
        ],
    ),
    // FIPS 180-4, 4.2.2: unrolled code.
    set(
        "SHA-256",
        Hash,
        "round constants in code",
        5,
        &[
            W32(0x428a_2f98),
            W32(0x7137_4491),
            W32(0xb5c0_fbcf),
            W32(0xe9b5_dba5),
            W32(0x3956_c25b),
            W32(0x59f1_11f1),
            W32(0x923f_82a4),
            W32(0xab1c_5ed5),
        ],
    ),
    // FIPS 180-4, 5.3.5.
    set(
        "SHA-512 or BLAKE2b",
        Hash,
        "initial state in code",
        4,
        &[
            W64(0x6a09_e667_f3bc_c908),
            W64(0xbb67_ae85_84ca_a73b),
            W64(0x3c6e_f372_fe94_f82b),
            W64(0xa54f_f53a_5f1d_36f1),
            W64(0x510e_527f_ade6_82d1),
            W64(0x9b05_688c_2b3e_6c1f),
        ],
    ),
    // GB/T 32905-2016, 4.1.
    set(
        "SM3",
        Hash,
        "initial state",
        4,
        &[
            W32(0x7380_166f),
            W32(0x4914_b2b9),
            W32(0x1724_42d7),
            W32(0xda8a_0600),
            W32(0xa96f_30bc),
            W32(0x1631_38aa),
            W32(0xe38d_ee4d),
            W32(0xb0fb_0e4e),
        ],
    ),
    // Anderson and Biham, "Tiger", 1996.
    set(
        "Tiger",
        Hash,
        "initial state",
        3,
        &[W64(0x0123_4567_89ab_cdef), W64(0xfedc_ba98_7654_3210), W64(0xf096_a5b4_c3b2_e187)],
    ),
    // Aumasson and Bernstein, "SipHash", 2012: "somepseudorandomlygeneratedbytes".
    set(
        "SipHash",
        Hash,
        "initial state",
        3,
        &[
            W64(0x736f_6d65_7073_6575),
            W64(0x646f_7261_6e64_6f6d),
            W64(0x6c79_6765_6e65_7261),
            W64(0x7465_6462_7974_6573),
        ],
    ),
    // Bernstein, "ChaCha, a variant of Salsa20", 2008: "expand 32-byte k", word by word.
    set(
        "ChaCha or Salsa20",
        StreamCipher,
        "sigma in code",
        4,
        &[W32(0x6170_7865), W32(0x3320_646e), W32(0x7962_2d32), W32(0x6b20_6574)],
    ),
    // The same for keys of 128 bits: "expand 16-byte k".
    set(
        "ChaCha or Salsa20",
        StreamCipher,
        "tau in code",
        4,
        &[W32(0x6170_7865), W32(0x3120_646e), W32(0x7962_2d36), W32(0x6b20_6574)],
    ),
    // Wheeler and Needham, "TEA", 1994: delta or its negative, and 32 times delta, where decryption begins. Delta and its
    // negative are one constant to a compiler, and other ciphers have it too.
    set("TEA family", BlockCipher, "delta and its sum", 2, &[W32(0x9e37_79b9), W32(0xc6ef_3720)]),
    set("TEA family", BlockCipher, "-delta and its sum", 2, &[W32(0x61c8_8647), W32(0xc6ef_3720)]),
    // RFC 2040, 8: P32 and Q32; RC6 has the same. Q32 is TEA's delta, so that P32 is what tells.
    set("RC5 or RC6", BlockCipher, "P and Q", 2, &[W32(0xb7e1_5163), W32(0x9e37_79b9)]),
    set("RC5 or RC6", BlockCipher, "P and -Q", 2, &[W32(0xb7e1_5163), W32(0x61c8_8647)]),
    set("RC5 or RC6", BlockCipher, "P and Q of 64 bits", 2, &[W64(0xb7e1_5162_8aed_2a6b), W64(0x9e37_79b9_7f4a_7c15)]),
    // RFC 3713, 2.2: Sigma 1 to 4.
    set(
        "Camellia",
        BlockCipher,
        "key schedule constants",
        3,
        &[
            W64(0xa09e_667f_3bcc_908b),
            W64(0xb67a_e858_4caa_73b2),
            W64(0xc6ef_372f_e94f_82be),
            W64(0x54ff_53a5_f1d3_6f1c),
        ],
    ),
    // RFC 1950, 8: the modulus, the longest run without division, and the reciprocal that compilers use.
    set("Adler-32", Checksum, "modulus", 2, &[W32(0x0000_fff1), W32(0x0000_15b0), W32(0x8007_8071)]),
    // RFC 9923: prime and offset basis.
    set("FNV-1", Hash, "prime and offset", 2, &[W32(0x811c_9dc5), W32(0x0100_0193)]),
    set("FNV-1", Hash, "prime and offset of 64 bits", 2, &[W64(0xcbf2_9ce4_8422_2325), W64(0x0000_0100_0000_01b3)]),
    // Austin Appleby's SMHasher.
    set(
        "MurmurHash3",
        Hash,
        "constants",
        3,
        &[W32(0xcc9e_2d51), W32(0x1b87_3593), W32(0xe654_6b64), W32(0x85eb_ca6b), W32(0xc2b2_ae35)],
    ),
    // Yann Collet, "xxHash fast digest algorithm": the primes.
    set(
        "xxHash",
        Hash,
        "primes of 32 bits",
        3,
        &[W32(0x9e37_79b1), W32(0x85eb_ca77), W32(0xc2b2_ae3d), W32(0x27d4_eb2f), W32(0x1656_67b1)],
    ),
    set(
        "xxHash",
        Hash,
        "primes of 64 bits",
        3,
        &[
            W64(0x9e37_79b1_85eb_ca87),
            W64(0xc2b2_ae3d_27d4_eb4f),
            W64(0x1656_67b1_9e37_79f9),
            W64(0x85eb_ca77_c2b2_ae63),
            W64(0x27d4_eb2f_1656_67c5),
        ],
    ),
    // Matsumoto and Nishimura, "Mersenne Twister", 1998: tempering masks, twist, and the seeding of 2002.
    set(
        "Mersenne Twister",
        Random,
        "masks",
        2,
        &[W32(0x9d2c_5680), W32(0xefc6_0000), W32(0x9908_b0df), W32(0x6c07_8965)],
    ),
    // Microsoft's rand(): a multiplier and an increment.
    set("LCG of Microsoft's C library", Random, "multiplier and increment", 2, &[W32(214_013), W32(2_531_011)]),
];
