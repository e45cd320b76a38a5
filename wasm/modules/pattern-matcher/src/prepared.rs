//! The set that was made ready before the call: to build an engine from a kept set takes as long as matching with it.

use std::sync::{Mutex, PoisonError};

use crate::ruleset::RuleSet;

static SET: Mutex<Option<RuleSet>> = Mutex::new(None);

/// Always true.
pub fn keep(set: RuleSet) -> bool {
    *SET.lock().unwrap_or_else(PoisonError::into_inner) = Some(set);
    true
}

/// It is there once: a call may change it.
pub fn take() -> Option<RuleSet> {
    SET.lock().unwrap_or_else(PoisonError::into_inner).take()
}
