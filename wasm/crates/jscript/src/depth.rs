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

/// An expression of a sequence, or one more `else if`: those before stay where they are.
const LINK: u32 = 70;

/// What is open.
#[derive(Clone, Copy, Default)]
struct Level {
    /// What hangs on it.
    cost: u32,
    /// Expressions of a sequence, and `else if`, so far.
    links: u32,
    /// What it took to open it.
    opened: u32,
    /// Its commas part items, each of which begins anew.
    is_list: bool,
}

#[must_use]
pub fn is_too_deep(source: &str) -> bool {
    let mut levels = vec![Level::default()];
    // Of all that is open but the last.
    let mut base = 0_u32;
    let mut before: Option<Token<'_>> = None;
    for token in tokens(source) {
        let Some(last) = levels.last_mut() else { return true };
        let behind = before.map_or("", |token| token.text);
        if matches!(behind, "}" | ";") && token.text != "else" {
            last.links = 0;
        }
        if before.is_some_and(|before| begins_anew(source, &before, &token)) {
            last.cost = 0;
        }
        match (token.kind, token.text) {
            (Kind::Sign, "(" | "[" | "{") => {
                let new = opened(token.text, before);
                base = base.saturating_add(last.cost).saturating_add(last.links).saturating_add(new.opened);
                levels.push(new);
            }
            (Kind::Value, text) if text.starts_with('`') && text.ends_with("${") => {
                base = base.saturating_add(last.cost).saturating_add(last.links).saturating_add(PARENTHESIS);
                levels.push(Level { opened: PARENTHESIS, ..Level::default() });
            }
            (Kind::Sign, ")" | "]" | "}") => close(&mut levels, &mut base, token.text == "}"),
            (Kind::Value, text) if text.starts_with('}') && !text.ends_with("${") => {
                close(&mut levels, &mut base, false)
            }
            (Kind::Sign, ";") => *last = Level { opened: last.opened, links: last.links, ..Level::default() },
            (Kind::Sign, ",") => {
                last.cost = 0;
                last.links += if last.is_list { 0 } else { LINK };
            }
            (Kind::Word, "var" | "let" | "const") => last.is_list = true,
            (Kind::Word, "else") => last.links += LINK,
            _ => last.cost = last.cost.saturating_add(cost(&token)),
        }
        let last = levels.last().copied().unwrap_or_default();
        if base.saturating_add(last.cost).saturating_add(last.links) > MOST {
            return true;
        }
        before = Some(token);
    }
    false
}

/// A statement that begins on a line of its own, without a semicolon before it.
fn begins_anew(source: &str, before: &Token<'_>, token: &Token<'_>) -> bool {
    let goes_down = matches!(token.text, "if" | "else" | "typeof" | "void" | "delete" | "new" | "await");
    let ended = before.kind != Kind::Sign || matches!(before.text, ")" | "]" | "}");
    let between = source.get(before.at + before.text.len()..token.at).unwrap_or_default();
    token.kind != Kind::Sign && ended && !goes_down && between.contains('\n')
}

fn cost(token: &Token<'_>) -> u32 {
    match (token.kind, token.text) {
        (Kind::Sign, "." | "&" | "|" | "<") => MEMBER,
        (Kind::Sign, "=" | ">" | "?" | "!" | "~")
        | (Kind::Word, "if" | "do" | "typeof" | "void" | "delete" | "new" | "await") => DOWN,
        (Kind::Sign, "+" | "-" | "*" | "/" | "%" | "^") | (Kind::Word, "in" | "instanceof") => OPERATOR,
        _ => 0,
    }
}

fn opened(sign: &str, before: Option<Token<'_>>) -> Level {
    const HEADS: [&str; 9] = [")", ">", "else", ";", "{", "}", "try", "finally", "do"];
    let is_block = sign == "{" && before.is_none_or(|token| HEADS.contains(&token.text));
    let is_call = before.is_some_and(|token| token.kind == Kind::Word || matches!(token.text, ")" | "]"));
    let is_list = match sign {
        "(" => is_call,
        "[" => true,
        _ => !is_block,
    };
    Level { opened: if is_block { BLOCK } else { PARENTHESIS }, is_list, ..Level::default() }
}

/// Behind a block a statement begins; else what follows hangs on what was before.
fn close(levels: &mut Vec<Level>, base: &mut u32, is_brace: bool) {
    if levels.len() < 2 {
        return;
    }
    let closed = levels.pop().unwrap_or_default();
    let Some(last) = levels.last_mut() else { return };
    *base = base.saturating_sub(closed.opened).saturating_sub(last.cost).saturating_sub(last.links);
    if is_brace && closed.opened == BLOCK {
        last.cost = 0;
    } else {
        last.cost = last.cost.saturating_add(MEMBER);
    }
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
            ("x=(", "a,", ")"),
            ("if(a){}", "else if(b){}", "//"),
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
            "a.b.c(d).e\n",
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
