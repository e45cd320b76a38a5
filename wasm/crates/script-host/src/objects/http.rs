//! Requests to a network that answers with what it is told to: `MSXML2.XMLHTTP`, `WinHttp.WinHttpRequest`, `WebClient`.

use super::{Class, Object, class};
use crate::charset;
use crate::host::{Answer, Fault, Host};
use crate::value::{Value, argument, text};

const METHODS: &[&str] = &[
    "Open",
    "Send",
    "SetRequestHeader",
    "GetResponseHeader",
    "GetAllResponseHeaders",
    "Abort",
    "SetTimeouts",
    "SetProxy",
    "SetCredentials",
    "SetClientCertificate",
    "WaitForResponse",
    "SetOption",
    "Option",
];
const PROPERTIES: &[&str] = &[
    "Status",
    "StatusText",
    "ReadyState",
    "ResponseText",
    "ResponseBody",
    "ResponseXML",
    "ResponseStream",
    "Response",
    "OnReadyStateChange",
    "OnLoad",
    "WithCredentials",
];
const QUIET: &[&str] = &[
    "Status",
    "StatusText",
    "ReadyState",
    "WaitForResponse",
    "SetTimeouts",
    "OnReadyStateChange",
    "OnLoad",
    "WithCredentials",
    "Option",
    "SetOption",
];

static XML_HTTP: Class =
    Class { name: "MSXML2.XMLHTTP", methods: METHODS, properties: PROPERTIES, quiet: QUIET, default: "" };
static WIN_HTTP: Class =
    Class { name: "WinHttp.WinHttpRequest.5.1", methods: METHODS, properties: PROPERTIES, quiet: QUIET, default: "" };

pub struct Http {
    class: &'static Class,
    method: String,
    url: String,
    status: u16,
    body: Vec<u8>,
    ready: u8,
}

impl Http {
    pub const fn new(is_win_http: bool) -> Self {
        let class = if is_win_http { &WIN_HTTP } else { &XML_HTTP };
        Self { class, method: String::new(), url: String::new(), status: 0, body: Vec::new(), ready: 0 }
    }
}

impl Object for Http {
    fn class(&self) -> &'static Class {
        self.class
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "Open" => {
                (self.method, self.url) = (text(args, 0).to_uppercase(), text(args, 1));
                (self.ready, self.status) = (1, 0);
                self.body.clear();
                host.network("connects to", &self.url);
            }
            "Send" => {
                let sends = !argument(args, 0).is_missing() && !text(args, 0).is_empty();
                host.network(if sends { "sends to" } else { "asks" }, &self.url);
                host.wait("answer", &self.url);
                (self.status, self.body) = host.network_answer(&self.url);
                self.ready = 4;
            }
            "GetResponseHeader" => return Ok(Value::text(header(&text(args, 0), self.body.len()))),
            "GetAllResponseHeaders" => {
                return Ok(Value::text(format!("Content-Length: {}\r\nContent-Type: text/plain\r\n", self.body.len())));
            }
            "WaitForResponse" => return Ok(Value::Bool(true)),
            "Status" => return Ok(Value::number(self.status)),
            "StatusText" => return Ok(Value::text(if self.status == 200 { "OK" } else { "Not Found" })),
            "ReadyState" => return Ok(Value::number(self.ready)),
            "ResponseText" | "ResponseBody" | "ResponseStream" | "Response" => {
                host.trace.read_answer(&self.url);
                return Ok(match member {
                    "ResponseText" => Value::text(charset::source(&self.body)),
                    _ => Value::bytes(self.body.clone()),
                });
            }
            "ResponseXML" => return host.add(Box::new(super::dom::Document)),
            _ => {}
        }
        Ok(Value::Empty)
    }
}

fn header(name: &str, length: usize) -> String {
    match name.to_ascii_lowercase().as_str() {
        "content-length" => length.to_string(),
        "content-type" => "text/plain".to_owned(),
        "date" => "Tue, 17 Jun 2025 09:30:00 GMT".to_owned(),
        _ => String::new(),
    }
}

static WEB_CLIENT: Class = Class {
    name: "System.Net.WebClient",
    methods: &["DownloadFile", "DownloadString", "DownloadData", "UploadString"],
    properties: &["Headers"],
    quiet: &[],
    default: "",
};

pub struct WebClient;

impl Object for WebClient {
    class!(WEB_CLIENT);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        let url = text(args, 0);
        if member == "Headers" {
            return host.generic("WebHeaderCollection");
        }
        host.network("asks", &url);
        host.wait("answer", &url);
        let (_, body) = host.network_answer(&url);
        host.trace.read_answer(&url);
        match member {
            "DownloadFile" => {
                host.write_file(&text(args, 1), body, false)?;
                Ok(Value::Empty)
            }
            "DownloadData" => Ok(Value::bytes(body)),
            _ => Ok(Value::text(charset::source(&body))),
        }
    }

    fn put(&mut self, _host: &mut Host, _member: &'static str, _args: &[Value], _value: Value) -> Result<(), Fault> {
        Ok(())
    }
}
