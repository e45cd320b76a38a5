//! Scripts in HTML, applications of HTML and script components: elements, addresses `javascript:`, handlers of events.

use crate::budget::Budget;
use crate::decode::text::entities;
use crate::language::{self, Language};
use crate::peel::{Found, Technique};

/// Scripts of one document.
const MAX_SCRIPTS: usize = 64;
/// Characters of a handler that are worth a layer.
const LEAST_HANDLER: usize = 24;
const SCHEME: &str = "javascript:";

/// Events whose handlers run by themselves, or as soon as somebody moves.
const HANDLERS: [&str; 4] = ["onload=", "onerror=", "onclick=", "onmouseover="];
/// Attributes that are addresses.
const ADDRESSES: [&str; 5] = ["href=", "src=", "action=", "formaction=", "data="];

pub fn scripts(text: &str, budget: &mut Budget) -> Vec<Found> {
    let lower = text.to_ascii_lowercase();
    let mut found = elements(text, &lower);
    let attributes = handlers(text, &lower).chain(pages(text, &lower)).chain(addresses(text, &lower));
    found.extend(attributes.take(MAX_SCRIPTS + 1));
    budget.met.blobs |= found.len() > MAX_SCRIPTS;
    found.truncate(MAX_SCRIPTS);
    found
}

fn elements(text: &str, lower: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = lower.get(at..).and_then(|rest| rest.find("<script")).map(|open| at + open) {
        // Not `<scriptlet>`, which has some in it.
        if lower.as_bytes().get(open + 7).is_some_and(u8::is_ascii_alphanumeric) {
            at = open + 7;
            continue;
        }
        let Some(body) = lower.get(open..).and_then(|rest| rest.find('>')).map(|end| open + end + 1) else { break };
        let end = lower.get(body..).and_then(|rest| rest.find("</script")).map_or(text.len(), |end| body + end);
        at = end.max(body);
        let tag = lower.get(open..body).unwrap_or_default();
        let content = text.get(body..end).unwrap_or_default();
        let language = language_of(tag, content);
        if let Some(language) = language.filter(|_| !content.trim().is_empty()) {
            let content = unwrapped(content).as_bytes().to_vec();
            found.push(Found::part(Technique::ScriptElement, 100, content).at(body, end).language(language));
        }
        if found.len() > MAX_SCRIPTS {
            break;
        }
    }
    found
}

/// None for data: templates, JSON, import maps.
fn language_of(tag: &str, content: &str) -> Option<Language> {
    let says = |name: &str| tag.contains(name);
    if says("vbs") {
        return Some(Language::Vbscript);
    }
    if says("application/json")
        || says("ld+json")
        || says("importmap")
        || says("text/template")
        || says("text/html")
        || says("x-")
    {
        return None;
    }
    let told = language::of(content, "");
    Some(if matches!(told, Language::Vbscript | Language::Vba) && !says("java") && !says("jscript") {
        Language::Vbscript
    } else {
        Language::Javascript
    })
}

/// Without the comment of old browsers, and without CDATA.
fn unwrapped(content: &str) -> &str {
    let inner = content.trim();
    let inner = inner.strip_prefix("<![CDATA[").and_then(|inner| inner.strip_suffix("]]>")).unwrap_or(inner);
    inner
        .strip_prefix("<!--")
        .map_or(inner, |inner| inner.trim_end().strip_suffix("-->").unwrap_or(inner).trim_end_matches("//"))
}

/// Values of an attribute, where `name` ends with its equals sign: what is in the quotes, and where that begins.
fn values<'t>(text: &'t str, lower: &'t str, name: &'t str) -> impl Iterator<Item = (usize, &'t str)> {
    memchr::memmem::find_iter(lower.as_bytes(), name).filter_map(move |at| {
        let before = text.as_bytes().get(at.checked_sub(1)?)?;
        let start = at + name.len() + 1;
        let quote = char::from(*text.as_bytes().get(start - 1)?);
        if !matches!(quote, '"' | '\'') || !(before.is_ascii_whitespace() || matches!(before, b'"' | b'\'' | b'/')) {
            return None;
        }
        let rest = text.get(start..)?;
        Some((start, rest.get(..rest.find(quote)?)?))
    })
}

fn handlers<'t>(text: &'t str, lower: &'t str) -> impl Iterator<Item = Found> {
    let all = HANDLERS.into_iter().flat_map(move |name| values(text, lower, name));
    all.filter(|(_, value)| value.len() >= LEAST_HANDLER)
        .map(|(start, value)| javascript(entities(value).into_bytes(), start, value))
}

/// Whole pages in an attribute of a frame.
fn pages<'t>(text: &'t str, lower: &'t str) -> impl Iterator<Item = Found> {
    let long = values(text, lower, "srcdoc=").filter(|(_, value)| value.len() >= LEAST_HANDLER);
    long.map(|(start, value)| {
        let page = entities(value).into_bytes();
        Found::part(Technique::Html, 100, page).at(start, start + value.len()).language(Language::Html)
    })
}

/// Addresses `javascript:`, also where the scheme is written with entities, or with what a browser drops between its
/// letters: then the shortest script counts.
fn addresses<'t>(text: &'t str, lower: &'t str) -> impl Iterator<Item = Found> {
    let all = ADDRESSES.into_iter().flat_map(move |name| values(text, lower, name));
    all.filter_map(|(start, value)| {
        let is_plain = value.get(..SCHEME.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(SCHEME));
        let may_be_hidden = value.contains(['&', '\t', '\r', '\n']) || value.starts_with(' ');
        if !is_plain && !may_be_hidden {
            return None;
        }
        let address = entities(value);
        let address = address.trim_start_matches(|letter: char| letter.is_ascii_control() || letter == ' ');
        let (scheme, script) = address.split_once(':')?;
        let scheme: String = scheme.chars().filter(|letter| !matches!(letter, '\t' | '\r' | '\n')).collect();
        let is_long = if is_plain { value.len() >= SCHEME.len() + LEAST_HANDLER } else { script.trim().len() >= 4 };
        let is_script = is_long && scheme.eq_ignore_ascii_case("javascript");
        is_script.then(|| javascript(crate::decode::text::percent(script.as_bytes()), start, value))
    })
}

fn javascript(script: Vec<u8>, start: usize, value: &str) -> Found {
    let found = Found::part(Technique::ScriptElement, 95, script).at(start, start + value.len());
    found.language(Language::Javascript)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(text: &str) -> Vec<(String, Option<Language>)> {
        let found = scripts(text, &mut Budget::new(text.len())).into_iter();
        found.map(|one| (String::from_utf8(one.content).expect("text"), one.language)).collect()
    }

    #[test]
    fn a_frame_has_a_page_in_it() {
        let page = ("<script>alert('hello')</script>".to_owned(), Some(Language::Html));
        for quote in ['"', '\''] {
            let text =
                format!("<iframe srcdoc={quote}&lt;script&gt;alert(&#39;hello&#39;)&lt;/script&gt;{quote}></iframe>");
            assert_eq!(contents(&text), std::slice::from_ref(&page));
        }
    }

    #[test]
    fn more_than_are_read_is_told() {
        let page = "<img onerror='alert(\"a handler that is long\")'>".repeat(65);
        let mut budget = Budget::new(page.len());
        assert_eq!(scripts(&page, &mut budget).len(), MAX_SCRIPTS);
        assert!(budget.met.blobs);
    }

    #[test]
    fn addresses_of_scripts_may_be_written_with_entities() {
        let script = ("alert('hello')".to_owned(), Some(Language::Javascript));
        for address in [
            "&#106;avascript:alert('hello')",
            "java&Tab;script&colon;alert('hello')",
            " &#x4A;avascript:alert('hello')",
            "java\nscript:alert('hello')",
            "java\tscript:alert('hello')",
        ] {
            assert_eq!(contents(&format!("<a href=\"{address}\">x</a>")), std::slice::from_ref(&script), "{address}");
        }
        let links = "<a href=\"https://example.com/?a=1&amp;b=2\">x</a>".repeat(2_000);
        let last = format!("{links}<a\nhref=\"&#106;avascript:alert('hello')\">x</a>");
        assert_eq!(contents(&last), std::slice::from_ref(&script));
        assert!(contents("<a href=\"https://example.com/?a=1&amp;b=javascript:x\">x</a>").is_empty());
    }
}
