//! Tokens to a tree: expressions, by the precedence of Basic.

use crate::ast::{Binary, Expression, Unary};
use crate::lexer::{Token, WITH};
use crate::parser::{Parsed, Parser, Unreadable};

/// Expressions within expressions.
const MAX_DEPTH: usize = 80;

/// The weakest first.
const LEVELS: [&[(&str, Binary)]; 11] = [
    &[("imp", Binary::Imp)],
    &[("eqv", Binary::Eqv)],
    &[("xor", Binary::Xor)],
    &[("or", Binary::Or)],
    &[("and", Binary::And)],
    // `Not` is between these.
    &[
        ("=", Binary::Equal),
        ("<>", Binary::Unequal),
        ("<=", Binary::UpTo),
        (">=", Binary::From),
        ("=<", Binary::UpTo),
        ("=>", Binary::From),
        ("<", Binary::Less),
        (">", Binary::Greater),
        ("is", Binary::Is),
        ("like", Binary::Like),
    ],
    &[("&", Binary::Join)],
    &[("+", Binary::Add), ("-", Binary::Subtract)],
    &[("mod", Binary::Modulo)],
    &[("\\", Binary::Whole)],
    &[("*", Binary::Multiply), ("/", Binary::Divide)],
];
const NOT: usize = 5;

impl Parser {
    pub(crate) fn expression(&mut self) -> Parsed<Expression> {
        if self.depth >= MAX_DEPTH {
            return Err(Unreadable);
        }
        self.depth += 1;
        let found = self.level(0);
        self.depth -= 1;
        found
    }

    /// What stands between operators that bind at least so strongly. Chains of one strength lie flat.
    fn level(&mut self, least: usize) -> Parsed<Expression> {
        let mut left = if least <= NOT && self.take_word("not") {
            Expression::Unary(Unary::Not, Box::new(self.nested(NOT)?))
        } else {
            self.unary()?
        };
        let mut chained = None;
        while let Some((level, operator)) = self.operator_of(least) {
            let right = self.nested(level + 1)?;
            left = match left {
                Expression::Chain(first, mut rest) if chained == Some(level) => {
                    rest.push((operator, right));
                    Expression::Chain(first, rest)
                }
                left => Expression::Chain(Box::new(left), vec![(operator, right)]),
            };
            chained = Some(level);
        }
        Ok(left)
    }

    fn operator_of(&mut self, least: usize) -> Option<(usize, Binary)> {
        let levels = LEVELS.iter().enumerate().skip(least);
        for (level, operators) in levels {
            if let Some(operator) = self.operator(operators) {
                return Some((level, operator));
            }
        }
        None
    }

    fn nested(&mut self, level: usize) -> Parsed<Expression> {
        if self.depth >= MAX_DEPTH {
            return Err(Unreadable);
        }
        self.depth += 1;
        let found = self.level(level);
        self.depth -= 1;
        found
    }

    fn operator(&mut self, operators: &[(&str, Binary)]) -> Option<Binary> {
        let found = match self.peek()? {
            Token::Sign(sign) => operators.iter().find(|(known, _)| known == sign),
            Token::Name(name, _) => operators.iter().find(|(known, _)| **known == **name),
            _ => None,
        };
        let operator = found.map(|(_, operator)| *operator)?;
        self.next();
        Some(operator)
    }

    pub(crate) fn comparison(&mut self) -> Option<Binary> {
        self.operator(LEVELS[NOT])
    }

    fn unary(&mut self) -> Parsed<Expression> {
        let operator = match self.peek() {
            Some(Token::Sign("-")) => Unary::Minus,
            Some(Token::Sign("+")) => Unary::Plus,
            Some(Token::Name(name, _)) if **name == *"not" => Unary::Not,
            _ => return self.power(),
        };
        self.next();
        if self.depth >= MAX_DEPTH {
            return Err(Unreadable);
        }
        self.depth += 1;
        let operand = self.unary();
        self.depth -= 1;
        Ok(Expression::Unary(operator, Box::new(operand?)))
    }

    /// Powers bind from the left; only a sign before the exponent binds more.
    fn power(&mut self) -> Parsed<Expression> {
        let base = self.postfix()?;
        let mut rest = Vec::new();
        while self.take_sign("^") {
            let exponent = if matches!(self.peek(), Some(Token::Sign("-" | "+"))) {
                let is_minus = self.take_sign("-") || !self.take_sign("+");
                let operator = if is_minus { Unary::Minus } else { Unary::Plus };
                Expression::Unary(operator, Box::new(self.postfix()?))
            } else {
                self.postfix()?
            };
            rest.push((Binary::Power, exponent));
        }
        Ok(if rest.is_empty() { base } else { Expression::Chain(Box::new(base), rest) })
    }

    /// What members, indexes and calls hang on.
    pub(crate) fn postfix(&mut self) -> Parsed<Expression> {
        let mut found = self.primary()?;
        for _ in 0..MAX_DEPTH {
            if self.take_sign("(") {
                let args = self.arguments_to_parenthesis()?;
                found = Expression::Call(Box::new(found), args.into());
            } else if self.take_sign(".") || self.take_sign("!") {
                let Some(Token::Name(_, written)) = self.next() else { return Err(Unreadable) };
                found = Expression::Member(Box::new(found), written);
            } else {
                return Ok(found);
            }
        }
        Err(Unreadable)
    }

    pub(crate) fn primary(&mut self) -> Parsed<Expression> {
        Ok(match self.peek().cloned().ok_or(Unreadable)? {
            Token::Sign("." | WITH) => {
                self.next();
                let Some(Token::Name(_, written)) = self.next() else { return Err(Unreadable) };
                Expression::Member(Box::new(Expression::With), written)
            }
            Token::Sign("(") => {
                self.next();
                let inner = self.expression()?;
                self.need_sign(")")?;
                Expression::Value(Box::new(inner))
            }
            token => {
                self.next();
                self.of_token(token)?
            }
        })
    }

    fn of_token(&mut self, token: Token) -> Parsed<Expression> {
        Ok(match token {
            Token::Text(text) => Expression::Text(text),
            Token::Number(number) => Expression::Number(number),
            Token::Date(date) => Expression::Date(date),
            Token::Name(lower, written) => match &*lower {
                "true" => Expression::Bool(true),
                "false" => Expression::Bool(false),
                "empty" => Expression::Empty,
                "null" => Expression::Null,
                "nothing" => Expression::Nothing,
                "new" => self.made()?,
                "byval" => return self.postfix(),
                "then" | "else" | "to" | "step" | "and" | "or" | "in" => return Err(Unreadable),
                _ => Expression::Name(lower, written),
            },
            _ => return Err(Unreadable),
        })
    }

    /// `New Word.Application`
    fn made(&mut self) -> Parsed<Expression> {
        let Some(Token::Name(_, written)) = self.next() else { return Err(Unreadable) };
        let mut name = written.to_string();
        while self.take_sign(".") {
            let Some(Token::Name(_, part)) = self.next() else { return Err(Unreadable) };
            name = format!("{name}.{part}");
        }
        Ok(Expression::New(name.into()))
    }

    fn arguments_to_parenthesis(&mut self) -> Parsed<Vec<Expression>> {
        if self.take_sign(")") {
            return Ok(Vec::new());
        }
        let args = self.arguments()?;
        self.need_sign(")")?;
        Ok(args)
    }

    /// Arguments with commas between; those that are left out are empty, names are passed over.
    pub(crate) fn arguments(&mut self) -> Parsed<Vec<Expression>> {
        let mut args = Vec::new();
        loop {
            if matches!(self.peek(), Some(Token::Sign("," | ")"))) || self.is_at_end() {
                args.push(Expression::Empty);
            } else {
                if matches!(self.peek_behind(), Some(Token::Sign(":="))) {
                    self.next();
                    self.next();
                }
                args.push(self.expression()?);
            }
            if !self.take_sign(",") {
                return Ok(args);
            }
        }
    }

    /// The first argument is read already, as far as its parentheses go: it may go on.
    pub(crate) fn arguments_after(&mut self, first: Expression) -> Parsed<Vec<Expression>> {
        let mut rest = Vec::new();
        while let Some((level, operator)) = self.operator_of(0) {
            rest.push((operator, self.level(level + 1)?));
        }
        let first = if rest.is_empty() { first } else { Expression::Chain(Box::new(first), rest) };
        let mut args = vec![first];
        if self.take_sign(",") {
            args.extend(self.arguments()?);
        }
        Ok(args)
    }
}
