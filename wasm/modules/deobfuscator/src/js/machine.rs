//! A small evaluator of JavaScript: what a script computes by itself. Pure, it stops at whatever is not in the text;
//! tracing, the host is something of which nothing is known, and what would be run as code is kept.

use std::collections::HashMap;
use std::rc::Rc;

use oxc_allocator::Allocator;
use oxc_ast::ast::{Expression, Function, IdentifierReference, Program};
use oxc_semantic::Scoping;
use oxc_syntax::symbol::SymbolId;

use super::value::{Code, Kind, Object, Units, Value};
use crate::budget::Budget;
use crate::limits::{MAX_ELEMENTS, MAX_MADE, MAX_VALUE};
use crate::peel::Technique;

/// Levels of calls and of expressions in one another: the sandbox's stack has 1 MiB.
const MAX_LEVELS: usize = 160;
/// Names that are looked at for the price of a step.
const NAMES_PER_STEP: usize = 16;
/// Texts that would be run of one script.
const MAX_CAPTURED: usize = 48;

/// Why an evaluation ended.
#[derive(Debug)]
pub enum Stop {
    /// Something is not known, or not done here.
    Unknown,
    Thrown(Value),
}

pub type Outcome<T = Value> = Result<T, Stop>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Pure,
    Trace,
}

/// A declaration of the text that is evaluated when its name is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Lazy<'a> {
    Function(&'a Function<'a>),
    Value(&'a Expression<'a>),
}

/// A text that would be run as code.
#[derive(Debug)]
pub struct Captured {
    pub technique: Technique,
    pub code: String,
    /// Of the expression that runs it, in the text.
    pub place: (usize, usize),
}

#[derive(Debug, Default)]
pub struct Scope<'a> {
    names: Vec<(&'a str, Value)>,
    parent: Option<usize>,
    /// `var` of inner blocks belongs here.
    pub is_function: bool,
    pub this: Option<Value>,
    /// What the function was called with, until it asks for it as a list.
    pub arguments: Option<Vec<Value>>,
}

pub struct Machine<'a, 'b> {
    pub allocator: &'a Allocator,
    pub budget: &'b mut Budget,
    pub mode: Mode,
    pub heap: Vec<Object<'a>>,
    pub scopes: Vec<Scope<'a>>,
    globals: HashMap<&'a str, Value>,
    lazy: HashMap<&'a str, (Lazy<'a>, SymbolId)>,
    /// What each name of the text refers to, where that is known.
    pub scoping: Option<Rc<Scoping>>,
    resolving: Vec<&'a str>,
    pub captured: Vec<Captured>,
    /// Declarations that were evaluated.
    pub used: Vec<&'a str>,
    level: usize,
    /// The text that is folded is run, and not one that was made while it ran.
    pub own: bool,
    pub place: (usize, usize),
    /// Steps at which this evaluation ends.
    pub least_steps: u64,
    /// A pure evaluation changed what others see.
    pub changed: bool,
    /// Elements of lists that functions of the text asked for.
    pub list_reads: usize,
    /// The text as its author wrote it, which functions may ask for theirs.
    pub source: Option<&'a str>,
    /// Values of sums of literals, by their place in the text.
    pub sums: HashMap<(usize, usize), f64>,
    /// Names and calls: what may give another value the next time.
    pub reads: usize,
    /// Functions that were made.
    pub closures: usize,
    pub made: usize,
    /// Objects that there were when the last constant was asked for.
    pub begun: usize,
}

impl<'a, 'b> Machine<'a, 'b> {
    pub fn new(allocator: &'a Allocator, budget: &'b mut Budget, mode: Mode) -> Self {
        let mut machine = Self {
            allocator,
            budget,
            mode,
            heap: Vec::new(),
            scopes: Vec::new(),
            globals: HashMap::new(),
            lazy: HashMap::new(),
            scoping: None,
            resolving: Vec::new(),
            captured: Vec::new(),
            used: Vec::new(),
            level: 0,
            own: true,
            place: (0, 0),
            least_steps: 0,
            changed: false,
            list_reads: 0,
            source: None,
            sums: HashMap::new(),
            reads: 0,
            closures: 0,
            made: 0,
            begun: 0,
        };
        machine.scopes.push(Scope { is_function: true, ..Scope::default() });
        machine
    }

    pub fn declare(&mut self, name: &'a str, lazy: Lazy<'a>, symbol: SymbolId) {
        self.lazy.insert(name, (lazy, symbol));
    }

    /// The value of a name where it stands in the text: a name that others have, too, may be another's.
    pub fn refer(&mut self, scope: usize, name: &'a IdentifierReference<'a>) -> Outcome {
        let text = name.name.as_str();
        let place = self.find(scope, text);
        if self.own
            && place.is_none()
            && let (Some(scoping), Some(reference)) = (&self.scoping, name.reference_id.get())
        {
            let symbol = scoping.get_reference(reference).symbol_id();
            if symbol != self.lazy.get(text).map(|known| known.1) {
                return Err(Stop::Unknown);
            }
        }
        match place {
            Some((scope, index)) => Ok(self.scopes[scope].names[index].1.clone()),
            None => self.lookup_global(scope, text),
        }
    }

    /// Runs a whole text. Statements that cannot be run are passed over when tracing.
    pub fn run(&mut self, program: &'a Program<'a>) -> Outcome {
        self.hoist(&program.body, 0);
        let mut last = Value::Undefined;
        for statement in &program.body {
            match self.statement_value(statement, 0) {
                Ok(value) => last = value,
                Err(stop) if self.mode == Mode::Pure => return Err(stop),
                Err(_) if self.is_spent() => break,
                Err(_) => {}
            }
        }
        Ok(last)
    }

    pub fn spend(&mut self, steps: usize) -> Outcome<()> {
        if self.budget.spend(steps) && self.budget.steps > self.least_steps { Ok(()) } else { Err(Stop::Unknown) }
    }

    pub const fn is_spent(&self) -> bool {
        self.budget.steps <= self.least_steps || self.budget.steps == 0
    }

    /// Counts memory; what is taken is not given back before the end.
    pub fn charge(&mut self, bytes: usize) -> Outcome<()> {
        self.made = self.made.saturating_add(bytes);
        self.budget.met.size |= self.made > MAX_MADE;
        if self.made > MAX_MADE { Err(Stop::Unknown) } else { Ok(()) }
    }

    /// Goes one level down; the caller comes up again by `leave`.
    pub const fn enter(&mut self) -> Outcome<()> {
        if self.level >= MAX_LEVELS {
            self.budget.met.nesting = true;
            return Err(Stop::Unknown);
        }
        self.level += 1;
        Ok(())
    }

    pub const fn leave(&mut self) {
        self.level -= 1;
    }

    // -- the heap

    pub fn object(&mut self, kind: Kind<'a>) -> Outcome {
        self.spend(8)?;
        self.charge(160)?;
        self.heap.push(Object::new(kind));
        Ok(Value::Object(self.heap.len() - 1))
    }

    pub fn array(&mut self, items: Vec<Value>) -> Outcome {
        if items.len() > MAX_ELEMENTS {
            return Err(Stop::Unknown);
        }
        self.spend(items.len() / 2)?;
        self.charge(items.len() * 64)?;
        self.object(Kind::Array(items))
    }

    pub fn closure(&mut self, code: Code<'a>, scope: usize) -> Outcome {
        let own = self.own;
        self.closures += 1;
        self.object(Kind::Closure { code, scope, own })
    }

    pub fn text(&mut self, units: Vec<u16>) -> Outcome {
        if units.len() * 2 > MAX_VALUE {
            return Err(Stop::Unknown);
        }
        self.spend(units.len() / 8 + 1)?;
        self.charge(units.len() * 2 + 40)?;
        Ok(Value::units(units))
    }

    pub fn items(&self, value: &Value) -> Option<&Vec<Value>> {
        match value {
            Value::Object(place) => match &self.heap.get(*place)?.kind {
                Kind::Array(items) => Some(items),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a list was there before this evaluation began.
    pub fn is_older(&self, value: &Value) -> bool {
        matches!(value, Value::Object(place) if *place < self.begun)
    }

    pub fn items_mut(&mut self, value: &Value) -> Option<&mut Vec<Value>> {
        match value {
            Value::Object(place) => match &mut self.heap.get_mut(*place)?.kind {
                Kind::Array(items) => Some(items),
                _ => None,
            },
            _ => None,
        }
    }

    // -- names

    pub fn scope(&mut self, parent: usize, is_function: bool, this: Option<Value>) -> Outcome<usize> {
        self.spend(4)?;
        self.charge(16)?;
        self.scopes.push(Scope { names: Vec::new(), parent: Some(parent), is_function, this, arguments: None });
        Ok(self.scopes.len() - 1)
    }

    /// Forgets the scopes of what has ended, those from a number on, if no function was made that knows them.
    pub fn forget(&mut self, scopes: usize, closures: usize) {
        if self.closures == closures {
            self.scopes.truncate(scopes);
        }
    }

    pub fn define(&mut self, scope: usize, name: &'a str, value: Value) {
        if scope == 0 {
            self.globals.insert(name, value);
            return;
        }
        self.budget.spend(self.scopes[scope].names.len() / NAMES_PER_STEP);
        let names = &mut self.scopes[scope].names;
        match names.iter_mut().find(|known| is(known.0, name)) {
            Some(known) => known.1 = value,
            None => names.push((name, value)),
        }
    }

    pub fn define_var(&mut self, mut scope: usize, name: &'a str, value: Value) {
        while !self.scopes[scope].is_function {
            let Some(parent) = self.scopes[scope].parent else { break };
            scope = parent;
        }
        self.define(scope, name, value);
    }

    pub fn is_defined(&self, mut scope: usize, name: &str) -> bool {
        while !self.scopes[scope].is_function {
            let Some(parent) = self.scopes[scope].parent else { break };
            scope = parent;
        }
        if scope == 0 {
            self.globals.contains_key(name)
        } else {
            self.scopes[scope].names.iter().any(|known| is(known.0, name))
        }
    }

    /// The scope that has a name, and its place there; None for one of the whole text, or of nobody. Scopes are lists:
    /// long ones cost steps.
    fn find(&mut self, scope: usize, name: &str) -> Option<(usize, usize)> {
        let (mut at, mut looked, mut found) = (Some(scope), 0, None);
        while let (Some(scope), None) = (at, found) {
            let known = &self.scopes[scope];
            let index = known.names.iter().position(|known| is(known.0, name));
            looked += index.unwrap_or(known.names.len());
            found = index.map(|index| (scope, index));
            at = known.parent;
        }
        if looked >= NAMES_PER_STEP {
            self.budget.spend(looked / NAMES_PER_STEP);
        }
        found
    }

    fn local_slot(&mut self, scope: usize, name: &str) -> Option<&mut Value> {
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

    pub fn lookup(&mut self, scope: usize, name: &'a str) -> Outcome {
        match self.find(scope, name) {
            Some((scope, index)) => Ok(self.scopes[scope].names[index].1.clone()),
            None => self.lookup_global(scope, name),
        }
    }

    fn lookup_global(&mut self, scope: usize, name: &'a str) -> Outcome {
        if let Some(value) = self.globals.get(name) {
            return Ok(value.clone());
        }
        if name == "arguments"
            && let Some((scope, arguments)) = self.take_arguments(scope)
        {
            let list = self.array(arguments)?;
            self.define(scope, name, list.clone());
            return Ok(list);
        }
        if let Some((lazy, _)) = self.lazy.get(name).copied() {
            return self.resolve(name, lazy);
        }
        if let Some(native) = super::natives::global(name) {
            return Ok(native);
        }
        match self.mode {
            Mode::Trace => Ok(Value::Opaque),
            Mode::Pure => Err(Stop::Unknown),
        }
    }

    fn take_arguments(&mut self, scope: usize) -> Option<(usize, Vec<Value>)> {
        let mut at = Some(scope);
        while let Some(scope) = at {
            if let Some(arguments) = self.scopes[scope].arguments.take() {
                return Some((scope, arguments));
            }
            at = self.scopes[scope].parent;
        }
        None
    }

    fn resolve(&mut self, name: &'a str, lazy: Lazy<'a>) -> Outcome {
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
        self.used.push(name);
        self.globals.insert(name, value.clone());
        Ok(value)
    }

    pub fn assign(&mut self, scope: usize, name: &'a str, value: Value) -> Outcome<()> {
        if let Some(slot) = self.local_slot(scope, name) {
            *slot = value;
            return Ok(());
        }
        if self.mode == Mode::Pure {
            // A decoder may put a simpler one in its place; other effects are not undone.
            if !self.is_function(&value) {
                self.changed = true;
            }
            if !self.lazy.contains_key(name) && !self.globals.contains_key(name) {
                return Err(Stop::Unknown);
            }
        }
        self.globals.insert(name, value);
        Ok(())
    }

    /// Takes the value of a name, so that a text that grows is not copied each time.
    pub fn take(&mut self, scope: usize, name: &'a str) -> Option<Value> {
        let slot = match self.find(scope, name) {
            Some((scope, index)) => self.scopes[scope].names.get_mut(index).map(|known| &mut known.1),
            None => self.globals.get_mut(name),
        };
        slot.map(|slot| std::mem::replace(slot, Value::Undefined))
    }

    pub fn is_function(&self, value: &Value) -> bool {
        match value {
            Value::Native(..) => true,
            Value::Object(place) => self
                .heap
                .get(*place)
                .is_some_and(|object| matches!(object.kind, Kind::Closure { .. } | Kind::Bound(..))),
            _ => false,
        }
    }

    // -- code

    pub fn capture(&mut self, technique: Technique, code: &Units) {
        if self.spend(code.len() / 16).is_err() || self.charge(code.len() * 3).is_err() {
            return;
        }
        let code = String::from_utf16_lossy(code);
        if self.own
            && code.trim().len() >= 4
            && self.captured.len() < MAX_CAPTURED
            && self.captured.iter().all(|known| known.code != code)
        {
            self.captured.push(Captured { technique, code, place: self.place });
        }
    }

    /// A text as a program that lives as long as the evaluation.
    pub fn parse(&mut self, code: &str) -> Outcome<&'a Program<'a>> {
        self.spend(code.len())?;
        let text: &'a str = self.allocator.alloc_str(code);
        let program = super::parse::program(self.allocator, text, self.budget).ok_or(Stop::Unknown)?;
        Ok(self.allocator.alloc(program))
    }
}

/// Whether two names are the same. They are short: two words of each tell, without a call.
fn is(one: &str, two: &str) -> bool {
    let (one, two) = (one.as_bytes(), two.as_bytes());
    match (one.first_chunk::<8>(), two.first_chunk(), one.last_chunk::<8>(), two.last_chunk()) {
        _ if one.len() != two.len() => false,
        (Some(begin), Some(other_begin), Some(end), Some(other_end)) if one.len() <= 16 => {
            u64::from_le_bytes(*begin) == u64::from_le_bytes(*other_begin)
                && u64::from_le_bytes(*end) == u64::from_le_bytes(*other_end)
        }
        (None, ..) => one.iter().eq(two),
        _ => one == two,
    }
}

#[cfg(test)]
mod tests {
    use super::is;

    #[test]
    fn names_are_the_same_when_all_of_them_is() {
        let text = "abcdefghijklmnopqrstuvwxyz";
        for length in 0..text.len() {
            let name = &text[..length];
            let copy = name.to_owned();
            assert!(is(name, &copy));
            assert!(!is(name, &text[1..=length]) || length == 0);
            for at in 0..length {
                let mut other = name.to_owned().into_bytes();
                other[at] = b'_';
                assert!(!is(name, &String::from_utf8(other).expect("ASCII")), "{name} {at}");
            }
        }
    }
}
