//! Between the engine and the host: which script object stands for which host object, and values both ways.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use boa_engine::error::{EngineError, RuntimeLimitError};
use boa_engine::object::builtins::{JsArray, JsArrayBuffer, JsDate, JsFunction, JsTypedArray, JsUint8Array};
use boa_engine::{Context, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, js_string};
use script_facts::regex::Cost;
use script_host::limits::MAX_BYTES;
use script_host::{Answer, Ended, Fault, Handle, Host, Value};

use crate::code::{self, Indexed};
use crate::com;
use crate::timers::Timers;

/// Items of an array that the host is given.
const MAX_ITEMS: u64 = 65_536;

pub type Shared = Rc<RefCell<Host>>;

/// What of a run is not the host's.
#[derive(Clone)]
pub struct Bridge(pub Rc<State>);

pub struct State {
    pub host: Shared,
    pub objects: RefCell<Objects>,
    pub timers: RefCell<Timers>,
    /// Why the run was stopped; `Finished` for a script that ended itself.
    pub stopped: RefCell<Option<Ended>>,
    /// Guarded functions of the language that are within each other.
    pub depth: Cell<usize>,
    /// Work within instructions that may be much: characters that were compared.
    pub compared: Cell<u64>,
    /// By source and flags.
    pub patterns: RefCell<HashMap<(JsString, JsString), Cost>>,
    /// Whether a text that was run catches what is thrown.
    pub catches: Cell<bool>,
    pub indexed: RefCell<Indexed>,
    /// Texts that are made while a script runs, by what they were rewritten to.
    pub originals: RefCell<HashMap<String, String>>,
    /// Takes the scripts out of a page.
    pub scripts_of: fn(&str) -> Vec<String>,
}

/// Script objects and what they stand for. Only host objects are in here: nothing that a script makes is kept alive by it.
#[derive(Default)]
pub struct Objects {
    /// By the number of the host's object.
    pub proxies: HashMap<u32, JsObject>,
    /// Proxies and their targets.
    pub handles: HashMap<JsObject, Handle>,
    /// Functions that are told when something is ready, by object and lower-case name.
    pub handlers: HashMap<(u32, String), JsObject>,
    /// What scripts set on objects that have no such property.
    pub extras: HashMap<(u32, JsString), JsValue>,
}

impl Bridge {
    /// # Errors
    /// An error of the engine where there is none, which never is.
    pub fn of(context: &Context) -> JsResult<Self> {
        let found = context.get_data::<Self>().cloned();
        found.ok_or_else(|| JsNativeError::error().with_message("no host").into())
    }

    pub fn handle(&self, object: &JsObject) -> Option<Handle> {
        self.0.objects.borrow().handles.get(object).copied()
    }

    /// Runs something on the host; its fault becomes an error of the script, or ends the run.
    ///
    /// # Errors
    /// What the host throws.
    pub fn ask(&self, context: &mut Context, what: impl FnOnce(&mut Host) -> Answer) -> JsResult<JsValue> {
        let answer = what(&mut self.0.host.borrow_mut());
        match answer {
            Ok(value) => self.script_value(&value, context),
            Err(fault) => Err(self.error(fault, context)),
        }
    }

    pub fn error(&self, fault: Fault, context: &mut Context) -> JsError {
        match fault {
            Fault::Thrown(number, message) => thrown(number, &message, context),
            Fault::Stop(ended) => self.stop(ended),
            Fault::Quit => self.stop(Ended::Finished),
        }
    }

    /// Ends the run, whatever the script catches.
    pub fn stop(&self, ended: Ended) -> JsError {
        self.0.stopped.borrow_mut().get_or_insert(ended);
        EngineError::from(RuntimeLimitError::LoopIteration).into()
    }

    /// # Errors
    /// Those of the engine.
    pub fn script_value(&self, value: &Value, context: &mut Context) -> JsResult<JsValue> {
        Ok(match value {
            Value::Empty | Value::Foreign => JsValue::undefined(),
            Value::Null => JsValue::null(),
            Value::Bool(value) => JsValue::from(*value),
            Value::Number(number) => JsValue::from(*number),
            Value::Text(text) => JsValue::from(JsString::from(&**text)),
            Value::Bytes(bytes) => JsUint8Array::from_iter(bytes.iter().copied(), context)?.into(),
            Value::Date(milliseconds) => {
                let date = JsDate::new(context);
                date.set_time(*milliseconds, context)?;
                date.into()
            }
            Value::List(items) => {
                let items: Vec<JsValue> =
                    items.iter().map(|item| self.script_value(item, context)).collect::<JsResult<_>>()?;
                JsArray::from_iter(items, context).into()
            }
            Value::Object(handle) => com::proxy(self, *handle, context)?.into(),
        })
    }

    /// # Errors
    /// What a getter or a conversion of the script throws.
    pub fn host_value(&self, value: &JsValue, context: &mut Context) -> JsResult<Value> {
        if let Some(object) = value.as_object() {
            return self.host_object(&object, context);
        }
        Ok(match value {
            value if value.is_undefined() => Value::Empty,
            value if value.is_null() => Value::Null,
            value if value.is_symbol() => Value::Foreign,
            value => match (value.as_boolean(), value.as_number()) {
                (Some(value), _) => Value::Bool(value),
                (_, Some(number)) => Value::Number(number),
                _ => Value::text(code::as_made(value.to_string(context)?.to_std_string_lossy(), self)),
            },
        })
    }

    fn host_object(&self, object: &JsObject, context: &mut Context) -> JsResult<Value> {
        if let Some(handle) = self.handle(object) {
            return Ok(Value::Object(handle));
        }
        if object.is_callable() {
            return Ok(Value::Foreign);
        }
        if let Some(bytes) = bytes_of(object, context)? {
            return Ok(Value::bytes(bytes));
        }
        if let Ok(date) = JsDate::from_object(object.clone()) {
            return Ok(Value::Date(date.get_time(context)?.as_number().unwrap_or(0.0)));
        }
        if let Ok(array) = JsArray::from_object(object.clone()) {
            let length = array.length(context)?.min(MAX_ITEMS);
            let mut room = MAX_BYTES;
            let items = (0..length).map(|at| {
                let item = object.get(at, context)?;
                // One level: what is deeper may contain itself.
                match item.as_object() {
                    // Many items may be the same bytes.
                    Some(inner) if self.handle(&inner).is_none() && room > 0 => {
                        let bytes = bytes_of(&inner, context)?;
                        room = room.saturating_sub(bytes.as_ref().map_or(0, Vec::len));
                        Ok(bytes.map_or(Value::Foreign, Value::bytes))
                    }
                    Some(inner) if self.handle(&inner).is_none() => Ok(Value::Foreign),
                    _ => self.host_value(&item, context),
                }
            });
            return Ok(Value::list(items.collect::<JsResult<Vec<_>>>()?));
        }
        if let Some(address) = address_of(object, context)? {
            return Ok(Value::text(address));
        }
        // A text or a number in an object, or what has a way to become a text.
        let plain = JsValue::from(object.clone()).to_primitive(context, boa_engine::value::PreferredType::Default);
        match plain {
            Ok(plain) if !plain.is_object() => self.host_value(&plain, context),
            Ok(_) => Ok(Value::Foreign),
            Err(error) if error.as_engine().is_some() => Err(error),
            Err(_) => Ok(Value::Foreign),
        }
    }

    /// # Errors
    /// As [`Self::host_value`].
    pub fn host_values(&self, values: &[JsValue], context: &mut Context) -> JsResult<Vec<Value>> {
        values.iter().map(|value| self.host_value(value, context)).collect()
    }

    /// Calls functions of the script that an object was given.
    ///
    /// # Errors
    /// What they throw.
    pub fn call_back(
        &self,
        function: &JsObject,
        this: &JsValue,
        args: &[Value],
        context: &mut Context,
    ) -> JsResult<()> {
        let args = args.iter().map(|arg| self.script_value(arg, context)).collect::<JsResult<Vec<_>>>()?;
        if let Some(function) = JsFunction::from_object(function.clone()) {
            function.call(this, &args, context)?;
        }
        Ok(())
    }
}

/// Of an array of numbers of fixed size, or of what is behind one.
fn bytes_of(object: &JsObject, context: &mut Context) -> JsResult<Option<Vec<u8>>> {
    if let Ok(bytes) = JsUint8Array::from_object(object.clone()) {
        return bytes.to_vec(context).map(Some);
    }
    let buffer = match JsTypedArray::from_object(object.clone()) {
        Ok(array) => array.buffer(context)?.as_object(),
        Err(_) => Some(object.clone()),
    };
    Ok(buffer.and_then(|buffer| JsArrayBuffer::from_object(buffer).ok()).and_then(|buffer| buffer.to_vec()))
}

/// The address that an object of options names, as requests of Node.js are given them; its scheme may be left out.
fn address_of(object: &JsObject, context: &mut Context) -> JsResult<Option<String>> {
    let mut option = |name: &str| -> JsResult<String> {
        let value = object.get(JsString::from(name), context)?;
        let is_plain = value.is_string() || value.is_number();
        if is_plain { Ok(value.to_string(context)?.to_std_string_lossy()) } else { Ok(String::new()) }
    };
    let name = option("hostname")?;
    let host = if name.is_empty() { option("host")? } else { name };
    if host.is_empty() {
        return Ok(None);
    }
    let port = option("port")?;
    let colon = if port.is_empty() { "" } else { ":" };
    Ok(Some(format!("{}//{host}{colon}{port}{}", option("protocol")?, option("path")?)))
}

/// As JScript throws what COM says: an `Error` with a number and a description.
fn thrown(number: i64, message: &str, context: &mut Context) -> JsError {
    let error = JsError::from(JsNativeError::error().with_message(message.to_owned()));
    let Ok(value) = error.clone().into_opaque(context) else { return error };
    if let Some(object) = value.as_object() {
        let number = i32::try_from(number).unwrap_or(-1);
        let set = object
            .set(js_string!("number"), number, false, context)
            .and_then(|_| object.set(js_string!("description"), JsString::from(message), false, context));
        if let Err(error) = set {
            return error;
        }
    }
    JsError::from_opaque(value)
}
