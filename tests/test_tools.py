"""What a model may look at: the functions over a report and a sandbox whose answers are scripted, or hostile."""

from __future__ import annotations

import asyncio
import base64
import json
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.ai.prompt import inert
from athena_lab.errors import ModuleDeadline, ModuleRefused, ModuleTrap, QueueFull
from athena_lab.tools import Look, offered
from athena_lab.tools.look import TOOLS
from athena_lab.tools.tool import fit
from tests.report import make

NAMES = {tool.name for tool in TOOLS}
ALL = {
    "file-processor": ("analyze", "search", "read"),
    "pattern-matcher": ("scan",),
    "sandbox": ("disassemble",),
    "deobfuscator": ("decode",),
}
STEPS = {"type": "array", "items": {"type": "object", "properties": {"name": {"enum": ["base64", "xor"]}}}}


def modules(**only):
    functions = only or {name.replace("-", "_"): given for name, given in ALL.items()}
    args = {"properties": {"steps": STEPS}}
    return {
        name.replace("_", "-"): SimpleNamespace(functions={each: SimpleNamespace(args=args) for each in given})
        for name, given in functions.items()
    }


class Sandbox:
    """Answers every call with the same, or raises it."""

    def __init__(self, answer=None):
        self.answer, self.calls = answer, []

    async def __call__(self, module, function, args, seconds):
        self.calls.append((module, function, args, seconds))
        if isinstance(self.answer, Exception):
            raise self.answer
        return msgspec.Raw(self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode())


def run(name, arguments, answer=None, *, characters=6_000, report=None):
    sandbox = Sandbox(answer)
    look = Look(report or make.report(make.ok()), modules(), sandbox)
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return asyncio.run(look.run(name, text, seconds=3.0, characters=characters)), sandbox


def test_a_function_is_offered_where_a_loaded_module_has_what_it_calls():
    assert {tool.name for tool in offered(modules())} == NAMES
    of_report = {"look_up_finding", "list_imports", "list_sections"}
    assert {tool.name for tool in offered({})} == of_report
    some = modules(file_processor=("analyze", "read"), sandbox=("analyze",))
    assert {tool.name for tool in offered(some)} == {*of_report, "read_bytes"}
    look = Look(make.report(make.ok()), some, Sandbox())
    outcome = asyncio.run(look.run("disassemble", '{"address": 1}', seconds=1.0, characters=1_000))
    assert outcome.outcome == "invalid"
    assert "read_bytes" in outcome.text


def test_what_models_are_told_of_arguments_is_plain_and_strict():
    for tool in Look(make.report(), modules(), Sandbox()).tools:
        assert tool.parameters["type"] == "object"
        assert tool.parameters["additionalProperties"] is False
        text = json.dumps(tool.parameters)
        assert not any(f'"{word}"' in text for word in ("$ref", "maxLength", "minimum", "title", "default"))
        properties = {name: each for name, each in tool.parameters["properties"].items() if name != "steps"}
        assert all("description" in each or each["type"] == "boolean" for each in properties.values())


def test_the_steps_of_decode_are_those_that_the_module_describes():
    (decode,) = (tool for tool in Look(make.report(), modules(), Sandbox()).tools if tool.name == "decode")
    assert decode.parameters["properties"]["steps"] == STEPS


def test_bytes_are_shown_as_hex_and_ascii():
    rows = [{"offset": 64, "hex": "4d5a90", "ascii": "MZ."}]
    looked, sandbox = run("read_bytes", {"offset": 64, "length": 3}, {"size": 99, "rows": rows})
    assert (looked.outcome, looked.text) == ("ok", "00000040  4d 5a 90" + " " * 39 + "  MZ.")
    assert sandbox.calls == [("file-processor", "read", {"offset": 64, "length": 3}, 3.0)]
    looked, _ = run("read_bytes", {"offset": 999}, {"size": 99, "rows": []})
    assert looked.text == "Nothing is there: the file has 99 bytes."


def test_matches_of_a_search_are_listed_and_what_was_not_searched_is_told():
    hits = [{"offset": 16, "encoding": "utf-16le", "text": "cmd \u202e.exe"}]
    answer = {"total": 3, "items": hits, "searched": 1_048_576, "stopped": True}
    looked, sandbox = run("search_strings", {"pattern": "cmd", "ignore_case": True}, answer)
    assert looked.text.splitlines() == [
        "3 matches, here the first 1",
        "only the first 1,048,576 characters of strings were searched: there may be more",
        "0x10 (utf-16le): cmd \\u202e.exe",
    ]
    assert sandbox.calls[0][2] == {"pattern": "cmd", "regex": False, "ignore_case": True, "max_matches": 50}


def test_a_rule_that_does_not_compile_is_told_to_the_model():
    refused = ModuleRefused("rule, line 2, column 5: unknown identifier\nand more", module="pattern-matcher")
    looked, _ = run("match_yara", {"rule": "rule a { condition: x }"}, refused)
    assert (looked.outcome, looked.text) == ("failed", "rule, line 2, column 5: unknown identifier\nand more")


def test_matches_of_a_rule_tell_where_and_with_which_key():
    place = {"offset": 80, "length": 4, "data": "32292e2a", "xor_key": 90}
    match = {"rule": "a", "namespace": "default", "strings": [{"id": "$a", "count": 1, "places": [place]}]}
    looked, sandbox = run("match_yara", {"rule": "rule a {}"}, {"rules": 1, "set": "given", "matches": [match]})
    assert looked.text.splitlines() == [
        "1 of 1 rule matches",
        "rule a matches",
        "- $a: 1 time",
        "  at 0x50, 4 bytes: 32292e2a, with XOR key 0x5a",
    ]
    assert sandbox.calls[0][:2] == ("pattern-matcher", "scan")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ModuleDeadline("It took longer than 3 s.", module="m"), "timeout"),
        (ModuleTrap("unreachable at /srv/somebody", module="m"), "failed"),
        (QueueFull("full", module="m"), "failed"),
    ],
)
def test_what_fails_in_the_sandbox_is_named_and_no_more(error, outcome):
    looked, _ = run("read_bytes", {"offset": 0}, error)
    assert looked.outcome == outcome
    assert looked.text == f"{error.title}."


@pytest.mark.parametrize(
    "answer",
    [
        b"[",
        b"{}",
        b'{"size": 1, "content": "=", "lines": [{"address": -1}]}',
        b'{"size": -1, "rows": [1]}',
        b"[" * 100_000,
        b'{"size": 1' + b"0" * 9_000,
    ],
)
@pytest.mark.parametrize("name", ["read_bytes", "search_strings", "match_yara", "disassemble", "decode"])
def test_a_module_that_a_sample_has_taken_over_breaks_nothing(name, answer):
    fitting = {
        "read_bytes": {"offset": 0},
        "search_strings": {"pattern": "a"},
        "match_yara": {"rule": "a"},
        "disassemble": {"offset": 0},
        "decode": {"steps": [{"name": "hex"}], "data": "41"},
    }
    looked, _ = run(name, fitting[name], answer)
    assert looked.outcome in {"ok", "failed"}
    assert len(looked.text) <= 6_000
    assert looked.text.isprintable() or "\n" in looked.text


def test_lines_that_do_not_fit_are_only_counted():
    never_looked_at = [None] * 1_000
    text, cut = fit(["first", "x" * 500, *never_looked_at], 300)
    assert (text, cut) == ("first\n(1,001 more lines left out)", True)


def test_code_is_told_line_by_line():
    lines = [
        {"address": 4096, "bytes": "55", "text": "push ebp"},
        {"address": 4097, "bytes": "ff1500204000", "text": "call dword ptr [402000h]", "note": "ExitProcess"},
    ]
    looked, sandbox = run("disassemble", {"offset": 16, "count": 2}, {"lines": lines})
    assert looked.text.splitlines() == [
        "0x1000  55                    push ebp",
        "0x1001  ff1500204000          call dword ptr [402000h]  ; ExitProcess",
    ]
    assert sandbox.calls == [("sandbox", "disassemble", {"offset": 16, "count": 2}, 3.0)]
    looked, _ = run("disassemble", {"address": 1, "raw": "x86-64"}, {"lines": []})
    assert looked.text == "No instructions are there."


def test_a_decoded_script_of_one_line_is_told_to_its_end():
    script = "".join(f"f({number});" for number in range(500))
    chain = {"steps": [{"name": "base64"}], "data": "Zm9v"}
    looked, _ = run("decode", chain, {"size": len(script), "sha256": "", "content": "", "text": script})
    assert "".join(looked.text.splitlines()[1:]) == script
    assert not looked.cut


def test_who_is_not_told_the_whole_of_a_line_is_told_so():
    found = {
        "total": 1,
        "items": [{"offset": 0, "encoding": "ascii", "text": "a" * 5_000}],
        "searched": 1,
        "stopped": False,
    }
    looked, _ = run("search_strings", {"pattern": "a"}, found)
    assert looked.text.endswith("a…")
    assert looked.cut


def test_a_step_without_arguments_may_be_its_name_alone():
    chain = {"steps": ["base64", {"name": "xor", "args": {"key": "5a"}}], "data": "Zm9v"}
    looked, sandbox = run("decode", chain, {"size": 1, "sha256": "", "content": "", "text": "a"})
    assert looked.outcome == "ok"
    assert sandbox.calls[0][2]["steps"] == [{"name": "base64"}, chain["steps"][1]]
    for step in (1, None, [], {}, "x" * 65):
        looked, _ = run("decode", {"steps": [step], "data": "Zm9v"}, {})
        assert looked.outcome == "invalid"


def test_what_is_decoded_is_told_as_text_or_as_bytes():
    chain = {"steps": [{"name": "base64"}, {"name": "xor", "args": {"key": "5a"}}], "data": "Zm9v"}
    answer = {"size": 17, "sha256": "", "content": "", "text": "line one\nline two"}
    looked, sandbox = run("decode", chain, answer)
    assert looked.text.splitlines() == ["17 bytes, as text:", "line one", "line two"]
    ((module, function, args, _),) = sandbox.calls
    assert (module, function) == ("deobfuscator", "decode")
    steps = [{"name": "base64", "args": {}}, chain["steps"][1]]
    assert json.loads(json.dumps(args)) == {"steps": steps, "data": "text:Zm9v"}
    part = {"steps": [{"name": "reverse"}], "offset": 0, "length": 9_000}
    content = base64.b64encode(bytes(range(256)) * 32).decode()
    looked, _ = run("decode", part, {"size": 8_192, "sha256": "", "content": content, "text": None})
    first, *rows = looked.text.splitlines()
    assert first == "8,192 bytes that are no text, here the first 1,023:"
    assert rows[3] == f"00000030  {bytes(range(48, 64)).hex(' ')}  0123456789:;<=>?"
    looked, _ = run("decode", part, {"size": 9, "content": "no base64", "text": None})
    assert looked.text == "9 bytes that are no text, here the first 0:"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("disassemble", {}),
        ("disassemble", {"address": 1, "offset": 1}),
        ("decode", {"steps": [{"name": "xor"}]}),
        ("decode", {"steps": [{"name": "xor"}], "offset": 1}),
        ("decode", {"steps": [{"name": "xor"}], "data": "a", "offset": 1, "length": 2}),
        ("decode", {"steps": [{"args": {"by": 1}}], "data": "a"}),
        ("decode", {"steps": [{"name": "rot", "by": 1}], "data": "a"}),
        ("disassemble", {"offset": 0, "raw": "arm"}),
        ("decode", {"steps": [], "data": "a"}),
        ("look_up_finding", {"id": "nobody/knows"}),
        ("read_bytes", {"offset": -1}),
        ("read_bytes", {"offset": 0, "length": 1_025}),
        ("read_bytes", {"offset": 0, "path": "/etc/passwd"}),
        ("read_bytes", {"offset": 1 << 60}),
        ("search_strings", {"pattern": ""}),
        ("list_sections", {"all": True}),
        ("open_file", {"path": "/etc/passwd"}),
    ],
)
def test_arguments_that_do_not_fit_run_nothing(name, arguments):
    looked, sandbox = run(name, arguments, {})
    assert looked.outcome == "invalid"
    assert looked.text
    assert not sandbox.calls


def test_the_report_is_looked_up_whole():
    report = make.report(make.ok())
    looked, _ = run("look_up_finding", {"id": report.findings[0].id}, report=report)
    assert looked.text.startswith(f"{report.findings[0].id}: high")
    looked, _ = run("list_sections", {}, report=report)
    assert "image base" in looked.text
    every, _ = run("list_imports", {}, report=report, characters=64_000)
    some, _ = run("list_imports", {"library": "no library has this"}, report=report)
    assert " 0 of " in some.text
    assert len(every.text.splitlines()) > 1
    looked, _ = run("list_imports", {}, report=make.report(make.failed()))
    assert looked.text.startswith("The report tells of no executable")


@pytest.mark.parametrize("name", ["list_imports", "list_sections", "look_up_finding"])
def test_what_is_hostile_in_a_report_shows_itself_and_has_an_end(name):
    report = make.report(make.ok())
    for finding in report.findings:
        looked, _ = run(name, {"id": finding.id} if name == "look_up_finding" else {}, report=report, characters=300)
        assert looked.outcome == "ok"
        assert len(looked.text) <= 300
        assert all(line.isprintable() for line in looked.text.splitlines())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=10), below, max_size=4),
    max_leaves=12,
)
KNOWN = st.sampled_from(
    [
        "pattern",
        "regex",
        "ignore_case",
        "limit",
        "offset",
        "length",
        "rule",
        "address",
        "count",
        "steps",
        "data",
        "id",
        "library",
        "name",
    ]
)


@given(
    st.sampled_from(sorted(NAMES)) | st.text(max_size=20),
    st.dictionaries(KNOWN, VALUES, max_size=5).map(json.dumps) | st.text(max_size=200),
    VALUES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60),
    st.integers(256, 2_000),
)
def test_arbitrary_arguments_and_answers_never_raise_and_never_leak(name, arguments, answer, characters):
    looked, sandbox = run(name, arguments, answer, characters=characters)
    assert looked.outcome in {"ok", "invalid", "failed"}
    assert len(looked.text) <= characters + 200
    assert all(inert(line, 10_000) == line for line in looked.text.split("\n"))
    for module, function, _, seconds in sandbox.calls:
        assert function in ALL[module]
        assert seconds == 3.0
