//! The objects of a file. It is scanned, not followed: a crafted or damaged cross-reference table hides nothing then.
//! Of an object that is there twice (incremental updates), the last one counts, and all are looked at.

use std::cell::Cell;
use std::collections::HashMap;

use super::crypt::Key;
use super::filters;
use super::object::{Dictionary, Left, Object, Parser, is_blank};
use crate::limits::{MAX_INFLATED, MAX_INFLATED_PARTS, MAX_PDF_STREAMS};
use memchr::memmem::find;

/// Objects of one file: the largest honest files have some hundred thousand.
const MAX_OBJECTS: usize = 300_000;
/// Objects in one object stream.
const MAX_PACKED_OBJECTS: usize = 20_000;
/// Entries of dictionaries and arrays that references lead to, all together.
const MAX_REACH: usize = 4 << 20;
/// Bytes of a trailer: honest ones have some hundred.
const MAX_TRAILER: usize = 16 << 10;

#[derive(Clone)]
pub struct Indirect {
    pub number: u32,
    pub generation: u16,
    /// In the file; of a packed object, that of the stream it is in.
    pub offset: usize,
    pub value: Object,
    /// Where its stream's bytes are.
    stream: Option<(usize, usize)>,
    pub is_packed: bool,
}

pub struct File<'a> {
    data: &'a [u8],
    pub objects: Vec<Indirect>,
    /// Position of the object that counts, by its number.
    latest: HashMap<u32, usize>,
    pub trailers: Vec<Dictionary>,
    /// Objects that were replaced by later ones.
    pub replaced: usize,
    pub streams: usize,
    pub is_cut: bool,
    key: Option<Key>,
    pub is_encrypted: bool,
    decoded: usize,
    left: usize,
    parsing: Left,
    /// Entries of what references may still lead to: any number of them may share one large dictionary.
    reach: Cell<usize>,
}

impl<'a> File<'a> {
    pub fn parse(data: &'a [u8]) -> Self {
        let mut file = Self {
            data,
            objects: Vec::new(),
            latest: HashMap::new(),
            trailers: Vec::new(),
            replaced: 0,
            streams: 0,
            is_cut: false,
            key: None,
            is_encrypted: false,
            decoded: 0,
            left: MAX_INFLATED_PARTS,
            parsing: Left::of(data),
            reach: Cell::new(MAX_REACH),
        };
        file.scan();
        file.index();
        file.unlock();
        file.unpack();
        file.index();
        file
    }

    /// Objects are `12 0 obj`, whatever stands before and behind them.
    fn scan(&mut self) {
        let mut at = 0;
        while at < self.data.len() {
            let rest = &self.data[at..];
            let Some(found) = find(rest, b"obj") else { break };
            let place = at + found;
            if self.objects.len() >= MAX_OBJECTS {
                self.is_cut = true;
                break;
            }
            at = match numbers_before(&self.data[..place]) {
                Some((offset, number, generation)) => self.object(offset, number, generation, place + 3),
                None => place + 3,
            };
        }
        self.scan_trailers();
    }

    /// Returns where the object ends.
    fn object(&mut self, offset: usize, number: u32, generation: u16, start: usize) -> usize {
        let mut parser = Parser::with(self.data, start, self.parsing);
        let value = parser.object().unwrap_or_default();
        self.parsing = parser.left;
        let mut end = parser.at.max(start);
        parser.skip();
        let stream = value.dictionary().filter(|_| self.data[parser.at..].starts_with(b"stream")).map(|dictionary| {
            let (from, to) = self.stream_bytes(dictionary, parser.at + 6);
            end = to;
            (from, to)
        });
        self.streams += usize::from(stream.is_some());
        self.objects.push(Indirect { number, generation, offset, value, stream, is_packed: false });
        end
    }

    /// By the stated length if `endstream` is there, else up to where it is.
    fn stream_bytes(&self, dictionary: &Dictionary, mut start: usize) -> (usize, usize) {
        start += usize::from(self.data.get(start) == Some(&b'\r'));
        start += usize::from(self.data.get(start) == Some(&b'\n'));
        let start = start.min(self.data.len());
        let stated = dictionary.number("Length").and_then(|length| usize::try_from(length).ok());
        let stated = stated.and_then(|length| start.checked_add(length)).filter(|&end| {
            self.data
                .get(end..end.saturating_add(16).min(self.data.len()))
                .is_some_and(|rest| find(rest, b"endstream").is_some())
        });
        let end = stated.unwrap_or_else(|| {
            let rest = &self.data[start..];
            let mut end = find(rest, b"endstream").unwrap_or(rest.len());
            end -= usize::from(end > 0 && rest[end - 1] == b'\n');
            end -= usize::from(end > 0 && rest[end - 1] == b'\r');
            start + end
        });
        (start, end)
    }

    fn scan_trailers(&mut self) {
        let mut at = 0;
        while let Some(found) = find(&self.data[at..], b"trailer").filter(|_| self.trailers.len() < 256) {
            at += found + 7;
            // One may be within another, as far as the words go: each is as long as it may be, not as the file.
            let end = at.saturating_add(MAX_TRAILER).min(self.data.len());
            let mut parser = Parser::with(&self.data[..end], at, self.parsing);
            let trailer = parser.object();
            self.parsing.values = parser.left.values;
            if let Some(Object::Dictionary(dictionary)) = trailer {
                self.trailers.push(dictionary);
            }
        }
        let tables = self.objects.iter().filter_map(|object| object.value.dictionary());
        let tables = tables.filter(|dictionary| dictionary.is("Type", "XRef")).take(256).cloned();
        self.trailers.extend(tables);
    }

    /// The last object of each number counts.
    fn index(&mut self) {
        self.latest.clear();
        self.replaced = 0;
        for (position, object) in self.objects.iter().enumerate() {
            self.replaced += usize::from(self.latest.insert(object.number, position).is_some());
        }
    }

    /// What the trailers say of a key; the last one counts.
    pub fn trailer(&self, key: &str) -> Option<&Object> {
        self.trailers.iter().rev().find_map(|trailer| trailer.get(key))
    }

    fn unlock(&mut self) {
        let Some(entry) = self.trailer("Encrypt").cloned() else { return };
        let own = if let Object::Reference(number) = entry { Some(number) } else { None };
        self.is_encrypted = true;
        let id = match self.trailer("ID").map(|id| self.resolve(id)) {
            Some(Object::Array(items)) => items.first().cloned(),
            _ => None,
        };
        let id = if let Some(Object::Text(id)) = id { id } else { Vec::new() };
        let Some(key) =
            self.resolve(&entry).dictionary().and_then(|dictionary| Key::with_empty_password(dictionary, &id))
        else {
            return;
        };
        for object in self.objects.iter_mut().filter(|object| Some(object.number) != own) {
            key.decrypt_texts(&mut object.value, object.number, object.generation);
        }
        self.key = Some(key);
    }

    /// Encrypted, and not with the empty password.
    pub const fn is_locked(&self) -> bool {
        self.is_encrypted && self.key.is_none()
    }

    /// Objects in streams of objects are put behind the stream that they are in.
    fn unpack(&mut self) {
        let is_packed = |object: &Indirect| object.value.dictionary().is_some_and(|it| it.is("Type", "ObjStm"));
        if !self.objects.iter().any(is_packed) {
            return;
        }
        let objects = std::mem::take(&mut self.objects);
        let mut all = Vec::with_capacity(objects.len());
        for object in objects {
            let content = if is_packed(&object) { self.content(&object) } else { None };
            let packed = content.map(|content| packed_objects(&object, &content, &mut self.parsing.values));
            let packed = packed.unwrap_or_default();
            all.push(object);
            if all.len() < MAX_OBJECTS {
                all.extend(packed);
            } else {
                self.is_cut = true;
            }
        }
        self.objects = all;
    }

    /// What a reference means, through at most a few others; nothing when too much was reached in that way.
    pub fn resolve<'b>(&'b self, mut object: &'b Object) -> &'b Object {
        for _ in 0..8 {
            let Object::Reference(number) = object else { return object };
            let Some(target) = self.by_number(*number) else { return &Object::Null };
            object = &target.value;
            let entries = match object {
                Object::Dictionary(dictionary) => dictionary.0.len(),
                Object::Array(items) => items.len(),
                _ => 0,
            };
            let Some(left) = self.reach.get().checked_sub(1 + entries) else { return &Object::Null };
            self.reach.set(left);
        }
        &Object::Null
    }

    pub fn by_number(&self, number: u32) -> Option<&Indirect> {
        self.latest.get(&number).and_then(|&position| self.objects.get(position))
    }

    /// Whether it is the object of its number that counts.
    pub fn is_latest(&self, position: usize) -> bool {
        self.objects.get(position).is_some_and(|object| self.latest.get(&object.number) == Some(&position))
    }

    /// The decoded content of an object's stream, within the file's budget.
    pub fn content(&mut self, object: &Indirect) -> Option<Vec<u8>> {
        let (from, to) = object.stream?;
        let dictionary = object.value.dictionary()?;
        let raw = self.data.get(from..to)?;
        if self.decoded >= MAX_PDF_STREAMS || self.left <= raw.len() {
            self.is_cut = true;
            return None;
        }
        self.decoded += 1;
        let decrypted =
            self.key.as_ref().map(|key| key.decrypt_stream(raw, dictionary, object.number, object.generation));
        let limit = self.left.min(4 * MAX_INFLATED);
        let content = filters::decode(decrypted.as_deref().unwrap_or(raw), dictionary, limit)?;
        self.left = self.left.saturating_sub(content.len() + raw.len());
        Some(content)
    }

    /// The same by the object's number.
    pub fn content_of(&mut self, number: u32) -> Option<Vec<u8>> {
        let position = *self.latest.get(&number)?;
        self.content_at(position)
    }

    pub fn content_at(&mut self, position: usize) -> Option<Vec<u8>> {
        // Taken out meanwhile: a copy of a large dictionary for each that asks would cost more than the content.
        let nothing =
            Indirect { number: 0, generation: 0, offset: 0, value: Object::Null, stream: None, is_packed: true };
        let object = std::mem::replace(self.objects.get_mut(position)?, nothing);
        let content = self.content(&object);
        self.objects[position] = object;
        content
    }
}

/// The number and generation in front of `obj`, and where they begin.
fn numbers_before(data: &[u8]) -> Option<(usize, u32, u16)> {
    let start = data.len().saturating_sub(48);
    let near = &data[start..];
    let (end, generation) = digits_before(near, near.len())?;
    let blanks = near[..end].iter().rev().take_while(|&&byte| is_blank(byte)).count();
    let (begin, number) = digits_before(near, end.checked_sub(blanks).filter(|_| blanks > 0)?)?;
    Some((start + begin, number, u16::try_from(generation).ok()?))
}

/// The number that ends at `end`, blanks behind it left out, and where it begins.
fn digits_before(data: &[u8], end: usize) -> Option<(usize, u32)> {
    let blanks = data[..end].iter().rev().take_while(|&&byte| is_blank(byte)).count();
    let end = end - blanks;
    let count = data[..end].iter().rev().take_while(|byte| byte.is_ascii_digit()).take(10).count();
    let digits = std::str::from_utf8(&data[end - count..end]).ok()?;
    Some((end - count, digits.parse().ok()?))
}

/// An object stream: pairs of number and offset, then the objects.
fn packed_objects(container: &Indirect, content: &[u8], values: &mut usize) -> Vec<Indirect> {
    let Some(dictionary) = container.value.dictionary() else { return Vec::new() };
    let number = |key| usize::try_from(dictionary.number(key).unwrap_or(0)).unwrap_or(0);
    let (first, count) = (number("First"), number("N").min(MAX_PACKED_OBJECTS));
    let mut table = Parser::new(content, 0);
    let mut objects = Vec::new();
    let mut left = Left { values: *values, ..Left::of(content) };
    // Honest objects stand one behind the other; crafted ones are all the same bytes.
    let mut bytes = content.len().saturating_mul(2);
    for _ in 0..count {
        let (Some(Object::Number(number)), Some(Object::Number(offset))) = (table.object(), table.object()) else {
            break;
        };
        let place = Object::Number(offset).number().and_then(|offset| usize::try_from(offset).ok());
        let Some(at) = place.and_then(|offset| first.checked_add(offset)).filter(|&at| at < content.len()) else {
            continue;
        };
        let mut parser = Parser::with(content, at, left);
        let value = parser.object().unwrap_or_default();
        left = parser.left;
        let Some(rest) = bytes.checked_sub(parser.at.saturating_sub(at)) else { break };
        bytes = rest;
        let number = Object::Number(number).number().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        objects.push(Indirect {
            number,
            generation: 0,
            offset: container.offset,
            value,
            stream: None,
            is_packed: true,
        });
    }
    *values = left.values;
    objects
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_found_without_a_table() {
        let data = b"%PDF-1.4\n1 0 obj<</A 2 0 R>>endobj\n2  0\nobj (x) endobj 1 0 obj <</A 3>> endobj endobj obj";
        let file = File::parse(data);
        assert_eq!((file.objects.len(), file.replaced), (3, 1));
        let latest = file.by_number(1).and_then(|object| object.value.dictionary()?.number("A"));
        assert_eq!(latest, Some(3));
    }

    #[test]
    fn streams_end_where_they_end() {
        let data = b"1 0 obj <</Length 3>> stream\nabc\nendstream 2 0 obj <</Length 99>> stream\r\nabcd\nendstream";
        let mut file = File::parse(data);
        assert_eq!(file.content_of(1), Some(b"abc".to_vec()));
        assert_eq!(file.content_of(2), Some(b"abcd".to_vec()));
    }

    #[test]
    fn a_text_that_is_never_closed_hides_nothing() {
        let file = File::parse(b"1 0 obj (never closed 2 0 obj <</S /Launch>> endobj");
        assert!(file.by_number(2).is_some());
    }

    #[test]
    fn objects_in_streams_are_objects() {
        let data =
            b"5 0 obj <</Type /ObjStm /N 2 /First 9 /Length 99>> stream\n7 0 8 4  (x) <</A 7 0 R>>\nendstream endobj";
        let file = File::parse(data);
        let target =
            file.by_number(8).and_then(|object| object.value.dictionary()?.get("A")).map(|it| file.resolve(it));
        assert_eq!(target, Some(&Object::Text(b"x".to_vec())));
    }

    #[test]
    fn objects_of_the_same_bytes_are_not_read_again_and_again() {
        let count = 2_000;
        let table: String = (0..count).map(|number| format!("{number} 0 ")).collect();
        let (first, text) = (table.len(), "a".repeat(10_000));
        let data = format!(
            "5 0 obj <</Type /ObjStm /N {count} /First {first} /Length 0>> stream\n{table}({text})\nendstream endobj"
        );
        assert!(File::parse(data.as_bytes()).objects.len() < 10);
    }

    #[test]
    fn texts_without_an_end_do_not_add_up() {
        let data = "1 0 obj << /A (".repeat(64) + &"a".repeat(100_000);
        let file = File::parse(data.as_bytes());
        let texts = file.objects.iter().filter_map(|object| match object.value.dictionary()?.get("A")? {
            Object::Text(text) => Some(text.len()),
            _ => None,
        });
        assert!(texts.sum::<usize>() <= 64 * 4_096);
    }
}
