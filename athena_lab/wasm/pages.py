"""Pages that are put into the memory of many guests: shared until one writes to them, where the system can do that.

A guest reads few of the pages of a large set of rules. Copying all of them took longer than matching many a file.
"""

from __future__ import annotations

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
    from collections.abc import Iterable

PAGE: Final = mmap.PAGESIZE
"""Bytes: what the machine maps at once. WebAssembly's own pages have 64 KiB, of which it is a part."""
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

    def put(self, memory: Any) -> None:
        """Into a guest's memory, an array of ctypes that is as large as the last part needs."""


class CopiedPages:
    """For every system."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = tuple(parts)

    def put(self, memory: Any) -> None:
        start = ctypes.addressof(memory)
        for offset, content in self._parts:
            ctypes.memmove(start + offset, content, len(content))


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

    def put(self, memory: Any) -> None:
        """Raises `wasmtime.WasmtimeError` where the system has no room for the mapping."""
        start, place = ctypes.addressof(memory), 0
        for offset, size in self._places:
            access, how = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | _MAP_FIXED
            # Over memory that is the guest's already, and is given back with all of it.
            if _mmap()(start + offset, size, access, how, self._file, place) != start + offset:
                raise wasmtime.WasmtimeError(f"Its pages cannot be mapped: {os.strerror(ctypes.get_errno())}.")
            place += size


def kept() -> type[Pages]:
    """The better way of this system."""
    return SharedPages if sys.platform == "linux" else CopiedPages


@functools.cache
def _mmap() -> Any:
    """Python's own module maps only where the system likes."""
    function = ctypes.CDLL(None, use_errno=True).mmap
    function.restype = ctypes.c_void_p
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    return function
