//! Whether decoded bytes are what somebody wrote, or noise: printable share, known words, and the marks of file formats.

use crate::decode;

/// What decoded bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// UTF-16, low byte first.
    Wide,
    /// A file of this format.
    File(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub kind: Kind,
    /// Percent.
    pub confidence: u8,
}

/// Bytes at the beginning that are looked at.
const HEAD: usize = 16 << 10;
/// Formats that are told by marks long enough not to come about by chance, and whether a file of one is worth an analysis
/// of its own: pictures and fonts are not, nor what is unpacked here.
const STRONG: [(&str, bool); 40] = [
    ("pe", true),
    ("elf", true),
    ("macho", true),
    ("macho-fat", true),
    ("zip", true),
    ("jar", true),
    ("apk", true),
    ("docx", true),
    ("xlsx", true),
    ("pptx", true),
    ("ooxml", true),
    ("gzip", false),
    ("xz", true),
    ("bzip2", true),
    ("7z", true),
    ("rar", true),
    ("cab", true),
    ("pdf", true),
    ("rtf", true),
    ("cfb", true),
    ("doc", true),
    ("xls", true),
    ("msi", true),
    ("png", false),
    ("jpeg", false),
    ("gif", false),
    ("webp", false),
    ("woff", false),
    ("woff2", false),
    ("wasm", false),
    ("class", true),
    ("dex", true),
    ("lnk", true),
    ("tar", false),
    ("sqlite", false),
    ("svg", false),
    ("zstd", false),
    ("ole", true),
    ("pyc", true),
    ("ttf", false),
];
/// Of scripts and of prose, lower case. None is so short that noise has it.
const WORDS: [&str; 68] = [
    "http://",
    "https://",
    "function",
    "return",
    "powershell",
    "cmd.exe",
    "createobject",
    "wscript",
    "shell",
    ".exe",
    ".dll",
    "import ",
    "exec(",
    "eval(",
    "print(",
    "document",
    "window.",
    "windows",
    "system",
    "download",
    "script",
    "invoke-",
    "new-object",
    "string",
    "require(",
    "console.",
    "program",
    "cannot",
    "error",
    " the ",
    " and ",
    " this ",
    " is ",
    " of ",
    " to ",
    " in ",
    "hello",
    "user",
    "file",
    "temp",
    "http",
    "self.",
    "while",
    "catch",
    "http_",
    "const ",
    "class ",
    "public ",
    "private ",
    "select ",
    "echo ",
    "start-",
    "webclient",
    "config",
    "password",
    "server",
    "client",
    "socket",
    "process",
    "registry",
    "software\\",
    "c:\\",
    "/bin/",
    "www.",
    ".com",
    "message",
    "world",
    "write-",
];

pub fn verdict(data: &[u8]) -> Option<Verdict> {
    if data.len() < 4 {
        return None;
    }
    let format = file_processor::format_id(data);
    if STRONG.iter().any(|known| known.0 == format) && is_plausible(format, data) {
        return Some(Verdict { kind: Kind::File(format), confidence: 95 });
    }
    let head = data.get(..data.len().min(HEAD)).unwrap_or_default();
    if let Some(confidence) = text(head) {
        return Some(Verdict { kind: Kind::Text, confidence });
    }
    wide(head).map(|confidence| Verdict { kind: Kind::Wide, confidence })
}

/// Whether decoded bytes are a file that is worth an analysis of its own.
pub fn is_worth_analysing(data: &[u8]) -> bool {
    let Some(Verdict { kind: Kind::File(format), .. }) = verdict(data) else { return false };
    STRONG.contains(&(format, true))
}

/// Two letters make an MZ file only with what they point to.
fn is_plausible(format: &str, data: &[u8]) -> bool {
    format != "pe" || program_header(data).is_some()
}

/// Where the header of a Windows program begins that an MZ file points to.
pub fn program_header(data: &[u8]) -> Option<usize> {
    let at = usize::try_from(u32::from_le_bytes(*data.get(0x3c..)?.first_chunk()?)).ok()?;
    (data.starts_with(b"MZ") && data.get(at..)?.starts_with(b"PE\0\0")).then_some(at)
}

/// How sure it is that bytes are text, in percent.
pub fn text(data: &[u8]) -> Option<u8> {
    // The head may end within a character.
    let valid = match std::str::from_utf8(data) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() + 4 > data.len() => {
            std::str::from_utf8(data.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let (mut letters, mut odd, mut all) = (0, 0, 0_usize);
    for letter in valid.chars() {
        all += 1;
        if letter.is_ascii_alphanumeric() || letter == ' ' {
            letters += 1;
        } else if (letter.is_control() && !matches!(letter, '\t' | '\r' | '\n')) || !letter.is_ascii() {
            odd += 1;
        }
    }
    if all < 4 || odd * 20 > all || letters * 3 < all {
        return None;
    }
    let words = words(valid);
    let by_length = match all {
        0..8 => 35,
        8..12 => 60,
        12..20 => 75,
        _ => 88,
    };
    let clean: u8 = if odd == 0 { 0 } else { 15 };
    let confidence = by_length + if words > 0 { 10 } else { 0 } - clean;
    Some(confidence.min(99))
}

fn wide(data: &[u8]) -> Option<u8> {
    let (pairs, _) = data.as_chunks::<2>();
    let narrow = pairs.iter().filter(|pair| pair[1] == 0 && pair[0] != 0).count();
    if pairs.len() < 6 || narrow * 10 < pairs.len() * 9 {
        return None;
    }
    text(&decode::text::utf16(data.get(..pairs.len() * 2)?, true))
}

/// Known words in a text: different ones.
pub fn words(text: &str) -> usize {
    let lower = text.to_ascii_lowercase();
    WORDS.iter().filter(|word| memchr::memmem::find(lower.as_bytes(), word.as_bytes()).is_some()).count()
}

/// How much bytes look like text that was written: for choosing among keys. Higher is better; noise is below 0.
pub fn likeness(histogram: &[u32; 256], key: u8) -> i64 {
    let of = |byte: u8| i64::from(histogram[usize::from(byte ^ key)]);
    (0..=255_u8).map(|byte| of(byte) * weight(byte)).sum()
}

/// Tenths of bits by which a byte speaks for text and against noise, after the frequencies in prose and in code.
const fn weight(byte: u8) -> i64 {
    match byte {
        b' ' => 53,
        b'e' => 44,
        b't' => 39,
        b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 37,
        b'l' | b'h' | b'd' | b'c' | b'u' | b'p' | b'm' => 27,
        b'f' | b'g' | b'w' | b'y' | b'b' => 17,
        b'.' | b',' | b'(' | b')' | b'"' | b'\'' | b'/' | b'=' | b'-' | b':' | b';' | b'_' | b'\n' => 14,
        b'0'..=b'9' => 10,
        b'A'..=b'Z' => 6,
        b'a'..=b'z' => 0,
        b'!'..=b'~' | b'\r' | b'\t' => -10,
        _ => -53,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_told_from_noise() {
        for good in ["hello world, this is text", "WScript.Shell", "var a = [1, 2, 3];"] {
            assert!(verdict(good.as_bytes()).is_some_and(|verdict| verdict.confidence >= 75), "{good}");
        }
        for bad in [&b"\x01\x02\x03\x04\x05\x06\x07\x08"[..], b"\xff\xfe\x00\x81\x44\x12", b"abc", b"%&/()=?!%&/()=?!"]
        {
            assert_eq!(verdict(bad), None, "{bad:?}");
        }
        let wide: Vec<u8> = "Write-Host hello".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(verdict(&wide).map(|verdict| verdict.kind), Some(Kind::Wide));
        assert_eq!(verdict(b"MZ is how this sentence begins."), Some(Verdict { kind: Kind::Text, confidence: 98 }));
    }
}
