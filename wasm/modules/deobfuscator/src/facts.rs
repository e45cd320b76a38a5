//! The module's output, in the shape of `athena_lab/report/deobfuscation.py`; meanings are described there.

use std::collections::HashSet;

use module_kit::{entropy, hex, round4};
use serde::Serialize;

use crate::decode::lossy;
use crate::language::Language;
use crate::limits::{MAX_EXCERPT, MAX_INDICATORS, MAX_LISTED, MAX_STRING, MAX_STRINGS};
use crate::peel::{Layer as Peeled, Peeler};
use crate::score::{self, Kind};
use crate::technique::Technique;

#[derive(Debug, Serialize)]
pub struct Step {
    pub technique: Technique,
    pub count: usize,
}

#[derive(Debug, Serialize)]
pub struct Indicator {
    pub kind: network::Kind,
    pub value: String,
}

#[derive(Debug, Serialize)]
pub struct Layer {
    pub index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<usize>,
    pub depth: usize,
    pub technique: Technique,
    pub language: Language,
    pub confidence: u8,
    pub rewritten: bool,
    pub offset: u64,
    pub length: u64,
    pub size: u64,
    pub sha256: String,
    pub entropy_before: f64,
    pub entropy_after: f64,
    pub before: String,
    pub after: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indicators: Vec<Indicator>,
}

/// A file that was decoded, in the shape of file-processor's children.
#[derive(Debug, Clone, Serialize)]
pub struct Child {
    pub index: usize,
    pub depth: usize,
    pub name: String,
    pub kind: String,
    pub size: u64,
    pub sha256: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub format: &'static str,
    #[serde(skip)]
    pub layer: usize,
}

#[derive(Debug, Serialize)]
pub struct Used {
    pub layers: usize,
    pub bytes: usize,
    pub steps: u64,
}

#[derive(Debug, Serialize)]
pub struct Facts {
    /// Bytes.
    pub size: u64,
    pub language: Language,
    pub layers: Vec<Layer>,
    pub children: Vec<Child>,
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    pub last: Option<usize>,
    pub used: Used,
}

pub fn of(peeler: &Peeler<'_>) -> Facts {
    let mut room = MAX_LISTED;
    let layers = (0..peeler.layers.len()).map(|index| layer(peeler, index, &mut room)).collect();
    let budget = &peeler.budget;
    Facts {
        size: peeler.sample.len() as u64,
        language: peeler.language,
        layers,
        children: children(peeler),
        last: last(peeler),
        used: Used { layers: peeler.layers.len(), bytes: budget.bytes_used(), steps: budget.steps_used() },
    }
}

fn layer(peeler: &Peeler<'_>, index: usize, room: &mut usize) -> Layer {
    let peeled = &peeler.layers[index];
    let found = &peeled.found;
    let parent = peeler.content(peeled.parent);
    let before = parent.get(found.start..found.end).unwrap_or_default();
    let content = &found.content;
    let (shown_before, shown_after) = excerpts(before, content, peeled.rewritten);
    let news = News::of(parent, content, room);
    Layer {
        index,
        parent: peeled.parent,
        depth: peeled.depth,
        technique: found.technique,
        language: peeled.language,
        confidence: found.confidence,
        rewritten: peeled.rewritten,
        offset: found.start as u64,
        length: (found.end - found.start) as u64,
        size: content.len() as u64,
        sha256: peeled.sha256.clone(),
        entropy_before: round4(entropy(before)),
        entropy_after: round4(entropy(content)),
        before: shown_before,
        after: shown_after,
        steps: found.steps.iter().map(|&(technique, count)| Step { technique, count }).collect(),
        key: peeled.key(),
        strings: news.strings,
        indicators: news.indicators,
    }
}

/// What is shown of both sides. Of a text written anew, where the two begin to differ.
fn excerpts(before: &[u8], after: &[u8], rewritten: bool) -> (String, String) {
    const LEAD: usize = 40;
    let same = before.iter().zip(after).take_while(|(one, two)| one == two).count();
    let start = if rewritten && same > MAX_EXCERPT / 4 { same - LEAD } else { 0 };
    (excerpt(before, start), excerpt(after, start))
}

fn excerpt(data: &[u8], start: usize) -> String {
    let mut start = start.min(data.len());
    // Not within a character.
    while start > 0 && data.get(start).is_some_and(|byte| byte & 0xc0 == 0x80) {
        start -= 1;
    }
    let part = data.get(start..data.len().min(start + MAX_EXCERPT * 4)).unwrap_or_default();
    let lead = if start > 0 { "…" } else { "" };
    let text = lossy(part);
    let mut shown: String = lead.chars().chain(text.chars()).take(MAX_EXCERPT).collect();
    if shown.len() < part.len() || start + part.len() < data.len() {
        shown.push('…');
    }
    shown
}

/// Strings and indicators that the parent did not show.
struct News {
    strings: Vec<String>,
    indicators: Vec<Indicator>,
}

impl News {
    fn of(parent: &[u8], content: &[u8], room: &mut usize) -> Self {
        /// Bytes of a layer that are looked at for what is new.
        const LOOKED_AT: usize = 2 << 20;
        let content = content.get(..content.len().min(LOOKED_AT)).unwrap_or_default();
        let parent = parent.get(..parent.len().min(LOOKED_AT)).unwrap_or_default();
        let is_new = |text: &str| memchr::memmem::find(parent, text.as_bytes()).is_none();
        let mut fits = |text: &str| {
            let size = text.len() * 2 + 32;
            let fits = size <= *room;
            *room -= if fits { size } else { 0 };
            fits
        };
        let indicators = network::indicators_in(content, 400)
            .into_iter()
            .filter(|(_, value)| is_new(value))
            .map(|(kind, value)| Indicator { kind, value: value.chars().take(MAX_STRING).collect() })
            .filter(|indicator| fits(&indicator.value))
            .take(MAX_INDICATORS)
            .collect();
        let strings = strings(content)
            .into_iter()
            .filter(|text| is_new(text))
            .filter(|text| fits(text))
            .take(MAX_STRINGS)
            .collect();
        Self { strings, indicators }
    }
}

/// Quoted texts of a script, printable runs of anything else.
fn strings(content: &[u8]) -> Vec<String> {
    const MOST: usize = 160;
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let text = lossy(content);
    let is_script = score::verdict(content).is_some_and(|verdict| verdict.kind == Kind::Text);
    let pieces: Box<dyn Iterator<Item = &str>> = if is_script {
        Box::new(quoted(&text))
    } else {
        Box::new(text.split(|letter: char| !(letter == ' ' || letter.is_ascii_graphic())))
    };
    let least = if is_script { 4 } else { 6 };
    for piece in pieces {
        let piece: String = piece.chars().take(MAX_STRING).collect();
        if piece.trim().len() >= least && seen.insert(piece.clone()) {
            found.push(piece);
        }
        if found.len() >= MOST {
            break;
        }
    }
    found
}

/// What stands between two quotes of the same kind on a line.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(['"', '\'', '`', '\n'])?;
            let quote = rest.as_bytes()[start];
            let inner = &rest[start + 1..];
            if quote == b'\n' {
                rest = inner;
                continue;
            }
            let Some(end) = inner.bytes().position(|byte| byte == quote || byte == b'\n') else {
                rest = "";
                return None;
            };
            let whole = inner.as_bytes()[end] == quote;
            rest = if whole { &inner[end + 1..] } else { &inner[end..] };
            if whole {
                return Some(&inner[..end]);
            }
        }
    })
}

impl Peeled {
    /// Hexadecimal; empty without one.
    fn key(&self) -> String {
        self.found.known_key.as_deref().map_or_else(String::new, hex)
    }
}

/// Decoded files, and scripts in which nothing more is hidden.
pub fn children(peeler: &Peeler<'_>) -> Vec<Child> {
    let mut found = Vec::new();
    for (index, layer) in peeler.layers.iter().enumerate() {
        let content = &layer.found.content;
        let format = file_processor::format_id(content);
        let is_file = score::is_worth_analysing(content);
        let is_script = layer.language != Language::None && !layer.peeled;
        if !is_file && !is_script && layer.found.technique != Technique::Marshal {
            continue;
        }
        let ending = match layer.language {
            Language::Javascript => "js",
            Language::Powershell => "ps1",
            Language::Vbscript => "vbs",
            Language::Vba => "bas",
            Language::Batch => "bat",
            Language::Python => "py",
            Language::Html => "html",
            Language::None => "bin",
        };
        found.push(Child {
            index: found.len(),
            depth: 1,
            name: format!("layer-{index}.{ending}"),
            kind: layer.found.technique.name(),
            size: content.len() as u64,
            sha256: layer.sha256.clone(),
            format,
            layer: index,
        });
    }
    found
}

/// The most decoded text: the deepest, of equal ones the longest.
fn last(peeler: &Peeler<'_>) -> Option<usize> {
    let texts = peeler
        .layers
        .iter()
        .enumerate()
        .filter(|(_, layer)| layer.language != Language::None || is_readable(&layer.found.content));
    texts
        .max_by_key(|(_, layer)| (layer.language != Language::None, layer.depth, layer.found.content.len()))
        .map(|(index, _)| index)
}

fn is_readable(content: &[u8]) -> bool {
    score::verdict(content).is_some_and(|verdict| verdict.kind == Kind::Text)
}
