"""YARA rules by both labs: the one in this process and the one over HTTP."""

from __future__ import annotations

import os

import pytest

from athena_lab.api import TriageOptions
from athena_lab.client import LabClient
from athena_lab.errors import ModuleRefused
from athena_lab.lab import open_lab
from tests.jupyter.conftest import ROOT

COMPONENTS = os.environ.get("ATHENA_COMPONENTS") or str(ROOT / "wasm" / "components")
"""Read here: while tests run, the environment has nothing of Athena Lab's."""


@pytest.fixture(autouse=True)
def _shipped(monkeypatch):
    monkeypatch.setenv("ATHENA_WASM__COMPONENTS", COMPONENTS)
    monkeypatch.setenv("ATHENA_WASM__MEMORY_BYTES", str(256 << 20))


@pytest.fixture(params=["in this process", "over HTTP"])
def lab(request, jp_asyncio_loop, _shipped):
    if request.param == "over HTTP":
        serverapp, (_, port) = (request.getfixturevalue(name) for name in ("jp_serverapp", "http_server_port"))
        request.getfixturevalue("http_server")
        token = serverapp.web_app.settings["athena_kernel_token"]
        lab = LabClient(f"http://127.0.0.1:{port}{serverapp.base_url}", token)
    else:
        lab = open_lab()
    yield lab
    jp_asyncio_loop.run_until_complete(lab.aclose())


async def test_rules_of_a_folder_are_compiled_once_and_match_in_each_triage(lab, tmp_path):
    (tmp_path / "a.yar").write_text('include "b.yar"\nrule long : tag { condition: in_b and filesize > least }')
    (tmp_path / "b.yar").write_text('rule in_b { meta: author = "me" condition: true }')
    rules = await lab.compile_rules(tmp_path, externals={"least": 3}, ttl=60)
    assert (rules.rules, rules.namespaces) == (2, ("a",))
    assert [(rule.name, rule.tags, rule.metadata) for rule in rules.listed] == [
        ("in_b", (), (("author", "me"),)),
        ("long", ("tag",), ()),
    ]
    assert not any(rule.is_global or rule.is_private for rule in rules.listed)
    chosen = {"modules": ["pattern-matcher"], "options": TriageOptions(sessions=(rules.session,))}
    for sample, expected in ((b"four", {"in_b", "long"}), (b"tri", {"in_b"})):
        report = await lab.triage(sample, **chosen)
        facts = report.results["patterns"]["pattern-matcher"].facts()
        assert {match.rule for match in facts.matches} == expected
        assert (facts.set, facts.sha256) == ("given", rules.sha256)


async def test_what_is_wrong_names_its_place_and_leaves_no_session(lab, tmp_path):
    (tmp_path / "bad.yar").write_text("rule a {\n  condition: oops\n}")
    with pytest.raises(ModuleRefused, match=r"bad\.yar, line 2, column 14"):
        await lab.compile_rules(tmp_path)
    assert await lab.sessions() == ()


async def test_each_rule_has_its_time(lab):
    slow = "rule slow { strings: $a = /[a-z]{3,9}[0-9][a-z]/ condition: #a > 900 }"
    quick = "rule quick { condition: filesize == 1 }"
    sample = b"abcdefgh1b c" * 60_000
    times = await lab.profile_rules(sample, sources={"one": f"{slow}\n{quick}", "two": quick})
    assert (times[0].rule, times[0].namespace) == ("slow", "one")
    assert {(time.rule, time.namespace) for time in times} == {("slow", "one"), ("quick", "one"), ("quick", "two")}
    assert times[0].seconds > 10 * times[1].seconds >= 0
    with pytest.raises(ModuleRefused, match="line 1"):
        await lab.profile_rules(sample, sources="rule r { condition: oops }")


async def test_a_rule_that_does_not_end_is_told_with_the_times_of_the_others(lab, monkeypatch):
    monkeypatch.setattr("athena_lab.rules._DEADLINE", 1.0)
    slow = "rule slow { strings: $a = /.*a.*b.*c/ condition: $a }"
    times = await lab.profile_rules(b"ab" * 100_000, sources=f"{slow}\nrule quick {{ condition: filesize == 1 }}")
    assert [(time.rule, time.stopped) for time in times] == [("slow", True), ("quick", False)]
    assert times[0].seconds == 1.0 > times[1].seconds
