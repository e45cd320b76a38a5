//! network: indicators of compromise in any bytes, and what captures of packets say. What finds them is pure functions of
//! bytes; this file is the glue.

mod address;
mod agent;
mod benign;
mod capture;
mod coin;
mod fang;
mod field;
mod host;
mod ioc;
mod judge;
mod limits;
mod marks;
mod marshalled;
mod onion;
mod options;
mod path;
mod scan;
mod store;
mod text;
mod url;
mod word;

use module_kit::{Call, Description, Findings, Module, Output, PartArgs, Refusal};
use serde::Serialize;
use serde_json::json;
use store::{Indicators, Store};

pub struct Network;

impl Module for Network {
    fn description() -> Description {
        options::description()
    }

    fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
        let sample = sample.filter(|sample| !sample.is_empty());
        match call.function.as_str() {
            "analyze" => analyze(call, sample),
            "indicators" => indicators(call, sample),
            "extract" => extract(call, sample),
            "defang" => Ok(rewritten(&fang::defang(&options::text(&call.args)?))),
            "refang" => Ok(rewritten(&fang::refang(&options::text(&call.args)?))),
            other => Err(Refusal::unknown_function(other)),
        }
    }
}

/// `Output.data` of `analyze`.
#[derive(Serialize)]
struct Facts {
    #[serde(flatten)]
    indicators: Indicators,
    #[serde(skip_serializing_if = "Option::is_none")]
    capture: Option<capture::Capture>,
}

fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let options = options::analyzed(&call.args)?;
    let sample = sample.ok_or_else(Refusal::no_sample)?;
    if !capture::is_capture(sample) {
        return Ok(plain(sample, options.max_indicators));
    }
    // A session that has a capture goes on with it.
    let keeps = options.keep.unwrap_or(call.state.is_some());
    let analysis = capture::analyze(sample, call.state.as_deref(), keeps, options.max_records)?;
    let mut findings = analysis.findings;
    judge::judge(&analysis.store, &mut findings);
    let indicators = Indicators::new(&analysis.store, options.max_indicators);
    let facts = Facts { indicators, capture: Some(analysis.facts) };
    let output = Output::new(&facts, findings.into_sorted());
    Ok(match analysis.state {
        Some(state) => output.keep(state),
        None => output,
    })
}

fn plain(sample: &[u8], most: usize) -> Output {
    let store = Store::of(sample);
    let mut findings = Findings::default();
    judge::judge(&store, &mut findings);
    Output::new(&Facts { indicators: Indicators::new(&store, most), capture: None }, findings.into_sorted())
}

fn indicators(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let most = options::listed(&call.args)?;
    let sample = sample.ok_or_else(Refusal::no_sample)?;
    let store = match capture::is_capture(sample) {
        true => capture::analyze(sample, None, false, 0)?.store,
        false => Store::of(sample),
    };
    Ok(Output::new(&Indicators::new(&store, most), Vec::new()))
}

fn extract(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let options = PartArgs::read(&call.args)?;
    let sample = sample.ok_or_else(Refusal::no_sample)?;
    Ok(Output::new(&capture::extract(sample, &options)?, Vec::new()))
}

fn rewritten(text: &str) -> Output {
    Output::new(&json!({"text": text}), Vec::new())
}

/// Kind and value of the indicators in bytes that lead somewhere, for other modules; at most `most`.
#[must_use]
pub fn indicators_in(data: &[u8], most: usize) -> Vec<(ioc::Kind, String)> {
    let found = Store::of(data).indicators.into_iter().filter(store::Indicator::leads_somewhere);
    found.take(most).map(|indicator| (indicator.kind, indicator.value)).collect()
}

pub use ioc::Kind;

#[cfg(feature = "component")]
module_kit::component!(super::Network);
