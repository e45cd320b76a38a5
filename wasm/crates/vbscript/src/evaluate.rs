//! What expressions give, and what assignments change.

use std::rc::Rc;

use script_host::{Access, Fault, Handle, Kind, Surroundings, Value};

use crate::ast::{Expression, Name, Procedure, Unary};
use crate::machine::{Done, Machine};
use crate::statements::out_of_range;
use crate::values::{Instance, Val};
use crate::{builtins, constants};

/// What the trace calls the program that a document is open in.
const APPLICATIONS: [&str; 2] = ["Word.Application", "Excel.Application"];

impl Machine {
    /// A value: of an object, what it stands for.
    ///
    /// # Errors
    /// What is thrown.
    pub fn value(&mut self, expression: &Expression) -> Done<Val> {
        let value = self.evaluate(expression)?;
        self.plain(value)
    }

    /// Of an object that stands for a text or a number, that.
    fn plain(&mut self, value: Val) -> Done<Val> {
        let Val::Object(handle) = value else { return Ok(value) };
        match self.host.default_value(handle) {
            Some(answer) => Self::object(answer),
            None => Ok(Val::Object(handle)),
        }
    }

    /// # Errors
    /// What is thrown.
    pub fn evaluate(&mut self, expression: &Expression) -> Done<Val> {
        self.step()?;
        Ok(match expression {
            Expression::Text(text) => Val::Text(text.clone()),
            Expression::Number(number) => Val::Number(*number),
            Expression::Date(date) => Val::Date(*date),
            Expression::Bool(value) => Val::Bool(*value),
            Expression::Empty => Val::Empty,
            Expression::Null => Val::Null,
            Expression::Nothing => Val::Nothing,
            Expression::Value(inner) => self.evaluate(inner)?,
            Expression::Name(name, _) => self.named(name)?,
            Expression::Member(owner, name) => {
                let owner = self.owner(owner)?;
                self.member(&owner, name, &[], false)?
            }
            Expression::Call(function, args) => self.call(function, args)?,
            Expression::With => self.frame().with.last().cloned().unwrap_or_default(),
            Expression::New(name) => self.made(name)?,
            Expression::Unary(operator, operand) => {
                let operand = self.value(operand)?;
                match operator {
                    Unary::Not if matches!(operand, Val::Bool(_) | Val::Empty) => Val::Bool(!operand.to_bool()),
                    #[allow(clippy::cast_precision_loss, reason = "32 bits")]
                    Unary::Not => Val::Number(!operand.to_integer() as f64),
                    Unary::Minus => Val::Number(-operand.to_number()),
                    Unary::Plus => operand,
                }
            }
            Expression::Chain(first, rest) => {
                let mut left = if matches!(rest.first(), Some((crate::ast::Binary::Is, _))) {
                    self.evaluate(first)?
                } else {
                    self.value(first)?
                };
                if rest.len() > 1 && rest.iter().all(|(operator, _)| *operator == crate::ast::Binary::Join) {
                    return self.joined(&left, rest);
                }
                for (operator, right) in rest {
                    self.step()?;
                    let right =
                        if *operator == crate::ast::Binary::Is { self.evaluate(right)? } else { self.value(right)? };
                    left = self.binary(*operator, &left, &right)?;
                }
                left
            }
        })
    }

    /// Many texts joined at once: one after the other would copy each over and over.
    fn joined(&mut self, first: &Val, rest: &[(crate::ast::Binary, Expression)]) -> Done<Val> {
        let mut text = first.to_text().to_string();
        for (_, right) in rest {
            self.step()?;
            let right = self.value(right)?;
            text += &right.to_text();
            if text.len() > crate::machine::MAX_TEXT {
                return Err(Fault::Thrown(14, "Out of string space".to_owned()));
            }
        }
        self.pay(text.len())?;
        Ok(Val::text(text))
    }

    /// A name alone: a variable, a constant, a procedure without arguments, an object that is there.
    fn named(&mut self, name: &Name) -> Done<Val> {
        if let Some(value) = self.variable(name) {
            return Ok(value);
        }
        if &**name == "me"
            && let Some(instance) = self.frame().instance.clone()
        {
            return Ok(Val::Instance(instance));
        }
        if let Some(procedure) = self.procedures.get(name).cloned() {
            return self.enter(&procedure, Vec::new(), None).map(|(value, _)| value);
        }
        if let Some(procedure) = self.method_of_frame(name) {
            let instance = self.frame().instance.clone();
            return self.enter(&procedure, Vec::new(), instance).map(|(value, _)| value);
        }
        if let Some(value) = constants::constant(name) {
            return Ok(value);
        }
        if builtins::is_known(name) {
            return builtins::call(self, name, &[]);
        }
        Ok(self.there(name)?.unwrap_or_default())
    }

    /// Objects that are there without being made.
    pub(crate) fn there(&mut self, name: &Name) -> Done<Option<Val>> {
        if let Some(known) = self.named.get(name) {
            return Ok(Some(known.clone()));
        }
        let answer = match (&**name, self.host.settings.surroundings) {
            ("wscript", _) => Some(self.host.wscript()),
            ("me", _) => Some(self.host.generic("Me")),
            (name, Surroundings::Page) => self.host.of_window(name),
            (_, Surroundings::Document) => self.host.of_office(name),
            _ => None,
        };
        let Some(answer) = answer else { return Ok(None) };
        let value = Self::object(answer)?;
        self.named.insert(name.clone(), value.clone());
        Ok(Some(value))
    }

    /// What stands before a point. In a document a name that nothing is known of is an object of its: a form, a sheet; elsewhere
    /// what is empty is none.
    fn owner(&mut self, expression: &Expression) -> Done<Val> {
        let value = self.evaluate(expression)?;
        let is_document = self.host.settings.surroundings == Surroundings::Document;
        match (value, expression) {
            (Val::Empty, Expression::Name(name, _)) if &**name == "err" || (is_document && &**name == "debug") => {
                Ok(Val::Empty)
            }
            (Val::Empty, Expression::Name(_, written)) if !is_document => Err(required(written)),
            (Val::Empty, _) if !is_document => Err(required("")),
            (Val::Empty, Expression::Name(name, written)) if self.variable(name).is_none() => {
                self.host.wait("document", written);
                let made = Self::object(self.host.generic(written))?;
                self.named.insert(name.clone(), made.clone());
                Ok(made)
            }
            (value, _) => Ok(value),
        }
    }

    fn made(&mut self, name: &Name) -> Done<Val> {
        let lower: Name = name.to_lowercase().into();
        let Some(class) = self.classes.get(&lower).cloned() else {
            let known = if &*lower == "regexp" { "VBScript.RegExp" } else { name };
            return Self::object(self.host.create("New", known));
        };
        let fields = class.fields.iter().map(|field| (field.clone(), Val::Empty)).collect();
        let instance = Rc::new(Instance { class, fields: std::cell::RefCell::new(fields) });
        if let Some(start) = find(&instance.class.procedures, "class_initialize") {
            self.enter(&start, Vec::new(), Some(instance.clone()))?;
        }
        Ok(Val::Instance(instance))
    }

    fn method_of_frame(&mut self, name: &str) -> Option<Rc<Procedure>> {
        let instance = self.frame().instance.clone()?;
        find(&instance.class.procedures, name)
    }

    // -- calls -----------------------------------------------------------------------------------------------------

    /// # Errors
    /// What is thrown.
    pub fn call_statement(&mut self, expression: &Expression) -> Done<()> {
        match expression {
            Expression::Call(function, args) => self.call(function, args).map(drop),
            Expression::Member(owner, name) => {
                let owner = self.owner(owner)?;
                self.member(&owner, name, &[], true).map(drop)
            }
            Expression::Name(..) => self.call(expression, &[]).map(drop),
            other => self.evaluate(other).map(drop),
        }
    }

    fn call(&mut self, function: &Expression, args: &[Expression]) -> Done<Val> {
        match function {
            Expression::Name(name, written) => self.call_name(name, written, args),
            Expression::Member(owner, name) => {
                let owner = self.owner(owner)?;
                self.member(&owner, name, args, true)
            }
            other => {
                let value = self.evaluate(other)?;
                self.indexed(&value, args)
            }
        }
    }

    fn call_name(&mut self, name: &Name, written: &Name, args: &[Expression]) -> Done<Val> {
        // Inside of a function its name with arguments calls it again.
        let is_itself = self.frame().function.as_ref() == Some(name);
        if let Some(value) = self.variable(name).filter(|_| !is_itself) {
            return match value {
                Val::Procedure(target) => self.call_name(&target, written, args),
                value => self.indexed(&value, args),
            };
        }
        let mut procedure = self.procedures.get(name).cloned().map(|procedure| (procedure, None));
        if procedure.is_none() {
            procedure = self.method_of_frame(name).map(|method| (method, self.frame().instance.clone()));
        }
        if let Some((procedure, instance)) = procedure {
            return self.call_procedure(&procedure, args, instance);
        }
        if let Some(target) = self.declared.get(name).cloned() {
            let values = self.values(args)?;
            let told: Vec<Value> = values.iter().map(Val::to_host).collect();
            builtins::declared(self, &target, &told)?;
            return Ok(Val::Number(1.0));
        }
        if builtins::is_known(name) {
            let values = self.values(args)?;
            return builtins::call(self, name, &values);
        }
        if let Some(object) = self.there(name)? {
            return self.indexed(&object, args);
        }
        let values = self.values(args)?;
        let told: Vec<Value> = values.iter().map(Val::to_host).collect();
        self.host.record(&format!("{written} (not known)"), &told, "")?;
        Err(Fault::Thrown(13, format!("Type mismatch: '{written}'")))
    }

    /// Calls a procedure and gives back what it made of its parameters.
    fn call_procedure(
        &mut self,
        procedure: &Rc<Procedure>,
        args: &[Expression],
        instance: Option<Rc<Instance>>,
    ) -> Done<Val> {
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            values.push(self.evaluate(arg)?);
        }
        let (value, given) = self.enter(procedure, values, instance)?;
        for ((arg, given), (_, by_value)) in args.iter().zip(given).zip(&procedure.parameters) {
            let is_variable = match arg {
                Expression::Name(name, _) => self.variable(name).is_some(),
                Expression::Call(owner, _) => {
                    matches!(&**owner, Expression::Name(name, _) if matches!(self.variable(name), Some(Val::Array(_))))
                }
                _ => false,
            };
            if is_variable && !by_value {
                self.assign(arg, given)?;
            }
        }
        Ok(value)
    }

    fn values(&mut self, args: &[Expression]) -> Done<Vec<Val>> {
        args.iter().map(|arg| self.evaluate(arg)).collect()
    }

    /// What an array or an object gives for indexes.
    fn indexed(&mut self, value: &Val, args: &[Expression]) -> Done<Val> {
        match value {
            Val::Array(array) if args.is_empty() => Ok(Val::Array(array.clone())),
            Val::Array(array) => {
                let mut indexes = Vec::with_capacity(args.len());
                for arg in args {
                    indexes.push(self.value(arg)?.to_integer());
                }
                let place = array.place(&indexes).ok_or_else(out_of_range)?;
                Ok(array.items.get(place).cloned().unwrap_or_default())
            }
            Val::Bytes(bytes) => {
                let at = args.first().map_or(Ok(Val::Empty), |arg| self.value(arg))?.to_integer();
                let byte = usize::try_from(at).ok().and_then(|at| bytes.get(at)).ok_or_else(out_of_range)?;
                Ok(Val::Number(f64::from(*byte)))
            }
            Val::Object(handle) => {
                let told: Vec<Value> = self.values(args)?.iter().map(Val::to_host).collect();
                Self::object(self.host.ask(*handle, "", Access::Call, &told))
            }
            Val::Procedure(name) => self.call_name(name, name, args),
            other if args.is_empty() => Ok(other.clone()),
            _ => Err(Fault::Thrown(13, "Type mismatch".to_owned())),
        }
    }

    /// A member of an object, called or asked for.
    fn member(&mut self, owner: &Val, name: &Name, args: &[Expression], calls: bool) -> Done<Val> {
        match owner {
            Val::Object(handle) => {
                let told: Vec<Value> = self.values(args)?.iter().map(Val::to_host).collect();
                let access =
                    if calls || self.host.kind(*handle, name) == Kind::Method { Access::Call } else { Access::Get };
                let answer = Self::object(self.host.ask(*handle, name, access, &told))?;
                self.run_macro(*handle, name, &told, answer)
            }
            Val::Instance(instance) => {
                let lower = name.to_lowercase();
                let field = instance.fields.borrow().get(lower.as_str()).cloned();
                if let Some(value) = field {
                    return self.indexed(&value, args);
                }
                let found = find(&instance.class.procedures, &lower);
                let procedure = found.ok_or_else(|| not_supported(name))?;
                self.call_procedure(&procedure, args, Some(instance.clone()))
            }
            Val::Empty if !name.is_empty() => builtins::of_error(self, name, args),
            _ => Err(required(name)),
        }
    }

    /// `Application.Run`, and `OnTime`, whose macros are called once the document's own were.
    fn run_macro(&mut self, handle: Handle, member: &str, args: &[Value], answer: Val) -> Done<Val> {
        let at = match member.to_ascii_lowercase().as_str() {
            "run" => 0,
            "ontime" => 1,
            _ => return Ok(answer),
        };
        // To one that a script starts, its own procedures are no macros.
        let is_document = self.host.settings.surroundings == Surroundings::Document;
        if !is_document || !APPLICATIONS.contains(&self.host.class_name(handle).as_str()) {
            return Ok(answer);
        }
        let named = args.get(at).map(Value::to_text).unwrap_or_default().to_lowercase();
        let name: Name = named.rsplit(['!', '.']).next().unwrap_or_default().trim_matches('\'').into();
        let Some(procedure) = self.procedures.get(&name).cloned() else { return Ok(answer) };
        if at > 0 {
            self.timed.push_back(name);
            return Ok(answer);
        }
        let given = args.get(1..).unwrap_or_default().iter().map(Val::of_host).collect();
        self.enter(&procedure, given, None).map(|(value, _)| value)
    }

    // -- assignments -----------------------------------------------------------------------------------------------

    /// # Errors
    /// What is thrown.
    pub fn assign(&mut self, target: &Expression, value: Val) -> Done<()> {
        match target {
            Expression::Name(name, _) => {
                let is_own = self.frame().function.as_ref() == Some(name);
                if let Some(setter) = self.setter_of_frame(name).filter(|_| !is_own) {
                    let instance = self.frame().instance.clone();
                    return self.enter(&setter, vec![value], instance).map(drop);
                }
                self.change(name, |place| *place = value);
                Ok(())
            }
            Expression::Value(inner) => self.assign(inner, value),
            Expression::Member(owner, name) => self.put(owner, name, &[], value),
            Expression::Call(function, args) => match &**function {
                Expression::Name(name, written) => self.put_item(name, written, args, value),
                Expression::Member(owner, name) => self.put(owner, name, args, value),
                other => {
                    let owner = self.evaluate(other)?;
                    self.put_into(&owner, "", args, value)
                }
            },
            _ => Err(required("")),
        }
    }

    fn setter_of_frame(&mut self, name: &str) -> Option<Rc<Procedure>> {
        let instance = self.frame().instance.clone()?;
        find(&instance.class.setters, name)
    }

    fn put_item(&mut self, name: &Name, written: &Name, args: &[Expression], value: Val) -> Done<()> {
        match self.variable(name) {
            Some(Val::Array(_)) => {
                let mut indexes = Vec::with_capacity(args.len());
                for arg in args {
                    indexes.push(self.value(arg)?.to_integer());
                }
                self.change(name, |place| {
                    let Val::Array(array) = place else { return Err(out_of_range()) };
                    let at = array.place(&indexes).ok_or_else(out_of_range)?;
                    if let Some(item) = Rc::make_mut(array).items.get_mut(at) {
                        *item = value;
                    }
                    Ok(())
                })
            }
            Some(owner) => self.put_into(&owner, "", args, value),
            None => {
                let owner = self.owner(&Expression::Name(name.clone(), written.clone()))?;
                self.put_into(&owner, "", args, value)
            }
        }
    }

    fn put(&mut self, owner: &Expression, name: &Name, args: &[Expression], value: Val) -> Done<()> {
        let owner = self.owner(owner)?;
        // An array that is a field of an instance is changed within it.
        if let (Val::Instance(instance), false) = (&owner, args.is_empty()) {
            let lower: Name = name.to_lowercase().into();
            let mut indexes = Vec::with_capacity(args.len());
            for arg in args {
                indexes.push(self.value(arg)?.to_integer());
            }
            if let Some(Val::Array(array)) = instance.fields.borrow_mut().get_mut(&lower) {
                let at = array.place(&indexes).ok_or_else(out_of_range)?;
                if let Some(item) = Rc::make_mut(array).items.get_mut(at) {
                    *item = value;
                }
                return Ok(());
            }
        }
        self.put_into(&owner, name, args, value)
    }

    fn put_into(&mut self, owner: &Val, name: &str, args: &[Expression], value: Val) -> Done<()> {
        match owner {
            Val::Object(handle) => {
                let told: Vec<Value> = self.values(args)?.iter().map(Val::to_host).collect();
                self.host.put(*handle, name, &told, value.to_host())
            }
            Val::Instance(instance) => {
                let lower: Name = name.to_lowercase().into();
                if let Some(setter) = find(&instance.class.setters, &lower) {
                    let mut values = self.values(args)?;
                    values.push(value);
                    return self.enter(&setter, values, Some(instance.clone())).map(drop);
                }
                instance.fields.borrow_mut().insert(lower, value);
                Ok(())
            }
            // `Err.Number = 0`, and fields of what was never made.
            Val::Empty => Ok(()),
            _ => Err(required("")),
        }
    }
}

fn find(procedures: &[Rc<Procedure>], name: &str) -> Option<Rc<Procedure>> {
    procedures.iter().find(|it| *it.name == *name).cloned()
}

fn required(name: &str) -> Fault {
    Fault::Thrown(424, format!("Object required: '{name}'"))
}

fn not_supported(name: &str) -> Fault {
    Fault::Thrown(438, format!("Object doesn't support this property or method: '{name}'"))
}
