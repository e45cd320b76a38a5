//! The sheets of a workbook while it is read, whatever its format.

use super::formula::column_name;
use crate::container::document::Document;
use crate::facts::document::{Formula, MacroSheet};

/// Sheets and names that are read.
pub const MAX_SHEETS: usize = 1_024;
pub const MAX_NAMES: usize = 4_096;
/// Formulas of one sheet that are listed, and bytes of one.
const MAX_FORMULAS: usize = 4_096;
const MAX_FORMULA: usize = 8_192;
const MAX_NAME: usize = 256;

/// Gathers one sheet's formulas.
pub struct Builder {
    sheet: MacroSheet,
}

impl Builder {
    pub fn new(name: &str, state: &'static str, document: &mut Document) -> Self {
        Self { sheet: MacroSheet { name: document.keep(name, MAX_NAME), state, ..MacroSheet::default() } }
    }

    /// Row and column count from 0.
    pub fn formula(&mut self, row: u32, column: u16, text: &str, document: &mut Document) {
        self.named(&format!("{}{}", column_name(column), u64::from(row) + 1), text, document);
    }

    pub fn named(&mut self, cell: &str, text: &str, document: &mut Document) {
        self.sheet.count += 1;
        if self.sheet.formulas.len() >= MAX_FORMULAS {
            document.is_cut = true;
            return;
        }
        let (cell, text) = (document.keep(cell, 32), document.keep(text, MAX_FORMULA));
        self.sheet.formulas.push(Formula { cell, text });
    }

    /// `automatic`: the workbook's names that Excel runs by itself. They are told with each sheet that has formulas.
    pub fn finish(mut self, automatic: &[String], document: &mut Document) {
        self.sheet.automatic = automatic.iter().take(16).map(|name| document.keep(name, MAX_NAME)).collect();
        document.facts.macro_sheets.push(self.sheet);
    }
}

/// The state of a sheet by its number.
pub const fn state(number: u32) -> &'static str {
    match number & 3 {
        0 => "visible",
        1 => "hidden",
        _ => "very-hidden",
    }
}

/// Whether Excel runs what a name stands for.
pub fn is_automatic(name: &str) -> bool {
    let lower = name.to_lowercase();
    let lower = lower.trim_start_matches("_xlnm.");
    ["auto_open", "auto_close", "auto_activate", "auto_deactivate"].iter().any(|known| lower.starts_with(known))
}
