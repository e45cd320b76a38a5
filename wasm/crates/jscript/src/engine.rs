//! One run of the engine: its limits, its clock, what it tells of code that is made, and how it ends.

use std::cell::RefCell;
use std::rc::Rc;

use boa_engine::context::time::{Clock, JsInstant};
use boa_engine::context::{ContextBuilder, HostHooks};
use boa_engine::error::EngineError;
use boa_engine::module::IdleModuleLoader;
use boa_engine::realm::Realm;
use boa_engine::{Context, JsError, JsResult, JsString, Source};
use script_host::{Ended, Host, Run};

/// Calls within calls.
const MAX_RECURSION: usize = 400;
/// Values on the engine's stack.
const MAX_STACK: usize = 100_000;

pub type Shared = Rc<RefCell<Host>>;

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
        _context: &mut Context,
    ) -> JsResult<()> {
        let by = if parameters.is_empty() { "eval" } else { "Function" };
        self.0.borrow_mut().code(by, &body.to_std_string_lossy());
        Ok(())
    }
}

/// Runs scripts that share their variables, with at most so many steps.
///
/// # Panics
/// Never: an engine without a loader of modules can always be made.
#[must_use]
pub fn run(host: Host, texts: &[&str], steps: u64) -> (Host, Run) {
    let clock = host.clock.clone();
    let shared: Shared = Rc::new(RefCell::new(host));
    let budget = usize::try_from(steps).unwrap_or(usize::MAX);
    let built = ContextBuilder::new()
        .clock(Rc::new(HostClock(clock)))
        .host_hooks(Rc::new(Hooks(shared.clone())))
        .module_loader(Rc::new(IdleModuleLoader))
        .instructions_remaining(budget)
        .build();
    let outcome = match built {
        Ok(mut context) => all(&mut context, texts, steps),
        Err(error) => Run { ended: Ended::Exception, error: error.to_string(), steps: 0 },
    };
    (taken(shared), outcome)
}

/// The host again, once the engine is gone.
fn taken(shared: Shared) -> Host {
    let settings = shared.borrow().settings.clone();
    shared.replace(Host::new(settings, &[]))
}

fn all(context: &mut Context, texts: &[&str], steps: u64) -> Run {
    let limits = context.runtime_limits_mut();
    limits.set_recursion_limit(MAX_RECURSION);
    limits.set_stack_size_limit(MAX_STACK);
    let (mut ended, mut message) = (Ended::Finished, String::new());
    for text in texts {
        let result = context.eval(Source::from_bytes(text.as_bytes())).and_then(|_| context.run_jobs());
        if let Err(error) = result {
            (ended, message) = end_of(&error, context);
            if ended != Ended::Exception {
                break;
            }
        }
    }
    let left = u64::try_from(context.instructions_remaining()).unwrap_or(u64::MAX);
    Run { ended, error: message, steps: steps.saturating_sub(left) }
}

/// Why it is over. What a script throws may be anything: making a text of it must not run it.
fn end_of(error: &JsError, context: &mut Context) -> (Ended, String) {
    match error.as_engine() {
        Some(EngineError::NoInstructionsRemain | EngineError::RuntimeLimit(_)) => (Ended::Steps, String::new()),
        Some(EngineError::Panic(_)) => (Ended::Exception, "an error of the engine".to_owned()),
        None => (Ended::Exception, error.clone().into_erased(context).to_string()),
    }
}
