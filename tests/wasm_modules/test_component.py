"""The built components as the host meets them: description, refusals, limits, and how each failure looks."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import golden
import msgspec
import pytest
from harness import Guest, Refused, WasmtimeError

from athena_lab.report.facts import EntropyProfile, FileFacts, Format, Hashes, HeaderFacts, Strings
from athena_lab.wasm.contract import Call, Output, SampleHashes, SampleInfo

if TYPE_CHECKING:
    from wasmtime.component import Component

Guests = Callable[[str], Guest]
STDIN_ONLY = {"wasi:cli/stdin@0.2.12", "wasi:io/error@0.2.12", "wasi:io/streams@0.2.12"}
MIB = 1 << 20


@pytest.fixture
def module(guest: Guests) -> Guest:
    return guest("file-processor")


@pytest.fixture(scope="module")
def misbehave() -> Guest:
    return Guest("misbehave", memory_bytes=64 * MIB)


def imports_of(component: Component, guest: Guest) -> set[str]:
    return set(component.type.imports(guest.engine).keys())


def test_it_describes_its_functions(module: Guest) -> None:
    description = module.describe()
    assert description.name == "file-processor"
    assert [function.name for function in description.functions] == [
        "analyze",
        "identify",
        "strings",
        "search",
        "read",
        "extract",
        "entropy",
        "hashes",
        "headers",
        "fuzzy",
        "compare",
    ]
    assert all(function.args["additionalProperties"] is False for function in description.functions)


def test_it_imports_stdin_and_nothing_else(module: Guest) -> None:
    assert imports_of(module.component, module) == STDIN_ONLY


def test_a_component_that_wants_a_clock_is_told_by_its_imports(guest: Guests) -> None:
    greedy = guest("greedy")
    assert imports_of(greedy.component, greedy) - STDIN_ONLY == {"wasi:clocks/monotonic-clock@0.2.12"}


@pytest.mark.parametrize(
    ("function", "sample", "args", "code"),
    [
        ("analyse", b"x", {}, "unknown_function"),
        ("analyze", b"x", {"quik": True}, "invalid_args"),
        ("analyze", b"x", {"max_strings": 10**9}, "invalid_args"),
        ("analyze", b"x", {"now": -1}, "invalid_args"),
        ("strings", b"x", {"min_length": 4}, "invalid_args"),
        ("hashes", b"x", {"md5": True}, "invalid_args"),
        ("search", b"x", {"pattern": ""}, "invalid_args"),
        ("search", b"x", {"pattern": "(", "regex": True}, "invalid_args"),
        ("read", b"x", {"offset": 0, "length": 4_097}, "invalid_args"),
        ("analyze", b"", {}, "no_sample"),
        ("strings", None, {}, "no_sample"),
        ("extract", b"", {"index": 0}, "no_sample"),
    ],
)
def test_it_refuses_what_it_cannot_do(
    module: Guest, function: str, sample: bytes | None, args: dict, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        module.call(function, sample, **args)
    assert refused.value.args[0].code == code


def test_options_that_are_no_call_are_refused(module: Guest) -> None:
    for options in ("", "[]", "{}", '{"function": 1}', "\ufffd"):
        with pytest.raises(Refused, match="invalid_args"):
            module.analyze_raw(options)


def test_each_function_answers_in_its_own_shape(module: Guest) -> None:
    sample = golden.sample("pe32-console.exe")
    shapes = {"analyze": FileFacts, "identify": Format, "strings": Strings, "entropy": EntropyProfile, "hashes": Hashes}
    for function, shape in shapes.items():
        msgspec.json.decode(module.call(function, sample).data, type=shape)


def test_a_quick_analysis_leaves_out_strings_and_section_hashes(module: Guest) -> None:
    facts = msgspec.json.decode(
        module.call("analyze", golden.sample("pe32-console.exe"), quick=True).data, type=FileFacts
    )
    assert facts.strings is None
    assert not any(section.md5 for section in facts.executables[0].sections)


def test_the_caller_says_what_time_it_is(module: Guest) -> None:
    sample = golden.sample("pe32-console.exe")
    early = {finding.id for finding in module.call("analyze", sample, now=1_000_000_000).findings}
    late = {finding.id for finding in module.call("analyze", sample, now=1_800_000_000).findings}
    assert early - late == {"compile-time-future"}


@pytest.mark.parametrize("size", [1, 255 * MIB])
def test_a_byte_and_255_mib_of_zeros(module: Guest, size: int) -> None:
    output = module.call("analyze", bytes(size))
    facts = msgspec.json.decode(output.data, type=FileFacts)
    assert (facts.size, facts.entropy.overall) == (size, 0.0)
    assert size <= output.memory_bytes <= size + 8 * MIB


def test_honest_programs_have_no_severe_findings(module: Guest) -> None:
    setuptools = pytest.importorskip("setuptools")
    launchers = [path for folder in setuptools.__path__ for path in Path(folder).glob("*.exe")]
    assert launchers
    for path in launchers:
        severities = {finding.severity for finding in module.call("analyze", path.read_bytes(), path.name).findings}
        assert severities <= {"info", "low"}, path.name


@pytest.mark.parametrize(
    ("function", "in_backtrace", "last_line"),
    [
        ("trap", "misbehave", "wasm `unreachable` instruction executed"),
        ("out-of-bounds", "misbehave", "out of bounds memory access"),
        ("eat-memory", "athena_out_of_memory", "wasm `unreachable` instruction executed"),
        ("overflow-stack", "misbehave", "call stack exhausted"),
    ],
)
def test_each_trap_has_a_mark_of_its_own(misbehave: Guest, function: str, in_backtrace: str, last_line: str) -> None:
    """A guest out of memory traps as a bug does; the name in its backtrace tells them apart."""
    with pytest.raises(WasmtimeError) as trap:
        misbehave.analyze_raw(f'{{"function": "{function}"}}')
    message = str(trap.value)
    assert last_line in message.strip().splitlines()[-1]
    assert in_backtrace in message
    assert ("athena_out_of_memory" in message) == (function == "eat-memory")


def test_a_loop_ends_at_its_deadline(misbehave: Guest) -> None:
    timer = threading.Timer(0.05, misbehave.engine.increment_epoch)
    timer.start()
    with pytest.raises(WasmtimeError, match="wasm trap: interrupt"):
        misbehave.analyze_raw('{"function": "loop"}')
    timer.join()


def test_the_real_module_runs_out_of_memory_with_the_same_mark() -> None:
    small = Guest("file-processor", memory_bytes=8 * MIB)
    with pytest.raises(WasmtimeError, match="athena_out_of_memory"):
        small.call("analyze", bytes(16 * MIB))


def test_headers_are_those_of_an_analysis(module: Guest) -> None:
    for name in ("pe32-console.exe", "elf64-little", "macho64", "text-utf16"):
        sample = golden.sample(name)
        alone = msgspec.json.decode(module.call("headers", sample).data, type=HeaderFacts)
        whole = msgspec.json.decode(module.call("analyze", sample, quick=True).data, type=FileFacts)
        assert (alone.size, alone.format) == (whole.size, whole.format)
        assert len(alone.executables) == len(whole.executables)
        for mine, theirs in zip(alone.executables, whole.executables, strict=True):
            for field in ("arch", "sections", "segments", "imports", "imphash", "exports", "libraries", "entry_point"):
                assert getattr(mine, field) == getattr(theirs, field), (name, field)


def test_hashes_that_the_host_made_are_told_and_others_made(module: Guest) -> None:
    sample = golden.sample("pe32-console.exe")
    handed = SampleHashes("0" * 32, "1" * 40, "2" * 64)
    info = SampleInfo(len(sample), "", handed)
    options = msgspec.json.encode(Call("analyze", msgspec.Raw(b"{}"), info)).decode()
    facts = msgspec.json.decode(
        msgspec.json.decode(module.analyze_raw(options, sample), type=Output).data, type=FileFacts
    )
    assert facts.hashes == Hashes(*msgspec.structs.astuple(handed))
    facts = msgspec.json.decode(module.call("analyze", sample).data, type=FileFacts)
    made = (hashlib.new(name, sample).hexdigest() for name in ("md5", "sha1", "sha256"))
    assert facts.hashes == Hashes(*made)
