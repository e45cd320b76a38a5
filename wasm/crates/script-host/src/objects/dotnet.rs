//! .NET's classes that COM offers, as far as droppers use them.

use std::borrow::Cow;

use super::{Class, Object, class, wrong};
use crate::charset;
use crate::host::{Answer, Fault, Host};
use crate::limits::MAX_BYTES;
use crate::value::{Value, argument, text};

static ENCODING: Class = Class {
    name: "System.Text.Encoding",
    methods: &["GetBytes", "GetBytes_4", "GetString", "GetByteCount", "GetByteCount_2"],
    properties: &["EncodingName"],
    quiet: &["GetByteCount", "GetByteCount_2", "EncodingName"],
    default: "",
};

pub struct Encoding {
    charset: &'static str,
}

impl Encoding {
    pub const fn new(charset: &'static str) -> Self {
        Self { charset }
    }
}

impl Object for Encoding {
    class!(ENCODING);

    fn name(&self) -> Cow<'_, str> {
        match self.charset {
            "us-ascii" => "System.Text.ASCIIEncoding".into(),
            "utf-8" => "System.Text.UTF8Encoding".into(),
            _ => "System.Text.UnicodeEncoding".into(),
        }
    }

    fn call(&mut self, _host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "GetBytes" | "GetBytes_4" => Ok(Value::bytes(charset::encode(&text(args, 0), self.charset))),
            "GetString" => Ok(Value::text(charset::decode(&argument(args, 0).to_bytes(), self.charset))),
            "GetByteCount" | "GetByteCount_2" => Ok(Value::size(charset::encode(&text(args, 0), self.charset).len())),
            _ => Ok(Value::text(self.charset)),
        }
    }
}

static MEMORY_STREAM: Class = Class {
    name: "System.IO.MemoryStream",
    methods: &["Write", "WriteByte", "Read", "ToArray", "GetBuffer", "Seek", "SetLength", "Close", "Dispose"],
    properties: &["Position", "Length"],
    quiet: &["Position", "Length", "Seek", "SetLength", "Close", "Dispose"],
    default: "",
};

#[derive(Default)]
pub struct MemoryStream {
    bytes: Vec<u8>,
    at: usize,
}

impl Object for MemoryStream {
    class!(MEMORY_STREAM);

    fn call(&mut self, _host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "Write" => {
                let bytes = argument(args, 0).to_bytes();
                let from = usize::try_from(argument(args, 1).to_integer()).unwrap_or(0).min(bytes.len());
                let count = args.get(2).map_or(bytes.len(), |count| usize::try_from(count.to_integer()).unwrap_or(0));
                let end = from.saturating_add(count).min(bytes.len());
                self.write(bytes.get(from..end).unwrap_or_default())?;
            }
            "WriteByte" => self.write(&argument(args, 0).to_integer().to_le_bytes()[..1])?,
            "Read" => return Ok(Value::number(0)),
            "ToArray" | "GetBuffer" => return Ok(Value::bytes(self.bytes.clone())),
            "Seek" => self.at = usize::try_from(argument(args, 0).to_integer()).unwrap_or(0).min(self.bytes.len()),
            "Position" => return Ok(Value::size(self.at)),
            "Length" => return Ok(Value::size(self.bytes.len())),
            _ => {}
        }
        Ok(Value::Empty)
    }

    fn put(&mut self, _host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        if member == "Position" {
            self.at = usize::try_from(value.to_integer()).unwrap_or(0).min(self.bytes.len());
        }
        Ok(())
    }
}

impl MemoryStream {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let end = self.at.saturating_add(bytes.len());
        if end > MAX_BYTES {
            return Err(wrong("Exception of type 'System.OutOfMemoryException' was thrown."));
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if let Some(place) = self.bytes.get_mut(self.at..end) {
            place.copy_from_slice(bytes);
        }
        self.at = end;
        Ok(())
    }
}

static FROM_BASE64: Class = Class {
    name: "System.Security.Cryptography.FromBase64Transform",
    methods: &["TransformFinalBlock", "TransformBlock"],
    properties: &["InputBlockSize", "OutputBlockSize"],
    quiet: &["InputBlockSize", "OutputBlockSize"],
    default: "",
};

pub struct FromBase64;

impl Object for FromBase64 {
    class!(FROM_BASE64);

    fn call(&mut self, _host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "TransformFinalBlock" => {
                let bytes = argument(args, 0).to_bytes();
                Ok(Value::bytes(charset::from_base64(&charset::widen(&bytes))))
            }
            "InputBlockSize" => Ok(Value::number(1)),
            "OutputBlockSize" => Ok(Value::number(3)),
            _ => Ok(Value::Empty),
        }
    }
}
