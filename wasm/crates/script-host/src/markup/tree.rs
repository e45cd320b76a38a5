//! How the nodes of a page stand to each other: what the sample says, and what scripts put into it or instead of it.

use std::ops::Range;

use super::{Kind, MAX_BYTES, MAX_NODES, NONE, Node, Page, Span, reader};

/// Bytes of a page that cost as much as looking at a node.
pub(super) const COST_OF_A_NODE: usize = 8;
/// Fragments within each other: each holds as many elements within each other as a page.
const MAX_DEPTH: usize = 16;

/// What has no element around it stands in this.
pub const DOCUMENT: usize = NONE;

/// Where something stands that a script writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In an element that is not in the page.
    Apart,
    /// In this node, instead of what is there.
    Instead(usize),
    /// In this node, behind what is there.
    Behind(usize),
}

/// Which other node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Near {
    First,
    Last,
    Next,
    Previous,
}

/// What scripts wrote into a node.
#[derive(Default)]
pub(super) struct Written {
    /// Whether it stands there instead of what the page says.
    is_instead: bool,
    /// Fragments, in order.
    roots: Vec<usize>,
}

impl Page {
    /// Takes in what a script writes; the node that it stands in, or a root of its own. None where there is no more room.
    pub fn add(&mut self, text: &str, into: &str, place: Place) -> Option<usize> {
        self.last = None;
        let (owner, is_instead) = match place {
            Place::Apart => (NONE, false),
            Place::Instead(node) => (node, true),
            Place::Behind(node) => (node, false),
        };
        if is_instead {
            self.written.insert(owner, Written { is_instead, roots: Vec::new() });
        }
        let has_room = self.text.len() + super::FRAME.len() + text.len() <= MAX_BYTES && self.nodes.len() < MAX_NODES;
        if !has_room || self.depth(owner) >= MAX_DEPTH {
            self.left_out = true;
            return None;
        }
        let root = self.nodes.len();
        self.nodes.push(Node {
            kind: Kind::Fragment,
            parent: owner,
            end: root + 1,
            name: Span::EMPTY,
            span: Span::EMPTY,
        });
        match reader::text_kind(into) {
            Some(kind) => {
                let start = self.take(text);
                let span = Span::new(start, self.text.len());
                self.nodes.push(Node { kind, parent: root, end: root + 2, name: Span::EMPTY, span });
            }
            None => self.read(text, Some(root)),
        }
        self.nodes[root].end = self.nodes.len();
        if place == Place::Apart {
            return Some(root);
        }
        self.written.entry(owner).or_default().roots.push(root);
        Some(owner)
    }

    /// How many fragments a node is in.
    fn depth(&self, node: usize) -> usize {
        self.around(node).filter(|node| self.nodes[*node].kind == Kind::Fragment).count()
    }

    /// The node and those around it, fragments among them.
    fn around(&self, node: usize) -> impl Iterator<Item = usize> {
        let is_there = |node: &usize| *node < self.nodes.len();
        std::iter::successors(Some(node).filter(is_there), move |node| {
            self.pay(COST_OF_A_NODE);
            Some(self.nodes[*node].parent).filter(is_there)
        })
    }

    /// Whether it is still there: nothing else was written in its place.
    pub fn is_live(&self, node: usize) -> bool {
        self.around(node).all(|node| {
            let Node { kind, parent, .. } = self.nodes[node];
            let written = self.written.get(&parent);
            match kind {
                Kind::Fragment if parent == NONE => true,
                Kind::Fragment => written.is_some_and(|it| it.roots.binary_search(&node).is_ok()),
                _ => parent == NONE || !written.is_some_and(|it| it.is_instead),
            }
        })
    }

    pub fn is_within(&self, node: usize, outer: usize) -> bool {
        self.around(node).skip(1).any(|around| around == outer)
    }

    /// The element around it.
    pub fn parent(&self, node: usize) -> Option<usize> {
        self.around(node).skip(1).find(|node| self.nodes[*node].kind != Kind::Fragment)
    }

    /// What the page itself says that stands in a node.
    fn own(&self, node: usize) -> Range<usize> {
        match self.nodes.get(node) {
            Some(found) => node + 1..found.end,
            None => 0..self.own,
        }
    }

    /// The ranges of nodes that stand in one.
    pub(super) fn content(&self, node: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
        let written = self.written.get(&node);
        let own = Some(self.own(node)).filter(|_| !written.is_some_and(|it| it.is_instead));
        let more = written.into_iter().flat_map(|it| &it.roots).map(|root| self.own(*root));
        own.into_iter().chain(more).filter(|range| !range.is_empty())
    }

    /// The nodes that stand in one and in no other of it; only elements, or all.
    pub fn children(&self, node: usize, only_elements: bool) -> impl Iterator<Item = usize> {
        let all = self.content(node).flat_map(move |range| {
            std::iter::successors(Some(range.start), move |node| {
                self.pay(COST_OF_A_NODE);
                Some(self.nodes[*node].end).filter(|next| *next < range.end)
            })
        });
        all.filter(move |node| !only_elements || self.is_element(*node))
    }

    /// Another node, by where it stands to this one: of its own, or beside it.
    pub fn near(&self, node: usize, which: Near, only_elements: bool) -> Option<usize> {
        let (first, goes_on) = match which {
            Near::First => (self.content(node).next().map(|range| range.start), Near::Next),
            Near::Last => (self.content(node).next_back().map(|range| self.last_of(&range)), Near::Previous),
            Near::Next | Near::Previous => (self.beside(node, which), which),
        };
        let mut all = std::iter::successors(first, |node| self.beside(*node, goes_on));
        all.find(|node| !only_elements || self.is_element(*node))
    }

    /// Of nodes beside each other the last.
    fn last_of(&self, range: &Range<usize>) -> usize {
        let parent = self.nodes[range.start].parent;
        let mut around = self.around(range.end - 1);
        around.find(|node| self.nodes[*node].parent == parent).unwrap_or(range.start)
    }

    fn beside(&self, node: usize, which: Near) -> Option<usize> {
        self.pay(COST_OF_A_NODE);
        let Node { parent, end, .. } = *self.nodes.get(node)?;
        let range = self.own(parent);
        let is_next = which == Near::Next;
        match is_next {
            true if end < range.end => return Some(end),
            false if node > range.start => return Some(self.last_of(&(range.start..node))),
            _ => {}
        }
        let owner = self.parent(node).unwrap_or(DOCUMENT);
        let ranges: Vec<Range<usize>> = self.content(owner).collect();
        self.pay(ranges.len() * COST_OF_A_NODE);
        let at = ranges.iter().position(|other| *other == range)?;
        let other = ranges.get(if is_next { at + 1 } else { at.checked_sub(1)? })?;
        Some(if is_next { other.start } else { self.last_of(other) })
    }

    /// Through what stands in a node, or through it and that.
    pub(super) fn walk(&self, node: usize, is_whole: bool) -> Walk<'_> {
        let mut walk = Walk { page: self, open: Vec::new() };
        match self.nodes.get(node).filter(|_| is_whole) {
            Some(found) => walk.open.push(Part { at: node, end: found.end, owner: None }),
            None => walk.enter(node),
        }
        walk
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Into(usize),
    /// Of elements.
    OutOf(usize),
}

/// Nodes in the order in which they are there, whoever wrote them.
pub(super) struct Walk<'a> {
    page: &'a Page,
    open: Vec<Part>,
}

struct Part {
    at: usize,
    end: usize,
    /// The element that is left behind it.
    owner: Option<usize>,
}

impl Walk<'_> {
    fn enter(&mut self, node: usize) {
        let parts = self.page.content(node).rev();
        self.open.extend(parts.map(|range| Part { at: range.start, end: range.end, owner: None }));
    }

    /// Passes over what stands in the element that was just entered.
    pub(super) fn pass(&mut self) {
        while self.open.pop().is_some_and(|part| part.owner.is_none()) {}
    }
}

impl Iterator for Walk<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        self.page.pay(COST_OF_A_NODE);
        loop {
            let part = self.open.last_mut()?;
            if part.at < part.end {
                let node = part.at;
                part.at = self.page.nodes[node].end;
                if self.page.is_element(node) {
                    self.open.push(Part { at: 0, end: 0, owner: Some(node) });
                    self.enter(node);
                }
                return Some(Step::Into(node));
            }
            let left = self.open.pop().and_then(|part| part.owner);
            if let Some(node) = left {
                return Some(Step::OutOf(node));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markup::{Form, Selector};

    fn ids(page: &Page, nodes: impl IntoIterator<Item = usize>) -> String {
        nodes.into_iter().map(|node| page.names_of(node).next().unwrap_or_else(|| page.tag(node))).collect()
    }

    fn found(page: &Page, selector: &str) -> String {
        let selector = Selector::read(selector).expect("a selector");
        ids(page, page.find(&selector, DOCUMENT, 9))
    }

    const PAGE: &str = "<body id=y><div id=o><b id=x>1</b>2<i id=z>3</i></div><p id=p>";

    #[test]
    fn what_is_written_stands_where_it_was_written() {
        let mut page = Page::of(PAGE);
        let outer = page.by_id("o").expect("an element");
        page.add("<b id=q><u id=u>4</u></b><i id=x>5", "DIV", Place::Instead(outer));
        assert_eq!(found(&page, "#o *"), "qux");
        assert_eq!(page.text(DOCUMENT, Form::Text).to_text(), "45");
        let new = page.by_id("x").expect("an element");
        assert_eq!((page.tag(new), page.parent(new)), ("I".to_owned(), Some(outer)));
        assert_eq!((page.by_id("z"), found(&page, "#z")), (None, String::new()));
        assert_eq!(ids(&page, page.near(new, Near::Previous, false)), "q");
        assert_eq!(ids(&page, page.near(outer, Near::Last, false)), "x");
        page.add("", "DIV", Place::Instead(outer));
        assert_eq!((page.by_id("x"), page.near(outer, Near::First, false)), (None, None));
        assert_eq!(page.whole(outer), "<div id=\"o\"></div>");
    }

    #[test]
    fn what_is_written_behind_the_rest_is_the_last() {
        let mut page = Page::of(PAGE);
        for text in ["<b id=r>6</b>", "", "<b id=s>7"] {
            page.add(text, "body", Place::Behind(page.by_id("y").expect("a body")));
        }
        let body = page.by_id("y").expect("a body");
        assert_eq!(ids(&page, page.children(body, true)), "oprs");
        assert_eq!(page.text(body, Form::Text).to_text(), "12367");
        let mut node = page.near(body, Near::First, true);
        let mut seen = Vec::new();
        while let Some(at) = node {
            seen.push(at);
            node = page.near(at, Near::Next, true);
        }
        assert_eq!(ids(&page, seen.clone()), "oprs");
        node = page.near(body, Near::Last, true);
        while let Some(at) = node {
            assert_eq!(seen.pop(), Some(at));
            node = page.near(at, Near::Previous, true);
        }
        assert!(seen.is_empty());
    }

    #[test]
    fn what_stands_nowhere_is_found_all_the_same() {
        let mut page = Page::of(PAGE);
        let apart = page.add("<b id=a>8", "DIV", Place::Apart).expect("room");
        assert_eq!(page.text(apart, Form::Text).to_text(), "8");
        let made = page.by_id("a").expect("an element");
        assert_eq!((page.parent(made), page.near(made, Near::Next, false)), (None, None));
    }

    #[test]
    fn fragments_within_fragments_are_few() {
        let mut page = Page::of(PAGE);
        let mut made = 0;
        while let Some(last) = page.by_id("o").filter(|_| made < 100) {
            if page.add("<div id=o>", "DIV", Place::Instead(last)).is_none() {
                break;
            }
            made += 1;
        }
        assert_eq!(made, MAX_DEPTH);
    }
}
