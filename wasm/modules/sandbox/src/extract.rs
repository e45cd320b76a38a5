//! The content of a child: the same run makes the same children.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use module_kit::Refusal;
use serde::Serialize;

use crate::facts::{Child, Content};
use crate::options::Extract;

#[derive(Debug, Serialize)]
pub struct Part {
    pub child: Child,
    /// Where the part begins in the child.
    pub offset: usize,
    /// Base64.
    pub content: String,
}

/// # Errors
/// `invalid_args` where there is no such child.
pub fn part(children: Vec<Content>, options: &Extract) -> Result<Part, Refusal> {
    let found = children.into_iter().nth(options.index);
    let Content { child, bytes } =
        found.ok_or_else(|| Refusal::invalid_args(format!("There is no child {} in the sample.", options.index)))?;
    let start = options.offset.min(bytes.len());
    let end = start.saturating_add(options.length).min(bytes.len());
    let content = STANDARD.encode(bytes.get(start..end).unwrap_or_default());
    Ok(Part { child, offset: start, content })
}
