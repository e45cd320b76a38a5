//! VBScript and VBA: constant expressions folded, and what is run taken out.

mod assigned;
mod evaluate;
mod functions;
mod loops;
mod token;

use crate::budget::Budget;
use crate::language::Language;
use crate::peel::{Found, Rewrite, Technique};
use crate::script::{self, Constant, Value};
use evaluate::Evaluator;
use token::{Placed, Token};

/// What runs a text as a script.
const RUNNERS: [&str; 4] = ["execute", "executeglobal", "eval", "executestatement"];
/// What runs a text as a command.
const COMMANDS: [&str; 3] = ["run", "shell", "exec"];
/// Characters of a command that is worth a layer.
const LEAST_COMMAND: usize = 24;

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
        if evaluator.may_begin(at)
            && let Some((value, end)) = evaluator.constant(at)
            && end > at + 1
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

fn folded(tokens: &[Placed], at: usize, end: usize, value: &Value) -> Option<Constant> {
    let part = tokens.get(at..end)?;
    let (start, stop) = (part.first()?.start, part.last()?.end);
    let (literal, technique, weight) = match value {
        Value::Text(text) => {
            let (technique, weight) = kind(part, text);
            (literal(text)?, technique, weight)
        }
        Value::Int(number) if part.len() >= 3 && part.iter().any(|placed| matches!(placed.token, Token::Name(_))) => {
            (number.to_string(), Technique::Constant, 20)
        }
        _ => return None,
    };
    if part.len() == 3 && matches!(part[0].token, Token::Sign('(')) {
        return None;
    }
    let is_new = part.iter().map(|placed| placed.end - placed.start).sum::<usize>() != literal.len() || part.len() > 1;
    is_new.then_some(Constant { start, end: stop, literal, technique, weight })
}

fn kind(part: &[Placed], text: &str) -> (Technique, usize) {
    let names = |wanted: &str| {
        part.iter()
            .filter(|placed| matches!(&placed.token, Token::Name(name) if name.trim_end_matches(['w', 'b']) == wanted))
            .count()
    };
    let has = |wanted: &str| part.iter().any(|placed| matches!(&placed.token, Token::Name(name) if name == wanted));
    let characters = names("chr");
    if characters > 0 {
        // A line's end or a quote is written so by everybody.
        let is_plain = text.bytes().filter(u8::is_ascii_alphanumeric).count() * 2 < characters.min(text.len());
        return (Technique::Charcode, if is_plain || characters < 2 { 0 } else { 50 * characters });
    }
    if has("strreverse") {
        return (Technique::Reverse, 200);
    }
    if has("replace") {
        return (Technique::Replace, 100);
    }
    if has("join") || has("split") {
        return (Technique::JoinSplit, 60);
    }
    if has("mid") || has("left") || has("right") {
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
    (Technique::Concat, if text.len() <= pieces.len() * 12 { 60 * within.count() } else { 0 })
}

/// In quotes; what cannot be written in them is put beside them again. None where that would be most of it.
fn literal(text: &str) -> Option<String> {
    let odd = text.chars().filter(|letter| letter.is_control()).count();
    if odd * 8 > text.chars().count() {
        return None;
    }
    let mut parts: Vec<String> = Vec::new();
    let mut plain = String::new();
    for letter in text.chars() {
        if letter.is_control() {
            if !plain.is_empty() {
                parts.push(format!("\"{}\"", plain.replace('"', "\"\"")));
                plain.clear();
            }
            parts.push(format!("Chr({})", u32::from(letter)));
        } else {
            plain.push(letter);
        }
    }
    if !plain.is_empty() || parts.is_empty() {
        parts.push(format!("\"{}\"", plain.replace('"', "\"\"")));
    }
    Some(parts.join(" & "))
}

fn run(text: &str, budget: &mut Budget) -> Vec<Found> {
    let tokens = token::tokens(text);
    let mut evaluator = Evaluator::new(&tokens, budget);
    let mut found = Vec::new();
    for (at, placed) in tokens.iter().enumerate() {
        let Token::Name(name) = &placed.token else { continue };
        let is_code = RUNNERS.contains(&name.as_str());
        if !is_code && !COMMANDS.contains(&name.as_str()) {
            continue;
        }
        // `Execute(x)` and `Execute x` both.
        let Some((value, end)) = evaluator.constant(at + 1) else { continue };
        let (Some(text), Some(first), Some(last)) = (value.text(), tokens.get(at + 1), tokens.get(end - 1)) else {
            continue;
        };
        if text.trim().len() < if is_code { 4 } else { LEAST_COMMAND } {
            continue;
        }
        let technique = if is_code { Technique::Eval } else { Technique::Command };
        let layer = Found::part(technique, if is_code { 100 } else { 90 }, text.into_bytes()).at(first.start, last.end);
        found.push(if is_code { layer.language(Language::Vbscript) } else { layer });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDDEN: &str = "w = Chr(104) & Chr(116) & Chr(116) & Chr(112) & Chr(58)\n";

    fn last_line(line: &str) -> String {
        let text = format!("{HIDDEN}{line}");
        let done = undo(&text, &mut Budget::new(text.len())).text.unwrap_or_default();
        assert!(done.starts_with("w = \"http:\"\n"), "{done}");
        done.lines().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn operators_bind_as_basic_has_it() {
        for (line, done) in [
            ("x = Chr(61 + 10 Mod 3 * 2) & Chr(64 + 7 \\ 2 * 3)", "x = \"AA\""),
            ("x = Chr(100 \\ 3 \\ 2 + 49) & \"B\"", "x = \"AB\""),
            ("x = Chr(70 Xor 7) & \"B\"", "x = \"AB\""),
            ("x = Asc(\"A\") + 2 ^ 2", "x = 65 + 2 ^ 2"),
        ] {
            assert_eq!(last_line(line), done);
        }
    }

    #[test]
    fn what_is_only_a_part_of_an_expression_is_left() {
        for line in ["x = 5 And 3 Xor 1", "x = a Mod 7 Mod 3", "x = a Mod Asc(\"x\") + 1"] {
            assert_eq!(last_line(line), line);
        }
    }

    fn runs(text: &str) -> Vec<String> {
        let found = run(text, &mut Budget::new(text.len())).into_iter();
        found.map(|one| String::from_utf8(one.content).expect("text")).collect()
    }

    #[test]
    fn loops_that_put_a_text_together_are_gone_through() {
        let (plain, by) = ("MsgBox \"hi\"", |number: u32| {
            "MsgBox \"hi\""
                .bytes()
                .map(move |byte| (u32::from(byte) + number).to_string())
                .collect::<Vec<_>>()
                .join(",")
        });
        let hex: Vec<String> = plain.bytes().map(|byte| format!("{byte:02x}")).collect();
        for text in [
            format!("s = \"\"\nFor Each c In Split(\"{}\",\",\")\n s = s & Chr(CInt(c)-3)\nNext\nExecute s", by(3)),
            format!("For Each c In Split(\"{}\",\",\"): s = s + Chr(c - 3): Next: Execute(s)", by(3)),
            format!("For Each x In Split(\"{}\",\" \")\ns = s & Chr(CLng(\"&H\" & x))\nNext\nExecute s", hex.join(" ")),
            format!("For Each x In Array({})\nn = x - 1\ns = s & Chr(n Xor 0)\nNext\nt = s\nExecute t", by(1)),
            format!("a = Split(\"{}\",\",\")\nFor i = 0 To UBound(a)\ns = s & Chr(a(i)-5)\nNext\nExecute s", by(5)),
            format!(
                "h = \"{}\"\nFor i = 1 To Len(h) Step 2\ns = s & Chr(\"&H\" & Mid(h, i, 2))\nNext\nExecute s",
                hex.concat()
            ),
        ] {
            assert_eq!(runs(&text), [plain], "{text}");
        }
    }

    #[test]
    fn loops_whose_end_is_not_known_give_nothing() {
        let body = "For Each c In Split(\"65,66,67,68\",\",\")\ns = s & Chr(c)\nNext\n";
        for text in [
            format!("Do While x\n{body}Loop\nExecute s"),
            format!("{body}s = y\nExecute s"),
            format!("Execute s\n{body}"),
            format!("s = y\n{body}Execute s"),
            format!("If y Then s = \"x\"\n{body}Execute s"),
            format!("If y Then\ns = \"x\"\nElseIf z Then\nt = 1\nEnd If\n{body}Execute s"),
            format!("If z Then\nt = 1\nElseIf y Then\nElse\ns = \"x\"\nEnd If\n{body}Execute s"),
            format!("Select Case y\nCase 1\ns = \"x\"\nEnd Select\n{body}Execute s"),
            format!("Do While y\ns = \"x\"\nLoop\n{body}Execute s"),
            body.replace("Next", "If c Then Exit For\nNext") + "Execute s",
            body.replace("Chr(c)", "Chr(c Xor y)") + "Execute s",
            "For i = 1 To 99999999999\ns = s & \"x\"\nNext\nExecute s".to_owned(),
            "For i = 1 To 9 Step 0\ns = s & \"x\"\nNext\nExecute s".to_owned(),
        ] {
            assert!(runs(&text).is_empty(), "{text}");
        }
    }
}
