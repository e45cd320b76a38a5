//! The page that scripts are in: where it goes, its elements, and what is written into it.

use std::collections::HashMap;
use std::ops::Range;

use super::web::{Element, Nodes};
use crate::host::{Answer, Host};
use crate::markup::{Form, Selector};
use crate::value::Value;

/// Elements of a text that are looked at for what they load.
const MAX_WRITTEN: usize = 64;
/// Elements of a list, and of all that become objects in lists.
const MAX_LIST: usize = 10_000;
const MAX_ELEMENTS: usize = 20_000;
/// Lists that are kept: who goes through one by its places asks for it at each.
const MAX_LISTS: usize = 256;
/// Bytes of a page that cost as much as an item.
pub const BYTES_OF_AN_ITEM: usize = 8;

/// What is asked for: within which nodes, by what, and which.
type Query = (Range<usize>, &'static str, String);

/// Objects of the page's nodes, and lists of them.
#[derive(Default)]
pub struct Elements {
    objects: HashMap<usize, Value>,
    lists: HashMap<Query, Value>,
}

impl Host {
    /// The page is left for another; an address that is a script is run in it.
    pub fn go(&mut self, url: &str) {
        const SCRIPT: &str = "javascript:";
        let url = url.trim();
        match url.get(..SCRIPT.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCRIPT)) {
            Some(_) => {
                let script = &url[SCRIPT.len()..];
                self.code("location", script);
                self.pages.push(format!("<script>{script}</script>"));
            }
            None => self.network("goes to", url),
        }
    }

    /// An element of the page that its scripts know by a name alone; None for none.
    pub fn of_page(&mut self, name: &str) -> Option<Answer> {
        let node = self.page.by_id(name)?;
        Some(self.element(node))
    }

    /// The object of a node of the page, the same each time.
    pub(crate) fn element(&mut self, node: usize) -> Answer {
        if let Some(known) = self.elements.objects.get(&node) {
            return Ok(known.clone());
        }
        let element = Element::of(&self.page, node);
        self.pay_page();
        let made = self.add(Box::new(element))?;
        self.elements.objects.insert(node, made.clone());
        Ok(made)
    }

    /// A list of nodes.
    pub(crate) fn nodes(&mut self, nodes: impl IntoIterator<Item = usize>) -> Answer {
        let mut list = Nodes::default();
        for node in nodes.into_iter().take(MAX_LIST) {
            if self.elements.objects.len() >= MAX_ELEMENTS && !self.elements.objects.contains_key(&node) {
                break;
            }
            let element = self.element(node)?;
            list.push(&self.page, node, element);
        }
        self.work(list.len());
        self.pay_page();
        self.add(Box::new(list))
    }

    /// What is asked for, as a list; None where there is nothing of it, or where it cannot be understood.
    pub(crate) fn all_of(&mut self, within: Range<usize>, by: &'static str, what: &str) -> Option<Answer> {
        let query = (within, by, what.to_owned());
        if let Some(known) = self.elements.lists.get(&query) {
            return Some(Ok(known.clone()));
        }
        let selector = Selector::by(by, what)?;
        let found = self.page.find(&selector, query.0.clone(), MAX_LIST);
        self.pay_page();
        if found.is_empty() {
            return None;
        }
        let list = self.nodes(found);
        if let Some(list) = list.as_ref().ok().filter(|_| self.elements.lists.len() < MAX_LISTS) {
            self.elements.lists.insert(query, list.clone());
        }
        Some(list)
    }

    /// The first of what is asked for.
    pub(crate) fn first_of(&mut self, within: Range<usize>, by: &'static str, what: &str) -> Option<Answer> {
        let found = self.page.find(&Selector::by(by, what)?, within, 1);
        self.pay_page();
        found.first().map(|node| self.element(*node))
    }

    /// What stands in nodes of the page.
    pub(crate) fn page_text(&mut self, nodes: Range<usize>, form: Form) -> Value {
        let text = self.page.text(nodes, form);
        self.pay_page();
        text
    }

    /// Takes a text into the page that a script writes; None where there is no room for it.
    pub(crate) fn add_to_page(&mut self, text: &str, tag: &str) -> Option<Range<usize>> {
        let made = self.page.add(text, tag);
        // There may be more of what was asked for now.
        self.elements.lists.clear();
        self.pay_page();
        made
    }

    fn pay_page(&mut self) {
        let items = self.page.take_cost() / BYTES_OF_AN_ITEM;
        self.work(items);
    }
}

/// A part of the page, written by the script: what is in it is loaded and run.
pub fn written(host: &mut Host, page: String) {
    load(host, &page);
    host.add_to_page(&page, "body");
    host.pages.push(page);
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
