//! The function `extract`: a file that is inside the sample, by its number in the facts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use module_kit::{Findings, Refusal};
use serde::Serialize;

use crate::children::{Children, Wanted};
use crate::facts::Child;
use crate::options::Extract;
use crate::{formats, unpack};

/// A part of a child's content.
#[derive(Debug, Serialize)]
pub struct Part {
    pub child: Child,
    /// Where the part begins in the child.
    pub offset: u64,
    /// Base64.
    pub content: String,
}

/// Children are numbered from 0.
fn how_many(count: usize) -> String {
    match count {
        0 => "there are no files in it that can be taken out".to_owned(),
        1 => "there is one file in it, 0".to_owned(),
        _ => format!("there are {count} files in it, 0 to {}", count - 1),
    }
}

pub fn extract(data: &[u8], options: &Extract) -> Result<Part, Refusal> {
    let mut children = Children::new(Wanted::One(options.index), data);
    unpack::look_into(formats::identify(data).id, data, &mut Findings::default(), &mut children);
    let count = children.count();
    let (child, content) = children.into_taken().ok_or_else(|| {
        Refusal::invalid_args(format!("There is no child {} in the sample: {}.", options.index, how_many(count)))
    })?;
    if child.cut {
        return Err(Refusal::invalid_args(format!("Child {} is longer than what is unpacked.", options.index)));
    }
    let start = usize::try_from(options.offset).unwrap_or(usize::MAX).min(content.len());
    let length = usize::try_from(options.length).unwrap_or(usize::MAX).min(content.len() - start);
    let content = STANDARD.encode(&content[start..start + length]);
    Ok(Part { child, offset: start as u64, content })
}
