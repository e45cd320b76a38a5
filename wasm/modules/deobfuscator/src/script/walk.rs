//! The way of an evaluator through its tokens, and what it may take: levels, steps and memory.

use super::Value;
use crate::budget::Budget;
use crate::limits::MAX_HELD;

/// Levels of expressions in one another.
const MAX_LEVELS: usize = 48;

/// A token and its bytes in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed<T> {
    pub token: T,
    pub start: usize,
    pub end: usize,
}

/// The value of an expression, and the token behind it; None where it is not in the text.
pub type Made = Option<(Value, usize)>;

pub struct Walk<'t, 'b, T> {
    pub tokens: &'t [Placed<T>],
    pub budget: &'b mut Budget,
    /// Bytes that values take which were kept, and copied of that.
    held: usize,
    level: usize,
}

impl<'t, 'b, T: PartialEq + From<char>> Walk<'t, 'b, T> {
    pub const fn new(tokens: &'t [Placed<T>], budget: &'b mut Budget) -> Self {
        Self { tokens, budget, held: 0, level: 0 }
    }

    pub fn token(&self, at: usize) -> Option<&'t T> {
        self.tokens.get(at).map(|placed| &placed.token)
    }

    pub fn is(&self, at: usize, sign: char) -> bool {
        self.token(at).is_some_and(|token| *token == T::from(sign))
    }

    /// Pays for a value that is kept or copied, in steps and in memory; None where it is too much.
    pub fn hold(&mut self, value: Value) -> Option<Value> {
        self.held = self.held.saturating_add(value.weight());
        self.budget.met.size |= self.held > MAX_HELD;
        (self.budget.spend(value.size() / 16) && self.held <= MAX_HELD).then_some(value)
    }

    fn enter(&mut self) -> bool {
        self.budget.met.nesting |= self.level >= MAX_LEVELS;
        let may = self.level < MAX_LEVELS && self.budget.spend(1);
        self.level += usize::from(may);
        may
    }
}

/// What walks so.
pub trait Walks<'t, 'b, T: PartialEq + From<char> + 't> {
    fn walk(&mut self) -> &mut Walk<'t, 'b, T>;

    /// A step one level down.
    fn down(&mut self, at: usize, step: impl FnOnce(&mut Self, usize) -> Made) -> Made {
        if !self.walk().enter() {
            return None;
        }
        let made = step(self, at);
        self.walk().level -= 1;
        made
    }

    /// The value of a whole expression, paid for.
    fn evaluated(&mut self, at: usize, step: impl FnOnce(&mut Self, usize) -> Made) -> Made {
        let (value, end) = self.down(at, step)?;
        Some((self.walk().hold(value.bounded()?)?, end))
    }
}
