"""Report: order, verdict, status, JSON."""

from __future__ import annotations

import json

import msgspec
import pytest

from athena_lab.errors import BadOutput
from athena_lab.report import REPORT_MIME, Finding, ModuleResult, Report
from athena_lab.report.model import MAX_SAVED_DATA
from tests.report.make import (
    FINDINGS,
    SHA,
    behaviour_facts,
    crypto,
    crypto_facts,
    deobfuscation,
    deobfuscation_facts,
    failed,
    file_facts,
    network,
    network_facts,
    ok,
    pattern_facts,
    patterns,
    report,
    sandbox,
)


def test_findings_are_worst_first_then_surest_and_carry_their_module():
    assert [f.id for f in report().findings] == [
        "file-processor/odd-sections",
        "file-processor/packer",
        "file-processor/overlay",
        "file-processor/no-signature",
    ]


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        ("critical", "malicious-looking"),
        ("high", "suspicious"),
        ("medium", "worth a look"),
        ("low", "clean-looking"),
        ("info", "clean-looking"),
    ],
)
def test_the_worst_severity_makes_the_verdict(severity, level):
    verdict = report(ok((Finding("one", severity, 50, "One"),))).verdict
    assert verdict.level == level
    assert verdict.sentence.startswith(level.capitalize())


def test_no_finding_is_no_proof():
    assert "no proof" in report(ok(())).verdict.sentence


@pytest.mark.parametrize(
    ("severities", "counts"),
    [
        (("high",), "1 high finding;"),
        (("high", "medium"), "1 high and 1 medium finding;"),
        (("high", "medium", "medium"), "1 high and 2 medium findings;"),
        (("critical", "high", "high", "medium", "low"), "1 critical, 2 high and 1 medium finding;"),
    ],
)
def test_a_verdict_counts_the_findings_that_tell_something(severities, counts):
    findings = tuple(Finding(f"id-{at}", severity, 80, "A title") for at, severity in enumerate(severities))
    assert counts in report(ok(findings)).verdict.sentence


def test_one_failed_module_makes_it_partial_and_the_verdict_says_so():
    made = report(ok(), failed())
    assert made.status == "partial"
    assert made.verdict.sentence.endswith("Not everything was analysed: unpacker failed.")
    assert made.facts is not None


def test_all_failed_is_unknown_and_never_clean():
    made = report(failed("file-processor"))
    assert (made.status, made.verdict.level, made.facts) == ("failed", "unknown", None)


def test_json_is_the_contract_and_comes_back_the_same():
    made = report(ok(), failed())
    decoded = json.loads(made.to_json())
    assert set(decoded) == {"id", "status", "sample", "analysisType", "results", "performance", "children", "unloaded"}
    assert decoded["sample"]["sha256"] == SHA
    assert decoded["performance"] == {"totalTime": 0.0151, "moduleTimings": {"file-processor": 0.012, "unpacker": 0.5}}
    module = decoded["results"]["analysis"]["file-processor"]
    assert set(module) == {"module", "version", "status", "findings", "data", "error", "time", "memoryBytes"}
    assert decoded["results"]["analysis"]["unpacker"]["error"]["next_step"]
    again = Report.from_json(made.to_json())
    assert again.to_json() == made.to_json()
    assert again.findings == made.findings
    assert again.facts == made.facts


def test_a_long_module_name_still_gives_ids_that_decode():
    long = ModuleResult.ok(
        "m" * 64, "1.0.0", data=msgspec.Raw(b"{}"), findings=[Finding("f" * 96, "low", 1, "x")], time=0, memory_bytes=0
    )
    assert Report.from_json(report(long).to_json()).findings[0].id == f"{'m' * 64}/{'f' * 96}"


def test_facts_that_break_the_contract_are_a_named_error():
    broken = ModuleResult.ok(
        "file-processor", "1.0.0", data=msgspec.Raw(b'{"size":1}'), findings=(), time=0, memory_bytes=0
    )
    with pytest.raises(BadOutput, match="do not fit the contract"):
        _ = report(broken).facts


def test_the_layers_are_typed():
    made = report(deobfuscation())
    assert made.deobfuscation == deobfuscation_facts()
    assert report().deobfuscation is None


def test_the_facts_of_crypto_are_typed():
    made = report(crypto())
    assert made.crypto == crypto_facts()
    assert made.facts is None
    again = Report.from_json(made.to_json())
    assert again.crypto == made.crypto


def test_the_facts_of_the_sandbox_are_typed():
    made = Report.from_json(report(sandbox()).to_json())
    assert made.behaviour == behaviour_facts()
    assert made.behaviour.techniques[0] == "T1059.007"


def test_the_facts_of_the_pattern_matcher_are_typed():
    made = Report.from_json(report(patterns()).to_json())
    assert made.patterns == pattern_facts()
    assert (made.facts, made.crypto) == (None, None)


def test_the_facts_of_network_are_typed():
    made = Report.from_json(report(network()).to_json())
    assert made.network == network_facts()
    assert [it.leads_somewhere for it in made.network.indicators] == [True, False]


def test_facts_are_decoded_once():
    made = report()
    assert made.facts is made.facts


def test_a_notebook_gets_four_forms_and_none_of_them_plain_json():
    bundle = report()._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/markdown", "text/plain", REPORT_MIME}
    assert bundle[REPORT_MIME]["results"]["analysis"]["file-processor"]["data"]["size"] == 65_536


def test_bulky_data_is_not_saved_with_the_notebook():
    facts = file_facts(strings=None)
    text = "x" * MAX_SAVED_DATA
    bulky = msgspec.structs.replace(facts, hashes=msgspec.structs.replace(facts.hashes, md5=text))
    saved = report(ok(facts=bulky))._repr_mimebundle_()[REPORT_MIME]
    assert saved["results"]["analysis"]["file-processor"]["data"] is None
    assert Report.from_json(json.dumps(saved)).facts is None
    assert len(saved["results"]["analysis"]["file-processor"]["findings"]) == len(FINDINGS)


def test_repr_is_one_short_line():
    assert repr(report()) == "<Report abababababab: suspicious, 4 findings, completed>"
