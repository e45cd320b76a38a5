//! What an image carries with it: resources and overlay.

use module_kit::Findings;

use super::headers::Headers;
use super::{debug, overlay, resources};
use crate::budget::Budget;
use crate::facts::{Overlay, Resource};

pub struct Payloads {
    pub resources: Vec<Resource>,
    pub overlay: Option<Overlay>,
}

/// None if it is no PE image.
pub fn payloads(data: &[u8]) -> Option<Payloads> {
    let headers = Headers::parse(data)?;
    // What is wrong with them is said where the image itself is parsed.
    let mut unsaid = Findings::default();
    let mut budget = Budget::for_file(data.len());
    let signature = debug::signature(&headers, &mut unsaid);
    let overlay = overlay(&headers, signature.as_ref(), &mut budget);
    Some(Payloads { resources: resources::parse(&headers, &mut budget, &mut unsaid), overlay })
}
