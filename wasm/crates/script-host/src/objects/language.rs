//! JScript's own objects for what COM gives, `Enumerator` and `VBArray`, and the one that runs scripts: `ScriptControl`.

use std::borrow::Cow;

use super::{Class, Object, class};
use crate::host::{Answer, Fault, Host};
use crate::value::{Value, argument, number_text, text};

static ENUMERATOR: Class = Class {
    name: "Enumerator",
    methods: &["atEnd", "item", "moveNext", "moveFirst"],
    properties: &[],
    quiet: &["atEnd", "item", "moveNext", "moveFirst"],
    default: "",
};

pub struct Enumerator {
    items: Vec<Value>,
    at: usize,
}

impl Enumerator {
    pub fn new(host: &mut Host, args: &[Value]) -> Self {
        let items = match argument(args, 0) {
            Value::Object(handle) => host.items(*handle).ok().flatten().unwrap_or_default(),
            Value::List(items) => items.to_vec(),
            _ => Vec::new(),
        };
        Self { items, at: 0 }
    }
}

impl Object for Enumerator {
    class!(ENUMERATOR);

    fn call(&mut self, _host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        match member {
            "atEnd" => return Ok(Value::Bool(self.at >= self.items.len())),
            "item" => return Ok(self.items.get(self.at).cloned().unwrap_or_default()),
            "moveNext" => self.at = self.at.saturating_add(1),
            _ => self.at = 0,
        }
        Ok(Value::Empty)
    }
}

static SAFE_ARRAY: Class = Class {
    name: "VBArray",
    methods: &["toArray", "getItem", "lbound", "ubound", "dimensions"],
    properties: &[],
    quiet: &["toArray", "getItem", "lbound", "ubound", "dimensions"],
    default: "",
};

pub struct SafeArray {
    items: Vec<Value>,
}

impl SafeArray {
    pub fn new(args: &[Value]) -> Self {
        let items = match argument(args, 0) {
            Value::List(items) => items.to_vec(),
            Value::Bytes(bytes) => bytes.iter().map(|&byte| Value::number(byte)).collect(),
            _ => Vec::new(),
        };
        Self { items }
    }
}

impl Object for SafeArray {
    class!(SAFE_ARRAY);

    fn call(&mut self, _host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        Ok(match member {
            "toArray" => Value::list(self.items.iter().cloned()),
            "getItem" => {
                let at = usize::try_from(argument(args, 0).to_integer()).unwrap_or(usize::MAX);
                self.items.get(at).cloned().unwrap_or_default()
            }
            "ubound" if self.items.is_empty() => Value::number(-1),
            "ubound" => Value::size(self.items.len() - 1),
            "dimensions" => Value::number(1),
            _ => Value::number(0),
        })
    }
}

static CONTROL: Class = Class {
    name: "MSScriptControl.ScriptControl",
    methods: &["AddCode", "ExecuteStatement", "Eval", "Run", "AddObject", "Reset"],
    properties: &["Language", "Timeout", "AllowUI", "UseSafeSubset", "State", "SitehWnd"],
    quiet: &["Timeout", "AllowUI", "UseSafeSubset", "State", "SitehWnd", "Reset"],
    default: "",
};

/// What it is given is run once the script that gave it is at its end, or at once where it is of the same language.
#[derive(Default)]
pub struct ScriptControl {
    is_basic: bool,
}

impl ScriptControl {
    fn gives(&self, host: &mut Host, code: String) {
        match self.is_basic {
            true => host.later.push(code),
            false => host.written.push(format!("<script>{code}</script>")),
        }
    }

    /// What calls a procedure of the code that was added.
    fn call_of(&self, name: &str, args: &[Value]) -> String {
        let args: Vec<String> = args.iter().map(|arg| self.literal(arg)).collect();
        let is_name = name.chars().all(|char| char.is_alphanumeric() || char == '_');
        match (is_name, self.is_basic) {
            (false, _) => String::new(),
            (_, true) => format!("Call {name}({})", args.join(", ")),
            (_, false) => format!("{name}({})", args.join(", ")),
        }
    }

    fn literal(&self, value: &Value) -> String {
        match value {
            Value::Number(number) => number_text(*number),
            Value::Bool(value) => value.to_string(),
            other if self.is_basic => {
                let text = other.to_text().replace('"', "\"\"");
                format!("\"{}\"", text.replace('\r', "\" & vbCr & \"").replace('\n', "\" & vbLf & \""))
            }
            // No sign of it may end the text, or the script that it is in.
            other => {
                let units: String = other.to_text().encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
                format!("\"{units}\"")
            }
        }
    }
}

impl Object for ScriptControl {
    class!(CONTROL);

    fn name(&self) -> Cow<'_, str> {
        "ScriptControl".into()
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        if matches!(member, "AddCode" | "ExecuteStatement" | "Eval") {
            let code = text(args, 0);
            host.code("ScriptControl", &code);
            self.gives(host, code);
        }
        if let ("Run", [name, given @ ..]) = (member, args) {
            self.gives(host, self.call_of(&name.to_text(), given));
        }
        Ok(Value::Empty)
    }

    fn put(&mut self, _host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        if member == "Language" {
            self.is_basic = value.to_text().to_ascii_lowercase().starts_with("vb");
        }
        Ok(())
    }
}
