//! Layers, peeled until nothing changes: what the text of one language says of itself, then what is encoded in it.

use std::collections::HashSet;

use module_kit::hex;
use sha2::{Digest, Sha256};

use crate::budget::Budget;
use crate::decode::{self, Packed, lossy};
use crate::language::{self, Language};
use crate::limits::{MAX_DEPTH, MAX_LAYER, MAX_LAYERS, MAX_SCRIPT};
use crate::score::{self, Kind};
use crate::{batch, binary, blobs, guess, html, js, powershell, python, vb};

pub use crate::technique::Technique;

/// Bytes of a layer that pieces of it are looked for in.
const MAX_RUN: usize = 256 << 10;

/// What was found in a text: the bytes `start..end` of it stand for `content`.
#[derive(Debug, Clone)]
pub struct Found {
    pub technique: Technique,
    /// Percent.
    pub confidence: u8,
    pub start: usize,
    pub end: usize,
    pub content: Vec<u8>,
    /// Of the content, where the place tells.
    pub language: Option<Language>,
    /// The content is still encrypted with this XOR key, ...
    pub key: Option<Vec<u8>>,
    /// ... or it was decrypted with this one, or letters or bytes were moved by this number.
    pub known_key: Option<Vec<u8>>,
    /// Which techniques were undone, and how often, where it is a text written anew.
    pub steps: Vec<(Technique, usize)>,
    /// It was written anew though hardly anything was hidden in it.
    pub slight: bool,
}

impl Found {
    pub const fn part(technique: Technique, confidence: u8, content: Vec<u8>) -> Self {
        Self {
            technique,
            confidence,
            start: 0,
            end: 0,
            content,
            language: None,
            key: None,
            known_key: None,
            steps: Vec::new(),
            slight: false,
        }
    }

    pub const fn at(mut self, start: usize, end: usize) -> Self {
        self.start = start;
        self.end = end;
        self
    }

    pub const fn language(mut self, language: Language) -> Self {
        self.language = Some(language);
        self
    }
}

/// A text written anew, and what it runs that it does not show.
#[derive(Debug, Default)]
pub struct Rewrite {
    /// None: there is nothing to undo.
    pub text: Option<String>,
    /// The text written anew where what was undone is too little to speak for its having been hidden.
    pub slight: Option<String>,
    pub steps: Vec<(Technique, usize)>,
    pub found: Vec<Found>,
}

#[derive(Debug)]
pub struct Layer {
    /// None: the sample.
    pub parent: Option<usize>,
    pub depth: usize,
    pub found: Found,
    pub language: Language,
    /// The whole of its parent, written anew.
    pub rewritten: bool,
    /// Whether most of it is a script that was peeled from it again.
    pub peeled: bool,
    pub sha256: String,
}

pub struct Peeler<'a> {
    pub sample: &'a [u8],
    /// The sample's own.
    name: &'a str,
    pub language: Language,
    pub layers: Vec<Layer>,
    pub budget: Budget,
    seen: HashSet<[u8; 32]>,
    /// What is still to be looked at, the next one last.
    open: Vec<Option<usize>>,
}

impl<'a> Peeler<'a> {
    /// Peels a sample; `name` is a hint at its language.
    pub fn peel(sample: &'a [u8], name: &'a str) -> Self {
        let mut peeler = Self {
            sample,
            name,
            language: Language::None,
            layers: Vec::new(),
            budget: Budget::new(sample.len()),
            seen: HashSet::from([digest(sample)]),
            open: vec![None],
        };
        if is_text(sample) {
            peeler.language = language::of(&lossy(sample), name);
        }
        while let Some(index) = peeler.open.pop() {
            peeler.look_at(index);
        }
        peeler
    }

    pub fn content(&self, index: Option<usize>) -> &[u8] {
        match index {
            Some(index) => self.layers.get(index).map_or(&[], |layer| &layer.found.content),
            None => self.sample,
        }
    }

    fn look_at(&mut self, index: Option<usize>) {
        let data = self.content(index).to_vec();
        let language = index.map_or(self.language, |index| self.layers[index].language);
        let key = index.and_then(|index| self.layers[index].found.key.take());
        let (rewritten, found) = match key {
            Some(key) => (None, vec![unlocked(&data, key)]),
            None => {
                let origin = Origin { inner: index.is_some(), decoded: self.is_decoded(index) };
                look(&data, language, origin, &mut self.budget)
            }
        };
        let mut added = Vec::new();
        if let Some(rewritten) = rewritten {
            added.extend(self.add(index, rewritten, true, language));
        }
        for one in found {
            added.extend(self.add(index, one, false, language));
        }
        // Depth first, in the order of their offsets.
        self.open.extend(added.into_iter().rev().map(Some));
    }

    /// Whether a text was hidden as a whole. What was written anew has nothing left that would be worth another layer,
    /// and what only stands in a document is as its author wrote it.
    fn is_decoded(&self, mut index: Option<usize>) -> bool {
        while let Some(layer) = index.and_then(|index| self.layers.get(index)) {
            match layer.found.technique {
                Technique::ScriptElement | Technique::Utf16 => index = layer.parent,
                _ => return !layer.rewritten,
            }
        }
        false
    }

    /// Whether a layer shows what a guessed key would make of this one: the bytes between, which nobody can read, are no
    /// news then.
    fn is_shown_already(&mut self, found: &Found) -> bool {
        let Some(key) = &found.key else { return false };
        let plain = decode::cipher::xor(&found.content, key);
        let plain = plain.trim_ascii();
        let Self { layers, budget, .. } = self;
        let mut shown = layers.iter().map(|layer| &layer.found.content).filter(|content| content.len() <= MAX_RUN);
        shown.any(|content| budget.spend(content.len() / 64) && memchr::memmem::find(content, plain).is_some())
    }

    /// The new layer's number; None for what is known already or too much.
    fn add(&mut self, parent: Option<usize>, found: Found, rewritten: bool, language: Language) -> Option<usize> {
        let depth = parent.map_or(1, |parent| self.layers[parent].depth + 1);
        if found.content.is_empty() || self.is_shown_already(&found) || !self.seen.insert(digest(&found.content)) {
            return None;
        }
        if self.layers.len() >= MAX_LAYERS {
            self.budget.met.layers = true;
            return None;
        }
        if depth > MAX_DEPTH {
            self.budget.met.depth = true;
            return None;
        }
        if found.content.len() > MAX_LAYER || !self.budget.take(found.content.len()) {
            self.budget.met.size = true;
            return None;
        }
        let language = match found.language {
            _ if rewritten && found.technique != Technique::Utf16 => language,
            Some(language) => language,
            None if is_text(&found.content) => {
                // In another encoding, it is still the text that the name is of.
                let is_sample = parent.is_none() && found.technique == Technique::Utf16;
                language::of(&lossy(&found.content), if is_sample { self.name } else { "" })
            }
            None => Language::None,
        };
        if let Some(parent) = parent.map(|parent| &mut self.layers[parent]) {
            let is_most = (found.end - found.start) * 2 >= parent.found.content.len();
            parent.peeled |= rewritten || (is_most && language != Language::None);
        }
        let sha256 = hex(&digest(&found.content));
        self.layers.push(Layer { parent, depth, found, language, rewritten, peeled: false, sha256 });
        Some(self.layers.len() - 1)
    }
}

fn digest(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

fn unlocked(data: &[u8], key: Vec<u8>) -> Found {
    let plain = decode::cipher::xor(data, &key);
    let confidence = score::verdict(&plain).map_or(60, |verdict| verdict.confidence.min(92));
    let mut found = Found::part(Technique::Xor, confidence, plain).at(0, data.len());
    found.known_key = Some(key);
    found
}

/// Bytes that are a text of whatever language: control characters are rare in them.
fn is_text(data: &[u8]) -> bool {
    let head = data.get(..data.len().min(4_096)).unwrap_or_default();
    let odd = head.iter().filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127)).count();
    !head.is_empty() && odd * 100 <= head.len()
}

/// Where a text is from.
#[derive(Debug, Clone, Copy)]
struct Origin {
    /// It is a layer and not the sample.
    inner: bool,
    /// It was hidden as a whole: whatever is folded in it counts.
    decoded: bool,
}

/// One round: the text written anew, or else what is in it.
fn look(data: &[u8], language: Language, origin: Origin, budget: &mut Budget) -> (Option<Found>, Vec<Found>) {
    let inner = origin.inner;
    if let Some(text) = wide_text(data) {
        return (Some(Found::part(Technique::Utf16, 100, text).at(0, data.len())), Vec::new());
    }
    if !is_text(data) {
        let packed = if inner { unpacked(data) } else { None };
        return (None, packed.map_or_else(|| binary::find(data, inner, budget), |found| vec![found]));
    }
    if data.len() > MAX_SCRIPT {
        budget.met.script |= language != Language::None;
        return (None, blobs::find(data, false, budget));
    }
    let text = lossy(data);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let shift = data.len() - text.len();
    let mut done = in_language(text, language, budget);
    for one in &mut done.found {
        (one.start, one.end) = (one.start + shift, one.end + shift);
    }
    let slight = done.slight.take().filter(|_| origin.decoded && done.text.is_none());
    let slight = slight.map(|text| if language == Language::Javascript { js::tidied(text, budget) } else { text });
    let is_slight = slight.is_some();
    if let Some(text) = done.text.or(slight) {
        let chosen = done.steps.iter().max_by_key(|step| (step.0.is_telling(), step.1));
        let technique = chosen.map_or(Technique::Constant, |step| step.0);
        let mut found = Found::part(technique, 100, text.into_bytes()).at(0, data.len());
        found.steps = done.steps;
        found.slight = is_slight;
        // What a text runs is found again in the one that can be read.
        return (Some(found), if is_slight { Vec::new() } else { done.found });
    }
    let encoded = powershell::encoded_commands(text).into_iter();
    done.found.extend(encoded.map(|one| Found { start: one.start + shift, end: one.end + shift, ..one }));
    let taken: Vec<(usize, usize)> = done.found.iter().map(|one| (one.start, one.end)).collect();
    let is_apart = |one: &Found| taken.iter().all(|&(start, end)| one.end <= start || one.start >= end);
    let mut found = done.found;
    // Of what is run as a whole, quoted pieces are no news.
    let is_piece = |one: &Found, whole: &[Found]| {
        let mut runs = whole.iter().map(|run| &run.content).filter(|run| run.len() <= MAX_RUN);
        one.technique == Technique::Reverse
            && runs.any(|run| memchr::memmem::find(run, one.content.trim_ascii()).is_some())
    };
    // Where nothing of the language runs a text, it is data: keys are guessed only where the text is a script.
    let is_guessing = language != Language::None && language != Language::Html;
    let mut encoded = blobs::find(data, is_guessing, budget);
    encoded.retain(|one| is_apart(one) && !is_piece(one, &found));
    found.extend(encoded);
    if found.is_empty() && language == Language::None {
        found.extend(guessed(data, budget));
    }
    // What is run comes before what is only data, since the same content is one layer.
    (None, found)
}

fn in_language(text: &str, language: Language, budget: &mut Budget) -> Rewrite {
    match language {
        Language::Javascript => js::undo(text, budget),
        Language::Powershell => powershell::undo(text, budget),
        Language::Vbscript | Language::Vba => vb::undo(text, budget),
        Language::Batch => batch::undo(text, budget),
        Language::Python => python::undo(text, budget),
        Language::Html => Rewrite { found: html::scripts(text, budget), ..Rewrite::default() },
        Language::None => Rewrite::default(),
    }
}

/// UTF-16 as UTF-8: with its mark, or told by its zeros.
fn wide_text(data: &[u8]) -> Option<Vec<u8>> {
    match data {
        [0xff, 0xfe, ..] => Some(decode::text::utf16(data, true)),
        [0xfe, 0xff, ..] => Some(decode::text::utf16(data, false)),
        _ => (score::verdict(data)?.kind == Kind::Wide).then(|| decode::text::utf16(data, true)),
    }
    .filter(|text| score::text(text.get(..text.len().min(4_096)).unwrap_or_default()).is_some())
}

/// What is packed in a layer.
fn unpacked(data: &[u8]) -> Option<Found> {
    let all = |technique, content| Some(Found::part(technique, 97, content).at(0, data.len()));
    if let Some(content) = decode::inflate(data, Packed::Gzip) {
        return all(Technique::Gzip, content);
    }
    let sensible = |content: &Vec<u8>| score::verdict(content).is_some();
    if let Some(content) = decode::inflate(data, Packed::Zlib).filter(sensible) {
        return all(Technique::Zlib, content);
    }
    decode::inflate(data, Packed::Raw).filter(sensible).and_then(|content| all(Technique::Deflate, content))
}

/// A text of no language that becomes one by a key.
fn guessed(data: &[u8], budget: &mut Budget) -> Option<Found> {
    if !budget.spend(data.len()) {
        return None;
    }
    let (technique, guess) = guess::moved(data).or_else(|| {
        // What is readable already has no key.
        let readable = score::words(&lossy(data.get(..data.len().min(4_096))?)) > 2;
        if readable { None } else { guess::xor(data).map(|guess| (Technique::Xor, guess)) }
    })?;
    let mut found = Found::part(technique, guess.confidence, guess.plain).at(0, data.len());
    found.known_key = Some(guess.key);
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(sample: &str, name: &str) -> Vec<(String, bool)> {
        let peeler = Peeler::peel(sample.as_bytes(), name);
        peeler.layers.iter().map(|layer| (lossy(&layer.found.content).trim().to_owned(), layer.found.slight)).collect()
    }

    #[test]
    fn whatever_is_folded_in_a_decoded_layer_counts() {
        let inner = "x('greet' + 'ings')";
        let coded: String = inner.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let clear = ("x(\"greetings\");".to_owned(), true);
        let layers = contents(&format!("eval(unescape('{coded}'));"), "a.js");
        assert_eq!(layers.last(), Some(&clear), "{layers:?}");
        // The sample's own text is another matter, in a document as well.
        assert_eq!(contents(inner, "a.js"), []);
        let page = contents(&format!("<html><script>{inner}</script></html>"), "a.html");
        assert_eq!(page, [(inner.to_owned(), false)]);
    }

    #[test]
    fn a_text_is_the_same_in_either_encoding() {
        let text = "I`nv`oke-Ex`pr`ession (\"Wri\"+\"te-Host\"+\" h\"+\"i\")\n(N`ew-Obj`ect Ne`t.WebC`lient).D`ownloadString(1)\n";
        let wide: Vec<u8> = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for name in ["a.ps1", ""] {
            let narrow = contents(text, name);
            let layers = Peeler::peel(&wide, name).layers;
            assert!(!narrow.is_empty(), "{name}");
            let last: Vec<_> =
                layers.iter().skip(1).map(|layer| lossy(&layer.found.content).trim().to_owned()).collect();
            assert_eq!(last, narrow.into_iter().map(|one| one.0).collect::<Vec<_>>(), "{name}");
        }
        // Too little of it tells for it to be told without the name.
        let short: Vec<u8> = "'a'+'b'; p`s`q`r`t`x".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(Peeler::peel(&short, "a.ps1").layers.last().map(|layer| layer.language), Some(Language::Powershell));
    }

    #[test]
    fn other_languages_are_folded_so_as_well() {
        let sample = "Execute(StrReverse(\"\"\"sgni\"\" & \"\"teerg\"\" ohcE.tpircSW\"))";
        let clear = ("WScript.Echo \"greetings\"".to_owned(), true);
        assert_eq!(contents(sample, "a.vbs").last(), Some(&clear));
    }
}
