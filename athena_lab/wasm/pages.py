"""Pages that are put into the memory of guests, whole ones of the machine's.

A guest reads few of the pages of a large set of rules. Copying all of them took longer than matching many a file. And
memory that nobody had before has to be found and cleared by the system, which takes thrice as long as reading a sample
into it. So they are shared until a guest writes to them, where the system can do that (`shared_pages`).
"""

from __future__ import annotations

import ctypes
import mmap
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PAGE: Final = mmap.PAGESIZE
"""Bytes: what the machine maps at once."""
WASM_PAGE: Final = 65_536
"""WebAssembly's own page, of which that is a part."""
LENT_LEAST: Final = 32 << 10
"""Bytes of a sample below which it is copied: mapping takes as long."""
LENT_MOST: Final = 8 << 20
"""Bytes above which it is copied: the pages stay with their worker."""


def whole_pages(size: int) -> int:
    """Bytes of the pages that so many bytes need."""
    return -(-size // PAGE) * PAGE


class Part(NamedTuple):
    """Whole pages, and where in a guest's memory they belong, in bytes."""

    offset: int
    content: bytes


class Pages(Protocol):
    """Parts that are kept."""

    def __init__(self, parts: Iterable[Part]) -> None: ...

    def put(self, address: int) -> None:
        """Into a guest's memory, which begins there and is as large as the last part needs."""

    def make_ready(self, address: int, size: int) -> None:
        """Whole pages that a guest will write to are made its own at once."""


class CopiedPages:
    """For every system."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = tuple(parts)

    def put(self, address: int) -> None:
        for offset, content in self._parts:
            ctypes.memmove(address + offset, content, len(content))

    def make_ready(self, address: int, size: int) -> None:
        """They are."""


class Lender(Protocol):
    """A sample that is lent to one guest after the other of a worker, in pages that are used again."""

    def fill(self, read: Callable[[memoryview], int]) -> int:
        """With what ``read`` puts into the memory that it is given, `LENT_MOST` bytes: how many it says they are."""

    def put(self, address: int, size: int) -> None:
        """The first ``size`` bytes, in whole pages, to an address on a page's bound in a guest's memory.

        Raises `wasmtime.WasmtimeError` where the system has no room for the mapping.
        """
