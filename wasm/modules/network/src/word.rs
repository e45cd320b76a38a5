//! What a word says by itself: hashes, wallets, and the numbers of CVE and ATT&CK.

use crate::coin::{self, Ethereum};
use crate::ioc::{Hit, Kind, Tag};
use crate::text::{before, byte, slice, span_end, string};

/// The indicator that the word `start..end` is, or begins.
#[inline(always)]
pub fn at_word(text: &[u8], start: usize, end: usize) -> Option<Hit> {
    let word = slice(text, start, end);
    // Most words are short, and are none. Block sizes end far below 14 digits, and no other indicator is so short.
    match (word.len(), byte(text, start)) {
        (3, b'C' | b'c') if word.eq_ignore_ascii_case(b"CVE") => cve(text, start, end),
        (5 | 6, b'T') => attack(text, start, end),
        (..14, b'0'..=b'9') if byte(text, end) == b':' => ssdeep(text, start, end),
        (..14, _) => None,
        _ => long_word(word, start, end),
    }
}

fn long_word(word: &[u8], start: usize, end: usize) -> Option<Hit> {
    match word.len() {
        32 | 40 | 64 | 128 if all(word, u8::is_ascii_hexdigit) => hash(word, start, end),
        42 if word.starts_with(b"0x") => ethereum(word, start, end),
        14..=90 if coin::is_bitcoin(word) => {
            let value = if matches!(word, [b'B', ..]) { string(word).to_lowercase() } else { string(word) };
            Some(Hit::new(Kind::Bitcoin, value, start, end).tag(Tag::Checksum))
        }
        _ => None,
    }
}

/// Without a branch for each byte, so that vectors do it.
fn all(word: &[u8], fits: fn(&u8) -> bool) -> bool {
    word.iter().fold(true, |all, byte| all & fits(byte))
}

/// Different digits of a hash: of random ones fewer are rarer than one in 10^9, and patterns have fewer.
const LEAST_DIGITS: u32 = 6;

/// How many different ones a hexadecimal number has: the low five bits of ASCII tell them, of either case.
fn digits(word: &[u8]) -> u32 {
    word.iter().fold(0_u32, |seen, byte| seen | 1 << (byte & 0x1f)).count_ones()
}

fn hash(word: &[u8], start: usize, end: usize) -> Option<Hit> {
    let kind = match word.len() {
        32 => Kind::Md5,
        40 => Kind::Sha1,
        64 => Kind::Sha256,
        _ => Kind::Sha512,
    };
    // Of 32 hexadecimal digits, all are decimal in one of some 3,000,000: it is another number.
    let is_number = all(word, u8::is_ascii_digit);
    (digits(word) >= LEAST_DIGITS && !is_number).then(|| Hit::new(kind, string(&word.to_ascii_lowercase()), start, end))
}

fn ethereum(word: &[u8], start: usize, end: usize) -> Option<Hit> {
    let checked = coin::ethereum(word).filter(|_| digits(slice(word, 2, word.len())) >= LEAST_DIGITS)?;
    Some(Hit::new(Kind::Ethereum, string(word), start, end).tag_if(checked == Ethereum::Checked, Tag::Checksum))
}

/// `CVE-` year `-` four or more digits; people write a space for the first dash.
fn cve(text: &[u8], start: usize, end: usize) -> Option<Hit> {
    let digits = |at| span_end(text, at, 20, |byte| byte.is_ascii_digit());
    let year = digits(end + 1);
    let number = digits(year + 1);
    let dashes = |at| matches!(byte(text, at), b'-' | b'_');
    let fits = (dashes(end) || byte(text, end) == b' ')
        && year - end == 5
        && dashes(year)
        && (5..=8).contains(&(number - year));
    let is_year = matches!(slice(text, end + 1, year), [b'1', b'9', b'9', _] | [b'2', b'0', _, _]);
    let ends = !byte(text, number).is_ascii_alphanumeric();
    (fits && is_year && ends).then(|| {
        let value = format!("CVE-{}-{}", string(slice(text, end + 1, year)), string(slice(text, year + 1, number)));
        Hit::new(Kind::Cve, value, start, number)
    })
}

/// Techniques `T1059`, their parts `T1059.001`, and tactics `TA0002`.
fn attack(text: &[u8], start: usize, end: usize) -> Option<Hit> {
    let numbers = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
    if matches!(before(text, start), b'_' | b'-' | b'\\' | b'%' | b'+') || matches!(byte(text, end), b'_' | b'+' | b'=')
    {
        return None;
    }
    match slice(text, start, end) {
        [b'T', b'A', b'0', digits @ ..] if digits.len() == 3 && numbers(digits) => {
            Some(Hit::new(Kind::Attack, string(slice(text, start, end)), start, end))
        }
        [b'T', first @ (b'0' | b'1'), digits @ ..] if digits.len() == 3 && numbers(digits) => {
            let part = span_end(text, end + 1, 4, |byte| byte.is_ascii_digit());
            // The addresses of attack.mitre.org have a slash for the dot.
            let is_divided = matches!(byte(text, end), b'.' | b'/');
            let has_part = is_divided && part == end + 4 && !byte(text, part).is_ascii_alphanumeric();
            let end = if has_part && *first == b'1' { part } else { end };
            Some(Hit::new(Kind::Attack, string(slice(text, start, end)).replace('/', "."), start, end))
        }
        _ => None,
    }
}

/// The fewest letters of both parts of a fuzzy hash together, and of each: shorter ones look like times of day.
const LEAST_FUZZY: usize = 12;

/// `blocksize:hash:hash`, of which the first colon is at `end`, with a block size of 3 times a power of two, and at most 64
/// letters of base64 in each part.
fn ssdeep(text: &[u8], start: usize, end: usize) -> Option<Hit> {
    let size: u64 = std::str::from_utf8(slice(text, start, end)).ok()?.parse().ok()?;
    if !size.is_multiple_of(3) || !(size / 3).is_power_of_two() {
        return None;
    }
    let part = |at| span_end(text, at, 65, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+'));
    let first = part(end + 1);
    let second = part(first + 1);
    let (one, two) = (first - end - 1, second.saturating_sub(first + 1));
    let letters = slice(text, end + 1, second);
    let fits =
        byte(text, first) == b':' && (3..=64).contains(&one) && (1..=64).contains(&two) && one + two >= LEAST_FUZZY;
    let is_base64 = letters.iter().any(u8::is_ascii_uppercase) && letters.iter().any(u8::is_ascii_lowercase);
    (fits && is_base64).then(|| Hit::new(Kind::Ssdeep, string(slice(text, start, second)), start, second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::word_end;

    fn hit(text: &str) -> Option<(Kind, String)> {
        let bytes = text.as_bytes();
        at_word(bytes, 0, word_end(bytes, 0)).map(|hit| (hit.kind, hit.value))
    }

    #[test]
    fn hashes_are_told_by_their_length() {
        assert_eq!(hit("44D88612FEA8A8F36DE82E1278ABB02F").map(|hit| hit.0), Some(Kind::Md5));
        assert_eq!(hit("3395856ce81f2b7382dee72602f798b642f14140").map(|hit| hit.0), Some(Kind::Sha1));
        let sha256 = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f";
        assert_eq!(hit(sha256), Some((Kind::Sha256, sha256.to_owned())));
        assert_eq!(hit(&format!("{sha256}{sha256}")).map(|hit| hit.0), Some(Kind::Sha512));
        for other in ["0".repeat(32), "12345678".repeat(4), "ab".repeat(16), "g".repeat(32)] {
            assert_eq!(hit(&other), None, "{other}");
        }
    }

    #[test]
    fn wallets_of_every_length() {
        for wallet in ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"] {
            assert_eq!(hit(wallet), Some((Kind::Bitcoin, wallet.to_owned())));
        }
    }

    #[test]
    fn a_pattern_of_few_digits_is_no_wallet() {
        for digits in ["1111222233331111222233331111222233334444", "de0b6b3a7640000012345678"] {
            assert_eq!(hit(&format!("0x{digits}")), None, "{digits}");
        }
        let wallet = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
        assert_eq!(hit(wallet), Some((Kind::Ethereum, wallet.to_owned())));
    }

    #[test]
    fn numbers_of_catalogues() {
        assert_eq!(hit("cve-2021-44228,"), Some((Kind::Cve, "CVE-2021-44228".to_owned())));
        assert_eq!(hit("cve 2021-44228 "), Some((Kind::Cve, "CVE-2021-44228".to_owned())));
        assert_eq!(hit("CVE-2021-1"), None);
        assert_eq!(hit("CVE-1821-12345"), None);
        assert_eq!(hit("T1059.001:"), Some((Kind::Attack, "T1059.001".to_owned())));
        assert_eq!(hit("T1059/001"), Some((Kind::Attack, "T1059.001".to_owned())));
        assert_eq!(hit("T1059/0012"), Some((Kind::Attack, "T1059".to_owned())));
        assert_eq!(hit("T1059."), Some((Kind::Attack, "T1059".to_owned())));
        assert_eq!(hit("TA0002"), Some((Kind::Attack, "TA0002".to_owned())));
        assert_eq!(hit("T2059"), None);
    }

    #[test]
    fn fuzzy_hashes_have_a_block_size() {
        let text = "3072:IrsnJgcXVDmj0RhRWAQGHCBFwkVMwxdr8LR:IrsnJVXVDmjIwAQhFwFGkR";
        assert_eq!(hit(text), Some((Kind::Ssdeep, text.to_owned())));
        assert_eq!(hit("3073:IrsnJgcXVDmj0RhR:IrsnJVXV"), None);
        assert_eq!(hit("12:30:45"), None);
        assert_eq!(hit("26388279066624:IrsnJgcXVDmj0RhR:IrsnJVXV"), None);
    }
}
