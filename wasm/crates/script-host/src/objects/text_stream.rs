//! Files that are read and written as text, and the console.

use std::borrow::Cow;

use super::{Class, Object, class};
use crate::charset;
use crate::host::{Answer, Fault, Host};
use crate::limits::MAX_FILE;
use crate::met;
use crate::value::{Value, argument, text};

static CLASS: Class = Class {
    name: "TextStream",
    methods: &["Read", "ReadLine", "ReadAll", "Write", "WriteLine", "WriteBlankLines", "Skip", "SkipLine", "Close"],
    properties: &["AtEndOfStream", "AtEndOfLine", "Line", "Column"],
    quiet: &["AtEndOfStream", "AtEndOfLine", "Line", "Column", "Close", "Skip", "SkipLine"],
    default: "",
};

pub struct TextStream {
    name: &'static str,
    /// Empty: the console.
    path: String,
    /// What is read.
    characters: Vec<char>,
    at: usize,
    wide: bool,
}

impl TextStream {
    pub const fn console(name: &'static str) -> Self {
        Self { name, path: String::new(), characters: Vec::new(), at: 0, wide: false }
    }

    /// A file to read from, with what is in it.
    pub fn reading(path: String, content: &[u8]) -> Self {
        let characters = charset::source(content).chars().collect();
        Self { name: CLASS.name, path, characters, at: 0, wide: false }
    }

    pub const fn writing(path: String, wide: bool) -> Self {
        Self { name: CLASS.name, path, characters: Vec::new(), at: 0, wide }
    }

    fn take(&mut self, count: usize) -> String {
        let end = self.at.saturating_add(count).min(self.characters.len());
        let taken = self.characters.get(self.at..end).unwrap_or_default().iter().collect();
        self.at = end;
        taken
    }

    fn line(&mut self) -> String {
        let rest = self.characters.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&char| char == '\n').map_or(rest.len(), |at| at + 1);
        self.take(length).trim_end_matches(['\r', '\n']).to_owned()
    }

    fn write(&self, host: &mut Host, text: &str) -> Result<(), Fault> {
        if self.path.is_empty() {
            return Ok(());
        }
        if text.len() > MAX_FILE {
            met::meet("files");
            return Err(Fault::Thrown(61, "Disk full".to_owned()));
        }
        let content = if self.wide { charset::encode(text, "unicode") } else { charset::encode(text, "windows-1252") };
        host.write_file(&self.path, content, true)
    }
}

impl Object for TextStream {
    class!(CLASS);

    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.name)
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        let is_at_end = self.at >= self.characters.len();
        match member {
            "Read" | "ReadLine" | "ReadAll" if is_at_end && !self.path.is_empty() => {
                return Err(Fault::Thrown(62, "Input past end of file".to_owned()));
            }
            "Read" => return Ok(Value::text(self.take(usize::try_from(argument(args, 0).to_integer()).unwrap_or(0)))),
            "ReadLine" => return Ok(Value::text(self.line())),
            "ReadAll" => return Ok(Value::text(self.take(usize::MAX))),
            "Write" => self.write(host, &text(args, 0))?,
            "WriteLine" => self.write(host, &format!("{}\r\n", text(args, 0)))?,
            "WriteBlankLines" => {
                self.write(
                    host,
                    &"\r\n".repeat(usize::try_from(argument(args, 0).to_integer()).unwrap_or(0).min(1_000)),
                )?;
            }
            "Skip" => drop(self.take(usize::try_from(argument(args, 0).to_integer()).unwrap_or(0))),
            "SkipLine" => drop(self.line()),
            "AtEndOfStream" | "AtEndOfLine" => return Ok(Value::Bool(is_at_end)),
            "Line" | "Column" => return Ok(Value::number(1)),
            _ => {}
        }
        Ok(Value::Empty)
    }
}
