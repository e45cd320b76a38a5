"""A script that makes its engine trap hides nothing of what it did before: the report has that, and the failure."""

from __future__ import annotations

import time

import pytest

from athena_lab.api import TriageOptions
from athena_lab.lab import open_lab
from athena_lab.telemetry import metrics

COMMAND = "powershell -w hidden -enc AAAA"
WRITTEN = "C:\\Users\\Public\\a.bat"
DOES = f"""
var shell = new ActiveXObject("WScript.Shell");
shell.RegWrite("HKCU\\\\Software\\\\Microsoft\\\\Windows\\\\CurrentVersion\\\\Run\\\\x", "y");
var file = new ActiveXObject("Scripting.FileSystemObject").CreateTextFile("C:\\\\Users\\\\Public\\\\a.bat", true);
file.Write("start calc"); file.WriteLine(".exe"); file.Close();
shell.Run("{COMMAND}"); shell.Run("{COMMAND}"); shell.Run("C:\\\\Users\\\\Public\\\\a.bat");
eval("1 + 1");
"""
FILLS = DOES + 'var s = "a"; while (1) s += s;'
HANGS = DOES + '/x*x*x*x*y/.test(new Array(900).join("x"));'
DEADLINE = 3.0
"""Seconds. Memory is full before, and what hangs takes minutes."""


@pytest.fixture
async def lab(tmp_path):
    async with open_lab(environ={"ATHENA_SAMPLES__FOLDER": str(tmp_path / "quarantine")}) as lab:
        yield lab


@pytest.fixture
def script_file(tmp_path):
    def made(text, name="x.js"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return made


def found(report):
    """What the sandbox found, but for how the run ended."""
    return {finding.id: finding for finding in report.findings if finding.id.startswith("sandbox/")}


def traps(cause):
    return metrics.WASM_TRAPS.labels("sandbox", cause)._value.get()


@pytest.mark.parametrize(
    ("script", "cause", "detail"),
    [
        (FILLS, "memory", "It took all the memory that there was."),
        (HANGS, "deadline", "It took all the time that there was."),
    ],
)
async def test_what_a_script_did_before_it_was_stopped_is_in_the_report(lab, script_file, script, cause, detail):
    options = TriageOptions(timeout=DEADLINE)
    whole = await lab.triage(script_file(DOES))
    before = traps(cause)
    report = await lab.triage(script_file(script), options=options)
    result = report.results["sandbox"]["sandbox"]
    assert (report.status, result.status, result.error.code) == ("partial", "failed", f"module_{cause}")
    assert traps(cause) == before + 1
    facts, same = report.behaviour, whole.behaviour
    assert facts.ended == "stopped"
    assert (facts.calls, facts.processes, facts.files) == (same.calls, same.processes, same.files)
    assert (facts.persistence, facts.code, facts.children) == (same.persistence, same.code, same.children)
    told = found(report)
    assert told.pop("sandbox/run-stopped").detail == detail
    assert told == found(whole)
    assert report.conclusion.score >= whole.conclusion.score
    assert report.verdict.level == whole.verdict.level
    assert "sandbox failed" in report.verdict.sentence
    html = report.to_html()
    assert COMMAND in html
    assert "sandbox failed" in html
    assert "was stopped before its end" in html


async def test_a_deadline_is_kept(lab, script_file):
    await lab.triage(script_file(DOES), modules=["sandbox"])  # compiles it
    started = time.monotonic()
    options = TriageOptions(timeout=DEADLINE)
    report = await lab.triage(script_file(HANGS), modules=["sandbox"], options=options)
    assert time.monotonic() - started < DEADLINE + 0.5
    assert report.behaviour.processes[0].target == COMMAND
    assert (report.status, report.verdict.level) == ("failed", "suspicious")


@pytest.mark.parametrize("script", [FILLS, HANGS])
async def test_what_it_wrote_is_analysed_by_itself(lab, script_file, script):
    options = TriageOptions(timeout=DEADLINE)
    whole = await lab.triage(script_file(DOES), options=options)
    started = time.monotonic()
    report = await lab.triage(script_file(script), options=options)
    assert time.monotonic() - started < DEADLINE + 2  # it is not run again for each
    written, same = (next(node for node in it.children if node.name == WRITTEN) for it in (report, whole))
    assert (written, written.status) == (same, "analysed")
    taken = await lab.extract(script_file(script), written.index, module="sandbox", timeout=DEADLINE)
    assert taken.sha256 == written.sha256


async def test_one_in_the_other_language_as_well(lab, script_file):
    script = f"""
CreateObject("WScript.Shell").Run "{COMMAND}"
s = String(16000000, "a")
Do
  x = InStr(s, "b")
Loop
"""
    options = TriageOptions(timeout=DEADLINE)
    report = await lab.triage(script_file(script, "x.vbs"), modules=["sandbox", "analysis-engine"], options=options)
    assert report.results["sandbox"]["sandbox"].error.code == "module_deadline"
    assert [it.target for it in report.behaviour.processes] == [COMMAND]


async def test_one_that_did_nothing_yet_is_told_of(lab, script_file):
    report = await lab.triage(script_file('var s = "a"; while (1) s += s;'), modules=["sandbox"])
    assert report.results["sandbox"]["sandbox"].error.code == "module_memory"
    assert (report.behaviour.ended, report.behaviour.calls_total) == ("stopped", 0)
    assert set(found(report)) == {"sandbox/run-stopped"}
