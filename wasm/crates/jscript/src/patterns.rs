//! Regular expressions, which the engine tries within one instruction.

use boa_engine::{Context, JsResult, JsString, JsValue, js_string};
use script_facts::regex::Cost;

use crate::bridge::Bridge;
use crate::guards::compare;

/// Characters of a text on which an expression that may run away is tried nevertheless, each of which may double the work.
const SHORT: usize = 16;
/// Expressions of which it is known what they cost, and characters of each.
const MAX_KNOWN: usize = 1_000;
const MAX_SOURCE: usize = 4_096;

/// The longest row of the same character.
fn longest_run(units: impl Iterator<Item = u16>) -> u64 {
    let (mut longest, mut run, mut last) = (0, 0, None);
    for unit in units {
        run = if last == Some(unit) { run + 1 } else { 1 };
        last = Some(unit);
        longest = run.max(longest);
    }
    longest
}

/// Of an expression that is tried again and again it is asked once.
fn cost(bridge: &Bridge, source: &JsString, flags: &JsString) -> Cost {
    let mut known = bridge.0.patterns.borrow_mut();
    let key = (source.clone(), flags.clone());
    if let Some(cost) = known.get(&key) {
        return *cost;
    }
    let cost = Cost::of(&source.to_std_string_lossy(), &flags.to_std_string_lossy());
    if known.len() >= MAX_KNOWN {
        known.clear();
    }
    if source.len() <= MAX_SOURCE {
        known.insert(key, cost);
    }
    cost
}

/// An expression that may try without end is not tried on a long text: it matches nothing.
pub fn by_pattern(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Option<JsValue>> {
    let Some(regexp) = this.as_object() else { return Ok(None) };
    let Some(text) = args.first().and_then(JsValue::as_string) else { return Ok(None) };
    let (source, flags) = (regexp.get(js_string!("source"), context)?, regexp.get(js_string!("flags"), context)?);
    let (Some(source), Some(flags)) = (source.as_string(), flags.as_string()) else { return Ok(None) };
    compare(source.len() as u64, context)?;
    let bridge = Bridge::of(context)?;
    let cost = cost(&bridge, &source, &flags);
    if !cost.may_run_away() || text.len() < SHORT {
        let doubled = if cost.may_run_away() { 1 << text.len() } else { 0 };
        let steps = cost.steps(text.len() as u64, || longest_run(text.iter()));
        compare(steps.saturating_add(doubled), context)?;
        return Ok(None);
    }
    let name = script_host::Value::text(source.to_std_string_lossy());
    let recorded = bridge.0.host.borrow_mut().record("RegExp.exec", &[name], "! not tried");
    recorded.map_err(|fault| bridge.error(fault, context))?;
    Ok(Some(JsValue::null()))
}
