//! Objects of OLE 1.0 ([MS-OLEDS] 2.2) and what OLE 2 keeps of them: packaged files, and links to files elsewhere.

use crate::charset;
use crate::reader::{Reader, text_utf16};
use memchr::memmem::find;

const MAX_NAME: usize = 1_024;
/// Behind a package's names: 3 says that the file is in it.
const LINKED: u16 = 1;
/// Monikers ([MS-OSHARED] 2.3.7): an address, and a file's path.
const URL_MONIKER: &[u8] = &[0xe0, 0xc9, 0xea, 0x79, 0xf9, 0xba, 0xce, 0x11, 0x8c, 0x82, 0, 0xaa, 0, 0x4b, 0xa9, 0x0b];
const FILE_MONIKER: &[u8] = &[0x03, 0x03, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];

/// A file that was put into a document by the object packager.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Package<'a> {
    pub name: String,
    pub path: String,
    pub temporary_path: String,
    /// The file is elsewhere, at `path`.
    pub is_link: bool,
    /// Empty for a link, whose maker may have put something there all the same.
    pub content: &'a [u8],
}

/// The stream `\x01Ole10Native`: its size, then a package.
pub fn native_stream(stream: &[u8]) -> Option<Package<'_>> {
    package(stream.get(4..)?)
}

/// A package: names in the code page of its maker, the content, and often the names again in UTF-16.
pub fn package(data: &[u8]) -> Option<Package<'_>> {
    let reader = Reader::little(data);
    if reader.u16(0)? != 2 {
        return None;
    }
    let mut at = 2;
    let mut name = || {
        let bytes = reader.c_string(at, MAX_NAME as u64)?;
        at += bytes.len() as u64 + 1;
        Some(charset::decode_page(bytes, 1252, MAX_NAME))
    };
    let (label, path) = (name()?, name()?);
    let is_link = reader.u16(at + 2)? == LINKED;
    at += 4;
    let length = u64::from(reader.u32(at)?);
    let temporary_path = charset::decode_page(reader.upto(at + 4, length.min(MAX_NAME as u64)), 1252, MAX_NAME);
    at += 4 + length;
    let size = reader.u32(at).map_or(0, u64::from);
    let mut package = Package {
        name: label,
        path,
        temporary_path: temporary_path.trim_end_matches('\0').to_owned(),
        is_link,
        content: reader.upto(at + 4, size),
    };
    wide_names(reader, at + 4 + size, &mut package);
    Some(package)
}

/// The names again, of which a code page may have lost characters.
fn wide_names(reader: Reader, mut at: u64, package: &mut Package) {
    for name in [&mut package.temporary_path, &mut package.name, &mut package.path] {
        let Some(units) = reader.u32(at).map(u64::from).filter(|&units| units > 0) else { return };
        let Some(bytes) = reader.slice(at + 4, units * 2) else { return };
        *name = text_utf16(bytes, MAX_NAME);
        at += 4 + units * 2;
    }
}

/// An object as OLE 1.0 and RTF keep it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Object<'a> {
    pub class: String,
    /// Of a linked object: the file that it is in.
    pub topic: String,
    pub is_link: bool,
    pub content: &'a [u8],
}

/// Version, format, then names with their lengths; of an embedded object, its content.
pub fn object(data: &[u8]) -> Option<Object<'_>> {
    let reader = Reader::little(data);
    let format = reader.u32(4)?;
    if !(1..=2).contains(&format) {
        return None;
    }
    let mut at = 8;
    let mut name = || {
        let length = u64::from(reader.u32(at)?);
        let bytes = reader.slice(at + 4, length)?;
        at += 4 + length;
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        Some(charset::decode_page(&bytes[..end], 1252, MAX_NAME))
    };
    let (class, topic) = (name()?, name()?);
    name()?;
    let is_link = format == 1;
    let content = match reader.u32(at) {
        Some(size) if !is_link => reader.upto(at + 4, u64::from(size)),
        _ => &[],
    };
    Some(Object { class, topic, is_link, content })
}

/// Addresses and paths that the monikers in a stream (`\x01Ole`, a link's source) name.
pub fn monikers(stream: &[u8]) -> Vec<String> {
    let mut targets = Vec::new();
    let mut rest = stream;
    while let Some(at) = find(rest, URL_MONIKER) {
        rest = &rest[at + URL_MONIKER.len()..];
        let reader = Reader::little(rest);
        targets.push(text_utf16(reader.upto(4, reader.u32(0).map_or(0, u64::from)), MAX_NAME));
    }
    rest = stream;
    while let Some(at) = find(rest, FILE_MONIKER) {
        rest = &rest[at + FILE_MONIKER.len()..];
        let reader = Reader::little(rest);
        let path = reader.upto(6, reader.u32(2).map_or(0, u64::from));
        targets.push(charset::decode_page(path, 1252, MAX_NAME).trim_end_matches('\0').to_owned());
    }
    targets.retain(|target| !target.is_empty());
    targets.truncate(16);
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packaged() -> Vec<u8> {
        let mut data = vec![2, 0];
        data.extend(b"a.txt\0C:\\a.txt\0\0\0\x03\0\x06\0\0\0T\\a.t\0\x04\0\0\0MZ!!");
        data
    }

    #[test]
    fn packages_say_names_and_content() {
        let data = packaged();
        let expected = Package {
            name: "a.txt".into(),
            path: "C:\\a.txt".into(),
            temporary_path: "T\\a.t".into(),
            is_link: false,
            content: b"MZ!!",
        };
        assert_eq!(package(&data), Some(expected));
        let mut linked = data.clone();
        linked[19] = 1;
        let package_of_link = package(&linked).unwrap_or_default();
        assert_eq!((package_of_link.path.as_str(), package_of_link.is_link), ("C:\\a.txt", true));
        assert_eq!(package_of_link.content, b"MZ!!");
        for end in 0..data.len() {
            let _ = package(&data[..end]);
        }
    }

    #[test]
    fn wide_names_replace_narrow_ones() {
        let mut data = packaged();
        for name in ["T\\ä", "日.txt", "C:\\日"] {
            let units: Vec<u16> = name.encode_utf16().collect();
            data.extend(u32::try_from(units.len()).unwrap_or(0).to_le_bytes());
            data.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        }
        let package = package(&data).unwrap_or_default();
        assert_eq!((package.name.as_str(), package.path.as_str()), ("日.txt", "C:\\日"));
    }

    #[test]
    fn objects_say_their_class() {
        let data = b"\x01\x05\0\0\x02\0\0\0\x08\0\0\0Package\0\0\0\0\0\0\0\0\0\x02\0\0\0ab";
        let expected = Object { class: "Package".into(), content: b"ab", ..Object::default() };
        assert_eq!(object(data), Some(expected));
    }

    #[test]
    fn monikers_say_where_they_lead() {
        let mut stream = vec![1; 20];
        stream.extend(URL_MONIKER);
        let address: Vec<u8> = "http://a/\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        stream.extend(u32::try_from(address.len()).unwrap_or(0).to_le_bytes());
        stream.extend(address);
        assert_eq!(monikers(&stream), ["http://a/"]);
    }
}
