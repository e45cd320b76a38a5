//! Expressions whose value is the same in each run, replaced by that value.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    AssignmentTarget, BinaryExpression, CallExpression, ComputedMemberExpression, Expression, IfStatement,
    LogicalExpression, ObjectProperty, Program, PropertyKey, SimpleAssignmentTarget, Statement, StringLiteral,
    UnaryExpression,
};
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::SemanticBuilder;
use oxc_span::GetSpan;
use oxc_syntax::operator::{BinaryOperator, UnaryOperator};

use super::expression::place;
use super::kind::cuts;
use super::machine::{Machine, Mode};
use super::names::{self, Names};
use super::news::News;
use super::value::Value;
use super::{Progress, flatten, parse, quote};
use crate::budget::Budget;
use crate::edits::Edits;
use crate::limits::MAX_LAYER;
use crate::peel::Technique;
use crate::script::Hosts;

/// Characters of a text that an expression becomes.
const MAX_LITERAL: usize = 4 << 20;
/// Steps for turning one list.
const MAX_ROTATION_STEPS: u64 = 60_000_000;

pub struct Folder<'a, 'b, 's> {
    pub machine: Machine<'a, 'b>,
    pub text: &'s str,
    pub edits: Edits,
    counts: BTreeMap<Technique, usize>,
    weight: usize,
    /// What turns a list stays as it is: it is right for that list alone.
    turned: HashSet<(usize, usize)>,
    /// Bytes that all replacements together may still have.
    room: usize,
    hosts: Hosts,
    news: News,
    texts: usize,
    /// A list was turned as it should be.
    pub is_turned: bool,
}

pub fn fold<'a>(
    allocator: &'a Allocator,
    program: &'a Program<'a>,
    text: &str,
    budget: &mut Budget,
    progress: &mut Progress,
) -> Edits {
    let mut machine = Machine::new(allocator, budget, Mode::Pure);
    machine.source = (progress.rounds == 0 && text.len() <= MAX_LITERAL).then(|| allocator.alloc_str(text));
    let mut can_decode = true;
    let mut turned = HashSet::new();
    let scoping =
        parse::is_shallow(program).then(|| Rc::new(SemanticBuilder::new().build(program).semantic.into_scoping()));
    machine.numbers.number(program);
    if let Some(known) = &scoping {
        let Names { declared, rotations, replaced } = names::collect(program, text, known);
        machine.replaced = replaced;
        for (name, lazy, symbol) in declared {
            machine.declare(name, lazy, symbol);
        }
        machine.scoping = Some(Rc::clone(known));
        let least = machine.least_steps;
        for rotation in &rotations {
            machine.least_steps = machine.budget.steps.saturating_sub(MAX_ROTATION_STEPS);
            can_decode &= machine.evaluate(rotation, 0).is_ok();
            turned.insert(place(rotation));
        }
        machine.least_steps = least;
    }
    if !can_decode {
        // A list that was not turned as it should be gives the wrong texts: nothing of it is used.
        machine = Machine::new(allocator, machine.budget, Mode::Pure);
        machine.numbers.number(program);
        machine.scoping = scoping.clone();
    }
    let (edits, counts, hosts) = (Edits::default(), BTreeMap::new(), std::mem::take(&mut progress.hosts));
    let is_turned = can_decode && !turned.is_empty();
    let mut folder = Folder {
        machine,
        text,
        edits,
        counts,
        weight: 0,
        turned,
        room: MAX_LAYER,
        hosts,
        news: News::default(),
        texts: 0,
        is_turned,
    };
    folder.visit_program(program);
    if let Some(scoping) = &scoping {
        flatten::proxies(&mut folder, program, scoping);
        flatten::switches(&mut folder, program);
    }
    progress.weight += folder.weight;
    progress.texts += folder.texts;
    progress.hosts = folder.hosts;
    for (technique, count) in folder.counts {
        *progress.counts.entry(technique).or_default() += count;
    }
    for name in &folder.machine.used {
        progress.machinery.insert((*name).to_owned());
    }
    folder.edits
}

impl<'a> Folder<'a, '_, '_> {
    pub fn source(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }

    pub fn edit(&mut self, (start, end): (usize, usize), text: String, technique: Technique, weight: usize) {
        let Some(room) = self.room.checked_sub(text.len()) else {
            // The text would be longer than a layer may be.
            self.machine.budget.met.size = true;
            return;
        };
        self.room = room;
        *self.counts.entry(technique).or_default() += 1;
        self.weight += weight;
        let text = quote::fitted(self.text, start, end, text);
        self.edits.add(start, end, text);
    }

    /// The value of an expression if it has one in each run.
    pub fn constant(&mut self, expression: &'a Expression<'a>) -> Option<Value> {
        self.machine.changed = false;
        self.machine.list_reads = 0;
        self.machine.read_text = None;
        self.machine.begun = self.machine.heap.len();
        let value = self.machine.evaluate(expression, 0).ok()?;
        (!self.machine.changed && value.is_primitive()).then_some(value)
    }

    /// Whether the expression was replaced.
    fn folded(&mut self, expression: &'a Expression<'a>) -> bool {
        if !self.is_candidate(expression) {
            return false;
        }
        let Some(value) = self.constant(expression) else { return false };
        if matches!(&value, Value::Text(units) if units.len() > self.room) {
            self.machine.budget.met.size = true;
            return true;
        }
        let Some(literal) = quote::literal(&value).filter(|literal| literal.len() <= MAX_LITERAL) else { return false };
        let (start, end) = place(expression);
        if self.source(start, end) == literal {
            return true;
        }
        let (technique, weight) = self.kind(expression, &value);
        let weight = if let Value::Text(units) = &value {
            self.texts += 1;
            self.with_news(&literal, &String::from_utf16_lossy(units), (start, end), weight)
        } else {
            weight
        };
        self.edit((start, end), literal, technique, weight);
        true
    }

    /// What may be a constant that is not written as one.
    fn is_candidate(&self, expression: &Expression<'a>) -> bool {
        match expression {
            Expression::BinaryExpression(_) | Expression::CallExpression(_) => true,
            Expression::ComputedMemberExpression(_) | Expression::StaticMemberExpression(_) => true,
            Expression::TemplateLiteral(it) => !it.expressions.is_empty(),
            // `!0`, `!1`, `void 0` and `-1` are how anybody writes these.
            Expression::UnaryExpression(it) => match it.operator {
                UnaryOperator::Void | UnaryOperator::Delete | UnaryOperator::Typeof => false,
                _ => !matches!(it.argument, Expression::NumericLiteral(_) | Expression::Identifier(_)),
            },
            Expression::ConditionalExpression(it) => {
                matches!(
                    it.test,
                    Expression::BinaryExpression(_) | Expression::UnaryExpression(_) | Expression::BooleanLiteral(_)
                )
            }
            _ => false,
        }
    }

    /// Who puts the name of a host or a command together hides it, however little else there is.
    fn with_news(&mut self, literal: &str, value: &str, (start, end): (usize, usize), weight: usize) -> usize {
        if self.weight >= super::ENOUGH || weight >= super::ENOUGH {
            return weight;
        }
        let source = self.text.get(start..end).unwrap_or_default();
        let are_new = self.hosts.are_joined_in(self.text, literal) || self.news.are_in(value, source, self.text);
        if are_new { super::ENOUGH } else { weight }
    }

    /// A sum that is not constant as a whole: neighbours in it that are.
    fn sum(&mut self, it: &'a BinaryExpression<'a>) {
        let mut terms: Vec<(&'a Expression<'a>, BinaryOperator)> = Vec::new();
        let mut at = it;
        loop {
            terms.push((&at.right, at.operator));
            match &at.left {
                Expression::BinaryExpression(left) => at = left,
                first => {
                    terms.push((first, BinaryOperator::Addition));
                    break;
                }
            }
        }
        terms.reverse();
        if terms.iter().any(|term| term.1 != BinaryOperator::Addition) {
            terms.into_iter().for_each(|term| self.visit_expression(term.0));
            return;
        }
        let mut run: Vec<(&'a Expression<'a>, String)> = Vec::new();
        let mut length = 0;
        for (term, _) in terms {
            // Behind something that is not known, only a text goes on as a text.
            let text = match self.constant(term) {
                Some(Value::Text(units)) if self.machine.spend(units.len() / 16).is_ok() => {
                    Some(String::from_utf16_lossy(&units))
                }
                Some(value) if !run.is_empty() => self.machine.string_of(&value).ok(),
                _ => None,
            };
            length += text.as_ref().map_or(0, String::len);
            match text.filter(|_| length <= MAX_LITERAL) {
                Some(text) => run.push((term, text)),
                None => {
                    length = 0;
                    self.merge(&mut run);
                    self.visit_expression(term);
                }
            }
        }
        self.merge(&mut run);
    }

    fn merge(&mut self, run: &mut Vec<(&'a Expression<'a>, String)>) {
        let pieces = std::mem::take(run);
        let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return };
        if pieces.len() < 2 {
            self.visit_expression(first.0);
            return;
        }
        if pieces.iter().map(|piece| piece.1.len()).sum::<usize>() > self.room {
            self.machine.budget.met.size = true;
            return;
        }
        let whole: String = pieces.iter().map(|piece| piece.1.as_str()).collect();
        let literal = quote::text(&whole.encode_utf16().collect::<Vec<_>>());
        let place = (place(first.0).0, place(last.0).1);
        let weight = self.with_news(&literal, &whole, place, cuts(pieces.iter().map(|piece| piece.1.as_str())));
        self.texts += 1;
        self.edit(place, literal, Technique::Concat, weight);
    }

    /// A name in brackets may stand behind a dot.
    fn dotted(&mut self, it: &ComputedMemberExpression<'a>) {
        if let Expression::StringLiteral(name) = &it.expression
            && quote::is_name(name.value.as_str())
        {
            let (start, end) = (it.object.span().end as usize, it.span.end as usize);
            let between = self.source(start, name.span.start as usize).to_owned();
            // The brackets of what was in parentheses are not the tree's.
            if between.trim() == "["
                && self.source(name.span.end as usize, end).trim() == "]"
                && !matches!(it.object, Expression::NumericLiteral(_))
            {
                let text = format!(".{}", name.value);
                *self.counts.entry(Technique::ComputedMember).or_default() += 1;
                self.edits.add(start, end, text);
            }
        }
    }

    fn branch(&mut self, it: &'a IfStatement<'a>) -> bool {
        let compares_texts = matches!(&it.test, Expression::BinaryExpression(test)
            if matches!(test.left, Expression::StringLiteral(_)) && matches!(test.right, Expression::StringLiteral(_)));
        if !compares_texts {
            return false;
        }
        let Some(Value::Bool(test)) = self.constant(&it.test) else { return false };
        let text = |statement: &Statement<'_>| {
            self.source(statement.span().start as usize, statement.span().end as usize).to_owned()
        };
        let (taken, left) = match (test, &it.alternate) {
            (true, other) => (text(&it.consequent), other.as_ref().map(text).unwrap_or_default()),
            (false, Some(other)) => (text(other), text(&it.consequent)),
            (false, None) => (";".to_owned(), text(&it.consequent)),
        };
        // Declarations of what is left out are seen outside of it.
        if left.contains("var ") || left.contains("function ") && !left.contains('{') {
            return false;
        }
        let (start, end) = (it.span.start as usize, it.span.end as usize);
        self.edit((start, end), taken, Technique::DeadCode, 20);
        true
    }
}

impl<'a> Visit<'a> for Folder<'a, '_, '_> {
    fn visit_expression(&mut self, it: &Expression<'a>) {
        let it = self.alloc(it);
        if self.machine.is_spent() || self.turned.contains(&place(it)) {
            return;
        }
        if !self.folded(it) {
            walk::walk_expression(self, it);
        }
    }

    fn visit_if_statement(&mut self, it: &IfStatement<'a>) {
        let it = self.alloc(it);
        if !self.branch(it) {
            walk::walk_if_statement(self, it);
        }
    }

    fn visit_binary_expression(&mut self, it: &BinaryExpression<'a>) {
        let it = self.alloc(it);
        self.sum(it);
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        for term in parse::logical_terms(it) {
            self.visit_expression(term);
        }
    }

    fn visit_unary_expression(&mut self, it: &UnaryExpression<'a>) {
        // What is deleted, or asked for its type, is not a value.
        if it.operator == UnaryOperator::Delete || it.operator == UnaryOperator::Typeof {
            if let Expression::ComputedMemberExpression(member) = &it.argument {
                self.visit_expression(&member.expression);
            }
            return;
        }
        walk::walk_unary_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        match &it.callee {
            // What is called stays what it is: only names in it are values.
            Expression::ComputedMemberExpression(member) => {
                self.visit_expression(&member.object);
                self.visit_expression(&member.expression);
                self.dotted(member);
            }
            Expression::StaticMemberExpression(member) => self.visit_expression(&member.object),
            callee => walk::walk_expression(self, callee),
        }
        self.visit_arguments(&it.arguments);
    }

    fn visit_assignment_target(&mut self, it: &AssignmentTarget<'a>) {
        match it {
            AssignmentTarget::ComputedMemberExpression(member) => {
                walk::walk_expression(self, &member.object);
                self.visit_expression(&member.expression);
                self.dotted(member);
            }
            AssignmentTarget::StaticMemberExpression(member) => walk::walk_expression(self, &member.object),
            _ => walk::walk_assignment_target(self, it),
        }
    }

    fn visit_simple_assignment_target(&mut self, it: &SimpleAssignmentTarget<'a>) {
        match it {
            SimpleAssignmentTarget::ComputedMemberExpression(member) => {
                walk::walk_expression(self, &member.object);
                self.visit_expression(&member.expression);
                self.dotted(member);
            }
            SimpleAssignmentTarget::StaticMemberExpression(member) => walk::walk_expression(self, &member.object),
            _ => {}
        }
    }

    fn visit_object_property(&mut self, it: &ObjectProperty<'a>) {
        if let PropertyKey::StringLiteral(key) = &it.key {
            self.visit_string_literal(key);
        } else if it.computed {
            walk::walk_property_key(self, &it.key);
        }
        self.visit_expression(&it.value);
    }

    /// Escapes of what could be written as it is.
    fn visit_string_literal(&mut self, it: &StringLiteral<'a>) {
        let (start, end) = (it.span.start as usize, it.span.end as usize);
        let raw = self.source(start, end);
        let escapes = raw.matches("\\x").count() + raw.matches("\\u").count();
        let value = it.value.as_str();
        let is_plain =
            value.bytes().filter(|byte| byte.is_ascii_graphic() || *byte == b' ').count() * 10 >= value.len() * 9;
        if escapes >= 3 && escapes * 2 >= value.len() && is_plain && !it.lone_surrogates {
            let literal = quote::text(&value.encode_utf16().collect::<Vec<_>>());
            if literal != raw {
                self.texts += 1;
                self.edit((start, end), literal, Technique::UnicodeEscape, 50);
            }
        }
    }

    fn visit_statements(&mut self, it: &oxc_allocator::Vec<'a, Statement<'a>>) {
        walk::walk_statements(self, it);
    }

    fn visit_computed_member_expression(&mut self, it: &ComputedMemberExpression<'a>) {
        walk::walk_computed_member_expression(self, it);
        self.dotted(it);
    }
}
