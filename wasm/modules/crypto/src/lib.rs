//! crypto: what cryptography a file has. Searches are pure functions of bytes; this file is the glue.

mod algorithms;
mod alphabet;
mod apis;
mod certificate;
mod der;
mod functions;
mod hex;
mod keys;
mod limits;
mod loops;
mod options;
mod regions;
mod scan;
mod tables;
mod texts;
mod triage;
mod xor;

use module_kit::{Call, Description, Module, Output, Refusal};
use options::Analyze;

pub struct Crypto;

impl Module for Crypto {
    fn description() -> Description {
        options::description()
    }

    fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
        let sample = sample.filter(|sample| !sample.is_empty());
        if call.function == "analyze" {
            return analyze(call, sample);
        }
        let run = functions::function(&call.function).ok_or_else(|| Refusal::unknown_function(&call.function))?;
        run(call, sample)
    }
}

fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let options = Analyze::read(&call.args)?;
    let data = sample.ok_or_else(Refusal::no_sample)?;
    let (facts, findings) = triage::analyze(data, &options);
    Ok(Output::new(&facts, findings))
}

module_kit::component!(super::Crypto);
