//! A loop as text, without what an author, or an obfuscator, is free to choose: names, brackets, hexadecimal numbers,
//! commas for semicolons.

use oxc_ast::ast::{
    Argument, AssignmentTarget, Expression, ForStatement, SimpleAssignmentTarget, Statement, StaticMemberExpression,
};
use oxc_syntax::operator::{UnaryOperator, UpdateOperator};

use super::number::{self, Name};

/// Names of properties, and texts, that known loops have. Any other might look like the rest of a loop.
const PROPERTIES: [&str; 5] = ["charCodeAt", "length", "fromCharCode", "toString", "slice"];
const TEXTS: [&str; 2] = ["'%'", "'00'"];

/// A text, and its names in their order: `a`, `b`, ...
#[derive(Default)]
pub struct Spelling {
    pub text: String,
    pub names: Vec<Name>,
}

impl Spelling {
    /// Of a loop without its beginning. None for what none of the loops has that anybody asks for.
    pub fn of(it: &ForStatement<'_>) -> Option<Self> {
        let mut spelling = Self::default();
        spelling.expression(it.test.as_ref()?)?;
        spelling.update(it.update.as_ref()?)?;
        spelling.statement(&it.body)?;
        Some(spelling)
    }

    fn name(&mut self, name: Name) -> Option<()> {
        let known = self.names.iter().position(|&known| known == name);
        let index = known.unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        self.text.push(char::from(b"abcdefgh".get(index).copied()?));
        Some(())
    }

    fn statement(&mut self, statement: &Statement<'_>) -> Option<()> {
        match statement {
            Statement::BlockStatement(it) => it.body.iter().try_for_each(|statement| self.statement(statement)),
            Statement::ExpressionStatement(it) => self.effect(&it.expression),
            _ => None,
        }
    }

    /// An expression whose value nobody asks for.
    fn effect(&mut self, expression: &Expression<'_>) -> Option<()> {
        match expression {
            Expression::SequenceExpression(it) => it.expressions.iter().try_for_each(|part| self.effect(part)),
            Expression::AssignmentExpression(it) => {
                match &it.left {
                    AssignmentTarget::AssignmentTargetIdentifier(name) => self.name(number::of(&name.node_id))?,
                    AssignmentTarget::ComputedMemberExpression(it) => self.element(&it.object, &it.expression)?,
                    _ => return None,
                }
                self.text.push_str(it.operator.as_str());
                self.expression(&it.right)?;
                self.text.push(';');
                Some(())
            }
            _ => None,
        }
    }

    fn update(&mut self, expression: &Expression<'_>) -> Option<()> {
        let Expression::UpdateExpression(it) = expression else { return None };
        let SimpleAssignmentTarget::AssignmentTargetIdentifier(name) = &it.argument else { return None };
        if it.operator != UpdateOperator::Increment {
            return None;
        }
        self.text.push(';');
        self.name(number::of(&name.node_id))?;
        self.text.push_str("++;");
        Some(())
    }

    fn element(&mut self, object: &Expression<'_>, key: &Expression<'_>) -> Option<()> {
        self.expression(object)?;
        if let Expression::StringLiteral(name) = key {
            return self.property(&name.value);
        }
        self.text.push('[');
        self.expression(key)?;
        self.text.push(']');
        Some(())
    }

    fn member(&mut self, it: &StaticMemberExpression<'_>) -> Option<()> {
        self.expression(&it.object)?;
        self.property(&it.property.name)
    }

    /// None other: a name may be any text, also one that looks like the rest of a loop.
    fn property(&mut self, name: &str) -> Option<()> {
        let known = PROPERTIES.into_iter().find(|&known| known == name)?;
        self.text.push('.');
        self.text.push_str(known);
        Some(())
    }

    fn expression(&mut self, expression: &Expression<'_>) -> Option<()> {
        match expression {
            Expression::Identifier(it) => self.name(number::of(&it.node_id)),
            Expression::NumericLiteral(it) => {
                self.text.push_str(&it.value.to_string());
                Some(())
            }
            Expression::StringLiteral(it) => {
                self.text.push_str(TEXTS.into_iter().find(|known| it.value == known[1..known.len() - 1])?);
                Some(())
            }
            Expression::UnaryExpression(it) if it.operator == UnaryOperator::UnaryNegation => {
                self.text.push('-');
                self.expression(&it.argument)
            }
            Expression::BinaryExpression(it) => {
                self.text.push('(');
                self.expression(&it.left)?;
                self.text.push_str(it.operator.as_str());
                self.expression(&it.right)?;
                self.text.push(')');
                Some(())
            }
            Expression::StaticMemberExpression(it) if !it.optional => self.member(it),
            Expression::ComputedMemberExpression(it) if !it.optional => self.element(&it.object, &it.expression),
            Expression::CallExpression(it) if !it.optional => {
                let [argument] = it.arguments.as_slice() else { return None };
                self.expression(&it.callee)?;
                self.text.push('(');
                self.argument(argument)?;
                self.text.push(')');
                Some(())
            }
            _ => None,
        }
    }

    fn argument(&mut self, argument: &Argument<'_>) -> Option<()> {
        self.expression(argument.as_expression()?)
    }
}
