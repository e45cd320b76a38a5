//! Texts that become code: read as [`rewriting`] writes them, and what their rewritten parts call.

use boa_engine::ast::scope::Scope;
use boa_engine::interner::Interner;
use boa_engine::object::FunctionObjectBuilder;
use boa_engine::object::builtins::JsFunction;
use boa_engine::parser::Parser;
use boa_engine::property::{Attribute, PropertyDescriptor};
use boa_engine::{Context, JsError, JsObject, JsResult, JsString, JsValue, NativeFunction, Script, Source, js_string};
use script_host::{Fault, Value, met};

use crate::bridge::Bridge;
use crate::com::define;
use crate::engine::{MAX_RECURSION, MAX_STACK};
use crate::{depth, guards, rewriting};

/// Calls within calls, and values, that are kept for the functions of the language that a script's own may call.
const SPARE_CALLS: usize = 32;
const SPARE_VALUES: usize = 10_000;
/// What telling of a recursion costs, in characters that are compared.
const COST_OF_ERROR: u64 = 10_000;
/// What it costs to read a byte of a text that is made while the script runs, and to say a character of a function: reading
/// is done by more than one, and takes far longer.
const COST_OF_READING: u64 = 64;
const COST_OF_SAYING: u64 = 8;
/// Members with arguments that may be assigned to at once.
const MAX_INDEXED: u64 = 4_096;
/// Texts that were rewritten and may yet be run.
const MAX_ORIGINALS: usize = 64;

/// The beginning of a member's name that stands for a name with arguments.
const MARK: &str = "\u{0}indexed ";

/// Members that are assigned to, with what they are indexed by.
#[derive(Default)]
pub struct Indexed {
    made: u64,
    members: std::collections::HashMap<u64, (String, Vec<Value>)>,
}

/// # Errors
/// Those of the engine.
pub fn install(context: &mut Context) -> JsResult<()> {
    let nothing = NativeFunction::from_fn_ptr(|_, _, _| Ok(JsValue::undefined()));
    let nothing = FunctionObjectBuilder::new(context.realm(), nothing).build();
    let check = |_: &JsValue, _: &[JsValue], nothing: &JsFunction, context: &mut Context| look_down(nothing, context);
    let natives = [
        (rewriting::DEPTH, NativeFunction::from_copy_closure_with_captures(check, nothing)),
        (rewriting::CODE, NativeFunction::from_fn_ptr(given_to_eval)),
        (rewriting::INDEXED, NativeFunction::from_fn_ptr(indexed)),
    ];
    for (name, native) in natives {
        let function = FunctionObjectBuilder::new(context.realm(), native).build();
        define(context, name, function.into())?;
    }
    let functions = context.intrinsics().constructors().function().clone();
    said_unmarked(&functions.prototype(), context)?;
    made_by_function(&functions.constructor(), &functions.prototype(), context)
}

/// Throws what a script may catch before the engine would end the run, by asking it with a little less than there is.
fn look_down(nothing: &JsFunction, context: &mut Context) -> JsResult<JsValue> {
    let limits = context.runtime_limits_mut();
    limits.set_recursion_limit(MAX_RECURSION - SPARE_CALLS);
    limits.set_stack_size_limit(MAX_STACK - SPARE_VALUES);
    let answer = nothing.call(&JsValue::undefined(), &[], context);
    let limits = context.runtime_limits_mut();
    limits.set_recursion_limit(MAX_RECURSION);
    limits.set_stack_size_limit(MAX_STACK);
    match answer {
        Err(error) if is_recursion(&error) => Err(out_of_stack(context)?),
        other => other,
    }
}

/// As JScript says it.
fn out_of_stack(context: &mut Context) -> JsResult<JsError> {
    guards::compare(COST_OF_ERROR, context)?;
    met::meet(TOO_DEEP);
    let fault = Fault::Thrown(-2_146_828_260, OUT_OF_STACK.to_owned());
    Ok(Bridge::of(context)?.error(fault, context))
}

pub const OUT_OF_STACK: &str = "Out of stack space";
/// The limit, for people.
pub const TOO_DEEP: &str = "calls within calls";

/// Whether the engine ended what it ran for calls within calls, and not the run.
pub fn is_recursion(error: &JsError) -> bool {
    use boa_engine::error::{EngineError, RuntimeLimitError};
    let limit = error.as_engine();
    matches!(limit, Some(EngineError::RuntimeLimit(RuntimeLimitError::Recursion | RuntimeLimitError::StackSize)))
}

/// Whether nothing of the run goes on.
pub fn ends_run(error: &JsError) -> bool {
    error.as_engine().is_some() && !is_recursion(error)
}

/// What `read` makes of the text with what is to be looked at while it runs.
fn read_marked<T>(
    text: &str,
    bridge: &Bridge,
    read: &mut impl FnMut(&str) -> JsResult<T>,
) -> Option<(T, Option<String>)> {
    let marked = rewriting::marked(text, bridge.0.catches.get()).filter(|marked| !depth::is_too_deep(marked))?;
    read(&marked).ok().map(|done| (done, Some(marked)))
}

/// What `read` makes of the text as the engine is best given it: with what is to be looked at while it runs; where it
/// cannot be read that way, as it is; and else with its assignments to calls written another way.
fn read_as<T>(text: &str, bridge: &Bridge, mut read: impl FnMut(&str) -> JsResult<T>) -> JsResult<(T, Option<String>)> {
    let state = &bridge.0;
    state.catches.set(state.catches.get() || text.contains("catch") || text.contains("finally"));
    if let Some(done) = read_marked(text, bridge, &mut read) {
        return Ok(done);
    }
    let error = match read(text) {
        Ok(done) => return Ok((done, None)),
        Err(error) => error,
    };
    let Some(assigned) = rewriting::assignments(text).filter(|assigned| !depth::is_too_deep(assigned)) else {
        return Err(error);
    };
    match read_marked(&assigned, bridge, &mut read) {
        Some(done) => Ok(done),
        None => read(&assigned).map(|done| (done, Some(assigned))).map_err(|_| error),
    }
}

/// Pays for reading a text that is made while the script runs.
///
/// # Errors
/// The end of the run.
pub fn pay_reading(text: &str, bridge: &Bridge) -> JsResult<()> {
    guards::pay((text.len() as u64).saturating_mul(COST_OF_READING), bridge)
}

/// A script, ready to be run; whether it was made while one runs.
///
/// # Errors
/// That it is no script.
pub fn parsed(text: &str, is_made: bool, context: &mut Context) -> JsResult<Script> {
    let bridge = Bridge::of(context)?;
    let read = |text: &str| {
        if is_made {
            pay_reading(text, &bridge)?;
        }
        Script::parse(Source::from_bytes(text.as_bytes()), None, context)
    };
    read_as(text, &bridge, read).map(|(script, _)| script)
}

/// A text that is made while the script runs as it is to be run; None as it is. `head` and `tail` make a script of it.
fn rewritten(text: &str, [head, tail]: [&str; 2], bridge: &Bridge) -> Option<String> {
    // Whether it can be read is tried beside the script, of whose variables it must not become one.
    let read = |text: &str| -> JsResult<()> {
        pay_reading(text, bridge)?;
        let whole = format!("{head}{text}{tail}");
        let mut parser = Parser::new(Source::from_bytes(whole.as_bytes()));
        Ok(parser.parse_script(&Scope::new_global(), &mut Interner::default()).map(drop)?)
    };
    if depth::is_too_deep(text) {
        return None;
    }
    let rewritten = read_as(text, bridge, read).ok()?.1?;
    let mut originals = bridge.0.originals.borrow_mut();
    if originals.len() >= MAX_ORIGINALS {
        originals.clear();
    }
    originals.insert(rewritten.clone(), text.to_owned());
    Some(rewritten)
}

/// A text as the script has it, which may have been rewritten to be run.
pub fn as_made(text: String, bridge: &Bridge) -> String {
    if !rewriting::is_marked(&text) {
        return text;
    }
    let original = bridge.0.originals.borrow().get(&text).cloned();
    original.unwrap_or_else(|| rewriting::unmarked(&text))
}

/// What `eval` is to be given for what it was given.
fn given_to_eval(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let given = args.first().cloned().unwrap_or_default();
    let Some(text) = given.as_string() else { return Ok(given) };
    let bridge = Bridge::of(context)?;
    let rewritten = rewritten(&text.to_std_string_lossy(), ["", ""], &bridge);
    Ok(rewritten.map_or(given, |text| JsString::from(text.as_str()).into()))
}

/// The name of the member that stands for one with arguments.
fn indexed(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bridge = Bridge::of(context)?;
    let name = args.first().cloned().unwrap_or_default().to_string(context)?.to_std_string_lossy();
    let values = bridge.host_values(args.get(1..).unwrap_or_default(), context)?;
    let mut indexed = bridge.0.indexed.borrow_mut();
    indexed.made += 1;
    let made = indexed.made;
    indexed.members.insert(made, (name, values));
    indexed.members.remove(&made.saturating_sub(MAX_INDEXED));
    Ok(JsString::from(format!("{MARK}{made}").as_str()).into())
}

/// The name and the arguments that a member's name stands for.
pub fn indexed_by(name: &str, bridge: &Bridge) -> Option<(String, Vec<Value>)> {
    let made = name.strip_prefix(MARK)?.parse().ok()?;
    bridge.0.indexed.borrow().members.get(&made).cloned()
}

/// A function says its text as the script has it.
fn said_unmarked(prototype: &JsObject, context: &mut Context) -> JsResult<()> {
    let said = prototype.get(js_string!("toString"), context)?;
    let Some(original) = said.as_object().and_then(JsFunction::from_object) else { return Ok(()) };
    let say = |this: &JsValue, args: &[JsValue], original: &JsFunction, context: &mut Context| {
        let said = original.call(this, args, context)?;
        let Some(text) = said.as_string() else { return Ok(said) };
        guards::compare((text.len() as u64).saturating_mul(COST_OF_SAYING), context)?;
        if !text.iter().any(|unit| unit == rewriting::MARK as u16) {
            return Ok(said);
        }
        Ok(JsString::from(rewriting::unmarked(&text.to_std_string_lossy()).as_str()).into())
    };
    let native = NativeFunction::from_copy_closure_with_captures(say, original);
    let function = FunctionObjectBuilder::new(context.realm(), native).name(js_string!("toString")).build();
    guards::put(prototype, "toString", &function, context)
}

/// `Function`, which is given its last text as it is to be run.
fn made_by_function(original: &JsObject, prototype: &JsObject, context: &mut Context) -> JsResult<()> {
    let make = |_: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context| {
        let mut args = args.to_vec();
        let bridge = Bridge::of(context)?;
        if let Some(body) = args.last_mut() {
            let text = body.to_string(context)?;
            let read = rewritten(&text.to_std_string_lossy(), ["(function(){", "\n})"], &bridge);
            *body = read.map_or_else(|| text.into(), |text| JsString::from(text.as_str()).into());
        }
        original.construct(&args, None, context).map(JsValue::from)
    };
    let native = NativeFunction::from_copy_closure_with_captures(make, original.clone());
    let function = FunctionObjectBuilder::new(context.realm(), native)
        .name(js_string!("Function"))
        .length(1)
        .constructor(true)
        .build();
    let fixed = PropertyDescriptor::builder().value(prototype.clone()).writable(false).enumerable(false);
    function.define_property_or_throw(js_string!("prototype"), fixed.configurable(false), context)?;
    guards::put(prototype, "constructor", &function, context)?;
    let attributes = Attribute::WRITABLE | Attribute::CONFIGURABLE;
    context.register_global_property(js_string!("Function"), function, attributes)
}
