//! network: indicators of compromise in any bytes. What finds them is pure functions of bytes; this file is the glue.

mod address;
mod agent;
mod benign;
mod coin;
mod fang;
mod host;
mod ioc;
mod judge;
mod limits;
mod marks;
mod onion;
mod options;
mod path;
mod scan;
mod store;
mod text;
mod url;
mod word;

use module_kit::{Call, Description, Finding, Module, Output, Refusal};
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
            "analyze" => listed(options::analyzed(&call.args)?, sample, judge::judge),
            "extract" => listed(options::extracted(&call.args)?, sample, |_| Vec::new()),
            "defang" => Ok(rewritten(&fang::defang(&options::text(&call.args)?))),
            "refang" => Ok(rewritten(&fang::refang(&options::text(&call.args)?))),
            other => Err(Refusal::unknown_function(other)),
        }
    }
}

fn listed(most: usize, sample: Option<&[u8]>, judge: fn(&Store) -> Vec<Finding>) -> Result<Output, Refusal> {
    let store = Store::of(sample.ok_or_else(Refusal::no_sample)?);
    Ok(Output::new(&Indicators::new(&store, most), judge(&store)))
}

fn rewritten(text: &str) -> Output {
    Output::new(&json!({"text": text}), Vec::new())
}

module_kit::component!(super::Network);
