//! telfhash: TLSH over the names of an ELF's functions (Trend Micro, "Grouping Linux IoT Malware Samples With Trend Micro
//! ELF Hash", 2020). Of a file without symbols, the original disassembles the code and takes the targets of calls; here
//! it has none.

use super::dynamic::{Symbol, section_symbols};
use super::header::{Header, SHT_DYNSYM, SHT_SYMTAB, SectionHeader};
use crate::limits::{MAX_NAME, MAX_SYMBOLS};
use crate::similar::tlsh;

/// Names that depend on the compiler or the architecture, beside those that `is_telling` knows by their form.
const LEFT_OUT: [&str; 7] = ["main", "abort", "cachectl", "cacheflush", "puts", "atol", "malloc_trim"];

const FUNCTION: u8 = 2;
const GLOBAL: u8 = 1;

/// Empty for a file with few functions, or without symbols.
pub fn telfhash(header: &Header, sections: &[SectionHeader]) -> String {
    let is_table = |section: &&SectionHeader| section.size > 0 && matches!(section.kind, SHT_DYNSYM | SHT_SYMTAB);
    let kind = sections.iter().find(is_table).map(|section| section.kind);
    let Some(table) = kind.and_then(|kind| section_symbols(sections, kind)) else { return String::new() };
    // Crafted entries may all point at one long name: what is read of names is bounded by the file.
    let mut letters_left = header.reader.len().saturating_mul(2);
    let mut names = Vec::new();
    for index in 0..table.count.min(MAX_SYMBOLS as u64) {
        let Some(symbol) = Symbol::read(header, table.offset, index) else { break };
        if symbol.info != GLOBAL << 4 | FUNCTION || symbol.visibility() != 0 {
            continue;
        }
        let at = table.strings.checked_add(u64::from(symbol.name));
        let name = at.and_then(|at| header.reader.c_string(at, MAX_NAME as u64)).unwrap_or_default();
        letters_left = letters_left.saturating_sub(name.len() as u64 + 1);
        if letters_left == 0 || !name.is_ascii() {
            return String::new();
        }
        if is_telling(name) {
            names.push(name.to_ascii_lowercase());
        }
    }
    names.sort_unstable();
    tlsh(&names.join(&b',')).to_ascii_lowercase()
}

fn is_telling(name: &[u8]) -> bool {
    let starts = [&b"_"[..], b".", b"str", b"mem"];
    !name.is_empty()
        && !starts.iter().any(|start| name.starts_with(start))
        && !name.ends_with(b"64")
        && !LEFT_OUT.iter().any(|known| known.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_compilers_and_architectures_say_nothing() {
        for name in ["", "_init", ".plt", "fopen64", "strcpy", "memset", "main", "puts"] {
            assert!(!is_telling(name.as_bytes()), "{name}");
        }
        for name in ["socket", "Main", "domain", "put"] {
            assert!(is_telling(name.as_bytes()), "{name}");
        }
    }
}
