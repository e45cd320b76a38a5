//! Expressions of Visual Basic whose value is in the text.

use std::collections::HashMap;
use std::ops::Range;

use script_facts::basic::TEXTS;

use super::assigned::{Assigned, assigned, in_block, once};
use super::functions::{FUNCTIONS, call};
use super::loops::{self, Loop, Over};
use super::token::{Placed, Token};
use crate::budget::Budget;
use crate::limits::{MAX_ELEMENTS, MAX_VALUE};
use crate::script::{Made, Value, Walk, Walks};

/// Bytes that the passes of one loop copy.
const MAX_COPIED: usize = 16 << 20;

/// Operators that are words.
const OPERATORS: [&str; 7] = ["and", "or", "xor", "not", "mod", "eqv", "imp"];

pub struct Evaluator<'t, 'b> {
    walk: Walk<'t, 'b, Token>,
    /// What names are, and from which token on.
    values: HashMap<String, (usize, Option<Value>)>,
    /// What they are within the loop that is gone through.
    locals: HashMap<String, Value>,
    in_block: Vec<bool>,
}

impl<'t, 'b> Walks<'t, 'b, Token> for Evaluator<'t, 'b> {
    fn walk(&mut self) -> &mut Walk<'t, 'b, Token> {
        &mut self.walk
    }
}

impl<'t, 'b> Evaluator<'t, 'b> {
    pub fn new(tokens: &'t [Placed], budget: &'b mut Budget) -> Self {
        let walk = Walk::new(tokens, budget);
        let (values, locals) = (HashMap::new(), HashMap::new());
        let mut evaluator = Self { walk, values, locals, in_block: in_block(tokens) };
        let assigned = assigned(tokens);
        let loops = loops::find(tokens);
        let mut open = loops.iter().peekable();
        for (name, at) in once(&assigned) {
            while let Some(one) = open.next_if(|one| one.place.end <= at) {
                evaluator.go_through(one, &assigned);
            }
            let value = evaluator.constant(at).filter(|made| evaluator.ends(made.1)).map(|made| made.0);
            evaluator.values.insert(name, (0, value));
        }
        open.for_each(|one| evaluator.go_through(one, &assigned));
        evaluator
    }

    /// Gives what a loop sets the values that it has behind the loop.
    fn go_through(&mut self, one: &Loop<'_>, assigned: &Assigned<'_>) {
        let is_done = self.looped(one, assigned).is_some();
        let mut locals = std::mem::take(&mut self.locals);
        for step in one.body.iter().filter(|_| is_done) {
            if let Some(value) = locals.remove(step.name) {
                self.values.insert(step.name.to_owned(), (one.place.end, Some(value)));
            }
        }
    }

    fn looped(&mut self, one: &Loop<'_>, assigned: &Assigned<'_>) -> Option<()> {
        for step in &one.body {
            let value = self.before(&one.place, assigned.get(step.name)?)?;
            self.locals.insert(step.name.to_owned(), value);
        }
        match one.over {
            Over::List(at) => {
                let (value, end) = self.constant(at)?;
                let Value::List(items) = value else { return None };
                if !self.ends(end) || !self.may_pass(one, items.len()) {
                    return None;
                }
                items.into_iter().try_for_each(|item| self.pass(one, item))
            }
            Over::Numbers(at) => {
                let (from, to, by) = self.numbers(at)?;
                let is_past = if by > 0 { from > to } else { from < to };
                let count = usize::try_from(to.checked_sub(from)?.checked_div(by)?.checked_add(1)?).ok()?;
                if is_past || !self.may_pass(one, count) {
                    return None;
                }
                (0..i64::try_from(count).ok()?).try_for_each(|index| self.pass(one, Value::Int(from + index * by)))
            }
        }
    }

    /// `from To to Step by`
    fn numbers(&mut self, at: usize) -> Option<(i64, i64, i64)> {
        let (from, end) = self.constant(at)?;
        let (to, mut end) = if self.is_name(end, &["to"]) { self.constant(end + 1)? } else { return None };
        let mut by = 1;
        if self.is_name(end, &["step"]) {
            let (value, behind) = self.constant(end + 1)?;
            (by, end) = (value.int()?, behind);
        }
        let (Value::Int(from), Value::Int(to)) = (from, to) else { return None };
        self.ends(end).then_some((from, to, by))
    }

    /// What a name is before a loop: nothing, or what it gets in the one place outside.
    fn before(&mut self, place: &Range<usize>, places: &[usize]) -> Option<Value> {
        let mut outside = places.iter().filter(|&at| !place.contains(at));
        let value = match (outside.next(), outside.next()) {
            (None, _) => Value::Text(String::new()),
            (Some(&at), None) if at < place.start && self.in_block.get(at) == Some(&false) => {
                let (value, end) = self.constant(at)?;
                self.ends(end).then_some(value)?
            }
            _ => return None,
        };
        Some(value)
    }

    /// Whether there is room for all that each pass copies: the values that are named in the loop.
    fn may_pass(&self, one: &Loop<'_>, count: usize) -> bool {
        let named = one.place.clone().filter_map(|at| match self.walk.token(at) {
            Some(Token::Name(name)) => self.known(name, at),
            _ => None,
        });
        let size: usize = named.filter(|value| !matches!(value, Value::List(_))).map(Value::size).sum();
        count <= MAX_ELEMENTS && count.saturating_mul(size) <= MAX_COPIED
    }

    /// A loop's body, once.
    fn pass(&mut self, one: &Loop<'_>, item: Value) -> Option<()> {
        self.locals.insert(one.name.to_owned(), item);
        for step in &one.body {
            let way = if step.adds.is_some() { Self::texts } else { Self::joined };
            let (value, end) = self.down(step.value, way)?;
            // Numbers are added to numbers.
            let is_text = step.adds != Some('+') || matches!(value, Value::Text(_));
            if !self.ends(end) || !is_text || !self.walk.budget.spend(value.size() / 16 + 1) {
                return None;
            }
            if step.adds.is_some() {
                let Some(Value::Text(text)) = self.locals.get_mut(step.name) else { return None };
                text.push_str(&value.text()?);
                if text.len() > MAX_VALUE {
                    return None;
                }
            } else {
                self.locals.insert(step.name.to_owned(), value.bounded()?);
            }
        }
        Some(())
    }

    /// What a name is at a token.
    fn known(&self, name: &str, at: usize) -> Option<&Value> {
        if let Some(value) = self.locals.get(name) {
            return Some(value);
        }
        let (from, value) = self.values.get(name)?;
        value.as_ref().filter(|_| *from <= at)
    }

    fn ends(&self, at: usize) -> bool {
        matches!(self.walk.token(at), None | Some(Token::Line | Token::Sign(':')))
            || matches!(self.walk.token(at), Some(Token::Name(name)) if name == "else")
    }

    pub fn may_begin(&self, at: usize) -> bool {
        let begins = match self.walk.token(at) {
            Some(Token::Text(_) | Token::Sign('(') | Token::Number(_)) => true,
            Some(Token::Name(name)) => {
                let is_text = matches!(self.known(name, at), Some(Value::Text(_))) && self.walk.is(at + 1, '&');
                is_text || (FUNCTIONS.contains(&name.as_str()) && self.walk.is(at + 1, '('))
            }
            _ => false,
        };
        if !begins {
            return false;
        }
        match at.checked_sub(1).and_then(|before| self.walk.token(before)) {
            Some(Token::Sign('&' | '(' | ',' | '=' | ':' | '<' | '>')) | Some(Token::Line) | None => true,
            // Behind a sum of what is not known, only texts that are put together go on so.
            Some(Token::Sign('+')) => !matches!(self.walk.token(at), Some(Token::Number(_))),
            // What binds as strongly as what follows may already have the first of it.
            Some(Token::Name(name)) if OPERATORS.contains(&name.as_str()) && !self.walk.is(at, '(') => {
                matches!(self.walk.token(at), Some(Token::Text(_)))
            }
            Some(Token::Name(name)) => {
                !self.walk.is(at, '(') || matches!(name.as_str(), "and" | "or" | "if" | "then" | "execute" | "case")
            }
            _ => false,
        }
    }

    pub fn constant(&mut self, at: usize) -> Made {
        self.evaluated(at, Self::joined)
    }

    /// `Xor` binds less than `&`; beside `And` and `Or`, which bind more, nothing is known of it.
    fn joined(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.texts(at)?;
        while self.is_name(at, &["xor"]) {
            let (right, end) = self.down(at + 1, Self::texts)?;
            if self.is_name(end, &["and", "or"]) {
                return None;
            }
            (value, at) = (Value::Int(value.int()? ^ right.int()?), end);
        }
        Some((value, at))
    }

    fn is_name(&self, at: usize, names: &[&str]) -> bool {
        matches!(self.walk.token(at), Some(Token::Name(name)) if names.contains(&name.as_str()))
    }

    /// `... & ...`
    fn texts(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.sum(at)?;
        while self.walk.is(at, '&') {
            let Some((right, end)) = self.down(at + 1, Self::sum) else { return Some((value, at)) };
            // What follows binds more: `right` is a part of it.
            if ['+', '-', '*', '/', '\\', '^'].into_iter().any(|sign| self.walk.is(end, sign)) {
                return Some((value, at));
            }
            let mut text = value.text()?;
            let more = right.text()?;
            if !self.walk.budget.spend(more.len() / 16 + 1) {
                return None;
            }
            text.push_str(&more);
            (value, at) = (Value::Text(text).bounded()?, end);
        }
        Some((value, at))
    }

    fn sum(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.product(at)?;
        loop {
            let is_plus = self.walk.is(at, '+');
            if !is_plus && !self.walk.is(at, '-') {
                return Some((value, at));
            }
            let Some((right, end)) = self.down(at + 1, Self::product) else { return Some((value, at)) };
            value = match (&value, &right, is_plus) {
                (Value::Text(one), Value::Text(two), true) => Value::Text(format!("{one}{two}")).bounded()?,
                (Value::Text(_), _, true) | (_, Value::Text(_), true) => return Some((value, at)),
                (one, two, true) => Value::Int(one.int()?.checked_add(two.int()?)?),
                (one, two, false) => Value::Int(one.int()?.checked_sub(two.int()?)?),
            };
            if !self.walk.budget.spend(value.size() / 16) {
                return None;
            }
            at = end;
        }
    }

    /// `Mod` binds less than `\`, and that less than `*` and `/`.
    fn product(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.whole(at)?;
        while self.is_name(at, &["mod"]) {
            let (right, end) = self.down(at + 1, Self::whole)?;
            (value, at) = (Value::Int(value.int()?.checked_rem(right.int()?)?), end);
        }
        Some((value, at))
    }

    fn whole(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.factors(at)?;
        while self.walk.is(at, '\\') {
            let (right, end) = self.down(at + 1, Self::factors)?;
            (value, at) = (Value::Int(value.int()?.checked_div(right.int()?)?), end);
        }
        Some((value, at))
    }

    fn factors(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.unary(at)?;
        loop {
            let is_times = self.walk.is(at, '*');
            if !is_times && !self.walk.is(at, '/') {
                // Powers are not taken, and bind more.
                return if self.walk.is(at, '^') { None } else { Some((value, at)) };
            }
            let (right, end) = self.down(at + 1, Self::unary)?;
            let (one, two) = (value.int()?, right.int()?);
            // What does not come out even is no whole number.
            let made = if is_times {
                one.checked_mul(two)?
            } else if one.checked_rem(two)? == 0 {
                one.checked_div(two)?
            } else {
                return None;
            };
            (value, at) = (Value::Int(made), end);
        }
    }

    fn unary(&mut self, at: usize) -> Made {
        if self.walk.is(at, '-') {
            let (value, end) = self.down(at + 1, Self::unary)?;
            return Some((Value::Int(value.int()?.checked_neg()?), end));
        }
        let (mut value, mut at) = if self.is_element(at) { self.element(at)? } else { self.primary(at)? };
        // An element of a list.
        while matches!(value, Value::List(_)) && self.walk.is(at, '(') {
            let (index, end) = self.down(at + 1, Self::joined)?;
            let Value::List(items) = &value else { return None };
            let item = items.get(usize::try_from(index.int()?).ok()?)?.clone();
            if !self.walk.is(end, ')') {
                return None;
            }
            (value, at) = (item, end + 1);
        }
        Some((value, at))
    }

    /// `name(...)` of a known list
    fn is_element(&self, at: usize) -> bool {
        let Some(Token::Name(name)) = self.walk.token(at) else { return false };
        self.walk.is(at + 1, '(') && matches!(self.known(name, at), Some(Value::List(_)))
    }

    /// One element, without a copy of all.
    fn element(&mut self, at: usize) -> Made {
        let Token::Name(name) = self.walk.token(at)? else { return None };
        let (index, end) = self.down(at + 2, Self::joined)?;
        let Some(Value::List(items)) = self.known(name, at) else { return None };
        let item = items.get(usize::try_from(index.int()?).ok()?)?.clone();
        if self.walk.is(end, ')') { Some((self.walk.hold(item)?, end + 1)) } else { None }
    }

    fn primary(&mut self, at: usize) -> Made {
        match self.walk.token(at)? {
            Token::Text(text) if self.walk.budget.spend(text.len() / 16) => Some((Value::Text(text.clone()), at + 1)),
            Token::Number(number) => Some((Value::Int(*number), at + 1)),
            Token::Sign('(') => {
                let (value, end) = self.down(at + 1, Self::joined)?;
                if self.walk.is(end, ')') { Some((value, end + 1)) } else { None }
            }
            Token::Name(name) if FUNCTIONS.contains(&name.as_str()) => {
                // `Chr$(65)`
                let open = at + 1 + usize::from(self.walk.is(at + 1, '$'));
                if !self.walk.is(open, '(') {
                    return None;
                }
                let (arguments, end) = self.arguments(open + 1)?;
                if !self.walk.budget.spend(arguments.iter().map(Value::size).sum::<usize>() / 16) {
                    return None;
                }
                Some((call(name, &arguments)?.bounded()?, end))
            }
            Token::Name(name) => {
                if self.locals.contains_key(name) || self.values.contains_key(name) {
                    let value = self.known(name, at)?.clone();
                    return Some((self.walk.hold(value)?, at + 1));
                }
                let known = TEXTS.iter().find(|known| known.0 == name)?;
                Some((Value::Text(known.1.to_owned()), at + 1))
            }
            _ => None,
        }
    }

    fn arguments(&mut self, mut at: usize) -> Option<(Vec<Value>, usize)> {
        let mut values = Vec::new();
        if self.walk.is(at, ')') {
            return Some((values, at + 1));
        }
        loop {
            let (value, end) = self.down(at, Self::joined)?;
            values.push(value);
            at = end + 1;
            match self.walk.token(end)? {
                Token::Sign(',') => {}
                Token::Sign(')') => return Some((values, at)),
                _ => return None,
            }
        }
    }
}
