//! Java: class files, and the manifest of archives of them.

use std::collections::BTreeMap;

use module_kit::{Finding, Findings, Severity};

use crate::container::zip::Package;
use crate::facts::Java;
use crate::facts::contents::cut_texts;
use crate::reader::{Reader, text};

/// Attributes of a manifest: real ones have below 30.
const MAX_ATTRIBUTES: usize = 64;
const MAX_TEXT: usize = 512;
/// Class, method and what for.
const APIS: [(&str, &str, &str); 9] = [
    ("java/lang/Runtime", "exec", "command"),
    ("java/lang/ProcessBuilder", "<init>", "command"),
    ("java/lang/ClassLoader", "defineClass", "loads code"),
    ("java/net/URLClassLoader", "<init>", "loads code"),
    ("java/lang/reflect/Method", "invoke", "reflection"),
    ("javax/script/ScriptEngine", "eval", "script"),
    ("java/awt/Robot", "createScreenCapture", "screen"),
    ("java/lang/System", "loadLibrary", "native code"),
    ("java/net/Socket", "<init>", "network"),
];

/// The manifest's main section: names and values, long lines go on behind a blank.
pub fn archive(data: &[u8]) -> Option<Java> {
    let content = Package::open(data)?.content("META-INF/MANIFEST.MF")?;
    let text = text(&content, 64 << 10).replace("\r\n", "\n").replace("\n ", "");
    let section = text.split("\n\n").next().unwrap_or_default();
    let lines = section.lines().filter_map(|line| line.split_once(": ")).take(MAX_ATTRIBUTES);
    let cut = |value: &str| value.chars().take(MAX_TEXT).collect::<String>();
    let manifest: BTreeMap<_, _> = lines.map(|(name, value)| (cut(name), cut(value))).collect();
    Some(Java { main_class: manifest.get("Main-Class").cloned().unwrap_or_default(), manifest, ..Java::default() })
}

enum Constant<'a> {
    Text(&'a [u8]),
    Class(u16),
    String(u16),
    /// A method: its class, and its name and type.
    Method(u16, u16),
    NameAndType(u16),
    Other,
}

pub fn class(data: &[u8], findings: &mut Findings) -> Option<Java> {
    let reader = Reader::big(data);
    let (minor, major) = (reader.u16(4)?, reader.u16(6)?);
    let Some((constants, at)) = constants(reader) else {
        findings.malformed("java-constants", "The pool of constants is damaged or cut off.");
        return None;
    };
    let text_of = |index: u16| match constants.get(usize::from(index)) {
        Some(Constant::Text(bytes)) => text(bytes, MAX_TEXT),
        _ => String::new(),
    };
    let class_of = |index: u16| match constants.get(usize::from(index)) {
        Some(Constant::Class(name)) => text_of(*name),
        _ => String::new(),
    };
    let mut java = Java {
        name: reader.u16(at + 2).map(class_of).unwrap_or_default(),
        parent: reader.u16(at + 4).map(class_of).unwrap_or_default(),
        version: format!("{major}.{minor} (Java {})", major.saturating_sub(44)),
        ..Java::default()
    };
    let mut apis = Vec::new();
    for constant in &constants {
        match *constant {
            Constant::Class(name) => java.references.push(text_of(name)),
            Constant::String(value) => java.strings.push(text_of(value)),
            Constant::Method(class, name) => {
                let name = match constants.get(usize::from(name)) {
                    Some(Constant::NameAndType(name)) => text_of(*name),
                    _ => continue,
                };
                let class = class_of(class);
                let known = APIS.iter().find(|(own, method, _)| *own == class && *method == name);
                apis.extend(known.map(|(class, method, what)| format!("{class}.{method} ({what})")));
            }
            _ => {}
        }
    }
    judge(&apis, findings);
    cut_texts(&mut java.references);
    cut_texts(&mut java.strings);
    Some(java)
}

/// The pool, by index, and where it ends. Numbers of 64 bits take two places.
fn constants(reader: Reader<'_>) -> Option<(Vec<Constant<'_>>, u64)> {
    let count = usize::from(reader.u16(8)?);
    let mut constants = vec![Constant::Other];
    let mut at = 10;
    while constants.len() < count {
        let (constant, size) = match reader.u8(at)? {
            1 => {
                let length = u64::from(reader.u16(at + 1)?);
                (Constant::Text(reader.slice(at + 3, length)?), 3 + length)
            }
            5 | 6 => {
                constants.push(Constant::Other);
                (Constant::Other, 9)
            }
            7 => (Constant::Class(reader.u16(at + 1)?), 3),
            8 => (Constant::String(reader.u16(at + 1)?), 3),
            10 | 11 => (Constant::Method(reader.u16(at + 1)?, reader.u16(at + 3)?), 5),
            12 => (Constant::NameAndType(reader.u16(at + 1)?), 5),
            3 | 4 | 9 | 17 | 18 => (Constant::Other, 5),
            15 => (Constant::Other, 4),
            16 | 19 | 20 => (Constant::Other, 3),
            _ => return None,
        };
        constants.push(constant);
        at += size;
    }
    Some((constants, at))
}

fn judge(apis: &[String], findings: &mut Findings) {
    let of_note: Vec<_> =
        apis.iter().filter(|api| !api.ends_with("(network)") && !api.ends_with("(reflection)")).collect();
    if !of_note.is_empty() {
        findings.add(
            Finding::new("java-calls", Severity::Low, 60, "The class runs commands, scripts or code from elsewhere")
                .quotes(of_note)
                .techniques(&["T1059", "T1106"]),
        );
    }
}
