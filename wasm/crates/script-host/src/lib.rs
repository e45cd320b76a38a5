//! A Windows that only exists here, for scripts: objects as COM has them, a disk, a registry, a clock, a network that answers
//! with what it is told to. Languages stand in front of it (`jscript`, `vbscript`); what they call is written down in a
//! [`Trace`], which no script can reach.

pub mod charset;
pub mod classify;
pub mod commands;
pub mod environment;
pub mod files;
mod host;
pub mod journal;
pub mod limits;
mod markup;
pub mod memory;
pub mod messages;
pub mod met;
mod objects;
pub mod registry;
pub mod settings;
pub mod time;
pub mod trace;
pub mod value;

pub use host::{Access, Answer, Fault, Host, Kind, Run};
pub use markup::{Page, tag};
pub use objects::{GLOBALS, WINDOWS};
pub use settings::{Answer as NetworkAnswer, Settings, Surroundings};
pub use trace::{Call, Category, Code, Ended, Touched, Trace};
pub use value::{Handle, Value};
