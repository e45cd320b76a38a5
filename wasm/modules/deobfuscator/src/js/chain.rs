//! Chains of operators, which nest to the left, thousands of terms deep.

use std::rc::Rc;

use oxc_ast::ast::{BinaryExpression, Expression};
use oxc_syntax::operator::{BinaryOperator, LogicalOperator};

use super::machine::{Machine, Outcome, Stop};
use super::number;
use super::operate::of_numbers;
use super::value::{Units, Value};

/// Characters that are copied for the price of a step.
const COPIED_PER_STEP: usize = 64;

impl<'a> Machine<'a, '_> {
    /// A sum of literals alone is made once: decoders have them in their innermost loops.
    pub fn sum_once(&mut self, it: &'a BinaryExpression<'a>, scope: usize) -> Outcome {
        let number = number::of(&it.node_id);
        if number == 0 {
            return self.sum(it, scope);
        }
        if let Some(known) = self.numbers.sums[number] {
            return Ok(Value::Number(known));
        }
        let value = self.sum(it, scope)?;
        if let Value::Number(sum) = &value {
            self.numbers.sums[number] = Some(*sum);
        }
        Ok(value)
    }

    /// A chain of operators, from its first term on.
    fn sum(&mut self, it: &'a BinaryExpression<'a>, scope: usize) -> Outcome {
        let begun = self.terms.len();
        let mut first = &it.left;
        self.terms.push(it);
        while let Expression::BinaryExpression(left) = first {
            self.terms.push(left);
            first = &left.left;
        }
        let value = self.chain(first, begun, scope);
        self.terms.truncate(begun);
        value
    }

    fn chain(&mut self, first: &'a Expression<'a>, begun: usize, scope: usize) -> Outcome {
        let mut value = self.evaluate(first, scope)?;
        while self.terms.len() > begun
            && let Some(it) = self.terms.pop()
        {
            let right = self.evaluate(&it.right, scope)?;
            value = self.term(value, it.operator, &right)?;
        }
        Ok(value)
    }

    /// A text to which something is added is made longer in its place.
    pub fn term(&mut self, mut left: Value, operator: BinaryOperator, right: &Value) -> Outcome {
        if let (Value::Number(one), Value::Number(two)) = (&left, right)
            && let Some(value) = of_numbers(operator, *one, *two)
        {
            return Ok(value);
        }
        if operator == BinaryOperator::Addition
            && let (Value::Text(units), true) = (&mut left, right.is_primitive())
        {
            self.lengthen(units, right)?;
            return Ok(left);
        }
        self.binary(operator, &left, right)
    }

    /// Adds to a text, which is left as it is where that is too much.
    pub fn lengthen(&mut self, units: &mut Units, more: &Value) -> Outcome<()> {
        let more = self.text_of(more)?;
        self.spend(more.len() / 8 + 1)?;
        if (units.len() + more.len()) * 2 > crate::limits::MAX_VALUE {
            return Err(Stop::Unknown);
        }
        self.charge(more.len() * 2)?;
        // What somebody else holds, too, is copied.
        if Rc::get_mut(units).is_none() {
            self.pay_copy(units.len())?;
        }
        Rc::make_mut(units).extend(more.iter());
        Ok(())
    }

    pub fn pay_copy(&mut self, length: usize) -> Outcome<()> {
        self.spend(length / COPIED_PER_STEP)?;
        self.charge(length * 2)
    }

    pub fn logical(&mut self, expression: &'a Expression<'a>, scope: usize) -> Outcome {
        let mut terms = Vec::new();
        let mut at = expression;
        while let Expression::LogicalExpression(it) = at {
            terms.push((it.operator, &it.right));
            at = &it.left;
        }
        let mut value = self.evaluate(at, scope)?;
        for (operator, right) in terms.into_iter().rev() {
            let goes_on = match operator {
                // What is not known may be there: most scripts ask for that alone.
                LogicalOperator::And => self.truth(&value)?,
                LogicalOperator::Or if value.is_opaque() => false,
                LogicalOperator::Or => !self.truth(&value)?,
                LogicalOperator::Coalesce => matches!(value, Value::Undefined | Value::Null),
            };
            if goes_on {
                value = self.evaluate(right, scope)?;
            }
        }
        Ok(value)
    }
}
