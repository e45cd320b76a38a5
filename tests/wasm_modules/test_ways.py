"""A module answers the same, called as a component or by the front end of its core module as the runtime does."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import golden
import msgspec
import pytest
from harness import MEMORY_BYTES, component_file
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.wasm.contract import Call, SampleInfo
from athena_lab.wasm.core_guest import CoreGuest
from athena_lab.wasm.images import Images
from athena_lab.wasm.job import Job
from athena_lab.wasm.manifest import Entry
from athena_lab.wasm.pages import LENT_LEAST, LENT_MOST
from athena_lab.wasm.precompiled import PrecompiledCache
from athena_lab.wasm.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Guest

MODULES = golden.modules()
IMAGE_BYTES = 64 << 20
RULES = """
    rule text { meta: score = 60 strings: $a = "needle" nocase $b = /ab+c/ condition: any of them }
    rule large { condition: filesize > 100 }
"""


@cache
def worker() -> Worker:
    return Worker(PrecompiledCache(None, engine_key=""), Images(IMAGE_BYTES))


def by_core(module: str, call: Call, sample: bytes = b"", state: str | None = None) -> str:
    wasm = component_file(module).read_bytes()
    with NamedTemporaryFile() as file:
        file.write(sample)
        file.flush()
        entry = Entry(module, f"{module}.wasm", hashlib.sha256(wasm).hexdigest(), len(wasm))
        limits: dict[str, Any] = {"memory_bytes": MEMORY_BYTES, "seconds": 600.0}
        text = msgspec.json.encode(call).decode()
        answer = worker().run(Job(entry, text, state=state, wasm=wasm, stdin=Path(file.name), **limits))
    assert isinstance(worker()._loaded[module].guest, CoreGuest)
    return answer


def same(answer: str) -> dict[str, Any]:
    """All but the memory, which is less without the blocks that are read."""
    said: dict[str, Any] = json.loads(answer)
    assert said.pop("memory_bytes") > 0
    return said


def analyze(module: str, sample: bytes, state: str | None = None) -> Call:
    args = msgspec.Raw(msgspec.json.encode(golden.ARGUMENTS.get(module, {})))
    return Call("analyze", args, SampleInfo(len(sample), "a name"), state)


@pytest.mark.parametrize("module", MODULES)
def test_golden_samples_are_answered_alike(guest: Callable[[str], Guest], module: str) -> None:
    for name in golden.names(module):
        sample = golden.sample(name, module)
        call = analyze(module, sample)
        as_component = guest(module).analyze_raw(msgspec.json.encode(call).decode(), sample)
        assert same(by_core(module, call, sample)) == same(as_component), name


@pytest.mark.parametrize("module", MODULES)
@given(sample=st.binary(min_size=1, max_size=2_000))
def test_any_bytes_are_answered_alike(guest: Callable[[str], Guest], module: str, sample: bytes) -> None:
    call = analyze(module, sample)
    as_component = guest(module).analyze_raw(msgspec.json.encode(call).decode(), sample)
    assert same(by_core(module, call, sample)) == same(as_component)


@given(sample=st.binary(min_size=1, max_size=300) | st.sampled_from([b"NEEDLE abbbc needle", bytes(200) + b"abc"]))
def test_a_kept_set_matches_alike_from_its_image(guest: Callable[[str], Guest], sample: bytes) -> None:
    module = "pattern-matcher"
    state = kept_set()
    with_state = msgspec.json.encode(analyze(module, sample, state)).decode()
    as_component = guest(module).analyze_raw(with_state, sample)
    answer = by_core(module, analyze(module, sample), sample, state)
    assert same(answer) == same(as_component)
    assert json.loads(answer)["data"]["sha256"]


@cache
def kept_set() -> str:
    args = msgspec.Raw(msgspec.json.encode({"sources": [{"text": RULES}]}))
    return str(json.loads(by_core("pattern-matcher", Call("compile", args)))["state"])


@pytest.mark.parametrize("size", [LENT_LEAST - 1, LENT_LEAST, LENT_LEAST + 1, LENT_MOST - 1, LENT_MOST, LENT_MOST + 1])
def test_a_sample_of_any_size_is_read_as_it_is(size: int) -> None:
    for byte in b"ab":
        sample = bytes([byte]) * size
        said = json.loads(by_core("file-processor", Call("hashes", msgspec.Raw(b"{}"), SampleInfo(size, "")), sample))
        assert said["data"]["sha256"] == hashlib.sha256(sample).hexdigest()
