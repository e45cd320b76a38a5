//! The header of compiled code in Python's marshal format. The code is not read: what its fields look like tells which
//! versions of Python made it.

/// A code object, with or without the mark that others refer to it, and the text of bytes that its code is.
const CODE: u8 = b'c';
const BYTES: u8 = b's';
const REFERRED: u8 = 0x80;
/// The first instruction of a module's code, where every code begins with one.
const RESUMES: [(u8, &str); 3] = [(151, "3.11 or 3.12"), (149, "3.13"), (128, "3.14")];

/// Instructions that may stand before it.
const FIRST: usize = 4;

/// Which Python marshalled data is for; None where it is no code object.
pub fn version(data: &[u8]) -> Option<&'static str> {
    let (&kind, fields) = data.split_first()?;
    if kind & !REFERRED != CODE {
        return None;
    }
    // Numbers of 32 bits, all of them small: of arguments, variables and the stack, and flags.
    let (fields, _) = fields.as_chunks::<4>();
    let are_small = |fields: &[[u8; 4]]| fields.iter().all(|field| u32::from_le_bytes(*field) < 1 << 20);
    let (count, code) = (4..=6).find_map(|count| {
        let code = code(data.get(1 + 4 * count..)?)?;
        fields.get(..count).is_some_and(are_small).then_some((count, code))
    })?;
    let (instructions, _) = code.as_chunks::<2>();
    let is_first = |name: u8| instructions.iter().take(FIRST).any(|instruction| *instruction == [name, 0]);
    match count {
        4 => Some("2"),
        6 => Some("3.8, 3.9 or 3.10"),
        _ => Some(RESUMES.iter().find(|resume| is_first(resume.0)).map_or("3, before 3.8", |resume| resume.1)),
    }
}

/// The bytes of code that begin here with their length.
fn code(data: &[u8]) -> Option<&[u8]> {
    let (&kind, rest) = data.split_first()?;
    let (length, code) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if kind & !REFERRED == BYTES { code.get(..length).filter(|code| !code.is_empty()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of a code object with so many numbers before its code.
    fn head(numbers: usize, code: &[u8]) -> Vec<u8> {
        let mut head = vec![CODE | REFERRED];
        (0..numbers).for_each(|number| head.extend(u32::try_from(number).unwrap_or(0).to_le_bytes()));
        head.push(BYTES | REFERRED);
        head.extend(u32::try_from(code.len()).unwrap_or(0).to_le_bytes());
        [&head, code, b")\x00"].concat()
    }

    #[test]
    fn versions_are_told_by_the_fields() {
        for (numbers, code, told) in [
            (4, &b"d\0\0S"[..], "2"),
            (5, b"d\0S\0", "3, before 3.8"),
            (6, b"d\0S\0", "3.8, 3.9 or 3.10"),
            (5, &[151, 0, 100, 0], "3.11 or 3.12"),
            (5, &[135, 0, 151, 0, 100, 0], "3.11 or 3.12"),
            (5, &[149, 0, 100, 0], "3.13"),
            (5, &[128, 0, 100, 0], "3.14"),
        ] {
            assert_eq!(version(&head(numbers, code)), Some(told), "{numbers} {code:?}");
        }
        for other in [
            &b""[..],
            b"c",
            b"s\x04\0\0\0code",
            b"cannot be anything but a sentence",
            &head(3, b"d\0S\0"),
            &head(7, b"d"),
        ] {
            assert_eq!(version(other), None, "{other:?}");
        }
    }
}
