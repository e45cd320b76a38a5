//! `navigator`: which browser it is, and files that it saves.

use crate::host::{Answer, Host};
use crate::objects::{Class, Object, blob, class};
use crate::value::{Value, text};

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

pub struct Navigator;

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
