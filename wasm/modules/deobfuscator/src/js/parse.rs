//! oxc's parser, kept from what would take more stack than there is.

use oxc_allocator::Allocator;
use oxc_ast::ast::{BinaryExpression, Expression, LogicalExpression, Program, Statement};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::{ParseOptions, Parser};
use oxc_span::SourceType;

use super::nesting;
use crate::budget::Budget;
use crate::limits::MAX_NESTING;

/// Levels of a tree that others walk through: chains of members and calls nest, though no bracket does.
const MAX_LEVELS: usize = 2 * MAX_NESTING;

/// The tree of a script; None for what is not JavaScript, or nests too deep.
pub fn program<'a>(allocator: &'a Allocator, text: &'a str, budget: &mut Budget) -> Option<Program<'a>> {
    if nesting::deepest(text) > MAX_NESTING {
        budget.met.nesting = true;
        return None;
    }
    let options =
        ParseOptions { preserve_parens: false, allow_return_outside_function: true, ..ParseOptions::default() };
    let attempt = |source| {
        let done = Parser::new(allocator, text, source).with_options(options).parse();
        (!done.panicked && done.diagnostics.is_empty()).then_some(done.program)
    };
    let program = attempt(SourceType::cjs()).or_else(|| attempt(SourceType::mjs()))?;
    let (flat, _) = levels(&program);
    if flat > MAX_LEVELS {
        budget.met.nesting = true;
        return None;
    }
    Some(program)
}

/// Whether a program is one function and nothing else.
pub fn is_function(program: &Program<'_>) -> bool {
    matches!(program.body.as_slice(), [Statement::ExpressionStatement(it)]
        if matches!(it.expression, Expression::FunctionExpression(_)))
}

/// Whether the whole tree may be walked by those who do not know of long sums.
pub fn is_shallow(program: &Program<'_>) -> bool {
    levels(program).1 <= MAX_LEVELS
}

/// How deep a tree is: with a sum of many terms as one level, and with each of them as one.
fn levels(program: &Program<'_>) -> (usize, usize) {
    let mut levels = Levels::default();
    levels.visit_program(program);
    (levels.most, levels.most_steep)
}

#[derive(Default)]
struct Levels {
    level: usize,
    most: usize,
    /// Terms of the sums that this is in.
    steep: usize,
    most_steep: usize,
}

impl Levels {
    fn down(&mut self) -> bool {
        self.level += 1;
        self.most = self.most.max(self.level);
        self.most_steep = self.most_steep.max(self.level + self.steep);
        self.level <= MAX_LEVELS
    }

    /// The first two terms are as deep as the chain is long.
    fn steeply(&mut self, terms: &[&Expression<'_>]) {
        let deepest = terms.len() - 2;
        for (index, term) in terms.iter().enumerate() {
            let more = if index < deepest { 0 } else { deepest };
            self.steep += more;
            self.visit_expression(term);
            self.steep -= more;
        }
    }
}

impl<'a> Visit<'a> for Levels {
    fn visit_expression(&mut self, it: &Expression<'a>) {
        if self.down() {
            walk::walk_expression(self, it);
        }
        self.level -= 1;
    }

    fn visit_statement(&mut self, it: &Statement<'a>) {
        if self.down() {
            walk::walk_statement(self, it);
        }
        self.level -= 1;
    }

    fn visit_binary_expression(&mut self, it: &BinaryExpression<'a>) {
        self.steeply(&binary_terms(it));
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        self.steeply(&logical_terms(it));
    }
}

/// The terms of a chain of operators, the last ones first, and of the first two the
/// left one: it nests to the left, and thousands of them are no levels.
pub fn binary_terms<'t, 'a>(it: &'t BinaryExpression<'a>) -> Vec<&'t Expression<'a>> {
    let mut terms = vec![&it.right];
    let mut at = &it.left;
    while let Expression::BinaryExpression(it) = at {
        terms.push(&it.right);
        at = &it.left;
    }
    terms.insert(terms.len() - 1, at);
    terms
}

/// The same of `&&`, `||` and `??`.
pub fn logical_terms<'t, 'a>(it: &'t LogicalExpression<'a>) -> Vec<&'t Expression<'a>> {
    let mut terms = vec![&it.right];
    let mut at = &it.left;
    while let Expression::LogicalExpression(it) = at {
        terms.push(&it.right);
        at = &it.left;
    }
    terms.insert(terms.len() - 1, at);
    terms
}
