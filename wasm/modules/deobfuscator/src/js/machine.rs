//! A small evaluator of JavaScript: what a script computes by itself. Pure, it stops at whatever is not in the text;
//! tracing, the host is something of which nothing is known, and what would be run as code is kept.

use std::collections::HashSet;
use std::rc::Rc;

use oxc_allocator::Allocator;
use oxc_ast::ast::{BinaryExpression, Expression, Function, Program};
use oxc_semantic::Scoping;

use super::number::{Name, Numbers};
use super::scopes::Scope;
use super::value::{Code, Heap, Kind, Object, Units, Value};
use crate::budget::Budget;
use crate::limits::{MAX_ELEMENTS, MAX_MADE, MAX_VALUE};
use crate::peel::Technique;

/// Levels of calls and of expressions in one another: the sandbox's stack has 1 MiB.
const MAX_LEVELS: usize = 160;
/// Texts that would be run of one script.
const MAX_CAPTURED: usize = 48;

/// Why an evaluation ended.
#[derive(Debug)]
pub enum Stop {
    /// Something is not known, or not done here.
    Unknown,
    Thrown(Box<Value>),
}

impl Stop {
    pub fn thrown(value: Value) -> Self {
        Self::Thrown(Box::new(value))
    }
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

pub struct Machine<'a, 'b> {
    pub allocator: &'a Allocator,
    pub budget: &'b mut Budget,
    pub mode: Mode,
    pub heap: Heap<'a>,
    pub scopes: Vec<Scope>,
    pub numbers: Numbers<'a>,
    /// What each name of the text refers to, where that is known.
    pub scoping: Option<Rc<Scoping>>,
    pub resolving: Vec<Name>,
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
    /// The last text among them.
    pub read_text: Option<Units>,
    /// The text as its author wrote it, which functions may ask for theirs.
    pub source: Option<&'a str>,
    letters: Vec<Units>,
    /// Operators of the chains that are being evaluated.
    pub terms: Vec<&'a BinaryExpression<'a>>,
    /// Functions that were made.
    pub closures: usize,
    pub made: usize,
    /// Objects that there were when the last constant was asked for.
    pub begun: usize,
    /// Methods of the language that the text replaces by its own.
    pub replaced: HashSet<String>,
}

impl<'a, 'b> Machine<'a, 'b> {
    pub fn new(allocator: &'a Allocator, budget: &'b mut Budget, mode: Mode) -> Self {
        let mut machine = Self {
            allocator,
            budget,
            mode,
            heap: Heap::default(),
            scopes: Vec::new(),
            numbers: Numbers::default(),
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
            read_text: None,
            source: None,
            letters: (0..256).map(|unit| Rc::new(vec![unit])).collect(),
            terms: Vec::new(),
            closures: 0,
            made: 0,
            begun: 0,
            replaced: HashSet::new(),
        };
        machine.scopes.push(Scope::of_all());
        machine
    }

    /// Runs a whole text. Statements that cannot be run are passed over when tracing.
    pub fn run(&mut self, program: &'a Program<'a>) -> Outcome {
        self.numbers.number(program);
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

    #[inline(always)]
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
        Ok(Value::Object(self.heap.add(Object::new(kind))))
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

    /// A text of one letter: those of 8 bits are made once.
    pub fn letter(&mut self, unit: u16) -> Outcome {
        match self.letters.get(usize::from(unit)) {
            Some(known) => Ok(Value::Text(Rc::clone(known))),
            None => self.text(vec![unit]),
        }
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
        matches!(value, Value::Object(place) if place.index() < self.begun)
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
        let before = self.allocator.used_bytes();
        let text: &'a str = self.allocator.alloc_str(code);
        let program = super::parse::program(self.allocator, text, self.budget);
        // What is folded may run the same short text time and again.
        self.charge(if self.mode == Mode::Pure { self.allocator.used_bytes() - before } else { 0 })?;
        Ok(self.allocator.alloc(program.ok_or(Stop::Unknown)?))
    }
}
