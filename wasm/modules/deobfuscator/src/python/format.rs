//! Texts that Python puts values into: `'%s' % x`, `'{}'.format(x)`, and what stands behind the colon of a place.

use crate::limits::MAX_VALUE;
use crate::script::{Value, filled};

/// Characters that a value may be made as wide as.
const MAX_WIDTH: usize = 1_000;

/// `'%s %02x' % (a, b)`; None where a place asks for what is not known here, or values are left over.
pub fn percent(pattern: &str, arguments: &[Value]) -> Option<String> {
    let mut arguments = arguments.iter();
    let mut done = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        done.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('%') {
            done.push('%');
            rest = behind;
            continue;
        }
        let end = rest.find(|letter: char| letter.is_ascii_alphabetic())?;
        let (flags, kind) = (&rest[..end], &rest[end..=end]);
        let spec = match flags.strip_prefix('-') {
            Some(width) => format!("<{width}{kind}"),
            None if flags.is_empty() || flags.starts_with('0') => format!("{flags}{kind}"),
            None => format!(">{flags}{kind}"),
        };
        done.push_str(&shown(arguments.next()?, &spec)?);
        rest = &rest[end + 1..];
        if done.len() > MAX_VALUE {
            return None;
        }
    }
    done.push_str(rest);
    arguments.next().is_none().then_some(done)
}

/// `'{} {1:02x}'.format(a, b)`; None for places with names or members.
pub fn braces(pattern: &str, arguments: &[Value]) -> Option<String> {
    let mut next = 0;
    filled(pattern, |place| {
        let (index, spec) = place.split_once(':').unwrap_or((place, ""));
        let index = if index.is_empty() { next } else { index.parse().ok()? };
        next += 1;
        shown(arguments.get(index)?, spec)
    })
}

/// A value as a place asks for it: `[fill][<>^][0][width][kind]`.
pub fn shown(value: &Value, spec: &str) -> Option<String> {
    let (fill, side, spec) = aligned(spec);
    let kind = spec.chars().next_back().filter(char::is_ascii_alphabetic);
    let width = spec.strip_suffix(|letter: char| kind == Some(letter)).unwrap_or(spec);
    let text = match (value, kind) {
        (Value::Text(text), None | Some('s')) => text.clone(),
        (Value::Int(number), None | Some('d' | 's' | 'i')) => number.to_string(),
        (Value::Int(number), Some('x')) => signed(*number, &format!("{:x}", number.unsigned_abs())),
        (Value::Int(number), Some('X')) => signed(*number, &format!("{:X}", number.unsigned_abs())),
        (Value::Int(number), Some('o')) => signed(*number, &format!("{:o}", number.unsigned_abs())),
        (Value::Int(number), Some('b')) => signed(*number, &format!("{:b}", number.unsigned_abs())),
        (Value::Int(number), Some('c')) => char::from_u32(u32::try_from(*number).ok()?)?.to_string(),
        (Value::Text(text), Some('c')) if text.chars().count() == 1 => text.clone(),
        _ => return None,
    };
    let is_number = matches!(value, Value::Int(_)) && kind != Some('c');
    let (fill, side) = match (fill, side) {
        (None, None) if width.starts_with('0') && is_number => (Some('0'), Some('=')),
        // Elsewhere a zero before the width is read otherwise by `%` and by `format`.
        _ if width.starts_with('0') => return None,
        other => other,
    };
    let width = if width.is_empty() { 0 } else { width.parse().ok().filter(|width| *width <= MAX_WIDTH)? };
    Some(padded(&text, fill.unwrap_or(' '), side.unwrap_or(if is_number { '>' } else { '<' }), width))
}

/// The fill, the side, and what stands behind them.
fn aligned(spec: &str) -> (Option<char>, Option<char>, &str) {
    let mut letters = spec.chars();
    let is_side = |letter: &char| matches!(letter, '<' | '>' | '^');
    match (letters.next(), letters.next()) {
        (Some(fill), Some(side)) if is_side(&side) => (Some(fill), Some(side), letters.as_str()),
        (Some(side), _) if is_side(&side) => (None, Some(side), &spec[1..]),
        _ => (None, None, spec),
    }
}

fn signed(number: i64, digits: &str) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{digits}")
}

/// `=`: what fills stands behind the sign.
fn padded(text: &str, fill: char, side: char, width: usize) -> String {
    let room = width.saturating_sub(text.chars().count());
    let fills = |count: usize| std::iter::repeat_n(fill, count).collect::<String>();
    match side {
        '<' => format!("{text}{}", fills(room)),
        '^' => format!("{}{text}{}", fills(room / 2), fills(room - room / 2)),
        '=' if text.starts_with('-') => format!("-{}{}", fills(room), &text[1..]),
        _ => format!("{}{text}", fills(room)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Python 3.11 writes them.
    #[test]
    fn values_are_written_as_the_language_does() {
        let (text, number) = (Value::Text("ab".to_owned()), Value::Int(-10));
        for (value, spec, written) in [
            (&text, "", "ab"),
            (&text, "5", "ab   "),
            (&text, ">4", "  ab"),
            (&text, "*^5", "*ab**"),
            (&number, "", "-10"),
            (&number, "05d", "-0010"),
            (&number, "6x", "    -a"),
            (&number, "<4X", "-A  "),
            (&number, "-<5", "-10--"),
        ] {
            assert_eq!(shown(value, spec).as_deref(), Some(written), "{spec}");
        }
        for (value, spec) in
            [(&text, "d"), (&number, "c"), (&number, ",d"), (&number, "99999d"), (&number, "#x"), (&text, "05")]
        {
            assert_eq!(shown(value, spec), None, "{spec}");
        }
        assert_eq!(
            percent("%s-%d%%%5s|", &[text.clone(), Value::Int(7), text.clone()]).as_deref(),
            Some("ab-7%   ab|")
        );
        assert_eq!(percent("%(name)s", std::slice::from_ref(&text)), None);
        assert_eq!(percent("%s", &[text.clone(), text.clone()]), None);
        assert_eq!(braces("{1}{0:>3}{{}}", &[text.clone(), Value::Int(7)]).as_deref(), Some("7 ab{}"));
        assert_eq!(braces("{a}", &[text]), None);
    }
}
