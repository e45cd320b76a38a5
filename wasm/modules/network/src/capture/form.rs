//! Files of a form that is sent: `multipart/form-data` (RFC 7578), in parts as RFC 2046, section 5.1, has them.

use std::ops::Range;

use super::bytes::{find, text};

/// Parts of one form that are looked at.
const MAX_PARTS: usize = 256;
/// Bytes of a part's head, and of a boundary (RFC 2046: 70).
const MAX_HEAD: usize = 4_096;
const MAX_BOUNDARY: usize = 70;

/// A part that is a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Upload {
    /// As it is in the head: a name, and perhaps a path before it.
    pub disposition: String,
    /// What the sender says that it is.
    pub declared: String,
    /// Where it is in the body.
    pub place: Range<usize>,
    /// Whether a boundary follows it.
    pub complete: bool,
}

/// The files of a form, in order; none where the body is no form.
pub fn uploads(content_type: &str, body: &[u8]) -> Vec<Upload> {
    let Some(boundary) = boundary(content_type) else { return Vec::new() };
    let delimiter = [b"--", boundary.as_bytes()].concat();
    let mut found = Vec::new();
    let Some(first) = find(body, &delimiter) else { return found };
    let mut at = first + delimiter.len();
    for _ in 0..MAX_PARTS {
        let rest = body.get(at..).unwrap_or_default();
        if rest.starts_with(b"--") {
            break;
        }
        let next = find(rest, &delimiter);
        let part = rest.get(..next.unwrap_or(rest.len())).unwrap_or_default();
        found.extend(upload(part, at, next.is_some()));
        let Some(next) = next else { break };
        at += next + delimiter.len();
    }
    found
}

/// What a part is, from behind its boundary to the next one.
fn upload(part: &[u8], start: usize, complete: bool) -> Option<Upload> {
    let head = part.get(..MAX_HEAD.min(part.len())).unwrap_or_default();
    let end = find(head, b"\r\n\r\n")?;
    let fields = text(head.get(..end)?, MAX_HEAD);
    let field = |name: &str| {
        let lines = fields.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).next()
    };
    let disposition = field("content-disposition").filter(|said| said.to_ascii_lowercase().contains("filename"))?;
    let content = end + 4;
    let stop = if complete && part.ends_with(b"\r\n") { part.len() - 2 } else { part.len() };
    let declared = field("content-type").unwrap_or_default();
    (content < stop).then(|| Upload { disposition, declared, place: start + content..start + stop, complete })
}

fn boundary(content_type: &str) -> Option<String> {
    let mut fields = content_type.split(';').map(str::trim);
    fields.next().filter(|kind| kind.eq_ignore_ascii_case("multipart/form-data"))?;
    let (_, value) =
        fields.filter_map(|field| field.split_once('=')).find(|(key, _)| key.eq_ignore_ascii_case("boundary"))?;
    let value = value.trim_matches('"');
    (1..=MAX_BOUNDARY).contains(&value.len()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=\"B-1\"";

    #[test]
    fn files_of_a_form_are_its_parts_that_have_a_name() {
        let body = b"--B-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
            --B-1\r\ncontent-disposition: form-data; name=\"f\"; filename=\"x.exe\"\r\nContent-Type: application/x-a\r\n\r\n\
            MZ\r\n--B-\r\n--B-1--\r\n";
        let found = uploads(KIND, body);
        let contents: Vec<&[u8]> = found.iter().filter_map(|upload| body.get(upload.place.clone())).collect();
        assert_eq!(contents, [b"MZ\r\n--B-"]);
        assert!(found[0].complete && found[0].disposition.ends_with("filename=\"x.exe\""));
        assert_eq!(found[0].declared, "application/x-a");
        assert_eq!(uploads("multipart/mixed; boundary=B-1", body), []);
        assert_eq!(uploads("multipart/form-data", body), []);
    }

    #[test]
    fn what_is_cut_off_is_said_to_be() {
        let body = b"--B-1\r\nContent-Disposition: form-data; filename=x\r\n\r\nhalf";
        let found = uploads(KIND, body);
        assert_eq!(found.iter().map(|it| (it.place.len(), it.complete)).collect::<Vec<_>>(), [(4, false)]);
    }
}
