//! Elements: they keep their text and tell what they would load.

use std::borrow::Cow;

use super::document::Document;
use crate::host::{Answer, Fault, Host};
use crate::objects::page::{self, written};
use crate::objects::{Class, Object, blob, class};
use crate::value::{Value, text};

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
pub struct Element {
    tag: String,
    content: String,
    address: String,
    /// Under which name its address is saved.
    download: String,
}

impl Element {
    pub fn new(tag: &str) -> Self {
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
