//! file-processor: what a file is, and what its headers say. Parsers are pure functions of bytes; this file is the glue.

mod behaviour;
mod budget;
mod container;
mod digest;
mod elf;
mod facts;
mod formats;
mod limits;
mod macho;
mod options;
mod pe;
mod reader;
mod strings;
mod triage;

use module_kit::{Call, Description, Module, Output, Refusal, parse_args};
use options::{Analyze, Nothing, Strings};

pub struct FileProcessor;

impl Module for FileProcessor {
    fn description() -> Description {
        options::description()
    }

    fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
        let run = function(&call.function).ok_or_else(|| Refusal::unknown_function(&call.function))?;
        run(call, sample.filter(|sample| !sample.is_empty()))
    }
}

type Run = fn(&Call, Option<&[u8]>) -> Result<Output, Refusal>;

fn function(name: &str) -> Option<Run> {
    match name {
        "analyze" => Some(analyze),
        "identify" => {
            Some(|call, sample| simple(call, sample, |data| Output::new(&formats::identify(data), Vec::new())))
        }
        "entropy" => {
            Some(|call, sample| simple(call, sample, |data| Output::new(&digest::entropy_profile(data), Vec::new())))
        }
        "hashes" => Some(|call, sample| simple(call, sample, |data| Output::new(&digest::hashes(data), Vec::new()))),
        "strings" => Some(find_strings),
        _ => None,
    }
}

fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let options = Analyze::read(&call.args)?;
    let data = sample.ok_or_else(Refusal::no_sample)?;
    let (facts, findings) = triage::analyze(data, call.sample_name(), &options);
    Ok(Output::new(&facts, findings))
}

fn find_strings(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let options = Strings::read(&call.args)?;
    let data = sample.ok_or_else(Refusal::no_sample)?;
    Ok(Output::new(&strings::strings(data, options.min_string_length, options.max_strings), Vec::new()))
}

/// A function without arguments.
fn simple(call: &Call, sample: Option<&[u8]>, run: fn(&[u8]) -> Output) -> Result<Output, Refusal> {
    parse_args::<Nothing>(&call.args)?;
    Ok(run(sample.ok_or_else(Refusal::no_sample)?))
}

/// MIME type and name of a format, for other modules.
#[must_use]
pub fn identify(data: &[u8]) -> (&'static str, String) {
    let format = formats::identify(data);
    (format.mime, format.name)
}

/// The short and stable name of a format, for other modules.
#[must_use]
pub fn format_id(data: &[u8]) -> &'static str {
    formats::identify(data).id
}

#[cfg(feature = "component")]
module_kit::component!(super::FileProcessor);
