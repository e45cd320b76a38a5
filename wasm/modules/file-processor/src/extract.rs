//! The function `extract`: a file that is inside the sample, by its number in the facts.

use module_kit::{Findings, Part, PartArgs, Refusal};
use serde::Serialize;

use crate::children::{Children, Wanted};
use crate::facts::Child;
use crate::{formats, unpack};

/// A part of a child's content.
#[derive(Debug, Serialize)]
pub struct Extracted {
    pub child: Child,
    #[serde(flatten)]
    pub part: Part,
}

/// Children are numbered from 0.
fn how_many(count: usize) -> String {
    match count {
        0 => "there are no files in it that can be taken out".to_owned(),
        1 => "there is one file in it, 0".to_owned(),
        _ => format!("there are {count} files in it, 0 to {}", count - 1),
    }
}

pub fn extract(data: &[u8], wanted: &PartArgs) -> Result<Extracted, Refusal> {
    let mut children = Children::new(Wanted::One(wanted.at()), data);
    unpack::look_into(formats::identify(data).id, data, &mut Findings::default(), &mut children);
    let count = children.count();
    let (child, content) = children.into_taken().ok_or_else(|| {
        Refusal::invalid_args(format!("There is no child {} in the sample: {}.", wanted.index, how_many(count)))
    })?;
    if child.cut {
        return Err(Refusal::invalid_args(format!("Child {} is longer than what is unpacked.", wanted.index)));
    }
    Ok(Extracted { part: wanted.of(&content), child })
}
