//! Variables of PowerShell: what each is at a token, as far as its changes can be followed.

use super::changes::{Change, Kind};
use super::evaluate::Evaluator;
use super::methods;
use super::token::{Placed, Token, unescaped};
use crate::limits::MAX_VALUE;
use crate::script::Value;

/// What every Windows has.
const KNOWN: [(&str, &str); 9] = [
    ("pshome", "C:\\Windows\\System32\\WindowsPowerShell\\v1.0"),
    ("shellid", "Microsoft.PowerShell"),
    ("env:comspec", "C:\\WINDOWS\\system32\\cmd.exe"),
    ("env:public", "C:\\Users\\Public"),
    ("verbosepreference", "SilentlyContinue"),
    ("debugpreference", "SilentlyContinue"),
    ("warningpreference", "Continue"),
    ("env:systemroot", "C:\\WINDOWS"),
    ("env:windir", "C:\\WINDOWS"),
];

impl Evaluator<'_, '_> {
    /// Gives a variable its next value. One that never has another has it everywhere: functions that use it may stand
    /// before.
    pub fn change(&mut self, name: &str, change: &Change, types: &[Placed], is_only: bool) {
        if is_only {
            // Its value may be made of itself, which is nothing yet.
            self.values.insert(name.to_owned(), vec![(0, None)]);
        }
        let (value, end) = match change.kind {
            Kind::Assigned | Kind::Added => {
                let made = self.constant(change.at).filter(|made| self.ends(made.1));
                let end = made.as_ref().map_or_else(|| self.statement_end(change.at), |made| made.1);
                let is_added = change.kind == Kind::Added;
                let made = made.map(|made| made.0);
                let value = if is_added { made.and_then(|more| self.added(name, change.at, &more)) } else { made };
                (value.and_then(|value| self.declared(types, value)), end)
            }
            Kind::Reversed => (self.reversed(name, change.at), change.at + 1),
            Kind::Unknown => (None, 0),
        };
        if is_only {
            self.values.insert(name.to_owned(), vec![(0, value)]);
        } else {
            self.values.entry(name.to_owned()).or_default().push((end, value));
        }
    }

    /// What a variable is with more of it.
    fn added(&mut self, name: &str, at: usize, more: &Value) -> Option<Value> {
        let value = methods::plus(self.variable(name, at)?, more)?;
        if !self.walk.budget.spend(value.size() / 16) {
            return None;
        }
        self.walk.hold(value.bounded()?)
    }

    fn declared(&mut self, types: &[Placed], value: Value) -> Option<Value> {
        let mut value = value;
        for placed in types.iter().rev() {
            let Token::Type(name) = &placed.token else { return None };
            value = self.walk.hold(methods::cast(name, value)?.bounded()?)?;
        }
        Some(value)
    }

    /// A list, the other way round. Of a text it would be a copy that is turned.
    fn reversed(&mut self, name: &str, at: usize) -> Option<Value> {
        let mut value = self.variable(name, at)?;
        match &mut value {
            Value::List(items) => items.reverse(),
            Value::Bytes(bytes) => bytes.reverse(),
            _ => return None,
        }
        Some(value)
    }

    /// What a variable is at a token.
    pub fn variable(&mut self, name: &str, at: usize) -> Option<Value> {
        if self.values.contains_key(name) {
            let value = self.value_at(name, at)?.clone();
            return self.walk.hold(value);
        }
        KNOWN.iter().find(|known| known.0 == name).map(|known| Value::Text(known.1.to_owned()))
    }

    fn value_at(&self, name: &str, at: usize) -> Option<&Value> {
        let values = self.values.get(name)?;
        // The first place is 0 where there is one value for all.
        if values.first()?.0 > 0 && self.in_block.get(at).is_none_or(|is_in| *is_in) {
            return None;
        }
        values.iter().rev().find(|(from, _)| *from <= at)?.1.as_ref()
    }

    /// The text of a token with its variables put in; None where one is not known.
    pub fn expand(&mut self, raw: &str, at: usize) -> Option<String> {
        let mut done = String::new();
        let mut rest = raw;
        while let Some(sign) = rest.find('$') {
            if rest[..sign].ends_with('`') {
                return None;
            }
            done.push_str(&rest[..sign]);
            rest = &rest[sign + 1..];
            let (name, behind) = match rest.strip_prefix('{') {
                Some(inner) => inner.split_once('}')?,
                None => {
                    let end = rest
                        .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                        .unwrap_or(rest.len());
                    if end == 0 {
                        return None;
                    }
                    rest.split_at(end)
                }
            };
            if behind.starts_with(['[', ':']) {
                return None;
            }
            let value = self.value_at(&name.to_ascii_lowercase(), at)?.text()?;
            if !self.walk.budget.spend(value.len() / 16 + 1) || done.len() + value.len() > MAX_VALUE {
                return None;
            }
            done.push_str(&value);
            rest = behind;
        }
        done.push_str(rest);
        let Value::Text(text) = self.walk.hold(Value::Text(unescaped(&done.replace("\"\"", "\""))))? else {
            return None;
        };
        Some(text)
    }
}
