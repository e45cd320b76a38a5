//! What a script finds in its global object: of Windows Script Host, of a browser, of Node.js.

use boa_engine::object::{FunctionObjectBuilder, ObjectInitializer};
use boa_engine::property::{Attribute, PropertyDescriptor};
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string};
use script_host::charset;

use crate::bridge::Bridge;
use crate::com::{self, define, global};
use crate::{code, engine, guards, timers};

type Native = fn(&JsValue, &[JsValue], &mut Context) -> JsResult<JsValue>;

/// Functions that may be constructed, too, as COM's and the browser's are.
const FUNCTIONS: [(&str, Native, usize); 29] = [
    ("ActiveXObject", active_x, 1),
    ("GetObject", get_object, 1),
    ("Enumerator", |_, args, context| host_object("Enumerator", args, context), 1),
    ("VBArray", |_, args, context| host_object("VBArray", args, context), 1),
    ("XMLHttpRequest", |_, args, context| host_object("XMLHttpRequest", args, context), 0),
    ("WebSocket", |_, args, context| host_object("WebSocket", args, context), 1),
    ("Image", |_, args, context| host_object("HTMLImageElement", args, context), 0),
    ("Blob", |_, args, context| host_object("Blob", args, context), 2),
    ("File", |_, args, context| host_object("File", args, context), 2),
    ("CollectGarbage", nothing, 0),
    ("ScriptEngine", |_, _, _| Ok(js_string!("JScript").into()), 0),
    ("ScriptEngineMajorVersion", |_, _, _| Ok(JsValue::from(5)), 0),
    ("ScriptEngineMinorVersion", |_, _, _| Ok(JsValue::from(8)), 0),
    ("ScriptEngineBuildVersion", |_, _, _| Ok(JsValue::from(16_384)), 0),
    ("setTimeout", |_, args, context| timers::set(args, false, context), 1),
    ("setInterval", |_, args, context| timers::set(args, true, context), 1),
    ("setImmediate", |_, args, context| timers::set(args.get(..1).unwrap_or_default(), false, context), 1),
    ("clearTimeout", |_, args, context| timers::clear(args, context), 1),
    ("clearInterval", |_, args, context| timers::clear(args, context), 1),
    ("clearImmediate", |_, args, context| timers::clear(args, context), 1),
    ("atob", from_base64, 1),
    ("btoa", to_base64, 1),
    ("alert", |_, args, context| told("alert", args, JsValue::undefined(), context), 1),
    ("confirm", |_, args, context| told("confirm", args, JsValue::from(true), context), 1),
    ("prompt", |_, args, context| told("prompt", args, JsValue::null(), context), 1),
    ("fetch", fetch, 1),
    ("execScript", exec_script, 1),
    ("require", require, 1),
    ("addEventListener", add_listener, 2),
];

/// Objects beside those of a page's window: of the language's own, and of Node.js.
const OBJECTS: [(&str, &str); 5] =
    [("URL", "URL"), ("webkitURL", "URL"), ("console", "console"), ("process", "process"), ("Buffer", "Buffer")];

/// # Errors
/// Those of the engine.
pub fn install(context: &mut Context) -> JsResult<()> {
    for (name, function, length) in FUNCTIONS {
        let function = FunctionObjectBuilder::new(context.realm(), NativeFunction::from_fn_ptr(function))
            .name(JsString::from(name))
            .length(length)
            .constructor(true)
            .build();
        define(context, name, function.into())?;
    }
    let bridge = Bridge::of(context)?;
    let wscript = bridge.0.host.borrow_mut().wscript();
    for name in ["WScript", "WSH"] {
        if let Ok(value) = &wscript {
            global(context, name, value)?;
        }
    }
    let of_pages = script_host::GLOBALS.into_iter().filter(|name| *name != "location").map(|name| (name, name));
    for (name, class) in of_pages.chain(OBJECTS) {
        let made = bridge.0.host.borrow_mut().of_web(class);
        if let Ok(value) = made {
            global(context, name, &value)?;
        }
    }
    define_location(context, &bridge)?;
    let this = JsValue::from(context.global_object());
    for name in script_host::WINDOWS.into_iter().chain(["global"]) {
        define(context, name, this.clone())?;
    }
    let path = bridge.0.host.borrow().settings.path.clone();
    define(context, "__filename", JsString::from(path.as_str()).into())?;
    define(context, "__dirname", JsString::from(script_host::files::parent(&path)).into())?;
    let exports = JsObject::with_object_proto(context.intrinsics());
    let module =
        ObjectInitializer::new(context).property(js_string!("exports"), exports.clone(), Attribute::all()).build();
    define(context, "module", module.into())?;
    define(context, "exports", exports.into())?;
    define_elements(context, &bridge)?;
    code::install(context)?;
    guards::install(context)
}

/// Elements of the page are there by their names, where nothing else has the name: behind the global object, so that a
/// variable that is declared is one of its own (Web IDL, 3.7.4: named properties object).
fn define_elements(context: &mut Context, bridge: &Bridge) -> JsResult<()> {
    let names = JsObject::with_object_proto(context.intrinsics());
    let ids = bridge.0.host.borrow().names_of_page();
    for id in ids {
        let is_taken = context.global_object().has_property(JsString::from(id.as_str()), context)?;
        let found = if is_taken { None } else { bridge.0.host.borrow_mut().of_page(&id) };
        if let Some(Ok(element)) = found {
            let element = bridge.script_value(&element, context)?;
            names.set(JsString::from(id.as_str()), element, false, context)?;
        }
    }
    context.global_object().set_prototype(Some(names));
    Ok(())
}

/// `location`: whoever sets it leaves the page.
fn define_location(context: &mut Context, bridge: &Bridge) -> JsResult<()> {
    let made = bridge.0.host.borrow_mut().of_web("location");
    let Ok(value) = made else { return Ok(()) };
    let value = bridge.script_value(&value, context)?;
    let read = |_: &JsValue, _: &[JsValue], value: &JsValue, _: &mut Context| Ok(value.clone());
    let read = NativeFunction::from_copy_closure_with_captures(read, value);
    let read = FunctionObjectBuilder::new(context.realm(), read).build();
    let go = FunctionObjectBuilder::new(context.realm(), NativeFunction::from_fn_ptr(go)).build();
    let property = PropertyDescriptor::builder().get(read).set(go).enumerable(true).configurable(true);
    context.global_object().define_property_or_throw(js_string!("location"), property, context).map(drop)
}

fn go(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bridge = Bridge::of(context)?;
    let url = text(args, 0, context)?;
    bridge.0.host.borrow_mut().go(&url);
    com::run_made(&bridge, context)?;
    Ok(JsValue::undefined())
}

fn nothing(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    Ok(JsValue::undefined())
}

fn active_x(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bridge = Bridge::of(context)?;
    let name = text(args, 0, context)?;
    bridge.ask(context, |host| host.create("ActiveXObject", &name))
}

fn get_object(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bridge = Bridge::of(context)?;
    let (moniker, class) = (text(args, 0, context)?, text(args, 1, context)?);
    bridge.ask(context, |host| host.bind("GetObject", &moniker, &class))
}

fn host_object(class: &str, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bridge = Bridge::of(context)?;
    let values = bridge.host_values(args, context)?;
    bridge.ask(context, |host| host.new_of_script(class, &values))
}

fn require(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bridge = Bridge::of(context)?;
    let name = text(args, 0, context)?;
    bridge.ask(context, |host| host.node_module(&name))
}

/// The text of an argument; empty for one that was left out.
fn text(args: &[JsValue], at: usize, context: &mut Context) -> JsResult<String> {
    match args.get(at).filter(|arg| !arg.is_undefined()) {
        Some(arg) => Ok(arg.to_string(context)?.to_std_string_lossy()),
        None => Ok(String::new()),
    }
}

fn from_base64(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = text(args, 0, context)?;
    Ok(JsString::from(charset::widen(&charset::from_base64(&text)).as_str()).into())
}

fn to_base64(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = text(args, 0, context)?;
    Ok(JsString::from(charset::to_base64(&charset::narrow(&text)).as_str()).into())
}

/// A message that nobody reads.
fn told(name: &'static str, args: &[JsValue], answer: JsValue, context: &mut Context) -> JsResult<JsValue> {
    let bridge = Bridge::of(context)?;
    let values = bridge.host_values(args, context)?;
    let recorded = {
        let mut host = bridge.0.host.borrow_mut();
        if name != "alert" {
            host.wait("user", "a question to be answered");
        }
        host.record(name, &values, "")
    };
    recorded.map_err(|fault| bridge.error(fault, context))?;
    Ok(answer)
}

/// A promise of a response that is there at once.
fn fetch(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bridge = Bridge::of(context)?;
    let url = text(args, 0, context)?;
    let response = bridge.ask(context, |host| host.fetch(&url))?;
    boa_engine::object::builtins::JsPromise::resolve(response, context).map(JsValue::from)
}

fn exec_script(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bridge = Bridge::of(context)?;
    let (code, language) = (text(args, 0, context)?, text(args, 1, context)?);
    bridge.0.host.borrow_mut().code("execScript", &code);
    if language.to_ascii_lowercase().starts_with("vb") {
        bridge.0.host.borrow_mut().later.push(code);
        return Ok(JsValue::null());
    }
    engine::script(&code, context)
}

/// Events that come by themselves come at once; the others never.
fn add_listener(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let event = text(args, 0, context)?.to_ascii_lowercase();
    if matches!(event.as_str(), "load" | "domcontentloaded" | "message" | "pageshow") {
        let call = args.get(1..2).unwrap_or_default();
        return timers::set(call, false, context);
    }
    let bridge = Bridge::of(context)?;
    bridge.0.host.borrow_mut().wait("event", &event);
    Ok(JsValue::undefined())
}

/// `window.onload`, which the script may have set.
///
/// # Errors
/// What it throws.
pub fn fire_load(context: &mut Context) -> JsResult<()> {
    let found = context.global_object().get(js_string!("onload"), context)?;
    match found.as_callable() {
        Some(function) => function.call(&JsValue::undefined(), &[], context).map(drop),
        None => Ok(()),
    }
}
