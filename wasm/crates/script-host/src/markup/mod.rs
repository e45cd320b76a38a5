//! The elements of a page, for the scripts in it: what they say, by which they are found, and what stands in them. A page is
//! hostile: it is read in one pass, its nodes, its depth and its bytes are limited, and nothing here calls itself.

mod attributes;
mod entities;
mod reader;
mod search;
mod selector;
mod texts;
mod tree;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

pub(crate) use selector::{CONTROLS, Selector};
pub(crate) use texts::Form;
pub(crate) use tree::{DOCUMENT, Near, Place};

use crate::value::Value;
use attributes::Attributes;
use reader::Reader;

/// Nodes of all pages of a run: of honest ones few have a tenth of it.
const MAX_NODES: usize = 400_000;
/// Bytes of all pages of a run: a sample, and as much again that its scripts write.
const MAX_BYTES: usize = 32 << 20;
/// Attributes of an element: each is a value that is kept, and a tag may be as long as the page.
pub const MAX_ATTRIBUTES: usize = 256;
/// Elements that a document has under their names.
pub const NAMED: [&str; 6] = ["form", "img", "embed", "object", "iframe", "applet"];
/// What stands before a page's own text: the names of elements that it has without saying so.
const FRAME: &str = "html head body";
const NONE: usize = usize::MAX;

/// A part of the text.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    const EMPTY: Self = Self { start: 0, end: 0 };

    #[allow(clippy::cast_possible_truncation, reason = "a page is shorter")]
    const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    const fn end(self) -> usize {
        self.end as usize
    }

    /// One of the names in `FRAME`.
    const fn of_frame(which: usize) -> Self {
        Self::new(5 * which, 5 * which + 4)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Element,
    Text {
        is_raw: bool,
    },
    Comment,
    /// What a script wrote at once; it is no node of the page, only those in it are.
    Fragment,
}

/// One of the page's; those within it follow it.
#[derive(Debug)]
struct Node {
    kind: Kind,
    parent: usize,
    /// The first that is not within it.
    end: usize,
    name: Span,
    /// Of an element its attributes, else the text.
    span: Span,
}

/// All pages of a run: the sample's, and behind it what scripts write.
#[derive(Default)]
pub struct Page {
    text: String,
    nodes: Vec<Node>,
    /// How many of them the sample says; the others are fragments that scripts wrote.
    own: usize,
    /// By the nodes that the fragments stand in.
    written: HashMap<usize, tree::Written>,
    /// Of each id and of each name the first of what was read last.
    ids: HashMap<String, usize>,
    names: HashMap<String, usize>,
    /// Elements that forms and the document have under names, in order.
    named: HashMap<String, Vec<usize>>,
    body: Option<usize>,
    /// What further tags say of an element.
    merged: HashMap<usize, Vec<Span>>,
    /// The script that runs, and where the next one is looked for.
    running: Option<usize>,
    next_script: usize,
    /// The text that was made last: loops ask for the same one over and over.
    last: Option<(usize, Form, Value)>,
    cost: Cell<usize>,
    /// Whether there was more than is read or shown.
    pub left_out: bool,
}

impl Page {
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut page = Self::default();
        page.read(text, None);
        page.own = page.nodes.len();
        page.body = (0..page.own).find(|node| page.is_named(*node, "body"));
        page
    }

    fn take(&mut self, text: &str) -> usize {
        if self.text.is_empty() {
            self.text.push_str(FRAME);
        }
        let start = self.text.len();
        self.text.push_str(text);
        self.pay(text.len());
        start
    }

    /// A page of its own, or what stands in a fragment.
    fn read(&mut self, text: &str, root: Option<usize>) {
        if self.text.len() + FRAME.len() + text.len() <= MAX_BYTES {
            let start = self.take(text);
            let is_all = Reader::new(self, start, root).read();
            self.left_out |= !is_all;
        } else {
            self.left_out = true;
        }
    }

    /// Bytes that were gone through since this was asked.
    pub fn take_cost(&self) -> usize {
        self.cost.take()
    }

    fn part(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end()).unwrap_or_default()
    }

    // -- nodes -----------------------------------------------------------------------------------------------------

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Where a script writes that writes into the page.
    pub fn body(&self) -> usize {
        self.body.unwrap_or(DOCUMENT)
    }

    /// Its name as scripts see it, in capitals.
    #[must_use]
    pub fn tag(&self, node: usize) -> String {
        match self.nodes.get(node) {
            Some(Node { kind: Kind::Element, name, .. }) => self.part(*name).to_ascii_uppercase(),
            Some(Node { kind: Kind::Comment, .. }) => "#comment".to_owned(),
            _ => "#text".to_owned(),
        }
    }

    fn is_named(&self, node: usize, name: &str) -> bool {
        let node = self.nodes.get(node).filter(|node| node.kind == Kind::Element);
        node.is_some_and(|node| self.part(node.name).eq_ignore_ascii_case(name))
    }

    /// Notes bytes that were gone through.
    fn pay(&self, bytes: usize) {
        self.cost.set(self.cost.get().saturating_add(bytes));
    }

    /// Names and raw values, as they are written.
    fn written(&self, node: usize) -> impl Iterator<Item = (&str, &str)> {
        let own = self.nodes.get(node).filter(|node| node.kind == Kind::Element).map(|node| node.span);
        let merged = self.merged.get(&node).into_iter().flatten().copied();
        own.into_iter().chain(merged).flat_map(|span| {
            self.pay(self.part(span).len());
            Attributes::new(self.part(span), 0)
        })
    }

    /// Names in small letters and values, of each name the first, and no more than an element can have.
    #[must_use]
    pub fn attributes(&self, node: usize) -> Vec<(String, String)> {
        first_of_each(self.written(node))
    }

    /// Its id and its name.
    pub fn names_of(&self, node: usize) -> impl Iterator<Item = String> {
        let is_one = |name: &str| name.eq_ignore_ascii_case("id") || name.eq_ignore_ascii_case("name");
        let names = self.written(node).filter(move |(name, value)| is_one(name) && !value.is_empty());
        names.map(|(_, value)| entities::decoded(value, true))
    }

    fn attribute(&self, node: usize, name: &str) -> Option<String> {
        let (_, value) = self.written(node).find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(entities::decoded(value, true))
    }

    #[must_use]
    pub fn is_element(&self, node: usize) -> bool {
        self.nodes.get(node).is_some_and(|node| node.kind == Kind::Element)
    }

    // -- the script that runs --------------------------------------------------------------------------------------

    /// Tells which script runs, by its text; they run in the order of the page.
    pub fn runs(&mut self, script: &str) {
        /// What may stand around a script: a comment, a section of data.
        const AROUND: usize = 64;
        let script = script.trim();
        let is_it = |node: &usize| {
            let text =
                self.nodes.get(node + 1).filter(|text| text.parent == *node).map_or("", |text| self.part(text.span));
            let text = text.trim();
            self.is_named(*node, "script")
                && text.len() - script.len().min(text.len()) <= AROUND
                && text.contains(script)
        };
        self.running = (self.next_script..self.own).find(is_it);
        self.next_script = self.running.map_or(self.next_script, |node| node + 1);
    }

    /// No script of the page's own runs any more, but what they left to be called.
    pub const fn end_loading(&mut self) {
        self.running = None;
    }

    #[must_use]
    pub const fn running(&self) -> Option<usize> {
        self.running
    }
}

fn first_of_each<'a>(written: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    let mut seen = HashSet::new();
    let named = written.map(|(name, value)| (name.to_ascii_lowercase(), value));
    let first = named.filter(|(name, _)| seen.len() < MAX_ATTRIBUTES && seen.insert(name.clone()));
    first.take(MAX_ATTRIBUTES).map(|(name, value)| (name, entities::decoded(value, true))).collect()
}

/// What a tag says from a place on, behind its name, and where its `>` is; None for a tag without an end.
#[must_use]
pub fn tag(text: &str, at: usize) -> Option<(Vec<(String, String)>, usize)> {
    let mut written = Attributes::new(text, at);
    let said = first_of_each(written.by_ref());
    written.by_ref().for_each(drop);
    Some((said, written.at)).filter(|(_, end)| *end < text.len())
}

/// A text as it is written in a page.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    entities::encoded(text, false, &mut written);
    written
}

/// Elements that have neither content nor end.
fn is_void(name: &str) -> bool {
    const VOID: [&str; 18] = [
        "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen", "link",
        "meta", "param", "source", "track", "wbr",
    ];
    VOID.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(page: &mut Page, id: &str, form: Form) -> String {
        let node = page.by_id(id).expect("an element");
        page.text(node, form).to_text()
    }

    fn found(page: &Page, selector: &str) -> Vec<String> {
        let selector = Selector::read(selector).expect("a selector");
        let nodes = page.find(&selector, DOCUMENT, 100);
        nodes.into_iter().map(|node| page.attribute(node, "id").unwrap_or_else(|| page.tag(node))).collect()
    }

    #[test]
    fn texts_of_elements_are_those_of_a_browser() {
        let mut page = Page::of(
            "<!DOCTYPE html><div id=d Title='x\"y'>a &lt;b&gt; <B CLASS=c>&#99;</b><br/><!-- n --><p>d<p>e</div>\
             <textarea id=t>\n<b>&amp;</textarea><script id=s type='text/plain'>a<b && '</b>'</script>",
        );
        let markup = "a &lt;b&gt; <b class=\"c\">c</b><br><!-- n --><p>d</p><p>e</p>";
        assert_eq!(text(&mut page, "d", Form::Markup), markup);
        assert_eq!(text(&mut page, "d", Form::Text), "a <b> cde");
        assert_eq!(text(&mut page, "d", Form::Shown), "a <b> c\nd\ne");
        assert_eq!(text(&mut page, "t", Form::Text), "<b>&");
        assert_eq!(text(&mut page, "t", Form::Markup), "&lt;b&gt;&amp;");
        for form in [Form::Markup, Form::Text, Form::Shown] {
            assert_eq!(text(&mut page, "s", form), "a<b && '</b>'");
        }
        let outer = page.by_id("d").map(|node| page.whole(node)).expect("an element");
        assert_eq!(outer, format!("<div id=\"d\" title=\"x&quot;y\">{markup}</div>"));
    }

    #[test]
    fn elements_are_found_by_selectors() {
        let page = Page::of(
            "<title>t</title><div id=a class='x y'><p><input id=b name=n type=HIDDEN value=1></div><div id=c data-k='a b'>",
        );
        for (selector, expected) in [
            ("#b", &["b"][..]),
            ("div", &["a", "c"]),
            ("DIV.x.y", &["a"]),
            (".x input, [data-k]", &["b", "c"]),
            (".x > input[type='HIDDEN'][value=1]", &["b"]),
            ("div p input[name=\"n\"]:first-child", &["b"]),
            ("[data-k^=a][data-k$=b][data-k~=b][data-k*=\" \"]", &["c"]),
            ("p + #b", &["b"]),
            ("p .x", &[]),
            ("head title", &["TITLE"]),
            ("html>body *", &["a", "P", "b", "c"]),
        ] {
            assert_eq!(found(&page, selector), expected, "{selector}");
        }
        for wrong in ["", "  ", ",", "a,", "#", "[", "[a", "[a='b", "[]", "a:(", "\u{e4}\\", "$x", "a{}"] {
            let _found = Selector::read(wrong).map(|selector| page.find(&selector, DOCUMENT, 1));
        }
    }

    #[test]
    fn a_page_has_a_head_and_a_body_whoever_wrote_them() {
        let page = Page::of("<p>x<body id=b onload=f() k=1><body K=2 l=3>");
        assert_eq!(page.values_of(&["onload", "k", "l"], 9), ["f()", "1", "3"]);
        assert_eq!(page.by_id("b"), Some(page.body()));
        for page in [
            "<title>t</title><meta id=m><p id=p>x",
            "<html><head><title>t</title><meta id=m></head><body><p id=p>x</body></html> ",
            "<HEAD><title>t</title><meta id=m><BODY><p id=p>x<body>",
        ] {
            let page = Page::of(page);
            let all = Selector::tag("*");
            let tags: Vec<String> = page.find(&all, DOCUMENT, 9).into_iter().map(|node| page.tag(node)).collect();
            assert_eq!(tags, ["HTML", "HEAD", "TITLE", "META", "BODY", "P"]);
            let parents = ["m", "p"].map(|id| page.by_id(id).and_then(|node| page.parent(node)).map(|it| page.tag(it)));
            assert_eq!(parents, [Some("HEAD".to_owned()), Some("BODY".to_owned())]);
        }
    }

    #[test]
    fn lists_and_tables_end_their_parts_by_themselves() {
        let page = Page::of("<ul><li id=a>1<li id=b>2</ul><table><tr><td id=c>3<td id=d>4<tr><td id=e>5</table>");
        let tag = |node: Option<usize>| node.map(|node| page.tag(node)).unwrap_or_default();
        let parents = ["a", "b", "c", "d", "e"].map(|id| tag(page.by_id(id).and_then(|node| page.parent(node))));
        assert_eq!(parents, ["UL", "UL", "TR", "TR", "TR"]);
        let list = page.by_id("a").and_then(|node| page.parent(node)).expect("a list");
        assert_eq!(page.children(list, false).count(), 2);
    }

    #[test]
    fn what_is_written_into_a_page_is_found_there() {
        let mut page = Page::of("<p>");
        let made = page.add("<b id=x>1 &lt;</b>2", "DIV", Place::Apart).expect("room");
        assert_eq!(page.text(made, Form::Text).to_text(), "1 <2");
        assert_eq!(page.children(made, false).count(), 2);
        assert_eq!(text(&mut page, "x", Form::Text), "1 <");
        let raw = page.add("a && '<b>'", "SCRIPT", Place::Apart).expect("room");
        assert_eq!(page.text(raw, Form::Markup).to_text(), "a && '<b>'");
        let decoded = page.add("&lt;b&gt;<i>", "textarea", Place::Apart).expect("room");
        assert_eq!(page.text(decoded, Form::Text).to_text(), "<b><i>");
        let none = page.add("", "DIV", Place::Apart).expect("room");
        assert_eq!(page.text(none, Form::Shown).to_text(), "");
    }

    #[test]
    fn the_script_that_runs_is_known_by_its_text() {
        let mut page = Page::of("<script id=a>1</script><script id=b>\n<!--\n1\n//--></script><script id=c>1</script>");
        for expected in [Some("a"), Some("b"), Some("c"), None] {
            page.runs("1\n");
            assert_eq!(page.running(), expected.and_then(|id| page.by_id(id)));
        }
    }

    /// What made readers look at the same bytes over and over.
    #[test]
    fn large_pages_of_nothing_are_read_in_one_pass() {
        let started = std::time::Instant::now();
        for piece in [
            "<a id=",
            "<a id='",
            "<a ",
            "<",
            "</",
            "</a",
            "</a>",
            "<a>",
            "<a><b>",
            "<!",
            "<!--",
            "<!-- -",
            "<?",
            "&",
            "&#",
            "&amp",
            "<script>",
            "<script></",
            "<textarea>",
            "<title>a</",
            "<p>",
            "<li>",
            "<td>",
            "<svg/>",
            "<svg>",
            "=",
            "\"",
            "<a a a a a a a>",
            "<a id=b>",
            "<br>",
            "x<",
            "<html>",
            "<body>",
            "<head>",
            "</html>x",
        ] {
            let text = piece.repeat((1 << 20) / piece.len());
            let mut page = Page::of(&text);
            for form in [Form::Markup, Form::Text, Form::Shown] {
                page.text(DOCUMENT, form);
            }
            for selector in ["a", "#b a", "[id] b, .c", "*"] {
                let _found = page.find(&Selector::read(selector).expect("a selector"), DOCUMENT, 10);
            }
            page.runs("1");
        }
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }

    /// Each element below looks at the one above, whose tag is most of the page.
    #[test]
    fn a_tag_as_long_as_a_page_is_not_gone_through_for_each_element() {
        let page = Page::of(&format!("<div {}>{}", "a ".repeat(1 << 19), "<b></b>".repeat(1 << 17)));
        let started = std::time::Instant::now();
        let _found = page.find(&Selector::read("[x] b").expect("a selector"), DOCUMENT, 10);
        assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    }

    #[test]
    fn of_a_tag_as_long_as_a_page_few_attributes_are_kept() {
        let many: String = (0..100_000).map(|number| format!(" a{number}={number}")).collect();
        let page = Page::of(&format!("<p x=1 X=2 y=3 x=4{many}>"));
        let kept = page.attributes(page.find(&Selector::tag("p"), DOCUMENT, 1)[0]);
        assert_eq!(kept.len(), MAX_ATTRIBUTES);
        let head: Vec<String> = kept.iter().take(3).map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(head, ["x=1", "y=3", "a0=0"]);
    }

    #[test]
    fn of_elements_with_one_name_the_one_that_fits_is_found() {
        let page =
            Page::of("<form name=a><b name=data><input name=data id=x></form><form name=b><input name=data id=y>");
        let of = |form: &str| page.by_name(form, &NAMED, DOCUMENT);
        let field = |form: &str| of(form).and_then(|form| page.by_name("data", &CONTROLS, form));
        assert_eq!((field("a"), field("b")), (page.by_id("x"), page.by_id("y")));
        assert_eq!(of("data"), None);
    }

    #[test]
    fn a_selector_as_long_as_a_page_is_none() {
        for long in ["a".repeat(1_001), format!("a{}", "\u{e4}".repeat(500_000)), "a ".repeat(1 << 20)] {
            assert!(Selector::read(&long).is_none());
        }
    }

    #[test]
    fn pages_end_anywhere() {
        let page =
            "<html><body a='b' c><p id=\"x\">&lt;&#x41;</p><!-- \u{e4} --><script>'</scri'</script><td/></svg:x>";
        for (end, _) in page.char_indices() {
            let mut cut = Page::of(&page[..end]);
            for form in [Form::Markup, Form::Text, Form::Shown] {
                cut.text(DOCUMENT, form);
            }
        }
    }
}
