"""The lab with the modules that are shipped: what an analyst gets for real and for broken files."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING

import pytest

from athena_lab.api import TriageOptions
from athena_lab.errors import ModuleRefused
from athena_lab.report import Report

if TYPE_CHECKING:
    from pathlib import Path

MODULES = {"analysis-engine", "crypto", "deobfuscator", "file-processor", "network", "pattern-matcher", "sandbox"}


@pytest.fixture
def launcher(launchers) -> Path:
    return launchers[0]


def with_compile_time(path: Path, when: int) -> bytes:
    data = bytearray(path.read_bytes())
    header = struct.unpack_from("<I", data, 0x3C)[0]
    struct.pack_into("<I", data, header + 8, when)
    return bytes(data)


async def test_a_windows_program_is_told_in_full(lab, launcher):
    report = await lab.triage(launcher)
    assert report.status == "completed"
    (program,) = report.facts.executables
    assert (program.kind, program.arch, program.bits) == ("pe", "x86-64", 64)
    assert program.imphash == "e694a8a11a715c6300d85bced2e15faa"
    assert [section.name for section in program.sections] == [".text", ".rdata", ".data", ".pdata"]
    assert report.verdict.level in {"clean-looking", "worth a look"}
    assert {finding.id.partition("/")[0] for finding in report.findings} <= MODULES
    assert {result.module for result in report.module_results} == MODULES
    assert report.patterns.set == "default"
    assert report.crypto.size == launcher.stat().st_size
    assert Report.from_json(report.to_json()).findings == report.findings


async def test_quick_leaves_strings_out(lab, launcher):
    full, quick = await lab.triage(launcher), await lab.triage(launcher, analysis_type="quick")
    assert full.facts.strings.total > 100
    assert quick.facts.strings is None
    assert quick.facts.executables[0].imphash == full.facts.executables[0].imphash


async def test_rules_of_the_analyst_s_own_are_compiled_once_for_every_sample(lab, launcher):
    session = await lab.open_session("pattern-matcher")
    rule = {"text": 'rule mine { strings: $a = "kernel32.dll" nocase condition: $a }', "namespace": "house"}
    compiled = await lab.execute("pattern-matcher", "compile", {"sources": [rule]}, session=session.id)
    assert (compiled["rules"], compiled["namespaces"]) == (1, ["house"])
    options = TriageOptions(sessions=(session.id,))
    for sample, found in ((launcher, ["mine"]), (b"nothing of the kind", [])):
        report = await lab.triage(sample, analysis_type="pattern", options=options)
        assert [result.module for result in report.module_results] == ["pattern-matcher", "analysis-engine"]
        assert [match.rule for match in report.patterns.matches] == found
        assert report.patterns.sha256 == compiled["sha256"]
    (listed,) = await lab.sessions()
    assert (listed.calls, listed.size > 100) == (3, True)
    other = {"text": "rule other { condition: true }"}
    await lab.execute("pattern-matcher", "compile", {"sources": [other]}, session=session.id)
    report = await lab.triage(launcher, analysis_type="pattern", options=options)
    assert [match.rule for match in report.patterns.matches] == ["other"]  # and not a report that was kept


async def test_rules_with_an_error_leave_the_set_in_place_that_was_there(lab):
    session = await lab.open_session("pattern-matcher")
    good, bad = ({"sources": [{"text": text}]} for text in ("rule r { condition: true }", "rule r {\n condition: }"))
    await lab.execute("pattern-matcher", "compile", good, session=session.id)
    with pytest.raises(ModuleRefused, match="line 2, column"):
        await lab.execute("pattern-matcher", "compile", bad, session=session.id)
    facts = await lab.execute("pattern-matcher", "analyze", source=b"x", session=session.id)
    assert [match["rule"] for match in facts["matches"]] == ["r"]


async def test_a_compile_time_is_held_against_todays_clock(lab, launcher):
    tomorrow = await lab.triage(with_compile_time(launcher, int(time.time()) + 7 * 86_400))
    yesterday = await lab.triage(with_compile_time(launcher, int(time.time()) - 86_400))
    ids = {finding.id for finding in tomorrow.findings} - {finding.id for finding in yesterday.findings}
    assert any("time" in name for name in ids), ids


async def test_a_report_is_made_once(lab, launcher):
    first = await lab.triage(launcher)
    assert await lab.triage(launcher) is first
    assert (await lab.wasm_metrics()).modules["file-processor"].calls == 1


@pytest.mark.parametrize("size", [1, 2, 63, 64, 128, 512, 1024, 4096, 60_000])
async def test_a_truncated_program_still_gives_a_report(lab, launcher, size):
    report = await lab.triage(launcher.read_bytes()[:size])
    assert report.status == "completed"
    assert report.facts.size == size
