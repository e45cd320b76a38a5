//! What documents and messages hold, in the shape of `athena_lab/report/document.py`; meanings are described there.

use serde::Serialize;

use super::is_default;

/// Facts of documents. All lists are cut, and their texts share one room (`container::document`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DocumentFacts {
    /// The child that the document is; none: the sample itself.
    #[serde(skip_serializing_if = "is_default")]
    pub child: Option<usize>,
    #[serde(skip_serializing_if = "is_default")]
    pub macros: Vec<MacroProject>,
    #[serde(skip_serializing_if = "is_default")]
    pub macro_sheets: Vec<MacroSheet>,
    #[serde(skip_serializing_if = "is_default")]
    pub scripts: Vec<Script>,
    #[serde(skip_serializing_if = "is_default")]
    pub links: Vec<Link>,
    #[serde(skip_serializing_if = "is_default")]
    pub objects: Vec<EmbeddedObject>,
    #[serde(skip_serializing_if = "is_default")]
    pub mail: Option<Mail>,
}

/// A VBA project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MacroProject {
    pub place: String,
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    #[serde(skip_serializing_if = "is_default")]
    pub code_page: u16,
    #[serde(skip_serializing_if = "is_default")]
    pub references: Vec<String>,
    pub modules: Vec<MacroModule>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MacroModule {
    pub name: String,
    pub kind: &'static str,
    #[serde(skip_serializing_if = "is_default")]
    pub stream: String,
    pub offset: u64,
    /// Bytes of the whole source, which `source` may be a part of.
    pub size: u64,
    pub sha256: String,
    pub source: String,
    #[serde(skip_serializing_if = "is_default")]
    pub automatic: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub calls: Vec<Call>,
}

/// A line of source that reaches beyond the document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Call {
    pub word: &'static str,
    pub line: u64,
    pub text: String,
}

/// A sheet with Excel 4.0 macros.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MacroSheet {
    pub name: String,
    pub state: &'static str,
    pub count: u64,
    pub formulas: Vec<Formula>,
    #[serde(skip_serializing_if = "is_default")]
    pub automatic: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Formula {
    pub cell: String,
    pub text: String,
}

/// Source text of a script in a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Script {
    pub language: &'static str,
    pub place: String,
    pub size: u64,
    pub sha256: String,
    pub source: String,
}

/// What a document points to, loads or starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Link {
    pub kind: &'static str,
    pub target: String,
    #[serde(skip_serializing_if = "is_default")]
    pub place: String,
}

/// An object or a file inside of a document or message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EmbeddedObject {
    pub kind: &'static str,
    #[serde(skip_serializing_if = "is_default")]
    pub class: String,
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    #[serde(skip_serializing_if = "is_default")]
    pub path: String,
    #[serde(skip_serializing_if = "is_default")]
    pub temporary_path: String,
    #[serde(skip_serializing_if = "is_default")]
    pub offset: Option<u64>,
    pub size: u64,
    pub sha256: String,
    #[serde(skip_serializing_if = "is_default")]
    pub format: &'static str,
}

/// A message's header and its text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mail {
    #[serde(skip_serializing_if = "is_default")]
    pub subject: String,
    #[serde(skip_serializing_if = "is_default")]
    pub sender: String,
    #[serde(skip_serializing_if = "is_default")]
    pub reply_to: String,
    #[serde(skip_serializing_if = "is_default")]
    pub return_path: String,
    #[serde(skip_serializing_if = "is_default")]
    pub recipients: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub date: String,
    #[serde(skip_serializing_if = "is_default")]
    pub message_id: String,
    #[serde(skip_serializing_if = "is_default")]
    pub received: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub authentication: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub text: String,
    #[serde(skip_serializing_if = "is_default")]
    pub html: String,
}
