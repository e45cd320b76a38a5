//! Addresses of Bitcoin and Ethereum, with their checksums.

use sha2::{Digest, Sha256};
use sha3::Keccak256;

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// BIP 173, and BIP 350 for witness version 1 and above.
const BECH32_SUM: u32 = 1;
const BECH32M_SUM: u32 = 0x2bc8_30a3;
/// Version byte, 20 bytes of hash, 4 of checksum.
const BASE58_BYTES: usize = 25;

/// An address of Bitcoin's main network: base58check (P2PKH, P2SH) or bech32 (segregated witness).
pub fn is_bitcoin(word: &[u8]) -> bool {
    match word {
        [b'1' | b'3', ..] => (26..=35).contains(&word.len()) && is_base58check(word),
        [b'b' | b'B', b'c' | b'C', b'1', data @ ..] => (14..=90).contains(&word.len()) && is_segwit(word, data),
        _ => false,
    }
}

fn is_base58check(word: &[u8]) -> bool {
    let Some(bytes) = base58(word) else { return false };
    let (body, sum) = bytes.split_at(BASE58_BYTES - 4);
    let leading = word.iter().take_while(|&&letter| letter == b'1').count();
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    matches!(bytes.first(), Some(0 | 5)) && leading == zeros && Sha256::digest(Sha256::digest(body)).starts_with(sum)
}

/// The number that the letters write, as the 25 bytes of an address.
fn base58(word: &[u8]) -> Option<[u8; BASE58_BYTES]> {
    let mut bytes = [0_u8; BASE58_BYTES];
    for letter in word {
        let mut carry = BASE58.iter().position(|known| known == letter)?;
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = u8::try_from(carry & 0xff).ok()?;
            carry >>= 8;
        }
        if carry > 0 {
            return None;
        }
    }
    Some(bytes)
}

fn is_segwit(word: &[u8], data: &[u8]) -> bool {
    let mixed = word.iter().any(u8::is_ascii_uppercase) && word.iter().any(u8::is_ascii_lowercase);
    let value = |letter: &u8| BECH32.iter().position(|known| *known == letter.to_ascii_lowercase());
    let Some(values) = data.iter().map(|letter| value(letter).and_then(|at| u32::try_from(at).ok())).collect() else {
        return false;
    };
    let values: Vec<u32> = values;
    let Some((&version, rest)) = values.split_first() else { return false };
    // Six letters are the checksum; a witness program has 2 - 40 bytes, of version 0 either 20 or 32.
    let bits = rest.len().saturating_sub(6) * 5;
    let (program, padding) = (bits / 8, bits % 8);
    let length_fits = if version == 0 { matches!(program, 20 | 32) } else { (2..=40).contains(&program) };
    let sum = if version == 0 { BECH32_SUM } else { BECH32M_SUM };
    !mixed && version <= 16 && padding < 5 && length_fits && polymod(&values) == sum
}

/// The checksum of BIP 173 over the human-readable part `bc` and the data.
fn polymod(values: &[u32]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    const PREFIX: [u32; 5] = [3, 3, 0, 2, 3];
    PREFIX.iter().chain(values).fold(1, |sum: u32, value| {
        let top = sum >> 25;
        let shifted = ((sum & 0x01ff_ffff) << 5) ^ value;
        GENERATOR.iter().enumerate().filter(|(bit, _)| (top >> bit) & 1 == 1).fold(shifted, |sum, (_, part)| sum ^ part)
    })
}

/// What an address of Ethereum says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ethereum {
    /// In letters of one case: there is no checksum.
    Plain,
    /// Letters of both cases, as EIP-55 demands.
    Checked,
}

/// `0x` and 40 hexadecimal digits.
pub fn ethereum(word: &[u8]) -> Option<Ethereum> {
    let digits =
        word.strip_prefix(b"0x").filter(|digits| digits.len() == 40 && digits.iter().all(u8::is_ascii_hexdigit))?;
    let (upper, lower) = (digits.iter().any(u8::is_ascii_uppercase), digits.iter().any(u8::is_ascii_lowercase));
    if !(upper && lower) {
        return Some(Ethereum::Plain);
    }
    let digest = Keccak256::digest(digits.to_ascii_lowercase());
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let fits = |(digit, nibble): (&u8, u8)| !digit.is_ascii_alphabetic() || digit.is_ascii_uppercase() == (nibble >= 8);
    digits.iter().zip(nibbles).all(fits).then_some(Ethereum::Checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bip_173_and_350_vectors() {
        for valid in [
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
            "BC1SW50QGDZ25J",
            "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        ] {
            assert!(is_bitcoin(valid.as_bytes()), "{valid}");
        }
        for invalid in [
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
            "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
            "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
            "bc1pw5dgrnzv",
        ] {
            assert!(!is_bitcoin(invalid.as_bytes()), "{invalid}");
        }
    }

    #[test]
    fn base58check_needs_its_checksum() {
        assert!(is_bitcoin(b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"));
        assert!(is_bitcoin(b"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"));
        assert!(!is_bitcoin(b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"));
        assert!(!is_bitcoin(b"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNL0"));
    }

    #[test]
    fn eip_55_vectors() {
        for valid in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            assert_eq!(ethereum(valid.as_bytes()), Some(Ethereum::Checked), "{valid}");
            assert_eq!(ethereum(valid.to_ascii_lowercase().as_bytes()), Some(Ethereum::Plain));
        }
        assert_eq!(ethereum(b"0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"), None);
    }
}
