//! Long repetitions with their beginning written out, `A{400,}B` as `AAAAA{396,}B`: boreal looks for texts of four bytes
//! first, sees none in a repetition, and would try the expression at every byte.

use std::borrow::Cow;

use boreal_parser::file::YaraFileComponent;
use boreal_parser::regex::{BracketedClass, BracketedClassItem, ClassKind, Node, RepetitionKind, RepetitionRange};
use boreal_parser::rule::VariableDeclarationValue;

/// Times that are written out, by how many bytes may stand there: boreal weighs every combination of them.
const TIMES: [(usize, u32); 2] = [(1, 4), (8, 2)];

/// A text of rules that means the same.
pub struct Unrolled<'a> {
    pub text: Cow<'a, str>,
    edits: Vec<Edit>,
}

/// What is put in the place of some bytes of the text.
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

impl<'a> Unrolled<'a> {
    /// As it is where it cannot be read: the compiler says why.
    pub fn of(text: &'a str) -> Self {
        let mut edits = Vec::new();
        if let Ok(file) = boreal_parser::parse(text) {
            for component in file.components {
                let YaraFileComponent::Rule(rule) = component else { continue };
                for variable in rule.variables {
                    // In wide texts, and where whole words are asked for, the engine's ways to find them differ.
                    let is_plain = !variable.modifiers.wide && !variable.modifiers.fullword;
                    if let (VariableDeclarationValue::Regex(regex), true) = (variable.value, is_plain) {
                        unroll(text, &regex.ast, &mut edits);
                    }
                }
            }
        }
        Self { text: edited(text, &edits), edits }
    }

    /// The place in the original of one in the text.
    pub fn original(&self, offset: usize) -> usize {
        let mut grown = 0;
        for edit in &self.edits {
            let start = edit.start + grown;
            if offset < start {
                break;
            }
            if offset < start + edit.text.len() {
                return edit.start;
            }
            grown += edit.text.len() - (edit.end - edit.start);
        }
        offset - grown
    }
}

fn edited<'a>(text: &'a str, edits: &[Edit]) -> Cow<'a, str> {
    if edits.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut whole, mut at) = (String::with_capacity(text.len()), 0);
    for edit in edits {
        whole.push_str(&text[at..edit.start]);
        whole.push_str(&edit.text);
        at = edit.end;
    }
    whole.push_str(&text[at..]);
    Cow::Owned(whole)
}

fn unroll(text: &str, node: &Node, edits: &mut Vec<Edit>) {
    match node {
        Node::Alternation(nodes) | Node::Concat(nodes) => nodes.iter().for_each(|node| unroll(text, node, edits)),
        Node::Group(node) => unroll(text, node, edits),
        Node::Repetition { node, kind: RepetitionKind::Range(range), .. } => edits.extend(edit(text, node, range)),
        _ => {}
    }
}

fn edit(text: &str, node: &Node, range: &RepetitionRange) -> Option<Edit> {
    let (start, end, bytes) = place(node)?;
    let once = text.get(start..end)?;
    // A class may begin with the bracket that ends others.
    if matches!(node, Node::Class(_)) && !(once.starts_with('[') && once.ends_with(']')) {
        return None;
    }
    let (_, times) = TIMES.into_iter().find(|(most, _)| bytes <= *most)?;
    let rest = match *range {
        RepetitionRange::Exactly(least) => format!("{{{}}}", less(least, times)?),
        RepetitionRange::AtLeast(least) => format!("{{{},}}", less(least, times)?),
        RepetitionRange::Bounded(least, most) => format!("{{{},{}}}", less(least, times)?, less(most, times)?),
    };
    let braces = text.get(end..)?.strip_prefix('{')?.find('}')? + 2;
    Some(Edit { start, end: end + braces, text: format!("{}{once}{rest}", once.repeat(times as usize)) })
}

/// Short ones boreal writes out itself.
const fn less(number: u32, times: u32) -> Option<u32> {
    if number < 4 * times { None } else { Some(number - times) }
}

/// Where a byte, or a class of some, stands, and how many may be there.
fn place(node: &Node) -> Option<(usize, usize, usize)> {
    match node {
        Node::Literal(literal) => Some((literal.span.start, literal.span.end, 1)),
        Node::Class(ClassKind::Bracketed(BracketedClass { items, negated: false })) => {
            let (first, last) = (items.first().and_then(span)?, items.last().and_then(span)?);
            // With its brackets, which have no place of their own.
            Some((first.0.checked_sub(1)?, last.1 + 1, items.iter().map(bytes).sum::<Option<usize>>()?))
        }
        _ => None,
    }
}

const fn span(item: &BracketedClassItem) -> Option<(usize, usize)> {
    match item {
        BracketedClassItem::Perl(_) => None,
        BracketedClassItem::Literal(one) => Some((one.span.start, one.span.end)),
        BracketedClassItem::Range(first, last) => Some((first.span.start, last.span.end)),
    }
}

fn bytes(item: &BracketedClassItem) -> Option<usize> {
    match item {
        BracketedClassItem::Perl(_) => None,
        BracketedClassItem::Literal(_) => Some(1),
        BracketedClassItem::Range(first, last) => Some(usize::from(last.byte.checked_sub(first.byte)?) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(regex: &str) -> String {
        format!("rule a {{ strings: $a = /{regex}/ condition: $a }}")
    }

    #[test]
    fn long_repetitions_begin_with_a_text() {
        for (regex, unrolled) in [
            (r"[ ]{400,}\S", r"[ ][ ][ ][ ][ ]{396,}\S"),
            (r"x(a|A{20}?b)", r"x(a|AAAAA{16}?b)"),
            (r"\x41{16,30}", r"\x41\x41\x41\x41\x41{12,26}"),
            (r"\.{100}\[{100}", r"\.\.\.\.\.{96}\[\[\[\[\[{96}"),
            (r"[a-cx]{40,}", r"[a-cx][a-cx][a-cx]{38,}"),
        ] {
            assert_eq!(Unrolled::of(&rule(regex)).text, rule(unrolled));
        }
    }

    #[test]
    fn others_stay_as_they_are() {
        for regex in [
            "[]a{5}]{40}",
            "[]a]{40}",
            "A{15,}",
            "A{,40}",
            "[a-z]{40}",
            "[^a]{40}",
            r"[\s]{40}",
            r"\s{40}",
            "(ab){40}",
            "A+",
            "ä{40}",
        ] {
            let rule = rule(regex);
            assert!(matches!(Unrolled::of(&rule).text, Cow::Borrowed(_)), "{regex}");
        }
        for modifier in ["wide", "ascii wide", "fullword"] {
            let rule = format!("rule a {{ strings: $a = /A{{40}}/ {modifier} condition: $a }}");
            assert_eq!(Unrolled::of(&rule).text, rule);
        }
        assert_eq!(Unrolled::of("rule a { strings: $a = /A{40}/").text, "rule a { strings: $a = /A{40}/");
    }

    #[test]
    fn places_are_those_of_the_original() {
        let text = rule("xA{400}yB{400}z");
        let unrolled = Unrolled::of(&text);
        for mark in ["rule", "x", "A", "y", "B", "z", "condition"] {
            let (there, here) = (unrolled.text.find(mark), text.find(mark));
            assert_eq!(there.map(|at| unrolled.original(at)), here, "{mark}");
        }
        assert_eq!(unrolled.original(unrolled.text.len()), text.len());
    }
}
