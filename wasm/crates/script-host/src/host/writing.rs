//! Writing down: calls, and what they touch.

use super::{Answer, Fault, Host};
use crate::classify::{self, Meaning};
use crate::limits::ITEMS_OF_A_CALL;
use crate::objects::Generic;
use crate::trace::{Ended, List, cut};
use crate::value::Value;
use crate::{commands, environment, memory};

/// Steps of a search that cost as much as an item.
const STEPS_OF_AN_ITEM: usize = 8;

impl Host {
    pub(super) fn written(&mut self, api: &str, args: &[Value], answer: Answer) -> Answer {
        let result = match &answer {
            Ok(Value::Empty) => String::new(),
            Ok(Value::Object(handle)) => format!("[{}]", self.class_name(*handle)),
            Ok(value) => shown(value),
            Err(Fault::Thrown(_, message)) => format!("! {message}"),
            Err(_) => String::new(),
        };
        self.record(api, args, &result)?;
        answer
    }

    /// Writes down a call that a language makes for a script by itself.
    ///
    /// # Errors
    /// When there are no more calls to be had.
    pub fn record(&mut self, api: &str, args: &[Value], result: &str) -> Result<(), Fault> {
        if memory::is_short() {
            return Err(Fault::Stop(Ended::Steps));
        }
        let args: Vec<String> = args.iter().map(|arg| self.argument_text(arg)).collect();
        let meaning: Meaning = classify::meaning(api, &args);
        match self.trace.call(self.clock.passed(), api, args, result, meaning) {
            true => Ok(()),
            false => Err(Fault::Stop(Ended::Calls)),
        }
    }

    /// Counts work on so many items as calls that are not written down.
    pub const fn work(&mut self, items: usize) {
        self.trace.work(items as u64 / ITEMS_OF_A_CALL);
    }

    /// Pays for steps as [`Self::work`] does.
    ///
    /// # Errors
    /// The end of the run, where there are no more to be had.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), Fault> {
        self.work(steps / STEPS_OF_AN_ITEM);
        if self.trace.quiet_call() { Ok(()) } else { Err(Fault::Stop(Ended::Calls)) }
    }

    fn argument_text(&self, value: &Value) -> String {
        match value {
            Value::Object(handle) => format!("[{}]", self.class_name(*handle)),
            other => shown(other),
        }
    }

    /// A text that is run as code. What an object that we do not know is as a text is none.
    pub fn code(&mut self, by: &'static str, text: &str) {
        if self.is_unknown_object(text) || !self.trace.run(by, text) {
            return;
        }
        // One that has no room is not listed.
        if self.trace.code.last().is_some_and(|code| code.text == text) {
            self.trace.code_sources.insert(text.to_owned(), self.trace.answers_read.len());
        }
    }

    /// Whether a text is the name of an object that answers to everything.
    fn is_unknown_object(&self, text: &str) -> bool {
        let Some(name) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) else { return false };
        let mut objects = self.objects.iter().flatten().filter(|object| object.as_any().is::<Generic>());
        objects.any(|object| object.name() == name)
    }

    pub fn file(&mut self, operation: &'static str, path: &str) {
        self.trace.touch(List::Files, operation, path);
        if operation != "read" && operation != "delete" && commands::is_startup_folder(path) {
            self.trace.touch(List::Persistence, "file in a startup folder", path);
        }
    }

    pub fn registry_touched(&mut self, operation: &'static str, key: &str) {
        self.trace.touch(List::Registry, operation, key);
        if operation == "write" && commands::is_autostart_key(key) {
            self.trace.touch(List::Persistence, "registry value that starts programs", key);
        }
        if operation == "read" && commands::is_machine_check(key) {
            self.trace.touch(List::Evasion, "asks which machine it is on", key);
        }
    }

    /// A command that is started.
    pub fn process(&mut self, operation: &'static str, command: &str) {
        let command = environment::expand(&self.settings, command);
        self.trace.touch(List::Processes, operation, &command);
        for (how, target) in commands::persists(&command) {
            self.trace.touch(List::Persistence, how, target);
        }
        for url in commands::urls(&command) {
            self.trace.touch(List::Network, "in a command", url);
        }
    }

    pub fn network(&mut self, operation: &'static str, target: &str) {
        self.trace.touch(List::Network, operation, target);
    }

    pub fn persistence(&mut self, how: &'static str, target: &str) {
        self.trace.touch(List::Persistence, how, target);
    }

    pub fn evasion(&mut self, how: &'static str, target: &str) {
        self.trace.touch(List::Evasion, how, target);
    }

    pub fn wait(&mut self, what: &'static str, target: &str) {
        self.trace.wait(what, target);
    }

    /// Time passes for the script alone.
    pub fn sleep(&mut self, milliseconds: u64) {
        self.clock.forward(milliseconds);
        if milliseconds >= 60_000 {
            self.evasion("sleeps for long", &format!("{milliseconds} ms"));
        }
    }
}

/// A value as the trace shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => {
            let head: String = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            format!("[{} bytes] {head}", bytes.len())
        }
        Value::Text(text) => cut(text),
        Value::List(items) => cut(&items.iter().take(32).map(shown).collect::<Vec<_>>().join(", ")),
        other => other.to_text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[test]
    fn a_flood_of_looks_leaves_room_for_what_is_done() {
        let mut host = Host::new(Settings::default(), b"");
        for number in 0..2_500 {
            host.file("read", &format!("C:\\{number}"));
            host.process("run", &format!("notepad {number}"));
            host.record("Other", &[Value::number(number)], "").expect("a call");
        }
        host.file("write", "C:\\a.exe");
        host.process("run", "powershell -enc AAAA");
        host.record("WScript.Shell.Run", &[Value::text("powershell -enc AAAA")], "").expect("a call");
        let last = |list: &[crate::Touched]| list.last().map(|it| it.target.clone());
        assert_eq!(last(&host.trace.files).as_deref(), Some("C:\\a.exe"));
        assert_eq!(last(&host.trace.processes).as_deref(), Some("powershell -enc AAAA"));
        assert_eq!(host.trace.calls.last().map(|call| call.api.as_str()), Some("WScript.Shell.Run"));
    }
}
