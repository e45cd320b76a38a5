"""Pages of files without a name, which Linux has. A guest that writes to its pages gets copies of its own."""

from __future__ import annotations

import ctypes
import fcntl
import functools
import mmap
import os
import sys
import weakref
from typing import TYPE_CHECKING, Any, Final

import wasmtime

from athena_lab.wasm.pages import LENT_MOST, whole_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from athena_lab.wasm.pages import Part

assert sys.platform == "linux"

_MAP_FIXED: Final = 0x10
_POPULATE_WRITE: Final = 23
"""Both of <sys/mman.h> on Linux."""
_SEALS: Final = 0x1 | 0x2 | 0x4 | 0x8
"""Against more seals, another size, and writing: of <fcntl.h>."""


def is_possible() -> bool:
    """Not in every Python on Linux: it must have been made for a C library that knows such files."""
    return hasattr(os, "memfd_create") and hasattr(fcntl, "F_ADD_SEALS")


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

    def make_ready(self, address: int, size: int) -> None:
        """Nothing is lost where the system does not know how: Linux before 5.14."""
        _function("madvise", ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)(address, size, _POPULATE_WRITE)


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
        size = read(self._content)
        end = whole_pages(size)
        self._content[size:end] = bytes(end - size)
        return size

    def put(self, address: int, size: int) -> None:
        if size:
            _map(address, whole_pages(size), self._file, 0)


def _map(address: int, size: int, file: int, offset: int) -> None:
    """Over memory that is a guest's already, and is given back with all of it."""
    access, how = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | _MAP_FIXED
    types = ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long
    if _function("mmap", *types)(address, size, access, how, file, offset) != address:
        raise wasmtime.WasmtimeError(f"Its pages cannot be mapped: {os.strerror(ctypes.get_errno())}.")


@functools.cache
def _function(name: str, *types: Any) -> Any:
    """Of the C library. Python's own module maps only where the system likes."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    function.restype, function.argtypes = ctypes.c_void_p, types
    return function
