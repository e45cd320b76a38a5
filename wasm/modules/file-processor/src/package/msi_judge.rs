//! What an installer package runs.

use std::collections::BTreeMap;

use module_kit::{Finding, Findings, Severity};

use crate::facts::{CustomAction, Installer};

const COMMANDS: [&str; 10] =
    ["powershell", "pwsh", "cmd.exe", "cmd /", "mshta", "wscript", "cscript", "rundll32", "regsvr32", "bitsadmin"];

pub fn judge(installer: &Installer, findings: &mut Findings) {
    let of = |kinds: &[u32]| -> Vec<&CustomAction> {
        installer.actions.iter().filter(|action| kinds.contains(&(action.kind & 63))).collect()
    };
    // A script in a package is old-fashioned; one that is written into the table is rare among honest ones.
    add(
        "installer-script",
        Severity::Low,
        85,
        "The installer runs a script",
        &of(&[5, 6, 21, 22]),
        installer,
        findings,
    );
    let inline = of(&[37, 38, 53, 54]);
    add(
        "installer-inline-script",
        Severity::Medium,
        70,
        "The installer runs a script out of its tables",
        &inline,
        installer,
        findings,
    );
    add(
        "installer-program",
        Severity::Low,
        85,
        "The installer runs a program that it carries",
        &of(&[2]),
        installer,
        findings,
    );
    let commands: Vec<_> = of(&[2, 18, 34, 50, 51, 37, 38])
        .into_iter()
        .filter(|action| {
            let lower = command_line(action, &installer.properties).to_lowercase();
            COMMANDS.iter().any(|command| lower.contains(command))
        })
        .collect();
    add("installer-command", Severity::Medium, 75, "The installer runs commands", &commands, installer, findings);
}

/// Characters of a property in a command line, and of the whole.
const MAX_VALUE: usize = 512;
const MAX_LINE: usize = 4_096;

/// What an action runs: its source may be the name of a property, and its target may have some in brackets ("Formatted", Windows
/// Installer's documentation).
fn command_line(action: &CustomAction, properties: &BTreeMap<String, String>) -> String {
    let value = |name: &str| properties.get(name).map(|value| value.chars().take(MAX_VALUE).collect::<String>());
    let mut line = format!("{} ", value(&action.source).unwrap_or_else(|| action.source.clone()));
    let mut rest = action.target.as_str();
    while let Some((before, behind)) = rest.split_once('[').filter(|_| line.len() < MAX_LINE) {
        line += before;
        let named = behind.split_once(']').and_then(|(name, behind)| Some((value(name)?, behind)));
        let (shown, behind) = named.unwrap_or_else(|| ("[".to_owned(), behind));
        line += &shown;
        rest = behind;
    }
    line + rest
}

fn add(
    id: &str,
    severity: Severity,
    sure: u8,
    title: &str,
    actions: &[&CustomAction],
    installer: &Installer,
    findings: &mut Findings,
) {
    if actions.is_empty() {
        return;
    }
    findings.add(
        Finding::new(id, severity, sure, title)
            .detail(format!("{} custom actions.", actions.len()))
            .quotes(
                actions
                    .iter()
                    .map(|action| format!("{}: {}", action.name, command_line(action, &installer.properties))),
            )
            .techniques(&["T1218.007"]),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_what_its_properties_say() {
        let properties = [("CMD", "powershell.exe"), ("HOW", "-w hidden")];
        let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        for (source, target, line) in [
            ("CMD", "-nop [HOW] -c calc", "powershell.exe -nop -w hidden -c calc"),
            ("calc.exe", "[NONE] [[HOW]", "calc.exe [NONE] [-w hidden"),
            ("", "[", " ["),
        ] {
            let action =
                CustomAction { source: source.to_owned(), target: target.to_owned(), ..CustomAction::default() };
            assert_eq!(command_line(&action, &properties), line);
        }
        let mut findings = Findings::default();
        let action =
            CustomAction { kind: 50, source: "CMD".to_owned(), target: "[HOW]".to_owned(), ..CustomAction::default() };
        judge(&Installer { properties, actions: vec![action], ..Installer::default() }, &mut findings);
        assert!(format!("{findings:?}").contains("installer-command"));
    }
}
