//! Visual Basic.

/// Texts that have a name without being declared, by the name in lower case.
pub const TEXTS: [(&str, &str); 9] = [
    ("vbcrlf", "\r\n"),
    ("vbnewline", "\r\n"),
    ("vbcr", "\r"),
    ("vblf", "\n"),
    ("vbtab", "\t"),
    ("vbnullstring", ""),
    ("vbnullchar", "\0"),
    ("vbback", "\u{8}"),
    ("vbformfeed", "\u{c}"),
];
