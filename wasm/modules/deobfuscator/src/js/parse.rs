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
        let (mut at, mut terms) = (it, 0);
        while let Expression::BinaryExpression(left) = &at.left {
            self.visit_expression(&at.right);
            at = left;
            terms += 1;
        }
        self.steep += terms;
        self.visit_expression(&at.left);
        self.visit_expression(&at.right);
        self.steep -= terms;
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        let (mut at, mut terms) = (it, 0);
        while let Expression::LogicalExpression(left) = &at.left {
            self.visit_expression(&at.right);
            at = left;
            terms += 1;
        }
        self.steep += terms;
        self.visit_expression(&at.left);
        self.visit_expression(&at.right);
        self.steep -= terms;
    }
}
