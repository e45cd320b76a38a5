//! Code read from where it is known to begin: functions, calls, strings, and what is unusual in it.

mod flow;
mod listing;
mod notes;
mod prologue;
mod report;
mod returns;
mod tables;
mod text;
mod walk;

pub use listing::{List, lines};
pub use report::report;
pub use text::{is_text, string_at};
pub use walk::{Call, Callee, Found, Walk, Walked};
