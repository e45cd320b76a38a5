//! Expressions of PowerShell whose value is in the text.

use std::collections::HashMap;

use super::changes::{Change, are_followed, changes, deeper, in_block, in_call};
use super::methods;
use super::token::{Placed, Token};
use crate::budget::Budget;
use crate::script::{Made, Value, Walk, Walks, listed};

/// Elements of a range.
const MAX_RANGE: i64 = 100_000;

pub struct Evaluator<'t, 'b> {
    pub walk: Walk<'t, 'b, Token>,
    /// What each variable is, and from which token on; None where that is not known.
    pub values: HashMap<String, Vec<(usize, Option<Value>)>>,
    /// Whether a token is in braces: nobody knows when that is run.
    pub in_block: Vec<bool>,
    /// Whether a token is an argument of a method, or a part of one.
    in_call: Vec<bool>,
    /// What is read is an argument: a comma ends it.
    pub is_argument: bool,
    /// `$_`
    pub item: Option<Value>,
}

impl<'t, 'b> Walks<'t, 'b, Token> for Evaluator<'t, 'b> {
    fn walk(&mut self) -> &mut Walk<'t, 'b, Token> {
        &mut self.walk
    }
}

impl<'t, 'b> Evaluator<'t, 'b> {
    pub fn new(tokens: &'t [Placed], budget: &'b mut Budget) -> Self {
        let changes = changes(tokens);
        let mut evaluator = Self {
            walk: Walk::new(tokens, budget),
            values: HashMap::new(),
            in_block: in_block(tokens),
            in_call: in_call(tokens),
            is_argument: false,
            item: None,
        };
        let mut followed: Vec<(&String, &Change, bool)> = Vec::new();
        for (name, changes) in &changes {
            if are_followed(changes) {
                followed.extend(changes.iter().map(|change| (name, change, changes.len() == 1)));
            } else {
                evaluator.values.insert(name.clone(), vec![(0, None)]);
            }
        }
        followed.sort_unstable_by_key(|(_, change, _)| change.at);
        // What a variable was declared as, it stays.
        let mut types: HashMap<&str, &[Placed]> = HashMap::new();
        for (name, change, is_only) in followed {
            if !change.types.is_empty() {
                types.insert(name, tokens.get(change.types.clone()).unwrap_or_default());
            }
            evaluator.change(name, change, types.get(name.as_str()).copied().unwrap_or_default(), is_only);
        }
        evaluator
    }

    /// The token behind a statement whose value is not known.
    pub fn statement_end(&mut self, at: usize) -> usize {
        let (mut end, mut depth) = (at, 0_usize);
        while let Some(token) = self.walk.token(end) {
            if (depth == 0 && self.ends(end)) || !self.walk.budget.spend(1) {
                break;
            }
            depth = deeper(depth, token);
            end += 1;
        }
        end
    }

    /// Whether a statement is over.
    pub fn ends(&self, at: usize) -> bool {
        matches!(self.walk.token(at), None | Some(Token::Line | Token::Sign(';' | '}')))
    }

    /// Whether an expression may begin here that nothing before it takes a part of.
    pub fn may_begin(&self, at: usize) -> bool {
        let begins = matches!(
            self.walk.token(at),
            Some(
                Token::Text(_)
                    | Token::Sign('(')
                    | Token::Signs(_)
                    | Token::Type(_)
                    | Token::Variable(_)
                    | Token::Operator("-join" | "-split" | "-csplit" | "-isplit")
            )
        ) || matches!(self.walk.token(at), Some(Token::Number(_)));
        if !begins {
            return false;
        }
        match at.checked_sub(1).and_then(|before| self.walk.token(before)) {
            None => true,
            Some(Token::Sign(',')) if self.is_in_call(at) => true,
            Some(Token::Sign(sign)) => {
                !matches!(sign, '.' | '*' | '/' | '%' | ',' | '-' | '+' | ')' | ']')
                    || (*sign == '+' && matches!(self.walk.token(at), Some(Token::Text(_) | Token::Sign('('))))
            }
            Some(Token::Operator(_) | Token::Signs("::" | "..") | Token::Type(_)) => {
                matches!(self.walk.token(at), Some(Token::Sign('(')))
            }
            // `name(...)` is a call.
            Some(Token::Word(..) | Token::Text(_) | Token::Expanding(_)) => !self.walk.is(at, '(') || self.apart(at),
            Some(Token::Variable(_)) => false,
            Some(_) => true,
        }
    }

    /// Whether there is a space before a token.
    pub fn apart(&self, at: usize) -> bool {
        at.checked_sub(1)
            .and_then(|before| self.walk.tokens.get(before))
            .is_none_or(|before| before.end < self.walk.tokens[at].start)
    }

    /// A constant that begins at a token: its value, and the token behind it.
    pub fn constant(&mut self, at: usize) -> Made {
        let is_argument = self.is_in_call(at);
        let (value, end) = self.within(at, is_argument, Self::pipeline)?;
        Some((self.walk.hold(value.bounded()?)?, end))
    }

    pub fn is_in_call(&self, at: usize) -> bool {
        self.in_call.get(at).copied().unwrap_or(false)
    }

    /// A step within brackets, which say anew whether a comma makes a list.
    pub fn within(&mut self, at: usize, is_argument: bool, step: impl FnOnce(&mut Self, usize) -> Made) -> Made {
        let outer = std::mem::replace(&mut self.is_argument, is_argument);
        let made = self.down(at, step);
        self.is_argument = outer;
        made
    }

    /// `... | % { ... }`
    pub fn pipeline(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.down(at, Self::compared)?;
        while self.walk.is(at, '|') {
            let is_each = matches!(self.walk.token(at + 1), Some(Token::Sign('%')))
                || matches!(self.walk.token(at + 1), Some(Token::Word(word, _)) if matches!(word.as_str(), "foreach" | "foreach-object"));
            if !is_each || !self.walk.is(at + 2, '{') {
                break;
            }
            (value, at) = self.each(&value, at + 3)?;
        }
        Some((value, at))
    }

    fn each(&mut self, value: &Value, body: usize) -> Made {
        let mut made = Vec::new();
        let mut end = None;
        for item in value.items() {
            let before = self.item.replace(item);
            let one = self.within(body, false, Self::pipeline);
            self.item = before;
            let (value, at) = one?;
            if !self.walk.is(at, '}') || !self.walk.budget.spend(4) {
                return None;
            }
            end = Some(at + 1);
            made.push(value);
        }
        Some((Value::List(made), end?))
    }

    pub fn compared(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.sum(at)?;
        while let Some(Token::Operator(operator)) = self.walk.token(at) {
            let operator = *operator;
            if operator == "-f" {
                break;
            }
            let (right, end) = self.down(at + 1, Self::sum)?;
            value = methods::operator(operator, &value, &right, self.walk.budget)?;
            at = end;
        }
        Some((value, at))
    }

    fn sum(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.product(at)?;
        loop {
            let is_plus = self.walk.is(at, '+');
            let is_minus = self.walk.is(at, '-') && matches!(value, Value::Int(_));
            if !is_plus && !is_minus {
                return Some((value, at));
            }
            let Some((right, end)) = self.down(at + 1, Self::product) else { return Some((value, at)) };
            let made = if is_plus {
                methods::plus(value.clone(), &right)
            } else {
                value.int().zip(right.int()).map(|(one, two)| Value::Int(one.wrapping_sub(two)))
            };
            let Some(made) = made else { return Some((value, at)) };
            if !self.walk.budget.spend(made.size() / 16) {
                return None;
            }
            value = made.bounded()?;
            at = end;
        }
    }

    fn product(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.format(at)?;
        while self.walk.is(at, '*') {
            let (right, end) = self.down(at + 1, Self::format)?;
            value = methods::times(&value, &right)?;
            at = end;
        }
        // Quotients are not taken, and bind as products do.
        if self.walk.is(at, '/') || self.walk.is(at, '%') { None } else { Some((value, at)) }
    }

    fn format(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.range(at)?;
        while let Some(Token::Operator("-f")) = self.walk.token(at) {
            let (right, end) = self.down(at + 1, Self::range)?;
            value = Value::Text(methods::format(&value.text()?, &right.items())?).bounded()?;
            at = end;
        }
        Some((value, at))
    }

    fn range(&mut self, at: usize) -> Made {
        let (value, at) = self.list(at)?;
        let Some(Token::Signs("..")) = self.walk.token(at) else { return Some((value, at)) };
        let (right, end) = self.down(at + 1, Self::list)?;
        let (from, to) = (value.int()?, right.int()?);
        if (to - from).abs() > MAX_RANGE || !self.walk.budget.spend(usize::try_from((to - from).abs()).ok()?) {
            return None;
        }
        let items = if from <= to {
            (from..=to).map(Value::Int).collect()
        } else {
            (to..=from).rev().map(Value::Int).collect()
        };
        Some((Value::List(items), end))
    }

    pub fn list(&mut self, at: usize) -> Made {
        let (first, mut at) = self.unary(at)?;
        if self.is_argument || !self.walk.is(at, ',') {
            return Some((first, at));
        }
        let mut items = vec![first];
        while self.walk.is(at, ',') {
            let next = at + 1 + usize::from(self.walk.token(at + 1) == Some(&Token::Line));
            let (item, end) = self.down(next, Self::unary)?;
            items.push(item);
            at = end;
            if !self.walk.budget.spend(1) {
                return None;
            }
        }
        Some((Value::List(items), at))
    }

    fn unary(&mut self, at: usize) -> Made {
        match self.walk.token(at)? {
            Token::Operator(operator @ ("-join" | "-split" | "-csplit" | "-isplit")) => {
                let operator = *operator;
                let (value, end) = self.down(at + 1, Self::list)?;
                let made = if operator == "-join" {
                    methods::join(&value, "")?
                } else {
                    Value::List(listed(value.text()?.split_whitespace().map(|part| Value::Text(part.to_owned())))?)
                };
                Some((made.bounded()?, end))
            }
            // A list of one.
            Token::Sign(',') => {
                let (value, end) = self.down(at + 1, Self::unary)?;
                Some((Value::List(vec![value]), end))
            }
            Token::Sign(sign @ ('-' | '+')) => {
                let sign = *sign;
                let (value, end) = self.down(at + 1, Self::unary)?;
                let number = value.int()?;
                Some((Value::Int(if sign == '-' { number.wrapping_neg() } else { number }), end))
            }
            Token::Type(name) if self.walk.token(at + 1) != Some(&Token::Signs("::")) => {
                let (value, end) = self.down(at + 1, Self::unary)?;
                Some((methods::cast(name, value)?.bounded()?, end))
            }
            _ => self.postfix(at),
        }
    }

    fn postfix(&mut self, at: usize) -> Made {
        let (mut value, mut at) = self.primary(at)?;
        loop {
            if self.walk.is(at, '[') && !self.apart(at) {
                let (index, end) = self.within(at + 1, false, Self::pipeline)?;
                if !self.walk.is(end, ']') {
                    return None;
                }
                if !self.walk.budget.spend(value.size() / 16) {
                    return None;
                }
                (value, at) = (methods::index(&value, &index)?, end + 1);
            } else if (self.walk.is(at, '.') || self.walk.token(at) == Some(&Token::Signs("::"))) && !self.apart(at) {
                let Some((name, behind)) = self.member_name(at + 1) else { return Some((value, at)) };
                let (arguments, end) = self.arguments(behind)?;
                value = methods::member(&value, &name, arguments.as_deref(), self.walk.budget)?.bounded()?;
                at = end;
            } else {
                return Some((value, at));
            }
        }
    }
}
