//! Functions that ask the host or the machine: objects, code, messages, files, programs.

use script_host::{Fault, Value, environment, files, messages};

use super::{arg, texts, told};
use crate::ast::Name;
use crate::machine::{Done, Machine};
use crate::parser;
use crate::values::Val;

pub const NAMES: [&str; 31] = [
    "createobject",
    "getobject",
    "execute",
    "executeglobal",
    "eval",
    "msgbox",
    "inputbox",
    "shell",
    "environ",
    "getref",
    "callbyname",
    "dir",
    "kill",
    "mkdir",
    "rmdir",
    "filecopy",
    "setattr",
    "chdir",
    "chdrive",
    "curdir",
    "freefile",
    "filelen",
    "appactivate",
    "sendkeys",
    "savesetting",
    "getsetting",
    "scriptengine",
    "doevents",
    "getlocale",
    "setlocale",
    "typename",
];

pub fn call(machine: &mut Machine, name: &Name, args: &[Val]) -> Done<Val> {
    let first = arg(args, 0);
    let text = first.to_text();
    match &**name {
        "createobject" => Machine::object(machine.host.create("CreateObject", &text)),
        "getobject" => Machine::object(machine.host.bind("GetObject", &text, &arg(args, 1).to_text())),
        "execute" => machine.execute("Execute", &text, false).map(|()| Val::Empty),
        "executeglobal" => machine.execute("ExecuteGlobal", &text, true).map(|()| Val::Empty),
        "eval" => {
            machine.tell_code("Eval", &text)?;
            machine.pay(text.len() * 16)?;
            let expression =
                parser::parse_expression(&text).ok_or_else(|| Fault::Thrown(1_002, "Syntax error".to_owned()))?;
            machine.evaluate(&expression)
        }
        "typename" => Ok(Val::text(match first {
            Val::Object(handle) => machine.host.type_name(*handle),
            other => texts::type_name(other),
        })),
        "msgbox" => {
            let button = messages::pressed(arg(args, 1).to_integer());
            tell(machine, "MsgBox", args, Val::Number(f64::from(button)))
        }
        "inputbox" => tell(machine, "InputBox", args, Val::text("")),
        "shell" => {
            machine.host.process("run", &text);
            tell(machine, "Shell", args, Val::Number(4_712.0))
        }
        "environ" => {
            let found = environment::variable(&machine.host.settings, &text).unwrap_or_default();
            tell(machine, "Environ", args, Val::text(found))
        }
        "getref" => Ok(Val::Procedure(text.to_lowercase().into())),
        "callbyname" => {
            let Val::Object(handle) = first else { return Err(Fault::Thrown(424, "Object required".to_owned())) };
            let given = told(args.get(3..).unwrap_or_default());
            Machine::object(machine.host.ask(*handle, &arg(args, 1).to_text(), script_host::Access::Call, &given))
        }
        "dir" => {
            let path = files::normal(&text);
            machine.host.file("read", &path);
            let is_there = machine.host.disk.is_file(&path) || machine.host.disk.is_folder(&path);
            Ok(Val::text(if is_there { files::name(&path) } else { "" }))
        }
        "kill" | "rmdir" => {
            machine.host.file("delete", &files::normal(&text));
            machine.host.disk.remove(&files::normal(&text));
            tell(machine, "Kill", args, Val::Empty)
        }
        "mkdir" => {
            machine.host.file("create folder", &files::normal(&text));
            machine.host.disk.create_folder(&files::normal(&text));
            Ok(Val::Empty)
        }
        "filecopy" => {
            let content = machine.host.read_file(&text)?;
            machine.host.write_file(&arg(args, 1).to_text(), content, false)?;
            tell(machine, "FileCopy", args, Val::Empty)
        }
        "setattr" => {
            if arg(args, 1).to_integer() & 6 != 0 {
                machine.host.evasion("hides a file", &text);
            }
            tell(machine, "SetAttr", args, Val::Empty)
        }
        "curdir" => Ok(Val::text(files::parent(&machine.host.settings.path))),
        "freefile" => {
            let free = (1..=511).find(|number| !machine.files.contains_key(number)).unwrap_or(511);
            #[allow(clippy::cast_precision_loss, reason = "below 512")]
            Ok(Val::Number(free as f64))
        }
        "filelen" => {
            let content = machine.host.read_file(&text)?;
            Ok(Val::size(content.len()))
        }
        "sendkeys" => tell(machine, "SendKeys", args, Val::Empty),
        "savesetting" => {
            machine.host.registry_touched("write", "HKEY_CURRENT_USER\\Software\\VB and VBA Program Settings");
            tell(machine, "SaveSetting", args, Val::Empty)
        }
        "scriptengine" => Ok(Val::text("VBScript")),
        "getlocale" | "setlocale" => Ok(Val::Number(1_033.0)),
        "getsetting" => Ok(Val::text("")),
        _ => Ok(Val::Empty),
    }
}

/// Writes a call down and gives what it answers.
fn tell(machine: &mut Machine, api: &str, args: &[Val], answer: Val) -> Done<Val> {
    if matches!(api, "MsgBox" | "InputBox") {
        machine.host.wait("user", "a message to be answered");
    }
    machine.host.record(api, &told(args), &answer.to_text())?;
    Ok(answer)
}

/// A function of Windows that a macro declared: what it is given is told, and what it does to files and programs.
///
/// # Errors
/// When there are no more calls to be had.
pub fn declared(machine: &mut Machine, target: &str, args: &[Value]) -> Done<()> {
    let text = |at: usize| args.get(at).map(Value::to_text).unwrap_or_default();
    let function = target.rsplit('!').next().unwrap_or_default().to_ascii_lowercase();
    match function.trim_end_matches(['a', 'w']) {
        "urldownloadtofile" => {
            machine.host.network("asks", &text(1));
            let (_, body) = machine.host.network_answer(&text(1));
            machine.host.trace.read_answer(&text(1));
            machine.host.write_file(&text(2), body, false)?;
        }
        "shellexecute" => machine.host.process("run", format!("{} {}", text(2), text(3)).trim()),
        "winexec" => machine.host.process("run", &text(0)),
        "createprocess" => machine.host.process("run", format!("{} {}", text(0), text(1)).trim()),
        "sleep" | "sleepex" => {
            let milliseconds = args.first().map_or(0, Value::to_integer);
            machine.host.sleep(u64::try_from(milliseconds).unwrap_or(0));
        }
        _ => {}
    }
    machine.host.record(target, args, "")
}
