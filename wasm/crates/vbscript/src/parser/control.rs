//! What decides which statements run: conditions, loops, blocks of `With`, and what errors do.

use std::rc::Rc;

use super::{MAX_DEPTH, Parsed, Parser, Unreadable};
use crate::ast::{Block, Case, Exit, Expression, Statement};
use crate::lexer::Token;

impl Parser {
    pub(super) fn condition(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        let condition = self.expression()?;
        self.need_word("then")?;
        let ends_line = match self.peek() {
            None | Some(Token::End) => true,
            Some(Token::Colon) => matches!(self.peek_behind(), Some(Token::End)),
            _ => false,
        };
        if !ends_line {
            return self.condition_in_line(condition);
        }
        let mut branches = vec![(condition, self.block(&["end", "else", "elseif"])?)];
        let mut otherwise: Block = Rc::new([]);
        loop {
            if self.take_word("elseif") {
                let condition = self.expression()?;
                self.need_word("then")?;
                branches.push((condition, self.block(&["end", "else", "elseif"])?));
            } else if self.take_word("else") {
                if self.take_word("if") {
                    let condition = self.expression()?;
                    self.need_word("then")?;
                    branches.push((condition, self.block(&["end", "else", "elseif"])?));
                } else {
                    otherwise = self.block(&["end"])?;
                }
            } else {
                break;
            }
        }
        self.end("if")?;
        Ok(vec![Statement::If(branches, otherwise)])
    }

    fn condition_in_line(&mut self, condition: Expression) -> Parsed<Vec<Statement>> {
        let then = self.in_line()?;
        let otherwise = if self.take_word("else") { self.in_line()? } else { Rc::new([]) };
        if self.are_words("end", "if") {
            self.at += 2;
        }
        Ok(vec![Statement::If(vec![(condition, then)], otherwise)])
    }

    /// Statements to the end of the line, or to its `Else`.
    fn in_line(&mut self) -> Parsed<Block> {
        if self.depth >= MAX_DEPTH {
            return Err(Unreadable);
        }
        self.depth += 1;
        let mut statements = Vec::new();
        while !matches!(self.peek(), None | Some(Token::End)) && !self.is_word("else") && !self.are_words("end", "if") {
            if matches!(self.peek(), Some(Token::Colon)) {
                self.at += 1;
                continue;
            }
            statements.extend(self.statement()?);
        }
        self.depth -= 1;
        Ok(statements.into())
    }

    pub(super) fn select(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        self.need_word("case")?;
        let subject = self.expression()?;
        let mut cases = Vec::new();
        self.skip_ends();
        while self.take_word("case") {
            let tests = if self.take_word("else") { Vec::new() } else { self.cases()? };
            cases.push((tests, self.block(&["case", "end"])?));
        }
        self.end("select")?;
        Ok(vec![Statement::Select(subject, cases)])
    }

    fn cases(&mut self) -> Parsed<Vec<Case>> {
        let mut cases = Vec::new();
        loop {
            if self.take_word("is") {
                let operator = self.comparison().ok_or(Unreadable)?;
                cases.push(Case::Compared(operator, self.expression()?));
            } else {
                let one = self.expression()?;
                cases.push(if self.take_word("to") { Case::Between(one, self.expression()?) } else { Case::Is(one) });
            }
            if !self.take_sign(",") {
                return Ok(cases);
            }
        }
    }

    pub(super) fn counted(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        if self.take_word("each") {
            let variable = self.postfix()?;
            self.need_word("in")?;
            let list = self.expression()?;
            let block = self.block(&["next"])?;
            self.next_word();
            return Ok(vec![Statement::ForEach(variable, list, block)]);
        }
        let variable = self.postfix()?;
        self.need_sign("=")?;
        let from = self.expression()?;
        self.need_word("to")?;
        let to = self.expression()?;
        let step = if self.take_word("step") { Some(self.expression()?) } else { None };
        let block = self.block(&["next"])?;
        self.next_word();
        Ok(vec![Statement::For(variable, from, to, step, block)])
    }

    /// `Next`, and the variable that may follow.
    fn next_word(&mut self) {
        self.take_word("next");
        self.pass_quietly();
    }

    pub(super) fn loops(&mut self) -> Parsed<Vec<Statement>> {
        if self.take_word("while") {
            let condition = self.expression()?;
            let block = self.block(&["wend"])?;
            self.take_word("wend");
            return Ok(vec![Statement::Loop { before: Some((condition, true)), behind: None, block }]);
        }
        self.at += 1;
        let before = self.loop_condition()?;
        let block = self.block(&["loop"])?;
        self.take_word("loop");
        let behind = self.loop_condition()?;
        Ok(vec![Statement::Loop { before, behind, block }])
    }

    fn loop_condition(&mut self) -> Parsed<Option<(Expression, bool)>> {
        let goes_while = self.take_word("while");
        if !goes_while && !self.take_word("until") {
            return Ok(None);
        }
        Ok(Some((self.expression()?, goes_while)))
    }

    pub(super) fn with(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        let subject = self.expression()?;
        let block = self.block(&["end"])?;
        self.end("with")?;
        Ok(vec![Statement::With(subject, block)])
    }

    pub(super) fn exit(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        let exit = match &*self.name()? {
            "do" => Exit::Do,
            "for" => Exit::For,
            _ => Exit::Procedure,
        };
        Ok(vec![Statement::Exit(exit)])
    }

    pub(super) fn on_error(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        self.need_word("error")?;
        if self.take_word("resume") {
            self.take_word("next");
            return Ok(vec![Statement::OnErrorResume]);
        }
        self.need_word("goto")?;
        match self.next() {
            Some(Token::Name(label, _)) => Ok(vec![Statement::OnErrorGoTo(label)]),
            Some(Token::Number(_)) => Ok(vec![Statement::OnErrorStop]),
            _ => Err(Unreadable),
        }
    }
}
