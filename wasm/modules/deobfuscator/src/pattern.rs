//! Regular expressions of scripts, at a price: what a sample writes may be tried at every place of a text, each time to
//! its end.

use regex_lite::{Captures, Regex, RegexBuilder};
use script_facts::regex::{may_read_on, most_times};

use crate::budget::Budget;

/// Characters of an expression.
const MAX_SOURCE: usize = 4_096;
/// Bytes that a compiled expression may take, the most at last: what is larger has more to follow at each character.
const SIZES: [usize; 3] = [4 << 10, 16 << 10, 64 << 10];
/// Steps for each turn of a repetition with a bound, at each character; and the most turns that are as good as none.
const TURN: u64 = 4;
const FEW_TURNS: u64 = 8;
/// Steps for compiling.
const COMPILING: usize = 200;

#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
    /// Steps for a character, about.
    factor: usize,
    /// One search may read to the end of the text for a short match.
    is_risky: bool,
}

impl Pattern {
    /// None for what is not known here, too large, or too much for the budget.
    pub fn new(source: &str, flags: impl Fn(&mut RegexBuilder), budget: &mut Budget) -> Option<Self> {
        if source.len() > MAX_SOURCE {
            return None;
        }
        let turns = most_times(source);
        SIZES.iter().enumerate().find_map(|(index, &size)| {
            let many = if turns > FEW_TURNS { turns.saturating_mul(TURN) } else { 1 };
            let factor = usize::try_from(many).unwrap_or(usize::MAX).max(1 << (2 * index));
            let mut builder = RegexBuilder::new(source);
            flags(&mut builder);
            let regex =
                builder.size_limit(size).build().ok().filter(|_| budget.spend(COMPILING.saturating_mul(factor)))?;
            Some(Self { regex, factor, is_risky: may_read_on(source) })
        })
    }

    /// The first match, ...
    #[allow(clippy::option_option, reason = "too much, and nothing found, are two things")]
    pub fn find<'t>(&self, text: &'t str, budget: &mut Budget) -> Option<Option<regex_lite::Match<'t>>> {
        self.pay(text.len(), budget).then(|| self.regex.find(text))
    }

    /// ... or what `each` makes of each with its groups, until it says that it is enough. None where the budget ends, or
    /// `each` gives up.
    pub fn each<'t>(
        &self,
        text: &'t str,
        budget: &mut Budget,
        mut each: impl FnMut(&Captures<'t>, &mut Budget) -> Option<bool>,
    ) -> Option<()> {
        if !self.pay(text.len(), budget) {
            return None;
        }
        for found in self.regex.captures_iter(text) {
            if !each(&found, budget)? {
                break;
            }
            let rest = text.len() - found.get(0).map_or(0, |all| all.end());
            if !self.pay(if self.is_risky { rest / 2 } else { 1 }, budget) {
                return None;
            }
        }
        Some(())
    }

    fn pay(&self, characters: usize, budget: &mut Budget) -> bool {
        budget.spend(characters.saturating_mul(self.factor) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_turn_of_a_repetition_is_paid_for() {
        let text = "a".repeat(1_000_000);
        let mut budget = Budget::new(text.len());
        let pattern = Pattern::new("[a-z]{1,100}x", |_| {}, &mut budget).expect("a pattern");
        assert!(pattern.find(&text, &mut budget).is_none());
    }

    #[test]
    fn searches_to_the_end_for_short_matches_are_paid_for() {
        let mut budget = Budget::new(0);
        let pattern = Pattern::new(".*[^A-Z]|[A-Z]", |_| {}, &mut budget).expect("a pattern");
        let text = "A".repeat(1 << 17);
        assert!(pattern.each(&text, &mut budget, |_, _| Some(true)).is_none());
        assert!(budget.met.steps);
        let mut budget = Budget::new(0);
        let pattern = Pattern::new("[A-Z]", |_| {}, &mut budget).expect("a pattern");
        assert!(pattern.each(&text, &mut budget, |_, _| Some(true)).is_some());
    }
}
