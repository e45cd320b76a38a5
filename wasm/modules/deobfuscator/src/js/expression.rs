//! Expressions, evaluated.

use std::rc::Rc;

use oxc_ast::ast::{
    Argument, ArrayExpression, ArrayExpressionElement, CallExpression, ChainElement, Expression, NewExpression,
    ObjectExpression, ObjectPropertyKind, PropertyKey, PropertyKind, StringLiteral, TemplateLiteral, UnaryExpression,
};
use oxc_span::GetSpan;
use oxc_syntax::operator::UnaryOperator;

use super::machine::{Machine, Mode, Outcome, Stop};
use super::number;
use super::value::{Code, Kind, Units, Value};
use crate::limits::{MAX_ELEMENTS, MAX_VALUE};
use crate::peel::Technique;

impl<'a> Machine<'a, '_> {
    pub fn evaluate(&mut self, expression: &'a Expression<'a>, scope: usize) -> Outcome {
        self.spend(1)?;
        // Most are these, which have nothing in them.
        match expression {
            Expression::NumericLiteral(it) => Ok(Value::Number(it.value)),
            Expression::Identifier(it) => self.refer(scope, it),
            Expression::StringLiteral(it) => self.literal(it),
            _ => self.nested(expression, scope),
        }
    }

    #[inline(never)]
    fn nested(&mut self, expression: &'a Expression<'a>, scope: usize) -> Outcome {
        self.enter()?;
        let value = self.expression(expression, scope);
        self.leave();
        value
    }

    fn expression(&mut self, expression: &'a Expression<'a>, scope: usize) -> Outcome {
        match expression {
            Expression::BooleanLiteral(it) => Ok(Value::Bool(it.value)),
            Expression::NullLiteral(_) => Ok(Value::Null),
            Expression::RegExpLiteral(it) => {
                let (source, flags) = (it.regex.pattern.text.to_string(), it.regex.flags.to_string());
                self.object(Kind::Regex(source, flags))
            }
            Expression::TemplateLiteral(it) => self.template(it, scope),
            Expression::ThisExpression(_) => match self.this(scope) {
                Some(this) => Ok(this),
                None if self.mode == Mode::Trace => Ok(Value::Native("globalThis")),
                None => Err(Stop::Unknown),
            },
            Expression::ArrayExpression(it) => self.array_literal(it, scope),
            Expression::ObjectExpression(it) => self.object_literal(it, scope),
            Expression::FunctionExpression(it) if !it.generator && !it.r#async => {
                self.closure(Code::Function(it), scope)
            }
            Expression::ArrowFunctionExpression(it) if !it.r#async => self.closure(Code::Arrow(it), scope),
            Expression::AssignmentExpression(it) => self.assignment(it, scope),
            Expression::UpdateExpression(it) => self.update(it, scope),
            Expression::UnaryExpression(it) => self.unary(it, scope),
            Expression::BinaryExpression(it) => self.sum_once(it, scope),
            Expression::LogicalExpression(_) => self.logical(expression, scope),
            Expression::ConditionalExpression(it) => {
                let test = self.evaluate(&it.test, scope)?;
                let chosen = if self.truth(&test)? { &it.consequent } else { &it.alternate };
                self.evaluate(chosen, scope)
            }
            Expression::SequenceExpression(it) => {
                let mut last = Value::Undefined;
                for expression in &it.expressions {
                    last = self.evaluate(expression, scope)?;
                }
                Ok(last)
            }
            Expression::StaticMemberExpression(_) | Expression::ComputedMemberExpression(_) => {
                self.member_of(expression, scope).map(|(_, value)| value)
            }
            Expression::CallExpression(it) => self.call_expression(it, scope),
            Expression::NewExpression(it) => self.new_expression(it, scope),
            Expression::ChainExpression(it) => match &it.expression {
                ChainElement::CallExpression(it) => self.call_expression(it, scope),
                _ => Err(Stop::Unknown),
            },
            _ => Err(Stop::Unknown),
        }
    }

    /// A text as it is written: it is made once.
    fn literal(&mut self, it: &'a StringLiteral<'a>) -> Outcome {
        if it.lone_surrogates {
            return Err(Stop::Unknown);
        }
        let name = number::of(&it.node_id);
        debug_assert_eq!(self.numbers.known[name].text, it.value.as_str(), "evaluated before it was numbered");
        if let Some(units) = &self.numbers.known[name].literal {
            return Ok(Value::Text(Rc::clone(units)));
        }
        let made = self.text(it.value.as_str().encode_utf16().collect())?;
        if let Value::Text(units) = &made {
            self.numbers.known[name].literal = Some(Rc::clone(units));
        }
        Ok(made)
    }

    fn template(&mut self, it: &'a TemplateLiteral<'a>, scope: usize) -> Outcome {
        let mut units = Vec::new();
        for (index, quasi) in it.quasis.iter().enumerate() {
            let cooked = quasi.value.cooked.as_ref().filter(|_| !quasi.lone_surrogates).ok_or(Stop::Unknown)?;
            units.extend(cooked.as_str().encode_utf16());
            if let Some(expression) = it.expressions.get(index) {
                let value = self.evaluate(expression, scope)?;
                units.extend(self.text_of(&value)?.iter());
                self.fits(&units)?;
            }
        }
        self.text(units)
    }

    fn array_literal(&mut self, it: &'a ArrayExpression<'a>, scope: usize) -> Outcome {
        let mut items = Vec::with_capacity(it.elements.len().min(4_096));
        let mut holes = false;
        for element in &it.elements {
            match element {
                ArrayExpressionElement::Elision(_) => {
                    holes = true;
                    items.push(Value::Undefined);
                }
                ArrayExpressionElement::SpreadElement(spread) => {
                    let value = self.evaluate(&spread.argument, scope)?;
                    let more = self.spread(&value)?;
                    items.extend(more);
                    self.list_fits(&items)?;
                }
                _ => {
                    let expression = element.as_expression().ok_or(Stop::Unknown)?;
                    let value = self.evaluate(expression, scope)?;
                    items.push(value);
                }
            }
        }
        let list = self.array(items)?;
        self.set_holes(&list, holes);
        Ok(list)
    }

    /// Whether a text that is being made is still one that may be made.
    pub fn fits(&self, units: &[u16]) -> Outcome<()> {
        if units.len() * 2 > MAX_VALUE { Err(Stop::Unknown) } else { Ok(()) }
    }

    pub fn list_fits(&self, items: &[Value]) -> Outcome<()> {
        if items.len() > MAX_ELEMENTS { Err(Stop::Unknown) } else { Ok(()) }
    }

    /// Pays for a text whose letters become values each.
    pub fn letters(&mut self, units: &Units) -> Outcome<()> {
        if units.len() > MAX_ELEMENTS {
            return Err(Stop::Unknown);
        }
        self.spend(units.len())?;
        self.charge(units.len() * 64)
    }

    /// What a list or a text is made of, one by one.
    pub fn spread(&mut self, value: &Value) -> Outcome<Vec<Value>> {
        match value {
            Value::Text(units) => {
                self.letters(units)?;
                Ok(char::decode_utf16(units.iter().copied())
                    .map(|letter| match letter {
                        Ok(letter) => Value::text(letter.encode_utf8(&mut [0; 4])),
                        Err(lone) => Value::units(vec![lone.unpaired_surrogate()]),
                    })
                    .collect())
            }
            other => {
                let items = self.items(other).cloned().ok_or(Stop::Unknown)?;
                self.spend(items.len())?;
                Ok(items)
            }
        }
    }

    fn object_literal(&mut self, it: &'a ObjectExpression<'a>, scope: usize) -> Outcome {
        let object = self.object(Kind::Plain)?;
        for property in &it.properties {
            let ObjectPropertyKind::ObjectProperty(property) = property else { return Err(Stop::Unknown) };
            if property.kind != PropertyKind::Init {
                return Err(Stop::Unknown);
            }
            let name = match &property.key {
                PropertyKey::StaticIdentifier(name) => name.name.to_string(),
                key => {
                    let key = self.evaluate(key.as_expression().ok_or(Stop::Unknown)?, scope)?;
                    self.string_of(&key)?
                }
            };
            let value = self.evaluate(&property.value, scope)?;
            self.set_member(&object, &name, value)?;
        }
        Ok(object)
    }

    /// What a decoder notes at itself is no constant of the text.
    fn object_of_member(&mut self, expression: &'a Expression<'a>, scope: usize) -> Outcome {
        let object = self.evaluate(expression, scope)?;
        let is_site = scope == 0 && self.mode == Mode::Pure && self.own;
        if is_site && self.is_closure(&object) && matches!(expression, Expression::Identifier(_)) {
            Err(Stop::Unknown)
        } else {
            Ok(object)
        }
    }

    /// The object of a member, and the member.
    fn member_of(&mut self, expression: &'a Expression<'a>, scope: usize) -> Outcome<(Value, Value)> {
        match expression {
            Expression::StaticMemberExpression(it) => {
                let object = self.object_of_member(&it.object, scope)?;
                let value = self.named_member(&object, number::of(&it.property.node_id))?;
                Ok((object, value))
            }
            Expression::ComputedMemberExpression(it) => {
                let object = self.object_of_member(&it.object, scope)?;
                if let Expression::StringLiteral(name) = &it.expression
                    && !name.lone_surrogates
                {
                    let value = self.named_member(&object, number::of(&name.node_id))?;
                    return Ok((object, value));
                }
                let key = self.evaluate(&it.expression, scope)?;
                // Elements by number, without a text being made of it.
                if let Some(index) = key.index()
                    && let Some(value) = self.element(&object, index)?
                {
                    if scope != 0 && self.is_older(&object) {
                        self.note_read(&value);
                    }
                    return Ok((object, value));
                }
                if key.is_opaque() {
                    return Ok((object, Value::Opaque));
                }
                let name = self.string_of(&key)?;
                let value = self.member(&object, &name)?;
                Ok((object, value))
            }
            _ => Err(Stop::Unknown),
        }
    }

    fn note_read(&mut self, value: &Value) {
        self.list_reads += 1;
        if let Value::Text(units) = value {
            self.read_text = Some(Rc::clone(units));
        }
    }

    pub fn arguments(&mut self, arguments: &'a [Argument<'a>], scope: usize) -> Outcome<Vec<Value>> {
        let mut values = Vec::with_capacity(arguments.len().min(256));
        for argument in arguments {
            if let Argument::SpreadElement(spread) = argument {
                let value = self.evaluate(&spread.argument, scope)?;
                let more = self.spread(&value)?;
                values.extend(more);
                self.list_fits(&values)?;
            } else {
                let expression = argument.as_expression().ok_or(Stop::Unknown)?;
                let value = self.evaluate(expression, scope)?;
                values.push(value);
            }
        }
        Ok(values)
    }

    fn call_expression(&mut self, it: &'a CallExpression<'a>, scope: usize) -> Outcome {
        let (this, callee, name) = match &it.callee {
            Expression::StaticMemberExpression(member) => {
                let (this, callee) = self.member_of(&it.callee, scope)?;
                (Some(this), callee, Some(member.property.name.as_str()))
            }
            Expression::ComputedMemberExpression(_) => {
                let (this, callee) = self.member_of(&it.callee, scope)?;
                (Some(this), callee, None)
            }
            callee => (None, self.evaluate(callee, scope)?, None),
        };
        let arguments = self.arguments(&it.arguments, scope)?;
        if self.own {
            self.place = (it.span.start as usize, it.span.end as usize);
        }
        if callee.is_opaque() {
            self.watch(&it.callee, name, &arguments);
        }
        self.call(&callee, this.unwrap_or(Value::Undefined), arguments)
    }

    /// Calls of the host that run a text.
    fn watch(&mut self, callee: &'a Expression<'a>, name: Option<&str>, arguments: &[Value]) {
        let name = match (name, callee) {
            (Some(name), _) => name.to_ascii_lowercase(),
            (None, Expression::Identifier(it)) => it.name.to_ascii_lowercase(),
            (None, Expression::ComputedMemberExpression(it)) => match &it.expression {
                Expression::StringLiteral(it) => it.value.to_ascii_lowercase(),
                _ => return,
            },
            _ => return,
        };
        let technique = match name.as_str() {
            "write" | "writeln" => Technique::DocumentWrite,
            "run" | "exec" | "shellexecute" | "execsync" | "spawn" => Technique::Command,
            "settimeout" | "setinterval" | "execscript" | "setimmediate" => Technique::Eval,
            _ => return,
        };
        if let Some(Value::Text(code)) = arguments.first()
            && (technique == Technique::Eval || code.len() >= 24)
        {
            self.capture(technique, &code.clone());
        }
    }

    fn new_expression(&mut self, it: &'a NewExpression<'a>, scope: usize) -> Outcome {
        let callee = self.evaluate(&it.callee, scope)?;
        let arguments = self.arguments(&it.arguments, scope)?;
        if self.own {
            self.place = (it.span.start as usize, it.span.end as usize);
        }
        match callee {
            Value::Native("Function" | "RegExp" | "Array" | "Object") => {
                self.call(&callee, Value::Undefined, arguments)
            }
            Value::Opaque | Value::Native(_) if self.mode == Mode::Trace => Ok(Value::Opaque),
            Value::Object(_) => {
                let this = self.object(Kind::Plain)?;
                if let (Value::Object(prototype), Value::Object(place)) = (self.member(&callee, "prototype")?, &this) {
                    self.heap.get_mut(*place).ok_or(Stop::Unknown)?.prototype = Some(prototype);
                }
                let result = self.call(&callee, this.clone(), arguments)?;
                Ok(if matches!(result, Value::Object(_)) { result } else { this })
            }
            _ => Err(Stop::Unknown),
        }
    }

    fn unary(&mut self, it: &'a UnaryExpression<'a>, scope: usize) -> Outcome {
        if it.operator == UnaryOperator::Typeof {
            return self.type_of(&it.argument, scope);
        }
        if it.operator == UnaryOperator::Delete {
            return self.delete(&it.argument, scope);
        }
        let value = self.evaluate(&it.argument, scope)?;
        if value.is_opaque() && it.operator != UnaryOperator::Void {
            return if it.operator == UnaryOperator::LogicalNot { Err(Stop::Unknown) } else { Ok(Value::Opaque) };
        }
        Ok(match it.operator {
            UnaryOperator::UnaryPlus => Value::Number(self.number_of(&value)?),
            UnaryOperator::UnaryNegation => Value::Number(-self.number_of(&value)?),
            UnaryOperator::LogicalNot => Value::Bool(!self.truth(&value)?),
            UnaryOperator::BitwiseNot => Value::Number(f64::from(!super::value::to_int(self.number_of(&value)?))),
            _ => Value::Undefined,
        })
    }

    fn type_of(&mut self, argument: &'a Expression<'a>, scope: usize) -> Outcome {
        let value = self.evaluate(argument, scope)?;
        let name = match value {
            Value::Undefined => "undefined",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::Text(_) => "string",
            Value::Opaque => return Err(Stop::Unknown),
            Value::Native("Math" | "JSON" | "globalThis") | Value::Null => "object",
            ref value if self.is_function(value) => "function",
            _ => "object",
        };
        Ok(Value::text(name))
    }
}

/// The bytes of the text that an expression is.
pub fn place(expression: &Expression<'_>) -> (usize, usize) {
    let span = expression.span();
    (span.start as usize, span.end as usize)
}
