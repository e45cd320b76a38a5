//! size probe
#[unsafe(no_mangle)]
#[allow(unsafe_code)]
pub extern "C" fn probe(p: *const u8, n: usize) -> usize {
    let s = unsafe { std::slice::from_raw_parts(p, n) };
    psl::domain(s).map_or(0, |d| d.as_bytes().len())
}
