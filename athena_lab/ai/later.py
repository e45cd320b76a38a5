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
    BulkheadFull,
    CircuitOpen,
    InvalidResponse,
    LabClosed,
    NetworkError,
    NoProvider,
    Problem,
    ProviderTimeout,
    ProviderUnreachable,
    QueueFull,
    QueueUnusable,
    RateLimited,
    RateWouldBeExceeded,
    ServiceUnavailable,
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
LONGEST_FREE: Final = 300.0
"""up to this where no provider was reached, which costs nothing,"""
LONGEST_WAIT: Final = 3_600.0
"""and up to this where one was, or asks for it; never more than a quarter of the time that the question has,"""
JITTER: Final = 0.25
"""give or take this share, so that not all ask in step."""
POLL_SECONDS: Final = 5.0
"""How often is looked for what other processes have queued, and whether the lock is free."""
LOCKED_SECONDS: Final = 60.0
"""After which it is said that another process has the lock."""
UNUSABLE_ANSWERS: Final = 3
"""So many that cannot be used take up all of a question's tries."""
MOST_LOST: Final = 5
"""A question is given up when whoever asked it ended so often in a row: it may be the reason."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")
_COMES_BACK: Final = frozenset(
    kind.code
    for kind in (
        RateLimited, RateWouldBeExceeded, ProviderTimeout, ServiceUnavailable, ProviderUnreachable, NetworkError,
        InvalidResponse, CircuitOpen, BulkheadFull, NoProvider, QueueFull, LabClosed,
    )
)  # fmt: skip
"""Errors that pass, beside those for which the rules say that the question be queued. A refused key or a quota that is
used up is for people to mend, who then ask again."""


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
        self._refused: float | None = None
        """Since when another process has the lock."""
        self._failing: set[str | None] = set()
        """Providers that failed questions which wait; None for those that nobody in particular failed."""
        self._early = False
        self._changed = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    @property
    def problem(self) -> QueueUnusable | None:
        """Why questions cannot be kept or asked here, as far as is known."""
        return self._store.problem

    # -- whoever asks

    async def keep(self, request: AnalysisRequest, error: Problem) -> str | None:
        """Write it down, durably. Its job's id; None where it cannot be kept."""
        encoded, why, now = encode(request), encode(error), self._clock()
        if encoded is None or why is None or self._closed:
            return None
        id_ = secrets.token_urlsafe(24)
        question = Question(id_, encoded, why, "queued", 0, now, now + self._wait(0, error))
        earliest = now + self._least(request, error)
        try:
            kept = await self._store.do(lambda file: file.keep(question, now, earliest))
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
        self._are_back({attempt.provider for attempt in ended.attempts if attempt.error is None})

    def back(self, provider: str) -> None:
        """For `AIManager` to tell: it can be asked again."""
        self._are_back({provider})

    def _are_back(self, providers: set[str]) -> None:
        known: set[str | None] = {*providers, None}
        if providers and not self._failing.isdisjoint(known):
            self._failing -= known
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
            self._tell_led()
        return self._leads

    def _tell_led(self) -> None:
        """Say once that another process has the lock, when it has had it for long."""
        store, now = self._store, self._clock()
        if self._leads or self._refused is None:
            store.led_elsewhere = None
        elif store.led_elsewhere is None and now - self._refused >= LOCKED_SECONDS:
            step = "Nothing is to be done while it runs and asks; else end the process that holds the file's lock."
            detail = "Another process asks the questions that are kept for later."
            store.led_elsewhere = QueueUnusable(detail, reason="led_elsewhere", next_step=step)
            _LOG.warning("%s The lock beside %s is not ours.", detail, store.path)

    def _take_over(self, file: StoreFile, asking: Collection[str]) -> bool:
        try:
            free = not file.exists or self._lock is None or self._lock.take()
        except OSError as error:
            raise QueueUnusable("The lock of the questions cannot be taken.", reason="read_only") from error
        now, ours = self._clock(), free and file.exists
        self._refused = None if free else now if self._refused is None else min(now, self._refused)
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
        if question.lost > MOST_LOST:  # with this one
            return failure(
                question, AthenaError(f"Whoever asked it ended {MOST_LOST} times before there was an answer.")
            )
        try:
            return await self._events(question)
        except TooLarge as large:
            return failure(question, large.error)
        except AthenaError as error:
            over = question.spent + self._cost(error.problem()) >= self._store.options.tries
            return error.problem() if self._is_transient(error) and not over else failure(question, error)
        except Exception:  # noqa: BLE001 - a bug, whatever it is: the question would be asked for ever
            _LOG.exception("Question %s... could not be asked", question.id[:4])
            return failure(question, AthenaError("The question could not be asked."))

    def _is_transient(self, error: AthenaError) -> bool:
        return error.code in _COMES_BACK or "queue" in self._rules.steps(error)

    def _cost(self, error: Problem) -> int:
        """Of a question's tries."""
        if not _reached(error):
            return 0
        tries = self._store.options.tries
        return -(-tries // UNUSABLE_ANSWERS) if error.code == InvalidResponse.code else 1

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
            due = now + self._wait(question.tries, outcome)
            earliest = min(due, now + self._least(request_of(question), outcome))
            why = encode(outcome) or question.why
            file.requeue(question.id, why, now, earliest, due, spent=self._cost(outcome))

    @property
    def _longest(self) -> float:
        return min(LONGEST_WAIT, self._store.options.expire / 4)

    def _least(self, request: AnalysisRequest, error: Problem) -> float:
        """Seconds before which it is not asked, whoever is back. A provider's wait is the question's where it is for
        that one alone; else the provider's limiter keeps to it, and others may be asked."""
        asked = error.retry_after if request.provider is not None else None
        return min(self._longest, max(FIRST_WAIT, asked or 0.0))

    def _wait(self, tries: int, error: Problem) -> float:
        """Seconds until it is asked again: as the provider asks for, or by our own count, which goes up."""
        longest = min(self._longest, LONGEST_WAIT if _reached(error) else LONGEST_FREE)
        backoff = min(longest, FIRST_WAIT * 2.0 ** min(tries, 16))
        jittered = backoff * (1 + JITTER * (2 * self._random() - 1))
        return min(self._longest, max(min(longest, jittered), error.retry_after or 0.0))

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
                await self._store.do(lambda file: file.release((), lost=False))
            except QueueUnusable:
                _LOG.warning("What was being asked is asked again with the next start.")
        await self._store.aclose()
        if self._lock is not None:
            self._lock.release()


def _reached(error: Problem) -> bool:
    """Whether a provider may have taken the question, and the money for it."""
    return bool(error.attempts) and error.code != ProviderUnreachable.code


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
