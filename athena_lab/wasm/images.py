"""Images of a guest's memory after it was prepared: what each call with the same state would do anew, done once.

An image is a cache and nothing else, of the state that a session keeps, and of a module's own beginning. Each call gets
a Store of its own as without, and memory that no call before has written to.
"""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import wasmtime

_PAGE: Final = 4_096
"""Bytes: what the machine maps at once. WebAssembly's own pages have 64 KiB."""
_WASM_PAGE: Final = 65_536
_ENTRY: Final = 256
"""Bytes that an entry has beside what it keeps."""

Key = tuple[str, str | None]
"""A module's SHA-256, and the state of a session or None. Python keeps a text's hash in the text."""


class Image(NamedTuple):
    """``size`` bytes of memory; ``parts`` are what differs from a new instance's, by offset."""

    size: int
    parts: tuple[tuple[int, bytes], ...]

    def restore(self, store: wasmtime.Store, memory: wasmtime.Memory) -> None:
        """Into a new instance's memory. Raises `wasmtime.WasmtimeError` where that may not grow as far."""
        missing = self.size - memory.data_len(store)
        if missing > 0:
            memory.grow(store, missing // _WASM_PAGE)
        start = ctypes.addressof(memory.get_buffer_ptr(store))
        for offset, part in self.parts:
            ctypes.memmove(start + offset, part, len(part))


def take(memory: bytes | bytearray, fresh: bytes | bytearray) -> Image:
    """The image of ``memory``, which was ``fresh`` in the new instance."""
    parts = []
    begin = None
    zeros = bytes(_PAGE)
    for at in range(0, len(memory) + _PAGE, _PAGE):
        before = fresh[at : at + _PAGE] if at < len(fresh) else zeros
        same = at >= len(memory) or memory[at : at + _PAGE] == before
        if same and begin is not None:
            parts.append((begin, bytes(memory[begin:at])))
            begin = None
        elif not same and begin is None:
            begin = at
    return Image(len(memory), tuple(parts))


class Images:
    """The images used last, of ``most_bytes`` together. Safe to use from every thread."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._kept: OrderedDict[Key, Image | None] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self._bytes

    def find(self, key: Key) -> Image | None:
        """None where it is known that there is none. Raises `KeyError` where nothing is known."""
        with self._lock:
            self._kept.move_to_end(key)
            return self._kept[key]

    def keep(self, key: Key, image: Image | None) -> None:
        """One that is too large is remembered as none."""
        if image is not None and _cost(key, image) > self.most_bytes:
            image = None
        with self._lock:
            self._drop(key)
            self._kept[key] = image
            self._bytes += _cost(key, image)
            while self._bytes > self.most_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        if key in self._kept:
            self._bytes -= _cost(key, self._kept.pop(key))


def _cost(key: Key, image: Image | None) -> int:
    return _ENTRY + len(key[1] or "") + (sum(len(part) for _, part in image.parts) if image else 0)
