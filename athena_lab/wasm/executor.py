"""Runs jobs off the event loop: places, threads, deadlines. What a job does is in `worker`."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from athena_lab.errors import AthenaError, BulkheadFull, ModuleCancelled, QueueFull, WasmError
from athena_lab.telemetry import metrics
from athena_lab.wasm.watchdog import Watchdog
from athena_lab.wasm.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from athena_lab.bulkheads import Bulkheads, Places, Resource
    from athena_lab.wasm.images import Images
    from athena_lab.wasm.job import Job
    from athena_lab.wasm.module import Module
    from athena_lab.wasm.precompiled import PrecompiledCache


class Executor:
    """Threads, and each job's `Worker`, which keeps what is compiled of ``modules``, those that are loaded by name.

    Safe to use from one event loop. ``bulkheads`` says how many jobs run and wait.
    """

    def __init__(
        self, bulkheads: Bulkheads, cache: PrecompiledCache, images: Images, modules: Mapping[str, Module]
    ) -> None:
        self._bulkheads = bulkheads
        self._cache, self._images = cache, images
        self._modules = modules
        # Whoever has a place finds a thread: there is no second queue before the threads.
        threads = sum(bulkheads[resource].options.workers for resource in ("cpu", "memory"))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="athena-wasm")
        self._idle: list[Worker] = []
        """The one used last is the next: no more of them load modules than run at once."""
        self._watchdog = Watchdog()
        self._jobs: set[Job] = set()
        self._closed = False

    @property
    def busy(self) -> int:
        """Jobs that run inside the sandbox at this moment."""
        return sum(job.running for job in self._jobs)

    @property
    def workers(self) -> int:
        """Jobs that run at once."""
        return min(bulkhead.options.workers for bulkhead in self._bulkheads.of("container", "cpu"))

    @property
    def queue(self) -> int:
        """Jobs that may wait, where nothing else runs."""
        container = self._bulkheads["container"].options
        return container.workers + container.queue - self.workers

    async def submit(self, job: Job, resource: Resource = "cpu") -> str:
        """The job's answer, by its own deadline. A cancelled job stops its guest at once.

        Raises `SampleNotFound` and every `WasmError`.
        """
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
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = Worker(self._cache, self._images)
        worker.keep_only(self._modules)
        try:
            return worker.run(job)
        except WasmError:
            if job.concludes():
                job.partial = self._concluded(worker, job)
            raise
        finally:
            self._idle.append(worker)

    def _concluded(self, worker: Worker, job: Job) -> str | None:
        """What a new guest tells of a call that was stopped, in the place that this still has; None if it fails."""
        forget = self._watchdog.at(job.ends, lambda: job.interrupt("deadline"))
        try:
            return worker.run(job)
        except AthenaError:  # the sample may be gone, too: the first failure is the one that is told
            return None
        finally:
            forget()

    def close(self) -> None:
        """Interrupt what runs, refuse what comes. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for job in tuple(self._jobs):
            job.interrupt("cancelled")
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._watchdog.close()


def _retrieve(future: asyncio.Future[str]) -> None:
    # A call that nobody waits for any more ends with an error that nobody needs.
    if not future.cancelled():
        future.exception()
