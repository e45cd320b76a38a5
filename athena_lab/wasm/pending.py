"""A call whose answer an event loop waits for and a thread gives."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from concurrent.futures import Future

    from athena_lab.bulkheads import Resource
    from athena_lab.wasm.job import Job

_GRACE: Final = 1.0
"""Seconds beyond its deadline for which a call is waited for: its thread is told to end, and may have more to tell."""


class PendingCall:
    """One job's. `run_in_executor` and `wait_for` take three turns of the loop for what takes one here.

    What it holds is the thread's until that has told: compiling, and some of what guests do, go on after nobody waits
    any more. `claim`, `tell` and `ended` may be called from any thread, all else belongs to the loop it was made in.
    """

    def __init__(self, job: Job, resource: Resource) -> None:
        self.job, self.resource = job, resource
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[str | BaseException] = self._loop.create_future()
        self._claim = threading.Lock()
        self._held = contextlib.ExitStack()
        self._is_over = False

    def __await__(self) -> Generator[Any, None, str]:
        """Raises what is told instead, and what the job is stopped with where nothing is in time."""
        timer = self._loop.call_later(self.job.ends - time.monotonic() + _GRACE, self._late)
        try:
            said = yield from self._answer
        finally:
            timer.cancel()
        if isinstance(said, str):
            return said
        raise said

    async def turn_or_answer(self, turn: asyncio.Future[None]) -> None:
        """Wait for either, and no longer than the job has time."""
        seconds = self.job.ends - time.monotonic()
        await asyncio.wait((turn, self._answer), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    def claim(self) -> bool:
        """True for the first who asks: that one is to have it run and told, or to give it up."""
        return self._claim.acquire(blocking=False)

    def give_up(self) -> bool:
        """Give back what it holds, and what it will hold, unless somebody has it run."""
        if not self.claim():
            return False
        self.over()
        return True

    def hold(self, leave: Callable[[], None]) -> None:
        """A place, until it is over."""
        self._held.callback(leave)
        if self._is_over:
            self._held.close()

    def over(self) -> None:
        self._is_over = True
        self._held.close()

    def tell(self, said: str | BaseException) -> None:
        """When its thread has no more to do."""
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
            self.over()
        finally:
            self._set(said)

    def _late(self) -> None:
        self.job.interrupt("deadline")
        self._set(self.job.stopped())

    def _set(self, said: str | BaseException) -> None:
        if not self._answer.done():
            self._answer.set_result(said)
