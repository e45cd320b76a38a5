//! Texts in Python's compiled code, by their lengths: right behind one stands the type of the next value, which is a letter
//! or a sign as often as not, and would be taken for its last character.

/// Characters that show that something is a text rather than a length in code.
const TELLING: usize = 64;
/// Bytes of compiled code: real modules have below 10 MiB.
const MAX_CODE: usize = 16 << 20;

/// The bytes with a NUL behind each text, if they are compiled code of Python. Lengths may lie: what is in the bytes as they are
/// has to be looked for too.
pub fn with_ends(data: &[u8]) -> Option<Vec<u8>> {
    if !is_compiled(data) || data.len() > MAX_CODE {
        return None;
    }
    let mut ended = data.to_vec();
    let mut at = 16;
    while at < data.len() {
        let Some(end) = text_end(data, at) else {
            at += 1;
            continue;
        };
        if let Some(behind) = ended.get_mut(end) {
            *behind = 0;
        }
        at = end;
    }
    Some(ended)
}

/// The magic number of CPython 3 (3,000 to 3,999) or 2 (up to 62,211), a line's end, and behind the header, of three lengths over
/// time, a code object (`Lib/importlib/_bootstrap_external.py`).
fn is_compiled(data: &[u8]) -> bool {
    let has_code = [8, 12, 16].iter().any(|&at| matches!(data.get(at), Some(b'c' | 0xe3)));
    has_code && matches!(data, [_, 0x0b..=0x0f | 0xf2 | 0xf3, b'\r', b'\n', ..])
}

/// Where the text ends whose type stands at `at` (`Python/marshal.c`).
fn text_end(data: &[u8], at: usize) -> Option<usize> {
    let (start, length) = match (data.get(at)? & 0x7f, data.get(at + 1..)?) {
        (b'z' | b'Z', [length, ..]) => (at + 2, usize::from(*length)),
        (b'a' | b'A' | b's' | b't' | b'u', [a, b, c, d, ..]) => (at + 5, u32::from_le_bytes([*a, *b, *c, *d]) as usize),
        _ => return None,
    };
    let text = data.get(start..start.checked_add(length)?)?;
    let is_text = |text: &[u8]| text.iter().all(|&byte| byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r'));
    let (first, last) = (&text[..length.min(TELLING)], &text[length.saturating_sub(TELLING)..]);
    (length >= 4 && is_text(first) && is_text(last)).then_some(start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(body: &[u8]) -> Vec<u8> {
        [b"\xa7\x0d\r\n\0\0\0\0\0\0\0\0\0\0\0\0\xe3", body].concat()
    }

    #[test]
    fn a_text_ends_where_its_length_says() {
        for text in [&b"\xda\x0bhttp://a.io"[..], b"u\x0b\0\0\0http://a.io", b"\xe1\x0b\0\0\0http://a.io"] {
            let code = compiled(&[text, b"z\x05other)"].concat());
            let ended = with_ends(&code).expect("compiled");
            assert_eq!(ended.len(), code.len());
            assert!(memchr::memmem::find(&ended, b"http://a.io\0\x05other\0").is_some(), "{ended:?}");
        }
    }

    #[test]
    fn what_is_no_compiled_code_or_no_text_stays() {
        for other in [&b"MZ\r\n\0\0\0\0ez\x04texty"[..], b"\r\r\r\nvar a = 'z http://a.io';"] {
            assert_eq!(with_ends(other), None);
        }
        for body in [&b"z\x04te\0ty"[..], b"z\x05text", b"u\xff\xff\xff\xfftext", b"z"] {
            let code = compiled(body);
            assert_eq!(with_ends(&code), Some(code));
        }
    }
}
