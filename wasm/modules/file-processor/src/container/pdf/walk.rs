//! What the objects of a file do: actions, scripts, attachments, forms.

use std::collections::{BTreeMap, HashSet};

use super::file::File;
use super::object::{Dictionary, Name, Object, text};
use crate::container::document::{Document, MAX_LINE};
use crate::container::xml;
use crate::facts::document::EmbeddedObject;
use crate::reader::text as utf8;

/// Objects in objects, as deep as they are read.
const MAX_DEPTH: u32 = 64;
/// Bytes of one text of a script.
const MAX_SCRIPT: usize = 4 << 20;

/// Names that say what an object does; nobody writes them with escapes but to hide them.
const TELLING: [&str; 20] = [
    "JavaScript",
    "JS",
    "Launch",
    "OpenAction",
    "AA",
    "EmbeddedFile",
    "EmbeddedFiles",
    "RichMedia",
    "XFA",
    "SubmitForm",
    "GoToR",
    "GoToE",
    "Encrypt",
    "JBIG2Decode",
    "URI",
    "AcroForm",
    "ImportData",
    "ObjStm",
    "Action",
    "Names",
];

/// What was seen, by the name that says so: how often, and where first (none within a packed stream).
#[derive(Default)]
pub struct Seen {
    pub names: BTreeMap<&'static str, (u64, Option<u64>)>,
    pub hidden_names: u64,
    pub pages: u64,
    /// Streams of attached files, which a file specification names.
    attachments: Vec<(u32, String)>,
    attached: HashSet<u32>,
    /// Where scripts are: position of the object that has the text, or the text itself.
    scripts: Vec<(String, Script)>,
    forms: Vec<u32>,
    /// Bytes of scripts' texts that were copied, and actions that were followed: many may share one text.
    script_bytes: usize,
    links: usize,
}

/// Of all scripts that are texts.
const MAX_SCRIPT_BYTES: usize = 16 << 20;
const MAX_LINKS: usize = 4_096;
/// Bytes of a file's name.
const MAX_FILE_NAME: usize = 4_096;

enum Script {
    Text(Vec<u8>),
    Stream(u32),
}

/// Walks all objects; of those that were replaced too.
pub fn walk(file: &mut File, document: &mut Document) -> Seen {
    let mut seen = Seen::default();
    for (position, object) in file.objects.iter().enumerate() {
        let place = Place {
            file,
            label: format!("object {}", object.number),
            offset: (!object.is_packed).then_some(object.offset as u64),
            is_latest: file.is_latest(position),
        };
        seen.object(&object.value, &place, document, 0);
    }
    if file.is_locked() {
        return seen;
    }
    attachments(&seen, file, document);
    scripts(&mut seen, file, document);
    forms(&seen, file, document);
    seen
}

struct Place<'a, 'b> {
    file: &'a File<'b>,
    label: String,
    offset: Option<u64>,
    is_latest: bool,
}

impl Seen {
    fn object(&mut self, object: &Object, place: &Place, document: &mut Document, depth: u32) {
        if depth > MAX_DEPTH {
            return;
        }
        match object {
            Object::Name(name) => self.name(name, place),
            Object::Array(items) => items.iter().for_each(|item| self.object(item, place, document, depth + 1)),
            Object::Dictionary(dictionary) => {
                let action = dictionary.name("S");
                for (name, value) in &dictionary.0 {
                    // `/S /URI /URI (...)` is one link.
                    if action == Some(&name.text) {
                        self.hidden_names += u64::from(name.is_hidden);
                    } else {
                        self.name(name, place);
                    }
                    self.object(value, place, document, depth + 1);
                }
                self.dictionary(dictionary, place, document);
            }
            _ => {}
        }
    }

    fn name(&mut self, name: &Name, place: &Place) {
        let Some(&known) = TELLING.iter().find(|known| **known == name.text) else { return };
        self.names.entry(known).or_insert((0, place.offset)).0 += 1;
        self.hidden_names += u64::from(name.is_hidden);
    }

    fn dictionary(&mut self, dictionary: &Dictionary, place: &Place, document: &mut Document) {
        if dictionary.is("Type", "Page") && place.is_latest {
            self.pages += 1;
        }
        // Texts that stay encrypted say nothing.
        if place.file.is_locked() {
            return;
        }
        if let Some(script) = dictionary.get("JS") {
            self.script(script, place);
        }
        if let Some(action) = dictionary.name("S").filter(|_| self.links < MAX_LINKS) {
            self.links += usize::from(link(action, dictionary, place, document));
        }
        if let Some(files) = dictionary.get("EF").map(|it| place.file.resolve(it)).and_then(Object::dictionary) {
            self.attached(dictionary, files, place);
        }
        if let Some(form) = dictionary.get("XFA") {
            self.form(form, place);
        }
    }

    fn script(&mut self, script: &Object, place: &Place) {
        if self.scripts.len() >= 4_096 || self.script_bytes >= MAX_SCRIPT_BYTES {
            return;
        }
        let found = match (script, place.file.resolve(script)) {
            (_, Object::Text(bytes)) => Script::Text(bytes[..bytes.len().min(MAX_SCRIPT)].to_vec()),
            (Object::Reference(number), _) => Script::Stream(*number),
            _ => return,
        };
        self.script_bytes += if let Script::Text(bytes) = &found { bytes.len() } else { 0 };
        self.scripts.push((place.label.clone(), found));
    }

    fn attached(&mut self, specification: &Dictionary, files: &Dictionary, place: &Place) {
        if self.attachments.len() >= 4_096 {
            return;
        }
        let name = ["UF", "F"].iter().find_map(|key| match place.file.resolve(specification.get(key)?) {
            Object::Text(bytes) => Some(text(&bytes[..bytes.len().min(MAX_FILE_NAME)])),
            _ => None,
        });
        for key in ["UF", "F", "DOS", "Mac", "Unix"] {
            if let Some(Object::Reference(number)) = files.get(key)
                && self.attachments.len() < 4_096
                && self.attached.insert(*number)
            {
                self.attachments.push((*number, name.clone().unwrap_or_default()));
            }
        }
    }

    /// The parts of a form in XML: one stream, or pairs of a name and a stream.
    fn form(&mut self, form: &Object, place: &Place) {
        let parts = match (form, place.file.resolve(form)) {
            (_, Object::Array(items)) => items.as_slice(),
            (Object::Reference(_), _) => std::slice::from_ref(form),
            _ => return,
        };
        let numbers =
            parts.iter().filter_map(|part| if let Object::Reference(number) = part { Some(*number) } else { None });
        self.forms.extend(numbers.take(256));
        self.forms.truncate(256);
    }
}

/// Actions that lead somewhere: whether it is one of them.
fn link(action: &str, dictionary: &Dictionary, place: &Place, document: &mut Document) -> bool {
    let kind = match action {
        "URI" => "uri",
        "Launch" => "launch",
        "SubmitForm" => "submit-form",
        "GoToR" => "remote-document",
        "GoToE" => "embedded-document",
        "ImportData" => "import-data",
        _ => return false,
    };
    let mut target = String::new();
    for key in ["URI", "F", "Win", "Mac", "Unix", "P", "D"] {
        if let Some(value) = dictionary.get(key) {
            add_target(&mut target, value, place, 0);
        }
    }
    document.link(kind, &target, &place.label);
    true
}

/// A text, or those of a file specification and of a program's parameters; no more than are listed.
fn add_target(target: &mut String, value: &Object, place: &Place, depth: u32) {
    if target.len() >= MAX_LINE {
        return;
    }
    match place.file.resolve(value) {
        Object::Text(bytes) => {
            let part = text(&bytes[..bytes.len().min(4_096)]);
            // A specification says the same by two keys.
            let is_told = target.strip_suffix(&part).is_some_and(|rest| rest.is_empty() || rest.ends_with(' '));
            if !part.is_empty() && !is_told {
                target.push_str(if target.is_empty() { "" } else { " " });
                target.push_str(&part);
            }
        }
        Object::Dictionary(dictionary) if depth < 2 => {
            for part in ["UF", "F", "P", "D"].iter().filter_map(|key| dictionary.get(key)) {
                add_target(target, part, place, depth + 1);
            }
        }
        _ => {}
    }
}

fn attachments(seen: &Seen, file: &mut File, document: &mut Document) {
    let mut named: Vec<(u32, String)> = seen.attachments.clone();
    let mut known = seen.attached.clone();
    // Streams that say what they are, though no specification names them.
    for object in &file.objects {
        let is_file = object.value.dictionary().is_some_and(|dictionary| dictionary.is("Type", "EmbeddedFile"));
        if is_file && named.len() < 4_096 && known.insert(object.number) {
            named.push((object.number, String::new()));
        }
    }
    for (number, name) in named {
        let Some(object) = file.by_number(number) else { continue };
        let offset = (!object.is_packed).then_some(object.offset as u64);
        let facts = EmbeddedObject { kind: "attachment", name, offset, ..EmbeddedObject::default() };
        if let Some(content) = file.content_of(number) {
            document.file(facts, &content);
        }
    }
}

fn scripts(seen: &mut Seen, file: &mut File, document: &mut Document) {
    for (place, script) in std::mem::take(&mut seen.scripts) {
        let bytes = match script {
            Script::Text(bytes) => bytes,
            Script::Stream(number) => match file.content_of(number) {
                Some(content) => content,
                None => continue,
            },
        };
        if !bytes.is_empty() {
            document.script("javascript", &place, &bytes, &text(&bytes));
        }
    }
}

/// Scripts in a form: `<script contentType="application/x-javascript">`.
fn forms(seen: &Seen, file: &mut File, document: &mut Document) {
    for &number in &seen.forms {
        let Some(content) = file.content_of(number) else { continue };
        let markup = utf8(&content, content.len());
        for piece in xml::pieces(&markup).filter(|piece| piece.name() == "script") {
            let source = piece.text();
            let is_other = piece.raw_attribute("contentType").is_some_and(|kind| !kind.contains("javascript"));
            let language = if is_other { "formcalc" } else { "javascript" };
            if !source.trim().is_empty() {
                document.script(language, &format!("form in object {number}"), source.as_bytes(), &source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::time::{Duration, Instant};

    use super::*;

    /// Objects that all refer to object 1, and how long it takes to see what they do.
    fn seconds(shared: &str, each: &str) -> (Duration, Document) {
        let mut data = format!("%PDF-1.7\n1 0 obj {shared} endobj\n");
        for number in 2..60_000 {
            let _ = writeln!(data, "{number} 0 obj {each} endobj");
        }
        let mut document = Document::default();
        let started = Instant::now();
        let mut file = File::parse(data.as_bytes());
        walk(&mut file, &mut document);
        (started.elapsed(), document)
    }

    #[test]
    fn many_that_share_something_large_do_not_multiply_it() {
        let entries = "/a 1 ".repeat(60_000);
        let dictionary = format!("<<{entries}>>");
        let texts = format!("<</UF ({0}) /F ({0}b) /P ({0}c) /D ({0}d)>>", "a".repeat(4_000));
        for (shared, each) in [
            (dictionary.as_str(), "<</EF 1 0 R>>"),
            (&dictionary, "<</S /Launch /F 1 0 R /Win 1 0 R>>"),
            (&dictionary, "<</S /Other /JS 1 0 R>>"),
            (&format!("[{}]", "1 ".repeat(60_000)), "<</XFA 1 0 R>>"),
            (&texts, "<</S /Launch /F 1 0 R /Win 1 0 R /Mac 1 0 R /Unix 1 0 R /P 1 0 R /D 1 0 R>>"),
        ] {
            let (elapsed, _) = seconds(shared, each);
            assert!(elapsed < Duration::from_secs(20), "{each}: {elapsed:?}");
        }
    }

    #[test]
    fn a_target_is_all_that_a_specification_says_once() {
        let (_, document) = seconds("<</UF (a.exe) /F (a.exe) /P (-x)>>", "<</S /Launch /F 1 0 R>>");
        assert_eq!(document.facts.links.first().map(|link| link.target.as_str()), Some("a.exe -x"));
    }
}
