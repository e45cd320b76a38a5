//! What every module of Athena Lab shares. A module implements [`Module`] and exports it with [`component!`];
//! everything else of it is plain Rust that `cargo test` runs on the host.

// The bindings name this crate, so that their macro works in a module's crate too.
extern crate self as module_kit;

mod abi;
mod contract;
pub mod der;
mod entropy;
mod findings;
mod hex;
mod input;
mod memory;

pub use abi::{Module, answer, bindings, describe};
pub use contract::{Args, Call, Description, Function, Output, Refusal, SampleHashes, SampleInfo, parse_args};
pub use entropy::{Histogram, entropy, round4};
pub use findings::{Evidence, Finding, Findings, Severity};
pub use hex::hex;

/// Re-exported for the bindings, so that a module does not depend on wit-bindgen itself.
pub use wit_bindgen::rt as wit_runtime;

/// Exports a [`Module`] as the component's `analyzer` interface. On the host there is nothing to export to, and the
/// names of the canonical ABI are none that a host's linker takes.
#[macro_export]
macro_rules! component {
    ($module:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "generated: the canonical ABI passes raw pointers")]
        mod component {
            struct Component;

            impl $crate::bindings::exports::athena::analyzer::analyzer::Guest for Component {
                fn describe() -> String {
                    $crate::describe::<$module>()
                }

                fn analyze(options: String) -> Result<String, String> {
                    $crate::answer::<$module>(&options)
                }
            }

            $crate::bindings::export_analyzer_module!(Component with_types_in $crate::bindings);
        }
    };
}
