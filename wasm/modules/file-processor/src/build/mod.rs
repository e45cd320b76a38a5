//! What a program was built with: what compilers of Go and Rust leave, and the marks of others.

mod compilers;
mod go;
mod rust;

use crate::facts::Executable;
use crate::facts::build::{BuildInfo, MAX_TEXT};
use module_kit::{Finding, Findings, Severity, counted};

/// `image` is the executable, of a fat Mach-O the slice. None if nothing is known.
pub fn read(image: &[u8], executable: &Executable, findings: &mut Findings) -> Option<BuildInfo> {
    let mut info = BuildInfo {
        go: go::read(image, executable),
        rust: rust::read(image, executable),
        compilers: compilers::read(image, executable),
    };
    info.cut();
    judge(&info, findings);
    (info != BuildInfo::default()).then_some(info)
}

fn judge(info: &BuildInfo, findings: &mut Findings) {
    if let Some(go) = &info.go {
        let detail = format!("{} {}", go.version, go.path);
        findings.add(
            Finding::new("language-go", Severity::Info, 95, "The program is written in Go")
                .detail(detail.trim().chars().take(MAX_TEXT).collect::<String>()),
        );
    }
    if let Some(rust) = &info.rust {
        findings.add(
            Finding::new("language-rust", Severity::Info, 90, "The program has code that is written in Rust").detail(
                format!("{} It names {}.", rust.version, counted(rust.crates.len(), "crate")).trim().to_owned(),
            ),
        );
    }
}

/// File offset of a virtual address, and the bytes from there to the end of its segment or section.
fn at_address<'a>(image: &'a [u8], executable: &Executable, address: u64) -> Option<&'a [u8]> {
    let segments = executable.segments.iter().map(|it| (it.address, it.offset, it.size));
    let sections = executable.sections.iter().map(|it| (it.address, it.offset, it.size));
    segments.chain(sections).find_map(|(start, offset, size)| {
        let inside = address.checked_sub(start).filter(|&inside| inside < size)?;
        let from = usize::try_from(offset.checked_add(inside)?).ok()?;
        let length = usize::try_from(size - inside).ok()?;
        image.get(from..from.saturating_add(length).min(image.len()))
    })
}

/// The bytes of the first section of one of these names; a Mach-O's have that of their segment before them.
fn section<'a>(image: &'a [u8], executable: &Executable, names: &[&str]) -> Option<&'a [u8]> {
    let own = |name: &str| name.rsplit(',').next().is_some_and(|name| names.contains(&name));
    let section = executable.sections.iter().find(|section| own(&section.name) && section.size > 0)?;
    let start = usize::try_from(section.offset).ok()?;
    let length = usize::try_from(section.size).ok()?;
    image.get(start..start.saturating_add(length).min(image.len()))
}
