"""Questions that are asked again when a provider is back.

A question is acknowledged when it is on the disk. From then on it is asked until there is an answer, an error that
asking again does not mend, or its time is over; the answer is on the disk before the question is done with. One process
at a time asks the questions of a file: who holds the lock beside it. What that process was asking when it died is asked
again by the next.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import secrets
import time
from typing import TYPE_CHECKING, Final

from athena_lab.ai.file_lock import FileLock
from athena_lab.ai.question import Log, Question, TooLarge, encode, expired, failure, request_of
from athena_lab.ai.recovery import RecoveryOptions
from athena_lab.errors import (
    AnalysisCancelled,
    AthenaError,
    LabClosed,
    NoProvider,
    Problem,
    QueueFull,
    QueueUnusable,
    UnknownJob,
    from_problem,
)
from athena_lab.events import Failed, Finished

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection
    from contextlib import AbstractAsyncContextManager

    from athena_lab.ai.observe import RequestEnded
    from athena_lab.ai.store import Store
    from athena_lab.ai.store_file import StoreFile
    from athena_lab.ai.types import AnalysisRequest
    from athena_lab.events import AnyEvent

    Ask = Callable[[AnalysisRequest], AbstractAsyncContextManager[AsyncIterator[AnyEvent]]]
    """Opens the answer's stream, in which nothing stands in for an answer."""

_LOG: Final = logging.getLogger(__name__)

FIRST_WAIT: Final = 5.0
"""Seconds until a question is first asked again; twice as long each time,"""
LONGEST_WAIT: Final = 300.0
"""up to this,"""
JITTER: Final = 0.25
"""give or take this share, so that not all ask in step."""
POLL_SECONDS: Final = 5.0
"""How often is looked for what other processes have queued, and whether the lock is free."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")
_COMES_BACK: Final = frozenset({NoProvider.code, QueueFull.code, LabClosed.code})
"""Errors that pass, beside those that recovery knows something for: a key that is set again, a sandbox that is busy."""
_TRANSIENT: Final = frozenset({"queue", "retry", "failover"})


class Later:
    """`athena_lab.ai.recovery.Later`, of a store. Belongs to one event loop. Closes the store.

    ``ask`` is to be set before the first question; ``clock`` gives Unix seconds, ``random`` lies in [0, 1).
    """

    def __init__(
        self,
        store: Store,
        rules: RecoveryOptions | None = None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.ask: Ask | None = None
        self._store = store
        self._rules = rules or RecoveryOptions()
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._lock = None if store.path is None else FileLock(store.path.with_name(f"{store.path.name}.lock"))
        self._leads = False
        self._failing: set[str | None] = set()
        """Providers that failed questions which wait; None for those that nobody in particular failed."""
        self._early = False
        self._changed = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    # -- whoever asks

    async def keep(self, request: AnalysisRequest, error: Problem) -> str | None:
        """Write it down, durably. Its job's id; None where it cannot be kept."""
        encoded, why, now = encode(request), encode(error), self._clock()
        if encoded is None or why is None or self._closed:
            return None
        id_ = secrets.token_urlsafe(24)
        due = now + self._wait(0, error)
        try:
            kept = await self._store.do(lambda file: file.keep(Question(id_, encoded, why, "queued", 0, now, due), now))
        except QueueUnusable:
            return None  # the store has said so
        except asyncio.CancelledError:
            self._store.undo(lambda file: file.forget(id_))  # nobody is told its id
            raise
        if not kept:
            return None
        self._failing.add(error.provider)
        if self.ask is not None:
            self.start()
        self._tell()
        return id_

    async def get(self, id_: str) -> Question:
        """Raises `UnknownJob`, and `QueueUnusable`."""
        now = self._clock()
        found = await self._store.do(lambda file: file.find(id_, now)) if _ID.fullmatch(id_) else None
        if found is None:
            raise UnknownJob("There is no analysis of that id.")
        return found

    async def wait(self, id_: str, seconds: float | None) -> Question:
        """As `get`, when it is done or the time is over."""
        loop = asyncio.get_running_loop()
        end = loop.time() + (float("inf") if seconds is None else seconds)
        while True:
            changed = self._changed
            found, left = await self.get(id_), end - loop.time()
            if found.state == "done" or left <= 0:
                return found
            await _until(changed, asyncio.sleep(min(POLL_SECONDS, left)))  # a reader's patience is real time

    async def waiting(self) -> list[Question]:
        """Those that have no answer yet, the oldest first. Raises `QueueUnusable`."""
        return await self._store.do(lambda file: file.waiting())

    async def cancel(self, id_: str) -> Question:
        """Ask it no more. It stays as it is where it is done. Raises as `get` does."""
        question, now = await self.get(id_), self._clock()
        events = failure(question, AnalysisCancelled("The question was taken out of the queue."))
        if question.state != "done":
            await self._store.do(lambda file: file.cancel(id_, events, now))
        if (task := self._asking.get(id_)) is not None:
            task.cancel()
            await asyncio.wait([task])
        self._tell()
        return await self.get(id_)

    # -- when to ask

    def start(self) -> None:
        """Ask what waits, in the background. Idempotent. Needs a running event loop, and ``ask``."""
        if self._runner is None and not self._closed:
            self._runner = asyncio.create_task(self._run(), name="questions for later")
            self._runner.add_done_callback(_tell_bug)

    def wake(self) -> None:
        """A provider is back: ask again now what may be asked by now, and do not wait for its turn."""
        self._early = True
        self._tell()

    def observe(self, ended: RequestEnded) -> None:
        """An observer for `AIManager`: one that answers, and failed a question that waits, is back."""
        answered: set[str | None] = {attempt.provider for attempt in ended.attempts if attempt.error is None}
        if answered and not self._failing.isdisjoint(answered | {None}):
            self._failing -= answered | {None}
            self.wake()

    async def _run(self) -> None:
        while True:
            changed = self._changed
            seconds = await self._turn()
            await _until(changed, self._sleep(seconds))

    async def _turn(self) -> float:
        """Ask what is due. Seconds until the next may be."""
        limit = self._store.options.at_once - len(self._asking)
        try:
            if limit <= 0 or not await self._lead():
                return POLL_SECONDS
            early, self._early = self._early, False
            now = self._clock()
            claimed, due = await self._store.do(lambda file: file.claim(limit, now, early=early))
        except QueueUnusable:  # the store has said so
            self._leads = False  # what was claimed and not told is to be let go of
            return POLL_SECONDS
        for question in claimed:
            self._begin(question)
        return POLL_SECONDS if due is None else min(POLL_SECONDS, max(0.0, due - self._clock()))

    async def _lead(self) -> bool:
        """Be the one that asks, unless there is another, or nothing to ask. What the last one left is taken over."""
        if not self._leads:
            asking = frozenset(self._asking)
            self._leads = await self._store.do(lambda file: self._take_over(file, asking))
        return self._leads

    def _take_over(self, file: StoreFile, asking: Collection[str]) -> bool:
        try:
            ours = file.exists and (self._lock is None or self._lock.take())
        except OSError as error:
            raise QueueUnusable("The lock of the questions cannot be taken.", reason="read_only") from error
        if ours:
            file.release(asking)
        return ours

    def _begin(self, question: Question) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            del self._asking[question.id]
            self._tell()
            _tell_bug(task)

        self._asking[question.id] = task = asyncio.create_task(self._see_to(question), name="a question for later")
        task.add_done_callback(ended)  # it need not have begun

    # -- one question

    async def _see_to(self, question: Question) -> None:
        await self._store_outcome(question, await self._outcome(question))

    async def _outcome(self, question: Question) -> bytes | Problem:
        """The events of its answer, or of the error that ends it; or why it is to be asked again."""
        if self._clock() - question.created >= self._store.options.expire:
            return failure(question, expired(question))
        try:
            return await self._events(question)
        except TooLarge as large:
            return failure(question, large.error)
        except AthenaError as error:
            return error.problem() if self._is_transient(error) else failure(question, error)
        except Exception:  # noqa: BLE001 - a bug, whatever it is: the question would be asked for ever
            _LOG.exception("Question %s... could not be asked", question.id[:4])
            return failure(question, AthenaError("The question could not be asked."))

    def _is_transient(self, error: AthenaError) -> bool:
        return error.code in _COMES_BACK or not _TRANSIENT.isdisjoint(self._rules.steps(error))

    async def _events(self, question: Question) -> bytes:
        assert self.ask is not None
        log = Log()
        async with self.ask(request_of(question)) as events:
            async for event in events:
                if isinstance(event, Failed):
                    error = from_problem(event.error)
                    if self._is_transient(error):
                        raise error
                log.add(event)
                if isinstance(event, Failed | Finished):
                    return log.whole()
        raise RuntimeError("A stream of events ended without its terminal event.")

    async def _store_outcome(self, question: Question, outcome: bytes | Problem) -> None:
        """Until it is written: it is not known anywhere else."""
        while True:
            try:
                await self._store.do(lambda file: self._write(file, question, outcome))
            except QueueUnusable:
                await self._sleep(POLL_SECONDS)
            else:
                break
        if isinstance(outcome, Problem):
            self._failing.add(outcome.provider)

    def _write(self, file: StoreFile, question: Question, outcome: bytes | Problem) -> None:
        now = self._clock()
        if isinstance(outcome, bytes):
            file.finish(question.id, outcome, now)
        else:
            earliest = now + max(FIRST_WAIT, outcome.retry_after or 0.0)
            due = now + self._wait(question.tries, outcome)
            file.requeue(question.id, encode(outcome) or question.why, now, min(earliest, due), due)

    def _wait(self, tries: int, error: Problem) -> float:
        """Seconds until it is asked again; never less than the provider asks for."""
        backoff = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(tries, 16))
        jittered = min(LONGEST_WAIT, backoff * (1 + JITTER * (2 * self._random() - 1)))
        return min(self._store.options.expire, max(jittered, error.retry_after or 0.0))

    def _tell(self) -> None:
        """Whoever waits for a change looks again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    # -- the end

    async def aclose(self) -> None:
        """What is being asked waits again, for the next process. Closes the store. Idempotent."""
        self._closed = True
        tasks = [task for task in (self._runner, *self._asking.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._leads:
            self._leads = False
            try:
                await self._store.do(lambda file: file.release(()))
            except QueueUnusable:
                _LOG.warning("What was being asked is asked again with the next start.")
        await self._store.aclose()
        if self._lock is not None:
            self._lock.release()


async def _until(changed: asyncio.Event, sleep: Awaitable[None]) -> None:
    waits = [asyncio.ensure_future(changed.wait()), asyncio.ensure_future(sleep)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def _tell_bug(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOG.error("What asks the %s ended by a bug.", task.get_name(), exc_info=error)
