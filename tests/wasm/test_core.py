"""The front end of core modules: what it must do as a component does, and what it must not be talked into."""

from __future__ import annotations

import gc
import hashlib
import json

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.errors import BadModule, BadOutput, ModuleDeadline, ModuleMemory, ModuleTrap
from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.core_module import core_module, is_all_in_memory
from athena_lab.wasm.runtime import MIB, SampleFile
from tests.conftest import TEST_COMPONENTS
from tests.wasm.conftest import by_component

MISBEHAVE = (TEST_COMPONENTS / "misbehave.wasm").read_bytes()
DESCRIPTION = json.dumps(
    {
        "name": "bad",
        "version": "1.0.0",
        "summary": "",
        "slot": "analysis",
        "capabilities": [],
        "functions": [{"name": "analyze", "summary": "", "args": {}}],
    }
)
GUEST = """(module {imports}
  (memory (export "memory") 1)
  (global $stack (mut i32) (i32.const 4096)) {globals}
  (data (i32.const 8) "\\00\\00\\00\\00\\00\\04\\00\\00{length}")
  (data (i32.const 32) "{reply}")
  (data (i32.const 1024) "{text}")
  (func (export "athena_answer") {parameters} (result i32) (local $call i32)
    (local.set $call (i32.load offset=8 {request}))
    {first} (select (i32.const {where}) (i32.const 8) (local.get $call))))"""


def section(content):
    """As the one section of a component."""
    size, length = len(content), bytearray()
    while True:
        length.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return b"\0asm\x0d\0\x01\0\x01" + bytes(length) + content


def number(value):
    return "".join(f"\\{byte:02x}" for byte in value.to_bytes(4, "little"))


def guest(reply=(0, 1024, 2), **changed):
    """A component around a core module that answers a call with a reply at 32 that points to a text."""
    values = {
        "imports": "",
        "globals": "",
        "where": 32,
        "parameters": "(param i32)",
        "request": "(local.get 0)",
        "first": "",
        "length": number(len(DESCRIPTION)),
        "reply": "".join(map(number, reply)),
        "text": DESCRIPTION.replace('"', '\\"'),
    } | changed
    return section(wasmtime.wat2wasm(GUEST.format(**values)))


def folder_of(tmp_path, wasm, name="bad"):
    entry = {"name": name, "file": f"{name}.wasm", "sha256": hashlib.sha256(wasm).hexdigest(), "size": len(wasm)}
    (tmp_path / f"{name}.wasm").write_bytes(wasm)
    (tmp_path / "manifest.json").write_text(json.dumps({"modules": [entry]}))
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({}, "does not fit"),  # it is well made, and its answer `{"` is no output
        ({"reply": (0, 131_066, 7)}, "outside of its memory"),
        ({"reply": (0, 0xFFFF_FFFF, 2)}, "outside of its memory"),
        ({"reply": (0, 1, 0xFFFF_FFFF)}, "Its answer has"),
        ({"where": 131_066}, "outside of its memory"),
        ({"where": -4}, "outside of its memory"),
        (
            {"text": DESCRIPTION.replace('"', '\\"'), "reply": (0, 9, 2), "length": number(len(DESCRIPTION))},
            "does not fit",
        ),
        ({"reply": (0, 0, 0)}, "does not fit"),
        ({"reply": (1, 1024, 2)}, "does not fit Refusal"),
        ({"reply": (1, 2_048, 70_000)}, "70,000 characters; the limit is 65,536"),
    ],
)
async def test_what_a_guest_points_to_is_checked(open_runtime, tmp_path, changed, sentence):
    runtime = await open_runtime(folder_of(tmp_path, guest(**changed)))
    with pytest.raises(BadOutput, match=sentence):
        await runtime.call("bad", "analyze")


async def test_an_answer_that_is_no_text_is_named(open_runtime, tmp_path):
    wasm = guest(text=DESCRIPTION.replace('"', '\\"') + "\\ff\\fe", reply=(0, 1024 + len(DESCRIPTION), 2))
    runtime = await open_runtime(folder_of(tmp_path, wasm))
    with pytest.raises(BadOutput, match="UTF-8"):
        await runtime.call("bad", "analyze")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"parameters": "(param i32 i32)"}, "another shape"),
        ({"parameters": "(param i64)", "request": "(i32.const 0)"}, "another shape"),
        ({"imports": '(import "wasi:clocks/monotonic-clock@0.2.12" "now" (func (result i64)))'}, "monotonic-clock"),
    ],
)
async def test_what_does_not_fit_is_not_loaded(open_runtime, tmp_path, changed, sentence):
    runtime = await open_runtime(folder_of(tmp_path, guest(**changed)))
    assert isinstance(runtime.failures["bad"], BadModule)
    assert sentence in runtime.failures["bad"].detail


def test_the_core_module_is_found_by_its_front_end():
    core = core_module(MISBEHAVE)
    assert core is not None
    assert core.startswith(b"\0asm\x01\0\0\0")
    wasmtime.Module.validate(wasmtime.Engine(), core)
    assert core_module(core) is None
    assert core_module(by_component(MISBEHAVE)) is None
    assert core_module((TEST_COMPONENTS / "greedy.wasm").read_bytes()) is None


@given(end=st.integers(0, len(MISBEHAVE)), at=st.integers(0, len(MISBEHAVE) - 1), byte=st.integers(0, 255))
def test_broken_bytes_are_no_core_module_or_some(end, at, byte):
    for wasm in (MISBEHAVE[:end], MISBEHAVE[:at] + bytes([byte]) + MISBEHAVE[at + 1 :]):
        core = core_module(wasm)
        assert core is None or isinstance(is_all_in_memory(core), bool)


def test_memory_is_all_where_one_global_changes():
    assert is_all_in_memory(core_module(MISBEHAVE) or b"")
    plain = core_module(guest()) or b""
    assert is_all_in_memory(plain)
    for more in ("(global (mut i32) (i32.const 7))", "(global (mut i64) (i64.const 7))"):
        assert not is_all_in_memory(core_module(guest(globals=more)) or b"")
    assert is_all_in_memory(core_module(guest(globals="(global i32 (i32.const 70000))")) or b"")
    assert not is_all_in_memory(wasmtime.wat2wasm("(module)"))


async def prepared(runtime, state, **options):
    done = await runtime.call("misbehave", "prepared", state=state, **options)
    return json.loads(bytes(done.output.data))


async def test_every_call_begins_with_what_was_prepared(open_runtime):
    runtime = await open_runtime()
    for state in ("one", "two", "one", "ü" * 10_000, "two"):
        for _ in range(2):  # what a call changes is not there for the next one
            assert await prepared(runtime, state) == {"prepared": state, "times": 1, "state": None}
    assert runtime.image_bytes > 0


async def test_where_nothing_is_prepared_a_call_gets_its_state(open_runtime):
    runtime = await open_runtime()
    assert await prepared(runtime, "nothing") == {"prepared": "", "times": 1, "state": "nothing"}
    assert await prepared(runtime, None) == {"prepared": "", "times": 1, "state": None}
    without = await open_runtime(image_bytes=0)
    assert await prepared(without, "one") == {"prepared": "", "times": 1, "state": "one"}
    assert without.image_bytes == 0


async def test_preparing_has_the_limits_of_the_call(open_runtime):
    runtime = await open_runtime()
    with pytest.raises(ModuleTrap, match="unreachable"):
        await prepared(runtime, "trap")
    with pytest.raises(ModuleDeadline):
        await prepared(runtime, "loop", deadline=0.2)
    assert (await prepared(runtime, "one"))["prepared"] == "one"


async def test_an_image_that_a_call_has_no_memory_for_is_not_used(open_runtime):
    runtime = await open_runtime()
    large = "x" * (2 * MIB)
    assert (await prepared(runtime, large))["times"] == 1
    runtime.limit("misbehave", 4 * MIB, None)
    with pytest.raises(ModuleMemory):
        await prepared(runtime, large)
    assert (await prepared(runtime, "one"))["prepared"] == "one"


async def test_a_sample_larger_than_the_memory_is_a_lack_of_memory(open_runtime, sample_file):
    runtime = await open_runtime(memory_bytes=4 * MIB)
    with pytest.raises(ModuleMemory):
        await runtime.call("misbehave", "echo", sample=sample_file(bytes(5 * MIB)))


async def test_a_sample_larger_than_any_guest_can_take_is_not_read(open_runtime, tmp_path):
    path = tmp_path / "x.sample"
    with path.open("wb") as file:
        file.truncate(3 << 30)  # a hole: nothing is written
    runtime = await open_runtime(memory_bytes=4096 * MIB)
    with pytest.raises(ModuleMemory, match="larger than"):
        await runtime.call("misbehave", "echo", sample=SampleFile(path, SampleInfo(3 << 30)))


async def test_memory_does_not_grow_with_calls(open_runtime, sample_file):
    runtime = await open_runtime(workers=2)
    sample = sample_file(bytes(200_000))

    async def calls(count):
        for _ in range(count):
            await runtime.call("misbehave", "echo", sample=sample)
            await prepared(runtime, "one")
        gc.collect()
        return resident()

    before = await calls(200)
    assert await calls(800) - before < 4 * MIB


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no file of ours
        return int(file.read().split()[1]) * 4_096
