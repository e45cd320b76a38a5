//! Which language a text is written in, by what only that language writes.

use std::borrow::Cow;

use serde::Serialize;

use crate::signs;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    Javascript,
    Powershell,
    Vbscript,
    Vba,
    Batch,
    Python,
    Html,
    #[default]
    None,
}

/// Bytes at the beginning that are looked at.
const HEAD: usize = 64 << 10;
/// What speaks for a language must weigh as much.
const ENOUGH: u32 = 3;
/// And as much against a first line that names the interpreter of another, which in some is a comment.
const ENOUGH_AGAINST: u32 = 24;

/// Characters from which on a text has spaces where it is one that somebody wrote, and how many for one space.
const UNSPACED: usize = 256;

/// What is written with carets in it, lower case.
const COMMANDS: [&str; 37] = [
    "set",
    "call",
    "echo",
    "for",
    "if",
    "start",
    "goto",
    "setlocal",
    "cmd",
    "powershell",
    "pwsh",
    "del",
    "erase",
    "copy",
    "move",
    "type",
    "exit",
    "net",
    "reg",
    "schtasks",
    "wmic",
    "taskkill",
    "ping",
    "attrib",
    "msiexec",
    "forfiles",
    "certutil",
    "bitsadmin",
    "curl",
    "mshta",
    "wscript",
    "cscript",
    "rundll32",
    "regsvr32",
    "pushd",
    "whoami",
    "explorer",
];

type Signs = &'static [(&'static str, u32)];

/// Lower-case texts and what each weighs; each counts at most three times.
const SIGNS: [(Language, Signs); 6] = [
    (
        Language::Javascript,
        &[
            ("function(", 2),
            ("function (", 2),
            ("var ", 1),
            ("const ", 1),
            ("let ", 1),
            ("=>", 1),
            ("===", 2),
            ("eval(", 1),
            ("eval(\"\\", 3),
            ("eval('\\", 3),
            ("document.", 2),
            ("window.", 2),
            ("string.fromcharcode", 3),
            ("activexobject", 3),
            ("wscript.", 1),
            ("unescape(", 2),
            ("settimeout(", 2),
            ("console.log", 3),
            ("require(", 2),
            ("return ", 1),
            ("new function(", 3),
            ("atob(", 3),
            ("function ", 1),
            ("};", 1),
            ("parseint(", 1),
            (".join(\"\")", 2),
            (".join('')", 2),
        ],
    ),
    (
        Language::Powershell,
        &[
            ("$env:", 4),
            ("invoke-", 2),
            ("new-object", 3),
            ("-join", 2),
            ("-replace", 2),
            ("[char", 2),
            ("iex", 1),
            ("-f'", 2),
            ("-f '", 2),
            ("[convert]::", 4),
            ("[system.convert]", 4),
            ("[text.encoding]", 4),
            ("[system.text.encoding]", 4),
            ("write-host", 4),
            ("write-output", 4),
            ("powershell", 2),
            ("param(", 1),
            ("frombase64string", 2),
            ("[string]", 2),
            ("$_", 1),
            ("-split", 2),
            ("foreach-object", 4),
            ("get-", 1),
            ("set-", 1),
            ("[void]", 2),
            (" -enc", 1),
            ("function global:", 3),
            ("$(", 1),
            ("::", 1),
        ],
    ),
    (
        Language::Vbscript,
        &[
            ("dim ", 2),
            ("end sub", 4),
            ("end function", 4),
            ("createobject(", 2),
            ("chr(", 1),
            ("execute(", 2),
            ("execute ", 2),
            ("on error resume next", 4),
            ("end if", 2),
            ("wscript.", 1),
            ("strreverse(", 3),
            (" & ", 1),
            ("set ", 1),
            ("sub ", 1),
            ("executeglobal", 4),
            ("next\n", 1),
            ("next\r", 1),
            ("msgbox", 2),
            ("then", 1),
        ],
    ),
    (
        Language::Batch,
        &[
            ("@echo off", 5),
            ("setlocal", 3),
            ("%~dp0", 4),
            ("set ", 1),
            ("goto ", 2),
            ("%~", 2),
            ("echo ", 1),
            (":~", 3),
            ("cmd /c", 1),
            ("if exist", 2),
            ("errorlevel", 3),
            ("rem ", 2),
            ("for %%", 4),
            ("start ", 1),
            ("call ", 1),
        ],
    ),
    (
        Language::Python,
        &[
            ("import ", 2),
            ("def ", 2),
            ("exec(", 2),
            ("eval(", 1),
            ("lambda ", 2),
            ("lambda:", 2),
            ("print(", 2),
            ("__import__(", 5),
            ("b64decode", 3),
            ("from ", 1),
            ("self.", 2),
            ("elif ", 2),
            ("zlib.decompress", 4),
            ("bytes.fromhex", 4),
            ("compile(", 1),
            ("marshal.loads", 4),
            ("if __name__", 5),
            ("except", 1),
            ("none", 1),
            ("codecs.decode", 4),
            ("exec(b", 2),
            ("bytes([", 2),
        ],
    ),
    (
        Language::Html,
        &[
            ("<script", 4),
            ("<html", 4),
            ("<!doctype html", 5),
            ("<hta:application", 6),
            ("</script>", 2),
            ("<body", 2),
            ("<iframe", 3),
        ],
    ),
];

/// The language of a text. `name` is the sample's own, a hint where the text alone says too little.
pub fn of(text: &str, name: &str) -> Language {
    let written = head(text);
    let head = written.to_ascii_lowercase();
    if head.trim_start().is_empty() {
        return Language::None;
    }
    if signs::is_javascript(written) {
        return Language::Javascript;
    }
    let interpreter = head.strip_prefix("#!").and_then(|rest| rest.lines().next()).map(by_interpreter);
    let hint = by_name(name).or(interpreter.flatten());
    let enough = if hint.is_none() && interpreter.is_some() { ENOUGH_AGAINST } else { ENOUGH };
    let begins_as_html = head.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('<');
    let (is_prose, is_unspaced) = (is_prose(&head), is_unspaced(&head));
    let scored = SIGNS.iter().map(|(language, signs)| {
        let is_hinted = hint == Some(*language);
        let counts = |sign: &str, weight: u32| {
            is_hinted || !(is_prose && is_plain_word(sign, weight) || is_unspaced && is_in_noise(sign))
        };
        let telling = signs.iter().filter(|(sign, weight)| counts(sign, *weight));
        let plain = plain(&head, *language);
        let mut score: u32 = telling.map(|(sign, weight)| weight * count(&plain, sign)).sum();
        score += if is_hinted { 6 } else { 0 };
        score += if *language == Language::Batch { 3 * commands_with_carets(&head).min(3) } else { 0 };
        if *language == Language::Html && !begins_as_html {
            score /= 4;
        }
        // Variables with a dollar are PowerShell's, unless the text declares them as JavaScript does.
        let may_have_variables = (is_hinted || !is_unspaced) && !head.contains("var ") && !head.contains("function(");
        if *language == Language::Powershell && may_have_variables {
            score += 2 * variables(&plain).min(3);
        }
        (score, *language)
    });
    let best = scored.fold((0, Language::None), |best, next| if next.0 > best.0 { next } else { best });
    match best {
        (score, _) if score < enough => hint.unwrap_or(Language::None),
        (_, Language::Vbscript) if is_vba(&head) => Language::Vba,
        (_, language) => language,
    }
}

fn head(text: &str) -> &str {
    let mut end = text.len().min(HEAD);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Whether there are many words and hardly a sign of any programming language between them.
fn is_prose(text: &str) -> bool {
    let signs = text.bytes().filter(|byte| b"=(){}[]$%<>|^\\".contains(byte)).count();
    signs * 10 < text.split_ascii_whitespace().count()
}

/// Whether a text has hardly any spaces, as encoded data has, in which any two or three signs stand side by side.
fn is_unspaced(text: &str) -> bool {
    text.len() >= UNSPACED && memchr::memchr_iter(b' ', text.as_bytes()).count() < text.len() / UNSPACED
}

/// Whether noise of all printable characters has a sign: they have no spaces, and base85 no colon before a tilde.
fn is_in_noise(sign: &str) -> bool {
    sign.len() < 5 && !sign.contains(' ') && sign != ":~"
}

/// A text without what a language ignores within words. Alone it shows no language: in Markdown, backticks quote.
fn plain(text: &str, language: Language) -> Cow<'_, str> {
    let ignored = match language {
        Language::Powershell => '`',
        Language::Batch => '^',
        _ => return Cow::Borrowed(text),
    };
    if !text.contains(ignored) {
        return Cow::Borrowed(text);
    }
    let places = within_words(text, ignored as u8);
    let kept = text.char_indices().filter(|(at, letter)| *letter != ignored || places.binary_search(at).is_err());
    Cow::Owned(kept.map(|(_, letter)| letter).collect())
}

/// Where a sign stands within a word, and not around it.
pub fn within_words(text: &str, sign: u8) -> Vec<usize> {
    let bytes = text.as_bytes();
    let is_part = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at)).is_some_and(|&byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let places = memchr::memchr_iter(sign, bytes);
    places.filter(|&at| is_part(at.checked_sub(1)) && is_part(Some(at + 1))).collect()
}

/// Commands that carets are written into. In lower case.
fn commands_with_carets(text: &str) -> u32 {
    let words = text.split([' ', '\t', '\r', '\n', '&', '|', '(', ')', '@', '"', ',', ';']);
    let hidden = words.filter(|word| !within_words(word, b'^').is_empty());
    let is_command = |word: &&str| {
        let plain = word.replace('^', "");
        COMMANDS.contains(&plain.strip_suffix(".exe").unwrap_or(&plain))
    };
    u32::try_from(hidden.filter(is_command).take(3).count()).unwrap_or(0)
}

/// Whether prose has a sign, too: `set `, `then`, `import `.
fn is_plain_word(sign: &str, weight: u32) -> bool {
    let is_worded = sign.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b' ' | b'-' | b'&'));
    weight < 3 && is_worded && !sign.starts_with('-') && sign != "powershell" && sign != " -enc"
}

/// Up to three. Within base64 stands any word: a sign that begins with a letter begins a word, and one of letters alone is
/// a whole one. Behind a dot, a member follows and no next sentence.
fn count(text: &str, sign: &str) -> u32 {
    let (bytes, sign) = (text.as_bytes(), sign.as_bytes());
    let is_in_word = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    let begins_word = sign.first().is_some_and(u8::is_ascii_alphabetic);
    let is_word = sign.iter().all(u8::is_ascii_alphabetic);
    let has_member = sign.last() == Some(&b'.');
    let is_equal = |at: Option<usize>| at.and_then(|at| bytes.get(at)) == Some(&b'=');
    // A row of equals signs is a line below a heading.
    let is_row = |at: usize| sign == b"===" && (is_equal(at.checked_sub(1)) || is_equal(Some(at + sign.len())));
    let found = memchr::memmem::find_iter(bytes, sign).filter(|&at| {
        let goes_on = is_in_word(Some(at + sign.len()));
        !(begins_word && is_in_word(at.checked_sub(1)) || is_word && goes_on || has_member && !goes_on || is_row(at))
    });
    u32::try_from(found.take(3).count()).unwrap_or(0)
}

/// `$name = `
fn variables(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let assigned = |at: &usize| {
        let rest = bytes.get(at + 1..).unwrap_or_default();
        let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        name > 0 && rest.get(name..).unwrap_or_default().trim_ascii_start().starts_with(b"=")
    };
    u32::try_from(memchr::memchr_iter(b'$', bytes).take(200).filter(assigned).take(3).count()).unwrap_or(0)
}

fn is_vba(head: &str) -> bool {
    [
        "attribute vb_",
        "as string",
        "as integer",
        "as long",
        "as object",
        "private sub",
        "public sub",
        "public function",
        "activeworkbook",
        "activedocument",
        "autoopen",
        "document_open",
        "workbook_open",
    ]
    .iter()
    .any(|sign| head.contains(sign))
}

/// Of the rest of a line that begins with `#!`, in lower case.
fn by_interpreter(line: &str) -> Option<Language> {
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    let program = words.find(|word| *word != "env" && !word.starts_with('-'))?;
    Some(match program.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.') {
        "node" | "nodejs" | "deno" | "bun" => Language::Javascript,
        "pwsh" | "powershell" => Language::Powershell,
        "python" | "pypy" => Language::Python,
        _ => return None,
    })
}

fn by_name(name: &str) -> Option<Language> {
    let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match ending.as_str() {
        "js" | "jse" | "mjs" | "cjs" => Language::Javascript,
        "ps1" | "psm1" => Language::Powershell,
        "vbs" | "vbe" => Language::Vbscript,
        "bas" | "cls" | "vba" => Language::Vba,
        "bat" | "cmd" => Language::Batch,
        "py" | "pyw" => Language::Python,
        "htm" | "html" | "hta" | "svg" | "wsf" => Language::Html,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_holds_no_words() {
        let certificate = "MIIEX2iexAiEX9xhiexBprintA+IEXQIEXwNoneyExcept\n";
        assert_eq!(of(&format!("-----BEGIN CERTIFICATE-----\n{}", certificate.repeat(9)), ""), Language::None);
        assert_eq!(of("$a='x';$b=$a|IEX;iex $c;IEX($b)", ""), Language::Powershell);
    }

    #[test]
    fn the_first_line_names_the_interpreter() {
        let shell = "#!/bin/sh\nset -e\necho \"$1\" | grep -E \"^Exec(\\[[^]=]*])?=\"\ncall=1\nrem=\"echo ^ $call\"\nset -- ^ ^\n";
        assert_eq!(of(shell, ""), Language::None);
        let perl =
            "#!/usr/bin/env -S perl -w\nmy $text = `psql $name`;\nmy $more = `date`;\nmy $that = 1;\nprint $_;\n";
        assert_eq!(of(perl, ""), Language::None);
        assert_eq!(of("#!/usr/bin/env python3.11\nx = 1\n", ""), Language::Python);
        assert_eq!(of("#!/usr/local/bin/node --harmony\nx = 1\n", ""), Language::Javascript);
        assert_eq!(of("#!\nx", ""), Language::None);
        let named = "#!/bin/sh\n$a = 'x'; Write-Host $a -join ','\n";
        assert_eq!(of(named, "a.ps1"), Language::Powershell);
        let disguised = "#!/bin/sh\n$a = [Convert]::FromBase64String($env:A); $b = New-Object Net.WebClient; $c = 1\n\
            Invoke-Expression ($a -join ''); Invoke-Command $b; [char]65; [char]66; powershell; write-host $env:B\n";
        assert_eq!(of(disguised, ""), Language::Powershell);
    }

    #[test]
    fn what_is_undone_shows_no_language_by_itself() {
        let mail = "On Monday you wrote:\n> look ^^ there\nYes ^_^ I did! x^2\nBye ^^\n".repeat(5);
        assert_eq!(of(&mail, ""), Language::None);
        let noise: String = (0..4_000_u32).map(|at| char::from(33 + (at * at % 1_009 % 85) as u8)).collect();
        for sign in ["$a=::", "^$_", "$(=>", "};"] {
            assert_eq!(of(&format!("{noise}{sign}{noise}{sign}{noise}{sign}{noise}"), ""), Language::None, "{sign}");
        }
        let cases = [
            ("p^o^w^e^r^s^h^e^l^l -c x", Language::Batch),
            ("s^e^t x=a", Language::Batch),
            ("I`nv`oke-Ex`pr`ession ('a')\n(N`ew-Obj`ect Ne`t.WebC`lient)", Language::Powershell),
        ];
        for (text, language) in cases {
            assert_eq!(of(text, ""), language, "{text}");
        }
    }

    /// Words of all languages here.
    const PROSE: &str = "Then we set the table, and then we set out to call everybody in. Let us start with the import \
        of tea from China (and from India): none is as good, except for what you echo from the \
        last print; return to the document. Close the window. If you re-encode & re-encode the get-together \
        in a private sub of the class, then set the dim light, or execute the next step, and go to \
        sleep. Set it down, then set it up again; call for a function that you can return to.";

    #[test]
    fn languages_are_told_apart() {
        let cases = [
            ("var a = 1; function f() { return a === 2 }", Language::Javascript),
            ("$a = New-Object Net.WebClient; iex $a", Language::Powershell),
            ("$x='a';$y='b'", Language::Powershell),
            ("Dim a\r\nSet a = CreateObject(\"x\")\r\n", Language::Vbscript),
            ("Private Sub Document_Open()\nDim a As String\nEnd Sub\n", Language::Vba),
            ("@echo off\r\nset a=b\r\n%a:~0,1%", Language::Batch),
            ("import os\ndef f():\n    exec(os)\n", Language::Python),
            ("<html><body><script>var x = 1;</script></body></html>", Language::Html),
            ("A plain sentence about nothing.", Language::None),
            (PROSE, Language::None),
            ("A heading\n=========\n\nA sentence.\n\nAnother one\n===========\n", Language::None),
            ("x = Chr(67) & Chr(114)\r\nExecute x", Language::Vbscript),
            ("x=Chr(67)&Chr(114)\nExecute x\n", Language::Vbscript),
            ("eval(\"\\166\\141\\162\")", Language::Javascript),
            ("powershell -w hidden -enc SQBFAFgA", Language::Powershell),
            ("", Language::None),
        ];
        for (text, language) in cases {
            assert_eq!(of(text, ""), language, "{text}");
        }
        assert_eq!(of("x = 5", "a.py"), Language::Python);
    }
}
