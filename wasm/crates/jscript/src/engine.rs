//! One run of the engine: its limits, its clock, what it tells of code that is made, and how it ends.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use boa_engine::context::time::{Clock, JsInstant};
use boa_engine::context::{ContextBuilder, HostHooks};
use boa_engine::error::EngineError;
use boa_engine::module::IdleModuleLoader;
use boa_engine::realm::Realm;
use boa_engine::{Context, JsError, JsNativeError, JsResult, JsString, JsValue};
use script_host::{Ended, Host, Run, Value, met};

use crate::bridge::{Bridge, Shared, State};
use crate::{code, conditional, depth, globals, modules, stalls, timers};

/// Calls within calls.
pub const MAX_RECURSION: usize = 400;
/// Values on the engine's stack.
pub const MAX_STACK: usize = 100_000;

/// Time as the host has it.
struct HostClock(script_host::time::Clock);

impl Clock for HostClock {
    fn now(&self) -> JsInstant {
        let passed = self.0.passed();
        JsInstant::new(passed / 1_000, u32::try_from(passed % 1_000).unwrap_or(0) * 1_000_000)
    }

    fn system_time_millis(&self) -> i64 {
        i64::try_from(self.0.ask()).unwrap_or(i64::MAX)
    }
}

/// Tells of the texts that `eval` and `Function` run.
struct Hooks(Shared);

impl HostHooks for Hooks {
    fn ensure_can_compile_strings(
        &self,
        _realm: Realm,
        parameters: &[JsString],
        body: &JsString,
        _direct: bool,
        context: &mut Context,
    ) -> JsResult<()> {
        let by = if parameters.is_empty() { "eval" } else { "Function" };
        let bridge = Bridge::of(context)?;
        let text = body.to_std_string_lossy();
        if depth::is_too_deep(&text) {
            return Err(too_deep());
        }
        code::pay_reading(&text, &bridge)?;
        let original = bridge.0.originals.borrow_mut().remove(&text);
        let text = original.unwrap_or(text);
        let recorded = {
            let mut host = self.0.borrow_mut();
            host.code(by, &text);
            host.record(by, &[Value::text(&text)], "")
        };
        recorded.map_err(|fault| bridge.error(fault, context))
    }
}

/// Runs scripts that share their variables, with at most so many steps. `scripts_of` takes the scripts out of a page that a
/// script writes.
#[must_use]
pub fn run(host: Host, texts: &[&str], steps: u64, scripts_of: fn(&str) -> Vec<String>) -> (Host, Run) {
    let clock = host.clock.clone();
    let shared: Shared = Rc::new(RefCell::new(host));
    let budget = usize::try_from(steps).unwrap_or(usize::MAX);
    let built = ContextBuilder::new()
        .clock(Rc::new(HostClock(clock)))
        .host_hooks(Rc::new(Hooks(shared.clone())))
        .module_loader(Rc::new(IdleModuleLoader))
        .instructions_remaining(budget)
        .build();
    let bridge = Bridge(Rc::new(State {
        host: shared.clone(),
        objects: RefCell::default(),
        timers: RefCell::default(),
        stopped: RefCell::default(),
        depth: Cell::default(),
        compared: Cell::default(),
        patterns: RefCell::default(),
        catches: Cell::default(),
        indexed: RefCell::default(),
        originals: RefCell::default(),
        scripts_of,
    }));
    let outcome = match built {
        Ok(mut context) => all(&mut context, &bridge, texts, steps),
        Err(error) => Run { ended: Ended::Exception, error: error.to_string(), steps: 0 },
    };
    if outcome.ended == Ended::Steps && outcome.steps >= steps {
        tell_of_stalls(&mut shared.borrow_mut(), texts);
    }
    let settings = shared.borrow().settings.clone();
    (shared.replace(Host::new(settings, &[])), outcome)
}

/// Of a run that has no steps left: loops that are there to take time.
fn tell_of_stalls(host: &mut Host, texts: &[&str]) {
    let made = host.trace.code.iter().map(|code| code.text.as_str());
    let found = texts.iter().copied().chain(made).filter_map(stalls::counting);
    let found: Vec<String> = found.map(str::to_owned).collect();
    for stall in found {
        host.evasion("waits by counting", &stall);
    }
}

fn all(context: &mut Context, bridge: &Bridge, texts: &[&str], steps: u64) -> Run {
    context.insert_data(bridge.clone());
    let limits = context.runtime_limits_mut();
    limits.set_recursion_limit(MAX_RECURSION);
    limits.set_stack_size_limit(MAX_STACK);
    let mut end = (Ended::Finished, String::new());
    let mut note = |result: JsResult<()>, context: &mut Context| -> bool {
        let Err(error) = result else { return true };
        let is_over = code::ends_run(&error);
        // A script that ended itself, or that threw before another part did, said more.
        if is_over || end.0 == Ended::Finished {
            end = end_of(&error, bridge, context);
        }
        !is_over
    };
    let installed = globals::install(context);
    let mut goes_on = note(installed, context);
    for text in texts {
        if goes_on {
            bridge.0.host.borrow_mut().page.runs(text);
            let result = evaluate(context, text);
            goes_on = note(result, context);
        }
    }
    bridge.0.host.borrow_mut().page.end_loading();
    for last in [globals::fire_load, timers::run] {
        if goes_on {
            let result = last(context);
            goes_on = note(result, context);
        }
    }
    let left = u64::try_from(context.instructions_remaining()).unwrap_or(u64::MAX);
    // What is awaited may have taken the last one, and then nobody is told.
    if left == 0 && end.0 == Ended::Finished {
        end.0 = Ended::Steps;
    }
    Run { ended: end.0, error: end.1, steps: steps.saturating_sub(left) }
}

fn evaluate(context: &mut Context, text: &str) -> JsResult<()> {
    let text = match text {
        text if conditional::is_used(text) => Cow::Owned(conditional::compiled(text)),
        text if modules::is_one(text) => Cow::Owned(modules::script(text)),
        text => Cow::Borrowed(text),
    };
    read_and_run(&text, false, context)?;
    context.run_jobs()
}

/// Runs a text that is made while a script runs as a script of the page.
///
/// # Errors
/// What it throws, and that it nests too deep for the engine.
pub fn script(text: &str, context: &mut Context) -> JsResult<JsValue> {
    read_and_run(text, true, context)
}

fn read_and_run(text: &str, is_made: bool, context: &mut Context) -> JsResult<JsValue> {
    let joined = depth::joined(text);
    let text = joined.as_deref().unwrap_or(text);
    if depth::is_too_deep(text) {
        return Err(too_deep());
    }
    code::parsed(text, is_made, context)?.evaluate(context)
}

/// As engines say it of what does not fit on their stack.
fn too_deep() -> JsError {
    met::meet("code within code");
    JsNativeError::range().with_message("Maximum call stack size exceeded: nested too deep to be read").into()
}

/// Why it is over. What a script throws may be anything: a text is only made of what needs no code of it.
fn end_of(error: &JsError, bridge: &Bridge, context: &mut Context) -> (Ended, String) {
    if code::is_recursion(error) {
        met::meet(code::TOO_DEEP);
        return (Ended::Exception, code::OUT_OF_STACK.to_owned());
    }
    if let Some(engine) = error.as_engine() {
        let stopped = bridge.0.stopped.borrow().unwrap_or(Ended::Steps);
        return match engine {
            EngineError::Panic(_) => (Ended::Exception, "an error of the engine".to_owned()),
            _ => (stopped, String::new()),
        };
    }
    (Ended::Exception, error.clone().into_erased(context).to_string())
}
