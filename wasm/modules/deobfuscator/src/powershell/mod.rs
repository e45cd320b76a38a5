//! PowerShell: constant expressions folded, and what is run taken out.

mod changes;
mod evaluate;
mod methods;
mod primary;
mod token;
mod variables;

use crate::budget::Budget;
use crate::decode::base64::{self, STANDARD};
use crate::decode::text::utf16;
use crate::language::{Language, within_words};
use crate::peel::{Found, Rewrite, Technique};
use crate::score;
use crate::script::{self, Constant, Value};
use evaluate::Evaluator;
use token::{Placed, Token};

/// Names under which a text is run.
const RUNNERS: [&str; 2] = ["iex", "invoke-expression"];
/// Backticks in words that no honest script has.
const TICK_WEIGHT: usize = 40;

pub fn undo(text: &str, budget: &mut Budget) -> Rewrite {
    let mut done = script::fold(text, budget, constants);
    if done.text.is_none() {
        done.found = run(text, budget);
    }
    done
}

fn constants(text: &str, budget: &mut Budget) -> Vec<Constant> {
    let tokens = token::tokens(text);
    let mut evaluator = Evaluator::new(&tokens, budget);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(one) = plain_word(&tokens, at, text) {
            found.push(one);
        } else if let Some(one) = plain_text(&tokens[at], text).or_else(|| expanded(&mut evaluator, &tokens, at)) {
            found.push(as_member(one, &tokens, at));
        } else if evaluator.may_begin(at)
            && let Some((value, end)) = evaluator.constant(at)
            && end > at + 1
            // What gets a value is none.
            && tokens.get(end).is_none_or(|behind| behind.token != Token::Sign('='))
            && let Some(one) = folded(&tokens, at, end, &value)
        {
            found.push(one);
            at = end;
            continue;
        }
        at += 1;
    }
    found
}

/// A word without the backticks that mean nothing.
fn plain_word(tokens: &[Placed], at: usize, text: &str) -> Option<Constant> {
    let placed = &tokens[at];
    let Token::Word(_, 1..) = &placed.token else { return None };
    let source = text.get(placed.start..placed.end)?;
    // Names of commands have nothing that stands for another letter.
    let (literal, idle) =
        if is_command(tokens, at) { (source.replace('`', ""), source.to_owned()) } else { without_idle_ticks(source) };
    let within = within_words(&idle, b'`').len();
    // Where all stand around a word, they may quote it, as in Markdown.
    (within > 0).then(|| Constant {
        start: placed.start,
        end: placed.end,
        literal,
        technique: Technique::Backtick,
        weight: TICK_WEIGHT * within.saturating_sub(around(source)),
    })
}

/// Whether a word is what is run, and not its argument.
fn is_command(tokens: &[Placed], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| &tokens[before].token);
    matches!(
        before,
        None | Some(Token::Line | Token::Sign(';' | '|' | '{' | '(' | '&' | '=') | Token::Signs("$(" | "@("))
    )
}

/// A word without the backticks that mean nothing, and the same with another letter for the others: those of
/// `` `0 `a `b `f `n `r `t `v `` and of a backtick itself (Windows PowerShell, "about_Special_Characters").
fn without_idle_ticks(word: &str) -> (String, String) {
    let (mut plain, mut idle) = (String::new(), String::new());
    let mut letters = word.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.next_if(|next| letter == '`' && "0abfnrtv`".contains(*next));
        if let Some(next) = next {
            plain.extend([letter, next]);
            idle.extend(['_', if next == '`' { '_' } else { next }]);
        } else {
            idle.push(letter);
            plain.extend((letter != '`').then_some(letter));
        }
    }
    (plain, idle)
}

/// Backticks around a word or parts of it: one may be half of a pair whose other half stands within, `` `word`s ``.
fn around(word: &str) -> usize {
    word.matches('`').count() - within_words(word, b'`').len()
}

/// A text in double quotes without the backticks that mean nothing.
fn plain_text(placed: &Placed, text: &str) -> Option<Constant> {
    let Token::Text(value) = &placed.token else { return None };
    let source = text.get(placed.start..placed.end).filter(|source| source.starts_with('"'))?;
    if within_words(source, b'`').is_empty() || value.chars().any(char::is_control) || value.contains(['"', '$', '`']) {
        return None;
    }
    let weigh = |word: &str| TICK_WEIGHT * within_words(word, b'`').len().saturating_sub(around(word));
    Some(Constant {
        start: placed.start,
        end: placed.end,
        literal: quoted(value),
        technique: Technique::Backtick,
        weight: source.split_ascii_whitespace().map(weigh).sum(),
    })
}

/// A text with variables in it that have one value.
fn expanded(evaluator: &mut Evaluator<'_, '_>, tokens: &[Placed], at: usize) -> Option<Constant> {
    let placed = tokens.get(at)?;
    let Token::Expanding(raw) = &placed.token else { return None };
    let text = evaluator.expand(raw, at)?;
    Some(Constant {
        start: placed.start,
        end: placed.end,
        literal: quoted(&text),
        technique: Technique::ConstantVariable,
        weight: 30,
    })
}

/// Behind a dot, a name needs no quotes.
fn as_member(one: Constant, tokens: &[Placed], at: usize) -> Constant {
    let is_behind_dot = at > 0
        && matches!(tokens[at - 1].token, Token::Sign('.') | Token::Signs("::"))
        && tokens[at - 1].end == tokens[at].start;
    let name = one.literal.trim_matches('\'');
    let is_name = name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    // `. 'name'` runs a command.
    let has_object =
        at > 1 && tokens[at - 2].end == tokens[at - 1].start && !matches!(tokens[at - 2].token, Token::Line);
    if is_behind_dot && is_name && has_object { Constant { literal: name.to_owned(), ..one } } else { one }
}

fn folded(tokens: &[Placed], at: usize, end: usize, value: &Value) -> Option<Constant> {
    let (start, stop) = (tokens.get(at)?.start, tokens.get(end - 1)?.end);
    let part = tokens.get(at..end)?;
    let text = match value {
        Value::Text(text) => text.clone(),
        Value::Char(letter) => letter.to_string(),
        Value::Int(number) if part.len() >= 3 => {
            return Some(Constant {
                start,
                end: stop,
                literal: number.to_string(),
                technique: Technique::Constant,
                weight: 0,
            });
        }
        _ => return None,
    };
    let (technique, weight) = kind(part, &text);
    // A text in parentheses alone is what it is, and may be an argument.
    let is_plain =
        part.len() == 3 && matches!(part[0].token, Token::Sign('(')) && matches!(part[1].token, Token::Text(_));
    if is_plain && at > 0 && matches!(tokens[at - 1].token, Token::Word(..) | Token::Type(_)) {
        return None;
    }
    Some(Constant { start, end: stop, literal: quoted(&text), technique, weight: if is_plain { 0 } else { weight } })
}

fn kind(part: &[Placed], text: &str) -> (Technique, usize) {
    let has = |wanted: &str| {
        part.iter()
            .any(|placed| matches!(&placed.token, Token::Word(word, _) | Token::Type(word) if word.contains(wanted)))
    };
    let operator = |wanted: &str| {
        part.iter().any(|placed| matches!(placed.token, Token::Operator(known) if known.contains(wanted)))
    };
    if has("deflate") {
        return (Technique::Deflate, 200);
    }
    if has("gzip") {
        return (Technique::Gzip, 200);
    }
    if has("frombase64string") {
        return (Technique::Base64, 200);
    }
    if has("char") || has("toint") || has("tobyte") {
        return (Technique::Charcode, if text.len() > 2 { 200 } else { 50 });
    }
    if operator("-f") {
        return (Technique::FormatOperator, 100);
    }
    if operator("replace") || has("replace") {
        return (Technique::Replace, 100);
    }
    if operator("join") || operator("split") || has("join") || has("split") {
        return (Technique::JoinSplit, 60);
    }
    if has("substring") {
        return (Technique::Substring, 60);
    }
    let pieces: Vec<&str> = part
        .iter()
        .filter_map(|placed| match &placed.token {
            Token::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let within = pieces.windows(2).filter(|pair| {
        pair[0].bytes().next_back().is_some_and(|byte| byte.is_ascii_alphanumeric())
            && pair[1].bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
    });
    let is_short = text.len() <= pieces.len() * 12;
    (Technique::Concat, if is_short { 60 * within.count() } else { 0 })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What is run: given to `iex` in whichever way.
fn run(text: &str, budget: &mut Budget) -> Vec<Found> {
    let tokens = token::tokens(text);
    let mut evaluator = Evaluator::new(&tokens, budget);
    let mut found = Vec::new();
    let mut line = 0;
    for at in 0..tokens.len() {
        match &tokens[at].token {
            Token::Line | Token::Sign(';' | '{' | '}') => line = at + 1,
            Token::Word(word, _) if RUNNERS.contains(&word.as_str()) => {
                found.extend(runner(&mut evaluator, &tokens, line, at, at))
            }
            // `& 'iex'`, `.('iex')`
            Token::Sign('&' | '.') if is_called_by_name(&tokens, at) => {
                found.extend(runner(&mut evaluator, &tokens, line, at, at + name_length(&tokens, at)))
            }
            Token::Word(word, _) if matches!(word.as_str(), "invokescript" | "create" | "newscriptblock") => {
                found.extend(argument(&mut evaluator, &tokens, at + 1));
            }
            _ => {}
        }
    }
    found
}

fn is_runner(token: &Token) -> bool {
    matches!(token, Token::Text(name) if RUNNERS.contains(&name.to_ascii_lowercase().as_str()))
}

fn is_called_by_name(tokens: &[Placed], at: usize) -> bool {
    match tokens.get(at + 1).map(|placed| &placed.token) {
        Some(Token::Sign('(')) => tokens.get(at + 2).is_some_and(|placed| is_runner(&placed.token)),
        Some(token) => is_runner(token),
        None => false,
    }
}

fn name_length(tokens: &[Placed], at: usize) -> usize {
    if matches!(tokens.get(at + 1).map(|placed| &placed.token), Some(Token::Sign('('))) { 3 } else { 1 }
}

/// What stands behind the runner, or before it in a pipeline. `last` is the runner's last token.
fn runner(
    evaluator: &mut Evaluator<'_, '_>,
    tokens: &[Placed],
    line: usize,
    first: usize,
    last: usize,
) -> Option<Found> {
    let is_piped = first > 0 && matches!(tokens[first - 1].token, Token::Sign('|'));
    if is_piped {
        let (value, end) = evaluator.constant(line)?;
        return (end == first - 1).then(|| layer(tokens, line, end, &value)).flatten();
    }
    argument(evaluator, tokens, last + 1)
}

fn argument(evaluator: &mut Evaluator<'_, '_>, tokens: &[Placed], at: usize) -> Option<Found> {
    let (value, end) = evaluator.constant(at)?;
    layer(tokens, at, end, &value)
}

fn layer(tokens: &[Placed], at: usize, end: usize, value: &Value) -> Option<Found> {
    let text = value.text().filter(|text| text.trim().len() >= 4)?;
    let (start, stop) = (tokens.get(at)?.start, tokens.get(end.checked_sub(1)?)?.end);
    Some(Found::part(Technique::Eval, 100, text.into_bytes()).at(start, stop).language(Language::Powershell))
}

/// Commands for PowerShell in base64, in a text of any language.
pub fn encoded_commands(text: &str) -> Vec<Found> {
    let lower = text.to_ascii_lowercase();
    let bytes = lower.as_bytes();
    let mut found = Vec::new();
    // PowerShell takes a slash for a dash.
    let switches = memchr::memchr2_iter(b'-', b'/', bytes).filter(|at| bytes.get(at + 1) == Some(&b'e'));
    for at in switches.take(2_000) {
        let name_end =
            at + bytes[at..].iter().skip(1).take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'^').count() + 1;
        let name: String = lower.get(at + 1..name_end).unwrap_or_default().replace('^', "");
        if !("encodedcommand".starts_with(&name) || name == "ec") {
            continue;
        }
        let is_gap = |byte: &&u8| matches!(**byte, b' ' | b'\t' | b'"' | b'\'');
        let start = name_end + bytes[name_end..].iter().take_while(is_gap).count();
        let end = start
            + bytes[start..]
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(**byte, b'+' | b'/' | b'='))
                .count();
        let Some(run) = text.get(start..end).filter(|run| run.len() >= 16 && start > name_end) else { continue };
        let Some(wide) = base64::decode(run.as_bytes(), STANDARD) else { continue };
        let plain = utf16(&wide, true);
        if score::text(&plain).is_some_and(|confidence| confidence >= 35) {
            found.push(Found::part(Technique::EncodedCommand, 98, plain).at(start, end).language(Language::Powershell));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDDEN: &str = "$w = 'ht'+'tp'+':/'+'/ev'+'il.ex'+'ample'\n";

    fn last_line(line: &str) -> String {
        let text = format!("{HIDDEN}{line}");
        let done = undo(&text, &mut Budget::new(text.len())).text.unwrap_or_default();
        assert!(done.starts_with("$w = 'http://evil.example'\n"), "{done}");
        done.lines().last().unwrap_or_default().to_owned()
    }

    /// What a script runs, once all that hides it is undone.
    fn runs(text: &str) -> Vec<String> {
        let mut budget = Budget::new(text.len());
        let done = undo(text, &mut budget).text.unwrap_or_else(|| text.to_owned());
        let found = run(&done, &mut budget).into_iter();
        found.map(|one| String::from_utf8(one.content).expect("text")).collect()
    }

    #[test]
    fn what_is_added_to_a_variable_is_known() {
        for text in [
            "$s='IEX '; $s+=\"'h\"; $s += \"i'\"\niex $s",
            "[string]$s = 'IEX '; $s += [char]39 + 'hi' + [char]39; iex $s",
            "$a = 73,69,88; $a += 32; $a += 39,104,105,39; $s = ([char[]]$a) -join ''; iex $s",
        ] {
            assert_eq!(runs(text), ["IEX 'hi'"], "{text}");
        }
        for unknown in
            ["$s='IEX '; if ($x) { $s += \"'hi'\" }; iex $s", "$s = $y; $s += 'IEX 1'; iex $s", "$s += 'IEX 1'; iex $s"]
        {
            assert_eq!(runs(unknown), Vec::<String>::new(), "{unknown}");
        }
    }

    #[test]
    fn a_variable_has_the_type_that_it_is_declared_with() {
        for text in [
            "[char[]]$a=73,69,88,32,39,104,105,39; $s=$a -join ''; iex $s",
            "[char[]]$a='x'; $a=73,69,88,32,39,104,105,39; $s=$a -join ''; iex $s",
            "[string]$s=[char[]](73,69,88,32,39,104,105,39) -join ''; iex $s",
            "[byte[]] $b = 73,69,88,32,39,104,105,39\niex ([Text.Encoding]::ASCII.GetString($b))",
        ] {
            assert_eq!(runs(text), ["IEX 'hi'"], "{text}");
        }
        assert_eq!(runs("[string]$s = 1,2,3; iex $s"), ["1 2 3"]);
        // What a type makes of a value that is not known here is not known.
        assert!(runs("[xml]$s = 'some text'; iex $s").is_empty());
    }

    #[test]
    fn a_variable_is_what_it_was_last_set_to() {
        for text in [
            "$x='''ih'' XEI';$x=$x[-1..-($x.Length)] -join '';iex $x",
            "$a='''ih'' XEI'.ToCharArray();[array]::Reverse($a);iex(-join $a)",
            "$a=('''ih'' XEI').ToCharArray()\n[System.Array]::Reverse($a)\n$b = -join $a\niex $b",
            "$x='__IEX ''hi''__'; $x = $x.Substring(2); $x = $x.Substring(0, $x.Length - 2); iex $x",
            "$x='IEX ''hi'''; iex \"$x\"; $x = Get-Content y; iex $x",
        ] {
            assert_eq!(runs(text), ["IEX 'hi'"], "{text}");
        }
        assert_eq!(runs("$x='first'; iex $x; $x='second'; iex $x"), ["first", "second"]);
    }

    #[test]
    fn what_may_run_later_or_never_leaves_a_variable_unknown() {
        for text in [
            "$x='first'; if ($y) { $x='second' }; iex $x",
            "$x='first'; function f { iex $x }; $x='second'; f",
            "$x='first'; for ($x='second'; $x; $x='third') { }; iex $x",
            "$a='first'; [array]::Reverse($a); iex $a",
            "$a='''ih'' XEI'.ToCharArray();[array]::Reverse($a,0,3);iex(-join $a)",
            "$a='''ih'' XEI'.ToCharArray();[array]::Sort($a);iex(-join $a)",
            "$a='first'.ToCharArray();[array]::Copy($b, $a, 3);iex(-join $a)",
            "$x='first'; $x=Get-Content y; iex $x",
            "$x=$x + 'first'; iex $x",
        ] {
            assert!(runs(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn backticks_that_quote_are_left() {
        let undone = |text: &str| undo(text, &mut Budget::new(text.len())).text.unwrap_or_default();
        let rest = "See ``get-traces`` and ``batch-get-traces`` of ``set-x``.\n".repeat(20);
        let markdown = "Get-Item `a-b`s, `c`ed; \"one `d` two `e` three\" [`f`](g) and `New-Object`s.\n".repeat(20);
        assert_eq!((undone(&rest), undone(&markdown)), (String::new(), String::new()));
        assert_eq!(undone("iN`v`oKe-e`xpR`essi`on $x\n"), "iNvoKe-expRession $x\n");
        assert_eq!(undone("(N`ew-Obj`ect N`et.WebC`lient)\n"), "(New-Object Net.WebClient)\n");
        // A tab and a line's end in an argument.
        assert_eq!(undone("Write-Host Name`tSize`nDate ----`t----`t----\n".repeat(9).as_str()), "");
        assert_eq!(undone("`I`N`V`O`K`E-Item $x; & \"G`et-I`Tem\"\n"), "INVOKE-Item $x; & 'Get-ITem'\n");
        assert_eq!(undone("po`wershell -c 1\n"), "powershell -c 1\n");
    }

    #[test]
    fn a_compressed_stream_may_be_held_in_a_variable() {
        // IEX 'hi'
        let base64 = "H4sIAAAAAAACA/N0jVBQz8hUBwB1kcsOCAAAAA==";
        let read = "IEX (New-Object IO.StreamReader(New-Object IO.Compression.GzipStream($s,\
            [IO.Compression.CompressionMode]::Decompress))).ReadToEnd();";
        for stream in ["IO.MemoryStream(,[Convert]::", "IO.MemoryStream -ArgumentList @(,[Convert]::"] {
            let text = format!("$s=New-Object {stream}FromBase64String('{base64}'));{read}");
            assert_eq!(runs(&text), ["IEX 'hi'"], "{text}");
        }
    }

    #[test]
    fn arguments_of_a_method_are_apart() {
        for (line, done) in [
            ("$x.GetField('am'+'siInitFailed','NonPublic,Static')", "$x.GetField('amsiInitFailed','NonPublic,Static')"),
            ("[Type]::Do('ab'+'cd','x','y'+'z')", "[Type]::Do('abcd','x','yz')"),
            ("$x.\"Do\"('{0}' -f 'ab','c'+'d')", "$x.\"Do\"('ab','cd')"),
            ("$x.('D'+'o')('a'+'b','c')", "$x.('Do')('ab','c')"),
            ("$x.Do(('a'+'b','c'))", "$x.Do('ab c')"),
            // Of a command, a list is one argument.
            ("New-Object T('a'+'b',443)", "New-Object T('ab 443')"),
            ("New-Object N.T('a'+'b',443)", "New-Object N.T('ab 443')"),
        ] {
            assert_eq!(last_line(line), done);
        }
    }

    #[test]
    fn parts_of_a_text_are_taken() {
        assert_eq!(last_line("$x = 'xxIEXyy'.Substring(2,3)"), "$x = 'IEX'");
        assert_eq!(last_line("$x = 'xxIEX'.Substring(2)"), "$x = 'IEX'");
        let parts = "$a='pqdownload'.Substring(2); $b='xstringx'.Substring(1,6); $c='zzfile'.Substring(2); \
            $d='aaab'.Substring(3)\n";
        let done = undo(parts, &mut Budget::new(parts.len())).text.unwrap_or_default();
        assert_eq!(done, "$a='download'; $b='string'; $c='file'; $d='b'\n");
    }

    #[test]
    fn a_switch_begins_with_a_dash_or_a_slash() {
        // IEX 'hello world'
        let base64 = "SQBFAFgAIAAnAGgAZQBsAGwAbwAgAHcAbwByAGwAZAAnAA==";
        for switch in ["-enc", "/eNc", "/EncodedCommand"] {
            let found = encoded_commands(&format!("pOwErShElL {}w 1 {switch} {base64}", &switch[..1]));
            assert_eq!(found.len(), 1, "{switch}");
            assert_eq!(found[0].content, b"IEX 'hello world'");
        }
        assert!(encoded_commands("see https://example.com/e and /enc nothing").is_empty());
    }

    #[test]
    fn groups_are_put_in_as_their_numbers_say() {
        assert_eq!(last_line("$x = 'ab' -replace '(a)(b)','$2x$1'"), "$x = 'bxa'");
        assert_eq!(last_line("$x = 'ab' -replace 'a','$$'"), "$x = '$b'");
    }

    #[test]
    fn a_call_keeps_its_parentheses() {
        assert_eq!(last_line("$x.\"down`load\"('a'+'b')"), "$x.download('ab')");
        assert_eq!(last_line("f ('a'+'b')('c'+'d')"), "f 'ab'('cd')");
    }

    #[test]
    fn what_another_scope_sets_is_not_known() {
        let set = "$a = 'old'\nfunction f { $script:a = 'new' }\n";
        let text = format!("{HIDDEN}{set}f; g ($a + 'c')\n");
        let done = undo(&text, &mut Budget::new(text.len())).text.unwrap_or_default();
        assert!(done.ends_with("g ($a + 'c')\n"), "{done}");
    }

    #[test]
    fn a_host_in_pieces_is_enough() {
        let undone = |text: &str| undo(text, &mut Budget::new(text.len())).text.unwrap_or_default();
        assert_eq!(undone("$u = 'http://bad-'+'drop.example/x'\n"), "$u = 'http://bad-drop.example/x'\n");
        assert_eq!(undone("$u = 'http://one.example'+'/x'\n"), "");
        assert_eq!(undone("$x.GetField('am'+'siInitFailed','a')\n"), "$x.GetField('amsiInitFailed','a')\n");
    }

    #[test]
    fn what_more_arguments_change_is_left() {
        for line in [
            "$x = 'a-b-c'.Split('-', 2)[1]",
            "$x = ('a-b-c' -split '-', 2)[1]",
            "$x = 1 + 6 / 2",
            "$x = 'ab' -replace '(a)','$12'",
        ] {
            assert_eq!(last_line(line), line);
        }
    }
}
