//! `ADODB.Stream`: bytes and text, by character set, from and to files.

use super::{Class, Object, class, wrong};
use crate::charset;
use crate::files::normal;
use crate::host::{Answer, Fault, Host};
use crate::limits::MAX_BYTES;
use crate::value::{Value, argument, text};

static CLASS: Class = Class {
    name: "ADODB.Stream",
    methods: &[
        "Open",
        "Close",
        "Write",
        "WriteText",
        "Read",
        "ReadText",
        "SaveToFile",
        "LoadFromFile",
        "CopyTo",
        "SetEOS",
        "Flush",
        "SkipLine",
        "Cancel",
    ],
    properties: &["Type", "Mode", "Charset", "Position", "Size", "EOS", "LineSeparator", "State"],
    quiet: &["Type", "Mode", "Position", "Size", "EOS", "LineSeparator", "State", "Flush", "SetEOS"],
    default: "",
};

const BINARY: i64 = 1;
const OVERWRITE: i64 = 2;

pub struct Stream {
    bytes: Vec<u8>,
    at: usize,
    kind: i64,
    charset: String,
    is_open: bool,
}

impl Default for Stream {
    fn default() -> Self {
        Self { bytes: Vec::new(), at: 0, kind: 2, charset: "unicode".to_owned(), is_open: false }
    }
}

impl Stream {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let end = self.at.saturating_add(bytes.len());
        if end > MAX_BYTES {
            return Err(wrong("Not enough storage is available to complete this operation."));
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

    /// UTF-16 and UTF-8 begin with a mark, as ADODB writes them.
    fn write_text(&mut self, text: &str, with_line: bool) -> Result<(), Fault> {
        let mark: &[u8] = match self.charset.to_ascii_lowercase().as_str() {
            "unicode" | "utf-16" => &[0xff, 0xfe],
            "utf-8" => &[0xef, 0xbb, 0xbf],
            _ => &[],
        };
        if self.bytes.is_empty() {
            self.write(mark)?;
        }
        let encoded = charset::encode(text, &self.charset);
        self.write(&encoded)?;
        if with_line { self.write(&charset::encode("\r\n", &self.charset)) } else { Ok(()) }
    }

    fn rest(&mut self, count: &Value) -> Vec<u8> {
        let most = match count {
            Value::Empty => usize::MAX,
            value => usize::try_from(value.to_integer()).unwrap_or(usize::MAX),
        };
        let end = self.at.saturating_add(most).min(self.bytes.len());
        let taken = self.bytes.get(self.at..end).unwrap_or_default().to_vec();
        self.at = end;
        taken
    }

    /// Whole characters of what is left; a count is of characters.
    fn read_text(&mut self, count: &Value) -> String {
        let rest = charset::decode(self.bytes.get(self.at..).unwrap_or_default(), &self.charset);
        match usize::try_from(count.to_integer()) {
            Ok(most) if !count.is_missing() && most < rest.chars().count() => {
                let taken: String = rest.chars().take(most).collect();
                self.at += charset::encode(&taken, &self.charset).len();
                taken
            }
            _ => {
                self.at = self.bytes.len();
                rest
            }
        }
    }

    fn save(&self, host: &mut Host, args: &[Value]) -> Answer {
        let path = normal(&text(args, 0));
        if host.disk.is_file(&path) && argument(args, 1).to_integer() != OVERWRITE {
            return Err(Fault::Thrown(3_004, "Write to file failed.".to_owned()));
        }
        host.write_file(&path, self.bytes.clone(), false)?;
        Ok(Value::Empty)
    }
}

impl Object for Stream {
    class!(CLASS);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "Open" => self.is_open = true,
            "Close" => *self = Self::default(),
            "Write" => self.write(&argument(args, 0).to_bytes())?,
            "WriteText" => self.write_text(&text(args, 0), argument(args, 1).to_integer() == 1)?,
            "Read" if self.at >= self.bytes.len() => return Ok(Value::Null),
            "Read" => return Ok(Value::bytes(self.rest(argument(args, 0)))),
            "ReadText" => return Ok(Value::text(self.read_text(argument(args, 0)))),
            "SaveToFile" => return self.save(host, args),
            "LoadFromFile" => {
                self.bytes = host.read_file(&text(args, 0))?;
                self.at = 0;
            }
            "SetEOS" => self.bytes.truncate(self.at),
            "CopyTo" => {
                let bytes = self.rest(argument(args, 1));
                if let Some(Value::Object(other)) = args.first() {
                    host.ask(*other, "Write", crate::host::Access::Call, &[Value::bytes(bytes)])?;
                }
            }
            "Type" => return Ok(Value::size(usize::try_from(self.kind).unwrap_or(0))),
            "Charset" => return Ok(Value::text(&self.charset)),
            "Position" => return Ok(Value::size(self.at)),
            "Size" => return Ok(Value::size(self.bytes.len())),
            "EOS" => return Ok(Value::Bool(self.at >= self.bytes.len())),
            "State" => return Ok(Value::number(u8::from(self.is_open))),
            "Mode" => return Ok(Value::number(3)),
            _ => {}
        }
        Ok(Value::Empty)
    }

    fn put(&mut self, _host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        match member {
            "Type" => self.kind = if value.to_integer() == BINARY { BINARY } else { 2 },
            "Charset" => self.charset = value.to_text(),
            "Position" => self.at = usize::try_from(value.to_integer()).unwrap_or(0).min(self.bytes.len()),
            _ => {}
        }
        Ok(())
    }
}
