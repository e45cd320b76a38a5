//! What is said of the places that a document leads to.

use module_kit::{Finding, Findings, Severity};

use super::document::Document;
use super::is_program;
use crate::facts::document::Link;

/// Whether a target is on another machine.
pub fn is_remote(target: &str) -> bool {
    let lower = target.to_ascii_lowercase();
    let lower = lower.trim_start_matches(['"', ' ']);
    ["http:", "https:", "ftp:", "mhtml:", "ms-msdt:", "search-ms:", "\\\\"].iter().any(|scheme| lower.contains(scheme))
        || lower.contains("://") && !lower.starts_with("file:///")
}

pub fn judge(document: &Document, findings: &mut Findings) {
    for link in &document.facts.links {
        match link.kind {
            "dde" | "dde-auto" => dde(link, findings),
            "template" | "ole-link" | "frame" => loaded(link, findings),
            "field" | "external" if is_remote(&link.target) => reference(link, findings),
            _ => {}
        }
    }
}

fn dde(link: &Link, findings: &mut Findings) {
    const PROGRAMS: [&str; 8] =
        ["cmd", "powershell", "mshta", "rundll32", "regsvr32", "wscript", "msexcel", "bitsadmin"];
    let lower = link.target.to_ascii_lowercase();
    let runs = link.kind == "dde-auto" || PROGRAMS.iter().any(|program| lower.contains(program));
    let severity = if runs { Severity::High } else { Severity::Low };
    findings.add(
        Finding::new("dde", severity, 85, "The document exchanges data with a program that it names (DDE)")
            .detail(format!("In {}.", link.place))
            .quote(&link.target)
            .techniques(&["T1559.002"]),
    );
}

/// Templates and objects are fetched, and may be run, when the document is opened.
fn loaded(link: &Link, findings: &mut Findings) {
    if is_remote(&link.target) {
        findings.add(
            Finding::new(
                "external-template",
                Severity::High,
                80,
                "The document loads a template or object from elsewhere",
            )
            .quote(&link.target)
            .techniques(&["T1221"]),
        );
    } else if names_program(&link.target) {
        findings.add(
            Finding::new("linked-program", Severity::High, 85, "The document links to a program on the computer")
                .quote(&link.target)
                .techniques(&["T1204.002"]),
        );
    } else {
        findings.add(
            Finding::new(
                "linked-object",
                Severity::Low,
                70,
                "The document uses a template or object of its own folder",
            )
            .quote(&link.target),
        );
    }
}

/// A program or a script, with or without what it is called with.
fn names_program(target: &str) -> bool {
    // Names of websites and of projects end so too, and may be those of folders.
    const NAMES: [&str; 2] = [".com", ".js"];
    let target = target.split('!').next().unwrap_or_default();
    if let Some((quoted, _)) = target.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        return is_program(quoted);
    }
    let has_arguments = |(at, _)| {
        let name = target[..at].to_ascii_lowercase();
        is_program(&name) && !NAMES.iter().any(|end| name.ends_with(end))
    };
    is_program(target) || target.match_indices(' ').any(has_arguments)
}

fn reference(link: &Link, findings: &mut Findings) {
    findings.add(
        Finding::new("external-reference", Severity::Low, 70, "The document refers to content elsewhere")
            .quote(&link.target)
            .techniques(&["T1187"]),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(kind: &'static str, target: &str) -> Option<(String, Severity)> {
        let mut document = Document::default();
        document.link(kind, target, "p");
        let mut findings = Findings::default();
        judge(&document, &mut findings);
        findings.into_sorted().into_iter().next().map(|finding| (finding.id, finding.severity))
    }

    #[test]
    fn what_a_link_is_for_decides() {
        assert_eq!(worst("template", "http://a/t.dotm"), Some(("external-template".into(), Severity::High)));
        assert_eq!(worst("ole-link", "\\\\host\\share\\x"), Some(("external-template".into(), Severity::High)));
        assert_eq!(worst("template", "file:///C:\\Normal.dotm"), Some(("linked-object".into(), Severity::Low)));
        for target in [
            r"C:\Windows\System32\calc.exe",
            "file:///C:\\a b\\x.VBS",
            "\"C:\\x.js\" a",
            "x.hta!item",
            r"C:\x.exe -a b",
        ] {
            assert_eq!(worst("ole-link", target), Some(("linked-program".into(), Severity::High)), "{target}");
        }
        for target in [r"C:\a.exes\b.xlsx!Sheet1", r"C:\Vue.js Projects\b.xlsx", r"C:\www.contoso.com report.xlsx"] {
            assert_eq!(worst("ole-link", target), Some(("linked-object".into(), Severity::Low)), "{target}");
        }
        assert_eq!(worst("external", "http://a/b.png"), Some(("external-reference".into(), Severity::Low)));
        assert_eq!(worst("external", "b.xlsx"), None);
        assert_eq!(worst("dde", "Excel Sheet1"), Some(("dde".into(), Severity::Low)));
        assert_eq!(worst("dde-auto", "x y"), Some(("dde".into(), Severity::High)));
    }
}
