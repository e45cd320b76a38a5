//! From the text of a page to its nodes, in one pass: every place is looked at once, however little of it is a tag.

use std::collections::HashMap;

use super::attributes::Attributes;
use super::entities;
use super::{CONTROLS, Kind, MAX_NODES, NAMED, Node, Page, Span, is_void};

/// Elements within each other; what is deeper is a neighbour, as in browsers.
const MAX_DEPTH: usize = 256;
/// Tags that say more of an element.
const MAX_MERGED: usize = 16;
/// Bytes of an element's name.
const MAX_NAME: usize = 64;

/// Elements whose content is a text without references, and those whose content is one with them.
const RAW: [&str; 8] = ["script", "style", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext"];
const TEXTS: [&str; 2] = ["textarea", "title"];
/// What stands in the head where nobody says so.
const OF_HEAD: [&str; 9] = ["title", "meta", "link", "script", "style", "base", "noscript", "template", "bgsound"];
/// What ends a paragraph.
const BLOCKS: [&str; 24] = [
    "p",
    "div",
    "ul",
    "ol",
    "dl",
    "table",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "pre",
    "hr",
    "section",
    "article",
    "blockquote",
    "fieldset",
    "center",
    "header",
    "footer",
    "main",
    "nav",
];

/// How the content of an element is read; None: as a page.
pub fn text_kind(name: &str) -> Option<Kind> {
    let is_of = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    match () {
        () if is_of(&RAW) => Some(Kind::Text { is_raw: true }),
        () if is_of(&TEXTS) => Some(Kind::Text { is_raw: false }),
        () => None,
    }
}

/// Whether a tag ends the element that it stands in, whose end nobody writes.
fn ends(name: &str, open: &str) -> bool {
    match name {
        "li" => open == "li",
        "dt" | "dd" => matches!(open, "dt" | "dd"),
        "option" => open == "option",
        "optgroup" => matches!(open, "option" | "optgroup"),
        "td" | "th" => matches!(open, "td" | "th"),
        "tr" => matches!(open, "td" | "th" | "tr"),
        "tbody" | "thead" | "tfoot" => matches!(open, "td" | "th" | "tr" | "tbody" | "thead" | "tfoot"),
        name => open == "p" && BLOCKS.contains(&name),
    }
}

pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    nodes: &'a mut Vec<Node>,
    named: [&'a mut HashMap<String, usize>; 2],
    controls: &'a mut HashMap<String, Vec<usize>>,
    /// The first node that is read.
    first: usize,
    /// What all of them stand in that have no other.
    root: usize,
    /// The elements that are not ended, and how many there are of each name.
    open: Vec<(usize, String)>,
    names: HashMap<String, usize>,
    /// Whether it is a page of its own, with a head and a body, whoever wrote them or not; and which it has.
    is_whole: bool,
    made: [Option<usize>; 3],
    merged: &'a mut HashMap<usize, Vec<Span>>,
}

/// What a page has whoever wrote it.
const PARTS: [&str; 3] = ["html", "head", "body"];

impl<'a> Reader<'a> {
    /// From a place on, in a fragment or as a page of its own.
    pub fn new(page: &'a mut Page, from: usize, root: Option<usize>) -> Self {
        Self {
            first: page.nodes.len(),
            root: root.unwrap_or(super::NONE),
            text: &page.text,
            at: from,
            nodes: &mut page.nodes,
            named: [&mut page.ids, &mut page.names],
            controls: &mut page.named,
            open: Vec::new(),
            names: HashMap::new(),
            is_whole: root.is_none(),
            made: [None; 3],
            merged: &mut page.merged,
        }
    }

    /// Whether there was room for all of it.
    pub fn read(mut self) -> bool {
        while self.at < self.text.len() && self.nodes.len() < MAX_NODES {
            let next = self.text.as_bytes().get(self.at + 1).copied().unwrap_or_default();
            match self.text.as_bytes()[self.at] {
                b'<' if next.is_ascii_alphabetic() => self.start_tag(),
                b'<' if next == b'/' => self.end_tag(),
                b'<' if matches!(next, b'!' | b'?') => self.comment(),
                _ => self.words(),
            }
        }
        while !self.open.is_empty() {
            self.close();
        }
        self.at >= self.text.len()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    // -- pieces ----------------------------------------------------------------------------------------------------

    /// Up to the next sign that begins a tag.
    fn words(&mut self) {
        let rest = self.rest();
        let is_tag = |at: usize| {
            rest.as_bytes().get(at + 1).is_some_and(|next| next.is_ascii_alphabetic() || b"/!?".contains(next))
        };
        let length = rest.match_indices('<').map(|(at, _)| at).find(|&at| is_tag(at)).unwrap_or(rest.len());
        let is_blank = rest.get(..length).is_some_and(|words| words.trim().is_empty());
        if self.is_whole && !is_blank {
            self.enter_body();
        }
        if !self.is_whole || !self.open.is_empty() {
            self.add(Kind::Text { is_raw: false }, Span::EMPTY, Span::new(self.at, self.at + length));
        }
        self.at += length;
    }

    /// `<!-- -->`, and what is read as one: declarations and instructions.
    fn comment(&mut self) {
        let rest = self.rest();
        let Some(body) = rest.strip_prefix("<!--") else {
            self.at += rest.find('>').map_or(rest.len(), |end| end + 1);
            return;
        };
        let (length, end) = comment_end(body);
        let start = self.at + rest.len() - body.len();
        self.at = start + length + end;
        self.add(Kind::Comment, Span::EMPTY, Span::new(start, start + length));
    }

    fn end_tag(&mut self) {
        let rest = self.rest();
        let Some(length) = rest.find('>') else {
            self.at = self.text.len();
            return;
        };
        self.at += length + 1;
        let tag = rest.get(2..length).unwrap_or_default();
        let name = name_of(tag).to_ascii_lowercase();
        // Whatever stands behind a body is in it.
        if matches!(name.as_str(), "html" | "body") || !self.names.contains_key(&name) {
            return;
        }
        while self.open.last().is_some_and(|(_, open)| *open != name) {
            self.close();
        }
        self.close();
    }

    fn start_tag(&mut self) {
        let start = self.at + 1;
        let name = name_of(self.text.get(start..).unwrap_or_default());
        let shown = Span::new(start, start + name.len().min(MAX_NAME));
        let lower = name.get(..name.len().min(MAX_NAME)).unwrap_or(name).to_ascii_lowercase();
        let mut attributes = Attributes::new(self.text, start + name.len());
        let [mut id, mut name] = [None, None];
        for (key, value) in attributes.by_ref() {
            if key.eq_ignore_ascii_case("id") {
                id.get_or_insert(value);
            } else if key.eq_ignore_ascii_case("name") {
                name.get_or_insert(value);
            }
        }
        let (end, is_closed) = (attributes.at, attributes.is_closed);
        self.at = end + 1;
        // A tag without an end is none, and there is nothing behind it.
        if end >= self.text.len() {
            return;
        }
        if !self.has_place(&lower) {
            self.merge(&lower, Span::new(shown.end(), end), [id, name]);
            return;
        }
        let node = self.add(Kind::Element, shown, Span::new(shown.end(), end));
        self.name(node, &lower, [id, name]);
        if let Some(kind) = text_kind(&lower) {
            self.content(kind, node, &lower);
        } else if !(is_void(&lower) || is_closed && self.is_foreign(&lower)) {
            self.enter(node, lower);
        }
    }

    /// What a second tag of the page's frame says is the first one's.
    fn merge(&mut self, tag: &str, attributes: Span, by: [Option<&str>; 2]) {
        let Some(node) = PARTS.iter().position(|part| *part == tag).and_then(|at| self.made[at]) else { return };
        let more = self.merged.entry(node).or_default();
        if more.len() < MAX_MERGED {
            more.push(attributes);
            self.name(node, tag, by);
        }
    }

    /// Notes by what an element is found, its id and its name.
    fn name(&mut self, node: usize, tag: &str, by: [Option<&str>; 2]) {
        let is_listed = CONTROLS.contains(&tag) || NAMED.contains(&tag);
        for (named, value) in self.named.iter_mut().zip(by) {
            let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
            let value = entities::decoded(value, true);
            if is_listed {
                let alike = self.controls.entry(value.clone()).or_default();
                if alike.last() != Some(&node) {
                    alike.push(node);
                }
            }
            // What was read before is older than this.
            let known = named.entry(value).or_insert(node);
            *known = if *known < self.first { node } else { *known };
        }
    }

    /// The text of an element that holds nothing else, up to its end.
    fn content(&mut self, kind: Kind, node: usize, name: &str) {
        let rest = self.rest();
        let is_end = |at: usize| {
            let behind = rest.as_bytes().get(at + 2 + name.len()..).unwrap_or_default();
            let is_named = rest.get(at + 2..at + 2 + name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name));
            is_named && behind.first().is_none_or(|byte| byte.is_ascii_whitespace() || b"/>".contains(byte))
        };
        let found = rest.match_indices("</").map(|(at, _)| at).find(|&at| is_end(at));
        let length = found.unwrap_or(rest.len());
        // The first line of a text area is the one behind its tag.
        let skipped = usize::from(name == "textarea" && rest.starts_with('\n'));
        if length > skipped {
            let text = self.add(kind, Span::EMPTY, Span::new(self.at + skipped, self.at + length));
            self.nodes[text].parent = node;
        }
        self.nodes[node].end = self.nodes.len();
        self.at += length;
        if found.is_some() {
            self.at += self.rest().find('>').map_or(self.rest().len(), |end| end + 1);
        }
    }

    // -- the tree --------------------------------------------------------------------------------------------------

    fn add(&mut self, kind: Kind, name: Span, span: Span) -> usize {
        let parent = self.open.last().map_or(self.root, |(node, _)| *node);
        self.nodes.push(Node { kind, parent, end: self.nodes.len() + 1, name, span });
        self.nodes.len() - 1
    }

    fn enter(&mut self, node: usize, name: String) {
        if self.open.len() < MAX_DEPTH {
            *self.names.entry(name.clone()).or_default() += 1;
            self.open.push((node, name));
        }
    }

    fn close(&mut self) {
        let Some((node, name)) = self.open.pop() else { return };
        self.nodes[node].end = self.nodes.len();
        if let Some(count) = self.names.get_mut(&name) {
            *count -= 1;
            if *count == 0 {
                self.names.remove(&name);
            }
        }
    }

    /// Ends what the tag ends and makes what it needs around it. False for a second frame of the page.
    fn has_place(&mut self, name: &str) -> bool {
        if self.is_whole {
            if let Some(at) = PARTS.iter().position(|known| *known == name) {
                let is_first = self.made[at].is_none() && !(at == 1 && self.made[2].is_some());
                if at > 0 {
                    self.make(0);
                }
                if at == 2 {
                    self.leave_head();
                }
                if is_first {
                    self.made[at] = Some(self.nodes.len());
                }
                return is_first;
            }
            if !OF_HEAD.contains(&name) {
                self.enter_body();
            } else if self.made[2].is_none() {
                self.make(0);
                self.make(1);
            }
        } else if PARTS.contains(&name) {
            return false;
        }
        while self.open.last().is_some_and(|(_, open)| ends(name, open)) {
            self.close();
        }
        true
    }

    fn enter_body(&mut self) {
        if self.made[2].is_none() {
            self.make(0);
            self.leave_head();
            self.make(2);
        }
    }

    fn leave_head(&mut self) {
        while self.open.len() > 1 {
            self.close();
        }
    }

    /// A part of the page's frame that nobody wrote.
    fn make(&mut self, which: usize) {
        if self.made[which].is_none() {
            let node = self.add(Kind::Element, Span::of_frame(which), Span::EMPTY);
            self.made[which] = Some(node);
            self.enter(node, PARTS[which].to_owned());
        }
    }

    /// Only of what is not HTML's own a slash is the end.
    fn is_foreign(&self, name: &str) -> bool {
        let is_within = |name: &str| self.names.contains_key(name);
        name.contains(':') || matches!(name, "svg" | "math") || is_within("svg") || is_within("math")
    }
}

/// Bytes of a comment's text, and of what ends it: `<!-->` and `<!--->` are whole ones.
fn comment_end(body: &str) -> (usize, usize) {
    if let Some(end) = [">", "->"].iter().find(|end| body.starts_with(**end)) {
        return (0, end.len());
    }
    let ends = body.match_indices('>').filter_map(|(at, _)| {
        let end = ["--", "--!"].iter().find(|end| body.get(..at).is_some_and(|text| text.ends_with(**end)))?;
        Some((at - end.len(), end.len() + 1))
    });
    { ends }.next().unwrap_or((body.len(), 0))
}

/// The name that a tag begins with.
fn name_of(tag: &str) -> &str {
    let end = tag.bytes().position(|byte| byte.is_ascii_whitespace() || b"/>".contains(&byte));
    tag.get(..end.unwrap_or(tag.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::comment_end;

    #[test]
    fn comments_end_as_in_browsers() {
        for (body, expected) in [
            (">x-->", (0, 1)),
            ("->x-->", (0, 2)),
            ("-->", (0, 3)),
            (" a --!> -->", (3, 4)),
            (" > -> -- > --->", (12, 3)),
            ("-!>x-->", (4, 3)),
            ("\u{e4}", (2, 0)),
            ("", (0, 0)),
        ] {
            assert_eq!(comment_end(body), expected, "{body}");
        }
    }
}
