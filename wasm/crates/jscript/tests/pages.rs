//! What scripts find in the page that they are in. Every script here is inert.

use script_host::{Ended, Host, Page, Run, Settings, Surroundings, Trace};

/// A page and the scripts in it, run as the sandbox does.
fn run(page: &str, scripts: &[&str]) -> Trace {
    run_in(Surroundings::Page, page, scripts)
}

fn run_in(surroundings: Surroundings, page: &str, scripts: &[&str]) -> Trace {
    let settings = Settings { surroundings, ..Settings::default() };
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
        (
            "d.innerHTML = '<i id=t>new</i>3'; var n = document.getElementById('t'); WScript.Echo(n.innerText + \
             n.parentNode.id + n.nextSibling.data + n.previousSibling + document.querySelectorAll('#d i').length)",
            "newd3null1",
        ),
        (
            "d.textContent = '<b>x'; WScript.Echo('' + document.querySelectorAll('#d b').length + \
             /id=\"d\"[^<]*&lt;b&gt;x<.div>/.test(document.body.innerHTML) + d.firstChild.data)",
            "1true<b>x",
        ),
        (
            "document.write('<b id=w>4</b>'); WScript.Echo(document.body.lastChild.id + \
             document.getElementById('w').previousSibling.id)",
            "wc",
        ),
        (
            "document.body.insertAdjacentHTML('beforeend', '<b id=w>4</b>');\
             WScript.Echo(document.querySelector('body #w').parentNode.tagName)",
            "BODY",
        ),
        (
            "d.innerHTML = '<u>5</u>'; var c = d.cloneNode(true); c.title = 'n';\
             WScript.Echo(c.innerHTML + c.id + c.outerHTML.length + d.title)",
            "<u>5</u>d57",
        ),
        (
            "var e = document.createElement('p'); e.innerText = '6'; e.id = 'k'; WScript.Echo(e.cloneNode(true).outerHTML)",
            "<p id=\"k\">6</p>",
        ),
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
fn what_has_nothing_in_it_has_an_empty_list_of_it() {
    let walk = "var n = 0; function walk(e) { n++; for (var i = 0; i < e.childNodes.length; i++) walk(e.childNodes[i]); }\
                walk(document.documentElement); WScript.Echo(n, i.children.length, typeof i.childNodes[0])";
    assert_eq!(told(PAGE, walk), "24|0|undefined");
}

#[test]
fn forms_with_the_same_fields_have_their_own() {
    let page = "<form name=a><input name=data value=1></form><form name=b><input name=data value=2></form>";
    let script = "document.b.innerHTML += ''; WScript.Echo(document.a.data.value + document.b.data.value)";
    assert_eq!(told(page, script), "12");
}

#[test]
fn objects_of_a_page_are_objects_of_windows() {
    let page = "<object id=sh progid='WScript.Shell'></object>\
                <object id=fs classid='CLSID:{0D43FE01-F093-11CF-8940-00A0C9054228}'/></object>\
                <object id=other classid='clsid:00000000-0000-0000-0000-000000000000'></object><p id=calc>";
    let script =
        "sh.Run('calc.exe'); document.getElementById('sh').Run('calc.exe'); fs.CreateTextFile('C:\\\\a').Write('b');";
    for surroundings in [Surroundings::Page, Surroundings::Host] {
        let trace = run_in(surroundings, page, &[script, "WScript.Echo(typeof calc, typeof other)"]);
        let told: Vec<_> =
            trace.calls.iter().filter(|call| call.api == "WScript.Echo").map(|call| &call.args).collect();
        let expected = if surroundings == Surroundings::Page { "object" } else { "undefined" };
        assert_eq!(told, [&[expected, expected]], "{}", trace.error);
        assert_eq!((trace.processes.len(), trace.dropped.len()), (1, 1), "{}", trace.error);
    }
}

#[test]
fn a_buffer_as_a_text_is_what_it_holds() {
    assert_eq!(told("", "WScript.Echo('' + Buffer.from('Y2FsYw==', 'base64') + `${Buffer.from('b')}`)"), "calcb");
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
    let page = format!(
        "<title>t</title><div id=a title='{}'>{}</div><textarea id=t>{}</textarea>",
        "x".repeat(100_000),
        "<b class=c>x</b>".repeat(60_000),
        "y".repeat(100_000)
    );
    let empty = "<p>".repeat(300_000);
    let attributes: String = (0..100_000).map(|number| format!(" a{number}=1")).collect();
    let attributes = format!("<div id=a{attributes}></div>");
    let comments = format!("<div id=a><i></i>{}<i></i></div>", "<!---->".repeat(100_000));
    for (page, script) in [
        (&page, "for (;;) document.getElementById('a').innerHTML + document.body.innerHTML"),
        (&page, "for (;;) document.body.innerHTML"),
        (&page, "for (;;) document.body.outerHTML"),
        (&page, "for (;;) a.title"),
        (&page, "for (;;) t.value"),
        (&page, "for (;;) document.title"),
        (&empty, "for (;;) document.title"),
        (&page, "for (var i = 0;; i++) document.querySelectorAll('.n' + i)"),
        (&page, "for (var i = 0;; i++) document.querySelector('n' + i)"),
        (&page, "for (var i = 0;; i++) document.getElementsByTagName('n' + i)"),
        (
            &page,
            "var b = document.getElementsByTagName('b'); for (;;) for (var i = 0; i < b.length; i++) b[i].nextSibling",
        ),
        (&page, "var b = document.getElementsByTagName('b'); for (;;) b[b.length - 1].previousSibling.nextSibling"),
        (&page, "for (;;) a.lastChild"),
        (&comments, "for (;;) a.lastElementChild.previousElementSibling.nextElementSibling"),
        (&page, "for (;;) a.childNodes"),
        (&page, "for (;;) a.children.length"),
        (&page, "var b = document.all; for (;;) for (var i = 0; i < b.length; i++) b[i].childNodes"),
        (&page, "for (;;) document.all.length"),
        (&page, "for (;;) document.all.forEach"),
        (&page, "var b = document.all; for (;;) for (var i of b) break"),
        (&page, "for (;;) document.write('<b>')"),
        (&page, "for (var i = 0;; i++) document.write('<b id=n' + i + '>'), document.body.lastChild.previousSibling"),
        (&page, "for (;;) document.body.innerHTML = document.body.innerHTML"),
        (&page, "for (;;) document.body.innerText = document.body.innerText"),
        (&page, "a.textContent = new Array(1e6).join('<'); for (;;) a.innerHTML"),
        (
            &page,
            "var b = document.getElementsByTagName('b'); for (;;) for (var i = 0; i < b.length; i++) b[i].attributes",
        ),
        (&page, "for (;;) document.getElementById('a').childNodes[5].parentNode.lastChild"),
        (&page, "for (var e = a;;) { e.innerHTML = '<p id=n></p>'; e = document.getElementById('n'); }"),
        (&page, "for (;;) a.cloneNode(true).outerHTML"),
        (&attributes, "for (;;) a.none"),
        (&attributes, "for (;;) a.outerHTML"),
        (&attributes, "for (;;) a.cloneNode()"),
    ] {
        let trace = run(page, &[script]);
        assert!(matches!(trace.ended, Some(Ended::Steps | Ended::Calls)), "{script} {:?} {}", trace.ended, trace.error);
    }
}
