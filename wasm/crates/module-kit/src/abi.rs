//! A module's boundary: texts in, texts out.

use crate::contract::{Call, Description, Output, Refusal};
use crate::input::Input;
use crate::memory;

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

    /// Answers one call. `sample` is None if the call has no sample.
    ///
    /// # Errors
    /// A [`Refusal`] for what the caller did wrong; never for what is wrong with the sample.
    fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal>;

    /// Does what every call with this session's state begins with; the host keeps the memory as it is then, and begins
    /// calls from it whose [`Call::state`] is None. Whether that is of use. [`component!`](crate::component) must be
    /// told that a module prepares.
    #[must_use]
    fn prepare(_: &Call) -> bool {
        false
    }
}

/// The texts of a [`Module`], or of whoever writes them without one.
pub trait Guest {
    fn describe() -> String;

    /// # Errors
    /// The JSON of a [`Refusal`].
    fn analyze(options: &str, input: Input) -> Result<String, String>;

    #[must_use]
    fn prepare(_: &str) -> bool {
        false
    }
}

impl<M: Module> Guest for M {
    fn describe() -> String {
        to_json(&M::description())
    }

    fn analyze(options: &str, input: Input) -> Result<String, String> {
        let refuse = |refusal: Refusal| to_json(&refusal);
        let call = Call::parse(options).map_err(refuse)?;
        let sample = call.sample.as_ref().map(|info| input.read(info));
        let mut output = <M as Module>::analyze(&call, sample.as_deref()).map_err(refuse)?;
        output.memory_bytes = memory::size();
        Ok(to_json(&output))
    }

    fn prepare(options: &str) -> bool {
        Call::parse(options).is_ok_and(|call| <M as Module>::prepare(&call))
    }
}

fn to_json<T: serde::Serialize>(value: &T) -> String {
    // Types of ours with string keys and finite numbers: there is nothing in them that JSON cannot say.
    serde_json::to_string(value).unwrap_or_default()
}
