"""The answers that run, and those that ended lately: found by id, capped in number and in bytes."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from athena_lab.ai.job import Job
from athena_lab.ai.job_options import JobOptions
from athena_lab.errors import AnalysisCancelled, BulkheadFull, InvalidField, UnknownJob

if TYPE_CHECKING:
    from collections.abc import Callable

    from athena_lab.ai.job import Open, Timer

_JOB_BYTES: Final = 4_096
"""What a job takes beside its events."""
_RETRY_AFTER: Final = 5.0
"""Seconds. How long an answer takes is not known; this is long enough not to be a burden."""
_ID: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")
"""22 characters of base64 hold 128 bits."""


def call_later(seconds: float, action: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, action)


def check_id(id_: str) -> None:
    """Raises `InvalidField` for what a caller may not choose."""
    if not _ID.fullmatch(id_):
        raise InvalidField("An id has 22 to 64 of the characters A-Z, a-z, 0-9, - and _.")


class Jobs:
    """Belongs to one event loop. ``clock`` gives monotonic seconds, ``after`` does something later."""

    def __init__(
        self,
        options: JobOptions | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        after: Callable[[float, Callable[[], None]], Timer] = call_later,
    ) -> None:
        self.options = options or JobOptions()
        self.clock = clock
        self.after = after
        self._jobs: dict[str, Job] = {}
        self._asked: dict[str, bytes] = {}
        """For each job, a digest of its question."""
        self._running: set[Job] = set()
        self._ended: dict[Job, Timer] = {}
        """In the order in which they ended, with the time until which they are kept."""
        self._bytes = 0

    def start(
        self,
        open_: Open,
        *,
        question: bytes,
        seconds: float | None = None,
        id_: str | None = None,
        polled: bool = False,
    ) -> Job:
        """A job that runs, in a task of its own, for so many seconds at most: also where it is paused.

        A caller may choose the id (22 to 64 characters of base64url): it can repeat its request then, and finds the
        same job. `question` is what the request was. Raises `InvalidField` for an id that cannot be, or is that of
        another question, and `BulkheadFull`.
        """
        digest = sha256(question).digest()
        if id_ is not None:
            check_id(id_)
            if (job := self._jobs.get(id_)) is not None:
                if self._asked[id_] != digest:
                    raise InvalidField("That id belongs to another question.")
                return job
        if len(self._running) >= self.options.running:
            raise BulkheadFull(f"{len(self._running)} analyses are running already.", retry_after=_RETRY_AFTER)
        job = Job(id_ or secrets.token_urlsafe(24), open_, self, polled=polled, named=id_ is not None)
        if seconds is not None:
            job.limit(seconds)
        self._jobs[job.id] = job
        self._asked[job.id] = digest
        self._running.add(job)
        self._bytes += _JOB_BYTES
        self._make_room()
        return job

    def __contains__(self, id_: str) -> bool:
        return id_ in self._jobs

    def get(self, id_: str) -> Job:
        """Raises `UnknownJob`."""
        if (job := self._jobs.get(id_)) is None:
            raise UnknownJob("There is no analysis of that id.")
        return job

    async def aclose(self) -> None:
        """Cancel all, and wait until their connections are closed. Idempotent."""
        running = tuple(self._running)
        for job in running:
            job.cancel(AnalysisCancelled("The lab was closed."))
        for job in running:
            await job.wait_closed()
        for job in tuple(self._ended):
            self._forget(job)

    # -- for the jobs themselves

    def room_for(self, size: int, *, needed: bool) -> bool:
        self._bytes += size
        if self._make_room() or needed:
            return True
        self._bytes -= size
        return False

    def ended(self, job: Job) -> None:
        self._running.discard(job)
        self._ended[job] = self.after(self.options.keep, lambda: self._forget(job))

    def _make_room(self) -> bool:
        """Forget those that ended first, except where somebody reads them."""
        if self._bytes > self.options.total_bytes:
            for job in [job for job in self._ended if not job.being_read]:
                self._forget(job)
                if self._bytes <= self.options.total_bytes:
                    break
        return self._bytes <= self.options.total_bytes

    def _forget(self, job: Job) -> None:
        timer = self._ended.pop(job, None)
        if timer is not None:
            timer.cancel()
            del self._jobs[job.id], self._asked[job.id]
            self._bytes -= job.size + _JOB_BYTES
