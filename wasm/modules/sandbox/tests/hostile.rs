//! Hostile samples: whatever a script is, the module answers, the same each time, within its limits.

use module_kit::{Call, Module};
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use sandbox::Sandbox;
use serde_json::{Value, json};

const STEPS: u64 = 300_000;

fn ask(data: &[u8], name: &str, args: &Value) -> Value {
    let call = json!({"function": "analyze", "args": args, "sample": {"size": data.len(), "name": name}});
    let call = Call::parse(&call.to_string()).expect("a call");
    serde_json::to_value(Sandbox::analyze(&call, Some(data)).expect("an answer")).expect("JSON")
}

fn check(data: &[u8], name: &str) -> Value {
    let output = ask(data, name, &json!({"steps": STEPS}));
    assert!(output.to_string().len() < 16 << 20);
    assert_eq!(output["data"], ask(data, name, &json!({"steps": STEPS}))["data"]);
    output
}

fn ended(script: &str) -> String {
    check(script.as_bytes(), "x.js")["data"]["ended"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn scripts_that_never_end_are_ended() {
    for script in [
        "for(;;);",
        "while(1){try{throw 1}catch(e){}}",
        "function* g(){for(;;)yield 1} for(var x of g());",
        "var p=new Proxy({},{get:function(t,k,r){return r[k]}});try{p.x}catch(e){} for(;;);",
        "Object.prototype.toString=function(){for(;;);}; ''+{};",
        "new ActiveXObject({toString:function(){for(;;);}})",
        "[1,2].sort(function(){for(;;);})",
        "'a'.replace(/a/,function(){for(;;);})",
        "JSON.parse('[1]',function(){for(;;);})",
        "Array.from({length:1e9})",
        "new Array(4294967295).join('x'); for(;;);",
        "async function f(){for(;;)await 1} f()",
        "var s=function(){setTimeout(s,0);for(var i=0;i<1e4;i++);};s()",
    ] {
        assert_eq!(ended(script), "steps", "{script}");
    }
    // As on Windows, where nobody catches that.
    assert_eq!(ended("(function f(){f();f()})()"), "exception");
}

/// Debug builds have larger frames than the module's own.
fn with_room(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(run).expect("a thread");
    thread.join().expect("no panic");
}

#[test]
fn deep_and_large_scripts_are_answered() {
    with_room(deep_and_large_scripts);
}

fn deep_and_large_scripts() {
    for script in [
        format!("x={}1{}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("x={}{}", "[".repeat(5_000), "]".repeat(5_000)),
        format!("x=1{}", "+1".repeat(20_000)),
        format!("{}1", "!".repeat(5_000)),
        "{".repeat(5_000),
        "if(1)".repeat(5_000),
        format!("var s='{}'; eval(s); WScript.Echo(s)", "a".repeat(1 << 20)),
        format!("x={}", "a?b:".repeat(5_000)),
        format!("/{}/.test('a')", "(".repeat(5_000)),
        "function f(){return [1].map(f)} f()".to_owned(),
        "var o={get x(){return this.x}}; o.x".to_owned(),
        "var f=function(){return f.apply(this,arguments)}; f()".to_owned(),
        "var e=eval; function f(){return e('f()')} f()".to_owned(),
        "var o={toString:function(){return ''+o}}; ''+o".to_owned(),
        "JSON.stringify({toJSON:function(){return JSON.stringify(this)}})".to_owned(),
        "for(var i=0;i<300;i++)new ActiveXObject('ADODB.Stream').Write(new Uint8Array(1e6))".to_owned(),
        "var d=new ActiveXObject('Scripting.Dictionary');for(var i=0;;i++)d.Add(i,i)".to_owned(),
        "for(;;)document.write('<script>document.write(1)</script>')".to_owned(),
        "for(var i=0;;i++)eval('var a'+i)".to_owned(),
    ] {
        check(script.as_bytes(), "x.js");
    }
    for page in ["<script>".repeat(20_000), "<body onload=".repeat(20_000), "<".repeat(1 << 20), "#@~^".repeat(1 << 16)]
    {
        check(page.as_bytes(), "x.hta");
    }
}

/// Pieces of scripts and pages, put together in any order.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "var a=",
        "function f(){",
        "}",
        "(",
        ")",
        "[",
        "]",
        "'t'",
        "1",
        "+",
        ";",
        "\n",
        "if(",
        "for(;;)",
        "eval(",
        "new ",
        "ActiveXObject('WScript.Shell')",
        ".Run(",
        "WScript.Echo(",
        "this",
        ".x",
        "=>",
        "`${",
        "`",
        "/a+/",
        "try{",
        "}catch(e){",
        "throw ",
        "return ",
        "typeof ",
        "await ",
        "class A{",
        "setTimeout(f,1)",
        "new Proxy(WScript,{})",
        "Object.freeze(",
        "with(",
        "/*@cc_on ",
        "@*/",
        "@if(",
        "<script>",
        "</script>",
        "<job>",
        "import a from 'b'\n",
        "export ",
        "document.write(",
        "require('fs')",
        ".writeFileSync('a','b')",
        "#@~^AAAAAA==",
        "Symbol.iterator",
        "...",
        "?.",
        "\\u0041",
        "Dim a\n",
        "\u{e4}",
    ];
    prop_oneof![
        8 => proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_script_is_answered(pieces in proptest::collection::vec(piece(), 1..40), name in proptest::sample::select(vec!["x.js", "x.vbs", "x.hta", "x"])) {
        // Of nothing nothing is asked.
        let sample = [b" ", pieces.concat().as_slice()].concat();
        check(&sample, name);
    }
}
