//! What is asked of objects, and what they are: their members by name, whatever the language.

use super::{Access, Answer, Fault, Host, Kind};
use crate::objects::Object;
use crate::trace::{Ended, cut};
use crate::value::{Handle, Value};

/// Bytes of a text that cost as much as an item, where it is only handed over.
const BYTES_OF_AN_ITEM: usize = 128;

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

impl Host {
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
            // What has a text of its own says it.
            None if class.default == "toString" => {
                self.ask(handle, class.default, Access::Call, &[]).map_or(named, |value| value.to_text())
            }
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
    ///
    /// # Errors
    /// The end of the run: whoever asks for them is given a copy of all of them.
    pub fn items(&mut self, handle: Handle) -> Result<Option<Vec<Value>>, Fault> {
        self.quiet(Ok(Value::Empty))?;
        let Some(mut object) = self.objects.get_mut(handle.0 as usize).and_then(Option::take) else { return Ok(None) };
        let items = object.items(self);
        self.give_back(handle, object);
        self.work(items.as_ref().map_or(0, Vec::len));
        Ok(items)
    }

    /// The same as a list that a language has for itself; `Empty` for none.
    ///
    /// # Errors
    /// The end of the run.
    pub fn as_list(&mut self, handle: Handle) -> Answer {
        Ok(self.items(handle)?.map_or(Value::Empty, Value::list))
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
            let node = object.node(&self.page, member);
            self.pay_page();
            if let Some(node) = node {
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
        // Whoever is given a text copies it.
        if let Ok(Value::Text(text)) = &answer {
            self.work(text.len() / BYTES_OF_AN_ITEM);
        }
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
}
