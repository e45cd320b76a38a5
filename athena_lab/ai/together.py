"""Which questions without hurry go together, and the batches that they go in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec.structs import replace

from athena_lab.ai.providers.batches import Entry, Pace, too_late, waiting
from athena_lab.errors import APIError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.batching import BatchingOptions
    from athena_lab.ai.providers.batches import Outcome
    from athena_lab.ai.send import Call, Item, Tools

_T = TypeVar("_T")


@dataclass(eq=False, slots=True)
class Window(Generic[_T]):
    """What has come together, and until when (in seconds of the collector's clock) it is waited for more."""

    key: tuple[str, str]
    closes: float
    items: list[_T] = field(default_factory=list)
    size: int = 0


class Collector(Generic[_T]):
    """Who goes with whom. Knows no clock: the time is told, and never goes back."""

    def __init__(self, options: BatchingOptions) -> None:
        self._options = options
        self._open: dict[tuple[str, str], Window[_T]] = {}

    def add(self, key: tuple[str, str], item: _T, size: int, now: float) -> tuple[Window[_T], tuple[Window[_T], ...]]:
        """The window in which the item is now, and those that are closed by its coming."""
        limits = self._options
        closed: list[Window[_T]] = []
        window = self._open.get(key)
        if window is not None and (now >= window.closes or window.size + size > limits.largest):
            closed.append(self._open.pop(key))
            window = None
        if window is None:
            window = self._open[key] = Window(key, now + limits.window)
        window.items.append(item)
        window.size += size
        if len(window.items) >= limits.most or window.size >= limits.largest:
            closed.append(self._open.pop(key))
        return window, tuple(closed)

    def close(self, window: Window[_T]) -> None:
        """Nobody joins it any more. Idempotent."""
        if self._open.get(window.key) is window:
            del self._open[window.key]

    def remove(self, window: Window[_T], item: _T, size: int) -> None:
        """Whoever leaves before its window closes makes room for others; with the last one it closes."""
        if self._open.get(window.key) is window:
            window.items.remove(item)
            window.size -= size
            if not window.items:
                self.close(window)


class Together:
    """The windows that are open, the batches that run, and the callers that wait for them."""

    def __init__(self, options: BatchingOptions, tools: Tools) -> None:
        self._options = options
        self._pace = Pace(options.first_poll, options.longest_poll)
        self._tools = tools
        self._collector: Collector[Entry] = Collector(options)
        self._timers: dict[Window[Entry], asyncio.Task[None]] = {}
        """Of windows that are not sent yet."""
        self._running: dict[Window[Entry], asyncio.Task[None]] = {}

    async def send(self, call: Call) -> AsyncGenerator[Item, None]:
        """A `Send`: its place in a batch. Leaving it gives up that place alone."""
        try:
            if not call.model:
                call = replace(call, model=await self._tools.batches[call.provider].default_model())
            call.state.move("connecting")
            outcome = await self._outcome(call)
            for item in outcome.items:
                yield item
            if outcome.failure is not None:
                raise outcome.failure
        except APIError:
            call.state.move("error")
            raise

    async def _outcome(self, call: Call) -> Outcome:
        entry, size = Entry(call), len(call.prompt.system.encode()) + len(call.prompt.user.encode())
        window = self._join(entry, size)
        try:
            async with asyncio.timeout(call.expires - self._tools.clock()):
                return await entry.outcome
        except TimeoutError:
            raise too_late(call) from None
        finally:
            self._leave(window, entry, size)

    def _join(self, entry: Entry, size: int) -> Window[Entry]:
        key = (entry.call.provider, entry.call.model)
        window, closed = self._collector.add(key, entry, size, self._tools.clock())
        if window not in self._timers:
            self._timers[window] = asyncio.create_task(self._wait(window))
        for each in closed:
            self._start(each)
        return window

    async def _wait(self, window: Window[Entry]) -> None:
        await self._tools.sleep(self._options.window)
        self._start(window)

    def _start(self, window: Window[Entry]) -> None:
        """Send it, if that is not done yet."""
        timer = self._timers.pop(window, None)
        if timer is None:
            return
        if timer is not asyncio.current_task():
            timer.cancel()
        self._collector.close(window)
        task = self._tools.batches[window.key[0]].start(waiting(window.items), self._pace)
        self._running[window] = task
        task.add_done_callback(lambda _: self._running.pop(window))

    def _leave(self, window: Window[Entry], entry: Entry, size: int) -> None:
        """With the last one who waited, the batch ends, sent or not."""
        self._collector.remove(window, entry, size)
        if waiting(window.items) or not entry.outcome.cancelled():
            return
        if timer := self._timers.pop(window, None):
            timer.cancel()
        if running := self._running.get(window):
            running.cancel()
