//! `ADODB.Recordset` without a database: one field, which scripts use to make bytes of text.

use super::{Class, Object, class, wrong};
use crate::charset;
use crate::host::{Answer, Fault, Host};
use crate::limits::MAX_BYTES;
use crate::value::{Value, argument};

static CLASS: Class = Class {
    name: "ADODB.Recordset",
    methods: &[
        "Open",
        "Close",
        "AddNew",
        "Update",
        "MoveFirst",
        "MoveNext",
        "Append",
        "Fields",
        "GetChunk",
        "AppendChunk",
    ],
    properties: &["EOF", "BOF", "RecordCount", "Value", "ActualSize"],
    quiet: &["EOF", "BOF", "RecordCount", "ActualSize"],
    default: "Fields",
};

/// The type of bytes, `adLongVarBinary`.
const BYTES: i64 = 205;

#[derive(Default)]
pub struct Recordset {
    is_bytes: bool,
    content: Vec<u8>,
    text: String,
    moved: bool,
}

impl Recordset {
    fn value(&self) -> Value {
        if self.is_bytes { Value::bytes(self.content.clone()) } else { Value::text(&self.text) }
    }

    fn append(&mut self, value: &Value) -> Result<(), Fault> {
        if self.content.len() + self.text.len() > MAX_BYTES {
            return Err(wrong("Out of memory"));
        }
        match self.is_bytes {
            // Text for a field of bytes is taken as UTF-16.
            true if matches!(value, Value::Text(_)) => {
                self.content.extend(charset::encode(&value.to_text(), "unicode"))
            }
            true => self.content.extend_from_slice(&value.to_bytes()),
            false => self.text += &value.to_text(),
        }
        Ok(())
    }
}

impl Object for Recordset {
    class!(CLASS);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            // The recordset stands for its list of fields, and that for its only field.
            "Fields" => {
                let field = std::mem::take(self);
                let copy = Self {
                    is_bytes: field.is_bytes,
                    content: field.content.clone(),
                    text: field.text.clone(),
                    moved: false,
                };
                *self = field;
                return host.add(Box::new(copy));
            }
            "Append" => self.is_bytes = argument(args, 1).to_integer() == BYTES,
            "AppendChunk" => self.append(argument(args, 0))?,
            "GetChunk" | "Value" => return Ok(self.value()),
            "ActualSize" => return Ok(Value::size(self.content.len().max(self.text.len()))),
            "MoveNext" => self.moved = true,
            "EOF" | "BOF" => return Ok(Value::Bool(self.moved)),
            "RecordCount" => return Ok(Value::number(1)),
            _ => {}
        }
        Ok(Value::Empty)
    }

    fn put(&mut self, _host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        if matches!(member, "Value" | "Fields") {
            self.content.clear();
            self.text.clear();
            self.append(&value)?;
        }
        Ok(())
    }
}
