//! What code says about a sample. Honest programs measure time, ask for the processor's features and know debuggers:
//! such instructions alone are told as information.

use module_kit::{Finding, Findings, Severity, counted};

use crate::disassembly::Walked;
use crate::facts::{Guest, Machine, Mark, Run};
use crate::view::View;

/// Calls that a finding quotes.
const MAX_QUOTES: usize = 8;

pub fn image(view: &View, walked: &Walked, machine: &Machine, findings: &mut Findings) {
    hashed(view, machine, findings);
    marks(view, machine, findings);
    if let Some(first) = machine.stack_strings.first() {
        let title = "Code puts texts together that are not in the file as such";
        let made = Finding::new("stack-strings", Severity::Info, 70, title)
            .detail(format!("{} were found by emulating functions.", machine.stack_strings.len()));
        let made = at(view, first.address, made);
        findings.add(made.quotes(machine.stack_strings.iter().take(MAX_QUOTES).map(|string| &string.text)));
    }
    if walked.is_cut {
        findings.add(Finding::new("unread-code", Severity::Info, 100, "Not all of the code was read").detail(format!(
            "{} instructions in {} functions were.",
            walked.instructions,
            walked.functions.len()
        )));
    }
}

fn hashed(view: &View, machine: &Machine, findings: &mut Findings) {
    let Some(first) = machine.hashed_apis.first() else { return };
    let reads_process = machine.marks.iter().any(|mark| mark.kind == "peb");
    let severity = if reads_process { Severity::High } else { Severity::Medium };
    let title = "Windows' functions are looked for by hashes of their names";
    let names = machine.hashed_apis.iter().take(MAX_QUOTES).map(|api| format!("{} = {:#010x}", api.name, api.hash));
    findings.add(
        at(view, first.address, Finding::new("hashed-apis", severity, 85, title))
            .detail(format!("{} numbers of the code are hashes, by {}.", machine.hashed_apis.len(), first.algorithm))
            .quotes(names)
            .techniques(&["T1027.007"]),
    );
}

fn at(view: &View, address: u64, finding: Finding) -> Finding {
    match view.offset(address) {
        Some(offset) => finding.at(offset, 1),
        None => finding,
    }
}

struct Meaning {
    id: &'static str,
    severity: Severity,
    title: &'static str,
    kinds: &'static [&'static str],
    techniques: &'static [&'static str],
}

const MEANINGS: [Meaning; 5] = [
    Meaning {
        id: "debugger-instructions",
        severity: Severity::Low,
        title: "Instructions that act differently under a debugger",
        kinds: &["int-2d", "int-3-long"],
        techniques: &["T1622"],
    },
    Meaning {
        id: "virtual-machine-instructions",
        severity: Severity::Low,
        title: "Instructions that tell a virtual machine from a real one",
        kinds: &["sidt", "sgdt", "vmware-word"],
        techniques: &["T1497.001"],
    },
    Meaning {
        id: "direct-system-calls",
        severity: Severity::Low,
        title: "The program calls the kernel past the system's libraries",
        kinds: &["int-2e", "syscall", "sysenter"],
        techniques: &["T1106"],
    },
    Meaning {
        id: "process-block",
        severity: Severity::Info,
        title: "Code reads the process environment block",
        kinds: &["peb"],
        techniques: &[],
    },
    Meaning {
        id: "time-and-processor",
        severity: Severity::Info,
        title: "Code reads the time stamp counter or asks for the processor's kind",
        kinds: &["rdtsc", "cpuid", "rdpmc"],
        techniques: &[],
    },
];

fn marks(view: &View, machine: &Machine, findings: &mut Findings) {
    for meaning in &MEANINGS {
        // Programs of other systems have no libraries for it.
        if meaning.id == "direct-system-calls" && machine.format != "pe" {
            continue;
        }
        let found: Vec<&Mark> = machine.marks.iter().filter(|mark| meaning.kinds.contains(&mark.kind)).collect();
        let Some(first) = found.first() else { continue };
        let said: Vec<String> = found.iter().map(|mark| format!("{} x{}", mark.kind, mark.count)).collect();
        findings.add(
            at(view, first.address, Finding::new(meaning.id, meaning.severity, 60, meaning.title))
                .detail(said.join(", "))
                .techniques(meaning.techniques),
        );
    }
}

/// What a run of a sample that is code as a whole came to.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub peb: bool,
    pub windows: usize,
    pub linux: usize,
    pub fresh: bool,
    pub start: u64,
    pub size: u64,
}

pub fn shellcode(run: &Run, seen: &Seen, findings: &mut Findings) {
    let place = |finding: Finding| finding.at(seen.start, seen.size.saturating_sub(seen.start));
    if seen.windows > 0 {
        let title = "The file is code that finds Windows' functions by itself";
        let how = if seen.peb { " by the process environment block" } else { "" };
        findings.add(
            place(Finding::new("shellcode", Severity::High, 95, title))
                .detail(format!(
                    "It was run, and made {} of functions that it found{how}.",
                    counted(seen.windows, "call")
                ))
                .quotes(run.calls.iter().take(MAX_QUOTES).map(|call| &call.name))
                .techniques(&["T1027.007", "T1106"]),
        );
    } else if seen.linux > 0 {
        findings.add(
            place(Finding::new("shellcode", Severity::High, 90, "The file is code that calls Linux' kernel"))
                .detail("It was run.")
                .quotes(run.calls.iter().take(MAX_QUOTES).map(|call| &call.name))
                .techniques(&["T1106"]),
        );
    }
    if seen.fresh {
        findings.add(
            place(Finding::new("self-decoding-code", Severity::High, 85, "The file is code that decodes itself"))
                .detail(format!("{} bytes were written and then run.", run.decoded))
                .techniques(&["T1027.013", "T1140"]),
        );
    }
    deeds(run, findings);
    if run.end == "steps" {
        findings.add(
            Finding::new("steps-exhausted", Severity::Info, 100, "The run had not ended when its steps were used up")
                .detail(format!("{} instructions.", run.steps)),
        );
    }
}

/// Names of calls, by what they are for.
const DEEDS: [(&str, &str, &[&str], &[&str]); 8] = [
    ("code-downloads", "Emulated code downloads a file", &["URLDownload", "URLOpen", "InternetOpenUrl"], &["T1105"]),
    (
        "code-starts-programs",
        "Emulated code starts a program",
        &["WinExec", "CreateProcess", "ShellExecute", "system", "execve"],
        &["T1106"],
    ),
    ("code-connects", "Emulated code talks to another machine", &["connect", "WSAConnect"], &["T1095"]),
    (
        "code-uses-web",
        "Emulated code talks to a server of the web",
        &["InternetConnect", "WinHttpConnect", "HttpSendRequest", "WinHttpSendRequest"],
        &["T1071.001"],
    ),
    ("code-asks-names", "Emulated code asks for a name of the network", &["DnsQuery"], &["T1071.004"]),
    ("code-listens", "Emulated code waits for connections", &["listen", "accept"], &["T1095"]),
    (
        "code-injects",
        "Emulated code writes into another process",
        &["WriteProcessMemory", "NtWriteVirtualMemory", "CreateRemoteThread", "QueueUserAPC", "NtMapViewOfSection"],
        &["T1055"],
    ),
    ("code-changes-registry", "Emulated code writes to the registry", &["RegSetValue", "RegCreateKey"], &["T1112"]),
];

fn deeds(run: &Run, findings: &mut Findings) {
    for (id, title, names, techniques) in DEEDS {
        let is_one = |name: &str| names.iter().any(|known| name.starts_with(known));
        let calls: Vec<String> = run
            .calls
            .iter()
            .filter(|call| is_one(&call.name))
            .map(|call| format!("{}({})", call.name, call.arguments.join(", ")))
            .collect();
        if !calls.is_empty() {
            findings.add(
                Finding::new(id, Severity::High, 90, title)
                    .quotes(calls.iter().take(MAX_QUOTES))
                    .techniques(techniques),
            );
        }
    }
}

pub fn guest(guest: &Guest, findings: &mut Findings) {
    if !guest.error.is_empty() {
        findings.malformed("webassembly", &guest.error);
    }
    if guest.runs.iter().any(|run| run.end == "fuel") {
        findings.add(
            Finding::new("steps-exhausted", Severity::Info, 100, "The run had not ended when its steps were used up")
                .quotes(guest.runs.iter().filter(|run| run.end == "fuel").take(MAX_QUOTES).map(|run| &run.name)),
        );
    }
    let sockets: Vec<&String> =
        guest.calls.iter().map(|call| &call.name).filter(|name| name.contains(".sock_")).collect();
    if !sockets.is_empty() {
        findings.add(
            Finding::new("guest-sockets", Severity::Low, 70, "A WebAssembly program uses sockets")
                .quotes(sockets.into_iter().take(MAX_QUOTES))
                .techniques(&["T1095"]),
        );
    }
}
