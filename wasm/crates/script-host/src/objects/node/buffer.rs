//! Buffers: bytes, and texts in many codes of them.

use crate::charset;
use crate::host::{Answer, Host};
use crate::limits::MAX_BYTES;
use crate::objects::{Class, Object, class};
use crate::value::{Value, argument, text};

static BUFFER_CLASS: Class = Class {
    name: "Buffer",
    methods: &["from", "alloc", "allocUnsafe", "concat", "isBuffer", "byteLength"],
    properties: &[],
    quiet: &["alloc", "allocUnsafe", "concat", "isBuffer", "byteLength"],
    default: "from",
};

/// `Buffer` itself.
pub struct BufferClass;

/// The bytes of a value; a text is in that code.
pub fn bytes_of(host: &Host, value: &Value, encoding: &str) -> Vec<u8> {
    match value {
        Value::Text(text) => match encoding.to_ascii_lowercase().as_str() {
            "base64" | "base64url" => charset::from_base64(&text.replace('-', "+").replace('_', "/")),
            "hex" => charset::from_hex(text),
            "latin1" | "binary" | "ascii" => charset::encode(text, "iso-8859-1"),
            "utf16le" | "ucs2" => charset::encode(text, "unicode"),
            _ => text.as_bytes().to_vec(),
        },
        Value::Object(_) => host.look::<Buffer>(value).map(|buffer| buffer.bytes.clone()).unwrap_or_default(),
        Value::List(_) | Value::Bytes(_) => value.to_bytes().to_vec(),
        _ => Vec::new(),
    }
}

impl Object for BufferClass {
    class!(BUFFER_CLASS);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        let bytes = match member {
            "from" => bytes_of(host, argument(args, 0), &text(args, 1)),
            "concat" => match argument(args, 0) {
                Value::List(items) => {
                    let all: Vec<Vec<u8>> = items.iter().map(|item| bytes_of(host, item, "")).collect();
                    if all.iter().map(Vec::len).sum::<usize>() > MAX_BYTES { Vec::new() } else { all.concat() }
                }
                _ => Vec::new(),
            },
            "isBuffer" => return Ok(Value::Bool(host.look::<Buffer>(argument(args, 0)).is_some())),
            "byteLength" => return Ok(Value::size(text(args, 0).len())),
            _ => vec![0; usize::try_from(argument(args, 0).to_integer()).unwrap_or(0).min(MAX_BYTES)],
        };
        host.add(Box::new(Buffer { bytes }))
    }
}

static BUFFER: Class = Class {
    name: "buffer",
    methods: &["toString", "slice", "subarray", "readUInt8", "equals", "copy", "write", "fill"],
    properties: &["length", "byteLength"],
    quiet: &["slice", "subarray", "readUInt8", "equals", "copy", "write", "fill", "length", "byteLength"],
    default: "toString",
};

pub struct Buffer {
    pub(super) bytes: Vec<u8>,
}

impl Object for Buffer {
    class!(BUFFER);

    fn is_open(&self) -> bool {
        false
    }

    fn field(&self, name: &str) -> Option<Value> {
        let at: usize = name.parse().ok()?;
        self.bytes.get(at).map(|&byte| Value::number(byte))
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        Ok(match member {
            "toString" => Value::text(match text(args, 0).to_ascii_lowercase().as_str() {
                "base64" => charset::to_base64(&self.bytes),
                "hex" => self.bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
                "latin1" | "binary" | "ascii" => charset::widen(&self.bytes),
                "utf16le" | "ucs2" => charset::decode(&self.bytes, "unicode"),
                _ => String::from_utf8_lossy(&self.bytes).into_owned(),
            }),
            "slice" | "subarray" => {
                let at = |place: usize, other: usize| match argument(args, place) {
                    Value::Empty => other,
                    value => usize::try_from(value.to_integer()).unwrap_or(0).min(self.bytes.len()),
                };
                let (start, end) = (at(0, 0), at(1, self.bytes.len()));
                let bytes = self.bytes.get(start..end.max(start)).unwrap_or_default().to_vec();
                return host.add(Box::new(Self { bytes }));
            }
            "readUInt8" => {
                let at = usize::try_from(argument(args, 0).to_integer()).unwrap_or(usize::MAX);
                self.bytes.get(at).map(|&byte| Value::number(byte)).unwrap_or_default()
            }
            "length" | "byteLength" => Value::size(self.bytes.len()),
            _ => Value::Empty,
        })
    }
}
