//! Functions of numbers, of dates, and those that ask what a value is.

use script_host::{Fault, time};

use super::arg;
use crate::machine::{Done, Machine};
use crate::operators::to_date;
use crate::values::{Val, of_serial};

pub const NAMES: [&str; 56] = [
    "cint",
    "clng",
    "clnglng",
    "clngptr",
    "cbyte",
    "cdbl",
    "csng",
    "ccur",
    "cdec",
    "cstr",
    "cbool",
    "cdate",
    "cvar",
    "abs",
    "int",
    "fix",
    "sgn",
    "sqr",
    "sin",
    "cos",
    "tan",
    "atn",
    "exp",
    "log",
    "round",
    "rnd",
    "isnumeric",
    "isempty",
    "isnull",
    "isobject",
    "isarray",
    "isdate",
    "ismissing",
    "vartype",
    "now",
    "date",
    "time",
    "timer",
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "weekday",
    "dateadd",
    "datediff",
    "dateserial",
    "timeserial",
    "datepart",
    "datevalue",
    "timevalue",
    "iif",
    "choose",
    "rgb",
    "randomize",
];

pub fn call(machine: &mut Machine, name: &str, args: &[Val]) -> Done<Val> {
    let first = arg(args, 0);
    if let Some(value) = of_date(machine, name, args) {
        return Ok(value);
    }
    Ok(match name {
        "cint" | "clng" | "clnglng" | "clngptr" => whole(first)?,
        "cbyte" => {
            let number = whole(first)?;
            if !(0.0..256.0).contains(&number.to_number()) {
                return Err(Fault::Thrown(6, "Overflow".to_owned()));
            }
            number
        }
        "cdbl" | "csng" | "ccur" | "cdec" => Val::Number(number(first)?),
        "cstr" => Val::Text(first.to_text()),
        "cbool" => Val::Bool(first.to_bool()),
        "cvar" => first.clone(),
        "abs" => Val::Number(number(first)?.abs()),
        "int" => Val::Number(number(first)?.floor()),
        "fix" => Val::Number(number(first)?.trunc()),
        "sgn" => Val::Number(if number(first)? == 0.0 { 0.0 } else { number(first)?.signum() }),
        "sqr" | "log" if number(first)? < 0.0 => return Err(super::wrong()),
        "sqr" => Val::Number(number(first)?.sqrt()),
        "sin" => Val::Number(number(first)?.sin()),
        "cos" => Val::Number(number(first)?.cos()),
        "tan" => Val::Number(number(first)?.tan()),
        "atn" => Val::Number(number(first)?.atan()),
        "exp" => Val::Number(number(first)?.exp()),
        "log" => Val::Number(number(first)?.ln()),
        "round" => {
            let places = i32::try_from(arg(args, 1).to_integer().clamp(0, 15)).unwrap_or(0);
            let scale = 10_f64.powi(places);
            Val::Number((number(first)? * scale).round_ties_even() / scale)
        }
        "rnd" => Val::Number(machine.host.random()),
        "isnumeric" => Val::Bool(first.number().is_some()),
        "isempty" | "ismissing" => Val::Bool(matches!(first, Val::Empty)),
        "isnull" => Val::Bool(matches!(first, Val::Null)),
        "isobject" => Val::Bool(first.is_object()),
        "isarray" => Val::Bool(matches!(first, Val::Array(_) | Val::Bytes(_))),
        "vartype" => Val::Number(var_type(first)),
        "iif" => {
            if first.to_bool() {
                arg(args, 1).clone()
            } else {
                arg(args, 2).clone()
            }
        }
        "choose" => usize::try_from(first.to_integer())
            .ok()
            .filter(|at| *at > 0)
            .and_then(|at| args.get(at))
            .cloned()
            .unwrap_or(Val::Null),
        "rgb" => Val::Number(
            arg(args, 0).to_number() + 256.0 * arg(args, 1).to_number() + 65_536.0 * arg(args, 2).to_number(),
        ),
        _ => Val::Empty,
    })
}

fn number(value: &Val) -> Done<f64> {
    value.number().ok_or_else(|| Fault::Thrown(13, "Type mismatch".to_owned()))
}

#[allow(clippy::cast_precision_loss, reason = "32 bits")]
fn whole(value: &Val) -> Done<Val> {
    number(value)?;
    Ok(Val::Number(value.to_integer() as f64))
}

fn var_type(value: &Val) -> f64 {
    match value {
        Val::Empty => 0.0,
        Val::Null => 1.0,
        Val::Number(number) if number.fract() == 0.0 && number.abs() < 32_768.0 => 2.0,
        Val::Number(number) if number.fract() == 0.0 && number.abs() < 2_147_483_648.0 => 3.0,
        Val::Number(_) => 5.0,
        Val::Date(_) => 7.0,
        Val::Text(_) => 8.0,
        Val::Bool(_) => 11.0,
        Val::Bytes(_) => 8_209.0,
        Val::Array(_) => 8_204.0,
        _ => 9.0,
    }
}

/// Of functions of dates; None for others.
#[allow(clippy::cast_precision_loss, reason = "dates of our time")]
fn of_date(machine: &Machine, name: &str, args: &[Val]) -> Option<Val> {
    const DAY: f64 = 86_400_000.0;
    let first = arg(args, 0);
    let part = |at: usize| to_date(first).map_or(Val::Null, |date| Val::Number(time::parts(date)[at] as f64));
    Some(match name {
        "now" => Val::Date((machine.host.clock.ask() / 1_000 * 1_000) as f64),
        "date" => Val::Date((machine.host.clock.ask() as f64 / DAY).floor() * DAY),
        "time" => Val::Date(of_serial(0.0) + (machine.host.clock.ask() / 1_000 * 1_000) as f64 % DAY),
        // Programs measure with it: it is no question for the date.
        "timer" => Val::Number(machine.host.clock.now() as f64 % DAY / 1_000.0),
        "year" => part(0),
        "month" => part(1),
        "day" => part(2),
        "hour" => part(3),
        "minute" => part(4),
        "second" => part(5),
        "weekday" => {
            to_date(first).map_or(Val::Null, |date| Val::Number(((date / DAY).floor() + 4.0).rem_euclid(7.0) + 1.0))
        }
        "isdate" => Val::Bool(
            matches!(first, Val::Date(_)) || matches!(first, Val::Text(text) if crate::dates::parse(text).is_some()),
        ),
        "cdate" | "datevalue" | "timevalue" => to_date(first).map_or(Val::Null, Val::Date),
        "dateserial" => {
            let of = |at: usize| arg(args, at).to_integer().clamp(-100_000, 100_000);
            let months = of(0) * 12 + of(1) - 1;
            let first = time::days(months.div_euclid(12), months.rem_euclid(12) + 1, 1);
            Val::Date((first + of(2) - 1) as f64 * DAY)
        }
        "timeserial" => {
            let seconds =
                arg(args, 0).to_number() * 3_600.0 + arg(args, 1).to_number() * 60.0 + arg(args, 2).to_number();
            Val::Date(of_serial(0.0) + seconds * 1_000.0)
        }
        "dateadd" => {
            let date = to_date(arg(args, 2))?;
            added(&first.to_text(), arg(args, 1).to_number(), date)
        }
        "datediff" => {
            let (from, to) = (to_date(arg(args, 1))?, to_date(arg(args, 2))?);
            let unit = unit(&first.to_text()).unwrap_or(DAY);
            Val::Number(((to / unit).floor() - (from / unit).floor()).trunc())
        }
        "datepart" => {
            let date = to_date(arg(args, 1))?;
            let at = match &*first.to_text() {
                "yyyy" => 0,
                "m" => 1,
                "d" => 2,
                "h" => 3,
                "n" => 4,
                _ => 5,
            };
            Val::Number(time::parts(date)[at] as f64)
        }
        _ => return None,
    })
}

/// Milliseconds; months are of 30 days and years of 365 for differences.
fn unit(name: &str) -> Option<f64> {
    Some(match name {
        "s" => 1_000.0,
        "n" => 60_000.0,
        "h" => 3_600_000.0,
        "d" | "y" | "w" => 86_400_000.0,
        "ww" => 604_800_000.0,
        "m" => 2_592_000_000.0,
        "yyyy" => 31_536_000_000.0,
        _ => return None,
    })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "it is cut to years that there are")]
fn added(name: &str, count: f64, date: f64) -> Val {
    let months = match name {
        "m" => count,
        "q" => count * 3.0,
        "yyyy" => count * 12.0,
        _ => return Val::Date(date + count * unit(name).unwrap_or(0.0)),
    };
    let [year, month, day, ..] = time::parts(date);
    let all = year * 12 + month - 1 + months.clamp(-100_000.0, 100_000.0) as i64;
    let days = time::days(all.div_euclid(12), all.rem_euclid(12) + 1, day.min(28));
    Val::Date(days as f64 * 86_400_000.0 + date.rem_euclid(86_400_000.0))
}
