//! What an image carries with it: resources and overlay.

use module_kit::Findings;

use super::headers::Headers;
use super::{authenticode, overlay, resources};
use crate::budget::Budget;
use crate::facts::{Overlay, Resource};
use crate::measured::Measured;
use crate::options::Analyze;

pub struct Payloads {
    pub resources: Vec<Resource>,
    pub overlay: Option<Overlay>,
}

/// None if it is no PE image.
pub fn payloads(data: &[u8]) -> Option<Payloads> {
    let headers = Headers::parse(data)?;
    // What is wrong with them is said where the image itself is parsed.
    let mut unsaid = Findings::default();
    let measured = Measured::unprepared(data);
    let mut budget = Budget::for_file(&measured);
    let signature = authenticode::signature(&headers, &Analyze::headers_only(), &mut unsaid);
    let overlay = overlay(&headers, signature.as_ref(), &mut budget);
    Some(Payloads { resources: resources::parse(&headers, &mut budget, &mut unsaid), overlay })
}
