//! Modules of the language as scripts: an `import` at the beginning of a line becomes a `require`, an `export` what it
//! exports. There are no other files here that a module could come from.

/// Whether a line begins as only those of modules do.
#[must_use]
pub fn is_one(source: &str) -> bool {
    source.lines().any(|line| {
        let line = line.trim_start();
        let imports = line.strip_prefix("import").is_some_and(|rest| rest.starts_with([' ', '{', '*', '"', '\'']));
        imports || line.strip_prefix("export").is_some_and(|rest| rest.starts_with([' ', '{', '*']))
    })
}

/// The module as a script, line for line.
#[must_use]
pub fn script(source: &str) -> String {
    let mut output = String::with_capacity(source.len() + 64);
    let mut open: Option<String> = None;
    for line in source.split_inclusive('\n') {
        if let Some(statement) = &mut open {
            statement.push_str(line);
            if ends(statement) {
                output += &rewritten(statement);
                open = None;
            }
            continue;
        }
        let trimmed = line.trim_start();
        let begins = |word: &str, next: &[char]| trimmed.strip_prefix(word).is_some_and(|rest| rest.starts_with(next));
        let lists = begins("export", &['{', '*']) || begins("export ", &['{', '*']);
        if lists || begins("import", &[' ', '{', '*', '"', '\'']) {
            if ends(trimmed) {
                output += &rewritten(trimmed);
            } else {
                open = Some(trimmed.to_owned());
            }
        } else if let Some(rest) = trimmed.strip_prefix("export default ") {
            output += "module.exports.default = ";
            output += rest;
        } else if let Some(rest) = trimmed.strip_prefix("export ") {
            output += rest;
        } else {
            output += line;
        }
    }
    output + open.as_deref().unwrap_or_default()
}

/// Statements of several lines end where their braces are closed and something follows.
fn ends(statement: &str) -> bool {
    let closed = statement.matches('{').count() <= statement.matches('}').count();
    closed && (statement.trim_start().starts_with("export") || statement.contains(['"', '\'']))
}

/// As many lines as before, so that errors name the right ones.
fn rewritten(statement: &str) -> String {
    let lines = "\n".repeat(statement.matches('\n').count());
    let plain = statement.trim().trim_end_matches(';');
    let Some(rest) = plain.strip_prefix("import") else { return lines };
    let Some((names, module)) = split(rest) else { return lines };
    let call = format!("require({module})");
    let names = names.trim().trim_end_matches("from").trim();
    let mut parts = Vec::new();
    let (default, braces) = match names.find('{') {
        Some(at) => (names.get(..at).unwrap_or_default(), names.get(at..).unwrap_or_default()),
        None => (names, ""),
    };
    for name in default.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let name = name.strip_prefix('*').map_or(name, |rest| rest.trim().trim_start_matches("as").trim());
        parts.push(format!("{name} = {call}"));
    }
    if !braces.is_empty() {
        parts.push(format!("{} = {call}", braces.replace(" as ", ": ").replace('\n', " ")));
    }
    match parts.is_empty() {
        true => format!("{call};{lines}"),
        false => format!("var {};{lines}", parts.join(", ")),
    }
}

/// What is imported, and from where, in its quotes.
fn split(rest: &str) -> Option<(&str, &str)> {
    let start = rest.find(['"', '\''])?;
    let quote = rest.get(start..)?.chars().next()?;
    let length = rest.get(start + 1..)?.find(quote)?;
    Some((rest.get(..start)?, rest.get(start..start + length + 2)?))
}

#[cfg(test)]
mod tests {
    use super::{is_one, script};

    #[test]
    fn imports_become_calls() {
        for (module, expected) in [
            ("import 'a';\n", "require('a');\n"),
            ("import a from \"a\"\n", "var a = require(\"a\");\n"),
            ("import * as a from 'a';", "var a = require('a');"),
            ("import { a as b, c } from 'a';", "var { a: b, c } = require('a');"),
            ("import a, {b} from 'a';", "var a = require('a'), {b} = require('a');"),
            ("import {\n  a,\n  b\n} from 'a';\nx();", "var {   a,   b } = require('a');\n\n\n\nx();"),
            (
                "export default f;\nexport const a = 1;\nexport { a };\n",
                "module.exports.default = f;\nconst a = 1;\n\n",
            ),
        ] {
            assert!(is_one(module));
            assert_eq!(script(module), expected);
        }
        assert!(!is_one("var imported = important; exports.a = 1;"));
    }

    #[test]
    fn unfinished_ones_are_borne() {
        for module in ["import ", "import {", "import 'a", "export ", "export {", "import {}\n", "import \u{e4} from '"]
        {
            assert!(script(module).len() < 60);
        }
    }
}
