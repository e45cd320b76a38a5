//! What the tests and the fuzzers of all modules share: golden cases, changed samples, and calls made of any bytes.

pub mod arguments;
pub mod golden;
pub mod mutate;
pub mod probe;
pub mod smoke;
