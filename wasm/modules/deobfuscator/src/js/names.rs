//! Which declarations of a text have one value in each run: constants, lists and objects that nobody changes, functions;
//! and the expressions that turn a list of texts before it is used.

use std::collections::{HashMap, HashSet};

use oxc_ast::ast::{
    ArrowFunctionExpression, AssignmentExpression, AssignmentTarget, BinaryExpression, BindingPattern, CallExpression,
    ComputedMemberExpression, Expression, ExpressionStatement, ForStatement, Function, IdentifierReference,
    IfStatement, LogicalExpression, Program, SimpleAssignmentTarget, Statement, StaticMemberExpression, SwitchCase,
    TryStatement, UnaryExpression, UpdateExpression, VariableDeclarator, WhileStatement,
};
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::Scoping;
use oxc_span::{GetSpan, Span};
use oxc_syntax::operator::UnaryOperator;
use oxc_syntax::scope::ScopeFlags;
use oxc_syntax::symbol::{SymbolFlags, SymbolId};

use super::machine::Lazy;
use super::parse;

/// Bytes of an expression that turns a list.
const MAX_ROTATION: usize = 32 << 10;
/// What changes a list.
const CHANGING: [&str; 9] = ["push", "pop", "shift", "unshift", "splice", "reverse", "sort", "fill", "copyWithin"];

pub struct Names<'a> {
    pub declared: Vec<(&'a str, Lazy<'a>, SymbolId)>,
    pub rotations: Vec<&'a Expression<'a>>,
    /// Methods that the text puts to prototypes, as `String.prototype.charAt`.
    pub replaced: HashSet<String>,
}

pub fn collect<'a>(program: &'a Program<'a>, text: &str, scoping: &Scoping) -> Names<'a> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    for name in scoping.symbol_names() {
        *known.entry(name).or_default() += 1;
    }
    let mut collector = Collector {
        text,
        scoping,
        declared: Vec::new(),
        rotations: Vec::new(),
        exposed: HashSet::new(),
        changed: HashMap::new(),
        set_by_texts: HashSet::new(),
        replaced: HashSet::new(),
        place: Place { function: 0, branch: None },
        uses: HashMap::new(),
        variables: HashMap::new(),
    };
    collector.visit_program(program);
    let root = scoping.root_scope_id();
    let is_clear =
        |name: &str, symbol: SymbolId| scoping.symbol_scope_id(symbol) == root || known.get(name) == Some(&1);
    let (mut declared, rotations) = (Vec::new(), std::mem::take(&mut collector.rotations));
    for (name, lazy, symbol) in std::mem::take(&mut collector.declared) {
        let is_constant = match lazy {
            // Decoders replace themselves by what they have decoded.
            Lazy::Function(it) => {
                collector.changes(symbol).all(|at| (it.span.start as usize..it.span.end as usize).contains(&at))
            }
            // A function in a variable may note things at itself, too.
            Lazy::Value(Expression::FunctionExpression(it)) => {
                !scoping.symbol_is_mutated(symbol)
                    && collector.changes(symbol).all(|at| (it.span.start as usize..it.span.end as usize).contains(&at))
                    && collector.has_value_where_used(symbol)
            }
            Lazy::Value(init) => {
                !scoping.symbol_is_mutated(symbol)
                    && collector.changes(symbol).next().is_none()
                    && collector.has_value_where_used(symbol)
                    && (!collector.exposed.contains(&symbol)
                        || !matches!(init, Expression::ArrayExpression(_) | Expression::ObjectExpression(_)))
            }
        };
        if is_constant
            && !collector.set_by_texts.contains(name)
            && scoping.symbol_redeclarations(symbol).is_empty()
            && is_clear(name, symbol)
        {
            declared.push((name, lazy, symbol));
        }
    }
    Names { declared, rotations, replaced: collector.replaced }
}

/// Where something stands: the function, by where that begins, and the branch of it that may be left out.
#[derive(Debug, Clone, Copy)]
struct Place {
    function: usize,
    branch: Option<(usize, usize)>,
}

struct Collector<'a, 's> {
    text: &'s str,
    scoping: &'s Scoping,
    declared: Vec<(&'a str, Lazy<'a>, SymbolId)>,
    rotations: Vec<&'a Expression<'a>>,
    /// Lists and objects that something else may change.
    exposed: HashSet<SymbolId>,
    /// Where names get another value, or one of their members does.
    changed: HashMap<SymbolId, Vec<usize>>,
    /// Names that a text sets which is given to `eval` as it is.
    set_by_texts: HashSet<String>,
    replaced: HashSet<String>,
    place: Place,
    /// Where names are used: the function, and the byte.
    uses: HashMap<SymbolId, Vec<(usize, usize)>>,
    /// Where each `var` gets its value.
    variables: HashMap<SymbolId, (Place, usize)>,
}

impl<'a> Collector<'a, '_> {
    fn symbol(&self, it: &IdentifierReference<'a>) -> Option<SymbolId> {
        it.reference_id.get().and_then(|reference| self.scoping.get_reference(reference).symbol_id())
    }

    fn used(&mut self, it: &IdentifierReference<'a>) {
        if let Some(symbol) = self.symbol(it) {
            self.uses.entry(symbol).or_default().push((self.place.function, it.span.start as usize));
        }
    }

    /// A `var` is there, without its value, before it is reached, and where the branch that it stands in is not taken.
    fn has_value_where_used(&self, symbol: SymbolId) -> bool {
        let Some((place, at)) = self.variables.get(&symbol) else { return true };
        self.uses.get(&symbol).into_iter().flatten().all(|(function, used)| {
            let is_before = *function == place.function && used < at;
            let is_outside = place.branch.is_some_and(|(start, end)| !(start..end).contains(used));
            !is_before && !is_outside
        })
    }

    fn branch(&mut self, statement: &Statement<'a>) {
        self.in_branch(statement.span(), |this| this.visit_statement(statement));
    }

    fn in_branch(&mut self, span: Span, walk: impl FnOnce(&mut Self)) {
        let before = self.place.branch.replace((span.start as usize, span.end as usize));
        walk(self);
        self.place.branch = before;
    }

    fn in_function(&mut self, span: Span, walk: impl FnOnce(&mut Self)) {
        let place = Place { function: span.start as usize + 1, branch: None };
        let before = std::mem::replace(&mut self.place, place);
        walk(self);
        self.place = before;
    }

    fn expose(&mut self, expression: &Expression<'a>) {
        if let Expression::Identifier(it) = expression
            && let Some(symbol) = self.symbol(it)
        {
            self.exposed.insert(symbol);
            self.changed.entry(symbol).or_default().push(it.span.start as usize);
        }
    }

    fn changes(&self, symbol: SymbolId) -> impl Iterator<Item = usize> + '_ {
        self.changed.get(&symbol).into_iter().flatten().copied()
    }

    /// `String.prototype`, by whichever of the two ways to write it.
    fn put_to_prototype(&mut self, object: &Expression<'a>, method: &str) {
        let (owner, name) = match object {
            Expression::StaticMemberExpression(it) => (&it.object, it.property.name.as_str()),
            Expression::ComputedMemberExpression(it) => match &it.expression {
                Expression::StringLiteral(name) => (&it.object, name.value.as_str()),
                _ => return,
            },
            _ => return,
        };
        if let (Expression::Identifier(owner), "prototype") = (owner, name) {
            self.replaced.insert(format!("{}.prototype.{method}", owner.name));
        }
    }

    /// `eval("name = ...")`
    fn evaluated(&mut self, it: &CallExpression<'a>) {
        let is_eval = matches!(&it.callee, Expression::Identifier(name) if name.name == "eval");
        if let (true, Some(Expression::StringLiteral(text))) =
            (is_eval, it.arguments.first().and_then(|argument| argument.as_expression()))
        {
            self.set_by_texts.extend(set_names(&text.value));
        }
    }

    fn is_rotation(&self, expression: &Expression<'a>) -> bool {
        let Expression::CallExpression(call) = expression else { return false };
        let span = expression.span();
        let source = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        matches!(call.callee, Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_))
            && !call.arguments.is_empty()
            && source.len() < MAX_ROTATION
            && source.contains("push")
            && source.contains("shift")
    }

    fn object(&mut self, object: &Expression<'a>) {
        // A member is read: the object itself goes nowhere.
        match object {
            Expression::Identifier(it) => self.used(it),
            other => self.visit_expression(other),
        }
    }
}

impl<'a> Visit<'a> for Collector<'a, '_> {
    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        let it = self.alloc(it);
        if let (BindingPattern::BindingIdentifier(name), Some(init)) = (&it.id, &it.init)
            && let Some(symbol) = name.symbol_id.get()
        {
            self.declared.push((name.name.as_str(), Lazy::Value(init), symbol));
            if self.scoping.symbol_flags(symbol).contains(SymbolFlags::FunctionScopedVariable) {
                self.variables.insert(symbol, (self.place, it.span.start as usize));
            }
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        let it = self.alloc(it);
        if it.is_declaration()
            && !it.generator
            && !it.r#async
            && let Some(name) = &it.id
            && let Some(symbol) = name.symbol_id.get()
        {
            self.declared.push((name.name.as_str(), Lazy::Function(it), symbol));
        }
        self.in_function(it.span, |this| walk::walk_function(this, it, flags));
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.in_function(it.span, |this| walk::walk_arrow_function_expression(this, it));
    }

    fn visit_if_statement(&mut self, it: &IfStatement<'a>) {
        self.visit_expression(&it.test);
        self.branch(&it.consequent);
        if let Some(other) = &it.alternate {
            self.branch(other);
        }
    }

    fn visit_switch_case(&mut self, it: &SwitchCase<'a>) {
        self.in_branch(it.span, |this| walk::walk_switch_case(this, it));
    }

    fn visit_while_statement(&mut self, it: &WhileStatement<'a>) {
        self.visit_expression(&it.test);
        self.branch(&it.body);
    }

    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        if let Some(init) = &it.init {
            self.visit_for_statement_init(init);
        }
        it.test.iter().chain(&it.update).for_each(|part| self.visit_expression(part));
        self.branch(&it.body);
    }

    fn visit_try_statement(&mut self, it: &TryStatement<'a>) {
        self.in_branch(it.block.span, |this| this.visit_block_statement(&it.block));
        if let Some(handler) = &it.handler {
            self.in_branch(handler.span, |this| this.visit_catch_clause(handler));
        }
        if let Some(last) = &it.finalizer {
            self.visit_block_statement(last);
        }
    }

    fn visit_expression_statement(&mut self, it: &ExpressionStatement<'a>) {
        let it = self.alloc(it);
        let mut expression = &it.expression;
        while let Expression::UnaryExpression(unary) = expression {
            expression = &unary.argument;
        }
        let parts: Vec<&'a Expression<'a>> = match expression {
            Expression::SequenceExpression(sequence) => sequence.expressions.iter().collect(),
            other => vec![other],
        };
        for part in parts {
            // What turns a list before it is used is run: that the list goes there exposes nothing.
            if self.is_rotation(part) {
                self.rotations.push(part);
            } else {
                self.visit_expression(part);
            }
        }
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        self.used(it);
        if let Some(symbol) = self.symbol(it) {
            self.exposed.insert(symbol);
        }
    }

    fn visit_static_member_expression(&mut self, it: &StaticMemberExpression<'a>) {
        self.object(&it.object);
    }

    fn visit_computed_member_expression(&mut self, it: &ComputedMemberExpression<'a>) {
        self.object(&it.object);
        self.visit_expression(&it.expression);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        self.evaluated(it);
        match &it.callee {
            // A function that is called gets nothing but its arguments.
            Expression::Identifier(it) => self.used(it),
            Expression::StaticMemberExpression(member) => {
                if CHANGING.contains(&member.property.name.as_str()) {
                    self.expose(&member.object);
                }
                self.object(&member.object);
            }
            Expression::ComputedMemberExpression(member) => {
                let is_changing = match &member.expression {
                    Expression::StringLiteral(name) => CHANGING.contains(&name.value.as_str()),
                    // A method that is not known yet.
                    Expression::NumericLiteral(_) => false,
                    _ => true,
                };
                let is_plain_list = matches!(member.object, Expression::Identifier(_)) && is_changing;
                if is_plain_list && matches!(member.expression, Expression::StringLiteral(_)) {
                    self.expose(&member.object);
                }
                self.object(&member.object);
                self.visit_expression(&member.expression);
            }
            callee => self.visit_expression(callee),
        }
        self.visit_arguments(&it.arguments);
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        match &it.left {
            AssignmentTarget::StaticMemberExpression(member) => {
                self.expose(&member.object);
                self.put_to_prototype(&member.object, &member.property.name);
            }
            AssignmentTarget::ComputedMemberExpression(member) => {
                self.expose(&member.object);
                if let Expression::StringLiteral(name) = &member.expression {
                    self.put_to_prototype(&member.object, &name.value);
                }
            }
            AssignmentTarget::AssignmentTargetIdentifier(it) => {
                if let Some(symbol) = self.symbol(it) {
                    self.changed.entry(symbol).or_default().push(it.span.start as usize);
                }
            }
            _ => {}
        }
        walk::walk_assignment_expression(self, it);
    }

    fn visit_update_expression(&mut self, it: &UpdateExpression<'a>) {
        match &it.argument {
            SimpleAssignmentTarget::StaticMemberExpression(member) => self.expose(&member.object),
            SimpleAssignmentTarget::ComputedMemberExpression(member) => self.expose(&member.object),
            _ => {}
        }
        walk::walk_update_expression(self, it);
    }

    fn visit_unary_expression(&mut self, it: &UnaryExpression<'a>) {
        if it.operator == UnaryOperator::Delete {
            match &it.argument {
                Expression::StaticMemberExpression(member) => self.expose(&member.object),
                Expression::ComputedMemberExpression(member) => self.expose(&member.object),
                _ => {}
            }
        }
        walk::walk_unary_expression(self, it);
    }

    fn visit_binary_expression(&mut self, it: &BinaryExpression<'a>) {
        for term in parse::binary_terms(it) {
            self.visit_expression(term);
        }
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        for term in parse::logical_terms(it) {
            self.visit_expression(term);
        }
    }
}

/// Names before a single `=`.
fn set_names(text: &str) -> Vec<String> {
    let is_letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$');
    let places = text.match_indices('=').filter(|(at, _)| {
        let behind = text.get(at + 1..).unwrap_or_default();
        !behind.starts_with('=') && !text.get(..*at).unwrap_or_default().ends_with(['=', '!', '<', '>'])
    });
    let before = places.filter_map(|(at, _)| text.get(..at));
    before
        .map(|before| before.trim_end_matches([' ', '+', '-', '*', '/', '|', '&', '^', '%']))
        .filter_map(|before| before.rsplit(|letter| !is_letter(letter)).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}
