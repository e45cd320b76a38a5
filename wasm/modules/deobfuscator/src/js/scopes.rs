//! Names, and the scopes that have them.

use oxc_ast::ast::{IdentifierReference, Statement, VariableDeclaration, VariableDeclarationKind};
use oxc_syntax::symbol::SymbolId;

use super::machine::{Lazy, Machine, Mode, Outcome, Stop};
use super::number::{self, Name};
use super::value::{Code, Value};

/// Names that are looked at for the price of a step.
const NAMES_PER_STEP: usize = 16;

#[derive(Debug, Default)]
pub struct Scope {
    names: Vec<(Name, Value)>,
    parent: Option<usize>,
    /// `var` of inner blocks belongs here.
    pub is_function: bool,
    pub this: Option<Value>,
    /// What the function was called with, until it asks for it as a list.
    pub arguments: Option<Vec<Value>>,
}

impl Scope {
    /// That of the whole text, whose names are kept elsewhere.
    pub fn of_all() -> Self {
        Self { is_function: true, ..Self::default() }
    }
}

impl<'a> Machine<'a, '_> {
    pub fn scope(&mut self, parent: usize, is_function: bool, this: Option<Value>) -> Outcome<usize> {
        self.spend(4)?;
        self.charge(16)?;
        self.scopes.push(Scope { names: Vec::new(), parent: Some(parent), is_function, this, arguments: None });
        Ok(self.scopes.len() - 1)
    }

    /// Another scope with the names of one as they are now.
    pub fn copied_scope(&mut self, scope: usize) -> Outcome<usize> {
        let Scope { names, parent: Some(parent), .. } = &self.scopes[scope] else { return Err(Stop::Unknown) };
        let (names, parent) = (names.clone(), *parent);
        self.spend(names.len())?;
        self.charge(names.len() * 24)?;
        let copy = self.scope(parent, false, None)?;
        self.scopes[copy].names = names;
        Ok(copy)
    }

    /// All that a function declares by `var` is there from its beginning. The scope has its parameters already.
    pub fn hoist_vars(&mut self, scope: usize, function: usize) -> Outcome<()> {
        let Some(vars) = self.numbers.vars.get(function).filter(|vars| !vars.is_empty()) else { return Ok(()) };
        let count = vars.len();
        self.scopes[scope].names.extend(vars.iter().map(|&name| (name, Value::Undefined)));
        if count >= NAMES_PER_STEP {
            self.spend(count / NAMES_PER_STEP)?;
            self.charge(count * 24)?;
        }
        Ok(())
    }

    /// A scope in a function if something is declared in it.
    pub fn inner_scope(&mut self, parent: usize, declares: bool) -> Outcome<usize> {
        if declares { self.scope(parent, false, None) } else { Ok(parent) }
    }

    /// Forgets the scopes of what has ended, those from a number on, if no function was made that knows them.
    pub fn forget(&mut self, scopes: usize, closures: usize) {
        if self.closures == closures {
            self.scopes.truncate(scopes);
        }
    }

    pub fn declare(&mut self, name: &'a str, lazy: Lazy<'a>, symbol: SymbolId) {
        let name = self.numbers.name(name);
        self.numbers.known[name].lazy = Some((lazy, symbol));
    }

    pub fn define(&mut self, scope: usize, name: Name, value: Value) {
        debug_assert_ne!(name, 0, "defined before it was numbered");
        if scope == 0 {
            self.numbers.known[name].value = Some(value);
            return;
        }
        let names = &mut self.scopes[scope].names;
        let count = names.len();
        match names.iter_mut().find(|known| known.0 == name) {
            Some(known) => known.1 = value,
            None => names.push((name, value)),
        }
        self.budget.spend(count / NAMES_PER_STEP);
    }

    pub fn define_var(&mut self, scope: usize, name: Name, value: Value) {
        let scope = self.function_scope(scope);
        self.define(scope, name, value);
    }

    pub fn is_defined(&self, scope: usize, name: Name) -> bool {
        match self.function_scope(scope) {
            0 => self.numbers.known[name].value.is_some(),
            scope => self.scopes[scope].names.iter().any(|known| known.0 == name),
        }
    }

    fn function_scope(&self, mut scope: usize) -> usize {
        while !self.scopes[scope].is_function {
            let Some(parent) = self.scopes[scope].parent else { break };
            scope = parent;
        }
        scope
    }

    /// The scope that has a name, and its place there; None for one of the whole text, or of nobody. Scopes are lists:
    /// long ones cost steps.
    #[inline(always)]
    fn find(&mut self, scope: usize, name: Name) -> Option<(usize, usize)> {
        let (mut at, mut looked, mut found) = (Some(scope), 0, None);
        while let (Some(scope), None) = (at, found) {
            let known = &self.scopes[scope];
            let index = known.names.iter().position(|known| known.0 == name);
            looked += index.unwrap_or(known.names.len());
            found = index.map(|index| (scope, index));
            at = known.parent;
        }
        if looked >= NAMES_PER_STEP {
            self.budget.spend(looked / NAMES_PER_STEP);
        }
        found
    }

    /// Where the value of a name is; None for one of the whole text, or of nobody.
    #[inline]
    pub fn slot(&mut self, scope: usize, name: Name) -> Option<&mut Value> {
        let (scope, index) = self.find(scope, name)?;
        self.scopes[scope].names.get_mut(index).map(|known| &mut known.1)
    }

    pub fn this(&self, scope: usize) -> Option<Value> {
        let mut at = Some(scope);
        while let Some(scope) = at {
            if let Some(this) = &self.scopes[scope].this {
                return Some(this.clone());
            }
            at = self.scopes[scope].parent;
        }
        None
    }

    pub fn lookup(&mut self, scope: usize, name: Name) -> Outcome {
        match self.local(scope, name)? {
            Some(value) => Ok(value),
            None => self.lookup_global(name),
        }
    }

    #[inline]
    fn local(&mut self, scope: usize, name: Name) -> Outcome<Option<Value>> {
        if name == self.numbers.arguments {
            return self.own_arguments(scope, name);
        }
        Ok(self.slot(scope, name).cloned())
    }

    /// What the innermost function was called with: one around it may have been asked for its own before.
    fn own_arguments(&mut self, scope: usize, name: Name) -> Outcome<Option<Value>> {
        let mut at = Some(scope);
        while let Some(scope) = at {
            if let Some(known) = self.scopes[scope].names.iter().find(|known| known.0 == name) {
                return Ok(Some(known.1.clone()));
            }
            if let Some(arguments) = self.scopes[scope].arguments.take() {
                let list = self.array(arguments)?;
                self.define(scope, name, list.clone());
                return Ok(Some(list));
            }
            at = self.scopes[scope].parent;
        }
        Ok(None)
    }

    /// The value of a name where it stands in the text: a name that others have, too, may be another's.
    pub fn refer(&mut self, scope: usize, it: &'a IdentifierReference<'a>) -> Outcome {
        let name = number::of(&it.node_id);
        if let Some(value) = self.local(scope, name)? {
            return Ok(value);
        }
        debug_assert_eq!(self.numbers.known[name].text, it.name.as_str(), "evaluated before it was numbered");
        if self.own
            && let (Some(scoping), Some(reference)) = (&self.scoping, it.reference_id.get())
        {
            let symbol = scoping.get_reference(reference).symbol_id();
            if symbol != self.numbers.known[name].lazy.map(|known| known.1) {
                return Err(Stop::Unknown);
            }
        }
        if !self.own && self.mode == Mode::Pure && !self.is_of_all(it, name) {
            return Err(Stop::Unknown);
        }
        self.lookup_global(name)
    }

    /// Whether code that was made of a text finds by a name what is known by it: it sees only what the whole text
    /// declares.
    fn is_of_all(&self, it: &IdentifierReference<'a>, name: Name) -> bool {
        let Some(scoping) = &self.scoping else { return true };
        let declared = scoping.get_root_binding(it.name);
        declared == self.numbers.known[name].lazy.map(|known| known.1)
    }

    fn lookup_global(&mut self, name: Name) -> Outcome {
        let known = &self.numbers.known[name];
        if let Some(value) = &known.value {
            return Ok(value.clone());
        }
        if let Some((lazy, _)) = known.lazy {
            return self.resolve(name, lazy);
        }
        match (&known.global, self.mode) {
            (Some(native), _) => Ok(native.clone()),
            (None, Mode::Trace) => Ok(Value::Opaque),
            (None, Mode::Pure) => Err(Stop::Unknown),
        }
    }

    fn resolve(&mut self, name: Name, lazy: Lazy<'a>) -> Outcome {
        if self.resolving.contains(&name) {
            return Err(Stop::Unknown);
        }
        self.resolving.push(name);
        let value = match lazy {
            Lazy::Function(function) => self.closure(Code::Function(function), 0),
            Lazy::Value(expression) => self.evaluate(expression, 0),
        };
        self.resolving.pop();
        let value = value?;
        let known = &mut self.numbers.known[name];
        self.used.push(known.text);
        known.value = Some(value.clone());
        Ok(value)
    }

    /// Whether a name is only ever declared by `const`.
    pub fn is_constant(&self, name: Name) -> bool {
        let known = &self.numbers.known[name];
        known.constants > 0 && known.constants == known.bindings
    }

    pub fn assign(&mut self, scope: usize, name: Name, value: Value) -> Outcome<()> {
        if self.is_constant(name) {
            return Err(Stop::Unknown);
        }
        if let Some(slot) = self.slot(scope, name) {
            *slot = value;
            return Ok(());
        }
        if self.mode == Mode::Pure {
            // A decoder may put a simpler one in its place; other effects are not undone.
            if !self.is_function(&value) {
                self.changed = true;
            }
            let known = &self.numbers.known[name];
            if known.lazy.is_none() && known.value.is_none() {
                return Err(Stop::Unknown);
            }
        }
        self.numbers.known[name].value = Some(value);
        Ok(())
    }

    /// Takes the value of a name, so that a text that grows is not copied each time.
    pub fn take(&mut self, scope: usize, name: Name) -> Option<Value> {
        let slot = match self.find(scope, name) {
            Some((scope, index)) => self.scopes[scope].names.get_mut(index).map(|known| &mut known.1),
            None => self.numbers.known[name].value.as_mut(),
        };
        slot.map(|slot| std::mem::replace(slot, Value::Undefined))
    }
}

/// Whether a declaration is of the block that it stands in.
pub fn is_of_block(it: &VariableDeclaration<'_>) -> bool {
    it.kind != VariableDeclarationKind::Var
}

/// Whether statements of a block declare something that only the block knows.
pub fn declare_inside(statements: &[Statement<'_>]) -> bool {
    statements.iter().any(|statement| matches!(statement, Statement::VariableDeclaration(it) if is_of_block(it)))
}
