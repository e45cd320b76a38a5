"""Properties of the built component for whatever bytes there are: it answers, in the contract's shape, never traps."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from typing import TYPE_CHECKING

import golden
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from athena_lab.report.facts import EntropyProfile, FileFacts, Hashes, Strings

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Guest

SAMPLES = [golden.sample(name) for name in golden.names()]
HEADERS = 1536
many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def module(guest: Callable[[str], Guest]) -> Guest:
    return guest("file-processor")


def analyze(module: Guest, data: bytes) -> FileFacts:
    output = module.call("analyze", data)
    assert len({finding.id for finding in output.findings}) == len(output.findings)
    return msgspec.json.decode(output.data, type=FileFacts, strict=True)


@st.composite
def damaged_samples(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, HEADERS))
        piece = draw(
            st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\xff" * 8]))
        )
        data[at : at + len(piece)] = piece
    return bytes(data[: draw(st.integers(1, len(data)))])


@many
@given(data=damaged_samples())
def test_damaged_samples_are_answered(module: Guest, data: bytes) -> None:
    assert analyze(module, data).size == len(data)


@many
@given(data=st.binary(min_size=1, max_size=4096))
def test_hashes_and_entropy_are_the_defined_ones(module: Guest, data: bytes) -> None:
    hashes = msgspec.json.decode(module.call("hashes", data).data, type=Hashes)
    assert hashes.sha256 == hashlib.sha256(data).hexdigest()
    assert (hashes.md5, hashes.sha1) == (hashlib.md5(data).hexdigest(), hashlib.sha1(data).hexdigest())
    entropy = msgspec.json.decode(module.call("entropy", data).data, type=EntropyProfile)
    shares = [count / len(data) for count in Counter(data).values()]
    assert entropy.overall == pytest.approx(-sum(share * math.log2(share) for share in shares), abs=1e-4)
    assert len(entropy.profile) == -(-len(data) // entropy.block_size) <= 256


@many
@given(data=st.lists(st.sampled_from([b"a", b"bc", b"\0", b"\x01", b"w\0", b"~~~~~~"]), min_size=1).map(b"".join))
def test_strings_are_those_that_regular_expressions_find(module: Guest, data: bytes) -> None:
    found = msgspec.json.decode(
        module.call("strings", data, min_string_length=4, max_strings=10_000).data, type=Strings
    )
    ascii_runs = [(match.start(), match.group()) for match in re.finditer(rb"[\t\x20-\x7e]{4,}", data)]
    wide_runs = [(match.start(), match.group()[::2]) for match in re.finditer(rb"(?:[\t\x20-\x7e]\0){4,}", data)]
    expected = sorted((offset, text[:1024].decode()) for offset, text in ascii_runs + wide_runs)
    assert sorted((item.offset, item.text) for item in found.items) == expected
    assert found.total == len(expected)


@pytest.mark.parametrize("name", ["pe32-console.exe", "elf64-little", "elf32-big", "macho64", "macho-fat", "old.doc"])
def test_samples_cut_at_every_header_boundary_are_answered(module: Guest, name: str) -> None:
    sample = golden.sample(name)
    for length in range(1, min(len(sample), HEADERS), 4):
        analyze(module, sample[:length])
