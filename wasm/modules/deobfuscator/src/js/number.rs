//! Names, texts and sums of literals of a program, numbered before it is evaluated, so that nothing is looked for by its
//! letters then. The numbers are where the parser's nodes have theirs.

use std::cell::Cell;
use std::collections::HashMap;

use oxc_ast::ast::{
    ArrowFunctionExpression, BinaryExpression, BindingIdentifier, BindingPattern, Expression, ForStatement,
    FormalParameters, Function, IdentifierName, IdentifierReference, LogicalExpression, Program, StringLiteral,
    UnaryExpression, VariableDeclaration, VariableDeclarationKind,
};
use oxc_ast_visit::{Visit, walk};
use oxc_syntax::node::NodeId;
use oxc_syntax::scope::ScopeFlags;
use oxc_syntax::symbol::SymbolId;

use super::loops;
use super::machine::Lazy;
use super::natives;
use super::parse;
use super::value::{Units, Value};

/// A name's number. That of nothing is 0, which no program has.
pub type Name = usize;

/// What is known of a name or a text, whichever of them it is.
#[derive(Debug, Default)]
pub struct Known<'a> {
    pub text: &'a str,
    /// What it is as a literal, once that was asked for.
    pub literal: Option<Units>,
    /// What it is as a name of the whole text, ...
    pub value: Option<Value>,
    /// ... what declares it there, ...
    pub lazy: Option<(Lazy<'a>, SymbolId)>,
    /// ... what the language has by that name, ...
    pub global: Option<Value>,
    /// ... and what texts have.
    pub of_texts: Option<Value>,
    /// How often it is declared, ...
    pub bindings: usize,
    /// ... and how often by `const`.
    pub constants: usize,
}

#[derive(Debug)]
pub struct Numbers<'a> {
    names: HashMap<&'a str, Name>,
    pub known: Vec<Known<'a>>,
    /// Which of them is `arguments`; one that nothing has, where none is.
    pub arguments: Name,
    /// Values of sums of literals alone, where they have been evaluated.
    pub sums: Vec<Option<f64>>,
    /// Loops that are run at once.
    pub loops: Vec<Option<loops::Known>>,
    /// What functions declare by `var` beside their parameters.
    pub vars: Vec<Vec<Name>>,
}

impl Default for Numbers<'_> {
    fn default() -> Self {
        Self {
            names: HashMap::new(),
            known: vec![Known::default()],
            arguments: Name::MAX,
            sums: vec![None],
            loops: vec![None],
            vars: vec![Vec::new()],
        }
    }
}

impl<'a> Numbers<'a> {
    pub fn number(&mut self, program: &Program<'a>) {
        Numbering { numbers: self, vars: Vec::new() }.visit_program(program);
    }

    pub fn name(&mut self, text: &'a str) -> Name {
        let number = *self.names.entry(text).or_insert_with(|| {
            self.known.push(Known {
                text,
                global: natives::global(text),
                of_texts: natives::member("String.prototype.", text),
                ..Known::default()
            });
            self.known.len() - 1
        });
        if text == "arguments" {
            self.arguments = number;
        }
        number
    }
}

/// The number of a name or a text.
pub fn of(node: &Cell<NodeId>) -> Name {
    node.get().index()
}

struct Numbering<'a, 'n> {
    numbers: &'n mut Numbers<'a>,
    /// What the function that is being visited declares by `var`.
    vars: Vec<Name>,
}

impl<'a> Numbering<'a, '_> {
    fn name(&mut self, node: &Cell<NodeId>, text: &'a str) {
        node.set(NodeId::from_usize(self.numbers.name(text)));
    }

    /// Numbers a function that has been visited.
    fn function(&mut self, node: &Cell<NodeId>, params: &FormalParameters<'a>, before: Vec<Name>) {
        let mut vars = std::mem::replace(&mut self.vars, before);
        let rest = params.rest.as_ref().map(|rest| &rest.rest.argument);
        let params = params.items.iter().map(|param| &param.pattern).chain(rest);
        let mut known: Vec<Name> = params
            .filter_map(|pattern| match pattern {
                BindingPattern::BindingIdentifier(name) => Some(of(&name.node_id)),
                _ => None,
            })
            .collect();
        known.sort_unstable();
        // A list of them all is there by that name.
        vars.retain(|&name| known.binary_search(&name).is_err() && self.numbers.known[name].text != "arguments");
        vars.sort_unstable();
        vars.dedup();
        let number = if vars.is_empty() { 0 } else { self.numbers.vars.len() };
        if number > 0 {
            self.numbers.vars.push(vars);
        }
        node.set(NodeId::from_usize(number));
    }
}

/// Whether an expression is made of numbers that are written there; sums have been numbered already.
fn is_of_literals(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::NumericLiteral(_) => true,
        Expression::UnaryExpression(it) => it.node_id.get() != NodeId::DUMMY,
        Expression::BinaryExpression(it) => it.node_id.get() != NodeId::DUMMY,
        _ => false,
    }
}

impl<'a> Visit<'a> for Numbering<'a, '_> {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        self.name(&it.node_id, it.name.as_str());
    }

    fn visit_binding_identifier(&mut self, it: &BindingIdentifier<'a>) {
        self.name(&it.node_id, it.name.as_str());
        self.numbers.known[of(&it.node_id)].bindings += 1;
    }

    fn visit_identifier_name(&mut self, it: &IdentifierName<'a>) {
        self.name(&it.node_id, it.name.as_str());
    }

    fn visit_string_literal(&mut self, it: &StringLiteral<'a>) {
        self.name(&it.node_id, it.value.as_str());
    }

    fn visit_unary_expression(&mut self, it: &UnaryExpression<'a>) {
        walk::walk_unary_expression(self, it);
        it.node_id.set(NodeId::new(usize::from(it.operator.is_arithmetic() && is_of_literals(&it.argument))));
    }

    fn visit_binary_expression(&mut self, it: &BinaryExpression<'a>) {
        let terms = parse::binary_terms(it);
        terms.iter().for_each(|term| self.visit_expression(term));
        // Only a whole chain has a number.
        let mut at = &it.left;
        while let Expression::BinaryExpression(left) = at {
            left.node_id.set(NodeId::DUMMY);
            at = &left.left;
        }
        let mut number = NodeId::DUMMY;
        if terms.into_iter().all(is_of_literals) {
            number = NodeId::from_usize(self.numbers.sums.len());
            self.numbers.sums.push(None);
        }
        it.node_id.set(number);
    }

    fn visit_variable_declaration(&mut self, it: &VariableDeclaration<'a>) {
        walk::walk_variable_declaration(self, it);
        for declared in &it.declarations {
            let BindingPattern::BindingIdentifier(name) = &declared.id else { continue };
            let name = of(&name.node_id);
            match it.kind {
                VariableDeclarationKind::Var => self.vars.push(name),
                VariableDeclarationKind::Const => self.numbers.known[name].constants += 1,
                _ => {}
            }
        }
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        let before = std::mem::take(&mut self.vars);
        walk::walk_function(self, it, flags);
        self.function(&it.node_id, &it.params, before);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        let before = std::mem::take(&mut self.vars);
        walk::walk_arrow_function_expression(self, it);
        self.function(&it.node_id, &it.params, before);
    }

    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        walk::walk_for_statement(self, it);
        let known = loops::Known::of(it);
        let number = if known.is_some() { self.numbers.loops.len() } else { 0 };
        self.numbers.loops.extend(known.map(Some));
        it.node_id.set(NodeId::from_usize(number));
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        parse::logical_terms(it).into_iter().for_each(|term| self.visit_expression(term));
    }
}

#[cfg(test)]
mod tests {
    use oxc_allocator::Allocator;
    use oxc_ast::ast::Statement;

    use super::*;
    use crate::budget::Budget;

    /// The numbers of the chains of operators that are statements of a text, and of the first terms of these.
    fn sums(text: &str) -> Vec<(Name, Option<Name>)> {
        let allocator = Allocator::default();
        let program = parse::program(&allocator, text, &mut Budget::new(text.len())).expect("a script");
        Numbers::default().number(&program);
        let chain = |expression: &Expression<'_>| match expression {
            Expression::BinaryExpression(it) => Some(of(&it.node_id)),
            _ => None,
        };
        let mut found = Vec::new();
        for statement in &program.body {
            let Statement::ExpressionStatement(it) = statement else { continue };
            let Expression::BinaryExpression(whole) = &it.expression else { continue };
            found.push((of(&whole.node_id), chain(&whole.left)));
        }
        found
    }

    #[test]
    fn a_sum_has_a_number_where_it_is_the_same_each_time() {
        let text = "1 + 2; a + 2; 1 - -(2 * 3) % 4; 1 + f(2); -0x2 * i & 6; 1 + '2'; 5 & ~6; 1 + (2 + x); 7 * 8;";
        let numbers: Vec<Name> = sums(text).into_iter().map(|sum| sum.0).collect();
        assert_eq!(numbers, [1, 0, 4, 0, 0, 0, 0, 0, 5]);
        // Of a chain, only the whole of it.
        assert_eq!(sums("1 + 2 + 3;"), [(1, Some(0))]);
    }

    #[test]
    fn names_and_texts_have_numbers_by_their_letters() {
        let text = "var name = other; function other(name) { return name.length + 'length' + name['other']; }";
        let allocator = Allocator::default();
        let program = parse::program(&allocator, text, &mut Budget::new(text.len())).expect("a script");
        let mut numbers = Numbers::default();
        numbers.number(&program);
        let texts: Vec<&str> = numbers.known.iter().map(|known| known.text).collect();
        assert_eq!(texts, ["", "name", "other", "length"]);
    }
}
