//! deobfuscator: layers of obfuscation, peeled one by one. What peels them is pure functions of bytes; this file is the
//! glue.

mod alphabet;
mod batch;
mod binary;
mod blobs;
mod budget;
mod decode;
mod edits;
mod extract;
mod facts;
mod guess;
mod html;
mod js;
mod judge;
mod language;
mod limits;
mod options;
mod partly;
mod pattern;
mod peel;
mod powershell;
mod python;
mod runs;
mod score;
mod script;
mod signs;
mod technique;
mod vb;

use module_kit::{Call, Description, Findings, Module, Output, PartArgs, Refusal, parse_args};
use peel::Peeler;

pub struct Deobfuscator;

impl Module for Deobfuscator {
    fn description() -> Description {
        options::description()
    }

    fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
        let sample = sample.filter(|sample| !sample.is_empty());
        match call.function.as_str() {
            "analyze" => analyze(call, sample),
            "layer" => {
                let part = PartArgs::read(&call.args)?;
                Ok(Output::new(&extract::layer(&peeled(call, sample)?, &part)?, Vec::new()))
            }
            "extract" => {
                let part = PartArgs::read(&call.args)?;
                Ok(Output::new(&extract::extract(&peeled(call, sample)?, &part)?, Vec::new()))
            }
            "decode" => Ok(Output::new(&extract::decode(sample, &options::decode(&call.args)?)?, Vec::new())),
            other => Err(Refusal::unknown_function(other)),
        }
    }
}

fn peeled<'a>(call: &'a Call, sample: Option<&'a [u8]>) -> Result<Peeler<'a>, Refusal> {
    Ok(Peeler::peel(sample.ok_or_else(Refusal::no_sample)?, call.sample_name()))
}

fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    parse_args::<options::Nothing>(&call.args)?;
    let peeler = peeled(call, sample)?;
    let facts = facts::of(&peeler);
    let mut findings = Findings::default();
    judge::judge(&peeler, &facts, &mut findings);
    Ok(Output::new(&facts, findings.into_sorted()))
}

module_kit::component!(super::Deobfuscator);
