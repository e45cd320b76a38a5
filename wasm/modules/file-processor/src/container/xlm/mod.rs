//! Macros of Excel 4.0: sheets of formulas that run, in all of Excel's formats.

mod biff;
mod formula;
mod functions;
mod package;
mod sheets;
mod sylk;

use module_kit::{Finding, Findings, Severity};

pub use self::biff::parse as biff;
pub use self::package::{binary_link, read as package};
pub use self::sylk::parse as sylk;
use super::document::Document;

/// Functions of macros that reach beyond the workbook, as they are written in formulas.
const STRONG: [&str; 8] =
    ["EXEC(", "CALL(", "REGISTER(", "REGISTER.ID(", "FOPEN(", "FWRITE(", "FWRITELN(", "SEND.KEYS("];
const WEAK: [&str; 8] = [
    "GET.WORKSPACE(",
    "FORMULA(",
    "FORMULA.FILL(",
    "SET.VALUE(",
    "RUN(",
    "FILE.DELETE(",
    "ERROR(FALSE",
    "WORKBOOK.HIDE(",
];

/// Findings for all macro sheets of a document.
pub fn judge(document: &Document, findings: &mut Findings) {
    let sheets = &document.facts.macro_sheets;
    if sheets.is_empty() {
        return;
    }
    let hidden: Vec<_> = sheets.iter().filter(|sheet| sheet.state != "visible").map(|sheet| &sheet.name).collect();
    let automatic: Vec<_> = sheets.iter().flat_map(|sheet| &sheet.automatic).collect();
    let formulas = || sheets.iter().flat_map(|sheet| &sheet.formulas);
    let strong: Vec<_> = formulas().filter(|it| STRONG.iter().any(|word| it.text.contains(word))).collect();
    let weak: Vec<_> = formulas().filter(|it| WEAK.iter().any(|word| it.text.contains(word))).collect();
    findings.add(
        Finding::new("excel4-macros", Severity::Medium, 75, "The workbook has Excel 4.0 macro sheets")
            .quotes(sheets.iter().map(|sheet| &sheet.name))
            .techniques(&["T1059"]),
    );
    if !hidden.is_empty() {
        let very = sheets.iter().any(|sheet| sheet.state == "very-hidden");
        let severity = if very { Severity::High } else { Severity::Medium };
        findings.add(
            Finding::new("hidden-macro-sheet", severity, 80, "Macro sheets are hidden")
                .quotes(hidden)
                .techniques(&["T1564.007"]),
        );
    }
    if !automatic.is_empty() {
        findings.add(
            Finding::new("auto-excel4-macros", Severity::Medium, 80, "Excel 4.0 macros run by themselves")
                .quotes(automatic)
                .techniques(&["T1059", "T1204.002"]),
        );
    }
    if !strong.is_empty() {
        findings.add(
            Finding::new("suspicious-excel4-macros", Severity::High, 80, "Excel 4.0 macros reach beyond the workbook")
                .quotes(strong.iter().chain(&weak).map(|it| format!("{} {}", it.cell, it.text)))
                .techniques(&["T1059", "T1106"]),
        );
    }
}
