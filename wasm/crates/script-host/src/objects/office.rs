//! What Word, Excel and Outlook give to the macros of a document.

use super::{Class, Object, class};
use crate::files::{name, parent};
use crate::host::{Answer, Host};
use crate::value::{Value, argument, text};

static APPLICATION: Class = Class {
    name: "Word.Application",
    methods: &["Run", "Quit", "OnTime", "CreateObject", "Documents", "Workbooks", "Wait", "ExecuteExcel4Macro"],
    properties: &[
        "ActiveDocument",
        "ActiveWorkbook",
        "ThisWorkbook",
        "Name",
        "Version",
        "UserName",
        "Path",
        "Visible",
        "DisplayAlerts",
        "ScreenUpdating",
        "OperatingSystem",
        "RecentFiles",
        "International",
    ],
    quiet: &[
        "ActiveDocument",
        "ActiveWorkbook",
        "ThisWorkbook",
        "Name",
        "Version",
        "Path",
        "Visible",
        "DisplayAlerts",
        "ScreenUpdating",
    ],
    default: "Name",
};

struct Application;

impl Object for Application {
    class!(APPLICATION);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "ActiveDocument" | "ActiveWorkbook" | "ThisWorkbook" => host.add(Box::new(Document)),
            "CreateObject" => host.create("CreateObject", &text(args, 0)),
            "Wait" => {
                host.sleep(60_000);
                Ok(Value::Bool(true))
            }
            "Name" => Ok(Value::text("Microsoft Word")),
            "Version" => Ok(Value::text("16.0")),
            "UserName" => {
                host.evasion("asks who and where it is", "UserName");
                Ok(Value::text(&host.settings.user))
            }
            "Path" => Ok(Value::text("C:\\Program Files\\Microsoft Office\\root\\Office16")),
            "OperatingSystem" => Ok(Value::text("Windows (64-bit) NT 10.00")),
            "RecentFiles" => {
                host.evasion("asks which documents were opened", "RecentFiles");
                host.add(Box::new(super::collection::Collection::new("RecentFiles", (0..12).map(Value::size))))
            }
            "Visible" | "DisplayAlerts" | "ScreenUpdating" => Ok(Value::Bool(true)),
            "Quit" | "OnTime" | "Run" | "ExecuteExcel4Macro" => Ok(Value::Empty),
            name => host.generic(&format!("Word.{name}")),
        }
    }
}

static DOCUMENT: Class = Class {
    name: "Word.Document",
    methods: &[
        "Close",
        "Save",
        "SaveAs",
        "SaveAs2",
        "Variables",
        "CustomDocumentProperties",
        "BuiltInDocumentProperties",
        "Sheets",
        "Worksheets",
        "Shapes",
        "InlineShapes",
        "Paragraphs",
        "Unprotect",
        "Range",
    ],
    properties: &[
        "Name",
        "FullName",
        "Path",
        "Content",
        "ReadOnly",
        "Saved",
        "Application",
        "AttachedTemplate",
        "ActiveSheet",
        "VBProject",
        "Password",
    ],
    quiet: &["Name", "FullName", "Path", "ReadOnly", "Saved", "Application"],
    default: "Name",
};

struct Document;

impl Object for Document {
    class!(DOCUMENT);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "Name" => Ok(Value::text(name(&host.settings.path))),
            "FullName" => Ok(Value::text(&host.settings.path)),
            "Path" => Ok(Value::text(parent(&host.settings.path))),
            "ReadOnly" | "Saved" => Ok(Value::Bool(false)),
            "Application" => host.add(Box::new(Application)),
            "Close" | "Save" | "Unprotect" => Ok(Value::Empty),
            "SaveAs" | "SaveAs2" => {
                host.file("write", &text(args, 0));
                Ok(Value::Empty)
            }
            // What the document holds beside its macros is not here.
            "Variables"
            | "CustomDocumentProperties"
            | "BuiltInDocumentProperties"
            | "Sheets"
            | "Worksheets"
            | "Shapes"
            | "InlineShapes"
            | "Paragraphs"
            | "Content"
            | "Range"
            | "ActiveSheet" => {
                let what = format!("{member} {}", argument(args, 0).to_text());
                host.wait("document", what.trim());
                host.generic(&format!("Word.Document.{member}"))
            }
            "VBProject" => {
                host.persistence("changes macros of a document", "VBProject");
                host.generic("VBProject")
            }
            name => host.generic(&format!("Word.Document.{name}")),
        }
    }
}

/// By names in lower case.
pub fn create(lower: &str) -> Option<Box<dyn Object>> {
    matches!(lower, "word.application" | "excel.application").then(|| Box::new(Application) as Box<dyn Object>)
}

pub fn global(lower: &str) -> Option<Box<dyn Object>> {
    match lower {
        "application" => Some(Box::new(Application)),
        "activedocument" | "thisdocument" | "thisworkbook" | "activeworkbook" => Some(Box::new(Document)),
        _ => None,
    }
}
