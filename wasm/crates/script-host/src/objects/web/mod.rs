//! A small page: `document`, `navigator`, `location` and what hangs on them.

mod attributes;
mod console;
mod document;
mod element;
mod location;
mod navigation;
mod navigator;
mod nodes;
mod screen;
mod storage;
mod window;

pub use element::Element;
pub use nodes::Nodes;
pub use window::{GLOBALS, WINDOWS};

use super::{Generic, Object};

/// The document of another page than the one that the scripts are in.
pub fn document_elsewhere() -> Box<dyn Object> {
    Box::new(document::Document { is_own: false })
}

/// The object of a page by its name; one that knows no members for others.
pub fn create(name: &str) -> Box<dyn Object> {
    match name {
        "document" => Box::new(document::Document { is_own: true }),
        "navigator" => Box::new(navigator::Navigator),
        "location" => Box::new(location::Location),
        "screen" => Box::new(screen::Screen),
        "console" => Box::new(console::Console),
        "localStorage" | "sessionStorage" => Box::new(storage::Storage::default()),
        "history" | "external" | "event" | "clipboardData" => Box::new(Generic::new(name)),
        name if WINDOWS.contains(&name) => Box::new(window::Window::default()),
        other => Box::new(Element::new(other)),
    }
}
