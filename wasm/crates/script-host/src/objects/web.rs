//! A small page: `document`, `navigator`, `location` and what hangs on them.

use std::borrow::Cow;

use super::page::{self, written};
use super::{Class, Generic, Object, blob, class};
use crate::host::{Answer, Fault, Host};
use crate::value::{Value, text};

/// The object of a page by its name; one that knows no members for others.
pub fn create(name: &str) -> Box<dyn Object> {
    match name {
        "document" => Box::new(Document),
        "navigator" => Box::new(Navigator),
        "location" => Box::new(Location),
        "screen" => Box::new(Screen),
        "console" => Box::new(Console),
        "localStorage" | "sessionStorage" => Box::new(Storage { items: Vec::new() }),
        "history" => Box::new(Generic::new("history")),
        other => Box::new(Element::new(other)),
    }
}

static DOCUMENT: Class = Class {
    name: "document",
    methods: &[
        "write",
        "writeln",
        "createElement",
        "createElementNS",
        "createTextNode",
        "createDocumentFragment",
        "getElementById",
        "querySelector",
        "getElementsByTagName",
        "getElementsByClassName",
        "getElementsByName",
        "querySelectorAll",
        "addEventListener",
        "removeEventListener",
        "open",
        "close",
        "execCommand",
        "attachEvent",
    ],
    properties: &[
        "cookie",
        "referrer",
        "URL",
        "location",
        "domain",
        "body",
        "head",
        "documentElement",
        "title",
        "readyState",
        "characterSet",
        "forms",
        "scripts",
        "currentScript",
        "defaultView",
        "all",
    ],
    quiet: &[
        "createElement",
        "createElementNS",
        "createTextNode",
        "createDocumentFragment",
        "getElementById",
        "querySelector",
        "getElementsByTagName",
        "getElementsByClassName",
        "getElementsByName",
        "querySelectorAll",
        "addEventListener",
        "removeEventListener",
        "body",
        "head",
        "documentElement",
        "title",
        "readyState",
        "characterSet",
        "URL",
        "domain",
        "open",
        "close",
        "forms",
        "scripts",
        "currentScript",
        "defaultView",
        "all",
        "location",
        "attachEvent",
    ],
    default: "",
};

struct Document;

impl Object for Document {
    class!(DOCUMENT);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "write" | "writeln" => {
                let page = text(args, 0);
                host.code("document.write", &page);
                written(host, page);
                Ok(Value::Empty)
            }
            "getElementsByTagName"
            | "getElementsByClassName"
            | "getElementsByName"
            | "querySelectorAll"
            | "forms"
            | "scripts"
            | "all" => {
                let element = host.add(Box::new(Element::new(&text(args, 0))))?;
                Ok(Value::list([element]))
            }
            "createElement"
            | "createTextNode"
            | "createElementNS"
            | "createDocumentFragment"
            | "getElementById"
            | "querySelector"
            | "body"
            | "head"
            | "documentElement"
            | "currentScript" => host.add(Box::new(Element::new(&text(args, 0)))),
            "location" => host.add(Box::new(Location)),
            "URL" => Ok(Value::text(PAGE)),
            "domain" => Ok(Value::text("www.example.com")),
            "referrer" | "cookie" | "title" => Ok(Value::text("")),
            "readyState" => Ok(Value::text("complete")),
            "characterSet" => Ok(Value::text("UTF-8")),
            _ => Ok(Value::Empty),
        }
    }

    fn put(&mut self, host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        if member == "location" {
            host.go(&value.to_text());
        }
        Ok(())
    }

    fn given_to_callback(&mut self, _host: &mut Host, member: &str) -> Option<Vec<Value>> {
        matches!(member, "addEventListener" | "attachEvent").then(Vec::new)
    }
}

const PAGE: &str = "https://www.example.com/index.html";

static ELEMENT: Class = Class {
    name: "HTMLElement",
    methods: &[
        "appendChild",
        "insertBefore",
        "removeChild",
        "setAttribute",
        "getAttribute",
        "removeAttribute",
        "addEventListener",
        "removeEventListener",
        "click",
        "submit",
        "querySelector",
        "querySelectorAll",
        "getElementsByTagName",
        "insertAdjacentHTML",
        "cloneNode",
        "focus",
        "remove",
        "getContext",
        "hasAttribute",
        "contains",
        "attachEvent",
        "append",
        "getBoundingClientRect",
        "CreateObject",
    ],
    properties: &[
        "innerHTML",
        "outerHTML",
        "innerText",
        "textContent",
        "src",
        "href",
        "value",
        "style",
        "parentNode",
        "children",
        "childNodes",
        "firstChild",
        "lastChild",
        "nextSibling",
        "id",
        "className",
        "tagName",
        "nodeName",
        "nodeType",
        "type",
        "download",
        "action",
        "classList",
        "dataset",
        "text",
        "width",
        "height",
        "ownerDocument",
        "offsetWidth",
        "offsetHeight",
        "clientWidth",
        "clientHeight",
    ],
    quiet: &[
        "appendChild",
        "insertBefore",
        "removeChild",
        "getAttribute",
        "removeAttribute",
        "addEventListener",
        "removeEventListener",
        "querySelector",
        "querySelectorAll",
        "getElementsByTagName",
        "cloneNode",
        "focus",
        "remove",
        "getContext",
        "hasAttribute",
        "contains",
        "attachEvent",
        "append",
        "getBoundingClientRect",
        "innerHTML",
        "outerHTML",
        "innerText",
        "textContent",
        "value",
        "style",
        "parentNode",
        "children",
        "childNodes",
        "firstChild",
        "lastChild",
        "nextSibling",
        "id",
        "className",
        "tagName",
        "nodeName",
        "nodeType",
        "type",
        "classList",
        "dataset",
        "text",
        "width",
        "height",
        "ownerDocument",
        "src",
        "href",
        "download",
        "action",
        "offsetWidth",
        "offsetHeight",
        "clientWidth",
        "clientHeight",
    ],
    default: "",
};

/// Any element: it keeps its text and tells what it would load.
struct Element {
    tag: String,
    content: String,
    address: String,
    /// Under which name its address is saved.
    download: String,
}

impl Element {
    fn new(tag: &str) -> Self {
        Self {
            tag: tag.chars().take(40).collect::<String>().to_ascii_uppercase(),
            content: String::new(),
            address: String::new(),
            download: String::new(),
        }
    }

    fn load(&mut self, host: &mut Host, address: String) {
        if address.contains("://") || address.starts_with("//") {
            host.network(if self.tag == "SCRIPT" { "loads a script" } else { "loads" }, &address);
        }
        self.address = address;
    }
}

impl Object for Element {
    class!(ELEMENT);

    fn name(&self) -> Cow<'_, str> {
        "HTMLElement".into()
    }

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "appendChild" | "insertBefore" | "removeChild" | "append" => Ok(args.first().cloned().unwrap_or_default()),
            "setAttribute" => {
                if matches!(text(args, 0).to_ascii_lowercase().as_str(), "src" | "href" | "action") {
                    self.load(host, text(args, 1));
                } else if text(args, 0).eq_ignore_ascii_case("download") {
                    self.download = text(args, 1);
                }
                Ok(Value::Empty)
            }
            // An `object` of a class that makes others, such as RDS.DataSpace.
            "CreateObject" => host.create("HTMLObjectElement.CreateObject", &text(args, 0)),
            "getAttribute" => Ok(Value::Null),
            "click" if self.tag == "A" => {
                if !blob::download(host, &self.address, &self.download)? {
                    host.go(&self.address);
                }
                Ok(Value::Empty)
            }
            "submit" => {
                host.network("sends to", &self.address);
                Ok(Value::Empty)
            }
            "insertAdjacentHTML" => {
                written(host, text(args, 1));
                Ok(Value::Empty)
            }
            "innerHTML" | "outerHTML" | "innerText" | "textContent" | "value" | "text" => {
                Ok(Value::text(&self.content))
            }
            "src" | "href" | "action" => Ok(Value::text(&self.address)),
            "tagName" | "nodeName" => Ok(Value::text(&self.tag)),
            "nodeType" => Ok(Value::number(1)),
            "download" => Ok(Value::text(&self.download)),
            "id" | "className" | "type" => Ok(Value::text("")),
            "hasAttribute" | "contains" => Ok(Value::Bool(false)),
            "children" | "childNodes" | "querySelectorAll" | "getElementsByTagName" => {
                let inner = host.add(Box::new(Self::new("div")))?;
                Ok(Value::list([inner]))
            }
            "width" | "height" | "offsetWidth" | "offsetHeight" | "clientWidth" | "clientHeight" => {
                Ok(Value::number(100))
            }
            "nextSibling" | "lastChild" => Ok(Value::Null),
            "ownerDocument" => host.add(Box::new(Document)),
            "style" | "classList" | "dataset" | "getContext" | "getBoundingClientRect" => {
                host.generic("HTMLElement.style")
            }
            "parentNode" | "firstChild" | "querySelector" | "cloneNode" => host.add(Box::new(Self::new("div"))),
            _ => Ok(Value::Empty),
        }
    }

    fn put(&mut self, host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        match member {
            "src" | "href" | "action" => self.load(host, value.to_text()),
            "download" => self.download = value.to_text(),
            "innerHTML" | "outerHTML" | "innerText" | "textContent" | "value" | "text" => {
                self.content = value.to_text();
                if matches!(member, "innerHTML" | "outerHTML") {
                    page::load(host, &self.content);
                }
                if self.tag == "SCRIPT" {
                    host.code("script element", &self.content.clone());
                    host.pages.push(format!("<script>{}</script>", self.content));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn given_to_callback(&mut self, _host: &mut Host, _member: &str) -> Option<Vec<Value>> {
        None
    }
}

static NAVIGATOR: Class = Class {
    name: "navigator",
    methods: &["javaEnabled", "sendBeacon", "msSaveBlob", "msSaveOrOpenBlob"],
    properties: &[
        "userAgent",
        "appName",
        "appVersion",
        "platform",
        "language",
        "languages",
        "cookieEnabled",
        "onLine",
        "vendor",
        "webdriver",
        "plugins",
        "hardwareConcurrency",
        "product",
        "maxTouchPoints",
    ],
    quiet: &[
        "userAgent",
        "appName",
        "appVersion",
        "platform",
        "language",
        "languages",
        "cookieEnabled",
        "onLine",
        "vendor",
        "plugins",
        "hardwareConcurrency",
        "javaEnabled",
        "product",
        "maxTouchPoints",
    ],
    default: "",
};

struct Navigator;

impl Object for Navigator {
    class!(NAVIGATOR);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        Ok(match member {
            "userAgent" => Value::text(
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36",
            ),
            "appName" => Value::text("Netscape"),
            "appVersion" => Value::text("5.0 (Windows NT 10.0; Win64; x64)"),
            "platform" => Value::text("Win32"),
            "language" => Value::text("en-US"),
            "languages" => Value::list([Value::text("en-US"), Value::text("en")]),
            "vendor" => Value::text("Google Inc."),
            "product" => Value::text("Gecko"),
            "cookieEnabled" | "onLine" => Value::Bool(true),
            "hardwareConcurrency" => Value::number(8),
            "maxTouchPoints" => Value::number(0),
            "plugins" => Value::list([Value::text("PDF Viewer")]),
            "webdriver" => {
                host.evasion("asks what the machine is", "navigator.webdriver");
                Value::Bool(false)
            }
            "sendBeacon" => {
                host.network("sends to", &text(args, 0));
                Value::Bool(true)
            }
            "msSaveBlob" | "msSaveOrOpenBlob" => {
                blob::save_blob(host, args)?;
                Value::Bool(true)
            }
            _ => Value::Bool(false),
        })
    }
}

static LOCATION: Class = Class {
    name: "location",
    methods: &["assign", "replace", "reload", "toString"],
    properties: &["href", "host", "hostname", "pathname", "protocol", "search", "hash", "port", "origin"],
    quiet: &["href", "host", "hostname", "pathname", "protocol", "search", "hash", "port", "origin", "toString"],
    default: "href",
};

struct Location;

impl Object for Location {
    class!(LOCATION);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        Ok(Value::text(match member {
            "assign" | "replace" => {
                host.go(&text(args, 0));
                ""
            }
            "href" | "toString" => PAGE,
            "host" | "hostname" => "www.example.com",
            "pathname" => "/index.html",
            "protocol" => "https:",
            "origin" => "https://www.example.com",
            _ => "",
        }))
    }

    fn put(&mut self, host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        if member == "href" {
            host.go(&value.to_text());
        }
        Ok(())
    }
}

static SCREEN: Class = Class {
    name: "screen",
    methods: &[],
    properties: &["width", "height", "availWidth", "availHeight", "colorDepth", "pixelDepth"],
    quiet: &["width", "height", "availWidth", "availHeight", "colorDepth", "pixelDepth"],
    default: "",
};

struct Screen;

impl Object for Screen {
    class!(SCREEN);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, _host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        Ok(Value::number(match member {
            "width" | "availWidth" => 1920,
            "height" => 1080,
            "availHeight" => 1040,
            _ => 24,
        }))
    }
}

static CONSOLE: Class = Class {
    name: "console",
    methods: &[
        "log", "info", "warn", "error", "debug", "trace", "dir", "assert", "group", "groupEnd", "table", "time",
        "timeEnd", "clear", "count",
    ],
    properties: &[],
    quiet: &["dir", "assert", "group", "groupEnd", "table", "time", "timeEnd", "clear", "trace", "count"],
    default: "",
};

struct Console;

impl Object for Console {
    class!(CONSOLE);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, _host: &mut Host, _member: &'static str, _args: &[Value]) -> Answer {
        Ok(Value::Empty)
    }
}

static STORAGE: Class = Class {
    name: "localStorage",
    methods: &["getItem", "setItem", "removeItem", "clear", "key"],
    properties: &["length"],
    quiet: &["getItem", "removeItem", "clear", "key", "length"],
    default: "",
};

struct Storage {
    items: Vec<(String, String)>,
}

impl Object for Storage {
    class!(STORAGE);

    fn is_open(&self) -> bool {
        false
    }

    fn call(&mut self, _host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        let key = text(args, 0);
        match member {
            "getItem" => {
                let found = self.items.iter().find(|(known, _)| *known == key);
                return Ok(found.map_or(Value::Null, |(_, value)| Value::text(value)));
            }
            "setItem" => {
                self.items.retain(|(known, _)| *known != key);
                if self.items.len() < 1_000 {
                    self.items.push((key, text(args, 1).chars().take(65_536).collect()));
                }
            }
            "removeItem" => self.items.retain(|(known, _)| *known != key),
            "clear" => self.items.clear(),
            "length" => return Ok(Value::size(self.items.len())),
            _ => return Ok(Value::Null),
        }
        Ok(Value::Empty)
    }
}
