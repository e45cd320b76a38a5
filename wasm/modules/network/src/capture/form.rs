//! Files of a form that is sent: `multipart/form-data` (RFC 7578).

use std::ops::Range;

use file_processor::mime::{Fields, MAX_PARTS, parameter, split};

/// A part that is a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Upload {
    /// As the sender gives it: a name, and perhaps a path before it.
    pub name: String,
    /// What the sender says that it is.
    pub declared: String,
    /// Where it is in the body.
    pub place: Range<usize>,
    /// Whether a boundary follows it.
    pub complete: bool,
}

/// The files of a form, in order, and whether it has more parts than were read; none where the body is no form.
pub fn uploads(content_type: &str, body: &[u8]) -> (Vec<Upload>, bool) {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let boundary = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty());
    let Some(boundary) = boundary.filter(|_| kind.eq_ignore_ascii_case("multipart/form-data")) else {
        return (Vec::new(), false);
    };
    let mut pieces = split(body, boundary.as_bytes());
    let is_cut = pieces.len() > MAX_PARTS;
    pieces.truncate(MAX_PARTS);
    let files = pieces.into_iter().filter_map(|piece| {
        let (fields, content) = Fields::parse(body.get(piece.place.clone())?);
        let name = parameter(fields.get("content-disposition")?, "filename")?;
        let declared = fields.get("content-type").unwrap_or_default().to_owned();
        let place = piece.place.end - content.len()..piece.place.end;
        (!content.is_empty()).then_some(Upload { name, declared, place, complete: piece.complete })
    });
    (files.collect(), is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=\"B-1\"";

    fn contents<'b>(kind: &str, body: &'b [u8]) -> Vec<&'b [u8]> {
        uploads(kind, body).0.into_iter().filter_map(|upload| body.get(upload.place)).collect()
    }

    #[test]
    fn files_of_a_form_are_its_parts_that_have_a_name() {
        let body = b"--B-1\r\nContent-Disposition: form-data; name=\"filename\"\r\n\r\n1\r\n\
            --B-1\r\ncontent-disposition: form-data; name=\"f\"; filename=\"x;y.exe\"\r\nContent-Type: application/x-a\r\n\r\n\
            MZ\r\n--B-\r\nMZ --B-1 two\r\n--B-1--\r\n";
        assert_eq!(contents(KIND, body), [b"MZ\r\n--B-\r\nMZ --B-1 two"]);
        let (found, is_cut) = uploads(KIND, body);
        assert_eq!((found[0].name.as_str(), found[0].complete, is_cut), ("x;y.exe", true, false));
        assert_eq!(found[0].declared, "application/x-a");
        assert!(contents("multipart/mixed; boundary=B-1", body).is_empty());
        assert!(contents("multipart/form-data", body).is_empty());
    }

    #[test]
    fn a_boundary_stands_alone_in_its_line() {
        let body = b"--a\r\nContent-Disposition: form-data; filename*=UTF-8''%C3%A4.exe\r\n\r\nMZ one --abc two\r\n--ab\r\n--a--";
        assert_eq!(contents("multipart/form-data; boundary=a", body), [b"MZ one --abc two\r\n--ab"]);
        assert_eq!(uploads("multipart/form-data; boundary=a", body).0[0].name, "ä.exe");
    }

    #[test]
    fn what_is_cut_off_is_said_to_be() {
        let body = b"--B-1\r\nContent-Disposition: form-data; filename=x\r\n\r\nhalf";
        let (found, _) = uploads(KIND, body);
        assert_eq!(found.iter().map(|it| (it.place.len(), it.complete)).collect::<Vec<_>>(), [(4, false)]);
        let flood = b"--B-1\r\nContent-Disposition: form-data; filename=x\r\n\r\na\r\n".repeat(2_000);
        let (found, is_cut) = uploads(KIND, &flood);
        assert!(found.len() == MAX_PARTS && is_cut);
    }
}
