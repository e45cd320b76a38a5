//! Node.js, as far as its malware uses it: modules, `process`, buffers, and functions that are called when something is ready.

mod buffer;
mod module;
mod process;
mod response;
mod zlib;

pub use buffer::BufferClass;
pub use module::module;
pub use process::Process;
pub use response::Response;
