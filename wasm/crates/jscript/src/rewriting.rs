//! Scripts as the engine has to be given them: JScript assigns to calls, which is no syntax elsewhere, and catches a recursion
//! that goes too deep, which the engine ends a run for. Each is written another way, in the script's own tokens.

use crate::scan::{Kind, Token, Tokens, tokens};

/// Natives that rewritten scripts call, under names that no script has by chance.
pub const DEPTH: &str = "\u{a78f}depth";
pub const CODE: &str = "\u{a78f}code";
pub const INDEXED: &str = "\u{a78f}indexed";

/// Marks where the text of an `eval` ends that was put into a call.
const CODE_END: &str = ")/*\u{a78f}*/";

/// Words behind which parentheses are neither a call's nor a function's.
const NO_CALLEES: [&str; 18] = [
    "if",
    "for",
    "while",
    "with",
    "switch",
    "catch",
    "function",
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "delete",
    "void",
    "throw",
    "else",
    "do",
    "instanceof",
];

/// What is inserted, as it was before: what a function says of its own text.
#[must_use]
pub fn unmarked(text: &str) -> String {
    let (check, choice, code) = (format!("{DEPTH}();"), format!("{DEPTH}()?0:"), format!("{CODE}("));
    text.replace(&check, "").replace(&choice, "").replace(&code, "").replace(CODE_END, "")
}

/// A script whose functions look first how deep they are, where `deep`, and whose `eval` is given its text by [`CODE`]; None
/// where there is nothing of either.
#[must_use]
pub fn marked(source: &str, deep: bool) -> Option<String> {
    if !deep && !source.contains("eval") {
        return None;
    }
    let marks = Marks {
        source,
        deep,
        output: String::with_capacity(source.len() + source.len() / 8),
        copied: 0,
        open: Vec::new(),
        last: None,
        before: None,
        closed_a_head: false,
        derives: false,
    };
    marks.made(tokens(source))
}

/// What is open: whether it may be a function's parameters, and whether it is the text of an `eval`.
#[derive(Clone, Copy, Default)]
struct Open {
    is_head: bool,
    is_code: bool,
}

struct Marks<'a> {
    source: &'a str,
    deep: bool,
    output: String,
    copied: usize,
    open: Vec<Open>,
    last: Option<Token<'a>>,
    before: Option<Token<'a>>,
    /// The last parentheses may have been a function's parameters.
    closed_a_head: bool,
    /// Behind `extends` no function begins until the class does.
    derives: bool,
}

impl<'a> Marks<'a> {
    fn made(mut self, mut all: Tokens<'a>) -> Option<String> {
        let mut next = all.next();
        while let Some(token) = next {
            next = all.next();
            if self.deep && token.text != "{" && self.is_behind_arrow() {
                self.insert(token.at, &format!("{DEPTH}()?0:"));
            }
            match token.text {
                "(" => self.opens(&token, next.as_ref()),
                "," => self.ends_code(&token),
                ")" => {
                    self.ends_code(&token);
                    self.closed_a_head = self.open.pop().is_some_and(|open| open.is_head);
                }
                "{" => next = self.opens_block(&token, next, &mut all),
                "[" => self.open.push(Open::default()),
                "]" | "}" => drop(self.open.pop()),
                text if token.kind == Kind::Value => self.passes_template(text),
                "extends" => self.derives = true,
                _ => {}
            }
            self.before = self.last.replace(token);
        }
        if self.copied == 0 {
            return None;
        }
        Some(self.output + self.source.get(self.copied..).unwrap_or_default())
    }

    fn insert(&mut self, at: usize, text: &str) {
        self.output += self.source.get(self.copied..at).unwrap_or_default();
        self.output += text;
        self.copied = at;
    }

    fn is_behind_arrow(&self) -> bool {
        let arrow = (self.before.as_ref(), self.last.as_ref());
        matches!(arrow, (Some(equals), Some(greater))
            if equals.text == "=" && greater.text == ">" && equals.at + 1 == greater.at)
    }

    fn opens(&mut self, token: &Token<'a>, next: Option<&Token<'a>>) {
        let callee = self.last;
        let is_head = callee.is_some_and(|callee| match callee.kind {
            Kind::Word => callee.text == "function" || !NO_CALLEES.contains(&callee.text),
            Kind::Text => true,
            _ => matches!(callee.text, "]" | "*"),
        });
        let is_eval = callee.is_some_and(|callee| callee.text == "eval" && callee.kind == Kind::Word)
            && self.before.is_none_or(|before| before.text != "function");
        let is_code = is_eval && next.is_some_and(|next| !matches!(next.text, ")" | "."));
        if is_code {
            self.insert(token.at + 1, &format!("{CODE}("));
        }
        self.open.push(Open { is_head, is_code });
    }

    /// Of all that an `eval` is given, the text is the first.
    fn ends_code(&mut self, token: &Token<'a>) {
        if let Some(open) = self.open.last_mut().filter(|open| open.is_code) {
            open.is_code = false;
            self.insert(token.at, CODE_END);
        }
    }

    /// At the beginning of a function's body, behind what says that it is strict. What is only taken for one is a block.
    fn opens_block(&mut self, token: &Token<'a>, next: Option<Token<'a>>, all: &mut Tokens<'a>) -> Option<Token<'a>> {
        let is_body = match self.last {
            Some(last) if last.text == ")" => self.closed_a_head && !self.derives,
            _ => self.is_behind_arrow(),
        };
        self.derives = false;
        self.open.push(Open::default());
        if !self.deep || !is_body {
            return next;
        }
        let Some(directive) = next.filter(|next| next.kind == Kind::Text) else {
            self.insert(token.at + 1, &format!("{DEPTH}();"));
            return next;
        };
        let behind = all.next();
        if let Some(end) = behind.filter(|behind| behind.text == ";") {
            self.insert(end.at + 1, &format!("{DEPTH}();"));
        }
        self.last = Some(directive);
        behind
    }

    fn passes_template(&mut self, text: &str) {
        if text.starts_with('}') {
            self.open.pop();
        }
        if text.ends_with("${") {
            self.open.push(Open::default());
        }
    }
}

/// A script whose assignments to calls, `callee(arguments) = value`, are assignments to members: the member that [`INDEXED`]
/// makes of the name and the arguments. None where there are none.
#[must_use]
pub fn assignments(source: &str) -> Option<String> {
    let all: Vec<Token<'_>> = tokens(source).collect();
    let partners = partners(&all);
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    for at in 0..all.len() {
        if let Some(close) = assigned_call(&all, at) {
            edits.extend(as_member(&all, &partners, close).into_iter().flatten());
        }
    }
    if edits.is_empty() {
        return None;
    }
    edits.sort_by_key(|(from, ..)| *from);
    let mut output = String::with_capacity(source.len() + edits.len() * 32);
    let mut copied = 0;
    for (from, to, text) in edits {
        output += source.get(copied..from).unwrap_or_default();
        output += &text;
        copied = to;
    }
    Some(output + source.get(copied..).unwrap_or_default())
}

/// For each bracket that is closed, the one that opens it.
fn partners(all: &[Token<'_>]) -> Vec<Option<usize>> {
    let mut open = Vec::new();
    all.iter()
        .enumerate()
        .map(|(at, token)| match (token.kind, token.text) {
            (Kind::Sign, "(" | "[" | "{") => {
                open.push(at);
                None
            }
            (Kind::Sign, ")" | "]" | "}") => open.pop(),
            _ => None,
        })
        .collect()
}

/// The parenthesis that closes a call which is assigned to by the sign there, `=`, or `+=` and those like it.
fn assigned_call(all: &[Token<'_>], at: usize) -> Option<usize> {
    let sign = |at: usize| all.get(at).filter(|token| token.kind == Kind::Sign);
    let equals = sign(at).filter(|token| token.text == "=")?;
    let is_more = sign(at + 1).is_some_and(|next| next.at == equals.at + 1 && matches!(next.text, "=" | ">"));
    if is_more {
        return None;
    }
    let before = sign(at.checked_sub(1)?)?;
    let adds = before.at + 1 == equals.at && matches!(before.text, "+" | "-" | "*" | "/" | "%" | "&" | "|" | "^");
    let close = if adds { at.checked_sub(2)? } else { at - 1 };
    sign(close).filter(|token| token.text == ")").map(|_| close)
}

type Edits = [Option<(usize, usize, String)>; 3];

/// What makes a member of the call that is closed there.
fn as_member(all: &[Token<'_>], partners: &[Option<usize>], close: usize) -> Edits {
    made_member(all, partners, close).unwrap_or_default()
}

fn made_member(all: &[Token<'_>], partners: &[Option<usize>], close: usize) -> Option<Edits> {
    let open = (*partners.get(close)?)?;
    let callee = open.checked_sub(1)?;
    let (opening, closing, called) = (all.get(open)?, all.get(close)?, all.get(callee)?);
    let before = |at: usize| at.checked_sub(1).and_then(|at| all.get(at));
    let end = Some((closing.at, closing.at + 1, ")]".to_owned()));
    let itself = Some((opening.at, opening.at + 1, format!("[{INDEXED}(\"\",")));
    match (called.kind, called.text) {
        (Kind::Word, name) => match before(callee) {
            Some(dot) if dot.text == "." => {
                let member = format!("[{INDEXED}(\"{name}\",");
                Some([Some((dot.at, opening.at + 1, member)), end, None])
            }
            _ if NO_CALLEES.contains(&name) => None,
            _ => Some([itself, end, None]),
        },
        (Kind::Sign, "]") => {
            let bracket = (*partners.get(callee)?)?;
            let is_member = before(bracket).is_some_and(is_value);
            let from = all.get(bracket).filter(|token| is_member && token.text == "[")?;
            let name = Some((from.at + 1, from.at + 1, format!("{INDEXED}(")));
            Some([name, Some((called.at, opening.at + 1, ",".to_owned())), end])
        }
        (Kind::Sign, ")") => {
            let head = before((*partners.get(callee)?)?);
            let is_statement = head.is_some_and(|head| matches!(head.text, "if" | "for" | "while" | "with"));
            if is_statement { None } else { Some([itself, end, None]) }
        }
        _ => None,
    }
}

/// What a bracket behind it is a member of.
fn is_value(token: &Token<'_>) -> bool {
    match token.kind {
        Kind::Word => !NO_CALLEES.contains(&token.text),
        Kind::Sign => matches!(token.text, ")" | "]"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{CODE, CODE_END, DEPTH, INDEXED, assignments, marked, unmarked};

    fn assigned(source: &str) -> Option<String> {
        assignments(source).map(|text| text.replace(INDEXED, "at"))
    }

    #[test]
    fn assignments_to_calls_become_assignments_to_members() {
        for (source, expected) in [
            ("h.Option(4)=13056;", "h[at(\"Option\",4)]=13056;"),
            ("d (\"k\") = \"v\"", "d [at(\"\",\"k\")] = \"v\""),
            ("s.Environment('P')('x')='y'", "s.Environment('P')[at(\"\",'x')]='y'"),
            ("h['Op' + a[0]](4) = 1", "h[at('Op' + a[0],4)] = 1"),
            ("d(1) += d(2)", "d[at(\"\",1)] += d(2)"),
            ("d(e(1)) /= 2; d() = 3", "d[at(\"\",e(1))] /= 2; d[at(\"\",)] = 3"),
            ("(a)(1) = 2", "(a)[at(\"\",1)] = 2"),
            ("d(1) = d(2) = f(d(3) == 4)", "d[at(\"\",1)] = d[at(\"\",2)] = f(d(3) == 4)"),
        ] {
            assert_eq!(assigned(source).as_deref(), Some(expected), "{source}");
        }
        for kept in [
            "if (d(1) == 2) (x) = 3",
            "(a) => 1; f((a) => a)",
            "f(1) === 2 || f(1) <= 3 || f(1) >= 4 || f(1) != 5",
            "'f(1)=2'; `f(1)=2`; /f(1)=2/.test(s); // f(1)=2\n/* f(1)=2 */",
            "while (x) (y) = 1",
            "(a.b) = 1",
            ") = 1",
            "x] (1) = 2",
        ] {
            assert_eq!(assigned(kept), None, "{kept}");
        }
    }

    #[test]
    fn functions_look_how_deep_they_are_and_eval_at_what_it_is_given() {
        let short = |source: &str| {
            let text = marked(source, true)?;
            assert_eq!(unmarked(&text), source);
            Some(text.replace(CODE_END, ")").replace(DEPTH, "D").replace(CODE, "C"))
        };
        for (source, expected) in [
            ("function f(a){return 1}", "function f(a){D();return 1}"),
            ("x=function(){'use strict';y()}", "x=function(){'use strict';D();y()}"),
            ("x=(a)=>f(a), y=b=>{b()}", "x=(a)=>D()?0:f(a), y=b=>{D();b()}"),
            ("class A extends B(1) { m(a) { } }", "class A extends B(1) { m(a) {D(); } }"),
            ("eval(f(a,b),c)", "eval(C(f(a,b)),c)"),
            (
                "if(a(1)){eval(b)} switch(f(function(){})){case 1:}",
                "if(a(1)){eval(C(b))} switch(f(function(){D();})){case 1:}",
            ),
        ] {
            assert_eq!(short(source).as_deref(), Some(expected), "{source}");
        }
        for kept in ["if(function_){x}", "eval()", "eval(...a)", "e = eval", "function eval(a) 1", "'function f(){}'"] {
            assert_eq!(short(kept), None, "{kept}");
        }
        assert_eq!(marked("function f(){}", false), None);
    }
}
