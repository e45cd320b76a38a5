"""The cases in YARA's own tests, which are written in C: macros over a rule, the bytes to match and what is expected.

Read, not compiled: a case whose arguments are anything else than texts and tables of bytes is told as unread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TOKEN = re.compile(rb'//[^\n]*|/\*.*?\*/|"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|0[xX][0-9a-fA-F]+|\d+|\S', re.DOTALL)
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]+|[0-7]{1,3}|\n|.)", re.DOTALL)
_ARRAY = re.compile(rb"(?:uint8_t|unsigned char|char)\s+(\w+)\[\]\s*=\s*\{([^}]*)\}", re.DOTALL)
_DEFINE = re.compile(rb"^#define (\w+)[ \t\\\n]+((?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v", b"\n": b""}
_REGEXP = (b"rule test { strings: $a = /", b"/ condition: $a }")

ARGUMENTS = {
    "assert_true_rule": 2,
    "assert_false_rule": 2,
    "assert_true_rule_blob": 2,
    "assert_false_rule_blob": 2,
    "assert_true_rule_blob_size": 3,
    "assert_false_rule_blob_size": 3,
    "assert_match_count": 3,
    "assert_string_capture": 3,
    "assert_true_regexp": 3,
    "assert_false_regexp": 2,
    "assert_regexp_syntax_error": 1,
    "assert_error": 2,
    "assert_true_rule_file": 2,
    "assert_false_rule_file": 2,
    "assert_true_rule_module_data_file": 2,
}


class Unread(Exception):
    """A case that is not of texts and bytes alone."""


@dataclass
class Case:
    """``expected``: True or False for a match, bytes for what a string matches, a number of matches, None: an error."""

    place: str
    rule: bytes
    sample: bytes
    expected: bool | bytes | int | None
    why_unread: str = ""


class Cases:
    """Those of a folder of C files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[bytes, bytes] = {}
        headers = b"\n".join(file.read_bytes() for file in sorted(folder.glob("*.h")))
        for name, body in _ARRAY.findall(re.sub(rb"//[^\n]*|/\*.*?\*/", b"", headers, flags=re.DOTALL)):
            self._names[name] = bytes(int(number, 0) & 0xFF for number in re.findall(rb"0x\w+|\d+", body))
        self._define(headers)

    def _define(self, text: bytes) -> None:
        for name, body in _DEFINE.findall(text):
            try:
                self._names[name] = self._bytes(tokens(body.replace(b"\\\n", b"\n")))
            except Unread:  # no text
                continue

    def read(self, file: str) -> Iterator[Case]:
        content = (self._folder / file).read_bytes()
        self._define(content)
        for line, name, arguments in calls(content):
            case = Case(f"{file}:{line}", b"", b"", None)
            try:
                self._fill(case, name, arguments)
            except Unread as unread:
                case.why_unread = str(unread)
            yield case

    def _fill(self, case: Case, name: str, arguments: list[list[bytes]]) -> None:
        if name.endswith("_file"):
            raise Unread("its file is not in the package")
        rule, *rest = [argument if index else self._bytes(argument) for index, argument in enumerate(arguments)]
        case.rule = _REGEXP[0] + rule + _REGEXP[1] if "regexp" in name else rule
        if name in {"assert_error", "assert_regexp_syntax_error"}:
            return
        sample = self._bytes(rest[0])
        blob = "blob" in name and len(rest[0]) == 1 and not rest[0][0].startswith(b'"')
        case.sample = sample + b"\0" if name.endswith("_blob") and not blob else sample  # sizeof counts a text's end
        if name.endswith("_size"):
            case.sample = sample[: self._number(rest[1])]
        elif name == "assert_match_count":
            case.expected = self._number(rest[1])
            return
        elif name in {"assert_string_capture", "assert_true_regexp"}:
            case.expected = self._bytes(rest[1])
            return
        case.expected = "true" in name

    def _bytes(self, argument: list[bytes]) -> bytes:
        found = b""
        for token in strip_cast(argument):
            if token.startswith(b'"'):
                found += text(token[1:-1])
            elif token in self._names:
                found += self._names[token]
            elif token != b"NULL":
                raise Unread(f"it is made by {token.decode()}")
        return found

    def _number(self, argument: list[bytes]) -> int:
        if argument[:1] == [b"sizeof"]:
            return len(self._bytes(argument[2:-1]))
        if len(argument) == 1 and argument[0].isdigit():
            return int(argument[0])
        raise Unread("its number is calculated")


def strip_cast(argument: list[bytes]) -> list[bytes]:
    if argument[:1] == [b"("] and b")" in argument and b"*" in argument[: argument.index(b")")]:
        return argument[argument.index(b")") + 1 :]
    return argument


def tokens(content: bytes) -> list[bytes]:
    return [token for token in _TOKEN.findall(content) if not token.startswith((b"//", b"/*"))]


def calls(content: bytes) -> Iterator[tuple[int, str, list[list[bytes]]]]:
    """Line, name and arguments of each macro's use."""
    for found in re.finditer(rb"^\s*(assert_\w+)\s*\(", content, re.MULTILINE):
        name = found[1].decode()
        if name not in ARGUMENTS:
            continue
        arguments: list[list[bytes]] = [[]]
        depth = 1
        for token in _TOKEN.finditer(content, found.end()):
            word = token[0]
            if word.startswith((b"//", b"/*")):
                continue
            depth += (word == b"(") - (word == b")")
            if not depth:
                break
            if word == b"," and depth == 1:
                arguments.append([])
            else:
                arguments[-1].append(word)
        if len(arguments) == ARGUMENTS[name]:
            yield content.count(b"\n", 0, found.start(1)) + 1, name, arguments


def text(literal: bytes) -> bytes:
    """What is between the quotes of a C text."""

    def escaped(found: re.Match[bytes]) -> bytes:
        code = found[1]
        if code[:1] == b"x":
            return bytes([int(code[1:], 16) & 0xFF])
        if code.isdigit():
            return bytes([int(code, 8) & 0xFF])
        return _LETTERS.get(code, code)

    return _ESCAPE.sub(escaped, literal)
