//! What is said of the objects and files inside of a document.

use module_kit::{Finding, Findings, Severity};

use super::document::Document;
use crate::facts::Category;
use crate::facts::document::EmbeddedObject;
use crate::formats::category_of;

/// Objects that have no place in honest documents any more, by words in their class.
const DANGEROUS: [(&str, &str); 6] = [
    ("equation.", "equation"),
    ("{0002ce02-", "equation"),
    ("{0002ce03-", "equation"),
    ("microsoft equation", "equation"),
    ("shockwaveflash", "flash"),
    ("{d27cdb6e-", "flash"),
];

pub fn judge(document: &Document, findings: &mut Findings) {
    let objects = &document.facts.objects;
    if objects.is_empty() {
        return;
    }
    let embedded: Vec<_> = objects.iter().filter(|object| object.kind != "attachment").map(label).collect();
    if !embedded.is_empty() {
        findings.add(
            Finding::new("embedded-object", Severity::Low, 80, "The document carries embedded objects")
                .quotes(embedded)
                .techniques(&["T1027.009"]),
        );
    }
    for object in objects {
        dangerous(object, findings);
        if object.class.eq_ignore_ascii_case("OLE2Link") {
            findings.add(
                Finding::new("object-link", Severity::Medium, 75, "An object is a link that is followed by itself")
                    .quote(&object.class)
                    .techniques(&["T1221"]),
            );
        }
        program(object, findings);
    }
    let packaged: Vec<_> = objects.iter().filter(|object| object.kind == "ole-package").map(label).collect();
    if !packaged.is_empty() {
        findings.add(
            Finding::new("packaged-file", Severity::Medium, 75, "The document carries a packaged file")
                .quotes(packaged)
                .techniques(&["T1027.009", "T1204.002"]),
        );
    }
}

fn label(object: &EmbeddedObject) -> &str {
    if object.name.is_empty() { &object.class } else { &object.name }
}

fn dangerous(object: &EmbeddedObject, findings: &mut Findings) {
    let class = object.class.to_ascii_lowercase();
    let kind = DANGEROUS.iter().find(|(word, _)| class.contains(word)).map(|row| row.1);
    if object.kind == "equation" || kind == Some("equation") {
        if findings.has("equation-object") {
            return;
        }
        findings.add(
            Finding::new("equation-object", Severity::High, 75, "The document carries an Equation Editor object")
                .detail("The editor was removed from Office for its flaws (CVE-2017-11882); such objects are rare otherwise.")
                .quote(&object.class)
                .techniques(&["T1203"]),
        );
    } else if kind == Some("flash") {
        findings.add(
            Finding::new("flash-object", Severity::Medium, 75, "The document carries a Flash object")
                .quote(&object.class)
                .techniques(&["T1203"]),
        );
    }
}

/// A file that runs when it is opened, by its content or its name.
fn program(object: &EmbeddedObject, findings: &mut Findings) {
    let is_program = matches!(category_of(object.format), Some(Category::Executable | Category::Installer));
    let is_named = super::is_program(&object.name);
    if !is_program && !is_named {
        return;
    }
    let (id, title) = if object.kind == "attachment" {
        ("attached-program", "A program is attached")
    } else {
        ("embedded-executable", "The document carries a program")
    };
    findings.add(
        Finding::new(id, Severity::High, 85, title)
            .detail(format!("Its format: {}.", object.format))
            .quote(label(object))
            .techniques(&["T1027.009", "T1204.002"]),
    );
}
