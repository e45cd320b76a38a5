//! Operators of JScript.

/// Those that assign what they make of a value and of what was there.
pub const COMPOUND: [&[u8]; 12] =
    [b"+=", b"-=", b"*=", b"/=", b"%=", b"&=", b"|=", b"^=", b"<<=", b">>=", b">>>=", b"**="];
