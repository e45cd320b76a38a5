//! OLE compound files: what is in them, by what they are: documents, workbooks, presentations, messages, projects.

mod directory;
pub mod native;
mod slides;
mod summary;

use module_kit::{Finding, Findings, Severity};

pub use self::directory::{Directory, MAGIC};
use super::document::Document;
use super::{fields, mail, vba, xlm};
use crate::facts::document::EmbeddedObject;
use crate::facts::{Container, Entry};
use crate::limits::MAX_ENTRIES_REPORTED;
use crate::reader::{Reader, text};

/// Seconds between 1601, where Windows' time begins, and 1970.
const WINDOWS_EPOCH: i64 = 11_644_473_600;
/// Bytes of the main stream of a workbook, document or presentation, and of an embedded file.
const MAX_MAIN: usize = 32 << 20;
/// Objects of a document that are looked at.
const MAX_OBJECTS: usize = 256;

pub fn parse(id: &str, data: &[u8], document: &mut Document, findings: &mut Findings) -> Option<Container> {
    let Some(mut directory) = Directory::parse(data) else {
        findings.malformed("ole-header", "The compound file's header is cut off or impossible.");
        return None;
    };
    if directory.entries.is_empty() {
        findings.malformed("ole-directory", "The compound file has no directory.");
    }
    read(id, &mut directory, document, findings);
    judge(id, &directory, document, findings);
    let entries = directory.entries.iter().enumerate().filter(|(_, entry)| !entry.is_root());
    let count = entries.clone().count() as u64;
    let entries = entries.take(MAX_ENTRIES_REPORTED).map(|(index, _)| entry_facts(&directory, index)).collect();
    let properties = summary::read(&mut directory);
    if directory.is_broken {
        findings.malformed("ole-chain", "A chain of sectors runs in a circle or out of the file.");
    }
    Some(Container { kind: "ole", count, entries, properties })
}

/// The macros of a compound file that is a part of another document; whether there are any.
pub fn project(data: &[u8], place: &str, document: &mut Document, findings: &mut Findings) -> bool {
    let known = document.facts.macros.len();
    if let Some(mut directory) = Directory::parse(data) {
        vba::parse(&mut directory, place, document, findings);
    }
    document.facts.macros.len() > known
}

fn read(id: &str, directory: &mut Directory, document: &mut Document, findings: &mut Findings) {
    vba::parse(directory, "", document, findings);
    if let Some(workbook) = root_stream(directory, &["Workbook", "Book"]) {
        xlm::biff(&directory.stream_upto(workbook, MAX_MAIN), document);
    }
    if let Some(main) = root_stream(directory, &["WordDocument"]) {
        let content = directory.stream_upto(main, MAX_MAIN);
        // fEncrypted in the FIB ([MS-DOC] 2.5.2).
        document.hints.is_encrypted |= Reader::little(&content).u16(10).is_some_and(|flags| flags & 0x0100 != 0);
        fields::binary(&content, document);
    }
    if let Some(main) = root_stream(directory, &["PowerPoint Document"]) {
        document.hints.is_encrypted |= slides::is_encrypted(directory);
        slides::parse(&directory.stream_upto(main, MAX_MAIN), document, findings);
    }
    if id == "msg" {
        mail::msg(directory, document);
    }
    objects(directory, document);
}

fn root_stream(directory: &Directory, names: &[&str]) -> Option<usize> {
    let root = directory.root()?;
    names.iter().find_map(|name| directory.find_in(root, name))
}

/// Objects: packaged files, whole documents, links, formulas of the old editor.
fn objects(directory: &mut Directory, document: &mut Document) {
    let mut left = MAX_OBJECTS;
    for index in 0..directory.entries.len() {
        let name = directory.entries[index].name.clone();
        if !matches!(name.as_str(), "\u{1}Ole10Native" | "Package" | "Equation Native" | "\u{1}Ole") {
            continue;
        }
        left -= 1;
        if left == 0 {
            document.is_cut = true;
            break;
        }
        let content = directory.stream_upto(index, MAX_MAIN);
        let class = directory.entries[index].parent.map(|parent| class_of(directory, parent)).unwrap_or_default();
        object(&name, class, &content, document);
    }
}

fn object(name: &str, class: String, content: &[u8], document: &mut Document) {
    match name {
        "\u{1}Ole" => {
            for target in native::monikers(content) {
                document.link("ole-link", &target, "object");
            }
        }
        "Equation Native" => {
            let object = EmbeddedObject { kind: "equation", class, size: content.len() as u64, ..Default::default() };
            document.list(object);
        }
        "Package" => document.file(EmbeddedObject { kind: "ole-package", class, ..Default::default() }, content),
        _ => packaged(class, content, document),
    }
}

fn packaged(class: String, stream: &[u8], document: &mut Document) {
    let Some(package) = native::native_stream(stream) else {
        let content = stream.get(4..).unwrap_or_default();
        return document.file(EmbeddedObject { kind: "ole-native", class, ..Default::default() }, content);
    };
    if package.is_link {
        document.link("ole-link", &package.path, "object");
        if package.content.is_empty() {
            return;
        }
    }
    let object = EmbeddedObject {
        kind: "ole-package",
        class,
        name: package.name,
        path: package.path,
        temporary_path: package.temporary_path,
        ..Default::default()
    };
    document.file(object, package.content);
}

/// The name of a storage's class, from its `\x01CompObj` stream, else its class id.
fn class_of(directory: &mut Directory, storage: usize) -> String {
    let Some(index) = directory.find_in(storage, "\u{1}CompObj") else {
        return class_id(&directory.entries[storage].class);
    };
    let content = directory.stream_upto(index, 4_096);
    let reader = Reader::little(&content);
    let length = reader.u32(28).map_or(0, u64::from);
    text(reader.upto(32, length.min(256)), 256).trim_end_matches('\0').to_owned()
}

fn class_id(id: &[u8; 16]) -> String {
    if *id == [0; 16] {
        return String::new();
    }
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = id;
    format!(
        "{{{d:02X}{c:02X}{b:02X}{a:02X}-{f:02X}{e:02X}-{h:02X}{g:02X}-{i:02X}{j:02X}-{k:02X}{l:02X}{m:02X}{n:02X}{o:02X}{p:02X}}}"
    )
}

fn entry_facts(directory: &Directory, index: usize) -> Entry {
    let entry = &directory.entries[index];
    let seconds = i64::try_from(entry.modified / 10_000_000).unwrap_or(0) - WINDOWS_EPOCH;
    Entry {
        name: printable(&directory.path(index)),
        size: entry.size,
        kind: if entry.is_storage() { "storage" } else { "stream" },
        modified: (entry.modified != 0).then_some(seconds),
        ..Entry::default()
    }
}

/// Stream names begin with control characters by convention: `\x05SummaryInformation`.
fn printable(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() { '.' } else { letter }).collect()
}

fn judge(id: &str, directory: &Directory, document: &Document, findings: &mut Findings) {
    let has = |wanted: &str| directory.entries.iter().any(|entry| entry.name == wanted);
    if has("EncryptedPackage") || document.hints.is_encrypted {
        findings.add(
            Finding::new("encrypted-document", Severity::Low, 90, "The document is encrypted")
                .detail("Scanners on the way could not look inside.")
                .techniques(&["T1027.013"]),
        );
    }
    if id == "msi" && directory.entries.len() > 1 {
        findings.add(
            Finding::new(
                "installer-package",
                Severity::Info,
                90,
                "A Windows Installer package can run code when installed",
            )
            .techniques(&["T1218.007"]),
        );
    }
}
