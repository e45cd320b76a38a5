"""A script that makes its engine trap hides nothing of what it did before: the report has that, and the failure."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.api import TriageOptions
from athena_lab.report.behaviour import SandboxFacts
from athena_lab.telemetry import metrics
from athena_lab.wasm.contract import Call, Output, SampleInfo, Stopped

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
DEADLINE = 4.0
"""Seconds. Memory is full before, and what hangs takes minutes."""


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
    assert time.monotonic() - started < DEADLINE + 1
    assert report.behaviour.processes[0].target == COMMAND
    assert (report.status, report.verdict.level) == ("failed", "suspicious")


@pytest.mark.parametrize("script", [FILLS, HANGS])
async def test_what_it_wrote_is_analysed_by_itself(lab, script_file, script):
    options = TriageOptions(timeout=DEADLINE)
    whole = await lab.triage(script_file(DOES), options=options)
    started = time.monotonic()
    report = await lab.triage(script_file(script), options=options)
    assert time.monotonic() - started < 2 * DEADLINE  # it is not run again for each
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


async def test_what_is_too_large_to_be_kept_is_told_of(lab, script_file):
    script = f"""
var text = "MZ"; while (text.length < 6000000) text += text;
var file = new ActiveXObject("Scripting.FileSystemObject").CreateTextFile("C:\\\\Users\\\\Public\\\\a.exe", true);
file.Write(text); file.Close(); text = "";
new ActiveXObject("WScript.Shell").Run("C:\\\\Users\\\\Public\\\\a.exe");
{FILLS}"""
    report = await lab.triage(script_file(script), modules=["sandbox"])
    facts = report.behaviour
    assert facts.ended == "stopped"
    assert facts.children_left_out >= 1
    assert {"sandbox/drops-program", "sandbox/drops-and-runs", "sandbox/run-stopped"} <= set(found(report))


async def test_long_paths_leave_room_for_what_is_done(lab, script_file):
    script = f"""
function long(size) {{ var text = "x"; while (text.length < size) text += text; return text.substr(0, size); }}
var files = new ActiveXObject("Scripting.FileSystemObject");
files.CreateTextFile("C:\\\\Users\\\\Public\\\\" + long(11500000), true);
files.CreateTextFile("C:\\\\Users\\\\Public\\\\" + long(5000000), true);
new ActiveXObject("WScript.Shell").Run("{COMMAND}");
var s = "a"; while (1) s += s;"""
    report = await lab.triage(script_file(script), modules=["sandbox"])
    assert report.behaviour.ended == "stopped"
    assert [it.target for it in report.behaviour.processes] == [COMMAND]
    assert report.behaviour.calls[-1].api == "WScript.Shell.Run"


async def test_a_file_that_is_too_large_is_told_once_and_one_that_is_gone_never(lab, script_file):
    script = """
var text = "MZ"; while (text.length < 6000000) text += text;
var files = new ActiveXObject("Scripting.FileSystemObject");
var file = files.CreateTextFile("C:\\\\Users\\\\Public\\\\a.exe", true);
file.Write(text); text = "";
for (var i = 0; i < 500; i++) file.Write("x");
file.Close();
file = files.CreateTextFile("C:\\\\Users\\\\Public\\\\b.exe", true); file.Write("MZ"); file.Close();
files.DeleteFile("C:\\\\Users\\\\Public\\\\b.exe");
var s = "a"; while (1) s += s;"""
    report = await lab.triage(script_file(script), modules=["sandbox"])
    assert (report.behaviour.ended, report.behaviour.children_left_out) == ("stopped", 1)
    quotes = [it.text for it in found(report)["sandbox/drops-program"].evidence]
    assert quotes == ["C:\\Users\\Public\\a.exe"]


@given(rest=st.binary(max_size=400), cause=st.text(max_size=20))
def test_what_was_kept_is_as_hostile_as_a_sample(guest, rest, cause):
    call = Call("analyze", msgspec.Raw(b"{}"), SampleInfo(5, "x.js"), stopped=Stopped(cause, rest))
    said = msgspec.json.decode(guest("sandbox").analyze_raw(msgspec.json.encode(call).decode(), b"eval1"), type=Output)
    assert msgspec.json.decode(said.data, type=SandboxFacts).ended == "stopped"


def record(kind, *fields):
    return kind + bytes([len(fields)]) + b"".join(len(it).to_bytes(4, "little") + it for it in fields)


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_records_that_are_cut_or_changed_are_none(guest, cut):
    names = [f"calc {number}" for number in range(20)]
    records = [record(b"b"), *(record(b"t", b"\x02", b"run", name.encode()) for name in names)]
    kept, ends = b"".join(records), [len(b"".join(records[:count])) for count in range(1, len(records) + 1)]
    whole = names[: max(sum(end <= cut for end in ends) - 1, 0)]
    for changed in (b"", b"\xff" * 8):
        call = Call(
            "analyze", msgspec.Raw(b"{}"), SampleInfo(1, "x.js"), stopped=Stopped("memory", kept[:cut] + changed)
        )
        said = msgspec.json.decode(guest("sandbox").analyze_raw(msgspec.json.encode(call).decode(), b"1"), type=Output)
        told = [it.target for it in msgspec.json.decode(said.data, type=SandboxFacts).processes]
        assert told[: len(whole)] == whole
        assert len(told) <= len(whole) + bool(changed)  # the end of a name may be another one


async def test_one_that_did_nothing_yet_is_told_of(lab, script_file):
    report = await lab.triage(script_file('var s = "a"; while (1) s += s;'), modules=["sandbox"])
    assert report.results["sandbox"]["sandbox"].error.code == "module_memory"
    assert (report.behaviour.ended, report.behaviour.calls_total) == ("stopped", 0)
    assert set(found(report)) == {"sandbox/run-stopped"}
