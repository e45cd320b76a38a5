//! Scripts in HTML, applications of HTML and script components: elements, addresses `javascript:`, handlers of events.

use crate::decode::text::entities;
use crate::language::{self, Language};
use crate::peel::{Found, Technique};

/// Scripts of one document.
const MAX_SCRIPTS: usize = 64;
/// Characters of a handler that are worth a layer.
const LEAST_HANDLER: usize = 24;

pub fn scripts(text: &str) -> Vec<Found> {
    let lower = text.to_ascii_lowercase();
    let mut found = elements(text, &lower);
    found.extend(attributes(text, &lower));
    found.extend(pages(text, &lower));
    found.extend(hidden_addresses(text, &lower));
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
        if found.len() >= MAX_SCRIPTS {
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

fn attributes(text: &str, lower: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for sign in ["=\"javascript:", "='javascript:", " onload=\"", " onerror=\"", " onclick=\"", " onmouseover=\""] {
        for open in memchr::memmem::find_iter(lower.as_bytes(), sign.as_bytes()).take(16) {
            let start = open + sign.len();
            let quote = if sign.contains('\'') { '\'' } else { '"' };
            let Some(end) = text.get(start..).and_then(|rest| rest.find(quote)).map(|end| start + end) else {
                continue;
            };
            if end - start < LEAST_HANDLER {
                continue;
            }
            let content = entities(text.get(start..end).unwrap_or_default());
            let content = if content.contains('%') && sign.contains("javascript:") {
                String::from_utf8_lossy(&crate::decode::text::percent(content.as_bytes())).into_owned()
            } else {
                content
            };
            found.push(
                Found::part(Technique::ScriptElement, 95, content.into_bytes())
                    .at(start, end)
                    .language(Language::Javascript),
            );
        }
    }
    found
}

/// Values of an attribute, where `name` ends with its equals sign: what is in the quotes, and where that begins.
fn values<'t>(text: &'t str, lower: &'t str, name: &'t str) -> impl Iterator<Item = (usize, &'t str)> {
    memchr::memmem::find_iter(lower.as_bytes(), name).filter_map(move |at| {
        let start = at + name.len() + 1;
        let quote = char::from(*text.as_bytes().get(start - 1)?);
        if !matches!(quote, '"' | '\'') {
            return None;
        }
        let rest = text.get(start..)?;
        Some((start, rest.get(..rest.find(quote)?)?))
    })
}

/// Whole pages in an attribute of a frame.
fn pages(text: &str, lower: &str) -> Vec<Found> {
    let long = values(text, lower, " srcdoc=").filter(|(_, value)| value.len() >= LEAST_HANDLER);
    long.take(16)
        .map(|(start, value)| {
            let page = entities(value).into_bytes();
            Found::part(Technique::Html, 100, page).at(start, start + value.len()).language(Language::Html)
        })
        .collect()
}

/// `javascript:` that is written with entities, or with what a browser drops between its letters.
fn hidden_addresses(text: &str, lower: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for name in [" href=", " src=", " action=", " data="] {
        for (start, value) in values(text, lower, name).filter(|(_, value)| value.contains('&')).take(1_000) {
            let plain = entities(value);
            let address = plain.trim_start_matches(|letter: char| letter.is_ascii_control() || letter == ' ');
            let Some((scheme, script)) = address.split_once(':') else { continue };
            let scheme: String = scheme.chars().filter(|letter| !matches!(letter, '\t' | '\r' | '\n')).collect();
            let is_hidden = !value.to_ascii_lowercase().starts_with("javascript:");
            if is_hidden && scheme.eq_ignore_ascii_case("javascript") && script.trim().len() >= 4 {
                let script = crate::decode::text::percent(script.as_bytes());
                let place = Found::part(Technique::ScriptElement, 95, script).at(start, start + value.len());
                found.push(place.language(Language::Javascript));
            }
            if found.len() >= MAX_SCRIPTS {
                return found;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(text: &str) -> Vec<(String, Option<Language>)> {
        let found = scripts(text).into_iter();
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
    fn addresses_of_scripts_may_be_written_with_entities() {
        let script = ("alert('hello')".to_owned(), Some(Language::Javascript));
        for address in [
            "&#106;avascript:alert('hello')",
            "java&Tab;script&colon;alert('hello')",
            " &#x4A;avascript:alert('hello')",
        ] {
            assert_eq!(contents(&format!("<a href=\"{address}\">x</a>")), std::slice::from_ref(&script), "{address}");
        }
        assert!(contents("<a href=\"https://example.com/?a=1&amp;b=javascript:x\">x</a>").is_empty());
    }
}
