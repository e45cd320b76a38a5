//! The functions that give content out: of a layer, of a decoded file, of a chain of steps.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use module_kit::{Part, PartArgs, Refusal, hex};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::decode;
use crate::facts::{self, Child};
use crate::limits::MAX_DECODED;
use crate::options::Decode;
use crate::peel::Peeler;

/// A part of a decoded file's content.
#[derive(Debug, Serialize)]
pub struct Extracted {
    pub child: Child,
    #[serde(flatten)]
    pub part: Part,
}

/// A part of a layer's content.
#[derive(Debug, Serialize)]
pub struct LayerPart {
    pub index: usize,
    pub size: u64,
    pub sha256: String,
    #[serde(flatten)]
    pub part: Part,
}

/// What came out of a chain of steps.
#[derive(Debug, Serialize)]
pub struct Decoded {
    pub size: u64,
    pub sha256: String,
    /// Base64.
    pub content: String,
    /// The same as text, where it is one.
    pub text: Option<String>,
}

/// Characters of a decoded text that are said as text.
const MAX_TEXT: usize = 64 << 10;

pub fn extract(peeler: &Peeler<'_>, wanted: &PartArgs) -> Result<Extracted, Refusal> {
    let child = facts::children(peeler).into_iter().nth(wanted.at());
    let child =
        child.ok_or_else(|| Refusal::invalid_args(format!("There is no child {} in the sample.", wanted.index)))?;
    let part = wanted.of(peeler.content(Some(child.layer)));
    Ok(Extracted { child, part })
}

pub fn layer(peeler: &Peeler<'_>, wanted: &PartArgs) -> Result<LayerPart, Refusal> {
    let index = wanted.at();
    let layer = peeler.layers.get(index);
    let layer =
        layer.ok_or_else(|| Refusal::invalid_args(format!("There is no layer {} in the sample.", wanted.index)))?;
    let content = &layer.found.content;
    Ok(LayerPart { index, size: content.len() as u64, sha256: layer.sha256.clone(), part: wanted.of(content) })
}

pub fn decode(sample: Option<&[u8]>, chain: &Decode) -> Result<Decoded, Refusal> {
    let mut data = input(sample, chain)?;
    for (index, step) in chain.steps.iter().enumerate() {
        let done = decode::run(step, &data);
        data = done.map_err(|why| Refusal::invalid_args(format!("Step {}: {why}", index + 1)))?;
    }
    let text = std::str::from_utf8(&data).ok().filter(|text| text.len() <= MAX_TEXT).map(str::to_owned);
    Ok(Decoded { size: data.len() as u64, sha256: hex(&Sha256::digest(&data)), content: STANDARD.encode(&data), text })
}

fn input(sample: Option<&[u8]>, chain: &Decode) -> Result<Vec<u8>, Refusal> {
    let data = match &chain.data {
        Some(text) => decode::bytes_of(text).ok_or_else(|| {
            Refusal::invalid_args("Arguments: `data` must be hexadecimal, `base64:...` or `text:...`.".to_owned())
        })?,
        None => {
            let sample = sample.ok_or_else(Refusal::no_sample)?;
            let start = chain.offset.min(sample.len());
            let end = chain.length.map_or(sample.len(), |length| start.saturating_add(length).min(sample.len()));
            sample.get(start..end).unwrap_or_default().to_vec()
        }
    };
    if data.len() > MAX_DECODED {
        return Err(Refusal::invalid_args(format!(
            "Arguments: at most {MAX_DECODED} bytes are decoded, not {}.",
            data.len()
        )));
    }
    Ok(data)
}
