//! A set of rules: from texts, from the bytes that a session kept, and back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use boreal::compiler::{AddRuleError, CompilerBuilder, ExternalValue};
use boreal::scanner::{DefineSymbolError, DeserializeParams, ScanParams};
use boreal::{Compiler, MetadataValue, Scanner};
use module_kit::{Refusal, hex};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::includes::{Includes, lock};
use crate::limits::{
    MAX_DATA, MAX_EXTERNALS, MAX_FOUND, MAX_LISTED, MAX_MESSAGE, MAX_META, MAX_METAS, MAX_PREFIXES, MAX_PROBLEMS,
    MAX_SET, MAX_SOURCE,
};
use crate::modules::{Format, Magic, Time};
use crate::options::{External, Rules, Source};
use crate::unroll::Unrolled;

/// Before the bytes of a set: which version of the engine they are for, which does not read those of another.
const MAGIC: &[u8] = b"athena-yara boreal-1.4 1\n";
/// Before the texts of a set of which boreal does not read back what it wrote: of a list it reads 1,024 at the most. They are
/// compiled again when the set is made ready, once for a session.
const TEXTS: &[u8] = b"athena-yara texts 1\n";
const DIGEST: usize = 32;
/// Of noise, and of each text, that a set is warmed up with.
const WARM_BYTES: usize = 16 << 10;

/// The rules that come with the module, by their namespaces.
const OURS: &[(&str, &str)] = &[
    ("commands", include_str!("../rules/commands.yar")),
    ("documents", include_str!("../rules/documents.yar")),
    ("executables", include_str!("../rules/executables.yar")),
    ("families", include_str!("../rules/families.yar")),
    ("scripts", include_str!("../rules/scripts.yar")),
];

/// Something wrong with rules. `line` and `column` count from 1; 0 where there is no place to name.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub level: &'static str,
    /// The source's or the included file's name; empty for a source without one.
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// Answer of `check`.
#[derive(Debug, Serialize)]
pub struct Status {
    pub ok: bool,
    pub rules: usize,
    pub problems: Vec<Problem>,
    pub problems_left_out: usize,
}

/// A rule of a set, as `compile` lists it.
#[derive(Debug, Serialize)]
pub struct Listed {
    pub name: String,
    pub namespace: String,
    pub tags: Vec<String>,
    pub metadata: Vec<(String, Meta)>,
    pub global: bool,
    pub private: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Meta {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

/// Answer of `compile`. `size` is that of the kept set in bytes, compiled or as texts, `sha256` its hash.
#[derive(Debug, Serialize)]
pub struct Compiled {
    pub sha256: String,
    pub size: usize,
    pub rules: usize,
    pub namespaces: Vec<String>,
    pub listed: Vec<Listed>,
    pub warnings: Vec<Problem>,
}

pub struct RuleSet {
    pub scanner: Scanner,
    /// Whether the rules are those that come with the module.
    pub ours: bool,
    /// Of the compiled set; empty for one that was never kept.
    pub sha256: String,
    warnings: Vec<Problem>,
}

impl RuleSet {
    /// # Errors
    /// `invalid_args` that names file, line and column.
    pub fn compile(rules: &Rules) -> Result<Self, Refusal> {
        let built = build(rules)?;
        match built.error {
            None => Ok(Self::new(built.compiler.finalize(), false, built.warnings)),
            Some(error) => Err(Refusal::invalid_args(format!("Rules: {}", sentence(&error)))),
        }
    }

    /// The rules that come with the module.
    ///
    /// # Errors
    /// None, as the tests show.
    pub fn ours() -> Result<Self, Refusal> {
        let mut compiler = compiler();
        for (namespace, text) in OURS {
            if let Err(error) = compiler.add_rules_str_in_namespace(text, namespace) {
                return Err(Refusal::invalid_args(format!("Rules of ours: {error}")));
            }
        }
        Ok(Self::new(compiler.finalize(), true, Vec::new()))
    }

    /// The set that a session kept.
    ///
    /// # Errors
    /// `invalid_args` for bytes that are no set of this module's.
    pub fn restore(state: &[u8]) -> Result<Self, Refusal> {
        let broken = || {
            let what = "The session holds no rule set that this version can read: run `compile` in it again.";
            Refusal::invalid_args(what.to_owned())
        };
        let as_texts = state.strip_prefix(TEXTS);
        let rest = as_texts.or_else(|| state.strip_prefix(MAGIC));
        let (digest, set) = rest.and_then(|rest| rest.split_at_checked(DIGEST)).ok_or_else(broken)?;
        // boreal trusts the bytes: they must be those that it wrote.
        if Sha256::digest(set).as_slice() != digest {
            return Err(broken());
        }
        let made = match as_texts {
            Some(_) => Self::compile(&serde_json::from_slice(set).map_err(|_| broken())?)?,
            None => Self::new(read(set).ok_or_else(broken)?, false, Vec::new()),
        };
        Ok(Self { sha256: hex(digest), ..made })
    }

    /// The bytes for the session, and what is said of them. `rules` are those that the set was compiled from.
    ///
    /// # Errors
    /// `invalid_args` for a set that is too large to be kept.
    pub fn keep(self, rules: &Rules) -> Result<(Vec<u8>, Compiled), Refusal> {
        let (magic, set) = match written(&self.scanner).filter(|set| is_read_back(set)) {
            Some(set) => (MAGIC, set),
            None => (TEXTS, serde_json::to_vec(rules).unwrap_or_default()),
        };
        if set.len() > MAX_SET {
            let (size, most) = (set.len(), MAX_SET);
            return Err(Refusal::invalid_args(format!("Rules: compiled they have {size} bytes; {most} can be kept.")));
        }
        let digest = Sha256::digest(&set);
        let compiled = self.describe(hex(&digest), set.len());
        Ok(([magic, digest.as_slice(), &set].concat(), compiled))
    }

    /// Values of external variables.
    ///
    /// # Errors
    /// `invalid_args` for one that no rule declares, or of another type.
    pub fn define(&mut self, externals: &BTreeMap<String, External>) -> Result<(), Refusal> {
        for (name, value) in externals {
            self.scanner.define_symbol(name, value.clone()).map_err(|error| {
                let why = match error {
                    DefineSymbolError::UnknownName => "is none that the set was compiled with",
                    DefineSymbolError::InvalidType => "has another type than in `compile`",
                };
                Refusal::invalid_args(format!("Arguments: the external variable {:?} {why}.", cut(name, 64)))
            })?;
        }
        Ok(())
    }

    pub fn set_now(&mut self, now: Option<i64>) {
        if let Some(seconds) = now {
            self.scanner.set_module_data::<Time>(seconds);
        }
    }

    pub fn scanner_for(&self, data: &[u8]) -> Scanner {
        let mut scanner = self.scanner.clone();
        let (mime, name) = file_processor::identify(data);
        scanner.set_module_data::<Magic>(Format(mime, name));
        scanner
    }

    /// Runs the rules over some bytes. What is made of expressions while they run stays with the set: made before it is
    /// kept as an image, it is not made again with each sample.
    pub fn warm(self) -> Self {
        let mut state = 1_u32;
        let noise = std::iter::repeat_with(|| {
            // Numerical Recipes' generator; its upper bits are the better ones.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        });
        let texts = OURS.iter().flat_map(|(_, text)| text.bytes().take(WARM_BYTES));
        let data: Vec<u8> = noise.take(WARM_BYTES).chain(texts).collect();
        // That it may give up is nothing new: it does the same with the samples.
        drop(self.scanner.scan_mem(&data));
        self
    }

    pub fn rules(&self) -> usize {
        self.scanner.rules().count()
    }

    pub fn metadata(&self, metadata: &[boreal::Metadata]) -> Vec<(String, Meta)> {
        let text = |bytes: &[u8]| cut(&String::from_utf8_lossy(bytes), MAX_META);
        let pair = |meta: &boreal::Metadata| {
            let value = match meta.value {
                MetadataValue::Bytes(symbol) => Meta::Text(text(self.scanner.get_bytes_symbol(symbol))),
                MetadataValue::Integer(value) => Meta::Integer(value),
                MetadataValue::Boolean(value) => Meta::Boolean(value),
            };
            (text(self.scanner.get_string_symbol(meta.name).as_bytes()), value)
        };
        metadata.iter().take(MAX_METAS).map(pair).collect()
    }

    pub fn tags(&self, tags: &[boreal::StringSymbol]) -> Vec<String> {
        tags.iter().take(MAX_METAS).map(|&tag| cut(self.scanner.get_string_symbol(tag), MAX_META)).collect()
    }

    fn new(mut scanner: Scanner, ours: bool, warnings: Vec<Problem>) -> Self {
        scanner.set_scan_params(
            ScanParams::default()
                .compute_full_matches(true)
                .match_max_length(MAX_DATA)
                .string_max_nb_matches(MAX_FOUND),
        );
        Self { scanner, ours, sha256: String::new(), warnings }
    }

    fn describe(self, sha256: String, size: usize) -> Compiled {
        let names: BTreeSet<String> = self.scanner.rules().map(|rule| rule.namespace.to_owned()).collect();
        let listed = self.scanner.rules().take(MAX_LISTED).map(|rule| Listed {
            name: rule.name.to_owned(),
            namespace: rule.namespace.to_owned(),
            tags: self.tags(rule.tags),
            metadata: self.metadata(rule.metadatas),
            global: rule.is_global,
            private: rule.is_private,
        });
        let (listed, rules, namespaces) = (listed.collect(), self.rules(), names.into_iter().collect());
        Compiled { sha256, size, rules, namespaces, listed, warnings: self.warnings }
    }
}

fn written(scanner: &Scanner) -> Option<Vec<u8>> {
    let mut set = Vec::new();
    scanner.to_bytes(&mut set).ok().map(|()| set)
}

/// The scanner that was written as these bytes.
fn read(set: &[u8]) -> Option<Scanner> {
    let mut params = DeserializeParams::default();
    params.add_module(Time);
    params.add_module(Magic);
    Scanner::from_bytes_unchecked(set, params).ok()
}

/// Whether boreal reads all of what it wrote.
fn is_read_back(set: &[u8]) -> bool {
    read(set).and_then(|scanner| written(&scanner)).is_some_and(|again| again == set)
}

/// What is wrong with rules, as data.
///
/// # Errors
/// `invalid_args` for what are no rules at all.
pub fn check(rules: &Rules) -> Result<Status, Refusal> {
    let built = build(rules)?;
    let ok = built.error.is_none();
    let mut problems: Vec<Problem> = built.error.into_iter().chain(built.warnings).collect();
    let problems_left_out = problems.len().saturating_sub(MAX_PROBLEMS) + built.left_out;
    problems.truncate(MAX_PROBLEMS);
    let rules = if ok { built.compiler.finalize().rules().count() } else { 0 };
    Ok(Status { ok, rules, problems, problems_left_out })
}

/// A compiler with the rules in it, as far as they go.
struct Built {
    compiler: Compiler,
    error: Option<Problem>,
    warnings: Vec<Problem>,
    /// Warnings that are not told.
    left_out: usize,
}

/// # Errors
/// `invalid_args` for more than a set may have.
fn check_size(rules: &Rules) -> Result<usize, Refusal> {
    let size: usize = rules.sources.iter().map(|source| source.text.len()).sum();
    if size > MAX_SOURCE || rules.externals.len() > MAX_EXTERNALS {
        let what = format!("Rules may have {MAX_SOURCE} bytes, and {MAX_EXTERNALS} external variables.");
        return Err(Refusal::invalid_args(what));
    }
    Ok(size)
}

/// The parser calls itself for each `not`, `defined`, `-` and `~` before an operand, and bounds only parentheses.
fn check_prefixes(rules: &Rules) -> Result<(), Refusal> {
    let mut texts = rules.sources.iter().map(|source| &source.text).chain(rules.includes.values());
    if texts.any(|text| longest_prefix(text) > MAX_PREFIXES) {
        return Err(Refusal::invalid_args("Rules: an operand has more than 1,000 operators before it.".to_owned()));
    }
    Ok(())
}

fn longest_prefix(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let word = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let is_prefix = matches!(&rest[..word], "not" | "defined") || matches!(letter, '-' | '~');
        run = match letter {
            _ if is_prefix => run + 1,
            _ if letter.is_whitespace() => run,
            _ => 0,
        };
        longest = longest.max(run);
        rest = &rest[word.max(letter.len_utf8())..];
    }
    longest
}

fn build(rules: &Rules) -> Result<Built, Refusal> {
    let size = check_size(rules)?;
    check_prefixes(rules)?;
    let mut built = Built { compiler: compiler(), error: None, warnings: Vec::new(), left_out: 0 };
    let includes = Arc::new(Mutex::new(Includes::new(rules.includes.clone(), size)));
    let reader = Arc::clone(&includes);
    built.compiler.set_include_callback(move |name, from, _| lock(&reader).read(name, from));
    for (name, value) in &rules.externals {
        built.compiler.define_symbol(name, value.clone());
    }
    for source in &rules.sources {
        lock(&includes).begin(&source.name);
        let unrolled = Unrolled::of(&source.text);
        let place = |offset| unrolled.original(offset);
        match built.compiler.add_rules_str_in_namespace(&unrolled.text, &source.namespace) {
            Ok(status) => {
                for warning in status.warnings() {
                    if built.warnings.len() < MAX_PROBLEMS {
                        built.warnings.push(problem("warning", warning, source, place, &lock(&includes)));
                    } else {
                        built.left_out += 1;
                    }
                }
            }
            Err(error) => {
                built.error = Some(problem("error", &error, source, place, &lock(&includes)));
                break;
            }
        }
    }
    Ok(built)
}

fn compiler() -> Compiler {
    CompilerBuilder::new().add_module(Time).add_module(Magic).build()
}

/// What boreal says, at the place that it points to: the first of those of one kind. `original` tells the place in the
/// source's text of one in the text that boreal was given.
fn problem(
    level: &'static str,
    error: &AddRuleError,
    source: &Source,
    original: impl Fn(usize) -> usize,
    includes: &Includes,
) -> Problem {
    let diagnostic = error.to_diagnostic();
    let place = diagnostic.labels.iter().map(|label| label.range.start).min();
    let (file, text, place) = match error.path.as_deref().map(|path| includes.named(path)) {
        Some((name, text)) => (name, text, place),
        None => (source.name.as_str(), source.text.as_str(), place.map(original)),
    };
    let (line, column) = place.map_or((0, 0), |offset| line_and_column(text, offset));
    let details = diagnostic.labels.iter().map(|label| label.message.as_str()).filter(|detail| !detail.is_empty());
    let details: Vec<&str> = details.collect();
    let message = match details.is_empty() {
        true => diagnostic.message,
        false => format!("{} ({})", diagnostic.message, details.join("; ")),
    };
    Problem { level, file: cut(file, MAX_META), line, column, message: cut(&message, MAX_MESSAGE) }
}

/// Both count from 1, columns in characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    (line, String::from_utf8_lossy(&before[start..]).chars().count() + 1)
}

fn sentence(problem: &Problem) -> String {
    let file = if problem.file.is_empty() { "the rules" } else { &problem.file };
    match problem.line {
        0 => format!("{file}: {}", problem.message),
        line => format!("{file}, line {line}, column {}: {}", problem.column, problem.message),
    }
}

impl From<External> for ExternalValue {
    fn from(value: External) -> Self {
        match value {
            External::Boolean(value) => Self::Boolean(value),
            External::Integer(value) => Self::Integer(value),
            External::Float(value) => Self::Float(value),
            External::Text(value) => Self::Bytes(value.into_bytes()),
        }
    }
}

pub fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
