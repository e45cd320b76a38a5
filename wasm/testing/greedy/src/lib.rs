//! A well-behaved module but for its world: it imports a clock. The host must refuse to load it.

#[allow(unsafe_code, clippy::all, reason = "generated: the canonical ABI passes raw pointers")]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package athena:greedy;
            world greedy {
                import wasi:clocks/monotonic-clock@0.2.12;
                export athena:analyzer/analyzer@1.0.0;
            }
        ",
        world: "athena:greedy/greedy",
        path: ["../../wit", "wit"],
        generate_all,
    });
}

use bindings::exports::athena::analyzer::analyzer::Guest;
use bindings::wasi::clocks::monotonic_clock::now;

struct Greedy;

impl Guest for Greedy {
    fn describe() -> String {
        r#"{"name":"greedy","version":"0.1.0","summary":"Wants a clock.","slot":"analysis","capabilities":[],"functions":[]}"#
            .to_owned()
    }

    fn analyze(_: String) -> Result<String, String> {
        Ok(format!(r#"{{"data":{},"findings":[]}}"#, now()))
    }
}

#[allow(unsafe_code, reason = "generated: the canonical ABI passes raw pointers")]
mod component {
    use super::Greedy;

    super::bindings::export!(Greedy with_types_in super::bindings);
}
