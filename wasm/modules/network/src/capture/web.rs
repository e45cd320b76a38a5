//! A connection of HTTP: requests with their answers, and the files in both.

use std::collections::VecDeque;

use super::body::body;
use super::bytes::text;
use super::files::Label;
use super::form::uploads;
use super::found::{Exchange, Extra, Found};
use super::http::{Message, answers, requests};
use super::limits::MAX_TEXT;
use super::lines::{Credential, masked};
use super::login::decoded;
use super::read::Talk;
use super::stream::Piece;
use crate::ioc::{Kind, Source};
use crate::url::masked as masked_urls;
use file_processor::mime::parameter;

/// Of the requests whose answers have not come yet: the place in the list, and when each was sent.
type Waiting = VecDeque<(Exchange, f64)>;

pub fn read(talk: &Talk, found: &mut Found, extra: &mut Extra) {
    let sent: Vec<(&Piece, Vec<Message>)> = talk.up.pieces.iter().map(|piece| (piece, requests(&piece.data))).collect();
    let methods: Vec<&str> = sent.iter().flat_map(|(_, list)| list).map(|it| it.first[0].as_str()).collect();
    let mut waiting = Waiting::new();
    for (piece, list) in &sent {
        for message in list {
            let exchange = request(talk, piece, message, found, extra);
            waiting.push_back(exchange);
        }
    }
    let mut answered = 0;
    for piece in &talk.down.pieces {
        let list = answers(&piece.data, methods.get(answered..).unwrap_or_default());
        answered += list.iter().filter(|message| message.code() >= 200).count();
        for message in &list {
            answer(talk, piece, message, &mut waiting, found);
        }
    }
    for (exchange, _) in waiting {
        found.http.push(exchange);
    }
    tunnel(talk, &sent, found, extra);
}

fn request(talk: &Talk, piece: &Piece, message: &Message, found: &mut Found, extra: &mut Extra) -> (Exchange, f64) {
    let offset = piece.offset(talk.space, message.head.start);
    let time = talk.time(piece, message.head.start);
    let host = message.field("host").to_owned();
    if extra.name.is_empty() {
        extra.name = host.split(':').next().unwrap_or_default().to_owned();
    }
    let user_agent = message.field("user-agent").to_owned();
    let mut exchange = Exchange {
        flow: talk.index,
        time,
        method: message.first[0].clone(),
        host: cut(&host),
        target: cut(&message.first[1]),
        user_agent: cut(&user_agent),
        request_size: message.size(),
        ..Exchange::default()
    };
    let url = url(talk, &message.first[0], &host, &message.first[1]);
    found.url(&url, offset);
    if !user_agent.is_empty() {
        found.value(Kind::UserAgent, &user_agent, Source::Http, offset);
    }
    scan_head(talk, piece, message, found);
    basic(talk, piece, message, found);
    exchange.files.extend(files(talk, piece, message, "http-request", &url, found));
    (exchange, time)
}

fn answer(talk: &Talk, piece: &Piece, message: &Message, waiting: &mut Waiting, found: &mut Found) {
    let code = message.code();
    if (100..200).contains(&code) && code != 101 {
        return;
    }
    let time = talk.time(piece, message.head.start);
    // Where requests are missing, an answer may be older than all that are there.
    let is_next = waiting.front().is_some_and(|(_, sent)| *sent <= time);
    let known = if is_next { waiting.pop_front() } else { None };
    let mut exchange =
        known.map_or_else(|| Exchange { flow: talk.index, time, ..Exchange::default() }, |(exchange, _)| exchange);
    exchange.status = code;
    exchange.content_type = cut(message.field("content-type"));
    exchange.server = cut(message.field("server"));
    exchange.response_size = message.size();
    scan_head(talk, piece, message, found);
    let url = url(talk, &exchange.method, &exchange.host, &exchange.target);
    exchange.files.extend(files(talk, piece, message, "http-response", &url, found));
    found.http.push(exchange);
}

fn scan_head(talk: &Talk, piece: &Piece, message: &Message, found: &mut Found) {
    let start = message.head.start;
    let head = piece.data.get(message.head.clone()).unwrap_or_default();
    found.scan(head, Source::Http, &|at| piece.offset(talk.space, start + at));
}

/// As it may be told.
fn cut(value: &str) -> String {
    let value: String = value.chars().take(MAX_TEXT).collect();
    masked_urls(&value)
}

fn url(talk: &Talk, method: &str, host: &str, target: &str) -> String {
    if method.is_empty() || target.contains("://") {
        return target.to_owned();
    }
    if method == "CONNECT" {
        return format!("http://{target}");
    }
    let port = talk.flow.server.port;
    let host = match host {
        "" if port == 80 => talk.flow.server.address.to_string(),
        "" => format!("{}:{port}", talk.flow.server.address),
        named => named.to_owned(),
    };
    format!("http://{host}{target}")
}

/// The body, if there is one, as a file; of a form the files in it.
fn files(
    talk: &Talk,
    piece: &Piece,
    message: &Message,
    kind: &'static str,
    url: &str,
    found: &mut Found,
) -> Vec<usize> {
    let Some(start) = message.body.first().map(|body| body.start) else { return Vec::new() };
    let offset = piece.offset(talk.space, start);
    let unpacked = body(&piece.data, &message.body, message.field("content-encoding"), &mut found.body_budget);
    let is_plain = unpacked.data.len() == message.size() && message.body.len() == 1;
    if !unpacked.packed && !found.files.is_done() {
        found.scan(&unpacked.data, Source::Http, &|at| match is_plain {
            true => piece.offset(talk.space, start + at),
            false => offset,
        });
    }
    let is_whole = message.complete && !unpacked.cut && message.code() != 206;
    let label = |given: Option<&str>, declared: &str, complete: bool, offset| Label {
        name: name(given, url),
        flow: talk.index,
        kind,
        url: cut(url),
        declared: cut(declared),
        complete,
        packed: unpacked.packed,
        offset,
        time: talk.time(piece, message.head.start),
    };
    let declared = message.field("content-type");
    let (sent, is_cut) = if unpacked.packed { (Vec::new(), false) } else { uploads(declared, &unpacked.data) };
    found.files.left_out += u64::from(is_cut);
    if sent.is_empty() {
        let given = parameter(message.field("content-disposition"), "filename");
        let label = label(given.as_deref(), declared, is_whole, offset);
        return found.files.add(&unpacked.data, label).into_iter().collect();
    }
    let parts = sent.into_iter().filter_map(|upload| {
        let content = unpacked.data.get(upload.place.clone())?;
        let offset = if is_plain { piece.offset(talk.space, start + upload.place.start) } else { offset };
        found.files.add(content, label(Some(&upload.name), &upload.declared, upload.complete || is_whole, offset))
    });
    parts.collect()
}

/// The name that the sender gives, else the last part of the path. No path leads out of it.
fn name(given: Option<&str>, url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let last = path.split_once('/').and_then(|(_, path)| path.rsplit('/').next());
    let name = given.or(last).unwrap_or_default();
    text(name.rsplit(['/', '\\']).next().unwrap_or_default().as_bytes(), 255)
}

fn basic(talk: &Talk, piece: &Piece, message: &Message, found: &mut Found) {
    for field in ["authorization", "proxy-authorization"] {
        let value = message.field(field);
        let Some((scheme, encoded)) = value.split_once(' ') else { continue };
        let Some(both) = decoded(encoded.as_bytes()).filter(|_| scheme.eq_ignore_ascii_case("basic")) else { continue };
        let Some(colon) = memchr::memchr(b':', &both) else { continue };
        let (user, password) = (both.get(..colon).unwrap_or_default(), both.get(colon + 1..).unwrap_or_default());
        if !password.is_empty() {
            found.credentials.push(Credential {
                flow: talk.index,
                protocol: "http",
                user: text(user, 64),
                password: masked(password),
                offset: piece.offset(talk.space, message.head.start),
            });
        }
    }
}

/// TLS behind a CONNECT.
fn tunnel(talk: &Talk, sent: &[(&Piece, Vec<Message>)], found: &mut Found, extra: &mut Extra) {
    let Some((piece, list)) = sent.first() else { return };
    let Some(last) = list.last().filter(|message| message.first[0] == "CONNECT") else { return };
    let up = piece.data.get(last.head.end..).unwrap_or_default();
    let down = talk.down.first();
    let head = super::bytes::find(down, b"\r\n\r\n").map_or(down.len(), |at| at + 4);
    if super::hello::is_tls(up) {
        talk.tls(up, down.get(head..).unwrap_or_default(), found, extra);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_s_name_is_the_sender_s_or_the_path_s() {
        assert_eq!(name(Some("..\\a/b.exe"), "http://x/y"), "b.exe");
        assert_eq!(name(None, "http://x/y/z.bin?q=/w"), "z.bin");
        assert_eq!(name(None, "http://x/"), "");
        assert_eq!(name(None, "http://x"), "");
    }
}
