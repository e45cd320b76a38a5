//! Scripts as the engine has to be given them: JScript assigns to calls, which is no syntax elsewhere, and catches a recursion
//! that goes too deep, which the engine ends a run for. Each is written another way, in the script's own tokens.

use script_facts::operators::COMPOUND;

use crate::scan::{Kind, Token, Tokens, tokens};

/// Natives that rewritten scripts call, under names that no script has by chance.
pub const DEPTH: &str = "\u{a78f}depth";
pub const CODE: &str = "\u{a78f}code";
pub const INDEXED: &str = "\u{a78f}indexed";

/// In the name of each of them, and in what marks a place.
pub const MARK: char = '\u{a78f}';
/// Marks where the text of an `eval` ends that was put into a call; where a member begins whose name is computed, where its
/// arguments begin, and where those of any member end.
const CODE_END: &str = ")/*\u{a78f}*/";
const NAME_START: &str = "/*\u{a78f}[*/";
const NAME_END: &str = "/*\u{a78f},*/,";
const INDEX_END: &str = ")/*\u{a78f}]*/]";

/// What is the global object, whose `eval` is the language's.
const GLOBALS: [&str; 7] = ["window", "self", "this", "globalThis", "top", "parent", "frames"];

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

/// A text as it was before anything was put into it: what a function says of itself.
#[must_use]
pub fn unmarked(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        output += rest.get(..at).unwrap_or_default();
        rest = rest.get(at..).unwrap_or_default();
        let length = undo(&mut output, rest).unwrap_or_else(|| {
            output.push(MARK);
            MARK.len_utf8()
        });
        rest = rest.get(length..).unwrap_or_default();
    }
    output + rest
}

/// Whether a text has anything of it.
#[must_use]
pub fn is_marked(text: &str) -> bool {
    text.contains(MARK)
}

/// Undoes what begins there, or did in what is already put out; how long it is.
fn undo(output: &mut String, rest: &str) -> Option<usize> {
    // What is before the sign in a comment is put out already, and kept up to `keeps`.
    let comment = |output: &mut String, mark: &str, keeps: usize| -> Option<usize> {
        let at = mark.find(MARK)?;
        let (before, behind) = mark.split_at_checked(at)?;
        if !rest.starts_with(behind) || !output.ends_with(before) {
            return None;
        }
        output.truncate(output.len() - before.len() + keeps);
        Some(behind.len())
    };
    let name = rest.strip_prefix(INDEXED).and_then(|rest| rest.strip_prefix("(\""));
    if let Some((name, _)) = name.and_then(|name| name.split_once("\",")).filter(|_| output.ends_with('[')) {
        output.pop();
        let dot = if name.is_empty() { "" } else { "." };
        *output += &format!("{dot}{name}(");
        return Some(INDEXED.len() + name.len() + 4);
    }
    if let Some(rest) = rest.strip_prefix(INDEXED) {
        let open = format!("({NAME_START}");
        return rest.starts_with(&open).then(|| INDEXED.len() + open.len());
    }
    if let Some(length) = comment(output, NAME_END, 0) {
        *output += "](";
        return Some(length);
    }
    let ends = comment(output, INDEX_END, 1).or_else(|| comment(output, CODE_END, 0));
    let put_in = [format!("{DEPTH}();"), format!("{DEPTH}()?0:"), format!("{CODE}(")];
    ends.or_else(|| put_in.iter().find(|put_in| rest.starts_with(put_in.as_str())).map(String::len))
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
                "{" => self.opens_block(&token, next.as_ref()),
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
            && self.before.is_none_or(|before| match before.text {
                "." => self.is_of_global(before.at),
                text => text != "function",
            });
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

    /// Whether the dot is behind the global object's name. Others have an `eval` of their own.
    fn is_of_global(&self, dot: usize) -> bool {
        let head = self.source.get(..dot).unwrap_or_default().trim_end();
        let mut words = head.rsplit(|char: char| !char.is_alphanumeric() && char != '_' && char != '$');
        words.next().is_some_and(|word| GLOBALS.contains(&word))
    }

    /// At the beginning of a function's body, behind what says that it is strict. What is only taken for one is a block.
    fn opens_block(&mut self, token: &Token<'a>, next: Option<&Token<'a>>) {
        let is_body = match self.last {
            Some(last) if last.text == ")" => self.closed_a_head && !self.derives,
            _ => self.is_behind_arrow(),
        };
        self.derives = false;
        self.open.push(Open::default());
        if self.deep && is_body {
            let at = next.and_then(|next| self.behind_directive(next)).unwrap_or(token.at + 1);
            self.insert(at, &format!("{DEPTH}();"));
        }
    }

    /// Where a text ends that says that the function is strict, and is no part of an expression.
    fn behind_directive(&self, text: &Token<'a>) -> Option<usize> {
        let is_one = text.kind == Kind::Text && matches!(text.text.get(1..text.text.len() - 1), Some("use strict"));
        let end = text.at + text.text.len();
        let rest = self.source.get(end..).filter(|_| is_one)?;
        let behind = tokens(rest).next()?;
        let between = rest.get(..behind.at).unwrap_or_default();
        match behind.text {
            ";" => Some(end + behind.at + 1),
            _ if behind.kind == Kind::Word && has_line(between) => Some(end + behind.at),
            _ => None,
        }
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

fn has_line(between: &str) -> bool {
    between.contains(['\n', '\r', '\u{2028}', '\u{2029}'])
}

/// A script whose assignments to calls, `callee(arguments) = value` and those like it, are assignments to members: the member
/// that [`INDEXED`] makes of the name and the arguments. None where there are none.
#[must_use]
pub fn assignments(source: &str) -> Option<String> {
    let calls = Calls::of(source);
    let mut edits: Vec<(usize, usize, String)> =
        calls.assigned().into_iter().filter_map(|close| calls.as_member(close)).flatten().flatten().collect();
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

type Edits = [Option<(usize, usize, String)>; 3];

/// A script's tokens, and which brackets belong to each other.
struct Calls<'a> {
    source: &'a str,
    all: Vec<Token<'a>>,
    partners: Vec<Option<usize>>,
    /// For each bracket that opens, the one that closes it.
    closing: Vec<Option<usize>>,
}

impl<'a> Calls<'a> {
    fn of(source: &'a str) -> Self {
        let all: Vec<Token<'a>> = tokens(source).collect();
        let partners = partners(&all);
        let mut closing = vec![None; all.len()];
        for (close, open) in partners.iter().enumerate() {
            if let Some(place) = open.and_then(|open| closing.get_mut(open)) {
                *place = Some(close);
            }
        }
        Self { source, all, partners, closing }
    }

    fn sign(&self, at: usize) -> Option<&Token<'a>> {
        self.all.get(at).filter(|token| token.kind == Kind::Sign)
    }

    fn before(&self, at: usize) -> Option<&Token<'a>> {
        at.checked_sub(1).and_then(|at| self.all.get(at))
    }

    /// The parentheses that close calls which are assigned to.
    fn assigned(&self) -> std::collections::BTreeSet<usize> {
        let mut found = std::collections::BTreeSet::new();
        let mut at = 0;
        while at < self.all.len() {
            found.extend(self.assigned_by_equals(at));
            // The longest operator is the one that is meant: the second sign of one is not the first of another.
            let is_step = self.is_step(at);
            if is_step {
                found.extend(self.stepped(at));
            }
            at += 1 + usize::from(is_step);
        }
        found
    }

    /// By the sign there, `=`, or the end of `+=` and those like it.
    fn assigned_by_equals(&self, at: usize) -> Option<usize> {
        let equals = self.sign(at).filter(|token| token.text == "=")?;
        let is_more = self.sign(at + 1).is_some_and(|next| next.at == equals.at + 1 && matches!(next.text, "=" | ">"));
        if is_more {
            return None;
        }
        let head = self.source.as_bytes().get(..=equals.at)?;
        let is_of_signs = |sign: &[u8]| (at + 1).checked_sub(sign.len()).is_some_and(|from| self.sign(from).is_some());
        let compound = COMPOUND.iter().filter(|sign| head.ends_with(sign) && is_of_signs(sign));
        let length = compound.map(|sign| sign.len()).max().unwrap_or(1);
        let close = at.checked_sub(length)?;
        self.sign(close).filter(|token| token.text == ")").map(|_| close)
    }

    /// Whether `++` or `--` is there.
    fn is_step(&self, at: usize) -> bool {
        let (Some(one), Some(other)) = (self.sign(at), self.sign(at + 1)) else { return false };
        matches!(one.text, "+" | "-") && one.text == other.text && one.at + 1 == other.at
    }

    /// By the `++` there: the call before it in its line, or the one behind it.
    fn stepped(&self, at: usize) -> Option<usize> {
        let step = self.all.get(at)?;
        let same_line = |before: &&Token<'a>| {
            !has_line(self.source.get(before.at + before.text.len()..step.at).unwrap_or_default())
        };
        match self.before(at).filter(same_line) {
            Some(before) if before.text == ")" && self.as_member(at - 1).is_some() => Some(at - 1),
            Some(before) if before.text != ")" && is_value(before) => None,
            _ => self.called_at(at + 2),
        }
    }

    /// The end of the expression that begins there, where that is a call.
    fn called_at(&self, start: usize) -> Option<usize> {
        let first = self.all.get(start)?;
        let mut at = match first.kind {
            Kind::Word if is_value(first) => start,
            Kind::Sign if first.text == "(" => (*self.closing.get(start)?)?,
            _ => return None,
        };
        let mut call = None;
        while let Some(next) = self.sign(at + 1) {
            (at, call) = match next.text {
                "." => (at + 2, None),
                "[" => ((*self.closing.get(at + 1)?)?, None),
                "(" => {
                    let close = (*self.closing.get(at + 1)?)?;
                    (close, Some(close))
                }
                _ => break,
            };
        }
        call
    }

    /// What makes a member of the call that is closed there.
    fn as_member(&self, close: usize) -> Option<Edits> {
        let open = (*self.partners.get(close)?)?;
        let callee = open.checked_sub(1)?;
        let (opening, closing, called) = (self.all.get(open)?, self.all.get(close)?, self.all.get(callee)?);
        let end = Some((closing.at, closing.at + 1, INDEX_END.to_owned()));
        let itself = Some((opening.at, opening.at + 1, format!("[{INDEXED}(\"\",")));
        match (called.kind, called.text) {
            (Kind::Word, name) => match self.before(callee) {
                Some(dot) if dot.text == "." => {
                    let member = format!("[{INDEXED}(\"{name}\",");
                    Some([Some((dot.at, opening.at + 1, member)), end, None])
                }
                _ if NO_CALLEES.contains(&name) => None,
                _ => Some([itself, end, None]),
            },
            (Kind::Sign, "]") => {
                let bracket = (*self.partners.get(callee)?)?;
                let is_member = self.before(bracket).is_some_and(is_value);
                let from = self.all.get(bracket).filter(|token| is_member && token.text == "[")?;
                let name = Some((from.at + 1, from.at + 1, format!("{INDEXED}({NAME_START}")));
                Some([name, Some((called.at, opening.at + 1, NAME_END.to_owned())), end])
            }
            (Kind::Sign, ")") => {
                let head = self.before((*self.partners.get(callee)?)?);
                let is_statement = head.is_some_and(|head| matches!(head.text, "if" | "for" | "while" | "with"));
                if is_statement { None } else { Some([itself, end, None]) }
            }
            _ => None,
        }
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
    use super::{
        CODE, CODE_END, DEPTH, INDEX_END, INDEXED, NAME_END, NAME_START, assignments, is_marked, marked, unmarked,
    };

    fn assigned(source: &str) -> Option<String> {
        let text = assignments(source)?;
        assert_eq!(unmarked(&text), source);
        let text = text.replace(NAME_START, "").replace(NAME_END, ",").replace(INDEX_END, ")]").replace(INDEXED, "at");
        assert!(!is_marked(&text));
        Some(text)
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
            ("d(1) >>>= 1; d(1)<<=1; d(1) **= 2", "d[at(\"\",1)] >>>= 1; d[at(\"\",1)]<<=1; d[at(\"\",1)] **= 2"),
            ("d(1)++; --h.Item(f(2)); ++d(1)++", "d[at(\"\",1)]++; --h[at(\"Item\",f(2))]; ++d[at(\"\",1)]++"),
            ("if (a) ++d(1)(2)\n--(a)(1)", "if (a) ++d(1)[at(\"\",2)]\n--(a)[at(\"\",1)]"),
            ("x = d(1)+++d(2)", "x = d[at(\"\",1)]+++d(2)"),
            ("return ++d['a'](1)", "return ++d[at('a',1)]"),
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
            "d(1) &&= 1; d(1) ||= 1; d(1) ??= 1",
            "i++\n(f)(1); i-- - d(1); f(1) + +g(1)",
            "++a; ++(a); (a)++; ++a(1).b; f()\n++a; while (i) ++a",
            "f(1) >= 2; f(1) <= 2; f(1) => 3",
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
            ("window . eval(a);x.eval(b);$self.eval(c)", "window . eval(C(a));x.eval(b);$self.eval(c)"),
            ("x=function(){'use strict'\nreturn 1}", "x=function(){'use strict'\nD();return 1}"),
            ("x=function(){'use strict'}", "x=function(){D();'use strict'}"),
            ("x=function(){'use strict'\n+a}", "x=function(){D();'use strict'\n+a}"),
            ("x=function(){'a'.b();'use strict'}", "x=function(){D();'a'.b();'use strict'}"),
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
