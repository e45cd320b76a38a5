//! Numbers and dates as texts, as Windows writes them in the United States.

use script_host::time;

use super::{arg, wrong};
use crate::machine::Done;
use crate::operators::to_date;
use crate::values::Val;

pub const NAMES: [&str; 6] =
    ["formatnumber", "formatcurrency", "formatpercent", "formatdatetime", "monthname", "weekdayname"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// Digits behind the point.
const MOST_DIGITS: i64 = 99;

pub fn call(name: &str, args: &[Val]) -> Done<Val> {
    let first = arg(args, 0);
    Ok(Val::text(match name {
        "monthname" => named(&MONTHS, first.to_integer(), arg(args, 1))?,
        // The first day of the week may be another: 0 and 1 are the Sunday.
        "weekdayname" => {
            let number = Some(first.to_integer()).filter(|number| (1..=7).contains(number)).ok_or_else(wrong)?;
            let begin = arg(args, 2).to_integer().clamp(1, 7) - 1;
            named(&DAYS, (number - 1 + begin).rem_euclid(7) + 1, arg(args, 1))?
        }
        "formatdatetime" => date(first, arg(args, 1).to_integer())?,
        "formatpercent" => number(args, 100.0, ["", "%"])?,
        "formatcurrency" => number(args, 1.0, ["$", ""])?,
        _ => number(args, 1.0, ["", ""])?,
    }))
}

/// By its number, which begins at one; only three letters of it where it is to be short.
fn named(names: &[&'static str], number: i64, is_short: &Val) -> Done<String> {
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let name = at.and_then(|at| names.get(at)).ok_or_else(wrong)?;
    Ok(if is_short.to_bool() { name.chars().take(3).collect() } else { (*name).to_owned() })
}

/// A setting that is there, is not, or is as Windows has it.
fn setting(value: &Val, by_default: bool) -> bool {
    match value {
        Val::Empty => by_default,
        value if value.to_integer() == -2 => by_default,
        value => value.to_bool(),
    }
}

/// The number, digits behind the point, a zero before it, parentheses for what is negative, groups of three digits.
fn number(args: &[Val], factor: f64, [before, behind]: [&str; 2]) -> Done<String> {
    let value = arg(args, 0).number().ok_or_else(wrong)? * factor;
    let places = match arg(args, 1) {
        Val::Empty => 2,
        digits => match digits.to_integer() {
            -1 => 2,
            digits => usize::try_from(digits.min(MOST_DIGITS)).map_err(|_| wrong())?,
        },
    };
    // Halves are rounded away from zero, which floating-point numbers that are written are not.
    let scale = 10_f64.powi(i32::try_from(places.min(15)).unwrap_or(15));
    let scaled = (value.abs() * scale).round();
    let rounded = if scaled < 1e15 { scaled / scale } else { value.abs() };
    let text = format!("{rounded:.places$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = if setting(arg(args, 4), true) { grouped(whole) } else { whole.to_owned() };
    let whole =
        if whole == "0" && !fraction.is_empty() && !setting(arg(args, 2), true) { String::new() } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    let plain = format!("{before}{whole}{point}{fraction}{behind}");
    let in_parentheses = setting(arg(args, 3), before == "$");
    Ok(match (value < 0.0 && rounded != 0.0, in_parentheses) {
        (true, true) => format!("({plain})"),
        (true, false) => format!("-{plain}"),
        _ => plain,
    })
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// By the numbers of `vbGeneralDate` and its like.
#[allow(clippy::cast_possible_truncation, reason = "days of our time")]
fn date(value: &Val, how: i64) -> Done<String> {
    let date = to_date(value).ok_or_else(wrong)?;
    let [year, month, day, hour, minute, second] = time::parts(date);
    Ok(match how {
        0 => time::text(date),
        1 => {
            let weekday = ((date / 86_400_000.0).floor() as i64 + 4).rem_euclid(7) + 1;
            let (weekday, month) = (named(&DAYS, weekday, &Val::Empty)?, named(&MONTHS, month, &Val::Empty)?);
            format!("{weekday}, {month} {day}, {year}")
        }
        2 => format!("{month}/{day}/{year}"),
        3 => time::clock_text(hour, minute, second),
        4 => format!("{hour:02}:{minute:02}"),
        _ => return Err(wrong()),
    })
}
