//! `MSXML2.DOMDocument`: elements whose typed values decode base64 and hexadecimal.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

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
            "bin.base64" => Value::bytes(base64(&self.text)),
            "bin.hex" => Value::bytes(hex(&self.text)),
            _ => Value::text(&self.text),
        }
    }
}

/// As lenient as MSXML: blanks are passed over, the end may be missing.
pub fn base64(text: &str) -> Vec<u8> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let clean: Vec<u8> =
        text.bytes().filter(|&byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/').collect();
    // One character alone stands for no byte.
    let length = clean.len() - usize::from(clean.len() % 4 == 1);
    LENIENT.decode(clean.get(..length).unwrap_or_default()).unwrap_or_default()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|char| char.to_digit(16)).map(|digit| digit.to_le_bytes()[0]).collect();
    digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect()
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
                self.text = base64::engine::general_purpose::STANDARD.encode(value.to_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_as_leniently_as_msxml_reads_it() {
        assert_eq!(base64("aGVs\r\nbG8="), b"hello");
        assert_eq!(base64("aGVsbG8"), b"hello");
        assert_eq!(base64("aGVsbG8=="), b"hello");
        assert_eq!(base64("a"), b"");
        assert_eq!(hex("4d5A 9"), b"MZ");
    }
}
