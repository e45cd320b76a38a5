//! What a sample is: which scripts are in it, in which language, in which order. A guess is only made for text.

use script_host::{Surroundings, charset};

use crate::encoded;
use crate::markup;
use crate::options::Language;

/// A sample's scripts, and what they are in.
#[derive(Debug)]
pub struct Source {
    pub parts: Vec<Part>,
    pub surroundings: Surroundings,
    /// Of a page its text.
    pub page: Option<String>,
    /// Scripts beyond those.
    pub left_out: usize,
}

/// A script of the sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub language: Language,
    pub text: String,
}

/// Bytes of a sample that is read as a script: more than any is long.
const MAX_SOURCE: usize = 16 << 20;
/// Bytes that are looked at for the language.
const HEAD: usize = 65_536;

/// The scripts of a sample; None if it has none. `name` is a hint.
#[must_use]
pub fn read(data: &[u8], name: &str, language: Option<Language>) -> Option<Source> {
    if data.len() > MAX_SOURCE || !is_text(data) {
        return None;
    }
    let text = charset::source(data);
    let text = if encoded::is_encoded(&text) { encoded::decode(&text) } else { text };
    let source = if let Some(language) = language {
        script(language, text)
    } else {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
        match extension.as_str() {
            "js" | "jse" | "cjs" | "mjs" => script(Language::Javascript, text),
            "vbs" | "vbe" => script(Language::Vbscript, text),
            "vba" | "bas" | "cls" | "frm" => Source::of(Language::Vbscript, text, Surroundings::Document),
            "wsf" | "hta" | "html" | "htm" | "sct" | "wsc" | "xsl" | "svg" => markup(text, &extension),
            "py" | "pyw" => return None,
            _ => guessed(text)?,
        }
    };
    Some(source).filter(|source| !source.parts.is_empty())
}

/// Whether a sample is only too large to be read as the script that its beginning or its end looks like.
#[must_use]
pub fn is_too_large(data: &[u8], name: &str) -> bool {
    let ends = [data.get(..HEAD), data.get(data.len().saturating_sub(HEAD)..)];
    data.len() > MAX_SOURCE && ends.into_iter().flatten().any(|part| read(part, name, None).is_some())
}

impl Source {
    fn of(language: Language, text: String, surroundings: Surroundings) -> Self {
        Self { parts: vec![Part { language, text }], surroundings, page: None, left_out: 0 }
    }
}

/// A script by itself. Of Basic what it says tells whose it is.
fn script(language: Language, text: String) -> Source {
    let is_macro = language == Language::Vbscript && is_macro(&text.to_ascii_lowercase());
    Source::of(language, text, if is_macro { Surroundings::Document } else { Surroundings::Host })
}

/// Whether Basic is a document's: types, attributes of modules, and procedures and objects of documents are not a script's.
fn is_macro(lower: &str) -> bool {
    const MARKS: [&str; 24] = [
        "attribute vb_",
        "#if vba",
        "declare ptrsafe",
        "declare function ",
        " as string",
        " as object",
        " as long",
        " as integer",
        " as variant",
        " as byte",
        " as boolean",
        " as double",
        "auto_open(",
        "auto_close(",
        "autoopen(",
        "autoclose(",
        "autoexec(",
        "autonew(",
        "activedocument",
        "activeworkbook",
        "activesheet",
        "thisdocument",
        "thisworkbook",
        "userform1",
    ];
    const EVENTS: [&str; 4] = ["sub document_", "sub workbook_", "sub userform_", "sub worksheet_"];
    // What a comment says is nobody's code: it may be there to be taken for the other.
    let code: String = lower.lines().filter(|line| !line.trim_start().starts_with('\'')).collect::<Vec<_>>().join("\n");
    MARKS.iter().chain(&EVENTS).any(|mark| code.contains(mark))
}

/// Pages, and script files that are written as pages are. A name says which; where it does not, what stands at the beginning.
fn markup(text: String, extension: &str) -> Source {
    const FILES: [&str; 6] = ["<job", "<package", "<component", "<scriptlet", "<stylesheet", "<xsl:"];
    let head = head(&text).to_ascii_lowercase();
    let has_files_tag = FILES.iter().any(|tag| head.contains(tag));
    let is_file = match extension {
        "hta" | "html" | "htm" | "svg" => false,
        "wsf" | "sct" | "wsc" | "xsl" => has_files_tag,
        _ => has_files_tag && !head.contains("<html"),
    };
    let surroundings = if is_file { Surroundings::Host } else { Surroundings::Page };
    let (parts, left_out) = markup::parts(&text);
    Source { parts, surroundings, page: Some(text), left_out }
}

/// What is looked at for the language; the last letter of it is whole.
fn head(text: &str) -> &str {
    let end = text.char_indices().map(|(at, letter)| at + letter.len_utf8()).take_while(|end| *end <= HEAD).last();
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// Text has no control characters but those of lines, except where it is UTF-16.
fn is_text(data: &[u8]) -> bool {
    if data.starts_with(&[0xff, 0xfe]) || data.starts_with(&[0xfe, 0xff]) {
        return true;
    }
    let head = data.get(..data.len().min(HEAD)).unwrap_or_default();
    let controls = head.iter().filter(|byte| **byte < 0x20 && !b"\t\n\r\x0b\x0c\x1a".contains(byte)).count();
    !head.contains(&0) && controls * 100 <= head.len()
}

fn guessed(text: String) -> Option<Source> {
    let head = head(&text);
    let lower = head.to_ascii_lowercase();
    let starts = lower.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if starts.starts_with('<')
        && ["<script", ":script", "<job", "<package", "<component", "<scriptlet", "<hta:"]
            .iter()
            .any(|tag| lower.contains(tag))
    {
        return Some(markup(text, ""));
    }
    // Text around scripts, which are files of their own.
    if ["%pdf-", "{\\rtf"].iter().any(|begin| starts.starts_with(begin)) {
        return None;
    }
    if starts.starts_with("#!") && !starts.lines().next().unwrap_or_default().contains("node") {
        return None;
    }
    if is_python(&lower) {
        return None;
    }
    match (visual_basic(&lower), javascript(head)) {
        (basic, marks) if basic >= 2 && basic >= marks => Some(script(Language::Vbscript, text)),
        (_, marks) if marks >= 2 => Some(script(Language::Javascript, text)),
        (_, 0) if (asks_windows(&lower) || undoes_basic(&lower)) && !is_javascript(&lower) => {
            Some(script(Language::Vbscript, text))
        }
        (_, marks) if marks > 0 && undoes_javascript(head) => Some(script(Language::Javascript, text)),
        _ => None,
    }
}

/// How many kinds of lines there are that Basic alone has.
fn visual_basic(lower: &str) -> usize {
    const STARTS: [&str; 19] = [
        "dim ",
        "set ",
        "end sub",
        "end function",
        "end if",
        "on error resume next",
        "option explicit",
        "attribute vb_",
        "sub ",
        "private sub ",
        "public sub ",
        "wend",
        "wscript.echo ",
        "execute ",
        "execute(",
        "executeglobal ",
        "msgbox ",
        "loop",
        "private function ",
    ];
    let found =
        STARTS.iter().filter(|start| lower.lines().take(5_000).any(|line| line.trim_start().starts_with(**start)));
    if has_braces(lower) { 0 } else { found.count() }
}

/// Lines of other languages begin as Basic's do, but Basic has no braces and no semicolons at its lines' ends.
fn has_braces(lower: &str) -> bool {
    let ends = lower.lines().take(5_000).filter(|line| line.trim_end().ends_with([';', '{', '}'])).count();
    ends * 4 > lower.lines().take(5_000).count().max(1)
}

/// Words of JavaScript that Basic does not have, also where no line ends in a semicolon.
fn is_javascript(lower: &str) -> bool {
    let is_one = |line: &str| {
        let line = line.trim_start();
        ["var ", "let ", "const ", "function("].iter().any(|begin| line.starts_with(begin))
            || line.contains("new activexobject")
    };
    lower.lines().take(5_000).any(is_one)
}

/// What is neither in quotes nor in a comment of any of the languages: those hold whatever their author likes to be taken for.
fn without_texts(lower: &str) -> String {
    let mut output = String::with_capacity(lower.len());
    let mut rest = lower;
    while let Some(char) = rest.chars().next() {
        let begins = output.is_empty() || output.ends_with('\n');
        let length = match char {
            '"' | '\'' | '`' => quoted(rest, char),
            '#' => line(rest),
            'r' if begins && rest.starts_with("rem ") => line(rest),
            '/' if rest.starts_with("//") => line(rest),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ => {
                output.push(char);
                char.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    output
}

/// Up to its end, which is not in it.
fn line(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

/// A text in quotes; only between backticks it goes on in the next line by itself.
fn quoted(rest: &str, quote: char) -> usize {
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, char)) = characters.next() {
        match char {
            '\\' => drop(characters.next()),
            '\n' if quote != '`' => return at,
            char if char == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Whether it says what only Python does, and nothing that only the others do.
fn is_python(lower: &str) -> bool {
    const CALLS: [&str; 8] = [
        "__import__(",
        "bytes.fromhex(",
        "codecs.decode(",
        "base64.b64decode(",
        "zlib.decompress(",
        "marshal.loads(",
        "exec(compile(",
        "[::-1]",
    ];
    let is_dotted =
        |name: &str| !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || "_., ".contains(char));
    let imports = |line: &str| match line.trim_end().strip_prefix("import ") {
        Some(names) => is_dotted(names) && !names.contains(" from "),
        None => line
            .strip_prefix("from ")
            .and_then(|rest| rest.split_once(" import "))
            .is_some_and(|(name, _)| is_dotted(name)),
    };
    let code = without_texts(lower);
    let is_one = CALLS.iter().any(|call| code.contains(call)) || code.lines().take(5_000).any(imports);
    is_one && !is_javascript(lower) && !lower.contains("activexobject") && visual_basic(lower) < 2
}

/// Whether a line makes an object of Windows as Basic does, or speaks to its script host: few are enough for a script.
fn asks_windows(lower: &str) -> bool {
    let is_one = |line: &str| {
        let makes = line.contains("createobject(") || line.contains("getobject(");
        let begins = ["createobject(", "getobject(", "wscript."].iter().any(|start| line.starts_with(start));
        begins || (line.starts_with("set ") && makes)
    };
    !has_braces(lower) && lower.lines().take(5_000).any(|line| is_one(line.trim_start()))
}

/// Whether a line of Basic runs a text that is put together: such a line may be all of a script.
fn undoes_basic(lower: &str) -> bool {
    const MAKES: [&str; 4] = ["strreverse(", "chr(", "chrw(", "replace("];
    let runs = |line: &str| {
        ["execute ", "execute(", "executeglobal ", "executeglobal("].iter().any(|word| line.starts_with(word))
    };
    !has_braces(lower)
        && MAKES.iter().any(|word| lower.contains(word))
        && lower.lines().take(5_000).any(|line| line.split(':').any(|statement| runs(statement.trim_start())))
}

/// Whether JavaScript runs a text that it decodes: such a line may be all of a script.
fn undoes_javascript(head: &str) -> bool {
    const RUNS: [&str; 5] = ["eval(", "Function(", "setTimeout(", "document.write(", ".constructor("];
    const DECODES: [&str; 10] = [
        "atob(",
        "unescape(",
        "decodeURIComponent(",
        "fromCharCode",
        ".reverse()",
        "[\"reverse\"]",
        "\"\\x",
        "'\\x",
        "\"\\1",
        "'\\1",
    ];
    let has = |words: &[&str]| words.iter().any(|word| head.contains(word));
    has(&RUNS) && has(&DECODES)
}

/// How many marks of JavaScript there are that other languages with braces have less of.
fn javascript(head: &str) -> usize {
    const MARKS: [&str; 18] = [
        "atob(",
        "Function(",
        "function(",
        "function (",
        "var ",
        "===",
        "ActiveXObject",
        "WScript.",
        "document.",
        "window.",
        "eval(",
        "let ",
        "const ",
        "=> ",
        ".prototype",
        "require(",
        "String.fromCharCode",
        "this.",
    ];
    const OTHERS: [&str; 16] = [
        "#include",
        "package ",
        "import java",
        "using System",
        "public class",
        "<?php",
        "def ",
        "fn main",
        "func ",
        "param(",
        "namespace ",
        "$_",
        "#define",
        "public static",
        "int main",
        "template<",
    ];
    if OTHERS.iter().any(|mark| head.contains(mark)) && !head.contains("ActiveXObject") {
        return 0;
    }
    let is_code = head.contains('(') && (head.contains(';') || undoes_javascript(head));
    if is_code { MARKS.iter().filter(|mark| head.contains(**mark)).count() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn languages(text: &str, name: &str) -> Vec<Language> {
        let parts = read(text.as_bytes(), name, None).map(|source| source.parts).unwrap_or_default();
        parts.into_iter().map(|part| part.language).collect()
    }

    #[test]
    fn languages_are_told_by_name_and_by_content() {
        assert_eq!(languages("x", "a.JS"), [Language::Javascript]);
        assert_eq!(languages("x", "a.vbs"), [Language::Vbscript]);
        assert_eq!(languages("Dim a\nSet a = CreateObject(\"x\")\n", ""), [Language::Vbscript]);
        assert_eq!(languages("var a = new ActiveXObject('x'); eval(a);", ""), [Language::Javascript]);
        assert_eq!(languages("<html><script>x</script></html>", ""), [Language::Javascript]);
        for short in [
            "CreateObject(\"WScript.Shell\").Run \"calc\", 0",
            "Set w=CreateObject(\"WScript.Shell\")\r\nw.Run \"calc\"",
            "WScript.Sleep 100",
        ] {
            assert_eq!(languages(short, "a.txt"), [Language::Vbscript], "{short}");
        }
        for one_line in [
            "Execute StrReverse(\"0,clac nuR\")",
            "x = Chr(67) & Chr(61)\r\nExecute x",
            "x = Chr(67): ExecuteGlobal(x)",
        ] {
            assert_eq!(languages(one_line, "sample.bin"), [Language::Vbscript], "{one_line}");
        }
        for one_line in [
            "eval(atob(\"YWxlcnQoMSk=\"))",
            "Function(atob('YQ=='))()",
            "eval(\"1+1\".split(\"\").reverse().join(\"\"))",
            "eval(\"\\166\\141\\162\\40\\141\")",
        ] {
            assert_eq!(languages(one_line, ""), [Language::Javascript], "{one_line}");
        }
    }

    #[test]
    fn what_a_script_is_in_is_told_by_name_and_by_content() {
        let of = |text: &str, name: &str| read(text.as_bytes(), name, None).map(|source| source.surroundings);
        let plain = "Dim a\nSet a = CreateObject(\"x\")\n";
        // The last letter that is looked at is half of one.
        let late = format!("<p>{}<script>x</script><job>", "\u{e4}".repeat(HEAD));
        let typed = "Sub AutoOpen()\nDim a As String\nEnd Sub\n";
        for (text, name, expected) in [
            (plain, "a.vbs", Surroundings::Host),
            (plain, "", Surroundings::Host),
            (typed, "a.vbs", Surroundings::Document),
            (typed, "", Surroundings::Document),
            (plain, "a.bas", Surroundings::Document),
            ("<script>x</script>", "a.hta", Surroundings::Page),
            ("<p><script>x</script>", "", Surroundings::Page),
            ("<job><script>x</script></job>", "a.wsf", Surroundings::Host),
            ("<job><script>'<html>'</script></job>", "a.wsf", Surroundings::Host),
            ("<!--<job--><script>x</script>", "a.hta", Surroundings::Page),
            ("<!--<job--><script>x</script>", "a.SVG", Surroundings::Page),
            (&late, "a.wsf", Surroundings::Page),
            ("<?xml?><scriptlet><script>x</script></scriptlet>", "", Surroundings::Host),
        ] {
            assert_eq!(of(text, name), Some(expected), "{name} {text}");
        }
    }

    #[test]
    fn a_language_is_not_told_by_what_comments_and_texts_say() {
        let script = "a=this;b=\"ev\"+\"al\";s=new a[\"Active\"+\"XObject\"](\"WScript.Shell\");s.Run(\"calc.exe\");window.x=1;document.write(\"a\");";
        for about in [
            "// [::-1]\n",
            "/* a\nimport os\nfrom a import b\n*/\n",
            "x='[::-1]' + \"__import__(\" + `\nimport os\n`;",
            "x=\"a\\\"[::-1]\";",
            "// don't\n/* exec(compile( */ // base64.b64decode(\n",
        ] {
            assert_eq!(languages(&format!("{about}{script}"), ""), [Language::Javascript], "{about}");
        }
        for basic in ["' [::-1]\nWScript.Sleep 100", "rem import os [::-1]\nWScript.Sleep 100"] {
            assert_eq!(languages(basic, ""), [Language::Vbscript], "{basic}");
        }
        for python in [
            "# it's /* one\nimport os\nx = eval(';'); window.go(this.a)\n",
            "'''\nA module; it says: this.\n'''\nfrom os import path\nx = eval(';'); window.go(this.a)\n",
            "x = 7 // 2\nexec(this[::-1]); window.a; eval('b')\n",
        ] {
            assert_eq!(languages(python, ""), [], "{python}");
        }
    }

    #[test]
    fn what_is_no_script_is_left_alone() {
        for text in [
            "",
            "Just a letter; let us say (for once) that this is prose.\n",
            "#!/bin/sh\nvar=1; eval(x)\n",
            "#include <stdio.h>\nint main(void) { var x; return this.y; }\n",
            "import os\ndef f():\n    return 1\n",
            "In Basic, objects are made with CreateObject(name).\n",
            "obj = CreateObject(x);\nobj.run();\n",
            "exec(base64.b64decode('YQ=='))\n",
            "exec(bytes.fromhex('61').decode())\neval(compile('a; b', 'c', 'exec'))\nf = this.get(__import__('os'))",
            "import os, sys\nx = eval(';'); window.go(this.a)\n",
            "EXECUTE sp_help;\nSELECT REPLACE(a, b, c);\n",
            "\u{0}\u{1}\u{2}var x; eval(y)",
        ] {
            assert_eq!(languages(text, ""), [], "{text}");
        }
    }
}
