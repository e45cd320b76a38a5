//! Which algorithms a file has, from the constants in it, and how sure that is.
//!
//! Confidence: a table of 32 bytes or more that is there to its last byte tells as much as a byte pattern can (97 %);
//! one of which only a part is there is a variant or cut (80 %); 16 to 31 bytes are 85 %, fewer 70 %. Words in code
//! count by how many of a set are near each other: two words of 32 bits 60 %, three 80 %, four or more 90 %; one of 64
//! bits is as good as two. One word of 32 bits alone is in every fourth file of a gigabyte by chance, and common ones
//! serve other ends (0x9e3779b9 mixes hash tables): it is never reported. Of several pieces of evidence the best counts,
//! and each other kind of evidence takes a third of the doubt away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use module_kit::{Finding, Findings, Severity};
use serde::Serialize;

use crate::limits::{MAX_PLACES, NEAR};
use crate::loops;
use crate::scan::word_bytes;
use crate::tables::{Category, Elements, Layout, MD4, MD4_SUCCESSORS, TABLES, Table, WORDS, Word};

#[derive(Debug, Serialize)]
pub struct Algorithm {
    pub name: &'static str,
    pub category: Category,
    /// Percent.
    pub confidence: u8,
    pub evidence: Vec<Evidence>,
}

#[derive(Debug, Serialize)]
pub struct Evidence {
    pub what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// Bytes from the start of the sample.
    pub offset: u64,
    /// Bytes that were compared and equal, or between the first and the last word.
    pub length: u64,
    /// Elements that are there, of how many.
    pub matched: usize,
    pub of: usize,
    pub confidence: u8,
    /// Places where it is.
    pub places: u64,
    /// The further ones, the first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<u64>,
}

/// What one kind of evidence is told by: the algorithm and a name.
type Source = (&'static str, &'static str, Option<&'static str>);

#[derive(Default)]
pub struct Collector {
    evidence: BTreeMap<Source, (Category, Evidence)>,
    /// For each set, where each word was last.
    seen: BTreeMap<usize, Vec<Option<u64>>>,
    /// Where words are that SHA-1 or RIPEMD has and MD4 has not: near them, the two that they share tell nothing of MD4.
    beyond_md4: Vec<u64>,
}

impl Collector {
    pub fn table(&mut self, data: &[u8], start: usize, index: usize, layout: Layout) {
        let Some(table) = TABLES.get(index) else { return };
        let matched = matching(data, start, table.elements, layout);
        let total = table.elements.len();
        let width = table.elements.width();
        let bytes = matched * width;
        if matched < total && bytes < 32 {
            return;
        }
        let confidence = if matched < total { 80 } else { sure(bytes) };
        self.add(
            table.algorithm,
            table.category,
            layout_name(table, layout),
            Evidence {
                what: table.what,
                layout: Some(layout),
                offset: start as u64,
                length: (matched * layout.stride(width)) as u64,
                matched,
                of: total,
                confidence,
                places: 1,
                others: Vec::new(),
            },
        );
    }

    pub fn bytes(
        &mut self,
        algorithm: &'static str,
        category: Category,
        what: &'static str,
        start: usize,
        length: usize,
    ) {
        self.piece(algorithm, category, what, (start, length), sure(length));
    }

    /// Instructions that stand for an algorithm.
    pub fn code(
        &mut self,
        algorithm: &'static str,
        category: Category,
        what: &'static str,
        start: usize,
        length: usize,
    ) {
        self.piece(algorithm, category, what, (start, length), SURE_OF_CODE);
    }

    fn piece(
        &mut self,
        algorithm: &'static str,
        category: Category,
        what: &'static str,
        (start, length): (usize, usize),
        confidence: u8,
    ) {
        self.add(
            algorithm,
            category,
            None,
            Evidence {
                what,
                layout: None,
                offset: start as u64,
                length: length as u64,
                matched: length,
                of: length,
                confidence,
                places: 1,
                others: Vec::new(),
            },
        );
    }

    pub fn word(&mut self, data: &[u8], start: usize, set: usize, word: usize) {
        let Some(row) = WORDS.get(set) else { return };
        let Some(&value) = row.words.get(word) else { return };
        if !data.get(start..).is_some_and(|rest| rest.starts_with(&word_bytes(value))) {
            return;
        }
        if is_half(data, start, value) {
            return;
        }
        // One of each neighbourhood will do.
        let is_new = self.beyond_md4.last().is_none_or(|last| last.abs_diff(start as u64) > NEAR / 2);
        if is_new && MD4_SUCCESSORS.contains(&row.algorithm) && !is_of_md4(value) {
            self.beyond_md4.push(start as u64);
        }
        let seen = self.seen.entry(set).or_insert_with(|| vec![None; row.words.len()]);
        if let Some(place) = seen.get_mut(word) {
            *place = Some(start as u64);
        }
        let near = |&place: &u64| start as u64 - place <= NEAR;
        let (count, first) = seen
            .iter()
            .flatten()
            .filter(|place| near(place))
            .fold((0, start as u64), |(count, first), &place| (count + 1, first.min(place)));
        if count < row.least {
            return;
        }
        // The next report of this set begins with words of its own.
        seen.fill(None);
        let wide = matches!(value, Word::W64(_));
        self.add(
            row.algorithm,
            row.category,
            None,
            Evidence {
                what: row.what,
                layout: None,
                offset: first,
                length: start as u64 - first + word_bytes(value).len() as u64,
                matched: count,
                of: row.words.len(),
                confidence: sure_of_words(count * if wide { 2 } else { 1 }),
                places: 1,
                others: Vec::new(),
            },
        );
    }

    fn add(&mut self, algorithm: &'static str, category: Category, layout: Option<&'static str>, evidence: Evidence) {
        let source = (algorithm, evidence.what, layout);
        let Some((_, known)) = self.evidence.get_mut(&source) else {
            self.evidence.insert(source, (category, evidence));
            return;
        };
        known.places += 1;
        if known.others.len() + 1 < MAX_PLACES {
            known.others.push(evidence.offset);
        }
        if evidence.confidence > known.confidence {
            (known.confidence, known.matched) = (evidence.confidence, evidence.matched);
            (known.offset, known.length) = (evidence.offset, evidence.length);
        }
    }

    /// The surest first.
    pub fn finish(self) -> Vec<Algorithm> {
        let mut found: BTreeMap<&'static str, Algorithm> = BTreeMap::new();
        let mut beyond = self.beyond_md4;
        beyond.sort_unstable();
        let is_apart = |place: &u64| {
            let next = beyond.partition_point(|it| it + 2 * NEAR < *place);
            beyond.get(next).is_none_or(|it| it.saturating_sub(2 * NEAR) > *place)
        };
        let says = |evidence: &Evidence| is_apart(&evidence.offset) || evidence.others.iter().any(&is_apart);
        let kept = self.evidence.into_iter().filter(|((name, _, _), (_, evidence))| *name != MD4 || says(evidence));
        for ((name, _, _), (category, evidence)) in kept {
            let algorithm =
                found.entry(name).or_insert_with(|| Algorithm { name, category, confidence: 0, evidence: Vec::new() });
            algorithm.evidence.push(evidence);
        }
        let mut all: Vec<Algorithm> = found.into_values().collect();
        for algorithm in &mut all {
            algorithm.evidence.sort_by_key(|evidence| (std::cmp::Reverse(evidence.confidence), evidence.offset));
            algorithm.confidence = together(&algorithm.evidence);
        }
        all.sort_by_key(|algorithm| std::cmp::Reverse(algorithm.confidence));
        all
    }
}

/// Words of 64 bits that begin with one of 32: SHA-512's constants begin with those of SHA-256.
static WIDER: LazyLock<BTreeSet<u64>> = LazyLock::new(|| {
    let all = || WORDS.iter().flat_map(|set| set.words).copied();
    let tables = TABLES.iter().filter(|table| matches!(table.elements, Elements::Words64(_)));
    let elements = tables.flat_map(|table| (0..table.elements.len()).filter_map(|index| table.elements.get(index)));
    let in_code = all().filter_map(|word| if let Word::W64(word) = word { Some(word) } else { None });
    let narrow: BTreeSet<u32> =
        all().filter_map(|word| if let Word::W32(word) = word { Some(word) } else { None }).collect();
    elements.chain(in_code).filter(|word| narrow.contains(&((word >> 32) as u32))).collect()
});

/// Whether a word of 32 bits is the upper half of a known one of 64, behind the lower half or before it.
fn is_half(data: &[u8], start: usize, word: Word) -> bool {
    let Word::W32(upper) = word else { return false };
    let half = |at: Option<usize>| data.get(at?..)?.first_chunk().copied().map(u32::from_le_bytes);
    let is_wider = |lower: u32| WIDER.contains(&(u64::from(upper) << 32 | u64::from(lower)));
    [start.checked_sub(4), start.checked_add(4)].into_iter().filter_map(half).any(is_wider)
}

fn is_of_md4(word: Word) -> bool {
    WORDS.iter().any(|set| set.algorithm == MD4 && set.words.contains(&word))
}

fn layout_name(table: &Table, layout: Layout) -> Option<&'static str> {
    let layouts = table.elements.layouts();
    let names = ["first", "second", "third"];
    layouts.iter().position(|&other| other == layout).and_then(|index| names.get(index).copied())
}

/// How many elements from the first on are at `start`.
fn matching(data: &[u8], start: usize, elements: Elements, layout: Layout) -> usize {
    let (width, stride) = (elements.width(), layout.stride(elements.width()));
    let rest = data.get(start..).unwrap_or_default();
    let equal = |(index, bytes): &(usize, &[u8])| {
        elements.get(*index).is_some_and(|value| layout.encode(value, width).get(..stride) == Some(*bytes))
    };
    rest.chunks_exact(stride).take(elements.len()).enumerate().take_while(equal).count()
}

/// Of a loop that no other program is known to have, but may.
const SURE_OF_CODE: u8 = 70;

fn sure(bytes: usize) -> u8 {
    match bytes {
        32.. => 97,
        16.. => 85,
        _ => 70,
    }
}

fn sure_of_words(words: usize) -> u8 {
    match words {
        4.. => 90,
        3 => 80,
        _ => 60,
    }
}

fn together(evidence: &[Evidence]) -> u8 {
    let best = evidence.first().map_or(0.0, |first| f64::from(first.confidence));
    let kinds: BTreeSet<_> = evidence.iter().map(|piece| piece.what).collect();
    let doubt = (100.0 - best) * (2.0_f64 / 3.0).powi(i32::try_from(kinds.len()).unwrap_or(1) - 1);
    (100.0 - doubt).round().min(99.0) as u8
}

/// One finding an algorithm. Cryptography in itself is nothing bad: what encrypts is `low`, the rest `info`.
pub fn judge(algorithms: &[Algorithm], findings: &mut Findings) {
    for algorithm in algorithms {
        let (severity, noun) = match algorithm.category {
            Category::BlockCipher => (Severity::Low, "cipher"),
            Category::StreamCipher => (Severity::Low, "cipher"),
            Category::Hash => (Severity::Info, "hash"),
            Category::Checksum => (Severity::Info, "checksum"),
            Category::PublicKey => (Severity::Info, "public-key"),
            Category::Encoding => (Severity::Info, "encoding"),
            Category::Random => (Severity::Info, "random"),
        };
        let id = format!("{noun}-{}", slug(algorithm.name));
        let is_code = algorithm.evidence.iter().all(|piece| piece.what == loops::KEY_SCHEDULE);
        let title = format!("{} of {}", if is_code { "Code" } else { "Constants" }, algorithm.name);
        let mut finding = Finding::new(&id, severity, algorithm.confidence, &title).detail(tell(algorithm));
        for evidence in &algorithm.evidence {
            finding = finding.at(evidence.offset, evidence.length);
        }
        findings.add(finding);
    }
}

fn tell(algorithm: &Algorithm) -> String {
    let tell_one = |evidence: &Evidence| format!("{} ({} of {})", evidence.what, evidence.matched, evidence.of);
    let told: Vec<String> = algorithm.evidence.iter().take(MAX_PLACES).map(tell_one).collect();
    format!("Found: {}.", told.join(", "))
}

/// Letters and digits; the rest becomes one hyphen.
pub fn slug(name: &str) -> String {
    let spaced: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { ' ' })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Analyze;
    use crate::triage;

    fn found(data: &[u8]) -> Vec<Algorithm> {
        triage::analyze(data, &Analyze::default()).0.algorithms
    }

    fn bytes_of(table: &Table, layout: Layout) -> Vec<u8> {
        let (width, count) = (table.elements.width(), table.elements.len());
        let values = (0..count).filter_map(|index| table.elements.get(index));
        values.flat_map(|value| layout.encode(value, width).into_iter().take(layout.stride(width))).collect()
    }

    #[test]
    fn every_table_is_found_in_every_layout_at_its_place() {
        for table in TABLES {
            for &layout in table.elements.layouts() {
                let mut data = vec![0x90; 37];
                data.extend(bytes_of(table, layout));
                data.extend([0x90; 16]);
                let algorithms = found(&data);
                let evidence = algorithms
                    .iter()
                    .filter(|algorithm| algorithm.name == table.algorithm)
                    .flat_map(|algorithm| &algorithm.evidence)
                    .find(|evidence| evidence.what == table.what && evidence.layout == Some(layout));
                let evidence = evidence.unwrap_or_else(|| panic!("{} {} {layout:?}", table.algorithm, table.what));
                assert_eq!((evidence.offset, evidence.matched), (37, table.elements.len()));
            }
        }
    }

    #[test]
    fn every_set_of_words_is_found_among_instructions_and_not_with_one_word_less() {
        for set in WORDS {
            let code = |count: usize| -> Vec<u8> {
                let words = set.words.iter().take(count);
                words.flat_map(|&word| [vec![0xc7, 0x45, 0xf0], word_bytes(word)].concat()).collect()
            };
            let has = |data: &[u8]| {
                let told = found(data);
                told.iter()
                    .any(|row| row.name == set.algorithm && row.evidence.iter().any(|piece| piece.what == set.what))
            };
            assert!(has(&code(set.least)), "{} {}", set.algorithm, set.what);
            assert!(!has(&code(set.least - 1)), "{} {}", set.algorithm, set.what);
        }
    }

    #[test]
    fn md4_is_told_where_none_of_its_successors_constants_are() {
        let code = |words: &[u32]| -> Vec<u8> {
            words.iter().flat_map(|word| [&[0x05][..], &word.to_le_bytes()].concat()).collect()
        };
        let names = |words: &[u32]| -> Vec<&str> { found(&code(words)).iter().map(|row| row.name).collect() };
        assert_eq!(names(&[0x5a82_7999, 0x5a82_7999, 0x6ed9_eba1]), ["MD4"]);
        assert_eq!(names(&[0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6]), ["SHA-1"]);
        assert!(names(&[0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc]).is_empty());
        assert!(!names(&[0x50a2_8be6, 0x5c4d_d124, 0x6d70_3ef3, 0x5a82_7999, 0x6ed9_eba1]).contains(&"MD4"));
        // A program may have both.
        let (md4, sha1) =
            (code(&[0x5a82_7999, 0x6ed9_eba1]), code(&[0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6]));
        let both: Vec<&str> = found(&[md4, vec![0x90; 90_000], sha1].concat()).iter().map(|row| row.name).collect();
        assert!(both.contains(&"MD4") && both.contains(&"SHA-1"), "{both:?}");
    }

    #[test]
    fn halves_of_wider_words_are_not_told_again() {
        let names = |data: &[u8]| -> Vec<&str> { found(data).iter().map(|row| row.name).collect() };
        for table in TABLES.iter().filter(|table| table.algorithm.starts_with("SHA-512")) {
            for &layout in table.elements.layouts() {
                assert_eq!(names(&bytes_of(table, layout)), [table.algorithm], "{layout:?}");
            }
        }
        let wide = WORDS.iter().find(|set| set.algorithm == "SHA-512 or BLAKE2b").expect("its words");
        let code: Vec<u8> = wide.words.iter().flat_map(|&word| [vec![0x48, 0xb8], word_bytes(word)].concat()).collect();
        assert_eq!(names(&code), ["SHA-512 or BLAKE2b"]);
        // A program may have both.
        let own = TABLES.iter().find(|table| table.algorithm == "SHA-256").expect("its table");
        let both = [code, bytes_of(own, Layout::Little)].concat();
        assert!(names(&both).contains(&"SHA-256"));
    }

    #[test]
    fn words_far_from_each_other_tell_nothing() {
        let mut data = 0x811c_9dc5_u32.to_le_bytes().to_vec();
        data.extend([0x90; NEAR as usize]);
        data.extend(0x0100_0193_u32.to_le_bytes());
        assert!(found(&data).is_empty());
    }

    #[test]
    fn a_table_that_was_changed_is_less_sure_and_its_beginning_is_told() {
        let table = TABLES.iter().find(|table| table.what == "S-box").expect("the S-box of AES");
        let mut data = bytes_of(table, Layout::Packed);
        data[100] ^= 1;
        let algorithms = found(&data);
        assert_eq!((algorithms[0].confidence, algorithms[0].evidence[0].matched), (80, 100));
    }

    #[test]
    fn there_are_more_than_forty_algorithms() {
        let names: BTreeSet<_> =
            TABLES.iter().map(|table| table.algorithm).chain(WORDS.iter().map(|set| set.algorithm)).collect();
        assert!(names.len() >= 50, "{}", names.len());
    }
}
