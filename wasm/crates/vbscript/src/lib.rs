//! VBScript and VBA: a lexer, a parser that passes over what it cannot read, and an interpreter bounded by steps. What a
//! script asks of Windows are the objects of script-host.

mod ast;
mod builtins;
mod constants;
mod dates;
mod evaluate;
mod expressions;
mod lexer;
mod machine;
mod operators;
mod parser;
mod statements;
mod values;

pub use machine::run;
