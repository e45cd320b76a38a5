//! What is told of macros by their words: procedures that run without being called, and calls that reach beyond the
//! document.

use crate::facts::document::Call;

/// Lines that are listed of one module.
const MAX_CALLS: usize = 64;
/// Characters of a line.
const MAX_LINE: usize = 240;

/// Procedures that Word, Excel, PowerPoint, Access and Visio run by themselves, in lower case.
const AUTOMATIC: &[&str] = &[
    "autoexec",
    "autoopen",
    "autonew",
    "autoclose",
    "autoexit",
    "auto_open",
    "auto_close",
    "auto_activate",
    "auto_deactivate",
    "document_open",
    "document_new",
    "document_close",
    "document_beforeclose",
    "documentopen",
    "documentclose",
    "documentbeforeclose",
    "documentchange",
    "newdocument",
    "workbook_open",
    "workbook_activate",
    "workbook_beforeclose",
    "workbook_close",
    "workbook_deactivate",
    "workbook_sheetactivate",
    "worksheet_activate",
    "worksheet_calculate",
    "presentation_open",
    "onloadribbon",
    "ribbononload",
    "onslideshowpagechange",
    "slideshowbegin",
    "auto_ppt",
    "autorun",
    "documentopened",
    "main_onload",
];

/// Events of controls that fire when the document is shown.
const EVENTS: &[&str] = &[
    "_painted",
    "_painting",
    "_resize",
    "_layout",
    "_gotfocus",
    "_beforenavigate2",
    "_documentcomplete",
    "_downloadbegin",
    "_downloadcomplete",
    "_statustextchange",
    "_titlechange",
    "_propertychange",
    "_initialize",
];

/// How much a word says: honest macros have weak ones.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Weak,
    Strong,
}

use Weight::{Strong, Weak};

/// Words in lower case, and what they say.
#[rustfmt::skip]
const WORDS: &[(&str, Weight)] = &[
    ("wscript.shell", Strong), ("shell.application", Strong), ("shellexecute", Strong), ("shell", Strong),
    ("powershell", Strong), ("cmd.exe", Strong), ("cmd /c", Strong), ("mshta", Strong), ("rundll32", Strong),
    ("regsvr32", Strong), ("certutil", Strong), ("bitsadmin", Strong), ("schtasks", Strong), ("wscript.exe", Strong),
    ("urldownloadtofile", Strong), ("xmlhttp", Strong), ("winhttp", Strong), ("internetopenurl", Strong),
    ("adodb.stream", Strong), ("savetofile", Strong), ("virtualalloc", Strong), ("virtualprotect", Strong),
    ("createthread", Strong), ("createremotethread", Strong), ("writeprocessmemory", Strong), ("rtlmovememory", Strong),
    ("queueuserapc", Strong), ("enumsystemlocales", Strong), ("scriptcontrol", Strong), ("winmgmts", Strong),
    ("win32_process", Strong), ("vbproject", Strong), ("executeexcel4macro", Strong), ("regwrite", Strong),
    ("accessvbom", Strong), ("macscript", Strong), ("applescripttask", Strong), ("popen", Strong),
    ("createobject", Weak), ("getobject", Weak), ("callbyname", Weak), ("environ", Weak), ("declare", Weak),
    ("sendkeys", Weak), ("kill", Weak), ("strreverse", Weak), ("filecopy", Weak), ("savesetting", Weak),
    ("followhyperlink", Weak), ("scripting.filesystemobject", Weak), ("createtextfile", Weak), ("application.run", Weak),
];

pub fn weight(word: &str) -> Weight {
    WORDS.iter().find(|(known, _)| *known == word).map_or(Weak, |row| row.1)
}

/// Names of procedures in `source` that run without being called, as they are written there.
pub fn automatic(source: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in source.lines() {
        let Some(name) = procedure(line) else { continue };
        let lower = name.to_ascii_lowercase();
        let is_automatic = AUTOMATIC.contains(&lower.as_str()) || EVENTS.iter().any(|event| lower.ends_with(event));
        if is_automatic && found.len() < 16 && !found.iter().any(|known| known == name) {
            found.push(name.to_owned());
        }
    }
    found
}

/// The name in `Private Sub Document_Open()`.
fn procedure(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace().skip_while(|word| {
        ["private", "public", "friend", "static"].iter().any(|modifier| word.eq_ignore_ascii_case(modifier))
    });
    let keyword = words.next()?;
    if !keyword.eq_ignore_ascii_case("sub") && !keyword.eq_ignore_ascii_case("function") {
        return None;
    }
    let name = words.next()?.split('(').next()?;
    (!name.is_empty() && name.len() <= 64).then_some(name)
}

/// Lines of `source` that reach beyond the document; comments do not count.
pub fn calls(source: &str) -> Vec<Call> {
    let mut found = Vec::new();
    for (number, line) in source.lines().enumerate() {
        let lower = line.trim_start().to_ascii_lowercase();
        if lower.starts_with('\'') || lower.starts_with("rem ") || lower.starts_with("attribute ") {
            continue;
        }
        if let Some(word) = WORDS.iter().map(|row| row.0).find(|word| has_word(&lower, word)) {
            found.push(Call { word, line: number as u64 + 1, text: line.trim().chars().take(MAX_LINE).collect() });
        }
        if found.len() >= MAX_CALLS {
            break;
        }
    }
    found
}

/// `word` in `line`; a short one not as a part of another word, as long ones are of `URLDownloadToFileA`.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(word).any(|(at, _)| {
        let (before, behind) = (&line[..at], &line[at + word.len()..]);
        word.len() > 8 || !is_part(before.chars().next_back()) && !is_part(behind.chars().next())
    })
}

/// Whether the text is put together from so many pieces that it hides what it says.
pub fn is_obfuscated(source: &str) -> bool {
    let lower = source.to_ascii_lowercase();
    let count = |needle: &str| lower.matches(needle).take(512).count();
    let characters = count("chr(") + count("chrw(") + count("chr$(");
    let pieces = count("\" & \"") + count("\"&\"") + count("\" + \"");
    characters >= 40 || pieces >= 60 || lower.lines().any(|line| line.len() > 4_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn procedures_that_run_by_themselves_are_told_by_name_alone() {
        let source =
            "Private Sub Document_Open()\nEnd Sub\nSub MyAutoOpen()\nPublic Sub InkPicture1_Painted(x)\n' Sub AutoOpen";
        assert_eq!(automatic(source), ["Document_Open", "InkPicture1_Painted"]);
    }

    #[test]
    fn calls_are_told_with_their_lines_and_comments_are_not() {
        let source =
            "x = 1\n  Shell \"calc\", 0\n' Shell\nsubshells = 2\nDeclare Function URLDownloadToFileA Lib \"urlmon\"\n";
        let found: Vec<_> = calls(source).into_iter().map(|call| (call.word, call.line)).collect();
        assert_eq!(found, [("shell", 2), ("urldownloadtofile", 5)]);
    }
}
