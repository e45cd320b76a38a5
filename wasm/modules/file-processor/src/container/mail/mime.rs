//! The tree of parts of a message (RFC 5322, RFC 2045 - 2047).

use std::ops::Range;

use super::encoded::{MAX_FIELD, parameter, transfer, words};

/// Parts in parts, and parts of one message.
const MAX_DEPTH: u32 = 16;
pub const MAX_PARTS: usize = 1_000;
const MAX_FIELDS: usize = 512;

#[derive(Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads fields up to the empty line; returns what is behind it.
    pub fn parse(data: &[u8]) -> (Self, &[u8]) {
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut rest = data;
        while let Some((line, behind)) = split_line(rest) {
            rest = behind;
            if line.is_empty() {
                break;
            }
            let text = latin_or_utf8(line);
            if matches!(line[0], b' ' | b'\t') {
                if let Some((_, value)) = fields.last_mut().filter(|(_, value)| value.len() < 16 * MAX_FIELD) {
                    value.push_str(&text);
                }
            } else if let Some((name, value)) = text.split_once(':').filter(|_| fields.len() < MAX_FIELDS) {
                fields.push((name.trim().to_ascii_lowercase(), value.trim_start().to_owned()));
            }
        }
        (Self(fields), rest)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// With its encoded words.
    pub fn text(&self, name: &str) -> String {
        self.get(name).map(words).unwrap_or_default()
    }

    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }
}

/// The first line without its end, and what is behind it.
fn split_line(data: &[u8]) -> Option<(&[u8], &[u8])> {
    if data.is_empty() {
        return None;
    }
    let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let line = &data[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), data.get(end + 1..).unwrap_or_default()))
}

fn latin_or_utf8(line: &[u8]) -> String {
    let line = &line[..line.len().min(16 * MAX_FIELD)];
    String::from_utf8(line.to_vec()).unwrap_or_else(|_| line.iter().map(|&byte| char::from(byte)).collect())
}

/// A part without parts.
pub struct Leaf<'a> {
    pub fields: Fields,
    raw: &'a [u8],
    /// Lower case, without parameters.
    pub kind: String,
}

impl Leaf<'_> {
    pub fn content(&self) -> Vec<u8> {
        transfer(self.raw, self.fields.get("content-transfer-encoding").unwrap_or_default())
    }

    pub fn name(&self) -> Option<String> {
        let disposition = self.fields.get("content-disposition").and_then(|field| parameter(field, "filename"));
        disposition.or_else(|| self.fields.get("content-type").and_then(|field| parameter(field, "name")))
    }

    pub fn charset(&self) -> String {
        self.fields.get("content-type").and_then(|field| parameter(field, "charset")).unwrap_or_default()
    }

    pub fn is_attachment(&self) -> bool {
        let disposition = self.fields.get("content-disposition").unwrap_or_default();
        disposition.to_ascii_lowercase().starts_with("attachment")
    }
}

/// The message's own fields and its leaves, in their order. `is_cut` is set where there are more.
pub fn parse<'a>(data: &'a [u8], is_cut: &mut bool) -> (Fields, Vec<Leaf<'a>>) {
    let (fields, _) = Fields::parse(data);
    let mut leaves = Vec::new();
    part(data, "text/plain", 0, &mut leaves, is_cut);
    (fields, leaves)
}

fn part<'a>(raw: &'a [u8], default: &str, depth: u32, leaves: &mut Vec<Leaf<'a>>, is_cut: &mut bool) {
    if leaves.len() >= MAX_PARTS || depth > MAX_DEPTH {
        *is_cut = true;
        return;
    }
    let (fields, body) = Fields::parse(raw);
    let field = fields.get("content-type").unwrap_or(default);
    let kind = field.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let boundary = parameter(field, "boundary").filter(|it| kind.starts_with("multipart/") && !it.is_empty());
    let Some(boundary) = boundary else {
        leaves.push(Leaf { fields, raw: body, kind });
        return;
    };
    let default = if kind == "multipart/digest" { "message/rfc822" } else { "text/plain" };
    for piece in split(body, boundary.as_bytes()) {
        part(&body[piece.place], default, depth + 1, leaves, is_cut);
        if *is_cut {
            break;
        }
    }
}

/// A part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub place: Range<usize>,
    /// Whether a boundary follows it: else it was cut off.
    pub complete: bool,
}

/// What is between lines of two dashes and the boundary (RFC 2046, section 5.1.1): one more than `MAX_PARTS` where there
/// are more.
#[must_use]
pub fn split(body: &[u8], boundary: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = None;
    let mut rest = body;
    while let Some((line, behind)) = split_line(rest) {
        let at = body.len() - rest.len();
        rest = behind;
        let Some(mark) = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary)) else { continue };
        let is_end = mark.starts_with(b"--");
        if is_end || mark.trim_ascii().is_empty() {
            let ended = start.take().map(|start| start..start + without_line_end(&body[start..at]).len());
            pieces.extend(ended.map(|place| Piece { place, complete: true }));
            if is_end || pieces.len() > MAX_PARTS {
                return pieces;
            }
            start = Some(body.len() - behind.len());
        }
    }
    pieces.extend(start.map(|start| Piece { place: start..body.len(), complete: false }));
    pieces
}

/// The line end before a boundary is the boundary's.
fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] =
        b"Subject: =?utf-8?q?=C3=A4?=\r\n  b\r\nContent-Type: multipart/mixed;\r\n boundary=\"x y\"\r\n\r\npreamble\r\n\
        --x y\r\n\r\nfirst\r\n--x y \r\nContent-Type: multipart/alternative; boundary=z\r\n\r\n--z\r\n\
        Content-Type: text/html\r\n\r\n<b>\r\n--z--\r\n--x y\r\nContent-Disposition: attachment; filename=a.bin\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nTVo=\r\n--x y--\r\nepilogue";

    #[test]
    fn the_tree_of_parts_is_walked() {
        let mut is_cut = false;
        let (fields, leaves) = parse(MESSAGE, &mut is_cut);
        assert_eq!(fields.text("subject"), "ä  b");
        let kinds: Vec<_> = leaves.iter().map(|leaf| leaf.kind.as_str()).collect();
        assert_eq!(kinds, ["text/plain", "text/html", "text/plain"]);
        assert_eq!((leaves[0].content(), leaves[2].content()), (b"first".to_vec(), b"MZ".to_vec()));
        assert_eq!((leaves[2].name(), leaves[2].is_attachment(), is_cut), (Some("a.bin".into()), true, false));
    }

    #[test]
    fn parts_that_hold_themselves_end_and_floods_are_told() {
        let nested = b"Content-Type: multipart/mixed; boundary=a\n\n--a\n".repeat(500);
        let mut is_cut = false;
        parse(&nested, &mut is_cut);
        let mut flood = b"Content-Type: multipart/mixed; boundary=a\n\n".to_vec();
        flood.extend(b"--a\n\nx\n".repeat(5_000));
        is_cut = false;
        let (_, leaves) = parse(&flood, &mut is_cut);
        assert!(leaves.len() == MAX_PARTS && is_cut);
    }
}
