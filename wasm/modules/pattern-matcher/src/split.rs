//! A set as texts of one rule each, with what the rule needs: so that each can be matched, and measured, by itself.

use std::collections::{BTreeMap, BTreeSet};

use boreal_parser::file::YaraFileComponent;
use module_kit::Refusal;
use serde::Serialize;

use crate::includes::Includes;
use crate::limits::{MAX_LISTED, MAX_PARTS, MAX_WILDCARDS};
use crate::options::Rules;
use crate::ruleset::RuleSet;

/// Answer of `split`.
#[derive(Debug, Serialize)]
pub struct Parts {
    pub parts: Vec<Part>,
    pub parts_left_out: usize,
}

/// One rule. `text` has the imports of its file, and the rules that it names or that are global, before it.
#[derive(Debug, Serialize)]
pub struct Part {
    pub rule: String,
    pub namespace: String,
    pub text: String,
}

/// A rule where it stands.
struct Rule {
    name: String,
    text: String,
    global: bool,
}

/// What one namespace has so far.
#[derive(Default)]
struct Namespace {
    name: String,
    imports: Vec<String>,
    rules: Vec<Rule>,
}

/// # Errors
/// `invalid_args` for rules that cannot be compiled.
pub fn split(rules: &Rules) -> Result<Parts, Refusal> {
    RuleSet::compile(rules)?;
    let size = rules.sources.iter().map(|source| source.text.len()).sum();
    let mut includes = Includes::new(rules.includes.clone(), size);
    let mut namespaces: Vec<Namespace> = Vec::new();
    for source in &rules.sources {
        let known = namespaces.iter().position(|namespace| namespace.name == source.namespace);
        let index = known.unwrap_or_else(|| {
            namespaces.push(Namespace { name: source.namespace.clone(), ..Namespace::default() });
            namespaces.len() - 1
        });
        includes.begin(&source.name);
        if let Some(namespace) = namespaces.get_mut(index) {
            namespace.read(&source.text, None, &mut includes);
        }
    }
    Ok(together(&namespaces))
}

impl Namespace {
    /// Takes apart a text that compiles. `said` is what included it.
    fn read(&mut self, text: &str, said: Option<&str>, includes: &mut Includes) {
        let Ok(file) = boreal_parser::parse(text) else { return };
        let starts: Vec<usize> = file.components.iter().map(|component| start(text, component)).collect();
        for (index, component) in file.components.into_iter().enumerate() {
            match component {
                YaraFileComponent::Import(import) => self.imports.push(import.name),
                YaraFileComponent::Include(include) => {
                    if let Ok(inner) = includes.read(&include.path, said.map(std::path::Path::new)) {
                        self.read(&inner, Some(&include.path), includes);
                    }
                }
                YaraFileComponent::Rule(rule) => {
                    let end = starts.get(index + 1).copied().unwrap_or(text.len());
                    let text = text.get(starts[index]..end).unwrap_or_default().trim_end().to_owned();
                    self.rules.push(Rule { name: rule.name, text, global: rule.is_global });
                }
            }
        }
    }

    /// For each rule itself and the rules before it that it needs, by their places.
    fn needs(&self) -> Vec<BTreeSet<usize>> {
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut globals = Vec::new();
        let mut all: Vec<BTreeSet<usize>> = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let mut needs = BTreeSet::from([index]);
            for earlier in named(&rule.text, &places).into_iter().chain(globals.iter().copied()) {
                needs.extend(&all[earlier]);
            }
            all.push(needs);
            places.insert(&rule.name, index);
            if rule.global {
                globals.push(index);
            }
        }
        all
    }
}

/// Rules whose names are words of a text, or begin as a word with a `*` behind it does.
fn named(text: &str, places: &BTreeMap<&str, usize>) -> BTreeSet<usize> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '*';
    let mut found = BTreeSet::new();
    let mut wildcards = 0;
    for name in text.split(|c| !word(c)) {
        match name.strip_suffix('*') {
            Some(start) if !start.is_empty() && wildcards < MAX_WILDCARDS => {
                wildcards += 1;
                let beginning = places.range(start..).take_while(|(name, _)| name.starts_with(start));
                found.extend(beginning.map(|(_, &place)| place));
            }
            _ => found.extend(places.get(name)),
        }
    }
    found
}

fn together(namespaces: &[Namespace]) -> Parts {
    let count: usize = namespaces.iter().map(|namespace| namespace.rules.len()).sum();
    let (mut parts, mut room) = (Vec::new(), MAX_PARTS);
    for namespace in namespaces {
        let imports: String = namespace.imports.iter().map(|name| format!("import \"{name}\"\n")).collect();
        for (rule, needs) in namespace.rules.iter().zip(namespace.needs()) {
            let texts = needs.iter().map(|&at| namespace.rules[at].text.as_str());
            // With a line's end behind it: the last may be a comment.
            let text = format!("{imports}{}\n", texts.collect::<Vec<_>>().join("\n"));
            if parts.len() == MAX_LISTED || text.len() > room {
                return Parts { parts_left_out: count - parts.len(), parts };
            }
            room -= text.len();
            parts.push(Part { rule: rule.name.clone(), namespace: namespace.name.clone(), text });
        }
    }
    Parts { parts, parts_left_out: 0 }
}

/// Where a part of a file begins: a rule with the words before its name.
fn start(text: &str, component: &YaraFileComponent) -> usize {
    match component {
        YaraFileComponent::Import(import) => import.span.start,
        YaraFileComponent::Include(include) => include.span.start,
        YaraFileComponent::Rule(rule) => {
            let mut before = text.get(..rule.name_span.start).unwrap_or_default();
            for word in ["rule", "private", "global", "private"] {
                before = before.trim_end().strip_suffix(word).unwrap_or(before);
            }
            before.len()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word_and_not_a_part_of_one() {
        let places = BTreeMap::from([("a_rule", 0), ("b_rule", 1)]);
        let found = |text| named(text, &places).into_iter().collect::<Vec<_>>();
        assert_eq!(found("condition: not a_rule and b"), [0]);
        assert_eq!(found("any of (b_*, a_*)"), [0, 1]);
        assert!(found("condition: a_rules or xa_rule or (c*) or a * b").is_empty());
    }
}
