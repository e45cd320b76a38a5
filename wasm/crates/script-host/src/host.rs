//! The host: which objects there are, what is asked of them, and that all of it is written down.

use crate::classify::{self, Meaning};
use crate::files::{self, Disk, Kept};
use crate::journal::{Journal, records};
use crate::limits::{ITEMS_OF_A_CALL, MAX_OBJECTS};
use crate::markup::Page;
use crate::objects::{self, Generic, Object};
use crate::registry::Registry;
use crate::settings::Settings;
use crate::time::Clock;
use crate::trace::{Category, Ended, List, Trace, cut};
use crate::value::{Handle, Value};
use crate::{commands, environment, memory};

/// Why a call gave no value.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// What the script may catch: a number as COM has them, and a message.
    Thrown(i64, String),
    /// The run is over.
    Stop(Ended),
    /// The script ended itself.
    Quit,
}

pub type Answer = Result<Value, Fault>;

/// How a member is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Get,
    Call,
}

/// What a member is, so that a language knows whether its name alone already asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Method,
    Property,
    /// Of an object that knows no such member.
    Unknown,
}

/// Classes, and what `TypeName` says of their objects: the interface, where it has a name of its own.
const TYPE_NAMES: [(&str, &str); 13] = [
    ("WScript.Shell", "IWshShell3"),
    ("WScript.Network", "IWshNetwork2"),
    ("WshEnvironment", "IWshEnvironment"),
    ("WshShortcut", "IWshShortcut"),
    ("Scripting.FileSystemObject", "FileSystemObject"),
    ("Scripting.Dictionary", "Dictionary"),
    ("TextStream", "TextStream"),
    ("File", "File"),
    ("Drive", "Drive"),
    ("ADODB.Stream", "Stream"),
    ("ADODB.Recordset", "Recordset"),
    ("Shell.Application", "IShellDispatch6"),
    ("Shell.Folder", "Folder3"),
];

/// How asking for the user's or the computer's name is told.
pub const IDENTITY: &str = "asks who and where it is";

pub struct Host {
    pub settings: Settings,
    pub clock: Clock,
    pub trace: Trace,
    pub disk: Disk,
    pub registry: Registry,
    /// Pages that scripts wrote into the one that they are in, to be read by who runs them.
    pub pages: Vec<String>,
    /// Scripts of another language, to be run when this one is done.
    pub later: Vec<String>,
    /// The page that the scripts are in.
    pub page: Page,
    /// Which objects its elements are.
    pub(crate) elements: objects::Elements,
    objects: Vec<Option<Box<dyn Object>>>,
    chance: u64,
}

impl Host {
    #[must_use]
    pub fn new(settings: Settings, source: &[u8]) -> Self {
        Self {
            clock: Clock::new(settings.start),
            trace: Trace::new(Journal::new(settings.keep)),
            disk: Disk::new(&settings.user, &settings.path, source).noting(Journal::new(settings.keep)),
            registry: Registry::default(),
            pages: Vec::new(),
            later: Vec::new(),
            page: Page::default(),
            elements: objects::Elements::default(),
            objects: Vec::new(),
            chance: 0x9e37_79b9_7f4a_7c15,
            settings,
        }
    }

    /// A number from 0 to below 1, the same ones in each run (xorshift64*, by Vigna).
    #[allow(clippy::cast_precision_loss, reason = "53 bits")]
    pub fn random(&mut self) -> f64 {
        self.chance ^= self.chance >> 12;
        self.chance ^= self.chance << 25;
        self.chance ^= self.chance >> 27;
        (self.chance.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }

    // -- objects ---------------------------------------------------------------------------------------------------

    /// An object of a class that a script names, `CreateObject` or `new ActiveXObject`.
    ///
    /// # Errors
    /// Where there are too many.
    pub fn create(&mut self, by: &str, name: &str) -> Answer {
        let object = self.add(objects::create(name))?;
        self.record(by, &[Value::text(name)], "")?;
        if objects::is_given_away_by(name) {
            self.trace.touch(List::Evasion, "asks for an object of an analyst's tool", name);
        }
        Ok(object)
    }

    /// `GetObject`: a moniker such as `winmgmts:` or `script:https://...`, or a file.
    ///
    /// # Errors
    /// Where there are too many.
    pub fn bind(&mut self, by: &str, moniker: &str, class: &str) -> Answer {
        let object = objects::bind(self, moniker, class);
        let object = self.add(object)?;
        self.record(by, &[Value::text(moniker), Value::text(class)], "")?;
        Ok(object)
    }

    /// The object that every script of Windows Script Host has.
    ///
    /// # Errors
    /// Where there are too many objects.
    pub fn wscript(&mut self) -> Answer {
        self.add(Box::new(objects::Wscript))
    }

    /// One that only a document's macros have, by its name; None for one that there is not.
    pub fn of_office(&mut self, name: &str) -> Option<Answer> {
        objects::of_office(name).map(|object| self.add(object))
    }

    /// An object that answers to everything, and says under which name.
    ///
    /// # Errors
    /// Where there are too many objects.
    pub fn generic(&mut self, name: &str) -> Answer {
        self.add(Box::new(Generic::new(name)))
    }

    /// What a script makes with `new`, or finds in a page.
    ///
    /// # Errors
    /// Where there are too many objects.
    pub fn new_of_script(&mut self, class: &str, args: &[Value]) -> Answer {
        let object = objects::of_script(self, class, args);
        let object = self.add(object)?;
        if class == "WebSocket" {
            let url = crate::value::text(args, 0);
            self.network("connects to", &url);
            self.record("WebSocket", args, "")?;
        }
        Ok(object)
    }

    /// An object that pages and Node.js have by its name.
    ///
    /// # Errors
    /// Where there are too many objects.
    pub fn of_web(&mut self, name: &str) -> Answer {
        let object = objects::of_script(self, name, &[]);
        self.add(object)
    }

    /// `require`
    ///
    /// # Errors
    /// Where there are too many objects.
    pub fn node_module(&mut self, name: &str) -> Answer {
        let object = objects::node_module(name);
        self.add(object)
    }

    /// `fetch`: the response.
    ///
    /// # Errors
    /// Where there are too many objects or calls.
    pub fn fetch(&mut self, url: &str) -> Answer {
        self.network("asks", url);
        self.wait("answer", url);
        let (status, body) = self.network_answer(url);
        self.record("fetch", &[Value::text(url)], &status.to_string())?;
        self.add(objects::response(status, body))
    }

    pub(crate) fn add(&mut self, object: Box<dyn Object>) -> Answer {
        if self.objects.len() >= MAX_OBJECTS {
            return Err(Fault::Stop(Ended::Calls));
        }
        self.objects.push(Some(object));
        u32::try_from(self.objects.len() - 1).map_or(Err(Fault::Stop(Ended::Calls)), |at| Ok(Value::Object(Handle(at))))
    }

    fn object(&self, handle: Handle) -> Option<&dyn Object> {
        self.objects.get(handle.0 as usize)?.as_deref()
    }

    /// The object, if it is of that type.
    pub(crate) fn look<T: Object>(&self, value: &Value) -> Option<&T> {
        let Value::Object(handle) = value else { return None };
        self.object(*handle)?.as_any().downcast_ref()
    }

    /// Its class, as the trace names it.
    #[must_use]
    pub fn class_name(&self, handle: Handle) -> String {
        self.object(handle).map_or_else(String::new, |object| object.name().to_string())
    }

    /// Its class, as Windows says it; of classes of which that is not known here, that it is an object.
    #[must_use]
    pub fn type_name(&self, handle: Handle) -> &'static str {
        let class = self.object(handle).map_or("", |object| object.class().name);
        TYPE_NAMES.iter().find(|(name, _)| *name == class).map_or("Object", |(_, known)| known)
    }

    /// Whether it stands for something where it is called.
    #[must_use]
    pub fn is_callable(&self, handle: Handle) -> bool {
        self.object(handle).is_some_and(|object| !object.class().default.is_empty() || object.is_open())
    }

    /// Whether it answers to names that it does not know. Objects of pages do not, so that scripts that look for features find
    /// that they are not there.
    #[must_use]
    pub fn is_open(&self, handle: Handle) -> bool {
        self.object(handle).is_some_and(Object::is_open)
    }

    /// What it is as a text: its default member where that is a property, else its class.
    pub fn default_text(&mut self, handle: Handle) -> String {
        let Some(object) = self.object(handle) else { return String::new() };
        let class = object.class();
        let named = format!("[{}]", object.name());
        match class.property(class.default) {
            Some(default) => self.ask(handle, default, Access::Get, &[]).map_or(named, |value| value.to_text()),
            None => named,
        }
    }

    /// What it stands for where a value is wanted: its default member where that is a property; None for one that has none.
    pub fn default_value(&mut self, handle: Handle) -> Option<Answer> {
        let class = self.object(handle)?.class();
        let default = class.property(class.default)?;
        Some(self.ask(handle, default, Access::Get, &[]))
    }

    /// What a function is called with that an object was given; None: it is not called.
    pub fn given_to_callback(&mut self, handle: Handle, member: &str) -> Option<Vec<Value>> {
        let mut object = self.objects.get_mut(handle.0 as usize)?.take()?;
        let given = object.given_to_callback(self, member);
        self.give_back(handle, object);
        given
    }

    #[must_use]
    pub fn kind(&self, handle: Handle, member: &str) -> Kind {
        let Some(object) = self.object(handle) else { return Kind::Unknown };
        let class = object.class();
        match member {
            "" => Kind::Method,
            _ if class.method(member).is_some() => Kind::Method,
            _ if class.property(member).is_some() || object.field(member).is_some() => Kind::Property,
            _ if object.node(&self.page, member).is_some() => Kind::Property,
            _ => Kind::Unknown,
        }
    }

    /// What `For Each` and `Enumerator` go through; None for what is no collection.
    pub fn items(&mut self, handle: Handle) -> Option<Vec<Value>> {
        let mut object = self.objects.get_mut(handle.0 as usize)?.take()?;
        let items = object.items(self);
        self.give_back(handle, object);
        items
    }

    fn give_back(&mut self, handle: Handle, object: Box<dyn Object>) {
        if let Some(place) = self.objects.get_mut(handle.0 as usize) {
            *place = Some(object);
        }
    }

    /// Asks an object for something. The empty name is its default member.
    ///
    /// # Errors
    /// What the object throws, and the end of the run.
    pub fn ask(&mut self, handle: Handle, member: &str, access: Access, args: &[Value]) -> Answer {
        let Some(mut object) = self.objects.get_mut(handle.0 as usize).and_then(Option::take) else {
            return Err(Fault::Thrown(438, "The object is in use.".to_owned()));
        };
        let answer = self.ask_it(object.as_mut(), member, access, args);
        self.give_back(handle, object);
        answer
    }

    fn ask_it(&mut self, object: &mut dyn Object, member: &str, access: Access, args: &[Value]) -> Answer {
        let class = object.class();
        let member = if member.is_empty() { class.default } else { member };
        let known = class.method(member).or_else(|| class.property(member));
        let Some(known) = known.filter(|known| !known.is_empty()) else {
            if let Some(value) = object.field(member) {
                let api = format!("{}.{}", object.name(), cut(member));
                return self.written(&api, args, Ok(value));
            }
            if let Some(node) = object.node(&self.page, member) {
                let answer = self.element(node);
                return self.quiet(answer);
            }
            return self.ask_unknown(object, member, access, args);
        };
        let is_quiet = class.is_quiet(known);
        let api = format!("{}.{known}", object.name());
        let answer = object.call(self, known, args);
        if is_quiet && answer.is_ok() {
            return self.quiet(answer);
        }
        self.written(&api, args, answer)
    }

    /// Asking for a state in a loop must end, too.
    fn quiet(&mut self, answer: Answer) -> Answer {
        if self.trace.quiet_call() { answer } else { Err(Fault::Stop(Ended::Calls)) }
    }

    /// A member that we do not know answers with an object that goes on answering.
    fn ask_unknown(&mut self, object: &dyn Object, member: &str, access: Access, args: &[Value]) -> Answer {
        let owner = object.name();
        let name = if member.is_empty() { owner.to_string() } else { format!("{owner}.{}", cut(member)) };
        let answer = self.generic(&name);
        match access {
            Access::Get => answer,
            Access::Call => self.written(&name, args, answer),
        }
    }

    /// Sets a property; `args` are the indexes of one that has them.
    ///
    /// # Errors
    /// What the object throws, and the end of the run.
    pub fn put(&mut self, handle: Handle, member: &str, args: &[Value], value: Value) -> Result<(), Fault> {
        let Some(mut object) = self.objects.get_mut(handle.0 as usize).and_then(Option::take) else {
            return Err(Fault::Thrown(438, "The object is in use.".to_owned()));
        };
        let class = object.class();
        let member = if member.is_empty() { class.default } else { member };
        let known = class.property(member).or_else(|| class.method(member));
        let api = format!("{}.{} =", object.name(), known.map_or_else(|| cut(member), str::to_owned));
        let told: Vec<Value> = args.iter().cloned().chain([value.clone()]).collect();
        let answer = match known {
            Some(known) => object.put(self, known, args, value),
            None => Ok(()),
        };
        self.give_back(handle, object);
        self.written(&api, &told, answer.map(|()| Value::Empty)).map(drop)
    }

    // -- writing down ----------------------------------------------------------------------------------------------

    fn written(&mut self, api: &str, args: &[Value], answer: Answer) -> Answer {
        let result = match &answer {
            Ok(Value::Empty) => String::new(),
            Ok(Value::Object(handle)) => format!("[{}]", self.class_name(*handle)),
            Ok(value) => shown(value),
            Err(Fault::Thrown(_, message)) => format!("! {message}"),
            Err(_) => String::new(),
        };
        self.record(api, args, &result)?;
        answer
    }

    /// Writes down a call that a language makes for a script by itself.
    ///
    /// # Errors
    /// When there are no more calls to be had.
    pub fn record(&mut self, api: &str, args: &[Value], result: &str) -> Result<(), Fault> {
        if memory::is_short() {
            return Err(Fault::Stop(Ended::Steps));
        }
        let args: Vec<String> = args.iter().map(|arg| self.argument_text(arg)).collect();
        let meaning: Meaning = classify::meaning(api, &args);
        match self.trace.call(self.clock.passed(), api, args, result, meaning) {
            true => Ok(()),
            false => Err(Fault::Stop(Ended::Calls)),
        }
    }

    /// Counts work on so many items as calls that are not written down.
    pub const fn work(&mut self, items: usize) {
        self.trace.work(items as u64 / ITEMS_OF_A_CALL);
    }

    fn argument_text(&self, value: &Value) -> String {
        match value {
            Value::Object(handle) => format!("[{}]", self.class_name(*handle)),
            other => shown(other),
        }
    }

    /// A text that is run as code. What an object that we do not know is as a text is none.
    pub fn code(&mut self, by: &'static str, text: &str) {
        if !self.is_stand_in(text) {
            self.trace.run(by, text);
        }
    }

    /// Whether a text is the name of an object that answers to everything.
    fn is_stand_in(&self, text: &str) -> bool {
        let Some(name) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) else { return false };
        let mut objects = self.objects.iter().flatten().filter(|object| object.as_any().is::<Generic>());
        objects.any(|object| object.name() == name)
    }

    pub fn file(&mut self, operation: &'static str, path: &str) {
        self.trace.touch(List::Files, operation, path);
        if operation != "read" && operation != "delete" && commands::is_startup_folder(path) {
            self.trace.touch(List::Persistence, "file in a startup folder", path);
        }
    }

    pub fn registry_touched(&mut self, operation: &'static str, key: &str) {
        self.trace.touch(List::Registry, operation, key);
        if operation == "write" && commands::is_autostart_key(key) {
            self.trace.touch(List::Persistence, "registry value that starts programs", key);
        }
        if operation == "read" && commands::is_machine_check(key) {
            self.trace.touch(List::Evasion, "asks which machine it is on", key);
        }
    }

    /// A command that is started.
    pub fn process(&mut self, operation: &'static str, command: &str) {
        let command = environment::expand(&self.settings, command);
        self.trace.touch(List::Processes, operation, &command);
        for (how, target) in commands::persists(&command) {
            self.trace.touch(List::Persistence, how, target);
        }
        for url in commands::urls(&command) {
            self.trace.touch(List::Network, "in a command", url);
        }
    }

    pub fn network(&mut self, operation: &'static str, target: &str) {
        self.trace.touch(List::Network, operation, target);
    }

    pub fn persistence(&mut self, how: &'static str, target: &str) {
        self.trace.touch(List::Persistence, how, target);
    }

    pub fn evasion(&mut self, how: &'static str, target: &str) {
        self.trace.touch(List::Evasion, how, target);
    }

    pub fn wait(&mut self, what: &'static str, target: &str) {
        self.trace.wait(what, target);
    }

    /// Time passes for the script alone.
    pub fn sleep(&mut self, milliseconds: u64) {
        self.clock.forward(milliseconds);
        if milliseconds >= 60_000 {
            self.evasion("sleeps for long", &format!("{milliseconds} ms"));
        }
    }

    /// What the network answers to a request.
    #[must_use]
    pub fn network_answer(&self, url: &str) -> (u16, Vec<u8>) {
        let fitting = self.settings.answers.iter().find(|answer| url.starts_with(&answer.prefix));
        fitting.map_or((404, Vec::new()), |answer| (answer.status, answer.body.clone()))
    }

    /// Writes a file, and says so.
    ///
    /// # Errors
    /// Where the disk is full.
    pub fn write_file(&mut self, path: &str, content: Vec<u8>, is_more: bool) -> Result<(), Fault> {
        let path = files::normal(path);
        self.file("write", &path);
        let done = if is_more { self.disk.append(&path, &content) } else { self.disk.write(&path, content) };
        if done { Ok(()) } else { Err(Fault::Thrown(61, "Disk full".to_owned())) }
    }

    /// Reads a file, and says so.
    ///
    /// # Errors
    /// Where there is none.
    pub fn read_file(&mut self, path: &str) -> Result<Vec<u8>, Fault> {
        let path = files::normal(path);
        self.file("read", &path);
        self.disk.read(&path).map(<[u8]>::to_vec).ok_or_else(|| Fault::Thrown(53, "File not found".to_owned()))
    }

    /// Does again what was kept of a run that was stopped, all but the script's own part of it.
    pub fn replay(&mut self, kept: &[u8]) {
        let mut files = Kept::default();
        for (kind, fields) in records(kept) {
            if !files.replay(kind, &fields) {
                self.trace.replay(kind, &fields);
            }
        }
        [self.trace.dropped, self.trace.lost] = files.into_written();
        self.trace.code_left_out += self.trace.lost.len();
    }

    /// The end: what it wrote is there, and what it waited for is told.
    #[must_use]
    pub fn into_trace(mut self, ended: Ended, error: &str, steps: u64) -> Trace {
        self.trace.error = cut(error);
        self.trace.steps = steps;
        if self.clock.was_asked() {
            self.trace.wait("date", "asked for");
        }
        // Who shows something to a user does what it is for.
        let says_something = self.trace.calls.iter().any(|call| call.category == Category::User);
        if ended == Ended::Finished && !self.trace.has_effects() && !says_something {
            self.wait_for_what_is_missing();
        }
        let waits = ended == Ended::Finished && !self.trace.has_effects() && self.trace.waited();
        self.trace.ended = Some(if waits { Ended::Waits } else { ended });
        self.trace.answers =
            self.settings.answers.into_iter().map(|answer| answer.body).filter(|body| !body.is_empty()).collect();
        self.trace.dropped.extend(self.disk.into_written().filter(|(_, content)| !content.is_empty()));
        self.trace
    }

    /// What a run that did nothing had looked for: files and values that are not there, and who it is.
    fn wait_for_what_is_missing(&mut self) {
        let files = self.trace.files.iter().filter(|it| it.operation == "read");
        let files = files.filter(|it| !self.disk.is_file(&it.target) && !self.disk.is_folder(&it.target));
        let values = self.trace.registry.iter().filter(|it| self.registry.read(&it.target).is_none());
        let who = self.trace.evasion.iter().filter(|it| it.operation == IDENTITY);
        let missing = files.map(|it| ("file", it)).chain(values.map(|it| ("registry value", it)));
        let missing: Vec<(&str, String)> =
            missing.chain(who.map(|it| ("identity", it))).map(|(what, it)| (what, it.target.clone())).collect();
        for (what, target) in missing {
            self.trace.wait(what, &target);
        }
    }
}

/// A value as the trace shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => {
            let head: String = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            format!("[{} bytes] {head}", bytes.len())
        }
        Value::Text(text) => cut(text),
        Value::List(items) => cut(&items.iter().take(32).map(shown).collect::<Vec<_>>().join(", ")),
        other => other.to_text(),
    }
}

/// How a language's part of a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub ended: Ended,
    /// What was thrown and not caught; hostile.
    pub error: String,
    pub steps: u64,
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    thread_local! {
        static KEPT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }

    fn keep(record: &[u8]) -> bool {
        KEPT.with_borrow_mut(|kept| kept.extend_from_slice(record));
        true
    }

    fn busy(host: &mut Host) {
        host.trace.begin();
        let shell = host.create("CreateObject", "WScript.Shell").expect("an object");
        let Value::Object(shell) = shell else { panic!("an object") };
        let key = "HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\x";
        host.ask(shell, "RegWrite", Access::Call, &[Value::text(key), Value::text("y")]).expect("a call");
        for _ in 0..3 {
            host.ask(shell, "Run", Access::Call, &[Value::text("powershell -enc AAAA")]).expect("a call");
        }
        host.write_file("C:\\a.exe", b"MZ".to_vec(), false).expect("room");
        host.write_file("C:\\A.exe", b" and more".to_vec(), true).expect("room");
        host.write_file("C:\\gone", b"x".to_vec(), false).expect("room");
        host.disk.remove("C:\\gone");
        host.sleep(90_000);
        host.code("eval", "1 + 1");
        host.record("eval", &[Value::text("1 + 1")], "").expect("a call");
        host.wait("argument", "0");
        for number in 0..400 {
            host.file("read", &number.to_string());
        }
        host.file("delete", "C:\\all");
    }

    #[test]
    fn what_was_kept_of_a_run_is_the_run_again() {
        KEPT.take();
        let mut host = Host::new(Settings { keep: Some(keep), ..Settings::default() }, b"");
        busy(&mut host);
        let mut again = Host::new(Settings::default(), b"");
        KEPT.with_borrow(|kept| again.replay(kept));
        let told = |host: Host| {
            let trace = host.into_trace(Ended::Stopped, "", 0);
            let Trace { calls, calls_total, files, registry, processes, network, persistence, evasion, waits, .. } =
                &trace;
            let lists = [files, registry, processes, network, persistence, evasion, waits];
            let told = format!("{calls:#?} {calls_total} {lists:#?} {:?}", trace.code);
            (told, trace.dropped)
        };
        let first = told(host);
        assert!(first.0.contains("powershell -enc AAAA") && first.1[0].1 == b"MZ and more", "{first:?}");
        assert_eq!(first, told(again));
    }

    #[test]
    fn of_what_is_too_large_the_beginning_is_kept() {
        KEPT.take();
        let mut host = Host::new(Settings { keep: Some(keep), ..Settings::default() }, b"");
        let large = [&b"MZ"[..], &vec![0; crate::limits::MAX_KEPT_CONTENT]].concat();
        host.write_file("C:\\large.exe", large, false).expect("room");
        host.process("run", "C:\\large.exe");
        let mut again = Host::new(Settings::default(), b"");
        KEPT.with_borrow(|kept| again.replay(kept));
        let trace = again.into_trace(Ended::Stopped, "", 0);
        assert_eq!((trace.dropped.len(), trace.code_left_out, trace.processes.len()), (0, 1, 1));
        let [(path, start)] = trace.lost.as_slice() else { panic!("{:?}", trace.lost) };
        assert!(path == "C:\\large.exe" && start.starts_with(b"MZ\0"));
    }

    #[test]
    fn whatever_a_script_does_it_has_room() {
        KEPT.take();
        let mut host = Host::new(Settings { keep: Some(keep), ..Settings::default() }, b"");
        let long = "\u{10348}".repeat(600);
        for number in 0..3_000 {
            let target = format!("powershell -enc {number} {long}");
            for list in [List::Files, List::Registry, List::Processes, List::Network] {
                host.trace.touch(list, "write", &target);
            }
            for list in [List::Persistence, List::Evasion, List::Waits] {
                host.trace.touch(list, "hides", &target);
            }
            host.record("WScript.Shell.Run", &[Value::text(&target)], "").expect("a call");
            host.code("eval", &format!("{number} {}", "x".repeat(200_000)));
            let _full = host.write_file(&format!("C:\\{number}{long}"), vec![1; 4_000], false);
        }
        let most = 16 << 20;
        KEPT.with_borrow(|kept| assert!(kept.len() < most, "{}", kept.len()));
    }

    #[test]
    fn a_call_that_has_no_room_is_counted_and_repeated_for_no_other() {
        fn keep_small(record: &[u8]) -> bool {
            record.len() < 200 && keep(record)
        }
        KEPT.take();
        let mut host = Host::new(Settings { keep: Some(keep_small), ..Settings::default() }, b"");
        for text in ["a", "b", "b"] {
            host.record("eval", &[Value::text(text.repeat(if text == "a" { 1 } else { 300 }))], "").expect("a call");
        }
        let mut again = Host::new(Settings::default(), b"");
        KEPT.with_borrow(|kept| again.replay(kept));
        let [call] = again.trace.calls.as_slice() else { panic!("{:?}", again.trace.calls) };
        assert_eq!((call.args.as_slice(), call.times, again.trace.calls_total), (&["a".to_owned()][..], 1, 3));
    }

    #[test]
    fn what_was_judged_of_a_call_is_kept_though_its_text_is_cut() {
        KEPT.take();
        let mut host = Host::new(Settings { keep: Some(keep), ..Settings::default() }, b"");
        let command = format!("cmd /c {} powershell -enc AAAA", " ".repeat(600));
        let args = vec![command];
        let meaning = classify::meaning("WScript.Shell.Run", &args);
        host.trace.call(0, "WScript.Shell.Run", args, "", meaning);
        let mut again = Host::new(Settings::default(), b"");
        KEPT.with_borrow(|kept| again.replay(kept));
        assert!(again.trace.calls[0].techniques.contains(&"T1059.001"));
        assert_eq!(host.trace.calls, again.trace.calls);
    }

    #[test]
    fn what_is_no_record_of_a_run_is_none() {
        let mut host = Host::new(Settings::default(), b"");
        for kept in [&b"c\x00"[..], b"c\x01\xff\xff\xff\xff", b"t\x03\x01\0\0\0\x09\0\0\0\0\0\0\0\0", b"zzzz", b"a\0"] {
            host.replay(kept);
        }
        assert!(host.trace.calls.is_empty() && host.trace.files.is_empty());
    }

    #[test]
    fn a_flood_of_looks_leaves_room_for_what_is_done() {
        let mut host = Host::new(Settings::default(), b"");
        for number in 0..2_500 {
            host.file("read", &format!("C:\\{number}"));
            host.process("run", &format!("notepad {number}"));
            host.record("Other", &[Value::number(number)], "").expect("a call");
        }
        host.file("write", "C:\\a.exe");
        host.process("run", "powershell -enc AAAA");
        host.record("WScript.Shell.Run", &[Value::text("powershell -enc AAAA")], "").expect("a call");
        let last = |list: &[crate::Touched]| list.last().map(|it| it.target.clone());
        assert_eq!(last(&host.trace.files).as_deref(), Some("C:\\a.exe"));
        assert_eq!(last(&host.trace.processes).as_deref(), Some("powershell -enc AAAA"));
        assert_eq!(host.trace.calls.last().map(|call| call.api.as_str()), Some("WScript.Shell.Run"));
    }
}
