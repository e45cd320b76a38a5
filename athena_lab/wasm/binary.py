"""The framing of components and core modules: sections, and numbers of any length.

The formats: Component Model, design/mvp/Binary.md, and WebAssembly Core, Binary Format. Needs the standard library
alone: the build of the components uses it, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPONENT: Final = b"\0asm\x0d\0\x01\0"
CORE: Final = b"\0asm\x01\0\0\0"


def sections(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind, start and end of each, behind the eight bytes of the header. Raises `IndexError` where it is cut off."""
    at = len(CORE)
    while at < len(content):
        kind = content[at]
        size, start = leb128(content, at + 1)
        at = start + size
        yield kind, start, at


def leb128(content: bytes, at: int) -> tuple[int, int]:
    """The unsigned number there, and where what follows begins. Raises `IndexError`."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the high bit says that more follows
            return value, at
