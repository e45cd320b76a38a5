//! Whether a regular expression fits some texts in exponentially many ways, so that a search that goes back and tries again
//! takes as long where none of them fits in the end.
//!
//! The expression becomes an automaton of its places (Glushkov, "The abstract theory of automata", 1961). It is exponentially
//! ambiguous if one text leads from a place to itself in two ways (Weber and Seidl, "On the degree of ambiguity of finite
//! automata", 1991, the criterion EDA). A bound of many turns counts as none; a few turns are written out.

use crate::regex::Times;
use crate::set::{self, Set};

/// Groups within groups, beyond which nobody looks.
const MAX_DEPTH: usize = 100;
/// Turns that are written out.
const FEW_TURNS: u64 = 4;
/// Places, edges between them, and pairs of edges that are looked at.
const MAX_PLACES: usize = 20_000;
const MAX_EDGES: usize = 200_000;
const MAX_PAIRS: usize = 200_000;
/// Characters, classes and groups that are read, each time that they are.
const MAX_READ: usize = 40_000;

/// Whether a search may take exponential time. What is too large to tell of may, and so may what cannot be read.
#[must_use]
pub fn may_run_away(source: &str, flags: &str) -> bool {
    let mut reader = Reader {
        rest: source,
        folds: flags.contains('i'),
        all: flags.contains('s'),
        by_lines: flags.contains('m'),
        places: Places::default(),
        read: 0,
    };
    match reader.alternatives(0) {
        Some(_) => reader.places.is_ambiguous(),
        None => true,
    }
}

/// Places of the expression, each of which takes one character of its set, and which may follow which.
#[derive(Default)]
struct Places {
    sets: Vec<Set>,
    /// One that follows in two ways is there twice.
    follow: Vec<Vec<usize>>,
    edges: usize,
}

/// A part of an expression: the places with which it may begin and end.
#[derive(Clone, Default)]
struct Part {
    /// What is before it may be followed by what is behind it.
    is_nullable: bool,
    /// It may take no character: at an end of the text that is so of what nothing is before or behind, too.
    takes_nothing: bool,
    /// A group in it that may be empty is repeated: the engine does not come to an end where that is repeated, too.
    repeats_nothing: bool,
    first: Vec<usize>,
    last: Vec<usize>,
}

impl Part {
    fn nothing() -> Self {
        Self { is_nullable: true, takes_nothing: true, ..Self::default() }
    }
}

impl Places {
    fn add(&mut self, set: Set) -> Option<Part> {
        let place = self.sets.len();
        self.sets.push(set);
        self.follow.push(Vec::new());
        let part = Part { first: vec![place], last: vec![place], ..Part::default() };
        (place < MAX_PLACES).then_some(part)
    }

    fn connect(&mut self, last: &[usize], first: &[usize]) -> Option<()> {
        self.edges += last.len() * first.len();
        if self.edges > MAX_EDGES {
            return None;
        }
        for &place in last {
            self.follow[place].extend(first);
        }
        Some(())
    }

    /// One behind the other.
    fn concat(&mut self, one: Part, other: Part) -> Option<Part> {
        self.connect(&one.last, &other.first)?;
        let (mut first, mut last) = (one.first, other.last);
        if one.is_nullable {
            first.extend(other.first);
        }
        if other.is_nullable {
            last.extend(one.last);
        }
        Some(Part {
            is_nullable: one.is_nullable && other.is_nullable,
            takes_nothing: one.takes_nothing && other.takes_nothing,
            repeats_nothing: one.repeats_nothing || other.repeats_nothing,
            first,
            last,
        })
    }

    fn is_ambiguous(&self) -> bool {
        let circles = self.circles();
        let mut pairs = 0;
        let mut seen = std::collections::HashSet::new();
        let mut open = Vec::new();
        for (place, circle) in circles.iter().enumerate() {
            let inside = |next: &&usize| circles[**next] == *circle;
            let next: Vec<usize> = self.follow[place].iter().filter(inside).copied().collect();
            for (index, &one) in next.iter().enumerate() {
                for &other in &next[index + 1..] {
                    pairs += 1;
                    if one == other || pairs > MAX_PAIRS {
                        return true;
                    }
                    if self.sets[one] & self.sets[other] != 0 && seen.insert((one.min(other), one.max(other))) {
                        open.push((one, other));
                    }
                }
            }
        }
        // Two ways that have parted: whether one text may lead both to the same place again.
        while let Some((one, other)) = open.pop() {
            for &next in self.follow[one].iter().filter(|next| circles[**next] == circles[one]) {
                for &beside in self.follow[other].iter().filter(|next| circles[**next] == circles[one]) {
                    pairs += 1;
                    let meets = self.sets[next] & self.sets[beside] != 0;
                    if (meets && next == beside) || pairs > MAX_PAIRS {
                        return true;
                    }
                    if meets && seen.insert((next.min(beside), next.max(beside))) {
                        open.push((next, beside));
                    }
                }
            }
        }
        false
    }

    /// For each place a number that it shares with those which lead to it and to which it leads (Tarjan's strongly connected
    /// components, without calls within calls).
    fn circles(&self) -> Vec<usize> {
        const NEW: usize = usize::MAX;
        let count = self.sets.len();
        let (mut order, mut low, mut circle) = (vec![NEW; count], vec![0; count], vec![NEW; count]);
        let (mut stack, mut calls, mut next_order) = (Vec::new(), Vec::new(), 0);
        for root in 0..count {
            if order[root] == NEW {
                calls.push((root, 0));
            }
            while let Some((place, edge)) = calls.pop() {
                if edge == 0 {
                    (order[place], low[place]) = (next_order, next_order);
                    next_order += 1;
                    stack.push(place);
                } else {
                    let before = self.follow[place][edge - 1];
                    low[place] = low[place].min(if circle[before] == NEW { low[before] } else { NEW });
                }
                if let Some(&next) = self.follow[place].get(edge) {
                    calls.push((place, edge + 1));
                    if order[next] == NEW {
                        calls.push((next, 0));
                    }
                } else if low[place] == order[place] {
                    while let Some(member) = stack.pop() {
                        circle[member] = place;
                        if member == place {
                            break;
                        }
                    }
                }
            }
        }
        circle
    }
}

/// Reads an expression from left to right. None where it is too large, or nobody knows what it says.
struct Reader<'t> {
    rest: &'t str,
    folds: bool,
    all: bool,
    by_lines: bool,
    places: Places,
    read: usize,
}

impl<'t> Reader<'t> {
    fn take(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    /// Up to the end, or the bracket that closes the group, which stays.
    fn alternatives(&mut self, depth: usize) -> Option<Part> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut all = self.sequence(depth)?;
        loop {
            if self.rest.starts_with('|') {
                self.take(1);
                let part = self.sequence(depth)?;
                all.is_nullable |= part.is_nullable;
                all.takes_nothing |= part.takes_nothing;
                all.repeats_nothing |= part.repeats_nothing;
                all.first.extend(part.first);
                all.last.extend(part.last);
            } else if depth == 0 && self.rest.starts_with(')') {
                // No engine takes it.
                return None;
            } else {
                return Some(all);
            }
        }
    }

    fn sequence(&mut self, depth: usize) -> Option<Part> {
        let mut all = Part::nothing();
        while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
            let begun = self.rest;
            let part = self.atom(depth)?;
            let part = match Times::sign(self.rest) {
                Some((times, length)) => {
                    self.take(length);
                    self.repeated(part, times, begun, depth)?
                }
                None => part,
            };
            all = self.places.concat(all, part)?;
        }
        Some(all)
    }

    /// What stands in the source from `begun` on, as often as `times` says; it was read once.
    fn repeated(&mut self, part: Part, times: Times, begun: &'t str, depth: usize) -> Option<Part> {
        let may_be_nothing = begun.starts_with('(') && part.takes_nothing;
        // The least of turns may all be empty, and each of them be left out.
        if (may_be_nothing && times.least > 1) || (part.repeats_nothing && !matches!(times.most, Some(0 | 1))) {
            return None;
        }
        let is_nullable = part.is_nullable || times.least == 0;
        let takes_nothing = part.takes_nothing || times.least == 0;
        let repeats_nothing = part.repeats_nothing || may_be_nothing;
        match times.most {
            Some(0) => Some(Part::nothing()),
            Some(most @ 1..=FEW_TURNS) => {
                let mut all = Part { is_nullable, takes_nothing, repeats_nothing, ..part.clone() };
                let behind = self.rest.len();
                let mut before = part.last;
                for turn in 2..=most {
                    self.rest = begun;
                    let part = self.atom(depth)?;
                    self.places.connect(&before, &part.first)?;
                    if turn <= times.least {
                        all.last.clear();
                    }
                    all.last.extend(&part.last);
                    before = part.last;
                }
                self.rest = begun.get(begun.len() - behind..).unwrap_or_default();
                Some(all)
            }
            _ => {
                self.places.connect(&part.last, &part.first)?;
                Some(Part { is_nullable, takes_nothing, repeats_nothing, ..part })
            }
        }
    }

    fn atom(&mut self, depth: usize) -> Option<Part> {
        let char = self.rest.chars().next().filter(|_| self.read < MAX_READ)?;
        self.read += 1;
        self.take(char.len_utf8());
        let set = match char {
            '(' => return self.group(depth),
            // At the ends of the text nothing is before or behind it; at those of a line something may be.
            '^' | '$' => return Some(Part { is_nullable: self.by_lines, ..Part::nothing() }),
            '.' => set::any(self.all),
            '[' => {
                let (set, length) = set::class(self.rest)?;
                self.take(length);
                set
            }
            '\\' => {
                let (escaped, length) = set::escaped(self.rest);
                self.take(length);
                match escaped {
                    set::Escaped::Set(set) => set,
                    set::Escaped::Edge => return Some(Part::nothing()),
                    set::Escaped::Earlier => {
                        let part = self.places.add(Set::MAX)?;
                        return Some(Part { is_nullable: true, takes_nothing: true, ..part });
                    }
                }
            }
            other => set::of(other),
        };
        self.places.add(if self.folds { set::folded(set) } else { set })
    }

    fn group(&mut self, depth: usize) -> Option<Part> {
        let (looks, length) = kind(self.rest)?;
        self.take(length);
        let part = self.alternatives(depth + 1)?;
        if !self.rest.starts_with(')') {
            return None;
        }
        self.take(1);
        Some(if looks { Part::nothing() } else { part })
    }
}

/// Whether a group only looks at what follows or is before it, and the length of what says so: `?:`, `?=`, `?!`, `?<=`, `?<!`,
/// `?<name>`, `?i-m:`.
fn kind(group: &str) -> Option<(bool, usize)> {
    let Some(kind) = group.strip_prefix('?') else { return Some((false, 0)) };
    if kind.starts_with(['=', '!']) {
        return Some((true, 2));
    }
    if kind.starts_with("<=") || kind.starts_with("<!") {
        return Some((true, 3));
    }
    if let Some(name) = kind.strip_prefix('<') {
        let end = name.find(['>', '(', ')', '|']).filter(|&end| name[end..].starts_with('>'))?;
        return Some((false, end + 3));
    }
    let flags = kind.bytes().take_while(|byte| matches!(byte, b'i' | b'm' | b's' | b'-')).count();
    // Flags within change what letters are the same.
    (kind.as_bytes().get(flags) == Some(&b':') && flags == 0).then_some((false, 2))
}

#[cfg(test)]
mod tests {
    use super::may_run_away;

    #[test]
    fn what_fits_in_exponentially_many_ways_is_told() {
        for source in [
            "(a+)+b",
            "(a*)*",
            "((a*)*)*b",
            "([a-z]+)*$",
            "((x+x+)+y)",
            "(\\s*\\w+)+",
            "((ab)+)+c",
            "(a+){2,}",
            "(a+){00000000000000000000000000000000002,}",
            "(a+){30}b",
            "(?:a{0,9}){30}b",
            "(.*)*",
            "(a+|b)+c",
            "(a+b?)+c",
            "(aa?)+b",
            "(a{1,2})+b",
            "(\\d{1,3},?)+x",
            "(a+a)+b",
            "(a+?a)+b",
            "(.+,)+x",
            "((a|a)b)*c",
            "(a*a*,)+x",
            "(\\s*\\w*\\s*,)+x",
            "(?i:a+)+b",
            "(\\x61+)+b",
            "((?=b)a+)+c",
            "(?=(a+)+b)",
            "(?:\\w|a)*!",
            "([^|]|[^|;])*x",
            "(?<\\u{61}>a+)+[bc]",
            "x\\c(a+)+b",
            "(\\1a|a\\1)*b|(x)",
        ] {
            assert!(may_run_away(source, ""), "{source}");
        }
    }

    #[test]
    fn alternatives_that_begin_alike_are_told() {
        for source in [
            "(?:a|aa)+c",
            "(ab|a|c|bc)*d",
            "(a|a)*b",
            "(?<name>a|aa)*",
            "([|]|[|][|])+",
            "((a|aa))*d",
            "(?:(c|a|aa))*d",
            "(?:(a|b)|(a|c))*d",
            "((a|aa)b?)*c",
            "(a|b?a)+c",
            "(a|\\x61)+b",
            "(a|(?:)a)*b",
            "(?:a|){12,}b",
            "((a)*(a?){2}){2}c",
            "(((a?)?)a)+c",
            "(x(a?)*y){2}c",
            "((^a*a*)*)*b",
            "((?:b|$)*)*c",
        ] {
            assert!(may_run_away(source, ""), "{source}");
        }
        assert!(may_run_away("(a|A)+b", "i"));
        assert!(!may_run_away("(a|A)+b", "g"));
        assert!(may_run_away("(?:\\w+(?:;|$))+", "m"));
    }

    #[test]
    fn what_fits_in_one_way_is_not() {
        for source in [
            "",
            "a+b+",
            "(a|b)*",
            "([a-z]+,)+",
            "((?:\\d+,)+;)*",
            "(abc)+",
            "a{2,3}",
            "(a+){2}",
            "[(a+)+]",
            "\\(a+\\)+",
            "^\\s*(\\d+)\\s*$",
            "(a+b)+",
            "(?:\\\\.|[^\\\\\"])*",
            "(?:(a|b)|c(a|d))*",
            "(?:ab|)+",
            "([0-9a-f]){32,}",
            "(?<a>b|a)*",
            "(?:ab(?=b+)|b(?!c*))+",
            "(foo|foobar)+",
            // As honest scripts have them.
            "(?:^|:|,)(?:\\s*\\[)+",
            "^([\\w-]+\\.)+[\\w-]{2,4}$",
            "^\\d+(\\.\\d+)*$",
            "\\w+([-+.']\\w+)*@\\w+([-.]\\w+)*\\.\\w+([-.]\\w+)*",
            "\\{\\{\\s*(\\w+(?:\\.\\w+)*)\\s*\\}\\}",
            "^([a-z]:)?(\\\\[^\\\\]+)*\\\\?$",
            "^\\w+(?:\\s+\\w+)*$",
            "\"[^\"\\\\]*(?:\\\\.[^\"\\\\]*)*\"",
            "\\/\\*[^*]*\\*+(?:[^\\/*][^*]*\\*+)*\\/",
            "<(\"[^\"]*\"|'[^']*'|[^'\">])*>",
            "(<script(?:\\s+[a-z_:][-\\w:]*(?:\\s*=\\s*(?:\"[^\"]*\"|'[^']*'|[^\"'<>=\\s]+))?)*\\s*>)(.*?)<\\/script>",
            "^(?:[A-Z][a-z]*)+$",
            "(?:(\\w+)=(\\w+)(?:;\\s*|$))+",
            "(?:(?:^|,)\\w+)+",
            "^(?:([^\\x00-\\x7F]|\\w|-|\\*)+)",
            "^([^\\n]+)\\n *(=|-)\\2{2,} *\\n",
        ] {
            assert!(!may_run_away(source, ""), "{source}");
        }
    }

    #[test]
    fn what_nobody_can_tell_of_may() {
        let deep = format!("{}a{}", "(".repeat(200), ")".repeat(200));
        let copies = format!("{}{}", "(?:".repeat(60), "){4}".repeat(60));
        let wide = format!("(?:{}a)*", (0..3_000).map(|number| format!("{number}|")).collect::<String>());
        for source in [&deep, &copies, &wide, "(", ")", "[", "a|b)*", "(?", "(?<a", "(?x:a)"] {
            assert!(may_run_away(source, ""), "{}", &source[..source.len().min(40)]);
        }
        for source in ["*", "\\", "{{{1,{2", "a{,5}", "]}"] {
            assert!(!may_run_away(source, ""), "{source}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(source in "[()\\[\\]{}|*+?\\\\^$.,ab12:=!<>xcuk\u{e9}-]{0,60}", flags in "[is]{0,2}") {
            let _ = may_run_away(&source, &flags);
        }
    }
}
