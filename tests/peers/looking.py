"""What the model server asks for when it may look into the sample, and what it says of what it saw. No model: a plan.

First it searches the strings for addresses and marks, and with a rule of its own for what is hidden by XOR; then it
reads the bytes where the rule matched, and what stands before them. Each step takes its offsets from what the one
before it gave, so that it works on any sample.
"""

from __future__ import annotations

import re
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
_ROW = re.compile(r"^[0-9a-f]{8}  ([0-9a-f ]+?)  +(.+)$", re.MULTILINE)

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
    place = _place(results)
    if len(results) == 2 and place is not None:
        offset = max(0, place[0] - _BEFORE)
        return [("read_bytes", {"offset": offset, "length": 64})]
    return []


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
            return f"- Before it the file has the bytes `{row[1]}` [call/{number}].\n"
    return ""
