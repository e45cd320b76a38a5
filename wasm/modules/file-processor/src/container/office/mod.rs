//! Office documents as packages of parts (OOXML): macros, macro sheets, fields, relationships, controls.

mod flat;

use module_kit::{Finding, Findings, Severity};

use super::document::Document;
use super::xml::{self, Piece};
use super::zip::Member;
use super::{fields, ole, xlm};
use crate::facts::document::{EmbeddedObject, MacroProject};
use crate::limits::{MAX_INFLATED, MAX_INFLATED_PARTS};

pub use self::flat::{decode_base64, mime_part, parse as flat};

/// Macro projects of a document that are read: honest ones have one.
const MAX_PROJECTS: usize = 4;
/// Parts that hold text, and so fields.
const TEXT_PARTS: [&str; 8] =
    ["document", "header", "footer", "footnotes", "endnotes", "comments", "glossary", "settings"];

/// The parts of a package, with what may still be unpacked of them.
pub struct Parts<'a> {
    data: &'a [u8],
    members: &'a [Member],
    left: usize,
    is_unread: bool,
}

impl Parts<'_> {
    /// Content of a part; empty if there is no room for it.
    pub fn content(&mut self, member: &Member) -> Vec<u8> {
        if self.left == 0 {
            self.is_unread = true;
            return Vec::new();
        }
        let content = member.content(self.data).unwrap_or_default();
        self.is_unread |= content.len() >= MAX_INFLATED || content.len() > self.left;
        self.left = self.left.saturating_sub(content.len());
        content
    }

    pub fn text(&mut self, member: &Member) -> String {
        xml::decode(self.content(member))
    }

    /// A part by its name, in whatever case.
    pub fn by_name(&mut self, name: &str) -> Option<Vec<u8>> {
        let member = self.members.iter().find(|member| member.name.eq_ignore_ascii_case(name))?;
        Some(self.content(member))
    }
}

/// Reads a package by its members.
pub fn read(id: &str, data: &[u8], members: &[Member], document: &mut Document, findings: &mut Findings) {
    if is_office(id) {
        let mut parts = Parts { data, members, left: MAX_INFLATED_PARTS, is_unread: false };
        macros(&mut parts, document, findings);
        relationships(&mut parts, document);
        xlm::package(&mut parts, members, document);
        text_parts(&mut parts, document);
        controls(&mut parts, document, findings);
        if parts.is_unread {
            super::unread(Severity::Medium, "Parts are longer than those of documents are.", findings);
        }
    }
    if id == "apk" || id == "jar" {
        let natives = members.iter().filter(|member| member.name.ends_with(".so") || member.name.ends_with(".dll"));
        let natives: Vec<_> = natives.map(|member| &member.name).collect();
        if !natives.is_empty() {
            findings.add(
                Finding::new("native-code", Severity::Info, 80, "The package carries native code").quotes(natives),
            );
        }
    }
}

fn is_office(id: &str) -> bool {
    matches!(id, "docx" | "docm" | "xlsx" | "xlsm" | "xlsb" | "pptx" | "pptm" | "vsdx" | "ooxml")
}

fn macros(parts: &mut Parts, document: &mut Document, findings: &mut Findings) {
    // The first one need not be the one that Office takes.
    let is_project = |member: &&Member| member.name.to_ascii_lowercase().ends_with("vbaproject.bin");
    for (index, project) in parts.members.iter().filter(is_project).enumerate() {
        if index >= MAX_PROJECTS {
            super::unread(Severity::Medium, "There are many macro projects.", findings);
            break;
        }
        let content = parts.content(project);
        project_part(&content, &project.name, document, findings);
    }
}

/// The project is a compound file of its own. One that cannot be read is told all the same.
pub fn project_part(content: &[u8], place: &str, document: &mut Document, findings: &mut Findings) {
    if !ole::project(content, place, document, findings) {
        let place = document.line(place);
        document.facts.macros.push(MacroProject { place, ..MacroProject::default() });
    }
}

/// Relationships with an external target: a template or an object that Office fetches when the document is opened.
fn relationships(parts: &mut Parts, document: &mut Document) {
    for part in parts.members.iter().filter(|member| member.name.to_ascii_lowercase().ends_with(".rels")) {
        for piece in xml::pieces(&parts.text(part)) {
            relation(&piece, &part.name, document);
        }
    }
}

pub fn relation(piece: &Piece, place: &str, document: &mut Document) {
    if piece.name() != "Relationship" || piece.raw_attribute("TargetMode") != Some("External") {
        return;
    }
    let kind = piece.raw_attribute("Type").unwrap_or_default();
    let kind = match kind.rsplit('/').next().unwrap_or_default() {
        "hyperlink" => "hyperlink",
        "attachedTemplate" => "template",
        "oleObject" => "ole-link",
        "frame" => "frame",
        _ => "external",
    };
    let target = piece.attribute("Target").unwrap_or_default();
    document.link(kind, &target, place);
}

fn text_parts(parts: &mut Parts, document: &mut Document) {
    for part in parts.members {
        let lower = part.name.to_ascii_lowercase();
        let stem = lower.rsplit('/').next().unwrap_or_default();
        let is_text =
            lower.starts_with("word/") && lower.ends_with(".xml") && TEXT_PARTS.iter().any(|it| stem.starts_with(it));
        if is_text || lower.starts_with("xl/externallinks/") && lower.ends_with(".xml") {
            fields::markup(&parts.text(part), &part.name, document);
        } else if lower.starts_with("xl/externallinks/") && lower.ends_with(".bin") {
            xlm::binary_link(&parts.content(part), &part.name, document);
        }
    }
}

/// Controls (ActiveX), whose parts name their classes.
fn controls(parts: &mut Parts, document: &mut Document, findings: &mut Findings) {
    let is_control =
        |member: &&Member| member.name.to_ascii_lowercase().contains("/activex/") && member.name.ends_with(".xml");
    let mut classes = Vec::new();
    for part in parts.members.iter().filter(is_control).take(64) {
        let text = parts.text(part);
        let Some(class) = xml::pieces(&text).find_map(|piece| piece.attribute("classid")) else { continue };
        let object =
            EmbeddedObject { kind: "activex", class: class.clone(), name: part.name.clone(), ..Default::default() };
        document.list(object);
        classes.push(class);
    }
    if !classes.is_empty() {
        findings.add(
            Finding::new("activex", Severity::Low, 80, "The document has ActiveX controls")
                .quotes(classes)
                .techniques(&["T1559.001"]),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_templates_are_links_of_their_kind() {
        let text = "<Relationship Type=\"http://x/hyperlink\" Target=\"http://a/\" TargetMode=\"External\"/>\
            <r:Relationship\nTargetMode = 'External' Target='http://a/t.dotm' Type='http://x/attachedTemplate' />\
            <Relationship Id=\">\" Type=\"/oleObject\" Target=\"&#104;ttp:&#47;/a/t\" TargetMode=\"External\"/>\
            <Relationship Type=\"http://x/image\" Target=\"media/1.png\"/>";
        let mut document = Document::default();
        xml::pieces(text).for_each(|piece| relation(&piece, "p", &mut document));
        let links: Vec<_> = document.facts.links.iter().map(|link| (link.kind, link.target.as_str())).collect();
        assert_eq!(links, [("hyperlink", "http://a/"), ("template", "http://a/t.dotm"), ("ole-link", "http://a/t")]);
    }
}
