//! Machine code and WebAssembly: what `machine-code` says of a sample, in the module's facts, and its functions.

use machine_code::analysis::{Analysis, Wanted, analyze, code_image};
use machine_code::disassembly::{List, Walk, lines, report};
use machine_code::emulation::Made;
use machine_code::facts::{Function, Line, SystemCall};
use machine_code::session::{self, Asked, State};
use machine_code::shellcode::BASE;
use machine_code::view::View;
use module_kit::{Args, Refusal, hex, parse_args};
use script_host::trace::{Category, Touched};
use script_host::{Call, Ended};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::addresses;
use crate::facts::{Child, Content, Engine, Facts};
use crate::options::Width;
use crate::run::Outcome;

/// Most that `disassemble` lists, and `emulate` runs.
pub const MAX_LINES: usize = 2_000;
pub const MAX_STEPS: u64 = 5_000_000;

/// What the sample's code does. `raw`: it is code in this width, whatever it looks like.
#[must_use]
pub fn behaviour(data: &[u8], raw: Option<Width>) -> Outcome {
    let analysis = analyze(data, Wanted { raw: raw.map(Width::bits), quick: false });
    let children = children(analysis.made);
    let Analysis { machine, guest, calls, mut findings, steps, end, .. } = analysis;
    let mut addresses = Vec::new();
    if let Some(machine) = &machine {
        addresses = addresses::made(machine, data);
        addresses::judge(&addresses, machine, &mut findings);
    }
    let engine = match (&machine, &guest) {
        (_, Some(_)) => Some(Engine::Wasm),
        (Some(machine), None) if !end.is_empty() => {
            Some(if machine.bits == 64 { Engine::X86Wide } else { Engine::X86 })
        }
        // It was read, and not run.
        _ => None,
    };
    let mut facts = Facts { engine, steps, addresses, machine, guest, ..Facts::nothing() };
    if !end.is_empty() {
        facts.ended = Some(ended(&end));
        facts.error = if facts.ended == Some(Ended::Exception) { end } else { String::new() };
    }
    facts.calls_total = calls.len() as u64;
    facts.calls = (1..).zip(&calls).map(|(number, call)| written_down(number, call)).collect();
    touch(&mut facts, &calls);
    facts.children = children.iter().map(|content| content.child.clone()).collect();
    Outcome { facts, findings, children }
}

/// What the words mean in which a run's end is told: code that faults has not come to its end.
fn ended(end: &str) -> Ended {
    match end {
        "steps" | "fuel" => Ended::Steps,
        "returned" | "exited" | "system" => Ended::Finished,
        _ => Ended::Exception,
    }
}

fn children(made: Vec<Made>) -> Vec<Content> {
    let child = |(index, made): (usize, Made)| {
        let sha256 = hex(&Sha256::digest(&made.content));
        let child = Child { index, depth: 1, name: made.name, kind: made.kind, size: made.content.len(), sha256 };
        Content { child, bytes: made.content }
    };
    made.into_iter().enumerate().map(child).collect()
}

/// What calls with such a name are for, what they do with what they name (nothing: they name nothing that counts), and
/// their techniques.
type Kind = (&'static str, Category, &'static str, &'static [&'static str]);

/// By the beginnings of names, the longer before the shorter.
const KINDS: [Kind; 54] = [
    ("URL", Category::Network, "connect", &["T1105"]),
    ("InternetOpenUrl", Category::Network, "connect", &["T1071.001"]),
    ("InternetOpen", Category::Network, "call itself", &["T1071.001"]),
    ("InternetConnect", Category::Network, "connect", &["T1071.001"]),
    ("Internet", Category::Network, "", &["T1071.001"]),
    ("Http", Category::Network, "ask for", &["T1071.001"]),
    ("WinHttpOpenRequest", Category::Network, "ask for", &["T1071.001"]),
    ("WinHttpOpen", Category::Network, "call itself", &["T1071.001"]),
    ("WinHttpConnect", Category::Network, "connect", &["T1071.001"]),
    ("WinHttp", Category::Network, "", &["T1071.001"]),
    ("Dns", Category::Network, "look up", &["T1071.004"]),
    ("gethostbyname", Category::Network, "look up", &[]),
    ("WSAStartup", Category::Network, "", &[]),
    ("WSAConnect", Category::Network, "connect", &["T1095"]),
    ("WSA", Category::Network, "", &["T1095"]),
    ("connect", Category::Network, "connect", &["T1095"]),
    ("bind", Category::Network, "listen", &[]),
    ("listen", Category::Network, "", &[]),
    ("accept", Category::Network, "", &[]),
    ("socket", Category::Network, "", &[]),
    ("recv", Category::Network, "", &["T1095"]),
    ("send", Category::Network, "send", &["T1095"]),
    ("WinExec", Category::Process, "start", &["T1106"]),
    ("CreateProcess", Category::Process, "start", &["T1106"]),
    ("ShellExecute", Category::Process, "start", &["T1106"]),
    ("exec", Category::Process, "start", &["T1106"]),
    ("system", Category::Process, "start", &["T1059"]),
    ("CreateRemoteThread", Category::Process, "", &["T1055"]),
    ("WriteProcessMemory", Category::Process, "", &["T1055"]),
    ("OpenProcess", Category::Process, "", &[]),
    ("RegSet", Category::Registry, "write", &["T1112"]),
    ("RegCreateKey", Category::Registry, "write", &["T1112"]),
    ("RegDelete", Category::Registry, "delete", &["T1112"]),
    ("RegOpenKey", Category::Registry, "read", &[]),
    ("RegQuery", Category::Registry, "read", &["T1012"]),
    ("IsDebuggerPresent", Category::Evasion, "", &["T1622"]),
    ("CheckRemoteDebugger", Category::Evasion, "", &["T1622"]),
    ("CreateFile", Category::File, "open", &[]),
    ("DeleteFile", Category::File, "delete", &["T1070.004"]),
    ("open", Category::File, "open", &[]),
    ("fopen", Category::File, "open", &[]),
    ("unlink", Category::File, "delete", &["T1070.004"]),
    // Of WASI's first preview.
    ("path_open", Category::File, "open", &[]),
    ("path_unlink", Category::File, "delete", &["T1070.004"]),
    ("path_remove", Category::File, "delete", &["T1070.004"]),
    ("path_create_directory", Category::File, "write", &[]),
    ("path_filestat_set", Category::File, "write", &[]),
    ("path_link", Category::File, "write", &[]),
    ("path_rename", Category::File, "write", &[]),
    ("path_symlink", Category::File, "write", &[]),
    ("path_", Category::File, "", &[]),
    ("fd_", Category::File, "", &[]),
    ("sock_", Category::Network, "", &["T1095"]),
    ("MessageBox", Category::User, "", &[]),
];
/// Milliseconds from which on a pause is long.
const LONG_PAUSE: u64 = 60_000;

fn kind(call: &SystemCall) -> Kind {
    let own = call.name.rsplit('.').next().unwrap_or(&call.name);
    if own.starts_with("Sleep") {
        let pause = call.arguments.first().and_then(|argument| number(argument)).unwrap_or(0);
        return ("Sleep", Category::Time, "", if pause >= LONG_PAUSE { &["T1497.003"] } else { &[] });
    }
    let found = KINDS.iter().find(|(start, ..)| own.starts_with(start));
    found.copied().unwrap_or(("", if own.starts_with("WriteFile") { Category::File } else { Category::Other }, "", &[]))
}

fn number(argument: &str) -> Option<u64> {
    match argument.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => argument.parse().ok(),
    }
}

fn written_down(number: u64, call: &SystemCall) -> Call {
    let (_, category, _, techniques) = kind(call);
    Call {
        number,
        at: 0,
        api: call.name.clone(),
        args: call.arguments.clone(),
        result: call.result.clone(),
        category,
        techniques: techniques.to_vec(),
        times: 1,
    }
}

/// What calls name, each once, in the lists of the facts.
fn touch(facts: &mut Facts, calls: &[SystemCall]) {
    for call in calls {
        let (_, category, operation, _) = kind(call);
        if operation.is_empty() {
            continue;
        }
        for target in call.arguments.iter().filter_map(|argument| named(argument)) {
            let (list, operation) = match category {
                // Where what is fetched goes to.
                Category::Network if is_path(&target) => (&mut facts.files, "write"),
                Category::Network => (&mut facts.network, operation),
                Category::Process => (&mut facts.processes, operation),
                Category::Registry => (&mut facts.registry, operation),
                Category::File => (&mut facts.files, operation),
                _ => continue,
            };
            let touched = Touched { operation, target };
            if !list.contains(&touched) {
                list.push(touched);
            }
        }
    }
}

/// A text in quotes, as it is without them, or an address with its port.
fn named(argument: &str) -> Option<String> {
    let text = argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let is_address = !argument.starts_with("0x") && argument.contains(':');
    text.map(|text| text.replace("\\\\", "\\").replace("\\\"", "\""))
        .or_else(|| is_address.then(|| argument.to_owned()))
}

/// `C:\...`, `\\server\...`
fn is_path(text: &str) -> bool {
    text.get(1..3) == Some(":\\") || text.starts_with("\\\\")
}

/// A program of which nothing is read here.
fn is_foreign(data: &[u8]) -> bool {
    matches!(file_processor::format_id(data), "pe" | "elf" | "macho" | "macho-fat")
}

/// Arguments of `disassemble`, `functions` and `emulate`: where, in the sample or in memory.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Place {
    address: Option<u64>,
    offset: Option<u64>,
    raw: Option<Width>,
    count: Option<usize>,
    start: Option<usize>,
    steps: Option<u64>,
    registers: std::collections::BTreeMap<String, u64>,
    flags: Option<u64>,
}

impl Place {
    fn view<'a>(&self, data: &'a [u8]) -> Result<View<'a>, Refusal> {
        if self.raw.is_none()
            && let Some(image) = code_image(data)
        {
            return Ok(View::new(data, image));
        }
        if self.raw.is_none() && is_foreign(data) {
            return Err(Refusal::invalid_args("Arguments: the program is for another processor than x86.".to_owned()));
        }
        Ok(View::raw(data, self.raw.map_or(32, Width::bits), BASE))
    }

    fn address(&self, view: &View) -> Result<u64, Refusal> {
        let refuse =
            || Refusal::invalid_args("Arguments: nothing of the sample is at this place in memory.".to_owned());
        match (self.address, self.offset) {
            (Some(address), _) => view.offset(address).map(|_| address).ok_or_else(refuse),
            (None, Some(offset)) => view.address(offset).ok_or_else(refuse),
            (None, None) => Ok(view.image.starts.first().map_or(view.image.base, |start| start.address)),
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Lines {
    pub lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
pub struct Functions {
    pub total: u64,
    pub functions: Vec<Function>,
}

/// # Errors
/// `invalid_args` for a place that is not in the sample.
pub fn disassemble(data: &[u8], args: &Args) -> Result<Lines, Refusal> {
    let place: Place = parse_args(args)?;
    let view = place.view(data)?;
    let count = place.count.unwrap_or(64).min(MAX_LINES);
    let address = place.address(&view)?;
    Ok(Lines { lines: lines(&view, &List { address, count, bits: place.raw.map(|width| u32::from(width.bits())) }) })
}

/// # Errors
/// `invalid_args` for arguments that it does not have.
pub fn functions(data: &[u8], args: &Args) -> Result<Functions, Refusal> {
    let place: Place = parse_args(args)?;
    let view = place.view(data)?;
    let walked = Walk::new(&view).run(&[place.address(&view)?]);
    let machine = report(&view, &walked);
    let (start, count) = (place.start.unwrap_or(0), place.count.unwrap_or(100));
    let functions = machine.functions.into_iter().skip(start).take(count).collect();
    Ok(Functions { total: machine.function_count, functions })
}

/// # Errors
/// `invalid_args` for a place that is not in the sample, or a register that there is not.
pub fn emulate(data: &[u8], args: &Args) -> Result<State, Refusal> {
    let place: Place = parse_args(args)?;
    let view = place.view(data)?;
    let mut registers = Vec::new();
    for (name, &value) in &place.registers {
        let number = session::NAMES.iter().position(|known| known == name);
        let number = number.ok_or_else(|| {
            Refusal::invalid_args("Arguments: `registers` are named as in 64 bits, `rax` to `r15`.".to_owned())
        })?;
        registers.push((number, value));
    }
    let asked = Asked {
        address: place.address(&view)?,
        bits: view.bits(),
        steps: place.steps.unwrap_or(100_000).min(MAX_STEPS),
        registers,
        flags: place.flags,
    };
    Ok(session::run(&view, &asked).0)
}
