//! Compilers that say who they are, or leave something that no other does.

use memchr::memmem;

use super::section;
use crate::facts::Executable;
use crate::reader::text;

const MAX_COMPILERS: usize = 16;
const MAX_TEXT: usize = 128;

pub fn read(image: &[u8], executable: &Executable) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut note = |name: String| {
        if found.len() < MAX_COMPILERS && !name.is_empty() && !found.contains(&name) {
            found.push(name);
        }
    };
    // Compilers of ELF objects write their versions there, one behind the other.
    let comment = section(image, executable, &[".comment"]).unwrap_or_default();
    comment.split(|&byte| byte == 0).map(|part| text(part, MAX_TEXT)).for_each(&mut note);
    if let Some(delphi) = delphi(image, executable) {
        note(delphi);
    }
    let imports = |name: &str| executable.libraries.iter().any(|library| library.eq_ignore_ascii_case(name));
    if imports("msvbvm60.dll") || imports("msvbvm50.dll") {
        note("Visual Basic".to_owned());
    }
    // Files of its library, which its messages name, and the function that its programs begin with.
    if memmem::find(image, b"fatal.nim").is_some() || memmem::find(image, b"NimMain").is_some() {
        note("Nim".to_owned());
    }
    found
}

/// Resources that its linker adds; where it is there, the compiler's own words.
fn delphi(image: &[u8], executable: &Executable) -> Option<String> {
    executable.resources.iter().find(|resource| resource.name == "DVCLAL")?;
    let words = memmem::find(image, b"Embarcadero Delphi for ").map(|at| {
        let rest = &image[at..];
        let end = rest.iter().take(MAX_TEXT).position(|byte| !(0x20..0x7f).contains(byte)).unwrap_or(0);
        text(&rest[..end], MAX_TEXT)
    });
    Some(words.unwrap_or_else(|| "Delphi or C++Builder".to_owned()))
}
