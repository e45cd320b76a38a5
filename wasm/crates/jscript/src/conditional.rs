//! JScript's conditional compilation: what is in `/*@cc_on ... @*/` is code there, and `@if` chooses.

/// Whether a text uses it.
#[must_use]
pub fn is_used(source: &str) -> bool {
    source.contains("@cc_on")
}

/// The text as JScript 5.8 on 32 bits compiles it.
#[must_use]
pub fn compiled(source: &str) -> String {
    let opened = source.replace("/*@cc_on", " ").replace("//@cc_on", " ").replace("@cc_on", " ");
    let opened = opened.replace("/*@", "@").replace("@*/", " ");
    let mut output = String::with_capacity(opened.len());
    // For each open `@if`: whether its present part counts, and whether one did.
    let mut open: Vec<(bool, bool)> = Vec::new();
    let mut rest = opened.as_str();
    while let Some(at) = rest.find('@') {
        let counts = open.iter().all(|(counts, _)| *counts);
        if counts {
            output += rest.get(..at).unwrap_or_default();
        }
        let after = rest.get(at + 1..).unwrap_or_default();
        let word: String = after.chars().take_while(|char| char.is_ascii_alphanumeric() || *char == '_').collect();
        rest = after.get(word.len()..).unwrap_or_default();
        match word.as_str() {
            "if" => {
                let (condition, behind) = parenthesised(rest);
                rest = behind;
                let holds = is_true(condition);
                open.push((holds, holds));
            }
            "elif" => {
                let (condition, behind) = parenthesised(rest);
                rest = behind;
                if let Some((counts, one_did)) = open.last_mut() {
                    *counts = !*one_did && is_true(condition);
                    *one_did |= *counts;
                }
            }
            "else" => {
                if let Some((counts, one_did)) = open.last_mut() {
                    *counts = !*one_did;
                }
            }
            "end" => drop(open.pop()),
            // `@set @name = value` makes an ordinary variable here.
            "set" => output += "var ",
            "" => output.push('@'),
            _ if counts => output += value(&word).unwrap_or(&word),
            _ => {}
        }
    }
    if open.iter().all(|(counts, _)| *counts) {
        output += rest;
    }
    output
}

/// What is in the parentheses at the beginning, and what is behind them.
fn parenthesised(text: &str) -> (&str, &str) {
    let trimmed = text.trim_start();
    let mut depth = 0_usize;
    for (at, char) in trimmed.char_indices() {
        match char {
            '(' => depth += 1,
            ')' if depth <= 1 => {
                return (trimmed.get(1..at).unwrap_or_default(), trimmed.get(at + 1..).unwrap_or_default());
            }
            ')' => depth -= 1,
            _ if depth == 0 => break,
            _ => {}
        }
    }
    ("", text)
}

fn value(word: &str) -> Option<&'static str> {
    Some(match word {
        "_win32" | "_x86" | "_jscript" => "true",
        "_win64" | "_amd64" | "_win16" | "_mac" | "_alpha" | "_mc680x0" | "_PowerPC" => "false",
        "_jscript_version" => "5.8",
        "_jscript_build" => "16384",
        _ => return None,
    })
}

/// Alternatives of conjunctions of names and comparisons; what is not understood holds.
fn is_true(condition: &str) -> bool {
    condition.split("||").any(|part| part.split("&&").all(is_met))
}

fn is_met(term: &str) -> bool {
    let term = term.trim().trim_matches(['(', ')', ' ']);
    if let Some(negated) = term.strip_prefix('!') {
        return !is_met(negated);
    }
    if let Some((name, least)) = term.split_once(">=").or_else(|| term.split_once('>')) {
        return number(name) >= number(least);
    }
    if let Some((name, other)) = term.split_once("==") {
        return (number(name) - number(other)).abs() < f64::EPSILON;
    }
    value(term.trim_start_matches('@')) != Some("false") && term != "false" && term != "0"
}

fn number(text: &str) -> f64 {
    let text = text.trim().trim_start_matches('@');
    value(text).unwrap_or(text).parse().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::compiled;

    fn words(source: &str) -> String {
        compiled(source).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_that_are_code_are_opened() {
        assert_eq!(words("/*@cc_on a() @*/ b()"), "a() b()");
        assert_eq!(
            words("/*@cc_on @*/ /*@if (@_win64) a() @elif (@_jscript_version >= 5) b() @else @*/ c() /*@end @*/"),
            "b()"
        );
        assert_eq!(words("/*@cc_on x = @_jscript_version @*/"), "x = 5.8");
        assert_eq!(words("/*@cc_on @if (!@_win32) a() @else b() @end @*/"), "b()");
        assert_eq!(words("/*@cc_on @set @x = 1 @*/"), "var x = 1");
    }

    #[test]
    fn unfinished_ones_are_borne() {
        for source in ["@cc_on @if", "@cc_on @if (", "@cc_on @end @else @elif", "@cc_on @", "@cc_on \u{e4}@\u{e4}"] {
            assert!(compiled(source).len() <= source.len() + 8);
        }
    }
}
