//! Who logs in, and the client's lines as they may be shown: without passwords, and without what is as good as one.

use super::base64;
use super::bytes::{find, text};
use super::lines::{Credential, MAX_COMMAND, Protocol, Reader, masked};
use crate::url;

/// Bytes of a server of Telnet in which the client's lines are looked for, and lines that may be looked for in vain.
const MAX_ECHO: usize = 64 << 10;
const MAX_NOT_SHOWN: usize = 64;

/// After these all is encrypted, if the server agrees.
pub fn is_tls_start(line: &[u8]) -> bool {
    let line = line.to_ascii_uppercase();
    line == b"STARTTLS" || line == b"STLS" || line.ends_with(b" STARTTLS") || line.starts_with(b"AUTH TLS")
}

/// What the client's next line is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    Command,
    /// Base64 of SASL's PLAIN.
    Plain,
    /// The two answers of LOGIN, in base64.
    LoginUser,
    LoginPassword,
    /// The two arguments of IMAP's LOGIN, each behind a line that says how long it is.
    Literal,
    /// Of another of SASL's mechanisms, as many as there are: passwords, tokens and proofs of having them.
    Answers,
}

pub struct Login<'a> {
    reader: &'a Reader<'a>,
    user: String,
    waits: Waits,
    pub found: Vec<Credential>,
    /// What the server of Telnet says, behind the last line that it has shown; whether it asks for a password.
    echo: &'a [u8],
    asks: bool,
    not_shown: usize,
}

impl<'a> Login<'a> {
    pub fn new(reader: &'a Reader<'a>, server: &'a [u8]) -> Self {
        let echo = if reader.protocol == Protocol::Telnet { server.get(..MAX_ECHO).unwrap_or(server) } else { &[] };
        let asks = find(echo, b"assword").is_some();
        Self { reader, user: String::new(), waits: Waits::Command, found: Vec::new(), echo, asks, not_shown: 0 }
    }

    /// The line as it may be shown.
    pub fn line(&mut self, at: usize, line: &[u8]) -> String {
        url::masked(&self.told(at, line))
    }

    fn told(&mut self, at: usize, line: &[u8]) -> String {
        let waits = std::mem::replace(&mut self.waits, Waits::Command);
        match waits {
            Waits::Command => {}
            Waits::Plain => return self.plain(at, line),
            Waits::LoginUser => {
                self.user = decoded(line).map(|user| text(&user, 64)).unwrap_or_default();
                self.waits = Waits::LoginPassword;
                return "(user)".to_owned();
            }
            Waits::LoginPassword => {
                let password = decoded(line).unwrap_or_default();
                self.add(at, &password);
                return "(password)".to_owned();
            }
            Waits::Literal => return self.literal(at, line),
            Waits::Answers if is_answer(line) => {
                self.waits = Waits::Answers;
                return "(answer)".to_owned();
            }
            Waits::Answers => {}
        }
        match self.reader.protocol {
            Protocol::Ftp | Protocol::Pop3 | Protocol::Irc => self.user_and_pass(at, line),
            Protocol::Smtp => self.smtp(at, line),
            Protocol::Imap => self.imap(at, line),
            Protocol::Telnet => self.telnet(at, line),
            Protocol::Ssh => text(line, MAX_COMMAND),
        }
    }

    /// A server shows what is typed, but for passwords: what it does not show is told to nobody.
    fn telnet(&mut self, at: usize, line: &[u8]) -> String {
        if line.trim_ascii().is_empty() {
            return String::new();
        }
        let shown = [line, b"\r"].concat();
        let place = (self.not_shown < MAX_NOT_SHOWN).then(|| find(self.echo, &shown)).flatten();
        if let Some(place) = place {
            self.echo = self.echo.get(place + line.len()..).unwrap_or_default();
            self.user = text(line, 64);
            return text(line, MAX_COMMAND);
        }
        self.not_shown += 1;
        if self.asks && self.found.is_empty() {
            self.add(at, line);
        }
        "(not shown)".to_owned()
    }

    fn user_and_pass(&mut self, at: usize, line: &[u8]) -> String {
        if let Some(user) = behind(line, b"USER ").or_else(|| behind(line, b"NICK ")) {
            self.user = text(user, 64);
        } else if let Some(password) = behind(line, b"PASS ") {
            self.add(at, password);
            return format!("PASS {}", masked(password));
        } else if behind(line, b"AUTH ").is_some() && self.reader.protocol != Protocol::Ftp {
            return self.smtp(at, line);
        } else if let Some(word) = [&b"ACCT "[..], b"ADAT "].into_iter().find(|word| behind(line, word).is_some()) {
            return text(word, MAX_COMMAND) + "(not told)";
        } else if behind(line, b"SITE ").is_some() {
            return site(line);
        } else if let Some(rest) = behind(line, b"APOP ") {
            return format!("APOP {} (proof)", first_word(rest));
        } else if self.reader.protocol == Protocol::Irc {
            return irc(line);
        }
        text(line, MAX_COMMAND)
    }

    fn smtp(&mut self, at: usize, line: &[u8]) -> String {
        if let Some(rest) = behind(line, b"AUTH PLAIN") {
            if rest.trim_ascii().is_empty() {
                self.waits = Waits::Plain;
                return "AUTH PLAIN".to_owned();
            }
            return format!("AUTH PLAIN {}", self.plain(at, rest.trim_ascii()));
        }
        if let Some(rest) = behind(line, b"AUTH LOGIN") {
            self.user = decoded(rest.trim_ascii()).map(|user| text(&user, 64)).unwrap_or_default();
            self.waits = if self.user.is_empty() { Waits::LoginUser } else { Waits::LoginPassword };
            return "AUTH LOGIN".to_owned();
        }
        if let Some(rest) = behind(line, b"AUTH ") {
            self.waits = Waits::Answers;
            return format!("AUTH {}", first_word(rest));
        }
        text(line, MAX_COMMAND)
    }

    /// `user NUL user NUL password` (RFC 4616).
    fn plain(&mut self, at: usize, line: &[u8]) -> String {
        let all = decoded(line).unwrap_or_default();
        let mut parts = all.split(|&byte| byte == 0).skip(1);
        let (user, password) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        self.user = text(user, 64);
        self.add(at, password);
        "(user and password)".to_owned()
    }

    fn imap(&mut self, at: usize, line: &[u8]) -> String {
        let mut words = line.splitn(4, |&byte| byte == b' ');
        let (tag, command) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let unquoted =
            |word: &[u8]| word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(word).to_vec();
        if command.eq_ignore_ascii_case(b"LOGIN") && line.ends_with(b"}") {
            self.user = first_word(words.next().unwrap_or_default());
            self.waits = Waits::Literal;
            return format!("{} LOGIN", text(tag, 16));
        }
        if command.eq_ignore_ascii_case(b"LOGIN") {
            let (user, password) =
                (unquoted(words.next().unwrap_or_default()), unquoted(words.next().unwrap_or_default()));
            self.user = text(&user, 64);
            self.add(at, &password);
            return format!("{} LOGIN {} {}", text(tag, 16), self.user, masked(&password));
        }
        if command.eq_ignore_ascii_case(b"AUTHENTICATE") {
            let how = words.next().unwrap_or_default();
            if !how.eq_ignore_ascii_case(b"PLAIN") {
                self.waits = Waits::Answers;
                return format!("{} AUTHENTICATE {}", text(tag, 16), text(how, 32));
            }
            match words.next() {
                Some(initial) => drop(self.plain(at, initial)),
                None => self.waits = Waits::Plain,
            }
            return format!("{} AUTHENTICATE PLAIN", text(tag, 16));
        }
        text(line, MAX_COMMAND)
    }

    fn literal(&mut self, at: usize, line: &[u8]) -> String {
        if line.ends_with(b"}") {
            self.user = first_word(line);
            self.waits = Waits::Literal;
            return "(user)".to_owned();
        }
        self.add(at, line);
        "(password)".to_owned()
    }

    fn add(&mut self, at: usize, password: &[u8]) {
        // Anonymous FTP has a mail address for a password, or anything.
        let is_anonymous = matches!(self.user.to_ascii_lowercase().as_str(), "anonymous" | "ftp")
            && self.reader.protocol == Protocol::Ftp;
        if !is_anonymous && !password.is_empty() && self.found.len() < 64 {
            self.found.push(Credential {
                flow: self.reader.flow,
                protocol: self.reader.protocol.name(),
                user: self.user.clone(),
                password: masked(password),
                offset: (self.reader.offset)(at),
            });
        }
    }
}

fn first_word(line: &[u8]) -> String {
    text(line.split(|&byte| byte == b' ').next().unwrap_or_default(), 64)
}

/// Base64, and longer than a command without arguments.
fn is_answer(line: &[u8]) -> bool {
    line.len() > 4 && line.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte))
}

/// A line of IRC without what is behind the words that passwords stand behind.
fn irc(line: &[u8]) -> String {
    let upper = line.to_ascii_uppercase();
    for word in [&b"IDENTIFY "[..], b"OPER ", b"AUTHENTICATE ", b"REGISTER ", b"LOGIN "] {
        if let Some(end) = find(&upper, word).map(|place| place + word.len()) {
            return text(line.get(..end).unwrap_or_default(), MAX_COMMAND) + "(not told)";
        }
    }
    text(line, MAX_COMMAND)
}

/// A command of the server's own, without the passwords that some of them take.
fn site(line: &[u8]) -> String {
    let mut words = line.split(|&byte| byte == b' ').skip(1);
    let command = words.next().unwrap_or_default().to_ascii_uppercase();
    if [&b"PSWD"[..], b"PASS", b"GPASS", b"LOGIN"].iter().any(|&known| command == known) {
        return format!("SITE {} (not told)", text(&command, 16));
    }
    text(line, MAX_COMMAND)
}

fn behind<'a>(line: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then_some(rest)
}

pub fn decoded(word: &[u8]) -> Option<Vec<u8>> {
    base64::decode(word).filter(|decoded| !decoded.is_empty())
}
