//! The front end of the core module, which the host uses with modules that come with it: it writes the sample into the
//! guest's memory itself, at once, and nothing is imported. What a component does more than that takes more time than
//! many an analysis.
//!
//! The host lets the memory grow and writes the sample, the text of the call and a [`Request`] behind what the guest had.
//! `athena_answer` answers it, or, with no text, describes the module; `athena_prepare` does what [`Guest::prepare`] says;
//! `athena_rest` says where [`crate::rest`] is. A request is read once, and an instance is for one call.

use std::mem::ManuallyDrop;

use crate::abi::Guest;
use crate::input::Input;

/// What `athena_answer` and `athena_prepare` are given.
#[repr(C)]
pub struct Request {
    /// Behind the sample is the call.
    place: *const u8,
    sample: usize,
    call: usize,
}

/// What `athena_answer` points to.
#[repr(C)]
pub struct Reply {
    /// 1 for the JSON of a refusal.
    refused: u32,
    text: *const u8,
    length: usize,
}

/// # Safety
/// `request` is aligned and initialised. Its `place` points to `sample + call` initialised bytes, at most `isize::MAX`,
/// that nobody writes to while the instance lives.
#[allow(unsafe_code, reason = "the host passes raw pointers")]
#[must_use]
pub unsafe fn answer<G: Guest>(request: *const Request) -> *const Reply {
    // SAFETY: the caller's promise is passed on.
    let (sample, call) = unsafe { parts(request) };
    let answer = if call.is_empty() { Ok(G::describe()) } else { G::analyze(call, Input::Memory(sample)) };
    let refused = u32::from(answer.is_err());
    let text = ManuallyDrop::new(answer.unwrap_or_else(|refusal| refusal));
    Box::leak(Box::new(Reply { refused, text: text.as_ptr(), length: text.len() }))
}

/// # Safety
/// As for [`answer`].
#[allow(unsafe_code, reason = "the host passes raw pointers")]
#[must_use]
pub unsafe fn prepare<G: Guest>(request: *const Request) -> bool {
    // SAFETY: the caller's promise is passed on.
    G::prepare(unsafe { parts(request) }.1)
}

#[allow(unsafe_code, reason = "the host passes raw pointers")]
unsafe fn parts<'a>(request: *const Request) -> (&'a [u8], &'a str) {
    // SAFETY: as the caller promises; 'a ends with the instance.
    let (sample, call) = unsafe {
        let Request { place, sample, call } = &*request;
        std::slice::from_raw_parts(*place, sample + call).split_at(*sample)
    };
    (sample, std::str::from_utf8(call).unwrap_or("not UTF-8"))
}

#[cfg(test)]
#[allow(unsafe_code, reason = "as the host does it")]
mod tests {
    use super::*;
    use crate::contract::SampleInfo;

    struct Echo;

    impl Guest for Echo {
        fn describe() -> String {
            "described".to_owned()
        }

        fn analyze(options: &str, input: Input) -> Result<String, String> {
            let info = SampleInfo { size: 9, name: String::new(), hashes: None };
            let text = format!("{options} {:?}", input.read(&info));
            if options == "no" { Err(text) } else { Ok(text) }
        }

        fn prepare(options: &str) -> bool {
            options == "yes"
        }
    }

    fn requested<T>(sample: &[u8], call: &[u8], of: impl FnOnce(*const Request) -> T) -> T {
        let bytes = [sample, call].concat();
        of(&Request { place: bytes.as_ptr(), sample: sample.len(), call: call.len() })
    }

    fn answered(sample: &[u8], call: &[u8]) -> (u32, String) {
        // SAFETY: it is as the host writes it, and what is pointed to is leaked.
        let (reply, text) = requested(sample, call, |request| unsafe {
            let reply = &*answer::<Echo>(request);
            (reply, std::slice::from_raw_parts(reply.text, reply.length))
        });
        (reply.refused, String::from_utf8_lossy(text).into_owned())
    }

    #[test]
    fn a_call_gets_its_sample() {
        assert_eq!(answered(&[7, 255], b"yes"), (0, "yes [7, 255]".to_owned()));
        assert_eq!(answered(&[], b"no"), (1, "no []".to_owned()));
        assert_eq!(answered(&[1], &[0xff]), (0, "not UTF-8 [1]".to_owned()));
    }

    #[test]
    fn without_a_call_the_module_is_described() {
        assert_eq!(answered(b"", b""), (0, "described".to_owned()));
    }

    #[test]
    fn what_can_be_prepared_is_said() {
        // SAFETY: it is as the host writes it.
        let prepared = |call| requested(b"", call, |request| unsafe { prepare::<Echo>(request) });
        assert!(prepared(b"yes"));
        assert!(!prepared(b"no"));
    }
}
