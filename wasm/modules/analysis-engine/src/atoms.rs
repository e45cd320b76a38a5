//! What rules can ask for: short words made of what the modules say, each with where it comes from.
//!
//! | word | of |
//! |---|---|
//! | `finding:<module>/<slug>` | any module; numbers of repeated ones (`-2`) are left out |
//! | `technique:<id>` | any module's findings |
//! | `format:<id>`, `category:<name>` | file-processor |
//! | `import:<name>`, `library:<name>` | file-processor: lower case, without `_` before and `A` or `W` behind |
//! | `runtime:go` | file-processor: what every program of that language imports |
//! | `api:<name>` | sandbox: functions that code calls, or a script called; as imports are written |
//! | `behavior:<category>` | sandbox: `network`, `process`, `file`, `registry`, `persistence`, `evasion` ... |
//! | `yara:<rule>`, `tag:<name>` | pattern-matcher, lower case |
//! | `indicator:<kind>` | network, of those that lead somewhere; sandbox, of those that code makes |
//! | `algorithm:<name>` | crypto, lower case |
//! | `language:<name>` | deobfuscator |
//! | `child:<level>` | files inside; `-` for blanks |

use std::collections::BTreeMap;

use serde_json::Value;

use crate::limits::{MAX_ATOM, MAX_ATOMS};
use crate::told::{Level, ModuleResult, Told};

/// Where a word comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// In the words of an analyst: the finding's title, the module.
    pub text: String,
    pub offset: Option<u64>,
    /// Id of the finding, where it is one.
    pub finding: Option<String>,
}

#[derive(Debug, Default)]
pub struct Atoms(BTreeMap<String, Source>);

/// Of indicators that point to nothing out there: see `LEADS_NOWHERE` in `athena_lab/report/network.py`.
const LEADS_NOWHERE: &[&str] =
    &["benign", "certificate-authority", "ambiguous", "documentation", "private", "loopback", "multicast", "reserved"];

impl Atoms {
    pub fn of(told: &Told) -> Self {
        let mut atoms = Self::default();
        // Findings before everything else: nothing that a sample has thousands of takes their place.
        told.results.iter().for_each(|result| atoms.findings(result));
        for result in &told.results {
            match result.module.as_str() {
                "file-processor" => atoms.file(&result.data),
                "sandbox" => atoms.sandbox(&result.data),
                "pattern-matcher" => atoms.patterns(&result.data),
                "network" => atoms.network(&result.data),
                "crypto" => atoms.algorithms(&result.data),
                "deobfuscator" => atoms.say("language", text(&result.data, "language"), "deobfuscator"),
                _ => {}
            }
        }
        for child in &told.children {
            let level = match child.level {
                Level::MaliciousLooking => "malicious-looking",
                Level::Suspicious => "suspicious",
                Level::WorthALook => "worth-a-look",
                Level::CleanLooking => "clean-looking",
                Level::Unknown => "unknown",
            };
            atoms.say("child", level, "a file inside");
        }
        atoms
    }

    /// The first word that is `wanted`, or that begins with it where it ends with `*`.
    pub fn find(&self, wanted: &str) -> Option<(&str, &Source)> {
        let found = match wanted.strip_suffix('*') {
            Some(start) => self.0.range(start.to_owned()..).next().filter(|(word, _)| word.starts_with(start)),
            None => self.0.get_key_value(wanted),
        };
        found.map(|(word, source)| (word.as_str(), source))
    }

    fn findings(&mut self, result: &ModuleResult) {
        for finding in &result.findings {
            let source = Source {
                text: finding.title.clone(),
                offset: finding.evidence.iter().find_map(|evidence| evidence.offset),
                finding: Some(finding.id.clone()),
            };
            self.add(format!("finding:{}", finding.id), source.clone());
            for technique in &finding.techniques {
                self.add(format!("technique:{technique}"), source.clone());
            }
        }
    }

    fn file(&mut self, data: &Value) {
        self.say("format", text(&data["format"], "id"), "file-processor");
        self.say("category", text(&data["format"], "category"), "file-processor");
        for image in list(data, "executables") {
            if image["build"]["go"].is_object() {
                self.say("runtime", "go", "Go's build information");
            }
            for import in list(image, "imports") {
                self.say("import", &function(text(import, "name")), "an import");
                self.say("library", &text(import, "library").to_lowercase(), "a library");
            }
        }
    }

    fn sandbox(&mut self, data: &Value) {
        let machine = &data["machine"];
        for call in list(data, "calls") {
            self.say("api", &function(text(call, "api")), "a call of the script");
            self.say("behavior", text(call, "category"), &format!("it calls {}", text(call, "api")));
        }
        for call in list(machine, "runs").flat_map(|run| list(run, "calls")) {
            self.say("api", &function(text(call, "name")), "a call of emulated code");
        }
        for made in list(data, "addresses") {
            self.say("indicator", text(made, "kind"), "an indicator that code makes");
        }
        for api in list(machine, "api_calls").chain(list(machine, "hashed_apis")) {
            let name = if api["api"].is_string() { text(api, "api") } else { text(api, "name") };
            self.say("api", &function(name), "code that calls it");
        }
    }

    fn patterns(&mut self, data: &Value) {
        for found in list(data, "matches") {
            self.say("yara", &text(found, "rule").to_lowercase(), "a YARA rule");
            for tag in list(found, "tags").filter_map(Value::as_str) {
                self.say("tag", &tag.to_lowercase(), "a YARA rule's tag");
            }
        }
    }

    fn network(&mut self, data: &Value) {
        for indicator in list(data, "indicators") {
            let mut tags = list(indicator, "tags").filter_map(Value::as_str);
            if !tags.any(|tag| LEADS_NOWHERE.contains(&tag)) {
                let kind = text(indicator, "kind").to_owned();
                let source =
                    Source { text: "an indicator".to_owned(), offset: indicator["offset"].as_u64(), finding: None };
                self.add(format!("indicator:{kind}"), source);
            }
        }
    }

    fn algorithms(&mut self, data: &Value) {
        for algorithm in list(data, "algorithms") {
            self.say("algorithm", &text(algorithm, "name").to_lowercase(), "constants of it");
        }
    }

    fn say(&mut self, kind: &str, word: &str, whose: &str) {
        if !word.is_empty() {
            self.add(format!("{kind}:{word}"), Source { text: whose.to_owned(), ..Source::default() });
        }
    }

    /// The first source of a word stays.
    fn add(&mut self, word: String, source: Source) {
        if word.len() <= MAX_ATOM && self.0.len() < MAX_ATOMS {
            self.0.entry(word).or_insert(source);
        }
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

/// A function of Windows comes as `CreateFileA` and `CreateFileW`, and one of C with underscores before it.
fn function(name: &str) -> String {
    let name = name.trim_start_matches('_');
    let name = name.rsplit(['!', '.']).next().unwrap_or(name);
    let before = name.len().checked_sub(2).and_then(|at| name.as_bytes().get(at));
    let wide =
        name.ends_with(['A', 'W']) && before.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let base = if wide { &name[..name.len() - 1] } else { name };
    let lower = base.to_ascii_lowercase();
    lower.strip_prefix("zw").map_or(lower.clone(), |rest| format!("nt{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_one_spelling() {
        for (name, expected) in [
            ("CreateFileW", "createfile"),
            ("CreateFileA", "createfile"),
            ("_open", "open"),
            ("ZwOpenProcess", "ntopenprocess"),
            ("kernel32.dll!WinExec", "winexec"),
            ("WSAStartup", "wsastartup"),
            ("A", "a"),
            ("äW", "äw"),
            ("", ""),
        ] {
            assert_eq!(function(name), expected);
        }
    }

    #[test]
    fn a_star_stands_for_any_ending() {
        let mut atoms = Atoms::default();
        atoms.say("finding", "crypto/xor-program", "x");
        assert!(atoms.find("finding:crypto/xor*").is_some());
        assert!(atoms.find("finding:crypto/xor").is_none());
        assert!(atoms.find("finding:network/*").is_none());
    }
}
