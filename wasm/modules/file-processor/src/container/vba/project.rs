//! The project's own streams ([MS-OVBA] 2.3): `dir`, which says what modules there are, and `PROJECT`, which says of
//! what kind.

use std::collections::HashMap;

use crate::charset;
use crate::reader::{Reader, text_utf16};

/// Modules of a project: the largest honest ones have some hundreds.
const MAX_MODULES: usize = 1_024;
const MAX_REFERENCES: usize = 64;
const MAX_NAME: usize = 256;

/// A module as the `dir` stream has it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Module {
    pub name: String,
    pub stream: String,
    /// Where the source begins in its stream.
    pub offset: u32,
    is_procedural: bool,
}

#[derive(Debug, Default)]
pub struct Project {
    pub name: String,
    pub code_page: u16,
    pub references: Vec<String>,
    pub modules: Vec<Module>,
}

/// Reads the decompressed `dir` stream: records of an id, a size and content. Of a damaged one, what came before.
pub fn parse(data: &[u8]) -> Project {
    let reader = Reader::little(data);
    let mut project = Project { code_page: 1252, ..Project::default() };
    let mut at = 0;
    while let (Some(id), Some(size)) = (reader.u16(at), reader.u32(at + 2)) {
        // PROJECTVERSION says 4 where 6 bytes follow.
        let size = if id == 9 { 6 } else { u64::from(size) };
        let Some(content) = reader.slice(at + 6, size) else { break };
        at += 6 + size;
        if id == 0x10 || project.modules.len() > MAX_MODULES {
            break;
        }
        record(id, content, &mut project);
    }
    project.modules.truncate(MAX_MODULES);
    project
}

fn record(id: u16, content: &[u8], project: &mut Project) {
    let content = &content[..content.len().min(8 * MAX_NAME)];
    let text = |content| charset::decode_page(content, project.code_page, MAX_NAME);
    let reader = Reader::little(content);
    match id {
        0x03 => project.code_page = reader.u16(0).unwrap_or(1252),
        0x04 => project.name = text(content),
        0x0d | 0x0e | 0x2f if project.references.len() < MAX_REFERENCES => {
            let reference = text(reader.upto(4, reader.u32(0).map_or(0, u64::from)));
            project.references.extend((!reference.is_empty()).then_some(reference));
        }
        0x19 => {
            let name = text(content);
            project.modules.push(Module { name, ..Module::default() });
        }
        _ => {
            let text = text(content);
            if let Some(module) = project.modules.last_mut() {
                module_record(id, content, text, module);
            }
        }
    }
}

fn module_record(id: u16, content: &[u8], text: String, module: &mut Module) {
    match id {
        0x47 if !content.is_empty() => module.name = text_utf16(content, MAX_NAME),
        0x1a => module.stream = text,
        0x32 if !content.is_empty() => module.stream = text_utf16(content, MAX_NAME),
        0x31 => module.offset = Reader::little(content).u32(0).unwrap_or(0),
        0x21 => module.is_procedural = true,
        _ => {}
    }
}

/// Kinds of modules by their names in lower case, from the `PROJECT` stream.
pub struct Kinds(HashMap<String, &'static str>);

impl Kinds {
    pub fn parse(project: &[u8], code_page: u16) -> Self {
        let text = charset::decode_page(project, code_page, 64 << 10);
        let kind = |line: &str| {
            let (key, name) = line.split_once('=')?;
            let kind = match key.trim().to_ascii_lowercase().as_str() {
                "module" => "module",
                "class" => "class",
                "baseclass" => "form",
                "document" => "document",
                _ => return None,
            };
            Some((name.split('/').next().unwrap_or_default().trim().to_lowercase(), kind))
        };
        // Sections in brackets are about windows.
        Self(text.lines().take_while(|line| !line.starts_with('[')).filter_map(kind).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn has(&self, module: &Module) -> bool {
        self.0.contains_key(&module.name.to_lowercase())
    }

    pub fn of(&self, module: &Module) -> &'static str {
        let known = self.0.get(&module.name.to_lowercase()).copied();
        known.unwrap_or(if module.is_procedural { "module" } else { "class" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: u16, content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len()).unwrap_or(0);
        [&id.to_le_bytes()[..], &size.to_le_bytes(), content].concat()
    }

    #[test]
    fn a_directory_is_read_through_its_odd_version_record() {
        let version = [&9_u16.to_le_bytes()[..], &4_u32.to_le_bytes(), &[1, 2, 3, 4, 5, 6]].concat();
        let data = [
            record(3, &1251_u16.to_le_bytes()),
            record(4, &[0xcf, 0xf0]),
            version,
            record(0x0d, &[&3_u32.to_le_bytes()[..], b"*\\G\0\0"].concat()),
            record(0x19, b"Module1"),
            record(0x1a, b"Strm"),
            record(0x31, &77_u32.to_le_bytes()),
            record(0x21, b""),
            record(0x10, b""),
            record(0x19, b"behind the end"),
        ];
        let project = parse(&data.concat());
        assert_eq!((project.name.as_str(), project.code_page), ("Пр", 1251));
        assert_eq!(project.references, ["*\\G"]);
        let expected = Module { name: "Module1".into(), stream: "Strm".into(), offset: 77, is_procedural: true };
        assert_eq!(project.modules, [expected]);
    }

    #[test]
    fn kinds_are_what_the_project_says() {
        let kinds =
            Kinds::parse(b"ID=\"{0}\"\r\nDocument=ThisDocument/&H00\r\nBaseClass=Form1\r\n[Host]\r\nModule=no", 1252);
        let module = |name: &str| Module { name: name.to_owned(), ..Module::default() };
        assert_eq!((kinds.of(&module("thisdocument")), kinds.of(&module("Form1"))), ("document", "form"));
        assert!(!kinds.has(&module("no")));
    }
}
