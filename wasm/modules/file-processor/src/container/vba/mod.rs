//! VBA projects ([MS-OVBA]): their modules' source, and what it does.

mod compression;
mod pcode;
mod project;
mod words;

use module_kit::{Finding, Findings, Severity};

use self::compression::{decompress, find_source};
use self::project::{Kinds, Project};
use self::words::Weight;
use super::document::{Document, MAX_SOURCE, digest};
use super::ole::Directory;
use crate::charset;
use crate::facts::document::{Call, MacroModule, MacroProject};
use crate::limits::MAX_INFLATED_PARTS;

/// Macro projects of a document that are read: honest ones have one.
const MAX_PROJECTS: usize = 8;
/// Bytes of the source text of all macros: large projects have some hundred KiB.
const MAX_SOURCES: usize = 8 << 20;
const MAX_NAME: usize = 256;
/// Bytes of sources in which texts of the compiled form are looked for: a second's work.
const MAX_SEARCHED: usize = 1_000_000_000;

/// One module, whole.
struct Source {
    facts: MacroModule,
    text: String,
    compiled: Option<pcode::Compiled>,
}

/// Reads the projects in a compound file, which is at `place` in the document.
pub fn parse(directory: &mut Directory, place: &str, document: &mut Document, findings: &mut Findings) {
    let is_project = |index: &usize| {
        let entry = &directory.entries[*index];
        entry.is_storage() && entry.name.eq_ignore_ascii_case("VBA") && directory.find_in(*index, "dir").is_some()
    };
    let mut projects: Vec<usize> = (0..directory.entries.len()).filter(is_project).collect();
    if projects.len() > MAX_PROJECTS {
        super::unread(Severity::Medium, "There are many macro projects.", findings);
        projects.truncate(MAX_PROJECTS);
    }
    for &storage in &projects {
        let path = join(place, &directory.path(storage));
        read_project(directory, storage, path, document, findings);
    }
    let is_named = |name: &str| ["VBA", "_VBA_PROJECT_CUR", "_VBA_PROJECT"].contains(&name);
    if projects.is_empty() && directory.entries.iter().any(|entry| is_named(&entry.name)) {
        read_streams(directory, place, document, findings);
    }
}

fn join(place: &str, path: &str) -> String {
    if place.is_empty() { path.to_owned() } else { format!("{place}/{path}") }
}

fn read_project(
    directory: &mut Directory,
    vba: usize,
    place: String,
    document: &mut Document,
    findings: &mut Findings,
) {
    let read = |directory: &mut Directory, storage: Option<usize>, name: &str| {
        let found = storage.and_then(|storage| directory.find_in(storage, name));
        found.map(|index| directory.stream(index)).unwrap_or_default()
    };
    let listing = read(directory, Some(vba), "dir");
    let project = project::parse(&decompress(&listing).unwrap_or_default());
    if project.modules.is_empty() {
        findings.malformed("vba-project", "The project's directory cannot be read; its streams were searched instead.");
        return read_streams(directory, &place, document, findings);
    }
    let parent = directory.entries[vba].parent;
    let kinds = Kinds::parse(&read(directory, parent, "PROJECT"), project.code_page);
    let version = pcode::version(&read(directory, Some(vba), "_VBA_PROJECT"));
    let mut sources = Vec::new();
    let (mut left, mut text_left) = (MAX_INFLATED_PARTS, MAX_SOURCES);
    for module in &project.modules {
        // Many modules may name one stream, which has no source to pay with.
        let content = read(directory, Some(vba), &module.stream);
        left = left.saturating_sub(content.len());
        let source = (left > 0).then(|| read_module(module, kinds.of(module), project.code_page, &content, version));
        let Some((source, rest)) =
            source.and_then(|source| text_left.checked_sub(source.text.len()).map(|rest| (source, rest)))
        else {
            super::unread(Severity::Medium, "The macros are longer than those of documents are.", findings);
            break;
        };
        text_left = rest;
        sources.push(source);
    }
    judge_stomping(&sources, findings);
    judge_hidden(&project, &kinds, findings);
    keep(project, place, sources, document);
}

fn read_module(module: &project::Module, kind: &'static str, page: u16, stream: &[u8], version: Option<u16>) -> Source {
    let stated = usize::try_from(module.offset).unwrap_or(usize::MAX);
    let at_stated = stream.get(stated..).and_then(decompress).map(|text| (stated, text));
    let found = at_stated.or_else(|| find_source(stream).and_then(|at| Some((at, decompress(stream.get(at..)?)?))));
    let (offset, bytes) = found.unwrap_or((stated, Vec::new()));
    let compiled = version.and_then(|version| pcode::parse(&stream[..offset.min(stream.len())], version));
    let text = charset::decode_page(&bytes, page, bytes.len());
    let facts = MacroModule {
        name: module.name.clone(),
        kind,
        stream: module.stream.clone(),
        offset: offset as u64,
        ..describe(&bytes, &text)
    };
    Source { facts, text, compiled }
}

fn describe(bytes: &[u8], text: &str) -> MacroModule {
    MacroModule {
        size: bytes.len() as u64,
        sha256: digest(bytes),
        automatic: words::automatic(text),
        calls: words::calls(text),
        ..MacroModule::default()
    }
}

/// Modules of a project without a directory: streams that hold source after their p-code.
fn read_streams(directory: &mut Directory, place: &str, document: &mut Document, findings: &mut Findings) {
    let mut sources = Vec::new();
    let (mut left, mut text_left) = (MAX_INFLATED_PARTS, MAX_SOURCES);
    for index in 0..directory.entries.len() {
        let content = directory.stream(index);
        let found = find_source(&content).and_then(|at| Some((at, decompress(content.get(at..)?)?)));
        let (offset, bytes) = found.unwrap_or_default();
        left = left.saturating_sub(content.len() + bytes.len());
        text_left = text_left.saturating_sub(bytes.len());
        if left == 0 || text_left == 0 {
            super::unread(Severity::Medium, "The macros are longer than those of documents are.", findings);
            break;
        }
        if !bytes.is_empty() {
            let text = charset::decode_page(&bytes, 1252, bytes.len());
            let name = directory.entries[index].name.clone();
            let facts = MacroModule {
                stream: name.clone(),
                name,
                kind: "module",
                offset: offset as u64,
                ..describe(&bytes, &text)
            };
            sources.push(Source { facts, text, compiled: None });
        }
    }
    keep(Project::default(), place.to_owned(), sources, document);
}

fn keep(project: Project, place: String, sources: Vec<Source>, document: &mut Document) {
    // Together, since procedures call each other over the modules.
    let code: Vec<_> = sources.iter().map(|source| source.text.as_str()).filter(|text| has_code(text)).collect();
    document
        .source(format!("{}.bas", if project.name.is_empty() { "macros" } else { &project.name }), &code.join("\r\n"));
    let mut modules = Vec::new();
    for Source { facts, text, .. } in sources {
        let calls = facts.calls.into_iter().map(|call| Call { text: document.line(&call.text), ..call }).collect();
        let automatic = facts.automatic.iter().map(|name| document.line(name)).collect();
        modules.push(MacroModule {
            name: document.keep(&facts.name, MAX_NAME),
            stream: document.keep(&facts.stream, MAX_NAME),
            source: document.keep(&text, MAX_SOURCE),
            calls,
            automatic,
            ..facts
        });
        document.hints.obfuscated_macros |= words::is_obfuscated(&text);
    }
    let references = project.references.iter().map(|reference| document.keep(reference, MAX_NAME)).collect();
    let (place, name) = (document.line(&place), document.line(&project.name));
    document.facts.macros.push(MacroProject { place, name, code_page: project.code_page, references, modules });
}

/// Whether there is more than the attributes that Office writes into each module.
fn has_code(source: &str) -> bool {
    source.lines().any(|line| !line.trim().is_empty() && !line.starts_with("Attribute "))
}

/// A module whose compiled form says what its source does not.
fn judge_stomping(sources: &[Source], findings: &mut Findings) {
    let all: String = sources.iter().map(|source| source.text.as_str()).collect();
    let mut left = MAX_SEARCHED;
    for source in sources {
        let Some(compiled) = &source.compiled else { continue };
        let missing = pcode::missing(&compiled.texts, &all, &mut left);
        let is_empty = !has_code(&source.text);
        if missing.is_empty() && !(is_empty && compiled.lines > 3) {
            continue;
        }
        findings.add(
            Finding::new("vba-stomping", Severity::High, 75, "Compiled macros differ from their source")
                .detail(format!("The module {} has {} compiled lines.", source.facts.name, compiled.lines))
                .quotes(missing)
                .techniques(&["T1564.007"]),
        );
    }
}

/// Modules that the editor would not show.
fn judge_hidden(project: &Project, kinds: &Kinds, findings: &mut Findings) {
    let hidden: Vec<_> =
        project.modules.iter().filter(|module| !kinds.has(module)).map(|module| &module.name).collect();
    if !kinds.is_empty() && !hidden.is_empty() {
        findings.add(
            Finding::new("hidden-macros", Severity::Medium, 65, "Macro modules are hidden from the editor")
                .quotes(hidden)
                .techniques(&["T1564.007"]),
        );
    }
}

/// Findings for all projects of a document.
pub fn judge(document: &Document, findings: &mut Findings) {
    let projects = &document.facts.macros;
    if projects.is_empty() {
        return;
    }
    let modules = || projects.iter().flat_map(|project| &project.modules);
    let size: u64 = modules().map(|module| module.size).sum();
    findings.add(
        Finding::new("macros", Severity::Low, 90, "The document has VBA macros")
            .detail(format!("Modules: {}; bytes of source: {size}.", modules().count()))
            .techniques(&["T1059.005"]),
    );
    let automatic: Vec<_> = modules().flat_map(|module| &module.automatic).collect();
    let calls: Vec<(&MacroModule, &Call)> =
        modules().flat_map(|module| module.calls.iter().map(move |call| (module, call))).collect();
    let strong = calls.iter().any(|(_, call)| words::weight(call.word) == Weight::Strong);
    if !automatic.is_empty() {
        let severity = if strong { Severity::Medium } else { Severity::Low };
        findings.add(
            Finding::new("auto-macros", severity, 85, "Macros run by themselves")
                .quotes(&automatic)
                .techniques(&["T1059.005", "T1204.002"]),
        );
    }
    if !calls.is_empty() {
        let severity = match (strong, automatic.is_empty()) {
            (true, false) => Severity::High,
            (true, true) => Severity::Medium,
            (false, _) => Severity::Low,
        };
        let lines = calls.iter().map(|(module, call)| format!("{}:{}: {}", module.name, call.line, call.text));
        findings.add(
            Finding::new("suspicious-macros", severity, 70, "Macros reach beyond the document")
                .detail(format!("Lines of note: {}.", calls.len()))
                .quotes(lines)
                .techniques(&["T1059.005", "T1106"]),
        );
    }
    if document.hints.obfuscated_macros {
        findings.add(
            Finding::new("obfuscated-macros", Severity::Low, 60, "Macros put texts together from many pieces")
                .techniques(&["T1027.010"]),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(source: &str) -> Vec<(String, Severity)> {
        let mut document = Document::default();
        let facts = describe(source.as_bytes(), source);
        let source = Source { facts, text: source.to_owned(), compiled: None };
        keep(Project::default(), String::new(), vec![source], &mut document);
        let mut findings = Findings::default();
        judge(&document, &mut findings);
        findings.into_sorted().into_iter().map(|finding| (finding.id, finding.severity)).collect()
    }

    #[test]
    fn macros_that_start_by_themselves_and_start_programs_are_high() {
        let found = judged("Sub AutoOpen()\nCreateObject(\"WScript.Shell\").Run \"powershell\"\nEnd Sub");
        assert_eq!(found[0], ("suspicious-macros".into(), Severity::High));
    }

    #[test]
    fn honest_macros_stay_low() {
        let found = judged("Sub Document_Open()\nSet d = CreateObject(\"Scripting.Dictionary\")\nEnd Sub");
        assert!(found.iter().all(|(_, severity)| *severity <= Severity::Low), "{found:?}");
    }
}
