"""A module of ours called by the front end of its core module: the host itself writes the sample into its memory.

The front end is that of ``wasm/crates/module-kit/src/front.rs``. A guest is not trusted with the host all the same:
what it points to is checked against its memory.

A guest that is stopped may have kept what it knew by then. Nothing of it runs any more, its memory is only read: what
is there is given to a new instance with the same call, whose answer is one like any other (`Executor`).
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING, Any, Final

import wasmtime

from athena_lab.errors import BadModule, BadOutput, ModuleMemory, SampleNotFound
from athena_lab.wasm import images
from athena_lab.wasm.core_module import FRONT, PREPARE, REST
from athena_lab.wasm.job import Answer
from athena_lab.wasm.pages import LENT_LEAST, LENT_MOST, PAGE, whole_pages

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from athena_lab.wasm.images import Image, Images
    from athena_lab.wasm.job import Job
    from athena_lab.wasm.pages import Lender

_BLOCK: Final = 64 << 20
"""Bytes that are read of a sample before it is asked whether the call was interrupted."""
_REPLY: Final = struct.Struct("<III")
"""Whether it is a refusal; where its text is, and how long."""
_NUMBER: Final = 0xFFFF_FFFF
"""An address comes as a signed number."""
_LENGTH: Final = struct.Struct("<I")
"""Of what a guest kept, which follows."""
_MAX_REST: Final = 16 << 20
"""Bytes of it. The guest knows it, too: `MOST` in ``wasm/crates/module-kit/src/rest.rs``."""
_SHAPES: Final = {"athena_room": (1, 1), "athena_answer": (3, 1), PREPARE: (2, 1), REST: (0, 1)}
"""Parameters and results, all of 32 bits."""


class CoreGuest:
    """A core module as one engine has it. ``kept`` are images of its memory; None: none may be kept of it. ``loan`` is
    for the samples of its worker, if there is one."""

    def __init__(
        self, engine: wasmtime.Engine, module: wasmtime.Module, name: str, kept: Images | None, loan: Lender | None
    ) -> None:
        """Raises `BadModule` for a front end of another shape."""
        shapes = {export.name: _shape(export.type) for export in module.exports}
        if any(shapes.get(name) != shape for name, shape in _SHAPES.items() if name in shapes):
            raise BadModule("The front end of its core module has another shape.", module=name)
        linker = wasmtime.Linker(engine)
        linker.define_unknown_imports_as_traps(module)  # the component's, which the front end has no use for
        self._ready = linker.instantiate_pre(module)
        self._kept = kept if PREPARE in shapes else None
        self._keeps = REST in shapes
        self._loan = loan

    def answer(self, job: Job, new_store: Callable[[], AbstractContextManager[wasmtime.Store]]) -> Answer:
        """Raises `WasmError`, and `wasmtime.WasmtimeError` or `wasmtime.Trap` for what ends a guest."""
        image = self._image(job, new_store)
        with new_store() as store:
            instance = _Instance(store, self._ready, job, self._loan)
            rest = instance.rest_place() if self._keeps else None
            try:
                return instance.answer(image)
            except (wasmtime.WasmtimeError, wasmtime.Trap):
                job.rest = instance.rest(rest) if rest is not None else b""
                raise

    def _image(self, job: Job, new_store: Callable[[], AbstractContextManager[wasmtime.Store]]) -> Image | None:
        if self._kept is None or job.call is None:
            return None
        key = job.entry.sha256, job.state
        try:
            image = self._kept.find(key)
        except KeyError:
            try:
                with new_store() as store:
                    image = _Instance(store, self._ready, job, self._loan).prepare()
            except OSError:  # no more files may be open: this call gets ready by itself
                return None
            self._kept.keep(key, image)
        return image if image is not None and image.size <= job.memory_bytes else None


class _Instance:
    """An instance in a new store, for one call."""

    def __init__(self, store: wasmtime.Store, ready: wasmtime.InstancePre, job: Job, loan: Lender | None) -> None:
        self._store, self._job, self._loan = store, job, loan
        self._exports = ready.instantiate(store).exports(store)
        self._memory: Any = self._exports[FRONT[0]]

    def prepare(self) -> Image | None:
        """Raises `OSError` where there is no room to keep it."""
        fresh = self._memory.read(self._store)
        place, _, call = self._write(self._job.preparing(), with_sample=False)
        if not self._call(PREPARE, place, call):
            return None
        return images.take(self._memory.read(self._store), fresh)

    def answer(self, image: Image | None) -> Answer:
        if image is not None:
            image.restore(self._store, self._memory)
        text = self._job.text(with_state=image is None)
        where = self._call("athena_answer", *self._write(text, with_sample=True))
        refused, start, length = _REPLY.unpack(self._bytes(where, _REPLY.size))
        try:
            return Answer(self._bytes(start, length).decode(), refused=bool(refused))
        except UnicodeDecodeError:
            raise BadOutput("Its answer is not text in UTF-8.", module=self._job.entry.name) from None

    def rest_place(self) -> int:
        """Where it keeps what it knows; asked before the call, since after a trap nothing of it is called."""
        return self._call(REST)

    def rest(self, place: int) -> bytes:
        """What it kept, empty for nothing: the trap is told all the same."""
        try:
            (length,) = _LENGTH.unpack(self._bytes(place, _LENGTH.size))
            return self._bytes(place + _LENGTH.size, min(length, _MAX_REST))
        except BadOutput:
            return b""

    def _write(self, text: str, *, with_sample: bool) -> tuple[int, int, int]:
        """Sample and call into a place of their own; where that is, and how long both are."""
        call = text.encode()
        if not with_sample or self._job.stdin is None:
            place, size = self._room(len(call)), 0
        else:
            try:
                with self._job.stdin.open("rb", buffering=0) as file:
                    place, size = self._sample(file, os.fstat(file.fileno()).st_size, len(call))
            except OSError:
                raise SampleNotFound(f"The sample {self._job.stdin.stem} is no longer in the quarantine.") from None
        ctypes.memmove(self._address(place + size, len(call)), call, len(call))
        return place, size, len(call)

    def _sample(self, file: Any, announced: int, call: int) -> tuple[int, int]:
        """Where it is, with room for a call of so many bytes behind it, and how long it is."""
        if self._loan is None or not LENT_LEAST <= announced <= LENT_MOST:
            place = self._room(announced + call)
            return place, self._read(file, self._view(place, announced))
        size = self._loan.fill(lambda target: self._read(file, target[:announced]))
        place = whole_pages(self._room(PAGE + whole_pages(size) + call))
        self._loan.put(self._address(place, size), size)
        return place, size

    def _read(self, file: Any, target: memoryview) -> int:
        read = 0
        while count := file.readinto(target[read : read + _BLOCK]):
            read += count
            self._job.check()
        return read

    def _room(self, size: int) -> int:
        """A place in its memory for so many bytes."""
        if size > _NUMBER >> 1:  # nothing in a guest can be larger
            raise ModuleMemory("The sample is larger than it can take.", module=self._job.entry.name)
        place = self._call("athena_room", size)
        self._address(place, size)
        return place

    def _call(self, name: str, *numbers: int) -> int:
        signed = (number - _NUMBER - 1 if number > _NUMBER >> 1 else number for number in numbers)
        return int(self._exports[name](self._store, *signed)) & _NUMBER  # type: ignore[operator]

    def _bytes(self, start: int, size: int) -> bytes:
        return ctypes.string_at(self._address(start, size), size)

    def _view(self, start: int, size: int) -> memoryview:
        """To be written to. Of each size ctypes makes a type of its own, which takes longer than a small copy."""
        return memoryview((ctypes.c_ubyte * size).from_address(self._address(start, size))).cast("B")

    def _address(self, start: int, size: int) -> int:
        """Of so many bytes of its memory, in ours. It is no longer valid when the guest has run again."""
        if start + size > self._memory.data_len(self._store):
            raise BadOutput("It points outside of its memory.", module=self._job.entry.name)
        return ctypes.addressof(self._memory.data_ptr(self._store).contents) + start


def _shape(kind: object) -> tuple[int, int] | None:
    """Of a function of numbers of 32 bits."""
    if not isinstance(kind, wasmtime.FuncType):
        return None
    numbers = [str(type_) == "i32" for type_ in (*kind.params, *kind.results)]
    return (len(kind.params), len(kind.results)) if all(numbers) else None
