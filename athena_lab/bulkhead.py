"""Bulkhead: so many at once, so many waiting, everybody else is told at once; first come, first served.

A provider that hangs takes its own places and nobody else's (M. Nygard, "Release It!", 2007).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from athena_lab.errors import BulkheadFull

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class BulkheadOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many may run and how many may wait."""

    workers: Annotated[int, Meta(ge=1, le=10_000)]
    queue: Annotated[int, Meta(ge=0, le=100_000)]


class Bulkhead:
    """Places for ``workers``, a queue for ``queue`` more. Belongs to one event loop. ``clock`` gives monotonic seconds.

    ``on_change`` is told of the number that wait, ``on_wait`` of the seconds that somebody waited, whether for a place
    or in vain, ``on_full`` of everybody whom there was no room for.
    """

    def __init__(
        self,
        name: str,
        options: BulkheadOptions,
        clock: Callable[[], float],
        *,
        on_change: Callable[[int], None] | None = None,
        on_wait: Callable[[float], None] | None = None,
        on_full: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.options = options
        self._clock = clock
        self.on_change = on_change
        self.on_wait = on_wait
        self.on_full = on_full
        self._running = 0
        self._waiting: OrderedDict[asyncio.Future[None], float] = OrderedDict()
        """Turns, and since when they wait."""

    @property
    def running(self) -> int:
        return self._running

    @property
    def depth(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def load(self) -> float:
        """Running and waiting, as a share of the places; over 1 means a queue."""
        return (self._running + len(self._waiting)) / self.options.workers

    @property
    def full(self) -> bool:
        """Whether the next to come is refused."""
        return self._running >= self.options.workers and len(self._waiting) >= self.options.queue

    @property
    def filling(self) -> bool:
        """Whether more than half of the queue is taken."""
        return len(self._waiting) > self.options.queue / 2

    def take(self) -> bool:
        """A place that is free at this moment, to be given back by `leave`. None is, while somebody waits."""
        if self._running < self.options.workers:
            self._running += 1
            return True
        return False

    @asynccontextmanager
    async def place(self, seconds: float | None = None) -> AsyncIterator[None]:
        """Hold a place. Raises BulkheadFull when the queue is full, TimeoutError after so many seconds in it."""
        await self.enter(seconds)
        try:
            yield
        finally:
            self.leave()

    async def enter(self, seconds: float | None = None) -> None:
        """As `place`, for one that is given back by `leave`."""
        if not self.take():
            async with asyncio.timeout(seconds):
                await self._queue()

    async def _queue(self) -> None:
        turn = self.line_up()
        try:
            await turn
        except BaseException:
            self.withdraw(turn)
            raise

    def line_up(self) -> asyncio.Future[None]:
        """A turn, which is done once it has come to a place. Who does not want it any more is to `withdraw` it.

        Raises BulkheadFull when the queue is full.
        """
        if len(self._waiting) >= self.options.queue:
            if self.on_full is not None:
                self.on_full()
            raise BulkheadFull(
                f"{self.name}: {self.options.workers} requests run and {self.options.queue} wait, as many as may.",
                retry_after=1.0,
            )
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = self._clock()
        self._changed()
        return turn

    def withdraw(self, turn: asyncio.Future[None]) -> None:
        """Give up a turn, or the place that it has come to in the meantime."""
        if (since := self._waiting.pop(turn, None)) is not None:
            self._waited(since)
            turn.cancel()
        elif not turn.cancelled():
            self.leave()

    def leave(self) -> None:
        """Hand the place to who has waited longest; nobody else can take it in between."""
        while self._waiting:
            turn, since = self._waiting.popitem(last=False)
            self._waited(since)
            if not turn.done():
                turn.set_result(None)
                return
        self._running -= 1

    def _waited(self, since: float) -> None:
        self._changed()
        if self.on_wait is not None:
            self.on_wait(self._clock() - since)

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change(len(self._waiting))
