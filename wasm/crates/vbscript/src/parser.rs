//! Tokens to a tree: statements. What cannot be read is passed over to the end of its line, and counted.

use std::rc::Rc;

use crate::ast::{Binary, Block, Case, Class, Exit, Expression, Name, Procedure, Script, Statement};
use crate::lexer::{Token, WITH, tokens};

/// Statements within statements.
const MAX_DEPTH: usize = 60;

/// Something that is not as it should be; where it was is known by the parser.
pub struct Unreadable;

pub type Parsed<T> = Result<T, Unreadable>;

#[must_use]
pub fn parse(text: &str) -> Script {
    let mut parser = Parser { tokens: tokens(text), at: 0, depth: 0, script: Script::default() };
    parser.all();
    parser.script
}

/// One expression alone; None for what is none.
#[must_use]
pub fn parse_expression(text: &str) -> Option<Expression> {
    let mut parser = Parser { tokens: tokens(text), at: 0, depth: 0, script: Script::default() };
    let expression = parser.expression().ok()?;
    parser.is_at_end().then_some(expression)
}

pub struct Parser {
    tokens: Vec<Token>,
    at: usize,
    pub(crate) depth: usize,
    script: Script,
}

impl Parser {
    fn all(&mut self) {
        while self.at < self.tokens.len() {
            let before = self.at;
            match self.statement() {
                Ok(found) => self.script.statements.extend(found),
                Err(Unreadable) => self.pass_over(),
            }
            if self.at == before {
                self.at += 1;
            }
        }
    }

    fn pass_over(&mut self) {
        self.script.unread += 1;
        while !matches!(self.peek(), None | Some(Token::End)) {
            self.at += 1;
        }
    }

    // -- tokens ----------------------------------------------------------------------------------------------------

    pub(crate) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    pub(crate) fn peek_behind(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1)
    }

    pub(crate) fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    pub(crate) fn is_at_end(&self) -> bool {
        matches!(self.peek(), None | Some(Token::End | Token::Colon))
    }

    fn skip_ends(&mut self) {
        while matches!(self.peek(), Some(Token::End | Token::Colon)) {
            self.at += 1;
        }
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Name(name, _)) if **name == *word)
    }

    fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }

    pub(crate) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(it)) if *it == sign);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn need_word(&mut self, word: &str) -> Parsed<()> {
        if self.take_word(word) { Ok(()) } else { Err(Unreadable) }
    }

    pub(crate) fn need_sign(&mut self, sign: &str) -> Parsed<()> {
        if self.take_sign(sign) { Ok(()) } else { Err(Unreadable) }
    }

    pub(crate) fn name(&mut self) -> Parsed<Name> {
        match self.next() {
            Some(Token::Name(lower, _)) => Ok(lower),
            _ => Err(Unreadable),
        }
    }

    /// Whether the next two are these words.
    fn are_words(&self, one: &str, other: &str) -> bool {
        self.is_word(one) && matches!(self.peek_behind(), Some(Token::Name(name, _)) if **name == *other)
    }

    // -- blocks ----------------------------------------------------------------------------------------------------

    /// Statements up to one that begins with such a word, which is left.
    fn block(&mut self, ends: &[&str]) -> Parsed<Block> {
        if self.depth >= MAX_DEPTH {
            return Err(Unreadable);
        }
        self.depth += 1;
        let mut statements = Vec::new();
        loop {
            self.skip_ends();
            if self.peek().is_none() || self.is_any(ends) && !self.is_statement_end() {
                break;
            }
            let before = self.at;
            match self.statement() {
                Ok(found) => statements.extend(found),
                Err(Unreadable) => self.pass_over(),
            }
            if self.at == before {
                self.at += 1;
            }
        }
        self.depth -= 1;
        Ok(statements.into())
    }

    /// `End` alone ends the program, and is no end of a block.
    fn is_statement_end(&self) -> bool {
        self.is_word("end") && !matches!(self.peek_behind(), Some(Token::Name(..)))
    }

    /// `End If` and its like; a file that ends before is borne.
    fn end(&mut self, what: &str) -> Parsed<()> {
        if self.peek().is_none() {
            return Ok(());
        }
        self.need_word("end")?;
        self.need_word(what)
    }

    // -- statements ------------------------------------------------------------------------------------------------

    fn statement(&mut self) -> Parsed<Vec<Statement>> {
        self.skip_ends();
        let Some(Token::Name(word, _)) = self.peek().cloned() else {
            return self.of_sign();
        };
        if matches!(self.peek_behind(), Some(Token::Colon))
            && !matches!(&*word, "else" | "loop" | "wend" | "do" | "end" | "next" | "stop" | "beep" | "randomize")
        {
            self.at += 2;
            return Ok(vec![Statement::Label(word)]);
        }
        // A name that is used as a variable, whatever it is elsewhere.
        if matches!(self.peek_behind(), Some(Token::Sign("=" | "."))) {
            return self.simple();
        }
        match &*word {
            "public" | "private" | "friend" | "global" | "static" | "default" => {
                self.at += 1;
                self.visible()
            }
            "dim" => {
                self.at += 1;
                self.dim()
            }
            "redim" => self.redim(),
            "const" => self.constants(),
            "sub" | "function" | "property" | "declare" | "class" | "enum" | "type" => self.declaration(),
            "option" | "attribute" | "implements" | "event" | "randomize" | "beep" | "doevents" | "version"
            | "begin" | "stop" => {
                self.pass_quietly();
                Ok(Vec::new())
            }
            "set" | "let" | "lset" | "rset" => {
                self.at += 1;
                self.assignment(&*word == "set")
            }
            "call" => {
                self.at += 1;
                Ok(vec![Statement::Call(self.postfix()?)])
            }
            "if" => self.condition(),
            "select" => self.select(),
            "for" => self.counted(),
            "while" | "do" => self.loops(),
            "with" => self.with(),
            "exit" => self.exit(),
            "on" => self.on_error(),
            "goto" => {
                self.at += 1;
                Ok(vec![Statement::GoTo(self.name()?)])
            }
            "resume" => {
                self.pass_quietly();
                Ok(vec![Statement::Resume])
            }
            "end" if self.is_statement_end() => {
                self.at += 1;
                Ok(vec![Statement::End])
            }
            "erase" => self.erase(),
            "open" => self.open(),
            "print" | "write" | "put" => self.print(&word),
            "close" => self.close(),
            _ => self.simple(),
        }
    }

    fn pass_quietly(&mut self) {
        while !self.is_at_end() {
            self.at += 1;
        }
    }

    /// `.member ...` in a `With`, and `#If`.
    fn of_sign(&mut self) -> Parsed<Vec<Statement>> {
        match self.peek() {
            Some(Token::Sign("." | WITH)) => self.simple(),
            Some(Token::Sign("#")) => self.conditional(),
            // A number before a line is a label.
            Some(Token::Number(_)) => {
                self.at += 1;
                Ok(Vec::new())
            }
            None => Ok(Vec::new()),
            _ => Err(Unreadable),
        }
    }

    /// `#If VBA7 Then`: of the branches the first is read, as a new Office does.
    fn conditional(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        let Ok(word) = self.name() else { return Err(Unreadable) };
        self.pass_quietly();
        if !matches!(&*word, "else" | "elseif") {
            return Ok(Vec::new());
        }
        let mut depth = 0_usize;
        while self.peek().is_some() {
            if self.take_sign("#") {
                match (self.name().as_deref().unwrap_or_default(), depth) {
                    ("if", _) => depth += 1,
                    ("end", 0) => break,
                    ("end", _) => depth -= 1,
                    _ => {}
                }
            } else {
                self.at += 1;
            }
        }
        self.pass_quietly();
        Ok(Vec::new())
    }

    fn visible(&mut self) -> Parsed<Vec<Statement>> {
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

    fn dim(&mut self) -> Parsed<Vec<Statement>> {
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

    fn redim(&mut self) -> Parsed<Vec<Statement>> {
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

    fn constants(&mut self) -> Parsed<Vec<Statement>> {
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

    fn declaration(&mut self) -> Parsed<Vec<Statement>> {
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

    fn assignment(&mut self, is_set: bool) -> Parsed<Vec<Statement>> {
        let target = self.postfix()?;
        self.need_sign("=")?;
        Ok(vec![Statement::Assign(target, self.expression()?, is_set)])
    }

    /// An assignment, or a call whose arguments need no parentheses.
    fn simple(&mut self) -> Parsed<Vec<Statement>> {
        let target = self.postfix()?;
        if self.take_sign("=") {
            return Ok(vec![Statement::Assign(target, self.expression()?, false)]);
        }
        if self.is_at_end() || self.is_word("else") {
            return Ok(vec![Statement::Call(target)]);
        }
        // `f (a), b` and `f (a) & b`: what stood in parentheses was the first argument only.
        let (function, first) = match target {
            Expression::Call(function, args) if args.len() == 1 => (*function, args.first().cloned()),
            other => (other, None),
        };
        let args = match first {
            Some(first) => self.arguments_after(first)?,
            None => self.arguments()?,
        };
        if self.is_at_end() || self.is_word("else") {
            return Ok(vec![Statement::Call(Expression::Call(Box::new(function), args.into()))]);
        }
        Err(Unreadable)
    }

    fn condition(&mut self) -> Parsed<Vec<Statement>> {
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

    fn select(&mut self) -> Parsed<Vec<Statement>> {
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

    fn counted(&mut self) -> Parsed<Vec<Statement>> {
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

    fn loops(&mut self) -> Parsed<Vec<Statement>> {
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

    fn with(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        let subject = self.expression()?;
        let block = self.block(&["end"])?;
        self.end("with")?;
        Ok(vec![Statement::With(subject, block)])
    }

    fn exit(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        let exit = match &*self.name()? {
            "do" => Exit::Do,
            "for" => Exit::For,
            _ => Exit::Procedure,
        };
        Ok(vec![Statement::Exit(exit)])
    }

    fn on_error(&mut self) -> Parsed<Vec<Statement>> {
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

    fn erase(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        let mut names = vec![self.name()?];
        while self.take_sign(",") {
            names.push(self.name()?);
        }
        Ok(vec![Statement::Erase(names)])
    }

    // -- files of VBA ----------------------------------------------------------------------------------------------

    fn open(&mut self) -> Parsed<Vec<Statement>> {
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
    fn print(&mut self, word: &str) -> Parsed<Vec<Statement>> {
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

    fn close(&mut self) -> Parsed<Vec<Statement>> {
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
