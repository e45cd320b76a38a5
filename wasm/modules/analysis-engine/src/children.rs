//! A file is at least as bad as what is in it.

use module_kit::{Finding, Findings, Severity};

use crate::told::{Child, Level, Told};

pub const GROUP: &str = "children";
const SURE: u8 = 80;
/// Characters of another finding's title: a title may have 200.
const MAX_WORST: usize = 150;

pub fn judge(told: &Told, findings: &mut Findings) {
    for child in &told.children {
        if let Some(finding) = finding(child) {
            findings.add(finding);
        }
    }
}

fn finding(child: &Child) -> Option<Finding> {
    let (id, severity, confidence, title) = match child.level {
        Level::MaliciousLooking => {
            ("child-malicious", Severity::Critical, child.score.clamp(SURE, 100), "A file inside looks malicious")
        }
        Level::Suspicious => ("child-suspicious", Severity::High, SURE, "A file inside is suspicious"),
        Level::WorthALook => ("child-worth-a-look", Severity::Medium, 60, "A file inside is worth a look"),
        Level::CleanLooking | Level::Unknown => return None,
    };
    let title = if child.worst.is_empty() {
        title.to_owned()
    } else {
        format!("{title}: {}", child.worst.chars().take(MAX_WORST).collect::<String>())
    };
    let detail = format!("{} ({}): {} of 100.", child.name, child.sha256, child.score);
    Some(Finding::new(id, severity, confidence, &title).detail(detail))
}
