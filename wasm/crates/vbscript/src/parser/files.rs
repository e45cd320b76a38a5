//! Statements for files, which only VBA has.

use super::{Parsed, Parser};
use crate::ast::Statement;
use crate::lexer::Token;

impl Parser {
    pub(super) fn open(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        let path = self.expression()?;
        self.need_word("for")?;
        let mode = self.name()?;
        while !self.take_word("as") {
            self.name()?;
        }
        self.take_sign("#");
        Ok(vec![Statement::Open(path, mode, self.expression()?)])
    }

    /// `Print #1, a; b`, `Write #1, a`, `Put #1, place, a`
    pub(super) fn print(&mut self, word: &str) -> Parsed<Vec<Statement>> {
        if !matches!(self.peek_behind(), Some(Token::Sign("#"))) {
            return self.simple();
        }
        self.at += 2;
        let number = self.primary()?;
        let mut what = Vec::new();
        let mut ends_line = word != "put";
        if self.take_sign(",") {
            if word == "put" && !self.take_sign(",") {
                self.expression()?;
                self.need_sign(",")?;
            }
            while !self.is_at_end() {
                what.push(self.expression()?);
                ends_line = word != "put";
                if self.take_sign(";") {
                    ends_line = false;
                } else if !self.take_sign(",") {
                    break;
                }
            }
        }
        Ok(vec![Statement::Print(number, what, ends_line)])
    }

    pub(super) fn close(&mut self) -> Parsed<Vec<Statement>> {
        if !matches!(self.peek_behind(), Some(Token::Sign("#") | Token::End | Token::Colon | Token::Number(_)) | None) {
            return self.simple();
        }
        self.at += 1;
        let mut numbers = Vec::new();
        while !self.is_at_end() {
            self.take_sign("#");
            numbers.push(self.expression()?);
            if !self.take_sign(",") {
                break;
            }
        }
        Ok(vec![Statement::Close(numbers)])
    }
}
