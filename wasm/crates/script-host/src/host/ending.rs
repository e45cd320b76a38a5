//! How a run ends: what it waited for, what it wrote, and what was kept of one that was stopped.

use super::{Host, IDENTITY};
use crate::files::Kept;
use crate::journal::records;
use crate::met;
use crate::trace::{Category, Ended, Trace, cut};

impl Host {
    /// Does again what was kept of a run that was stopped, all but the script's own part of it.
    pub fn replay(&mut self, kept: &[u8]) {
        let mut files = Kept::default();
        for (kind, fields) in records(kept) {
            if !files.replay(kind, &fields) {
                self.trace.replay(kind, &fields);
            }
        }
        [self.trace.dropped, self.trace.lost] = files.into_written();
        self.trace.code_left_out += self.trace.lost.len();
    }

    /// The end: what it wrote is there, and what it waited for is told.
    #[must_use]
    pub fn into_trace(mut self, ended: Ended, error: &str, steps: u64) -> Trace {
        self.trace.error = cut(error);
        self.trace.steps = steps;
        self.trace.page_left_out = self.page.left_out;
        self.trace.met = met::take();
        if self.clock.was_asked() {
            self.trace.wait("date", "asked for");
        }
        // Who shows something to a user does what it is for.
        let says_something = self.trace.calls.iter().any(|call| call.category == Category::User);
        if ended == Ended::Finished && !self.trace.has_effects() && !says_something {
            self.wait_for_what_is_missing();
        }
        let waits = ended == Ended::Finished && !self.trace.has_effects() && self.trace.waited();
        self.trace.ended = Some(if waits { Ended::Waits } else { ended });
        self.trace.answers =
            self.settings.answers.into_iter().map(|answer| answer.body).filter(|body| !body.is_empty()).collect();
        self.trace.dropped.extend(self.disk.into_written().filter(|(_, content)| !content.is_empty()));
        self.trace
    }

    /// What a run that did nothing had looked for: files and values that are not there, and who it is.
    fn wait_for_what_is_missing(&mut self) {
        let files = self.trace.files.iter().filter(|it| it.operation == "read");
        let files = files.filter(|it| !self.disk.is_file(&it.target) && !self.disk.is_folder(&it.target));
        let values = self.trace.registry.iter().filter(|it| self.registry.read(&it.target).is_none());
        let who = self.trace.evasion.iter().filter(|it| it.operation == IDENTITY);
        let missing = files.map(|it| ("file", it)).chain(values.map(|it| ("registry value", it)));
        let missing: Vec<(&str, String)> =
            missing.chain(who.map(|it| ("identity", it))).map(|(what, it)| (what, it.target.clone())).collect();
        for (what, target) in missing {
            self.trace.wait(what, &target);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::Access;
    use super::*;
    use crate::trace::List;
    use crate::value::Value;
    use crate::{Settings, classify};

    thread_local! {
        static KEPT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }

    fn keep(record: &[u8]) -> bool {
        KEPT.with_borrow_mut(|kept| kept.extend_from_slice(record));
        true
    }

    fn busy(host: &mut Host) {
        host.trace.begin();
        let shell = host.create("CreateObject", "WScript.Shell").expect("an object");
        let Value::Object(shell) = shell else { panic!("an object") };
        let key = "HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\x";
        host.ask(shell, "RegWrite", Access::Call, &[Value::text(key), Value::text("y")]).expect("a call");
        for _ in 0..3 {
            host.ask(shell, "Run", Access::Call, &[Value::text("powershell -enc AAAA")]).expect("a call");
        }
        host.write_file("C:\\a.exe", b"MZ".to_vec(), false).expect("room");
        host.write_file("C:\\A.exe", b" and more".to_vec(), true).expect("room");
        host.write_file("C:\\gone", b"x".to_vec(), false).expect("room");
        host.disk.remove("C:\\gone");
        host.sleep(90_000);
        host.code("eval", "1 + 1");
        host.record("eval", &[Value::text("1 + 1")], "").expect("a call");
        host.wait("argument", "0");
        for number in 0..400 {
            host.file("read", &number.to_string());
        }
        host.file("delete", "C:\\all");
    }

    #[test]
    fn what_was_kept_of_a_run_is_the_run_again() {
        KEPT.take();
        let mut host = Host::new(Settings { keep: Some(keep), ..Settings::default() }, b"");
        busy(&mut host);
        let mut again = Host::new(Settings::default(), b"");
        KEPT.with_borrow(|kept| again.replay(kept));
        let told = |host: Host| {
            let trace = host.into_trace(Ended::Stopped, "", 0);
            let Trace { calls, calls_total, files, registry, processes, network, persistence, evasion, waits, .. } =
                &trace;
            let lists = [files, registry, processes, network, persistence, evasion, waits];
            let told = format!("{calls:#?} {calls_total} {lists:#?} {:?}", trace.code);
            (told, trace.dropped)
        };
        let first = told(host);
        assert!(first.0.contains("powershell -enc AAAA") && first.1[0].1 == b"MZ and more", "{first:?}");
        assert_eq!(first, told(again));
    }

    #[test]
    fn of_what_is_too_large_the_beginning_is_kept() {
        KEPT.take();
        let mut host = Host::new(Settings { keep: Some(keep), ..Settings::default() }, b"");
        let large = [&b"MZ"[..], &vec![0; crate::limits::MAX_KEPT_CONTENT]].concat();
        host.write_file("C:\\large.exe", large, false).expect("room");
        host.process("run", "C:\\large.exe");
        let mut again = Host::new(Settings::default(), b"");
        KEPT.with_borrow(|kept| again.replay(kept));
        let trace = again.into_trace(Ended::Stopped, "", 0);
        assert_eq!((trace.dropped.len(), trace.code_left_out, trace.processes.len()), (0, 1, 1));
        let [(path, start)] = trace.lost.as_slice() else { panic!("{:?}", trace.lost) };
        assert!(path == "C:\\large.exe" && start.starts_with(b"MZ\0"));
    }

    #[test]
    fn whatever_a_script_does_it_has_room() {
        KEPT.take();
        let mut host = Host::new(Settings { keep: Some(keep), ..Settings::default() }, b"");
        let long = "\u{10348}".repeat(600);
        for number in 0..3_000 {
            let target = format!("powershell -enc {number} {long}");
            for list in [List::Files, List::Registry, List::Processes, List::Network] {
                host.trace.touch(list, "write", &target);
            }
            for list in [List::Persistence, List::Evasion, List::Waits] {
                host.trace.touch(list, "hides", &target);
            }
            host.record("WScript.Shell.Run", &[Value::text(&target)], "").expect("a call");
            host.code("eval", &format!("{number} {}", "x".repeat(200_000)));
            let _full = host.write_file(&format!("C:\\{number}{long}"), vec![1; 4_000], false);
        }
        let most = 16 << 20;
        KEPT.with_borrow(|kept| assert!(kept.len() < most, "{}", kept.len()));
    }

    #[test]
    fn a_call_that_has_no_room_is_counted_and_repeated_for_no_other() {
        fn keep_small(record: &[u8]) -> bool {
            record.len() < 200 && keep(record)
        }
        KEPT.take();
        let mut host = Host::new(Settings { keep: Some(keep_small), ..Settings::default() }, b"");
        for text in ["a", "b", "b"] {
            host.record("eval", &[Value::text(text.repeat(if text == "a" { 1 } else { 300 }))], "").expect("a call");
        }
        let mut again = Host::new(Settings::default(), b"");
        KEPT.with_borrow(|kept| again.replay(kept));
        let [call] = again.trace.calls.as_slice() else { panic!("{:?}", again.trace.calls) };
        assert_eq!((call.args.as_slice(), call.times, again.trace.calls_total), (&["a".to_owned()][..], 1, 3));
    }

    #[test]
    fn what_was_judged_of_a_call_is_kept_though_its_text_is_cut() {
        KEPT.take();
        let mut host = Host::new(Settings { keep: Some(keep), ..Settings::default() }, b"");
        let command = format!("cmd /c {} powershell -enc AAAA", " ".repeat(600));
        let args = vec![command];
        let meaning = classify::meaning("WScript.Shell.Run", &args);
        host.trace.call(0, "WScript.Shell.Run", args, "", meaning);
        let mut again = Host::new(Settings::default(), b"");
        KEPT.with_borrow(|kept| again.replay(kept));
        assert!(again.trace.calls[0].techniques.contains(&"T1059.001"));
        assert_eq!(host.trace.calls, again.trace.calls);
    }

    #[test]
    fn what_is_no_record_of_a_run_is_none() {
        let mut host = Host::new(Settings::default(), b"");
        for kept in [&b"c\x00"[..], b"c\x01\xff\xff\xff\xff", b"t\x03\x01\0\0\0\x09\0\0\0\0\0\0\0\0", b"zzzz", b"a\0"] {
            host.replay(kept);
        }
        assert!(host.trace.calls.is_empty() && host.trace.files.is_empty());
    }
}
