//! `Scripting.FileSystemObject` and its files, folders and drives.

use super::collection::Collection;
use super::text_stream::TextStream;
use super::{Class, Object, class};
use crate::files::{extension, name, normal, parent};
use crate::host::{Answer, Fault, Host};
use crate::value::{Value, argument, text};

static CLASS: Class = Class {
    name: "Scripting.FileSystemObject",
    methods: &[
        "BuildPath",
        "CopyFile",
        "CopyFolder",
        "CreateFolder",
        "CreateTextFile",
        "DeleteFile",
        "DeleteFolder",
        "DriveExists",
        "FileExists",
        "FolderExists",
        "GetAbsolutePathName",
        "GetBaseName",
        "GetDrive",
        "GetDriveName",
        "GetExtensionName",
        "GetFile",
        "GetFileName",
        "GetFileVersion",
        "GetFolder",
        "GetParentFolderName",
        "GetSpecialFolder",
        "GetStandardStream",
        "GetTempName",
        "MoveFile",
        "MoveFolder",
        "OpenTextFile",
    ],
    properties: &["Drives"],
    quiet: &[
        "BuildPath",
        "GetBaseName",
        "GetExtensionName",
        "GetFileName",
        "GetParentFolderName",
        "GetAbsolutePathName",
    ],
    default: "",
};

const FOR_READING: i64 = 1;
const FOR_APPENDING: i64 = 8;

pub struct FileSystem;

fn not_found() -> Fault {
    Fault::Thrown(53, "File not found".to_owned())
}

/// A file or a folder stands for its path where one is wanted.
fn paths(host: &mut Host, args: &[Value]) -> Result<Vec<Value>, Fault> {
    let path = |arg: &Value| match arg {
        Value::Object(handle) => host.default_value(*handle).unwrap_or_else(|| Ok(arg.clone())),
        _ => Ok(arg.clone()),
    };
    args.iter().map(path).collect()
}

impl FileSystem {
    fn open(host: &mut Host, args: &[Value]) -> Answer {
        let path = normal(&text(args, 0));
        let mode = match argument(args, 1) {
            Value::Empty => FOR_READING,
            value => value.to_integer(),
        };
        if mode == FOR_READING {
            if argument(args, 2).to_bool() && !host.disk.is_file(&path) {
                host.write_file(&path, Vec::new(), false)?;
            }
            let content = host.read_file(&path)?;
            return host.add(Box::new(TextStream::reading(path, &content)));
        }
        if mode != FOR_APPENDING {
            host.write_file(&path, Vec::new(), false)?;
        }
        host.add(Box::new(TextStream::writing(path, argument(args, 3).to_integer() == -1)))
    }

    fn create(host: &mut Host, args: &[Value]) -> Answer {
        let path = normal(&text(args, 0));
        host.write_file(&path, Vec::new(), false)?;
        host.add(Box::new(TextStream::writing(path, argument(args, 2).to_bool())))
    }

    fn special(host: &mut Host, which: i64) -> Answer {
        let path = match which {
            0 => "C:\\Windows".to_owned(),
            1 => "C:\\Windows\\System32".to_owned(),
            _ => format!("C:\\Users\\{}\\AppData\\Local\\Temp", host.settings.user),
        };
        host.add(Box::new(Entry { path, is_folder: true }))
    }
}

fn copy(host: &mut Host, from: &str, to: &str, moves: bool) -> Answer {
    let (from, mut to) = (normal(from), to.to_owned());
    let content = host.read_file(&from)?;
    if to.ends_with('\\') || host.disk.is_folder(&to) {
        to = format!("{}\\{}", to.trim_end_matches('\\'), name(&from));
    }
    host.write_file(&to, content, false)?;
    if moves {
        host.file("delete", &from);
        host.disk.remove(&from);
    }
    Ok(Value::Empty)
}

fn delete(host: &mut Host, path: &str) -> Answer {
    let path = normal(path);
    host.file("delete", &path);
    if path == normal(&host.settings.path) {
        host.evasion("deletes itself", &path);
    }
    if host.disk.remove(&path) || path.contains('*') { Ok(Value::Empty) } else { Err(not_found()) }
}

impl Object for FileSystem {
    class!(CLASS);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        let args = &paths(host, args)?;
        let first = text(args, 0);
        match member {
            "BuildPath" => Ok(Value::text(format!("{}\\{}", first.trim_end_matches('\\'), text(args, 1)))),
            "CopyFile" => copy(host, &first, &text(args, 1), false),
            "MoveFile" => copy(host, &first, &text(args, 1), true),
            "CopyFolder" | "MoveFolder" => {
                host.file("copy", &text(args, 1));
                Ok(Value::Empty)
            }
            "CreateFolder" => {
                host.file("create folder", &normal(&first));
                host.disk.create_folder(&normal(&first));
                host.add(Box::new(Entry { path: normal(&first), is_folder: true }))
            }
            "CreateTextFile" => Self::create(host, args),
            "OpenTextFile" => Self::open(host, args),
            "DeleteFile" | "DeleteFolder" => delete(host, &first),
            "DriveExists" => Ok(Value::Bool(first.to_ascii_lowercase().starts_with('c'))),
            "FileExists" | "FolderExists" => {
                let path = normal(&first);
                host.file("read", &path);
                Ok(Value::Bool(if member == "FileExists" {
                    host.disk.is_file(&path)
                } else {
                    host.disk.is_folder(&path)
                }))
            }
            "GetAbsolutePathName" => Ok(Value::text(match first.contains(':') {
                true => normal(&first),
                false => normal(&format!("{}\\{first}", parent(&host.settings.path))),
            })),
            "GetBaseName" => {
                let name = name(&first);
                Ok(Value::text(name.rsplit_once('.').map_or(name, |(base, _)| base)))
            }
            "GetExtensionName" => Ok(Value::text(extension(&first))),
            "GetFileName" => Ok(Value::text(name(&first))),
            "GetParentFolderName" => Ok(Value::text(parent(&first))),
            "GetDriveName" => Ok(Value::text(first.get(..2).unwrap_or_default())),
            "GetFileVersion" => Ok(Value::text("10.0.19041.1")),
            "GetDrive" => host.add(Box::new(Drive)),
            "GetFile" | "GetFolder" => {
                let path = normal(&first);
                host.file("read", &path);
                let is_folder = member == "GetFolder";
                if !is_folder && !host.disk.is_file(&path) {
                    return Err(not_found());
                }
                host.add(Box::new(Entry { path, is_folder }))
            }
            "GetSpecialFolder" => Self::special(host, argument(args, 0).to_integer()),
            "GetStandardStream" => host.add(Box::new(TextStream::console("WScript.StdOut"))),
            "GetTempName" => {
                let number = (host.random() * 1_048_576.0).to_string();
                Ok(Value::text(format!(
                    "rad{}.tmp",
                    number.chars().filter(char::is_ascii_digit).take(5).collect::<String>()
                )))
            }
            _ => {
                let drive = host.add(Box::new(Drive))?;
                host.add(Box::new(Collection::named("Drives", vec![("C:".to_owned(), drive)])))
            }
        }
    }
}

static DRIVE: Class = Class {
    name: "Drive",
    methods: &[],
    properties: &[
        "AvailableSpace",
        "DriveLetter",
        "DriveType",
        "FileSystem",
        "FreeSpace",
        "IsReady",
        "Path",
        "SerialNumber",
        "ShareName",
        "TotalSize",
        "VolumeName",
    ],
    quiet: &["DriveLetter", "DriveType", "IsReady", "Path", "ShareName", "VolumeName", "FileSystem"],
    default: "Path",
};

struct Drive;

impl Object for Drive {
    class!(DRIVE);

    fn call(&mut self, host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        Ok(match member {
            "AvailableSpace" | "FreeSpace" => Value::number(312_475_648_000.0),
            "TotalSize" => {
                host.evasion("asks how large the disk is", "C:");
                Value::number(511_101_108_224.0)
            }
            "DriveLetter" => Value::text("C"),
            "DriveType" => Value::number(2),
            "FileSystem" => Value::text("NTFS"),
            "IsReady" => Value::Bool(true),
            "Path" => Value::text("C:"),
            "SerialNumber" => Value::number(-1_408_237_531),
            _ => Value::text(""),
        })
    }
}

static ENTRY: Class = Class {
    name: "File",
    methods: &["Copy", "Delete", "Move", "OpenAsTextStream", "CreateTextFile"],
    properties: &[
        "Attributes",
        "DateCreated",
        "DateLastAccessed",
        "DateLastModified",
        "Drive",
        "Files",
        "Name",
        "ParentFolder",
        "Path",
        "ShortName",
        "ShortPath",
        "Size",
        "SubFolders",
        "Type",
    ],
    quiet: &["Name", "Path", "ParentFolder", "ShortName", "ShortPath", "Drive", "Type", "Size"],
    default: "Path",
};

struct Entry {
    path: String,
    is_folder: bool,
}

impl Entry {
    fn list(&self, host: &mut Host, files: bool) -> Answer {
        let mut entries = Vec::new();
        for path in host.disk.list(&self.path, files) {
            entries.push((name(&path).to_owned(), host.add(Box::new(Self { path, is_folder: !files }))?));
        }
        host.add(Box::new(Collection::named("Files", entries)))
    }
}

impl Object for Entry {
    class!(ENTRY);

    fn name(&self) -> std::borrow::Cow<'_, str> {
        if self.is_folder { "Folder".into() } else { "File".into() }
    }

    #[allow(clippy::cast_precision_loss, reason = "a date")]
    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "Copy" | "Move" => copy(host, &self.path, &text(args, 0), member == "Move"),
            "Delete" => delete(host, &self.path),
            "OpenAsTextStream" => {
                let mode = args.first().cloned().unwrap_or(Value::number(1));
                FileSystem::open(host, &[Value::text(&self.path), mode])
            }
            "CreateTextFile" => FileSystem::create(host, &[Value::text(format!("{}\\{}", self.path, text(args, 0)))]),
            "Attributes" => Ok(Value::number(if self.is_folder { 16 } else { 32 })),
            "DateCreated" | "DateLastAccessed" | "DateLastModified" => {
                Ok(Value::Date(host.settings.start as f64 - 86_400_000.0 * 40.0))
            }
            "Drive" => host.add(Box::new(Drive)),
            "Files" => self.list(host, true),
            "SubFolders" => self.list(host, false),
            "Name" | "ShortName" => Ok(Value::text(name(&self.path))),
            "ParentFolder" => host.add(Box::new(Self { path: parent(&self.path).to_owned(), is_folder: true })),
            "Path" | "ShortPath" => Ok(Value::text(&self.path)),
            "Size" => Ok(Value::size(host.disk.read(&self.path).map_or(0, <[u8]>::len))),
            _ => Ok(Value::text(if self.is_folder { "File folder" } else { "File" })),
        }
    }

    fn put(&mut self, host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        match member {
            "Attributes" if value.to_integer() & 6 != 0 => host.evasion("hides a file", &self.path),
            "Name" => {
                let to = format!("{}\\{}", parent(&self.path), value.to_text());
                copy(host, &self.path, &to, true)?;
                self.path = to;
            }
            _ => {}
        }
        Ok(())
    }

    fn items(&mut self, _host: &mut Host) -> Option<Vec<Value>> {
        self.is_folder.then(Vec::new)
    }
}
