//! Expressions that change what a name or a member is.

use oxc_ast::ast::{
    AssignmentExpression, AssignmentTarget, ComputedMemberExpression, Expression, SimpleAssignmentTarget,
    UpdateExpression,
};
use oxc_syntax::operator::{AssignmentOperator, BinaryOperator, LogicalOperator, UpdateOperator};

use super::machine::{Machine, Mode, Outcome, Stop};
use super::number;
use super::value::{Object, Value, index_of};

impl<'a> Machine<'a, '_> {
    pub fn assignment(&mut self, it: &'a AssignmentExpression<'a>, scope: usize) -> Outcome {
        if let AssignmentTarget::AssignmentTargetIdentifier(name) = &it.left {
            if self.append(it, scope)?.is_some() {
                return self.lookup(scope, number::of(&name.node_id));
            }
            let name = number::of(&name.node_id);
            let value = match it.operator {
                AssignmentOperator::Assign => self.evaluate(&it.right, scope)?,
                operator => {
                    let before = self.lookup(scope, name)?;
                    self.combined(operator, before, &it.right, scope)?
                }
            };
            self.assign(scope, name, value.clone())?;
            return Ok(value);
        }
        if let (AssignmentTarget::ComputedMemberExpression(member), AssignmentOperator::Assign) =
            (&it.left, it.operator)
        {
            return self.assign_element(member, &it.right, scope);
        }
        let (object, key) = self.target(&it.left, scope)?;
        let value = match it.operator {
            AssignmentOperator::Assign => self.evaluate(&it.right, scope)?,
            operator => {
                let before = self.member(&object, &key)?;
                self.combined(operator, before, &it.right, scope)?
            }
        };
        self.set_member(&object, &key, value.clone())?;
        Ok(value)
    }

    /// `name += ...` or `name = name + ...`: what is alone in holding a text makes it longer. None for anything else.
    pub fn append(&mut self, it: &'a AssignmentExpression<'a>, scope: usize) -> Outcome<Option<()>> {
        let AssignmentTarget::AssignmentTargetIdentifier(name) = &it.left else { return Ok(None) };
        let name = number::of(&name.node_id);
        let right = match (it.operator, &it.right) {
            (AssignmentOperator::Addition, right) => right,
            // `name = name + ...`
            (AssignmentOperator::Assign, Expression::BinaryExpression(sum))
                if sum.operator == BinaryOperator::Addition
                    && matches!(&sum.left, Expression::Identifier(left) if number::of(&left.node_id) == name) =>
            {
                &sum.right
            }
            _ => return Ok(None),
        };
        if self.is_constant(name) {
            return Err(Stop::Unknown);
        }
        let before = match &it.right {
            Expression::BinaryExpression(sum) if it.operator == AssignmentOperator::Assign => {
                self.evaluate(&sum.left, scope)?
            }
            _ => self.lookup(scope, name)?,
        };
        let more = self.evaluate(right, scope)?;
        let (Value::Text(mut units), true) = (before.clone(), more.is_primitive()) else {
            let value = self.term(before, BinaryOperator::Addition, &more)?;
            return self.assign(scope, name, value).map(Some);
        };
        drop(before);
        // Nobody else is to hold it, but whatever happens the name keeps a text.
        drop(self.take(scope, name));
        let done = self.lengthen(&mut units, &more);
        self.assign(scope, name, Value::Text(units))?;
        done.map(Some)
    }

    fn combined(
        &mut self,
        operator: AssignmentOperator,
        before: Value,
        right: &'a Expression<'a>,
        scope: usize,
    ) -> Outcome {
        if let Some(operator) = operator.to_logical_operator() {
            let keeps = match operator {
                LogicalOperator::And => !self.truth(&before)?,
                LogicalOperator::Or => self.truth(&before)?,
                LogicalOperator::Coalesce => !matches!(before, Value::Undefined | Value::Null),
            };
            return if keeps { Ok(before) } else { self.evaluate(right, scope) };
        }
        let right = self.evaluate(right, scope)?;
        self.binary(operator.to_binary_operator().ok_or(Stop::Unknown)?, &before, &right)
    }

    /// Elements of lists by their number, without a text being made of it.
    fn assign_element(
        &mut self,
        it: &'a ComputedMemberExpression<'a>,
        right: &'a Expression<'a>,
        scope: usize,
    ) -> Outcome {
        let object = self.evaluate(&it.object, scope)?;
        let key = self.evaluate(&it.expression, scope)?;
        if object.is_opaque() {
            // What the host keeps need not be known, nor by which name.
            return self.evaluate(right, scope);
        }
        let place = key.index();
        let name = if place.is_none() { self.string_of(&key)? } else { String::new() };
        let value = self.evaluate(right, scope)?;
        if let Some(place) = place {
            self.spend(1)?;
            if let Some(slot) = self.items_mut(&object).and_then(|items| items.get_mut(place)) {
                *slot = value.clone();
                return Ok(value);
            }
            self.set_member(&object, &place.to_string(), value.clone())?;
        } else {
            self.set_member(&object, &name, value.clone())?;
        }
        Ok(value)
    }

    fn target(&mut self, target: &'a AssignmentTarget<'a>, scope: usize) -> Outcome<(Value, String)> {
        let (object, key) = match target {
            AssignmentTarget::StaticMemberExpression(it) => {
                (self.evaluate(&it.object, scope)?, it.property.name.to_string())
            }
            AssignmentTarget::ComputedMemberExpression(it) => {
                let object = self.evaluate(&it.object, scope)?;
                let key = self.evaluate(&it.expression, scope)?;
                (object, self.string_of(&key)?)
            }
            _ => return Err(Stop::Unknown),
        };
        Ok((object, key))
    }

    pub fn update(&mut self, it: &'a UpdateExpression<'a>, scope: usize) -> Outcome {
        let by = if it.operator == UpdateOperator::Increment { 1.0 } else { -1.0 };
        let before;
        match &it.argument {
            SimpleAssignmentTarget::AssignmentTargetIdentifier(name) => {
                let name = number::of(&name.node_id);
                if self.is_constant(name) {
                    return Err(Stop::Unknown);
                }
                match self.slot(scope, name) {
                    Some(Value::Number(number)) => {
                        before = *number;
                        *number += by;
                    }
                    _ => {
                        let value = self.lookup(scope, name)?;
                        before = self.number_of(&value)?;
                        self.assign(scope, name, Value::Number(before + by))?;
                    }
                }
            }
            SimpleAssignmentTarget::StaticMemberExpression(member) => {
                let object = self.evaluate(&member.object, scope)?;
                let value = self.member(&object, member.property.name.as_str())?;
                before = self.number_of(&value)?;
                self.set_member(&object, member.property.name.as_str(), Value::Number(before + by))?;
            }
            SimpleAssignmentTarget::ComputedMemberExpression(member) => {
                let object = self.evaluate(&member.object, scope)?;
                let key = self.evaluate(&member.expression, scope)?;
                let key = self.string_of(&key)?;
                let value = self.member(&object, &key)?;
                before = self.number_of(&value)?;
                self.set_member(&object, &key, Value::Number(before + by))?;
            }
            _ => return Err(Stop::Unknown),
        }
        Ok(Value::Number(if it.prefix { before + by } else { before }))
    }

    pub fn delete(&mut self, argument: &'a Expression<'a>, scope: usize) -> Outcome {
        let (object, key) = match argument {
            Expression::StaticMemberExpression(it) => (self.evaluate(&it.object, scope)?, it.property.name.to_string()),
            Expression::ComputedMemberExpression(it) => {
                let object = self.evaluate(&it.object, scope)?;
                let key = self.evaluate(&it.expression, scope)?;
                (object, self.string_of(&key)?)
            }
            _ => return Err(Stop::Unknown),
        };
        match object {
            // An element leaves a hole.
            Value::Object(_) if self.items(&object).is_some() && (index_of(&key).is_some() || key == "length") => {
                return Err(Stop::Unknown);
            }
            Value::Object(place) => {
                let names = self.heap.get(place).map_or(0, Object::count);
                self.spend(names / 16)?;
                self.heap.get_mut(place).ok_or(Stop::Unknown)?.remove(&key);
            }
            _ if self.mode == Mode::Pure => return Err(Stop::Unknown),
            _ => {}
        }
        Ok(Value::Bool(true))
    }
}
