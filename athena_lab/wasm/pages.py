"""Pages that are put into the memory of guests: shared until one writes to them, where the system can do that.

A guest reads few of the pages of a large set of rules. Copying all of them took longer than matching many a file. And
memory that nobody had before has to be found and cleared by the system, which takes thrice as long as reading a sample
into it.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import mmap
import os
import sys
import weakref
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import wasmtime

if sys.platform == "linux":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PAGE: Final = mmap.PAGESIZE
"""Bytes: what the machine maps at once. WebAssembly's own pages have 64 KiB, of which it is a part."""
LENT_LEAST: Final = 32 << 10
"""Bytes of a sample below which it is copied: mapping takes as long."""
LENT_MOST: Final = 8 << 20
"""Bytes above which it is copied: the pages stay with their worker."""
_MAP_FIXED: Final = 0x10
_SEALS: Final = 0x1 | 0x2 | 0x4 | 0x8
"""Against more seals, another size, and writing. Both of <sys/mman.h> and <fcntl.h> on Linux."""


class Part(NamedTuple):
    """Whole pages, and where in a guest's memory they belong, in bytes."""

    offset: int
    content: bytes


class Pages(Protocol):
    """Parts that are kept."""

    def __init__(self, parts: Iterable[Part]) -> None: ...

    def put(self, address: int) -> None:
        """Into a guest's memory, which begins there and is as large as the last part needs."""


class CopiedPages:
    """For every system."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = tuple(parts)

    def put(self, address: int) -> None:
        for offset, content in self._parts:
            ctypes.memmove(address + offset, content, len(content))


class SharedPages:
    """In a file without a name that nobody can write to. A guest that writes to its pages gets copies of its own."""

    def __init__(self, parts: Iterable[Part]) -> None:
        """Raises `OSError` where no file can be had."""
        self._places: list[tuple[int, int]] = []
        self._file = os.memfd_create("athena-image", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        weakref.finalize(self, os.close, self._file)
        with open(self._file, "wb", closefd=False) as file:
            for offset, content in parts:
                self._places.append((offset, len(content)))
                file.write(content)
        fcntl.fcntl(self._file, fcntl.F_ADD_SEALS, _SEALS)

    def put(self, address: int) -> None:
        """Raises `wasmtime.WasmtimeError` where the system has no room for the mapping."""
        place = 0
        for offset, size in self._places:
            _map(address + offset, size, self._file, place)
            place += size


class Loan:
    """A sample that is lent to one guest after the other of a worker, in pages that are used again.

    A guest that writes to them gets copies of its own. What it sees is its call's sample, and zeros to the end of the
    last page.
    """

    def __init__(self) -> None:
        """Raises `OSError` where no file can be had."""
        self._file = os.memfd_create("athena-sample", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self._file)
        os.ftruncate(self._file, LENT_MOST)
        self._content = memoryview(mmap.mmap(self._file, LENT_MOST))

    def fill(self, read: Callable[[memoryview], int]) -> int:
        """With what ``read`` puts into the memory that it is given: its bytes, which must be no more than that has."""
        size = read(self._content)
        end = whole_pages(size)
        self._content[size:end] = bytes(end - size)
        return size

    def put(self, address: int, size: int) -> None:
        """The first ``size`` bytes, in whole pages, to an address on a page's bound in a guest's memory.

        Raises `wasmtime.WasmtimeError` where the system has no room for the mapping.
        """
        if size:
            _map(address, whole_pages(size), self._file, 0)


def whole_pages(size: int) -> int:
    """Bytes of the pages that so many bytes need."""
    return -(-size // PAGE) * PAGE


def kept() -> type[Pages]:
    """The better way of this system."""
    return SharedPages if sys.platform == "linux" else CopiedPages


def lender() -> Loan | None:
    """None where pages cannot be shared."""
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError):  # no more files may be open
        return Loan()
    return None


def _map(address: int, size: int, file: int, offset: int) -> None:
    """Over memory that is a guest's already, and is given back with all of it."""
    access, how = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | _MAP_FIXED
    if _mmap()(address, size, access, how, file, offset) != address:
        raise wasmtime.WasmtimeError(f"Its pages cannot be mapped: {os.strerror(ctypes.get_errno())}.")


@functools.cache
def _mmap() -> Any:
    """Python's own module maps only where the system likes."""
    function = ctypes.CDLL(None, use_errno=True).mmap
    function.restype = ctypes.c_void_p
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    return function
