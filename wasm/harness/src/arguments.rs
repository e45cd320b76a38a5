//! Arguments for a function, made of any bytes by the JSON Schema that the module describes it with: what fits and what
//! nearly does.

use serde_json::{Map, Value, json};

/// Inside each other.
const MAX_DEPTH: usize = 6;
const INTEGERS: [i64; 8] = [0, 1, -1, 16, 4_096, 1 << 32, i64::MAX, i64::MIN];

/// Bytes that decisions are taken by; zeros when there are no more.
pub struct Choices<'a> {
    bytes: &'a [u8],
    /// What long texts are made of.
    sample: &'a [u8],
}

impl<'a> Choices<'a> {
    #[must_use]
    pub fn new(bytes: &'a [u8], sample: &'a [u8]) -> Self {
        Self { bytes, sample }
    }

    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        first
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end.max(1)
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.bytes.split_at(count.min(self.bytes.len()));
        self.bytes = rest;
        taken
    }

    /// All arguments of a function. 0 leaves out what may be left out.
    #[must_use]
    pub fn object(&mut self, schema: &Value) -> Value {
        self.value(schema, 0)
    }

    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        if let Some(values) = schema["enum"].as_array() {
            return values.get(self.below(values.len())).cloned().unwrap_or_default();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.get(self.below(kinds.len())).and_then(Value::as_str),
            kind => kind.as_str(),
        };
        match kind {
            _ if depth > MAX_DEPTH => Value::Null,
            Some("object") => self.members(schema, depth),
            Some("array") => (0..self.below(4)).map(|_| self.value(&schema["items"], depth + 1)).collect(),
            Some("string") => Value::String(self.text()),
            Some("boolean") => json!(self.below(2) == 1),
            Some("integer") => self.integer(schema),
            Some("number") => json!(f64::from(self.byte()) / 7.0),
            _ => Value::Null,
        }
    }

    fn members(&mut self, schema: &Value, depth: usize) -> Value {
        let mut members = Map::new();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            if required.iter().any(|it| it == name) || self.below(3) == 1 {
                members.insert(name.clone(), self.value(member, depth + 1));
            }
        }
        if schema["additionalProperties"].is_object() {
            for name in ["a", "b.yar"].iter().take(self.below(3)) {
                members.insert((*name).to_owned(), self.value(&schema["additionalProperties"], depth + 1));
            }
        }
        Value::Object(members)
    }

    fn integer(&mut self, schema: &Value) -> Value {
        match self.below(5) {
            0 => json!(self.byte()),
            1 => json!(INTEGERS[self.below(INTEGERS.len())]),
            2 => schema.get("maximum").cloned().unwrap_or(json!(1 << 20)),
            3 => schema.get("minimum").cloned().unwrap_or(json!(0)),
            _ => json!(u16::from_le_bytes([self.byte(), self.byte()])),
        }
    }

    fn text(&mut self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match self.below(5) {
            0 => String::from_utf8_lossy(self.sample).into_owned(),
            1 => hex(self.sample.get(..[8, 12, 16, 24, 32, 40][self.below(6)]).unwrap_or(self.sample)),
            2 => format!("text:{}", String::from_utf8_lossy(self.sample)),
            3 => {
                let count = self.below(48);
                hex(self.take(count))
            }
            _ => {
                let count = self.below(48);
                String::from_utf8_lossy(self.take(count)).into_owned()
            }
        }
    }
}
