//! What stands in elements, as scripts ask for it: as markup, as its text, as the text that is shown.

use std::ops::Range;

use super::{Kind, Node, Page, entities, is_void};
use crate::limits::MAX_BYTES;
use crate::value::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `innerHTML`
    Markup,
    /// `textContent`
    Text,
    /// `innerText`
    Shown,
}

impl Page {
    /// Nodes as a text.
    pub fn text(&mut self, range: Range<usize>, form: Form) -> Value {
        if let Some((_, _, known)) = self.last.as_ref().filter(|(at, as_what, _)| (at, *as_what) == (&range, form)) {
            return known.clone();
        }
        let text = match form {
            Form::Markup => self.markup(range.clone()),
            Form::Shown if self.is_shown(range.start) => self.shown(range.clone()),
            Form::Text | Form::Shown => self.content(range.clone()),
        };
        self.cost.set(self.cost.get() + text.len() + range.len());
        let text = Value::text(text);
        self.last = Some((range, form, text.clone()));
        text
    }

    /// The text of a node that is one, or of a comment.
    #[must_use]
    pub fn words(&self, node: usize) -> Option<String> {
        let node = self.nodes.get(node)?;
        match node.kind {
            Kind::Element => None,
            Kind::Text { is_raw: false } => Some(entities::decoded(self.part(node.span), false)),
            Kind::Text { is_raw: true } | Kind::Comment => Some(self.part(node.span).to_owned()),
        }
    }

    fn content(&self, range: Range<usize>) -> String {
        // Of a comment by itself its text is asked for, of one in an element it is not.
        let is_alone = range.len() == 1;
        let texts =
            range.filter(|node| is_alone || self.nodes.get(*node).is_some_and(|node| node.kind != Kind::Comment));
        texts.filter_map(|node| self.words(node)).collect()
    }

    fn markup(&self, range: Range<usize>) -> String {
        let mut text = String::new();
        let mut open: Vec<&Node> = Vec::new();
        for (at, node) in range.clone().zip(self.nodes.get(range).unwrap_or_default()) {
            while let Some(ended) = open.pop_if(|outer| outer.end <= at) {
                self.write_end(ended, &mut text);
            }
            if text.len() > MAX_BYTES {
                break;
            }
            match node.kind {
                Kind::Element => {
                    self.write_tag(at, &mut text);
                    if !is_void(self.part(node.name)) {
                        open.push(node);
                    }
                }
                Kind::Comment => text.extend(["<!--", self.part(node.span), "-->"]),
                Kind::Text { is_raw: true } => text.push_str(self.part(node.span)),
                Kind::Text { is_raw: false } => {
                    entities::encoded(&entities::decoded(self.part(node.span), false), false, &mut text);
                }
            }
        }
        while let Some(ended) = open.pop() {
            self.write_end(ended, &mut text);
        }
        text
    }

    fn write_tag(&self, node: usize, text: &mut String) {
        text.push('<');
        text.push_str(&self.tag(node).to_ascii_lowercase());
        for (name, value) in self.attributes(node) {
            text.extend([" ", &name, "=\""]);
            entities::encoded(&value, true, text);
            text.push('"');
        }
        text.push('>');
    }

    fn write_end(&self, node: &Node, text: &mut String) {
        text.extend(["</", &self.part(node.name).to_ascii_lowercase(), ">"]);
    }

    /// Whether there is something of it to be seen, as far as its own attributes and those around it tell.
    fn is_shown(&self, node: usize) -> bool {
        const UNSEEN: [&str; 7] = ["script", "style", "head", "template", "noscript", "textarea", "pre"];
        let outer =
            |node: &usize| self.nodes.get(*node).map(|node| node.parent).filter(|parent| *parent != super::NONE);
        std::iter::successors(outer(&node), outer).all(|node| {
            let hides = |style: String| style.replace(' ', "").to_ascii_lowercase().contains("display:none");
            !UNSEEN.iter().any(|tag| self.is_named(node, tag))
                && self.attribute(node, "hidden").is_none()
                && !self.attribute(node, "style").is_some_and(hides)
        })
    }

    /// Blanks are one, breaks and blocks are lines, and what nobody sees is not there.
    fn shown(&self, range: Range<usize>) -> String {
        const LINES: [&str; 14] =
            ["br", "p", "div", "li", "tr", "ul", "ol", "table", "h1", "h2", "h3", "section", "article", "hr"];
        const UNSEEN: [&str; 5] = ["script", "style", "head", "template", "noscript"];
        let is_of = |node: usize, tags: &[&str]| tags.iter().any(|tag| self.is_named(node, tag));
        let mut text = String::new();
        let mut at = range.start;
        // Where the blocks end that are open, and a line with each.
        let mut ends: Vec<usize> = Vec::new();
        while let Some(node) = self.nodes.get(at).filter(|_| at < range.end) {
            while ends.pop_if(|end| *end <= at).is_some() {
                new_line(&mut text);
            }
            match node.kind {
                Kind::Element if is_of(at, &UNSEEN) => {
                    at = node.end;
                    continue;
                }
                Kind::Element if self.is_named(at, "br") => text.push('\n'),
                Kind::Element if is_of(at, &LINES) => {
                    new_line(&mut text);
                    ends.push(node.end);
                }
                Kind::Element | Kind::Comment => {}
                Kind::Text { .. } => one_blank(&self.words(at).unwrap_or_default(), &mut text),
            }
            at += 1;
        }
        text.truncate(text.trim_end().len());
        text
    }
}

fn new_line(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

/// Adds a text with one blank for many, and none at the beginning of a line.
fn one_blank(words: &str, text: &mut String) {
    for letter in words.chars() {
        if !letter.is_ascii_whitespace() {
            text.push(letter);
        } else if !text.is_empty() && !text.ends_with([' ', '\n']) {
            text.push(' ');
        }
    }
}
