//! What an analyst should know of an ELF image.

use super::dynamic::exported_names;
use super::header::Header;
use crate::behaviour;
use crate::facts::{Category, Executable};
use crate::formats::category_of;
use module_kit::{Finding, Findings, Severity};

const HIGH_ENTROPY: f64 = 7.2;
const MIN_MEASURED: u64 = 4_096;

/// Interpreters that distributions use; anything else was chosen by someone.
const INTERPRETERS: [&str; 6] = ["/lib/ld", "/lib64/ld", "/lib32/ld", "/libx32/ld", "/usr/lib", "/libexec/ld-elf"];

/// Functions of the C library that a preloaded library replaces to hide files, processes and connections or to take
/// passwords.
const HOOKED: [&str; 14] = [
    "readdir",
    "readdir64",
    "fopen",
    "fopen64",
    "open",
    "open64",
    "openat",
    "__xstat",
    "__lxstat",
    "stat",
    "accept",
    "write",
    "pam_authenticate",
    "getpwnam",
];
/// A library that exports many functions is a C library, a sanitizer or an emulation layer.
const MANY_EXPORTS: u64 = 200;

pub fn judge(header: &Header, executable: &Executable, findings: &mut Findings) {
    memory(executable, findings);
    linking(header, executable, findings);
    let names = executable.imports.iter().filter_map(|import| import.name.as_deref());
    behaviour::judge(behaviour::LINUX, names, findings);
    preloading(executable, findings);
    packing(executable, findings);
    attached(executable, findings);
}

fn memory(executable: &Executable, findings: &mut Findings) {
    if executable.segments.iter().any(|segment| segment.kind == "LOAD" && segment.permissions == "rwx") {
        findings.add(
            Finding::new("writable-code", Severity::Medium, 75, "A segment is writable and executable")
                .detail("Code can be changed in place: packers, self-modifying code and some hand-made images.")
                .techniques(&["T1027.002"]),
        );
    }
    if executable.mitigations.get("nx") == Some(&false)
        && executable.segments.iter().any(|segment| segment.kind == "GNU_STACK")
    {
        findings.add(Finding::new("executable-stack", Severity::Low, 80, "The stack is executable"));
    }
    let outside = executable.sections.iter().any(|section| section.anomalies.contains(&"data-outside-of-file"));
    if outside {
        findings.malformed("section-data", "A section's data lies outside of the file: it was cut or forged.");
    }
}

fn linking(header: &Header, executable: &Executable, findings: &mut Findings) {
    let is_program = matches!(executable.kind_of_image.as_str(), "executable" | "shared-object");
    if is_program && !header.has_section_table() {
        findings.add(
            Finding::new("no-section-headers", Severity::Low, 75, "The section headers were removed")
                .detail("They are not needed to run; removing them hinders analysis.")
                .techniques(&["T1027"]),
        );
    }
    if executable.kind_of_image == "executable" && executable.interpreter.is_empty() && executable.libraries.is_empty()
    {
        findings.add(
            Finding::new("static", Severity::Info, 85, "Statically linked")
                .detail("It depends on no library: usual for Go programs, boot code and malware for small devices."),
        );
    }
    if header.has_section_table() && is_program && !executable.sections.iter().any(|section| section.name == ".symtab")
    {
        findings.add(Finding::new("stripped", Severity::Info, 90, "Symbols were removed"));
    }
    let interpreter = &executable.interpreter;
    if !interpreter.is_empty() && !INTERPRETERS.iter().any(|known| interpreter.starts_with(known)) {
        let from_temporary = ["/tmp", "/var/tmp", "/dev/shm", "."].iter().any(|place| interpreter.starts_with(place));
        let severity = if from_temporary { Severity::Medium } else { Severity::Low };
        findings.add(
            Finding::new("odd-interpreter", severity, 65, "The program loader is not a usual one").quote(interpreter),
        );
    }
    let risky =
        executable.rpath.iter().filter(|path| path.starts_with("/tmp") || path.starts_with("/dev/shm") || *path == ".");
    let risky: Vec<_> = risky.collect();
    if !risky.is_empty() {
        findings.add(
            Finding::new("risky-rpath", Severity::Low, 70, "Libraries are looked for where anyone can put them")
                .quotes(risky)
                .techniques(&["T1574"]),
        );
    }
}

fn preloading(executable: &Executable, findings: &mut Findings) {
    if executable.kind_of_image != "shared-object" || executable.export_count > MANY_EXPORTS {
        return;
    }
    let exported = exported_names(&executable.exports);
    let hooked: Vec<_> = HOOKED.iter().filter(|name| exported.contains_key(*name)).collect();
    if hooked.len() >= 2 {
        findings.add(
            Finding::new("replaces-libc", Severity::Medium, 65, "A library replaces functions of the C library")
                .detail("As a preloaded library does to hide files and connections or to take passwords.")
                .quotes(hooked)
                .techniques(&["T1574.006", "T1014"]),
        );
    }
}

fn packing(executable: &Executable, findings: &mut Findings) {
    for section in executable.sections.iter().filter(|section| section.permissions.contains('x')) {
        if section.entropy >= HIGH_ENTROPY && section.size >= MIN_MEASURED {
            findings.add(
                Finding::new(
                    "high-entropy-section",
                    Severity::Medium,
                    70,
                    "An executable section looks compressed or encrypted",
                )
                .detail(format!("{:.2} bits per byte.", section.entropy))
                .quote_at(section.offset, &section.name)
                .techniques(&["T1027.002"]),
            );
        }
    }
}

fn attached(executable: &Executable, findings: &mut Findings) {
    if let Some(overlay) = &executable.overlay {
        let carries_code = category_of(overlay.format) == Some(Category::Executable);
        let severity = if carries_code { Severity::Medium } else { Severity::Info };
        findings.add(
            Finding::new("overlay", severity, 80, "Data is appended behind the image")
                .detail(format!("{} bytes of {}, {:.2} bits per byte.", overlay.size, overlay.format, overlay.entropy))
                .at(overlay.offset, overlay.size)
                .techniques(if carries_code { &["T1027.009"] } else { &[] }),
        );
    }
}
