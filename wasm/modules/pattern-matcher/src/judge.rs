//! A match as a finding: what its rule's metadata says of it.

use module_kit::{Finding, Findings, Severity};

use crate::ruleset::{Meta, RuleSet};
use crate::scan::{Facts, Match};

/// Percent, where the rule does not say: rules of unknown authors are of every quality.
const CONFIDENCE: u8 = 70;
/// Characters of an id.
const MAX_ID: usize = 80;
/// Places that are quoted for each string.
const QUOTED: usize = 4;
/// Metadata that public rules name ATT&CK techniques in.
const TECHNIQUES: &[&str] =
    &["technique", "techniques", "mitre_attack", "mitre", "attack", "att_ck", "mitre_technique"];

pub fn judge(set: &RuleSet, facts: &Facts) -> Vec<Finding> {
    let mut findings = Findings::default();
    for found in &facts.matches {
        findings.add(finding(found, set.ours));
    }
    findings.into_sorted()
}

fn finding(found: &Match, ours: bool) -> Finding {
    let description = text(found, "description").unwrap_or_default();
    let id = format!("rule-{}", slug(&found.rule));
    // A title is words of the module alone: of rules that come from elsewhere nobody knows what they say.
    let title = if ours && !description.is_empty() { description } else { "A YARA rule matches" };
    let mut finding = Finding::new(&id, severity(found), confidence(found), title);
    finding = finding.detail(if ours {
        format!("Rule {}, of the rules for {}.", found.rule, found.namespace)
    } else {
        format!("Rule {} in {}. {description}", found.rule, found.namespace)
    });
    for technique in techniques(found) {
        finding = finding.technique(technique);
    }
    for string in &found.strings {
        for place in string.places.iter().take(QUOTED) {
            finding = finding.quote_at(place.offset, &format!("{}: {}", string.id, printable(&place.data)));
        }
    }
    finding
}

fn text<'a>(found: &'a Match, name: &str) -> Option<&'a str> {
    found.metadata.iter().find_map(|(key, value)| match value {
        Meta::Text(text) if key.eq_ignore_ascii_case(name) => Some(text.as_str()),
        _ => None,
    })
}

fn number(found: &Match, name: &str) -> Option<i64> {
    found.metadata.iter().find_map(|(key, value)| match value {
        Meta::Integer(number) if key.eq_ignore_ascii_case(name) => Some(*number),
        _ => None,
    })
}

/// `severity` in words, or a `score` of 0 - 100 as many public rules have.
fn severity(found: &Match) -> Severity {
    match text(found, "severity").map(str::to_ascii_lowercase).as_deref() {
        Some("info") => return Severity::Info,
        Some("low") => return Severity::Low,
        Some("medium") => return Severity::Medium,
        Some("high") => return Severity::High,
        Some("critical") => return Severity::Critical,
        _ => {}
    }
    match number(found, "score") {
        Some(90..) => Severity::Critical,
        Some(70..) => Severity::High,
        Some(40..) | None => Severity::Medium,
        Some(10..) => Severity::Low,
        Some(_) => Severity::Info,
    }
}

fn confidence(found: &Match) -> u8 {
    number(found, "confidence").and_then(|percent| u8::try_from(percent.clamp(1, 100)).ok()).unwrap_or(CONFIDENCE)
}

/// Well-formed ids of ATT&CK, whatever stands between them.
fn techniques(found: &Match) -> Vec<String> {
    let texts = found.metadata.iter().filter_map(|(key, value)| match value {
        Meta::Text(text) if TECHNIQUES.iter().any(|name| key.eq_ignore_ascii_case(name)) => Some(text),
        _ => None,
    });
    let words = texts.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.'));
    words.filter(|word| is_technique(word)).map(str::to_owned).take(16).collect()
}

fn is_technique(word: &str) -> bool {
    let Some(rest) = word.strip_prefix('T') else { return false };
    let (main, sub) = rest.split_once('.').unwrap_or((rest, "000"));
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(main, 4) && digits(sub, 3)
}

fn slug(name: &str) -> String {
    let lower = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    lower.take(MAX_ID).collect()
}

/// Bytes in hexadecimal as text; what does not print is a dot.
fn printable(hex: &str) -> String {
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0);
    let byte = |pair: &[u8; 2]| char::from_u32(value(pair[0]) * 16 + value(pair[1])).unwrap_or('.');
    pairs.iter().map(byte).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '.' }).collect()
}
