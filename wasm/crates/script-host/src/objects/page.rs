//! The page that scripts are in: where it goes, and what is written into it.

use super::elements::BYTES_OF_AN_ITEM;
use crate::host::Host;
use crate::markup::{Page, Place};

/// Addresses of a text, and those of them that are told of as loaded.
const MAX_SOURCES: usize = 10_000;
const MAX_WRITTEN: usize = 64;
/// Reading a page takes as long as looking at it so many times.
const PASSES: usize = 4;

impl Host {
    /// The page is left for another; an address that is a script is run in it.
    pub fn go(&mut self, url: &str) {
        const SCRIPT: &str = "javascript:";
        let url = url.trim();
        match url.get(..SCRIPT.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCRIPT)) {
            Some(_) => {
                let script = &url[SCRIPT.len()..];
                self.code("location", script);
                self.written.push(format!("<script>{script}</script>"));
            }
            None => self.network("goes to", url),
        }
    }
}

/// A part of the page, written by the script: what is in it is loaded and run.
pub fn written(host: &mut Host, page: String, place: Place) {
    load(host, &page);
    host.add_to_page(&page, "body", place);
    host.written.push(page);
}

/// What elements of a text load.
pub fn load(host: &mut Host, page: &str) {
    host.work(page.len() / BYTES_OF_AN_ITEM * PASSES);
    for address in sources(page) {
        host.network("loads", &address);
    }
}

/// Values of `src` that are addresses of somebody else.
fn sources(page: &str) -> Vec<String> {
    let all = Page::of(page).values_of(&["src"], MAX_SOURCES).into_iter();
    all.filter(|value| value.contains("://") || value.starts_with("//")).take(MAX_WRITTEN).collect()
}

#[cfg(test)]
mod tests {
    use super::sources;

    #[test]
    fn addresses_of_elements_are_read_however_they_are_quoted() {
        let page = "<iframe src=\"http://a.example/1\"></iframe><img SRC = 'http://a.example/2'/>\
                    <script/src=//a.example/3></script><img src='http&colon;//a.example/&#52;'><input value='src=//a.example/5'>\
                    <!-- <img src=//a.example/6> --><img data-src='http://a.example/7' src='own.png'><p>src=http";
        assert_eq!(sources(page), ["http://a.example/1", "http://a.example/2", "//a.example/3", "http://a.example/4"]);
        for end in 0..page.len() {
            drop(sources(&page[..end]));
        }
    }
}
