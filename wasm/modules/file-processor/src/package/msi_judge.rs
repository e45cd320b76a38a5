//! What an installer package runs.

use module_kit::{Finding, Findings, Severity};

use super::msi_formatted::Properties;
use crate::facts::CustomAction;

const COMMANDS: [&str; 10] =
    ["powershell", "pwsh", "cmd.exe", "cmd /", "mshta", "wscript", "cscript", "rundll32", "regsvr32", "bitsadmin"];

pub fn judge(actions: &[CustomAction], properties: &Properties<'_>, findings: &mut Findings) {
    let of = |kinds: &[u32]| -> Vec<&CustomAction> {
        actions.iter().filter(|action| kinds.contains(&(action.kind & 63))).collect()
    };
    // A script in a package is old-fashioned; one that is written into the table is rare among honest ones.
    add(
        "installer-script",
        Severity::Low,
        85,
        "The installer runs a script",
        &of(&[5, 6, 21, 22]),
        properties,
        findings,
    );
    let inline = of(&[37, 38, 53, 54]);
    add(
        "installer-inline-script",
        Severity::Medium,
        70,
        "The installer runs a script out of its tables",
        &inline,
        properties,
        findings,
    );
    add(
        "installer-program",
        Severity::Low,
        85,
        "The installer runs a program that it carries",
        &of(&[2]),
        properties,
        findings,
    );
    let commands: Vec<_> = of(&[2, 18, 34, 50, 51, 37, 38])
        .into_iter()
        .filter(|action| {
            let lower = command_line(action, properties).to_lowercase();
            COMMANDS.iter().any(|command| lower.contains(command))
        })
        .collect();
    add("installer-command", Severity::Medium, 75, "The installer runs commands", &commands, properties, findings);
}

/// What an action runs: its source may be the name of a property.
fn command_line(action: &CustomAction, properties: &Properties<'_>) -> String {
    let source = properties.get(&action.source).unwrap_or(&action.source);
    format!("{} {}", properties.formatted(source), properties.formatted(&action.target))
}

fn add(
    id: &str,
    severity: Severity,
    sure: u8,
    title: &str,
    actions: &[&CustomAction],
    properties: &Properties<'_>,
    findings: &mut Findings,
) {
    if actions.is_empty() {
        return;
    }
    findings.add(
        Finding::new(id, severity, sure, title)
            .detail(format!("{} custom actions.", actions.len()))
            .quotes(actions.iter().map(|action| format!("{}: {}", action.name, command_line(action, properties))))
            .techniques(&["T1218.007"]),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_what_its_properties_say() {
        let action = |kind, source: &str, target: &str| CustomAction {
            kind,
            source: source.to_owned(),
            target: target.to_owned(),
            ..CustomAction::default()
        };
        let rows = [("CMD".to_owned(), "power[TAIL]".to_owned())];
        let actions = [action(50, "CMD", "-nop -w hidden"), action(51, "TAIL", "shell.exe")];
        let mut findings = Findings::default();
        judge(&actions, &Properties::of(&rows, &actions), &mut findings);
        let told = format!("{findings:?}");
        assert!(told.contains("installer-command") && told.contains("powershell.exe -nop -w hidden"), "{told}");
    }
}
