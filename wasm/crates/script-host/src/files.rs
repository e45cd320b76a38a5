//! A disk that only exists here: what Windows has in its places, and what the script wrote.

use std::collections::BTreeMap;

use crate::journal::{APPENDED, Journal, LOST, REMOVED, WRITTEN};
use crate::limits::{KEPT_START, MAX_DISK, MAX_FILE, MAX_FILES};

#[derive(Debug, Default)]
pub struct Disk {
    /// By lower-case path.
    entries: BTreeMap<String, Entry>,
    used: usize,
    journal: Journal,
}

#[derive(Clone, Debug)]
struct Entry {
    /// As the script wrote it.
    path: String,
    /// None: a folder.
    content: Option<Vec<u8>>,
    /// It was there before the script.
    is_given: bool,
}

/// Folders and programs that scripts ask for.
const GIVEN_FOLDERS: [&str; 20] = [
    "C:",
    "C:\\Windows",
    "C:\\Windows\\System32",
    "C:\\Windows\\SysWOW64",
    "C:\\Windows\\Temp",
    "C:\\Windows\\Fonts",
    "C:\\Windows\\Microsoft.NET",
    "C:\\Windows\\Microsoft.NET\\Framework",
    "C:\\Windows\\Microsoft.NET\\Framework\\v2.0.50727",
    "C:\\Windows\\Microsoft.NET\\Framework\\v4.0.30319",
    "C:\\Windows\\System32\\WindowsPowerShell\\v1.0",
    "C:\\Program Files",
    "C:\\Program Files (x86)",
    "C:\\Program Files\\Internet Explorer",
    "C:\\ProgramData",
    "C:\\ProgramData\\Microsoft\\Windows\\Start Menu\\Programs\\Startup",
    "C:\\Users",
    "C:\\Users\\Public",
    "C:\\Users\\Public\\Documents",
    "C:\\inetpub",
];
/// What they hold, and so their copies.
pub const GIVEN_PROGRAM: &[u8] = b"MZ";
const GIVEN_PROGRAMS: [&str; 17] = [
    "C:\\Windows\\explorer.exe",
    "C:\\Windows\\notepad.exe",
    "C:\\Windows\\System32\\cmd.exe",
    "C:\\Windows\\System32\\wscript.exe",
    "C:\\Windows\\System32\\cscript.exe",
    "C:\\Windows\\System32\\mshta.exe",
    "C:\\Windows\\System32\\rundll32.exe",
    "C:\\Windows\\System32\\regsvr32.exe",
    "C:\\Windows\\System32\\schtasks.exe",
    "C:\\Windows\\System32\\certutil.exe",
    "C:\\Windows\\System32\\bitsadmin.exe",
    "C:\\Windows\\System32\\calc.exe",
    "C:\\Windows\\System32\\notepad.exe",
    "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
    "C:\\Windows\\SysWOW64\\WindowsPowerShell\\v1.0\\powershell.exe",
    "C:\\Windows\\Microsoft.NET\\Framework\\v4.0.30319\\RegAsm.exe",
    "C:\\Windows\\Microsoft.NET\\Framework\\v2.0.50727\\csc.exe",
];
const USER_FOLDERS: [&str; 12] = [
    "",
    "\\Desktop",
    "\\Documents",
    "\\Downloads",
    "\\Favorites",
    "\\AppData",
    "\\AppData\\Local",
    "\\AppData\\Local\\Temp",
    "\\AppData\\LocalLow",
    "\\AppData\\Roaming",
    "\\AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup",
    "\\AppData\\Roaming\\Microsoft\\Windows\\SendTo",
];

impl Disk {
    #[must_use]
    pub fn new(user: &str, script: &str, source: &[u8]) -> Self {
        let mut disk = Self::default();
        let mut give = |path: &str, content: Option<Vec<u8>>| {
            let entry = Entry { path: path.to_owned(), content, is_given: true };
            disk.entries.insert(key(path), entry);
        };
        GIVEN_FOLDERS.iter().for_each(|path| give(path, None));
        USER_FOLDERS.iter().for_each(|path| give(&format!("C:\\Users\\{user}{path}"), None));
        GIVEN_PROGRAMS.iter().for_each(|path| give(path, Some(GIVEN_PROGRAM.to_vec())));
        give(script, Some(source.to_vec()));
        disk
    }

    /// Notes from now on what is written and removed.
    #[must_use]
    pub fn noting(mut self, journal: Journal) -> Self {
        self.journal = journal;
        self
    }

    #[must_use]
    pub fn is_file(&self, path: &str) -> bool {
        self.entries.get(&key(path)).is_some_and(|entry| entry.content.is_some())
    }

    #[must_use]
    pub fn is_folder(&self, path: &str) -> bool {
        self.entries.get(&key(path)).is_some_and(|entry| entry.content.is_none())
    }

    #[must_use]
    pub fn read(&self, path: &str) -> Option<&[u8]> {
        self.entries.get(&key(path)).and_then(|entry| entry.content.as_deref())
    }

    /// False where the disk is full.
    pub fn write(&mut self, path: &str, content: Vec<u8>) -> bool {
        let before = self.read(path).map_or(0, <[u8]>::len);
        let used = self.used.saturating_sub(before) + content.len();
        let is_new = !self.entries.contains_key(&key(path));
        if content.len() > MAX_FILE || used > MAX_DISK || (is_new && self.entries.len() >= MAX_FILES) {
            return false;
        }
        self.used = used;
        self.note(WRITTEN, path, &content);
        let entry = Entry { path: path.to_owned(), content: Some(content), is_given: false };
        self.entries.insert(key(path), entry);
        true
    }

    /// False where the disk is full.
    pub fn append(&mut self, path: &str, more: &[u8]) -> bool {
        let found = self.entries.get_mut(&key(path)).filter(|entry| !entry.is_given);
        let Some(Entry { path: name, content: Some(content), .. }) = found else {
            return self.write(path, [self.read(path).unwrap_or_default(), more].concat());
        };
        if content.len() + more.len() > MAX_FILE || self.used + more.len() > MAX_DISK {
            return false;
        }
        content.extend_from_slice(more);
        path.clone_into(name);
        self.used += more.len();
        self.note(APPENDED, path, more);
        true
    }

    /// A part of a file is another file: of one that has no room, only that it was there and how it began.
    fn note(&mut self, kind: u8, path: &str, content: &[u8]) {
        if !self.journal.note_content(kind, &[path.as_bytes(), content]) {
            let whole = if kind == APPENDED { self.read(path).unwrap_or_default() } else { content };
            let start = whole.get(..whole.len().min(KEPT_START)).unwrap_or_default();
            self.journal.note(LOST, &[path.as_bytes(), start]);
        }
    }

    pub fn create_folder(&mut self, path: &str) -> bool {
        if self.entries.len() >= MAX_FILES {
            return false;
        }
        let entry = Entry { path: path.to_owned(), content: None, is_given: false };
        self.entries.entry(key(path)).or_insert(entry);
        true
    }

    /// A file, or a folder with all that is in it.
    pub fn remove(&mut self, path: &str) -> bool {
        let found = key(path);
        let inside = format!("{found}\\");
        let before = self.entries.len();
        let used = &mut self.used;
        self.entries.retain(|path, entry| {
            let stays = *path != found && !path.starts_with(&inside);
            if !stays {
                *used = used.saturating_sub(entry.content.as_ref().map_or(0, Vec::len));
            }
            stays
        });
        let is_gone = self.entries.len() < before;
        if is_gone {
            self.journal.note_content(REMOVED, &[path.as_bytes()]);
        }
        is_gone
    }

    /// Paths directly in a folder: files or folders.
    #[must_use]
    pub fn list(&self, folder: &str, files: bool) -> Vec<String> {
        let inside = format!("{}\\", key(folder));
        let is_in = |path: &str| path.strip_prefix(&inside).is_some_and(|name| !name.contains('\\'));
        let entries = self.entries.range(inside.clone()..).take_while(|(path, _)| path.starts_with(&inside));
        let fitting = entries.filter(|(path, entry)| is_in(path) && entry.content.is_some() == files);
        fitting.map(|(_, entry)| entry.path.clone()).collect()
    }

    /// What the script wrote and left there.
    pub fn into_written(self) -> impl Iterator<Item = (String, Vec<u8>)> {
        let written = self.entries.into_values().filter(|entry| !entry.is_given);
        written.filter_map(|entry| entry.content.map(|content| (entry.path, content)))
    }
}

fn key(path: &str) -> String {
    normal(path).to_lowercase()
}

/// Backslashes, no doubled ones, none at the end, no `\\?\`, `.` and `..` resolved.
#[must_use]
pub fn normal(path: &str) -> String {
    let path = path.trim().trim_matches('"').replace('/', "\\");
    let path = path.strip_prefix("\\\\?\\").unwrap_or(&path);
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('\\') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("\\");
    if path.starts_with("\\\\") { format!("\\\\{joined}") } else { joined }
}

#[must_use]
pub fn name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or_default()
}

#[must_use]
pub fn parent(path: &str) -> &str {
    path.rfind(['\\', '/']).and_then(|at| path.get(..at)).unwrap_or_default()
}

/// Without the point; empty for none.
#[must_use]
pub fn extension(path: &str) -> &str {
    name(path).rsplit_once('.').map_or("", |(_, extension)| extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_there_whatever_the_case() {
        let mut disk = Disk::new("u", "C:\\s.js", b"x");
        assert!(disk.write("C:\\Temp\\A.exe", b"MZ1".to_vec()));
        assert!(disk.append("c:/temp//a.EXE", b"2"));
        assert_eq!(disk.read("C:\\TEMP\\a.exe"), Some(&b"MZ12"[..]));
        assert_eq!(disk.list("C:\\temp", true), ["c:/temp//a.EXE"]);
        assert_eq!(disk.into_written().map(|(_, content)| content).collect::<Vec<_>>(), [b"MZ12"]);
    }

    #[test]
    fn what_was_there_before_is_added_to_as_well() {
        let mut disk = Disk::new("u", "C:\\s.js", b"x");
        assert!(disk.append("C:\\s.js", b"y"));
        assert_eq!(disk.read("C:\\S.JS"), Some(&b"xy"[..]));
        assert!(!disk.append("C:\\s.js", &vec![0; MAX_FILE]));
        assert_eq!(disk.into_written().map(|(path, _)| path).collect::<Vec<_>>(), ["C:\\s.js"]);
    }

    #[test]
    fn the_disk_is_finite() {
        let mut disk = Disk::new("u", "C:\\s.js", b"x");
        assert!(!disk.write("C:\\big", vec![0; MAX_FILE + 1]));
        assert!(disk.write("C:\\1", vec![0; MAX_FILE]));
        assert!(disk.write("C:\\2", vec![0; MAX_FILE]));
        assert!(!disk.write("C:\\3", vec![0; 1]));
        assert!(disk.remove("C:\\2"));
        assert!(disk.write("C:\\3", vec![0; 1]));
    }

    #[test]
    fn paths_are_made_plain() {
        assert_eq!(normal("C:\\a\\..\\b\\.\\\\c\\"), "C:\\b\\c");
        assert_eq!(normal("\\\\host\\share"), "\\\\host\\share");
        assert_eq!((name("a\\b.c"), parent("a\\b.c"), extension("a\\b.c")), ("b.c", "a", "c"));
    }
}
