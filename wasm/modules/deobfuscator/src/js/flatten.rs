//! What control-flow flattening leaves: operators and calls behind functions in an object, and statements whose order is
//! in a text.

use std::collections::HashMap;

use oxc_ast::ast::{
    BindingPattern, BlockStatement, CallExpression, Expression, Function, ObjectPropertyKind, Program, PropertyKey,
    Statement, SwitchStatement, VariableDeclarator, WhileStatement,
};
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::Scoping;
use oxc_span::GetSpan;
use oxc_syntax::operator::UpdateOperator;
use oxc_syntax::symbol::SymbolId;

use super::expression::place;
use super::fold::Folder;
use super::value::Value;
use crate::peel::Technique;

/// What a function in an object is for: `(a, b) => a + b`, or `(f, a) => f(a)`.
#[derive(Clone)]
enum Proxy {
    Operator(String),
    Call(usize),
}

/// Calls of such functions, by what they do.
pub fn proxies<'a>(folder: &mut Folder<'a, '_, '_>, program: &'a Program<'a>, scoping: &Scoping) {
    let mut found = Objects { scoping, text: folder.text, known: HashMap::new() };
    found.visit_program(program);
    if found.known.is_empty() {
        return;
    }
    let mut calls = Calls { scoping, known: &found.known, found: Vec::new() };
    calls.visit_program(program);
    for (call, proxy) in calls.found {
        let texts: Vec<String> = call
            .arguments
            .iter()
            .map(|argument| {
                let span = argument.span();
                folder.source(span.start as usize, span.end as usize).to_owned()
            })
            .collect();
        let text = match proxy {
            Proxy::Operator(operator) => format!("(({}) {operator} ({}))", texts[0], texts[1]),
            Proxy::Call(_) => format!("({})({})", texts[0], texts[1..].join(", ")),
        };
        folder.edit((call.span.start as usize, call.span.end as usize), text, Technique::ProxyObject, 20);
    }
}

struct Objects<'s> {
    scoping: &'s Scoping,
    text: &'s str,
    known: HashMap<(SymbolId, String), Proxy>,
}

impl<'a> Visit<'a> for Objects<'_> {
    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        walk::walk_variable_declarator(self, it);
        let (BindingPattern::BindingIdentifier(name), Some(Expression::ObjectExpression(object))) = (&it.id, &it.init)
        else {
            return;
        };
        let Some(symbol) = name.symbol_id.get().filter(|&symbol| !self.scoping.symbol_is_mutated(symbol)) else {
            return;
        };
        for property in &object.properties {
            let ObjectPropertyKind::ObjectProperty(property) = property else { return };
            let key = match &property.key {
                PropertyKey::StaticIdentifier(key) => key.name.to_string(),
                PropertyKey::StringLiteral(key) => key.value.to_string(),
                _ => continue,
            };
            // Names that such tools make: five letters by chance, or hexadecimal digits.
            let is_made =
                (key.len() == 5 && key.bytes().all(|byte| byte.is_ascii_alphabetic())) || key.starts_with("_0x");
            if let Expression::FunctionExpression(function) = &property.value
                && is_made
                && let Some(proxy) = proxy(function, self.text)
            {
                self.known.insert((symbol, key), proxy);
            }
        }
    }
}

/// What a function does that does one thing with its parameters, each used once and in their order.
fn proxy(function: &Function<'_>, text: &str) -> Option<Proxy> {
    let params: Vec<&str> = function
        .params
        .items
        .iter()
        .map(|param| match &param.pattern {
            BindingPattern::BindingIdentifier(name) => Some(name.name.as_str()),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let [Statement::ReturnStatement(returned)] = function.body.as_ref()?.statements.as_slice() else { return None };
    let is = |expression: &Expression<'_>, index: usize| matches!(expression, Expression::Identifier(it) if params.get(index) == Some(&it.name.as_str()));
    match returned.argument.as_ref()? {
        Expression::BinaryExpression(it) if params.len() == 2 && is(&it.left, 0) && is(&it.right, 1) => {
            let between = text.get(place(&it.left).1..place(&it.right).0)?;
            Some(Proxy::Operator(between.trim().to_owned()))
        }
        Expression::CallExpression(it) if is(&it.callee, 0) && it.arguments.len() + 1 == params.len() => {
            let in_order = it
                .arguments
                .iter()
                .enumerate()
                .all(|(index, argument)| argument.as_expression().is_some_and(|one| is(one, index + 1)));
            in_order.then_some(Proxy::Call(params.len()))
        }
        _ => None,
    }
}

struct Calls<'a, 's> {
    scoping: &'s Scoping,
    known: &'s HashMap<(SymbolId, String), Proxy>,
    found: Vec<(&'a CallExpression<'a>, Proxy)>,
}

impl<'a> Visit<'a> for Calls<'a, '_> {
    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        let it = self.alloc(it);
        let (object, key) = match &it.callee {
            Expression::StaticMemberExpression(member) => (Some(&member.object), member.property.name.as_str()),
            Expression::ComputedMemberExpression(member) => match &member.expression {
                Expression::StringLiteral(key) => (Some(&member.object), key.value.as_str()),
                _ => (None, ""),
            },
            _ => (None, ""),
        };
        if let Some(Expression::Identifier(object)) = object
            && let Some(symbol) =
                object.reference_id.get().and_then(|reference| self.scoping.get_reference(reference).symbol_id())
            && let Some(proxy) = self.known.get(&(symbol, key.to_owned()))
        {
            let count = match proxy {
                Proxy::Operator(_) => 2,
                Proxy::Call(count) => *count,
            };
            let plain = it.arguments.iter().all(|argument| argument.as_expression().is_some());
            if it.arguments.len() == count && plain {
                // What is inside waits for the next round.
                return self.found.push((it, proxy.clone()));
            }
        }
        walk::walk_call_expression(self, it);
    }
}

/// `while (true) { switch (order[index++]) { case '0': ...; continue; } break; }` as the statements in their order.
pub fn switches<'a>(folder: &mut Folder<'a, '_, '_>, program: &'a Program<'a>) {
    let mut loops = Loops { found: Vec::new() };
    loops.visit_program(program);
    folder.edits.sort();
    let mut written: Vec<((usize, usize), String)> = Vec::new();
    for (whole, switch) in loops.found {
        let place = (whole.span.start as usize, whole.span.end as usize);
        // A switch inside of one that was written anew waits for the next round.
        if written.last().is_some_and(|last| place.0 < last.0.1) {
            continue;
        }
        written.extend(unrolled(folder, switch).map(|text| (place, text)));
    }
    for (place, text) in written {
        folder.edit(place, text, Technique::Flattening, 200);
    }
}

struct Loops<'a> {
    found: Vec<(&'a WhileStatement<'a>, &'a SwitchStatement<'a>)>,
}

impl<'a> Visit<'a> for Loops<'a> {
    fn visit_while_statement(&mut self, it: &WhileStatement<'a>) {
        let it = self.alloc(it);
        if let Statement::BlockStatement(block) = &it.body
            && let Some(switch) = only_switch(block)
            && is_true(&it.test)
        {
            self.found.push((it, switch));
        }
        walk::walk_while_statement(self, it);
    }
}

fn is_true(test: &Expression<'_>) -> bool {
    match test {
        Expression::BooleanLiteral(it) => it.value,
        Expression::NumericLiteral(it) => it.value != 0.0,
        Expression::UnaryExpression(it) => {
            matches!(&it.argument, Expression::UnaryExpression(inner) if matches!(inner.argument, Expression::ArrayExpression(_)))
        }
        _ => false,
    }
}

fn only_switch<'b, 'a>(block: &'b BlockStatement<'a>) -> Option<&'b SwitchStatement<'a>> {
    match block.body.as_slice() {
        [Statement::SwitchStatement(switch), Statement::BreakStatement(_)] => Some(switch),
        _ => None,
    }
}

fn unrolled<'a>(folder: &mut Folder<'a, '_, '_>, switch: &'a SwitchStatement<'a>) -> Option<String> {
    let Expression::ComputedMemberExpression(member) = &switch.discriminant else { return None };
    let Expression::UpdateExpression(update) = &member.expression else { return None };
    if update.prefix
        || update.operator != UpdateOperator::Increment
        || !matches!(member.object, Expression::Identifier(_))
    {
        return None;
    }
    let order = folder.machine.evaluate(&member.object, 0).ok()?;
    let order = folder.machine.items(&order).filter(|order| order.len() == switch.cases.len())?.clone();
    let mut cases: HashMap<String, String> = HashMap::new();
    for case in &switch.cases {
        let Some(Expression::StringLiteral(test)) = &case.test else { return None };
        let mut text = String::new();
        for statement in &case.consequent {
            match statement {
                Statement::ContinueStatement(it) if it.label.is_none() => {}
                other => {
                    // With what was read in this round: a decoder that asks for its own text is known in the first alone.
                    let span = other.span();
                    text.push_str(&folder.edits.within(folder.text, span.start as usize, span.end as usize));
                    text.push('\n');
                }
            }
        }
        cases.insert(test.value.to_string(), text);
    }
    order
        .iter()
        .map(|step| match step {
            Value::Text(units) => cases.remove(&String::from_utf16_lossy(units)),
            _ => None,
        })
        .collect()
}
