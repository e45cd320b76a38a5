//! What every module of Athena Lab shares. A module implements [`Module`] and exports it with [`component!`];
//! everything else of it is plain Rust that `cargo test` runs on the host.

// The bindings name this crate, so that their macro works in a module's crate too.
extern crate self as module_kit;

mod abi;
mod contract;
mod counted;
pub mod der;
mod entropy;
mod findings;
#[doc(hidden)]
pub mod front;
mod gzip;
mod hex;
mod input;
pub mod memory;
mod part;
pub mod rest;

pub use abi::{Guest, Module, bindings};
pub use contract::{Args, Call, Description, Function, Output, Refusal, SampleHashes, SampleInfo, Stopped, parse_args};
pub use counted::counted;
pub use entropy::{Histogram, entropy, round4};
pub use findings::{Evidence, Finding, Findings, Severity};
pub use gzip::Gzip;
pub use hex::hex;
pub use input::Input;
pub use part::{MAX_PART, Part, PartArgs};

/// Re-exported for the bindings, so that a module does not depend on wit-bindgen itself.
pub use wit_bindgen::rt as wit_runtime;

/// Exports a [`Module`], or a [`Guest`], as the component's `analyzer` interface, and the front end of the core module
/// ([`front`]). `component!(Module, prepares)` is for one that prepares, `component!(Module, keeps)` for one that keeps what it
/// finds out ([`rest`]). On the host there is nothing to export to, and the
/// names of the canonical ABI are none that a host's linker takes.
#[macro_export]
macro_rules! component {
    ($module:ty) => {
        $crate::component!(@ $module,);
    };
    ($module:ty, prepares) => {
        $crate::component!(@ $module,
            #[unsafe(no_mangle)]
            unsafe extern "C" fn athena_prepare(request: *const $crate::front::Request) -> u32 {
                // SAFETY: the host's promise is passed on.
                u32::from(unsafe { $crate::front::prepare::<$module>(request) })
            }
        );
    };
    ($module:ty, keeps) => {
        $crate::component!(@ $module,
            #[unsafe(no_mangle)]
            extern "C" fn athena_rest() -> *const $crate::rest::Rest {
                $crate::rest::place()
            }
        );
    };
    (@ $module:ty, $($more:item)?) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "generated: the host passes raw pointers")]
        mod component {
            struct Component;

            impl $crate::bindings::exports::athena::analyzer::analyzer::Guest for Component {
                fn describe() -> String {
                    <$module as $crate::Guest>::describe()
                }

                fn analyze(options: String) -> Result<String, String> {
                    <$module as $crate::Guest>::analyze(&options, $crate::Input::Stdin)
                }
            }

            $crate::bindings::export_analyzer_module!(Component with_types_in $crate::bindings);

            #[unsafe(no_mangle)]
            unsafe extern "C" fn athena_answer(request: *const $crate::front::Request) -> *const $crate::front::Reply {
                // SAFETY: the host's promise is passed on.
                unsafe { $crate::front::answer::<$module>(request) }
            }

            $($more)?
        }
    };
}
