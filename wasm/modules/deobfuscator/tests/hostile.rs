//! Hostile inputs: whatever a sample is, the module answers, within its limits, and points inside the sample.

use deobfuscator::Deobfuscator;
use module_kit::{Call, Module};
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::{Value, json};

/// Steps and layers that one sample may take.
const MAX_STEPS: u64 = 80_000_000;
const MAX_LAYERS: usize = 64;

fn analyze(data: &[u8], name: &str) -> Value {
    let info = json!({"size": data.len(), "name": name});
    let call = Call::parse(&json!({"function": "analyze", "sample": info}).to_string()).expect("a call");
    let output = Deobfuscator::analyze(&call, Some(data)).expect("an answer");
    serde_json::to_value(&output).expect("JSON")
}

fn check(data: &[u8], name: &str) -> Value {
    let output = analyze(data, name);
    let facts = &output["data"];
    assert!(facts["used"]["steps"].as_u64().is_some_and(|steps| steps <= MAX_STEPS), "{}", facts["used"]);
    assert!(facts.to_string().len() < 4 << 20);
    let layers = facts["layers"].as_array().expect("layers");
    assert!(layers.len() <= MAX_LAYERS);
    let mut sizes = vec![];
    for layer in layers {
        let parent = layer["parent"].as_u64().map(|parent| sizes[usize::try_from(parent).expect("small")]);
        let end = layer["offset"].as_u64().expect("offset") + layer["length"].as_u64().expect("length");
        assert!(end <= parent.unwrap_or(data.len() as u64), "{layer}");
        sizes.push(layer["size"].as_u64().expect("size"));
    }
    output
}

const NAMES: [&str; 7] = ["a.js", "a.ps1", "a.vbs", "a.bat", "a.py", "a.html", "a.bin"];

/// Pieces of what the module looks for.
const PIECES: [&str; 57] = [
    "f'{a",
    "rF\"{'{",
    ":>9}",
    "'{0,5:X2}%s'%(",
    ".format(",
    "ZYXWVUTSRQPONMLKJIHGFEDCBA!@xwvutsrqponmlkjihgfedcba9876543210-_",
    "[char[]]$a=",
    "[array]::Reverse($a)\n",
    "For Each c In Split(\"",
    "\ns = s & Chr(c)\nNext\n",
    "\\101",
    "%20-c%20",
    "49 4a:4b-",
    "eval(",
    "String.fromCharCode(",
    "atob('",
    "aGVsbG8gd29ybGQsIHRoaXM",
    "'+'",
    "\\x41",
    "%41",
    "&#65;",
    "[![]]+[]",
    "(function(p,a,c,k,e,d){",
    "while(1){",
    "for(;;)",
    "`${",
    "=>",
    "/",
    "]",
    ")",
    "}",
    "iex ",
    "-join",
    "-f ",
    "[char]",
    "$a=",
    "('{0}'",
    "% {",
    "$_",
    "Chr(",
    "&H",
    "StrReverse(\"",
    "& _\n",
    "Execute ",
    "%a:~1,2%",
    "set a=",
    "^",
    "exec(",
    "lambda x:",
    "b64decode(",
    "[::-1]",
    "chr(c)for c in",
    "<script>",
    "65,66,67,68,69,70,71,72,73,74,75,76,77,78,79,80,81",
    "\n",
    "\"",
    "1",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_in_any_order_are_answered(chosen in proptest::collection::vec(0..PIECES.len(), 1..60), name in 0..NAMES.len()) {
        let text: String = chosen.iter().map(|&index| PIECES[index]).collect();
        check(text.as_bytes(), NAMES[name]);
    }

    #[test]
    fn any_bytes_are_answered(data in proptest::collection::vec(any::<u8>(), 1..600), name in 0..NAMES.len()) {
        check(&data, NAMES[name]);
    }
}

#[test]
fn every_truncation_of_a_golden_sample_is_answered() {
    let cases = harness::golden::cases(std::path::Path::new(env!("CARGO_MANIFEST_DIR")));
    for case in cases {
        let step = (case.sample.len() / 60).max(1);
        for end in (1..case.sample.len()).step_by(step) {
            check(&case.sample[..end], case.name());
        }
    }
}

#[test]
fn deep_nesting_is_told_and_not_followed() {
    for nest in ["(", "[", "{", "!", "a?", "a=>", "if(1)", "a=", "`${", "typeof ", "f(", "a.b(", "{a:", "-", "new "] {
        let text = format!("var x = 1; eval('1');\n{}", nest.repeat(20_000));
        check(text.as_bytes(), "a.js");
    }
    let deep = format!("eval('x');var y={}1{}", "(".repeat(5_000), ")".repeat(5_000));
    let output = check(deep.as_bytes(), "a.js");
    assert!(output["findings"].to_string().contains("nested-expressions"), "{}", output["findings"]);
    for text in ["$a = ", "a = ", "x = "] {
        let text = format!("{text}{}1", "(".repeat(20_000));
        NAMES.iter().for_each(|name| drop(check(text.as_bytes(), name)));
    }
}

#[test]
fn floods_are_answered() {
    let floods = [
        "'a'+",
        "\"a\" & ",
        "%41",
        "\\x41",
        "&#65;",
        "65,",
        "aGVsbG8g",
        "eval('a');",
        "iex 'a';",
        "Chr(65) & ",
        "%a%",
        "set a=%a%%a%\n",
        "[]+",
        "a[0]=",
        "<script>",
        "exec(b'a')\n",
        "-e ",
        "x=x+x;",
        "ptth",
        "$a=$a+'a';",
        "a^",
        "(1,2,3|%{$_});",
    ];
    for piece in floods {
        for name in NAMES {
            check(piece.repeat(120_000 / piece.len()).as_bytes(), name);
        }
    }
}

#[test]
fn what_never_ends_or_grows_without_bound_is_stopped() {
    for text in [
        "eval('a');while(true){}",
        "var s='aaaaaaaa';while(1){s+=s;}eval(s)",
        "function f(){return f()+1}eval(f())",
        "var a=[1];for(;;){a=[a,a];}eval(a)",
        "eval('a'.repeat(1e9))",
        "var o={};for(var i=0;;i++){o['k'+i]=i;}eval(o)",
        "eval(Array(1e9).join('a'))",
    ] {
        let output = check(text.as_bytes(), "a.js");
        assert!(output["data"]["layers"].as_array().is_some_and(|layers| layers.len() < 4), "{text}");
    }
}

#[test]
fn long_sums_are_folded_without_recursion() {
    let text = format!("var x = {}'z'; new ActiveXObject(x);", "'ab'+'cd'+".repeat(5_000));
    let output = check(text.as_bytes(), "a.js");
    let last = &output["data"]["layers"][0];
    assert_eq!(last["technique"], "concat", "{}", output["findings"]);
    assert!(last["after"].as_str().is_some_and(|after| after.contains("abcdabcdabcd")));
}

/// What one step is asked to do again and again, or all at once: each takes hours or gigabytes where it is not paid for.
#[test]
fn work_and_memory_within_a_step_are_paid_for() {
    let many = |piece: &str, count: usize| piece.repeat(count);
    let scripts = [
        ("a.js", format!("var a='x'.repeat(4e6);eval('1');\n{}", many("f(a+'b');\n", 3_000))),
        ("a.js", format!("var a='x'.repeat(4e6);eval('1');\ny(x{});\n", many("+a", 3_000))),
        ("a.js", "eval('A'.repeat(3e6).replace(/.*[^A-Z]|[A-Z]/g,''))".to_owned()),
        ("a.js", "eval('a'.repeat(2e6).indexOf('a'.repeat(1e6)+'b'))".to_owned()),
        ("a.js", "eval('a'.repeat(2e6).lastIndexOf('b'+'a'.repeat(1e6)))".to_owned()),
        ("a.js", "eval('a'.repeat(2e6).split('a'.repeat(1e6)+'b').length)".to_owned()),
        ("a.js", "var a='x'.repeat(4e6);for(;;){a+'b'}eval(a)".to_owned()),
        ("a.js", "var a='x'.repeat(4e6),b='x'.repeat(4e6);for(;;){a==b}eval(a)".to_owned()),
        ("a.js", "var a='1'.repeat(4e6);for(;;){a*1}eval(a)".to_owned()),
        ("a.js", "var a='x'.repeat(4e6);for(var i=0;;i++){document.write(a+i)}eval(a)".to_owned()),
        ("a.js", "var a=Array(1e6);for(;;){try{a.reduce(1)}catch(e){}}eval(a)".to_owned()),
        ("a.js", "var l=[];for(;;){var a=[];for(var i=4000;i<9e5;i+=4000){a[i]=1}l.push(a)}eval(l)".to_owned()),
        (
            "a.js",
            format!(
                "eval('');(function(){{var {};for(;;){{a99999}}}})()",
                (0..100_000).map(|at| format!("a{at}")).collect::<Vec<_>>().join(",")
            ),
        ),
        (
            "a.js",
            format!(
                "{}host(b);var b=1;",
                (0..60_000).map(|at| format!("var a{at}='a'+'b';f(a{at}+'c');")).collect::<String>()
            ),
        ),
        (
            "a.js",
            "(function(){var o='x'.repeat(2e6),d='',n=0,i,k;for(k=0;;k++){for(i=0;i<n;i++){\
             o+='%'+('00'+d.charCodeAt(i).toString(16)).slice(-2)}}})();eval('1')"
                .to_owned(),
        ),
        (
            "a.js",
            "(function(){var o='x'.repeat(4194300),d='abcdef',n=6,i,k,t;for(k=0;;k++){t=o;for(i=0;i<n;i++){\
             o+='%'+('00'+d.charCodeAt(i).toString(16)).slice(-2)}o=t}})();eval('1')"
                .to_owned(),
        ),
        (
            "a.js",
            "(function(){var o='x'.repeat(2e6),d='a',n=1,i,k,t;for(k=0;;k++){t=o;for(i=0;i<n;i++){\
             o+='%'+('00'+d.charCodeAt(i).toString(16)).slice(-2)}o=t}})();eval('1')"
                .to_owned(),
        ),
        ("a.js", "(function(){var a=Array(1e6);for(;;){try{a.map(1)}catch(e){}}})();eval('1')".to_owned()),
        ("a.js", format!("{}x[1+1]", many("(function(a){a.push(a.shift())})(1);", 60_000))),
        (
            "a.py",
            format!(
                "import os\n{}exec(b'x=1;y=2')\n",
                (0..300).map(|at| format!("a{at}='a'*8000000\n")).collect::<String>()
            ),
        ),
        ("a.py", format!("import os\nx='a'*4000000\n{}", many("exec(x[0])\n", 20_000))),
        ("a.py", format!("import os\nx='a'*8000000\nexec(x.join([{}'b']))\n", many("'b',", 60_000))),
        ("a.py", "import os\nx='a'*8000000\nexec(x.replace('a',x))\nexec([c for c in x])\n".to_owned()),
        ("a.ps1", format!("$x='a'*8000000\n{}", many("iex $x\n", 2_000))),
        ("a.ps1", format!("$x='a'*4000000\n{}", many("iex $x[0]\n", 20_000))),
        ("a.ps1", "$x='a'*4000000\niex ($x -replace '.*[^a-z]|a','bb')\niex ($x.split('b'*4000000))\n".to_owned()),
        ("a.ps1", "$x='a'*8000000\niex ($x -replace 'a',$x)\niex ($x.replace('a',$x))\n".to_owned()),
        ("a.ps1", format!("$x='a'*8000000\niex \"{}\"\n", many("$x", 1_000))),
        (
            "a.vbs",
            format!("Dim a\nx=String(60000,\"a\")\ny=Replace(x,\"a\",x)\n{}", many("Execute Mid(x,2)\n", 20_000)),
        ),
    ];
    for (name, text) in scripts {
        check(text.as_bytes(), name);
    }
}

#[test]
fn tuples_in_tuples_do_not_use_up_the_steps() {
    let text = format!("import os\nx={}1{}\nexec('import'+' os')\n", "(".repeat(20), ",)".repeat(20));
    let output = check(text.as_bytes(), "a.py");
    assert!(!output["findings"].to_string().contains("steps-exhausted"), "{}", output["findings"]);
    assert_eq!(output["data"]["layers"].as_array().map(Vec::len), Some(1));
}

#[test]
fn decoys_hide_no_encoded_text() {
    let decoy = |at: usize| format!("x = \"{}\";\n", format!("{at:03}/+Q").repeat(30));
    let hidden = "eval(\"aHR0cDovL2V4YW1wbGUuY29tL2EgZmlsZSBvZiB0aGUgcHJvZ3JhbQ==\");\n";
    let text = (0..200).map(decoy).collect::<String>() + hidden;
    let output = check(text.as_bytes(), "a.bin");
    assert!(output["data"]["layers"].to_string().contains("http://example.com/a file"), "{}", output["data"]["layers"]);
}
