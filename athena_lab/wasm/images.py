"""Images of a guest's memory after it was prepared: what each call with the same state would do anew, done once.

An image is a cache and nothing else, of the state that a session keeps, and of a module's own beginning. Each call gets
a Store of its own as without, and memory that no call before has written to.
"""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from athena_lab.wasm.pages import PAGE, WASM_PAGE, Pages, Part
from athena_lab.wasm.sharing import ways

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import wasmtime

_ENTRY: Final = 256
"""Bytes that an entry has beside what it keeps."""
_GAP: Final = 16
"""Unchanged pages that are kept between two that are not: each part is written by itself."""
_LEARNT: Final = 64 << 20
"""Bytes of memory up to which it is worth while to look at all of it."""
_NEAR: Final = 2
"""Pages between two that calls write to which are made ready with them: each run takes a call of the system."""
_IMAGE: Final = 1 << 20
"""Bytes that an image is counted with at least: it may have a file open."""

Key = tuple[str, str | None]
"""A module's SHA-256, and the state of a session or None. Python keeps a text's hash in the text."""


class Run(NamedTuple):
    """Bytes of a guest's memory, whole pages."""

    start: int
    end: int


class Image:
    """Of ``size`` bytes of memory, those pages that differ from a new instance's."""

    def __init__(self, size: int, parts: tuple[Part, ...], pages: type[Pages] | None = None) -> None:
        self.size = size
        self.bytes = sum(len(part.content) for part in parts)
        """What is kept."""
        self.written: tuple[Run, ...] | None = None if size <= _LEARNT else ()
        """What calls write to, as the first of them did; None before that."""
        self._pages = (pages or ways()[0])(parts)

    def restore(self, store: wasmtime.Store, memory: wasmtime.Memory) -> None:
        """Into a new instance's memory. Raises `wasmtime.WasmtimeError` where that may not grow as far."""
        missing = self.size - memory.data_len(store)
        if missing > 0:
            memory.grow(store, missing // WASM_PAGE)
        address = ctypes.addressof(memory.data_ptr(store).contents)
        self._pages.put(address)
        for run in self.written or ():
            self._pages.make_ready(address + run.start, run.end - run.start)

    def learn(self, before: bytes | bytearray, after: bytes | bytearray) -> None:
        """``before`` and ``after`` a call: the image's own size of memory.

        A page that is shared and then written to has to be taken from all threads that may look at it: where there are
        two workers, each such page made both wait.
        """
        self.written = tuple(_runs(_changed(after, before), _NEAR))


def take(memory: bytes | bytearray, fresh: bytes | bytearray, pages: type[Pages] | None = None) -> Image:
    """The image of ``memory``, which was ``fresh`` in the new instance."""
    runs = _runs(_changed(memory, fresh), _GAP)
    return Image(len(memory), tuple(Part(run.start, bytes(memory[run.start : run.end])) for run in runs), pages)


def _runs(pages: Iterable[int], gap: int) -> list[Run]:
    """Of pages in their order, with up to so many others between two."""
    runs: list[Run] = []
    for at in pages:
        if runs and at - runs[-1].end <= gap * PAGE:
            runs[-1] = Run(runs[-1].start, at + PAGE)
        else:
            runs.append(Run(at, at + PAGE))
    return runs


def _changed(memory: bytes | bytearray, fresh: bytes | bytearray) -> Iterator[int]:
    zeros = bytes(PAGE)
    for at in range(0, len(memory), PAGE):
        if memory[at : at + PAGE] != (fresh[at : at + PAGE] or zeros):
            yield at


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
    return _ENTRY + len(key[1] or "") + (max(_IMAGE, image.bytes) if image else 0)
