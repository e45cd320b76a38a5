//! What Word, Excel and Outlook give to the macros of a document.

use std::borrow::Cow;

use super::{Class, Object, class};
use crate::files::{name, parent};
use crate::host::{Answer, Host, IDENTITY};
use crate::value::{Value, text};

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

/// What the trace calls Excel.
const EXCEL: &str = "Excel.Application";

struct Application {
    name: &'static str,
}

impl Application {
    const fn of(is_excel: bool) -> Self {
        Self { name: if is_excel { EXCEL } else { APPLICATION.name } }
    }
}

impl Object for Application {
    class!(APPLICATION);

    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.name)
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "ActiveDocument" => host.add(Box::new(Document { name: DOCUMENT.name })),
            "ActiveWorkbook" | "ThisWorkbook" => host.add(Box::new(Document { name: WORKBOOK })),
            "CreateObject" => host.create("CreateObject", &text(args, 0)),
            "Wait" => {
                host.sleep(60_000);
                Ok(Value::Bool(true))
            }
            "Name" => Ok(Value::text(if self.name == EXCEL { "Microsoft Excel" } else { "Microsoft Word" })),
            "Version" => Ok(Value::text("16.0")),
            "UserName" => {
                host.evasion(IDENTITY, "UserName");
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
            name => host.generic(&format!("{}.{name}", self.name.trim_end_matches(".Application"))),
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

/// What the trace calls a document of Excel.
const WORKBOOK: &str = "Excel.Workbook";

struct Document {
    name: &'static str,
}

impl Object for Document {
    class!(DOCUMENT);

    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.name)
    }

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "Name" => Ok(Value::text(name(&host.settings.path))),
            "FullName" => Ok(Value::text(&host.settings.path)),
            "Path" => Ok(Value::text(parent(&host.settings.path))),
            "ReadOnly" | "Saved" => Ok(Value::Bool(false)),
            "Application" => host.add(Box::new(Application::of(self.name == WORKBOOK))),
            "Close" | "Save" | "Unprotect" => Ok(Value::Empty),
            "SaveAs" | "SaveAs2" => {
                host.file("write", &text(args, 0));
                Ok(Value::Empty)
            }
            // What the document holds beside its macros is not here.
            "Variables"
            | "CustomDocumentProperties"
            | "BuiltInDocumentProperties"
            | "Shapes"
            | "InlineShapes"
            | "Paragraphs"
            | "Content" => {
                wait(host, member, args);
                host.generic(&format!("{}.{member}", self.name))
            }
            "Range" if self.name == DOCUMENT.name => {
                wait(host, member, args);
                host.generic("Word.Document.Range")
            }
            "Sheets" | "Worksheets" | "ActiveSheet" | "Range" => part_of_sheets(host, member, args),
            "VBProject" => {
                host.persistence("changes macros of a document", "VBProject");
                host.generic("VBProject")
            }
            name => host.generic(&format!("{}.{name}", self.name)),
        }
    }
}

fn wait(host: &mut Host, member: &str, args: &[Value]) {
    let which: Vec<String> = args.iter().map(Value::to_text).collect();
    host.wait("document", format!("{member} {}", which.join(",")).trim());
}

/// What sheets of Excel hold is not here: each cell is empty, and told as waited for.
fn part_of_sheets(host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
    match (member, args.is_empty()) {
        ("Sheets" | "Worksheets", true) => host.add(Box::new(Sheets)),
        ("Sheets" | "Worksheets" | "ActiveSheet", _) => {
            wait(host, member, args);
            host.add(Box::new(Sheet))
        }
        (_, true) => host.add(Box::new(Cells)),
        _ => {
            wait(host, member, args);
            host.add(Box::new(Cells))
        }
    }
}

static SHEETS: Class =
    Class { name: "Excel.Sheets", methods: &["Item"], properties: &["Count"], quiet: &["Item"], default: "Item" };

struct Sheets;

impl Object for Sheets {
    class!(SHEETS);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "Count" => Ok(Value::number(1)),
            _ => {
                wait(host, "Sheets", args);
                host.add(Box::new(Sheet))
            }
        }
    }

    fn items(&mut self, host: &mut Host) -> Option<Vec<Value>> {
        Some(host.add(Box::new(Sheet)).into_iter().collect())
    }
}

static SHEET: Class = Class {
    name: "Excel.Worksheet",
    methods: &["Range", "Cells", "Activate", "Select", "Unprotect", "Protect"],
    properties: &["Name", "UsedRange", "Rows", "Columns", "Visible"],
    quiet: &["Range", "Cells", "Activate", "Select", "Name", "UsedRange", "Rows", "Columns", "Visible"],
    default: "",
};

struct Sheet;

impl Object for Sheet {
    class!(SHEET);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "Range" | "Cells" | "UsedRange" | "Rows" | "Columns" => part_of_sheets(host, member, args),
            "Name" => Ok(Value::text("Sheet1")),
            "Visible" => Ok(Value::Bool(true)),
            _ => Ok(Value::Empty),
        }
    }
}

static CELLS: Class = Class {
    name: "Excel.Range",
    methods: &["Item", "Range", "Cells", "Offset", "Select", "Activate", "Copy", "Clear"],
    properties: &["Value", "Value2", "Text", "Formula", "Rows", "Columns", "Count", "Row", "Column"],
    quiet: &["Item", "Range", "Cells", "Offset", "Select", "Activate", "Rows", "Columns", "Count", "Row", "Column"],
    default: "Value",
};

/// Of any number; called with a place, those there.
struct Cells;

impl Object for Cells {
    class!(CELLS);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "Value" if args.is_empty() => Ok(Value::Empty),
            "Value" | "Item" => part_of_sheets(host, "Cells", args),
            "Range" | "Cells" | "Offset" | "Rows" | "Columns" => part_of_sheets(host, member, args),
            "Count" | "Row" | "Column" => Ok(Value::number(1)),
            "Text" | "Formula" => Ok(Value::text("")),
            _ => Ok(Value::Empty),
        }
    }

    fn items(&mut self, host: &mut Host) -> Option<Vec<Value>> {
        Some(host.add(Box::new(Self)).into_iter().collect())
    }
}

/// By names in lower case.
pub fn create(lower: &str) -> Option<Box<dyn Object>> {
    let (program, version) = lower.split_once(".application")?;
    let is_version = version.strip_prefix('.').unwrap_or(version).bytes().all(|byte| byte.is_ascii_digit());
    let is_ours = is_version && matches!(program, "word" | "excel");
    is_ours.then(|| Box::new(Application::of(program == "excel")) as Box<dyn Object>)
}

pub fn global(lower: &str) -> Option<Box<dyn Object>> {
    match lower {
        "application" => Some(Box::new(Application::of(false))),
        "activedocument" | "thisdocument" => Some(Box::new(Document { name: DOCUMENT.name })),
        "thisworkbook" | "activeworkbook" => Some(Box::new(Document { name: WORKBOOK })),
        "sheets" | "worksheets" => Some(Box::new(Sheets)),
        "activesheet" => Some(Box::new(Sheet)),
        "range" | "cells" | "activecell" => Some(Box::new(Cells)),
        _ => None,
    }
}
