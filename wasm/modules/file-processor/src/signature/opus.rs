//! What the signer says of the program (SpcSpOpusInfo): its name and where to read more. Nobody checks it.

use super::der::{Element, Elements, SEQUENCE};
use super::names::utf16;
use crate::reader::text;

const MAX_URL: usize = 1_024;

/// Name and address, each empty if it is not said.
pub fn opus(element: Element) -> (String, String) {
    let mut said = (String::new(), String::new());
    for part in element.parts(SEQUENCE).into_iter().flatten() {
        let inner = Elements(part.content).next();
        match (part.tag, inner) {
            (0xa0, Some(name)) if name.tag == 0x80 => said.0 = utf16(name.content),
            (0xa0, Some(name)) => said.0 = text(name.content, 256),
            (0xa1, Some(link)) if link.tag == 0x80 => said.1 = text(link.content, MAX_URL),
            // A file instead of an address.
            (0xa1, Some(link)) if link.tag == 0xa2 => {
                said.1 = Elements(link.content).next().map_or_else(String::new, |file| utf16(file.content));
            }
            _ => {}
        }
    }
    said
}
