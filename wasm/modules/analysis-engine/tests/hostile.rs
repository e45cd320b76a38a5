//! Reports come from modules that have read hostile bytes: whatever they say, the engine answers.

use analysis_engine::AnalysisEngine;
use module_kit::{Call, Module};
use proptest::prelude::*;
use serde_json::{Value, json};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z/:*-]{0,12}|\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let names = prop_oneof![
            Just("executables"),
            Just("imports"),
            Just("name"),
            Just("calls"),
            Just("api"),
            Just("machine"),
            Just("matches"),
            Just("rule"),
            Just("tags"),
            Just("indicators"),
            Just("kind"),
            Just("format"),
            Just("id"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..6).prop_map(|rows| {
                rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()
            }),
        ]
    })
}

fn module() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("file-processor"),
        Just("sandbox"),
        Just("pattern-matcher"),
        Just("network"),
        Just("crypto"),
        Just("deobfuscator"),
        Just("mine"),
    ]
}

fn finding() -> impl Strategy<Value = Value> {
    let severity = prop_oneof![Just("info"), Just("low"), Just("medium"), Just("high"), Just("critical")];
    (module(), "[a-z]{1,8}(-[0-9]{1,3})?|child/[a-z]{1,5}", severity, any::<u8>(), "T[0-9]{4}|\\PC{0,6}").prop_map(
        |(module, slug, severity, confidence, technique)| {
            json!({"id": format!("{module}/{slug}"), "severity": severity, "confidence": confidence, "title": "x",
                   "techniques": [technique]})
        },
    )
}

/// Of few groups, so that they meet in them.
fn alike() -> impl Strategy<Value = Value> {
    let severity = prop_oneof![Just("info"), Just("low"), Just("medium"), Just("high"), Just("critical")];
    let id = prop_oneof![Just("child/a"), Just("a"), Just("a-2"), Just("b"), Just("c")];
    (id, severity, 0..=100_u8).prop_map(|(slug, severity, confidence)| {
        json!({"id": format!("mine/{slug}"), "severity": severity, "confidence": confidence, "title": "x", "techniques": []})
    })
}

fn analyze(args: &Value) -> Value {
    let call = Call::parse(&json!({"function": "analyze", "args": args}).to_string()).expect("a call");
    let output = AnalysisEngine::analyze(&call, None).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    serde_json::from_str(output.data.get()).expect("JSON")
}

proptest! {
    #[test]
    fn facts_of_any_shape_are_read(module in module(), data in any_json()) {
        analyze(&json!({"results": [{"module": module, "status": "ok", "data": data}]}));
    }

    #[test]
    fn the_score_is_the_sum_of_what_counts(findings in prop::collection::vec(finding(), 0..80)) {
        let data = analyze(&json!({"results": [{"module": "mine", "status": "ok", "findings": findings}]}));
        let sums = data["sums"].as_array().expect("a list");
        let total: f64 = sums.iter().map(|sum| sum["counted"].as_f64().expect("a number")).sum();
        let score = data["score"].as_f64().expect("a number");
        prop_assert!((0.0..=100.0).contains(&score));
        prop_assert!((total.min(100.0) - score).abs() <= 0.51, "{total} {score}");
        for sum in sums {
            prop_assert!(sum["counted"].as_f64() <= sum["points"].as_f64());
            prop_assert!(sum["counted"].as_f64() <= sum["ceiling"].as_f64());
        }
    }

    #[test]
    fn one_finding_more_never_lowers_the_score(
        findings in prop::collection::vec(finding(), 0..20), more in finding()
    ) {
        let of = |findings: &[Value]| {
            analyze(&json!({"results": [{"module": "mine", "status": "ok", "findings": findings}]}))["score"].as_u64()
        };
        let before = of(&findings);
        let after: Vec<Value> = findings.iter().cloned().chain([more]).collect();
        prop_assert!(of(&after) >= before);
    }

    #[test]
    fn one_more_of_a_group_never_lowers_the_score(
        findings in prop::collection::vec(alike(), 0..12), more in alike()
    ) {
        let of = |findings: &[Value]| {
            analyze(&json!({"results": [{"module": "mine", "status": "ok", "findings": findings}]}))["score"].as_u64()
        };
        let before = of(&findings);
        let after: Vec<Value> = findings.iter().cloned().chain([more]).collect();
        prop_assert!(of(&after) >= before);
    }
}

#[test]
fn a_module_that_did_not_end_is_a_finding() {
    let args = json!({"results": [
        {"module": "network", "status": "failed", "error": {"code": "module_deadline", "detail": "x"}},
        {"module": "crypto", "status": "failed", "error": {"code": "module_cancelled", "detail": "x"}},
    ]});
    let call = Call::parse(&json!({"function": "analyze", "args": args}).to_string()).expect("a call");
    let output = AnalysisEngine::analyze(&call, None).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let ids: Vec<_> = output.findings.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!(ids, ["module-out-of-time"]);
}

#[test]
fn a_flood_is_answered_in_time() {
    let imports: Vec<Value> = (0..100_000).map(|index| json!({"library": "x", "name": format!("f{index}")})).collect();
    let findings: Vec<Value> = (0..10_000)
        .map(|index| json!({"id": format!("m/k{index}"), "severity": "low", "confidence": 9, "title": "x", "techniques": ["T1055"]}))
        .collect();
    let data = analyze(&json!({"results": [{"module": "file-processor", "status": "ok", "findings": findings,
        "data": {"executables": [{"imports": imports}]}}]}));
    assert_eq!(data["score"], 10);
    assert_eq!(data["contributions"].as_array().map(Vec::len), Some(64));
}
