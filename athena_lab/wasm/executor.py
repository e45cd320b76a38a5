"""Runs jobs off the event loop: places, threads, deadlines. What a job does is in `worker`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from athena_lab.errors import AthenaError, BulkheadFull, ModuleCancelled, QueueFull, WasmError
from athena_lab.telemetry import metrics
from athena_lab.wasm.watchdog import Watchdog
from athena_lab.wasm.worker import Worker, close

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from athena_lab.bulkheads import Bulkheads, Resource
    from athena_lab.wasm.images import Images
    from athena_lab.wasm.job import Job
    from athena_lab.wasm.module import Module
    from athena_lab.wasm.precompiled import PrecompiledCache


_GRACE = 1.0
"""Seconds beyond its deadline for which a call is waited for: its thread is told to end, and may have more to tell."""


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
        self._next: OrderedDict[_Wanted, bool] = OrderedDict()
        """Those that wait for nothing but a place on a processor, in their order. A thread that ends takes the first,
        and begins at once: its place is on the way, through the loop, and takes some of a short call's time.
        """
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
            wanted = _Wanted(job, resource)
            await self._enter(wanted)
            if not wanted.begun:
                self._begin(wanted)
            return await wanted
        except asyncio.CancelledError:
            job.interrupt("cancelled")
            raise
        finally:
            forget()
            self._jobs.discard(job)

    async def _enter(self, wanted: _Wanted) -> None:
        job = wanted.job
        try:
            with metrics.WASM_QUEUE_SIZE.track_inprogress():
                await self._take_places(wanted)
        except BulkheadFull:
            job.interrupt("cancelled")
            others = len(self._jobs) - 1
            raise QueueFull(f"{others} calls are running or waiting already.", module=job.entry.name) from None
        except TimeoutError:
            job.interrupt("deadline")
            raise job.stopped() from None

    async def _take_places(self, wanted: _Wanted) -> None:
        shared = self._bulkheads.hold("container", seconds=wanted.job.ends - time.monotonic())
        await shared.enter()
        wanted.hold(shared.leave)
        last = self._bulkheads[wanted.resource]
        if not last.take():
            if wanted.resource == "cpu":
                self._next[wanted] = True
            try:
                await last.enter(wanted.job.ends - time.monotonic())
            except BaseException:
                if self._next.pop(wanted, wanted.resource != "cpu"):
                    wanted.leave()
                raise
            wanted.begun = not self._next.pop(wanted, wanted.resource != "cpu")
        wanted.hold(last.leave)

    def _begin(self, wanted: _Wanted) -> None:
        try:
            self._pool.submit(self._work, wanted).add_done_callback(wanted.ended)
        except RuntimeError:  # closed in this moment, from another thread, or while it waited
            wanted.leave()
            raise ModuleCancelled("The runtime is closed.", module=wanted.job.entry.name) from None

    def _work(self, first: _Wanted) -> None:
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = Worker(self._cache, self._images)
        wanted: _Wanted | None = first
        while wanted is not None:
            said = self._said(worker, wanted.job)
            left, following = worker.left(), self._following(wanted)
            if following is None:
                self._idle.append(worker)
            wanted.tell(said)
            close(left)
            wanted = following

    def _following(self, wanted: _Wanted) -> _Wanted | None:
        """The one that this one's place goes to. It need not wait until the loop has passed that on."""
        if wanted.resource != "cpu":
            return None
        try:
            return self._next.popitem(last=False)[0]
        except KeyError:
            return None

    def _said(self, worker: Worker, job: Job) -> str | BaseException:
        worker.keep_only(self._modules)
        try:
            return self._run(worker, job)
        except BaseException as error:  # noqa: BLE001 - it is told
            return error

    def _run(self, worker: Worker, job: Job) -> str:
        try:
            return worker.run(job)
        except WasmError:
            if job.concludes():
                job.partial = self._concluded(worker, job)
            raise

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


class _Wanted:
    """An answer that a loop waits for and a thread gives. asyncio has a way, which takes three turns of the loop.

    What it holds is the thread's until that has told: compiling, and some of what guests do, go on after nobody waits
    any more.
    """

    def __init__(self, job: Job, resource: Resource) -> None:
        self.job, self.resource = job, resource
        self.begun = False
        """By a thread, before it had its own place there."""
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[str] = self._loop.create_future()
        self._held: list[Callable[[], None]] = []
        self._is_told = False

    def __await__(self) -> Generator[Any, None, str]:
        """Raises what is told instead, and what the job is stopped with where nothing is in time."""
        timer = self._loop.call_later(self.job.ends - time.monotonic() + _GRACE, self._late)
        try:
            return (yield from self._answer)
        finally:
            timer.cancel()

    def hold(self, leave: Callable[[], None]) -> None:
        """A place, until it is told."""
        self._held.append(leave)
        if self._is_told:
            self.leave()

    def leave(self) -> None:
        while self._held:
            self._held.pop()()

    def tell(self, said: str | BaseException) -> None:
        """From any thread, when it has no more to do."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._told, said)

    def ended(self, thread: Future[None]) -> None:
        if thread.cancelled():  # by `Executor.close`, before it began
            self.tell(self.job.stopped())

    def _told(self, said: str | BaseException) -> None:
        self._is_told = True
        self.leave()
        self._set(said)

    def _late(self) -> None:
        self.job.interrupt("deadline")
        self._set(self.job.stopped())

    def _set(self, said: str | BaseException) -> None:
        if self._answer.done():  # nobody waits
            return
        if isinstance(said, str):
            self._answer.set_result(said)
        else:
            self._answer.set_exception(said)
