//! What an analyst should know of a Mach-O image.

use super::Header;
use crate::behaviour;
use crate::facts::Executable;
use crate::facts::signing::Check;
use module_kit::{Finding, Findings, Severity};

const HIGH_ENTROPY: f64 = 7.2;
const MIN_MEASURED: u64 = 4_096;
/// The section attributes "only" and "some instructions".
const INSTRUCTIONS: u64 = 0x8000_0400;

pub fn judge(header: &Header, executable: &Executable, encrypted: bool, findings: &mut Findings) {
    let is_image = matches!(header.kind(), "executable" | "dylib" | "bundle");
    if is_image && executable.signature.is_none() {
        findings.add(
            Finding::new("unsigned", Severity::Info, 85, "The image has no code signature")
                .detail("Processors of Apple's own run signed code only, if signed by anyone."),
        );
    }
    if let Some(signature) = &executable.signature {
        let title = if signature.subjects.is_empty() {
            "A code signature without certificates (ad hoc)"
        } else {
            "A code signature is present"
        };
        findings.add(
            Finding::new("signature-present", Severity::Info, 80, title)
                .at(executable.slice_offset + signature.offset, signature.size)
                .quotes(&signature.subjects),
        );
        if signature.directory.as_ref().is_some_and(|directory| directory.pages == Check::Invalid) {
            findings.add(
                Finding::new("signature-digest-mismatch", Severity::Low, 75, "The file is not the one that was signed")
                    .detail("Its pages do not have the hashes that were signed: it was changed later, as build tools do too.")
                    .at(executable.slice_offset + signature.offset, signature.size)
                    .techniques(&["T1553.002"]),
            );
        }
    }
    if encrypted {
        findings.add(
            Finding::new("encrypted-segment", Severity::Low, 85, "The code is encrypted")
                .detail("As by a store's copy protection; elsewhere it hides code.")
                .techniques(&["T1027.013"]),
        );
    }
    memory(header, executable, findings);
    libraries(executable, findings);
    let names = executable.imports.iter().filter_map(|import| import.name.as_deref());
    behaviour::judge(behaviour::MACOS, names, findings);
    if let Some(overlay) = &executable.overlay {
        findings.add(
            Finding::new("overlay", Severity::Low, 70, "Data is appended behind the image")
                .detail(format!("{} bytes of {}, {:.2} bits per byte.", overlay.size, overlay.format, overlay.entropy))
                .at(executable.slice_offset + overlay.offset, overlay.size),
        );
    }
}

fn memory(header: &Header, executable: &Executable, findings: &mut Findings) {
    if executable.segments.iter().any(|segment| segment.permissions == "rwx") && header.kind() != "object" {
        findings.add(
            Finding::new("writable-code", Severity::Medium, 75, "A segment is writable and executable")
                .techniques(&["T1027.002"]),
        );
    }
    if executable.mitigations.get("pie") == Some(&false) {
        findings.add(
            Finding::new("missing-mitigations", Severity::Info, 90, "Built without common mitigations")
                .detail("Built without PIE, so that ASLR does not move it."),
        );
    }
    for section in &executable.sections {
        // Constants share the segment with the code; only sections with instructions count.
        if section.flags & INSTRUCTIONS != 0 && section.entropy >= HIGH_ENTROPY && section.size >= MIN_MEASURED {
            findings.add(
                Finding::new(
                    "high-entropy-section",
                    Severity::Medium,
                    65,
                    "An executable section looks compressed or encrypted",
                )
                .detail(format!("{:.2} bits per byte.", section.entropy))
                .quote_at(executable.slice_offset + section.offset, &section.name)
                .techniques(&["T1027.002"]),
            );
        }
    }
    if executable.sections.iter().any(|section| section.anomalies.contains(&"data-outside-of-file")) {
        findings.malformed("section-data", "A section's data lies outside of the file: it was cut or forged.");
    }
}

fn libraries(executable: &Executable, findings: &mut Findings) {
    let starting = |starts: &'static [&'static str]| {
        let paths = executable.libraries.iter().chain(&executable.rpath);
        paths.filter(|path| starts.iter().any(|start| path.starts_with(start))).collect::<Vec<_>>()
    };
    let temporary = starting(&["/tmp", "/private/tmp", "/var/tmp"]);
    if !temporary.is_empty() {
        findings.add(
            Finding::new("risky-libraries", Severity::Low, 65, "Libraries are loaded from where anyone can put them")
                .quotes(temporary)
                .techniques(&["T1574.004"]),
        );
    }
    let personal = starting(&["/Users/"]);
    if !personal.is_empty() {
        findings.add(
            Finding::new("build-paths", Severity::Info, 80, "Paths of the machine that built it are left in it")
                .quotes(personal),
        );
    }
}
