//! Protocols of lines: what a server calls itself, what a client asks for, and passwords in the clear, which are masked.

use serde::Serialize;

use super::bytes::text;
use super::limits::{MAX_LINE, MAX_LINES};
use super::login::{Login, is_tls_start};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Ftp,
    Smtp,
    Pop3,
    Imap,
    Irc,
    Ssh,
    Telnet,
}

impl Protocol {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ftp => "ftp",
            Self::Smtp => "smtp",
            Self::Pop3 => "pop3",
            Self::Imap => "imap",
            Self::Irc => "irc",
            Self::Ssh => "ssh",
            Self::Telnet => "telnet",
        }
    }
}

/// Who logged in with a password that anyone on the way could read. The password itself is told to nobody.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Credential {
    pub flow: usize,
    pub protocol: &'static str,
    pub user: String,
    /// As many asterisks as it has characters, up to 16.
    pub password: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

#[derive(Debug, Serialize)]
pub struct Dialog {
    pub flow: usize,
    pub protocol: &'static str,
    /// The server's first line.
    pub banner: String,
    /// The client's, passwords masked.
    pub commands: Vec<String>,
    /// Commands that are not listed.
    pub commands_left_out: usize,
}

/// Commands of one dialog that are listed.
const MAX_COMMANDS: usize = 64;
pub const MAX_COMMAND: usize = 160;

pub fn masked(password: &[u8]) -> String {
    "*".repeat(password.len().min(16))
}

/// By the first lines of both sides. The port decides only between protocols that begin alike.
pub fn protocol(client: &[u8], server: &[u8], port: u16) -> Option<Protocol> {
    let starts = |data: &[u8], words: &[&str]| {
        words.iter().any(|word| data.get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes())))
    };
    if client.starts_with(b"SSH-") || server.starts_with(b"SSH-") {
        return Some(Protocol::Ssh);
    }
    if starts(server, &["+OK"]) {
        return Some(Protocol::Pop3);
    }
    if starts(server, &["* OK", "* PREAUTH", "* BYE"]) {
        return Some(Protocol::Imap);
    }
    if starts(server, &["220 ", "220-"]) {
        let is_mail = starts(client, &["EHLO", "HELO", "LHLO", "MAIL "]);
        let is_file = starts(client, &["USER ", "AUTH TLS", "FEAT", "OPTS", "SYST"]);
        let says = |word: &[u8]| {
            server
                .get(..server.len().min(256))
                .unwrap_or_default()
                .windows(word.len())
                .any(|part| part.eq_ignore_ascii_case(word))
        };
        let smtp = is_mail || (!is_file && (matches!(port, 25 | 587 | 2525) || says(b"smtp") || says(b"esmtp")));
        return Some(if smtp { Protocol::Smtp } else { Protocol::Ftp });
    }
    let irc = ["NICK ", "PASS ", "CAP LS", "USER "];
    if starts(client, &irc)
        && (server.starts_with(b":") || starts(server, &["NOTICE", "PING"]) || (6_660..=6_669).contains(&port))
    {
        return Some(Protocol::Irc);
    }
    let negotiates = |data: &[u8]| matches!(data, [0xff, 0xfb..=0xfe, option, ..] if *option <= 50 || *option == 255);
    (negotiates(server) || (negotiates(client) && port == 23)).then_some(Protocol::Telnet)
}

/// What one flow says.
pub struct Reader<'a> {
    pub flow: usize,
    pub protocol: Protocol,
    /// Where a byte of the client's stream is in the sample.
    pub offset: &'a dyn Fn(usize) -> Option<u64>,
}

impl Reader<'_> {
    pub fn read(&self, client: &[u8], server: &[u8]) -> (Dialog, Vec<Credential>) {
        let mut login = Login::new(self, server);
        let mut commands = Vec::new();
        let mut left_out = 0;
        let telnet = self.protocol == Protocol::Telnet;
        let mut in_data = false;
        for (at, line) in
            if self.protocol == Protocol::Ssh { lines(client).take(1) } else { lines(client).take(MAX_LINES) }
        {
            let line = if telnet { without_options(line) } else { line.to_vec() };
            // The text of a mail is no command.
            if in_data {
                in_data = line != b".";
                continue;
            }
            in_data = self.protocol == Protocol::Smtp && line.eq_ignore_ascii_case(b"DATA");
            let shown = login.line(at, &line);
            if shown.is_empty() {
                continue;
            }
            if commands.len() < MAX_COMMANDS {
                commands.push(shown);
            } else {
                left_out += 1;
            }
            if matches!(self.protocol, Protocol::Smtp | Protocol::Pop3 | Protocol::Imap | Protocol::Ftp)
                && is_tls_start(&line)
            {
                break;
            }
        }
        let found = login.found;
        let first = lines(server).map(|(_, line)| if telnet { without_options(line) } else { line.to_vec() });
        let banner = first.take(16).find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
        let dialog = Dialog {
            flow: self.flow,
            protocol: self.protocol.name(),
            banner: text(banner.trim_ascii(), MAX_COMMAND),
            commands,
            commands_left_out: left_out,
        };
        (dialog, found)
    }
}

fn lines(data: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = data.get(at..).filter(|rest| !rest.is_empty())?;
        let window = rest.get(..rest.len().min(MAX_LINE))?;
        let end = memchr::memchr2(b'\n', b'\r', window).unwrap_or(window.len());
        let start = at;
        // What is longer is cut, and no line of its own: it may be the rest of a secret.
        let whole = if end < window.len() { end } else { memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len()) };
        at += whole + usize::from(whole < rest.len());
        if data.get(at - 1) == Some(&b'\r') && matches!(data.get(at), Some(b'\n' | 0)) {
            at += 1;
        }
        Some((start, window.get(..end)?))
    })
}

/// Telnet's negotiations, which begin with 255, taken out (RFC 854).
fn without_options(line: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        match (byte, line.get(at + 1)) {
            (255, Some(251..=254)) => at += 3,
            // A subnegotiation goes up to 255 240.
            (255, Some(250)) => {
                let end = line.get(at..).and_then(|rest| super::bytes::find(rest, &[255, 240]));
                at = end.map_or(line.len(), |end| at + end + 2);
            }
            (255, _) => at += 2,
            (0, _) => at += 1,
            _ => {
                kept.push(byte);
                at += 1;
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(protocol: Protocol, client: &str) -> (Vec<String>, Vec<(String, String)>) {
        let reader = Reader { flow: 0, protocol, offset: &|_| None };
        let (dialog, found) = reader.read(client.as_bytes(), b"220 hello\r\n");
        assert_eq!(dialog.banner, "220 hello");
        (dialog.commands, found.into_iter().map(|it| (it.user, it.password)).collect())
    }

    #[test]
    fn passwords_are_found_and_masked() {
        let who = |user: &str| vec![(user.to_owned(), "******".to_owned())];
        let (commands, found) = read(Protocol::Ftp, "USER bob\r\nPASS secret\r\nLIST\r\n");
        assert_eq!((commands.join("|").as_str(), found), ("USER bob|PASS ******|LIST", who("bob")));
        assert_eq!(read(Protocol::Smtp, "EHLO x\r\nAUTH PLAIN AGJvYgBzZWNyZXQ=\r\n").1, who("bob"));
        assert_eq!(read(Protocol::Smtp, "AUTH LOGIN\r\nYm9i\r\nc2VjcmV0\r\n").1, who("bob"));
        let (commands, found) = read(Protocol::Imap, "a1 LOGIN \"bob\" \"secret\"\r\na2 LIST\r\n");
        assert_eq!((commands[0].as_str(), found), ("a1 LOGIN bob ******", who("bob")));
        assert!(read(Protocol::Ftp, "USER anonymous\r\nPASS me@x.org\r\n").1.is_empty());
        for (kind, client) in [
            (Protocol::Ftp, "PASS secret"),
            (Protocol::Pop3, "user bob\r\npass secret"),
            (Protocol::Irc, "PASS secret\r\nNICK bob"),
            (Protocol::Smtp, "AUTH PLAIN AGJvYgBzZWNyZXQ="),
            (Protocol::Imap, "a LOGIN b secret"),
            (Protocol::Imap, "a AUTHENTICATE PLAIN AGJvYgBzZWNyZXQ="),
        ] {
            let (commands, found) = read(kind, client);
            let all = commands.concat();
            assert!(found.len() == 1 && !all.contains("secret") && !all.contains("AGJv"), "{client}: {all}");
        }
    }

    #[test]
    fn no_way_of_logging_in_shows_the_secret() {
        for (kind, client) in [
            (Protocol::Smtp, "AUTH XOAUTH2 c2VjcmV0IQ=="),
            (Protocol::Smtp, "AUTH CRAM-MD5\r\nc2VjcmV0IQ=="),
            (Protocol::Pop3, "AUTH LOGIN\r\nYm9i\r\nc2VjcmV0IQ=="),
            (Protocol::Pop3, "APOP bob secret"),
            (Protocol::Imap, "a AUTHENTICATE LOGIN\r\nYm9iYm9i\r\nc2VjcmV0IQ=="),
            (Protocol::Imap, "a AUTHENTICATE XOAUTH2 c2VjcmV0IQ=="),
            (Protocol::Imap, "a LOGIN {3}\r\nbob {6}\r\nsecret"),
            (Protocol::Imap, "a LOGIN bob {6}\r\nsecret"),
            (Protocol::Ftp, "AUTH GSSAPI\r\nADAT c2VjcmV0IQ=="),
            (Protocol::Ftp, "USER bob\r\nACCT secret"),
            (Protocol::Ftp, "site pswd secret other"),
            (Protocol::Ftp, "RETR http://bob:secret@x.net/a"),
            (Protocol::Irc, "PRIVMSG #a :see ftp://bob:secret@x.net"),
            (Protocol::Irc, "PRIVMSG NickServ :identify secret"),
            (Protocol::Irc, "OPER bob secret"),
            (Protocol::Irc, "AUTHENTICATE c2VjcmV0IQ=="),
        ] {
            let all = read(kind, client).0.concat();
            assert!(!all.is_empty() && !all.contains("secret") && !all.contains("c2Vj"), "{client}: {all}");
        }
        let (commands, _) = read(Protocol::Smtp, "AUTH CRAM-MD5\r\nc2VjcmV0IQ==\r\nMAIL FROM:<a@b.c>\r\nQUIT");
        assert_eq!(commands.join("|"), "AUTH CRAM-MD5|(answer)|MAIL FROM:<a@b.c>|QUIT");
    }

    #[test]
    fn the_rest_of_a_line_that_is_too_long_is_no_line() {
        let client = format!("ADAT {}secret\r\nQUIT\r\n", "x".repeat(MAX_LINE));
        assert_eq!(read(Protocol::Ftp, &client).0.join("|"), "ADAT (not told)|QUIT");
    }

    #[test]
    fn telnet_tells_what_the_server_shows() {
        let reader = Reader { flow: 0, protocol: Protocol::Telnet, offset: &|_| None };
        let server = b"\xff\xfb\x01login: bob\r\nPassword: \r\nLast login: never\r\n$ id\r\nuid=0\r\n$ ";
        let (dialog, found) = reader.read(b"\xff\xfd\x01bob\r\nsecret\r\nid\r\n", server);
        assert_eq!(dialog.commands.join("|"), "bob|(not shown)|id");
        assert_eq!((found[0].user.as_str(), found[0].password.as_str(), found.len()), ("bob", "******", 1));
    }

    #[test]
    fn protocols_are_told_by_what_they_say() {
        assert_eq!(protocol(b"", b"SSH-2.0-x\r\n", 443), Some(Protocol::Ssh));
        assert_eq!(protocol(b"EHLO a\r\n", b"220 mx\r\n", 21), Some(Protocol::Smtp));
        assert_eq!(protocol(b"USER a\r\n", b"220 x\r\n", 2121), Some(Protocol::Ftp));
        assert_eq!(protocol(b"NICK a\r\n", b":srv NOTICE\r\n", 443), Some(Protocol::Irc));
        assert_eq!(protocol(b"", &[255, 253, 24], 23), Some(Protocol::Telnet));
        assert_eq!(protocol(b"GET / HTTP/1.1\r\n", b"", 80), None);
    }
}
