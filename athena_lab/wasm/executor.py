"""Runs jobs off the event loop: places, threads, deadlines. What a job does is in `worker`."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from athena_lab.errors import AthenaError, BulkheadFull, ModuleCancelled, QueueFull, WasmError
from athena_lab.telemetry import metrics
from athena_lab.wasm.pending import PendingCall
from athena_lab.wasm.watchdog import Watchdog
from athena_lab.wasm.worker import Worker, close_stores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from athena_lab.bulkhead import Bulkhead
    from athena_lab.bulkheads import Bulkheads, Resource
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
        self._next: OrderedDict[PendingCall, None] = OrderedDict()
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
        pending = PendingCall(job, resource)
        self._jobs.add(job)
        forget = self._watchdog.at(job.ends, lambda: job.interrupt("deadline"))
        try:
            await self._enter(pending)
            if pending.claim():
                self._begin(pending)
            return await pending
        except asyncio.CancelledError:
            job.interrupt("cancelled")
            raise
        finally:
            pending.give_up()
            forget()
            self._jobs.discard(job)

    async def _enter(self, pending: PendingCall) -> None:
        job = pending.job
        try:
            with metrics.WASM_QUEUE_SIZE.track_inprogress():
                await self._take_places(pending)
        except BulkheadFull:
            others = len(self._jobs) - 1
            raise QueueFull(f"{others} calls are running or waiting already.", module=job.entry.name) from None
        except TimeoutError:
            job.interrupt("deadline")
            raise job.stopped() from None

    async def _take_places(self, pending: PendingCall) -> None:
        if self._closed:
            raise ModuleCancelled("The runtime is closed.", module=pending.job.entry.name)
        shared = self._bulkheads.hold("container", seconds=pending.job.ends - time.monotonic())
        await shared.enter()
        pending.hold(shared.leave)
        last = self._bulkheads[pending.resource]
        if last.take():
            pending.hold(last.leave)
        else:
            await self._wait_in_line(pending, last)

    async def _wait_in_line(self, pending: PendingCall, last: Bulkhead) -> None:
        """Until the place is had, or a thread has it run without it. Then the turn stays in its line: the place that
        the thread has in fact, which the call before gives back, is to come to this one and to nobody else.
        """
        turn = last.line_up()
        turn.add_done_callback(lambda turn: None if turn.cancelled() else pending.hold(last.leave))
        if pending.resource == "cpu":
            self._next[pending] = None
        try:
            await pending.turn_or_answer(turn)
        finally:
            self._next.pop(pending, None)
            if not turn.done() and pending.give_up():
                last.withdraw(turn)
        if turn.cancelled():
            raise TimeoutError

    def _begin(self, pending: PendingCall) -> None:
        try:
            self._pool.submit(self._work, pending).add_done_callback(pending.ended)
        except RuntimeError:  # closed in this moment, from another thread, or while it waited; or there is no thread
            pending.job.interrupt("cancelled")  # it may be in the pool's queue all the same
            pending.over()
            reason = "The runtime is closed." if self._closed else "No thread can be started on this machine."
            raise ModuleCancelled(reason, module=pending.job.entry.name) from None

    def _work(self, first: PendingCall) -> None:
        worker = self._worker()
        pending: PendingCall | None = first
        while pending is not None:
            said = self._said(worker, pending.job)
            stores, following = worker.take_stores(), self._following(pending)
            if following is None:
                self._idle.append(worker)
            pending.tell(said)
            close_stores(stores)
            pending = following

    def _worker(self) -> Worker:
        try:
            return self._idle.pop()
        except IndexError:
            return Worker(self._cache, self._images)

    def _following(self, pending: PendingCall) -> PendingCall | None:
        """The one to go on with, first come, first served. It need not wait until the loop has passed the place on.

        None where the place is one for memory: who waits for a processor is not to have it.
        """
        while pending.resource == "cpu":
            try:
                following, _ = self._next.popitem(last=False)
            except KeyError:
                break
            if following.claim():
                return following
        return None

    def _said(self, worker: Worker, job: Job) -> str | BaseException:
        try:
            worker.keep_only(self._modules)
            return self._run(worker, job)
        except WasmError as error:
            return error.with_traceback(None)  # its frames hold what the guest has said
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
