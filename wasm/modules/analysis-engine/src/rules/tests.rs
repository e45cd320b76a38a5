//! Every rule, through the module's own door: it matches what it is made of, and nothing less.

use module_kit::{Call, Module};
use serde_json::{Value, json};

use super::{RULES, Rule};
use crate::AnalysisEngine;

fn rules() -> Vec<Rule> {
    serde_json::from_str(RULES).unwrap_or_else(|error| panic!("{error}"))
}

/// Reports of modules that say the words, and no more.
fn results(words: &[&str]) -> Value {
    let mut results = Vec::new();
    let mut children = Vec::new();
    for word in words {
        let (kind, rest) = word.split_once(':').expect("a kind");
        let rest = rest.replace('*', "x");
        let of = |module: &str, data: Value| json!({"module": module, "status": "ok", "findings": [], "data": data});
        results.push(match kind {
            "finding" => {
                let module = rest.split_once('/').expect("a module").0;
                json!({"module": module, "status": "ok", "findings": [
                    {"id": rest, "severity": "info", "confidence": 50, "title": "A finding"}]})
            }
            "format" => of("file-processor", json!({"format": {"id": rest}})),
            "category" => of("file-processor", json!({"format": {"category": rest}})),
            "import" => {
                of("file-processor", json!({"executables": [{"imports": [{"library": "x.dll", "name": rest}]}]}))
            }
            "runtime" => {
                of("file-processor", json!({"executables": [{"build": {(rest): {"version": "x"}}, "imports": []}]}))
            }
            "api" => of("sandbox", json!({"calls": [{"api": rest, "category": "other"}]})),
            "behavior" => of("sandbox", json!({"calls": [{"api": "x", "category": rest}]})),
            "yara" => of("pattern-matcher", json!({"matches": [{"rule": rest, "tags": []}]})),
            "indicator" => of("network", json!({"indicators": [{"kind": rest, "value": "x", "offset": 1}]})),
            "algorithm" => of("crypto", json!({"algorithms": [{"name": rest}]})),
            "child" => {
                let level = rest.replace("worth-a-look", "worth a look");
                children.push(json!({"name": "x", "sha256": "", "level": level, "score": 50}));
                continue;
            }
            kind => panic!("no module says {kind}"),
        });
    }
    json!({"results": results, "children": children})
}

fn ids(words: &[&str]) -> Vec<String> {
    let call = Call::parse(&json!({"function": "analyze", "args": results(words)}).to_string()).expect("a call");
    let output = AnalysisEngine::analyze(&call, None).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    output.findings.into_iter().map(|finding| finding.id).collect()
}

/// The first word of each clause: as little as the rule asks for.
fn least(rule: &Rule) -> Vec<&str> {
    let all = rule.all.iter().map(|clause| clause.words()[0].as_str());
    let distinct = rule.any.iter().map(|clause| clause.words()[0].as_str());
    all.chain(distinct.take(if rule.any.is_empty() { 0 } else { rule.least })).collect()
}

#[test]
fn each_rule_matches_what_it_asks_for() {
    for rule in rules() {
        assert!(ids(&least(&rule)).contains(&rule.id), "{}", rule.id);
    }
}

#[test]
fn each_alternative_will_do() {
    for rule in rules() {
        for (place, clause) in rule.all.iter().enumerate() {
            for word in clause.words() {
                let mut words = least(&rule);
                words[place] = word;
                assert!(ids(&words).contains(&rule.id), "{} with {word}", rule.id);
            }
        }
    }
}

#[test]
fn no_rule_matches_with_less() {
    for rule in rules() {
        let words = least(&rule);
        for left_out in 0..words.len() {
            let mut fewer = words.clone();
            fewer.remove(left_out);
            // What another clause has too is still there.
            fewer.retain(|word| *word != words[left_out]);
            if !fewer.contains(&words[left_out]) {
                assert!(!ids(&fewer).contains(&rule.id), "{} without {}", rule.id, words[left_out]);
            }
        }
    }
}

#[test]
fn what_must_not_be_there_holds_a_rule_back() {
    for rule in rules() {
        for word in &rule.none {
            let mut words = least(&rule);
            words.push(word);
            assert!(!ids(&words).contains(&rule.id), "{} with {word}", rule.id);
        }
    }
}

#[test]
fn rules_are_well_formed() {
    let rules = rules();
    assert!(rules.len() >= 30);
    let mut seen = std::collections::BTreeSet::new();
    for rule in &rules {
        assert!(seen.insert(&rule.id), "{} is there twice", rule.id);
        assert!(["low", "medium", "high", "critical"].contains(&rule.severity.as_str()), "{}", rule.id);
        assert!((1..=100).contains(&rule.confidence), "{}", rule.id);
        assert!(!rule.title.is_empty() && rule.title.len() <= 200 && !rule.techniques.is_empty(), "{}", rule.id);
        assert!(rule.least <= rule.any.len().max(1), "{}", rule.id);
        assert!(rule.all.len() + rule.any.len() > 1, "{}: one word alone is its module's own finding", rule.id);
    }
}
