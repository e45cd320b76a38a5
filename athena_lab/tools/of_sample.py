"""Functions over the sample itself: each is a call into the sandbox."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from athena_lab.report.machine import Line
from athena_lab.report.patterns import PatternFacts
from athena_lab.tools.tool import LookTool, Unfit, broken
from athena_lab.wasm.job import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.patterns import RuleMatch
    from athena_lab.tools.tool import Desk

_FILES: Final = "file-processor"
_RULES: Final = "pattern-matcher"
_LAYERS: Final = "deobfuscator"
_CODE: Final = "sandbox"
_PLACES: Final = 8
"""Of a rule's string that are told."""
_SHOWN: Final = 1_024
"""Bytes that are told of what is decoded and not a text."""
_ROW: Final = 16
Offset = Annotated[int, Meta(ge=0, le=1 << 53, description="Bytes from the start of the file.")]


class SearchArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pattern: Annotated[str, Meta(min_length=1, max_length=256, description="A text, or with regex an expression.")]
    regex: Annotated[bool, Meta(description="The pattern is a regular expression, without back references.")] = False
    ignore_case: bool = False
    limit: Annotated[int, Meta(ge=1, le=200, description="Matches to be shown, 1 to 200; all are counted.")] = 50


class ReadArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    offset: Offset
    length: Annotated[int, Meta(ge=1, le=1_024, description="Bytes, 1 to 1024.")] = 128


class YaraArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: Annotated[
        str,
        Meta(min_length=1, max_length=16_384, description="One or more YARA rules as text, with their imports."),
    ]


class DisassembleArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: Annotated[int, Meta(ge=0, description="Virtual address to begin at.")] | UnsetType = UNSET
    offset: Offset | UnsetType = UNSET
    count: Annotated[int, Meta(ge=1, le=200, description="Instructions, 1 to 200.")] = 40
    raw: (
        Annotated[Literal["x86", "x86-64"], Meta(description="Only for a file that is machine code as a whole.")]
        | UnsetType
    ) = UNSET


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(max_length=64)]
    args: Annotated[dict[str, Annotated[str, Meta(max_length=4_096)] | int], Meta(max_length=8)] = {}


class DecodeArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    steps: Annotated[
        tuple[Step | Annotated[str, Meta(max_length=64)], ...],
        Meta(min_length=1, max_length=16, description="Taken one after the other: each has its name and arguments."),
    ]
    data: (
        Annotated[str, Meta(max_length=65_536, description="Text to decode as it is, in place of bytes of the file.")]
        | UnsetType
    ) = UNSET
    offset: Offset | UnsetType = UNSET
    length: Annotated[int, Meta(ge=1, le=65_536, description="Bytes from the offset on.")] | UnsetType = UNSET


class _Hit(msgspec.Struct):
    offset: int
    encoding: str
    text: str


class _Hits(msgspec.Struct):
    total: int
    items: tuple[_Hit, ...]
    searched: int
    stopped: bool


class _Row(msgspec.Struct):
    offset: int
    hex: str
    ascii: str


class _Rows(msgspec.Struct):
    size: int
    rows: tuple[_Row, ...]


class _Lines(msgspec.Struct):
    lines: tuple[Line, ...]


class _Decoded(msgspec.Struct):
    size: int
    content: str
    text: str | None = None


async def _search(desk: Desk, wanted: SearchArguments) -> Iterator[str]:
    args = {
        "pattern": wanted.pattern,
        "regex": wanted.regex,
        "ignore_case": wanted.ignore_case,
        "max_matches": wanted.limit,
    }
    return _hit_lines(decode(await desk.execute(_FILES, "search", args), _Hits, _FILES))


def _hit_lines(found: _Hits) -> Iterator[str]:
    more = f", here the first {len(found.items)}" if found.total > len(found.items) else ""
    yield f"{found.total} {'match' if found.total == 1 else 'matches'}{more}"
    if found.stopped:
        yield f"only the first {found.searched:,} characters of strings were searched: there may be more"
    yield from (f"{hit.offset:#x} ({hit.encoding}): {hit.text}" for hit in found.items)


async def _read(desk: Desk, wanted: ReadArguments) -> Iterator[str]:
    args = {"offset": wanted.offset, "length": wanted.length}
    return _row_lines(decode(await desk.execute(_FILES, "read", args), _Rows, _FILES))


def _row_lines(read: _Rows) -> Iterator[str]:
    if not read.rows:
        yield f"Nothing is there: the file has {read.size:,} bytes."
    yield from (_row_line(row) for row in read.rows)


def _row_line(row: _Row) -> str:
    digits = " ".join(row.hex[at : at + 2] for at in range(0, len(row.hex), 2))
    return f"{row.offset:08x}  {digits:<47}  {row.ascii}"


async def _match(desk: Desk, wanted: YaraArguments) -> Iterator[str]:
    args = {"sources": [{"text": wanted.rule, "name": "rule"}]}
    return _match_lines(decode(await desk.execute(_RULES, "scan", args), PatternFacts, _RULES))


def _match_lines(facts: PatternFacts) -> Iterator[str]:
    count = len(facts.matches) + facts.matches_left_out
    yield f"{count} of {facts.rules} {'rule matches' if facts.rules == 1 else 'rules match'}"
    for match in facts.matches:
        yield from _rule_lines(match)


def _rule_lines(match: RuleMatch) -> Iterator[str]:
    yield f"rule {match.rule} matches"
    for string in match.strings:
        yield f"- {string.id}: {string.count} {'time' if string.count == 1 else 'times'}"
        for place in string.places[:_PLACES]:
            key = f", with XOR key {place.xor_key:#x}" if place.xor_key else ""
            yield f"  at {place.offset:#x}, {place.length} bytes: {place.data}{key}"


async def _disassemble(desk: Desk, wanted: DisassembleArguments) -> Iterator[str]:
    if (wanted.address is UNSET) == (wanted.offset is UNSET):
        raise Unfit("Give an address or an offset, and not both.")
    return _code_lines(decode(await desk.execute(_CODE, "disassemble", _given(wanted)), _Lines, _CODE))


def _code_lines(code: _Lines) -> Iterator[str]:
    if not code.lines:
        yield "No instructions are there."
    for line in code.lines:
        yield f"{line.address:#x}  {line.bytes:<20}  {line.text}{f'  ; {line.note}' if line.note else ''}"


async def _decode(desk: Desk, wanted: DecodeArguments) -> Iterator[str]:
    part = wanted.offset is not UNSET and wanted.length is not UNSET
    if (wanted.data is UNSET) != part or (wanted.data is not UNSET and _any_part(wanted)):
        raise Unfit("Give data, or else an offset and a length.")
    args = _given(wanted)
    # Models write a step that needs no arguments as its name alone.
    args["steps"] = [{"name": step} if isinstance(step, str) else step for step in args["steps"]]
    if wanted.data is not UNSET:
        args["data"] = f"text:{wanted.data}"
    return _decoded_lines(decode(await desk.execute(_LAYERS, "decode", args), _Decoded, _LAYERS))


def _decoded_lines(done: _Decoded) -> Iterator[str]:
    if done.text is not None:
        yield f"{done.size:,} bytes, as text:"
        for line in done.text.splitlines():
            yield from broken(line)
        return
    data = _beginning(done.content)
    more = f", here the first {len(data):,}" if done.size > len(data) else ""
    yield f"{done.size:,} bytes that are no text{more}:"
    for at in range(0, len(data), _ROW):
        row = data[at : at + _ROW]
        plain = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)  # noqa: PLR2004 - what prints
        yield _row_line(_Row(at, row.hex(), plain))


def _beginning(content: str) -> bytes:
    """A module that was taken over may answer with anything: of what is no base64 there is nothing to show."""
    try:
        return base64.b64decode(content[: _SHOWN // 3 * 4], validate=True)
    except (binascii.Error, ValueError):
        return b""


def _any_part(wanted: DecodeArguments) -> bool:
    return wanted.offset is not UNSET or wanted.length is not UNSET


def _given(wanted: msgspec.Struct) -> dict[str, Any]:
    given: dict[str, Any] = msgspec.to_builtins(wanted)
    return given


TOOLS = (
    LookTool(
        "search_strings",
        "Where a text is in the file's strings (ASCII and UTF-16, of at least 4 characters), with what is around it.",
        SearchArguments,
        _search,
        (_FILES, "search"),
    ),
    LookTool("read_bytes", "Bytes at an offset of the file, as hex and ASCII.", ReadArguments, _read, (_FILES, "read")),
    LookTool(
        "disassemble",
        "Instructions from a virtual address, or from an offset of the file.",
        DisassembleArguments,
        _disassemble,
        (_CODE, "disassemble"),
    ),
    LookTool(
        "decode",
        "Decodes bytes of the file, or a text, by a chain of named steps.",
        DecodeArguments,
        _decode,
        (_LAYERS, "decode"),
    ),
    LookTool(
        "match_yara",
        "Matches YARA rules that you write. What is wrong with them is told with line and column.",
        YaraArguments,
        _match,
        (_RULES, "scan"),
    ),
)
