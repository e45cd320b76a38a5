//! Host objects as script objects: proxies whose traps are native, so that names have no case and nothing is written into them.

use boa_engine::object::builtins::JsProxy;
use boa_engine::object::{FunctionObjectBuilder, JsPrototype};
use boa_engine::property::PropertyKey;
use boa_engine::{Context, JsObject, JsResult, JsString, JsSymbol, JsValue, NativeFunction, js_string};
use script_host::{Access, Handle, Kind, Value};

use crate::bridge::Bridge;
use crate::{code, engine};

/// The one proxy of a host object.
///
/// # Errors
/// Those of the engine.
pub fn proxy(bridge: &Bridge, handle: Handle, context: &mut Context) -> JsResult<JsObject> {
    if let Some(known) = bridge.0.objects.borrow().proxies.get(&handle.index()) {
        return Ok(known.clone());
    }
    let callable = bridge.0.host.borrow().is_callable(handle);
    let target: JsObject = if callable {
        let realm = context.realm().clone();
        FunctionObjectBuilder::new(&realm, NativeFunction::from_fn_ptr(nothing)).constructor(true).build().into()
    } else {
        JsObject::with_object_proto(context.intrinsics())
    };
    let made: JsObject = JsProxy::builder(target.clone())
        .get(get)
        .set(set)
        .has(has)
        .delete_property(yes)
        .own_keys(no_keys)
        .get_own_property_descriptor(nothing)
        .get_prototype_of(prototype)
        .apply(apply)
        .construct(construct)
        .build(context)?
        .into();
    let mut objects = bridge.0.objects.borrow_mut();
    objects.handles.insert(target, handle);
    objects.handles.insert(made.clone(), handle);
    objects.proxies.insert(handle.index(), made.clone());
    Ok(made)
}

fn nothing(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    Ok(JsValue::undefined())
}

fn yes(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    Ok(JsValue::from(true))
}

fn no_keys(_: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    Ok(boa_engine::object::builtins::JsArray::new(context)?.into())
}

fn prototype(_: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let object: JsPrototype = Some(context.intrinsics().constructors().object().prototype());
    Ok(object.map_or_else(JsValue::null, JsValue::from))
}

/// The host object that a trap is of, by its target.
fn of_target(args: &[JsValue], context: &Context) -> JsResult<Option<(Bridge, Handle)>> {
    let bridge = Bridge::of(context)?;
    let handle = args.first().and_then(JsValue::as_object).and_then(|target| bridge.handle(&target));
    Ok(handle.map(|handle| (bridge, handle)))
}

/// The name of a member; None for a symbol.
fn name_of(value: Option<&JsValue>) -> Option<JsString> {
    value.and_then(JsValue::as_string)
}

/// What lists have alike, the page's and the language's.
const OF_LISTS: [&str; 4] = ["forEach", "entries", "keys", "values"];

/// A member of the language's own lists, of one with the same items.
fn of_items(bridge: &Bridge, handle: Handle, name: PropertyKey, context: &mut Context) -> JsResult<JsValue> {
    if bridge.0.host.borrow().is_open(handle) {
        return Ok(JsValue::undefined());
    }
    let list = bridge.ask(context, |host| host.as_list(handle))?;
    let Some(object) = list.as_object() else { return Ok(JsValue::undefined()) };
    let Some(function) = object.get(name, context)?.as_callable() else { return Ok(JsValue::undefined()) };
    let call = |_: &JsValue, args: &[JsValue], captures: &(JsObject, JsValue), context: &mut Context| {
        captures.0.call(&captures.1, args, context)
    };
    let bound = NativeFunction::from_copy_closure_with_captures(call, (function, list));
    Ok(FunctionObjectBuilder::new(context.realm(), bound).build().into())
}

fn get(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some((bridge, handle)) = of_target(args, context)? else { return Ok(JsValue::undefined()) };
    if args.get(1).and_then(JsValue::as_symbol) == Some(JsSymbol::iterator()) {
        return of_items(&bridge, handle, JsSymbol::iterator().into(), context);
    }
    let Some(name) = name_of(args.get(1)) else { return Ok(JsValue::undefined()) };
    if let Some(extra) = bridge.0.objects.borrow().extras.get(&(handle.index(), name.clone())) {
        return Ok(extra.clone());
    }
    let plain = name.to_std_string_lossy();
    if let Some((name, args)) = code::indexed_by(&plain, &bridge) {
        return bridge.ask(context, |host| host.ask(handle, &name, Access::Call, &args));
    }
    let kind = bridge.0.host.borrow().kind(handle, &plain);
    match (kind, plain.as_str()) {
        (Kind::Method, list) if LISTS.iter().any(|known| known.eq_ignore_ascii_case(list)) => {
            list_of(method(handle, name, context), context)
        }
        (Kind::Method, _) => Ok(method(handle, name, context)),
        (Kind::Property, _) => bridge.ask(context, |host| host.ask(handle, &plain, Access::Get, &[])),
        (Kind::Unknown, "toString" | "valueOf" | "toLocaleString") => Ok(method(handle, name, context)),
        (Kind::Unknown, "constructor" | "then" | "toJSON" | "__proto__" | "hasOwnProperty") => Ok(JsValue::undefined()),
        // A class may be derived of it.
        (Kind::Unknown, "prototype") if bridge.0.host.borrow().is_callable(handle) => {
            prototype(&JsValue::null(), &[], context)
        }
        (Kind::Unknown, list) if OF_LISTS.contains(&list) && !bridge.0.host.borrow().is_open(handle) => {
            of_items(&bridge, handle, name.into(), context)
        }
        (Kind::Unknown, _) if !bridge.0.host.borrow().is_open(handle) => Ok(JsValue::undefined()),
        (Kind::Unknown, _) => bridge.ask(context, |host| host.ask(handle, &plain, Access::Get, &[])),
    }
}

/// Members that give one of a list where they are called with a place, and stand for the list where they are not called.
const LISTS: [&str; 11] = [
    "Fields",
    "Workbooks",
    "Documents",
    "Sheets",
    "Worksheets",
    "Range",
    "Cells",
    "Variables",
    "Shapes",
    "Environment",
    "SpecialFolders",
];

/// Such a member: a function that has what its list has.
fn list_of(function: JsValue, context: &mut Context) -> JsResult<JsValue> {
    match function.as_object() {
        Some(function) => Ok(JsProxy::builder(function).get(member_of_list).build(context)?.into()),
        None => Ok(function),
    }
}

fn member_of_list(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(function) = args.first().and_then(JsValue::as_object) else { return Ok(JsValue::undefined()) };
    let key = args.get(1).cloned().unwrap_or_default().to_property_key(context)?;
    if function.has_property(key.clone(), context)? {
        return function.get(key, context);
    }
    let list = function.call(&JsValue::undefined(), &[], context)?;
    list.as_object().map_or(Ok(JsValue::undefined()), |list| list.get(key, context))
}

/// A member as a function.
fn method(handle: Handle, name: JsString, context: &Context) -> JsValue {
    let call = |_: &JsValue, args: &[JsValue], captures: &(u32, JsString), context: &mut Context| {
        call_member(Handle::from_index(captures.0), &captures.1, args, context)
    };
    let function = NativeFunction::from_copy_closure_with_captures(call, (handle.index(), name.clone()));
    FunctionObjectBuilder::new(context.realm(), function).name(name).constructor(true).build().into()
}

fn call_member(handle: Handle, name: &JsString, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bridge = Bridge::of(context)?;
    let plain = name.to_std_string_lossy();
    let is_known = bridge.0.host.borrow().kind(handle, &plain) != Kind::Unknown;
    if !is_known && matches!(plain.as_str(), "toString" | "valueOf" | "toLocaleString") {
        let text = bridge.0.host.borrow_mut().default_text(handle);
        return Ok(JsValue::from(JsString::from(text.as_str())));
    }
    let values = bridge.host_values(args, context)?;
    let answer = bridge.ask(context, |host| host.ask(handle, &plain, Access::Call, &values))?;
    run_made(&bridge, context)?;
    call_functions(&bridge, handle, &plain, args, context)?;
    Ok(answer)
}

/// Scripts that a page was given while it runs.
///
/// # Errors
/// What they throw.
pub fn run_made(bridge: &Bridge, context: &mut Context) -> JsResult<()> {
    let pages = std::mem::take(&mut bridge.0.host.borrow_mut().written);
    for page in pages {
        for script in (bridge.0.scripts_of)(&page) {
            engine::script(&script, context)?;
        }
    }
    Ok(())
}

/// Functions among the arguments are called with what the host has for them, and so are handlers that were set before.
fn call_functions(
    bridge: &Bridge,
    handle: Handle,
    name: &str,
    args: &[JsValue],
    context: &mut Context,
) -> JsResult<()> {
    let this = JsValue::from(proxy(bridge, handle, context)?);
    if name.eq_ignore_ascii_case("send") {
        for event in ["onreadystatechange", "onload"] {
            let handler = bridge.0.objects.borrow().handlers.get(&(handle.index(), event.to_owned())).cloned();
            if let Some(handler) = handler {
                bridge.call_back(&handler, &this, &[], context)?;
            }
        }
        return Ok(());
    }
    // Objects of the host can be called, too, and are not there to be told.
    let functions = args.iter().filter_map(JsValue::as_callable).filter(|function| bridge.handle(function).is_none());
    for function in functions {
        let given = bridge.0.host.borrow_mut().given_to_callback(handle, name);
        if let Some(given) = given {
            bridge.call_back(&function, &this, &given, context)?;
        }
    }
    Ok(())
}

fn set(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some((bridge, handle)) = of_target(args, context)? else { return Ok(JsValue::from(true)) };
    let Some(name) = name_of(args.get(1)) else { return Ok(JsValue::from(true)) };
    let value = args.get(2).cloned().unwrap_or_default();
    let plain = name.to_std_string_lossy();
    if let Some((name, args)) = code::indexed_by(&plain, &bridge) {
        let converted = bridge.host_value(&value, context)?;
        let done = bridge.0.host.borrow_mut().put(handle, &name, &args, converted);
        return done.map(|()| JsValue::from(true)).map_err(|fault| bridge.error(fault, context));
    }
    if let Some(function) = value.as_callable().filter(|_| plain.to_ascii_lowercase().starts_with("on")) {
        let key = (handle.index(), plain.to_ascii_lowercase());
        bridge.0.objects.borrow_mut().handlers.insert(key, function);
    }
    let converted = bridge.host_value(&value, context)?;
    let is_known = bridge.0.host.borrow().kind(handle, &plain) != Kind::Unknown;
    let done = bridge.0.host.borrow_mut().put(handle, &plain, &[], converted);
    done.map_err(|fault| bridge.error(fault, context))?;
    run_made(&bridge, context)?;
    if !is_known {
        bridge.0.objects.borrow_mut().extras.insert((handle.index(), name), value);
    }
    Ok(JsValue::from(true))
}

fn has(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some((bridge, handle)) = of_target(args, context)? else { return Ok(JsValue::from(false)) };
    let Some(name) = name_of(args.get(1)) else { return Ok(JsValue::from(false)) };
    let kind = bridge.0.host.borrow().kind(handle, &name.to_std_string_lossy());
    Ok(JsValue::from(kind != Kind::Unknown))
}

/// The object itself is called: its default member. Arguments come as an array.
fn apply(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    called(args, 2, context)
}

fn construct(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let made = called(args, 1, context)?;
    // `new` has to give an object.
    match made.is_object() {
        true => Ok(made),
        false => Ok(JsObject::with_object_proto(context.intrinsics()).into()),
    }
}

fn called(args: &[JsValue], list: usize, context: &mut Context) -> JsResult<JsValue> {
    let Some((bridge, handle)) = of_target(args, context)? else { return Ok(JsValue::undefined()) };
    let mut given = Vec::new();
    if let Some(list) = args.get(list).and_then(JsValue::as_object) {
        let length = list.get(js_string!("length"), context)?.to_length(context)?.min(64);
        for at in 0..length {
            given.push(list.get(at, context)?);
        }
    }
    let values = bridge.host_values(&given, context)?;
    let answer = bridge.ask(context, |host| host.ask(handle, "", Access::Call, &values))?;
    call_functions(&bridge, handle, "", &given, context)?;
    Ok(answer)
}

/// A value for the global object.
///
/// # Errors
/// Those of the engine.
pub fn global(context: &mut Context, name: &str, value: &Value) -> JsResult<()> {
    let bridge = Bridge::of(context)?;
    let value = bridge.script_value(value, context)?;
    define(context, name, value)
}

/// # Errors
/// Those of the engine.
pub fn define(context: &mut Context, name: &str, value: JsValue) -> JsResult<()> {
    use boa_engine::property::Attribute;
    context.register_global_property(JsString::from(name), value, Attribute::WRITABLE | Attribute::CONFIGURABLE)
}
