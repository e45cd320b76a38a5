//! Modules: files, processes, requests, the machine, paths, what unpacks.

use std::borrow::Cow;

use super::buffer::{Buffer, bytes_of};
use super::response::{Response, connect};
use super::zlib;
use crate::charset;
use crate::files::{extension, name, normal, parent};
use crate::host::{Answer, Fault, Host, IDENTITY};
use crate::objects::{Class, Object, class};
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
        host.trace.read_answer(&url);
        host.add(Box::new(Response::new(status, body)))
    }
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
                host.add(Box::new(Response::of_file(first)))
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
                match zlib::unpacked(member, &packed) {
                    Some(bytes) => host.add(Box::new(Buffer { bytes })),
                    None => Err(Fault::Thrown(5, DAMAGED.to_owned())),
                }
            }
            "gunzip" | "inflate" | "inflateRaw" | "unzip" | "brotliDecompress" if self.name == "zlib" => {
                let packed = bytes_of(host, argument(args, 0), "");
                self.unpacked = zlib::unpacked(member, &packed);
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
