//! Tokens to a tree: statements. What cannot be read is passed over to the end of its line, and counted.

mod control;
mod declarations;
mod files;

use crate::ast::{Block, Expression, Name, Script, Statement};
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

    fn erase(&mut self) -> Parsed<Vec<Statement>> {
        self.at += 1;
        let mut names = vec![self.name()?];
        while self.take_sign(",") {
            names.push(self.name()?);
        }
        Ok(vec![Statement::Erase(names)])
    }
}
