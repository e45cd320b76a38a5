//! What scripts find in the page that they are in. Every script here is inert.

use script_host::markup::Page;
use script_host::{Ended, Host, Run, Settings, Trace};

/// A page and the scripts in it, run as the sandbox does.
fn run(page: &str, scripts: &[&str]) -> Trace {
    let settings = Settings::default();
    let steps = settings.steps;
    let mut host = Host::new(settings, page.as_bytes());
    host.page = Page::of(page);
    let (host, Run { ended, error, steps }) = jscript::run(host, scripts, steps, |_| Vec::new());
    host.into_trace(ended, &error, steps)
}

fn told(page: &str, script: &str) -> String {
    let trace = run(page, &[script]);
    assert!(matches!(trace.ended, Some(Ended::Finished | Ended::Waits)), "{} {:?}", trace.error, trace.calls);
    let echoes = trace.calls.iter().filter(|call| call.api == "WScript.Echo");
    echoes.flat_map(|call| call.args.clone()).collect::<Vec<_>>().join("|")
}

const PAGE: &str = "<html><head><title>A &amp; b</title><meta name=m content='in meta'></head><body>\
    <div id=d style='display:none'>1 &lt; <b class='x y'>2</b></div><textarea id=t name=area>&#65;\n</textarea>\
    <form name=f><input type=hidden id=i name=h value='in &quot;input&quot;'><select id=s><option>no<option selected \
    value=chosen>yes</select></form><p data-one-two=d1 title=tip Own=mine>p<!--note--></p>\
    <script type='text/plain' id=c>a<b</script></body></html>";

#[test]
fn what_elements_hold_is_there_however_it_is_asked_for() {
    for (expression, expected) in [
        ("document.getElementById('d').innerHTML", "1 &lt; <b class=\"x y\">2</b>"),
        ("document.getElementById('d').innerText", "1 < 2"),
        ("document.getElementById('d').textContent", "1 < 2"),
        ("d.innerText", "1 < 2"),
        ("document.getElementById('t').value", "A\n"),
        ("document.getElementById('area').value.length", "2"),
        ("document.getElementById('i').value", "in \"input\""),
        ("document.getElementById('i').getAttribute('VALUE')", "in \"input\""),
        ("document.getElementById('s').value", "chosen"),
        ("document.getElementById('s').options.length", "2"),
        ("document.getElementById('c').innerHTML + document.getElementById('c').text", "a<ba<b"),
        ("document.getElementsByTagName('B')[0].innerHTML", "2"),
        ("document.getElementsByTagName('b').item(0).outerHTML", "<b class=\"x y\">2</b>"),
        ("document.getElementsByClassName('y x').length", "1"),
        ("document.getElementsByName('m')[0].content", "in meta"),
        ("document.querySelector('meta[name=m]').getAttribute('content')", "in meta"),
        ("document.querySelectorAll('div b, p').length", "2"),
        ("document.querySelector('p').dataset.oneTwo + document.querySelector('p').title", "d1tip"),
        ("document.querySelector('p').own", "mine"),
        (
            "document.querySelector('p').attributes['own'].value + document.querySelector('p').attributes.length",
            "mine3",
        ),
        ("document.querySelector('p').lastChild.nodeValue", "note"),
        ("document.querySelector('p').firstChild.data + document.querySelector('p').firstChild.nodeType", "p3"),
        ("document.title", "A & b"),
        ("document.forms[0].elements.length + document.forms.f.h.value", "2in \"input\""),
        ("document.f.h.value + document.forms('f').h.id", "in \"input\"i"),
        ("document.all.d.id + document.all['t'].tagName + document.all('i').type", "dTEXTAREAhidden"),
        ("document.body.children.length", "5"),
        ("document.head.firstChild.tagName + document.documentElement.nodeName", "TITLEHTML"),
        ("document.getElementById('d').parentNode.tagName", "BODY"),
        ("document.getElementById('d').nextSibling.id + document.getElementById('t').previousElementSibling.id", "td"),
        ("document.getElementById('d') === document.querySelector('#d')", "True"),
        ("[].map.call(document.querySelectorAll('option'), function (o) { return o.value; }).join()", "no,chosen"),
        ("Array.from(document.getElementsByTagName('option')).length", "2"),
    ] {
        assert_eq!(told(PAGE, &format!("WScript.Echo({expression})")), expected, "{expression}");
    }
    let loops = "var s = ''; document.querySelectorAll('option').forEach(function (o) { s += o.value; });\
                 for (var o of document.querySelectorAll('option')) s += o.innerText; WScript.Echo(s)";
    assert_eq!(told(PAGE, loops), "nochosennoyes");
}

#[test]
fn what_a_script_writes_is_there_for_it() {
    for (script, expected) in [
        ("document.write('<i id=w>&amp;1</i>'); WScript.Echo(document.getElementById('w').innerText)", "&1"),
        ("d.innerHTML = '<i id=w>2</i>'; WScript.Echo(d.innerText + document.querySelector('#w').tagName)", "2I"),
        ("var t = document.createElement('textarea'); t.innerHTML = '&lt;x&gt;'; WScript.Echo(t.value)", "<x>"),
        ("var e = document.createElement('div'); e.textContent = '<'; WScript.Echo(e.innerHTML)", "&lt;"),
        (
            "var e = document.createElement('div'); e.id = 'n'; e.setAttribute('k', 'v'); WScript.Echo(e.outerHTML)",
            "<div id=\"n\" k=\"v\"></div>",
        ),
        ("i.value = 'new'; WScript.Echo(document.getElementById('i').value + i.getAttribute('value'))", "newnew"),
        ("d.data2 = 7; d.removeAttribute('style'); WScript.Echo(d.data2 + '' + d.hasAttribute('style'))", "7false"),
    ] {
        assert_eq!(told(PAGE, script), expected, "{script}");
    }
}

#[test]
fn an_element_that_the_page_does_not_have_is_made_up() {
    for page in [PAGE, ""] {
        let script = "var e = document.getElementById('none'); WScript.Echo(e.tagName + '/' + e.innerHTML + '/' +\
                      document.getElementsByTagName('none').length + document.querySelectorAll('.none')[0].value)";
        assert_eq!(told(page, script), "NONE//1");
        assert_eq!(told(page, "WScript.Echo(typeof none, document.querySelector('::').tagName)"), "undefined|::");
    }
}

#[test]
fn a_script_knows_which_one_it_is() {
    let page = "<script data-k=1>WScript.Echo(document.currentScript.dataset.k)</script>\
                <script data-k=2>\nWScript.Echo(document.currentScript.getAttribute('data-k'));\n</script>";
    let scripts = [
        "WScript.Echo(document.currentScript.dataset.k)",
        "WScript.Echo(document.currentScript.getAttribute('data-k'));",
    ];
    let trace = run(page, &scripts);
    let echoes: Vec<&str> = trace.calls.iter().flat_map(|call| call.args.iter().map(String::as_str)).collect();
    assert_eq!(echoes, ["1", "2"]);
}

/// Whatever of a large page is asked for, and however often, the run ends by a number.
#[test]
fn large_pages_cost_steps_and_calls() {
    let started = std::time::Instant::now();
    let page = format!("<div id=a>{}</div>", "<b class=c>x</b>".repeat(60_000));
    for script in [
        "for (;;) document.getElementById('a').innerHTML + document.body.innerHTML",
        "for (var i = 0;; i++) document.querySelectorAll('.n' + i)",
        "for (var i = 0;; i++) document.getElementsByTagName('b')[i].nextSibling.innerText",
        "for (;;) document.all.length",
        "for (;;) document.write('<b>')",
        "for (;;) document.body.innerHTML = document.body.innerHTML",
        "var b = document.getElementsByTagName('b'); for (;;) for (var i = 0; i < b.length; i++) b[i].attributes",
        "for (;;) document.getElementById('a').childNodes[5].parentNode.lastChild",
    ] {
        let trace = run(&page, &[script]);
        assert!(
            matches!(trace.ended, Some(Ended::Steps | Ended::Calls | Ended::Exception)),
            "{script} {:?}",
            trace.ended
        );
        println!("{:?} {script}", started.elapsed());
    }
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
