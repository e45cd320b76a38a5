//! A module that does what a module must not do, by the name of the function.

use std::hint::black_box;
use std::sync::Mutex;

use module_kit::bindings::wasi::cli::stdin::get_stdin;
use module_kit::{Guest, Input};
use serde_json::{Value, json};

/// What was prepared, and how often it was asked for.
static PREPARED: Mutex<(String, u64)> = Mutex::new((String::new(), 0));

struct Misbehave;

impl Guest for Misbehave {
    fn describe() -> String {
        let functions: Vec<Value> = FUNCTIONS.iter().map(|(name, summary, _)| function(name, summary)).collect();
        json!({
            "name": "misbehave", "version": env!("CARGO_PKG_VERSION"), "summary": "Misbehaves on request.",
            "slot": "analysis", "capabilities": ["testing"], "functions": functions,
        })
        .to_string()
    }

    fn analyze(options: &str, input: Input) -> Result<String, String> {
        let call: Value = serde_json::from_str(options).map_err(|error| error.to_string())?;
        let name = call["function"].as_str().unwrap_or_default();
        let found = FUNCTIONS.iter().find(|(known, _, _)| *known == name);
        match found {
            Some((_, _, run)) => run(&call, input),
            None => Err(json!({"code": "unknown_function", "message": "There is no such function."}).to_string()),
        }
    }

    /// Of states that are texts all but some: `trap` and `loop` do that, and of `nothing` there is nothing to prepare.
    fn prepare(options: &str) -> bool {
        let call: Value = serde_json::from_str(options).unwrap_or_default();
        let Some(state) = call["state"].as_str() else { return false };
        match state {
            "trap" => std::process::abort(),
            "loop" => endless_loop(&call, Input::Stdin).is_ok(),
            "nothing" => false,
            _ => PREPARED.lock().map(|mut prepared| state.clone_into(&mut prepared.0)).is_ok(),
        }
    }
}

module_kit::component!(super::Misbehave, prepares);

type Run = fn(&Value, Input) -> Result<String, String>;

const FUNCTIONS: [(&str, &str, Run); 14] = [
    ("analyze", "Behaves: the size and the byte sum of stdin.", echo),
    ("echo", "The same as analyze.", echo),
    ("trap", "Executes `unreachable`.", trap),
    ("out-of-bounds", "Reads behind the end of its memory.", out_of_bounds),
    ("loop", "Never ends.", endless_loop),
    ("eat-memory", "Allocates until there is no more.", eat_memory),
    ("overflow-stack", "Recurses without end.", overflow_stack),
    ("bad-json", "Answers with what is not JSON.", bad_json),
    ("bad-error", "Fails with what is not JSON.", bad_error),
    ("break-contract", "Answers with JSON that is no output.", break_contract),
    ("refuse", "Refuses as a module should.", refuse),
    ("prepared", "Behaves: what was prepared, and how often this was asked.", prepared),
    ("count", "Behaves: counts its calls in a session.", count),
    ("huge-output", "Answers with `mib` MiB of JSON, 64 if not given.", huge_output),
];

fn function(name: &str, summary: &str) -> Value {
    let args = match name {
        "huge-output" => json!({"type": "object", "properties": {"mib": {"type": "integer", "minimum": 1}}}),
        _ => json!({"type": "object", "properties": {}, "additionalProperties": false}),
    };
    let needs_sample = matches!(name, "analyze" | "echo");
    json!({"name": name, "summary": summary, "args": args, "needs_sample": needs_sample})
}

fn output(data: &Value) -> String {
    json!({"data": data, "findings": [], "memory_bytes": 0}).to_string()
}

fn echo(_: &Value, input: Input) -> Result<String, String> {
    let (mut size, mut sum) = (0_u64, 0_u64);
    let mut add = |block: &[u8]| {
        size += block.len() as u64;
        sum += block.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    };
    match input {
        Input::Memory(sample) => add(sample),
        Input::Stdin => {
            let stdin = get_stdin();
            while let Ok(block) = stdin.blocking_read(1 << 20) {
                add(&block);
            }
        }
    }
    Ok(output(&json!({"size": size, "sum": sum})))
}

fn trap(_: &Value, _: Input) -> Result<String, String> {
    std::process::abort()
}

#[allow(unsafe_code, reason = "the access is out of bounds on purpose")]
fn out_of_bounds(_: &Value, _: Input) -> Result<String, String> {
    let address = black_box(usize::MAX - 15) as *const u8;
    // SAFETY: there is none; the sandbox must catch it.
    let byte = unsafe { address.read_volatile() };
    Ok(output(&json!(byte)))
}

fn endless_loop(_: &Value, _: Input) -> Result<String, String> {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn eat_memory(_: &Value, _: Input) -> Result<String, String> {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(black_box(vec![1; 1 << 20]));
    }
}

fn overflow_stack(_: &Value, _: Input) -> Result<String, String> {
    Ok(output(&json!(recurse(1))))
}

#[allow(unconditional_recursion, reason = "on purpose")]
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let deeper: fn(u64) -> u64 = black_box(recurse);
    deeper(depth + 1) + depth
}

fn bad_json(_: &Value, _: Input) -> Result<String, String> {
    Ok("{\"data\": ".to_owned())
}

fn bad_error(_: &Value, _: Input) -> Result<String, String> {
    Err("no JSON at all".to_owned())
}

fn break_contract(_: &Value, _: Input) -> Result<String, String> {
    Ok(json!({"data": {}, "findings": [{"id": "NOT A SLUG", "severity": "apocalyptic"}]}).to_string())
}

fn refuse(_: &Value, _: Input) -> Result<String, String> {
    Err(json!({"code": "unsupported", "message": "Not today."}).to_string())
}

fn prepared(call: &Value, _: Input) -> Result<String, String> {
    let mut prepared = PREPARED.lock().map_err(|error| error.to_string())?;
    prepared.1 += 1;
    Ok(output(&json!({"prepared": prepared.0, "times": prepared.1, "state": call["state"]})))
}

fn count(call: &Value, _: Input) -> Result<String, String> {
    let before: u64 = call["state"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
    let now = before + 1;
    Ok(json!({"data": now, "findings": [], "memory_bytes": 0, "state": now.to_string()}).to_string())
}

fn huge_output(call: &Value, _: Input) -> Result<String, String> {
    let mib = call["args"]["mib"].as_u64().unwrap_or(64);
    let size = usize::try_from(mib << 20).unwrap_or(usize::MAX);
    let mut answer = String::with_capacity(size.saturating_add(64));
    answer.push_str(r#"{"data":""#);
    answer.extend(std::iter::repeat_n('x', size));
    answer.push_str(r#"","findings":[],"memory_bytes":0}"#);
    Ok(answer)
}
