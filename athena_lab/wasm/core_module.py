"""The core module in a component of ours: where it is, and whether its memory is all that a call changes.

A component as the build makes it has the crate's core module in it, whole, as a section of its own. The bytes are the
manifest's and not hostile, but what is not as expected is None or False.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from athena_lab.wasm.binary import COMPONENT, CORE, leb128, sections

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY: Final = "memory"
ANSWER: Final = "athena_answer"
"""Both are what a core module with a front end exports, by ``wasm/crates/module-kit/src/front.rs``."""
PREPARE: Final = "athena_prepare"
"""And what one exports beside that has something to prepare."""
REST: Final = "athena_rest"
"""Or that keeps what it finds out, for when it is stopped."""

_CORE_MODULE: Final = 1
"""The number of a component's section that is a core module; the others are of core modules' sections."""
_GLOBALS, _EXPORTS = 6, 7
_I32: Final = b"\x7f\x01\x41"
"""A global of 32 bits that can change and begins with a constant, as the pointer to the stack does."""


def core_module(wasm: bytes) -> bytes | None:
    """The core module with a front end, without its other exports: to list each takes time in every call."""
    if not wasm.startswith(COMPONENT):
        return None
    try:
        found = [wasm[start:end] for kind, start, end in sections(wasm) if kind == _CORE_MODULE]
        return next((_trimmed(core) for core in found if core.startswith(CORE) and _has_front(core)), None)
    except (IndexError, ValueError):
        return None


def is_all_in_memory(core: bytes) -> bool:
    """Whether the stack's pointer, which is back in its place after a call, is the one global that can change."""
    try:
        start, end = next((start, end) for kind, start, end in sections(core) if kind == _GLOBALS)
        count, at = leb128(core, start)
        changing = 0
        for _ in range(count):
            changing += core[at + 1]
            if core[at : at + 3] not in {_I32, _I32.replace(b"\x01", b"\0")}:
                return False
            _, at = leb128(core, at + 3)
            at += 1  # the end of the constant
    except (IndexError, StopIteration):
        return False
    return changing == 1 and at == end


def _has_front(core: bytes) -> bool:
    found = {name for kind, start, _ in sections(core) if kind == _EXPORTS for name, _ in _exports(core, start)}
    return found >= {MEMORY, ANSWER}


def _trimmed(core: bytes) -> bytes:
    end = len(CORE)
    trimmed = core[:end]
    for kind, start, stop in sections(core):
        if kind == _EXPORTS:
            kept = [row for name, row in _exports(core, start) if name in {MEMORY, ANSWER, PREPARE, REST}]
            content = _unsigned(len(kept)) + b"".join(kept)
            trimmed += bytes([kind]) + _unsigned(len(content)) + content
        else:
            trimmed += core[end:stop]
        end = stop
    return trimmed


def _exports(core: bytes, at: int) -> Iterator[tuple[str, bytes]]:
    """Of the section: the names, and the bytes of each export."""
    count, at = leb128(core, at)
    for _ in range(count):
        length, start = leb128(core, at)
        _, end = leb128(core, start + length + 1)
        yield core[start : start + length].decode(), core[at:end]
        at = end


def _unsigned(value: int) -> bytes:
    """As `leb128` reads it."""
    content = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        content.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*content, value])
