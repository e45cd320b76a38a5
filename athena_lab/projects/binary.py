"""The imports of a component, read and renamed in its bytes.

The format: Component Model, design/mvp/Binary.md. Only the names at the top level are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC: Final = b"\0asm\x0d\0\x01\0"
_IMPORTS: Final = 10
"""The format's number for a section of imports."""
_INSTANCE: Final = 5
"""And for an import that is an interface."""


class Import(NamedTuple):
    """``start`` is where the name stands."""

    name: str
    start: int


def imports(content: bytes) -> list[Import]:
    """Raises `ValueError` for what is no component, and for imports that are no interfaces."""
    if not content.startswith(MAGIC):
        raise ValueError("It is not a component.")
    try:
        return [it for start in _sections(content) for it in _in_section(content, start)]
    except IndexError:
        raise ValueError("The component is cut off.") from None


def rename_namespace(content: bytes, old: str, new: str) -> bytes:
    """Imports of packages of `old` become those of `new`, which has as many letters, so that nothing moves."""
    assert len(old) == len(new), "lengths stand before the names"
    renamed = bytearray(content)
    for found in imports(content):
        if found.name.startswith(f"{old}:"):
            renamed[found.start : found.start + len(new)] = new.encode()
    return bytes(renamed)


def _sections(content: bytes) -> Iterator[int]:
    at = len(MAGIC)
    while at < len(content):
        kind = content[at]
        size, start = _leb128(content, at + 1)
        if kind == _IMPORTS:
            yield start
        at = start + size


def _in_section(content: bytes, at: int) -> Iterator[Import]:
    count, at = _leb128(content, at)
    for _ in range(count):
        length, start = _leb128(content, at + 1)
        end = start + length
        name = content[start:end].decode()
        if content[end] != _INSTANCE:
            raise ValueError(f"The component imports {name}, which is not an interface.")
        yield Import(name, start)
        _, at = _leb128(content, end + 1)


def _leb128(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the high bit says that more follows
            return value, at
