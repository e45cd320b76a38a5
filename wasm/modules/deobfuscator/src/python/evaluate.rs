//! Expressions of Python whose value is in the text: literals, decoders of the standard library, lambdas over them.

use std::collections::HashMap;

use super::format;
use super::methods::{self, is_decoder, number};
use super::token::{Piece, Placed, Token};
use crate::budget::Budget;
use crate::limits::MAX_VALUE;
use crate::script::{Made, Value, Walk, Walks, letters};

#[derive(Clone)]
struct Lambda {
    parameter: String,
    body: usize,
}

pub struct Evaluator<'t, 'b> {
    walk: Walk<'t, 'b, Token>,
    values: HashMap<String, Option<Value>>,
    lambdas: HashMap<String, Lambda>,
    /// Other names of functions: `from base64 import b64decode as d`.
    aliases: HashMap<String, String>,
    /// Parameters and loop variables, the innermost last.
    bound: Vec<(String, Value)>,
}

impl<'t, 'b> Walks<'t, 'b, Token> for Evaluator<'t, 'b> {
    fn walk(&mut self) -> &mut Walk<'t, 'b, Token> {
        &mut self.walk
    }
}

impl<'t, 'b> Evaluator<'t, 'b> {
    pub fn new(tokens: &'t [Placed], budget: &'b mut Budget) -> Self {
        let mut evaluator = Self {
            walk: Walk::new(tokens, budget),
            values: HashMap::new(),
            lambdas: HashMap::new(),
            aliases: aliases(tokens),
            bound: Vec::new(),
        };
        for (name, at) in assigned_once(tokens) {
            if let Some(lambda) = evaluator.lambda(at) {
                evaluator.lambdas.insert(name, lambda);
                continue;
            }
            let value = evaluator.constant(at).filter(|made| evaluator.ends(made.1)).map(|made| made.0);
            evaluator.values.insert(name, value);
        }
        evaluator
    }

    /// Where a decoder of a module is called: the module's name.
    pub fn decoders(&self) -> Vec<usize> {
        let name = |at: usize| match self.walk.token(at) {
            Some(Token::Name(name)) => Some(name.as_str()),
            _ => None,
        };
        (0..self.walk.tokens.len())
            .filter(|&at| {
                name(at).is_some()
                    && self.walk.is(at + 1, '.')
                    && name(at + 2).is_some_and(is_decoder)
                    && !at.checked_sub(1).is_some_and(|before| self.walk.is(before, '.'))
            })
            .take(256)
            .collect()
    }

    fn is_name(&self, at: usize, name: &str) -> bool {
        matches!(self.walk.token(at), Some(Token::Name(found)) if found == name)
    }

    fn ends(&self, at: usize) -> bool {
        matches!(self.walk.token(at), None | Some(Token::Line | Token::Sign(';')))
    }

    fn lambda(&self, at: usize) -> Option<Lambda> {
        if !self.is_name(at, "lambda") || !self.walk.is(at + 2, ':') {
            return None;
        }
        let Some(Token::Name(parameter)) = self.walk.token(at + 1) else { return None };
        Some(Lambda { parameter: parameter.clone(), body: at + 3 })
    }

    pub fn constant(&mut self, at: usize) -> Made {
        self.evaluated(at, Self::xored)
    }

    fn xored(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.sum(at)?;
        while self.walk.is(at, '^') {
            let (right, end) = self.down(at + 1, Self::sum)?;
            (value, at) = (Value::Int(number(&value)? ^ number(&right)?), end);
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
            let (right, end) = self.down(at + 1, Self::product)?;
            value = match (value, right, is_plus) {
                (Value::Text(one), Value::Text(two), true) => Value::Text(one + &two),
                (Value::Bytes(one), Value::Bytes(two), true) => Value::Bytes([one, two].concat()),
                (Value::List(one), Value::List(two), true) => Value::List([one, two].concat()),
                (Value::Int(one), Value::Int(two), true) => Value::Int(one.checked_add(two)?),
                (Value::Int(one), Value::Int(two), false) => Value::Int(one.checked_sub(two)?),
                _ => return None,
            };
            if !self.walk.budget.spend(value.size() / 16) {
                return None;
            }
            value = value.bounded()?;
            at = end;
        }
    }

    fn product(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.unary(at)?;
        while self.walk.is(at, '*') || self.walk.is(at, '%') {
            let is_times = self.walk.is(at, '*');
            let (right, end) = self.down(at + 1, Self::unary)?;
            value = match (&value, &right, is_times) {
                (Value::Text(text), right, false) => Value::Text(self.percent(text, right, at + 1)?).bounded()?,
                (Value::Int(one), Value::Int(two), true) => Value::Int(one.checked_mul(*two)?),
                (Value::Int(one), Value::Int(two), false) => Value::Int(one.checked_rem_euclid(*two)?),
                (Value::Text(text), Value::Int(count), true) => {
                    let count =
                        usize::try_from(*count).ok().filter(|count| text.len().saturating_mul(*count) <= MAX_VALUE)?;
                    Value::Text(text.repeat(count))
                }
                _ => return None,
            };
            at = end;
        }
        Some((value, at))
    }

    /// `pattern % right`, where the right begins at a token. A tuple has several values; a list is one, which is written
    /// as its source would be.
    fn percent(&mut self, pattern: &str, right: &Value, at: usize) -> Option<String> {
        let is_tuple = self.walk.is(at, '(') && !self.walk.is(at + 1, '[');
        let arguments = match right {
            Value::List(items) if is_tuple => items.as_slice(),
            Value::List(_) => return None,
            one => std::slice::from_ref(one),
        };
        if !self.walk.budget.spend((pattern.len() + right.size()) / 16 + 1) {
            return None;
        }
        format::percent(pattern, arguments)
    }

    fn unary(&mut self, at: usize) -> Made {
        if self.walk.is(at, '-') {
            let (value, end) = self.down(at + 1, Self::unary)?;
            return Some((Value::Int(number(&value)?.checked_neg()?), end));
        }
        let (mut value, mut at) = self.primary(at)?;
        loop {
            if self.walk.is(at, '[') {
                (value, at) = self.subscript(&value, at + 1)?;
            } else if self.walk.is(at, '.') {
                (value, at) = self.method(&value, at + 1)?;
            } else {
                return Some((value, at));
            }
        }
    }

    fn primary(&mut self, at: usize) -> Made {
        match self.walk.token(at)? {
            Token::Text(_) | Token::Formatted(_) => self.texts(at),
            Token::Bytes(first) if self.walk.budget.spend(first.len() / 16) => {
                let (mut bytes, mut at) = (first.clone(), at + 1);
                while let Some(Token::Bytes(more)) = self.walk.token(at) {
                    bytes.extend_from_slice(more);
                    at += 1;
                }
                Some((Value::Bytes(bytes), at))
            }
            Token::Number(number) => Some((Value::Int(*number), at + 1)),
            Token::Sign('(') => self.parentheses(at),
            Token::Sign('[') => self.list(at + 1, ']'),
            Token::Name(name) => self.name(name, at),
            _ => None,
        }
    }

    /// Texts that stand side by side are one.
    fn texts(&mut self, mut at: usize) -> Made {
        let mut text = String::new();
        loop {
            match self.walk.token(at) {
                Some(Token::Text(more)) if self.walk.budget.spend(more.len() / 16) => text.push_str(more),
                Some(Token::Formatted(pieces)) => text.push_str(&self.formatted(pieces)?),
                Some(Token::Text(_)) => return None,
                _ => return Some((Value::Text(text).bounded()?, at)),
            }
            at += 1;
        }
    }

    /// A text with the values of its places.
    fn formatted(&mut self, pieces: &'t [Piece]) -> Option<String> {
        let mut done = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => done.push_str(text),
                Piece::Place(tokens, form) => done.push_str(&format::shown(&self.placed(tokens)?, form)?),
            }
            if !self.walk.budget.spend(done.len() / 16 + 1) || done.len() > MAX_VALUE {
                return None;
            }
        }
        Some(done)
    }

    /// The value of an expression that has tokens of its own. Lambdas are places among the others: nothing is called.
    fn placed(&mut self, tokens: &'t [Placed]) -> Option<Value> {
        if tokens.iter().any(|placed| placed.token == Token::Sign('(')) {
            return None;
        }
        let outer = std::mem::replace(&mut self.walk.tokens, tokens);
        let made = self.down(0, Self::xored);
        self.walk.tokens = outer;
        made.filter(|made| made.1 == tokens.len()).map(|made| made.0)
    }

    /// A value in parentheses, a tuple, or a lambda that is called.
    fn parentheses(&mut self, at: usize) -> Made {
        if let Some(lambda) = self.lambda(at + 1) {
            let close = self.closing(at)?;
            if !self.walk.is(close + 1, '(') {
                return None;
            }
            return self.apply(&lambda, close + 2);
        }
        // `(name)(...)`
        if let (Some(Token::Name(name)), true, true) =
            (self.walk.token(at + 1), self.walk.is(at + 2, ')'), self.walk.is(at + 3, '('))
            && let Some(lambda) = self.lambdas.get(name).cloned()
        {
            return self.apply(&lambda, at + 4);
        }
        let (value, end) = self.down(at + 1, Self::xored)?;
        if self.walk.is(end, ')') {
            return Some((value, end + 1));
        }
        if self.is_name(end, "for") {
            return self.list(at + 1, ')');
        }
        // The first element of a tuple is known: to evaluate it anew would double the work on each level.
        if self.walk.is(end, ',') { self.elements(vec![value], end + 1, at + 1, ')') } else { None }
    }

    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for at in open..self.walk.tokens.len() {
            match self.walk.token(at) {
                Some(Token::Sign('(' | '[' | '{')) => depth += 1,
                Some(Token::Sign(')' | ']' | '}')) => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The value of a lambda for the argument at a token, and what is behind the closing parenthesis.
    fn apply(&mut self, lambda: &Lambda, argument: usize) -> Made {
        let (value, end) = self.down(argument, Self::xored)?;
        if !self.walk.is(end, ')') {
            return None;
        }
        self.bound.push((lambda.parameter.clone(), value));
        let made = self.down(lambda.body, Self::xored);
        self.bound.pop();
        Some((made?.0, end + 1))
    }

    /// Elements up to a bracket, or one for each of something.
    fn list(&mut self, start: usize, close: char) -> Made {
        self.elements(Vec::new(), start, start, close)
    }

    /// The rest of a list that begins at `start`.
    fn elements(&mut self, mut items: Vec<Value>, mut at: usize, start: usize, close: char) -> Made {
        loop {
            if self.walk.is(at, close) {
                return Some((Value::List(items), at + 1));
            }
            let is_loop = items.is_empty() && self.loop_at(start).is_some();
            if is_loop {
                return self.comprehension(start, close);
            }
            let (item, end) = self.down(at, Self::xored)?;
            items.push(item);
            if !self.walk.budget.spend(1) {
                return None;
            }
            at = if self.walk.is(end, ',') { end + 1 } else { end };
            if at == end && !self.walk.is(at, close) {
                return None;
            }
        }
    }

    /// Where the `for` of a comprehension stands that begins at a token.
    fn loop_at(&self, start: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for at in start..self.walk.tokens.len().min(start + 64) {
            match self.walk.token(at) {
                Some(Token::Sign('(' | '[' | '{')) => depth += 1,
                Some(Token::Sign(')' | ']' | '}')) if depth == 0 => return None,
                Some(Token::Sign(')' | ']' | '}')) => depth -= 1,
                Some(Token::Sign(',')) if depth == 0 => return None,
                Some(Token::Name(name)) if depth == 0 && name == "for" => return Some(at),
                _ => {}
            }
        }
        None
    }

    fn comprehension(&mut self, start: usize, close: char) -> Made {
        let at = self.loop_at(start)?;
        let Some(Token::Name(variable)) = self.walk.token(at + 1) else { return None };
        if !self.is_name(at + 2, "in") {
            return None;
        }
        let (over, end) = self.down(at + 3, Self::xored)?;
        if !self.walk.is(end, close) {
            return None;
        }
        let items: Vec<Value> = match &over {
            Value::Text(text) => letters(text, |letter| Value::Text(letter.to_string()))?,
            other => other.items(),
        };
        let mut made = Vec::with_capacity(items.len());
        for item in items {
            self.bound.push((variable.clone(), item));
            let one = self.down(start, Self::xored);
            self.bound.pop();
            let (value, stop) = one?;
            if stop != at || !self.walk.budget.spend(2) {
                return None;
            }
            made.push(value);
        }
        Some((Value::List(made), end + 1))
    }

    fn name(&mut self, name: &str, at: usize) -> Made {
        if let Some((_, value)) = self.bound.iter().rev().find(|bound| bound.0 == name) {
            return Some((self.walk.hold(value.clone())?, at + 1));
        }
        if let Some(value) = self.values.get(name) {
            return Some((self.walk.hold(value.clone()?)?, at + 1));
        }
        if self.walk.is(at + 1, '(') {
            if let Some(lambda) = self.lambdas.get(name).cloned() {
                return self.apply(&lambda, at + 2);
            }
            let real = self.aliases.get(name).cloned().unwrap_or_else(|| name.to_owned());
            if real == "__import__" {
                let (module, end) = self.down(at + 2, Self::xored)?;
                return if self.walk.is(end, ')') { Some((Value::Name(module.text()?), end + 1)) } else { None };
            }
            let (arguments, end) = self.arguments(at + 2)?;
            return Some((methods::function("", &real, &arguments)?.bounded()?, end));
        }
        // A module, or a type whose method is called.
        self.walk
            .is(at + 1, '.')
            .then(|| (Value::Name(self.aliases.get(name).cloned().unwrap_or_else(|| name.to_owned())), at + 1))
    }

    fn arguments(&mut self, mut at: usize) -> Option<(Vec<Value>, usize)> {
        let mut values = Vec::new();
        loop {
            if self.walk.is(at, ')') {
                return Some((values, at + 1));
            }
            if values.is_empty() && self.loop_at(at).is_some() {
                let (value, end) = self.comprehension(at, ')')?;
                return Some((vec![value], end));
            }
            // `name=value`
            if matches!(self.walk.token(at), Some(Token::Name(_))) && self.walk.is(at + 1, '=') {
                at += 2;
            }
            // A function that is handed on.
            if let (Some(Token::Name(name)), true) = (self.walk.token(at), self.walk.is(at + 1, ','))
                && matches!(name.as_str(), "chr" | "ord" | "int")
            {
                values.push(Value::Name(name.clone()));
                at += 2;
                continue;
            }
            let (value, end) = self.down(at, Self::xored)?;
            values.push(value);
            at = if self.walk.is(end, ',') { end + 1 } else { end };
            if at == end && !self.walk.is(at, ')') {
                return None;
            }
        }
    }

    fn subscript(&mut self, value: &Value, at: usize) -> Made {
        // `[::-1]`
        if self.walk.is(at, ':')
            && self.walk.is(at + 1, ':')
            && self.walk.is(at + 2, '-')
            && self.walk.token(at + 3) == Some(&Token::Number(1))
            && self.walk.is(at + 4, ']')
        {
            let turned = match value {
                Value::Text(text) => Value::Text(text.chars().rev().collect()),
                Value::Bytes(bytes) => Value::Bytes(bytes.iter().rev().copied().collect()),
                Value::List(items) => Value::List(items.iter().rev().cloned().collect()),
                _ => return None,
            };
            return Some((turned, at + 5));
        }
        let (index, end) = self.down(at, Self::xored)?;
        if !self.walk.is(end, ']') {
            return None;
        }
        if !self.walk.budget.spend(value.size() / 16) {
            return None;
        }
        let length = match value {
            Value::Text(text) => text.chars().count(),
            Value::List(items) => items.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => return None,
        };
        let index = number(&index)?;
        let index =
            usize::try_from(if index < 0 { index.checked_add(i64::try_from(length).ok()?)? } else { index }).ok()?;
        let item = match value {
            Value::Text(text) => Value::Text(text.chars().nth(index)?.to_string()),
            Value::List(items) => items.get(index)?.clone(),
            Value::Bytes(bytes) => Value::Int(i64::from(*bytes.get(index)?)),
            _ => return None,
        };
        Some((item, end + 1))
    }

    fn method(&mut self, value: &Value, at: usize) -> Made {
        let Some(Token::Name(name)) = self.walk.token(at) else { return None };
        if !self.walk.is(at + 1, '(') {
            // A module in a module.
            return matches!(value, Value::Name(_)).then(|| (Value::Name(name.clone()), at + 1));
        }
        let (arguments, end) = self.arguments(at + 2)?;
        if !self.walk.budget.spend(value.size() / 16 + 1) {
            return None;
        }
        let made = match value {
            Value::Name(module) => methods::function(module, name, &arguments)?,
            other => methods::method(other, name, &arguments)?,
        };
        Some((made.bounded()?, end))
    }
}

/// `import x as y`, `from x import y as z`: z is y.
fn aliases(tokens: &[Placed]) -> HashMap<String, String> {
    let name = |at: usize| match tokens.get(at).map(|placed| &placed.token) {
        Some(Token::Name(name)) => Some(name.clone()),
        _ => None,
    };
    (0..tokens.len())
        .filter(|&at| name(at).is_some_and(|word| word == "as"))
        .filter_map(|at| Some((name(at + 1)?, name(at.checked_sub(1)?)?)))
        .take(256)
        .collect()
}

/// Names that get a value in one place, in the order of these.
fn assigned_once(tokens: &[Placed]) -> Vec<(String, usize)> {
    let mut places: HashMap<&str, (usize, usize)> = HashMap::new();
    for (at, placed) in tokens.iter().enumerate() {
        let Token::Name(name) = &placed.token else { continue };
        let sign = |ahead: usize| match tokens.get(at + ahead).map(|placed| &placed.token) {
            Some(Token::Sign(sign)) => *sign,
            _ => ' ',
        };
        let before = at.checked_sub(1).map(|before| &tokens[before].token);
        let begins = matches!(before, None | Some(Token::Line | Token::Sign(';' | ':')));
        let is_loop = matches!(before, Some(Token::Name(word)) if matches!(word.as_str(), "for" | "def" | "class" | "global" | "as"));
        if begins && sign(1) == '=' && sign(2) != '=' {
            let place = places.entry(name).or_default();
            *place = (at + 2, place.1 + 1);
        } else if is_loop || (matches!(sign(1), '+' | '-' | '*' | '/' | '^' | '|' | '&' | '%') && sign(2) == '=') {
            places.entry(name).or_default().1 += 2;
        }
    }
    let mut all: Vec<(String, usize)> =
        places.into_iter().filter(|(_, place)| place.1 == 1).map(|(name, place)| (name.to_owned(), place.0)).collect();
    all.sort_by_key(|(_, at)| *at);
    all
}
