//! sandbox: what a sample does, without the host. What runs it is chosen by what it is; this file is the glue.

mod addresses;
mod encoded;
mod ending;
mod extract;
mod facts;
mod findings;
mod machine;
mod markup;
mod options;
mod run;
mod source;

use module_kit::{Call, Description, Module, Output, PartArgs, Refusal};

use options::Analyze;
use run::Outcome;

pub struct Sandbox;

impl Module for Sandbox {
    fn description() -> Description {
        options::description()
    }

    fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
        let sample = sample.filter(|sample| !sample.is_empty());
        match call.function.as_str() {
            "analyze" => {
                let options = Analyze::read(&call.args)?;
                let outcome = behaviour(sample.ok_or_else(Refusal::no_sample)?, call, &options);
                Ok(Output::new(&outcome.facts, outcome.findings.into_sorted()))
            }
            "extract" => {
                let options = PartArgs::read(&call.args)?;
                let outcome = behaviour(sample.ok_or_else(Refusal::no_sample)?, call, &Analyze::default());
                Ok(Output::new(&extract::extract(outcome.children, &options)?, Vec::new()))
            }
            "disassemble" => {
                Ok(Output::new(&machine::disassemble(sample.ok_or_else(Refusal::no_sample)?, &call.args)?, Vec::new()))
            }
            "functions" => {
                Ok(Output::new(&machine::functions(sample.ok_or_else(Refusal::no_sample)?, &call.args)?, Vec::new()))
            }
            "emulate" => {
                Ok(Output::new(&machine::emulate(sample.ok_or_else(Refusal::no_sample)?, &call.args)?, Vec::new()))
            }
            other => Err(Refusal::unknown_function(other)),
        }
    }
}

/// What the sample does, by whatever can run it, or what it did until it was stopped: only scripts keep anything for then.
fn behaviour(data: &[u8], call: &Call, options: &Analyze) -> Outcome {
    let stopped = call.stopped.as_ref();
    let scripts = if options.raw.is_none() { run::scripts(data, call.sample_name(), options, stopped) } else { None };
    scripts.unwrap_or_else(|| {
        let mut outcome = machine::behaviour(data, options.raw);
        if source::is_too_large(data, call.sample_name()) {
            ending::too_large(data.len(), &mut outcome.findings);
        }
        outcome
    })
}

module_kit::component!(super::Sandbox, keeps);
