//! Expressions of PowerShell whose value is in the text.

use std::collections::HashMap;

use super::changes::{Change, Kind, are_followed, changes, deeper, in_block, in_call};
use super::methods;
use super::token::{Placed, Token, unescaped};
use crate::budget::Budget;
use crate::limits::MAX_VALUE;
use crate::script::{Made, Value, Walk, Walks, listed};

/// What every Windows has.
const KNOWN: [(&str, &str); 9] = [
    ("pshome", "C:\\Windows\\System32\\WindowsPowerShell\\v1.0"),
    ("shellid", "Microsoft.PowerShell"),
    ("env:comspec", "C:\\WINDOWS\\system32\\cmd.exe"),
    ("env:public", "C:\\Users\\Public"),
    ("verbosepreference", "SilentlyContinue"),
    ("debugpreference", "SilentlyContinue"),
    ("warningpreference", "Continue"),
    ("env:systemroot", "C:\\WINDOWS"),
    ("env:windir", "C:\\WINDOWS"),
];
/// Elements of a range.
const MAX_RANGE: i64 = 100_000;

pub struct Evaluator<'t, 'b> {
    walk: Walk<'t, 'b, Token>,
    /// What each variable is, and from which token on; None where that is not known.
    values: HashMap<String, Vec<(usize, Option<Value>)>>,
    /// Whether a token is in braces: nobody knows when that is run.
    in_block: Vec<bool>,
    /// Whether a token is an argument of a method, or a part of one.
    in_call: Vec<bool>,
    /// What is read is an argument: a comma ends it.
    is_argument: bool,
    /// `$_`
    item: Option<Value>,
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

    /// Gives a variable its next value. One that never has another has it everywhere: functions that use it may stand
    /// before.
    fn change(&mut self, name: &str, change: &Change, types: &[Placed], is_only: bool) {
        if is_only {
            // Its value may be made of itself, which is nothing yet.
            self.values.insert(name.to_owned(), vec![(0, None)]);
        }
        let (value, end) = match change.kind {
            Kind::Assigned | Kind::Added => {
                let made = self.constant(change.at).filter(|made| self.ends(made.1));
                let end = made.as_ref().map_or_else(|| self.statement_end(change.at), |made| made.1);
                let is_added = change.kind == Kind::Added;
                let made = made.map(|made| made.0);
                let value = if is_added { made.and_then(|more| self.added(name, change.at, &more)) } else { made };
                (value.and_then(|value| self.declared(types, value)), end)
            }
            Kind::Reversed => (self.reversed(name, change.at), change.at + 1),
            Kind::Unknown => (None, 0),
        };
        if is_only {
            self.values.insert(name.to_owned(), vec![(0, value)]);
        } else {
            self.values.entry(name.to_owned()).or_default().push((end, value));
        }
    }

    /// What a variable is with more of it.
    fn added(&mut self, name: &str, at: usize, more: &Value) -> Option<Value> {
        let value = methods::plus(self.variable(name, at)?, more)?;
        if !self.walk.budget.spend(value.size() / 16) {
            return None;
        }
        self.walk.hold(value.bounded()?)
    }

    fn declared(&mut self, types: &[Placed], value: Value) -> Option<Value> {
        let mut value = value;
        for placed in types.iter().rev() {
            let Token::Type(name) = &placed.token else { return None };
            value = self.walk.hold(methods::cast(name, value)?.bounded()?)?;
        }
        Some(value)
    }

    /// A list, the other way round. Of a text it would be a copy that is turned.
    fn reversed(&mut self, name: &str, at: usize) -> Option<Value> {
        let mut value = self.variable(name, at)?;
        match &mut value {
            Value::List(items) => items.reverse(),
            Value::Bytes(bytes) => bytes.reverse(),
            _ => return None,
        }
        Some(value)
    }

    /// The token behind a statement whose value is not known.
    fn statement_end(&mut self, at: usize) -> usize {
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
    fn ends(&self, at: usize) -> bool {
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
    fn apart(&self, at: usize) -> bool {
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

    fn is_in_call(&self, at: usize) -> bool {
        self.in_call.get(at).copied().unwrap_or(false)
    }

    /// A step within brackets, which say anew whether a comma makes a list.
    fn within(&mut self, at: usize, is_argument: bool, step: impl FnOnce(&mut Self, usize) -> Made) -> Made {
        let outer = std::mem::replace(&mut self.is_argument, is_argument);
        let made = self.down(at, step);
        self.is_argument = outer;
        made
    }

    /// `... | % { ... }`
    fn pipeline(&mut self, at: usize) -> Made {
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

    fn compared(&mut self, at: usize) -> Made {
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

    fn list(&mut self, at: usize) -> Made {
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

    /// A name, in quotes or not, and the token behind it.
    fn member_name(&mut self, at: usize) -> Option<(String, usize)> {
        match self.walk.token(at)? {
            Token::Word(name, _) => Some((name.clone(), at + 1)),
            Token::Text(name) => Some((name.to_ascii_lowercase(), at + 1)),
            Token::Sign('(') => {
                let (value, end) = self.within(at + 1, false, Self::pipeline)?;
                if self.walk.is(end, ')') { Some((value.text()?.to_ascii_lowercase(), end + 1)) } else { None }
            }
            _ => None,
        }
    }

    /// None inside: there are no parentheses.
    #[allow(clippy::type_complexity, reason = "arguments, and the token behind them")]
    fn arguments(&mut self, at: usize) -> Option<(Option<Vec<Value>>, usize)> {
        if !self.walk.is(at, '(') || self.apart(at) {
            return Some((None, at));
        }
        if self.walk.is(at + 1, ')') {
            return Some((Some(Vec::new()), at + 2));
        }
        let (value, end) = self.down(at + 1, Self::call_list)?;
        if !self.walk.is(end, ')') {
            return None;
        }
        let Value::List(values) = value else { return None };
        Some((Some(values), end + 1))
    }

    /// Arguments: a comma ends one, and makes no list.
    fn call_list(&mut self, mut at: usize) -> Made {
        let mut values = Vec::new();
        loop {
            let (value, end) = self.within(at, true, Self::compared)?;
            values.push(value);
            if !self.walk.is(end, ',') {
                return Some((Value::List(values), end));
            }
            at = end + 1;
        }
    }

    fn primary(&mut self, at: usize) -> Made {
        let made = |value| Some((value, at + 1));
        match self.walk.token(at)? {
            Token::Text(text) if self.walk.budget.spend(text.len() / 16) => made(Value::Text(text.clone())),
            Token::Expanding(raw) => made(Value::Text(self.expand(raw, at)?)),
            Token::Number(number) => made(Value::Int(*number)),
            Token::Variable(name) if name == "_" || name == "psitem" => made(self.walk.hold(self.item.clone()?)?),
            Token::Variable(name) => made(self.variable(name, at)?),
            Token::Type(name) => made(Value::Name(name.clone())),
            Token::Sign('(') | Token::Signs("$(" | "@(") => {
                let is_list = self.walk.token(at) == Some(&Token::Signs("@("));
                let (value, end) = self.within(at + 1, false, Self::inside)?;
                if !self.walk.is(end, ')') {
                    return None;
                }
                Some((
                    if is_list && !matches!(value, Value::List(_) | Value::Bytes(_)) {
                        Value::List(vec![value])
                    } else {
                        value
                    },
                    end + 1,
                ))
            }
            Token::Word(word, _) if word == "new-object" => self.new_object(at + 1),
            _ => None,
        }
    }

    /// In parentheses there may be one of a few commands.
    fn inside(&mut self, at: usize) -> Made {
        if let (Some(Token::Word(word, _)), Some(Token::Text(name) | Token::Word(name, _))) =
            (self.walk.token(at), self.walk.token(at + 1))
        {
            let is_drives = matches!(word.as_str(), "get-variable" | "gv" | "variable")
                && name.to_ascii_lowercase().contains("mdr");
            if is_drives {
                // The only variable with such a name.
                return Some((Value::Name("maximumdrivecount".to_owned()), at + 2));
            }
        }
        self.pipeline(at)
    }

    /// `New-Object Type(arguments)`: streams are the bytes that come out of them.
    fn new_object(&mut self, mut at: usize) -> Made {
        let mut name = String::new();
        while let Some(Token::Word(part, _)) = self.walk.token(at) {
            name.push_str(part);
            at += 1;
            if !self.walk.is(at, '.') {
                break;
            }
            name.push('.');
            at += 1;
        }
        let (arguments, end) = match self.arguments_apart(at)? {
            (Value::List(values), end) => (values, end),
            (value, end) => (vec![value], end),
        };
        Some((methods::stream(&name, &arguments)?, end))
    }

    fn arguments_apart(&mut self, mut at: usize) -> Made {
        if matches!(self.walk.token(at), Some(Token::Word(word, _)) if word.starts_with("-a")) {
            at += 1;
        }
        if !self.walk.is(at, '(') {
            return self.down(at, Self::list);
        }
        let (value, end) = self.down(at + 1, Self::call_list)?;
        if self.walk.is(end, ')') { Some((value, end + 1)) } else { None }
    }

    /// What a variable is at a token.
    fn variable(&mut self, name: &str, at: usize) -> Option<Value> {
        if self.values.contains_key(name) {
            let value = self.value_at(name, at)?.clone();
            return self.walk.hold(value);
        }
        KNOWN.iter().find(|known| known.0 == name).map(|known| Value::Text(known.1.to_owned()))
    }

    fn value_at(&self, name: &str, at: usize) -> Option<&Value> {
        let values = self.values.get(name)?;
        // The first place is 0 where there is one value for all.
        if values.first()?.0 > 0 && self.in_block.get(at).is_none_or(|is_in| *is_in) {
            return None;
        }
        values.iter().rev().find(|(from, _)| *from <= at)?.1.as_ref()
    }

    /// The text of a token with its variables put in; None where one is not known.
    pub fn expand(&mut self, raw: &str, at: usize) -> Option<String> {
        let mut done = String::new();
        let mut rest = raw;
        while let Some(sign) = rest.find('$') {
            if rest[..sign].ends_with('`') {
                return None;
            }
            done.push_str(&rest[..sign]);
            rest = &rest[sign + 1..];
            let (name, behind) = match rest.strip_prefix('{') {
                Some(inner) => inner.split_once('}')?,
                None => {
                    let end = rest
                        .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                        .unwrap_or(rest.len());
                    if end == 0 {
                        return None;
                    }
                    rest.split_at(end)
                }
            };
            if behind.starts_with(['[', ':']) {
                return None;
            }
            let value = self.value_at(&name.to_ascii_lowercase(), at)?.text()?;
            if !self.walk.budget.spend(value.len() / 16 + 1) || done.len() + value.len() > MAX_VALUE {
                return None;
            }
            done.push_str(&value);
            rest = behind;
        }
        done.push_str(rest);
        let Value::Text(text) = self.walk.hold(Value::Text(unescaped(&done.replace("\"\"", "\""))))? else {
            return None;
        };
        Some(text)
    }
}
