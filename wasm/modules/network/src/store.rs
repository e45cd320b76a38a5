//! The indicators of one sample: each once, with how often and where it is first.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use crate::ioc::{Hit, Kind, Source, Tag};
use crate::limits::{MAX_KEPT, MAX_KEPT_TEXT, MAX_REPORTED_TEXT};
use crate::marshalled;
use crate::scan::scan;
use crate::text::{Encoding, Run, each_run, slice, string};
use crate::url;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Indicator {
    pub kind: Kind,
    pub value: String,
    /// As it was found first; left out where it is the value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Bytes from the start of the sample to its first occurrence.
    /// None where it is not said: in what was put together of several packets.
    pub offset: Option<u64>,
    pub encoding: Encoding,
    /// Occurrences.
    pub count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Source::is_bytes")]
    pub source: Source,
}

impl Indicator {
    pub fn leads_somewhere(&self) -> bool {
        !self.tags.iter().any(|tag| tag.leads_nowhere())
    }

    pub fn has(&self, tag: Tag) -> bool {
        self.tags.contains(&tag)
    }
}

#[derive(Debug, Default)]
pub struct Store {
    places: HashMap<(Kind, String), usize>,
    pub indicators: Vec<Indicator>,
    text: usize,
    /// Occurrences of indicators for which there was no room.
    pub left_out: u64,
}

impl Store {
    pub fn of(data: &[u8]) -> Self {
        let mut store = Self::default();
        match marshalled::with_ends(data) {
            Some(ended) => store.add_both(&ended, data),
            None => each_run(data, |run| scan(&run, |hit| store.add(&run, hit))),
        }
        store
    }

    /// Those of the first, and of the second what is not one of those, as it is or with one character more.
    fn add_both(&mut self, ended: &[u8], data: &[u8]) {
        let mut seen = HashSet::new();
        let place = |run: &Run, hit: &Hit| (hit.kind, run.offset(hit.start), run.offset(hit.end));
        each_run(ended, |run| {
            scan(&run, |hit| {
                seen.insert(place(&run, &hit));
                self.add(&run, hit);
            });
        });
        each_run(data, |run| {
            scan(&run, |hit| {
                let (kind, start, end) = place(&run, &hit);
                if !seen.contains(&(kind, start, end)) && !seen.contains(&(kind, start, end - 1)) {
                    self.add(&run, hit);
                }
            });
        });
    }

    /// Looks for indicators in a part of a sample; `offset` tells where a byte of the part is.
    pub fn scan(&mut self, data: &[u8], source: Source, offset: &dyn Fn(usize) -> Option<u64>) {
        each_run(data, |run| {
            scan(&run, |hit| {
                let (text, encoding) = (slice(run.text, hit.start, hit.end), run.encoding(hit.start, hit.end));
                let place = offset(run.offset(hit.start));
                self.keep(hit, text, place, encoding, source);
            });
        });
    }

    /// One that a protocol names.
    pub fn found(&mut self, hit: Hit, source: Source, offset: Option<u64>) {
        self.keep(hit, &[], offset, Encoding::Ascii, source);
    }

    fn add(&mut self, run: &Run, hit: Hit) {
        let (text, encoding) = (slice(run.text, hit.start, hit.end), run.encoding(hit.start, hit.end));
        let offset = run.offset(hit.start) as u64;
        self.keep(hit, text, Some(offset), encoding, Source::Bytes);
    }

    /// `text` is what the value was written as; nothing for the value itself.
    fn keep(&mut self, hit: Hit, text: &[u8], offset: Option<u64>, encoding: Encoding, source: Source) {
        // What was said in a capture may hold passwords of whoever said it; in a program they are what it was given.
        let hides = hit.kind == Kind::Url && source != Source::Bytes;
        let key = (hit.kind, if hides { url::masked(&hit.value) } else { hit.value });
        if let Some(known) = self.places.get(&key).and_then(|&place| self.indicators.get_mut(place)) {
            known.count += 1;
            // One clear occurrence is enough.
            if known.has(Tag::Ambiguous) && !hit.tags.contains(&Tag::Ambiguous) {
                known.tags = hit.tags;
            }
            return;
        }
        if self.indicators.len() >= MAX_KEPT || self.text > MAX_KEPT_TEXT {
            self.left_out += 1;
            return;
        }
        let text = if hides { url::masked(&string(text)) } else { string(text) };
        let text = if text == key.1 { String::new() } else { text };
        self.text += key.1.len() + text.len();
        self.places.insert(key.clone(), self.indicators.len());
        let tags = hit.tags;
        self.indicators.push(Indicator { kind: key.0, value: key.1, text, offset, encoding, count: 1, tags, source });
    }
}

/// `Output.data` of `analyze` and `extract`.
#[derive(Debug, Serialize)]
pub struct Indicators {
    /// Different indicators of each kind, listed or not.
    pub totals: BTreeMap<Kind, u64>,
    /// In the order of their offsets.
    pub indicators: Vec<Indicator>,
    /// Different ones that are not listed.
    pub not_listed: u64,
    /// Occurrences of ones that were not even kept.
    pub left_out: u64,
}

impl Indicators {
    /// Lists at most `most`; those that lead nowhere are the first to go.
    pub fn new(store: &Store, most: usize) -> Self {
        let mut totals = BTreeMap::new();
        for indicator in &store.indicators {
            *totals.entry(indicator.kind).or_insert(0) += 1;
        }
        let mut chosen: Vec<&Indicator> = store.indicators.iter().collect();
        chosen.sort_by_key(|indicator| (!indicator.leads_somewhere(), place(indicator)));
        let mut text = 0;
        let mut listed: Vec<Indicator> = chosen
            .into_iter()
            .take(most)
            .take_while(|indicator| {
                text += json_length(&indicator.value) + json_length(&indicator.text) + OVERHEAD;
                text <= MAX_REPORTED_TEXT
            })
            .cloned()
            .collect();
        listed.sort_by_key(place);
        let not_listed = (store.indicators.len() - listed.len()) as u64;
        Self { totals, indicators: listed, not_listed, left_out: store.left_out }
    }
}

/// In the order of their offsets, those without one last.
fn place(indicator: &Indicator) -> (bool, Option<u64>) {
    (indicator.offset.is_none(), indicator.offset)
}

/// Bytes of an indicator's other fields in JSON.
const OVERHEAD: usize = 128;

/// The most bytes that a text may take in JSON: runs hold no control characters but the tab.
fn json_length(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | b'\t')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_indicator_is_listed_once_with_its_count() {
        let mut data = b"\xff\xfehttp://evil.com/ hxxp://evil[.]com/\0".to_vec();
        data.extend("http://evil.com/".encode_utf16().flat_map(u16::to_le_bytes));
        let store = Store::of(&data);
        let url = store.indicators.iter().find(|indicator| indicator.kind == Kind::Url);
        assert_eq!(url.map(|url| (url.count, url.offset, url.encoding)), Some((3, Some(2), Encoding::Ascii)));
        let text: Vec<u8> = "ab evil.net".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let wide = Store::of(&text).indicators;
        assert_eq!(wide.first().map(|wide| (wide.offset, wide.encoding)), Some((Some(6), Encoding::Utf16Le)));
    }

    #[test]
    fn what_leads_nowhere_is_the_first_to_go() {
        let store = Store::of(b"10.0.0.1 www.w3.org 8.8.8.8 ");
        let listed = Indicators::new(&store, 1);
        assert_eq!(listed.indicators.first().map(|one| one.value.as_str()), Some("8.8.8.8"));
        assert_eq!((listed.not_listed, listed.totals.get(&Kind::Ipv4)), (2, Some(&2)));
    }
}
