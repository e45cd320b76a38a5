//! `setTimeout` and `setInterval` on the virtual clock.

use boa_engine::{Context, JsResult, JsString, JsValue};
use script_host::{Value, met};

use crate::bridge::Bridge;
use crate::{code, engine};

/// Timers that fire in one run, and times that one interval does.
const MAX_FIRED: usize = 2_000;
const MAX_REPEATS: u32 = 100;

#[derive(Clone)]
struct Timer {
    id: u32,
    due: u64,
    every: Option<u64>,
    repeats: u32,
    /// A function or a text.
    what: JsValue,
    args: Vec<JsValue>,
}

#[derive(Default)]
pub struct Timers {
    waiting: Vec<Timer>,
    made: u32,
}

/// `setTimeout`, `setInterval`.
///
/// # Errors
/// What a conversion throws.
pub fn set(args: &[JsValue], repeats: bool, context: &mut Context) -> JsResult<JsValue> {
    let bridge = Bridge::of(context)?;
    let what = args.first().cloned().unwrap_or_default();
    let delay = args.get(1).map_or(Ok(0.0), |delay| delay.to_number(context))?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates at 0")]
    let delay = (delay as u64).max(u64::from(repeats));
    let name = if repeats { "setInterval" } else { "setTimeout" };
    let shown = if what.is_callable() { Value::text("[function]") } else { bridge.host_value(&what, context)? };
    let recorded = {
        let mut host = bridge.0.host.borrow_mut();
        if delay >= 60_000 {
            host.evasion("sleeps for long", &format!("{delay} ms"));
        }
        host.record(name, &[shown, Value::size(usize::try_from(delay).unwrap_or(usize::MAX))], "")
    };
    recorded.map_err(|fault| bridge.error(fault, context))?;
    let mut timers = bridge.0.timers.borrow_mut();
    timers.made += 1;
    let id = timers.made;
    let due = bridge.0.host.borrow().clock.passed().saturating_add(delay);
    let args = args.get(2..).unwrap_or_default().to_vec();
    timers.waiting.push(Timer { id, due, every: repeats.then_some(delay), repeats: 0, what, args });
    Ok(JsValue::from(id))
}

/// `clearTimeout`, `clearInterval`.
///
/// # Errors
/// What a conversion throws.
pub fn clear(args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bridge = Bridge::of(context)?;
    let id = args.first().map_or(Ok(0), |id| id.to_u32(context))?;
    bridge.0.timers.borrow_mut().waiting.retain(|timer| timer.id != id);
    Ok(JsValue::undefined())
}

/// Fires all, the earliest first, and moves the clock to each.
///
/// # Errors
/// What they throw that ends the run.
pub fn run(context: &mut Context) -> JsResult<()> {
    let bridge = Bridge::of(context)?;
    for _ in 0..MAX_FIRED {
        let Some(timer) = next(&bridge) else { break };
        {
            let host = bridge.0.host.borrow();
            host.clock.forward(timer.due.saturating_sub(host.clock.passed()));
        }
        let result = fire(&bridge, &timer, context).and_then(|()| context.run_jobs());
        // What one timer throws does not keep the others from firing.
        if result.as_ref().is_err_and(code::ends_run) {
            return result;
        }
    }
    if !bridge.0.timers.borrow().waiting.is_empty() {
        met::meet(met::TIMERS);
    }
    Ok(())
}

fn next(bridge: &Bridge) -> Option<Timer> {
    let mut timers = bridge.0.timers.borrow_mut();
    let at = timers.waiting.iter().enumerate().min_by_key(|(_, timer)| (timer.due, timer.id)).map(|(at, _)| at)?;
    let timer = timers.waiting.remove(at);
    if let Some(every) = timer.every.filter(|_| timer.repeats < MAX_REPEATS) {
        let mut again = timer.clone();
        again.due = again.due.saturating_add(every);
        again.repeats += 1;
        timers.waiting.push(again);
    } else if timer.every.is_some() {
        met::meet(met::TIMERS);
    }
    Some(timer)
}

fn fire(bridge: &Bridge, timer: &Timer, context: &mut Context) -> JsResult<()> {
    if let Some(function) = timer.what.as_callable() {
        function.call(&JsValue::undefined(), &timer.args, context)?;
        return Ok(());
    }
    let text: JsString = timer.what.to_string(context)?;
    let text = text.to_std_string_lossy();
    bridge.0.host.borrow_mut().code("setTimeout", &text);
    engine::script(&text, context).map(drop)
}
