//! Data in names of DNS: for each domain that someone owns, how many names below it were asked for, how long and how
//! random they are, and in which types of records answers come back.

use std::collections::{BTreeMap, BTreeSet};

use module_kit::{Histogram, round4};
use serde::Serialize;

use super::found::Dns;
use super::limits::MAX_DOMAINS;

/// Questions below which nothing is said of a domain.
pub const LEAST: usize = 10;
/// Different names of one domain that are remembered.
const MAX_NAMES: usize = 4_096;

#[derive(Debug, Clone, Serialize)]
pub struct Domain {
    pub domain: String,
    pub queries: usize,
    /// Different names below it.
    pub names: usize,
    /// Characters below the domain, in the mean, and at most.
    pub mean_length: f64,
    pub longest: usize,
    /// Bits per character of all names below it.
    pub entropy: f64,
    /// Share of questions for types that carry data: TXT, NULL, CNAME, MX, SRV, KEY.
    pub carrying: f64,
    /// Bytes of messages.
    pub bytes: usize,
    /// 0 - 1.
    pub score: f64,
    pub flow: usize,
}

#[derive(Default)]
struct Seen {
    queries: usize,
    names: BTreeSet<String>,
    overflow: usize,
    length: usize,
    longest: usize,
    letters: Histogram,
    carrying: usize,
    bytes: usize,
    flow: usize,
}

/// The domain that someone owns, in small letters, and what is before it.
pub fn split(name: &str) -> Option<(String, String)> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let domain = psl::domain(name.as_bytes())?;
    let start = name.len().checked_sub(domain.as_bytes().len())?;
    let below = name.get(..start)?.trim_end_matches('.').to_owned();
    Some((name.get(start..)?.to_owned(), below))
}

pub fn domains(messages: &[Dns]) -> Vec<Domain> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for message in messages.iter().filter(|message| message.asked && message.protocol == "dns") {
        // Addresses asked for by their numbers are no data.
        if message.name.ends_with(".arpa") {
            continue;
        }
        let Some((domain, below)) = split(&message.name) else { continue };
        if seen.len() >= MAX_DOMAINS && !seen.contains_key(&domain) {
            continue;
        }
        seen.entry(domain).or_default().add(message, below);
    }
    let mut found: Vec<Domain> = seen.into_iter().map(|(domain, seen)| seen.judge(domain)).collect();
    found.sort_by(|one, other| other.score.total_cmp(&one.score).then(other.queries.cmp(&one.queries)));
    found
}

impl Seen {
    fn add(&mut self, message: &Dns, below: String) {
        if self.queries == 0 {
            self.flow = message.flow;
        }
        self.queries += 1;
        self.bytes += message.size;
        self.carrying += usize::from(matches!(message.kind.as_str(), "TXT" | "NULL" | "CNAME" | "MX" | "SRV" | "KEY"));
        if self.names.contains(&below) {
            return;
        }
        self.length += below.len();
        self.longest = self.longest.max(below.len());
        self.letters.add(below.replace('.', "").as_bytes());
        if self.names.len() < MAX_NAMES {
            self.names.insert(below);
        } else {
            self.overflow += 1;
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "counts of messages")]
    fn judge(self, domain: String) -> Domain {
        let names = self.names.len() + self.overflow;
        let (queries, count) = (self.queries as f64, names.max(1) as f64);
        let (mean, entropy) = (self.length as f64 / count, self.letters.entropy());
        let carrying = self.carrying as f64 / queries;
        // Each from 0 to 1: names of 12 characters are usual, of 52 are not; words have some 3.3 bits a character, base32
        // near 5; a cache asks for each name once, and so does who hides data in them.
        let part = |value: f64, low: f64, high: f64| ((value - low) / (high - low)).clamp(0.0, 1.0);
        let long = part(mean, 12.0, 52.0);
        let random = part(entropy, 3.3, 4.4);
        let different = part(count / queries, 0.3, 0.9) * part(count, 5.0, 40.0);
        let score =
            if self.queries < LEAST { 0.0 } else { 0.4 * long + 0.2 * random + 0.3 * different + 0.1 * carrying };
        Domain {
            domain,
            queries: self.queries,
            names,
            mean_length: round4(mean),
            longest: self.longest,
            entropy: round4(entropy),
            carrying: round4(carrying),
            bytes: self.bytes,
            score: round4(score),
            flow: self.flow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: String, kind: &str) -> Dns {
        Dns {
            flow: 0,
            time: 0.0,
            protocol: "dns",
            name,
            kind: kind.to_owned(),
            code: String::new(),
            answers: Vec::new(),
            asked: true,
            id: 0,
            size: 100,
        }
    }

    #[test]
    fn data_in_names_scores_high() {
        let mut state = 1_u64;
        let mut label = || {
            (0..50)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(state >> 59) as usize])
                })
                .collect::<String>()
        };
        let tunnel: Vec<Dns> = (0..60).map(|_| asked(format!("{}.t.evil.co.uk", label()), "TXT")).collect();
        let plain: Vec<Dns> = (0..60).map(|at| asked(format!("img{}.cdn.shop.com", at % 7), "A")).collect();
        assert!(domains(&tunnel).first().is_some_and(|domain| domain.domain == "evil.co.uk" && domain.score > 0.8));
        assert!(domains(&plain).first().is_some_and(|domain| domain.score < 0.3));
        assert_eq!(split("a.b.duckdns.org."), Some(("b.duckdns.org".to_owned(), "a".to_owned())));
    }
}
