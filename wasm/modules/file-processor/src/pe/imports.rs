//! Import table, delayed imports and the import hash.

use super::headers::{DIRECTORY_DELAY_IMPORT, DIRECTORY_IMPORT, Headers};
use super::ordinals;
use crate::digest::md5;
use crate::facts::Import;
use crate::limits::{MAX_IMPORTS, MAX_LIBRARIES};
use crate::reader::text;
use module_kit::Findings;

/// Bytes of a library's or function's name; longer ones are cut.
pub(super) const MAX_NAME: u64 = 512;

#[derive(Default)]
pub struct Imports {
    pub libraries: Vec<String>,
    pub symbols: Vec<Import>,
    pub imphash: String,
}

/// One library's descriptor, ordinary or delayed.
pub(super) struct Descriptor {
    pub(super) name: u32,
    /// Names or ordinals; 0 if there is none.
    pub(super) lookup: u32,
    /// Overwritten by the loader; before that usually the same as `lookup`.
    pub(super) address_table: u32,
}

pub fn parse(headers: &Headers, findings: &mut Findings) -> Imports {
    let mut imports = Imports::default();
    walk(headers, DIRECTORY_IMPORT, 20, ordinary, &mut imports, findings);
    imports.imphash = imphash(&imports.symbols);
    walk(headers, DIRECTORY_DELAY_IMPORT, 32, delayed, &mut imports, findings);
    imports
}

pub(super) fn ordinary(headers: &Headers, at: u64) -> Option<Descriptor> {
    let field = |index: u64| headers.reader.u32(at + 4 * index);
    Some(Descriptor { lookup: field(0)?, name: field(3)?, address_table: field(4)? })
}

/// Old linkers (attribute bit 0 clear) wrote virtual addresses instead of RVAs.
pub(super) fn delayed(headers: &Headers, at: u64) -> Option<Descriptor> {
    let field = |index: u64| headers.reader.u32(at + 4 * index);
    let relative = field(0)? & 1 != 0;
    let rva = |value: u32| if relative { value } else { headers.rva(u64::from(value)).unwrap_or(0) };
    Some(Descriptor { name: rva(field(1)?), address_table: rva(field(3)?), lookup: rva(field(4)?) })
}

fn walk(
    headers: &Headers,
    directory: usize,
    size: u64,
    read: fn(&Headers, u64) -> Option<Descriptor>,
    imports: &mut Imports,
    findings: &mut Findings,
) {
    let Some(directory_entry) = headers.directory(directory) else { return };
    let Some(mut at) = headers.offset(directory_entry.address) else {
        findings.malformed("import-directory", "The import directory lies outside of the file.");
        return;
    };
    for _ in 0..MAX_LIBRARIES {
        let Some(descriptor) = read(headers, at) else {
            findings.malformed("import-directory", "The import directory has no end within the file.");
            return;
        };
        if headers.reader.slice(at, size).is_none_or(|bytes| bytes.iter().all(|&byte| byte == 0)) {
            return;
        }
        at += size;
        if !read_library(headers, &descriptor, directory == DIRECTORY_DELAY_IMPORT, imports, findings) {
            return;
        }
    }
    findings.malformed("import-directory", format!("More than {MAX_LIBRARIES} libraries are imported."));
}

/// False when there is no point in reading on.
fn read_library(
    headers: &Headers,
    descriptor: &Descriptor,
    delayed: bool,
    imports: &mut Imports,
    findings: &mut Findings,
) -> bool {
    let name = headers.string_at(descriptor.name, MAX_NAME).unwrap_or_default();
    if !is_library_name(name) {
        findings.malformed("import-name", "A library's name is missing or has characters that no file name has.");
        return !name.is_empty() && headers.offset(descriptor.lookup).is_some();
    }
    let library = text(name, 512);
    let has_lookup = descriptor.lookup != 0 && headers.offset(descriptor.lookup).is_some();
    let table = if has_lookup { descriptor.lookup } else { descriptor.address_table };
    let before = imports.symbols.len();
    let complete = read_thunks(headers, table, &library, delayed, imports, findings);
    if imports.symbols.len() > before && !imports.libraries.contains(&library) {
        imports.libraries.push(library);
    }
    complete
}

fn read_thunks(
    headers: &Headers,
    table: u32,
    library: &str,
    delayed: bool,
    imports: &mut Imports,
    findings: &mut Findings,
) -> bool {
    let width = if headers.wide { 8 } else { 4 };
    let Some(mut at) = headers.offset(table) else {
        findings.malformed("import-table", "A table of imports lies outside of the file.");
        return true;
    };
    loop {
        match headers.reader.word(at, headers.wide) {
            Some(0) => return true,
            None => {
                findings.malformed("import-table", "A table of imports has no end within the file.");
                return true;
            }
            Some(_) if imports.symbols.len() >= MAX_IMPORTS => {
                findings.malformed("import-table", format!("More than {MAX_IMPORTS} functions are imported."));
                return false;
            }
            Some(thunk) => match symbol(headers, thunk) {
                Some((name, ordinal)) => {
                    imports.symbols.push(Import { library: library.to_owned(), name, ordinal, delayed });
                }
                None => {
                    findings.malformed("import-table", "An import has neither an ordinal nor a name.");
                    return true;
                }
            },
        }
        at += width;
    }
}

/// Name or ordinal of a thunk; None for what is neither.
pub(super) fn symbol(headers: &Headers, thunk: u64) -> Option<(Option<String>, Option<u32>)> {
    let flag = if headers.wide { 1 << 63 } else { 1 << 31 };
    if thunk & flag != 0 {
        let ordinal = thunk & !flag;
        return (ordinal <= 0xffff).then(|| (None, u32::try_from(ordinal).ok()));
    }
    // Two bytes of hint stand before the name.
    let name = headers.string_at(u32::try_from(thunk).ok()?.checked_add(2)?, MAX_NAME)?;
    (!name.is_empty() && name.iter().all(|&byte| is_name_byte(byte))).then(|| (Some(text(name, 512)), None))
}

pub(super) fn is_library_name(name: &[u8]) -> bool {
    let allowed = |&byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'()-@^_`{}~+,.;=[]:\\/ ".contains(&byte);
    !name.is_empty() && name.iter().all(allowed)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._?@$()<>".contains(&byte)
}

/// MD5 over `library.function` in lower case, joined by commas, in the table's order; as pefile computes it.
fn imphash(symbols: &[Import]) -> String {
    if symbols.is_empty() {
        return String::new();
    }
    let mut joined = String::new();
    for symbol in symbols {
        if !joined.is_empty() {
            joined.push(',');
        }
        push_symbol(&mut joined, symbol);
    }
    joined.make_ascii_lowercase();
    md5(joined.as_bytes())
}

/// Names of libraries and functions are ASCII, or they would not have been read.
fn push_symbol(joined: &mut String, symbol: &Import) {
    let library = symbol.library.as_str();
    let stem = match library.rsplit_once('.') {
        Some((stem, end)) if ["dll", "ocx", "sys"].iter().any(|known| end.eq_ignore_ascii_case(known)) => stem,
        _ => library,
    };
    joined.push_str(stem);
    joined.push('.');
    if let Some(name) = &symbol.name {
        joined.push_str(name);
    } else if let Some(ordinal) = symbol.ordinal {
        let known = u16::try_from(ordinal).ok().and_then(|ordinal| ordinals::name_of(library, ordinal));
        match known {
            Some(name) => joined.push_str(name),
            None => joined.push_str(&format!("ord{ordinal}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imphash_strips_extensions_and_names_ordinals() {
        let import = |library: &str, name: Option<&str>, ordinal| Import {
            library: library.into(),
            name: name.map(Into::into),
            ordinal,
            delayed: false,
        };
        let symbols = [
            import("KERNEL32.dll", Some("ExitProcess"), None),
            import("WS2_32.dll", None, Some(115)),
            import("a.b", None, Some(7)),
            import("COMCTL32.DLL", Some("A"), None),
        ];
        assert_eq!(imphash(&symbols), md5(b"kernel32.exitprocess,ws2_32.wsastartup,a.b.ord7,comctl32.a"));
        assert_eq!(imphash(&[]), "");
    }
}
