//! Hostile inputs: whatever a sample is, the module answers, in time, within its limits, and points inside the sample.

use std::time::{Duration, Instant};

use deobfuscator::Deobfuscator;
use module_kit::{Call, Module};
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::{Value, json};

/// Far above what a sample of some MiB takes, even on a busy machine; a loop takes for ever.
const DEADLINE: Duration = Duration::from_secs(60);

fn analyze(data: &[u8], name: &str) -> Value {
    let info = json!({"size": data.len(), "name": name});
    let call = Call::parse(&json!({"function": "analyze", "sample": info}).to_string()).expect("a call");
    let output = Deobfuscator::analyze(&call, Some(data)).expect("an answer");
    serde_json::to_value(&output).expect("JSON")
}

fn check(data: &[u8], name: &str) -> Value {
    let started = Instant::now();
    let output = analyze(data, name);
    assert!(started.elapsed() < DEADLINE, "{:?}", started.elapsed());
    let facts = &output["data"];
    assert!(facts.to_string().len() < 4 << 20);
    let layers = facts["layers"].as_array().expect("layers");
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
const PIECES: [&str; 44] = [
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
fn floods_are_answered_in_time() {
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
