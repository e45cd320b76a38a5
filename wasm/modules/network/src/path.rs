//! Paths of Windows, Unix and the registry, debug information's file names, and named mutexes.

use crate::ioc::{Hit, Kind};
use crate::limits::{MAX_MUTEX, MAX_PATH};
use crate::text::{before, byte, goes_on, is_word, slice, span_end, string};

/// Names of the registry's hives, as a path begins with them.
const HIVES: &[&[u8]] = &[
    b"HKEY_LOCAL_MACHINE",
    b"HKEY_CURRENT_USER",
    b"HKEY_CLASSES_ROOT",
    b"HKEY_USERS",
    b"HKEY_CURRENT_CONFIG",
    b"HKEY_PERFORMANCE_DATA",
    b"HKLM",
    b"HKCU",
    b"HKCR",
    b"HKU",
    b"HKCC",
];

/// Keys below a hive that the caller of the registry's functions names without it.
const SUBKEYS: &[&[u8]] = &[
    b"SOFTWARE\\Microsoft\\",
    b"SOFTWARE\\Policies\\",
    b"SOFTWARE\\Classes\\",
    b"SOFTWARE\\Wow6432Node\\",
    b"SYSTEM\\CurrentControlSet\\",
    b"SYSTEM\\ControlSet001\\",
];

/// Folders below the root, with which paths of Unix and macOS begin.
const ROOTS: &[&[u8]] = &[
    b"etc",
    b"usr",
    b"bin",
    b"sbin",
    b"tmp",
    b"var",
    b"home",
    b"root",
    b"opt",
    b"dev",
    b"proc",
    b"sys",
    b"lib",
    b"lib64",
    b"mnt",
    b"media",
    b"boot",
    b"run",
    b"srv",
    b"Library",
    b"Applications",
    b"Users",
    b"System",
    b"private",
    b"Volumes",
    b"data",
    b"sdcard",
    b"system",
];

/// Characters of the shortest path below a user's home that is one: `~/bin`.
const LEAST_HOME: usize = 5;

const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// A letter of one component of a path of Windows, but for the space.
const fn is_component(byte: u8) -> bool {
    !matches!(
        byte,
        0..=b' ' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'|' | b'\\' | b'/' | b':' | b'*' | b'?' | b',' | b';' | 0x7f
    )
}

/// What begins with the word `start..end`: a path with a drive, a key of the registry, or a mutex.
#[inline(always)]
pub fn at_word(text: &[u8], start: usize, end: usize) -> Option<Hit> {
    match (byte(text, start).to_ascii_uppercase(), byte(text, end)) {
        (b'A'..=b'Z', b':') if end - start == 1 => drive(text, start, end + 1),
        (b'H', b'\\' | b'_' | b':' | b'>') => registry(text, start),
        (b'S', b'\\') => subkey(text, start),
        (b'G' | b'L' | b'B', b'\\') => mutex(text, start, end),
        (b'C' | b'O' | b'M', b'(') => called_mutex(text, start, end),
        _ => None,
    }
}

fn drive(text: &[u8], start: usize, end: usize) -> Option<Hit> {
    let begins = byte(text, end) == b'\\' || (byte(text, end) == b'/' && byte(text, end + 1) != b'/');
    begins.then(|| windows(text, start, end)).flatten()
}

/// `\\server\share`, `\Device\...`, and `\Registry\Machine\...`, at the first backslash.
pub fn at_backslash(text: &[u8], start: usize) -> Option<Hit> {
    if matches!(before(text, start), b'\\' | b':' | b'%') || is_word(before(text, start)) {
        return None;
    }
    if goes_on(text, start, b"\\Registry\\Machine\\") || goes_on(text, start, b"\\Registry\\User\\") {
        let end = components_end(text, start + 9);
        return Some(Hit::new(Kind::RegistryKey, string(slice(text, start, end)), start, end));
    }
    if goes_on(text, start, b"\\BaseNamedObjects\\") {
        return named(text, start, start + 18);
    }
    if let Some(hit) = device(text, start) {
        return Some(hit);
    }
    let name = start + 2;
    let server = span_end(text, name, MAX_PATH, |byte| is_word(byte) || matches!(byte, b'-' | b'.' | b'_' | b'?'));
    let is_share = byte(text, start + 1) == b'\\' && server > name + 1 && byte(text, server) == b'\\';
    (is_share && is_component(byte(text, server + 1))).then(|| windows(text, start, server)).flatten()
}

/// `\Device\HarddiskVolume1\...`, as the kernel and its drivers name files.
fn device(text: &[u8], start: usize) -> Option<Hit> {
    const VOLUME: &[u8] = b"\\Device\\HarddiskVolume";
    if !goes_on(text, start, VOLUME) {
        return None;
    }
    let number = start + VOLUME.len();
    let end = span_end(text, number, 4, |byte| byte.is_ascii_digit());
    (end > number && byte(text, end) == b'\\').then(|| windows(text, start, end)).flatten()
}

/// `$env:TEMP\...` and `${env:ProgramFiles(x86)}\...` of PowerShell, at the dollar sign.
pub fn at_dollar(text: &[u8], start: usize) -> Option<Hit> {
    let braced = byte(text, start + 1) == b'{';
    let scope = start + 1 + usize::from(braced);
    if !goes_on(text, scope, b"env:") {
        return None;
    }
    let is_name = |byte: u8| is_word(byte) || byte == b'_' || (braced && matches!(byte, b'(' | b')'));
    let name = span_end(text, scope + 4, 64, is_name);
    let end = name + usize::from(braced);
    let is_closed = !braced || byte(text, name) == b'}';
    (is_closed && name > scope + 4 && byte(text, end) == b'\\').then(|| windows(text, start, end)).flatten()
}

/// `%APPDATA%\...`, at the first percent sign.
pub fn at_percent(text: &[u8], start: usize) -> Option<Hit> {
    let end = span_end(text, start + 1, 64, |byte| is_word(byte) || matches!(byte, b'_' | b'(' | b')'));
    let is_variable = end > start + 2 && byte(text, end) == b'%' && byte(text, end + 1) == b'\\';
    let is_upper = slice(text, start + 1, end).iter().any(u8::is_ascii_alphabetic);
    (is_variable && is_upper).then(|| windows(text, start, end + 1)).flatten()
}

/// A path of Windows from `start`, whose first backslash is at `at`.
fn windows(text: &[u8], start: usize, at: usize) -> Option<Hit> {
    let end = quoted_end(text, start).unwrap_or_else(|| components_end(text, at));
    let value = string(slice(text, start, end)).replace("\\\\", "\\");
    // A double backslash is a share's beginning, or what escapes it in a program's text.
    let is_share = text.get(start..start + 2) == Some(b"\\\\".as_slice());
    let value = if is_share { format!("\\{value}") } else { value };
    if end < at + 2 {
        return None;
    }
    Some(Hit::new(if is_pdb(&value) { Kind::Pdb } else { Kind::WindowsPath }, value, start, end))
}

fn is_pdb(path: &str) -> bool {
    path.len() > 4 && path.get(path.len() - 4..).is_some_and(|end| end.eq_ignore_ascii_case(".pdb"))
}

/// The other quote, where one is before the path.
fn quoted_end(text: &[u8], start: usize) -> Option<usize> {
    let quote = before(text, start);
    if !is_quote(quote) {
        return None;
    }
    let end = span_end(text, start, MAX_PATH, |byte| byte != quote);
    let body = slice(text, start, end);
    (byte(text, end) == quote && body.iter().all(|&byte| is_component(byte) || b" \\/:,;<>".contains(&byte)))
        .then_some(end)
}

/// The end of components between backslashes. One with spaces counts if another follows, or if it ends as a file does.
fn components_end(text: &[u8], start: usize) -> usize {
    let last = start + MAX_PATH;
    let divider = byte(text, start);
    let mut at = start;
    loop {
        let mut from = span_end(text, at, 2, |byte| byte == divider);
        // `<username>`, as reports write it.
        if byte(text, from) == b'<' {
            let close = span_end(text, from, 64, |byte| byte != b'>' && byte != b'\\');
            from = if byte(text, close) == b'>' { close + 1 } else { from };
        }
        let word = span_end(text, from, last.saturating_sub(from), is_component);
        if from == at || (word == from && byte(text, from - 1) != b'>') {
            return trimmed(text, start, at.max(word));
        }
        let spaced = spaced_end(text, from, word, last);
        if byte(text, spaced) != divider {
            return if spaced > word { spaced } else { trimmed(text, start, word) };
        }
        at = spaced;
        if at >= last {
            return trimmed(text, start, at);
        }
    }
}

/// Words behind `word` that belong to the component: up to the next backslash, or to a file's extension.
fn spaced_end(text: &[u8], from: usize, word: usize, last: usize) -> usize {
    if has_extension(slice(text, from, word)) {
        return word;
    }
    let mut at = word;
    for _ in 0..4 {
        if byte(text, at) != b' ' || at >= last {
            break;
        }
        let next = span_end(text, at + 1, last - at, is_component);
        let is_start = byte(text, next) == b':' || HIVES.iter().any(|hive| slice(text, at + 1, next) == *hive);
        // `AppData \Local`: a space that got lost before the backslash.
        if is_start || (next == at + 1 && byte(text, next) != b'\\') {
            break;
        }
        if byte(text, next) == b'\\' || has_extension(slice(text, at + 1, next)) {
            return next;
        }
        at = next;
    }
    word
}

/// Whether a name ends in a dot and two to four letters, of which the first is no digit.
fn has_extension(name: &[u8]) -> bool {
    let Some(dot) = name.iter().rposition(|&byte| byte == b'.') else { return false };
    let extension = slice(name, dot + 1, name.len());
    (2..=4).contains(&extension.len())
        && extension.iter().all(u8::is_ascii_alphanumeric)
        && extension.first().is_some_and(u8::is_ascii_alphabetic)
}

/// Without what ends a sentence.
fn trimmed(text: &[u8], start: usize, end: usize) -> usize {
    let body = slice(text, start, end);
    let open = body.contains(&b'(') || body.contains(&b'{') || body.contains(&b'[');
    let is_end = |byte: u8| matches!(byte, b'.' | b',' | b'!') || (!open && matches!(byte, b')' | b']' | b'}'));
    start + body.iter().rposition(|&byte| !is_end(byte)).map_or(0, |at| at + 1)
}

fn registry(text: &[u8], start: usize) -> Option<Hit> {
    let hive = HIVES.iter().find(|hive| goes_on(text, start, hive))?;
    let name = start + hive.len();
    let bracket = usize::from(before(text, start) == b'<' && byte(text, name) == b'>');
    let colon = name + bracket + usize::from(byte(text, name + bracket) == b':');
    if byte(text, colon) != b'\\' {
        return None;
    }
    let end = components_end(text, colon);
    let rest = string(slice(text, colon, end)).replace("\\\\", "\\");
    let value = format!("{}{rest}", string(hive));
    (end > colon + 1).then(|| Hit::new(Kind::RegistryKey, value, start - bracket, end))
}

fn subkey(text: &[u8], start: usize) -> Option<Hit> {
    if matches!(before(text, start), b'\\' | b'_' | b'-') {
        return None;
    }
    SUBKEYS.iter().find(|key| goes_on(text, start, key))?;
    let first = span_end(text, start, 16, is_word);
    let end = components_end(text, first);
    Some(Hit::new(Kind::RegistryKey, string(slice(text, start, end)), start, end))
}

/// What a call in source text names: `CreateMutexA(NULL, TRUE, "name")`, `new Mutex(true, "name")`; a bracket is at
/// `end`.
fn called_mutex(text: &[u8], start: usize, end: usize) -> Option<Hit> {
    const CALLS: [&[u8]; 9] = [
        b"CreateMutex",
        b"CreateMutexA",
        b"CreateMutexW",
        b"CreateMutexEx",
        b"CreateMutexExA",
        b"CreateMutexExW",
        b"OpenMutex",
        b"OpenMutexA",
        b"OpenMutexW",
    ];
    /// Bytes of the arguments before the name.
    const MOST: usize = 96;
    let word = slice(text, start, end);
    let lead = slice(text, start.saturating_sub(12), start);
    let is_made =
        word == b"Mutex" && lead.len() > lead.trim_ascii_end().len() && lead.trim_ascii_end().ends_with(b"new");
    if !(is_made || CALLS.contains(&word)) {
        return None;
    }
    let before_name = span_end(text, end, MOST, |byte| !matches!(byte, b'"' | b'\'' | b')' | b';' | b'\n'));
    let quote = byte(text, before_name);
    if !matches!(quote, b'"' | b'\'') {
        return None;
    }
    let name = before_name + 1;
    let stop = span_end(text, name, MAX_MUTEX, |byte| byte >= b' ' && byte != quote);
    let value = slice(text, name, stop);
    // A name space has been told of by itself.
    let is_spaced = value.contains(&b'\\');
    let fits = value.len() >= 3 && byte(text, stop) == quote && !is_spaced;
    fits.then(|| Hit::new(Kind::Mutex, string(value), name, stop))
}

/// `Global\name` and `Local\name`, the two name spaces of Windows' kernel objects, and where they are; a backslash is
/// at `end`.
fn mutex(text: &[u8], start: usize, end: usize) -> Option<Hit> {
    let word = slice(text, start, end);
    let is_inner = matches!(before(text, start), b'\\' | b'/' | b'_' | b'.' | b'%' | b'-');
    let is_space = (word == b"Global" || word == b"Local") && !is_inner;
    (is_space || word == b"BaseNamedObjects").then(|| named(text, start, end + 1)).flatten()
}

fn named(text: &[u8], start: usize, name: usize) -> Option<Hit> {
    let name = name + usize::from(byte(text, name) == b'\\');
    let allowed =
        |byte: u8| is_word(byte) || matches!(byte, b'_' | b'-' | b'.' | b'{' | b'}' | b'!' | b'#' | b'$' | b'@' | b':');
    let end = span_end(text, name, MAX_MUTEX, allowed);
    let end = end - usize::from(end > name && byte(text, end - 1) == b':');
    // A folder called Local or Global is followed by others.
    let fits = end >= name + 3 && byte(text, end) != b'\\' && !has_extension(slice(text, name, end));
    let value = string(slice(text, start, end)).replace("\\\\", "\\");
    fits.then(|| Hit::new(Kind::Mutex, value, start, end))
}

/// A path of Unix or macOS, at its slash or tilde.
pub fn at_slash(text: &[u8], start: usize) -> Option<Hit> {
    let lead = before(text, start);
    if is_word(lead)
        || matches!(lead, b'/' | b':' | b'.' | b'~' | b'<' | b'\\' | b'-' | b'_' | b'%' | b']' | b')' | b'}' | b'*')
    {
        return None;
    }
    let is_home = byte(text, start) == b'~';
    let first = start + 1 + usize::from(is_home);
    let end = span_end(text, first, 32, is_word);
    if is_home && byte(text, start + 1) != b'/' || !is_home && !ROOTS.contains(&slice(text, first, end)) {
        return None;
    }
    let is_mac = byte(text, first).is_ascii_uppercase();
    let end = if is_home { first - 1 } else { end };
    let end = unix_end(text, end, start + MAX_PATH, is_mac);
    let value = string(slice(text, start, end));
    // Two letters behind a tilde are in machine code by chance.
    let is_long = !is_home || value.len() >= LEAST_HOME;
    let has_more = is_long
        && end > first
        && value.bytes().skip(1).filter(|&byte| byte == b'/').count() >= 1
        && !value.ends_with('/');
    has_more.then(|| Hit::new(if is_pdb(&value) { Kind::Pdb } else { Kind::UnixPath }, value, start, end))
}

fn unix_end(text: &[u8], start: usize, last: usize, spaces: bool) -> usize {
    let allowed = |byte: u8| is_word(byte) || b"-._+@%~#{}$".contains(&byte);
    let mut at = start;
    while byte(text, at) == b'/' && at < last {
        let end = span_end(text, at + 1, last - at, allowed);
        if end == at + 1 {
            break;
        }
        at = end;
        // macOS has folders such as `Application Support`.
        let next = span_end(text, at + 1, 64, allowed);
        if spaces && byte(text, at) == b' ' && next > at + 1 && byte(text, next) == b'/' {
            at = next;
        }
    }
    trimmed(text, start, at)
}

/// A name that ends in `.pdb` without a path, as compilers write it when told to.
pub fn pdb(text: &[u8], start: usize, end: usize) -> Option<Hit> {
    let value = string(slice(text, start, end));
    (is_pdb(&value) && !matches!(before(text, start), b'\\' | b'/')).then(|| Hit::new(Kind::Pdb, value, start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::word_end;

    fn word(text: &str) -> Option<(Kind, String)> {
        let bytes = text.as_bytes();
        at_word(bytes, 0, word_end(bytes, 0)).map(|hit| (hit.kind, hit.value))
    }

    #[test]
    fn paths_of_windows() {
        for (text, expected) in [
            (r"C:\Windows\System32\evil.exe and", r"C:\Windows\System32\evil.exe"),
            (r"C:\Program Files\Foo Bar\my file.exe -x", r"C:\Program Files\Foo Bar\my file.exe"),
            (r"C:\\Users\\x\\a.dll", r"C:\Users\x\a.dll"),
            (r"C:\Users\<username>\AppData \Local\x.exe", r"C:\Users\<username>\AppData \Local\x.exe"),
            (r"C:\Windows\Temp.", r"C:\Windows\Temp"),
            (r"c:/temp/a.exe", "c:/temp/a.exe"),
        ] {
            assert_eq!(word(text), Some((Kind::WindowsPath, expected.to_owned())));
        }
        assert_eq!(word(r"D:\a\b c\x.pdb"), Some((Kind::Pdb, r"D:\a\b c\x.pdb".to_owned())));
        assert_eq!(word("a://b"), None);
        let at = |text: &str| at_backslash(text.as_bytes(), 0).map(|hit| hit.value);
        assert_eq!(at(r"\\server\share\a.exe"), Some(r"\\server\share\a.exe".to_owned()));
        assert_eq!(at(r"\\ x"), None);
        let percent = at_percent(br"%APPDATA%\evil\a.exe x", 0).map(|hit| hit.value);
        assert_eq!(percent.as_deref(), Some(r"%APPDATA%\evil\a.exe"));
    }

    #[test]
    fn keys_of_the_registry() {
        for (text, expected) in [
            (
                r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Run HKLM\A\B",
                r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Run",
            ),
            (r"HKCU:\Software\X on the box", r"HKCU\Software\X"),
            (r"HKEY_USERS\<USER SID>\Software\Run", r"HKEY_USERS\<USER SID>\Software\Run"),
            (r"Software\Microsoft\Windows\CurrentVersion\Run", r"Software\Microsoft\Windows\CurrentVersion\Run"),
        ] {
            assert_eq!(word(text), Some((Kind::RegistryKey, expected.to_owned())));
        }
        assert_eq!(word("HKLM"), None);
    }

    #[test]
    fn paths_of_unix_begin_at_a_known_folder() {
        let at = |text: &str| at_slash(text.as_bytes(), 0).map(|hit| hit.value);
        assert_eq!(at("/etc/passwd, and").as_deref(), Some("/etc/passwd"));
        assert_eq!(at("~/.ssh/id_rsa").as_deref(), Some("~/.ssh/id_rsa"));
        assert_eq!(at("/Library/File System/x").as_deref(), Some("/Library/File System/x"));
        for other in ["/etc", "/foo/bar", "/", "~", "~/L9", "~/go"] {
            assert_eq!(at(other), None, "{other}");
        }
    }

    #[test]
    fn mutexes_are_told_by_their_name_space() {
        assert_eq!(
            word(r"Global\MsWinZonesCacheCounterMutexA"),
            Some((Kind::Mutex, r"Global\MsWinZonesCacheCounterMutexA".to_owned()))
        );
        assert_eq!(
            word(r"Local\SM0:1234:304:WilStaging_02 "),
            Some((Kind::Mutex, r"Local\SM0:1234:304:WilStaging_02".to_owned()))
        );
        assert_eq!(word(r"BaseNamedObjects\Evil: it"), Some((Kind::Mutex, r"BaseNamedObjects\Evil".to_owned())));
        for call in ["CreateMutexA(NULL, FALSE, \"Evil Mutex\");", "OpenMutexW(1, 0, L\"Evil Mutex\")"] {
            assert_eq!(word(call), Some((Kind::Mutex, "Evil Mutex".to_owned())), "{call}");
        }
        assert_eq!(word("CreateMutexA(NULL, FALSE, name); x = \"Evil Mutex\""), None);
        assert_eq!(word(r"Local\Temp\a"), None);
        assert_eq!(word(r"Global\a"), None);
    }

    #[test]
    fn paths_below_devices_and_variables() {
        let at = |text: &str| at_backslash(text.as_bytes(), 0).map(|hit| hit.value);
        let path = r"\Device\HarddiskVolume1\a\x.exe";
        assert_eq!(at(&format!("{path} -x")).as_deref(), Some(path));
        for other in [r"\Device\HarddiskVolume1", r"\Device\HarddiskVolume1\", r"\Device\Null"] {
            assert_eq!(at(other), None, "{other}");
        }
        let variable = |text: &str| at_dollar(text.as_bytes(), 0).map(|hit| hit.value);
        for text in [r"$env:TEMP\b.ps1", r"$Env:LOCALAPPDATA\a\b.exe", r"${env:ProgramFiles(x86)}\a.exe"] {
            assert_eq!(variable(&format!("{text} -x")).as_deref(), Some(text));
        }
        for other in [r"$env:TEMP", r"$env:\a", r"$environment\a", r"${env:TEMP\a"] {
            assert_eq!(variable(other), None, "{other}");
        }
    }
}
