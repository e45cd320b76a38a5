//! The host: which objects there are, what is asked of them, and that all of it is written down.

mod ending;
mod members;
mod writing;

use crate::files::{self, Disk};
use crate::journal::Journal;
use crate::limits::{MAX_FILES, MAX_OBJECTS};
use crate::markup::Page;
use crate::objects::{self, Generic, Object};
use crate::registry::Registry;
use crate::settings::Settings;
use crate::time::Clock;
use crate::trace::{Ended, List, Trace};
use crate::value::{Handle, Value};

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

/// How asking for the user's or the computer's name is told.
pub const IDENTITY: &str = "asks who and where it is";

pub struct Host {
    pub settings: Settings,
    pub clock: Clock,
    pub trace: Trace,
    pub disk: Disk,
    pub registry: Registry,
    /// Pages that scripts wrote into the one that they are in, to be read by who runs them.
    pub written: Vec<String>,
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
            written: Vec::new(),
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

    /// An object that scripts of a page find by its name alone, whose letters may have any case.
    pub fn of_window(&mut self, name: &str) -> Option<Answer> {
        let mut names = objects::GLOBALS.iter().chain(&objects::WINDOWS);
        let known = names.find(|known| known.eq_ignore_ascii_case(name))?;
        Some(self.of_web(known))
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
        self.trace.read_answer(url);
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

    /// What the network answers to a request.
    pub fn network_answer(&mut self, url: &str) -> (u16, Vec<u8>) {
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
        let has_room = self.trace.file_sources.len() < MAX_FILES;
        if has_room {
            self.trace.file_sources.insert(path.to_lowercase(), self.trace.answers_read.len());
        }
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
}

/// How a language's part of a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub ended: Ended,
    /// What was thrown and not caught; hostile.
    pub error: String,
    pub steps: u64,
}
