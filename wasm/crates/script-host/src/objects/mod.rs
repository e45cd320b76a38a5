//! The objects, one kind a file: what a script can ask of them, and what they do.

mod blob;
mod collection;
mod dictionary;
mod dom;
mod dotnet;
mod elements;
mod explorer;
mod filesystem;
mod generic;
mod http;
mod language;
mod network;
mod node;
mod office;
mod page;
mod recordset;
mod regexp;
mod shell;
mod shell_application;
mod stream;
mod tasks;
mod text_stream;
mod web;
mod wmi;
mod wscript;

use std::any::Any;
use std::borrow::Cow;

pub use elements::Elements;
pub use generic::Generic;
pub use web::{GLOBALS, WINDOWS};
pub use wscript::Wscript;

use crate::host::{Answer, Fault, Host};
use crate::markup::Page;
use crate::value::Value;

/// What a class has, by the names in which they are written in the trace.
#[derive(Debug)]
pub struct Class {
    pub name: &'static str,
    pub methods: &'static [&'static str],
    pub properties: &'static [&'static str],
    /// Of both, those that say nothing of behaviour: they are not written down.
    pub quiet: &'static [&'static str],
    /// What the object itself stands for where it is called or used as a value; empty for none.
    pub default: &'static str,
}

impl Class {
    pub fn method(&self, name: &str) -> Option<&'static str> {
        self.methods.iter().copied().find(|known| known.eq_ignore_ascii_case(name))
    }

    pub fn property(&self, name: &str) -> Option<&'static str> {
        self.properties.iter().copied().find(|known| known.eq_ignore_ascii_case(name))
    }

    pub fn is_quiet(&self, known: &str) -> bool {
        self.quiet.contains(&known)
    }
}

pub trait Object: Any {
    fn class(&self) -> &'static Class;

    /// As the trace names it.
    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.class().name)
    }

    /// A method, or a property that is read; `member` is one of the class.
    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer;

    /// A property that is set. What cannot be set is passed over, as sloppy hosts do.
    fn put(&mut self, _host: &mut Host, _member: &'static str, _args: &[Value], _value: Value) -> Result<(), Fault> {
        Ok(())
    }

    /// A property of this object alone, which its class does not have.
    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    /// An element of the page that this object has under that name.
    fn node(&self, _page: &Page, _name: &str) -> Option<usize> {
        None
    }

    fn items(&mut self, _host: &mut Host) -> Option<Vec<Value>> {
        None
    }

    /// Whether it answers to names that it does not know.
    fn is_open(&self) -> bool {
        true
    }

    /// What a function that the member was given is called with, where it is.
    fn given_to_callback(&mut self, _host: &mut Host, _member: &str) -> Option<Vec<Value>> {
        None
    }

    fn as_any(&self) -> &dyn Any;
}

/// What every object has alike.
macro_rules! class {
    ($class:expr) => {
        fn class(&self) -> &'static $crate::objects::Class {
            &$class
        }

        fn as_any(&self) -> &dyn std::any::Any {
            self
        }
    };
}
pub(crate) use class;

/// COM's error for arguments that do not fit.
pub fn wrong(message: &str) -> Fault {
    Fault::Thrown(5, message.to_owned())
}

/// An object by the name under which scripts create it; one that answers to everything for what we do not know.
pub fn create(name: &str) -> Box<dyn Object> {
    let lower = name.to_ascii_lowercase();
    // A version at the end is one of many.
    let plain = lower.trim_end_matches(|char: char| char.is_ascii_digit() || char == '.');
    match plain {
        "wscript.shell" => Box::new(shell::Shell),
        "wscript.network" => Box::new(network::Network),
        "scripting.filesystemobject" => Box::new(filesystem::FileSystem),
        "scripting.dictionary" => Box::new(dictionary::Dictionary::default()),
        "adodb.stream" => Box::new(stream::Stream::default()),
        "adodb.recordset" => Box::new(recordset::Recordset::default()),
        "msxml2.xmlhttp" | "microsoft.xmlhttp" | "msxml2.serverxmlhttp" => Box::new(http::Http::new(false)),
        "winhttp.winhttprequest" => Box::new(http::Http::new(true)),
        "msxml2.domdocument"
        | "microsoft.xmldom"
        | "msxml2.freethreadeddomdocument"
        | "microsoft.freethreadedxmldom" => Box::new(dom::Document),
        "msscriptcontrol.scriptcontrol" | "scriptcontrol" => Box::new(language::ScriptControl::default()),
        "vbscript.regexp" => Box::new(regexp::RegExp::default()),
        "shell.application" => Box::new(shell_application::Application),
        "internetexplorer.application" => Box::new(explorer::Explorer::default()),
        "schedule.service" => Box::new(tasks::Service),
        "wbemscripting.swbemlocator" => Box::new(wmi::Locator),
        _ => other(name, &lower),
    }
}

fn other(name: &str, lower: &str) -> Box<dyn Object> {
    match lower {
        "system.text.asciiencoding" => Box::new(dotnet::Encoding::new("us-ascii")),
        "system.text.utf8encoding" => Box::new(dotnet::Encoding::new("utf-8")),
        "system.text.unicodeencoding" => Box::new(dotnet::Encoding::new("unicode")),
        "system.io.memorystream" => Box::new(dotnet::MemoryStream::default()),
        "system.security.cryptography.frombase64transform" => Box::new(dotnet::FromBase64),
        "system.collections.arraylist" => Box::new(collection::ArrayList::default()),
        "system.net.webclient" => Box::new(http::WebClient),
        _ => office::create(lower).unwrap_or_else(|| Box::new(Generic::new(name))),
    }
}

/// What `GetObject` gives for a moniker, a file or nothing but a class.
pub fn bind(host: &mut Host, moniker: &str, class: &str) -> Box<dyn Object> {
    let lower = moniker.to_ascii_lowercase();
    if lower.starts_with("winmgmts:") {
        let path = moniker.rsplit_once(':').map_or("", |(_, path)| path);
        // The path of a class or of an instance may follow that of the service.
        return if path.to_ascii_lowercase().starts_with("win32_process") {
            Box::new(wmi::Process)
        } else if lower.ends_with("stdregprov") {
            Box::new(wmi::RegistryProvider)
        } else {
            Box::new(wmi::Services)
        };
    }
    if let Some(url) = ["script:", "scriptlet:"].iter().find_map(|scheme| lower.strip_prefix(scheme)) {
        host.network("loads a script", moniker.get(moniker.len() - url.len()..).unwrap_or_default());
        return Box::new(Generic::new("Scriptlet"));
    }
    if let Some(id) = lower.strip_prefix("new:") {
        return class_by_id(id).map_or_else(|| Box::new(Generic::new(moniker)) as Box<dyn Object>, create);
    }
    match (moniker.is_empty(), class.is_empty()) {
        (true, false) => create(class),
        _ => Box::new(Generic::new(moniker)),
    }
}

/// The name of a class whose identifier is written instead.
pub fn class_by_id(id: &str) -> Option<&'static str> {
    Some(match id.trim_matches(['{', '}']).to_ascii_lowercase().as_str() {
        "72c24dd5-d70a-438b-8a42-98424b88afb8" | "f935dc22-1cf0-11d0-adb9-00c04fd58a0b" => "WScript.Shell",
        "13709620-c279-11ce-a49e-444553540000"
        | "9ba05972-f6a8-11cf-a442-00a0c90a8f39"
        | "c08afd90-f2a1-11d1-8455-00a0c91f3880" => "Shell.Application",
        "0d43fe01-f093-11cf-8940-00a0c9054228" => "Scripting.FileSystemObject",
        "f6d90f16-9c73-11d3-b32e-00c04f990bb4" | "f6d90f11-9c73-11d3-b32e-00c04f990bb4" => "MSXML2.XMLHTTP",
        "2087c2f4-2cef-4953-a8ab-66779b670495" => "WinHttp.WinHttpRequest.5.1",
        "00000566-0000-0010-8000-00aa006d2ea4" => "ADODB.Stream",
        _ => return None,
    })
}

/// What a script makes with `new`, or finds in a page, by its name.
pub fn of_script(host: &mut Host, name: &str, args: &[Value]) -> Box<dyn Object> {
    match name {
        "Enumerator" => Box::new(language::Enumerator::new(host, args)),
        "VBArray" => Box::new(language::SafeArray::new(args)),
        "XMLHttpRequest" => Box::new(http::Http::new(false)),
        "process" => Box::new(node::Process),
        "Buffer" => Box::new(node::BufferClass),
        "Blob" | "File" => Box::new(blob::Blob::new(host, args)),
        "URL" => Box::new(blob::Urls),
        "WebSocket" => Box::new(Generic::new("WebSocket")),
        other => web::create(other),
    }
}

pub fn node_module(name: &str) -> Box<dyn Object> {
    node::module(name)
}

pub fn response(status: u16, body: Vec<u8>) -> Box<dyn Object> {
    Box::new(node::Response::new(status, body))
}

/// An object of a document's macros, by its name.
pub fn of_office(name: &str) -> Option<Box<dyn Object>> {
    office::global(&name.to_ascii_lowercase())
}

/// Objects that only are where an analyst works.
pub fn is_given_away_by(name: &str) -> bool {
    const TOOLS: [&str; 4] = ["vmware", "virtualbox", "sandboxie", "wireshark"];
    let lower = name.to_ascii_lowercase();
    TOOLS.iter().any(|tool| lower.contains(tool))
}
