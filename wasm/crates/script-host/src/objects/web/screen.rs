//! `screen`: an office computer's.

use crate::host::{Answer, Host};
use crate::objects::{Class, Object, class};
use crate::value::Value;

static SCREEN: Class = Class {
    name: "screen",
    methods: &[],
    properties: &["width", "height", "availWidth", "availHeight", "colorDepth", "pixelDepth"],
    quiet: &["width", "height", "availWidth", "availHeight", "colorDepth", "pixelDepth"],
    default: "",
};

pub struct Screen;

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
