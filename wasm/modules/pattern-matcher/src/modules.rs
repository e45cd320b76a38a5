//! The two modules of YARA that the sandbox needs its own of: `time`, since there is no clock, and `magic`, which is
//! libmagic elsewhere and the formats of file-processor here.

use std::collections::HashMap;

use boreal::module::{EvalContext, Module, ModuleData, StaticValue, Type, Value};

/// `time.now()`: what the caller says, else undefined.
#[derive(Debug)]
pub struct Time;

impl Module for Time {
    fn get_name(&self) -> &'static str {
        "time"
    }

    fn get_static_values(&self) -> HashMap<&'static str, StaticValue> {
        [("now", StaticValue::function(Self::now, vec![], Type::Integer))].into()
    }
}

impl ModuleData for Time {
    type PrivateData = ();
    type UserData = i64;
}

impl Time {
    fn now(context: &mut EvalContext, _: Vec<Value>) -> Option<Value> {
        context.module_data.get_user_data::<Self>().map(|&seconds| Value::Integer(seconds))
    }
}

/// `magic.mime_type()` and `magic.type()`. The MIME types are libmagic's where it has one; the names are ours.
#[derive(Debug)]
pub struct Magic;

impl Module for Magic {
    fn get_name(&self) -> &'static str {
        "magic"
    }

    fn get_static_values(&self) -> HashMap<&'static str, StaticValue> {
        [
            ("mime_type", StaticValue::function(Self::mime_type, vec![], Type::Bytes)),
            ("type", StaticValue::function(Self::name, vec![], Type::Bytes)),
        ]
        .into()
    }
}

/// What is said of a sample: its MIME type and its name.
#[derive(Clone, Debug)]
pub struct Format(pub &'static str, pub String);

impl ModuleData for Magic {
    type PrivateData = ();
    type UserData = Format;
}

impl Magic {
    fn mime_type(context: &mut EvalContext, _: Vec<Value>) -> Option<Value> {
        context.module_data.get_user_data::<Self>().map(|format| Value::bytes(format.0))
    }

    fn name(context: &mut EvalContext, _: Vec<Value>) -> Option<Value> {
        context.module_data.get_user_data::<Self>().map(|format| Value::bytes(format.1.as_str()))
    }
}
