//! The interpreter's state: variables, procedures, what was thrown, and how far it may go.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use script_host::{Answer, Ended, Fault, Host, Run, Value, memory, met};

use crate::ast::{Class, Name, Procedure, Script};
use crate::parser;
use crate::values::Val;

/// Calls within calls.
const MAX_CALLS: usize = 60;
/// Characters of one text.
pub const MAX_TEXT: usize = 16 << 20;
/// Items of one array.
pub const MAX_ITEMS: usize = 4 << 20;
/// Procedures that are called at a time: each may ask for the next.
const MAX_TIMED: usize = 100;
/// Texts of code within code.
const MAX_CODE_DEPTH: usize = 20;

/// What a statement does with the ones behind it.
#[derive(Clone, Debug, PartialEq)]
pub enum Flow {
    Next,
    Exit(crate::ast::Exit),
    GoTo(Name),
}

pub type Done<T> = Result<T, Fault>;

/// What an error does in a procedure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    #[default]
    Stop,
    Resume,
    GoTo(Name),
}

#[derive(Default)]
pub struct Frame {
    pub variables: HashMap<Name, Val>,
    pub on_error: OnError,
    /// Of a function, under whose name its value is set.
    pub function: Option<Name>,
    /// Of a method.
    pub instance: Option<Rc<crate::values::Instance>>,
    pub with: Vec<Val>,
}

pub struct Machine {
    pub host: Host,
    pub globals: HashMap<Name, Val>,
    pub procedures: HashMap<Name, Rc<Procedure>>,
    pub classes: HashMap<Name, Rc<Class>>,
    pub declared: HashMap<Name, Rc<str>>,
    /// The last is the present one; the first that of the script itself.
    pub frames: Vec<Frame>,
    /// Number and description of the last error.
    pub error: (i64, String),
    /// Open files: number and path.
    pub files: HashMap<i64, String>,
    /// Objects that are there by their names, once they were asked for.
    pub named: HashMap<Name, Val>,
    /// Procedures that are to be called at a time.
    pub timed: VecDeque<Name>,
    left: u64,
    code_depth: usize,
}

/// Runs scripts that share their variables, with at most so many steps.
#[must_use]
pub fn run(host: Host, texts: &[&str], steps: u64) -> (Host, Run) {
    let mut machine = Machine {
        host,
        globals: HashMap::new(),
        procedures: HashMap::new(),
        classes: HashMap::new(),
        declared: HashMap::new(),
        frames: vec![Frame::default()],
        error: (0, String::new()),
        files: HashMap::new(),
        named: HashMap::new(),
        timed: VecDeque::new(),
        left: steps,
        code_depth: 0,
    };
    let mut end = (Ended::Finished, String::new());
    let found = machine.elements();
    note(&mut end, found);
    let mut ran = 0;
    for text in texts {
        let script = parser::parse(text);
        ran += script
            .statements
            .iter()
            .filter(|it| !matches!(it, crate::ast::Statement::Dim(_) | crate::ast::Statement::Const(..)))
            .count();
        let result = machine.script(script);
        if !note(&mut end, result) {
            break;
        }
    }
    if matches!(end.0, Ended::Finished | Ended::Exception) {
        machine.entries(ran == 0, &mut end);
    }
    let steps = steps - machine.left;
    (machine.host, Run { ended: end.0, error: end.1, steps })
}

/// Notes how something ended. False when the run is over.
fn note(end: &mut (Ended, String), result: Done<()>) -> bool {
    match result {
        Ok(()) => true,
        Err(Fault::Thrown(number, message)) => {
            *end = (Ended::Exception, format!("{message} ({number})"));
            true
        }
        Err(Fault::Stop(ended)) => {
            end.0 = ended;
            false
        }
        Err(Fault::Quit) => {
            *end = (Ended::Finished, String::new());
            false
        }
    }
}

/// Procedures that a host calls by itself, in the order in which a document is opened, used and closed.
const ENTRIES: [&str; 22] = [
    "class_initialize",
    "autoexec",
    "autoopen",
    "auto_open",
    "document_open",
    "documentopen",
    "workbook_open",
    "document_new",
    "autonew",
    "presentation_open",
    "workbook_activate",
    "worksheet_activate",
    "userform_initialize",
    "userform_activate",
    "application_startup",
    "window_onload",
    "main",
    "autoclose",
    "auto_close",
    "document_close",
    "workbook_beforeclose",
    "autoexit",
];

impl Machine {
    /// Elements of the page are there by their ids, whose letters have no case here.
    fn elements(&mut self) -> Done<()> {
        for id in self.host.names_of_page() {
            let name: Name = id.to_lowercase().into();
            let element = if self.there(&name)?.is_none() { self.host.of_page(&id) } else { None };
            if let Some(element) = element {
                self.named.insert(name, Self::object(element)?);
            }
        }
        Ok(())
    }

    /// Takes a script's declarations in and runs its statements in the present frame.
    ///
    /// # Errors
    /// What it throws.
    pub fn script(&mut self, script: Script) -> Done<()> {
        for procedure in script.procedures {
            self.procedures.insert(procedure.name.clone(), procedure);
        }
        self.classes.extend(script.classes);
        for (name, target) in script.declared {
            let api = format!("Declare {target}");
            self.host.record(&api, &[Value::text(&name)], "")?;
            self.declared.insert(name, target);
        }
        self.body(&script.statements).map(drop)
    }

    /// Calls what a document calls; where it has nothing of that and did nothing yet, what buttons and events call.
    fn entries(&mut self, did_nothing: bool, end: &mut (Ended, String)) {
        let mut found: Vec<Name> =
            ENTRIES.iter().filter(|name| self.procedures.contains_key(**name)).map(|name| Name::from(*name)).collect();
        if found.is_empty() && did_nothing {
            found = self
                .procedures
                .values()
                .filter(|it| it.parameters.is_empty() && it.name.contains('_'))
                .map(|it| it.name.clone())
                .collect();
            found.sort();
        }
        for name in found {
            let Some(procedure) = self.procedures.get(&name).cloned() else { continue };
            let args = vec![Val::Empty; procedure.parameters.len()];
            let result = self.enter(&procedure, args, None).map(drop);
            if !note(end, result) {
                return;
            }
        }
        self.timers(end);
    }

    /// Calls what was to be called at a time, the earliest first that was asked for.
    fn timers(&mut self, end: &mut (Ended, String)) {
        for _ in 0..MAX_TIMED {
            let Some(name) = self.timed.pop_front() else { return };
            let Some(procedure) = self.procedures.get(&name).cloned() else { continue };
            let result = self.enter(&procedure, Vec::new(), None).map(drop);
            if !note(end, result) {
                return;
            }
        }
        if !self.timed.is_empty() {
            met::meet(met::TIMERS);
        }
    }

    /// One step of the budget.
    ///
    /// # Errors
    /// When there is none left.
    pub fn step(&mut self) -> Done<()> {
        self.left = self.left.checked_sub(1).ok_or(Fault::Stop(Ended::Steps))?;
        // Texts and lists are many before they are too long: without memory there would be no answer at all.
        if memory::is_short() { Err(Fault::Stop(Ended::Steps)) } else { Ok(()) }
    }

    #[must_use]
    pub const fn has_steps(&self) -> bool {
        self.left > 0
    }

    /// Steps for work on so many bytes.
    ///
    /// # Errors
    /// When there are none left.
    pub fn pay(&mut self, bytes: usize) -> Done<()> {
        let steps = u64::try_from(bytes / 256).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(steps).ok_or(Fault::Stop(Ended::Steps))?;
        Ok(())
    }

    pub fn frame(&mut self) -> &mut Frame {
        if self.frames.is_empty() {
            self.frames.push(Frame::default());
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    fn is_global(&self) -> bool {
        self.frames.len() <= 1
    }

    /// Calls a procedure with values; what its parameters are at the end is given back.
    ///
    /// # Errors
    /// What it throws.
    pub fn enter(
        &mut self,
        procedure: &Rc<Procedure>,
        args: Vec<Val>,
        instance: Option<Rc<crate::values::Instance>>,
    ) -> Done<(Val, Vec<Val>)> {
        if self.frames.len() > MAX_CALLS {
            met::meet("calls within calls");
            return Err(Fault::Thrown(28, "Out of stack space".to_owned()));
        }
        let mut frame =
            Frame { instance, function: procedure.is_function.then(|| procedure.name.clone()), ..Frame::default() };
        let mut args = args.into_iter();
        for (name, _) in &procedure.parameters {
            frame.variables.insert(name.clone(), args.next().unwrap_or_default());
        }
        if procedure.is_function {
            frame.variables.insert(procedure.name.clone(), Val::Empty);
        }
        self.frames.push(frame);
        let result = self.body(&procedure.body);
        let frame = self.frames.pop().unwrap_or_default();
        result?;
        let mut variables = frame.variables;
        let value = variables.remove(&procedure.name).unwrap_or_default();
        let given = procedure.parameters.iter().map(|(name, _)| variables.remove(name).unwrap_or_default());
        Ok((value, given.collect()))
    }

    // -- variables -------------------------------------------------------------------------------------------------

    pub fn variable(&self, name: &str) -> Option<Val> {
        let frame = self.frames.last()?;
        if let Some(value) = frame.variables.get(name) {
            return Some(value.clone());
        }
        if let Some(instance) = &frame.instance
            && let Some(value) = instance.fields.borrow().get(name)
        {
            return Some(value.clone());
        }
        self.globals.get(name).cloned()
    }

    /// Changes a variable in place, wherever it is; a new one is made in the present frame.
    pub fn change<T>(&mut self, name: &Name, change: impl FnOnce(&mut Val) -> T) -> T {
        let is_global = self.is_global();
        if let Some(frame) = self.frames.last_mut() {
            if let Some(value) = frame.variables.get_mut(name) {
                return change(value);
            }
            if let Some(instance) = &frame.instance
                && let Some(value) = instance.fields.borrow_mut().get_mut(name)
            {
                return change(value);
            }
            if !is_global && !self.globals.contains_key(name) {
                return change(frame.variables.entry(name.clone()).or_default());
            }
        }
        change(self.globals.entry(name.clone()).or_default())
    }

    pub fn declare(&mut self, name: &Name, value: Val) {
        if self.is_global() {
            self.globals.insert(name.clone(), value);
        } else {
            self.frame().variables.insert(name.clone(), value);
        }
    }

    // -- code ------------------------------------------------------------------------------------------------------

    /// `Execute`, `ExecuteGlobal`
    ///
    /// # Errors
    /// What it throws.
    pub fn execute(&mut self, by: &'static str, text: &str, is_global: bool) -> Done<()> {
        self.tell_code(by, text)?;
        if self.code_depth >= MAX_CODE_DEPTH {
            met::meet("code within code");
            return Err(Fault::Thrown(28, "Out of stack space".to_owned()));
        }
        self.pay(text.len() * 16)?;
        let script = parser::parse(text);
        self.code_depth += 1;
        let kept = if is_global { Some(std::mem::replace(&mut self.frames, vec![Frame::default()])) } else { None };
        let result = self.script(script);
        if let Some(kept) = kept {
            self.frames = kept;
        }
        self.code_depth -= 1;
        result
    }

    /// # Errors
    /// When there are no more calls to be had.
    pub fn tell_code(&mut self, by: &'static str, text: &str) -> Done<()> {
        self.host.code(by, text);
        self.host.record(by, &[Value::text(text)], "")
    }

    pub fn object(answer: Answer) -> Done<Val> {
        answer.map(|value| Val::of_host(&value))
    }
}
