//! Statements and calls, evaluated.

use oxc_ast::ast::{
    ArrowFunctionBody, BindingPattern, Expression, ForInStatement, ForOfStatement, ForStatement, ForStatementInit,
    ForStatementLeft, FormalParameters, Function, Statement, SwitchStatement, TryStatement, VariableDeclaration,
};

use super::machine::{Machine, Mode, Outcome, Stop};
use super::number;
use super::scopes::{declare_inside, is_of_block};
use super::value::{Code, Kind, Place, Value};

/// Steps of a call of a function that was made of a text, where its value alone is asked for.
const MAX_MADE_STEPS: u64 = 200_000;

/// How a statement ended.
pub enum Flow<'a> {
    Normal(Value),
    Return(Value),
    Break(Option<&'a str>),
    Continue(Option<&'a str>),
}

/// How a loop is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turns {
    Plain,
    BodyFirst,
    /// Functions that are made in a turn keep the names of the loop as they are in this one.
    OwnNames,
}

impl<'a> Machine<'a, '_> {
    /// Functions are there before their statement is reached.
    pub fn hoist(&mut self, statements: &'a [Statement<'a>], scope: usize) {
        for statement in statements {
            if let Statement::FunctionDeclaration(function) = statement
                && let Some(name) = &function.id
                && let Ok(value) = self.function(function, scope)
            {
                self.define_var(scope, number::of(&name.node_id), value);
            }
        }
    }

    fn function(&mut self, function: &'a Function<'a>, scope: usize) -> Outcome {
        if function.generator || function.r#async {
            Err(Stop::Unknown)
        } else {
            self.closure(Code::Function(function), scope)
        }
    }

    pub fn statement_value(&mut self, statement: &'a Statement<'a>, scope: usize) -> Outcome {
        match self.statement(statement, scope)? {
            Flow::Normal(value) => Ok(value),
            _ => Ok(Value::Undefined),
        }
    }

    fn block(&mut self, statements: &'a [Statement<'a>], scope: usize) -> Outcome<Flow<'a>> {
        self.hoist(statements, scope);
        for statement in statements {
            let flow = self.statement(statement, scope)?;
            if !matches!(flow, Flow::Normal(_)) {
                return Ok(flow);
            }
        }
        Ok(Flow::Normal(Value::Undefined))
    }

    fn statement(&mut self, statement: &'a Statement<'a>, scope: usize) -> Outcome<Flow<'a>> {
        self.spend(1)?;
        self.enter()?;
        let (scopes, closures) = (self.scopes.len(), self.closures);
        let flow = self.one_statement(statement, scope);
        self.forget(scopes, closures);
        self.leave();
        flow
    }

    fn one_statement(&mut self, statement: &'a Statement<'a>, scope: usize) -> Outcome<Flow<'a>> {
        let done = Ok(Flow::Normal(Value::Undefined));
        match statement {
            Statement::EmptyStatement(_) | Statement::DebuggerStatement(_) | Statement::FunctionDeclaration(_) => done,
            Statement::ExpressionStatement(it) => match &it.expression {
                // Nobody is to hold what grows.
                Expression::AssignmentExpression(it) if self.append(it, scope)?.is_some() => done,
                expression => self.evaluate(expression, scope).map(Flow::Normal),
            },
            Statement::VariableDeclaration(it) => self.variables(it, scope).and(done),
            Statement::BlockStatement(it) => {
                let scope = self.inner_scope(scope, declare_inside(&it.body))?;
                self.block(&it.body, scope)
            }
            Statement::IfStatement(it) => {
                let test = self.evaluate(&it.test, scope)?;
                if self.truth(&test)? {
                    return self.statement(&it.consequent, scope);
                }
                it.alternate.as_ref().map_or(done, |other| self.statement(other, scope))
            }
            Statement::ReturnStatement(it) => match &it.argument {
                Some(argument) => self.evaluate(argument, scope).map(Flow::Return),
                None => Ok(Flow::Return(Value::Undefined)),
            },
            Statement::BreakStatement(it) => Ok(Flow::Break(it.label.as_ref().map(|label| label.name.as_str()))),
            Statement::ContinueStatement(it) => Ok(Flow::Continue(it.label.as_ref().map(|label| label.name.as_str()))),
            Statement::ThrowStatement(it) => {
                let value = self.evaluate(&it.argument, scope)?;
                Err(Stop::thrown(value))
            }
            Statement::WhileStatement(it) => self.repeat(Some(&it.test), None, &it.body, scope, Turns::Plain),
            Statement::DoWhileStatement(it) => self.repeat(Some(&it.test), None, &it.body, scope, Turns::BodyFirst),
            Statement::ForStatement(it) => self.for_loop(it, scope),
            Statement::ForInStatement(it) => self.for_in(it, scope),
            Statement::ForOfStatement(it) => self.for_of(it, scope),
            Statement::SwitchStatement(it) => self.switch(it, scope),
            Statement::TryStatement(it) => self.attempt(it, scope),
            Statement::LabeledStatement(it) => match self.statement(&it.body, scope)? {
                Flow::Break(Some(label)) if label == it.label.name.as_str() => done,
                // A loop that goes on is not begun again here.
                Flow::Continue(Some(label)) if label == it.label.name.as_str() => Err(Stop::Unknown),
                flow => Ok(flow),
            },
            _ => Err(Stop::Unknown),
        }
    }

    fn variables(&mut self, it: &'a VariableDeclaration<'a>, scope: usize) -> Outcome<()> {
        for declared in &it.declarations {
            let BindingPattern::BindingIdentifier(name) = &declared.id else { return Err(Stop::Unknown) };
            let name = number::of(&name.node_id);
            self.spend(1)?;
            let is_var = !is_of_block(it);
            let value = match &declared.init {
                Some(init) => match self.evaluate(init, scope) {
                    // What cannot be known here may be known nowhere: what uses it says so.
                    Err(Stop::Unknown) if self.mode == Mode::Trace && !self.is_spent() => Value::Opaque,
                    value => value?,
                },
                None if is_var && self.is_defined(scope, name) => continue,
                None => Value::Undefined,
            };
            if is_var {
                self.define_var(scope, name, value);
            } else {
                self.define(scope, name, value);
            }
        }
        Ok(())
    }

    fn repeat(
        &mut self,
        test: Option<&'a Expression<'a>>,
        update: Option<&'a Expression<'a>>,
        body: &'a Statement<'a>,
        mut scope: usize,
        how: Turns,
    ) -> Outcome<Flow<'a>> {
        let mut skip = how == Turns::BodyFirst;
        let mut closures = self.closures;
        loop {
            self.spend(1)?;
            if let Some(test) = test.filter(|_| !skip) {
                let value = self.evaluate(test, scope)?;
                if !self.truth(&value)? {
                    break;
                }
            }
            skip = false;
            match self.statement(body, scope)? {
                Flow::Return(value) => return Ok(Flow::Return(value)),
                Flow::Break(None) => break,
                Flow::Break(label) => return Ok(Flow::Break(label)),
                Flow::Continue(Some(label)) => return Ok(Flow::Continue(Some(label))),
                Flow::Normal(_) | Flow::Continue(None) => {}
            }
            if how == Turns::OwnNames && self.closures != closures {
                scope = self.copied_scope(scope)?;
                closures = self.closures;
            }
            if let Some(update) = update {
                self.evaluate(update, scope)?;
            }
        }
        Ok(Flow::Normal(Value::Undefined))
    }

    fn for_loop(&mut self, it: &'a ForStatement<'a>, scope: usize) -> Outcome<Flow<'a>> {
        let declares = matches!(&it.init, Some(ForStatementInit::VariableDeclaration(it)) if is_of_block(it));
        let mut scope = self.inner_scope(scope, declares)?;
        let closures = self.closures;
        match &it.init {
            Some(ForStatementInit::VariableDeclaration(declared)) => self.variables(declared, scope)?,
            Some(init) => {
                self.evaluate(init.as_expression().ok_or(Stop::Unknown)?, scope)?;
            }
            None => {}
        }
        if declares && self.closures != closures {
            scope = self.copied_scope(scope)?;
        }
        if self.run_known(it, scope)? {
            return Ok(Flow::Normal(Value::Undefined));
        }
        let how = if declares { Turns::OwnNames } else { Turns::Plain };
        self.repeat(it.test.as_ref(), it.update.as_ref(), &it.body, scope, how)
    }

    fn for_in(&mut self, it: &'a ForInStatement<'a>, scope: usize) -> Outcome<Flow<'a>> {
        let object = self.evaluate(&it.right, scope)?;
        let names = self.own_names(&object)?;
        let shape = Some(self.shape(&object).ok_or(Stop::Unknown)?);
        self.spend(names.len())?;
        for name in names {
            // What is taken away meanwhile is not visited.
            if self.shape(&object) != shape {
                return Err(Stop::Unknown);
            }
            if let Some(flow) = self.turn(&it.left, Value::text(&name), &it.body, scope)? {
                return Ok(flow);
            }
        }
        Ok(Flow::Normal(Value::Undefined))
    }

    /// How many elements and members an object has; None if it has others from its prototype.
    fn shape(&self, object: &Value) -> Option<(usize, usize)> {
        let Value::Object(place) = object else { return None };
        let elements = self.items(object).map_or(0, Vec::len);
        let known = self.heap.get(*place)?;
        let inherits = known.prototype.and_then(|place| self.heap.get(place)).is_some_and(|it| it.count() > 0);
        (!inherits).then(|| (elements, known.count()))
    }

    fn for_of(&mut self, it: &'a ForOfStatement<'a>, scope: usize) -> Outcome<Flow<'a>> {
        let object = self.evaluate(&it.right, scope)?;
        let list = if let Value::Text(_) = &object {
            let letters = self.spread(&object)?;
            self.array(letters)?
        } else {
            object
        };
        self.spend(self.items(&list).ok_or(Stop::Unknown)?.len())?;
        let mut index = 0;
        // As the list is then.
        while let Some(value) = self.items(&list).and_then(|items| items.get(index)).cloned() {
            if let Some(flow) = self.turn(&it.left, value, &it.body, scope)? {
                return Ok(flow);
            }
            index += 1;
        }
        Ok(Flow::Normal(Value::Undefined))
    }

    /// A turn of a loop over values; how the loop ends, if it is the last.
    fn turn(
        &mut self,
        left: &'a ForStatementLeft<'a>,
        value: Value,
        body: &'a Statement<'a>,
        scope: usize,
    ) -> Outcome<Option<Flow<'a>>> {
        let inner = self.scope(scope, false, None)?;
        match left {
            ForStatementLeft::VariableDeclaration(declared) => {
                let Some(BindingPattern::BindingIdentifier(name)) =
                    declared.declarations.first().map(|declared| &declared.id)
                else {
                    return Err(Stop::Unknown);
                };
                let name = number::of(&name.node_id);
                if is_of_block(declared) {
                    self.define(inner, name, value);
                } else {
                    self.define_var(inner, name, value);
                }
            }
            ForStatementLeft::AssignmentTargetIdentifier(name) => {
                self.assign(inner, number::of(&name.node_id), value)?
            }
            _ => return Err(Stop::Unknown),
        }
        Ok(match self.statement(body, inner)? {
            Flow::Return(value) => Some(Flow::Return(value)),
            Flow::Break(None) => Some(Flow::Normal(Value::Undefined)),
            Flow::Break(label) => Some(Flow::Break(label)),
            Flow::Continue(Some(label)) => Some(Flow::Continue(Some(label))),
            Flow::Normal(_) | Flow::Continue(None) => None,
        })
    }

    fn switch(&mut self, it: &'a SwitchStatement<'a>, scope: usize) -> Outcome<Flow<'a>> {
        let value = self.evaluate(&it.discriminant, scope)?;
        let scope = self.scope(scope, false, None)?;
        let mut start = it.cases.iter().position(|case| case.test.is_none());
        for (index, case) in it.cases.iter().enumerate() {
            let Some(test) = &case.test else { continue };
            let test = self.evaluate(test, scope)?;
            if self.same(&value, &test)? {
                start = Some(index);
                break;
            }
        }
        for case in it.cases.iter().skip(start.unwrap_or(usize::MAX)) {
            for statement in &case.consequent {
                match self.statement(statement, scope)? {
                    Flow::Normal(_) => {}
                    Flow::Break(None) => return Ok(Flow::Normal(Value::Undefined)),
                    flow => return Ok(flow),
                }
            }
        }
        Ok(Flow::Normal(Value::Undefined))
    }

    fn attempt(&mut self, it: &'a TryStatement<'a>, scope: usize) -> Outcome<Flow<'a>> {
        let inner = self.scope(scope, false, None)?;
        let mut done = self.block(&it.block.body, inner);
        if let (Err(Stop::Thrown(_)), Some(handler)) = (&done, &it.handler) {
            let Err(Stop::Thrown(thrown)) = done else { return Err(Stop::Unknown) };
            let inner = self.scope(scope, false, None)?;
            if let Some(BindingPattern::BindingIdentifier(name)) = handler.param.as_ref().map(|param| &param.pattern) {
                self.define(inner, number::of(&name.node_id), *thrown);
            }
            done = self.block(&handler.body.body, inner);
        }
        if let Some(finalizer) = &it.finalizer
            && !matches!(done, Err(Stop::Unknown))
        {
            let inner = self.scope(scope, false, None)?;
            let last = self.block(&finalizer.body, inner)?;
            if !matches!(last, Flow::Normal(_)) {
                return Ok(last);
            }
        }
        done
    }

    // -- calls

    pub fn call(&mut self, callee: &Value, this: Value, arguments: Vec<Value>) -> Outcome {
        self.spend(4)?;
        match callee {
            Value::Native(name) => self.native(name, &this, arguments),
            Value::Opaque => Ok(Value::Opaque),
            Value::Object(place) => match &self.heap.get(*place).ok_or(Stop::Unknown)?.kind {
                Kind::Closure { code, scope, own } => {
                    let (code, scope, own) = (*code, *scope, *own);
                    self.run_closure(*place, code, scope, own, this, arguments)
                }
                Kind::Bound(target, this, first) => {
                    let (target, this) = (target.clone(), this.clone());
                    let arguments = first.iter().cloned().chain(arguments).collect();
                    self.enter()?;
                    let value = self.call(&target, this, arguments);
                    self.leave();
                    value
                }
                _ => Err(Stop::thrown(Value::text("TypeError"))),
            },
            _ => Err(Stop::thrown(Value::text("TypeError"))),
        }
    }

    fn run_closure(
        &mut self,
        place: Place,
        code: Code<'a>,
        scope: usize,
        own: bool,
        this: Value,
        arguments: Vec<Value>,
    ) -> Outcome {
        self.enter()?;
        let before = std::mem::replace(&mut self.own, own);
        let least = self.least_steps;
        if before && !own && self.mode == Mode::Pure {
            // What was made of a text may run for ever, and need not: the rest of the script is still to be read.
            self.least_steps = least.max(self.budget.steps.saturating_sub(MAX_MADE_STEPS));
        }
        let (scopes, closures) = (self.scopes.len(), self.closures);
        let value = self.body(place, code, scope, this, arguments);
        self.least_steps = least;
        self.forget(scopes, closures);
        self.own = before;
        self.leave();
        value
    }

    fn body(&mut self, place: Place, code: Code<'a>, scope: usize, this: Value, arguments: Vec<Value>) -> Outcome {
        match code {
            Code::Function(function) => {
                let body = function.body.as_ref().ok_or(Stop::Unknown)?;
                // Without an object, `this` is the host's.
                let this =
                    if matches!(this, Value::Undefined | Value::Null) { Value::Native("globalThis") } else { this };
                let scope = self.scope(scope, true, Some(this))?;
                let vars = number::of(&function.node_id);
                if let Some(name) = function.id.as_ref().filter(|_| function.is_expression()) {
                    let name = number::of(&name.node_id);
                    if self.numbers.vars.get(vars).is_none_or(|vars| vars.binary_search(&name).is_err()) {
                        self.define(scope, name, Value::Object(place));
                    }
                }
                self.bind(&function.params, &arguments, scope)?;
                self.hoist_vars(scope, vars)?;
                self.scopes[scope].arguments = Some(arguments);
                Self::returned(self.block(&body.statements, scope)?)
            }
            Code::Arrow(arrow) => {
                let scope = self.scope(scope, true, None)?;
                self.bind(&arrow.params, &arguments, scope)?;
                self.hoist_vars(scope, number::of(&arrow.node_id))?;
                match &arrow.body {
                    ArrowFunctionBody::FunctionBody(body) => Self::returned(self.block(&body.statements, scope)?),
                    body => self.evaluate(body.as_expression().ok_or(Stop::Unknown)?, scope),
                }
            }
        }
    }

    fn returned(flow: Flow<'a>) -> Outcome {
        Ok(if let Flow::Return(value) = flow { value } else { Value::Undefined })
    }

    fn bind(&mut self, params: &'a FormalParameters<'a>, arguments: &[Value], scope: usize) -> Outcome<()> {
        for (index, param) in params.items.iter().enumerate() {
            let BindingPattern::BindingIdentifier(name) = &param.pattern else { return Err(Stop::Unknown) };
            self.spend(1)?;
            let value = match (arguments.get(index), &param.initializer) {
                (None | Some(Value::Undefined), Some(default)) => self.evaluate(default, scope)?,
                (given, _) => given.cloned().unwrap_or(Value::Undefined),
            };
            self.define(scope, number::of(&name.node_id), value);
        }
        if let Some(rest) = &params.rest {
            let BindingPattern::BindingIdentifier(name) = &rest.rest.argument else { return Err(Stop::Unknown) };
            let values = self.array(arguments.iter().skip(params.items.len()).cloned().collect())?;
            self.define(scope, number::of(&name.node_id), values);
        }
        Ok(())
    }
}
