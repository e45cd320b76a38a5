//! What an installer package runs.

use module_kit::{Finding, Findings, Severity};

use crate::facts::{CustomAction, Installer};

const COMMANDS: [&str; 10] =
    ["powershell", "pwsh", "cmd.exe", "cmd /", "mshta", "wscript", "cscript", "rundll32", "regsvr32", "bitsadmin"];

pub fn judge(installer: &Installer, findings: &mut Findings) {
    let of = |kinds: &[u32]| -> Vec<&CustomAction> {
        installer.actions.iter().filter(|action| kinds.contains(&(action.kind & 63))).collect()
    };
    // A script in a package is old-fashioned; one that is written into the table is rare among honest ones.
    add("installer-script", Severity::Low, 85, "The installer runs a script", &of(&[5, 6, 21, 22]), findings);
    let inline = of(&[37, 38, 53, 54]);
    add(
        "installer-inline-script",
        Severity::Medium,
        70,
        "The installer runs a script out of its tables",
        &inline,
        findings,
    );
    add("installer-program", Severity::Low, 85, "The installer runs a program that it carries", &of(&[2]), findings);
    let commands: Vec<_> = of(&[2, 18, 34, 50, 51, 37, 38])
        .into_iter()
        .filter(|action| {
            let lower = format!("{} {}", action.source, action.target).to_lowercase();
            COMMANDS.iter().any(|command| lower.contains(command))
        })
        .collect();
    add("installer-command", Severity::Medium, 75, "The installer runs commands", &commands, findings);
}

fn add(id: &str, severity: Severity, sure: u8, title: &str, actions: &[&CustomAction], findings: &mut Findings) {
    if actions.is_empty() {
        return;
    }
    findings.add(
        Finding::new(id, severity, sure, title)
            .detail(format!("{} custom actions.", actions.len()))
            .quotes(actions.iter().map(|action| format!("{}: {} {}", action.name, action.source, action.target)))
            .techniques(&["T1218.007"]),
    );
}
