"""The core module in a component of ours: where it is, and whether its memory is all that a call changes.

A component as the build makes it has the crate's core module in it, whole, as a section of its own. The formats:
Component Model, design/mvp/Binary.md, and WebAssembly Core, Binary Format. The bytes are the manifest's and not
hostile, but what is not as expected is None or False.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

FRONT: Final = ("memory", "athena_room", "athena_answer")
"""What a core module with a front end exports, by ``wasm/crates/module-kit/src/front.rs``."""
PREPARE: Final = "athena_prepare"
"""And what one exports beside that has something to prepare."""

_COMPONENT: Final = b"\0asm\x0d\0\x01\0"
_CORE: Final = b"\0asm\x01\0\0\0"
_CORE_MODULE: Final = 1
"""The number of a component's section that is a core module; the others are of core modules' sections."""
_GLOBALS, _EXPORTS = 6, 7
_I32: Final = b"\x7f\x01\x41"
"""A global of 32 bits that can change and begins with a constant, as the pointer to the stack does."""


def core_module(wasm: bytes) -> bytes | None:
    """The core module with a front end, without its other exports: to list each takes time in every call."""
    if not wasm.startswith(_COMPONENT):
        return None
    try:
        found = [wasm[start:end] for kind, start, end in _sections(wasm) if kind == _CORE_MODULE]
        return next((_trimmed(core) for core in found if core.startswith(_CORE) and _has_front(core)), None)
    except (IndexError, ValueError):
        return None


def is_all_in_memory(core: bytes) -> bool:
    """Whether the stack's pointer, which is back in its place after a call, is the one global that can change."""
    try:
        start, end = next((start, end) for kind, start, end in _sections(core) if kind == _GLOBALS)
        count, at = _leb128(core, start)
        changing = 0
        for _ in range(count):
            changing += core[at + 1]
            if core[at : at + 3] not in {_I32, _I32.replace(b"\x01", b"\0")}:
                return False
            _, at = _leb128(core, at + 3)
            at += 1  # the end of the constant
    except (IndexError, StopIteration):
        return False
    return changing == 1 and at == end


def _has_front(core: bytes) -> bool:
    return {name for kind, start, _ in _sections(core) if kind == _EXPORTS for name, _ in _exports(core, start)} >= {
        *FRONT
    }


def _trimmed(core: bytes) -> bytes:
    end = len(_CORE)
    trimmed = core[:end]
    for kind, start, stop in _sections(core):
        if kind == _EXPORTS:
            kept = [row for name, row in _exports(core, start) if name in {*FRONT, PREPARE}]
            content = _unsigned(len(kept)) + b"".join(kept)
            trimmed += bytes([kind]) + _unsigned(len(content)) + content
        else:
            trimmed += core[end:stop]
        end = stop
    return trimmed


def _exports(core: bytes, at: int) -> Iterator[tuple[str, bytes]]:
    """Of the section: the names, and the bytes of each export."""
    count, at = _leb128(core, at)
    for _ in range(count):
        length, start = _leb128(core, at)
        _, end = _leb128(core, start + length + 1)
        yield core[start : start + length].decode(), core[at:end]
        at = end


def _sections(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind, start and end of each."""
    at = len(_CORE)
    while at < len(content):
        kind = content[at]
        size, start = _leb128(content, at + 1)
        at = start + size
        yield kind, start, at


def _leb128(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the high bit says that more follows
            return value, at


def _unsigned(value: int) -> bytes:
    """As `_leb128` reads it."""
    content = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        content.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*content, value])
