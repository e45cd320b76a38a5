//! Declarations: variables, constants, procedures, classes, and functions of libraries.

use std::rc::Rc;

use super::{Parsed, Parser, Unreadable};
use crate::ast::{Binary, Class, Expression, Name, Procedure, Statement};
use crate::lexer::Token;

impl Parser {
    pub(super) fn visible(&mut self) -> Parsed<Vec<Statement>> {
        if self.is_any(&["sub", "function", "property", "declare", "class", "enum", "type"]) {
            return self.declaration();
        }
        if self.is_word("const") {
            return self.constants();
        }
        if self.is_any(&["default", "static", "event"]) {
            self.at += 1;
            return self.visible();
        }
        self.dim()
    }

    pub(super) fn dim(&mut self) -> Parsed<Vec<Statement>> {
        let mut names = Vec::new();
        loop {
            self.take_word("withevents");
            let name = self.name()?;
            let bounds = if self.take_sign("(") { Some(self.bounds()?) } else { None };
            self.pass_type();
            names.push((name, bounds));
            if !self.take_sign(",") {
                break;
            }
        }
        Ok(vec![Statement::Dim(names)])
    }

    /// Upper bounds up to the parenthesis; `1 To 5` is read as 5.
    fn bounds(&mut self) -> Parsed<Vec<Expression>> {
        let mut bounds = Vec::new();
        while !self.take_sign(")") {
            let mut bound = self.expression()?;
            if self.take_word("to") {
                bound = self.expression()?;
            }
            bounds.push(bound);
            if !self.take_sign(",") {
                self.need_sign(")")?;
                break;
            }
        }
        Ok(bounds)
    }

    /// `As New Word.Application * 5`
    fn pass_type(&mut self) {
        if !self.take_word("as") {
            return;
        }
        while matches!(self.peek(), Some(Token::Name(..) | Token::Sign("." | "*") | Token::Number(_))) {
            self.at += 1;
        }
    }

    pub(super) fn redim(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        let keeps = self.take_word("preserve");
        let mut all = Vec::new();
        loop {
            let name = self.name()?;
            self.need_sign("(")?;
            all.push(Statement::ReDim(name, self.bounds()?, keeps));
            self.pass_type();
            if !self.take_sign(",") {
                return Ok(all);
            }
        }
    }

    pub(super) fn constants(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        let mut all = Vec::new();
        loop {
            let name = self.name()?;
            self.pass_type();
            self.need_sign("=")?;
            all.push(Statement::Const(name, self.expression()?));
            if !self.take_sign(",") {
                return Ok(all);
            }
        }
    }

    pub(super) fn declaration(&mut self) -> Parsed<Vec<Statement>> {
        let word = self.name()?;
        match &*word {
            "declare" => self.declared(),
            "class" => self.class(),
            "enum" => self.enumeration(),
            "type" => {
                self.block(&["end"])?;
                self.end("type")?;
                Ok(Vec::new())
            }
            _ => {
                let (procedure, _) = self.procedure(&word)?;
                self.script.procedures.push(Rc::new(procedure));
                Ok(Vec::new())
            }
        }
    }

    fn declared(&mut self) -> Parsed<Vec<Statement>> {
        self.take_word("ptrsafe");
        if !self.take_word("function") {
            self.need_word("sub")?;
        }
        let name = self.name()?;
        let mut library: Rc<str> = "".into();
        if self.take_word("lib")
            && let Some(Token::Text(text)) = self.next()
        {
            library = text;
        }
        let mut alias = name.clone();
        if self.take_word("alias")
            && let Some(Token::Text(text)) = self.next()
        {
            alias = text;
        }
        self.script.declared.push((name, format!("{library}!{alias}").into()));
        self.pass_quietly();
        Ok(Vec::new())
    }

    fn enumeration(&mut self) -> Parsed<Vec<Statement>> {
        self.name()?;
        let mut all = Vec::new();
        let mut next = Expression::Number(0.0);
        loop {
            self.skip_ends();
            if self.peek().is_none() || self.is_word("end") {
                break;
            }
            let name = self.name()?;
            if self.take_sign("=") {
                next = self.expression()?;
            }
            all.push(Statement::Const(name, next.clone()));
            next = Expression::Chain(Box::new(next), vec![(Binary::Add, Expression::Number(1.0))]);
            if all.len() > 1_000 {
                return Err(Unreadable);
            }
        }
        self.end("enum")?;
        Ok(all)
    }

    /// With whether it is a property that is set.
    fn procedure(&mut self, word: &str) -> Parsed<(Procedure, bool)> {
        let sets = word == "property" && !self.take_word("get") && (self.take_word("let") || self.take_word("set"));
        let name = self.name()?;
        let mut parameters = Vec::new();
        if self.take_sign("(") {
            while !self.take_sign(")") {
                parameters.push(self.parameter()?);
                if !self.take_sign(",") {
                    self.need_sign(")")?;
                    break;
                }
            }
        }
        self.pass_type();
        let body = self.block(&["end"])?;
        self.end(word)?;
        Ok((Procedure { name, parameters, body, is_function: word != "sub" && !sets }, sets))
    }

    fn parameter(&mut self) -> Parsed<(Name, bool)> {
        let mut by_value = false;
        while self.is_any(&["byval", "byref", "optional", "paramarray"])
            && matches!(self.peek_behind(), Some(Token::Name(..)))
        {
            by_value |= self.is_word("byval");
            self.at += 1;
        }
        let name = self.name()?;
        if self.take_sign("(") {
            self.need_sign(")")?;
        }
        self.pass_type();
        if self.take_sign("=") {
            self.expression()?;
        }
        Ok((name, by_value))
    }

    fn class(&mut self) -> Parsed<Vec<Statement>> {
        let name = self.name()?;
        let mut class = Class::default();
        loop {
            self.skip_ends();
            if self.peek().is_none() || self.are_words("end", "class") {
                break;
            }
            while self.is_any(&["public", "private", "default"]) {
                self.at += 1;
            }
            if self.is_any(&["sub", "function", "property"]) {
                let word = self.name()?;
                let (procedure, sets) = self.procedure(&word)?;
                let list = if sets { &mut class.setters } else { &mut class.procedures };
                list.push(Rc::new(procedure));
            } else {
                self.take_word("dim");
                if let Ok(found) = self.dim() {
                    for statement in found {
                        if let Statement::Dim(names) = statement {
                            class.fields.extend(names.into_iter().map(|(name, _)| name));
                        }
                    }
                } else {
                    self.pass_over();
                }
            }
        }
        self.end("class")?;
        self.script.classes.push((name, Rc::new(class)));
        Ok(Vec::new())
    }
}
