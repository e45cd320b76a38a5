//! The page that scripts are in: where it goes, and what is written into it.

use crate::host::Host;
use crate::markup::Place;

/// Elements of a text that are looked at for what they load.
const MAX_WRITTEN: usize = 64;
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
    for address in sources(page).take(MAX_WRITTEN) {
        host.network("loads", address);
    }
}

/// Values of `src` that are addresses of somebody else.
fn sources(page: &str) -> impl Iterator<Item = &str> {
    let places = page.match_indices(['s', 'S']).map(|(at, _)| at);
    let values = places.filter_map(|at| {
        let name = page.get(at..at + 3).filter(|name| name.eq_ignore_ascii_case("src"))?;
        let is_attribute = page[..at].ends_with([' ', '\t', '\n', '/', '"', '\'']);
        let value = page[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|sign| matches!(sign, '"' | '\''));
        let value = &value[usize::from(quote.is_some())..];
        let end = value.find(|sign: char| quote.map_or(sign.is_whitespace() || sign == '>', |quote| sign == quote));
        is_attribute.then(|| &value[..end.unwrap_or(value.len())])
    });
    values.filter(|value| value.contains("://") || value.starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::sources;

    #[test]
    fn addresses_of_elements_are_read_however_they_are_quoted() {
        let page = "<iframe src=\"http://a.example/1\"><img SRC = 'http://a.example/2'/><script src=//a.example/3></script>\
                    <img data-src='http://a.example/4' src='own.png'><p>src=http";
        assert_eq!(sources(page).collect::<Vec<_>>(), ["http://a.example/1", "http://a.example/2", "//a.example/3"]);
        for end in 0..page.len() {
            sources(&page[..end]).for_each(drop);
        }
    }
}
