//! Functions of the language, one kind a file: of texts, of numbers and dates, and those that ask the host.

mod asking;
mod formats;
mod numbers;
mod texts;

use script_host::{Fault, Value};

use crate::ast::{Expression, Name};
use crate::machine::{Done, Machine};
use crate::values::Val;

pub use asking::declared;

/// A function of values alone, or one that asks the machine.
#[must_use]
pub fn is_known(name: &str) -> bool {
    [&texts::NAMES[..], &formats::NAMES].iter().any(|names| names.contains(&name))
        || numbers::NAMES.contains(&name)
        || asking::NAMES.contains(&name)
}

/// # Errors
/// What it throws.
pub fn call(machine: &mut Machine, name: &Name, args: &[Val]) -> Done<Val> {
    let size: usize = args.iter().map(|arg| if let Val::Text(text) = arg { text.len() } else { 0 }).sum();
    machine.pay(size)?;
    if asking::NAMES.contains(&&**name) {
        return asking::call(machine, name, args);
    }
    // Functions of values take what objects stand for.
    let mut plain = Vec::with_capacity(args.len());
    for arg in args {
        plain.push(match arg {
            Val::Object(handle) => match machine.host.default_value(*handle) {
                Some(answer) => Machine::object(answer)?,
                None => arg.clone(),
            },
            other => other.clone(),
        });
    }
    match &**name {
        name if formats::NAMES.contains(&name) => formats::call(name, &plain),
        name if texts::NAMES.contains(&name) => texts::call(name, &plain),
        name => numbers::call(machine, name, &plain),
    }
}

/// `Err.Number`, `Err.Clear`, `Err.Raise 5`
///
/// # Errors
/// What `Raise` raises, and that there is no such object.
pub fn of_error(machine: &mut Machine, member: &Name, args: &[Expression]) -> Done<Val> {
    #[allow(clippy::cast_precision_loss, reason = "numbers of errors")]
    Ok(match member.to_lowercase().as_str() {
        "number" => Val::Number(machine.error.0 as f64),
        "description" => Val::text(&machine.error.1),
        "source" => Val::text(""),
        "clear" => {
            machine.error = (0, String::new());
            Val::Empty
        }
        "raise" => {
            let number = args.first().map_or(Ok(Val::Empty), |arg| machine.value(arg))?.to_integer();
            let description = args.get(2).map_or(Ok(Val::Empty), |arg| machine.value(arg))?;
            return Err(Fault::Thrown(number, description.to_text().to_string()));
        }
        // `Debug.Print`
        "print" => {
            let mut told = Vec::new();
            for arg in args {
                told.push(machine.value(arg)?.to_host());
            }
            machine.host.record("Debug.Print", &told, "")?;
            Val::Empty
        }
        "assert" => Val::Empty,
        _ => return Err(Fault::Thrown(424, format!("Object required: '{member}'"))),
    })
}

/// An argument; empty where it was left out.
fn arg(args: &[Val], at: usize) -> &Val {
    args.get(at).unwrap_or(&Val::Empty)
}

fn wrong() -> Fault {
    Fault::Thrown(5, "Invalid procedure call or argument".to_owned())
}

/// A count or a place; negative ones are errors.
fn count(value: &Val) -> Done<usize> {
    usize::try_from(value.to_integer()).map_err(|_| wrong())
}

fn told(args: &[Val]) -> Vec<Value> {
    args.iter().map(Val::to_host).collect()
}
