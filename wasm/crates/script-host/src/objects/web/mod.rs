//! A small page: `document`, `navigator`, `location` and what hangs on them.

mod console;
mod document;
mod element;
mod location;
mod navigator;
mod screen;
mod storage;

use super::{Generic, Object};

/// The object of a page by its name; one that knows no members for others.
pub fn create(name: &str) -> Box<dyn Object> {
    match name {
        "document" => Box::new(document::Document),
        "navigator" => Box::new(navigator::Navigator),
        "location" => Box::new(location::Location),
        "screen" => Box::new(screen::Screen),
        "console" => Box::new(console::Console),
        "localStorage" | "sessionStorage" => Box::new(storage::Storage::default()),
        "history" => Box::new(Generic::new("history")),
        other => Box::new(element::Element::new(other)),
    }
}
