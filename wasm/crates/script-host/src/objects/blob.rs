//! Files that a page makes in memory: `Blob`, their addresses, and saving them.

use super::{Class, Object, class};
use crate::charset;
use crate::host::{Answer, Fault, Host};
use crate::limits::MAX_BYTES;
use crate::memory;
use crate::value::{Handle, Value, argument, text};

/// What addresses of blobs begin with; the number of the object follows.
const ADDRESS: &str = "blob:https://www.example.com/";

static BLOB: Class = Class {
    name: "Blob",
    methods: &["slice", "text", "arrayBuffer", "stream"],
    properties: &["size", "type"],
    quiet: &["slice", "text", "arrayBuffer", "stream", "size", "type"],
    default: "",
};

pub struct Blob {
    bytes: Vec<u8>,
}

impl Blob {
    /// Of the parts that it is given.
    pub fn new(host: &Host, args: &[Value]) -> Self {
        let mut bytes = Vec::new();
        if let Value::List(parts) = argument(args, 0) {
            for part in parts.iter() {
                if bytes.len() >= MAX_BYTES || memory::is_short() {
                    break;
                }
                let mut part = bytes_of(host, part);
                part.truncate(MAX_BYTES - bytes.len());
                bytes.extend(part);
            }
        }
        Self { bytes }
    }
}

fn bytes_of(host: &Host, value: &Value) -> Vec<u8> {
    match host.look::<Blob>(value) {
        Some(blob) => blob.bytes.clone(),
        None => match value {
            Value::Text(text) => text.as_bytes().to_vec(),
            other => other.to_bytes().to_vec(),
        },
    }
}

impl Object for Blob {
    class!(BLOB);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        Ok(match member {
            "size" => Value::size(self.bytes.len()),
            "type" => Value::text(""),
            "text" => Value::text(String::from_utf8_lossy(&self.bytes)),
            "slice" => {
                let place = |at: usize| usize::try_from(argument(args, at).to_integer()).unwrap_or(0);
                let end = if argument(args, 1).is_missing() { self.bytes.len() } else { place(1) };
                let bytes = self.bytes.get(place(0)..end.min(self.bytes.len())).unwrap_or_default().to_vec();
                return host.add(Box::new(Self { bytes }));
            }
            _ => Value::bytes(self.bytes.clone()),
        })
    }
}

static URLS: Class = Class {
    name: "URL",
    methods: &["createObjectURL", "revokeObjectURL"],
    properties: &[],
    quiet: &["createObjectURL", "revokeObjectURL"],
    default: "",
};

/// `URL` itself.
pub struct Urls;

impl Object for Urls {
    class!(URLS);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, _host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match (member, argument(args, 0)) {
            ("createObjectURL", Value::Object(handle)) => Ok(Value::text(format!("{ADDRESS}{}", handle.index()))),
            _ => Ok(Value::Empty),
        }
    }
}

/// What an address that holds its file itself holds; None for one that does not.
fn held(host: &Host, address: &str) -> Option<Vec<u8>> {
    if let Some(index) = address.strip_prefix(ADDRESS) {
        let handle = Handle::from_index(index.parse().ok()?);
        return host.look::<Blob>(&Value::Object(handle)).map(|blob| blob.bytes.clone());
    }
    let (kind, content) = address.strip_prefix("data:")?.split_once(',')?;
    Some(if kind.to_ascii_lowercase().ends_with(";base64") {
        charset::from_base64(content)
    } else {
        content.as_bytes().to_vec()
    })
}

/// Whether the file of an address was saved among the downloads.
///
/// # Errors
/// Where the disk is full.
pub fn download(host: &mut Host, address: &str, name: &str) -> Result<bool, Fault> {
    let Some(content) = held(host, address) else { return Ok(false) };
    save(host, name, content)?;
    Ok(true)
}

/// `msSaveBlob`
///
/// # Errors
/// Where the disk is full.
pub fn save_blob(host: &mut Host, args: &[Value]) -> Result<(), Fault> {
    let content = host.look::<Blob>(argument(args, 0)).map(|blob| blob.bytes.clone()).unwrap_or_default();
    save(host, &text(args, 1), content)
}

fn save(host: &mut Host, name: &str, content: Vec<u8>) -> Result<(), Fault> {
    let name = if name.is_empty() { "download" } else { name };
    let path = format!("C:\\Users\\{}\\Downloads\\{name}", host.settings.user);
    host.write_file(&path, content, false)
}
