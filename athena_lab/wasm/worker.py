"""The worker that runs calls inside the sandbox.

An engine belongs to one worker, so that moving its epoch interrupts exactly the call that runs there. A Store is
made for a call and thrown away after it: any error poisons it, and no sample may see what another left behind.
"""

from __future__ import annotations

import contextlib
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple, Protocol

import wasmtime
from wasmtime import component

from athena_lab.errors import BadModule, BadOutput, ModuleRefused, ModuleTrap
from athena_lab.wasm.catalog import ALLOWED_IMPORT
from athena_lab.wasm.compiler import STACK_BYTES, Allowance, compile_apart, make_engine
from athena_lab.wasm.component_guest import INTERFACE, ComponentGuest
from athena_lab.wasm.contract import Refusal
from athena_lab.wasm.core_guest import CoreGuest
from athena_lab.wasm.core_module import core_module, is_all_in_memory
from athena_lab.wasm.job import Answer, Job, MachineCode, decode
from athena_lab.wasm.sharing import lender

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from athena_lab.wasm.images import Images
    from athena_lab.wasm.manifest import Entry
    from athena_lab.wasm.precompiled import PrecompiledCache

_SOON_CLOSED = 16 << 20
"""Bytes of memory that a guest may leave to be closed when its answer was told: 1.5 ms, for which nobody waits."""
_MAX_REFUSAL = 65_536
"""Characters."""
_TABLE_ELEMENTS = 100_000
_INSTANCES = 64
"""A component is several core instances: the module and the adapters of the canonical ABI."""
_TABLES = 16
ENGINE_KEY = f"wasmtime {version('wasmtime')}; epoch; stack {STACK_BYTES}"
"""What machine code depends on beside the component: engines of another key must not load it."""

_MAKE_SMALLER = "Make it smaller, or raise [wasm.foreign] compile_bytes and compile_cpu in athena.toml."
_MEND = "Mend the module, or remove it; the other findings stand."


class Guest(Protocol):
    """A module as one engine has it, and the way it is called."""

    def answer(self, job: Job, new_store: Callable[[], wasmtime.Store]) -> Answer:
        """Whoever made a store closes it.

        Raises `WasmError`, and `wasmtime.WasmtimeError` or `wasmtime.Trap` for what ends a guest.
        """


class Loaded(NamedTuple):
    """A guest, and the machine code that any other engine of ours can make it from."""

    sha256: str
    code: MachineCode
    guest: Guest


def close_stores(stores: Iterable[wasmtime.Store]) -> None:
    for store in stores:
        store.close()


class Worker:
    """For one job at a time: an engine, and the modules that it has loaded. ``images`` are all workers'."""

    def __init__(self, cache: PrecompiledCache, images: Images) -> None:
        self._engine = make_engine()
        self._cache, self._images, self._loan = cache, images, lender()
        self._loaded: dict[str, Loaded] = {}
        self._stores: list[wasmtime.Store] = []

    def keep_only(self, names: Container[str]) -> None:
        """Let go of what other modules are made of."""
        for name in [name for name in self._loaded if name not in names]:
            del self._loaded[name]

    def run(self, job: Job) -> str:
        """Raises `WasmError`."""
        if job.apart is not None:
            job.code = self._compile(job, job.apart)
            return ""
        guest = self._guest(job)
        try:
            with job.running_on(self._engine):
                answer = guest.answer(job, lambda: self._store(job))
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            close_stores(self.take_stores())  # it may be large, and another comes to conclude
            raise job.failed(str(error)) from None
        if answer.memory_bytes is None or answer.memory_bytes > _SOON_CLOSED:
            close_stores(self.take_stores())
        most = _MAX_REFUSAL if answer.refused else job.max_answer
        if len(answer.text) > most:
            raise BadOutput(
                f"Its answer has {len(answer.text):,} characters; the limit is {most:,}.", module=job.entry.name
            )
        if answer.refused:
            raise _refusal(answer.text, job)
        return answer.text

    def take_stores(self) -> list[wasmtime.Store]:
        """The call's stores, for the caller to close: closing takes a tenth of a short call's time, for which nobody
        need wait.
        """
        stores, self._stores = self._stores, []
        return stores

    def _store(self, job: Job) -> wasmtime.Store:
        store = wasmtime.Store(self._engine)
        self._stores.append(store)
        store.set_limits(
            memory_size=job.memory_bytes,
            table_elements=_TABLE_ELEMENTS,
            instances=_INSTANCES,
            tables=_TABLES,
            memories=1,
        )
        store.set_epoch_deadline(1)
        job.check()  # only now: a tick before set_epoch_deadline would be lost
        return store

    def _guest(self, job: Job) -> Guest:
        known = self._loaded.get(job.entry.name)
        if known is None or known.sha256 != job.entry.sha256:
            known = self._loaded[job.entry.name] = self._load(job)
        job.code = known.code
        return known.guest

    def _load(self, job: Job) -> Loaded:
        if job.code is not None:
            return self._made(job, job.code)
        assert not job.entry.foreign, "a foreign component is compiled apart"
        core = core_module(job.wasm)
        key = job.entry.sha256 if core is None else f"{job.entry.sha256} core"
        shape = MachineCode(b"", core is not None, core is not None and is_all_in_memory(core))
        if (data := self._cache.load(key)) is not None:
            with contextlib.suppress(wasmtime.WasmtimeError):  # cut off, or of another build: made anew below
                return self._made(job, shape._replace(data=data))
        try:
            data = self._compiled(job, core)
        except wasmtime.WasmtimeError:
            raise BadModule(f"{job.entry.file} is not a WebAssembly component.", module=job.entry.name) from None
        self._cache.store(key, data)
        return self._made(job, shape._replace(data=data))

    def _compiled(self, job: Job, core: bytes | None) -> bytes:
        if core is not None:
            module = wasmtime.Module(self._engine, core)
            _refuse_imports({it.module for it in module.imports}, job.entry)
            return bytes(module.serialize())
        made = component.Component(self._engine, job.wasm)
        _refuse_imports(made.type.imports(self._engine), job.entry)
        return bytes(made.serialize())

    def _made(self, job: Job, code: MachineCode) -> Loaded:
        """Raises `wasmtime.WasmtimeError` for what is no machine code of this engine's."""
        name, digest = job.entry.name, job.entry.sha256
        if not code.core:
            loaded = component.Component.deserialize(self._engine, code.data)
            return Loaded(digest, code, ComponentGuest(self._engine, loaded))
        module = wasmtime.Module.deserialize(self._engine, code.data)
        images = self._images if code.keepable and self._images.most_bytes else None
        return Loaded(digest, code, CoreGuest(self._engine, module, name, images, self._loan))

    def _compile(self, job: Job, allowance: Allowance) -> MachineCode:
        """The machine code of a foreign component, by a process of its own or from the cache of those that were."""
        digest, name = job.entry.sha256, job.entry.name
        if (code := self._cache.load(digest)) is not None:
            with contextlib.suppress(wasmtime.WasmtimeError):
                kind = component.Component.deserialize(self._engine, code).type
                job.imports, job.exports = tuple(kind.imports(self._engine)), tuple(kind.exports(self._engine))
                return MachineCode(code)
        made = compile_apart(job.wasm, allowance, max(0.0, job.ends - time.monotonic()), job.compiled_by)
        job.check()
        if made is None:
            limits = f"{allowance.memory_bytes >> 20:,} MiB, {allowance.cpu_seconds} s"
            raise BadModule(f"Compiling it takes more than it may ({limits}).", module=name, next_step=_MAKE_SMALLER)
        if made.problem:
            raise BadModule(f"It is not a valid component: {made.problem}.", module=name)
        job.imports, job.exports = made.imports, made.exports
        _refuse_imports(made.imports, job.entry)
        if INTERFACE not in made.exports:
            raise BadModule(f"It does not export {INTERFACE}.", module=name)
        self._cache.store(digest, made.code)
        return MachineCode(made.code)


def _refuse_imports(wanted: Iterable[str], entry: Entry) -> None:
    if foreign := sorted(name for name in wanted if not ALLOWED_IMPORT.fullmatch(name)):
        raise BadModule(f"{entry.file} imports {', '.join(foreign)[:300]}.", module=entry.name)


def _refusal(text: str, job: Job) -> ModuleTrap | ModuleRefused:
    refusal = decode(text, Refusal, job.entry.name)
    if refusal.code == "failed":
        return ModuleTrap(f"It failed: {refusal.message[:500]}", module=job.entry.name, next_step=_MEND)
    sentence = f"{refusal.code}: {refusal.message[:500]}"
    return ModuleRefused(sentence if sentence.endswith(".") else f"{sentence}.", module=job.entry.name)
