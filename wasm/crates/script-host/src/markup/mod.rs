//! The elements of a page, for the scripts in it: what they say, by which they are found, and what stands in them. A page is
//! hostile: it is read in one pass, its nodes, its depth and its bytes are limited, and nothing here calls itself.

mod attributes;
mod entities;
mod reader;
mod selector;
mod texts;

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;

pub use selector::{CONTROLS, Selector};
pub use texts::Form;

use crate::value::Value;
use attributes::Attributes;
use reader::Reader;

/// Nodes of all pages of a run: of honest ones few have a tenth of it.
const MAX_NODES: usize = 400_000;
/// Bytes of all pages of a run: a sample, and as much again that its scripts write.
const MAX_BYTES: usize = 32 << 20;
/// Elements that are variables of the scripts.
const MAX_GLOBAL: usize = 1_000;
/// Bytes of tags that one search goes through: a tag may be as long as the page, and stand around all of it.
const MAX_LOOKED_AT: usize = 64 << 20;
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
    Text { is_raw: bool },
    Comment,
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
    /// The first of each id and of each name.
    ids: HashMap<String, usize>,
    names: HashMap<String, usize>,
    /// The script that runs, and where the next one is looked for.
    running: Option<usize>,
    next_script: usize,
    /// The text that was made last: loops ask for the same one over and over.
    last: Option<(Range<usize>, Form, Value)>,
    cost: Cell<usize>,
}

impl Page {
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut page = Self::default();
        page.read(text, true);
        page
    }

    /// The nodes of a text that is written into an element; None where there is no more room.
    pub fn add(&mut self, text: &str, into: &str) -> Option<Range<usize>> {
        if self.text.len() + FRAME.len() + text.len() > MAX_BYTES || self.nodes.len() >= MAX_NODES {
            return None;
        }
        let first = self.nodes.len();
        match reader::text_kind(into) {
            Some(kind) => {
                let start = self.take(text);
                let span = Span::new(start, self.text.len());
                self.nodes.push(Node { kind, parent: NONE, end: first + 1, name: Span::EMPTY, span });
            }
            None => self.read(text, false),
        }
        Some(first..self.nodes.len())
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

    fn read(&mut self, text: &str, is_whole: bool) {
        if self.text.len() + FRAME.len() + text.len() <= MAX_BYTES {
            let start = self.take(text);
            Reader::new(self, start, is_whole).read();
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
    fn written(&self, node: usize) -> Attributes<'_> {
        let span = self.nodes.get(node).filter(|node| node.kind == Kind::Element).map_or(Span::EMPTY, |node| node.span);
        self.pay(self.part(span).len());
        Attributes::new(self.part(span), 0)
    }

    /// Names in small letters and values, of each name the first.
    #[must_use]
    pub fn attributes(&self, node: usize) -> Vec<(String, String)> {
        self.written(node).map(|(name, value)| (name.to_ascii_lowercase(), entities::decoded(value, true))).collect()
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

    /// What stands in an element.
    #[must_use]
    pub fn within(&self, node: usize) -> Range<usize> {
        self.nodes.get(node).map_or(0..0, |found| node + 1..found.end)
    }

    /// The node itself and what stands in it.
    #[must_use]
    pub fn whole(&self, node: usize) -> Range<usize> {
        self.nodes.get(node).map_or(0..0, |found| node..found.end)
    }

    #[must_use]
    pub fn parent(&self, node: usize) -> Option<usize> {
        self.nodes.get(node).map(|node| node.parent).filter(|parent| *parent != NONE)
    }

    /// The nodes of a range that stand in no other of it; only elements, or all.
    pub fn children(&self, range: Range<usize>, only_elements: bool) -> impl Iterator<Item = usize> {
        let first = Some(range.start).filter(|first| *first < range.end);
        let next = move |node: &usize| self.nodes.get(*node).map(|node| node.end).filter(|next| *next < range.end);
        std::iter::successors(first, next).filter(move |node| !only_elements || self.is_element(*node))
    }

    #[must_use]
    pub fn is_element(&self, node: usize) -> bool {
        self.nodes.get(node).is_some_and(|node| node.kind == Kind::Element)
    }

    // -- found by --------------------------------------------------------------------------------------------------

    /// By its id, else by its name, as old browsers find them.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<usize> {
        self.ids.get(id).or_else(|| self.names.get(id)).copied()
    }

    /// By its name or its id, if it is one of these kinds of elements.
    #[must_use]
    pub fn by_name(&self, name: &str, tags: &[&str]) -> Option<usize> {
        let found = [self.names.get(name), self.ids.get(name)].into_iter().flatten().copied();
        found.into_iter().find(|node| tags.iter().any(|tag| self.is_named(*node, tag)))
    }

    /// The first elements of a range that fit, at most so many, and as far as looking for them is cheap.
    #[must_use]
    pub fn find(&self, selector: &Selector, range: Range<usize>, most: usize) -> Vec<usize> {
        let dear = self.cost.get().saturating_add(MAX_LOOKED_AT);
        let near = range.take_while(|_| self.cost.get() < dear);
        near.filter(|node| self.is_element(*node) && selector.fits(self, *node)).take(most).collect()
    }

    /// Ids that are names of variables in its scripts, in the order of the page.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        let is_name = |id: &str| {
            let is_sign = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '$');
            id.chars().all(is_sign) && !id.starts_with(|sign: char| sign.is_ascii_digit())
        };
        let mut ids: Vec<(usize, &String)> = self.ids.iter().map(|(id, node)| (*node, id)).collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id.clone()).filter(|id| is_name(id)).take(MAX_GLOBAL).collect()
    }

    /// All there is.
    #[must_use]
    pub const fn all(&self) -> Range<usize> {
        0..self.nodes.len()
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
        self.running = (self.next_script..self.nodes.len()).find(is_it);
        self.next_script = self.running.map_or(self.next_script, |node| node + 1);
    }

    /// No script of the page's own runs any more, but what they left to be called.
    pub const fn is_loaded(&mut self) {
        self.running = None;
    }

    #[must_use]
    pub const fn running(&self) -> Option<usize> {
        self.running
    }
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
        let within = page.by_id(id).map(|node| page.within(node)).expect("an element");
        page.text(within, form).to_text()
    }

    fn found(page: &Page, selector: &str) -> Vec<String> {
        let selector = Selector::read(selector).expect("a selector");
        let nodes = page.find(&selector, page.all(), 100);
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
        let whole = page.by_id("d").map(|node| page.whole(node)).expect("an element");
        let outer = page.text(whole, Form::Markup).to_text();
        assert_eq!(outer, format!("<div id=\"d\" title=\"x&quot;y\">{markup}</div>"));
    }

    #[test]
    fn what_is_hidden_keeps_its_blanks() {
        let mut page = Page::of(
            "<p id=a>x \n y<span hidden>z</span></p><div style='Display : none'><i id=b>x \n y<script>1</script></i></div>",
        );
        assert_eq!(text(&mut page, "a", Form::Shown), "x yz");
        assert_eq!(text(&mut page, "b", Form::Shown), "x \n y1");
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
            let _found = Selector::read(wrong).map(|selector| page.find(&selector, page.all(), 1));
        }
    }

    #[test]
    fn a_page_has_a_head_and_a_body_whoever_wrote_them() {
        for page in [
            "<title>t</title><meta id=m><p id=p>x",
            "<html><head><title>t</title><meta id=m></head><body><p id=p>x</body></html> ",
            "<HEAD><title>t</title><meta id=m><BODY><p id=p>x<body>",
        ] {
            let page = Page::of(page);
            let all = Selector::tag("*");
            let tags: Vec<String> = page.find(&all, page.all(), 9).into_iter().map(|node| page.tag(node)).collect();
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
        assert_eq!(page.children(page.within(list), false).count(), 2);
    }

    #[test]
    fn what_is_written_into_a_page_is_found_there() {
        let mut page = Page::of("<p>");
        let made = page.add("<b id=x>1 &lt;</b>2", "DIV").expect("room");
        assert_eq!(page.text(made.clone(), Form::Text).to_text(), "1 <2");
        assert_eq!(page.children(made, false).count(), 2);
        assert_eq!(text(&mut page, "x", Form::Text), "1 <");
        let raw = page.add("a && '<b>'", "SCRIPT").expect("room");
        assert_eq!(page.text(raw, Form::Markup).to_text(), "a && '<b>'");
        let decoded = page.add("&lt;b&gt;<i>", "textarea").expect("room");
        assert_eq!(page.text(decoded, Form::Text).to_text(), "<b><i>");
        let none = page.add("", "DIV").expect("room");
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
                page.text(page.all(), form);
            }
            for selector in ["a", "#b a", "[id] b, .c", "*"] {
                let _found = page.find(&Selector::read(selector).expect("a selector"), page.all(), 10);
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
        let _found = page.find(&Selector::read("[x] b").expect("a selector"), page.all(), 10);
        assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    }

    #[test]
    fn pages_end_anywhere() {
        let page =
            "<html><body a='b' c><p id=\"x\">&lt;&#x41;</p><!-- \u{e4} --><script>'</scri'</script><td/></svg:x>";
        for (end, _) in page.char_indices() {
            let mut cut = Page::of(&page[..end]);
            for form in [Form::Markup, Form::Text, Form::Shown] {
                cut.text(cut.all(), form);
            }
        }
    }
}
