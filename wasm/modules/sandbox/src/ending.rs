//! How a run ended, and what is not known for that.

use module_kit::{Finding, Findings, Severity};
use script_host::trace::Trace;
use script_host::{Ended, met};

use crate::findings::quoted;

pub fn judge(trace: &Trace, findings: &mut Findings) {
    if trace.page_left_out {
        let title = "The page has more, or deeper, elements than its scripts were shown";
        findings.add(Finding::new("page-left-out", Severity::Low, 100, title));
    }
    limits_met(trace, findings);
    match trace.ended {
        Some(Ended::Steps) => findings.add(Finding::new(
            "steps-exhausted",
            Severity::Info,
            100,
            "The script ran out of steps, or of memory; what it did until then is told",
        )),
        Some(Ended::Calls) => findings.add(Finding::new(
            "calls-exhausted",
            Severity::Info,
            100,
            "The script ran out of calls; what it did until then is told",
        )),
        Some(Ended::Exception) => findings.add(
            Finding::new("script-threw", Severity::Info, 100, "The script ended with an error").quote(&trace.error),
        ),
        Some(Ended::Waits) => {
            // Honest programs look at the clock, too.
            let only_date = trace.waits.iter().all(|it| it.operation == "date");
            let severity = if only_date { Severity::Info } else { Severity::Low };
            let (title, techniques): (_, &[&str]) = if only_date {
                ("The script did nothing, and had asked for the date", &[])
            } else {
                ("The script did nothing, and had asked for something that it did not get", &["T1480"])
            };
            findings.add(quoted(Finding::new("waits", severity, 60, title).techniques(techniques), &trace.waits));
        }
        _ => {}
    }
    // Who asks for the date alone may just as well have got what it wanted; of the network another finding tells.
    let asked = trace.waits.iter().any(|it| !matches!(it.operation, "date" | "answer"));
    if asked && trace.ended != Some(Ended::Waits) {
        let title = "The script asked for something that it did not get; what it does with it is not known";
        findings.add(quoted(Finding::new("asked-in-vain", Severity::Info, 100, title), &trace.waits));
    }
    let unlisted = trace.calls_total.saturating_sub(trace.calls.iter().map(|call| call.times).sum());
    if unlisted > 0 {
        findings.add(
            Finding::new("calls-cut", Severity::Info, 100, "There are more calls than are listed")
                .detail(format!("{unlisted} more.")),
        );
    }
}

/// Of a run that the host had to stop. `cause` is its word for it.
pub fn stopped(cause: &str, findings: &mut Findings) {
    let detail = match cause {
        "memory" => "It took all the memory that there was.",
        "deadline" | "interrupt" => "It took all the time that there was.",
        "stack_overflow" => "It went too deep for the stack.",
        _ => "What ran it broke off.",
    };
    let title = "The script was stopped before its end; what it did until then is told, and may not be all";
    findings.add(Finding::new("run-stopped", Severity::Info, 100, title).detail(detail));
}

/// Scripts of a page that were not run, since there are so many.
pub fn scripts_left_out(count: usize, findings: &mut Findings) {
    let title = "The page has more scripts than are run";
    findings.add(Finding::new("scripts-left-out", Severity::Low, 100, title).detail(format!("{count} more.")));
}

/// A sample of which no script was run, since it is so large.
pub fn too_large(size: usize, findings: &mut Findings) {
    let title = "It is larger than any script that is run";
    findings.add(Finding::new("script-too-large", Severity::Low, 100, title).detail(format!("{size} bytes.")));
}

fn limits_met(trace: &Trace, findings: &mut Findings) {
    let (timers, others): (Vec<&str>, Vec<&str>) = trace.met.iter().partition(|met| **met == met::TIMERS);
    if !timers.is_empty() {
        let title = "The script's timers would go on; those that fired are told";
        findings.add(Finding::new("timers-go-on", Severity::Info, 100, title));
    }
    if !others.is_empty() {
        let title = "The script met limits that the sandbox has and Windows has not, by which it can tell";
        findings.add(Finding::new("limits-met", Severity::Low, 100, title).detail(format!("{}.", others.join(", "))));
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::tests::found;

    #[test]
    fn what_is_asked_for_in_vain_is_told_whatever_else_was_done() {
        let script = "var a = WScript.Arguments; if (a.length > 0) { eval(a(0)) }\nWScript.CreateObject('WScript.Shell').Run('notepad');";
        assert!(found(script, "a.js").contains(&"asked-in-vain Info ".to_owned()), "{:?}", found(script, "a.js"));
        let date = "if (new Date().getFullYear() > 2000) WScript.CreateObject('WScript.Shell').Run('notepad');";
        assert!(!found(date, "a.js").iter().any(|it| it.starts_with("asked-in-vain")));
    }

    #[test]
    fn what_a_page_has_beyond_what_is_run_or_shown_is_told() {
        let ask = "<script>n = document.getElementsByTagName('i').length</script>";
        let has = |page: &str, id: &str| found(page, "a.html").iter().any(|it| it.starts_with(id));
        assert!(!has(&format!("{}{ask}", "<i>".repeat(10_000)), "page-left-out"));
        assert!(has(&format!("{}{ask}", "<i></i>".repeat(10_001)), "page-left-out Low"));
        assert!(has(&format!("{}{ask}", "<i></i>".repeat(400_000)), "page-left-out Low"));
        assert!(has(&ask.repeat(1_025), "scripts-left-out Low"));
    }

    #[test]
    fn limits_that_a_script_may_catch_are_told() {
        for script in [
            "try { var a = 1; for (var i = 0; i < 60; i++) a = [a]; a.toString() } catch (e) {}",
            "var o = 1; for (var i = 0; i < 2000; i++) o = {a: o}; try { JSON.stringify(o) } catch (e) {}",
            "var a = 1; for (var i = 0; i < 2000; i++) a = [a]; try { a.flat(Infinity) } catch (e) {}",
            "var o = {}; try { for (var i = 0; i < 20000; i++) o = Object.create(o) } catch (e) {}",
            "try { var s = '1'; for (var i = 0; i < 120; i++) s = '[' + s + ']'; eval(s) } catch (e) {}",
            "var f = new ActiveXObject('Scripting.FileSystemObject'); try { for (;;) f.CreateTextFile('C:\\\\' + Math.random()).Write('a') } catch (e) {}",
        ] {
            assert!(found(script, "a.js").contains(&"limits-met Low ".to_owned()), "{:?}", found(script, "a.js"));
        }
        for script in [
            "On Error Resume Next\nFunction f(n)\nIf n > 0 Then f = f(n - 1)\nEnd Function\nx = f(100)",
            "On Error Resume Next\ns = String(20000000, \"a\")",
        ] {
            assert!(found(script, "a.vbs").contains(&"limits-met Low ".to_owned()), "{:?}", found(script, "a.vbs"));
        }
        let late = "var n = 0; setInterval(function () { if (++n == 60) new ActiveXObject('WScript.Shell').Run('cmd /c x'); }, 10);";
        let told = found(late, "a.js");
        assert!(told.contains(&"timers-go-on Info ".to_owned()), "{told:?}");
        assert!(told.iter().any(|it| it.starts_with("runs-interpreter")), "{told:?}");
        let twice = "var a = [1]; for (var i = 0; i < 40; i++) a = [a, a]; JSON.stringify(a)";
        assert!(found(twice, "a.js").contains(&"steps-exhausted Info ".to_owned()));
        let honest = "JSON.stringify({a: [1, {b: new Date(), c: 'd'}], get e() { return 1 }}); [[1], [[2]]].flat(2)";
        assert!(
            found(honest, "a.js").iter().all(|it| !it.starts_with("limits-met") && !it.starts_with("script-threw"))
        );
        assert!(!found("var a = [1]; a.toString()", "a.js").iter().any(|it| it.starts_with("limits-met")));
    }
}
