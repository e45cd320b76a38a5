//! Presentations of PowerPoint 97 - 2003 ([MS-PPT]): compound files with macros and objects, packed into records.

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use module_kit::Findings;

use super::Directory;
use crate::container::document::Document;
use crate::facts::document::EmbeddedObject;
use crate::limits::MAX_INFLATED;
use crate::reader::Reader;

/// RT_ExternalOleObjectStg: a compound file, packed if the record's instance is 1.
const OBJECT_STORAGE: u16 = 0x1011;
const MAX_STORAGES: usize = 64;

pub fn parse(stream: &[u8], document: &mut Document, findings: &mut Findings) {
    let reader = Reader::little(stream);
    let (mut at, mut found) = (0, 0);
    while let (Some(head), Some(kind), Some(size)) = (reader.u16(at), reader.u16(at + 2), reader.u32(at + 4)) {
        let content = reader.upto(at + 8, u64::from(size));
        if kind == OBJECT_STORAGE {
            found += 1;
            if found > MAX_STORAGES {
                document.is_cut = true;
                break;
            }
            storage(content, head >> 4 == 1, document, findings);
        }
        at += 8 + u64::from(size);
    }
}

/// The token of the user who saved it ([MS-PPT] 2.3.2) says whether the presentation is encrypted.
pub fn is_encrypted(directory: &mut Directory) -> bool {
    let Some(user) = super::root_stream(directory, &["Current User"]) else { return false };
    Reader::little(&directory.stream_upto(user, 64)).u32(12) == Some(0xf3d1_c4df)
}

fn storage(content: &[u8], is_packed: bool, document: &mut Document, findings: &mut Findings) {
    let unpacked;
    let content = if is_packed {
        // Four bytes say how long it is when unpacked.
        let packed = content.get(4..).unwrap_or_default();
        unpacked = decompress_to_vec_zlib_with_limit(packed, MAX_INFLATED).unwrap_or_else(|error| error.output);
        &unpacked[..]
    } else {
        content
    };
    if !super::project(content, "PowerPoint Document", document, findings) {
        let object = EmbeddedObject { kind: "ole-object", class: root_class(content), ..EmbeddedObject::default() };
        document.file(object, content);
    }
}

fn root_class(content: &[u8]) -> String {
    let Some(mut directory) = Directory::parse(content) else { return String::new() };
    directory.root().map(|root| super::class_of(&mut directory, root)).unwrap_or_default()
}
