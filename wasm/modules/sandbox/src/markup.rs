//! Scripts of pages and script files: HTML, HTA, WSF, WSC, SCT. In the order in which they are there.

use script_host::Page;

use crate::options::Language;
use crate::source::Part;

/// Scripts of one file.
const MAX_PARTS: usize = 1_024;
/// What runs by itself where an element has it.
const HANDLERS: [&str; 2] = ["onload", "onerror"];
/// Bytes of a namespace before `script`.
const MAX_PREFIX: usize = 64;

/// The parts between `<script>` and `</script>`, in any namespace, and handlers that run by themselves (`onload`); and how
/// many there are beyond those.
#[must_use]
pub fn parts(text: &str) -> (Vec<Part>, usize) {
    let lower = text.to_ascii_lowercase();
    let mut parts = Vec::new();
    let mut left_out = 0;
    let mut at = 0;
    while let Some((name, start)) = script_tag(&lower, at) {
        let Some((said, end_of_tag)) = script_host::tag(text, start) else { break };
        let body_start = end_of_tag + 1;
        if text.get(start..end_of_tag).is_some_and(|tag| tag.ends_with('/')) {
            at = body_start;
            continue;
        }
        let rest = lower.get(body_start..).unwrap_or_default();
        let end = rest.find(&format!("</{name}"));
        // In HTML a name with a prefix is no script: one without an end must not take those that follow.
        if end.is_none() && name.contains(':') {
            at = body_start;
            continue;
        }
        let body_end = body_start + end.unwrap_or(rest.len());
        let body = unwrapped(text.get(body_start..body_end).unwrap_or_default());
        match language(&said).filter(|_| !body.trim().is_empty()) {
            Some(language) if parts.len() < MAX_PARTS => parts.push(Part { language, text: body.to_owned() }),
            Some(_) => left_out += 1,
            None => {}
        }
        at = body_end;
    }
    if HANDLERS.iter().any(|name| lower.contains(name)) {
        parts.extend(handlers(text));
    }
    left_out += parts.len().saturating_sub(MAX_PARTS);
    parts.truncate(MAX_PARTS);
    (parts, left_out)
}

/// The next `<script` with what stands before it in its name, and where the name ends; a `<scriptlet` is none.
fn script_tag(lower: &str, mut at: usize) -> Option<(&str, usize)> {
    const NAME: &str = "script";
    loop {
        let found = at + lower.get(at..)?.find(NAME)?;
        let end = found + NAME.len();
        let start = found - lower.get(found.saturating_sub(MAX_PREFIX)..found).map_or(0, prefix);
        let is_open = lower.as_bytes().get(start.wrapping_sub(1)) == Some(&b'<');
        let is_whole = lower.as_bytes().get(end).is_none_or(|byte| byte.is_ascii_whitespace() || b"/>".contains(byte));
        if is_open && is_whole {
            return Some((lower.get(start..end)?, end));
        }
        at = end;
    }
}

/// Bytes of a namespace at the end of a text, with its colon.
fn prefix(text: &str) -> usize {
    let Some(name) = text.strip_suffix(':') else { return 0 };
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    1 + name.bytes().rev().take_while(is_part).count()
}

/// The JavaScript of a page that a script writes.
#[must_use]
pub fn scripts(text: &str) -> Vec<String> {
    parts(text).0.into_iter().filter(|part| part.language == Language::Javascript).map(|part| part.text).collect()
}

/// By `language` or `type`; JavaScript without. None for data and templates.
fn language(said: &[(String, String)]) -> Option<Language> {
    let of = |name: &str| said.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let said = of("language").or_else(|| of("type")).map(|said| said.trim().to_ascii_lowercase()).unwrap_or_default();
    match said.as_str() {
        said if said.contains("vb") => Some(Language::Vbscript),
        "" | "module" => Some(Language::Javascript),
        said if said.contains("javascript") || said.contains("jscript") || said.contains("ecmascript") => {
            Some(Language::Javascript)
        }
        _ => None,
    }
}

/// Without the comment or the CDATA section around it.
fn unwrapped(body: &str) -> &str {
    let trimmed = body.trim();
    let inner = trimmed.strip_prefix("<![CDATA[").map(|inner| inner.strip_suffix("]]>").unwrap_or(inner));
    let inner = inner.or_else(|| {
        trimmed.strip_prefix("<!--").map(|inner| inner.trim_end().trim_end_matches("-->").trim_end_matches("//"))
    });
    inner.unwrap_or(body)
}

/// `onload` and `onerror` of the page's elements.
fn handlers(text: &str) -> Vec<Part> {
    let all = Page::of(text).values_of(&HANDLERS, usize::MAX);
    let parts = all.into_iter().map(|code| {
        let is_basic = code.to_ascii_lowercase().starts_with("vbscript:");
        let language = if is_basic { Language::Vbscript } else { Language::Javascript };
        let code = code
            .split_once(':')
            .filter(|(scheme, _)| scheme.to_ascii_lowercase().ends_with("script"))
            .map_or(code.as_str(), |(_, rest)| rest);
        Part { language, text: code.to_owned() }
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(Language, String)> {
        parts(text).0.into_iter().map(|part| (part.language, part.text)).collect()
    }

    #[test]
    fn parts_come_in_order_with_their_languages() {
        let page = "<HTML><SCRIPT LANGUAGE = \"VBScript\">a</SCRIPT><script src=x />\n<script><!--\nb\n//--></script>\
                    <script type='text/template'>no</script><body onload=\"c(&quot;d&quot;)\">";
        assert_eq!(
            found(page),
            [
                (Language::Vbscript, "a".to_owned()),
                (Language::Javascript, "\nb\n".to_owned()),
                (Language::Javascript, "c(\"d\")".to_owned()),
            ]
        );
        let wsf = "<job><script language=\"JScript\"><![CDATA[x]]></script></job>";
        assert_eq!(found(wsf), [(Language::Javascript, "x".to_owned())]);
    }

    #[test]
    fn scripts_that_say_nothing_push_none_out_and_those_beyond_are_counted() {
        let last = "<script>last()</script>";
        let empty = "<script> </script>".repeat(2 * MAX_PARTS) + last;
        assert_eq!(found(&empty), [(Language::Javascript, "last()".to_owned())]);
        let many = "<script>a()</script>".repeat(MAX_PARTS) + last;
        let (read, left_out) = parts(&many);
        assert_eq!((read.len(), left_out), (MAX_PARTS, 1));
    }

    #[test]
    fn tags_are_read_as_the_page_reads_them() {
        let page = "<script a'b language=vbscript>1</script><script title=\">\" x=' language=js' type='text/vb&#115;cript'>2</script>\
                    <script data-type='text/plain' type = text/javascript>3</script>";
        let expected = [(Language::Vbscript, "1"), (Language::Vbscript, "2"), (Language::Javascript, "3")];
        assert_eq!(found(page), expected.map(|(language, text)| (language, text.to_owned())));
    }

    #[test]
    fn handlers_are_read_as_the_page_is() {
        let page = "<img src=x onerror=\"&#101;val(&lpar;'a>b'&#x29;\"><svg/onload=b()><p title='onload=c()'><!--<img onload=d()>-->\
                    <body onload='vbscript:e'>";
        let expected = [
            (Language::Vbscript, "e".to_owned()),
            (Language::Javascript, "eval(('a>b')".to_owned()),
            (Language::Javascript, "b()".to_owned()),
        ];
        assert_eq!(found(page), expected);
        assert_eq!(found("<body ONLOAD='VBScript:e' onload=f>"), [(Language::Vbscript, "e".to_owned())]);
    }

    #[test]
    fn scriptlets_and_style_sheets_have_scripts() {
        let scriptlet = "<?XML version=\"1.0\"?><scriptlet><registration progid=\"a\"><script language=\"JScript\">\
                         <![CDATA[x]]></script></registration></scriptlet>";
        assert_eq!(found(scriptlet), [(Language::Javascript, "x".to_owned())]);
        let sheet = "<stylesheet xmlns:ms=\"urn:schemas-microsoft-com:xslt\"><ms:script implements-prefix=\"user\" \
                     language=\"VBScript\">y</ms:script></stylesheet>";
        assert_eq!(found(sheet), [(Language::Vbscript, "y".to_owned())]);
    }

    #[test]
    fn unfinished_pages_are_read_as_far_as_they_go() {
        for page in [
            "<script",
            "<script>",
            "<script>a",
            "script",
            "\u{e4}:script>",
            "<:script",
            "<script language=",
            "<script language=\"",
            "<body onload=",
            "<body onload=x",
        ] {
            assert!(parts(page).0.len() < 2);
        }
        assert_eq!(found("<script>a"), [(Language::Javascript, "a".to_owned())]);
    }
}
