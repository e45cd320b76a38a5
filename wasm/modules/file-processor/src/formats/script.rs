//! Text: scripts by their interpreter line or their syntax, markup, mail, and what is plain text.

/// Bytes that must be text for a file to be text.
const SAMPLED: usize = 4_096;
/// Characters in which syntax is looked for.
const SEARCHED: usize = 64 << 10;
/// Bytes of JSON that are read to the end to see whether it is.
const MAX_JSON: usize = 1 << 20;
/// Points from which a language is believed, ...
const ENOUGH: u32 = 4;
/// ... and those of its surest sign: signs of one point are words of prose, too.
const SURE: u32 = 2;

pub fn identify(data: &[u8]) -> Option<&'static str> {
    let (text, is_utf16) = decode(data)?;
    let lower = text.to_ascii_lowercase();
    let start = lower.trim_start();
    shebang(&lower)
        .or_else(|| by_start(start))
        // What a mail quotes, or has attached as it is, may be any language.
        .or_else(|| mail(&lower))
        .or_else(|| by_syntax(&lower))
        .or_else(|| is_json(data, start).then_some("json"))
        .or_else(|| is_json_lines(data, start).then_some("json-lines"))
        .or(Some(if is_utf16 { "utf16-text" } else { "text" }))
}

/// By the beginning alone: cheap, for what is embedded in other files.
pub fn identify_start(data: &[u8]) -> Option<&'static str> {
    let (text, is_utf16) = decode(data)?;
    let lower = text.to_ascii_lowercase();
    let found = shebang(&lower).or_else(|| by_start(lower.trim_start()));
    found.or(Some(if is_utf16 { "utf16-text" } else { "text" }))
}

/// The first characters, if the file is text in UTF-8, UTF-16 with a mark, or one of the ISO 8859 family.
fn decode(data: &[u8]) -> Option<(String, bool)> {
    match data {
        [0xff, 0xfe, body @ ..] => decode_utf16(body, u16::from_le_bytes).map(|text| (text, true)),
        [0xfe, 0xff, body @ ..] => decode_utf16(body, u16::from_be_bytes).map(|text| (text, true)),
        [0xef, 0xbb, 0xbf, body @ ..] | body => decode_bytes(body).map(|text| (text, false)),
    }
}

fn decode_utf16(body: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let units = body.as_chunks::<2>().0.iter().take(SEARCHED).map(|&pair| unit(pair));
    let text: String = char::decode_utf16(units).map(|unit| unit.unwrap_or('\0')).collect();
    let controls = text.chars().take(SAMPLED).filter(|&letter| is_control(letter)).count();
    (controls * 50 <= text.chars().count().min(SAMPLED)).then_some(text)
}

fn decode_bytes(body: &[u8]) -> Option<String> {
    let sampled = &body[..body.len().min(SAMPLED)];
    if sampled.is_empty() || sampled.contains(&0) {
        return None;
    }
    let controls = sampled.iter().filter(|&&byte| is_control(char::from(byte & 0x7f)) && byte < 0x80).count();
    let high = sampled.iter().filter(|&&byte| byte >= 0x80).count();
    let is_utf8 = std::str::from_utf8(sampled).map_or_else(|error| error.error_len().is_none(), |_| true);
    let is_text = controls * 100 <= sampled.len() && (is_utf8 || high * 3 <= sampled.len());
    is_text.then(|| String::from_utf8_lossy(&body[..body.len().min(SEARCHED)]).into_owned())
}

fn is_control(letter: char) -> bool {
    letter.is_ascii_control() && !matches!(letter, '\t' | '\n' | '\r' | '\x0c' | '\x1b')
}

fn shebang(lower: &str) -> Option<&'static str> {
    let line = lower.strip_prefix("#!")?.lines().next()?;
    const INTERPRETERS: &[(&str, &str)] = &[
        ("python", "python"),
        ("perl", "perl"),
        ("ruby", "ruby"),
        ("php", "php"),
        ("node", "javascript"),
        ("pwsh", "powershell"),
        ("osascript", "applescript"),
        ("lua", "lua"),
        ("sh", "shell"),
    ];
    INTERPRETERS.iter().find(|(name, _)| line.contains(name)).map(|&(_, id)| id).or(Some("script"))
}

/// Beginnings that decide. Lower case; the more particular first.
fn by_start(start: &str) -> Option<&'static str> {
    const STARTS: &[(&str, &str)] = &[
        ("<?php", "php"),
        ("<%@ page", "jsp"),
        ("<%@", "asp"),
        ("<%", "asp"),
        ("[internetshortcut]", "internet-shortcut"),
        ("[{000214a0-0000-0000-c000-000000000046}]", "internet-shortcut"),
        ("[desktop entry]", "desktop-entry"),
        ("windows registry editor version", "registry-script"),
        ("regedit4", "registry-script"),
        ("@echo off", "batch"),
        ("web\r\n1\r\nhttp", "iqy"),
        ("web\n1\nhttp", "iqy"),
        ("id;p", "slk"),
        ("from nobody", "mbox"),
        ("attribute vb_name", "vba"),
    ];
    let known = STARTS.iter().find(|(begin, _)| start.starts_with(begin)).map(|&(_, id)| id);
    known.or_else(|| start.starts_with('<').then(|| markup(start)).flatten()).or_else(|| sections(start))
}

fn sections(start: &str) -> Option<&'static str> {
    if start.starts_with('[') && start.contains("[version]") && start.contains("signature") {
        return Some("inf");
    }
    let is_remote_desktop = start.starts_with("screen mode id:i:") || start.contains("\nfull address:s:");
    if is_remote_desktop {
        return Some("rdp");
    }
    let is_mailbox = start.starts_with("from ") && start.contains("\nfrom:") && start.contains("\nsubject:");
    is_mailbox.then_some("mbox")
}

fn markup(start: &str) -> Option<&'static str> {
    let has = |needle: &str| start.contains(needle);
    if has("<hta:application") {
        Some("hta")
    } else if has("<scriptlet") || has("<component>") && has("<script") || has("<registration") && has("<script") {
        Some("scriptlet")
    } else if has("<job") && has("<script") || start.starts_with("<package>") {
        Some("wsf")
    } else if has("<searchableapplicationsettings") || has("schemas.microsoft.com/search/2013/settingcontent") {
        Some("settingcontent")
    } else if has("http://schemas.microsoft.com/office/2006/xmlpackage") {
        Some("flat-opc")
    } else if has("<svg") && !has("<html") {
        Some("svg")
    } else if has("<!doctype html") || has("<html") || has("<body") || has("<script") || has("<iframe") {
        Some(if start.starts_with("<?xml") { "xhtml" } else { "html" })
    } else if start.starts_with("<?xml") {
        Some("xml")
    } else {
        None
    }
}

/// Signs of languages, in lower case, with their points.
#[rustfmt::skip]
const SYNTAX: &[(&str, &[(&str, u32)])] = &[
    ("powershell", &[("param(", 1), ("param (", 1), ("$_.", 2), ("write-host", 3), ("write-output", 2), ("new-object", 3), ("invoke-expression", 4), ("iex ", 2), ("iex(", 3), ("downloadstring", 3), ("-encodedcommand", 3), ("[system.", 2), ("[convert]::", 3), ("get-content", 2), ("set-content", 2), ("get-childitem", 2), ("$env:", 2), ("start-process", 2), ("add-type", 2), ("[byte[]]", 3), (" -eq ", 1), ("foreach-object", 3), ("function ", 1), ("$null", 1), ("invoke-webrequest", 3)]),
    ("vbscript", &[("wscript.", 2), ("createobject(", 2), ("on error resume next", 3), ("\nend sub", 2), ("\nend function", 2), ("\nend if", 1), ("\ndim ", 2), ("\nset ", 1), ("execute(", 2), ("msgbox ", 2), ("chr(", 1), ("\nnext", 1), (" & _", 1), ("option explicit", 3), ("executeglobal", 3), ("\nsub ", 1)]),
    ("javascript", &[("function(", 1), ("function (", 1), ("var ", 1), ("=> {", 2), ("=>{", 1), ("const ", 1), ("let ", 1), ("===", 2), ("document.write", 2), ("document.get", 2), ("document.create", 2), ("document.loc", 2), ("new activexobject", 4), ("eval(", 2), ("string.fromcharcode", 3), ("require(\"", 2), ("require('", 2), ("module.exports", 3), ("console.log", 2), ("\"use strict\"", 3), ("});", 2), ("unescape(", 2), ("wscript.createobject", 1), ("typeof ", 2)]),
    ("batch", &[("@echo off", 4), ("\nset ", 1), ("\ngoto ", 2), ("%~dp0", 4), ("\nif exist ", 2), ("\nrem ", 2), ("errorlevel", 3), ("\necho ", 1), ("setlocal", 3), ("%comspec%", 2), ("cmd /c", 1), ("cmd.exe /c", 1), ("\npause", 1), ("del /f", 2), ("reg add ", 2), ("schtasks ", 2), ("start /b", 2), ("%temp%", 2), ("\n:", 1), (" >nul", 3)]),
    ("python", &[("\nimport ", 2), ("\nfrom ", 1), ("def ", 2), ("self.", 1), ("__name__", 3), ("__main__", 2), ("print(", 1), ("elif ", 2), ("\"\"\"", 1), ("except ", 1), ("lambda ", 1), ("exec(", 1), ("    return ", 1), (" import ", 1), ("class ", 1), ("from __future__", 3), ("from typing import", 2), ("(self,", 2), ("(self)", 2)]),
    ("shell", &[("\nfi\n", 3), ("\ndone\n", 2), ("$(", 1), ("if [ ", 3), ("; then\n", 3), ("; do\n", 2), ("\nesac", 3), ("chmod +x", 2), ("chmod 777", 2), ("wget ", 1), ("curl ", 1), ("/bin/sh", 2), ("export ", 1), ("echo \"", 1), ("/dev/null", 2), ("crontab", 1)]),
    ("perl", &[("use strict;", 4), ("use warnings;", 4), ("my $", 2), ("sub ", 1), ("=~ ", 2), ("@_", 2), ("$_[", 2), ("foreach my", 3)]),
    ("ruby", &[("require '", 2), ("\nend\n", 2), ("def ", 1), ("puts ", 2), (".each do", 3), ("attr_accessor", 3), ("nil", 1)]),
    ("php", &[("<?php", 4), ("$_get[", 3), ("$_post[", 3), ("$_request[", 3), ("base64_decode(", 2), ("echo ", 1), ("eval(", 1), ("gzinflate(", 3)]),
    ("vba", &[("\nprivate sub ", 3), ("\npublic sub ", 3), ("\nsub autoopen", 4), ("\nsub document_open", 4), ("\nsub workbook_open", 4), ("attribute vb_", 4), ("\nend sub", 1), ("byval ", 2), ("declare ptrsafe function", 4)]),
    ("autoit", &[("#include <", 1), ("#notrayicon", 4), ("endfunc", 3), ("@scriptdir", 3), ("dllcall(", 2), ("#autoit3wrapper", 4), ("@tempdir", 3), ("fileinstall(", 3)]),
    ("applescript", &[("tell application", 4), ("end tell", 3), ("do shell script", 4), ("display dialog", 3)]),
];

/// The language with the most points, if they are enough. Each sign counts once.
fn by_syntax(lower: &str) -> Option<&'static str> {
    // A line's start is a sign in itself: let the first line have one.
    let text = format!("\n{}", lower.replace("\r\n", "\n"));
    let points = |signs: &[(&str, u32)]| -> u32 {
        let found = || signs.iter().filter(|(sign, _)| stands_alone(&text, sign)).map(|(_, points)| points);
        if found().any(|&points| points >= SURE) { found().sum() } else { 0 }
    };
    let scored = SYNTAX.iter().map(|&(language, signs)| (points(signs), language));
    let best = scored.rev().max_by_key(|&(points, _)| points);
    best.filter(|&(points, _)| points >= ENOUGH).map(|(_, language)| language)
}

/// Whether a sign is in the text, and no end of a longer word, as `self.` of "itself.", or a part of a line of `=` or of
/// a heading, as `=== Title ===`.
fn stands_alone(text: &str, sign: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let starts_word = sign.starts_with(|letter: char| letter.is_ascii_alphabetic());
    text.match_indices(sign).any(|(at, _)| {
        let before = text[..at].bytes().next_back().unwrap_or_default();
        let behind = text[at + sign.len()..].bytes().next().unwrap_or_default();
        let is_drawn = |byte: u8| matches!(byte, 0 | b'\n' | b'=');
        !(starts_word && is_word(before)) && !(sign == "===" && (is_drawn(before) || is_drawn(behind)))
    })
}

/// Header fields at the start, two of those that messages have; a web archive says what it is.
fn mail(lower: &str) -> Option<&'static str> {
    const FIELDS: [&str; 8] =
        ["from:", "to:", "subject:", "received:", "mime-version:", "message-id:", "return-path:", "date:"];
    let headers: Vec<&str> = lower.lines().take(60).take_while(|line| !line.is_empty()).collect();
    let found = FIELDS.iter().filter(|field| headers.iter().any(|line| line.starts_with(*field))).count();
    let starts_with_field = headers.first().is_some_and(|line| {
        line.split_once(':').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    });
    let is_archive = lower.contains("multipart/related") && lower.contains("\ncontent-location:");
    match (starts_with_field && found >= 3, is_archive) {
        (true, true) => Some("mht"),
        (true, false) => Some("eml"),
        _ => None,
    }
}

fn is_json(data: &[u8], start: &str) -> bool {
    start.starts_with(['{', '['])
        && data.len() <= MAX_JSON
        && serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok()
}

/// At least two lines, each of them a whole.
fn is_json_lines(data: &[u8], start: &str) -> bool {
    let whole = |line: &[u8]| line.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
    let mut lines = data.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    start.starts_with('{')
        && data.len() <= MAX_JSON
        && lines.next().is_some_and(whole)
        && lines.next().is_some_and(whole)
        && lines.all(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_and_beginnings() {
        assert_eq!(identify(b"#!/usr/bin/env python3\nprint(1)"), Some("python"));
        assert_eq!(identify(b"#!/bin/bash\n"), Some("shell"));
        assert_eq!(identify(b"#!/opt/odd\n"), Some("script"));
        assert_eq!(identify(b"<?php echo 1;"), Some("php"));
        assert_eq!(identify(b"@ECHO OFF\r\n"), Some("batch"));
        assert_eq!(identify(b"\xef\xbb\xbf  <html><body>"), Some("html"));
        assert_eq!(identify(b"<html><HTA:APPLICATION id=x>"), Some("hta"));
        assert_eq!(identify(b"<?xml version=\"1.0\"?><svg/>"), Some("svg"));
    }

    #[test]
    fn languages_by_their_syntax() {
        let cases: &[(&[u8], &str)] = &[
            (b"$a = New-Object Net.WebClient; IEX $a.DownloadString('x')", "powershell"),
            (b"Dim a\r\nSet a = CreateObject(\"WScript.Shell\")\r\nOn Error Resume Next\r\n", "vbscript"),
            (b"var s = new ActiveXObject('x'); eval(unescape('%41'));", "javascript"),
            (b"set a=1\r\nif exist x goto y\r\nrem z\r\ndel /f q >nul\r\n", "batch"),
            (b"from __future__ import annotations\nclass A:\n    x: int\n", "python"),
            (b"var a = document.getElementById('x'); if (a===1) {}", "javascript"),
            (b"import os\n\ndef f(self):\n    return 1\n", "python"),
            (b"if [ -f x ]; then\nwget y\nfi\n", "shell"),
        ];
        for (script, language) in cases {
            assert_eq!(identify(script), Some(*language));
        }
    }

    #[test]
    fn utf16_scripts_are_read() {
        let script: Vec<u8> = "\u{feff}Write-Host $env:TEMP".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(identify(&script), Some("powershell"));
    }

    #[test]
    fn mail_json_and_prose() {
        assert_eq!(identify(b"From: a@b\r\nTo: c@d\r\nSubject: x\r\n\r\nhi"), Some("eml"));
        let code = b"From: a@b\r\nTo: c@d\r\nSubject: x\r\n\r\nDim x\r\nSet x = CreateObject(\"WScript.Shell\")\r\nEnd Sub\r\n";
        assert_eq!(identify(code), Some("eml"));
        assert_eq!(identify(b"{\"a\": [1, 2]}"), Some("json"));
        assert_eq!(identify(b"{\"a\": 1}\n{}\r\n\n"), Some("json-lines"));
        assert_eq!(identify(b"{\"a\": 1}\n{\n"), Some("text"));
        assert_eq!(identify(b"Dear reader, this is prose."), Some("text"));
        let license =
            b"A class of works\nfrom others, except as you sell, offer for sale, or import copies; itself. \"\"\"";
        let headings = b"let us say so\n======\nvar is short for variable, and so is const in this document.\n";
        let steps = b"Boil the water; then add the tea; do not stir it.\n";
        let plugin = b"=== My Plugin ===\nIt will let you set a const and a var by name.\n=== Changes ===\n";
        for text in [&license[..], headings, steps, plugin] {
            assert_eq!(identify(text), Some("text"));
        }
        assert_eq!(identify(&[0, 1, 2, 3]), None);
        assert_eq!(identify(&[0x90; 100]), None);
    }
}
