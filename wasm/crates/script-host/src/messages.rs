//! Messages that ask the user: what somebody presses who wants to go on.

/// The button by the style of a message, as Windows numbers both.
#[must_use]
pub const fn pressed(style: i64) -> u8 {
    const OK: u8 = 1;
    const RETRY: u8 = 4;
    const IGNORE: u8 = 5;
    const YES: u8 = 6;
    const CONTINUE: u8 = 11;
    match style & 0xf {
        2 => IGNORE,
        3 | 4 => YES,
        5 => RETRY,
        6 => CONTINUE,
        _ => OK,
    }
}
