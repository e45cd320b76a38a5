//! What honest files hold: names of standards, of schemas and of certificate authorities. They are marked, not dropped.

use crate::ioc::Tag;

/// Names that are identifiers more than addresses: namespaces of XML, and what compilers and libraries write.
const STANDARDS: &[&str] = &[
    "w3.org",
    "schemas.microsoft.com",
    "schemas.openxmlformats.org",
    "schemas.xmlsoap.org",
    "schemas.android.com",
    "openxmlformats.org",
    "xmlsoap.org",
    "purl.org",
    "purl.oclc.org",
    "ns.adobe.com",
    "iptc.org",
    "dublincore.org",
    "json-schema.org",
    "schema.org",
    "relaxng.org",
    "oasis-open.org",
    "opengis.net",
    "xml.org",
    "openoffice.org",
    "opendocumentfoundation.org",
    "ietf.org",
    "rfc-editor.org",
    "iana.org",
    "unicode.org",
    "gnu.org",
    "apache.org",
    "opensource.org",
    "creativecommons.org",
    "mozilla.org",
    "python.org",
    "golang.org",
    "go.dev",
    "gopkg.in",
    "rust-lang.org",
    "docs.rs",
    "crates.io",
    "go.microsoft.com",
    "aka.ms",
    "docs.microsoft.com",
    "learn.microsoft.com",
    "www.microsoft.com",
    "attack.mitre.org",
    "cve.mitre.org",
    "nvd.nist.gov",
];

/// Certificate authorities, as the addresses in certificates name them (CRL, OCSP, CPS).
const AUTHORITIES: &[&str] = &[
    "digicert.com",
    "verisign.com",
    "symantec.com",
    "symcb.com",
    "symcd.com",
    "thawte.com",
    "geotrust.com",
    "globalsign.com",
    "globalsign.net",
    "comodoca.com",
    "comodo.com",
    "sectigo.com",
    "usertrust.com",
    "entrust.net",
    "godaddy.com",
    "starfieldtech.com",
    "letsencrypt.org",
    "lencr.org",
    "identrust.com",
    "certum.pl",
    "quovadisglobal.com",
    "ssl.com",
    "startssl.com",
    "wosign.com",
    "trustwave.com",
    "amazontrust.com",
    "pki.goog",
    "buypass.com",
    "swisssign.com",
    "d-trust.net",
    "t-systems.com",
    "ocsp.apple.com",
    "crl.apple.com",
    "crl.microsoft.com",
    "ocsp.microsoft.com",
    "oneocsp.microsoft.com",
];

/// Extensions of files that are also top-level domains (IANA's root zone).
const EXTENSIONS: &[&str] = &[
    "py", "rs", "sh", "pl", "md", "so", "cc", "zip", "mov", "ps", "app", "gz", "ai", "ms", "la", "pm", "java", "bz",
    "ml", "mm", "cab", "bar", "doc", "tf", "as", "cpa", "st", "vi", "mk", "in", "am", "ac", "pro", "map", "com", "sc",
    "hm", "cs", "do", "lc", "ax", "po", "mo", "ph", "pa", "td", "br", "ad", "ar", "gdn", "py", "sql", "id", "cat",
    "dot",
];

/// Top-level domains that are words of programs' text: `this.name`, `System.Net`, `e.target`.
const WORDS: &[&str] = &[
    "name", "id", "io", "net", "is", "to", "at", "it", "my", "me", "info", "call", "link", "top", "style", "date",
    "link", "host", "data", "in", "do", "by", "as", "no", "so", "run", "is", "group", "store", "cache", "map", "page",
    "range", "center", "global", "min", "max", "next", "open", "show", "now", "select", "support", "zone", "events",
    "exchange", "network", "tools", "click", "codes", "search", "media", "email", "download", "stream", "report",
    "site", "space", "box", "py", "builders", "bar", "box", "cat", "fun", "new", "foo", "dev", "cool", "read", "save",
    "moe", "prof", "dad",
];

/// Hosts of which programs hold packages' names, that Go and Rust put into symbols and messages.
const PACKAGES: &[&str] =
    &["golang.org", "gopkg.in", "go.uber.org", "go.opentelemetry.io", "k8s.io", "modernc.org", "rsc.io", "honnef.co"];

fn is_under(name: &str, domain: &str) -> bool {
    let Some(lead) = name.len().checked_sub(domain.len()) else { return false };
    // Few names have a dot just there.
    (lead == 0 || name.as_bytes().get(lead - 1) == Some(&b'.')) && name.ends_with(domain)
}

pub fn tags_of_domain(name: &str) -> &'static [Tag] {
    if AUTHORITIES.iter().any(|domain| is_under(name, domain)) {
        &[Tag::CertificateAuthority]
    } else if STANDARDS.iter().any(|domain| is_under(name, domain)) {
        &[Tag::Benign]
    } else {
        &[]
    }
}

/// Names that no one can own (RFC 2606, 6761, 6762).
pub fn reserved_name(name: &str) -> Option<Tag> {
    let documentation = ["example.com", "example.net", "example.org", "example", "invalid", "test"];
    if documentation.iter().any(|domain| is_under(name, domain)) {
        Some(Tag::Documentation)
    } else if is_under(name, "localhost") {
        Some(Tag::Loopback)
    } else if ["local", "home.arpa", "internal"].iter().any(|domain| is_under(name, domain)) {
        Some(Tag::Private)
    } else {
        None
    }
}

/// Whether a host and a path without a scheme are the name of a package, or of a function, type or file in one:
/// `github.com/a/b.(*T).Do`, `github.com/a/b.RunAll`.
pub fn is_of_package(host: &str, path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    // A host of two names is where code lies only with a folder behind it: `evil.com/Report.Final` is a file.
    let is_symbol =
        path.trim_start_matches('/').contains('/') && last.rsplit_once('.').is_some_and(|it| is_symbol(it.0, it.1));
    let is_source = last.ends_with(".go") || has_module_version(path);
    PACKAGES.iter().any(|domain| is_under(host, domain)) || path.contains(".(") || is_symbol || is_source
}

/// `package.Name`: a package is written in small letters alone.
fn is_symbol(package: &str, name: &str) -> bool {
    is_identifier(name) && !package.contains('.') && package.bytes().all(|byte| !byte.is_ascii_uppercase())
}

/// A name in both cases that is longer than what files' names end in.
fn is_identifier(name: &str) -> bool {
    name.len() >= 5
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && (capitalised(name) || has_inner_capital(name))
}

/// `b@v1.2.3/c`, as Go's cache of modules names a folder.
fn has_module_version(path: &str) -> bool {
    path.split("@v").skip(1).any(|version| version.starts_with(|first: char| first.is_ascii_digit()))
}

/// Whether a name on its own, in no address, may as well be a file's or a variable's. `spelled` is the name as found.
pub fn may_be_something_else(spelled: &str, before: u8, after: u8) -> bool {
    let labels: Vec<&str> = spelled.split('.').collect();
    let (Some(&last), Some(&first)) = (labels.last(), labels.first()) else { return false };
    let lower = last.to_ascii_lowercase();
    let is_extension = EXTENSIONS.contains(&lower.as_str()) && lower != "com";
    let is_word = labels.len() == 2 && WORDS.contains(&lower.as_str()) && lower != "net" && lower != "info";
    let is_code = matches!(after, b'(' | b'=' | b'[') || matches!(before, b'\\' | b'$' | b'>' | b'.');
    let is_camel = labels.iter().any(|label| has_inner_capital(label)) || capitalised(last);
    // Where the top-level domain is an extension, three labels are still a host: `cdn.evil.sh`; not `a.tar.gz`.
    let is_reserved = reserved_name(&spelled.to_ascii_lowercase()).is_some() && !lower.starts_with(['c', 'o', 'n']);
    (is_extension && (labels.len() == 2 || before == b'/' || lower == "gz" || first == "lib"))
        || is_word
        || is_code
        || is_camel
        || is_reserved
}

fn capitalised(label: &str) -> bool {
    label.starts_with(|letter: char| letter.is_ascii_uppercase())
        && label.chars().any(|letter| letter.is_ascii_lowercase())
}

/// `CamelCase`, as names of programs are spelled and names of hosts are not.
fn has_inner_capital(label: &str) -> bool {
    label.as_bytes().windows(2).any(|pair| matches!(pair, [b'a'..=b'z', b'A'..=b'Z']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_labels_count() {
        assert_eq!(tags_of_domain("www.w3.org"), &[Tag::Benign]);
        assert_eq!(tags_of_domain("evilw3.org"), &[] as &[Tag]);
        assert_eq!(tags_of_domain("ocsp.digicert.com"), &[Tag::CertificateAuthority]);
        assert_eq!(reserved_name("www.example.com"), Some(Tag::Documentation));
        assert_eq!(reserved_name("myexample.com"), None);
    }

    #[test]
    fn names_of_files_and_programs_are_told() {
        for name in ["setup.py", "this.name", "System.Net", "MyClass.io", "a.tar.gz"] {
            assert!(may_be_something_else(name, b' ', b' '), "{name}");
        }
        for name in ["evil.com", "EVIL.COM", "cdn.evil.sh", "www.google.de", "update.evil.net"] {
            assert!(!may_be_something_else(name, b' ', b' '), "{name}");
        }
        assert!(may_be_something_else("foo.com", b' ', b'('));
    }
}
