"""Runs modules off the event loop: loading, places, deadlines, counts. What happens in a thread is in `worker`."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self

import msgspec
from msgspec import Meta

from athena_lab.bulkheads import Bulkheads
from athena_lab.errors import (
    BadModule,
    BulkheadFull,
    InvalidField,
    ModuleCancelled,
    QueueFull,
    UnknownFunction,
    UnknownModule,
    WasmError,
)
from athena_lab.telemetry import metrics
from athena_lab.value import Value
from athena_lab.wasm.contract import Call, Description, Output, SampleInfo
from athena_lab.wasm.precompiled import PrecompiledCache
from athena_lab.wasm.watchdog import Watchdog
from athena_lab.wasm.worker import ENGINE_KEY, Job, Worker, decode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from athena_lab.bulkheads import Places, Resource
    from athena_lab.wasm.catalog import Catalog, Entry

MIB = 1 << 20
_LOAD_SECONDS = 60.0
"""For compiling, which took 6 s for the largest component seen, and for describing."""


class RuntimeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the sandbox."""

    memory_bytes: Annotated[int, Meta(ge=MIB, le=4096 * MIB)] = 768 * MIB
    """Linear memory of one call: the largest sample, and room to work."""
    deadline: Annotated[float, Meta(gt=0, le=600)] = 30.0
    """Seconds that one call may take, waiting included, where the caller gives no other."""


class SampleFile(NamedTuple):
    """A sample as the sandbox gets it: a file on stdin, and what is known of it."""

    path: Path
    info: SampleInfo


class Completed(NamedTuple):
    """An answer with its cost. ``elapsed`` in seconds, of the run alone, without the wait."""

    output: Output
    elapsed: float


class Counts(msgspec.Struct):
    """What one module did since the start. Times in seconds."""

    calls: int = 0
    errors: int = 0
    time: float = 0.0
    bytes: int = 0
    """Of samples, read."""
    peak_memory: int = 0
    last_error: str | None = None


class Module(Value, frozen=True):
    """A module that is loaded. Calls in flight keep the one that they started with."""

    hidden = frozenset({"code"})

    entry: Entry
    description: Description
    code: bytes
    """Machine code, so that a call compiles nothing, in whichever thread it runs."""

    @property
    def functions(self) -> Mapping[str, Any]:
        """The functions that it describes, by name."""
        return {function.name: function for function in self.description.functions}


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
        self._bulkheads = bulkheads or Bulkheads()
        self.counts: dict[str, Counts] = {}
        self.failures: dict[str, WasmError] = {}
        """Why a module of the catalog is not loaded, or not in its newest version."""
        self._modules: dict[str, Module] = {}
        self._cache = PrecompiledCache(cache, engine_key=ENGINE_KEY)
        # Whoever has a place finds a thread: there is no second queue before the threads.
        threads = sum(self._bulkheads[resource].options.workers for resource in ("cpu", "memory"))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="athena-wasm")
        self._workers = threading.local()
        self._watchdog = Watchdog()
        self._jobs: set[Job] = set()
        self._load_lock = asyncio.Lock()
        self._closed = False

    # -- modules

    @property
    def modules(self) -> Mapping[str, Module]:
        """Loaded modules by name."""
        return self._modules

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

    @property
    def untried(self) -> bool:
        """Whether the catalog has not been read yet, or holds modules that were neither loaded nor refused."""
        known = {*self._modules, *self.failures}
        return not self.catalog.entries or any(entry.name not in known for entry in self.catalog.entries)

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
            module = await self._describe(entry)
        except QueueFull:  # no fault of the module
            raise
        except WasmError as error:
            self.failures[entry.name] = error
            raise
        self._modules[entry.name] = module
        self.counts.setdefault(entry.name, Counts())
        self.failures.pop(entry.name, None)
        metrics.WASM_INITIALIZATION_SECONDS.labels(entry.name).observe(time.perf_counter() - started)
        metrics.WASM_MODULE_BYTES.labels(entry.name).set(entry.size)
        return module

    async def _describe(self, entry: Entry) -> Module:
        wasm = await asyncio.to_thread(self.catalog.read, entry)
        job = Job(entry, wasm=wasm, memory_bytes=self.options.memory_bytes, seconds=_LOAD_SECONDS)
        text = await self._submit(job, "memory")
        description = decode(text, Description, entry.name)
        if description.name != entry.name:
            raise BadModule(f"{entry.file} calls itself {description.name!r}.", module=entry.name)
        assert job.code is not None, "it has been run"
        return Module(entry, description, job.code)

    # -- calls

    async def call(
        self,
        name: str,
        function: str,
        args: Mapping[str, Any] | msgspec.Raw | None = None,
        *,
        sample: SampleFile | None = None,
        deadline: float | None = None,
    ) -> Completed:
        """Run one function.

        `deadline` is in seconds from now and counts the wait for a place. Raises `UnknownModule`, `UnknownFunction`
        and every `WasmError`. A cancelled call stops its guest at once.
        """
        module = self.module(name)
        if function not in module.functions:
            raise UnknownFunction(f"Module {name} has no function {function[:80]!r}.")
        job = Job(
            module.entry,
            _text(function, args or {}, sample.info if sample else None),
            code=module.code,
            function=function,
            stdin=sample.path if sample else None,
            memory_bytes=self.options.memory_bytes,
            seconds=self.options.deadline if deadline is None else deadline,
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
            text = await self._submit(job)
            output = decode(text, Output, name)
        except WasmError as error:
            counts.errors += 1
            counts.last_error = error.detail
            metrics.WASM_OPERATIONS.labels(name, function, error.code).inc()
            raise
        finally:
            counts.time += job.elapsed
            if job.elapsed:  # 0 for what never came to run
                metrics.WASM_OPERATION_SECONDS.labels(name, function).observe(job.elapsed)
        counts.bytes += size
        counts.peak_memory = max(counts.peak_memory, output.memory_bytes)
        metrics.WASM_MEMORY_BYTES.labels(name).set(counts.peak_memory)
        metrics.WASM_OPERATIONS.labels(name, function, "ok").inc()
        return Completed(output, job.elapsed)

    @property
    def busy(self) -> int:
        """Calls that run inside the sandbox at this moment."""
        return sum(job.running for job in self._jobs)

    @property
    def workers(self) -> int:
        """Calls that run at once."""
        return min(bulkhead.options.workers for bulkhead in self._bulkheads.of("container", "cpu"))

    @property
    def queue(self) -> int:
        """Calls that may wait, where nothing else runs."""
        container = self._bulkheads["container"].options
        return container.workers + container.queue - self.workers

    async def _submit(self, job: Job, resource: Resource = "cpu") -> str:
        if self._closed:
            raise ModuleCancelled("The runtime is closed.", module=job.entry.name)
        self._jobs.add(job)
        forget = self._watchdog.at(job.ends, lambda: job.interrupt("deadline"))
        try:
            places = await self._enter(job, resource)
            return await self._finish(job, places)
        finally:
            forget()
            self._jobs.discard(job)

    async def _enter(self, job: Job, resource: Resource) -> Places:
        places = self._bulkheads.hold("container", resource, seconds=job.ends - time.monotonic())
        try:
            with metrics.WASM_QUEUE_SIZE.track_inprogress():
                await places.enter()
        except BulkheadFull:
            others = len(self._jobs) - 1
            raise QueueFull(f"{others} calls are running or waiting already.", module=job.entry.name) from None
        except TimeoutError:
            job.interrupt("deadline")
            raise job.stopped() from None
        return places

    async def _finish(self, job: Job, places: Places) -> str:
        try:
            future = asyncio.get_running_loop().run_in_executor(self._pool, self._run, job)
        except RuntimeError:  # closed in this moment, from another thread, or while it waited
            places.leave()
            raise ModuleCancelled("The runtime is closed.", module=job.entry.name) from None
        # The places are the thread's: compiling, and some of what guests do, go on after nobody waits any more.
        future.add_done_callback(lambda _future: places.leave())
        try:
            return await asyncio.wait_for(asyncio.shield(future), job.ends - time.monotonic() + 1.0)
        except asyncio.CancelledError:
            job.interrupt("cancelled")
            if future.cancelled():  # by `close`, before its thread began: the caller was not cancelled
                raise job.stopped() from None
            raise
        except TimeoutError:
            job.interrupt("deadline")
            raise job.stopped() from None
        finally:
            future.add_done_callback(_retrieve)

    def _run(self, job: Job) -> str:
        worker: Worker | None = getattr(self._workers, "worker", None)
        if worker is None:
            worker = self._workers.worker = Worker(self._cache)
        return worker.run(job)

    # -- the end

    def close(self) -> None:
        """Interrupt what runs, refuse what comes. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for job in tuple(self._jobs):
            job.interrupt("cancelled")
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._watchdog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _text(function: str, args: Mapping[str, Any] | msgspec.Raw, sample: SampleInfo | None) -> str:
    try:
        raw = args if isinstance(args, msgspec.Raw) else msgspec.Raw(msgspec.json.encode(args))
        return msgspec.json.encode(Call(function, raw, sample)).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidField(f"The arguments are not JSON: {error}.") from None


def _retrieve(future: asyncio.Future[str]) -> None:
    # A call that nobody waits for any more ends with an error that nobody needs.
    if not future.cancelled():
        future.exception()
