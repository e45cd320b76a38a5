//! What the language does with lists.

use super::machine::{Machine, Outcome, Stop};
use super::value::{Kind, Value};
use crate::limits::MAX_ELEMENTS;

impl<'a> Machine<'a, '_> {
    pub fn new_list(&mut self, arguments: &[Value]) -> Outcome {
        match arguments {
            [length @ Value::Number(_)] => {
                let length = length.index().filter(|&length| length <= MAX_ELEMENTS).ok_or(Stop::Unknown)?;
                let list = self.array(vec![Value::Undefined; length])?;
                self.set_holes(&list, length > 0);
                Ok(list)
            }
            _ => self.array(arguments.to_vec()),
        }
    }

    pub fn set_holes(&mut self, list: &Value, holes: bool) {
        if let Value::Object(place) = list
            && let Some(object) = self.heap.get_mut(*place)
        {
            object.holes = holes;
        }
    }

    /// Whether nothing may be at a place of a list that is `Undefined`.
    pub fn has_holes(&self, list: &Value) -> bool {
        matches!(list, Value::Object(place) if self.heap.get(*place).is_some_and(|object| object.holes))
    }

    pub fn of_list(&mut self, method: &str, this: &Value, arguments: Vec<Value>) -> Outcome {
        let Some(length) = self.items(this).map(Vec::len) else { return Err(Stop::Unknown) };
        let first = arguments.first().cloned().unwrap_or(Value::Undefined);
        match method {
            "push" | "pop" | "shift" | "unshift" | "reverse" | "splice" | "fill" => {
                return self.change_list(method, this, arguments, length);
            }
            "map" | "forEach" | "filter" | "find" | "some" | "every" => {
                return self.each(method, this, &arguments);
            }
            "reduce" => return self.reduce(this, &arguments),
            _ => {}
        }
        self.spend(length / 4)?;
        let items = self.items(this).cloned().ok_or(Stop::Unknown)?;
        match method {
            "join" => {
                let separator = if matches!(first, Value::Undefined) { Value::text(",") } else { first };
                let separator = self.text_of(&separator)?;
                let mut units = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        units.extend(separator.iter());
                    }
                    if !matches!(item, Value::Undefined | Value::Null) {
                        units.extend(self.text_of(item)?.iter());
                    }
                    if units.len() * 2 > crate::limits::MAX_VALUE {
                        return Err(Stop::Unknown);
                    }
                }
                self.text(units)
            }
            "slice" => {
                let (start, end) = self.range(&arguments, length)?;
                let list = self.array(items.get(start..end.max(start)).unwrap_or_default().to_vec())?;
                self.set_holes(&list, self.has_holes(this));
                Ok(list)
            }
            "concat" => {
                let mut all = items;
                let holes = self.has_holes(this) || arguments.iter().any(|argument| self.has_holes(argument));
                for argument in &arguments {
                    match self.items(argument) {
                        Some(more) => all.extend(more.iter().cloned()),
                        None => all.push(argument.clone()),
                    }
                    self.list_fits(&all)?;
                }
                let list = self.array(all)?;
                self.set_holes(&list, holes);
                Ok(list)
            }
            "indexOf" | "includes" if arguments.len() > 1 => Err(Stop::Unknown),
            "indexOf" if matches!(first, Value::Undefined) && self.has_holes(this) => Err(Stop::Unknown),
            "indexOf" | "includes" => {
                let is_nan = |value: &Value| matches!(value, Value::Number(number) if number.is_nan());
                let finds_nan = method == "includes" && is_nan(&first);
                let mut found = None;
                for (index, item) in items.iter().enumerate() {
                    if self.same(item, &first)? || finds_nan && is_nan(item) {
                        found = Some(index);
                        break;
                    }
                }
                Ok(if method == "includes" {
                    Value::Bool(found.is_some())
                } else {
                    Value::Number(found.map_or(-1.0, |index| index as f64))
                })
            }
            "toString" => self.text_of(this).map(Value::Text),
            "entries" | "keys" => {
                // What walks through a list is of no use here but for how it is written.
                let object = self.object(Kind::Plain)?;
                if let Value::Object(place) = object {
                    let text = self.closure_of_text("[object Array Iterator]")?;
                    self.heap.get_mut(place).ok_or(Stop::Unknown)?.set("toString", text);
                }
                Ok(object)
            }
            "flat" if !arguments.is_empty() => Err(Stop::Unknown),
            "flat" => {
                let mut all = Vec::new();
                for item in items {
                    if self.has_holes(this) || self.has_holes(&item) {
                        return Err(Stop::Unknown);
                    }
                    match self.items(&item) {
                        Some(inner) => all.extend(inner.iter().cloned()),
                        None => all.push(item),
                    }
                    self.list_fits(&all)?;
                }
                self.array(all)
            }
            "at" => {
                let index = self.number_of(&first)?.trunc();
                let index = if index < 0.0 { index + length as f64 } else { index };
                Ok(if index < 0.0 {
                    Value::Undefined
                } else {
                    items.get(index as usize).cloned().unwrap_or(Value::Undefined)
                })
            }
            _ => Err(Stop::Unknown),
        }
    }

    fn change_list(&mut self, method: &str, this: &Value, arguments: Vec<Value>, length: usize) -> Outcome {
        if matches!(method, "shift" | "unshift" | "reverse" | "splice" | "fill") {
            self.spend(length / 16)?;
        }
        let (start, count) = if method == "splice" { self.splice_range(&arguments, length)? } else { (0, 0) };
        let fits = length + arguments.len() <= MAX_ELEMENTS;
        let holes = self.has_holes(this);
        self.charge(arguments.len() * 32)?;
        let items = self.items_mut(this).filter(|_| fits).ok_or(Stop::Unknown)?;
        Ok(match method {
            "push" => {
                items.extend(arguments);
                Value::Number(items.len() as f64)
            }
            "pop" => items.pop().unwrap_or(Value::Undefined),
            "shift" if items.is_empty() => Value::Undefined,
            "shift" => items.remove(0),
            "unshift" => {
                items.splice(0..0, arguments);
                Value::Number(items.len() as f64)
            }
            "reverse" => {
                items.reverse();
                this.clone()
            }
            "fill" if arguments.len() == 1 => {
                items.fill(arguments[0].clone());
                self.set_holes(this, false);
                this.clone()
            }
            "splice" => {
                let removed: Vec<Value> = items.splice(start..start + count, arguments.into_iter().skip(2)).collect();
                let removed = self.array(removed)?;
                self.set_holes(&removed, holes);
                return Ok(removed);
            }
            _ => return Err(Stop::Unknown),
        })
    }

    fn splice_range(&mut self, arguments: &[Value], length: usize) -> Outcome<(usize, usize)> {
        let start = self.index(arguments.first(), length, 0)?;
        let count = match arguments.get(1) {
            None if arguments.is_empty() => 0,
            None => length - start,
            Some(count) => (self.number_of(count)?.max(0.0) as usize).min(length - start),
        };
        Ok((start, count))
    }

    /// Start and end of a slice: from the end where they are negative.
    pub fn range(&mut self, arguments: &[Value], length: usize) -> Outcome<(usize, usize)> {
        Ok((self.index(arguments.first(), length, 0)?, self.index(arguments.get(1), length, length)?))
    }

    fn index(&mut self, argument: Option<&Value>, length: usize, default: usize) -> Outcome<usize> {
        let number = match argument {
            None | Some(Value::Undefined) => return Ok(default),
            Some(value) => self.number_of(value)?.trunc(),
        };
        let number = if number < 0.0 { number + length as f64 } else { number };
        Ok((number.max(0.0) as usize).min(length))
    }

    /// An element to be given to a function, which may have changed the list before: what is no longer there is left out
    /// by some of them, as what never was.
    fn visited(&self, list: &Value, index: usize) -> Outcome {
        match self.items(list).and_then(|items| items.get(index)) {
            Some(Value::Undefined) if self.has_holes(list) => Err(Stop::Unknown),
            Some(item) => Ok(item.clone()),
            None => Err(Stop::Unknown),
        }
    }

    /// What elements are given to. Nothing else can be called.
    fn visitor(&self, arguments: &[Value]) -> Outcome {
        let function = arguments.first().filter(|&function| function.is_opaque() || self.is_function(function));
        function.cloned().ok_or_else(|| Stop::thrown(Value::text("TypeError")))
    }

    fn each(&mut self, method: &str, this: &Value, arguments: &[Value]) -> Outcome {
        let function = self.visitor(arguments)?;
        let own_this = arguments.get(1).cloned().unwrap_or(Value::Undefined);
        let mut made = Vec::new();
        // What is added meanwhile is not visited.
        for index in 0..self.items(this).map_or(0, Vec::len) {
            let item = self.visited(this, index)?;
            let value =
                self.call(&function, own_this.clone(), vec![item.clone(), Value::Number(index as f64), this.clone()])?;
            match method {
                "map" => made.push(value),
                "forEach" => {}
                _ => {
                    let is_true = self.truth(&value)?;
                    match method {
                        "filter" if is_true => made.push(item),
                        "find" if is_true => return Ok(item),
                        "some" if is_true => return Ok(Value::Bool(true)),
                        "every" if !is_true => return Ok(Value::Bool(false)),
                        _ => {}
                    }
                }
            }
        }
        match method {
            "map" | "filter" => self.array(made),
            "some" => Ok(Value::Bool(false)),
            "every" => Ok(Value::Bool(true)),
            _ => Ok(Value::Undefined),
        }
    }

    fn reduce(&mut self, this: &Value, arguments: &[Value]) -> Outcome {
        let function = self.visitor(arguments)?;
        let length = self.items(this).map_or(0, Vec::len);
        let (begin, mut value) = match arguments.get(1) {
            Some(value) => (0, value.clone()),
            None if length == 0 => return Err(Stop::thrown(Value::text("TypeError"))),
            None => (1, self.visited(this, 0)?),
        };
        for index in begin..length {
            let item = self.visited(this, index)?;
            value =
                self.call(&function, Value::Undefined, vec![value, item, Value::Number(index as f64), this.clone()])?;
        }
        Ok(value)
    }
}
