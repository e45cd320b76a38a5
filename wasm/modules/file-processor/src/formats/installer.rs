//! Installers and self-extracting archives: PE images that carry their payload behind them or in a section.

use crate::pe::headers::Headers;
use crate::reader::Reader;
use memchr::memmem::find;

/// Bytes behind the image in which a payload must begin: stubs put it at once or after a short configuration.
const SEARCHED: u64 = 4_096;
/// Bytes of the image in which an installer's own marks are looked for.
const MARKS_SEARCHED: u64 = 1 << 20;

pub fn identify(data: &[u8], headers: &Headers) -> Option<&'static str> {
    if headers.is_dll() {
        return None;
    }
    let reader = Reader::little(data);
    if headers.sections.iter().any(|section| section.name == ".wixburn") {
        return Some("burn-installer");
    }
    let end =
        headers.sections.iter().map(|section| u64::from(section.raw_offset) + u64::from(section.raw_size)).max()?;
    let behind = reader.upto(end, SEARCHED);
    // NSIS: flags, the signature, "NullsoftInst".
    if find(behind, b"\xef\xbe\xad\xdeNullsoftInst").is_some() {
        return Some("nsis-installer");
    }
    if find(behind, b"zlb\x1a").is_some_and(|at| at < 64) || has_inno_marks(data) {
        return Some("inno-installer");
    }
    if behind.starts_with(b"InstallShield\0") || behind.starts_with(b"ISSetupStream\0") {
        return Some("installshield-installer");
    }
    if find(behind, b"Rar!\x1a\x07").is_some() {
        return Some("rar-sfx");
    }
    if find(behind, b"7z\xbc\xaf\x27\x1c").is_some() || behind.starts_with(b";!@Install@!UTF-8!") {
        return Some("7z-sfx");
    }
    if behind.starts_with(b"MSCF\0\0\0\0") {
        return Some("cab-sfx");
    }
    if has_pyinstaller_trailer(data) {
        return Some("pyinstaller");
    }
    behind.starts_with(b"PK\x03\x04").then_some("zip-sfx")
}

/// Inno Setup writes its name into the DOS header or the loader's resource.
fn has_inno_marks(data: &[u8]) -> bool {
    let start = Reader::little(data).upto(0, MARKS_SEARCHED);
    data.get(0x30..0x34) == Some(b"Inno") || find(start, b"Inno Setup Setup Data (").is_some()
}

/// The archive of PyInstaller ends in a cookie with its magic, at most 8 KiB before the end.
fn has_pyinstaller_trailer(data: &[u8]) -> bool {
    find(&data[data.len().saturating_sub(8_192)..], b"MEI\x0c\x0b\x0a\x0b\x0e").is_some()
}
