//! How much is peeled, evaluated and reported. Each limit is above what real scripts need, and keeps a crafted one from
//! using the sandbox's time and the report's space.

/// Layers of one sample, rewritten and taken out.
pub const MAX_LAYERS: usize = 64;
/// Layers in layers.
pub const MAX_DEPTH: usize = 24;
/// Bytes of all layers together, ...
pub const MAX_TOTAL: usize = 64 << 20;
/// ... and how many times the sample they may be, ...
pub const MAX_GROWTH: usize = 64;
/// ... where a small sample may always grow to this.
pub const MIN_TOTAL: usize = 4 << 20;
/// Bytes of one layer.
pub const MAX_LAYER: usize = 16 << 20;
/// Bytes of a text that is parsed as a script: bundles of applications have some MiB.
pub const MAX_SCRIPT: usize = 8 << 20;
/// Bytes of memory with which nothing more is evaluated: the sandbox has 768 MiB.
pub const MAX_MEMORY: u64 = 640 << 20;
/// Steps of evaluation for a whole sample: a node of a tree, a byte that is copied. Fuzzers have no time for what is
/// only slow.
pub const MAX_STEPS: u64 = if cfg!(fuzzing) { 400_000 } else { 80_000_000 };
/// Times that the text of one layer is folded anew.
pub const MAX_ROUNDS: usize = 12;
/// Levels of nesting that a parser follows: the sandbox's stack has 1 MiB.
pub const MAX_NESTING: usize = 200;
/// Bytes that an evaluation takes for all it makes, and what is dropped again with it: the sandbox has 768 MiB.
pub const MAX_MADE: usize = 256 << 20;
/// Bytes of all values that an evaluator of the other languages keeps, and of their copies.
pub const MAX_HELD: usize = 96 << 20;
/// Bytes of a value that an evaluation makes.
pub const MAX_VALUE: usize = 8 << 20;
/// Elements of a list that an evaluation makes.
pub const MAX_ELEMENTS: usize = 1 << 20;
/// Encoded blobs in one text that are taken out, and the blobs that are tried for that, the longest.
pub const MAX_BLOBS: usize = 64;
pub const MAX_TRIED: usize = 512;
/// Bytes of a text or blob that keys are guessed for.
pub const MAX_GUESSED: usize = 256 << 10;
/// Bytes of a repeating key.
pub const MAX_KEY: usize = 32;
/// Characters of an excerpt in the facts.
pub const MAX_EXCERPT: usize = 1_200;
/// Strings and indicators that are listed of one layer, ...
pub const MAX_STRINGS: usize = 40;
pub const MAX_INDICATORS: usize = 60;
/// ... and the characters of one.
pub const MAX_STRING: usize = 300;
/// Bytes that the strings and indicators of all layers take together.
pub const MAX_LISTED: usize = 512 << 10;
/// Steps of a chain, and bytes that one of them makes.
pub const MAX_CHAIN: usize = 32;
pub const MAX_DECODED: usize = 8 << 20;
/// Bytes of a binary that are searched for hidden programs.
pub const MAX_SEARCHED: usize = 32 << 20;
