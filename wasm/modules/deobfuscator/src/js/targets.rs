//! Calls that a script assigns to, as JScript allows for properties with arguments: `h.Option(4) = 13056`. For the parser
//! they are members, `h.Option[_call(4)] = 13056`, and they are shown as they were written.

use oxc_allocator::Allocator;
use oxc_ast::ast::{ComputedMemberExpression, Expression};
use oxc_ast_visit::{Visit, walk};

use super::{nesting, parse, tidied};
use crate::budget::Budget;
use crate::edits::Edits;
use crate::peel::{Found, Rewrite};

/// A text whose calls that are assigned to are members.
pub struct Targets {
    pub text: String,
    /// What the members are told by: a name that the script has not.
    name: String,
    /// Where the parentheses of the calls begin and end in the script.
    calls: Vec<(usize, usize)>,
}

impl Targets {
    /// None if the text can be parsed as it is, or not even so.
    pub fn of(text: &str, budget: &mut Budget) -> Option<Self> {
        let calls = nesting::assigned_calls(text);
        // Few scripts have any: the others are parsed no more than once.
        if calls.is_empty() || !budget.spend(text.len() / 16 + 1) {
            return None;
        }
        if parse::program(&Allocator::default(), text, budget).is_some() {
            return None;
        }
        let name = free_name(text)?;
        let mut edits = Edits::default();
        for &(start, end) in &calls {
            edits.add(start, start, format!("[{name}"));
            edits.add(end + 1, end + 1, "]".to_owned());
        }
        let text = edits.apply(text);
        parse::program(&Allocator::default(), &text, budget)?;
        Some(Self { text, name, calls })
    }

    /// What was made of the text, with the calls as they were written.
    pub fn shown(&self, done: Rewrite, budget: &mut Budget) -> Rewrite {
        let is_made = done.text.is_some() || done.slight.is_some();
        let text = done.text.and_then(|text| self.written(&text, budget));
        let slight = done.slight.and_then(|text| self.written(&tidied(text, budget), budget));
        let steps = if is_made && text.is_none() && slight.is_none() { Vec::new() } else { done.steps };
        let found = done.found.into_iter().map(|one| self.placed(one)).collect();
        Rewrite { text, slight, steps, found }
    }

    /// None if a member that nobody wrote would be left.
    fn written(&self, text: &str, budget: &mut Budget) -> Option<String> {
        let allocator = Allocator::default();
        let program = parse::program(&allocator, text, budget).filter(parse::is_shallow)?;
        let mut members = Members { name: &self.name, text, edits: Edits::default() };
        members.visit_program(&program);
        let written = members.edits.apply(text);
        (!written.contains(&self.name)).then_some(written)
    }

    fn placed(&self, found: Found) -> Found {
        let (start, end) = (self.place(found.start), self.place(found.end));
        Found { start, end, ..found }
    }

    /// Where a place of the changed text is in the script.
    fn place(&self, at: usize) -> usize {
        let begun = |start: &(usize, usize)| (start.0, self.name.len() + 1);
        let mut added: Vec<_> = self.calls.iter().map(begun).chain(self.calls.iter().map(|it| (it.1 + 1, 1))).collect();
        added.sort_unstable();
        added
            .into_iter()
            .fold(at, |at, (place, length)| if at > place { at.saturating_sub(length).max(place) } else { at })
    }
}

fn free_name(text: &str) -> Option<String> {
    (0..64).map(|number| format!("_call{number}_")).find(|name| !text.contains(name))
}

/// What takes the members' names away again.
struct Members<'s> {
    name: &'s str,
    text: &'s str,
    edits: Edits,
}

impl<'a> Visit<'a> for Members<'_> {
    fn visit_computed_member_expression(&mut self, it: &ComputedMemberExpression<'a>) {
        walk::walk_computed_member_expression(self, it);
        let Expression::CallExpression(call) = &it.expression else { return };
        let Expression::Identifier(name) = &call.callee else { return };
        let (start, end) = (name.span.start as usize, it.span.end as usize);
        let is_bracketed = self.text.get(..start).is_some_and(|before| before.ends_with('['));
        if name.name == self.name && is_bracketed {
            self.edits.add(start - 1, name.span.end as usize, String::new());
            self.edits.add(call.span.end as usize, end, String::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::js::undo;

    fn undone(text: &str) -> String {
        undo(text, &mut Budget::new(text.len())).text.unwrap_or_default()
    }

    #[test]
    fn calls_that_are_assigned_to_are_shown_as_they_were_written() {
        let hidden = "var a = \"W\" + \"Scr\" + \"ipt.S\" + \"hell\"; var s = new ActiveXObject(a);\n";
        for (written, shown) in [
            ("h.Option(4)=13056;", "h.Option(4) = 13056;"),
            ("dict(\"k\")=\"v\";", "dict(\"k\") = \"v\";"),
            ("s.Environment(\"Pro\"+\"cess\")(\"x\")=\"y\"+\"z\";", "s.Environment(\"Process\")(\"x\") = \"yz\";"),
            ("h.Item(1, 2) /* c */ += d(3);", "h.Item(1, 2) += d(3);"),
            ("h.Item()\n=\n1;", "h.Item() = 1;"),
            ("h.a(h.b(1) = 2) >>>= 3;", "h.a(h.b(1) = 2) >>>= 3;"),
            ("x = h.a(1) = h[\"b\"](2) = 3;", "x = h.a(1) = h.b(2) = 3;"),
            ("h.a(function() { h.b(1) = 2; }) = `${h.c(1) = 2}`;", "h.b(1) = 2;"),
            ("if (c) h.a(/[)]=\\/(/) = 1;", "if (c) h.a(/[)]=\\/(/) = 1;"),
            ("h(1) = \"f(1) = 2\"; // f(1) = 2", "h(1) = \"f(1) = 2\";"),
        ] {
            let done = undone(&format!("{hidden}{written}"));
            assert!(done.contains(shown) && done.contains("WScript.Shell"), "{written}: {done}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not_touched() {
        for text in [
            "x('f(1) = 2', /f(1) = 2/, `f(1) = 2`); // f(1) = 2\n/* f(1) = 2 */",
            "f(1) == 2; f(1) === 2; f(1) <= 2; g((a) => 2); (a) = 2; if (b) (a) = 2; f(a = 1)",
        ] {
            assert_eq!(nesting::assigned_calls(text), [], "{text}");
        }
        // What no engine takes stays no script.
        for text in ["new X(1) = 2;", "f(1) = ;", "function f(1) = 2"] {
            assert!(Targets::of(text, &mut Budget::new(text.len())).is_none(), "{text}");
        }
    }

    #[test]
    fn many_of_them_are_undone_in_one_go() {
        let lines: String = (0..3_000).map(|index| format!("d(\"k\" + \"{index}\") = \"a\" + \"b\";\n")).collect();
        let text =
            format!("var w = String.fromCharCode(104, 116, 116, 112);\nx(w + \"://c3.contoso-mail.top\");\n{lines}");
        let mut budget = Budget::new(text.len());
        let done = undo(&text, &mut budget).text.unwrap_or_default();
        assert!(done.contains("d(\"k0\") = \"ab\";\n") && done.contains("d(\"k2999\") = \"ab\";\n"), "{done}");
        assert!(budget.steps_used() < 1_000_000, "{}", budget.steps_used());
    }

    #[test]
    fn what_is_run_is_found_where_it_stands() {
        let text = "h.Option(4) = 1; h.Option(5) = eval(\"x('a') + 1\"); h.Option(6) = 2;";
        let done = undo(text, &mut Budget::new(text.len()));
        let found = done.found.first().expect("what is run");
        assert_eq!(text.get(found.start..found.end), Some("eval(\"x('a') + 1\")"));
    }
}
