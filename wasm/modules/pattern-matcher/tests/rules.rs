//! Rules as callers give them: compiled, kept, checked, matched; and what they may do wrong.

use module_kit::{Call, Module, Output, Refusal};
use pattern_matcher::PatternMatcher;
use proptest::prelude::*;
use serde_json::{Value, json};

fn call(function: &str, args: &Value, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    with_state(function, args, sample, None)
}

fn with_state(function: &str, args: &Value, sample: Option<&[u8]>, state: Option<Vec<u8>>) -> Result<Output, Refusal> {
    let text = json!({"function": function, "args": args}).to_string();
    let mut call = Call::parse(&text)?;
    call.state = state;
    PatternMatcher::analyze(&call, sample)
}

fn data(output: Result<Output, Refusal>) -> Value {
    let output = output.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    serde_json::from_str(output.data.get()).unwrap_or_default()
}

fn refusal(output: Result<Output, Refusal>) -> String {
    match output {
        Ok(output) => panic!("{}", output.data),
        Err(refusal) => {
            assert_eq!(refusal.code, "invalid_args");
            refusal.message
        }
    }
}

fn source(text: &str) -> Value {
    json!({"sources": [{"text": text, "name": "mine.yar"}]})
}

fn names(facts: &Value) -> Vec<&str> {
    facts["matches"].as_array().into_iter().flatten().filter_map(|found| found["rule"].as_str()).collect()
}

#[test]
fn a_match_tells_everything_of_its_rule_and_its_strings() {
    let text = r#"rule Found : one two {
        meta: description = "A word" severity = "high" confidence = 90 count = 3 yes = true mitre_attack = "T1059.001; T9"
        strings: $a = "abc" $b = /d.f/ $x = "secret" xor(1-255)
        condition: any of them }"#;
    let hidden: Vec<u8> = b"secret".iter().map(|byte| byte ^ 0x21).collect();
    let sample = [b"..abc..dxf..abc".as_slice(), &hidden].concat();
    let output = call("scan", &source(text), Some(&sample)).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let facts: Value = serde_json::from_str(output.data.get()).unwrap_or_default();
    assert_eq!((facts["rules"].as_u64(), facts["set"].as_str()), (Some(1), Some("given")));
    let found = &facts["matches"][0];
    assert_eq!(found["tags"], json!(["one", "two"]));
    assert_eq!(found["namespace"], "default");
    assert_eq!(found["metadata"][3], json!(["count", 3]));
    assert_eq!(found["metadata"][4], json!(["yes", true]));
    let strings = &found["strings"];
    assert_eq!(strings[0]["id"], "$a");
    assert_eq!(strings[0]["places"][1], json!({"offset": 12, "length": 3, "data": "616263"}));
    assert_eq!(strings[1]["places"][0]["data"], "647866");
    assert_eq!(strings[2]["places"][0]["xor_key"], 0x21);
    let finding = serde_json::to_value(&output.findings[0]).unwrap_or_default();
    assert_eq!(finding["id"], "rule-found");
    assert_eq!(finding["severity"], "high");
    assert_eq!(finding["confidence"], 90);
    assert_eq!(finding["title"], "A YARA rule matches");
    assert_eq!(finding["techniques"], json!(["T1059.001"]));
    assert_eq!(finding["evidence"][0], json!({"offset": 2, "text": "$a: abc"}));
}

#[test]
fn every_module_of_yara_can_be_imported() {
    for module in ["pe", "elf", "macho", "dotnet", "dex", "math", "hash", "string", "time", "magic"] {
        let status = data(call("check", &source(&format!("import \"{module}\" rule r {{ condition: true }}")), None));
        assert_eq!(status["ok"], true, "{module}: {status}");
    }
    for (condition, holds) in [
        ("math.entropy(0, filesize) < 3.0", true),
        ("hash.md5(0, filesize) == \"900150983cd24fb0d6963f7d28e17f72\"", true),
        ("string.length(\"ab\") == 2", true),
        ("time.now() == 1700000000", true),
        ("magic.mime_type() == \"text/plain\"", true),
        ("magic.type() icontains \"text\"", true),
        ("pe.is_pe", false),
        ("defined elf.type", false),
        ("defined macho.magic", false),
        ("dotnet.is_dotnet", false),
    ] {
        let module = condition.trim_start_matches("defined ").split('.').next().unwrap_or_default();
        let mut args = source(&format!("import \"{module}\" rule r {{ condition: {condition} }}"));
        args["now"] = json!(1_700_000_000);
        assert_eq!(names(&data(call("scan", &args, Some(b"abc")))).len(), usize::from(holds), "{condition}");
    }
}

#[test]
fn without_a_clock_now_is_undefined_and_never_a_trap() {
    let args =
        source("import \"time\" rule r { condition: time.now() > 0 } rule s { condition: not defined time.now() }");
    assert_eq!(names(&data(call("scan", &args, Some(b"x")))), ["s"]);
}

#[test]
fn a_kept_set_matches_as_its_texts_do_and_its_externals_can_be_changed() {
    let text = "rule big { condition: filesize > least } rule named { condition: who == \"me\" } rule also { strings: $a = \"x\" condition: $a }";
    let mut args = source(text);
    args["externals"] = json!({"least": 100, "who": "nobody"});
    let output = call("compile", &args, None).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let compiled: Value = serde_json::from_str(output.data.get()).unwrap_or_default();
    assert_eq!(compiled["rules"], 3);
    assert_eq!(compiled["namespaces"], json!(["default"]));
    let state = output.state.unwrap_or_default();
    let facts = data(with_state("analyze", &json!({}), Some(b"xx"), Some(state.clone())));
    assert_eq!((names(&facts), &facts["sha256"]), (vec!["also"], &compiled["sha256"]));
    let externals = json!({"externals": {"least": 1, "who": "me"}});
    let facts = data(with_state("scan", &externals, Some(b"xx"), Some(state.clone())));
    assert_eq!(names(&facts), ["big", "named", "also"]);
    for (wrong, why) in [(json!({"other": 1}), "none that the set"), (json!({"least": "much"}), "another type")] {
        let said = refusal(with_state("scan", &json!({"externals": wrong}), Some(b"x"), Some(state.clone())));
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_set_of_any_size_is_kept_with_all_its_rules() {
    let rules = |count: usize| -> String {
        (0..count).map(|n| format!("rule r{n} {{ condition: filesize >= least }}\n")).collect()
    };
    let strings: String = (0..1_100).map(|n| format!("$s{n} = \"text {n}.\" ")).collect();
    for (text, all, form) in [
        (rules(1_024), 1_024, "athena-yara boreal"),
        (rules(1_025), 1_025, "athena-yara texts"),
        (rules(3_000), 3_000, "athena-yara texts"),
        (format!("rule r {{ strings: {strings} condition: filesize >= least and any of them }}"), 1, "athena-yara"),
    ] {
        let args = json!({"sources": [{"text": text}], "externals": {"least": 1}});
        let output = call("compile", &args, None).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        let compiled: Value = serde_json::from_str(output.data.get()).unwrap_or_default();
        let state = output.state.unwrap_or_default();
        assert!(state.starts_with(form.as_bytes()), "{form}");
        let facts = data(with_state("analyze", &json!({}), Some(b"text 1099."), Some(state.clone())));
        assert_eq!((&facts["rules"], &facts["sha256"]), (&json!(all), &compiled["sha256"]));
        let matches = names(&facts).len() as u64 + facts["matches_left_out"].as_u64().unwrap_or_default();
        assert_eq!(matches, all, "{form}");
        let facts = data(with_state("scan", &json!({"externals": {"least": 100}}), Some(b"text 1099."), Some(state)));
        assert_eq!(names(&facts), Vec::<&str>::new());
    }
}

#[test]
fn errors_have_file_line_and_column() {
    let status = data(call("check", &source("rule a { condition: true }\nrule b {\n  condition: nothing }"), None));
    assert_eq!(status["ok"], false);
    let problem = &status["problems"][0];
    assert_eq!(problem["level"], "error");
    assert_eq!(
        (problem["file"].as_str(), problem["line"].as_u64(), problem["column"].as_u64()),
        (Some("mine.yar"), Some(3), Some(14))
    );
    assert!(problem["message"].as_str().is_some_and(|text| text.contains("unknown identifier")), "{problem}");
    for function in ["compile", "scan"] {
        let said = refusal(call(function, &source("rule a {\n condition: \"x\" + 1 }"), Some(b"x")));
        assert!(said.starts_with("Rules: mine.yar, line 2, column "), "{said}");
    }
    let warned = data(call("check", &source("rule a { strings: $a = \"x\" condition: $a and \"text\" }"), None));
    assert_eq!(
        (warned["ok"].as_bool(), warned["problems"][0]["level"].as_str()),
        (Some(true), Some("warning")),
        "{warned}"
    );
}

#[test]
fn includes_are_found_among_the_texts_given_and_nowhere_else() {
    let mut args = source("include \"a.yar\"\nrule r { condition: in_a and in_b }");
    args["includes"] =
        json!({"a.yar": "include \"b.yar\" rule in_a { condition: true }", "b.yar": "rule in_b { condition: true }"});
    assert_eq!(names(&data(call("scan", &args, Some(b"x")))), ["in_b", "in_a", "r"]);
    args["includes"]["b.yar"] = json!("rule in_b {\n condition: oops }");
    let said = refusal(call("scan", &args, Some(b"x")));
    assert!(said.starts_with("Rules: b.yar, line 2, column 13"), "{said}");
    for (includes, why) in [
        (json!({}), "no text of that name came with the rules"),
        (json!({"a.yar": "include \"a.yar\""}), "includes itself"),
        (json!({"a.yar": "include \"b.yar\"", "b.yar": "include \"a.yar\""}), "includes itself"),
    ] {
        args["includes"] = includes;
        let said = refusal(call("scan", &args, Some(b"x")));
        assert!(said.contains(why), "{said}");
    }
    for path in ["/etc/passwd", "../../../../etc/passwd"] {
        let said = refusal(call("scan", &source(&format!("include \"{path}\"")), Some(b"x")));
        assert!(said.contains("no text of that name came with the rules"), "{said}");
    }
}

#[test]
fn includes_are_relative_to_the_text_that_includes_them() {
    let args = json!({
        "sources": [
            {"text": "include \"./common.yar\" rule r { condition: in_x and in_z }", "name": "x/a.yar", "namespace": "x"},
            {"text": "include \"common.yar\" rule r { condition: in_y }", "name": "y/a.yar", "namespace": "y"},
        ],
        "includes": {
            "x/common.yar": "include \"../z/c.yar\" rule in_x { condition: true }",
            "y/common.yar": "rule in_y { condition: true }",
            "z/c.yar": "include \"d.yar\"",
            "z/d.yar": "rule in_z { condition: true }",
        },
    });
    assert_eq!(names(&data(call("scan", &args, Some(b"x")))), ["in_z", "in_x", "r", "in_y", "r"]);
    let mut wrong = args.clone();
    wrong["includes"]["z/d.yar"] = json!("\nrule in_z { condition: oops }");
    let said = refusal(call("scan", &wrong, Some(b"x")));
    assert!(said.starts_with("Rules: z/d.yar, line 2, column 24"), "{said}");
}

#[test]
fn a_set_is_split_into_rules_that_match_by_themselves() {
    let text = r#"import "pe" include "more.yar" /* before */ private  global
        rule all { condition: filesize > 1 }
        // rule none { condition: false }
        rule word { strings: $a = "{ rule x }" $b = /a\/{2}/ $c = { 61 [2] 62 } condition: any of them or any of (in_*) }
        private rule hidden { condition: not pe.is_pe } rule last : tag { condition: hidden and not word }"#;
    let args = json!({
        "sources": [{"text": text, "namespace": "n"}, {"text": "rule other { condition: filesize > 3 }"}],
        "includes": {"more.yar": "rule in_more { condition: filesize == 7 }"},
    });
    let parts = data(call("split", &args, None));
    let parts = parts["parts"].as_array().cloned().unwrap_or_default();
    let found: Vec<_> = parts.iter().map(|part| part["rule"].as_str().unwrap_or_default()).collect();
    assert_eq!(found, ["in_more", "all", "word", "hidden", "last", "other"]);
    assert_eq!((&parts[0]["namespace"], &parts[5]["namespace"]), (&json!("n"), &json!("default")));
    assert!(parts[4]["text"].as_str().is_some_and(|text| text.matches("condition").count() == 6), "{}", parts[4]);
    for sample in [b"1234567".as_slice(), b"12", b"x", b"MZ{ rule x }"] {
        let whole = data(call("scan", &args, Some(sample)));
        let together = names(&whole);
        for part in &parts {
            let rule = part["rule"].as_str().unwrap_or_default();
            let alone = data(call("scan", &source(part["text"].as_str().unwrap_or_default()), Some(sample)));
            assert_eq!(names(&alone).contains(&rule), together.contains(&rule), "{part} {sample:?}");
        }
    }
    assert!(refusal(call("split", &source("rule r { condition: oops }"), None)).contains("column 21"));
}

#[test]
fn rules_that_name_each_other_do_not_swell() {
    let rules: String = (0..2_000).map(|at| format!("rule r{at} {{ condition: r{} }}\n", at.max(1) - 1)).collect();
    let rules = rules.replacen("condition: r0", "condition: true", 1);
    let parts = data(call("split", &source(&rules), None));
    assert!(parts["parts_left_out"].as_u64().is_some_and(|count| (1..2_000).contains(&count)));
    assert!(parts.to_string().len() < 16 << 20);
}

#[test]
fn rules_are_matched_as_often_as_the_caller_says() {
    let mut args = source("rule r { strings: $a = \"x\" condition: $a }");
    for (times, matches) in [(0, 0), (3, 1)] {
        args["times"] = json!(times);
        assert_eq!(data(call("repeat", &args, Some(b"axb"))), json!({"times": times, "matches": matches}));
    }
    for wrong in [json!(1_001), json!(-1), json!(null)] {
        args["times"] = wrong;
        refusal(call("repeat", &args, Some(b"x")));
    }
}

#[test]
fn includes_that_double_at_each_step_are_ended() {
    let mut includes = serde_json::Map::new();
    for step in 0..15 {
        let twice = format!("include \"{}\" ", step + 1).repeat(2);
        includes.insert(step.to_string(), json!(twice));
    }
    includes.insert("15".to_owned(), json!(""));
    let mut args = source("include \"0\"");
    args["includes"] = Value::Object(includes);
    assert!(
        refusal(call("check", &args, None).and_then(|_| call("compile", &args, None)))
            .contains("more than rules may have")
    );
    let deep: serde_json::Map<String, Value> =
        (0..40).map(|step| (step.to_string(), json!(format!("include \"{}\"", step + 1)))).collect();
    args["includes"] = Value::Object(deep);
    assert!(refusal(call("compile", &args, None)).contains("nested too deeply"));
}

#[test]
fn namespaces_may_have_rules_of_the_same_name() {
    let args = json!({"sources": [
        {"text": "rule r { condition: true }", "namespace": "one"},
        {"text": "rule r { condition: true }", "namespace": "two"},
    ]});
    let facts = data(call("scan", &args, Some(b"x")));
    assert_eq!((&facts["matches"][0]["namespace"], &facts["matches"][1]["namespace"]), (&json!("one"), &json!("two")));
}

#[test]
fn a_flood_of_matches_is_cut_and_counted() {
    let strings: String = (0..100).map(|index| format!("$s{index} = \"a\" ")).collect();
    let rules: String =
        (0..300).map(|index| format!("rule r{index} {{ strings: {strings} condition: all of them }}\n")).collect();
    let facts = data(call("scan", &source(&rules), Some(&[b'a'; 5_000])));
    assert_eq!((facts["matches"].as_array().map(Vec::len), &facts["matches_left_out"]), (Some(256), &json!(44)));
    assert_eq!(facts["matches"][0]["strings_left_out"], 36);
    let string = &facts["matches"][0]["strings"][0];
    assert_eq!((&string["count"], string["places"].as_array().map(Vec::len)), (&json!(1_000), Some(32)));
    assert!(facts.to_string().len() < 4 << 20);
}

#[test]
fn what_cannot_be_is_refused() {
    for (function, args) in [
        ("scan", json!({"sources": 1})),
        ("scan", json!({"sources": [{"text": "", "path": "/etc"}]})),
        ("analyze", json!({"sources": []})),
        ("compile", json!({})),
        ("check", json!({"now": 1})),
    ] {
        refusal(call(function, &args, Some(b"x")));
    }
    assert_eq!(call("scan", &json!({}), None).err().map(|refusal| refusal.code), Some("no_sample"));
    assert_eq!(call("none", &json!({}), None).err().map(|refusal| refusal.code), Some("unknown_function"));
}

#[test]
fn a_state_that_is_none_is_refused() {
    let state = call("compile", &source("rule r { condition: true }"), None).ok().and_then(|output| output.state);
    let state = state.unwrap_or_default();
    for broken in [Vec::new(), b"athena".to_vec(), state[..state.len() - 1].to_vec(), [&state[..], b"x"].concat()] {
        assert!(refusal(with_state("analyze", &json!({}), Some(b"x"), Some(broken))).contains("no rule set"));
    }
    for at in (0..state.len()).step_by(7) {
        let mut changed = state.clone();
        changed[at] ^= 0x40;
        assert!(refusal(with_state("analyze", &json!({}), Some(b"x"), Some(changed))).contains("no rule set"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_text_and_no_sample_breaks_it(text in "(rule|import|include|private|global| |r|a|\\{|\\}|strings:|condition:|\\$a|=|\"x\"|/x/|any of them|[(]|[)]|not|[0-9]|\n){0,60}", sample in proptest::collection::vec(any::<u8>(), 1..200)) {
        let _ = call("scan", &source(&text), Some(&sample));
        let _ = call("check", &source(&text), None);
    }

    #[test]
    fn our_own_rules_take_every_sample(sample in proptest::collection::vec(any::<u8>(), 1..400), head in 0_usize..6) {
        let heads: [&[u8]; 6] = [b"", b"MZ", b"\x7fELF\x02\x01\x01", b"%PDF-1.4\n", b"{\\rtf1", b"PK\x03\x04"];
        let whole = [heads[head], &sample].concat();
        let facts = data(call("analyze", &json!({}), Some(&whole)));
        prop_assert_eq!(&facts["set"], "default");
    }
}

#[test]
fn operators_without_end_before_an_operand_are_refused() {
    for prefix in ["not ", "not\n", "~", "-", "defined "] {
        let text = format!("rule a {{ condition: {} filesize > 0 }}", prefix.repeat(50_000));
        assert!(refusal(call("compile", &source(&text), None)).contains("operators before it"), "{prefix}");
    }
    let few = format!("rule a {{ condition: {} true }} // {}\n", "not ".repeat(20), "- ".repeat(80));
    assert_eq!(data(call("check", &source(&few), None))["problems"], json!([]));
}
