//! Office documents in one XML file: Flat OPC, Word 2003 and Excel 2003; and the binary parts that they and web
//! archives carry (ActiveMime: a packed compound file).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use module_kit::Findings;

use super::super::document::Document;
use super::super::xml::{self, Piece};
use super::super::{fields, ole};
use crate::facts::document::EmbeddedObject;
use crate::limits::MAX_INFLATED;
use memchr::memmem::find;

/// Bytes of a document in XML that are read.
const MAX_XML: usize = 32 << 20;
const ACTIVE_MIME: &[u8] = b"ActiveMime";
/// Where the packed data of an ActiveMime file may begin: its header has no fixed length.
const PACKED_AT: [usize; 3] = [0x32, 0x22a, 0x232];

/// Streams of a part that are looked at.
const MAX_STREAMS: usize = 256;

/// Base64 that may lack its padding, or have bits behind the last byte.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What Office writes at the begin of its documents; parts of packages, which their package reads, have none of it.
const MARKS: [&[u8]; 3] =
    [b"mso-application", b"schemas.microsoft.com/office/2006/xmlPackage", b"schemas.microsoft.com/office/word/2003"];

pub fn parse(data: &[u8], document: &mut Document, findings: &mut Findings) {
    let start = &data[..data.len().min(4_096)];
    if !MARKS.iter().any(|mark| find(start, mark).is_some()) {
        return;
    }
    let text = xml::decode(data[..data.len().min(MAX_XML)].to_vec());
    fields::markup(&text, "document", document);
    let mut part = String::new();
    let mut mso_name = String::new();
    for piece in xml::pieces(&text) {
        match piece.name() {
            "part" => part = piece.attribute("name").unwrap_or_default(),
            "binaryData" => binary_part(&decode_base64(piece.raw_text()), &part, document, findings),
            "binData" => {
                mso_name = piece.attribute("name").unwrap_or_default();
                mime_part(&decode_base64(piece.raw_text()), &mso_name, document, findings);
            }
            "docOleData" => mso_name.clear(),
            "Relationship" => super::relation(&piece, &part, document),
            "Cell" => excel_2003(&piece, document),
            _ => {}
        }
    }
}

/// A cell of Excel 2003: `ss:Formula="=cmd|'/c calc'!A1"`.
fn excel_2003(piece: &Piece, document: &mut Document) {
    if let Some(formula) = piece.attribute("Formula") {
        fields::formula(&formula, "cell", document);
    }
}

/// A part of a Flat OPC document that is no XML.
fn binary_part(content: &[u8], part: &str, document: &mut Document, findings: &mut Findings) {
    if part.to_ascii_lowercase().ends_with("vbaproject.bin") {
        super::project_part(content, part, document, findings);
    } else if part.contains("/embeddings/") {
        let object = EmbeddedObject { kind: "package-part", name: part.to_owned(), ..EmbeddedObject::default() };
        document.file(object, content);
    }
}

/// A part of a Word 2003 document or a web archive that is a compound file, packed or as it is: its macros, else the
/// file as an object. Whether it was one.
pub fn mime_part(content: &[u8], name: &str, document: &mut Document, findings: &mut Findings) -> bool {
    let unpacked;
    let content = if content.starts_with(ACTIVE_MIME) {
        let found = PACKED_AT.iter().find_map(|&at| inflate_at(content, at));
        unpacked = found.or_else(|| inflate_at(content, find(content, &[0x78, 0x9c])?)).unwrap_or_default();
        if unpacked.is_empty() {
            findings.malformed("activemime", "The packed part cannot be unpacked.");
            return true;
        }
        &unpacked[..]
    } else {
        content
    };
    if !content.starts_with(ole::MAGIC) {
        return false;
    }
    if !ole::project(content, name, document, findings) {
        objects(content, name, document);
    }
    true
}

/// Objects of Word 2003 are packed compound files, each a stream of one.
fn objects(content: &[u8], name: &str, document: &mut Document) {
    let object = || EmbeddedObject { kind: "ole-object", name: name.to_owned(), ..EmbeddedObject::default() };
    let Some(mut directory) = ole::Directory::parse(content) else { return };
    let mut found = false;
    for index in 0..directory.entries.len().min(MAX_STREAMS) {
        let stream = directory.stream(index);
        if let Some(unpacked) = find(&stream[..stream.len().min(16)], &[0x78]).and_then(|at| inflate_at(&stream, at)) {
            document.file(object(), &unpacked);
            found = true;
        }
    }
    if !found {
        document.file(object(), content);
    }
}

fn inflate_at(content: &[u8], at: usize) -> Option<Vec<u8>> {
    let unpacked = decompress_to_vec_zlib_with_limit(content.get(at..)?, MAX_INFLATED).ok()?;
    unpacked.starts_with(ole::MAGIC).then_some(unpacked)
}

pub fn decode_base64(text: &str) -> Vec<u8> {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut digits: Vec<u8> = text.bytes().filter(is_digit).collect();
    // One digit alone holds no byte.
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    LENIENT.decode(&digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_through_blanks_and_without_padding() {
        assert_eq!(decode_base64(" TV\r\nqQ "), b"MZ\x90");
        assert_eq!(decode_base64("TVo"), b"MZ");
        assert_eq!(decode_base64("TVpx!A"), b"MZq");
    }

    #[test]
    fn cells_of_excel_2003_are_read() {
        let mut document = Document::default();
        parse(b"<?mso-application?><Cell ss:Formula=\"=cmd|'/c calc'!A1\"/>", &mut document, &mut Findings::default());
        assert_eq!(document.facts.links[0].target, "cmd '/c calc'!A1");
    }
}
