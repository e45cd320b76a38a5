//! What is said of a PDF.

use module_kit::{Finding, Findings, Severity, counted};

use super::file::File;
use super::object::{Dictionary, Object};
use super::walk::Seen;
use crate::container::document::Document;
use crate::facts::Category;
use crate::formats::{category_of, identify_embedded};
use memchr::memmem::find;

/// A name in the file that says what an object does.
struct Mark {
    name: &'static str,
    id: &'static str,
    title: &'static str,
    severity: Severity,
    techniques: &'static [&'static str],
}

const fn mark(
    name: &'static str,
    id: &'static str,
    severity: Severity,
    title: &'static str,
    techniques: &'static [&'static str],
) -> Mark {
    Mark { name, id, title, severity, techniques }
}

#[rustfmt::skip]
const MARKS: &[Mark] = &[
    mark("Launch", "pdf-launch", Severity::High, "The document starts a program", &["T1204.002"]),
    mark("OpenAction", "pdf-open-action", Severity::Info, "An action runs when the document is opened", &[]),
    mark("AA", "pdf-additional-action", Severity::Info, "Actions run on events of the document", &[]),
    mark("EmbeddedFile", "pdf-embedded-file", Severity::Low, "A file is attached to the document", &["T1027.009"]),
    mark("EmbeddedFiles", "pdf-embedded-file", Severity::Low, "A file is attached to the document", &["T1027.009"]),
    mark("RichMedia", "pdf-rich-media", Severity::Low, "The document has rich media (Flash)", &[]),
    mark("AcroForm", "pdf-form", Severity::Info, "The document has a form", &[]),
    mark("XFA", "pdf-xfa", Severity::Low, "The document has an XFA form, which may have scripts", &[]),
    mark("SubmitForm", "pdf-submit-form", Severity::Low, "A form is sent to a server", &["T1056.003"]),
    mark("ImportData", "pdf-import-data", Severity::Low, "A form is filled from another file", &[]),
    mark("GoToR", "pdf-remote", Severity::Low, "The document refers to another document", &["T1187"]),
    mark("GoToE", "pdf-remote", Severity::Low, "The document refers to another document", &["T1187"]),
    mark("JBIG2Decode", "pdf-jbig2", Severity::Info, "The document has JBIG2 images, whose decoders had flaws", &[]),
    mark("URI", "pdf-links", Severity::Info, "The document has links", &["T1566.002"]),
];

/// Words of scripts that attack or fetch, in whatever case they write them; forms have none of them.
const SUSPICIOUS: [&str; 16] = [
    "eval(",
    "unescape(",
    "fromCharCode",
    "launchURL",
    "exportDataObject",
    "importDataObject",
    "util.printf",
    "getIcon",
    "collectEmailInfo",
    "getAnnot",
    "%u9090",
    "media.newPlayer",
    "spell.customDictionaryOpen",
    "submitForm",
    "heap",
    "shellcode",
];
/// What makers of forms write by themselves, and printing.
const HARMLESS: [&str; 5] = ["AFNumber_", "AFDate_", "AFSpecial_", "AFSimple_", "this.print("];

pub fn judge(data: &[u8], file: &File, seen: &Seen, document: &Document, findings: &mut Findings) {
    marks(seen, document, findings);
    scripts(file, document, findings);
    if seen.hidden_names > 0 {
        findings.add(
            Finding::new(
                "pdf-hidden-names",
                Severity::High,
                80,
                "Names are written with escapes to hide from scanners",
            )
            .detail(counted(seen.hidden_names, "name") + ".")
            .techniques(&["T1027"]),
        );
    }
    if file.is_encrypted {
        let detail = if file.is_locked() { "It asks for a password." } else { "It opens without a password." };
        findings.add(
            Finding::new("pdf-encrypted", Severity::Low, 80, "The document is encrypted")
                .detail(detail)
                .techniques(&["T1027.013"]),
        );
    }
    table(data, findings);
    tail(data, findings);
}

fn marks(seen: &Seen, document: &Document, findings: &mut Findings) {
    for mark in MARKS {
        let Some(&(count, offset)) = seen.names.get(mark.name) else { continue };
        if findings.has(mark.id) {
            continue;
        }
        let place = if offset.is_some() { "" } else { ", the first within a compressed stream" };
        let mut finding = Finding::new(mark.id, mark.severity, 80, mark.title)
            .detail(format!("Seen {}{place}.", counted(count, "time")))
            .techniques(mark.techniques);
        if let Some(offset) = offset {
            finding = finding.at(offset, 1);
        }
        let kinds: &[&str] = match mark.name {
            "URI" => &["uri"],
            "Launch" => &["launch"],
            "SubmitForm" => &["submit-form"],
            "GoToR" | "GoToE" => &["remote-document", "embedded-document"],
            _ => &[],
        };
        let targets = document.facts.links.iter().filter(|link| kinds.contains(&link.kind)).map(|link| &link.target);
        findings.add(finding.quotes(targets));
    }
}

fn scripts(file: &File, document: &Document, findings: &mut Findings) {
    let scripts = &document.facts.scripts;
    if scripts.is_empty() {
        return;
    }
    let is_harmless = |source: &str| HARMLESS.iter().any(|begin| source.trim_start().starts_with(begin));
    let sources: Vec<String> = scripts.iter().map(|script| script.source.to_ascii_lowercase()).collect();
    let words = SUSPICIOUS.iter().copied();
    let words: Vec<&str> = words
        .filter(|word| {
            let word = word.to_ascii_lowercase();
            sources.iter().any(|source| source.contains(&word))
        })
        .collect();
    let severity = match (words.is_empty(), scripts.iter().all(|script| is_harmless(&script.source))) {
        (false, _) => Severity::High,
        (true, true) => Severity::Low,
        (true, false) => Severity::Medium,
    };
    findings.add(
        Finding::new("pdf-javascript", severity, 80, "The document has JavaScript")
            .detail(counted(scripts.len(), "script") + ".")
            .quotes(&words)
            .techniques(&["T1059.007"]),
    );
    if runs_at_once(file) && severity > Severity::Low {
        findings.add(
            Finding::new("pdf-automatic-javascript", severity, 75, "JavaScript runs when the document is opened")
                .techniques(&["T1059.007", "T1204.002"]),
        );
    }
}

/// One for each time that the file was changed, and events that a document has.
const MAX_CATALOGS: usize = 16;
const MAX_EVENTS: usize = 64;

/// Whether the catalog names a script for when it is opened.
fn runs_at_once(file: &File) -> bool {
    let catalog = file.trailer("Root").map(|root| file.resolve(root)).and_then(Object::dictionary);
    let catalogs = file.objects.iter().filter_map(|object| object.value.dictionary());
    let catalogs = catalogs.filter(|dictionary| dictionary.is("Type", "Catalog"));
    catalog.into_iter().chain(catalogs.take(MAX_CATALOGS)).any(|catalog| catalog_runs(catalog, file))
}

fn catalog_runs<'a>(catalog: &'a Dictionary, file: &'a File) -> bool {
    let target = |dictionary: &'a Dictionary, key: &str| {
        dictionary.get(key).map(|it| file.resolve(it)).and_then(Object::dictionary)
    };
    if target(catalog, "Names").is_some_and(|names| names.get("JavaScript").is_some()) {
        return true;
    }
    let mut action = target(catalog, "OpenAction");
    for _ in 0..8 {
        let Some(current) = action else { break };
        if current.get("JS").is_some() {
            return true;
        }
        action = target(current, "Next");
    }
    let events = target(catalog, "AA").map(|events| events.0.as_slice()).unwrap_or_default();
    events
        .iter()
        .take(MAX_EVENTS)
        .filter_map(|(_, event)| file.resolve(event).dictionary())
        .any(|event| event.get("JS").is_some())
}

/// Whether `startxref` leads to a cross-reference table.
fn table(data: &[u8], findings: &mut Findings) {
    let Some(at) = data.windows(9).rposition(|window| window == b"startxref") else { return };
    let digits: Vec<u8> = data[at + 9..]
        .iter()
        .copied()
        .skip_while(u8::is_ascii_whitespace)
        .take_while(u8::is_ascii_digit)
        .take(12)
        .collect();
    let place = std::str::from_utf8(&digits).ok().and_then(|digits| digits.parse::<usize>().ok()).unwrap_or(0);
    let there = data.get(place..).unwrap_or_default();
    let there = &there[..there.len().min(64)];
    let is_table = there.trim_ascii_start().starts_with(b"xref") || find(there, b"obj").is_some();
    if !is_table {
        findings.malformed("pdf-xref", "The cross-reference table is not where the end of the file says.");
    }
}

/// Another file behind the end.
fn tail(data: &[u8], findings: &mut Findings) {
    let Some(at) = data.windows(5).rposition(|window| window == b"%%EOF") else { return };
    let behind = data[at + 5..].trim_ascii_start();
    let format = identify_embedded(behind);
    let is_file = matches!(
        category_of(format),
        Some(Category::Executable | Category::Archive | Category::Script | Category::Installer)
    );
    if is_file || find(behind, b"PK\x05\x06").is_some() {
        let offset = data.len() - behind.len();
        findings.add(
            Finding::new("pdf-appended-file", Severity::Medium, 80, "Another file is behind the end of the document")
                .detail(format!("Its format: {format}."))
                .at(offset as u64, behind.len() as u64)
                .techniques(&["T1027.009"]),
        );
    }
}
