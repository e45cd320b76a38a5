//! `MSXML2.DOMDocument`: elements whose typed values decode base64 and hexadecimal.

use super::{Class, Object, class};
use crate::charset;
use crate::host::{Answer, Fault, Host};
use crate::value::{Value, argument, text};

static DOCUMENT: Class = Class {
    name: "MSXML2.DOMDocument",
    methods: &[
        "createElement",
        "createNode",
        "load",
        "loadXML",
        "selectSingleNode",
        "selectNodes",
        "setProperty",
        "transformNode",
        "appendChild",
        "getElementsByTagName",
        "createTextNode",
    ],
    properties: &["documentElement", "async", "xml", "text", "parseError", "readyState"],
    quiet: &["async", "readyState", "setProperty", "appendChild", "documentElement", "parseError"],
    default: "",
};

pub struct Document;

impl Object for Document {
    class!(DOCUMENT);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "createElement" | "createNode" | "documentElement" | "createTextNode" => {
                host.add(Box::new(Element::default()))
            }
            "load" => {
                let url = text(args, 0);
                if url.contains("://") {
                    host.network("loads a document", &url);
                    host.wait("answer", &url);
                } else {
                    host.file("read", &url);
                }
                Ok(Value::Bool(true))
            }
            "loadXML" => Ok(Value::Bool(true)),
            "selectSingleNode" => host.add(Box::new(Element::default())),
            "transformNode" => {
                host.evasion("runs what a style sheet holds", &host.settings.path.clone());
                Ok(Value::text(""))
            }
            "xml" | "text" => Ok(Value::text("")),
            "readyState" => Ok(Value::number(4)),
            "async" => Ok(Value::Bool(false)),
            "setProperty" | "appendChild" => Ok(argument(args, 0).clone()),
            name => host.generic(&format!("MSXML2.DOMDocument.{name}")),
        }
    }
}

static ELEMENT: Class = Class {
    name: "IXMLDOMElement",
    methods: &["setAttribute", "getAttribute", "appendChild", "createElement", "cloneNode"],
    properties: &["dataType", "text", "nodeTypedValue", "nodeValue", "xml", "firstChild", "nodeName"],
    quiet: &["setAttribute", "appendChild", "nodeName"],
    default: "text",
};

#[derive(Default)]
struct Element {
    kind: String,
    text: String,
}

impl Element {
    fn typed(&self) -> Value {
        match self.kind.to_ascii_lowercase().as_str() {
            "bin.base64" => Value::bytes(charset::from_base64(&self.text)),
            "bin.hex" => Value::bytes(charset::from_hex(&self.text)),
            _ => Value::text(&self.text),
        }
    }
}

impl Object for Element {
    class!(ELEMENT);

    fn call(&mut self, host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        match member {
            "dataType" => Ok(Value::text(&self.kind)),
            "text" | "nodeValue" | "xml" => Ok(Value::text(&self.text)),
            "nodeTypedValue" => Ok(self.typed()),
            "nodeName" => Ok(Value::text("b64")),
            "firstChild" | "createElement" | "cloneNode" => {
                host.add(Box::new(Self { kind: self.kind.clone(), text: self.text.clone() }))
            }
            _ => Ok(Value::Empty),
        }
    }

    fn put(&mut self, _host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        match member {
            "dataType" => self.kind = value.to_text(),
            "nodeTypedValue" if self.kind.eq_ignore_ascii_case("bin.base64") => {
                self.text = charset::to_base64(&value.to_bytes());
            }
            "nodeTypedValue" if self.kind.eq_ignore_ascii_case("bin.hex") => {
                self.text = value.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            }
            "nodeTypedValue" | "text" | "nodeValue" => {
                self.text = match &value {
                    Value::Bytes(bytes) => charset::widen(bytes),
                    other => other.to_text(),
                };
            }
            _ => {}
        }
        Ok(())
    }
}
