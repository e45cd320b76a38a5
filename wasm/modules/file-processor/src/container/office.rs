//! What makes an Office document dangerous: macros and what they do, external templates, embedded files.

use module_kit::{Finding, Findings, Severity};

use super::ole;
use super::zip::Member;
use crate::limits::{MAX_INFLATED, MAX_INFLATED_PARTS};
use crate::reader::{find, text};

/// Procedures that run without being called.
const AUTOMATIC: [&str; 14] = [
    "autoopen",
    "auto_open",
    "autoexec",
    "autoclose",
    "auto_close",
    "document_open",
    "document_close",
    "document_new",
    "workbook_open",
    "workbook_activate",
    "workbook_beforeclose",
    "presentation_open",
    "slideshowbegin",
    "autonew",
];

/// Macro projects of a document that are read: honest ones have one.
const MAX_PROJECTS: usize = 4;

/// Words of macros that reach beyond the document.
const SUSPICIOUS: [&str; 20] = [
    "shell(",
    "shell ",
    "wscript.shell",
    "createobject",
    "getobject",
    "powershell",
    "cmd.exe",
    "urldownloadtofile",
    "xmlhttp",
    "winhttp",
    "adodb.stream",
    "callbyname",
    "virtualalloc",
    "createthread",
    "rtlmovememory",
    "environ(",
    "scriptcontrol",
    "winmgmts",
    "savetofile",
    "declare ptrsafe",
];

/// Findings for a package of parts (OOXML) by its members.
pub fn judge(id: &str, data: &[u8], members: &[Member], findings: &mut Findings) {
    if category_is_office(id) {
        macros(data, members, findings);
        relationships(data, members, findings);
        embedded(members, findings);
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

fn category_is_office(id: &str) -> bool {
    matches!(id, "docx" | "docm" | "xlsx" | "xlsm" | "xlsb" | "pptx" | "pptm" | "vsdx" | "ooxml")
}

fn macros(data: &[u8], members: &[Member], findings: &mut Findings) {
    // The first one need not be the one that Office takes.
    let projects = members.iter().filter(|member| member.name.to_ascii_lowercase().ends_with("vbaproject.bin"));
    for (index, project) in projects.enumerate() {
        if index >= MAX_PROJECTS {
            super::unread(Severity::Medium, "There are many macro projects.", findings);
            break;
        }
        let content = project.content(data).unwrap_or_default();
        // The project is a compound file of its own; its findings are those of this document.
        if ole::parse("vba-project", &content, findings).is_none() {
            judge_macros("", findings);
        }
    }
    if members.iter().any(|member| member.name.contains("xl/macrosheets/")) {
        findings.add(
            Finding::new("excel4-macros", Severity::Medium, 75, "The workbook has Excel 4.0 macro sheets")
                .techniques(&["T1059", "T1564.007"]),
        );
    }
}

/// Relationships with an external target: a template or an object that Office fetches when the document is opened.
fn relationships(data: &[u8], members: &[Member], findings: &mut Findings) {
    let mut left = MAX_INFLATED_PARTS;
    for part in members.iter().filter(|member| member.name.to_ascii_lowercase().ends_with(".rels")) {
        let mut content = part.content(data).unwrap_or_default();
        if content.len() >= MAX_INFLATED || content.len() > left {
            super::unread(Severity::Medium, "Relationships are longer than those of documents are.", findings);
        }
        left = left.saturating_sub(content.len());
        if left == 0 {
            break;
        }
        // So that UTF-16 is read too.
        content.retain(|&byte| byte != 0);
        // In well-formed XML this character begins a tag and nothing else.
        for tag in text(&content, MAX_INFLATED).split('<') {
            relation(tag, findings);
        }
    }
}

/// The value of an attribute, in quotes of either kind.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.match_indices(name).find_map(|(at, _)| {
        let value = tag[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        tag[..at].ends_with(|letter: char| letter.is_ascii_whitespace()).then_some(())?;
        value[1..].split_once(quote).map(|(value, _)| value)
    })
}

fn relation(tag: &str, findings: &mut Findings) {
    let name = tag.split_ascii_whitespace().next().unwrap_or_default();
    if name.rsplit(':').next() != Some("Relationship") {
        return;
    }
    let kind = attribute(tag, "Type").unwrap_or_default();
    let target = attribute(tag, "Target").unwrap_or_default();
    if attribute(tag, "TargetMode") != Some("External") || kind.ends_with("/hyperlink") {
        return;
    }
    let is_code =
        ["/attachedTemplate", "/oleObject", "/frame", "/externalLinkPath"].iter().any(|end| kind.ends_with(end));
    // Nobody writes a target in numbers but to hide it.
    let is_remote = target.contains("&#")
        || target.contains("://") && !target.to_ascii_lowercase().starts_with("file:///")
        || target.starts_with("\\\\")
        || target.starts_with("mhtml:");
    if is_code && is_remote && !kind.ends_with("/externalLinkPath") {
        findings.add(
            Finding::new(
                "external-template",
                Severity::High,
                80,
                "The document loads a template or object from elsewhere",
            )
            .quote(target)
            .techniques(&["T1221"]),
        );
    } else if is_remote {
        findings.add(
            Finding::new("external-reference", Severity::Low, 70, "The document refers to content elsewhere")
                .quote(target)
                .techniques(&["T1187"]),
        );
    }
}

fn embedded(members: &[Member], findings: &mut Findings) {
    let objects = members.iter().filter(|member| member.name.contains("/embeddings/") && member.name.ends_with(".bin"));
    let objects: Vec<_> = objects.map(|member| &member.name).collect();
    if !objects.is_empty() {
        findings.add(
            Finding::new("embedded-object", Severity::Low, 70, "The document carries embedded objects")
                .quotes(objects)
                .techniques(&["T1027.009"]),
        );
    }
}

/// Findings for a document with macros, from their source text as far as it could be read.
pub fn judge_macros(sources: &str, findings: &mut Findings) {
    let lower = sources.to_ascii_lowercase();
    let automatic: Vec<_> = AUTOMATIC.iter().filter(|name| lower.contains(*name)).collect();
    let suspicious: Vec<_> = SUSPICIOUS.iter().filter(|word| lower.contains(*word)).collect();
    findings.add(
        Finding::new("macros", Severity::Low, 90, "The document has VBA macros")
            .detail(format!("{} characters of source.", sources.chars().count()))
            .techniques(&["T1059.005"]),
    );
    if !automatic.is_empty() {
        let severity = if suspicious.is_empty() { Severity::Low } else { Severity::Medium };
        findings.add(
            Finding::new("auto-macros", severity, 85, "Macros run by themselves")
                .quotes(&automatic)
                .techniques(&["T1059.005", "T1204.002"]),
        );
    }
    if !suspicious.is_empty() {
        let severity = if automatic.is_empty() || suspicious.len() < 2 { Severity::Medium } else { Severity::High };
        findings.add(
            Finding::new("suspicious-macros", severity, 70, "Macros reach beyond the document")
                .quotes(&suspicious)
                .techniques(&["T1059.005", "T1106"]),
        );
    }
}

/// The source text in a module's stream, which is a compressed container ([MS-OVBA] 2.4.1) that begins with
/// `Attribut` behind a signature, a chunk header and a flag byte.
pub fn vba_source(stream: &[u8]) -> Option<String> {
    const ATTRIBUTE: &[u8] = b"\0Attribut";
    let found = find(stream, ATTRIBUTE)?;
    let start = found.checked_sub(3)?;
    (stream[start] == 1).then(|| text(&decompress(&stream[start + 1..]), MAX_INFLATED))
}

/// Chunks of at most 4,096 bytes: literals and copies from before, eight to a flag byte.
fn decompress(mut packed: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    while let [low, high, rest @ ..] = packed {
        let header = u16::from_le_bytes([*low, *high]);
        let size = usize::from(header & 0x0fff) + 1;
        let (chunk, behind) = rest.split_at(size.min(rest.len()));
        packed = behind;
        if output.len() >= MAX_INFLATED {
            break;
        }
        if header & 0x8000 == 0 {
            output.extend_from_slice(chunk);
        } else {
            decompress_chunk(chunk, &mut output);
        }
    }
    output
}

fn decompress_chunk(mut chunk: &[u8], output: &mut Vec<u8>) {
    let start = output.len();
    while let [flags, rest @ ..] = chunk {
        chunk = rest;
        for bit in 0..8 {
            if flags >> bit & 1 == 0 {
                let [byte, rest @ ..] = chunk else { return };
                output.push(*byte);
                chunk = rest;
            } else {
                let [low, high, rest @ ..] = chunk else { return };
                copy(u16::from_le_bytes([*low, *high]), start, output);
                chunk = rest;
            }
        }
    }
}

/// A copy's bits are shared between offset and length by how much of the chunk is there already.
fn copy(token: u16, start: usize, output: &mut Vec<u8>) {
    let written = output.len() - start;
    let offset_bits = (usize::BITS - written.saturating_sub(1).leading_zeros()).clamp(4, 12);
    let length_bits = 16 - offset_bits;
    let length = usize::from(token & ((1 << length_bits) - 1)) + 3;
    let offset = usize::from(token >> length_bits) + 1;
    for _ in 0..length.min(4_096) {
        let Some(at) = output.len().checked_sub(offset).filter(|&at| at >= start) else { return };
        output.push(output[at]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_examples_decompress() {
        // [MS-OVBA] 3.2.2, normal compression.
        let packed = [
            0x2f, 0xb0, 0x00, 0x23, 0x61, 0x61, 0x61, 0x62, 0x63, 0x64, 0x65, 0x82, 0x66, 0x00, 0x70, 0x61, 0x67, 0x68,
            0x69, 0x6a, 0x01, 0x38, 0x08, 0x61, 0x6b, 0x6c, 0x00, 0x30, 0x6d, 0x6e, 0x6f, 0x70, 0x06, 0x71, 0x02, 0x70,
            0x04, 0x10, 0x72, 0x73, 0x74, 0x75, 0x76, 0x10, 0x77, 0x78, 0x79, 0x7a, 0x00, 0x3c,
        ];
        assert_eq!(decompress(&packed), b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa");
        // [MS-OVBA] 3.2.3, maximum compression.
        let packed = [0x03, 0xb0, 0x02, 0x61, 0x45, 0x00];
        assert_eq!(decompress(&packed), [b'a'; 73]);
    }

    #[test]
    fn macros_that_start_by_themselves_and_start_programs_are_high() {
        let mut findings = Findings::default();
        judge_macros("Sub AutoOpen()\nCreateObject(\"WScript.Shell\").Run \"powershell\"\nEnd Sub", &mut findings);
        let found = findings.into_sorted();
        assert_eq!((found[0].id.as_str(), found[0].severity), ("suspicious-macros", Severity::High));
    }

    #[test]
    fn remote_templates_are_found_and_links_are_not() {
        let mut findings = Findings::default();
        relation(r#"Relationship Type="http://x/hyperlink" Target="http://a/" TargetMode="External"/"#, &mut findings);
        assert!(!findings.has("external-reference"));
        for tag in [
            r#"Relationship Type="http://x/attachedTemplate" Target="http://a/t.dotm" TargetMode="External"/>"#,
            "r:Relationship\nTargetMode = 'External' Target='http://a/t.dotm' Type='http://x/attachedTemplate' />",
            r#"Relationship Id=">" Type="/oleObject" Target="&#104;ttp:&#47;/a/t" TargetMode="External"/>"#,
        ] {
            let mut findings = Findings::default();
            relation(tag, &mut findings);
            assert!(findings.has("external-template"), "{tag}");
        }
    }
}
