//! Formats that need a look at their structure: executables with an `MZ`, containers by what they hold, and formats
//! whose magic is too short to be believed alone.

use crate::container::{ole, zip};
use crate::digest::md5;
use crate::macho;
use crate::reader::Reader;
use memchr::memmem::find;

/// What is certain enough to come before the table of magic bytes.
pub fn identify(data: &[u8]) -> Option<&'static str> {
    match data.get(..4)? {
        [b'M', b'Z', ..] => Some(mz(data)),
        [0x7f, b'E', b'L', b'F'] => Some("elf"),
        [b'P', b'K', 3, 4] | [b'P', b'K', 5, 6] => Some(zip_kind(data)),
        [0xd0, 0xcf, 0x11, 0xe0] => Some(ole_kind(data)),
        [0xca, 0xfe, 0xba, 0xbe | 0xbf] => Some(if macho::is_fat(data) { "macho-fat" } else { "java-class" }),
        _ if macho::is_thin(data) => Some("macho"),
        [b'X', b'5', b'O', b'!'] if is_eicar(data) => Some("eicar"),
        _ => None,
    }
}

/// The test file is recognised by its digest, so that neither this source nor the component contains it.
fn is_eicar(data: &[u8]) -> bool {
    data.get(..68).is_some_and(|start| md5(start) == "44d88612fea8a8f36de82e1278abb02f")
}

fn mz(data: &[u8]) -> &'static str {
    let reader = Reader::little(data);
    let signature = reader.u32(0x3c).map(u64::from);
    match signature.and_then(|at| reader.slice(at, 4)) {
        Some(b"PE\0\0") => "pe",
        Some([b'N', b'E', ..]) => "ne",
        Some([b'L', b'E' | b'X', 0, 0]) => "le",
        _ => "dos-mz",
    }
}

/// By the names in the directory of a ZIP, the more particular first; `*` stands for any start.
#[rustfmt::skip]
const ZIP_KINDS: &[(&str, &str)] = &[
    ("AppxManifest.xml", "appx"),
    ("AppxMetadata/AppxBundleManifest.xml", "appx"),
    ("word/vbaProject.bin", "docm"),
    ("xl/vbaProject.bin", "xlsm"),
    ("ppt/vbaProject.bin", "pptm"),
    ("xl/workbook.bin", "xlsb"),
    ("word/document.xml", "docx"),
    ("xl/workbook.xml", "xlsx"),
    ("ppt/presentation.xml", "pptx"),
    ("visio/document.xml", "vsdx"),
    ("FixedDocSeq.fdseq", "xps"),
    ("FixedDocumentSequence.fdseq", "xps"),
    ("extension.vsixmanifest", "vsix"),
    ("*.nuspec", "nupkg"),
    ("[Content_Types].xml", "ooxml"),
    ("AndroidManifest.xml", "apk"),
    ("*.dist-info/WHEEL", "wheel"),
    ("META-INF/MANIFEST.MF", "jar"),
    ("*.app/Info.plist", "ipa"),
    ("META-INF/mozilla.rsa", "xpi"),
    ("install.rdf", "xpi"),
    ("*.class", "jar"),
];

fn zip_kind(data: &[u8]) -> &'static str {
    // The first entry of EPUB and OpenDocument is the stored media type.
    if let Some(kind) = stored_media_type(data) {
        return kind;
    }
    let names = zip::names(data);
    let has = |pattern: &str| match pattern.strip_prefix('*') {
        Some(end) => names.iter().any(|name| name.ends_with(end)),
        None => names.iter().any(|name| name == pattern),
    };
    let kind = ZIP_KINDS.iter().find(|(pattern, _)| has(pattern)).map_or("zip", |&(_, kind)| kind);
    let with_macros = MACRO_KINDS.iter().find(|(plain, _)| *plain == kind);
    with_macros.filter(|_| may_have_macros(data)).map_or(kind, |&(_, kind)| kind)
}

/// Kinds, and what they are called where the package says that it may have macros: those of Excel 4 have no project.
const MACRO_KINDS: [(&str, &str); 3] = [("docx", "docm"), ("xlsx", "xlsm"), ("pptx", "pptm")];

/// By the type of its main part, beside which others are embedded (ECMA-376-2, "Content Types").
fn may_have_macros(data: &[u8]) -> bool {
    let types = zip::Package::open(data).and_then(|package| package.content("[Content_Types].xml"));
    types.is_some_and(|types| find(&types.to_ascii_lowercase(), b".macroenabled.main+xml").is_some())
}

fn stored_media_type(data: &[u8]) -> Option<&'static str> {
    let start = data.get(30..)?.strip_prefix(b"mimetype")?;
    let kind = match start {
        _ if start.starts_with(b"application/epub+zip") => "epub",
        _ if start.starts_with(b"application/vnd.oasis.opendocument.text") => "odt",
        _ if start.starts_with(b"application/vnd.oasis.opendocument.spreadsheet") => "ods",
        _ if start.starts_with(b"application/vnd.oasis.opendocument.presentation") => "odp",
        _ if start.starts_with(b"application/vnd.oasis.opendocument") => "odf",
        _ => return None,
    };
    Some(kind)
}

/// By the streams of an OLE compound file. A Windows Installer package is told by the class of its root.
const OLE_KINDS: &[(&str, &str)] = &[
    ("WordDocument", "doc"),
    ("Workbook", "xls"),
    ("Book", "xls"),
    ("PowerPoint Document", "ppt"),
    ("VisioDocument", "vsd"),
    ("__properties_version1.0", "msg"),
    ("EncryptedPackage", "ooxml-encrypted"),
    ("Quill", "pub"),
    ("FileHeader", "hwp"),
    ("Catalog", "thumbs-db"),
];

fn ole_kind(data: &[u8]) -> &'static str {
    const INSTALLER_CLASS: [u8; 16] = [0x84, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];
    let Some(directory) = ole::Directory::parse(data) else { return "ole" };
    // The class' second to last digit tells packages, patches and transforms apart.
    if directory.root_class[..1] == [0x84] && directory.root_class[1..] == INSTALLER_CLASS[1..] {
        return "msi";
    }
    let has = |name: &str| directory.entries.iter().any(|entry| entry.name == name);
    OLE_KINDS.iter().find(|(stream, _)| has(stream)).map_or("ole", |&(_, kind)| kind)
}

/// Formats with weak magic: they are believed only if more of the header makes sense, and after the table.
pub fn identify_weak(data: &[u8]) -> Option<&'static str> {
    let reader = Reader::little(data);
    if is_apple_disk_image(data) {
        return Some("dmg");
    }
    if let Some(kind) = picture(reader) {
        return Some(kind);
    }
    if let Some(kind) = der(data) {
        return Some(kind);
    }
    if is_old_tar(data) {
        return Some("tar-old");
    }
    if reader.slice(510, 2) == Some(&[0x55, 0xaa]) && is_boot_sector(data) {
        return Some("mbr-disk");
    }
    match data {
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, third, ..] if third & 7 != 7 && data.len() > 8 => Some("zlib"),
        [0xff, second, ..] if is_mpeg_frame(*second, data) => Some("mpeg-audio"),
        [0x47, ..] if [188, 376].iter().all(|&at| data.get(at) == Some(&0x47)) => Some("mpeg-ts"),
        _ => None,
    }
}

fn is_apple_disk_image(data: &[u8]) -> bool {
    data.len().checked_sub(512).is_some_and(|at| data[at..].starts_with(b"koly\0\0\0\x04"))
}

fn picture(reader: Reader) -> Option<&'static str> {
    if reader.slice(0, 2)? == b"BM"
        && reader.u32(6)? == 0
        && matches!(reader.u32(14)?, 12 | 40 | 52 | 56 | 64 | 108 | 124)
    {
        return Some("bmp");
    }
    // An icon: images whose first has a sane offset and planes of 0 or 1.
    let count = reader.u16(4)?;
    let first = u64::from(reader.u32(18)?);
    let sane = (1..=256).contains(&count) && first >= 6 + 16 * u64::from(count) && first < reader.len();
    match reader.u32(0)? {
        0x0001_0000 if sane && reader.u8(9)? == 0 => Some("ico"),
        0x0002_0000 if sane && reader.u8(9)? == 0 => Some("cur"),
        _ => None,
    }
}

/// A DER sequence of two or more length bytes with the object identifiers of certificates near its start.
fn der(data: &[u8]) -> Option<&'static str> {
    if !matches!(data.get(..2)?, [0x30, 0x82 | 0x83]) {
        return None;
    }
    let start = &data[..data.len().min(64)];
    let has = |oid: &[u8]| find(start, oid).is_some();
    if has(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02]) {
        Some("pkcs7")
    } else if has(&[0x02, 0x01, 0x03, 0x30]) && has(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01]) {
        Some("pkcs12")
    } else if has(&[0xa0, 0x03, 0x02, 0x01, 0x02]) {
        Some("der-certificate")
    } else {
        None
    }
}

/// The header's checksum counts the bytes of 512 with its own field as blanks.
fn is_old_tar(data: &[u8]) -> bool {
    let Some(header) = data.get(..512) else { return false };
    let digits = header[148..156].iter().copied().filter(u8::is_ascii_digit);
    let stated = digits.fold(0_u64, |sum, digit| sum * 8 + u64::from(digit - b'0'));
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(at, &byte)| u64::from(if (148..156).contains(&at) { b' ' } else { byte }))
        .sum();
    header[0] != 0 && stated == sum
}

/// Four partition entries whose status is 0x00 or 0x80, or a jump at the start.
fn is_boot_sector(data: &[u8]) -> bool {
    let partitions = (0..4).all(|index| matches!(data[446 + 16 * index], 0 | 0x80));
    let used = (0..4).any(|index| data[446 + 16 * index + 4] != 0);
    partitions && used || matches!(data[0], 0xeb | 0xe9)
}

/// Layer, bit rate and sampling rate of an MPEG audio frame are none of the reserved values.
fn is_mpeg_frame(second: u8, data: &[u8]) -> bool {
    let third = data.get(2).copied().unwrap_or(0xff);
    matches!(second, 0xfa | 0xfb | 0xf2 | 0xf3) && third >> 4 != 15 && third >> 4 != 0 && third >> 2 & 3 != 3
}
