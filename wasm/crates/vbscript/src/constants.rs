//! Constants that are there without being declared.

use script_facts::basic::TEXTS;

use crate::values::Val;

const NUMBERS: [(&str, f64); 48] = [
    ("vbtrue", -1.0),
    ("vbfalse", 0.0),
    ("vbbinarycompare", 0.0),
    ("vbtextcompare", 1.0),
    ("vbhide", 0.0),
    ("vbnormalfocus", 1.0),
    ("vbminimizedfocus", 2.0),
    ("vbmaximizedfocus", 3.0),
    ("vbnormalnofocus", 4.0),
    ("vbminimizednofocus", 6.0),
    ("vbokonly", 0.0),
    ("vbokcancel", 1.0),
    ("vbyesnocancel", 3.0),
    ("vbyesno", 4.0),
    ("vbcritical", 16.0),
    ("vbquestion", 32.0),
    ("vbexclamation", 48.0),
    ("vbinformation", 64.0),
    ("vbok", 1.0),
    ("vbcancel", 2.0),
    ("vbabort", 3.0),
    ("vbretry", 4.0),
    ("vbignore", 5.0),
    ("vbyes", 6.0),
    ("vbno", 7.0),
    ("vbsystemmodal", 4_096.0),
    ("vbnormal", 0.0),
    ("vbreadonly", 1.0),
    ("vbhidden", 2.0),
    ("vbsystem", 4.0),
    ("vbdirectory", 16.0),
    ("vbunicode", 64.0),
    ("vbfromunicode", 128.0),
    ("vbuppercase", 1.0),
    ("vblowercase", 2.0),
    ("vbpropercase", 3.0),
    ("vbempty", 0.0),
    ("vbnull", 1.0),
    ("vbinteger", 2.0),
    ("vblong", 3.0),
    ("vbsingle", 4.0),
    ("vbdouble", 5.0),
    ("vbdate", 7.0),
    ("vbstring", 8.0),
    ("vbobject", 9.0),
    ("vbobjecterror", -2_147_221_504.0),
    ("vbmethod", 1.0),
    ("vbget", 2.0),
];

/// By the name in lower case.
#[must_use]
pub fn constant(name: &str) -> Option<Val> {
    let text = TEXTS.iter().find(|(known, _)| *known == name).map(|(_, text)| Val::text(text));
    text.or_else(|| NUMBERS.iter().find(|(known, _)| *known == name).map(|(_, number)| Val::Number(*number)))
}
