"""An answer that an event loop waits for and a thread gives."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from concurrent.futures import Future

    from athena_lab.bulkheads import Resource
    from athena_lab.wasm.job import Job

_GRACE: Final = 1.0
"""Seconds beyond its deadline for which a call is waited for: its thread is told to end, and may have more to tell."""


class Wanted:
    """The answer of one job. asyncio has a way for that, which takes three turns of the loop to this one.

    What it holds is the thread's until that has told: compiling, and some of what guests do, go on after nobody waits
    any more. Everything but `tell` and `ended` belongs to the loop that it was made in.
    """

    def __init__(self, job: Job, resource: Resource) -> None:
        self.job, self.resource = job, resource
        self.begun = False
        """By a thread, which is to tell."""
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[str] = self._loop.create_future()
        self._held: list[Callable[[], None]] = []
        self._is_over = False

    def __await__(self) -> Generator[Any, None, str]:
        """Raises what is told instead, and what the job is stopped with where nothing is in time."""
        timer = self._loop.call_later(self.job.ends - time.monotonic() + _GRACE, self._late)
        try:
            return (yield from self._answer)
        finally:
            timer.cancel()

    async def either(self, turn: asyncio.Future[None]) -> None:
        """Wait for a turn or for the answer, and no longer than the job has time."""
        seconds = self.job.ends - time.monotonic()
        await asyncio.wait((turn, self._answer), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    def hold(self, leave: Callable[[], None]) -> None:
        """A place, until it is told."""
        self._held.append(leave)
        if self._is_over:
            self._leave()

    def forget(self) -> None:
        """Nobody waits for it any more."""
        self._answer.cancel()
        if not self.begun:
            self._over()

    def tell(self, said: str | BaseException) -> None:
        """From any thread, when it has no more to do."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._told, said)

    def ended(self, thread: Future[None]) -> None:
        """A thread that has not told was cancelled before it began, by `Executor.close`, or could have no worker."""
        if thread.cancelled():
            self.tell(self.job.stopped())
        elif (error := thread.exception()) is not None:
            self.tell(error)

    def _told(self, said: str | BaseException) -> None:
        try:
            self._over()
        finally:
            self._set(said)

    def _over(self) -> None:
        self._is_over = True
        self._leave()

    def _leave(self) -> None:
        while self._held:
            self._held.pop()()

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
