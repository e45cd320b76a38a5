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
