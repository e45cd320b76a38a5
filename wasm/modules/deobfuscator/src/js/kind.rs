//! By what a value was hidden, and how much that speaks for purpose.

use oxc_ast::ast::Expression;

use super::expression::place;
use super::fold::Folder;
use super::value::Value;
use crate::peel::Technique;

/// Bytes of an expression that are looked at for what it is.
const LOOKED_AT: usize = 4_000;

impl<'a> Folder<'a, '_, '_> {
    /// By which technique a value was hidden, and how much that speaks for its having been hidden on purpose.
    pub(super) fn kind(&self, expression: &Expression<'a>, value: &Value) -> (Technique, usize) {
        let (start, end) = place(expression);
        let source = self.source(start, end.min(start + LOOKED_AT));
        if self.machine.list_reads > 0 && matches!(expression, Expression::CallExpression(_)) {
            return (Technique::StringArray, self.weight_of_element(value));
        }
        if !matches!(value, Value::Text(_)) {
            return (Technique::Constant, 0);
        }
        // Honest libraries were packed so, too; it is told by what is run.
        if super::trace::is_packer(source) {
            return (Technique::Packer, 0);
        }
        let lower = source.to_ascii_lowercase();
        let has = |sign: &str| lower.contains(sign);
        if has("fromcharcode") || has("fromcodepoint") {
            return (Technique::Charcode, 200);
        }
        if has("atob") {
            return (Technique::Base64, 100);
        }
        if has("unescape") || has("decodeuri") {
            return (Technique::Url, 100);
        }
        if has("reverse") {
            return (Technique::Reverse, 200);
        }
        if source.contains("[]") && (source.contains("+[]") || source.contains("![]") || source.contains("[][")) {
            return (Technique::Coercion, 100);
        }
        if has("replace") {
            return (Technique::Replace, 100);
        }
        if has("join") || has("split") {
            return (Technique::JoinSplit, 50);
        }
        match expression {
            Expression::BinaryExpression(_) => (Technique::Concat, cut_within_words(expression)),
            Expression::ComputedMemberExpression(_) | Expression::StaticMemberExpression(_) => {
                (Technique::ProxyObject, 0)
            }
            Expression::CallExpression(_) => (Technique::PureFunction, 0),
            _ => (Technique::Constant, 0),
        }
    }

    /// A list that is turned, or whose texts are encoded, serves nothing else, however few they are.
    fn weight_of_element(&self, value: &Value) -> usize {
        let Value::Text(units) = value else { return 0 };
        let text = |units: &[u16]| String::from_utf16_lossy(units).to_ascii_lowercase();
        let is_decoded = self.machine.read_text.as_ref().is_some_and(|read| {
            let (read, made) = (text(read), text(units.get(..units.len().min(LOOKED_AT)).unwrap_or_default()));
            let is_coded = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'%');
            // What begins as before was only cut, or put into something.
            read.len() >= 4 && read.bytes().all(is_coded) && !made.contains(&read) && read.get(..2) != made.get(..2)
        });
        if is_decoded || self.is_turned { super::ENOUGH } else { 60 }
    }
}

/// How many of the places where a text was cut are within a word: who breaks a line does it elsewhere.
fn cut_within_words(expression: &Expression<'_>) -> usize {
    let mut pieces = Vec::new();
    let mut at = expression;
    while let Expression::BinaryExpression(it) = at {
        pieces.push(literal_of(&it.right));
        at = &it.left;
    }
    pieces.push(literal_of(at));
    pieces.reverse();
    cuts(pieces.into_iter())
}

fn literal_of<'t>(expression: &'t Expression<'_>) -> &'t str {
    match expression {
        Expression::StringLiteral(it) => it.value.as_str(),
        _ => "",
    }
}

pub fn cuts<'t>(pieces: impl Iterator<Item = &'t str>) -> usize {
    let pieces: Vec<&str> = pieces.collect();
    let within = pieces.windows(2).filter(|pair| {
        let (before, behind) = (pair[0].as_bytes(), pair[1].as_bytes());
        before.last().is_some_and(u8::is_ascii_alphanumeric) && behind.first().is_some_and(u8::is_ascii_alphanumeric)
    });
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    if length > pieces.len() * 12 { 0 } else { within.count() * 60 }
}
