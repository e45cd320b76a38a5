//! The texts that `include` finds: those that the caller gave, and nothing else.

use std::collections::{BTreeMap, HashMap};
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits::{MAX_INCLUDE_DEPTH, MAX_INCLUDES, MAX_SOURCE};

/// By their names, which are relative to the folder of the text that includes them, or as it says.
pub struct Includes {
    texts: BTreeMap<String, String>,
    /// The name of the source that is being read.
    source: String,
    /// By what an `include` says: the text that it was last, and who said it.
    last: HashMap<String, (String, Option<String>)>,
    count: usize,
    bytes: usize,
}

/// The compiler wants what it calls to be `Sync`.
pub fn lock(includes: &Mutex<Includes>) -> MutexGuard<'_, Includes> {
    includes.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Includes {
    /// `bytes` are those of the sources.
    pub fn new(texts: BTreeMap<String, String>, bytes: usize) -> Self {
        Self { texts, source: String::new(), last: HashMap::new(), count: 0, bytes }
    }

    /// From now on that source is read.
    pub fn begin(&mut self, source: &str) {
        source.clone_into(&mut self.source);
        self.last.clear();
    }

    /// The text that `name` means in the text `from`; None is the source.
    ///
    /// # Errors
    /// Why it is not read.
    pub fn read(&mut self, name: &str, from: Option<&Path>) -> Result<String, Error> {
        let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidInput, why.to_owned()));
        let from = from.map(|path| path.to_string_lossy().into_owned());
        let Some(key) = self.find(name, from.as_deref()) else {
            return refuse("no text of that name came with the rules");
        };
        let text = self.texts.get(&key).cloned().unwrap_or_default();
        self.count += 1;
        self.bytes += text.len();
        if self.count > MAX_INCLUDES || self.bytes > MAX_SOURCE {
            return refuse("that is more than rules may have");
        }
        let mut above = from.as_ref();
        for depth in 0.. {
            match above.and_then(|said| self.last.get(said)) {
                Some((ancestor, _)) if *ancestor == key => return refuse("it includes itself"),
                Some(_) if depth >= MAX_INCLUDE_DEPTH => return refuse("includes are nested too deeply"),
                Some((_, said_by)) => above = said_by.as_ref(),
                None => break,
            }
        }
        self.last.insert(name.to_owned(), (key, from));
        Ok(text)
    }

    /// The name and the text of what an `include` said last.
    pub fn named(&self, said: &Path) -> (&str, &str) {
        let found = said.to_str().and_then(|said| self.last.get(said));
        let found = found.and_then(|(key, _)| self.texts.get_key_value(key));
        found.map_or(("", ""), |(name, text)| (name, text))
    }

    fn find(&self, name: &str, from: Option<&str>) -> Option<String> {
        let from = match from {
            Some(said) => self.last.get(said).map_or("", |(key, _)| key),
            None => &self.source,
        };
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        [joined(folder, name), Some(name.to_owned())].into_iter().flatten().find(|key| self.texts.contains_key(key))
    }
}

/// A path without `.` and `..`; none where it leads out of the texts.
fn joined(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(name.split(['/', '\\'])) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn paths_are_relative_to_the_folder_of_who_includes() {
        for (folder, name, path) in [
            ("", "a.yar", Some("a.yar")),
            ("x/y", "a.yar", Some("x/y/a.yar")),
            ("x/y", "./../a.yar", Some("x/a.yar")),
            ("x", "..\\b\\a.yar", Some("b/a.yar")),
            ("x", "../../a.yar", None),
        ] {
            assert_eq!(joined(folder, name).as_deref(), path);
        }
    }
}
