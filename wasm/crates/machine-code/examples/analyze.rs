//! What is said of files, as JSON lines: `analyze FILE...`; `--raw BITS` before it takes them as code.

use machine_code::analysis::{Wanted, analyze};

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut wanted = Wanted::default();
    if arguments.first().is_some_and(|first| first == "--raw") {
        wanted.raw = arguments[1].parse().ok();
        arguments.drain(..2);
    }
    for path in arguments {
        let Ok(data) = std::fs::read(&path) else { continue };
        let started = std::time::Instant::now();
        let analysis = analyze(&data, wanted);
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{}",
            serde_json::json!({
                "path": path, "seconds": seconds, "machine": analysis.machine, "guest": analysis.guest,
                "calls": analysis.calls, "end": analysis.end, "steps": analysis.steps,
                "findings": analysis.findings.into_sorted(),
                "made": analysis.made.iter().map(|made| (&made.name, made.content.len())).collect::<Vec<_>>(),
            })
        );
    }
}
