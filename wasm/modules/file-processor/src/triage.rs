//! The function `analyze`: everything that the headers and bytes of a file say.

use module_kit::{Finding, Findings, SampleInfo, Severity};

use crate::budget::Budget;
use crate::children::{Children, Wanted};
use crate::facts::{Category, Executable, FileFacts, Format, HeaderFacts};
use crate::measured::Measured;
use crate::options::{Analyze, Fuzzy};
use crate::{container, digest, elf, formats, macho, pe, similar, strings, unpack};

/// The function `headers`: of an executable only what its headers, sections, imports and exports are.
pub fn headers(data: &[u8]) -> HeaderFacts {
    let options = Analyze::headers_only();
    let measured = Measured::unprepared(data);
    let format = formats::identify(data);
    let mut budget = Budget::for_file(&measured);
    let executables = executables(data, &format, &options, &mut budget, &mut Findings::default());
    HeaderFacts { size: data.len() as u64, format, executables }
}

/// `info` is what the host knows of the file.
pub fn analyze(data: &[u8], info: &SampleInfo, options: &Analyze) -> (FileFacts, Vec<Finding>) {
    let mut findings = Findings::default();
    let measured = Measured::of(data);
    let mut budget = Budget::for_file(&measured);
    let format = formats::identify(data);
    let executables = executables(data, &format, options, &mut budget, &mut findings);
    let mut children = Children::new(if options.quick { Wanted::Nothing } else { Wanted::All }, data);
    let (container, contents) = unpack::look_into(format.id, data, &mut findings, &mut children);
    let (children, documents) = children.finish(&mut findings);
    if budget.exhausted {
        findings.malformed("overlapping-data", "Sections or resources overlap so often that not all were measured.");
    }
    let entropy = measured.profile();
    judge_file(data, &info.name, &format, entropy.overall, &mut findings);
    let strings = (!options.quick).then(|| strings::strings(data, options.min_string_length, options.max_strings));
    let facts = FileFacts {
        size: data.len() as u64,
        hashes: info.hashes.as_ref().map_or_else(|| digest::hashes(data), digest::known),
        similarity: (!options.quick).then(|| similar::of(data, &Fuzzy::default())),
        format,
        entropy,
        executables,
        container,
        children,
        contents,
        documents,
        strings,
    };
    (facts, findings.into_sorted())
}

fn executables(
    data: &[u8],
    format: &Format,
    options: &Analyze,
    budget: &mut Budget,
    findings: &mut Findings,
) -> Vec<Executable> {
    let found: Vec<Executable> = if data.starts_with(b"MZ") {
        pe::parse(data, options, budget, findings).into_iter().collect()
    } else if format.id == "elf" {
        elf::parse(data, options, budget, findings).into_iter().collect()
    } else if matches!(format.id, "macho" | "macho-fat") {
        macho::parse(data, options, budget, findings)
    } else {
        Vec::new()
    };
    let has_headers = matches!(format.id, "pe" | "elf" | "macho" | "macho-fat");
    if found.is_empty() && has_headers {
        findings.malformed("headers", "The file ends within its headers, or they contradict themselves.");
    }
    found
}

fn judge_file(data: &[u8], name: &str, format: &Format, entropy: f64, findings: &mut Findings) {
    findings.add(Finding::new("format", Severity::Info, 95, "The format is known by its content").detail(&format.name));
    judge_format(format.id, findings);
    if format.id == "data" && entropy >= 7.9 && data.len() >= 4_096 {
        findings.add(
            Finding::new(
                "high-entropy-data",
                Severity::Low,
                60,
                "The file looks encrypted or compressed, in no known format",
            )
            .detail(format!("{entropy:.2} bits per byte."))
            .techniques(&["T1027.013"]),
        );
    }
    judge_name(name, format, findings);
}

/// What the format alone says, of a file as of one inside it.
pub fn judge_format(id: &str, findings: &mut Findings) {
    match id {
        "eicar" => {
            findings.add(
                Finding::new("eicar", Severity::High, 100, "This is the EICAR anti-virus test file")
                    .detail("It does nothing but make scanners report it."),
            );
        }
        "lnk" | "internet-shortcut" | "settingcontent" | "desktop-entry" => {
            findings.add(
                Finding::new("shortcut", Severity::Low, 60, "A shortcut can start any program with any arguments")
                    .techniques(&["T1204.002"]),
            );
        }
        _ => {}
    }
}

/// The name against the content: a program that is called a picture, or two extensions.
fn judge_name(name: &str, format: &Format, findings: &mut Findings) {
    if container::is_disguised(name) {
        findings.add(
            Finding::new("disguised-name", Severity::Medium, 75, "The name hides that the file is a program")
                .quote(name)
                .techniques(&["T1036.007"]),
        );
    }
    const HARMLESS: [&str; 17] = [
        "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "rtf", "jpg", "jpeg", "png", "gif", "bmp", "mp3",
        "mp4", "csv",
    ];
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    let is_program = matches!(format.category, Category::Executable | Category::Script | Category::Installer);
    if is_program
        && HARMLESS.contains(&extension.as_str())
        && !(extension == "txt" && format.category == Category::Script)
    {
        findings.add(
            Finding::new(
                "misleading-extension",
                Severity::Medium,
                75,
                "The name's extension is that of a harmless format",
            )
            .detail(format!("The content is: {}.", format.name))
            .quote(name)
            .techniques(&["T1036.008"]),
        );
    }
}
