"""What a model looks again with, in the built component: searching strings and reading bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from harness import Guest, Refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from athena_lab.wasm.contract import Output

WIDE = "http://wide.example/a".encode("utf-16-le")
SAMPLE = (
    b"MZ\x90\0http://one.example/ and http://two.example/\0\x01\x02" + WIDE + b"\0\0" + bytes(64) + b"C:\\Temp\\run.exe"
)


@pytest.fixture
def module(guest: Callable[[str], Guest]) -> Guest:
    return guest("file-processor")


def value(output: Output) -> Any:
    return msgspec.json.decode(output.data)


def search(module: Guest, **args: Any) -> Any:
    return value(module.call("search", SAMPLE, **args))


def test_every_place_is_found_in_both_encodings(module: Guest) -> None:
    found = search(module, pattern="http://")
    places = [(hit["offset"], hit["encoding"]) for hit in found["items"]]
    plain = [(at.start(), "ascii") for at in re.finditer(b"http://", SAMPLE)]
    assert places == [*plain, (SAMPLE.index(WIDE), "utf-16le")]
    assert (found["total"], found["stopped"]) == (3, False)


def test_an_expression_is_searched_for_without_regard_to_case(module: Guest) -> None:
    found = search(module, pattern=r"[A-Z]:\\TEMP\\\w+\.EXE", regex=True, ignore_case=True)
    assert [hit["text"] for hit in found["items"]] == ["C:\\Temp\\run.exe"]


def test_expressions_that_are_none_or_too_large_are_refused(module: Guest) -> None:
    for bad in ("(", "(a{500}){500}", r"(a)\1"):
        with pytest.raises(Refused) as caught:
            search(module, pattern=bad, regex=True)
        assert caught.value.args[0].code == "invalid_args"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(SAMPLE) + 20), st.integers(1, 300))
def test_bytes_are_what_they_are(module: Guest, offset: int, length: int) -> None:
    rows = value(module.call("read", SAMPLE, offset=offset, length=length))["rows"]
    assert bytes.fromhex("".join(row["hex"] for row in rows)) == SAMPLE[offset : offset + length]
    assert all(row["offset"] % 16 == offset % 16 for row in rows)
