//! The content of a child: the same run makes the same children.

use module_kit::{Part, PartArgs, Refusal};
use serde::Serialize;

use crate::facts::{Child, Content, STAND_IN};

#[derive(Debug, Serialize)]
pub struct Extracted {
    pub child: Child,
    #[serde(flatten)]
    pub part: Part,
}

/// # Errors
/// `invalid_args` where there is no such child, and for a stand-in.
pub fn extract(children: Vec<Content>, wanted: &PartArgs) -> Result<Extracted, Refusal> {
    let found = children.into_iter().nth(wanted.at());
    let Content { child, bytes } =
        found.ok_or_else(|| Refusal::invalid_args(format!("There is no child {} in the sample.", wanted.index)))?;
    if child.kind == STAND_IN {
        let says =
            "holds what the sandbox answers in place of what the sample would have loaded: no part of the sample";
        return Err(Refusal::invalid_args(format!("Child {} {says}.", wanted.index)));
    }
    Ok(Extracted { part: wanted.of(&bytes), child })
}
