//! The score of two ssdeep hashes, from 0 to 100, as ssdeep 2.14 gives it.

/// Characters of each part, at most: more is no hash.
const LENGTH: usize = 64;
/// Characters that two parts must have in common in one piece.
const WINDOW: usize = 7;
const SMALLEST: u64 = 3;

struct Hash {
    block: u64,
    /// Pieces of the block size, and of twice the block size.
    parts: [Vec<u8>; 2],
}

/// None if one of them is no hash.
pub fn compare(first: &str, second: &str) -> Option<u32> {
    let (first, second) = (Hash::parse(first)?, Hash::parse(second)?);
    if first.block == second.block && first.parts == second.parts {
        return Some(100);
    }
    let [one, two] = [&first.parts, &second.parts];
    Some(if first.block == second.block {
        score(&one[0], &two[0], first.block).max(score(&one[1], &two[1], 2 * first.block))
    } else if 2 * first.block == second.block {
        score(&one[1], &two[0], second.block)
    } else if first.block == 2 * second.block {
        score(&one[0], &two[1], first.block)
    } else {
        0
    })
}

impl Hash {
    /// `3:abc:de`, and a name behind a comma.
    fn parse(text: &str) -> Option<Self> {
        let (block, rest) = text.trim().split_once(':')?;
        let (first, rest) = rest.split_once(':')?;
        let second = rest.split(',').next()?;
        let block = block.parse().ok().filter(|&block| (SMALLEST..=u64::from(u32::MAX)).contains(&block))?;
        let is_part = |part: &str| {
            part.len() <= LENGTH && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        };
        [first, second].into_iter().all(is_part).then(|| Self { block, parts: [shortened(first), shortened(second)] })
    }
}

/// Of more than three equal characters in a row three are kept: they say little.
fn shortened(part: &str) -> Vec<u8> {
    let mut kept: Vec<u8> = Vec::with_capacity(part.len());
    for byte in part.bytes() {
        if !kept.ends_with(&[byte; 3]) {
            kept.push(byte);
        }
    }
    kept
}

fn score(first: &[u8], second: &[u8], block: u64) -> u32 {
    if !have_common_piece(first, second) {
        return 0;
    }
    let letters = first.len() + second.len();
    let scaled = distance(first, second) * LENGTH / letters;
    let score = 100_u64.saturating_sub((100 * scaled / LENGTH) as u64);
    // Short files: so few pieces do not say as much.
    let most = block / SMALLEST * first.len().min(second.len()) as u64;
    let is_small = block < (99 + WINDOW as u64) / WINDOW as u64 * SMALLEST;
    u32::try_from(if is_small { score.min(most) } else { score }).unwrap_or(0)
}

fn have_common_piece(first: &[u8], second: &[u8]) -> bool {
    first.windows(WINDOW).any(|piece| second.windows(WINDOW).any(|other| piece == other))
}

/// Insertions and deletions that make one of the other; a replacement is both.
fn distance(first: &[u8], second: &[u8]) -> usize {
    let mut above: Vec<usize> = (0..=second.len()).collect();
    for (row, one) in first.iter().enumerate() {
        let mut left = row + 1;
        let mut diagonal = above[0];
        above[0] = left;
        for (column, other) in second.iter().enumerate() {
            let replaced = diagonal + if one == other { 0 } else { 2 };
            diagonal = above[column + 1];
            left = replaced.min(left + 1).min(diagonal + 1);
            above[column + 1] = left;
        }
    }
    above[second.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_100_and_nothing_in_common_0() {
        let hash = "96:abcdefghijklmnop:qrstuvw";
        assert_eq!(compare(hash, hash), Some(100));
        assert_eq!(compare(hash, "96:ABCDEFGHIJKLMNOP:QRSTUVW"), Some(0));
        assert_eq!(compare(hash, "768:abcdefghijklmnop:qrstuvw"), Some(0));
    }

    #[test]
    fn block_sizes_may_differ_by_a_factor_of_two() {
        let (small, large) = ("96:xyz:abcdefghijklmnop", "192:abcdefghijklmnop:xyz");
        assert_eq!(compare(small, large), Some(100));
        assert_eq!(compare(large, small), Some(100));
    }

    #[test]
    fn one_changed_piece_costs_a_little() {
        assert_eq!(compare("96:abcdefghijklmnop:x", "96:abcdefghijklmnoX:x"), Some(94));
    }

    #[test]
    fn what_is_no_hash_is_not_compared() {
        for text in ["", "3", "3:a", "x:a:b", "0:a:b", "3:a:b:c", "3:a b:c", "99999999999:a:b"] {
            assert_eq!(compare(text, "3:a:b"), None, "{text}");
        }
        assert_eq!(compare("3:a:b,\"name\"", "3:a:b"), Some(100));
        let long = format!("3:{}:b", "a".repeat(65));
        assert_eq!(compare(&long, &long), None);
    }
}
