//! `InternetExplorer.Application`: a browser that a script starts, and sends somewhere.

use super::{Class, Object, class, web};
use crate::host::{Answer, Host};
use crate::value::{Value, text};

static CLASS: Class = Class {
    name: "InternetExplorer.Application",
    methods: &["Navigate", "Navigate2", "Quit", "Stop", "Refresh", "GoBack"],
    properties: &[
        "Visible",
        "Silent",
        "Busy",
        "ReadyState",
        "Document",
        "LocationURL",
        "Width",
        "Height",
        "FullScreen",
    ],
    quiet: &["Busy", "ReadyState", "Document", "Width", "Height"],
    default: "",
};

#[derive(Default)]
pub struct Explorer {
    address: String,
}

impl Object for Explorer {
    class!(CLASS);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        Ok(match member {
            "Navigate" | "Navigate2" => {
                self.address = text(args, 0);
                host.go(&self.address);
                Value::Empty
            }
            "Busy" => Value::Bool(false),
            // It has loaded the page.
            "ReadyState" => Value::number(4),
            "LocationURL" => Value::text(&self.address),
            "Document" => host.add(web::document_elsewhere())?,
            _ => Value::Empty,
        })
    }
}
