//! What matches, as facts.

use boreal::scanner::{EvaluatedRule, ScanError, ScanResult, StringMatches};
use module_kit::Refusal;
use serde::Serialize;

use crate::limits::{MAX_ALL_MATCHES, MAX_MATCHES, MAX_RULES, MAX_STRINGS};
use crate::ruleset::{Meta, RuleSet};
use module_kit::hex;

#[derive(Debug, Serialize)]
pub struct Facts {
    /// Rules that were tried.
    pub rules: usize,
    /// Which: `default` for those that come with the module, `given` for the caller's.
    pub set: &'static str,
    /// Of the compiled set, where a session kept it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    pub matches: Vec<Match>,
    pub matches_left_out: usize,
}

/// A rule that matches.
#[derive(Debug, Serialize)]
pub struct Match {
    pub rule: String,
    pub namespace: String,
    pub tags: Vec<String>,
    pub metadata: Vec<(String, Meta)>,
    pub strings: Vec<Found>,
    pub strings_left_out: usize,
}

/// A string of a rule that was found. `count` is 1,000 where there may be more.
#[derive(Debug, Serialize)]
pub struct Found {
    /// With its `$`.
    pub id: String,
    pub count: usize,
    pub places: Vec<Place>,
}

#[derive(Debug, Serialize)]
pub struct Place {
    /// Bytes from the start of the sample.
    pub offset: u64,
    /// Bytes that match.
    pub length: u64,
    /// The first of them, hexadecimal.
    pub data: String,
    /// With which the string is XORed there.
    #[serde(skip_serializing_if = "is_zero")]
    pub xor_key: u8,
}

fn is_zero(key: &u8) -> bool {
    *key == 0
}

/// Answer of `repeat`: the rules that matched, the last time.
#[derive(Debug, Serialize)]
pub struct Repeated {
    pub times: u32,
    pub matches: usize,
}

/// # Errors
/// As [`scan`].
pub fn repeat(set: &RuleSet, data: &[u8], times: u32) -> Result<Repeated, Refusal> {
    let scanner = set.scanner_for(data);
    let mut matches = 0;
    for _ in 0..times {
        matches = scanner.scan_mem(data).map_err(given_up)?.rules.len();
    }
    Ok(Repeated { times, matches })
}

fn given_up((error, _): (ScanError, ScanResult)) -> Refusal {
    Refusal { code: "unsupported", message: format!("The rules cannot be matched: {error}.") }
}

/// # Errors
/// `unsupported` where the engine gives up.
pub fn scan(set: &RuleSet, data: &[u8]) -> Result<Facts, Refusal> {
    let scanner = set.scanner_for(data);
    let result = scanner.scan_mem(data).map_err(given_up)?;
    let mut room = MAX_ALL_MATCHES;
    let matches: Vec<Match> = result.rules.iter().take(MAX_RULES).map(|rule| one(set, rule, &mut room)).collect();
    Ok(Facts {
        rules: set.rules(),
        set: if set.ours { "default" } else { "given" },
        sha256: set.sha256.clone(),
        matches_left_out: result.rules.len() - matches.len(),
        matches,
    })
}

fn one(set: &RuleSet, rule: &EvaluatedRule, room: &mut usize) -> Match {
    let found: Vec<&StringMatches> = rule.matches.iter().filter(|string| !string.matches.is_empty()).collect();
    let strings: Vec<Found> = found.iter().take(MAX_STRINGS).map(|string| places(string, room)).collect();
    Match {
        rule: rule.name.to_owned(),
        namespace: rule.namespace.to_owned(),
        tags: set.tags(rule.tags),
        metadata: set.metadata(rule.metadatas),
        strings_left_out: found.len() - strings.len(),
        strings,
    }
}

fn places(string: &StringMatches, room: &mut usize) -> Found {
    let most = MAX_MATCHES.min(*room);
    let places: Vec<Place> = string
        .matches
        .iter()
        .take(most)
        .map(|found| Place {
            offset: found.offset as u64,
            length: found.length as u64,
            data: hex(&found.data),
            xor_key: if string.has_xor_modifier { found.xor_key } else { 0 },
        })
        .collect();
    *room -= places.len();
    Found { id: format!("${}", string.name), count: string.matches.len(), places }
}
