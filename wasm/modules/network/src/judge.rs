//! Findings: which indicators an analyst should look at first. That a name is in a file is a possibility, not a deed:
//! the severities stay low unless honest files rarely hold the like.

use module_kit::{Finding, Findings, Severity, counted};

use crate::ioc::{Kind, Tag};
use crate::store::{Indicator, Store};

/// Endings of paths that, fetched, run.
const PROGRAMS: &[&str] = &[
    ".exe", ".dll", ".scr", ".ps1", ".hta", ".vbs", ".vbe", ".js", ".jse", ".wsf", ".bat", ".cmd", ".msi", ".sct",
    ".lnk", ".elf", ".bin", ".sh", ".jar", ".apk",
];

/// Services on which anyone leaves data without an account's trace, and which malware reads commands from.
const DROPS: &[&str] = &[
    "pastebin.com",
    "paste.ee",
    "hastebin.com",
    "ghostbin.com",
    "rentry.co",
    "controlc.com",
    "0bin.net",
    "transfer.sh",
    "anonfiles.com",
    "gofile.io",
    "file.io",
    "catbox.moe",
    "mega.nz",
    "cdn.discordapp.com",
    "discord.com",
    "discordapp.com",
    "api.telegram.org",
    "t.me",
    "ngrok.io",
    "ngrok-free.app",
    "trycloudflare.com",
    "serveo.net",
    "webhook.site",
    "requestbin.net",
    "pipedream.net",
    "iplogger.org",
    "grabify.link",
    "raw.githubusercontent.com",
    "gist.githubusercontent.com",
    "bit.ly",
    "tinyurl.com",
    "is.gd",
];

/// Names that anyone gets for the address of the day.
const DYNAMIC: &[&str] = &[
    "duckdns.org",
    "no-ip.org",
    "no-ip.com",
    "no-ip.biz",
    "ddns.net",
    "hopto.org",
    "zapto.org",
    "sytes.net",
    "dyndns.org",
    "dynu.net",
    "myftp.org",
    "myftp.biz",
    "serveftp.com",
    "servebeer.com",
    "3utilities.com",
    "freemyip.com",
    "changeip.com",
    "dnsdojo.com",
    "gotdns.org",
    "redirectme.net",
    "ddnsfree.com",
    "giize.com",
    "kozow.com",
];

/// Keys of which a value is run when Windows or its user starts, in small letters.
const AUTORUN: &[&str] = &[
    "\\currentversion\\run",
    "\\currentversion\\runonce",
    "\\currentversion\\runservices",
    "\\winlogon",
    "\\currentversion\\policies\\explorer\\run",
    "\\image file execution options",
    "\\appinit_dlls",
    "\\active setup\\installed components",
    "\\session manager\\bootexecute",
];

struct Rule {
    id: &'static str,
    severity: Severity,
    confidence: u8,
    title: &'static str,
    techniques: &'static [&'static str],
    fits: fn(&Indicator) -> bool,
}

const fn rule(
    id: &'static str,
    severity: Severity,
    confidence: u8,
    title: &'static str,
    techniques: &'static [&'static str],
    fits: fn(&Indicator) -> bool,
) -> Rule {
    Rule { id, severity, confidence, title, techniques, fits }
}

use Severity::{Info, Low, Medium};

#[rustfmt::skip]
const RULES: &[Rule] = &[
    rule("url-program", Medium, 60, "Addresses of programs or scripts", &["T1105"], |one| one.kind == Kind::Url && is_program(&one.value)),
    rule("url-bare-address", Medium, 60, "URLs whose host is a public IP address", &["T1071.001"], |one| one.kind == Kind::Url && host_of(&one.value).parse::<std::net::IpAddr>().is_ok()),
    rule("onion-address", Medium, 75, "Hidden services of Tor", &["T1090.003"], |one| one.kind == Kind::Onion),
    rule("drop-service", Low, 55, "Services from which malware reads data or commands", &["T1102"], |one| is_host(one) && is_of(&one.value, DROPS)),
    rule("dynamic-dns", Medium, 60, "Names of dynamic DNS", &["T1568"], |one| is_host(one) && is_of(&one.value, DYNAMIC)),
    rule("wallet-bitcoin", Low, 80, "Bitcoin addresses with a right checksum", &["T1657"], |one| one.kind == Kind::Bitcoin),
    rule("wallet-ethereum", Low, 60, "Ethereum addresses", &["T1657"], |one| one.kind == Kind::Ethereum),
    rule("registry-autorun", Low, 65, "Registry keys from which programs are started", &["T1547.001"], |one| one.kind == Kind::RegistryKey && is_autorun(&one.value)),
    rule("user-agent", Info, 70, "User agents", &["T1071.001"], |one| one.kind == Kind::UserAgent),
    rule("mutex", Info, 60, "Names of kernel objects that only one program holds", &["T1480.002"], |one| one.kind == Kind::Mutex),
    rule("pdb-path", Info, 90, "Files of debug information, as the author's machine named them", &[], |one| one.kind == Kind::Pdb),
    rule("vulnerability", Info, 70, "Numbers of known vulnerabilities", &[], |one| one.kind == Kind::Cve),
    rule("mail-address", Info, 70, "Mail addresses", &[], |one| one.kind == Kind::Email),
    rule("defanged", Info, 80, "Indicators that are written so that nobody follows them: a report, more than a program", &[], |one| one.has(Tag::Defanged)),
];

pub fn judge(store: &Store, findings: &mut Findings) {
    for rule in RULES {
        add(rule, store, findings);
    }
    summary(store, findings);
}

/// One finding for all indicators that fit.
fn add(rule: &Rule, store: &Store, findings: &mut Findings) {
    let fitting = || store.indicators.iter().filter(|one| one.leads_somewhere() && (rule.fits)(one));
    let count = fitting().count();
    if count == 0 {
        return;
    }
    let finding = Finding::new(rule.id, rule.severity, rule.confidence, rule.title)
        .detail(how_many(count))
        .techniques(rule.techniques);
    findings.add(fitting().take(16).fold(finding, quote));
}

fn how_many(count: usize) -> String {
    format!("{}.", counted(count, "indicator"))
}

fn quote(finding: Finding, one: &Indicator) -> Finding {
    match one.offset {
        Some(offset) => finding.quote_at(offset, &one.value),
        None => finding.quote(&one.value),
    }
}

fn summary(store: &Store, findings: &mut Findings) {
    let addresses = || {
        let is_address = |one: &&Indicator| matches!(one.kind, Kind::Url | Kind::Domain | Kind::Ipv4 | Kind::Ipv6);
        store.indicators.iter().filter(is_address).filter(|one| one.leads_somewhere())
    };
    let count = addresses().count();
    if count > 0 {
        let finding = Finding::new("addresses", Info, 80, "Addresses of hosts on the internet").detail(how_many(count));
        findings.add(addresses().take(16).fold(finding, quote));
    }
    if store.left_out > 0 {
        findings.add(
            Finding::new("unread-parts", Low, 100, "There are more indicators than are kept")
                .detail(format!("{} occurrences were left out.", store.left_out)),
        );
    }
}

const fn is_host(one: &Indicator) -> bool {
    matches!(one.kind, Kind::Domain)
}

fn is_of(name: &str, domains: &[&str]) -> bool {
    let is_under =
        |domain: &&str| name.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    domains.iter().any(is_under)
}

/// Host of a URL with a scheme, without brackets and port.
fn host_of(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else { return "" };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

fn is_program(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default().to_lowercase();
    let has_path = path.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    // Pages of the web run scripts of their own.
    has_path && PROGRAMS.iter().any(|ending| path.ends_with(ending) && *ending != ".js")
}

fn is_autorun(key: &str) -> bool {
    let key = key.to_lowercase();
    AUTORUN.iter().any(|part| key.ends_with(part) || key.contains(&format!("{part}\\")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        let mut findings = Findings::default();
        judge(&Store::of(text.as_bytes()), &mut findings);
        findings.into_sorted().into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn what_is_rare_in_honest_files_is_told() {
        assert_eq!(ids("http://45.9.148.7/a.exe"), ["url-program", "url-bare-address", "addresses"]);
        assert_eq!(ids("evil.duckdns.org"), ["dynamic-dns", "addresses"]);
        assert_eq!(ids(r"HKCU\Software\Microsoft\Windows\CurrentVersion\Run"), ["registry-autorun"]);
        assert_eq!(ids("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"), ["wallet-bitcoin"]);
    }

    #[test]
    fn what_leads_nowhere_is_no_finding() {
        assert!(
            ids("http://schemas.microsoft.com/x.exe http://10.0.0.1/ http://example.com/a.exe setup.py").is_empty()
        );
    }
}
