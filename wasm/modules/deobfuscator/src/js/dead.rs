//! Declarations that only served to decode, taken out once nothing else names them.

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    BindingPattern, Expression, Function, IdentifierReference, Program, Statement, VariableDeclaration,
    VariableDeclarationKind,
};
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::{Scoping, SemanticBuilder};
use oxc_span::GetSpan;
use oxc_syntax::scope::ScopeFlags;
use oxc_syntax::symbol::SymbolId;

use super::parse;
use crate::edits::Edits;

/// The text without the named declarations that are not used by anything else; None if there are none.
pub fn without<'a>(program: Program<'a>, allocator: &'a Allocator, text: &str, names: &[String]) -> Option<String> {
    if names.is_empty() || !parse::is_shallow(&program) {
        return None;
    }
    let program: &'a Program<'a> = allocator.alloc(program);
    let scoping = SemanticBuilder::new().build(program).semantic.into_scoping();
    let mut uses = Uses { scoping: &scoping, names, declared: Vec::new(), used: Vec::new() };
    uses.visit_program(program);
    // What turns a list is named by nobody; it goes with the list.
    let rotations: Vec<(usize, usize)> = super::names::collect(program, text, &scoping)
        .rotations
        .iter()
        .filter_map(|part| statement_of(program, part))
        .collect();
    let mut removed = uses.declared.clone();
    loop {
        let inside = |at: usize| {
            removed
                .iter()
                .map(|one| (one.1, one.2))
                .chain(rotations.iter().copied())
                .any(|(start, end)| at >= start && at < end)
        };
        let kept: Vec<_> = removed
            .iter()
            .copied()
            .filter(|one| uses.used.iter().filter(|used| used.0 == one.0).all(|used| inside(used.1)))
            .collect();
        if kept.len() == removed.len() {
            break;
        }
        removed = kept;
    }
    if removed.is_empty() {
        return None;
    }
    let mut edits = Edits::default();
    removed.iter().for_each(|&(_, start, end)| edits.add(start, end, String::new()));
    rotations.iter().for_each(|&(start, end)| edits.add(start, end, String::new()));
    Some(edits.apply(text))
}

/// The whole statement that an expression is.
fn statement_of(program: &Program<'_>, expression: &Expression<'_>) -> Option<(usize, usize)> {
    let inner = expression.span();
    program.body.iter().find_map(|statement| match statement {
        Statement::ExpressionStatement(it) if it.span.start <= inner.start && it.span.end >= inner.end => {
            let is_all = !matches!(it.expression, Expression::SequenceExpression(_));
            is_all.then_some((it.span.start as usize, it.span.end as usize))
        }
        _ => None,
    })
}

struct Uses<'s> {
    scoping: &'s Scoping,
    names: &'s [String],
    /// Symbol, and the bytes of its declaration.
    declared: Vec<(SymbolId, usize, usize)>,
    used: Vec<(SymbolId, usize)>,
}

impl Uses<'_> {
    fn declare(&mut self, name: &str, symbol: Option<SymbolId>, span: oxc_span::Span) {
        if let Some(symbol) = symbol
            && self.names.iter().any(|known| known == name)
        {
            self.declared.push((symbol, span.start as usize, span.end as usize));
        }
    }
}

impl<'a> Visit<'a> for Uses<'_> {
    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        if let Some(name) = it.id.as_ref().filter(|_| it.is_declaration()) {
            self.declare(name.name.as_str(), name.symbol_id.get(), it.span);
        }
        walk::walk_function(self, it, flags);
    }

    fn visit_variable_declaration(&mut self, it: &VariableDeclaration<'a>) {
        for declared in &it.declarations {
            let BindingPattern::BindingIdentifier(name) = &declared.id else { continue };
            // One of several loses its value alone.
            let is_only = it.declarations.len() == 1;
            let span = if is_only { it.span } else { oxc_span::Span::new(name.span.end, declared.span.end) };
            if is_only || it.kind != VariableDeclarationKind::Const {
                self.declare(name.name.as_str(), name.symbol_id.get(), span);
            }
        }
        walk::walk_variable_declaration(self, it);
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        if let Some(symbol) =
            it.reference_id.get().and_then(|reference| self.scoping.get_reference(reference).symbol_id())
        {
            self.used.push((symbol, it.span.start as usize));
        }
    }
}
