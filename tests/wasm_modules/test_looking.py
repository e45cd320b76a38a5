"""What a model looks again with, in the built components."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import zlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from harness import Guest, Refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from athena_lab.errors import ModuleRefused
from athena_lab.tools import Look
from tests.report import make

if TYPE_CHECKING:
    from collections.abc import Callable

    from athena_lab.ai.send import Looked
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


def look(guest: Callable[[str], Guest], sample: bytes, name: str, **arguments: Any) -> Looked:
    guests = {name: guest(name) for name in ("file-processor", "deobfuscator", "sandbox", "pattern-matcher")}

    async def execute(module: str, function: str, args: Any, _seconds: float) -> msgspec.Raw:
        try:
            return guests[module].call(function, sample, **args).data
        except Refused as refused:
            raise ModuleRefused(refused.args[0].message, module=module) from None

    functions = {
        name: SimpleNamespace(
            functions={each.name: SimpleNamespace(args=each.args) for each in one.describe().functions}
        )
        for name, one in guests.items()
    }
    return asyncio.run(
        Look(make.report(), functions, execute).run(name, json.dumps(arguments), seconds=5, characters=4_000)
    )


def test_code_is_disassembled_by_offset_and_by_address(guest: Callable[[str], Guest]) -> None:
    code = bytes.fromhex("90 55 8bec b800000000 cd80 c3")
    looked = look(guest, code, "disassemble", offset=1, raw="x86", count=3)
    assert [line.split(None, 2)[1:] for line in looked.text.splitlines()] == [
        ["55", "push ebp"],
        ["8bec", "mov ebp, esp"],
        ["b800000000", "mov eax, 0x0"],
    ]
    address = int(looked.text.splitlines()[1].split()[0], 16)
    again = look(guest, code, "disassemble", address=address, raw="x86", count=2)
    assert again.text.splitlines() == looked.text.splitlines()[1:]
    assert look(guest, code, "disassemble", address=1 << 40, raw="x86").outcome == "failed"


def test_steps_are_taken_as_the_module_describes_them(guest: Callable[[str], Guest]) -> None:
    plain = b"http://decoded.example/gate"
    hidden = base64.b64encode(bytes(byte ^ 0x5A for byte in zlib.compress(plain)))
    steps = [{"name": "base64"}, {"name": "xor", "args": {"key": "5a"}}, {"name": "zlib"}]
    told = [f"{len(plain)} bytes, as text:", plain.decode()]
    assert look(guest, SAMPLE, "decode", steps=steps, data=hidden.decode()).text.splitlines() == told
    sample = b"before" + hidden + b"after"
    assert look(guest, sample, "decode", steps=steps, offset=6, length=len(hidden)).text.splitlines() == told
    looked = look(guest, sample, "decode", steps=steps[:1], offset=6, length=len(hidden))
    assert looked.text.splitlines()[1].startswith("00000000  22 c6 ")
    looked = look(guest, sample, "decode", steps=[*steps, {"name": "gzip"}], offset=6, length=len(hidden))
    assert (looked.outcome, looked.text) == ("failed", "Step 4: It is not gzip.")
    refused = look(guest, sample, "decode", steps=[{"name": "guess"}], data="a")
    assert refused.outcome == "failed"
    assert "guess" in refused.text


def test_the_steps_are_named_to_the_model(guest: Callable[[str], Guest]) -> None:
    functions = {each.name: SimpleNamespace(args=each.args) for each in guest("deobfuscator").describe().functions}
    look_at = Look(make.report(), {"deobfuscator": SimpleNamespace(functions=functions)}, None)
    (decode,) = (tool for tool in look_at.tools if tool.name == "decode")
    assert "rc4" in decode.parameters["properties"]["steps"]["items"]["properties"]["name"]["enum"]
