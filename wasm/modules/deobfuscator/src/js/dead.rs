//! Declarations that only served to decode, taken out once nothing else names them.

use std::collections::{BTreeSet, HashMap, HashSet};

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

/// Times that it is asked again what still needs what: one for each link of a chain of decoders.
const MAX_PASSES: usize = 64;

/// The text without the named declarations that are not used by anything else; None if there are none.
pub fn without<'a>(
    program: Program<'a>,
    allocator: &'a Allocator,
    text: &str,
    names: &BTreeSet<String>,
) -> Option<String> {
    if names.is_empty() || !parse::is_shallow(&program) {
        return None;
    }
    let program: &'a Program<'a> = allocator.alloc(program);
    let scoping = SemanticBuilder::new().build(program).semantic.into_scoping();
    let names: HashSet<&str> = names.iter().map(String::as_str).collect();
    let mut uses = Uses { scoping: &scoping, names: &names, declared: Vec::new(), used: HashMap::new() };
    uses.visit_program(program);
    let mut rotations = rotations(program, text, &scoping, &uses);
    let mut removed = std::mem::take(&mut uses.declared);
    for _ in 0..MAX_PASSES {
        let spans = spans(&removed, &rotations);
        let before = removed.len() + rotations.len();
        removed.retain(|one| uses.is_within(one.0, &spans));
        let symbols: HashSet<SymbolId> = removed.iter().map(|one| one.0).collect();
        rotations.retain(|rotation| rotation.names.is_subset(&symbols));
        if removed.len() + rotations.len() == before {
            break;
        }
    }
    // Links that the passes did not reach may still be named.
    let spans = spans(&removed, &rotations);
    if removed.is_empty() || !removed.iter().all(|one| uses.is_within(one.0, &spans)) {
        return None;
    }
    let mut edits = Edits::default();
    removed.iter().for_each(|&(_, start, end)| edits.add(start, end, String::new()));
    rotations.iter().map(|rotation| rotation.span).for_each(|(start, end)| edits.add(start, end, String::new()));
    Some(edits.apply(text))
}

/// Places of a text, for asking whether one of them holds another.
struct Spans(Vec<(usize, usize)>);

impl Spans {
    fn new(spans: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut spans: Vec<_> = spans.collect();
        spans.sort_unstable();
        // Of those that begin so far, how far any reaches.
        let mut reach = 0;
        for span in &mut spans {
            reach = reach.max(span.1);
            span.1 = reach;
        }
        Self(spans)
    }

    fn hold(&self, at: usize) -> bool {
        let behind = self.0.partition_point(|span| span.0 <= at);
        behind.checked_sub(1).is_some_and(|index| at < self.0[index].1)
    }
}

/// The places of what is taken out.
fn spans(removed: &[(SymbolId, usize, usize)], rotations: &[Rotation]) -> Spans {
    Spans::new(removed.iter().map(|one| (one.1, one.2)).chain(rotations.iter().map(|rotation| rotation.span)))
}

/// A statement that turns a list, and what it names of the text around it.
struct Rotation {
    span: (usize, usize),
    names: HashSet<SymbolId>,
}

/// What turns a list is named by nobody; it goes with what it names, and never before it: a list that is still read
/// must be turned.
fn rotations(program: &Program<'_>, text: &str, scoping: &Scoping, uses: &Uses<'_>) -> Vec<Rotation> {
    let found = super::names::collect(program, text, scoping).rotations;
    let spans: Vec<_> = found.iter().filter_map(|part| statement_of(program, part)).collect();
    let mut all: Vec<_> = spans.into_iter().map(|span| Rotation { span, names: HashSet::new() }).collect();
    all.sort_unstable_by_key(|rotation| rotation.span);
    for (&symbol, used) in &uses.used {
        let declared = scoping.symbol_span(symbol).start as usize;
        for &at in used {
            let behind = all.partition_point(|rotation| rotation.span.0 <= at);
            let Some(rotation) = behind.checked_sub(1).and_then(|index| all.get_mut(index)) else { continue };
            let (start, end) = rotation.span;
            if at < end && !(start..end).contains(&declared) {
                rotation.names.insert(symbol);
            }
        }
    }
    all
}

/// The whole statement that an expression is.
fn statement_of(program: &Program<'_>, expression: &Expression<'_>) -> Option<(usize, usize)> {
    let inner = expression.span();
    let behind = program.body.partition_point(|statement| statement.span().start <= inner.start);
    match program.body.get(behind.checked_sub(1)?)? {
        Statement::ExpressionStatement(it) if it.span.end >= inner.end => {
            let is_all = !matches!(it.expression, Expression::SequenceExpression(_));
            is_all.then_some((it.span.start as usize, it.span.end as usize))
        }
        _ => None,
    }
}

struct Uses<'s> {
    scoping: &'s Scoping,
    names: &'s HashSet<&'s str>,
    /// Symbol, and the bytes of its declaration.
    declared: Vec<(SymbolId, usize, usize)>,
    /// Where each symbol is used.
    used: HashMap<SymbolId, Vec<usize>>,
}

impl Uses<'_> {
    /// Whether nothing else names a symbol.
    fn is_within(&self, symbol: SymbolId, spans: &Spans) -> bool {
        self.used.get(&symbol).is_none_or(|used| used.iter().all(|&at| spans.hold(at)))
    }

    fn declare(&mut self, name: &str, symbol: Option<SymbolId>, span: oxc_span::Span) {
        if let Some(symbol) = symbol
            && self.names.contains(name)
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
            self.used.entry(symbol).or_default().push(it.span.start as usize);
        }
    }
}
