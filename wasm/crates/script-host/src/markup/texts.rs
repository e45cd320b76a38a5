//! What stands in elements, as scripts ask for it: as markup, as its text, as the text that is shown.

use super::tree::Step;
use super::{Kind, Page, entities, is_void};
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

/// Elements whose content is never seen.
const UNSEEN: [&str; 5] = ["script", "style", "head", "template", "noscript"];
/// Elements whose blanks are seen.
const BLANKS: [&str; 2] = ["pre", "textarea"];
/// Elements that stand in lines of their own.
const LINES: [&str; 19] = [
    "p",
    "div",
    "li",
    "tr",
    "ul",
    "ol",
    "table",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "pre",
    "blockquote",
    "form",
    "section",
    "article",
    "hr",
];

impl Page {
    /// What stands in a node, as a text.
    pub fn text(&mut self, scope: usize, form: Form) -> Value {
        if let Some((.., known)) = self.last.as_ref().filter(|(at, as_what, _)| (*at, *as_what) == (scope, form)) {
            return known.clone();
        }
        let text = match form {
            Form::Markup => self.markup(scope, false),
            Form::Shown if self.is_shown(scope) => self.shown(scope),
            Form::Text | Form::Shown => self.contents(scope),
        };
        self.pay(text.len());
        let text = Value::text(text);
        self.last = Some((scope, form, text.clone()));
        text
    }

    /// The markup of a node itself and of what stands in it.
    #[must_use]
    pub fn whole(&self, node: usize) -> String {
        let text = self.markup(node, true);
        self.pay(text.len());
        text
    }

    /// The text of a node that is one, or of a comment.
    #[must_use]
    pub fn words(&self, node: usize) -> Option<String> {
        let node = self.nodes.get(node)?;
        match node.kind {
            Kind::Element | Kind::Fragment => None,
            Kind::Text { is_raw: false } => Some(entities::decoded(self.part(node.span), false)),
            Kind::Text { is_raw: true } | Kind::Comment => Some(self.part(node.span).to_owned()),
        }
    }

    fn is_text(&self, node: usize) -> bool {
        self.nodes.get(node).is_some_and(|node| matches!(node.kind, Kind::Text { .. }))
    }

    fn contents(&self, scope: usize) -> String {
        let texts = self.walk(scope, false).filter_map(|step| match step {
            Step::Into(node) if self.is_text(node) => self.words(node),
            _ => None,
        });
        texts.collect()
    }

    fn markup(&self, scope: usize, is_whole: bool) -> String {
        let mut text = String::new();
        for step in self.walk(scope, is_whole) {
            if text.len() > MAX_BYTES {
                break;
            }
            let (Step::Into(at) | Step::OutOf(at)) = step;
            let Some(node) = self.nodes.get(at) else { continue };
            match (step, node.kind) {
                (Step::OutOf(_), _) if is_void(self.part(node.name)) => {}
                (Step::OutOf(_), _) => text.extend(["</", &self.part(node.name).to_ascii_lowercase(), ">"]),
                (_, Kind::Element) => self.write_tag(at, &mut text),
                (_, Kind::Comment) => text.extend(["<!--", self.part(node.span), "-->"]),
                (_, Kind::Text { is_raw: true }) => text.push_str(self.part(node.span)),
                (_, Kind::Text { is_raw: false }) => {
                    entities::encoded(&entities::decoded(self.part(node.span), false), false, &mut text);
                }
                (_, Kind::Fragment) => {}
            }
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

    fn is_of(&self, node: usize, tags: &[&str]) -> bool {
        tags.iter().any(|tag| self.is_named(node, tag))
    }

    /// Whether its own tag says that nobody sees what stands in it.
    fn is_hidden(&self, node: usize) -> bool {
        let hides = |style: &str| {
            let style = style.replace(|sign: char| sign.is_ascii_whitespace(), "").to_ascii_lowercase();
            style.contains("display:none") || style.contains("visibility:hidden")
        };
        let says = |(name, value): (&str, &str)| {
            name.eq_ignore_ascii_case("hidden")
                || name.eq_ignore_ascii_case("style") && hides(&entities::decoded(value, true))
        };
        self.is_of(node, &UNSEEN) || self.written(node).any(says)
    }

    /// Whether it is seen, as far as it and those around it tell. What is not gives its text as it is, and so do those with
    /// blanks of their own.
    fn is_shown(&self, node: usize) -> bool {
        let mut around = std::iter::successors(Some(node), |node| self.parent(*node));
        !around.any(|node| self.is_of(node, &BLANKS) || self.is_hidden(node))
    }

    /// Blanks are one, breaks and blocks are lines, and what nobody sees is not there.
    fn shown(&self, scope: usize) -> String {
        let mut text = String::new();
        let mut walk = self.walk(scope, false);
        // Elements that are open whose blanks are seen.
        let mut kept = 0_usize;
        while let Some(step) = walk.next() {
            let (Step::Into(node) | Step::OutOf(node)) = step;
            let is_left = matches!(step, Step::OutOf(_));
            if self.is_text(node) {
                let words = self.words(node).unwrap_or_default();
                if kept > 0 { text.push_str(&words) } else { one_blank(&words, &mut text) }
            } else if !is_left && self.is_element(node) && self.is_hidden(node) {
                walk.pass();
                continue;
            } else if !is_left && self.is_named(node, "br") {
                text.push('\n');
            }
            if self.is_of(node, &LINES) {
                new_line(&mut text);
            }
            if self.is_of(node, &BLANKS) {
                kept = if is_left { kept.saturating_sub(1) } else { kept + 1 };
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_shown_the_hidden_parts_are_left_out() {
        for (page, expected) in [
            ("<p id=a>x \n y<span hidden>z</span></p>", "x y"),
            ("<p id=a>x<i style='Display :\tnone'>1<b>2</b></i>y<i style='visibility: hidden'>3</i>", "xy"),
            ("<p id=a>x<script>1</script>y<br hidden>", "xy"),
            ("<div style='Display : none'><i id=a>x \n y<script>1</script><b hidden>2</b></i></div>", "x \n y12"),
            ("<i id=a hidden>x<b hidden>y</b></i>", "xy"),
            (
                "<div id=a>1<h4>2</h4>3<h5>4</h5>5<blockquote>6</blockquote>7<form>8</form>9",
                "1\n2\n3\n4\n5\n6\n7\n8\n9",
            ),
            ("<div id=a>1<br>2<br><br>3<pre>a  b\n c</pre>4", "1\n2\n\n3\na  b\n c\n4"),
            ("<div id=a><!--note--></div>", ""),
        ] {
            let mut page_read = Page::of(page);
            let node = page_read.by_id("a").expect("an element");
            assert_eq!(page_read.text(node, Form::Shown).to_text(), expected, "{page}");
        }
    }

    #[test]
    fn a_comment_is_no_text_of_its_element() {
        let mut page = Page::of("<p id=a><!--note-->");
        let node = page.by_id("a").expect("an element");
        assert_eq!(page.text(node, Form::Text).to_text(), "");
        assert_eq!(page.words(node + 1).as_deref(), Some("note"));
    }
}
