//! Node.js, as far as its malware uses it: modules, `process`, buffers, and functions that are called when something is ready.

use std::borrow::Cow;

use super::{Class, Object, class};
use crate::charset;
use crate::environment;
use crate::files::{extension, name, normal, parent};
use crate::host::{Answer, Fault, Host, IDENTITY};
use crate::limits::MAX_BYTES;
use crate::value::{Value, argument, text};

static MODULE: Class = Class {
    name: "module",
    methods: &[
        "exec",
        "execSync",
        "spawn",
        "spawnSync",
        "execFile",
        "execFileSync",
        "fork",
        "readFileSync",
        "readFile",
        "writeFileSync",
        "writeFile",
        "appendFileSync",
        "appendFile",
        "existsSync",
        "unlinkSync",
        "unlink",
        "mkdirSync",
        "mkdir",
        "readdirSync",
        "readdir",
        "statSync",
        "copyFileSync",
        "createWriteStream",
        "createReadStream",
        "chmodSync",
        "get",
        "request",
        "post",
        "connect",
        "createConnection",
        "lookup",
        "resolve",
        "resolveTxt",
        "hostname",
        "platform",
        "userInfo",
        "tmpdir",
        "homedir",
        "arch",
        "release",
        "cpus",
        "totalmem",
        "networkInterfaces",
        "type",
        "join",
        "basename",
        "dirname",
        "extname",
        "inherits",
        "createServer",
        "Socket",
        "gunzipSync",
        "inflateSync",
        "inflateRawSync",
        "unzipSync",
        "brotliDecompressSync",
        "gunzip",
        "inflate",
        "inflateRaw",
        "unzip",
        "brotliDecompress",
    ],
    properties: &["EOL", "sep", "delimiter"],
    quiet: &[
        "join",
        "basename",
        "dirname",
        "extname",
        "inherits",
        "EOL",
        "sep",
        "delimiter",
        "type",
        "arch",
        "release",
        "platform",
    ],
    default: "get",
};

/// What Node.js says of packed data that it cannot read.
const DAMAGED: &str = "incorrect header check";

/// A module by its name.
struct Module {
    name: String,
    /// What was unpacked for the function that is called with it; None where it was damaged.
    unpacked: Option<Vec<u8>>,
}

pub fn module(name: &str) -> Box<dyn Object> {
    let plain = name.strip_prefix("node:").unwrap_or(name);
    Box::new(Module { name: plain.chars().take(60).collect(), unpacked: None })
}

impl Module {
    /// The address of a request, which may be an object of options.
    fn request(&self, host: &mut Host, args: &[Value]) -> Answer {
        let url = match argument(args, 0).to_text() {
            url if url.starts_with("//") => format!("{}:{url}", self.name),
            url => url,
        };
        host.network("asks", &url);
        host.wait("answer", &url);
        let (status, body) = host.network_answer(&url);
        host.add(Box::new(Response::new(status, body)))
    }
}

/// To a port of a host, to what options name, or to a path.
fn connect(host: &mut Host, args: &[Value]) {
    let first = text(args, 0);
    let target = match argument(args, 1) {
        Value::Text(name) if argument(args, 0).to_integer() > 0 => format!("{name}:{first}"),
        _ => first.trim_start_matches("//").to_owned(),
    };
    host.network("connects to", &target);
    host.wait("answer", &target);
}

/// Files of Node.js are named as on Windows here.
fn write(host: &mut Host, args: &[Value], more: bool) -> Answer {
    let content = match argument(args, 1) {
        Value::Text(text) if text_encoding(args).starts_with("base64") => charset::from_base64(text),
        Value::Text(text) => text.as_bytes().to_vec(),
        Value::Object(_) => {
            host.look::<Buffer>(argument(args, 1)).map(|buffer| buffer.bytes.clone()).unwrap_or_default()
        }
        other => other.to_bytes().to_vec(),
    };
    host.write_file(&text(args, 0), content, more)?;
    Ok(Value::Empty)
}

fn text_encoding(args: &[Value]) -> String {
    text(args, 2).to_ascii_lowercase()
}

impl Object for Module {
    class!(MODULE);

    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        let first = text(args, 0);
        match member {
            "exec" | "execSync" | "spawn" | "spawnSync" | "execFile" | "execFileSync" | "fork" => {
                let arguments = match argument(args, 1) {
                    list @ Value::List(_) => format!(" {}", list.to_text().replace(',', " ")),
                    _ => String::new(),
                };
                host.process("run", &format!("{first}{arguments}"));
                if member == "execSync" {
                    Ok(Value::text(""))
                } else {
                    host.add(Box::new(Response::new(0, Vec::new())))
                }
            }
            "readFileSync" | "readFile" | "createReadStream" => {
                let content = host.read_file(&first)?;
                match argument(args, 1) {
                    Value::Text(_) => Ok(Value::text(charset::source(&content))),
                    _ => host.add(Box::new(Buffer { bytes: content })),
                }
            }
            "writeFileSync" | "writeFile" => write(host, args, false),
            "appendFileSync" | "appendFile" => write(host, args, true),
            "existsSync" => {
                host.file("read", &normal(&first));
                Ok(Value::Bool(host.disk.is_file(&first) || host.disk.is_folder(&first)))
            }
            "unlinkSync" | "unlink" => {
                host.file("delete", &normal(&first));
                host.disk.remove(&first);
                Ok(Value::Empty)
            }
            "mkdirSync" | "mkdir" => {
                host.file("create folder", &normal(&first));
                host.disk.create_folder(&normal(&first));
                Ok(Value::Empty)
            }
            "readdirSync" | "readdir" => {
                host.file("read", &normal(&first));
                let all = [host.disk.list(&first, false), host.disk.list(&first, true)].concat();
                Ok(Value::list(all.iter().map(|path| Value::text(name(path)))))
            }
            "copyFileSync" => {
                let content = host.read_file(&first)?;
                host.write_file(&text(args, 1), content, false)?;
                Ok(Value::Empty)
            }
            "createWriteStream" => {
                host.write_file(&first, Vec::new(), false)?;
                host.add(Box::new(Response { path: first, ..Response::new(0, Vec::new()) }))
            }
            "get" | "request" | "post" => self.request(host, args),
            "connect" | "createConnection" if self.name != "path" => {
                connect(host, args);
                host.add(Box::new(Response::new(0, Vec::new())))
            }
            "lookup" | "resolve" | "resolveTxt" if self.name != "path" => {
                host.network("connects to", &first);
                host.wait("answer", &first);
                host.add(Box::new(Response::new(0, Vec::new())))
            }
            "Socket" => host.add(Box::new(Response::new(0, Vec::new()))),
            "gunzipSync" | "inflateSync" | "inflateRawSync" | "unzipSync" | "brotliDecompressSync" => {
                let packed = bytes_of(host, argument(args, 0), "");
                match super::zlib::unpacked(member, &packed) {
                    Some(bytes) => host.add(Box::new(Buffer { bytes })),
                    None => Err(Fault::Thrown(5, DAMAGED.to_owned())),
                }
            }
            "gunzip" | "inflate" | "inflateRaw" | "unzip" | "brotliDecompress" if self.name == "zlib" => {
                let packed = bytes_of(host, argument(args, 0), "");
                self.unpacked = super::zlib::unpacked(member, &packed);
                Ok(Value::Empty)
            }
            "join" | "resolve" => {
                Ok(Value::text(normal(&args.iter().map(Value::to_text).collect::<Vec<_>>().join("\\"))))
            }
            "basename" => Ok(Value::text(name(&first).trim_end_matches(&text(args, 1)))),
            "dirname" => Ok(Value::text(parent(&first))),
            "extname" => Ok(Value::text(match extension(&first) {
                "" => String::new(),
                extension => format!(".{extension}"),
            })),
            "hostname" | "userInfo" | "networkInterfaces" => {
                host.evasion(IDENTITY, member);
                if member == "hostname" {
                    Ok(Value::text(&host.settings.computer))
                } else {
                    host.generic(&format!("os.{member}"))
                }
            }
            "platform" => Ok(Value::text("win32")),
            "arch" => Ok(Value::text("x64")),
            "release" => Ok(Value::text("10.0.19045")),
            "type" => Ok(Value::text("Windows_NT")),
            "tmpdir" => Ok(Value::text(format!("C:\\Users\\{}\\AppData\\Local\\Temp", host.settings.user))),
            "homedir" => Ok(Value::text(format!("C:\\Users\\{}", host.settings.user))),
            "cpus" => Ok(Value::list((0..8).map(Value::size))),
            "totalmem" => Ok(Value::number(17_054_076_928.0)),
            "EOL" => Ok(Value::text("\r\n")),
            "sep" => Ok(Value::text("\\")),
            "delimiter" => Ok(Value::text(";")),
            other => host.generic(&format!("{}.{other}", self.name)),
        }
    }

    /// What is ready at once: no error, and nothing said.
    fn given_to_callback(&mut self, host: &mut Host, member: &str) -> Option<Vec<Value>> {
        match member {
            "get" | "request" | "post" | "" => {
                let (status, body) = host.network_answer("");
                host.add(Box::new(Response::new(status, body))).ok().map(|response| vec![response])
            }
            "readFile" | "exec" | "execFile" => Some(vec![Value::Null, Value::text(""), Value::text("")]),
            "writeFile" | "appendFile" | "unlink" | "mkdir" | "connect" => Some(vec![Value::Null]),
            "gunzip" | "inflate" | "inflateRaw" | "unzip" | "brotliDecompress" if self.name == "zlib" => {
                match self.unpacked.take() {
                    Some(bytes) => host.add(Box::new(Buffer { bytes })).ok().map(|buffer| vec![Value::Null, buffer]),
                    None => Some(vec![Value::text(DAMAGED)]),
                }
            }
            _ => None,
        }
    }
}

static RESPONSE: Class = Class {
    name: "response",
    methods: &[
        "on",
        "once",
        "pipe",
        "write",
        "end",
        "text",
        "json",
        "arrayBuffer",
        "setEncoding",
        "close",
        "send",
        "kill",
        "unref",
        "destroy",
        "connect",
    ],
    properties: &["status", "statusCode", "ok", "headers", "stdout", "stderr", "stdin", "pid", "body", "data"],
    quiet: &[
        "on",
        "once",
        "setEncoding",
        "close",
        "status",
        "statusCode",
        "ok",
        "headers",
        "stdout",
        "stderr",
        "stdin",
        "pid",
        "unref",
    ],
    default: "",
};

/// What answers over time: of a request, of a process, of a file that is written.
pub struct Response {
    status: u16,
    body: Vec<u8>,
    /// Of a file that is written.
    path: String,
    event: String,
}

impl Response {
    pub const fn new(status: u16, body: Vec<u8>) -> Self {
        Self { status, body, path: String::new(), event: String::new() }
    }
}

impl Object for Response {
    class!(RESPONSE);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "on" | "once" => self.event = text(args, 0),
            "write" | "end" if !self.path.is_empty() && !argument(args, 0).is_missing() => {
                host.write_file(&self.path.clone(), argument(args, 0).to_bytes().to_vec(), true)?;
            }
            "connect" => connect(host, args),
            "pipe" => {
                let path = host.look::<Self>(argument(args, 0)).map(|other| other.path.clone()).unwrap_or_default();
                if !path.is_empty() {
                    host.write_file(&path, self.body.clone(), false)?;
                }
                return Ok(argument(args, 0).clone());
            }
            "text" | "body" | "data" => return Ok(Value::text(charset::source(&self.body))),
            "arrayBuffer" => return Ok(Value::bytes(self.body.clone())),
            "json" => return host.generic("response.json"),
            "status" | "statusCode" => return Ok(Value::number(self.status)),
            "ok" => return Ok(Value::Bool(self.status == 200)),
            "pid" => return Ok(Value::number(4_712)),
            "headers" => return host.generic("response.headers"),
            "stdout" | "stderr" | "stdin" => return host.add(Box::new(Self::new(0, Vec::new()))),
            _ => {}
        }
        Ok(Value::Empty)
    }

    fn given_to_callback(&mut self, _host: &mut Host, member: &str) -> Option<Vec<Value>> {
        match (member, self.event.as_str()) {
            ("on" | "once", "data") => Some(vec![Value::text(charset::source(&self.body))]),
            ("on" | "once", "end" | "finish" | "open" | "connect" | "ready") => Some(Vec::new()),
            ("connect", _) => Some(Vec::new()),
            ("on" | "once", "close" | "exit") => Some(vec![Value::number(0)]),
            _ => None,
        }
    }
}

static PROCESS: Class = Class {
    name: "process",
    methods: &[
        "exit",
        "cwd",
        "on",
        "once",
        "kill",
        "nextTick",
        "uptime",
        "hrtime",
        "memoryUsage",
        "emitWarning",
        "binding",
    ],
    properties: &[
        "env", "argv", "platform", "pid", "version", "versions", "arch", "execPath", "title", "stdout", "stdin",
        "stderr", "release", "argv0",
    ],
    quiet: &[
        "on",
        "once",
        "nextTick",
        "platform",
        "version",
        "versions",
        "arch",
        "stdout",
        "stderr",
        "env",
        "title",
        "cwd",
        "hrtime",
        "release",
        "emitWarning",
        "uptime",
        "memoryUsage",
    ],
    default: "",
};

pub struct Process;

impl Object for Process {
    class!(PROCESS);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        match member {
            "exit" => Err(Fault::Quit),
            "cwd" => Ok(Value::text(parent(&host.settings.path))),
            "env" => host.add(Box::new(Variables { all: environment::variables(&host.settings) })),
            "argv" => {
                if host.settings.arguments.is_empty() {
                    host.wait("argument", "any");
                }
                let all = ["C:\\Program Files\\nodejs\\node.exe", &host.settings.path].map(Value::text);
                Ok(Value::list(all.into_iter().chain(host.settings.arguments.iter().map(Value::text))))
            }
            "platform" => Ok(Value::text("win32")),
            "pid" => Ok(Value::number(4_711)),
            "version" => Ok(Value::text("v22.16.0")),
            "arch" => Ok(Value::text("x64")),
            "execPath" | "argv0" => Ok(Value::text("C:\\Program Files\\nodejs\\node.exe")),
            "title" => Ok(Value::text("node")),
            "uptime" => Ok(Value::number(0.05)),
            "hrtime" => Ok(Value::list([Value::number(1_000), Value::number(0)])),
            "versions" | "release" | "memoryUsage" | "stdout" | "stdin" | "stderr" | "binding" => {
                host.generic(&format!("process.{member}"))
            }
            _ => Ok(Value::Empty),
        }
    }

    fn given_to_callback(&mut self, _host: &mut Host, member: &str) -> Option<Vec<Value>> {
        (member == "nextTick").then(Vec::new)
    }
}

static VARIABLES: Class = Class { name: "process.env", methods: &[], properties: &[], quiet: &[], default: "" };

struct Variables {
    all: Vec<(&'static str, String)>,
}

impl Object for Variables {
    class!(VARIABLES);

    fn is_open(&self) -> bool {
        false
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.all.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| Value::text(value))
    }

    fn call(&mut self, _host: &mut Host, _member: &'static str, _args: &[Value]) -> Answer {
        Ok(Value::Empty)
    }
}

static BUFFER_CLASS: Class = Class {
    name: "Buffer",
    methods: &["from", "alloc", "allocUnsafe", "concat", "isBuffer", "byteLength"],
    properties: &[],
    quiet: &["alloc", "allocUnsafe", "concat", "isBuffer", "byteLength"],
    default: "from",
};

/// `Buffer` itself.
pub struct BufferClass;

fn bytes_of(host: &Host, value: &Value, encoding: &str) -> Vec<u8> {
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

struct Buffer {
    bytes: Vec<u8>,
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
