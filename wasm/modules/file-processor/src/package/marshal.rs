//! Python's marshal format, read as far as names, texts and imports need. References may point to anything that was
//! read before, so that a value costs what it is and never what it refers to.

use std::rc::Rc;

use crate::reader::{Reader, text};

/// Code within code, and tuples within tuples.
const MAX_DEPTH: usize = 48;
/// Objects of one file: the largest modules have some 100,000.
const MAX_OBJECTS: usize = 1_000_000;
/// Names and texts that are kept of all code objects, which may share them.
const MAX_KEPT: usize = 1_000_000;
/// Bytes of instructions, which they may share too.
const MAX_BYTECODE: usize = 64 << 20;
/// Characters of a text that are kept.
const MAX_TEXT: usize = 1_024;
const FLAG_REF: u8 = 0x80;

#[derive(Debug, Clone)]
pub enum Value {
    Text(Rc<str>),
    Bytes(Rc<[u8]>),
    Number(i64),
    Items(Rc<[Value]>),
    Other,
}

/// What a code object says.
#[derive(Debug, Default)]
pub struct Code {
    pub name: String,
    pub file: String,
    pub names: Vec<Rc<str>>,
    pub bytecode: Rc<[u8]>,
}

pub struct Marshal<'a> {
    reader: Reader<'a>,
    at: u64,
    /// Major and minor.
    version: (u8, u8),
    references: Vec<Value>,
    interned: Vec<Value>,
    objects: usize,
    kept: usize,
    instructions: usize,
    /// In the order in which they end: the module itself is the last.
    pub codes: Vec<Code>,
    /// Constants that are texts.
    pub texts: Vec<Rc<str>>,
}

impl<'a> Marshal<'a> {
    pub fn new(data: &'a [u8], version: (u8, u8)) -> Self {
        Self {
            reader: Reader::little(data),
            at: 0,
            version,
            references: Vec::new(),
            interned: Vec::new(),
            objects: 0,
            kept: 0,
            instructions: 0,
            codes: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// The object at the start; none if it is damaged.
    pub fn read(&mut self) -> Option<Value> {
        self.object(0)
    }

    fn byte(&mut self) -> Option<u8> {
        self.at += 1;
        self.reader.u8(self.at - 1)
    }

    fn long(&mut self) -> Option<u32> {
        self.at += 4;
        self.reader.u32(self.at - 4)
    }

    fn bytes(&mut self, length: u64) -> Option<&'a [u8]> {
        let bytes = self.reader.slice(self.at, length)?;
        self.at += length;
        Some(bytes)
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.objects += 1;
        if depth > MAX_DEPTH || self.objects > MAX_OBJECTS {
            return None;
        }
        let tag = self.byte()?;
        let place = (tag & FLAG_REF != 0).then(|| {
            self.references.push(Value::Other);
            self.references.len() - 1
        });
        let value = self.value(tag & !FLAG_REF, depth)?;
        if let Some(place) = place {
            self.references[place] = value.clone();
        }
        Some(value)
    }

    fn value(&mut self, tag: u8, depth: usize) -> Option<Value> {
        Some(match tag {
            b'0' | b'N' | b'F' | b'T' | b'S' | b'.' => Value::Other,
            b'i' => Value::Number(self.long()?.cast_signed().into()),
            b'I' | b'g' => self.skip(8)?,
            b'y' => self.skip(16)?,
            b'f' => {
                let length = self.byte()?;
                self.skip(length.into())?
            }
            b'x' => {
                let length = self.byte()?;
                self.skip(length.into())?;
                let length = self.byte()?;
                self.skip(length.into())?
            }
            b'l' => {
                let digits = u64::from(self.long()?.cast_signed().unsigned_abs());
                self.skip(2 * digits)?
            }
            b's' => {
                let length = self.long()?;
                Value::Bytes(self.bytes(length.into())?.into())
            }
            b'u' | b'a' | b'A' | b't' => {
                let length = self.long()?;
                self.text(length.into(), tag)?
            }
            b'z' | b'Z' => {
                let length = self.byte()?;
                self.text(length.into(), tag)?
            }
            b'R' => {
                let index = self.long()? as usize;
                self.interned.get(index)?.clone()
            }
            b'r' => {
                let index = self.long()? as usize;
                self.references.get(index)?.clone()
            }
            b')' => {
                let count = self.byte()?;
                self.items(count.into(), depth)?
            }
            b'(' | b'[' | b'<' | b'>' => {
                let count = self.long()?;
                self.items(count.into(), depth)?
            }
            b'{' => self.dictionary(depth)?,
            b':' => self.items(3, depth)?,
            b'c' => self.code(depth)?,
            _ => return None,
        })
    }

    fn skip(&mut self, length: u64) -> Option<Value> {
        self.bytes(length).map(|_| Value::Other)
    }

    fn text(&mut self, length: u64, tag: u8) -> Option<Value> {
        let value: Rc<str> = text(self.bytes(length)?, MAX_TEXT).into();
        if tag == b't' {
            self.interned.push(Value::Text(value.clone()));
        }
        Some(Value::Text(value))
    }

    fn items(&mut self, count: u64, depth: usize) -> Option<Value> {
        // Each takes a byte at least.
        if count > self.reader.len().saturating_sub(self.at) {
            return None;
        }
        let items: Option<Vec<Value>> = (0..count).map(|_| self.object(depth + 1)).collect();
        Some(Value::Items(items?.into()))
    }

    fn dictionary(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        while self.reader.u8(self.at)? & !FLAG_REF != b'0' {
            let pair = [self.object(depth + 1)?, self.object(depth + 1)?];
            items.push(Value::Items(pair.into()));
        }
        self.at += 1;
        Some(Value::Items(items.into()))
    }

    /// The fields and their order are those of the version.
    fn code(&mut self, depth: usize) -> Option<Value> {
        let numbers = match self.version {
            (2, _) => 4,
            (3, 0..8) | (3, 11..) => 5,
            _ => 6,
        };
        self.bytes(4 * numbers)?;
        let mut next = || self.object(depth + 1);
        let (bytecode, constants, names) = (next()?, next()?, next()?);
        // Variables: three tuples, or from 3.11 one and their kinds.
        let variables = if self.version >= (3, 11) { 2 } else { 3 };
        for _ in 0..variables {
            self.object(depth + 1)?;
        }
        let (file, name) = (self.object(depth + 1)?, self.object(depth + 1)?);
        if self.version >= (3, 11) {
            self.object(depth + 1)?;
        }
        self.bytes(4)?;
        self.object(depth + 1)?;
        if self.version >= (3, 11) {
            self.object(depth + 1)?;
        }
        self.keep_texts(&constants, 0);
        let bytecode = if let Value::Bytes(bytes) = bytecode { bytes } else { Rc::default() };
        self.instructions = self.instructions.saturating_add(bytecode.len());
        let bytecode = if self.instructions > MAX_BYTECODE { Rc::default() } else { bytecode };
        let names = self.keep_names(&names);
        self.codes.push(Code { name: plain(&name), file: plain(&file), names, bytecode });
        Some(Value::Other)
    }

    fn keep_names(&mut self, names: &Value) -> Vec<Rc<str>> {
        let Value::Items(items) = names else { return Vec::new() };
        let room = MAX_KEPT.saturating_sub(self.kept).min(items.len());
        self.kept += room;
        let name = |value: &Value| if let Value::Text(text) = value { text.clone() } else { plain(value).into() };
        items[..room].iter().map(name).collect()
    }

    fn keep_texts(&mut self, constants: &Value, depth: usize) {
        let Value::Items(items) = constants else { return };
        for item in items.iter() {
            self.kept += 1;
            if self.kept > MAX_KEPT {
                return;
            }
            match item {
                Value::Text(text) => self.texts.push(text.clone()),
                // In Python 2 these are its texts.
                Value::Bytes(bytes) if self.version.0 == 2 => {
                    self.texts.push(text(bytes, MAX_TEXT).into());
                }
                Value::Items(_) if depth == 0 => self.keep_texts(item, 1),
                _ => {}
            }
        }
    }
}

/// The text of a value; of none the empty one.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Bytes(bytes) => text(bytes, MAX_TEXT),
        _ => String::new(),
    }
}
