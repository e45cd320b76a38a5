//! What a script says, as a tree.

use std::rc::Rc;

pub type Name = Rc<str>;

#[derive(Clone, Debug)]
pub enum Expression {
    Text(Rc<str>),
    Number(f64),
    Date(f64),
    Bool(bool),
    Empty,
    Null,
    Nothing,
    /// In lower case, with how it was written.
    Name(Name, Name),
    Member(Box<Expression>, Name),
    /// What stands before is called, or has an index.
    Call(Box<Expression>, Rc<[Expression]>),
    /// The object of the `With` that it is in.
    With,
    New(Name),
    Unary(Unary, Box<Expression>),
    /// In parentheses: a value, through which nothing is given back.
    Value(Box<Expression>),
    /// Operators one after the other, from the left.
    Chain(Box<Expression>, Vec<(Binary, Expression)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    Not,
    Minus,
    Plus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    Imp,
    Eqv,
    Xor,
    Or,
    And,
    Equal,
    Unequal,
    Less,
    Greater,
    UpTo,
    From,
    Is,
    Like,
    Join,
    Add,
    Subtract,
    Modulo,
    Whole,
    Multiply,
    Divide,
    Power,
}

pub type Block = Rc<[Statement]>;

#[derive(Clone, Debug)]
pub enum Statement {
    /// Names with the upper bounds of arrays.
    Dim(Vec<(Name, Option<Vec<Expression>>)>),
    ReDim(Name, Vec<Expression>, bool),
    Const(Name, Expression),
    /// To what, what, and whether by `Set`.
    Assign(Expression, Expression, bool),
    Call(Expression),
    If(Vec<(Expression, Block)>, Block),
    Select(Expression, Vec<(Vec<Case>, Block)>),
    For(Expression, Expression, Expression, Option<Expression>, Block),
    ForEach(Expression, Expression, Block),
    /// Before or behind the block; whether it goes on while the condition holds or until it does.
    Loop {
        before: Option<(Expression, bool)>,
        behind: Option<(Expression, bool)>,
        block: Block,
    },
    With(Expression, Block),
    Exit(Exit),
    OnErrorResume,
    OnErrorStop,
    OnErrorGoTo(Name),
    GoTo(Name),
    Label(Name),
    Resume,
    End,
    Erase(Vec<Name>),
    /// Opens a file: path, mode, number.
    Open(Expression, Name, Expression),
    /// Writes to a file: number, what, and whether a line's end follows.
    Print(Expression, Vec<Expression>, bool),
    Close(Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Do,
    For,
    Procedure,
}

#[derive(Clone, Debug)]
pub enum Case {
    Is(Expression),
    Between(Expression, Expression),
    Compared(Binary, Expression),
}

#[derive(Clone, Debug)]
pub struct Procedure {
    pub name: Name,
    /// In lower case; whether by value.
    pub parameters: Vec<(Name, bool)>,
    pub body: Block,
    pub is_function: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Class {
    pub fields: Vec<Name>,
    pub procedures: Vec<Rc<Procedure>>,
    /// Properties that are set.
    pub setters: Vec<Rc<Procedure>>,
}

#[derive(Clone, Debug, Default)]
pub struct Script {
    pub statements: Vec<Statement>,
    pub procedures: Vec<Rc<Procedure>>,
    pub classes: Vec<(Name, Rc<Class>)>,
    /// Functions of Windows that are declared: name, library.
    pub declared: Vec<(Name, Rc<str>)>,
    /// Lines that could not be read.
    pub unread: usize,
}
