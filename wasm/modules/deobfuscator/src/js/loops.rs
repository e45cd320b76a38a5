//! Loops of RC4 and of what is around it, recognised by what they say and run at once: a decoder of texts has more than 512
//! turns of them for each, which are nearly all of its work. One that says anything else, or has other values, is
//! evaluated like any loop.

use std::rc::Rc;

use oxc_ast::ast::ForStatement;

use super::machine::{Machine, Outcome};
use super::number::{self, Name};
use super::spelling::Spelling;
use super::value::{Units, Value};
use crate::limits::MAX_VALUE;

/// Bytes of a loop that is looked at.
const MAX_LOOP: u32 = 600;
const SIZE: usize = 256;
/// What a loop costs: one of 256 turns takes less than 64 steps.
const STEPS: usize = 8;
const TURNS_PER_STEP: usize = 4;

/// Which a loop is, with its names in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// `for (...; i < 256; i++) s[i] = i`
    Identity([Name; 2]),
    /// `for (...; i < 256; i++) { j = (j + s[i] + key.charCodeAt(i % key.length)) % 256; t = s[i]; s[i] = s[j]; s[j] = t }`
    Schedule([Name; 5]),
    /// `for (...; y < text.length; y++) { i = (i + 1) % 256; j = (j + s[i]) % 256; t = s[i]; s[i] = s[j]; s[j] = t;
    /// out += String.fromCharCode(text.charCodeAt(y) ^ s[(s[i] + s[j]) % 256]) }`
    Stream([Name; 8]),
    /// `for (...; i < end; i++) out += '%' + ('00' + text.charCodeAt(i).toString(16)).slice(-2)`
    Escape([Name; 4]),
}

impl Known {
    /// The names in it have been numbered.
    pub fn of(it: &ForStatement<'_>) -> Option<Self> {
        if it.span.end - it.span.start > MAX_LOOP {
            return None;
        }
        let Spelling { text, names } = Spelling::of(it)?;
        match text.as_str() {
            "(a<256);a++;b[a]=a;" => Some(Self::Identity(names.try_into().ok()?)),
            "(a<256);a++;b=(((b+c[a])+d.charCodeAt((a%d.length)))%256);e=c[a];c[a]=c[b];c[b]=e;" => {
                Some(Self::Schedule(names.try_into().ok()?))
            }
            "(a<b.length);a++;c=((c+1)%256);d=((d+e[c])%256);f=e[c];e[c]=e[d];e[d]=f;\
             g+=h.fromCharCode((b.charCodeAt(a)^e[((e[c]+e[d])%256)]));" => Some(Self::Stream(names.try_into().ok()?)),
            "(a<b);a++;c+=('%'+('00'+d.charCodeAt(a).toString(16)).slice(-2));" => {
                Some(Self::Escape(names.try_into().ok()?))
            }
            _ => None,
        }
    }
}

impl<'a> Machine<'a, '_> {
    /// Runs a loop whose beginning has been run, if it is known and its values are what they are in RC4.
    pub fn run_known(&mut self, it: &'a ForStatement<'a>, scope: usize) -> Outcome<bool> {
        let Some(known) = self.numbers.loops.get(number::of(&it.node_id)).copied().flatten() else { return Ok(false) };
        let done = match known {
            Known::Identity(names) => self.identity(scope, names),
            Known::Schedule(names) => self.schedule(scope, names),
            Known::Stream(names) => self.stream(scope, names),
            Known::Escape(names) => self.escape(scope, names),
        };
        Ok(done.is_some())
    }

    /// Pays for what is done then. None, for the loop to be evaluated and to end at once, where nothing is left.
    fn pay(&mut self, turns: usize) -> Option<()> {
        self.spend(STEPS + turns / TURNS_PER_STEP).and_then(|()| self.charge(turns * 8)).ok()
    }

    /// The list of a name that this evaluation made.
    fn own_list(&mut self, scope: usize, name: Name) -> Option<Value> {
        let list = self.slot(scope, name)?.clone();
        (self.items(&list).is_some() && !self.is_older(&list)).then_some(list)
    }

    fn own_bytes(&mut self, list: &Value) -> Option<Vec<usize>> {
        self.items(list)?.get(..SIZE)?.iter().map(byte).collect()
    }

    fn put_bytes(&mut self, list: &Value, bytes: Vec<usize>) -> Option<()> {
        for (item, byte) in self.items_mut(list)?.iter_mut().zip(bytes) {
            *item = Value::Number(byte as f64);
        }
        Some(())
    }

    fn units(&mut self, scope: usize, name: Name) -> Option<Units> {
        if let Value::Text(units) = self.slot(scope, name)? { Some(units.clone()) } else { None }
    }

    /// Where the value of a name is that the loop changes.
    fn variable(&mut self, scope: usize, name: Name) -> Option<&mut Value> {
        if self.is_constant(name) { None } else { self.slot(scope, name) }
    }

    fn put(&mut self, scope: usize, name: Name, value: Value) -> Option<()> {
        *self.slot(scope, name)? = value;
        Some(())
    }

    // Each gives None, with nothing changed, where a value is none that such a loop has.

    fn identity(&mut self, scope: usize, [at, list]: [Name; 2]) -> Option<()> {
        byte(self.variable(scope, at)?).filter(|&begin| begin == 0)?;
        let list = self.own_list(scope, list)?;
        // As much as a list of them takes.
        self.pay(SIZE * 8)?;
        let items = self.items_mut(&list)?;
        items.resize(items.len().max(SIZE), Value::Undefined);
        self.put_bytes(&list, (0..SIZE).collect())?;
        self.put(scope, at, Value::Number(SIZE as f64))
    }

    fn schedule(&mut self, scope: usize, [at, sum, list, key, other]: [Name; 5]) -> Option<()> {
        byte(self.variable(scope, at)?).filter(|&begin| begin == 0)?;
        let mut j = byte(self.variable(scope, sum)?)?;
        let key = self.units(scope, key)?;
        self.variable(scope, other)?;
        let list = self.own_list(scope, list)?;
        let mut bytes = self.own_bytes(&list).filter(|_| !key.is_empty())?;
        self.pay(SIZE)?;
        for i in 0..SIZE {
            j = (j + bytes[i] + usize::from(*key.get(i % key.len())?)) % SIZE;
            bytes.swap(i, j);
        }
        // The one that was moved last.
        self.put(scope, other, Value::Number(bytes[j] as f64))?;
        self.put_bytes(&list, bytes)?;
        self.put(scope, at, Value::Number(SIZE as f64))?;
        self.put(scope, sum, Value::Number(j as f64))
    }

    fn stream(&mut self, scope: usize, names: [Name; 8]) -> Option<()> {
        let [at, text, first, second, list, other, out, class] = names;
        let text = self.units(scope, text)?;
        let todo = text.get(self.variable(scope, at)?.index()?..).filter(|todo| !todo.is_empty())?;
        let (mut i, mut j) = (byte(self.variable(scope, first)?)?, byte(self.variable(scope, second)?)?);
        self.variable(scope, other)?;
        let is_string = matches!(self.lookup(scope, class), Ok(Value::Native("String")));
        let list = self.own_list(scope, list).filter(|_| is_string)?;
        let mut bytes = self.own_bytes(&list)?;
        self.pay(todo.len())?;
        let made = self.room(scope, out, todo.len())?;
        for unit in todo {
            i = (i + 1) % SIZE;
            j = (j + bytes[i]) % SIZE;
            bytes.swap(i, j);
            // Below 256.
            made.push(unit ^ bytes[(bytes[i] + bytes[j]) % SIZE] as u16);
        }
        self.put(scope, other, Value::Number(bytes[j] as f64))?;
        self.put_bytes(&list, bytes)?;
        for (name, value) in [(at, text.len()), (first, i), (second, j)] {
            self.put(scope, name, Value::Number(value as f64))?;
        }
        Some(())
    }

    fn escape(&mut self, scope: usize, [at, end, out, text]: [Name; 4]) -> Option<()> {
        let text = self.units(scope, text)?;
        let (begin, end) = (self.variable(scope, at)?.index()?, self.slot(scope, end)?.index()?);
        let todo = text.get(begin..end).filter(|todo| !todo.is_empty())?;
        self.pay(3 * todo.len())?;
        let made = self.room(scope, out, 3 * todo.len())?;
        for unit in todo {
            // Of more than two digits the last ones.
            made.extend(format!("%{:02x}", unit & 0xff).encode_utf16());
        }
        self.put(scope, at, Value::Number(end as f64))
    }

    /// The text of a name, to be made longer in its place. What somebody else holds, too, is copied, which is paid for.
    /// None where it gets too long.
    fn room(&mut self, scope: usize, name: Name, more: usize) -> Option<&mut Vec<u16>> {
        let Value::Text(units) = self.variable(scope, name)? else { return None };
        let length = units.len();
        if (length + more) * 2 > MAX_VALUE {
            return None;
        }
        if Rc::get_mut(units).is_none() {
            self.pay_copy(length).ok()?;
        }
        let Value::Text(units) = self.slot(scope, name)? else { return None };
        Some(Rc::make_mut(units))
    }
}

/// A whole number below 256; none is the zero below zero, which scripts can tell from the other.
fn byte(value: &Value) -> Option<usize> {
    let is_negative = matches!(value, Value::Number(number) if number.is_sign_negative());
    value.index().filter(|&byte| byte < SIZE && !is_negative)
}

#[cfg(test)]
mod tests {
    use oxc_allocator::Allocator;
    use oxc_ast::ast::Statement;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::super::number::Numbers;
    use super::super::parse;
    use super::super::tests::becomes;
    use super::*;
    use crate::budget::Budget;

    fn known(text: &str) -> Option<Known> {
        let allocator = Allocator::default();
        let program = parse::program(&allocator, text, &mut Budget::new(text.len())).expect("a script");
        Numbers::default().number(&program);
        let Some(Statement::ForStatement(it)) = program.body.first() else { panic!("no loop: {text}") };
        Known::of(it)
    }

    #[test]
    fn a_loop_is_known_however_it_is_written() {
        for text in [
            "for (i = 0; i < 256; i++) s[i] = i;",
            "for (var _0x1 = 0x0; _0x1 < 0x100; ++_0x1) { _0x2[(_0x1)] = _0x1; }",
        ] {
            assert!(matches!(known(text), Some(Known::Identity(_))), "{text}");
        }
        for text in [
            "for (i = 0; i < 256; i++) { j = (j + s[i] + k.charCodeAt(i % k.length)) % 256; t = s[i]; s[i] = s[j]; s[j] = t; }",
            "for (;a < 0x100;a++) { b = (b + s[a] + k['charCodeAt'](a % k['length'])) % 0x100, t = s[a], (s[a] = s[b], s[b] = t); }",
        ] {
            assert!(matches!(known(text), Some(Known::Schedule(_))), "{text}");
        }
        let stream = "for (var y = 0; y < d['length']; y++) { i = (i + 0x1) % 0x100, j = (j + s[i]) % 0x100, t = s[i], s[i] = s[j], \
                      s[j] = t, o += String['fromCharCode'](d['charCodeAt'](y) ^ s[(s[i] + s[j]) % 0x100]); }";
        assert!(matches!(known(stream), Some(Known::Stream(_))));
        let escape = "for (; i < n; i++) { o += '%' + ('00' + d.charCodeAt(i)['toString'](0x10)).slice(-0x2); }";
        assert!(matches!(known(escape), Some(Known::Escape(_))));
    }

    #[test]
    fn any_other_loop_is_not() {
        for text in [
            "for (i = 0; i < 255; i++) s[i] = i;",
            "for (i = 0; i < 256; i--) s[i] = i;",
            "for (i = 0; j < 256; i++) s[i] = i;",
            "for (i = 0; i < 256; i++) s[i] = s;",
            "for (i = 0; i < 256; i++) s[i] += i;",
            "for (i = 0; i < 256; i++) { s[i] = i; x(); }",
            "for (i = 0; i < 256; i++) i[i] = i;",
            "for (i = 0; i < 256; i++) { j = (j + s[i] + k.codePointAt(i % k.length)) % 256; t = s[i]; s[i] = s[j]; s[j] = t; }",
            "for (i = 0; i < 256; i++) { j = (j + s[i] + k.charCodeAt(i % k.length)) % 256; t = s[i]; s[j] = s[i]; s[j] = t; }",
            "for (i = 0; i < 256; i++) s['a]=a;b'] = i;",
            "for (i = 0; i < 256; i++) { j = (j + s[i] + k.charCodeAt(i % k['length))%256);e=c[a];c[a]=c[b];c[b'])) % 256; }",
        ] {
            assert_eq!(known(text), None, "{text}");
        }
    }

    /// What two loops leave, which do the same in other words.
    fn left(begin: &str, key: &str, size: &str, at: &str) -> String {
        let key = key.escape_unicode();
        becomes(&format!(
            "(() => {{ var s = [], i, j, t, k = '{key}'; {begin}; for (; i < {size}; i++) s[i] = i; \
             for (i = 0; i < 256; i++) {{ j = (j + s[i] + k.charCodeAt({at} % k.length)) % 256; t = s[i]; s[i] = s[j]; \
             s[j] = t; }} return [i, j, t, s.length].concat(s).join(' '); }})()"
        ))
    }

    /// As [`left`], of the two loops over a text. `zero` is one.
    fn made(from: usize, text: &str, zero: &str) -> String {
        let text = text.escape_unicode();
        becomes(&format!(
            "(() => {{ var s = [], i = 3, j = 7, t, y, o = 'x', p = '', d = '{text}', n = d.length; \
             for (y = 0; y < 256; y++) s[y] = y * 7 % 256; for (y = {from}; y < d.length; y++) {{ i = (i + 1{zero}) % 256; \
             j = (j + s[i]) % 256; t = s[i]; s[i] = s[j]; s[j] = t; \
             o += String.fromCharCode(d.charCodeAt(y) ^ s[(s[i] + s[j]) % 256]); }} var u = y; for (y = {from}; y < n; y++) \
             p += '%' + ('00' + d.charCodeAt(y{zero}).toString(16)).slice(-2); \
             return escape(o) + [i, j, t, u, y, p].concat(s).join(' '); }})()"
        ))
    }

    proptest! {
        #[test]
        fn known_loops_over_a_text_leave_what_they_leave_when_they_are_evaluated(from in 0_usize..3, text in "\\PC{0,9}") {
            let known = made(from, &text, "");
            prop_assert!(known.len() > 600, "{}", known);
            prop_assert_eq!(known, made(from, &text, " + 0"));
        }

        #[test]
        fn a_known_loop_leaves_what_it_leaves_when_it_is_evaluated(key in "\\PC{0,9}", from in 0_u8..4, sum in any::<u8>(), odd in 0_u8..6) {
            let j = ["-1", "0.5", "256", "'7'"].get(usize::from(odd)).map_or(sum.to_string(), |odd| (*odd).to_owned());
            let s = if odd == 5 { "s[300] = 1, s[2] = 'x'" } else { "s[1] = 9" };
            let begin = format!("i = {}, j = {j}, {s}", from % 2);
            if odd > 3 && !key.is_empty() {
                prop_assert!(left(&begin, &key, "256", "i").len() > 600, "{}", left(&begin, &key, "256", "i"));
            }
            prop_assert_eq!(left(&begin, &key, "256", "i"), left(&begin, &key, "256 + 0", "(i + 0)"));
        }
    }
}
