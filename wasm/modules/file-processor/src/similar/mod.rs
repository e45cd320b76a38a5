//! Hashes of similar files are similar: ssdeep (context-triggered piecewise hashing) and TLSH, and how far two are apart.

mod ssdeep;
mod ssdeep_score;

use serde::Serialize;
use tlsh2::{TlshDefault, TlshDefaultBuilder};

use crate::facts::code::Similarity;
use crate::options::Fuzzy;

/// The hashes of a file. TLSH has none for data that is short or too even.
pub fn of(data: &[u8], wanted: &Fuzzy) -> Similarity {
    let made = |wanted: bool, hash: fn(&[u8]) -> String| if wanted { hash(data) } else { String::new() };
    Similarity { ssdeep: made(wanted.ssdeep, ssdeep::hash), tlsh: made(wanted.tlsh, tlsh) }
}

/// TLSH in the form that begins with `T1`; empty if the data has none.
pub fn tlsh(data: &[u8]) -> String {
    let hash = TlshDefaultBuilder::build_from(data).map(|hash| hash.hash());
    hash.map(|hash| String::from_utf8_lossy(&hash).into_owned()).unwrap_or_default()
}

/// How alike two hashes of one kind say that their files are.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Comparison {
    /// From 0 for nothing in common to 100.
    Ssdeep { score: u32 },
    /// From 0 for the same, without an upper limit; below 30 is alike, above 100 is not.
    Tlsh { distance: i32 },
}

/// None unless both are hashes, and of one kind.
pub fn compare(first: &str, second: &str) -> Option<Comparison> {
    if let (Some(first), Some(second)) = (parse_tlsh(first), parse_tlsh(second)) {
        return Some(Comparison::Tlsh { distance: first.diff(&second, true) });
    }
    ssdeep_score::compare(first, second).map(|score| Comparison::Ssdeep { score })
}

/// With or without the `T1` that newer versions put in front.
fn parse_tlsh(text: &str) -> Option<TlshDefault> {
    let text = text.to_ascii_uppercase();
    let digits = text.strip_prefix("T1").unwrap_or(&text);
    format!("T1{digits}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text and its hash are from the documentation of TLSH.
    #[test]
    fn tlsh_is_the_published_one() {
        let text = b"Lorem ipsum dolor sit amet, consectetur adipiscing elit";
        assert_eq!(tlsh(text), "T12D900249414E0BD59A46503F3ADA802AE50825242B2590561CF690599112214C051556");
        assert_eq!(tlsh(b"short"), "");
        assert_eq!(tlsh(&[7; 4_096]), "");
    }

    #[test]
    fn only_hashes_of_one_kind_compare() {
        let tlsh = "T12D900249414E0BD59A46503F3ADA802AE50825242B2590561CF690599112214C051556";
        assert_eq!(compare(tlsh, &tlsh[2..].to_lowercase()), Some(Comparison::Tlsh { distance: 0 }));
        assert_eq!(compare(tlsh, "3:abc:def"), None);
        assert_eq!(compare("3:abc:def", "3:abc:def"), Some(Comparison::Ssdeep { score: 100 }));
        assert_eq!(compare("", "T1"), None);
    }
}
