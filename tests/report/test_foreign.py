"""What modules of the user's own say, in all forms of a report: marked as theirs, and never more than text."""

from __future__ import annotations

import json

import msgspec
import pytest

from athena_lab.errors import BadOutput
from athena_lab.report import Evidence, Finding, ModuleResult, Report, build_report
from athena_lab.report.foreign import MAX_VALUES, flattened
from athena_lab.sample import Sample

HOSTILE = "<img src=x onerror=alert(1)> \u202e [a](http://evil.example) `x` | *y*"


def result(name, data, *findings):
    encoded = msgspec.Raw(json.dumps(data).encode())
    return ModuleResult.ok(name, "1.0.0", data=encoded, findings=findings, time=0.1, memory_bytes=0)


def report_of(data, title="Odd", severity="high"):
    found = Finding("odd", severity, 80, title, detail=HOSTILE, evidence=(Evidence(1, 2, HOSTILE),))
    ours = result("house", {}, Finding("plain", "medium", 50, "Plain"))
    return build_report(
        sample=Sample("0" * 64, 3, "a"),
        analysis_type="full",
        results=[("analysis", ours), ("foreign", result("mine", data, found))],
        total_time=0.2,
    )


def test_findings_are_marked_as_the_word_of_whose_module_they_are():
    report = report_of({})
    assert [(finding.id, report.author(finding)) for finding in report.findings] == [
        ("mine/odd", "mine"),
        ("house/plain", ""),
    ]
    assert "the worst, says your module mine: Odd." in report.verdict.sentence
    for text in (report.to_html(), report.to_text(), report.to_markdown()):
        assert text.count("says your module") == 2  # in the verdict, and with the finding


def test_one_of_ours_is_told_as_ever():
    report = report_of({}, severity="low")
    assert "the worst: Plain." in report.verdict.sentence


@pytest.mark.parametrize("data", [{HOSTILE: HOSTILE}, [HOSTILE], HOSTILE, {"a": [{"b": HOSTILE}]}])
def test_hostile_words_stay_text(data):
    report = report_of(data, title=HOSTILE[:100])
    html, markdown = report.to_html(), report.to_markdown()
    assert "<img" not in html
    assert "\u202e" not in html + markdown + report.to_text()
    assert "http://evil" not in html + markdown + report.to_text()
    assert "](http" not in markdown.replace("](https://attack.mitre.org", "")
    assert Report.from_json(report.to_json()).foreign == {"mine": data}


def test_data_is_told_as_paths_and_values():
    assert flattened({"a": {"b": [1, 2.5]}, "c": None, "d": True, "e": "x", "f": {}}) == [
        ("a.b[0]", "1"), ("a.b[1]", "2.5"), ("d", "true"), ("e", "x"),
    ]  # fmt: skip
    assert flattened(5) == [("", "5")]
    assert flattened({}) == []
    many = flattened(list(range(MAX_VALUES * 2)))
    assert (len(many), many[-1][0]) == (MAX_VALUES + 1, "...")
    deep = 5
    for _ in range(30):
        deep = [deep]
    assert flattened(deep) == [("[0]" * 16, "...")]


def test_a_flood_is_cut():
    report = report_of({f"key {n}": "x" * 500 for n in range(5_000)})
    assert len(report.to_html()) < 100_000
    assert len(report.to_markdown()) < 30_000
    assert len(report.to_text()) < 10_000


def test_data_that_is_no_json_is_named():
    report = report_of({})
    broken = msgspec.structs.replace(report.results["foreign"]["mine"], data=msgspec.Raw(b"[" * 50_000))
    with pytest.raises(BadOutput, match="not JSON"):
        _ = msgspec.structs.replace(report, results={"foreign": {"mine": broken}}).foreign
