"""What the model server asks for when it may look into the sample, and what it says of what it saw. No model: a plan.

First it searches the strings for addresses and marks, and with a rule of its own for what is hidden by XOR with one
byte; then it reads the bytes where the rule matched and what stands before them, or else those at a mark. Where a mark
is read with a length and a key behind it, it decodes what follows. Each step takes its offsets from what the one
before it gave, so that it works on any sample.
"""

from __future__ import annotations

import re
import struct
from typing import Any

RULE = """rule hidden_address {
  strings:
    $address = "http" xor(1-255)
  condition:
    $address
}"""
_BEFORE = 32
_PLACE = re.compile(r"^  at 0x([0-9a-f]+), \d+ bytes: \S+?(?:, with XOR key (0x[0-9a-f]+))?$", re.MULTILINE)
_FENCED = re.compile(r"UNTRUSTED (\S+) BEGIN\n(.*)\nUNTRUSTED \1 END", re.DOTALL)
_ROW = re.compile(r"^([0-9a-f]{8})  ([0-9a-f ]+?)  +(.+)$", re.MULTILINE)
_MARK = re.compile(r"^0x([0-9a-f]+) \(ascii\): CFG\d", re.MULTILINE)
_HEAD = struct.Struct("<4sH4s")
"""A made-up family's configuration: its mark, the length of what follows, and the key of four bytes."""

Call = tuple[str, dict[str, Any]]


def offered(body: dict[str, Any]) -> set[str]:
    if body.get("tool_choice") == "none":
        return set()
    return {tool["function"]["name"] for tool in body.get("tools") or ()}


def results_of(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Of each call so far, in order: its function, and what it gave."""
    names = {
        call["id"]: call["function"]["name"]
        for message in messages
        if message["role"] == "assistant"
        for call in message.get("tool_calls") or ()
    }
    found = []
    for message in messages:
        if message["role"] == "tool":
            fenced = _FENCED.search(message["content"])
            found.append((names[message["tool_call_id"]], fenced[2] if fenced else ""))
    return found


def wants_json(messages: list[dict[str, Any]]) -> bool:
    return any(message["role"] == "system" and "one JSON object" in message["content"] for message in messages)


def next_calls(names: set[str], results: list[tuple[str, str]]) -> list[Call]:
    """Nothing where it has seen enough, or what it needs is not offered."""
    if not {"search_strings", "match_yara", "read_bytes"} <= names:
        return []
    if not results:
        search = {"pattern": r"https?://|CFG\d", "regex": True, "limit": 5}
        return [("search_strings", search), ("match_yara", {"rule": RULE})]
    seen = dict(results)
    if "read_bytes" not in seen:
        offset = _worth_reading(results)
        return [] if offset is None else [("read_bytes", {"offset": offset, "length": 64})]
    if "decode" in names - seen.keys() and (hidden := _hidden(seen["read_bytes"])):
        return [("decode", hidden)]
    return []


def _worth_reading(results: list[tuple[str, str]]) -> int | None:
    if place := _place(results):
        return max(0, place[0] - _BEFORE)
    mark = _MARK.search(dict(results).get("search_strings", ""))
    return int(mark[1], 16) if mark else None


def _hidden(read: str) -> dict[str, Any] | None:
    """How to decode what lies behind a mark with which the bytes begin."""
    row = _ROW.search(read)
    data = bytes.fromhex(row[2]) if row else b""
    if row is None or len(data) < _HEAD.size or not data.startswith(b"CFG"):
        return None
    _, length, key = _HEAD.unpack_from(data)
    step = {"name": "xor", "args": {"key": key.hex()}}
    return {"offset": int(row[1], 16) + _HEAD.size, "length": length, "steps": [step]}


def _place(results: list[tuple[str, str]]) -> tuple[int, str | None] | None:
    for name, text in results:
        if name == "match_yara" and (match := _PLACE.search(text)):
            return int(match[1], 16), match[2]
    return None


def shown(results: list[tuple[str, str]]) -> str:
    """The part of the answer that says what the calls showed, each cited by its number."""
    lines = [line for number, result in enumerate(results, 1) if (line := _line(number, *result))]
    return "### What looking again showed\n\n" + "".join(lines) if lines else ""


def _line(number: int, name: str, text: str) -> str:
    match name:
        case "search_strings" if text:
            return f"- The strings: {text.splitlines()[0]} of an address or a mark [call/{number}].\n"
        case "match_yara" if place := _PLACE.search(text):
            key = f" under the XOR key `{place[2]}`" if place[2] else ""
            return f"- A rule of my own finds an address{key} at `0x{place[1]}` [call/{number}].\n"
        case "match_yara" if text:
            return f"- A rule of my own for hidden addresses: {text.splitlines()[0]} [call/{number}].\n"
        case "read_bytes" if row := _ROW.search(text):
            return f"- At `0x{int(row[1], 16):x}` the file has the bytes `{row[2]}` [call/{number}].\n"
        case "decode" if text:
            return f"- What lies behind them is, decoded: `{text.splitlines()[-1]}` [call/{number}].\n"
    return ""
