//! The function `read`: bytes at an offset, as they are read by people.

use module_kit::hex;
use serde::Serialize;

use crate::options::Window;

const ROW: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    pub offset: u64,
    /// Two digits for each byte.
    pub hex: String,
    /// What prints; a dot for each other byte.
    pub ascii: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bytes {
    /// Of the whole sample.
    pub size: u64,
    /// None behind the sample's end.
    pub rows: Vec<Row>,
}

pub fn read(data: &[u8], wanted: &Window) -> Bytes {
    let start = usize::try_from(wanted.offset).unwrap_or(usize::MAX).min(data.len());
    let part = data.get(start..).unwrap_or_default();
    let part = part.get(..wanted.length).unwrap_or(part);
    let rows = part.chunks(ROW).enumerate().map(|(number, row)| Row {
        offset: (start + number * ROW) as u64,
        hex: hex(row),
        ascii: row.iter().map(|&byte| if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '.' }).collect(),
    });
    Bytes { size: data.len() as u64, rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(data: &[u8], offset: u64, length: usize) -> Vec<(u64, String, String)> {
        let rows = read(data, &Window { offset, length }).rows;
        rows.into_iter().map(|row| (row.offset, row.hex, row.ascii)).collect()
    }

    #[test]
    fn rows_have_sixteen_bytes() {
        let data = *b"MZ\x90\0ABCDEFGHIJKL~\x7f";
        assert_eq!(
            rows(&data, 0, 18),
            [
                (0, "4d5a90004142434445464748494a4b4c".into(), "MZ..ABCDEFGHIJKL".into()),
                (16, "7e7f".into(), "~.".into()),
            ]
        );
    }

    #[test]
    fn what_is_behind_the_end_is_left_out() {
        assert_eq!(rows(b"abc", 1, 100), [(1, "6263".into(), "bc".into())]);
        assert!(rows(b"abc", 3, 1).is_empty());
        assert!(rows(b"abc", u64::MAX, 1).is_empty());
        assert_eq!(read(b"abc", &Window { offset: 9, length: 1 }).size, 3);
    }
}
