//! One direction of a connection, put together from its segments: in the order of their numbers, each byte once.

use std::borrow::Cow;

use super::flows::Half;
use super::limits::MAX_STREAM;
use super::space::{Space, Span};

/// A place in the stream from which on the bytes are those of one packet.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: usize,
    time: u64,
    span: Span,
}

/// Bytes without a gap between them.
pub struct Piece<'a> {
    pub data: Cow<'a, [u8]>,
    marks: Vec<Mark>,
}

impl Piece<'_> {
    fn mark(&self, at: usize) -> Option<&Mark> {
        self.marks.get(self.marks.partition_point(|mark| mark.at <= at).checked_sub(1)?)
    }

    /// Where the byte at `at` is in the sample.
    pub fn offset(&self, space: &Space, at: usize) -> Option<u64> {
        let mark = self.mark(at)?;
        let part = mark.span.part(at.checked_sub(mark.at)?, 1).filter(|part| part.length == 1)?;
        space.offset(part)
    }

    /// When the byte at `at` was captured.
    pub fn time(&self, at: usize) -> u64 {
        self.mark(at).map_or(0, |mark| mark.time)
    }
}

#[derive(Default)]
pub struct Stream<'a> {
    pub pieces: Vec<Piece<'a>>,
    /// Bytes that no packet held, between those that some did.
    pub missing: u64,
    /// Segments that say something else than another of the same place.
    pub contradicting: u64,
    /// Bytes that came again.
    pub repeated: u64,
    /// Whether there are more bytes than are put together.
    pub cut: bool,
}

impl<'a> Stream<'a> {
    /// At most `budget` bytes, which are taken from it.
    pub fn of(half: &Half, space: &'a Space, budget: &mut usize) -> Self {
        let mut order: Vec<_> = half.segments.iter().enumerate().collect();
        // Bytes before the first that was seen are old ones: of the handshake, or what keeps a connection alive.
        let least = if half.first.is_some() { -MAX_BEFORE } else { i64::MIN };
        order.retain(|(_, segment)| segment.at >= least);
        order.sort_by_key(|(index, segment)| (segment.at, *index));
        let mut stream = Stream::default();
        let mut end = i64::MIN;
        let mut room = MAX_STREAM.min(*budget);
        for (_, segment) in order {
            let data = space.get(segment.span);
            let known = usize::try_from(end.saturating_sub(segment.at)).unwrap_or(0);
            if known > 0 && end != i64::MIN {
                stream.overlap(data, known);
            }
            let known = if end == i64::MIN { 0 } else { known };
            let Some(new) = data.get(known..).filter(|new| !new.is_empty()) else { continue };
            if new.len() > room {
                stream.cut = true;
                break;
            }
            room -= new.len();
            *budget -= new.len();
            let span = segment.span.part(known, new.len()).unwrap_or_default();
            let is_gap = end == i64::MIN || segment.at > end;
            if is_gap && end != i64::MIN {
                stream.missing += segment.at.abs_diff(end);
            }
            stream.push(new, is_gap, segment.time, span);
            end = segment.at + i64::try_from(data.len()).unwrap_or(0);
        }
        stream
    }

    fn push(&mut self, new: &'a [u8], is_gap: bool, time: u64, span: Span) {
        if let Some(piece) = self.pieces.last_mut().filter(|_| !is_gap) {
            piece.marks.push(Mark { at: piece.data.len(), time, span });
            piece.data.to_mut().extend_from_slice(new);
        } else {
            self.pieces.push(Piece { data: Cow::Borrowed(new), marks: vec![Mark { at: 0, time, span }] });
        }
    }

    /// Compares bytes that are there already with those of a segment, of which the first `known` should be the same.
    fn overlap(&mut self, data: &[u8], known: usize) {
        let Some(piece) = self.pieces.last() else { return };
        let compared = known.min(data.len());
        self.repeated += compared as u64;
        let Some(start) = piece.data.len().checked_sub(known) else { return };
        if piece.data.get(start..start + compared) != data.get(..compared) && !is_probe(data) {
            self.contradicting += 1;
        }
    }

    pub fn first(&self) -> &[u8] {
        self.pieces.first().map_or(&[], |piece| &piece.data)
    }
}

/// Bytes that may come before the first that was seen, where packets are out of order.
const MAX_BEFORE: i64 = 1 << 20;

/// A byte, often of no meaning, that asks whether the other side is still there (RFC 9293, 3.8.4).
fn is_probe(data: &[u8]) -> bool {
    data.len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::flows::Segment;

    #[allow(clippy::field_reassign_with_default, reason = "one field is private")]
    fn stream(parts: &[(i64, &str)]) -> (Vec<String>, u64, u64, u64) {
        let all: String = parts.iter().map(|part| part.1).collect();
        let mut half = Half::default();
        half.first = Some(0);
        let mut at = 0;
        for (place, part) in parts {
            let span = Span::new(at, part.len()).unwrap_or_default();
            half.segments.push(Segment { at: *place, time: 0, span });
            at += part.len();
        }
        let space = Space::new(b"", all.as_bytes());
        let stream = Stream::of(&half, &space, &mut 1_000_000);
        let text = |piece: &Piece| String::from_utf8_lossy(&piece.data).into_owned();
        let pieces = stream.pieces.iter().map(text).collect();
        (pieces, stream.missing, stream.contradicting, stream.repeated)
    }

    #[test]
    fn segments_in_any_order() {
        assert_eq!(stream(&[(3, "def"), (0, "abc"), (6, "g")]), (vec!["abcdefg".to_owned()], 0, 0, 0));
    }

    #[test]
    fn what_comes_again_counts_once() {
        assert_eq!(stream(&[(0, "abc"), (0, "abc"), (1, "bcd")]), (vec!["abcd".to_owned()], 0, 0, 5));
    }

    #[test]
    fn what_contradicts_is_told() {
        assert_eq!(stream(&[(0, "abc"), (1, "XYd")]), (vec!["abcd".to_owned()], 0, 1, 2));
    }

    #[test]
    fn a_gap_divides() {
        let (pieces, missing, ..) = stream(&[(0, "abc"), (10, "xyz")]);
        assert_eq!((pieces, missing), (vec!["abc".to_owned(), "xyz".to_owned()], 7));
    }
}
