//! What a run did so far, kept where it outlives the run: an engine that is out of memory or of time never comes back to
//! say it. [`crate::Host::replay`] makes of it what the run had made.
//!
//! A record is its kind, the number of its fields, and each of these with its length before it.

use crate::limits::{MAX_KEPT_CONTENT, MAX_KEPT_LOST};

/// Keeps a record; false where there is no room for it.
pub type Keep = fn(&[u8]) -> bool;

/// The run has begun.
pub const BEGAN: u8 = b'b';
/// Milliseconds, name, result, what was judged of it, arguments. `AGAIN`: the same one; `UNLISTED`: one that is only counted.
pub const CALL: u8 = b'c';
pub const AGAIN: u8 = b'a';
pub const UNLISTED: u8 = b'u';
/// The list's number, what was done, to what.
pub const TOUCHED: u8 = b't';
/// What ran it, and the text.
pub const CODE: u8 = b'e';
/// The file's number, its path, and its content.
pub const WRITTEN: u8 = b'w';
/// The file's number, more of its content, and its path where that is spelt another way now.
pub const APPENDED: u8 = b'm';
/// The file's number.
pub const REMOVED: u8 = b'r';
/// There was a content that has no room; of a file, its number, path and beginning.
pub const LOST: u8 = b'l';

const MAX_FIELDS: usize = 32;
/// Bytes that a record of a content takes beyond its fields, with those of the one that says that the file is gone.
const OVERHEAD: usize = 24;

/// Where records go to; nowhere by default.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    keep: Option<Keep>,
    content: usize,
    lost: usize,
}

impl Journal {
    #[must_use]
    pub const fn new(keep: Option<Keep>) -> Self {
        Self { keep, content: 0, lost: 0 }
    }

    /// Notes what is small. False where there is no room.
    pub fn note(&self, kind: u8, fields: &[&[u8]]) -> bool {
        self.keep.is_none_or(|keep| keep(&record(kind, fields)))
    }

    /// Notes what may be large. False where there is no room, and from then on, since what is added to a file is nothing by
    /// itself: some is left for what comes later and is small.
    pub fn note_content(&mut self, kind: u8, fields: &[&[u8]]) -> bool {
        let Some(keep) = self.keep else { return true };
        let size = fields.iter().map(|field| field.len()).sum::<usize>();
        self.content = self.content.saturating_add(size + OVERHEAD);
        let kept = self.content <= MAX_KEPT_CONTENT && keep(&record(kind, fields));
        if !kept {
            self.content = self.content.max(MAX_KEPT_CONTENT + 1);
        }
        kept
    }

    /// Notes what is left of a content that has no room. False where that has none either, though a smaller one may.
    pub fn note_lost(&mut self, fields: &[&[u8]]) -> bool {
        let size = fields.iter().map(|field| field.len()).sum::<usize>() + OVERHEAD;
        let has_room = self.lost + size <= MAX_KEPT_LOST;
        if has_room {
            self.lost += size;
        }
        has_room && self.note(LOST, fields)
    }
}

fn record(kind: u8, fields: &[&[u8]]) -> Vec<u8> {
    let fields = fields.get(..fields.len().min(MAX_FIELDS)).unwrap_or_default();
    let mut record = Vec::with_capacity(2 + fields.iter().map(|field| 4 + field.len()).sum::<usize>());
    record.extend([kind, u8::try_from(fields.len()).unwrap_or(0)]);
    for field in fields {
        record.extend(u32::try_from(field.len()).unwrap_or(0).to_le_bytes());
        record.extend_from_slice(field);
    }
    record
}

/// The records again, up to the first that is none.
pub fn records(mut kept: &[u8]) -> impl Iterator<Item = (u8, Vec<&[u8]>)> {
    std::iter::from_fn(move || {
        let [kind, count, rest @ ..] = kept else { return None };
        kept = rest;
        let mut fields = Vec::new();
        for _ in 0..*count {
            let (length, rest) = kept.split_first_chunk::<4>()?;
            let (field, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            fields.push(field);
            kept = rest;
        }
        Some((*kind, fields))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_up_to_where_they_are_cut() {
        let kept = [record(CALL, &[b"", b"abc"]), record(AGAIN, &[]), record(REMOVED, &[b"x"])].concat();
        let whole = [(CALL, vec![&b""[..], b"abc"]), (AGAIN, vec![]), (REMOVED, vec![b"x"])];
        assert_eq!(records(&kept).collect::<Vec<_>>(), whole);
        for end in 0..kept.len() {
            assert!(whole.starts_with(&records(&kept[..end]).collect::<Vec<_>>()), "{end}");
        }
    }
}
