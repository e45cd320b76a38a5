//! Scripts of pages, and what the pages hold for them. Every one is inert: what it would fetch does not exist.

use module_kit::{Call, Module};
use sandbox::Sandbox;
use serde_json::{Value, json};

fn analyzed(page: &str, name: &str, args: &Value) -> Value {
    let call = json!({"function": "analyze", "args": args, "sample": {"size": page.len(), "name": name}});
    let call = Call::parse(&call.to_string()).expect("a call");
    let output =
        serde_json::to_value(Sandbox::analyze(&call, Some(page.as_bytes())).expect("an answer")).expect("JSON");
    output["data"].clone()
}

fn targets(facts: &Value, list: &str) -> Vec<String> {
    let list = facts[list].as_array().cloned().unwrap_or_default();
    list.iter().map(|it| it["target"].as_str().unwrap_or_default().to_owned()).collect()
}

const RUN: &str = "new ActiveXObject(\"WScript.Shell\").Run(\"calc.exe\")";
/// `RUN` in base64.
const CODED: &str = "bmV3IEFjdGl2ZVhPYmplY3QoIldTY3JpcHQuU2hlbGwiKS5SdW4oImNhbGMuZXhlIik=";

#[test]
fn payloads_in_elements_are_run_by_the_scripts_of_their_pages() {
    for (element, reads) in [
        (format!("<div id=x style=display:none>{CODED}</div>"), "document.getElementById('x').innerHTML"),
        (format!("<div id=x style=display:none>{CODED}</div>"), "x.innerText"),
        (format!("<textarea id=x>{CODED}</textarea>"), "document.getElementById('x').value"),
        (format!("<input type=hidden name=x value='{CODED}'>"), "document.getElementsByName('x')[0].value"),
        (format!("<form name=f><input name=x value='{CODED}'></form>"), "document.f.x.value"),
        (format!("<meta name=x content={CODED}>"), "document.querySelector('meta[name=x]').content"),
        (format!("<script type='text/plain' id=x>{CODED}</script>"), "document.getElementById('x').text"),
        (format!("<p data-some-thing='{CODED}'>"), "document.querySelector('p').dataset.someThing"),
        (format!("<p class='a x' title={CODED}>"), "document.getElementsByClassName('x')[0].getAttribute('title')"),
        (format!("<p><!--{CODED}--></p>"), "document.documentElement.outerHTML.match(/bm[a-zA-Z0-9]{20,}=/)[0]"),
    ] {
        for page in [
            format!("<html><body>{element}<script>eval(atob({reads}));</script></body></html>"),
            format!(
                "<html><script>window.onload = function () {{ eval(atob({reads})); }};</script><body>{element}</html>"
            ),
            format!("{element}<script>document.write('<script>' + atob({reads}) + '</scr' + 'ipt>');</script>"),
        ] {
            let facts = analyzed(&page, "a.html", &json!({}));
            assert_eq!(targets(&facts, "processes"), ["calc.exe"], "{page} {facts}");
        }
    }
    // References to characters are those characters.
    let element = RUN.chars().map(|letter| format!("&#{};", u32::from(letter))).collect::<String>();
    let page = format!("<xml id=x>{element}</xml><script>eval(document.getElementById('x').textContent)</script>");
    assert_eq!(targets(&analyzed(&page, "a.hta", &json!({})), "processes"), ["calc.exe"]);
}

#[test]
fn scripts_in_basic_find_the_elements_too() {
    let page = "<span id=Code style=display:none>calc.exe</span><script language=VBScript>\n\
                CreateObject(\"WScript.Shell\").Run document.getElementById(\"Code\").innerText & \" 1\"\n\
                CreateObject(\"WScript.Shell\").Run code.innerText & \" 2\"\n</script>";
    assert_eq!(targets(&analyzed(page, "a.hta", &json!({})), "processes"), ["calc.exe 1", "calc.exe 2"]);
}

#[test]
fn a_page_is_one_whatever_its_comments_say() {
    let page = "<!--<job--><span id=code>calc.exe</span><script language=VBScript>\n\
                CreateObject(\"WScript.Shell\").Run document.getElementById(\"code\").innerText\n</script>";
    assert_eq!(targets(&analyzed(page, "a.hta", &json!({})), "processes"), ["calc.exe"]);
}

#[test]
fn objects_that_files_declare_are_there() {
    for (object, name) in [
        ("<object id=\"sh\" progid=\"WScript.Shell\"/>", "a.wsf"),
        ("<object id='sh' classid='clsid:72C24DD5-D70A-438B-8A42-98424B88AFB8'></object>", "a.hta"),
        ("<object id=sh progid=WScript.Shell></object>", "a.html"),
    ] {
        for script in
            ["<script language=\"JScript\">sh.Run('calc.exe');", "<script language=\"VBScript\">sh.Run \"calc.exe\"\n"]
        {
            let page = format!("<job id=\"j\"><x id=\"el\"/>{object}{script}</script></job>");
            assert_eq!(targets(&analyzed(&page, name, &json!({})), "processes"), ["calc.exe"], "{page}");
        }
    }
    let page = "<job><x id=\"el\"/><script language=\"VBScript\">\nOn Error Resume Next\nel.title = 1\n\
                If Err.Number = 424 Then CreateObject(\"WScript.Shell\").Run \"calc.exe\"\n</script></job>";
    assert_eq!(targets(&analyzed(page, "a.wsf", &json!({})), "processes"), ["calc.exe"]);
}

#[test]
fn basic_that_a_plain_script_runs_is_in_no_page() {
    let basic = "On Error Resume Next\\nwindow.close\\nIf Err.Number = 424 Then CreateObject(\"WScript.Shell\").Run \"calc.exe\"";
    let script = format!("var c = new ActiveXObject('ScriptControl'); c.Language = 'VBScript'; c.AddCode('{basic}');");
    assert_eq!(targets(&analyzed(&script, "a.js", &json!({})), "processes"), ["calc.exe"]);
}

#[test]
fn a_name_that_a_plain_script_never_set_is_no_object() {
    let script = "On Error Resume Next\nunheard.Run \"calc\"\n\
                  If Err.Number = 424 Then CreateObject(\"WScript.Shell\").Run \"calc.exe\"\n";
    let facts = analyzed(script, "onerror.vbs", &json!({}));
    assert_eq!(targets(&facts, "processes"), ["calc.exe"]);
    assert_eq!(targets(&facts, "waits"), [""; 0]);
    let facts = analyzed("Sub AutoOpen()\nDim s As String\ns = UserForm1.Box.Text\nEnd Sub\n", "Module1", &json!({}));
    assert_eq!(targets(&facts, "waits"), ["UserForm1"]);
}

/// Pages that made a reader look at the same bytes over and over: what they take grows with their size, and no faster.
#[test]
fn large_pages_are_read_to_their_end() {
    for piece in ["<a id=", "<a id='", "<a id=b>", "<", "</a", "<!--", "<script></", "<textarea>", "&amp", "<b a=b c>"]
    {
        let page = format!("<script>document.getElementById('x')</script>{}", piece.repeat((1 << 20) / piece.len()));
        analyzed(&page, "a.html", &json!({"steps": 300_000}));
    }
}
