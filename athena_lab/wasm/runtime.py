"""The modules of the sandbox: loading them, their limits, calling them, and what is counted of it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self

import msgspec
from msgspec import Meta

from athena_lab.bulkheads import Bulkheads
from athena_lab.errors import (
    BadModule,
    BadOutput,
    InvalidField,
    ModuleRefused,
    QueueFull,
    UnknownFunction,
    UnknownModule,
    WasmError,
)
from athena_lab.telemetry import metrics
from athena_lab.wasm import foreign
from athena_lab.wasm.contract import Call, Description, Output, SampleInfo, Stopped
from athena_lab.wasm.executor import Executor
from athena_lab.wasm.foreign import ForeignOptions
from athena_lab.wasm.health import FAULTS, Recent
from athena_lab.wasm.images import Images
from athena_lab.wasm.job import MAX_ANSWER, Job, decode
from athena_lab.wasm.module import Module
from athena_lab.wasm.newcomers import Newcomers
from athena_lab.wasm.precompiled import PrecompiledCache
from athena_lab.wasm.worker import ENGINE_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from athena_lab.report.findings import Slot
    from athena_lab.wasm.catalog import Catalog
    from athena_lab.wasm.manifest import Entry
    from athena_lab.wasm.module import Inspection

MIB = 1 << 20
_LOAD_SECONDS = 60.0
"""For compiling, which took 6 s for the largest component seen, and for describing."""
_PROBE_SECONDS = 2.0
"""For describing alone, which takes less than a millisecond."""


class RuntimeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the sandbox."""

    memory_bytes: Annotated[int, Meta(ge=MIB, le=4096 * MIB)] = 768 * MIB
    """Linear memory of one call: the largest sample, and room to work."""
    deadline: Annotated[float, Meta(gt=0, le=600)] = 30.0
    """Seconds that one call may take, waiting included, where the caller gives no other."""
    image_bytes: Annotated[int, Meta(ge=0, le=16_384 * MIB)] = 256 * MIB
    """Kept of guests' memory after they were prepared for a session's state, which later calls then begin with."""
    foreign: ForeignOptions = ForeignOptions()
    """``[wasm.foreign]``: what modules of others may have."""


class Limits(NamedTuple):
    """Of one call: bytes of linear memory, and seconds where its caller gives no other."""

    memory_bytes: int
    deadline: float


class SampleFile(NamedTuple):
    """A sample as the sandbox gets it: a file on stdin, and what is known of it."""

    path: Path
    info: SampleInfo


class Completed(NamedTuple):
    """An answer with its cost. ``elapsed`` in seconds, of the run alone, without the wait."""

    output: Output
    elapsed: float


class Partial(NamedTuple):
    """What is known of a call that was stopped, and what more can be made of: `Runtime.call` takes it."""

    output: Output
    stopped: Stopped


class Counts(msgspec.Struct):
    """What one module did since the start. Times in seconds."""

    calls: int = 0
    errors: int = 0
    refused: int = 0
    """Calls that were no good, as the module says: mistakes of whoever called."""
    time: float = 0.0
    bytes: int = 0
    """Of samples, read."""
    peak_memory: int = 0
    last_error: str | None = None


class Runtime:
    """The sandbox. `await call(...)` runs one function of one module on one sample.

    Safe to use from one event loop; the work is done in threads. `close()` interrupts what runs.
    """

    def __init__(
        self,
        catalog: Catalog,
        options: RuntimeOptions,
        *,
        cache: Path | None = None,
        bulkheads: Bulkheads | None = None,
    ) -> None:
        """`bulkheads` says how many calls run and wait; None gives the runtime some of its own."""
        self.catalog = catalog
        self.options = options
        self.counts: dict[str, Counts] = {}
        self.failures: dict[str, WasmError] = {}
        """Why a module of the catalog is not loaded, or not in its newest version."""
        self.health: dict[str, Recent] = {}
        """Of every module that was ever loaded: how it has been lately."""
        self._modules: dict[str, Module] = {}
        self._left_alone: dict[str, Slot | None] = {}
        """Modules that were unloaded by hand, and what they fill; None for one that was never loaded."""
        self._limits: dict[str, Limits] = {}
        self._cache = PrecompiledCache(cache, engine_key=ENGINE_KEY)
        self._images = Images(options.image_bytes)
        self._executor = Executor(bulkheads or Bulkheads(), self._cache, self._images, self._modules)
        self._load_lock = asyncio.Lock()
        self._newcomers = Newcomers(catalog, options.foreign, self._executor.submit)

    # -- modules

    @property
    def modules(self) -> Mapping[str, Module]:
        """Loaded modules by name."""
        return self._modules

    @property
    def unloaded(self) -> Mapping[str, Slot | None]:
        """Modules that were unloaded by hand, with the slot that they fill, if it is known."""
        return self._left_alone

    async def load(self, names: tuple[str, ...] | None = None) -> None:
        """Load modules that are not loaded yet: those named, or all of the catalog.

        A module that fails is recorded in `failures` and leaves the others alone. Raises `UnknownModule` for a name
        that the catalog does not have, `BadModule` if there is no manifest, and `QueueFull`, after which the rest is
        still to be loaded.
        """
        async with self._load_lock:
            await asyncio.to_thread(self.catalog.scan)
            entries = [self.catalog.entry(name) for name in names] if names is not None else self.catalog.entries
            for entry in entries:
                if entry.name not in self._modules:
                    try:
                        await self._load(entry)
                    except QueueFull:
                        raise
                    except WasmError:  # recorded in failures
                        continue

    async def load_untried(self) -> None:
        """Load what was neither loaded nor refused nor unloaded by hand. Raises as `load`."""
        if not self.catalog.entries:
            await asyncio.to_thread(self.catalog.scan)
        if names := self._untried():
            await self.load(names)

    def _untried(self) -> tuple[str, ...]:
        known = {*self._modules, *self.failures, *self._left_alone}
        return tuple(entry.name for entry in self.catalog.entries if entry.name not in known)

    async def unload(self, name: str) -> None:
        """Run no more calls of it until it is loaded by name or with all; calls in flight end on it.

        Raises `UnknownModule`.
        """
        async with self._load_lock:
            await asyncio.to_thread(self.catalog.scan)
            self.catalog.entry(name)
            module = self._modules.pop(name, None)
            self.failures.pop(name, None)
            self._left_alone[name] = module.description.slot if module else self._left_alone.get(name)

    def limits(self, name: str) -> Limits:
        """What one call of the module may have."""
        return self._limits.get(name) or self._default_limits(name)

    def _default_limits(self, name: str) -> Limits:
        options = self.options.foreign if self.catalog.is_foreign(name) else self.options
        return Limits(options.memory_bytes, options.deadline)

    def limit(self, name: str, memory_bytes: int | None, deadline: float | None) -> None:
        """Limits for calls from now on; None: as the options say. Raises `UnknownModule`."""
        self.catalog.entry(name)
        options = self._default_limits(name)
        self._limits[name] = Limits(
            options.memory_bytes if memory_bytes is None else memory_bytes,
            options.deadline if deadline is None else deadline,
        )

    async def reload(self, name: str) -> Module:
        """Take the newest version of a module; calls in flight end on the old one.

        Raises `UnknownModule` and `WasmError`; then the old one stays in place.
        """
        async with self._load_lock:
            await asyncio.to_thread(self.catalog.scan)
            return await self._load(self.catalog.entry(name))

    async def _load(self, entry: Entry) -> Module:
        started = time.perf_counter()
        try:
            wasm = await asyncio.to_thread(self.catalog.read, entry)
            module = await (self._newcomers.describe if entry.foreign else self._describe)(entry, wasm)
            if module.description.name != entry.name:
                raise BadModule(f"{entry.file} calls itself {module.description.name!r}.", module=entry.name)
        except QueueFull:  # no fault of the module
            raise
        except WasmError as error:
            self.failures[entry.name] = error
            raise
        self._take(module, time.perf_counter() - started)
        return module

    def _take(self, module: Module, seconds: float) -> None:
        entry = module.entry
        self._modules[entry.name] = module
        self._left_alone.pop(entry.name, None)
        self.health[entry.name] = Recent()
        self.counts.setdefault(entry.name, Counts())
        self.failures.pop(entry.name, None)
        metrics.WASM_INITIALIZATION_SECONDS.labels(entry.name).observe(seconds)
        metrics.WASM_MODULE_BYTES.labels(entry.name).set(entry.size)

    async def _describe(self, entry: Entry, wasm: bytes) -> Module:
        job = Job(entry, wasm=wasm, memory_bytes=self.options.memory_bytes, seconds=_LOAD_SECONDS)
        text = await self._executor.submit(job, "memory")
        assert job.code is not None, "it has been run"
        return Module(entry, decode(text, Description, entry.name), job.code)

    # -- modules of others

    async def inspect(self, wasm: bytes) -> Inspection:
        """What a foreign component is, compiled and asked, but not taken. Raises `QueueFull`."""
        return await self._newcomers.inspect(wasm)

    async def add(self, wasm: bytes) -> Module:
        """Take a foreign component under the name that it gives itself, in the place of one of that name.

        Raises `ModuleNotTaken`, `QueueFull`, and `BadModule` if it cannot be kept; then what was there stays.
        """
        own = self._newcomers.own
        async with self._load_lock:
            started = time.perf_counter()
            await asyncio.to_thread(self.catalog.scan)
            found = await self._newcomers.accept(wasm)
            name = found.description.name
            before = self.catalog.entry(name) if self.catalog.is_foreign(name) else None
            entry = await asyncio.to_thread(own.add, name, wasm)
            if before is not None and before.sha256 != entry.sha256:
                await asyncio.to_thread(self._cache.forget, before.sha256)
            await asyncio.to_thread(self.catalog.scan)
            module = Module(entry, found.description, found.code)
            self._take(module, time.perf_counter() - started)
            return module

    async def remove(self, name: str) -> None:
        """Forget a foreign module; calls in flight end on it. Raises `UnknownModule`, also for one of ours."""
        async with self._load_lock:
            await asyncio.to_thread(self.catalog.scan)
            if not await asyncio.to_thread(self._newcomers.own.remove, name):
                raise UnknownModule(f"There is no module of your own with the name {name[:80]!r}.")
            if self.catalog.is_foreign(name):  # and not one of ours that has come to have its name
                await asyncio.to_thread(self._cache.forget, self.catalog.entry(name).sha256)
                self._forget(name)
            await asyncio.to_thread(self.catalog.scan)

    def _forget(self, name: str) -> None:
        for known in (self._modules, self.failures, self.counts, self.health, self._limits, self._left_alone):
            known.pop(name, None)

    # -- calls

    async def call(
        self,
        name: str,
        function: str,
        args: Mapping[str, Any] | msgspec.Raw | None = None,
        *,
        sample: SampleFile | None = None,
        state: str | None = None,
        stopped: Stopped | None = None,
        deadline: float | None = None,
    ) -> Completed:
        """Run one function. `state` is its session's; `stopped` is what an earlier call's error says of a run, which is
        then not run again.

        `deadline` is in seconds from now and counts the wait for a place. Raises `UnknownModule`, `UnknownFunction`
        and every `WasmError`; what a guest that was stopped had found out by then is the error's `partial`. A cancelled
        call stops its guest at once.
        """
        module = self.module(name)
        if function not in module.functions:
            raise UnknownFunction(f"Module {name} has no function {function[:80]!r}.")
        limits = self.limits(name)
        job = Job(
            module.entry,
            _text(Call(function, _json(args or {}), sample.info if sample else None)),
            state=state,
            stopped=stopped,
            code=module.code,
            function=function,
            stdin=sample.path if sample else None,
            memory_bytes=limits.memory_bytes,
            seconds=limits.deadline if deadline is None else deadline,
            max_answer=self.options.foreign.max_answer if module.entry.foreign else MAX_ANSWER,
        )
        return await self._measured(job, sample.info.size if sample else 0)

    def module(self, name: str) -> Module:
        """A loaded module. Raises `UnknownModule`, or why it could not be loaded."""
        if name in self._modules:
            return self._modules[name]
        if name in self.failures:
            raise self.failures[name]
        known = ", ".join(sorted(self._modules)) or "none"
        raise UnknownModule(f"No module {name[:80]!r} is loaded; loaded: {known}.")

    async def _measured(self, job: Job, size: int) -> Completed:
        name, function = job.entry.name, job.function
        counts = self.counts[name]
        counts.calls += 1
        try:
            text = await self._executor.submit(job)
            output = decode(text, Output, name)
            if job.entry.foreign:
                output = await asyncio.to_thread(foreign.answered, output, name, self.options.foreign, job.memory_bytes)
        except WasmError as error:
            if isinstance(error, ModuleRefused) and not error.by_fault:
                counts.refused += 1
            else:
                counts.errors += 1
                counts.last_error = error.detail
            error.partial = _partial(job)
            self._note(job, error)
            metrics.WASM_OPERATIONS.labels(name, function, error.code).inc()
            raise
        finally:
            counts.time += job.elapsed
            if job.elapsed:  # 0 for what never came to run
                metrics.WASM_OPERATION_SECONDS.labels(name, function).observe(job.elapsed)
        self._note(job, None)
        counts.bytes += size
        counts.peak_memory = max(counts.peak_memory, output.memory_bytes)
        metrics.WASM_MEMORY_BYTES.labels(name).set(counts.peak_memory)
        metrics.WASM_OPERATIONS.labels(name, function, "ok").inc()
        return Completed(output, job.elapsed)

    def _note(self, job: Job, error: WasmError | None) -> None:
        # Who waited in vain for a place, or went away, says nothing of the module.
        telling = error is None or isinstance(error, ModuleRefused) or (job.elapsed and isinstance(error, FAULTS))
        if telling and (recent := self.health.get(job.entry.name)) is not None:  # it may have been removed meanwhile
            recent.note(error)

    async def probe(self) -> None:
        """Ask each loaded module for its description, and note what is wrong; nothing while all are at work."""
        if self.busy < self.workers:
            await asyncio.gather(*map(self._probe, tuple(self._modules.values())))

    async def _probe(self, module: Module) -> None:
        name, memory_bytes = module.entry.name, self.limits(module.entry.name).memory_bytes
        job = Job(module.entry, code=module.code, memory_bytes=memory_bytes, seconds=_PROBE_SECONDS)
        recent = self.health.get(name) or Recent()  # it may have been removed meanwhile
        try:
            text = await self._executor.submit(job)
            said = foreign.described(text, module.entry) if module.entry.foreign else decode(text, Description, name)
            if said != module.description:
                raise BadOutput("It describes itself in other words than before.", module=name)
        except FAULTS as error:
            if job.elapsed:
                recent.fault = error
        except WasmError:  # no room, or closed: nothing is known
            pass
        else:
            recent.fault = None

    @property
    def busy(self) -> int:
        """Calls that run inside the sandbox at this moment."""
        return self._executor.busy

    @property
    def workers(self) -> int:
        """Calls that run at once."""
        return self._executor.workers

    @property
    def queue(self) -> int:
        """Calls that may wait, where nothing else runs."""
        return self._executor.queue

    @property
    def image_bytes(self) -> int:
        """Kept of guests' memory."""
        return self._images.size

    # -- the end

    def close(self) -> None:
        """Interrupt what runs, refuse what comes. Idempotent."""
        self._executor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _partial(job: Job) -> Partial | None:
    """What is known of a call that failed; what breaks the contract is none."""
    if job.partial is None or job.before is None:
        return None
    try:
        return Partial(decode(job.partial, Output, job.entry.name), job.before)
    except BadOutput:
        return None


def _json(args: Mapping[str, Any] | msgspec.Raw) -> msgspec.Raw:
    try:
        return args if isinstance(args, msgspec.Raw) else msgspec.Raw(msgspec.json.encode(args))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidField(f"The arguments are not JSON: {error}.") from None


def _text(call: Call) -> str:
    try:
        return msgspec.json.encode(call).decode()
    except ValueError:  # not UTF-8
        raise InvalidField("The arguments are not text in UTF-8.") from None
