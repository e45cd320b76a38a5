//! What operators do with values.

use std::cmp::Ordering;

use script_host::Fault;

use crate::ast::Binary;
use crate::machine::{Done, MAX_TEXT, Machine};
use crate::values::{Val, of_serial};

fn mismatch() -> Fault {
    Fault::Thrown(13, "Type mismatch".to_owned())
}

fn number(value: &Val) -> Done<f64> {
    value.number().ok_or_else(mismatch)
}

impl Machine {
    /// # Errors
    /// What Basic throws for values that do not fit.
    pub fn binary(&mut self, operator: Binary, left: &Val, right: &Val) -> Done<Val> {
        Ok(match operator {
            Binary::Join => return self.join(left, right),
            Binary::Add => match (left, right) {
                (Val::Text(_), Val::Text(_)) => return self.join(left, right),
                (Val::Date(date), other) | (other, Val::Date(date)) => {
                    Val::Date(date + other.to_number() * 86_400_000.0)
                }
                _ => Val::Number(number(left)? + number(right)?),
            },
            Binary::Subtract => match (left, right) {
                (Val::Date(one), Val::Date(other)) => Val::Number((one - other) / 86_400_000.0),
                (Val::Date(date), other) => Val::Date(date - other.to_number() * 86_400_000.0),
                _ => Val::Number(number(left)? - number(right)?),
            },
            Binary::Multiply => Val::Number(number(left)? * number(right)?),
            Binary::Divide => {
                let divisor = number(right)?;
                if divisor == 0.0 {
                    return Err(Fault::Thrown(11, "Division by zero".to_owned()));
                }
                Val::Number(number(left)? / divisor)
            }
            Binary::Whole | Binary::Modulo => whole(operator, left, right)?,
            Binary::Power => Val::Number(number(left)?.powf(number(right)?)),
            Binary::And | Binary::Or | Binary::Xor | Binary::Eqv | Binary::Imp => bitwise(operator, left, right),
            Binary::Is => Val::Bool(same(left, right)),
            Binary::Like => Val::Bool(self.like(&left.to_text(), &right.to_text())?),
            _ => {
                self.pay(left.to_text_length().min(right.to_text_length()))?;
                Val::Bool(compared(operator, compare(left, right)))
            }
        })
    }

    fn join(&mut self, left: &Val, right: &Val) -> Done<Val> {
        if let Some(bytes) = joined_bytes(left, right) {
            self.pay(bytes.len())?;
            return Ok(Val::Bytes(bytes.into()));
        }
        let (left, right) = (left.to_text(), right.to_text());
        if left.len() + right.len() > MAX_TEXT {
            return Err(Fault::Thrown(14, "Out of string space".to_owned()));
        }
        self.pay(left.len() + right.len())?;
        Ok(Val::text([&*left, &*right].concat()))
    }

    /// `*`, `?` and `#` stand for texts, characters and digits.
    fn like(&mut self, text: &str, pattern: &str) -> Done<bool> {
        let text: Vec<char> = text.chars().take(100_000).collect();
        let pattern: Vec<char> = pattern.chars().take(1_000).collect();
        self.pay(text.len() * pattern.len())?;
        // Which beginnings of the text fit the pattern so far.
        let mut fits = vec![false; text.len() + 1];
        fits[0] = true;
        for sign in pattern {
            let mut next = vec![false; text.len() + 1];
            if sign == '*' {
                let first = fits.iter().position(|fit| *fit).unwrap_or(fits.len());
                next.iter_mut().skip(first).for_each(|fit| *fit = true);
            } else {
                for (at, char) in text.iter().enumerate() {
                    next[at + 1] = fits[at] && (sign == '?' || sign == *char || (sign == '#' && char.is_ascii_digit()));
                }
            }
            fits = next;
        }
        Ok(fits.last().copied().unwrap_or(false))
    }
}

/// Of bytes and bytes, as `ChrB` gives them, which a script begins with nothing.
fn joined_bytes(left: &Val, right: &Val) -> Option<Vec<u8>> {
    let bytes = |value: &Val| match value {
        Val::Bytes(bytes) => Some(bytes.clone()),
        Val::Empty => Some([].into()),
        Val::Text(text) if text.is_empty() => Some([].into()),
        _ => None,
    };
    let any = matches!(left, Val::Bytes(_)) || matches!(right, Val::Bytes(_));
    let both = [bytes(left).filter(|_| any)?, bytes(right)?];
    (both[0].len() + both[1].len() <= MAX_TEXT).then(|| both.concat())
}

impl Val {
    fn to_text_length(&self) -> usize {
        if let Self::Text(text) = self { text.len() } else { 0 }
    }
}

#[allow(clippy::cast_precision_loss, reason = "Basic has 32 bits there")]
fn whole(operator: Binary, left: &Val, right: &Val) -> Done<Val> {
    number(left)?;
    number(right)?;
    let (dividend, divisor) = (left.to_integer(), right.to_integer());
    let result = match operator {
        Binary::Whole => dividend.checked_div(divisor),
        _ => dividend.checked_rem(divisor),
    };
    let result = result.ok_or_else(|| Fault::Thrown(11, "Division by zero".to_owned()))?;
    Ok(Val::Number(result as f64))
}

#[allow(clippy::cast_precision_loss, reason = "Basic has 32 bits there")]
fn bitwise(operator: Binary, left: &Val, right: &Val) -> Val {
    let (one, other) = (left.to_integer(), right.to_integer());
    let result = match operator {
        Binary::And => one & other,
        Binary::Or => one | other,
        Binary::Xor => one ^ other,
        Binary::Eqv => !(one ^ other),
        _ => !one | other,
    };
    let are_truths = matches!((left, right), (Val::Bool(_) | Val::Empty, Val::Bool(_) | Val::Empty));
    if are_truths { Val::Bool(result != 0) } else { Val::Number(result as f64) }
}

fn same(left: &Val, right: &Val) -> bool {
    match (left, right) {
        (Val::Nothing | Val::Empty, Val::Nothing | Val::Empty) => true,
        (Val::Object(one), Val::Object(other)) => one == other,
        (Val::Instance(one), Val::Instance(other)) => std::rc::Rc::ptr_eq(one, other),
        _ => false,
    }
}

/// Numbers as numbers, all else as texts.
#[must_use]
pub fn compare(left: &Val, right: &Val) -> Option<Ordering> {
    match (left, right) {
        (Val::Null, _) | (_, Val::Null) => None,
        (Val::Text(one), Val::Text(other)) => Some(one.cmp(other)),
        (Val::Text(one), Val::Empty) => Some((**one).cmp("")),
        (Val::Empty, Val::Text(other)) => Some("".cmp(other)),
        (Val::Date(date), Val::Text(text)) => crate::dates::parse(text).and_then(|other| date.partial_cmp(&other)),
        (Val::Text(text), Val::Date(date)) => crate::dates::parse(text).and_then(|other| other.partial_cmp(date)),
        _ => match (left.number(), right.number()) {
            (Some(one), Some(other)) => one.partial_cmp(&other),
            _ => Some(left.to_text().cmp(&right.to_text())),
        },
    }
}

fn compared(operator: Binary, order: Option<Ordering>) -> bool {
    let Some(order) = order else { return false };
    match operator {
        Binary::Equal => order.is_eq(),
        Binary::Unequal => order.is_ne(),
        Binary::Less => order.is_lt(),
        Binary::Greater => order.is_gt(),
        Binary::UpTo => order.is_le(),
        _ => order.is_ge(),
    }
}

/// Days as a date.
#[must_use]
pub fn to_date(value: &Val) -> Option<f64> {
    match value {
        Val::Date(date) => Some(*date),
        Val::Text(text) => crate::dates::parse(text),
        other => other.number().map(of_serial),
    }
}
