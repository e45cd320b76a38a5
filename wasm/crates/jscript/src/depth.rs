//! How deep a script nests, in shares of the stack that the engine's parser has; and texts that are joined, which obfuscators
//! write by the thousand, made into one.

use crate::scan::{Kind, Token, tokens};

/// What the parser bears, measured with half of the stack that the host gives; in thousandths of a parenthesis.
const MOST: u32 = 90_000;

const PARENTHESIS: u32 = 1_000;
/// A block, or a function's body with its head.
const BLOCK: u32 = 300;
/// What one more operator, member or call in the same place takes.
const OPERATOR: u32 = 45;
const MEMBER: u32 = 130;
/// A statement or an operator whose other half goes down: `if`, `else`, `=>`, `?`, `=`, `!`.
const DOWN: u32 = 320;

#[must_use]
pub fn is_too_deep(source: &str) -> bool {
    // What is open: what it takes, and what hangs on it.
    let mut open: Vec<u32> = vec![0];
    let mut base = 0_u32;
    let mut before = "";
    for token in tokens(source) {
        let cost = match (token.kind, token.text) {
            (Kind::Sign, "(" | "[") => opened(&mut open, &mut base, PARENTHESIS),
            (Kind::Sign, "{") => {
                let is_block = matches!(before, ")" | ">" | "else" | ";" | "{" | "}" | "" | "try" | "finally" | "do");
                opened(&mut open, &mut base, if is_block { BLOCK } else { PARENTHESIS })
            }
            (Kind::Value, text) if text.starts_with('}') && !text.ends_with("${") => closed(&mut open, &mut base, 0),
            (Kind::Value, text) if text.starts_with('`') && text.ends_with("${") => {
                opened(&mut open, &mut base, PARENTHESIS)
            }
            (Kind::Sign, ")" | "]") => closed(&mut open, &mut base, MEMBER),
            (Kind::Sign, "}") => closed(&mut open, &mut base, 0),
            (Kind::Sign, ";") => ended(&mut open),
            // In a list each item begins anew; a list of expressions is a chain.
            (Kind::Sign, ",") => {
                let last = open.len() - 1;
                open[last] = open[last].min(OPERATOR * 20) + OPERATOR / 5;
                0
            }
            (Kind::Sign, "." | "&" | "|" | "<") => MEMBER,
            (Kind::Sign, "=" | ">" | "?" | "!" | "~")
            | (Kind::Word, "if" | "else" | "typeof" | "void" | "delete" | "new" | "await") => DOWN,
            (Kind::Sign, "+" | "-" | "*" | "/" | "%" | "^") => OPERATOR,
            _ => 0,
        };
        let last = open.len() - 1;
        open[last] = open[last].saturating_add(cost);
        if base.saturating_add(open[last]) > MOST || open.len() > 10_000 {
            return true;
        }
        before = token.text;
    }
    false
}

fn opened(open: &mut Vec<u32>, base: &mut u32, cost: u32) -> u32 {
    let last = open.len() - 1;
    *base = base.saturating_add(open[last]).saturating_add(cost);
    open.push(0);
    // What was there before is in the base now, and comes back when this is closed.
    open[last] = open[last].saturating_add(cost);
    0
}

/// What is behind it hangs on what was before: nothing for blocks, a call or an index else.
fn closed(open: &mut Vec<u32>, base: &mut u32, cost: u32) -> u32 {
    if open.len() > 1 {
        open.pop();
        let last = open.len() - 1;
        *base = base.saturating_sub(open[last]);
        let taken = if cost == 0 { BLOCK } else { PARENTHESIS };
        open[last] = if cost == 0 { 0 } else { open[last].saturating_sub(taken) };
    }
    cost
}

fn ended(open: &mut [u32]) -> u32 {
    if let Some(last) = open.last_mut() {
        *last = 0;
    }
    0
}

/// Signs and words behind which a text begins its expression, or is added to one.
fn may_join(before: Option<&Token<'_>>) -> bool {
    before.is_none_or(|token| match token.kind {
        Kind::Sign => matches!(token.text, "=" | "(" | "[" | "," | ":" | "?" | ";" | "{" | "}" | "+" | "&" | "|"),
        Kind::Word => token.text == "return",
        _ => false,
    })
}

/// A script whose texts that are added one after the other are one each; None where there is little of that.
#[must_use]
pub fn joined(source: &str) -> Option<String> {
    const LEAST: usize = 500;
    if source.matches("+").count() < LEAST {
        return None;
    }
    let all: Vec<Token<'_>> = tokens(source).collect();
    let mut output = String::with_capacity(source.len());
    let mut copied = 0;
    let mut at = 0;
    while let Some(token) = all.get(at) {
        let run = if token.kind == Kind::Text && may_join(at.checked_sub(1).and_then(|at| all.get(at))) {
            texts(&all, at)
        } else {
            1
        };
        if run > 1
            && let Some(last) = all.get(at + 2 * (run - 1))
        {
            output += source.get(copied..token.at).unwrap_or_default();
            output += &one(&all, at, run);
            copied = last.at + last.text.len();
        }
        at += 2 * run - 1;
    }
    Some(output + source.get(copied..).unwrap_or_default())
}

/// How many texts are added from here on. What binds to the last more strongly is left with it.
fn texts(all: &[Token<'_>], from: usize) -> usize {
    let mut run = 1;
    while all.get(from + 2 * run - 1).is_some_and(|token| token.text == "+")
        && all.get(from + 2 * run).is_some_and(|token| token.kind == Kind::Text && token.text.len() > 1)
    {
        run += 1;
    }
    let behind = all.get(from + 2 * run - 1).map_or("", |token| token.text);
    if matches!(behind, "." | "[" | "(" | "*" | "/" | "%" | "`") { run.saturating_sub(1).max(1) } else { run }
}

/// All in one pair of quotes: double ones, where single ones were their double ones are escaped.
fn one(all: &[Token<'_>], from: usize, run: usize) -> String {
    let mut text = String::from("\"");
    for token in all.iter().skip(from).step_by(2).take(run) {
        let inner = token.text.get(1..token.text.len() - 1).unwrap_or_default();
        match token.text.starts_with('"') {
            true => text += inner,
            false => {
                let mut is_escaped = false;
                for char in inner.chars() {
                    if char == '"' && !is_escaped {
                        text.push('\\');
                    }
                    is_escaped = char == '\\' && !is_escaped;
                    text.push(char);
                }
            }
        }
    }
    text + "\""
}

#[cfg(test)]
mod tests {
    use super::{is_too_deep, joined};

    #[test]
    fn what_nests_too_deep_is_told() {
        for (head, piece, tail) in [
            ("x=", "(", ")"),
            ("x=", "[", "]"),
            ("", "{", "}"),
            ("x=", "!", ""),
            ("", "if(1)", ""),
            ("x=", "a?b:", ""),
            ("x=a", "()", ""),
            ("x=a", ".b", ""),
            ("x=", "`${", "}`"),
            ("x=", "a=>", ""),
            ("x=", "a&&", ""),
            ("x=", "a+", ""),
        ] {
            let deep = |count: usize| format!("{head}{}1{}", piece.repeat(count), tail.repeat(count));
            assert!(is_too_deep(&deep(3_000)), "{piece}");
            assert!(!is_too_deep(&deep(40)), "{piece}");
        }
    }

    #[test]
    fn long_scripts_are_not_deep() {
        for line in [
            "var a = f(b)[c].d;\n",
            "if (a) { b(); } else { c(); }\n",
            "x.push({a: [1, 2, 3], b: function () { return 1; }});\n",
            "/* ((( */ var s = '((('; // (((\n",
            "a = /[(]/g.test(`(`);\n",
        ] {
            assert!(!is_too_deep(&line.repeat(5_000)), "{line}");
        }
        assert!(!is_too_deep(&format!("x=[{}]", "0x1f,".repeat(50_000))));
        assert!(!is_too_deep(&format!("x={{{}}}", "a:{b:1},".repeat(5_000))));
    }

    #[test]
    fn added_texts_become_one() {
        let script = |piece: &str| format!("x = {piece}{};", " + 'b'".repeat(600));
        assert_eq!(joined(&script("'a\"'")), Some(format!("x = \"a\\\"{}\";", "b".repeat(600))));
        assert_eq!(joined(&script("f * 'a'")).map(|text| text.contains("f * 'a'")), Some(true));
        let kept = format!("{}{}", "'a' + 'b'.c;", "1+".repeat(600));
        assert_eq!(joined(&kept), Some(kept.clone()));
        assert_eq!(joined("'a' + 'b'"), None);
    }
}
