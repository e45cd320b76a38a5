//! Regular expressions of the language: what they find in texts, and what that is replaced with.

use super::machine::{Machine, Outcome, Stop};
use super::value::{Kind, Value};
use crate::limits::{MAX_ELEMENTS, MAX_VALUE};
use crate::pattern::Pattern;

/// An expression, and its flags. Only what means the same here is taken.
pub fn regex_of(machine: &mut Machine<'_, '_>, value: &Value) -> Outcome<(Pattern, String)> {
    let Value::Object(place) = value else { return Err(Stop::Unknown) };
    let Some(Kind::Regex(source, flags)) = machine.heap.get(*place).map(|object| &object.kind) else {
        return Err(Stop::Unknown);
    };
    if flags.contains('y') || source.len() > 4_096 {
        return Err(Stop::Unknown);
    }
    let (source, flags) = (plain_braces(&source.replace("[^]", "(?s:.)")), flags.clone());
    let set = |builder: &mut regex_lite::RegexBuilder| {
        builder
            .case_insensitive(flags.contains('i'))
            .multi_line(flags.contains('m'))
            .dot_matches_new_line(flags.contains('s'));
    };
    let pattern = Pattern::new(&source, set, machine.budget).ok_or(Stop::Unknown)?;
    Ok((pattern, flags))
}

/// A brace that counts nothing is itself, which others take for a mistake.
fn plain_braces(source: &str) -> String {
    let mut done = String::with_capacity(source.len());
    let mut letters = source.char_indices();
    while let Some((at, letter)) = letters.next() {
        let rest = source.get(at + 1..).unwrap_or_default();
        match letter {
            '\\' => {
                done.push(letter);
                done.extend(letters.next().map(|next| next.1));
            }
            '{' => {
                let inner = rest.split('}').next().unwrap_or_default();
                let counts = rest.len() > inner.len()
                    && inner.starts_with(|letter: char| letter.is_ascii_digit())
                    && inner.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
                done.push_str(if counts { "{" } else { "\\{" });
            }
            other => done.push(other),
        }
    }
    done
}

pub fn test(machine: &mut Machine<'_, '_>, this: &Value, text: &Value) -> Outcome {
    let (regex, flags) = regex_of(machine, this)?;
    if flags.contains('g') {
        return Err(Stop::Unknown);
    }
    let text = machine.string_of(text)?;
    regex.find(&text, machine.budget).map(|found| Value::Bool(found.is_some())).ok_or(Stop::Unknown)
}

pub fn matched(machine: &mut Machine<'_, '_>, units: &[u16], pattern: &Value) -> Outcome {
    let text = String::from_utf16(units).map_err(|_| Stop::Unknown)?;
    let (regex, flags) = regex_of(machine, pattern)?;
    let is_global = flags.contains('g');
    let mut found: Vec<Value> = Vec::new();
    regex
        .each(&text, machine.budget, |groups, _| {
            let groups = groups.iter().take(if is_global { 1 } else { usize::MAX });
            found.extend(groups.map(|group| group.map_or(Value::Undefined, |group| Value::text(group.as_str()))));
            (found.len() <= MAX_ELEMENTS).then_some(is_global)
        })
        .ok_or(Stop::Unknown)?;
    machine.charge(found.len() * 64 + text.len() * 2)?;
    if found.is_empty() { Ok(Value::Null) } else { machine.array(found) }
}

pub fn replace(machine: &mut Machine<'_, '_>, units: &[u16], arguments: &[Value], all: bool) -> Outcome {
    let [pattern, with, ..] = arguments else { return Err(Stop::Unknown) };
    let text = String::from_utf16(units).map_err(|_| Stop::Unknown)?;
    let whole = Value::units(units.to_vec());
    machine.spend(text.len())?;
    let places: Vec<Vec<Option<(usize, usize)>>> = if matches!(pattern, Value::Object(_)) {
        let (regex, flags) = regex_of(machine, pattern)?;
        let (mut places, mut count) = (Vec::new(), 0);
        regex
            .each(&text, machine.budget, |found, _| {
                count += found.len();
                places.push(found.iter().map(|group| group.map(|group| (group.start(), group.end()))).collect());
                (count <= 4 * MAX_ELEMENTS).then(|| flags.contains('g'))
            })
            .ok_or(Stop::Unknown)?;
        places
    } else {
        let wanted = machine.string_of(pattern)?;
        let most = if all { usize::MAX } else { 1 };
        let most = most.min(4 * MAX_ELEMENTS);
        text.match_indices(&wanted).take(most).map(|(start, found)| vec![Some((start, start + found.len()))]).collect()
    };
    let is_empty =
        |groups: &Vec<Option<(usize, usize)>>| matches!(groups.first(), Some(&Some((start, end))) if start == end);
    // Where one behind another is looked for, each language has its own mind.
    if matches!(pattern, Value::Object(_)) && places.len() > 1 && places.iter().any(is_empty) {
        return Err(Stop::Unknown);
    }
    let mut done = String::with_capacity(text.len());
    let (mut at, mut units_before) = (0, 0);
    for groups in places {
        let Some(&Some((start, end))) = groups.first() else { continue };
        done.push_str(&text[at..start]);
        units_before += text[at..start].encode_utf16().count();
        let group = |index: usize| groups.get(index).copied().flatten().map_or("", |(start, end)| &text[start..end]);
        if machine.is_function(with) {
            let found = groups.iter().map(|group| {
                group.map_or(Value::Undefined, |(start, end)| Value::text(text.get(start..end).unwrap_or_default()))
            });
            let behind = [Value::Number(units_before as f64), whole.clone()];
            let value = machine.call(with, Value::Undefined, found.chain(behind).collect())?;
            done.push_str(&machine.string_of(&value)?);
        } else {
            let with = machine.string_of(with)?;
            expand(&with, groups.len(), &group, &mut done)?;
        }
        units_before += text[start..end].encode_utf16().count();
        at = end;
        machine.spend(1)?;
        if done.len() > MAX_VALUE {
            return Err(Stop::Unknown);
        }
    }
    done.push_str(&text[at..]);
    machine.text(done.encode_utf16().collect())
}

/// `$1`, `$&` and `$$` in what is put in; the number of a group that there is not is itself.
fn expand<'t>(with: &str, count: usize, group: &impl Fn(usize) -> &'t str, to: &mut String) -> Outcome<()> {
    let mut letters = with.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek().copied()) {
            ('$', Some('$')) => {
                letters.next();
                to.push('$');
            }
            ('$', Some('&')) => {
                letters.next();
                to.push_str(group(0));
            }
            ('$', Some(digit @ '1'..='9')) => {
                let number = digit.to_digit(10).unwrap_or(0) as usize;
                if number >= count {
                    to.push('$');
                    continue;
                }
                letters.next();
                to.push_str(group(number));
            }
            ('$', Some('`' | '\'' | '<')) => return Err(Stop::Unknown),
            _ => to.push(letter),
        }
    }
    Ok(())
}
