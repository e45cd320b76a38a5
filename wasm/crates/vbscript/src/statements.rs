//! Statements, one after the other.

use std::rc::Rc;

use script_host::{Ended, Fault};

use crate::ast::{Binary, Case, Exit, Expression, Name, Statement};
use crate::machine::{Done, Flow, MAX_ITEMS, Machine, OnError};
use crate::values::{Array, Val};

/// Jumps in one body: a script that jumps back and forth is bounded by its steps, too.
const MAX_JUMPS: usize = 100_000;

/// Bytes that copying an item of an array costs.
const BYTES_OF_AN_ITEM: usize = 16;

/// Turns of a loop that take about as many steps as a run may have.
const MANY_TURNS: f64 = 1_000_000.0;

impl Machine {
    /// The body of a procedure or of a script: here labels are jumped to, and errors are taken.
    ///
    /// # Errors
    /// What is thrown and not taken.
    pub fn body(&mut self, statements: &[Statement]) -> Done<Flow> {
        let mut at = 0;
        let mut jumps = 0;
        while let Some(statement) = statements.get(at) {
            at += 1;
            let label = match self.statement(statement) {
                Ok(Flow::Next) => continue,
                Ok(Flow::GoTo(label)) => label,
                Ok(flow) => return Ok(flow),
                Err(Fault::Thrown(number, message)) => match self.frame().on_error.clone() {
                    OnError::GoTo(label) => {
                        self.error = (number, message);
                        self.frame().on_error = OnError::Stop;
                        label
                    }
                    _ => return Err(Fault::Thrown(number, message)),
                },
                Err(fault) => return Err(fault),
            };
            let place = statements.iter().position(|it| matches!(it, Statement::Label(name) if *name == label));
            jumps += 1;
            match place.filter(|_| jumps < MAX_JUMPS) {
                Some(place) => at = place,
                None => return Ok(Flow::Next),
            }
        }
        Ok(Flow::Next)
    }

    /// # Errors
    /// What is thrown and not taken.
    pub fn block(&mut self, statements: &[Statement]) -> Done<Flow> {
        for statement in statements {
            match self.statement(statement)? {
                Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    /// One statement; with `On Error Resume Next` an error ends it alone.
    fn statement(&mut self, statement: &Statement) -> Done<Flow> {
        self.step()?;
        match self.run_statement(statement) {
            Err(Fault::Thrown(number, message)) if self.frame().on_error == OnError::Resume => {
                self.error = (number, message);
                Ok(Flow::Next)
            }
            other => other,
        }
    }

    fn run_statement(&mut self, statement: &Statement) -> Done<Flow> {
        match statement {
            Statement::Dim(names) => self.dim(names)?,
            Statement::ReDim(name, bounds, keeps) => self.redim(name, bounds, *keeps)?,
            Statement::Const(name, value) => {
                let value = self.value(value)?;
                self.declare(name, value);
            }
            Statement::Assign(target, value, is_set) => {
                let value = if *is_set { self.evaluate(value)? } else { self.value(value)? };
                self.assign(target, value)?;
            }
            Statement::Call(expression) => self.call_statement(expression)?,
            Statement::If(branches, otherwise) => {
                for (condition, block) in branches {
                    // A condition that fails counts as true under `On Error Resume Next`, as it does there.
                    if self.condition(condition)? {
                        return self.block(block);
                    }
                }
                return self.block(otherwise);
            }
            Statement::Select(subject, cases) => {
                let subject = self.value(subject)?;
                for (tests, block) in cases {
                    if tests.is_empty() || self.is_case(&subject, tests)? {
                        return self.block(block);
                    }
                }
            }
            Statement::For(variable, from, to, step, block) => {
                return self.counted(variable, from, to, step.as_ref(), block);
            }
            Statement::ForEach(variable, list, block) => return self.for_each(variable, list, block),
            Statement::Loop { before, behind, block } => loop {
                self.step()?;
                if !self.goes_on(before.as_ref())? {
                    break;
                }
                match self.block(block)? {
                    Flow::Next => {}
                    Flow::Exit(Exit::Do) => break,
                    flow => return Ok(flow),
                }
                if !self.goes_on(behind.as_ref())? {
                    break;
                }
            },
            Statement::With(subject, block) => {
                let subject = self.evaluate(subject)?;
                self.frame().with.push(subject);
                let flow = self.block(block);
                self.frame().with.pop();
                return flow;
            }
            Statement::Exit(exit) => return Ok(Flow::Exit(*exit)),
            Statement::OnErrorResume => self.frame().on_error = OnError::Resume,
            Statement::OnErrorStop => {
                self.frame().on_error = OnError::Stop;
                self.error = (0, String::new());
            }
            Statement::OnErrorGoTo(label) => self.frame().on_error = OnError::GoTo(label.clone()),
            Statement::GoTo(label) => return Ok(Flow::GoTo(label.clone())),
            Statement::Label(_) | Statement::Resume => {}
            Statement::End => return Err(Fault::Quit),
            Statement::Erase(names) => names.iter().for_each(|name| self.change(name, |value| *value = Val::Empty)),
            Statement::Open(..) | Statement::Print(..) | Statement::Close(_) => self.file_statement(statement)?,
        }
        Ok(Flow::Next)
    }

    fn condition(&mut self, condition: &Expression) -> Done<bool> {
        match self.value(condition) {
            Ok(value) => Ok(value.to_bool()),
            Err(Fault::Thrown(number, message)) if self.frame().on_error == OnError::Resume => {
                self.error = (number, message);
                Ok(true)
            }
            Err(fault) => Err(fault),
        }
    }

    fn goes_on(&mut self, condition: Option<&(Expression, bool)>) -> Done<bool> {
        let Some((condition, goes_while)) = condition else { return Ok(true) };
        Ok(self.value(condition)?.to_bool() == *goes_while)
    }

    fn is_case(&mut self, subject: &Val, tests: &[Case]) -> Done<bool> {
        use crate::ast::Binary::{Equal, From, UpTo};
        for test in tests {
            let holds = match test {
                Case::Is(value) => {
                    let value = self.value(value)?;
                    self.binary(Equal, subject, &value)?.to_bool()
                }
                Case::Between(from, to) => {
                    let (from, to) = (self.value(from)?, self.value(to)?);
                    self.binary(From, subject, &from)?.to_bool() && self.binary(UpTo, subject, &to)?.to_bool()
                }
                Case::Compared(operator, value) => {
                    let value = self.value(value)?;
                    self.binary(*operator, subject, &value)?.to_bool()
                }
            };
            if holds {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn counted(
        &mut self,
        variable: &Expression,
        from: &Expression,
        to: &Expression,
        step: Option<&Expression>,
        block: &[Statement],
    ) -> Done<Flow> {
        let from = self.value(from)?.to_number();
        let to = self.value(to)?.to_number();
        let step = step.map_or(Ok(1.0), |step| self.value(step).map(|step| step.to_number()))?;
        let flow = self.turns(variable, [from, to, step], block);
        // A loop that is there to take time has taken all of it.
        let is_over = matches!(flow, Err(Fault::Stop(Ended::Steps))) && !self.has_steps();
        if is_over && (to - from) / step >= MANY_TURNS && block.iter().all(|it| self.only_counts(it)) {
            let bounds = [Val::Number(from), Val::Number(to)].map(|bound| bound.to_host().to_text());
            self.host.evasion("waits by counting", &format!("For {}", bounds.join(" To ")));
        }
        flow
    }

    fn turns(&mut self, variable: &Expression, [mut number, to, step]: [f64; 3], block: &[Statement]) -> Done<Flow> {
        loop {
            self.assign(variable, Val::Number(number))?;
            if (step >= 0.0 && number > to) || (step < 0.0 && number < to) {
                return Ok(Flow::Next);
            }
            self.step()?;
            match self.block(block)? {
                Flow::Next => {}
                Flow::Exit(Exit::For) => return Ok(Flow::Next),
                flow => return Ok(flow),
            }
            // The script may have set it.
            number = self.value(variable)?.to_number() + step;
        }
    }

    fn for_each(&mut self, variable: &Expression, list: &Expression, block: &[Statement]) -> Done<Flow> {
        let items = match self.evaluate(list)? {
            Val::Array(array) => {
                self.pay(array.items.len() * BYTES_OF_AN_ITEM)?;
                array.items.clone()
            }
            Val::Object(handle) => {
                let items = self.host.items(handle)?.unwrap_or_default();
                items.iter().map(Val::of_host).collect()
            }
            _ => Vec::new(),
        };
        for item in items {
            self.step()?;
            self.assign(variable, item)?;
            match self.block(block)? {
                Flow::Next => {}
                Flow::Exit(Exit::For) => break,
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    fn dim(&mut self, names: &[(Name, Option<Vec<Expression>>)]) -> Done<()> {
        for (name, bounds) in names {
            let value = match bounds {
                Some(bounds) => Val::Array(Rc::new(self.array_of(bounds)?)),
                None => Val::Empty,
            };
            // Declaring a variable a second time leaves it as it is.
            if bounds.is_some() || self.variable(name).is_none() || self.frames.len() > 1 {
                self.declare(name, value);
            }
        }
        Ok(())
    }

    fn array_of(&mut self, bounds: &[Expression]) -> Done<Array> {
        let mut upper = Vec::new();
        for bound in bounds {
            let bound = self.value(bound)?.to_integer();
            if bound == -1 && bounds.len() == 1 {
                return Ok(Array::default());
            }
            upper.push(usize::try_from(bound).map_err(|_| out_of_range())?);
        }
        if upper.is_empty() {
            return Ok(Array::default());
        }
        let array = Array::of_bounds(upper, MAX_ITEMS).ok_or_else(|| Fault::Thrown(7, "Out of memory".to_owned()))?;
        self.pay(array.items.len() * 16)?;
        Ok(array)
    }

    fn redim(&mut self, name: &Name, bounds: &[Expression], keeps: bool) -> Done<()> {
        let mut array = self.array_of(bounds)?;
        self.change(name, |value| {
            if let Val::Array(old) = value
                && keeps
            {
                // Only the last dimension can change.
                for (place, item) in array.items.iter_mut().zip(&old.items) {
                    place.clone_from(item);
                }
            }
            *value = Val::Array(Rc::new(array));
        });
        Ok(())
    }

    fn file_statement(&mut self, statement: &Statement) -> Done<()> {
        match statement {
            Statement::Open(path, mode, number) => {
                let (path, number) = (self.value(path)?.to_text(), self.value(number)?.to_integer());
                if self.files.len() > 500 {
                    return Err(Fault::Thrown(67, "Too many files".to_owned()));
                }
                match &**mode {
                    "input" => drop(self.host.read_file(&path)?),
                    "append" => self.host.write_file(&path, Vec::new(), true)?,
                    _ => self.host.write_file(&path, Vec::new(), false)?,
                }
                self.host.record(
                    "Open",
                    &[script_host::Value::Text(path.clone()), script_host::Value::text(mode)],
                    "",
                )?;
                self.files.insert(number, path.to_string());
            }
            Statement::Print(number, what, ends_line) => {
                let number = self.value(number)?.to_integer();
                let mut content = Vec::new();
                for value in what {
                    match self.value(value)? {
                        Val::Bytes(bytes) => content.extend_from_slice(&bytes),
                        Val::Array(array) => {
                            content.extend(array.items.iter().map(|item| item.to_integer().to_le_bytes()[0]))
                        }
                        other => content.extend(script_host::charset::encode(&other.to_text(), "windows-1252")),
                    }
                }
                if *ends_line {
                    content.extend_from_slice(b"\r\n");
                }
                if let Some(path) = self.files.get(&number).cloned() {
                    self.host.write_file(&path, content, true)?;
                }
            }
            Statement::Close(numbers) => {
                for number in numbers {
                    let number = self.value(number)?.to_integer();
                    self.files.remove(&number);
                }
                if numbers.is_empty() {
                    self.files.clear();
                }
            }
            _ => {}
        }
        Ok(())
    }
}

pub fn out_of_range() -> Fault {
    Fault::Thrown(9, "Subscript out of range".to_owned())
}

impl Machine {
    /// Whether a statement changes nothing but variables.
    fn only_counts(&self, statement: &Statement) -> bool {
        match statement {
            Statement::Assign(Expression::Name(..), value, false) => self.is_plain(value),
            _ => false,
        }
    }

    /// Of numbers and variables alone: texts may be what the loop makes, and names may be procedures'.
    fn is_plain(&self, value: &Expression) -> bool {
        match value {
            Expression::Number(_) | Expression::Bool(_) => true,
            Expression::Name(name, _) => !self.procedures.contains_key(name),
            Expression::Unary(_, inner) | Expression::Value(inner) => self.is_plain(inner),
            Expression::Chain(first, rest) => {
                let joins = rest.iter().any(|(operator, _)| *operator == Binary::Join);
                !joins && self.is_plain(first) && rest.iter().all(|(_, value)| self.is_plain(value))
            }
            _ => false,
        }
    }
}
