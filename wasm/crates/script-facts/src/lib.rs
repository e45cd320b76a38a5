//! What those who undo scripts and those who run them know alike.

pub mod basic;
pub mod regex;
