//! file-processor: what a file is, and what its headers say. Parsers are pure functions of bytes; this file is the glue.

mod behaviour;
mod budget;
mod build;
mod bytes;
mod charset;
mod children;
mod codec;
mod container;
mod digest;
mod elf;
mod extract;
mod facts;
mod formats;
pub mod image;
mod limits;
mod macho;
mod measured;
mod options;
mod package;
mod pe;
mod reader;
mod search;
mod signature;
mod similar;
mod strings;
mod triage;
mod unpack;

use measured::Measured;
use module_kit::{Call, Description, Module, Output, PartArgs, Refusal, parse_args};
use options::{Analyze, Compare, Fuzzy, Nothing, Search, Strings, Window};

/// Fields and parts of messages, for what else is sent in such.
pub mod mime {
    pub use crate::container::mail::{Fields, MAX_PARTS, Piece, parameter, split};
}

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
            Some(|call, sample| simple(call, sample, |data| Output::new(&Measured::of(data).profile(), Vec::new())))
        }
        "hashes" => Some(|call, sample| simple(call, sample, |data| Output::new(&digest::hashes(data), Vec::new()))),
        "headers" => Some(|call, sample| simple(call, sample, |data| Output::new(&triage::headers(data), Vec::new()))),
        "fuzzy" => Some(fuzzy),
        "compare" => Some(compare),
        "strings" => Some(find_strings),
        "search" => Some(search),
        "read" => Some(read),
        "extract" => Some(extract),
        _ => None,
    }
}

fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let options = Analyze::read(&call.args)?;
    let data = sample.ok_or_else(Refusal::no_sample)?;
    let info = call.sample.as_ref().ok_or_else(Refusal::no_sample)?;
    let (facts, findings) = triage::analyze(data, info, &options);
    Ok(Output::new(&facts, findings))
}

fn find_strings(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let options = Strings::read(&call.args)?;
    let data = sample.ok_or_else(Refusal::no_sample)?;
    Ok(Output::new(&strings::strings(data, options.min_string_length, options.max_strings), Vec::new()))
}

fn search(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let options = Search::read(&call.args)?;
    let data = sample.ok_or_else(Refusal::no_sample)?;
    Ok(Output::new(&search::search(data, &options)?, Vec::new()))
}

fn read(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let options = Window::read(&call.args)?;
    let data = sample.ok_or_else(Refusal::no_sample)?;
    Ok(Output::new(&bytes::read(data, &options), Vec::new()))
}

fn extract(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let options = PartArgs::read(&call.args)?;
    let data = sample.ok_or_else(Refusal::no_sample)?;
    Ok(Output::new(&extract::extract(data, &options)?, Vec::new()))
}

fn fuzzy(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let wanted: Fuzzy = parse_args(&call.args)?;
    let data = sample.ok_or_else(Refusal::no_sample)?;
    Ok(Output::new(&similar::of(data, &wanted), Vec::new()))
}

fn compare(call: &Call, _sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let Compare { first, second } = parse_args(&call.args)?;
    let compared = similar::compare(&first, &second);
    let compared = compared.ok_or_else(|| {
        Refusal::invalid_args(
            "Arguments: `first` and `second` must be two hashes of ssdeep, or two of TLSH.".to_owned(),
        )
    })?;
    Ok(Output::new(&compared, Vec::new()))
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

/// At most `limit` bytes of what `data` unpacks to, for other modules; none for a format that is not known here. Of damaged
/// data comes what stands before the damage.
#[must_use]
pub fn unpack(id: &str, data: &[u8], limit: usize) -> Option<Vec<u8>> {
    codec::unpack(id, data, limit)
}

#[cfg(feature = "component")]
module_kit::component!(super::FileProcessor);
