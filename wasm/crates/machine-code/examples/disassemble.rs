//! Reads the code of files and says how fast: `disassemble FILE...`, natively, for the benchmark to compare with.

use std::time::Instant;

use machine_code::disassembly::{Walk, report};
use machine_code::view::View;

fn main() {
    for path in std::env::args().skip(1) {
        let Ok(data) = std::fs::read(&path) else { continue };
        let started = Instant::now();
        for image in file_processor::image::images(&data) {
            let view = View::new(&data, image);
            if !view.is_x86() {
                continue;
            }
            let walked = Walk::new(&view).run(&[]);
            let machine = report(&view, &walked);
            let seconds = started.elapsed().as_secs_f64();
            println!(
                "{} {} {} {} {seconds:.4} {path}",
                walked.bytes,
                machine.code,
                walked.instructions,
                walked.functions.len()
            );
        }
    }
}
