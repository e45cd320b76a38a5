//! Limits of the sandbox that a script met. Each is an error that the script may catch, and so a way to tell the sandbox
//! from Windows.

use std::cell::RefCell;
use std::collections::BTreeSet;

thread_local! {
    /// Of the run that goes on; where a limit is met, nobody else of the run may be at hand.
    static MET: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// Timers that were still waiting when enough of them had fired: also those of pages that ask again and again.
pub const TIMERS: &str = "timers";

/// Notes that a limit was met; `what` is what there is no more of, for people.
pub fn meet(what: &'static str) {
    MET.with_borrow_mut(|met| met.insert(what));
}

/// Those that were met since the last time.
#[must_use]
pub fn take() -> Vec<&'static str> {
    MET.take().into_iter().collect()
}
