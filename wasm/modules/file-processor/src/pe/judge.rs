//! What an analyst should know of a PE image.
//!
//! Severities are held low on purpose: compilers, installers and honest packers do most of this. What is `high` has no
//! honest reason that is at all common.

use super::headers::{
    DIRECTORY_CLI, FILE_EXECUTABLE, Headers, SECTION_CODE, SECTION_EXECUTE, SECTION_WRITE, SectionHeader,
};
use super::{judge_dotnet, judge_signature};
use crate::behaviour;
use crate::facts::{Category, Executable, Section};
use crate::formats::category_of;
use crate::options::Analyze;
use module_kit::{Finding, Findings, Severity, counted};

/// Code and resources of compilers stay below; compressed or encrypted data is above.
const HIGH_ENTROPY: f64 = 7.2;
/// Less is measured too coarsely.
const MIN_MEASURED: u64 = 1_024;
/// Executables of compilers import more.
const FEW_IMPORTS: u64 = 10;
/// 1 January 1992: PE files appeared in 1993.
const EARLIEST: u32 = 694_224_000;
/// 19 January 2038: what is later is no time. Used where the caller does not say what time it is.
const LATEST: u32 = 0x7fff_ffff;

/// Section names that packers and protectors leave.
const PACKERS: [(&str, &str); 37] = [
    ("UPX0", "UPX"),
    ("UPX1", "UPX"),
    ("UPX2", "UPX"),
    ("UPX!", "UPX"),
    (".UPX0", "UPX"),
    (".UPX1", "UPX"),
    (".aspack", "ASPack"),
    (".adata", "ASPack or Armadillo"),
    ("ASPack", "ASPack"),
    (".MPRESS1", "MPRESS"),
    (".MPRESS2", "MPRESS"),
    (".petite", "Petite"),
    ("petite", "Petite"),
    ("PEC2", "PECompact"),
    ("PECompact2", "PECompact"),
    ("PEC2TO", "PECompact"),
    ("pec1", "PECompact"),
    (".nsp0", "NsPack"),
    (".nsp1", "NsPack"),
    ("nsp0", "NsPack"),
    (".themida", "Themida"),
    ("Themida", "Themida"),
    (".winlice", "WinLicense"),
    (".vmp0", "VMProtect"),
    (".vmp1", "VMProtect"),
    (".vmp2", "VMProtect"),
    (".enigma1", "Enigma Protector"),
    (".enigma2", "Enigma Protector"),
    (".RLPack", "RLPack"),
    (".y0da", "yoda's Protector"),
    (".yP", "yoda's Protector"),
    ("FSG!", "FSG"),
    ("MEW", "MEW"),
    (".neolite", "NeoLite"),
    (".svkp", "SVK Protector"),
    (".perplex", "Perplex"),
    ("kkrunchy", "kkrunchy"),
];

pub fn section_anomalies(headers: &Headers, section: &SectionHeader) -> Vec<&'static str> {
    let executable = section.flags & SECTION_EXECUTE != 0;
    let end = u64::from(section.raw_offset) + u64::from(section.raw_size);
    let anomalies = [
        (executable && section.flags & SECTION_WRITE != 0, "writable-and-executable"),
        (executable && section.raw_size == 0, "executable-without-data"),
        (section.raw_size > 0 && end > headers.reader.len(), "data-outside-of-file"),
        (section.name.is_empty(), "no-name"),
        (section.name.chars().any(|letter| letter.is_control() || !letter.is_ascii()), "odd-name"),
        (section.virtual_size / 16 > section.raw_size.max(0x1000), "much-larger-in-memory"),
        (section.virtual_size == 0 && section.raw_size == 0, "empty"),
        (packer(&section.name).is_some(), "packer-name"),
        (overlaps(headers, section), "overlaps-another"),
    ];
    anomalies.iter().filter(|(found, _)| *found).map(|&(_, name)| name).collect()
}

fn overlaps(headers: &Headers, section: &SectionHeader) -> bool {
    // Only the neighbours are compared: with thousands of sections, all pairs would take too long.
    let range = |section: &SectionHeader| {
        let start = u64::from(section.raw_offset);
        start..start + u64::from(section.raw_size)
    };
    let own = range(section);
    let next = headers.sections.iter().skip_while(|other| !std::ptr::eq(*other, section)).nth(1);
    next.map(range).is_some_and(|next| own.start < next.end && next.start < own.end)
}

fn packer(name: &str) -> Option<&'static str> {
    PACKERS.iter().find(|(section, _)| *section == name).map(|&(_, packer)| packer)
}

pub fn judge(headers: &Headers, executable: &Executable, options: &Analyze, findings: &mut Findings) {
    sections(headers, executable, findings);
    entry_point(headers, findings);
    imports(headers, executable, findings);
    time(executable, options, findings);
    header_fields(headers, executable, findings);
    attached(executable, findings);
    mitigations(headers, executable, findings);
    provenance(executable, findings);
    if let Some(dotnet) = &executable.dotnet {
        judge_dotnet::judge(dotnet, findings);
    }
    if let Some(signature) = &executable.signature {
        judge_signature::judge(signature, findings);
    }
}

fn is_packed(section: &Section) -> bool {
    section.entropy >= HIGH_ENTROPY && section.size >= MIN_MEASURED
}

fn sections(headers: &Headers, executable: &Executable, findings: &mut Findings) {
    for section in &executable.sections {
        if let Some(packer) = packer(&section.name) {
            findings.add(
                Finding::new("packer-section", Severity::Medium, 85, "A section has a packer's name")
                    .detail(format!("{packer}."))
                    .quote_at(section.offset, &section.name)
                    .techniques(&["T1027.002"]),
            );
        }
        if section.anomalies.contains(&"writable-and-executable") {
            findings.add(
                Finding::new("writable-code", Severity::Medium, 80, "A section is writable and executable")
                    .detail("Code can be changed in place: unpackers, self-modifying code and some old linkers.")
                    .quote_at(section.offset, &section.name)
                    .techniques(&["T1027.002"]),
            );
        }
        if section.anomalies.contains(&"data-outside-of-file") {
            findings.malformed("section-data", "A section's data lies outside of the file: it was cut or forged.");
        }
        if is_packed(section) {
            findings.add(packed_section(section));
        }
    }
    if executable.sections.is_empty() && headers.characteristics & FILE_EXECUTABLE != 0 {
        findings.add(Finding::new("no-sections", Severity::Medium, 80, "An executable image has no sections"));
    }
    if executable.sections.iter().any(|section| section.anomalies.contains(&"overlaps-another")) {
        findings.malformed("sections-overlap", "Two sections share bytes of the file.");
    }
}

fn packed_section(section: &Section) -> Finding {
    let executable = section.permissions.contains('x');
    let (severity, title) = if executable {
        (Severity::Medium, "An executable section looks compressed or encrypted")
    } else if section.name == ".rsrc" {
        (Severity::Info, "Resources look compressed or encrypted")
    } else {
        (Severity::Low, "A section looks compressed or encrypted")
    };
    Finding::new("high-entropy-section", severity, 70, title)
        .detail(format!("{:.2} bits per byte.", section.entropy))
        .quote_at(section.offset, &section.name)
        .techniques(if executable { &["T1027.002"] } else { &[] })
}

fn entry_point(headers: &Headers, findings: &mut Findings) {
    if headers.entry_point == 0 {
        if !headers.is_dll() && headers.directory(DIRECTORY_CLI).is_none() && headers.characteristics & 2 != 0 {
            findings.add(Finding::new("no-entry-point", Severity::Low, 80, "An executable image has no entry point"));
        }
        return;
    }
    let Some(section) = headers.section_of(headers.entry_point) else {
        findings.add(
            Finding::new("entry-point-outside", Severity::Medium, 85, "The entry point lies in no section")
                .detail(format!("RVA 0x{:x}.", headers.entry_point)),
        );
        return;
    };
    let is_last = headers.sections.len() > 2 && headers.sections.last().is_some_and(|last| std::ptr::eq(last, section));
    if section.flags & (SECTION_EXECUTE | SECTION_CODE) == 0 {
        findings.add(
            Finding::new(
                "entry-point-not-code",
                Severity::Medium,
                80,
                "The entry point lies in a section without code",
            )
            .quote_at(u64::from(section.raw_offset), &section.name),
        );
    } else if is_last {
        findings.add(
            Finding::new("entry-point-last-section", Severity::Medium, 65, "The entry point lies in the last section")
                .detail("Packers and file infectors append their code.")
                .quote_at(u64::from(section.raw_offset), &section.name)
                .techniques(&["T1027.002"]),
        );
    }
}

fn imports(headers: &Headers, executable: &Executable, findings: &mut Findings) {
    let is_native_image = headers.directory(DIRECTORY_CLI).is_none() && headers.characteristics & FILE_EXECUTABLE != 0;
    // Libraries of resources and firmware need no imports.
    let needs_imports = executable.kind_of_image == "executable" && !executable.subsystem.starts_with("efi");
    if is_native_image && needs_imports && headers.entry_point != 0 {
        if executable.import_count == 0 {
            findings.add(
                Finding::new("no-imports", Severity::Medium, 70, "An executable image imports nothing")
                    .detail("It finds its functions at run time, or was damaged.")
                    .techniques(&["T1027.007"]),
            );
        } else if executable.import_count < FEW_IMPORTS {
            findings.add(
                Finding::new("few-imports", Severity::Low, 60, "An executable image imports very few functions")
                    .detail(format!(
                        "{}; packed files import what their unpacker needs.",
                        counted(executable.import_count, "function")
                    ))
                    .techniques(&["T1027.002"]),
            );
        }
    }
    let native = executable.imports.iter().filter_map(|import| import.name.as_deref());
    let managed = executable.dotnet.iter().flat_map(|dotnet| &dotnet.p_invokes).map(|it| it.name.as_str());
    behaviour::judge(behaviour::WINDOWS, native.chain(managed), findings);
    judge_tls(executable, findings);
}

fn judge_tls(executable: &Executable, findings: &mut Findings) {
    if !executable.tls_callbacks.is_empty() {
        let addresses = executable.tls_callbacks.iter().map(|address| format!("0x{address:x}"));
        findings.add(
            Finding::new("tls-callbacks", Severity::Info, 90, "Functions run before the entry point (TLS callbacks)")
                .detail("Language runtimes use them, and so do anti-debugging tricks.")
                .quotes(addresses)
                .techniques(&["T1055.005"]),
        );
    }
}

fn time(executable: &Executable, options: &Analyze, findings: &mut Findings) {
    // With /Brepro the field is a hash of the content.
    let reproducible = executable.debug.iter().any(|entry| entry.kind == "repro");
    let Some(time) = executable.compile_time.filter(|_| !reproducible) else { return };
    let now = options.now.unwrap_or(u64::from(LATEST));
    let finding = match time {
        0 => Finding::new("compile-time-zero", Severity::Info, 90, "The compile time was removed"),
        _ if u64::from(time) > now => {
            Finding::new("compile-time-future", Severity::Low, 70, "The compile time is in the future")
                .detail("Forged, or a hash of a reproducible build.")
        }
        _ if time < EARLIEST => {
            Finding::new("compile-time-early", Severity::Low, 60, "The compile time is older than the format")
        }
        _ => return,
    };
    findings.add(finding.techniques(if time == 0 { &[] } else { &["T1070.006"] }));
}

fn header_fields(headers: &Headers, executable: &Executable, findings: &mut Findings) {
    if let (Some(stated), Some(computed)) = (executable.checksum, executable.checksum_computed)
        && stated != 0
        && stated != computed
    {
        findings.add(
            Finding::new("checksum-mismatch", Severity::Low, 60, "The header's checksum is wrong").detail(format!(
                "Stated 0x{stated:08x}, computed 0x{computed:08x}: the file was changed after linking."
            )),
        );
    }
    if executable.rich.as_ref().is_some_and(|rich| !rich.checksum_valid) {
        findings.add(
            Finding::new("rich-header-invalid", Severity::Low, 60, "The Rich header does not fit its checksum")
                .detail("The headers were changed after linking, or the Rich header was copied from another file."),
        );
    }
    if headers.size_of_image == 0
        || !headers.section_alignment.is_power_of_two()
        || !headers.file_alignment.is_power_of_two()
    {
        findings.malformed("optional-header", "Sizes or alignments are impossible.");
    }
    if headers.sections_announced > 96 {
        findings.malformed("section-count", format!("{} sections are announced.", headers.sections_announced));
    }
}

fn attached(executable: &Executable, findings: &mut Findings) {
    if let Some(overlay) = &executable.overlay {
        let carries_code = category_of(overlay.format) == Some(Category::Executable);
        let severity = if carries_code { Severity::Medium } else { Severity::Info };
        let format = if overlay.format.is_empty() { "data" } else { overlay.format };
        findings.add(
            Finding::new("overlay", severity, 85, "Data is appended behind the image")
                .detail(format!("{} bytes of {format}, {:.2} bits per byte.", overlay.size, overlay.entropy))
                .at(overlay.offset, overlay.size)
                .techniques(if carries_code { &["T1027.009"] } else { &[] }),
        );
    }
    for resource in &executable.resources {
        if category_of(resource.format) == Some(Category::Executable) {
            findings.add(
                Finding::new("embedded-executable", Severity::Medium, 75, "A resource is itself an executable")
                    .detail(format!("{} {}: {}.", resource.kind, resource.name, resource.format))
                    .at(resource.offset, resource.size)
                    .techniques(&["T1027.009"]),
            );
        } else if resource.entropy >= 7.8
            && resource.size >= 32 << 10
            && resource.kind == "RT_RCDATA"
            && resource.format == "data"
        {
            findings.add(
                Finding::new("encrypted-resource", Severity::Low, 55, "A large resource looks encrypted")
                    .detail(format!("{} {}, {:.2} bits per byte.", resource.kind, resource.name, resource.entropy))
                    .at(resource.offset, resource.size)
                    .techniques(&["T1027.013"]),
            );
        }
    }
}

fn mitigations(headers: &Headers, executable: &Executable, findings: &mut Findings) {
    if headers.characteristics & FILE_EXECUTABLE == 0 || executable.kind_of_image == "driver" {
        return;
    }
    const COMMON: [(&str, &str); 2] = [("aslr", "ASLR (DYNAMIC_BASE)"), ("nx", "NX, also called DEP (NX_COMPAT)")];
    let off = |name: &str| executable.mitigations.get(name) == Some(&false);
    let missing: Vec<&str> = COMMON.iter().filter(|(name, _)| off(name)).map(|&(_, words)| words).collect();
    if !missing.is_empty() {
        findings.add(
            Finding::new("missing-mitigations", Severity::Info, 90, "Built without common mitigations")
                .detail(format!("Built without {}.", missing.join(" and "))),
        );
    }
}

fn provenance(executable: &Executable, findings: &mut Findings) {
    if let Some(path) = executable.debug.iter().find_map(|entry| entry.pdb_path.as_ref()) {
        findings.add(
            Finding::new("pdb-path", Severity::Info, 95, "The path of the debug symbols is known")
                .detail("It may name the project and the user who built it.")
                .quote(path),
        );
    }
    if let Some(original) = executable.version_info.get("OriginalFilename") {
        findings.add(
            Finding::new("original-filename", Severity::Info, 80, "The version information names a file")
                .quote(original),
        );
    }
}
