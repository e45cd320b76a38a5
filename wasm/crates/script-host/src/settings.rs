//! What a run pretends, and how far it may go.

use std::collections::BTreeMap;

use crate::journal::Keep;

/// A Tuesday in office hours: 2025-06-17 09:30:00 UTC.
const START: u64 = 1_750_152_600_000;

/// What a request to the network gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The beginning of the addresses that it is for; empty: all.
    pub prefix: String,
    pub status: u16,
    pub body: Vec<u8>,
}

/// What a script is in: what it finds there beside what the host gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Surroundings {
    /// A file that Windows Script Host runs.
    #[default]
    Host,
    /// A page: its elements.
    Page,
    /// A document of Office: forms, controls and cells that nobody has here.
    Document,
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// Milliseconds since 1970.
    pub start: u64,
    pub surroundings: Surroundings,
    /// Where the script itself lies.
    pub path: String,
    pub arguments: Vec<String>,
    pub user: String,
    pub computer: String,
    /// Variables of the environment that the script set, by their names in upper case.
    pub variables: BTreeMap<String, String>,
    /// The first whose prefix fits is given.
    pub answers: Vec<Answer>,
    /// Instructions or statements.
    pub steps: u64,
    /// Keeps what the run does while it does it; None: nobody asks for it.
    pub keep: Option<Keep>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            start: START,
            surroundings: Surroundings::Host,
            path: "C:\\Users\\jsmith\\Downloads\\sample.js".to_owned(),
            arguments: Vec::new(),
            user: "jsmith".to_owned(),
            computer: "DESKTOP-7Q2M4KD".to_owned(),
            variables: BTreeMap::new(),
            answers: vec![Answer { prefix: String::new(), status: 200, body: BODY.to_vec() }],
            steps: 20_000_000,
            keep: None,
        }
    }
}

/// What `BODY` begins with, and by which it is known again where the sample put it.
pub const MARK: &[u8] = b"/* athena lab: an inert answer */\r\n";

/// Whether bytes are our answer and nothing beside it: what a sample adds to it is a file of its own.
#[must_use]
pub fn is_our_answer(bytes: &[u8]) -> bool {
    let rest = bytes.strip_prefix(MARK.trim_ascii_end());
    rest.is_some_and(|rest| rest.iter().all(u8::is_ascii_whitespace))
}

/// What every address answers with: text that is no program, and as a script a comment. Long enough for droppers that
/// ask whether there is something.
pub const BODY: &[u8] = &body();

const fn body() -> [u8; 65_536] {
    let mut body = [b' '; 65_536];
    let mut at = 0;
    while at < MARK.len() {
        body[at] = MARK[at];
        at += 1;
    }
    body
}
