//! What is told of machine code, in the shape of `athena_lab/report/machine.py`; units and meanings are described there.

use serde::Serialize;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryPoint {
    pub kind: &'static str,
    pub address: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub offset: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Function {
    pub address: u64,
    pub offset: u64,
    /// Bytes of its instructions.
    pub size: u64,
    pub blocks: u32,
    #[serde(skip_serializing_if = "is_default")]
    pub callers: u32,
    #[serde(skip_serializing_if = "is_default")]
    pub calls: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ApiCall {
    pub api: String,
    #[serde(skip_serializing_if = "is_default")]
    pub library: String,
    /// Of the first call.
    pub address: u64,
    pub count: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CodeString {
    /// Of the first instruction that refers to it, or that made it.
    pub address: u64,
    pub text: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HashedApi {
    pub hash: u32,
    pub algorithm: &'static str,
    pub name: String,
    pub library: String,
    pub address: u64,
}

/// Instructions of a kind that honest programs rarely have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mark {
    pub kind: &'static str,
    /// Of the first one.
    pub address: u64,
    pub count: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Line {
    pub address: u64,
    pub bytes: String,
    pub text: String,
    #[serde(skip_serializing_if = "is_default")]
    pub note: String,
}

/// A call of the system that emulated code made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SystemCall {
    pub name: String,
    pub arguments: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub result: String,
    /// Where it was called from.
    pub address: u64,
}

/// What came of running a sample, or a part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Where it began, in the sample.
    pub offset: u64,
    pub bits: u8,
    pub steps: u64,
    /// Why it ended.
    pub end: String,
    #[serde(skip_serializing_if = "is_default")]
    pub calls: Vec<SystemCall>,
    #[serde(skip_serializing_if = "is_default")]
    pub strings: Vec<CodeString>,
    /// Bytes that were written and then run.
    #[serde(skip_serializing_if = "is_default")]
    pub decoded: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Machine {
    pub architecture: String,
    pub bits: u8,
    pub format: &'static str,
    pub entry_points: Vec<EntryPoint>,
    pub function_count: u64,
    pub functions: Vec<Function>,
    pub api_calls: Vec<ApiCall>,
    pub strings: Vec<CodeString>,
    pub stack_strings: Vec<CodeString>,
    pub hashed_apis: Vec<HashedApi>,
    pub marks: Vec<Mark>,
    pub entry_code: Vec<Line>,
    #[serde(skip_serializing_if = "is_default")]
    pub runs: Vec<Run>,
    pub instructions: u64,
    /// Bytes of instructions that were read.
    pub decoded: u64,
    /// Bytes that may be run, of which those are a part.
    pub code: u64,
}

/// What a WebAssembly sample imports, exports and did when it was run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Guest {
    pub imports: Vec<String>,
    pub exports: Vec<String>,
    /// Functions that were run, each with how that ended.
    pub runs: Vec<GuestRun>,
    pub calls: Vec<SystemCall>,
    /// Bytes of memory at the end.
    pub memory: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub error: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GuestRun {
    pub name: String,
    pub end: String,
    pub fuel: u64,
}
