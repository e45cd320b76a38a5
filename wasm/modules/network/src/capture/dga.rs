//! Names that nobody made up: how unusual the letters of a registered label follow each other, by a table of pairs
//! (`tests/wasm_modules/bigrams.py`). One such name says little; many that do not exist, asked for by one host, say that a program
//! makes them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use module_kit::round4;
use serde::Serialize;

use super::bigrams::{ALPHABET, BITS};
use super::flows::Flow;
use super::found::Dns;
use super::limits::MAX_DOMAINS;
use super::tunnel::split;

/// Characters of the shortest label that is judged: below, pairs are too few.
const LEAST: usize = 8;
/// Bits per character at which a label scores 0 and 1: names that people make have some 4, random letters 6.
const PLAIN: f64 = 4.4;
const RANDOM: f64 = 6.4;
/// From here on a label counts as made by a program. Of 963 labels of at least 8 characters in packages' texts 0.4 % do;
/// of random letters 76 %, of hexadecimal digits 83 %, of letters and digits 97 %.
pub const MADE: f64 = 0.6;
const STEPS: f64 = 16.0;

#[derive(Debug, Clone, Serialize)]
pub struct Generated {
    pub name: String,
    /// 0 - 1.
    pub score: f64,
    /// Whether an answer said that it exists; None where none came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    pub client: IpAddr,
    pub flow: usize,
}

/// What one host asked for.
pub struct Asker {
    pub client: IpAddr,
    /// Different names that look made by a program and do not exist.
    pub missing: usize,
    pub examples: Vec<String>,
    pub flow: usize,
}

const PLACES: [u8; 256] = {
    let mut places = [u8::MAX; 256];
    let mut at = 0;
    while at < ALPHABET.len() {
        #[allow(clippy::cast_possible_truncation, reason = "there are 38 letters")]
        let place = at as u8;
        places[ALPHABET[at] as usize] = place;
        at += 1;
    }
    places
};

/// 0 - 1; 0 for a label that is too short, or has other letters (`xn--` stands for some).
pub fn score(label: &str) -> f64 {
    if label.len() < LEAST || label.starts_with("xn--") {
        return 0.0;
    }
    let (mut sum, mut last) = (0_u32, b'.');
    for next in label.bytes().chain([b'.']) {
        let row = BITS.get(usize::from(PLACES[usize::from(last)]));
        let Some(bits) = row.and_then(|row| row.get(usize::from(PLACES[usize::from(next)]))) else { return 0.0 };
        sum += u32::from(*bits);
        last = next;
    }
    #[allow(clippy::cast_precision_loss, reason = "a label has 63 characters")]
    let pairs = (label.len() + 1) as f64;
    round4(((f64::from(sum) / STEPS / pairs - PLAIN) / (RANDOM - PLAIN)).clamp(0.0, 1.0))
}

/// Names that look made by a program, each once, the most unusual first; and who asked for such that do not exist.
pub fn generated(messages: &[Dns], flows: &[Flow]) -> (Vec<Generated>, Vec<Asker>) {
    let mut seen: BTreeMap<String, Generated> = BTreeMap::new();
    for message in messages.iter().filter(|message| message.protocol == "dns") {
        let Some((domain, _)) = split(&message.name) else { continue };
        let score = score(domain.split('.').next().unwrap_or_default());
        let Some(flow) = flows.get(message.flow).filter(|_| score >= MADE && seen.len() < MAX_DOMAINS) else {
            continue;
        };
        let exists = match message.code.as_str() {
            "" => None,
            code => Some(code != "NXDOMAIN"),
        };
        let found = Generated { name: domain.clone(), score, exists, client: flow.client.address, flow: message.flow };
        let known = seen.entry(domain).or_insert(found);
        known.exists = known.exists.or(exists);
    }
    let mut askers: BTreeMap<IpAddr, (BTreeSet<&str>, usize)> = BTreeMap::new();
    for it in seen.values().filter(|it| it.exists == Some(false)) {
        askers.entry(it.client).or_insert_with(|| (BTreeSet::new(), it.flow)).0.insert(&it.name);
    }
    let asker = |(client, (names, flow)): (IpAddr, (BTreeSet<&str>, usize))| Asker {
        client,
        missing: names.len(),
        examples: names.into_iter().take(16).map(str::to_owned).collect(),
        flow,
    };
    let askers = askers.into_iter().map(asker).collect();
    let mut found: Vec<Generated> = seen.into_values().collect();
    found.sort_by(|one, other| other.score.total_cmp(&one.score));
    (found, askers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_people_make_score_low() {
        for name in ["microsoft", "googleusercontent", "stackoverflow", "wikipedia", "cloudflare", "short", "münchener"]
        {
            assert!(score(name) < 0.4, "{name} {}", score(name));
        }
        for name in ["xkqzjvwpfh", "q8f3k2z9x1", "a3f9c1e07b22d4", "vhxqkzbtwjd"] {
            assert!(score(name) >= MADE, "{name} {}", score(name));
        }
    }
}
