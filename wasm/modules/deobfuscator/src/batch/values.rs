//! Values of variables that need no batch file to be known, and the parts that are cut from values.

/// What every Windows has. Those that obfuscators cut letters from.
pub const KNOWN: [(&str, &str); 8] = [
    ("comspec", "C:\\WINDOWS\\system32\\cmd.exe"),
    ("systemroot", "C:\\WINDOWS"),
    ("windir", "C:\\WINDOWS"),
    ("public", "C:\\Users\\Public"),
    ("programfiles", "C:\\Program Files"),
    ("commonprogramfiles", "C:\\Program Files\\Common Files"),
    ("pathext", ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC"),
    ("os", "Windows_NT"),
];
/// Characters of a variable's value.
pub const MAX_VALUE: usize = 64 << 10;

/// `start,length`, both from the end where they are negative.
pub fn cut(value: &str, range: &str) -> Option<String> {
    let letters: Vec<char> = value.chars().collect();
    let count = i64::try_from(letters.len()).ok()?;
    let (start, length) = range.split_once(',').map_or((range, None), |(start, length)| (start, Some(length)));
    let start: i64 = start.trim().parse().ok()?;
    let start = if start < 0 { (count + start).max(0) } else { start.min(count) };
    let end = match length {
        None => count,
        Some(length) => {
            let length: i64 = length.trim().parse().ok()?;
            if length < 0 { count + length } else { start.checked_add(length)?.min(count) }
        }
    };
    Some(letters.get(usize::try_from(start).ok()?..usize::try_from(end.max(start)).ok()?)?.iter().collect())
}

/// Whatever the case of what is replaced.
pub fn replaced(value: &str, from: &str, to: &str) -> String {
    let (lower, from) = (value.to_ascii_lowercase(), from.to_ascii_lowercase());
    let mut done = String::new();
    let mut at = 0;
    while let Some(found) = lower.get(at..).and_then(|rest| rest.find(&from)) {
        done.push_str(&value[at..at + found]);
        done.push_str(to);
        at += found + from.len();
        if done.len() > MAX_VALUE {
            break;
        }
    }
    done.push_str(value.get(at..).unwrap_or_default());
    done
}
