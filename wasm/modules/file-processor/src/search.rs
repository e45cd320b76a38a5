//! The function `search`: where a pattern is in the strings.
//!
//! It looks at the same strings as `strings`, but at all of them and at their whole length, until it has looked at as
//! many characters as it may: the work of an expression is in proportion to them and to its size, and both are limited.

use memchr::memmem::Finder;
use module_kit::Refusal;
use regex_lite::{Regex, RegexBuilder};
use serde::Serialize;

use crate::facts::Encoding;
use crate::limits::{MAX_EXPRESSION, MAX_SEARCHED, MAX_SEARCHED_BY_EXPRESSION};
use crate::options::Search;
use crate::strings::{Sink, scan};

/// Characters before a match that are shown with it, and all that is shown of one.
const BEFORE: usize = 40;
const MAX_SHOWN: usize = 200;
/// Matches that are counted.
const MAX_COUNTED: u64 = 1_000_000;

/// One match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// Of the match.
    pub offset: u64,
    pub encoding: Encoding,
    /// The match with what is around it in its string.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Of all matches; `items` are the first.
    pub total: u64,
    pub items: Vec<Hit>,
    /// Characters that were looked at.
    pub searched: u64,
    /// Not all was looked at: there may be more matches.
    pub stopped: bool,
}

/// Raises a refusal for an expression that is none, or is too large.
pub fn search(data: &[u8], wanted: &Search) -> Result<Found, Refusal> {
    let pattern = Pattern::read(wanted)?;
    let mut searcher = Searcher::new(&pattern, wanted.max_matches);
    scan(data, wanted.min_string_length, &mut searcher);
    let mut items = searcher.items;
    items.sort_by_key(|hit| hit.offset);
    items.truncate(wanted.max_matches);
    Ok(Found { total: searcher.total, items, searched: searcher.searched as u64, stopped: searcher.stopped })
}

enum Pattern {
    Literal { finder: Box<Finder<'static>>, length: usize, any_case: bool },
    Expression(Regex),
}

impl Pattern {
    fn read(wanted: &Search) -> Result<Self, Refusal> {
        if wanted.regex {
            let built = RegexBuilder::new(&wanted.pattern)
                .case_insensitive(wanted.ignore_case)
                .size_limit(MAX_EXPRESSION)
                .build();
            return built.map(Self::Expression).map_err(|error| {
                Refusal::invalid_args(format!("Arguments: `pattern` is no expression that can be used: {error}."))
            });
        }
        let needle = if wanted.ignore_case { wanted.pattern.to_ascii_lowercase() } else { wanted.pattern.clone() };
        let finder = Box::new(Finder::new(needle.as_bytes()).into_owned());
        Ok(Self::Literal { finder, length: needle.len(), any_case: wanted.ignore_case })
    }

    const fn budget(&self) -> usize {
        match self {
            Self::Literal { .. } => MAX_SEARCHED,
            Self::Expression(_) => MAX_SEARCHED_BY_EXPRESSION,
        }
    }

    /// Where it is, from where to where, in order.
    fn places(&self, text: &str, mut see: impl FnMut(usize, usize) -> bool) {
        match self {
            Self::Expression(regex) => {
                for place in regex.find_iter(text).filter(|place| !place.is_empty()) {
                    if !see(place.start(), place.end()) {
                        return;
                    }
                }
            }
            Self::Literal { finder, length, any_case } => {
                let lower;
                let searched = if *any_case {
                    lower = text.to_ascii_lowercase();
                    &lower
                } else {
                    text
                };
                for start in finder.find_iter(searched.as_bytes()) {
                    if !see(start, start + length) {
                        return;
                    }
                }
            }
        }
    }
}

struct Searcher<'a> {
    pattern: &'a Pattern,
    most: usize,
    left: usize,
    searched: usize,
    total: u64,
    /// Of those in this encoding: the other's come behind, and have their own first ones.
    kept: usize,
    encoding: Encoding,
    items: Vec<Hit>,
    stopped: bool,
}

impl<'a> Searcher<'a> {
    fn new(pattern: &'a Pattern, most: usize) -> Self {
        Self {
            pattern,
            most,
            left: pattern.budget(),
            searched: 0,
            total: 0,
            kept: 0,
            encoding: Encoding::Ascii,
            items: Vec::new(),
            stopped: false,
        }
    }
}

impl Sink for Searcher<'_> {
    fn add(&mut self, offset: usize, encoding: Encoding, characters: impl Iterator<Item = u8>) {
        if self.left == 0 || self.total >= MAX_COUNTED {
            self.stopped = true;
            return;
        }
        if encoding != self.encoding {
            (self.encoding, self.kept) = (encoding, 0);
        }
        let mut characters = characters.map(char::from);
        let text: String = characters.by_ref().take(self.left).collect();
        self.stopped |= characters.next().is_some();
        self.left -= text.len();
        self.searched += text.len();
        let width = if encoding == Encoding::Ascii { 1 } else { 2 };
        self.pattern.places(&text, |start, end| {
            self.total += 1;
            if self.kept < self.most {
                self.kept += 1;
                let text = shown(&text, start, end);
                self.items.push(Hit { offset: (offset + start * width) as u64, encoding, text });
            }
            self.total < MAX_COUNTED
        });
    }
}

/// The match with what is around it. Strings are ASCII, so that every place in them is between two characters.
fn shown(text: &str, start: usize, end: usize) -> String {
    let from = start.saturating_sub(BEFORE);
    let to = end.saturating_add(MAX_SHOWN).min(from + MAX_SHOWN).min(text.len());
    text.get(from..to).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(pattern: &str, regex: bool) -> Search {
        Search { pattern: pattern.to_owned(), regex, ..Search::default() }
    }

    fn offsets(data: &[u8], wanted: &Search) -> Vec<u64> {
        search(data, wanted).map(|found| found.items.iter().map(|hit| hit.offset).collect()).unwrap_or_default()
    }

    #[test]
    fn finds_every_place_of_a_literal() {
        assert_eq!(offsets(b"\0\0cmd.exe and cmd.exe\0xcmd.exe", &wanted("cmd", false)), [2, 14, 23]);
    }

    #[test]
    fn a_literal_is_no_expression() {
        assert_eq!(offsets(b"aXbc.d", &wanted("a.b", false)), [] as [u64; 0]);
        assert_eq!(offsets(b"abcda.b", &wanted("a.b", false)), [4]);
    }

    #[test]
    fn offsets_in_wide_strings_are_those_of_the_bytes() {
        assert_eq!(offsets(b"\x01\x02x\0x\0k\0e\0y\0=\0\0\0", &wanted("key", false)), [6]);
    }

    #[test]
    fn case_matters_unless_it_is_not_to() {
        let data = b"POWERSHELL -Enc";
        assert!(offsets(data, &wanted("powershell", false)).is_empty());
        for regex in [false, true] {
            let either = Search { ignore_case: true, ..wanted("powershell", regex) };
            assert_eq!(offsets(data, &either), [0]);
        }
    }

    #[test]
    fn finds_what_an_expression_means() {
        let data = b"nothing\0http://a.example/x\0ftp://b.example";
        assert_eq!(offsets(data, &wanted(r"(http|ftp)://[\w.]+", true)), [8, 27]);
        assert_eq!(offsets(data, &wanted("x*", true)), [18, 25, 36], "what matches nothing is no match");
    }

    #[test]
    fn bad_and_large_expressions_are_refused() {
        for bad in ["(", "[a-", "a{100000}", "(a{500}){500}"] {
            let refused = search(b"text", &wanted(bad, true)).err();
            assert_eq!(refused.map(|refusal| refusal.code), Some("invalid_args"), "{bad}");
        }
    }

    #[test]
    fn matches_are_counted_and_the_first_are_kept() {
        let few = Search { max_matches: 2, ..wanted("ab", false) };
        let found = search(b"ab ab ab ab\0a\0b\0a\0b\0a\0b\0", &few).ok();
        let found = found.map(|found| (found.total, found.items.iter().map(|hit| hit.offset).collect::<Vec<_>>()));
        assert_eq!(found, Some((7, vec![0, 3])));
    }

    #[test]
    fn what_is_shown_has_an_end() {
        let mut data = vec![b'x'; 100_000];
        data[50_000..50_004].copy_from_slice(b"here");
        let found = search(&data, &wanted("here", false)).map(|found| found.items[0].clone()).ok();
        assert_eq!(found.as_ref().map(|hit| hit.text.len()), Some(MAX_SHOWN));
        assert!(found.is_some_and(|hit| hit.text.contains("here") && hit.offset == 50_000));
    }

    #[test]
    fn an_expression_stops_when_it_has_looked_at_enough() {
        let data = vec![b'a'; MAX_SEARCHED_BY_EXPRESSION + 10];
        let found = search(&data, &wanted("(a|a)*b", true)).ok();
        assert_eq!(found.map(|found| (found.searched, found.stopped)), Some((MAX_SEARCHED_BY_EXPRESSION as u64, true)));
    }
}
