//! The component's boundary: texts in, texts out.

use crate::contract::{Call, Description, Output, Refusal};
use crate::{input, memory};

/// Bindings for `wasm/wit/world.wit`.
#[allow(unsafe_code, missing_docs, clippy::all, reason = "generated: the canonical ABI passes raw pointers")]
pub mod bindings {
    wit_bindgen::generate!({
        world: "analyzer-module",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export_analyzer_module",
        default_bindings_module: "module_kit::bindings",
        generate_all,
        runtime_path: "::module_kit::wit_runtime",
    });
}

/// What a module is, without its ABI.
pub trait Module {
    fn description() -> Description;

    /// Answers one call. `sample` is what was on stdin, None if the call has no sample.
    ///
    /// # Errors
    /// A [`Refusal`] for what the caller did wrong; never for what is wrong with the sample.
    fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal>;
}

/// The JSON of the module's description.
#[must_use]
pub fn describe<M: Module>() -> String {
    to_json(&M::description())
}

/// Reads the call and the sample, and answers in JSON.
///
/// # Errors
/// The JSON of a [`Refusal`].
pub fn answer<M: Module>(options: &str) -> Result<String, String> {
    let refuse = |refusal: Refusal| to_json(&refusal);
    let call = Call::parse(options).map_err(refuse)?;
    let sample = call.sample.as_ref().map(input::read_sample);
    let mut output = M::analyze(&call, sample.as_deref()).map_err(refuse)?;
    output.memory_bytes = memory::size();
    Ok(to_json(&output))
}

fn to_json<T: serde::Serialize>(value: &T) -> String {
    // Types of ours with string keys and finite numbers: there is nothing in them that JSON cannot say.
    serde_json::to_string(value).unwrap_or_default()
}
