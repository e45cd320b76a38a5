//! What PowerShell's expressions are made of: texts, variables, brackets, new objects, and the arguments of calls.

use super::evaluate::Evaluator;
use super::methods;
use super::token::Token;
use crate::script::{Made, Value, Walks};

impl Evaluator<'_, '_> {
    /// A name, in quotes or not, and the token behind it.
    pub fn member_name(&mut self, at: usize) -> Option<(String, usize)> {
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
    pub fn arguments(&mut self, at: usize) -> Option<(Option<Vec<Value>>, usize)> {
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

    pub fn primary(&mut self, at: usize) -> Made {
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
}
