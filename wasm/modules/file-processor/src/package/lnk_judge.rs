//! What a shortcut starts, and how it hides it.

use module_kit::{Finding, Findings, Severity};

use crate::facts::Shortcut;

/// Programs that run what they are told to.
const INTERPRETERS: [&str; 20] = [
    "powershell",
    "pwsh",
    "cmd",
    "mshta",
    "wscript",
    "cscript",
    "rundll32",
    "regsvr32",
    "msiexec",
    "forfiles",
    "conhost",
    "wmic",
    "certutil",
    "bitsadmin",
    "curl",
    "ftp",
    "hh",
    "pcalua",
    "scriptrunner",
    "installutil",
];
/// Words of command lines that fetch, hide or unpack.
const SUSPICIOUS: [&str; 34] = [
    "http://",
    "https://",
    "-enc",
    "-nop",
    "-w h",
    "-windowstyle h",
    "hidden",
    "bypass",
    "iex",
    "invoke-",
    "downloadstring",
    "downloadfile",
    "frombase64",
    "javascript:",
    "vbscript:",
    "mshta",
    "certutil",
    "bitsadmin",
    "regsvr32",
    "rundll32",
    "%temp%",
    "%appdata%",
    "$env:",
    "%programdata%",
    "\\public\\",
    "findstr",
    "select-string",
    "readallbytes",
    "for /f",
    "copy /b",
    "net.webclient",
    "webdav",
    "schtasks",
    "curl ",
];
/// Programs and files whose icon makes a shortcut look like a document.
const DISGUISES: [&str; 12] = [
    ".pdf",
    ".doc",
    ".docx",
    ".xls",
    ".xlsx",
    ".txt",
    "acrord32.exe",
    "acrobat.exe",
    "winword.exe",
    "excel.exe",
    "msedge.exe",
    "notepad.exe",
];
/// Blanks in a row that move a command line out of the dialog that shows it.
const PADDING: usize = 32;
/// Characters that the dialog shows.
const SHOWN: usize = 260;

pub fn judge(shortcut: &Shortcut, is_administrator: bool, findings: &mut Findings) {
    let lower = format!("{} {}", shortcut.target, shortcut.arguments).to_lowercase();
    let is_interpreter = !shortcut.arguments.trim().is_empty() && interpreter(shortcut).is_some();
    if is_interpreter {
        command(shortcut, &lower, is_administrator, findings);
    }
    padding(shortcut, findings);
    icon(shortcut, is_interpreter, findings);
    remote(shortcut, findings);
    if shortcut.appended > 0 {
        findings.add(
            Finding::new("appended-data", Severity::Medium, 80, "Data were appended to the shortcut")
                .detail(format!("{} bytes, which the shortcut may take apart when it is opened.", shortcut.appended))
                .techniques(&["T1027.009"]),
        );
    }
}

/// The program that is started, if it is one that runs what it is told to.
fn interpreter(shortcut: &Shortcut) -> Option<&'static str> {
    let targets = shortcut.targets.values().chain([&shortcut.target, &shortcut.relative_path]);
    let mut stems = targets.map(|target| {
        let name = target.rsplit(['\\', '/']).next().unwrap_or_default().to_lowercase();
        name.strip_suffix(".exe").unwrap_or(&name).to_owned()
    });
    stems.find_map(|stem| INTERPRETERS.iter().find(|known| **known == stem).copied())
}

fn command(shortcut: &Shortcut, lower: &str, is_administrator: bool, findings: &mut Findings) {
    let mut reasons: Vec<&str> = SUSPICIOUS.iter().filter(|word| lower.contains(*word)).copied().collect();
    if lower.matches('^').count() >= 4 {
        reasons.push("^");
    }
    if shortcut.window == "minimised" {
        reasons.push("minimised");
    }
    let severity = match reasons.len() {
        0 => Severity::Low,
        1 => Severity::Medium,
        _ => Severity::High,
    };
    let rights = if is_administrator { " As administrator." } else { "" };
    findings.add(
        Finding::new("shortcut-command", severity, 80, "The shortcut gives a program commands to run")
            .detail(format!("Of note: {}.{rights}", reasons.join(", ")))
            .quotes([&shortcut.target, &shortcut.arguments])
            .techniques(&["T1204.002", "T1059"]),
    );
}

fn padding(shortcut: &Shortcut, findings: &mut Findings) {
    let mut run = 0;
    let longest = shortcut.arguments.chars().map(|letter| {
        run = if letter.is_whitespace() { run + 1 } else { 0 };
        run
    });
    let longest = longest.max().unwrap_or(0);
    if longest >= PADDING {
        findings.add(
            Finding::new("shortcut-padding", Severity::High, 85, "Blanks move the command out of sight")
                .detail(format!("{longest} in a row, of which the dialog shows the first {SHOWN} characters."))
                .quote(shortcut.arguments.trim())
                .techniques(&["T1027.012", "T1564"]),
        );
    } else if shortcut.arguments.chars().count() > SHOWN {
        findings.add(
            Finding::new("shortcut-long", Severity::Medium, 65, "The command is longer than what Windows shows of it")
                .quote(&shortcut.arguments)
                .techniques(&["T1027.012"]),
        );
    }
}

fn icon(shortcut: &Shortcut, is_interpreter: bool, findings: &mut Findings) {
    let icon = shortcut.icon.to_lowercase();
    if is_interpreter && DISGUISES.iter().any(|end| icon.ends_with(end)) {
        findings.add(
            Finding::new(
                "shortcut-disguise",
                Severity::Medium,
                75,
                "The shortcut runs commands and looks like a document",
            )
            .quote(&shortcut.icon)
            .techniques(&["T1036.008"]),
        );
    }
    if icon.starts_with("\\\\") || icon.starts_with("http") {
        findings.add(
            Finding::new("remote-icon", Severity::Medium, 75, "The shortcut's icon is fetched from elsewhere")
                .detail("Showing it sends the user's name and a hash of the password.")
                .quote(&shortcut.icon)
                .techniques(&["T1187"]),
        );
    }
}

fn remote(shortcut: &Shortcut, findings: &mut Findings) {
    let targets = shortcut.targets.values();
    let remote: Vec<_> = targets.filter(|target| target.starts_with("\\\\") || target.contains("://")).collect();
    if remote.is_empty() {
        return;
    }
    let is_web = remote.iter().any(|target| {
        let lower = target.to_lowercase();
        lower.contains("@ssl") || lower.contains("davwwwroot") || lower.contains("@80\\") || lower.contains("://")
    });
    let severity = if is_web { Severity::High } else { Severity::Low };
    findings.add(
        Finding::new("remote-target", severity, 75, "The shortcut's target is on another machine")
            .quotes(remote)
            .techniques(&["T1204.002", "T1021.002"]),
    );
}
