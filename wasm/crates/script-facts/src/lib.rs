//! What those who undo scripts and those who run them know alike.

mod ambiguity;
pub mod basic;
pub mod operators;
pub mod regex;
mod set;
