//! Runs code natively: each line of the input is JSON with `code` (hexadecimal), `bits`, `steps`, `registers`, `flags`;
//! each line of the output is the processor afterwards. The tests hold it against another emulator.

use std::io::BufRead;

use machine_code::session::{Asked, NAMES, run};
use machine_code::view::View;

fn main() {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let asked: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let code = asked["code"].as_str().unwrap_or_default();
        let data: Vec<u8> =
            (0..code.len() / 2).filter_map(|at| u8::from_str_radix(&code[2 * at..2 * at + 2], 16).ok()).collect();
        let bits = if asked["bits"] == 64 { 64 } else { 32 };
        let view = View::raw(&data, bits, 0x40_0000);
        let registers =
            NAMES.iter().enumerate().filter_map(|(at, name)| Some((at, asked["registers"][*name].as_u64()?)));
        let asked = Asked {
            address: 0x40_0000,
            bits: u32::from(bits),
            steps: asked["steps"].as_u64().unwrap_or(1_000),
            registers: registers.collect(),
            flags: asked["flags"].as_u64(),
        };
        println!("{}", serde_json::to_string(&run(&view, &asked).0).unwrap_or_default());
    }
}
