//! What a value says that the text does not show: one that does is worth a layer, however little else was hidden.

use memchr::memmem;

/// What commands, paths and addresses are told by, in lower case. Nobody cuts these to pieces who has nothing to hide.
const TELLING: [&str; 28] = [
    "powershell",
    "cmd.exe",
    "cmd /c",
    "wscript.shell",
    "shell.application",
    "adodb.stream",
    "xmlhttp",
    "scripting.filesystem",
    "mshta",
    "rundll32",
    "regsvr32",
    "certutil",
    "bitsadmin",
    "downloadstring",
    "downloadfile",
    "hkey_",
    "hkcu\\",
    "hklm\\",
    "currentversion\\run",
    ".exe",
    ".ps1",
    ".vbs",
    ".hta",
    "%temp%",
    "%appdata%",
    "c:\\users",
    "c:\\windows",
    "c:\\programdata",
];
/// Where most hosts are. Members of objects have other names.
const DOMAINS: [&str; 11] = ["com", "net", "org", "top", "ru", "cn", "xyz", "biz", "club", "site", "online"];
/// Letters of a host's name that no text has by chance.
const LEAST_NAME: usize = 6;
/// Bytes of a value that are looked at.
const LOOKED_AT: usize = 16 << 10;
/// Looks for addresses, each of which reads all of the text.
const MAX_LOOKS: usize = 128;

#[derive(Debug, Default)]
pub struct News {
    /// What tells, and the text does not show: which it is, is looked up once.
    telling: Option<Vec<&'static str>>,
    looks: usize,
}

impl News {
    /// Whether a value has something telling in it that stands nowhere in the text. `source` is what it was made of.
    pub fn are_in(&mut self, value: &str, source: &str, text: &str) -> bool {
        let mut end = value.len().min(LOOKED_AT);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        let lower = value[..end].to_ascii_lowercase();
        if TELLING.iter().any(|telling| lower.contains(telling)) {
            let telling = self.telling.get_or_insert_with(|| hidden_in(text));
            if telling.iter().any(|telling| lower.contains(telling)) {
                return true;
            }
        }
        self.has_address(&lower, source, text) || self.is_host(&lower, text)
    }

    fn may_look(&mut self) -> bool {
        self.looks += 1;
        self.looks <= MAX_LOOKS
    }

    fn has_address(&mut self, value: &str, source: &str, text: &str) -> bool {
        value.match_indices("://").any(|(at, _)| {
            let (before, behind) = (&value[..at], &value[at + 3..]);
            let scheme = &before[before.rfind(|letter: char| !letter.is_ascii_alphanumeric()).map_or(0, |at| at + 1)..];
            let host = &behind[..behind.find(|letter| !is_of_host(letter)).unwrap_or(behind.len())];
            scheme.len() >= 3
                && host.len() >= 4
                && host.contains('.')
                && self.may_look()
                && !shows(text, &format!("{scheme}://{host}"))
                && !is_whole(scheme, source, text)
        })
    }

    /// A host alone, whose name was cut.
    fn is_host(&mut self, value: &str, text: &str) -> bool {
        let host = &value[..value.find(|letter| !is_of_host(letter)).unwrap_or(value.len())];
        let mut labels = host.rsplit('.');
        let (Some(domain), Some(name)) = (labels.next(), labels.next()) else { return false };
        DOMAINS.contains(&domain) && name.len() >= LEAST_NAME && self.may_look() && !shows(text, name)
    }
}

fn hidden_in(text: &str) -> Vec<&'static str> {
    let lower = text.to_ascii_lowercase();
    // A backslash is written twice.
    TELLING.into_iter().filter(|telling| !lower.contains(&telling.replace('\\', "\\\\"))).collect()
}

const fn is_of_host(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-')
}

fn shows(text: &str, part: &str) -> bool {
    memmem::find(text.as_bytes(), part.as_bytes()).is_some()
}

/// Whether a scheme stands by itself, as where honest scripts choose it, or its slashes are escaped.
fn is_whole(scheme: &str, source: &str, text: &str) -> bool {
    let stands = |place: &str, behind: &str| {
        ["'", "\"", "`"].iter().any(|quote| shows(place, &format!("{scheme}{behind}{quote}")))
    };
    stands(text, ":")
        || stands(text, "://")
        || shows(text, &format!("{scheme}:\\"))
        // What is put together at once was not chosen.
        || (stands(text, "") && !stands(source, ""))
}
