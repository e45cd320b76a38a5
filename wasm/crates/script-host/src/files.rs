//! A disk that only exists here: what Windows has in its places, and what the script wrote.

use std::collections::BTreeMap;

use crate::journal::{APPENDED, Journal, LOST, REMOVED, WRITTEN};
use crate::limits::{KEPT_START, MAX_DISK, MAX_FILE, MAX_FILES};
use crate::met;
use crate::trace::cut;

#[derive(Debug, Default)]
pub struct Disk {
    /// By lower-case path.
    entries: BTreeMap<String, Entry>,
    used: usize,
    journal: Journal,
    /// How many files were noted.
    noted: u32,
}

#[derive(Clone, Debug)]
struct Entry {
    /// As the script wrote it.
    path: String,
    /// None: a folder.
    content: Option<Vec<u8>>,
    /// It was there before the script.
    is_given: bool,
    noted: Noted,
}

/// What was noted of a file, in the journal's words.
#[derive(Clone, Debug, Default)]
struct Noted {
    /// Its number; 0: it was not noted. Paths are cut, and may be the same ones then.
    number: u32,
    /// How it began when it was noted that its content has no room.
    lost: Option<Vec<u8>>,
}

impl Entry {
    fn new(path: &str, content: Option<Vec<u8>>, is_given: bool) -> Self {
        Self { path: path.to_owned(), content, is_given, noted: Noted::default() }
    }
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
            disk.entries.insert(key(path), Entry::new(path, content, true));
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
            met::meet("files");
            return false;
        }
        self.used = used;
        let mut entry = Entry::new(path, Some(content), false);
        if let Some(before) = self.entries.remove(&key(path)) {
            entry.noted = before.noted;
        }
        note(&mut self.journal, &mut self.noted, &mut entry, None);
        self.entries.insert(key(path), entry);
        true
    }

    /// False where the disk is full.
    pub fn append(&mut self, path: &str, more: &[u8]) -> bool {
        let found = self.entries.get_mut(&key(path)).filter(|entry| !entry.is_given);
        let Some(entry @ Entry { content: Some(_), .. }) = found else {
            return self.write(path, [self.read(path).unwrap_or_default(), more].concat());
        };
        let content = entry.content.get_or_insert_default();
        if content.len() + more.len() > MAX_FILE || self.used + more.len() > MAX_DISK {
            return false;
        }
        content.extend_from_slice(more);
        let is_renamed = entry.path != path;
        path.clone_into(&mut entry.path);
        self.used += more.len();
        note(&mut self.journal, &mut self.noted, entry, Some((more, is_renamed)));
        true
    }

    pub fn create_folder(&mut self, path: &str) -> bool {
        if self.entries.len() >= MAX_FILES {
            return false;
        }
        self.entries.entry(key(path)).or_insert_with(|| Entry::new(path, None, false));
        true
    }

    /// A file, or a folder with all that is in it.
    pub fn remove(&mut self, path: &str) -> bool {
        let found = key(path);
        let inside = format!("{found}\\");
        let before = self.entries.len();
        let (used, journal) = (&mut self.used, &self.journal);
        self.entries.retain(|path, entry| {
            let stays = *path != found && !path.starts_with(&inside);
            if !stays {
                *used = used.saturating_sub(entry.content.as_ref().map_or(0, Vec::len));
                if entry.noted.number > 0 {
                    journal.note(REMOVED, &[&entry.noted.number.to_le_bytes()]);
                }
            }
            stays
        });
        self.entries.len() < before
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

/// Notes that a file was written, or what was added to it, and whether its path is spelt another way now. A part of a file is
/// another file: of one that has no room, only that it was there and how it began, once and again where that changes.
fn note(journal: &mut Journal, noted: &mut u32, entry: &mut Entry, more: Option<(&[u8], bool)>) {
    let content = entry.content.as_deref().unwrap_or_default();
    let path = cut(&entry.path);
    let number = if entry.noted.number > 0 { entry.noted.number } else { noted.saturating_add(1) };
    let named = number.to_le_bytes();
    let is_kept = entry.noted.lost.is_none()
        && match more.filter(|_| entry.noted.number > 0) {
            Some((more, false)) => journal.note_content(APPENDED, &[&named, more]),
            Some((more, true)) => journal.note_content(APPENDED, &[&named, more, path.as_bytes()]),
            None => journal.note_content(WRITTEN, &[&named, path.as_bytes(), content]),
        };
    let start = content.get(..content.len().min(KEPT_START)).unwrap_or_default();
    let is_new = entry.noted.number == 0;
    if !is_kept {
        let is_told = match &entry.noted.lost {
            Some(before) => before == start,
            // Of an empty one nothing is lost.
            None => is_new && start.is_empty(),
        };
        if is_told {
            return;
        }
        let is_first = entry.noted.lost.is_none();
        entry.noted.lost = Some(start.to_vec());
        if !journal.note_lost(&[&named, path.as_bytes(), start]) {
            if is_first {
                // What was noted before is not the file any more.
                if !is_new {
                    journal.note(REMOVED, &[&named]);
                }
                journal.note_lost(&[]);
            }
            return;
        }
    }
    entry.noted.number = number;
    *noted = number.max(*noted);
}

/// Files of a run that was stopped, by their numbers.
#[derive(Debug, Default)]
pub struct Kept(BTreeMap<u32, KeptFile>);

#[derive(Debug, Default)]
struct KeptFile {
    path: String,
    content: Vec<u8>,
    /// The content is only a beginning.
    is_lost: bool,
}

impl Kept {
    /// Does again what a record says was done to a file; false for one of something else.
    pub fn replay(&mut self, kind: u8, fields: &[&[u8]]) -> bool {
        let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
        let number = |field: &[u8]| field.first_chunk().map_or(0, |number| u32::from_le_bytes(*number));
        match (kind, fields) {
            (WRITTEN | LOST, [named, path, content]) => {
                let file = KeptFile { path: text(path), content: content.to_vec(), is_lost: kind == LOST };
                self.0.insert(number(named), file);
            }
            (APPENDED, [named, more, path @ ..]) => {
                if let Some(file) = self.0.get_mut(&number(named)).filter(|file| !file.is_lost) {
                    file.content.extend_from_slice(more);
                    if let Some(path) = path.first() {
                        file.path = text(path);
                    }
                }
            }
            (REMOVED, [named]) => drop(self.0.remove(&number(named))),
            _ => return false,
        }
        true
    }

    /// Those that are whole, and those of which there is a beginning, in the order of a disk.
    #[must_use]
    pub fn into_written(self) -> [Vec<(String, Vec<u8>)>; 2] {
        let mut files: Vec<KeptFile> = self.0.into_values().filter(|file| !file.content.is_empty()).collect();
        files.sort_by_cached_key(|file| key(&file.path));
        let (lost, whole): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.is_lost);
        [whole, lost].map(|files| files.into_iter().map(|file| (file.path, file.content)).collect())
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
    use std::cell::RefCell;

    use super::*;
    use crate::journal::records;
    use crate::limits::MAX_KEPT_CONTENT;

    thread_local! {
        static KEPT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }

    fn keep(record: &[u8]) -> bool {
        KEPT.with_borrow_mut(|kept| kept.extend_from_slice(record));
        true
    }

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

    fn told(kept: &[u8]) -> [Vec<(String, Vec<u8>)>; 2] {
        let mut files = Kept::default();
        records(kept).for_each(|(kind, fields)| assert!(files.replay(kind, &fields) || fields.is_empty()));
        files.into_written()
    }

    /// What is kept of what is done to a disk.
    fn kept_of(does: impl FnOnce(&mut Disk)) -> Vec<u8> {
        KEPT.take();
        does(&mut Disk::new("u", "C:\\s.js", b"x").noting(Journal::new(Some(keep))));
        KEPT.take()
    }

    fn fill(disk: &mut Disk) {
        assert!(disk.write("C:\\full", vec![1; MAX_KEPT_CONTENT]));
    }

    #[test]
    fn paths_that_are_kept_are_short() {
        let kept = kept_of(|disk| {
            for number in 0..9 {
                let path = format!("C:\\{}{number}", "x".repeat(1 << 20));
                assert!(disk.write(&path, Vec::new()));
                assert!(disk.append(&path, &[number]));
            }
            assert!(disk.remove(&format!("C:\\{}3", "x".repeat(1 << 20))));
        });
        assert!(kept.len() < 20_000, "{}", kept.len());
        let [whole, lost] = told(&kept);
        let contents: Vec<u8> = whole.iter().map(|(_, content)| content[0]).collect();
        assert_eq!((contents, lost.len()), (vec![0, 1, 2, 4, 5, 6, 7, 8], 0));
        assert!(whole[0].0.ends_with('\u{2026}'));
    }

    #[test]
    fn of_a_file_that_has_no_room_the_beginning_is_kept_once() {
        let kept = kept_of(|disk| {
            fill(disk);
            assert!(disk.write("C:\\a.exe", Vec::new()));
            for part in [&b"M"[..], b"Z", &[0; 100]] {
                assert!(disk.append("C:\\a.exe", part));
            }
            let before = KEPT.with_borrow(Vec::len);
            (0..500).for_each(|_| assert!(disk.append("C:\\A.exe", b"x")));
            assert_eq!(before, KEPT.with_borrow(Vec::len));
        });
        let [whole, lost] = told(&kept);
        let [(path, start), full] = lost.as_slice() else { panic!("{lost:?}") };
        assert!(whole.is_empty() && full.1.len() == KEPT_START);
        assert!(path == "C:\\a.exe" && start.starts_with(b"MZ\0") && start.len() == KEPT_START);
    }

    #[test]
    fn beginnings_have_an_end_too() {
        let kept = kept_of(|disk| {
            fill(disk);
            for number in 0..20_000 {
                let path = format!("C:\\{number}{}", "\u{10348}".repeat(600));
                assert!(
                    disk.write(&path, vec![1; KEPT_START]) && (number % 2 > 0 || disk.remove(&path)) || number > 4_000
                );
            }
        });
        assert!(kept.len() <= crate::limits::MAX_KEPT_LOST, "{}", kept.len());
    }

    #[test]
    fn what_is_gone_is_not_there_however_much_there_was() {
        let kept = kept_of(|disk| {
            assert!(disk.write("C:\\d\\early", b"1".to_vec()));
            fill(disk);
            assert!(disk.write("C:\\d\\late", b"2".to_vec()));
            assert!(disk.write("C:\\stays", b"3".to_vec()));
            assert!(disk.remove("C:\\d"));
            assert!(disk.remove("C:\\full"));
        });
        assert_eq!(told(&kept), [vec![], vec![("C:\\stays".to_owned(), b"3".to_vec())]]);
    }

    #[test]
    fn what_was_kept_first_is_not_told_of_another_content() {
        let kept = kept_of(|disk| {
            assert!(disk.write("C:\\a", b"early".to_vec()));
            assert!(disk.write("C:\\b", b"early".to_vec()));
            fill(disk);
            assert!(disk.write("C:\\a", b"late".to_vec()));
            assert!(disk.write("C:\\b", Vec::new()));
        });
        let [whole, lost] = told(&kept);
        assert!(whole.is_empty());
        assert_eq!(lost.first(), Some(&("C:\\a".to_owned(), b"late".to_vec())));
        assert_eq!(lost.len(), 2);
    }

    #[test]
    fn paths_are_made_plain() {
        assert_eq!(normal("C:\\a\\..\\b\\.\\\\c\\"), "C:\\b\\c");
        assert_eq!(normal("\\\\host\\share"), "\\\\host\\share");
        assert_eq!((name("a\\b.c"), parent("a\\b.c"), extension("a\\b.c")), ("b.c", "a", "c"));
    }
}
