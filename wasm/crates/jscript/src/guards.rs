//! Functions of the language that work on and on within one instruction, where no count of steps ends them: each is kept
//! behind one that looks at the size first.

use boa_engine::object::FunctionObjectBuilder;
use boa_engine::object::builtins::JsFunction;
use boa_engine::property::{Attribute, PropertyDescriptor, PropertyKey};
use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string};
use script_host::{Ended, memory, met};

use crate::bridge::Bridge;
use crate::{code, patterns};

/// Characters of a text that one call makes.
const MAX_TEXT: f64 = 33_554_432.0;
/// Items of an array that one call goes through.
const MAX_ITEMS: f64 = 4_000_000.0;

/// Characters that are compared in one run, beside those that are counted as steps.
const MAX_COMPARED: u64 = 400_000_000;
/// Characters of a text that is looked for: shorter ones take no longer than the text that they are looked for in.
const LONG_NEEDLE: usize = 32;

/// Values within values that one call follows, and how many it goes through.
const MAX_NESTING: usize = 300;
const MAX_VALUES: usize = 1_000_000;
/// Prototypes of prototypes.
const MAX_PROTOTYPES: usize = 1_000;

/// Of these functions within each other: an array in an array in an array is joined by each calling the next.
const MAX_DEPTH: usize = 40;

const OF_ARRAYS: [&str; 36] = [
    "concat",
    "copyWithin",
    "every",
    "fill",
    "filter",
    "find",
    "findIndex",
    "findLast",
    "findLastIndex",
    "flat",
    "flatMap",
    "forEach",
    "includes",
    "indexOf",
    "join",
    "lastIndexOf",
    "map",
    "reduce",
    "reduceRight",
    "reverse",
    "shift",
    "slice",
    "some",
    "sort",
    "splice",
    "toLocaleString",
    "toReversed",
    "toSorted",
    "toSpliced",
    "toString",
    "unshift",
    "with",
    "entries",
    "keys",
    "values",
    "push",
];

/// # Errors
/// Those of the engine.
pub fn install(context: &mut Context) -> JsResult<()> {
    let constructors = context.intrinsics().constructors();
    let (array, string) = (constructors.array().prototype(), constructors.string().prototype());
    let (function, regexp) = (constructors.function().prototype(), constructors.regexp().prototype());
    let (array_itself, object) = (constructors.array().constructor(), constructors.object().constructor());
    for name in OF_ARRAYS.into_iter().filter(|name| !matches!(*name, "entries" | "keys" | "values" | "push")) {
        guard(&array, name, by_length, context)?;
    }
    for name in ["repeat", "padStart", "padEnd"] {
        guard(&string, name, by_result, context)?;
    }
    for name in ["indexOf", "lastIndexOf", "includes", "split", "replace", "replaceAll"] {
        guard(&string, name, by_needle, context)?;
    }
    guard(&function, "apply", by_list, context)?;
    guard(&array_itself, "from", by_first, context)?;
    for name in ["keys", "values", "entries", "assign", "getOwnPropertyNames"] {
        guard(&object, name, by_first, context)?;
    }
    guard(&array, "flat", by_list_of_lists, context)?;
    guard(&object, "create", by_prototype, context)?;
    guard(&object, "setPrototypeOf", by_prototype, context)?;
    guard(&regexp, "exec", patterns::by_pattern, context)?;
    let json = context.global_object().get(js_string!("JSON"), context)?;
    if let Some(json) = json.as_object() {
        guard(&json, "stringify", by_value, context)?;
    }
    let math = context.global_object().get(js_string!("Math"), context)?;
    if let Some(math) = math.as_object() {
        let random = FunctionObjectBuilder::new(context.realm(), NativeFunction::from_fn_ptr(random))
            .name(js_string!("random"))
            .build();
        put(&math, "random", &random, context)?;
    }
    Ok(())
}

type Check = fn(&JsValue, &[JsValue], &mut Context) -> JsResult<Option<JsValue>>;

/// Puts a function before one of the language's: it looks first, and then calls it.
fn guard(owner: &JsObject, name: &'static str, check: Check, context: &mut Context) -> JsResult<()> {
    let found = owner.get(JsString::from(name), context)?;
    let Some(original) = found.as_object().and_then(JsFunction::from_object) else { return Ok(()) };
    let length = original.get(js_string!("length"), context)?.to_length(context)?;
    let call = move |this: &JsValue, args: &[JsValue], original: &JsFunction, context: &mut Context| {
        if let Some(answer) = check(this, args, context)? {
            return Ok(answer);
        }
        let bridge = Bridge::of(context)?;
        if memory::is_short() {
            return Err(bridge.stop(Ended::Steps));
        }
        let depth = bridge.0.depth.get();
        if depth >= MAX_DEPTH {
            met::meet(code::TOO_DEEP);
            return Err(JsNativeError::range().with_message("Maximum call stack size exceeded").into());
        }
        bridge.0.depth.set(depth + 1);
        let answer = original.call(this, args, context);
        bridge.0.depth.set(depth);
        answer
    };
    let guarded =
        FunctionObjectBuilder::new(context.realm(), NativeFunction::from_copy_closure_with_captures(call, original))
            .name(JsString::from(name))
            .length(usize::try_from(length).unwrap_or(0))
            .build();
    put(owner, name, &guarded, context)
}

/// As the language's own functions lie there: not listed.
pub fn put(owner: &JsObject, name: &str, function: &JsFunction, context: &mut Context) -> JsResult<()> {
    let attributes = Attribute::WRITABLE | Attribute::CONFIGURABLE;
    let descriptor = PropertyDescriptor::builder()
        .value(function.clone())
        .writable(attributes.writable())
        .enumerable(false)
        .configurable(attributes.configurable());
    owner.define_property_or_throw(JsString::from(name), descriptor, context).map(drop)
}

fn random(_: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bridge = Bridge::of(context)?;
    let number = bridge.0.host.borrow_mut().random();
    Ok(JsValue::from(number))
}

/// Ends the run where an object says that it has too many items.
fn by_items(value: Option<&JsValue>, context: &mut Context) -> JsResult<Option<JsValue>> {
    let Some(object) = value.and_then(JsValue::as_object) else { return Ok(None) };
    let length = object.get(js_string!("length"), context)?;
    match length.as_number() {
        Some(length) if length > MAX_ITEMS => Err(Bridge::of(context)?.stop(Ended::Steps)),
        _ => Ok(None),
    }
}

fn by_length(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<Option<JsValue>> {
    by_items(Some(this), context)
}

fn by_first(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Option<JsValue>> {
    by_items(args.first(), context)
}

fn by_list(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Option<JsValue>> {
    by_items(args.get(1), context)
}

#[allow(clippy::cast_precision_loss, reason = "lengths of texts in memory")]
fn by_result(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Option<JsValue>> {
    let count = args.first().map_or(Ok(0.0), |count| count.to_number(context))?;
    let length = this.as_string().map_or(1, |text| text.len()).max(1);
    // For `repeat` a count of texts, for the others one of characters: the larger of both is the safe side.
    if count * length as f64 > MAX_TEXT {
        return Err(JsNativeError::range().with_message("Invalid string length").into());
    }
    Ok(None)
}

fn by_value(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Option<JsValue>> {
    by_nesting(args.first(), context)
}

fn by_list_of_lists(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<Option<JsValue>> {
    by_nesting(Some(this), context)
}

/// What goes through all that is in a value calls itself for each level of it. What is there is looked at; of the script's
/// own only a proxy's `ownKeys` is called by that.
fn by_nesting(value: Option<&JsValue>, context: &mut Context) -> JsResult<Option<JsValue>> {
    let Some(first) = value.and_then(JsValue::as_object) else { return Ok(None) };
    let (mut open, mut seen) = (vec![(first.clone(), 0)], 0);
    while let Some((object, depth)) = open.pop() {
        if depth > MAX_NESTING {
            met::meet("values within values");
            return Err(JsNativeError::range().with_message("Maximum call stack size exceeded").into());
        }
        let inner = inner_objects(&object, context)?;
        seen += inner.len() + 1;
        if seen > MAX_VALUES {
            return Err(Bridge::of(context)?.stop(Ended::Steps));
        }
        open.extend(inner.into_iter().map(|object| (object, depth + 1)));
    }
    Ok(None)
}

/// Objects that are an object's own properties, but for those that a function makes.
fn inner_objects(object: &JsObject, context: &mut Context) -> JsResult<Vec<JsObject>> {
    let mut found: Vec<JsObject> = Vec::new();
    let keys = if object.is_array() { Vec::new() } else { object.own_property_keys(context)? };
    let object = object.borrow();
    let properties = object.properties();
    found.extend(properties.index_property_values().filter_map(|it| it.value().and_then(JsValue::as_object)));
    let named = keys.iter().filter(|key| !matches!(key, PropertyKey::Index(_)));
    let values = named.filter_map(|key| properties.get(key)?.value().and_then(JsValue::as_object));
    found.extend(values);
    Ok(found)
}

/// A property that is not there is looked for in each prototype, by each calling the next.
fn by_prototype(_: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<Option<JsValue>> {
    let longest = |value: &JsValue| {
        std::iter::successors(value.as_object(), |object: &JsObject| object.prototype())
            .take(MAX_PROTOTYPES + 1)
            .count()
    };
    if args.iter().take(2).any(|value| longest(value) > MAX_PROTOTYPES) {
        met::meet("prototypes of prototypes");
        return Err(JsNativeError::range().with_message("Maximum call stack size exceeded").into());
    }
    Ok(None)
}

/// Counts characters that are compared within one instruction, and ends the run where they are too many.
pub fn compare(characters: u64, context: &mut Context) -> JsResult<()> {
    pay(characters, &Bridge::of(context)?)
}

/// The same for what takes as long.
pub fn pay(characters: u64, bridge: &Bridge) -> JsResult<()> {
    let all = bridge.0.compared.get().saturating_add(characters);
    bridge.0.compared.set(all);
    if all > MAX_COMPARED { Err(bridge.stop(Ended::Steps)) } else { Ok(()) }
}

/// A long text is compared at each place of the one that it is looked for in.
fn by_needle(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Option<JsValue>> {
    if let (Some(text), Some(needle)) = (this.as_string(), args.first().and_then(JsValue::as_string))
        && needle.len() >= LONG_NEEDLE
    {
        compare(text.len() as u64 * needle.len() as u64 / 8, context)?;
    }
    Ok(None)
}
