"""A module of ours called by the front end of its core module: the host itself lets its memory grow by what the call
needs, and writes that behind what the guest had.

The front end is that of ``wasm/crates/module-kit/src/front.rs``. A guest is not trusted with the host all the same:
what it points to is checked against its memory.

A guest that is stopped may have kept what it knew by then. Nothing of it runs any more, its memory is only read: what
is there is given to a new instance with the same call, whose answer is one like any other (`Executor`).
"""

from __future__ import annotations

import ctypes
import io
import os
import struct
from typing import TYPE_CHECKING, Any, Final

import wasmtime

from athena_lab.errors import BadModule, BadOutput, ModuleMemory, SampleNotFound
from athena_lab.wasm import images
from athena_lab.wasm.core_module import ANSWER, MEMORY, PREPARE, REST
from athena_lab.wasm.job import Answer
from athena_lab.wasm.pages import LENT_LEAST, LENT_MOST, WASM_PAGE, whole_pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from athena_lab.wasm.images import Image, Images
    from athena_lab.wasm.job import Job
    from athena_lab.wasm.pages import Lender

_BLOCK: Final = 64 << 20
"""Bytes that are read of a sample before it is asked whether the call was interrupted."""
_REQUEST: Final = struct.Struct("<III")
"""Where the sample is, with the call's text behind it; how long both are."""
_ALIGN: Final = 4
"""Bytes: on whose bound a request stands."""
_REPLY: Final = struct.Struct("<III")
"""Whether it is a refusal; where its text is, and how long."""
_NUMBER: Final = 0xFFFF_FFFF
"""An address comes as a signed number."""
_MOST: Final = _NUMBER >> 1
"""Bytes of one thing in a guest: no more can be a slice."""
_LETTER: Final = 4
"""Bytes of UTF-8 that a character has at most."""
_LENGTH: Final = struct.Struct("<I")
"""Of what a guest kept, which follows."""
_MAX_REST: Final = 16 << 20
"""Bytes of it. The guest knows it, too: `MOST` in ``wasm/crates/module-kit/src/rest.rs``."""
_SHAPES: Final = {ANSWER: (1, 1), PREPARE: (1, 1), REST: (0, 1)}
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
        self._rest: int | None = None
        """Where an instance keeps what it knows: a static, which has its place in all of them."""
        self._loan = loan

    def answer(self, job: Job, new_store: Callable[[], wasmtime.Store]) -> Answer:
        """Raises `WasmError`, and `wasmtime.WasmtimeError` or `wasmtime.Trap` for what ends a guest."""
        image = self._image(job, new_store)
        instance = _Instance(new_store(), self._ready, job, self._loan)
        if self._keeps and self._rest is None:
            self._rest = instance.rest_place()
        try:
            return instance.answer(image)
        except (wasmtime.WasmtimeError, wasmtime.Trap):
            job.rest = instance.rest(self._rest) if self._rest is not None else b""
            raise

    def _image(self, job: Job, new_store: Callable[[], wasmtime.Store]) -> Image | None:
        if self._kept is None or job.call is None:
            return None
        key = job.entry.sha256, job.state
        try:
            image = self._kept.find(key)
        except KeyError:
            try:
                with new_store() as store:  # not needed any longer
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
        self._memory: Any = self._exports[MEMORY]
        self._look()

    def prepare(self) -> Image | None:
        """Raises `OSError` where there is no room to keep it."""
        fresh = self._memory.read(self._store)
        request = self._write(self._job.preparing(), with_sample=False)
        if not self._call(PREPARE, request):
            return None
        return images.take(self._memory.read(self._store), fresh)

    def answer(self, image: Image | None) -> Answer:
        if image is not None:
            image.restore(self._store, self._memory)
            self._look()
        request = self._write(self._job.text(with_state=image is None), with_sample=True)
        before = self._memory.read(self._store, 0, image.size) if image is not None and image.written is None else None
        where = self._call(ANSWER, request)
        if image is not None and before is not None:
            image.learn(before, self._memory.read(self._store, 0, image.size))
        refused, start, length = _REPLY.unpack(self._bytes(where, _REPLY.size))
        if length > _LETTER * self._job.max_answer:  # before it is copied
            raise BadOutput(f"Its answer has {length:,} bytes.", module=self._job.entry.name)
        try:
            return Answer(self._bytes(start, length).decode(), bool(refused), self._size)
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

    def _write(self, text: str, *, with_sample: bool) -> int:
        """Sample, call and request, behind the memory that it has; where the request is."""
        call, place = text.encode(), self._size
        if not with_sample or self._job.stdin is None:
            self._grow(0, call)
            size = 0
        else:
            try:
                with io.FileIO(self._job.stdin) as file:
                    size = self._sample(file, os.fstat(file.fileno()).st_size, call)
            except OSError:
                raise SampleNotFound(f"The sample {self._job.stdin.stem} is no longer in the quarantine.") from None
        request = -(-(place + size + len(call)) // _ALIGN) * _ALIGN
        behind = call.ljust(request - place - size, b"\0") + _REQUEST.pack(place, size, len(call))
        ctypes.memmove(self._address(place + size, len(behind)), behind, len(behind))
        return request

    def _sample(self, file: io.FileIO, announced: int, call: bytes) -> int:
        """Written to where its memory ended, with room for what comes behind it; how long it is."""
        place = self._size
        if self._loan is None or not LENT_LEAST <= announced <= LENT_MOST:
            self._grow(announced, call)
            return self._read(file, self._view(place, announced))
        size = self._loan.fill(lambda target: self._read(file, target[:announced]))
        self._grow(whole_pages(size), call)
        self._loan.put(self._address(place, size), size)
        return size

    def _read(self, file: io.FileIO, target: memoryview) -> int:
        read = 0
        while read < len(target) and (count := file.readinto(target[read : read + _BLOCK])):
            read += count
            self._job.check()
        return read

    def _grow(self, sample: int, call: bytes) -> None:
        """By what a sample, its call and its request take."""
        size = sample + len(call) + _ALIGN + _REQUEST.size
        if size > _MOST:
            raise ModuleMemory("The sample is larger than it can take.", module=self._job.entry.name)
        self._memory.grow(self._store, -(-size // WASM_PAGE))
        self._look()

    def _call(self, name: str, address: int | None = None) -> int:
        """With an address, or nothing. wasmtime takes a third of the time for a value that says of what type it is."""
        values = []
        if address is not None:
            values = [wasmtime.Val.i32(address - _NUMBER - 1 if address > _MOST else address)]
        try:
            return int(self._exports[name](self._store, *values)) & _NUMBER  # type: ignore[operator]
        finally:
            self._look()  # it may have grown, also before a trap

    def _bytes(self, start: int, size: int) -> bytes:
        return ctypes.string_at(self._address(start, size), size)

    def _view(self, start: int, size: int) -> memoryview:
        """To be written to. Of each size ctypes makes a type of its own, which takes longer than a small copy."""
        return memoryview((ctypes.c_ubyte * size).from_address(self._address(start, size))).cast("B")

    def _look(self) -> None:
        """Where its memory is in ours, and how large: as long as it does not run, and does not grow."""
        self._size: int = self._memory.data_len(self._store)
        self._base = ctypes.addressof(self._memory.data_ptr(self._store).contents)

    def _address(self, start: int, size: int) -> int:
        """Of so many bytes of its memory, in ours."""
        if start + size > self._size:
            raise BadOutput("It points outside of its memory.", module=self._job.entry.name)
        return self._base + start


def _shape(kind: object) -> tuple[int, int] | None:
    """Of a function of numbers of 32 bits."""
    if not isinstance(kind, wasmtime.FuncType):
        return None
    numbers = [str(type_) == "i32" for type_ in (*kind.params, *kind.results)]
    return (len(kind.params), len(kind.results)) if all(numbers) else None
