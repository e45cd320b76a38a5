//! Messages of HTTP/1 (RFC 9112) in one direction of a connection, each with the place of its body.

use std::ops::Range;

use super::bytes::{find, text};
use super::limits::{MAX_HEAD, MAX_PIPELINED, MAX_TEXT};

/// Methods of RFC 9110 and 5789, and those of WebDAV and UPnP.
const METHODS: &[&str] = &[
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "M-SEARCH",
    "NOTIFY",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
];
/// Header fields of one message.
const MAX_FIELDS: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

/// A request or an answer. Places are in the piece of the stream.
#[derive(Debug)]
pub struct Message {
    /// Method, target and version, or version, code and reason.
    pub first: [String; 3],
    fields: Vec<(String, String)>,
    pub head: Range<usize>,
    /// The parts of the body, without what chunks have around them.
    pub body: Vec<Range<usize>>,
    /// Whether all of the body is there.
    pub complete: bool,
}

impl Message {
    pub fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn code(&self) -> u16 {
        self.first[1].parse().unwrap_or(0)
    }

    pub fn size(&self) -> usize {
        self.body.iter().map(Range::len).sum()
    }
}

pub fn is_request(data: &[u8]) -> bool {
    let line = data.get(..data.len().min(16)).unwrap_or_default();
    METHODS.iter().any(|method| line.strip_prefix(method.as_bytes()).is_some_and(|rest| rest.starts_with(b" ")))
}

pub fn is_answer(data: &[u8]) -> bool {
    matches!(data, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0' | b'1', b' ', b'1'..=b'9', ..])
}

/// All requests in a piece. One that is none ends them: what follows is of another protocol.
pub fn requests(data: &[u8]) -> Vec<Message> {
    messages(data, is_request, |message| match message.framing() {
        Framing::UntilClose => Framing::None,
        framing => framing,
    })
}

/// All answers; `methods` are those of the requests, in their order.
pub fn answers(data: &[u8], methods: &[&str]) -> Vec<Message> {
    let mut answered = 0;
    messages(data, is_answer, |message| {
        let method = methods.get(answered).copied().unwrap_or_default();
        let code = message.code();
        // An interim answer is followed by the real one.
        answered += usize::from(code >= 200 || code == 101);
        match code {
            100..200 | 204 | 304 => Framing::None,
            200..300 if method == "CONNECT" => Framing::None,
            _ if method == "HEAD" => Framing::None,
            _ => message.framing(),
        }
    })
}

fn messages(data: &[u8], begins: fn(&[u8]) -> bool, mut framing: impl FnMut(&Message) -> Framing) -> Vec<Message> {
    let mut found = Vec::new();
    let mut at = start(data, begins);
    while let Some(rest) = data.get(at..).filter(|rest| begins(rest) && found.len() < MAX_PIPELINED) {
        let Some(mut message) = head(rest, at) else { break };
        let framing = framing(&message);
        at = message.take_body(data, framing);
        // After the switch to another protocol nothing is HTTP any more.
        let switched = message.first[1] == "101" && message.first[0].starts_with("HTTP");
        found.push(message);
        if switched {
            break;
        }
        // Some senders put an empty line between messages.
        while data.get(at..at + 2) == Some(b"\r\n") {
            at += 2;
        }
    }
    found
}

/// Behind a gap, messages go on at the next line that begins as one does.
fn start(data: &[u8], begins: fn(&[u8]) -> bool) -> usize {
    if begins(data) {
        return 0;
    }
    let mut at = 0;
    while let Some(line) = data.get(at..).and_then(|rest| find(rest, b"\n")) {
        at += line + 1;
        if data.get(at..).is_some_and(begins) {
            return at;
        }
    }
    data.len()
}

fn head(data: &[u8], at: usize) -> Option<Message> {
    let window = data.get(..data.len().min(MAX_HEAD))?;
    let end = match (find(window, b"\r\n\r\n"), find(window, b"\n\n")) {
        (Some(long), Some(short)) if short < long => short + 2,
        (Some(long), _) => long + 4,
        (None, Some(short)) => short + 2,
        // Cut off amid its head: what is there counts.
        (None, None) => window.len(),
    };
    let mut lines =
        window.get(..end)?.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let line = lines.next()?;
    let mut words = line.splitn(3, |&byte| byte == b' ');
    let mut word = |most| text(words.next().unwrap_or_default(), most);
    let first = [word(32), word(4 * MAX_TEXT), word(MAX_TEXT)];
    let field = |line: &[u8]| {
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?.trim_ascii());
        Some((text(name, 64).to_ascii_lowercase(), text(value, 2 * MAX_TEXT)))
    };
    let fields = lines.take(MAX_FIELDS).filter_map(field).collect();
    Some(Message { first, fields, head: at..at + end, body: Vec::new(), complete: true })
}

impl Message {
    fn framing(&self) -> Framing {
        if self.field("transfer-encoding").to_ascii_lowercase().contains("chunked") {
            return Framing::Chunked;
        }
        match self.field("content-length").parse() {
            Ok(length) => Framing::Length(length),
            Err(_) => Framing::UntilClose,
        }
    }

    /// Where the next message begins.
    fn take_body(&mut self, data: &[u8], framing: Framing) -> usize {
        let start = self.head.end;
        let end = match framing {
            Framing::None => return start,
            Framing::Chunked => return self.take_chunks(data),
            Framing::UntilClose => data.len(),
            Framing::Length(length) => {
                let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length));
                self.complete = end.is_some_and(|end| end <= data.len());
                end.unwrap_or(usize::MAX).min(data.len())
            }
        };
        if end > start {
            self.body.push(start..end);
        }
        end
    }

    fn take_chunks(&mut self, data: &[u8]) -> usize {
        let mut at = self.head.end;
        self.complete = false;
        loop {
            let line = data.get(at..data.len().min(at + 256)).unwrap_or_default();
            let Some(length) = find(line, b"\n") else { return data.len() };
            let digits = line.get(..length).unwrap_or_default();
            let digits: &[u8] = digits.split(|&byte| matches!(byte, b';' | b'\r' | b' ')).next().unwrap_or_default();
            let size = std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
            let Some(size) = size else { return at };
            at += length + 1;
            if size == 0 {
                self.complete = true;
                return trailers_end(data, at);
            }
            let end = at.saturating_add(size).min(data.len());
            if end > at {
                self.body.push(at..end);
            }
            if end - at < size {
                return data.len();
            }
            // The line's end behind the chunk.
            at = match data.get(end..) {
                Some([b'\r', b'\n', ..]) => end + 2,
                Some([b'\n', ..]) => end + 1,
                _ => return end,
            };
        }
    }
}

fn trailers_end(data: &[u8], mut at: usize) -> usize {
    for _ in 0..MAX_FIELDS {
        let line = data.get(at..data.len().min(at + MAX_HEAD)).unwrap_or_default();
        let Some(length) = find(line, b"\n") else { return at };
        at += length + 1;
        if line.get(..length).is_some_and(|line| line.is_empty() || line == b"\r") {
            return at;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(data: &[u8], messages: &[Message]) -> Vec<String> {
        let join = |message: &Message| message.body.iter().map(|part| text(&data[part.clone()], 99)).collect();
        messages.iter().map(join).collect()
    }

    #[test]
    fn pipelined_requests_are_told_apart() {
        let data = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcHEAD /c HTTP/1.1\r\n\r\n";
        let found = requests(data);
        let targets: Vec<&str> = found.iter().map(|message| message.first[1].as_str()).collect();
        assert_eq!(targets, ["/a", "/b", "/c"]);
        assert_eq!(bodies(data, &found), ["", "abc", ""]);
        assert_eq!(found[0].field("host"), "x");
    }

    #[test]
    fn answers_have_chunks_and_lengths_and_neither() {
        let data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.0 404 No\r\n\r\nrest";
        let found = answers(data, &["GET", "HEAD", "GET"]);
        assert_eq!(bodies(data, &found), ["", "abcde", "", "rest"]);
        assert!(found.iter().all(|message| message.complete));
    }

    #[test]
    fn a_body_that_is_cut_off_says_so() {
        let data = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
        let found = answers(data, &[]);
        assert_eq!((bodies(data, &found), found[0].complete), (vec!["abc".to_owned()], false));
        let data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc";
        assert!(!answers(data, &[])[0].complete);
    }

    #[test]
    fn behind_a_gap_messages_go_on_at_a_line() {
        assert_eq!(requests(b"rest of a body\nGET /x HTTP/1.1\r\n\r\n").len(), 1);
        assert!(requests(b"GETTING x").is_empty());
    }
}
