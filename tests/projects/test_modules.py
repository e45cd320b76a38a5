"""Modules made from the templates, built by the tools that analysts use, in the sandbox."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import sys

import pytest

from athena_lab.errors import MissingPackage, ProjectError
from athena_lab.lab import open_lab
from athena_lab.projects import binary, project, python, rust
from athena_lab.trial import try_module
from athena_lab.wasm.binary import COMPONENT
from tests.conftest import ROOT

PROGRAM = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"
KINDS = ("python", "rust")
pytestmark = pytest.mark.timeout(1_200)  # the first time, the tools build what they need


@pytest.fixture
async def lab():
    async with open_lab(environ={}) as lab:  # in this test's own home
        yield lab


@pytest.mark.parametrize("kind", KINDS)
async def test_a_template_finds_what_it_looks_for(lab, component, kind):
    added = await lab.add_module(component(kind))
    assert (added.name, added.version, added.foreign) == (f"hidden-{kind}", "0.1.0", True)
    report = await lab.triage(b"harmless" + PROGRAM + PROGRAM)
    assert report.status == "completed"
    (found,) = [it for it in report.findings if report.author(it) == added.name]
    assert (found.id, found.severity, found.techniques) == (
        f"hidden-{kind}/embedded-program", "medium", ("T1027.009",),
    )  # fmt: skip
    assert found.evidence[0].offset == 8
    assert 8 in next(iter(value for value in report.foreign[added.name].values() if isinstance(value, list)))
    clean = await lab.triage(b"MZ harmless MZ", modules=[added.name])
    assert (clean.status, clean.findings) == ("completed", ())


@pytest.mark.parametrize("kind", KINDS)
def test_a_component_imports_nothing_but_stdin(component, kind):
    names = {found.name for found in binary.imports(component(kind).read_bytes())}
    assert names == {"wasi:cli/stdin@0.2.12", "wasi:io/error@0.2.12", "wasi:io/streams@0.2.12"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_caller_does_wrong_is_told(component, kind):
    result = try_module(component(kind), PROGRAM)
    assert result.error is None
    assert result.findings == ()  # the file itself is no hidden one


async def test_a_module_in_python_reads_a_large_sample(lab, component):
    await lab.add_module(component("python"))
    sample = bytes(20 << 20) + PROGRAM
    report = await lab.triage(sample, modules=["hidden-python"])
    assert report.foreign["hidden-python"]["offsets"] == [20 << 20]


async def test_a_sample_that_is_too_large_for_its_memory_is_its_failure_alone(lab, component):
    await lab.add_module(component("python"))
    report = await lab.triage(bytes(200 << 20), modules=["hidden-python"])
    (result,) = report.module_results
    assert result.status == "failed"
    assert result.error.code in {"module_trap", "module_memory"}
    assert report.status == "failed"


# -- the kit, in this interpreter

BROKEN = """
from athena_kit import Finding, InvalidArgument, Module, Result

module = Module("kit", "0.1.0", "For tests.")


@module.function("Fails.")
def analyze(sample, options):
    return sample[10]


@module.function("Yields.", {"type": "object", "properties": {"n": {"type": "integer"}}})
def several_kinds(sample, options):
    if options.get("n", 0) < 0:
        raise InvalidArgument("n is negative")
    for n in range(options.get("n", 2)):
        yield Finding(f"f-{n}", "low" if n else "info", "x" * 300, detail="y" * 9_000)


@module.function("Gives data.", needs_sample=False)
def plain(sample, options):
    return {"bytes": len(sample)}


@module.function("Gives what is no JSON.", needs_sample=False)
def no_json(sample, options):
    return float("nan")
"""


@pytest.fixture
def kit(tmp_path, monkeypatch):
    made = project.new("kit", "python", tmp_path)
    (made.folder / "analyzer.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(str(made.folder))
    for name in ("analyzer", "athena_kit"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import analyzer  # noqa: PLC0415 - it was just made
    import athena_kit  # noqa: PLC0415

    yield analyzer.module, athena_kit.Refused
    for name in ("analyzer", "athena_kit"):
        sys.modules.pop(name, None)


def asked(module, function, args=None, sample=b"x"):
    call = {"function": function, "args": args or {}} | ({"sample": {"size": 1, "name": ""}} if sample else {})
    return json.loads(module.answer(json.dumps(call), lambda: sample))


def test_the_kit_answers_what_the_contract_says(kit):
    module, _ = kit
    described = json.loads(module.describe())
    assert [it["name"] for it in described["functions"]] == ["analyze", "several-kinds", "plain", "no-json"]
    found = asked(module, "several-kinds", {"n": 250})["findings"]
    assert len(found) == 200
    assert (found[0]["id"], len(found[0]["title"]), len(found[0]["detail"])) == ("f-1", 200, 1_024)
    assert asked(module, "plain", sample=None) == {"data": {"bytes": 0}, "findings": []}


@pytest.mark.parametrize(
    ("function", "args", "sample", "code", "message"),
    [
        ("none", {}, b"x", "unknown_function", "no function 'none'"),
        ("analyze", {}, None, "no_sample", "needs a sample"),
        ("analyze", {"x": 1}, b"x", "invalid_args", "no argument 'x'"),
        ("several-kinds", {"n": -1}, b"x", "invalid_args", "n is negative"),
        ("analyze", {}, b"x", "failed", r"IndexError: index out of range \(analyzer.py, line 9\)"),
        ("no-json", {}, None, "failed", "ValueError"),
    ],
)
def test_what_goes_wrong_is_a_result_with_words(kit, function, args, sample, code, message):  # noqa: PLR0917 - a table
    module, refused = kit
    with pytest.raises(refused) as caught:
        asked(module, function, args, sample)
    told = json.loads(caught.value.text)
    assert told["code"] == code
    assert re.search(message, told["message"])


# -- projects


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_stands_alone(tmp_path, kind):
    made = project.new("alone", kind, tmp_path)
    names = {path.relative_to(made.folder).as_posix() for path in made.folder.rglob("*")}
    assert {"README.md", ".gitignore", "athena-module.toml", "tests/test_module.py", "wit/world.wit"} <= names
    texts = [path.read_text("utf-8") for path in made.folder.rglob("*") if path.is_file()]
    assert not any("@name@" in text or str(ROOT) in text for text in texts)
    assert project.load(made.folder) == made
    assert ".." not in (made.folder / "Cargo.toml").read_text() if kind == "rust" else True


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_test_passes(tmp_path, component, kind):
    made = project.new(f"hidden-{kind}", kind, tmp_path)
    made.component.parent.mkdir()
    shutil.copy(component(kind), made.component)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=made.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


@pytest.mark.parametrize("name", ["", "A", "1a", "a_b", "a b", "-a", "../a", "a" * 65, "crypto", "sandbox", "a\n"])
def test_a_name_that_cannot_be_is_refused(tmp_path, name):
    with pytest.raises(ProjectError):
        project.new(name, "python", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(ProjectError, match="there already"):
        project.new("mine", "python", tmp_path)
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.parametrize("text", [None, "", "name = 5", 'name = "../x"\nkind = "rust"', 'name = "a"\nkind = "c"', "="])
def test_a_broken_project_is_named(tmp_path, text):
    if text is not None:
        (tmp_path / project.FILE).write_text(text)
    with pytest.raises(ProjectError):
        project.load(tmp_path)


def test_code_that_does_not_compile_is_told_with_what_the_tool_says(tmp_path):
    made = project.new("broken", "python", tmp_path)
    (made.folder / "analyzer.py").write_text("def analyze(:\n")
    with pytest.raises(ProjectError, match=r"(?s)componentize-py failed.*SyntaxError"):
        project.build(made)
    assert not made.component.exists()


def test_an_exception_in_a_component_is_told_with_its_place(tmp_path):
    made = project.new("broken", "python", tmp_path)
    source = made.folder / "analyzer.py"
    source.write_text(source.read_text("utf-8").replace("list(programs(sample))", "[1 // len(sample[:0])]"))
    project.build(made)
    result = try_module(made.component, PROGRAM)
    assert "ZeroDivisionError" in result.error.detail
    assert "(analyzer.py, line " in result.error.detail


def test_a_tool_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(python.shutil, "which", lambda _: None)
    monkeypatch.setattr(python.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(MissingPackage, match="componentize-py"):
        project.build(project.new("a", "python", tmp_path))
    with pytest.raises(ProjectError, match=r"Node\.js"):
        project.build(project.new("b", "rust", tmp_path))
    monkeypatch.setattr(rust, "_componentiser", lambda: ("node", tmp_path))
    monkeypatch.setattr(rust, "toolchains", list)
    with pytest.raises(ProjectError, match="no Rust"):
        project.build(project.new("c", "rust", tmp_path))


# -- the bytes of a component


def test_only_names_of_imports_are_renamed(component):
    wasm = component("python").read_bytes()
    there = binary.rename_namespace(wasm, "wasi", "host")
    assert [found.name for found in binary.imports(there)] == [
        found.name.replace("wasi:", "host:") for found in binary.imports(wasm)
    ]
    assert binary.rename_namespace(there, "host", "wasi") == wasm
    assert sum(a != b for a, b in zip(wasm, there, strict=True)) == 3 * len("wasi") - 3  # the s stays an s


@pytest.mark.parametrize("content", [b"", b"\0asm", COMPONENT + b"\x0a\x05\x01", COMPONENT + b"\x0a\xff"])
def test_what_is_cut_off_is_named(content):
    with pytest.raises(ValueError, match=r"component"):
        binary.imports(content)
