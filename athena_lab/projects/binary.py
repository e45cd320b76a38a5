"""The imports of a component, read and renamed in its bytes.

The format: Component Model, design/mvp/Binary.md. Only the names at the top level are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from athena_lab.wasm.binary import COMPONENT, leb128, sections

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    if not content.startswith(COMPONENT):
        raise ValueError("It is not a component.")
    try:
        return [it for kind, start, _ in sections(content) if kind == _IMPORTS for it in _in_section(content, start)]
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


def _in_section(content: bytes, at: int) -> Iterator[Import]:
    count, at = leb128(content, at)
    for _ in range(count):
        length, start = leb128(content, at + 1)
        end = start + length
        name = content[start:end].decode()
        if content[end] != _INSTANCE:
            raise ValueError(f"The component imports {name}, which is not an interface.")
        yield Import(name, start)
        _, at = leb128(content, end + 1)
