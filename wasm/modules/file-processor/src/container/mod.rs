//! Archives and documents: what is in them, without unpacking them whole.

mod asar;
mod cab;
mod compressed;
mod cpio;
pub mod document;
mod fields;
mod iso;
mod links;
pub mod mail;
mod objects;
mod office;
pub mod ole;
mod onenote;
mod pdf;
mod rar;
mod rtf;
mod sevenzip;
mod sevenzip_fields;
mod stream;
mod vba;
mod xlm;
mod xml;
pub mod zip;

use std::collections::HashSet;

use module_kit::{Finding, Findings, Severity};

use self::document::Document;
use crate::children::Children;
use crate::codec::inflate;
use crate::facts::{Category, Container, Entry};
use crate::formats::category_of;
use crate::package::{msi, pyinstaller};

/// The listing for a format that has one. What documents say goes to `children`, and so do the files in them.
pub fn parse(id: &str, data: &[u8], findings: &mut Findings, children: &mut Children) -> Option<Container> {
    let mut document = Document::with_room(children.document_room());
    let before = children.count();
    let mut container = read(id, data, &mut document, findings, children);
    if let Some(archive) = container.as_ref().filter(|container| ARCHIVES.contains(&container.kind)) {
        judge_programs(&archive.entries, children.unpacked_since(before), findings);
    }
    judge(&document, findings);
    children.add_document(document);
    container.as_mut()?.cut();
    container
}

fn read(
    id: &str,
    data: &[u8],
    document: &mut Document,
    findings: &mut Findings,
    children: &mut Children,
) -> Option<Container> {
    match id {
        _ if data.starts_with(b"PK") => zip::parse(id, data, document, findings, children),
        "msi" => {
            let mut container = ole::parse(id, data, document, findings)?;
            container.entries.iter_mut().for_each(|entry| entry.name = msi::decode(&entry.name));
            Some(container)
        }
        _ if data.starts_with(ole::MAGIC) => ole::parse(id, data, document, findings),
        "pdf" => Some(pdf::parse(data, document, findings)),
        "rtf" => Some(rtf::parse(data, document, findings)),
        "gzip" => Some(stream::gzip(data, findings, children)),
        "tar" | "tar-old" => Some(stream::tar(data, findings, children)),
        "ar" | "deb" => Some(stream::ar(data, findings, children)),
        "bzip2" => compressed::parse("bzip2", data, children),
        "xz" => compressed::parse("xz", data, children),
        "lzma" => compressed::parse("lzma", data, children),
        "lzip" => compressed::parse("lzip", data, children),
        "zstd" => compressed::parse("zstd", data, children),
        "zlib" => compressed::parse("zlib", data, children),
        "cpio-newc" | "cpio-crc" | "cpio-odc" => Some(cpio::parse(data, findings, children)),
        "rpm" => Some(cpio::rpm(data, findings, children)),
        "7z" => Some(sevenzip::parse(data, findings, children)),
        "rar" | "rar5" => Some(rar::parse(id, data, findings, children)),
        "asar" => Some(asar::parse(data, findings, children)),
        "pyz" => Some(pyinstaller::modules(data, findings, children)),
        "zip-sfx" => zip::parse(id, data, document, findings, children),
        "cab" => Some(cab::parse(data, findings, children)),
        "iso9660" => Some(iso::parse(data, findings, children)),
        "eml" | "mht" => Some(mail::parse(id, data, document, findings)),
        "mbox" => Some(mail::mailbox(data, document)),
        "tnef" => Some(mail::tnef(data, document, findings)),
        "onenote" => Some(onenote::parse(data, document, findings)),
        "flat-opc" | "xml" => {
            office::flat(data, document, findings);
            None
        }
        "slk" => {
            xlm::sylk(data, document);
            None
        }
        "text" | "utf16-text" => {
            fields::table(data, document);
            None
        }
        _ => None,
    }
}

/// Kinds of containers that people put programs into, to send them.
const ARCHIVES: [&str; 8] = ["zip", "tar", "cpio", "cab", "iso9660", "rar", "7z", "asar"];

/// By the entries, and where those do not show their content, by what was unpacked.
fn judge_programs<'a>(
    entries: &'a [Entry],
    unpacked: impl Iterator<Item = (&'a str, &'static str)>,
    findings: &mut Findings,
) {
    let (shown, unshown): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| !entry.format.is_empty());
    let unshown: HashSet<_> = unshown.into_iter().map(|entry| entry.name.as_str()).collect();
    let shown = shown.into_iter().map(|entry| (entry.name.as_str(), entry.format));
    let programs = shown
        .chain(unpacked.filter(|(name, _)| unshown.contains(name)))
        .filter(|(_, format)| category_of(format) == Some(Category::Executable));
    let programs: Vec<_> = programs.map(|(name, _)| name).collect();
    if !programs.is_empty() {
        findings.add(
            Finding::new("archived-executable", Severity::Info, 85, "The archive holds executables")
                .detail(format!("{} of the entries.", programs.len()))
                .quotes(programs),
        );
    }
}

/// What is said of a document by what was gathered of it, whatever its format.
fn judge(document: &Document, findings: &mut Findings) {
    vba::judge(document, findings);
    xlm::judge(document, findings);
    links::judge(document, findings);
    objects::judge(document, findings);
    mail::judge(document, findings);
    if document.is_cut {
        unread(Severity::Low, "The document holds more than is listed.", findings);
    }
}

/// Entries that only a password opens; with none named, the archive does not even tell their names.
fn encrypted(names: &[&str], count: usize, findings: &mut Findings) {
    if names.is_empty() && count > 0 {
        return;
    }
    let detail = if names.is_empty() {
        "Not even the names can be read; scanners on the way could not look inside.".to_owned()
    } else {
        format!("{} of {count} entries; scanners on the way could not look inside.", names.len())
    };
    findings.add(
        Finding::new("encrypted-entries", Severity::Low, 90, "Entries are encrypted")
            .detail(detail)
            .quotes(names)
            .techniques(&["T1027.013"]),
    );
    let programs: Vec<_> = names.iter().filter(|name| is_program(name)).collect();
    if !programs.is_empty() {
        findings.add(
            Finding::new("encrypted-executable", Severity::Medium, 75, "A program is in the archive, encrypted")
                .quotes(programs)
                .techniques(&["T1027.013", "T1204.002"]),
        );
    }
}

/// What was not looked at, for its number or size, is said: it may be there to hide something.
fn unread(severity: Severity, detail: impl Into<String>, findings: &mut Findings) {
    if !findings.has("unread-parts") {
        findings.add(
            Finding::new("unread-parts", severity, 60, "Parts are too many or too large to be read")
                .detail(detail)
                .techniques(&["T1027"]),
        );
    }
}

/// Names of members that a careless unpacker would write elsewhere, or that hide what they are.
fn judge_names<'a>(names: impl Iterator<Item = &'a str>, findings: &mut Findings) {
    let mut outside = Vec::new();
    let mut disguised = Vec::new();
    for name in names {
        let is_absolute = name.starts_with(['/', '\\']) || name.as_bytes().get(1) == Some(&b':');
        if is_absolute || name.split(['/', '\\']).any(|part| part == "..") {
            outside.push(name);
        }
        if is_disguised(name) {
            disguised.push(name);
        }
    }
    if !outside.is_empty() {
        findings.add(
            Finding::new("path-traversal", Severity::High, 85, "Entries would be unpacked outside of the folder")
                .quotes(outside)
                .techniques(&["T1204.002"]),
        );
    }
    if !disguised.is_empty() {
        findings.add(
            Finding::new("disguised-entry", Severity::Medium, 75, "An entry's name hides that it is a program")
                .quotes(disguised)
                .techniques(&["T1036.007"]),
        );
    }
}

/// Extensions that Windows runs when they are opened.
const PROGRAMS: [&str; 16] =
    ["exe", "scr", "com", "pif", "bat", "cmd", "js", "jse", "vbs", "vbe", "wsf", "hta", "lnk", "ps1", "msi", "jar"];

/// Whether a name ends in one of these.
fn is_program(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| PROGRAMS.contains(&extension.trim().to_lowercase().as_str()))
}

/// `invoice.pdf.exe`, a run of blanks before the extension, or a right-to-left override in the name.
pub fn is_disguised(name: &str) -> bool {
    const HARMLESS: [&str; 15] =
        ["pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "rtf", "jpg", "jpeg", "png", "gif", "mp3", "mp4"];
    let lower = name.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase();
    let Some((stem, _)) = lower.rsplit_once('.') else { return false };
    let is_program = is_program(&lower);
    let inner = stem.trim_end().rsplit_once('.').map(|(_, inner)| inner.trim());
    let doubled = is_program && inner.is_some_and(|inner| HARMLESS.contains(&inner));
    doubled || is_program && stem.ends_with("   ") || lower.contains('\u{202e}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn double_extensions_and_reversed_names_are_disguises() {
        for name in ["a/invoice.pdf.exe", "photo.jpg      .scr", "x\u{202e}fdp.exe", "report.docx.js"] {
            assert!(is_disguised(name), "{name}");
        }
        for name in ["setup.exe", "jquery.min.js", "archive.tar.gz", "a.pdf", "noextension"] {
            assert!(!is_disguised(name), "{name}");
        }
    }

    #[test]
    fn names_that_leave_the_folder_are_found() {
        let mut findings = Findings::default();
        judge_names(["../../etc/passwd", "C:\\x", "fine/..fine"].into_iter(), &mut findings);
        let found = findings.into_sorted();
        assert_eq!(found[0].evidence.len(), 2);
    }
}
