"""Hedging: a second provider is asked when the first is slower than usual; the first token wins.

The first is read in the reader's own task, as without hedging. What comes on top is a timer, and a task only once the
timer has rung: it reads the second up to its first piece, and then calls the reader away from the first. Whoever loses
is closed, its place given back and its connection closed, before the first piece of whoever wins is shown.

Reasoning keeps the timer from ringing, since a provider that reasons works, and a second one would have to reason as
well. It does not win: who reasons may be overtaken by who writes.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing, suppress
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from athena_lab.ai.observe import PolicyEvent
from athena_lab.ai.send import PROGRESS, Progress, Traffic
from athena_lab.ai.states import StreamState
from athena_lab.errors import AthenaError
from athena_lab.events import FailedOver, Finished, Token, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.guards import Guard
    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools
    from athena_lab.ai.states import State

SLOWER: Final = "hedged"
REFUSED: Final = "refused"


class HedgeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ai.hedge]``. Times in seconds. The tokens of both are paid for."""

    enabled: bool = False
    after: Annotated[float, Meta(ge=0, le=600)] = 0.0
    """How long the first may be silent. 0: as long as 95 of 100 of its latest answers took to begin, and no second is
    asked until so much is known of it."""
    least: Annotated[float, Meta(ge=0, le=600)] = 1.0
    """A second is asked no sooner, whatever the latest answers took."""
    most: Annotated[float, Meta(ge=0, le=600)] = 30.0
    """Nor later; ``least`` goes before it."""

    def wait(self, guard: Guard | None) -> float | None:
        """Until a second is asked; None for never."""
        if self.after:
            return self.after
        usual = guard.latency.p95 if guard is not None else None
        return None if usual is None else max(self.least, min(usual, self.most))


def policy(options: PipelineOptions, tools: Tools) -> Policy:
    limits = options.hedge
    if not limits.enabled:
        return lambda send: send

    def wrap(send: Send) -> Send:
        def hedged(call: Call) -> AsyncGenerator[Item, None]:
            wait = limits.wait(tools.guards.get(call.provider))
            return send(call) if wait is None else _race(send, call, wait, tools)

        return hedged

    return wrap


async def _race(send: Send, call: Call, wait: float, tools: Tools) -> AsyncGenerator[Item, None]:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(aclosing(send(call)))
        second = await stack.enter_async_context(aclosing(_Second(send, call, tools)))
        second.ask_in(wait)
        lead = _Lead(first, second)
        async with aclosing(lead.items()) as items:
            async for item in items:
                yield item
        if lead.won or not await second.shows():
            await second.aclose()
            if lead.error is not None:
                raise lead.error
            for item in lead.held:
                yield item
            winner = first
        else:
            await first.aclose()
            for used in filter(_is_usage, lead.held):
                yield used  # whoever refused is paid, too
            yield second.takes_over(lead)
            yield second.head
            winner = second.rest
        async for item in winner:
            yield item


class _Lead:
    """The first, until it shows a piece, ends, or is overtaken by the second."""

    def __init__(self, items: AsyncGenerator[Item, None], second: _Second) -> None:
        self.held: list[Item] = []
        """What it showed or ended with, and has not been handed on."""
        self.won = False
        self.error: AthenaError | None = None
        self.refusal: Finished | None = None
        self._items = items
        self._second = second

    async def items(self) -> AsyncGenerator[Item, None]:
        """What is no piece of an answer, at once: the reader should know of waits while they last."""
        try:
            while not self.won and (item := await self._second.unless_ahead(self._items)) is not None:
                if isinstance(item, Token | ToolCall | Usage | Finished):
                    self._hold(item)
                    continue
                if isinstance(item, Progress):
                    self._second.put_off()
                yield item
        except AthenaError as error:
            self.error = error

    def _hold(self, item: Item) -> None:
        self.held.append(item)
        if isinstance(item, Finished) and item.status == REFUSED:
            self.refusal = item
        elif not isinstance(item, Usage):
            self.won = True


class _Second:
    """Whoever is asked beside the first."""

    def __init__(self, send: Send, call: Call, tools: Tools) -> None:
        self.head: Item = PROGRESS
        """Its first piece, once it has shown one."""
        self._rest: AsyncGenerator[Item, None] | None = None
        self._send = send
        self._first = call
        self._call = call
        self._tools = tools
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._reading: asyncio.Timeout | None = None
        self._won = self._failed = False

    @property
    def rest(self) -> AsyncGenerator[Item, None]:
        """What comes after its first piece. Only of one that was asked."""
        assert self._rest is not None
        return self._rest

    def ask_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._ask)

    def put_off(self) -> None:
        """It is not asked any more, if it has not been."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def unless_ahead(self, items: AsyncGenerator[Item, None]) -> Item | None:
        """The first's next item. None at its end, and as soon as this one has a piece to show."""
        if self._ahead:
            return None
        try:
            # It never runs out by itself: `_call_away` ends it.
            async with asyncio.timeout(None) as self._reading:
                return await anext(items, None)
        except TimeoutError:
            if self._reading is None or not self._reading.expired():
                raise
            return None
        finally:
            self._reading = None

    async def shows(self) -> bool:
        """Whether it comes to have a piece to show."""
        self.put_off()
        if self._task is not None:
            await asyncio.wait((self._task,))
        return self._ahead

    def takes_over(self, lead: _Lead) -> FailedOver:
        """From now on the stream is where this one is."""
        self._won = True
        ours, left = self._call, self._first
        states: tuple[State, ...] = ("error", "reconnecting", "connecting", "connected")
        for state in states:
            left.state.move(state)
        refusal = lead.refusal
        reason = lead.error.code if lead.error is not None else REFUSED if refusal is not None else SLOWER
        if refusal is not None:
            self._tools.note(PolicyEvent("refusal", left.provider))
        if reason != SLOWER:
            self._tools.note(PolicyEvent("failover", left.provider, reason))
        stop_reason = refusal.stop_reason if refusal is not None else ""
        return FailedOver(ours.provider, ours.model, left.provider, left.model, reason, stop_reason=stop_reason)

    async def aclose(self) -> None:
        """Idempotent. Raises what is no error of a provider's: a bug is not to be lost with the loser."""
        self.put_off()
        task, self._task = self._task, None
        if task is None:
            return
        cancelled = await _end(task)
        await self.rest.aclose()
        self._tools.note(PolicyEvent("hedge", self._call.provider, "won" if self._won else "lost"))
        if not (self._won or self._failed):
            self._first.tried.discard(self._call.provider)  # it was slower, and may be needed yet
        if cancelled:
            raise asyncio.CancelledError
        if not task.cancelled():
            task.result()

    def _ask(self) -> None:
        self._timer = None
        call, router = self._first, self._tools.router
        call.tried.add(call.provider)
        lane = router.best(call) if router is not None else None
        if lane is None or router is None:
            return
        call.tried.add(lane.provider)
        own = StreamState(self._moved)
        self._call = replace(call, provider=lane.provider, model=lane.model, state=own, waited=0.0, traffic=Traffic())
        self._rest = self._send(self._call)
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._call_away)

    async def _run(self) -> None:
        """Up to its first piece. Where it comes to nothing, its attempts tell why."""
        with suppress(AthenaError):
            async for item in self.rest:
                if isinstance(item, Token | ToolCall):
                    self.head = item
                    return
                if isinstance(item, Finished) and item.status == REFUSED:
                    self._tools.note(PolicyEvent("refusal", self._call.provider))
        self._failed = True

    @property
    def _ahead(self) -> bool:
        """Raises what is no error of a provider's."""
        if self._task is None or not self._task.done():
            return False
        self._task.result()
        return self.head is not PROGRESS

    def _call_away(self, task: asyncio.Task[None]) -> None:
        bug = not task.cancelled() and task.exception() is not None
        if self._reading is not None and (bug or self.head is not PROGRESS):
            self._reading.reschedule(asyncio.get_running_loop().time())

    def _moved(self, to: State) -> None:
        if self._won:
            self._first.state.move(to)


def _is_usage(item: Item) -> bool:
    return isinstance(item, Usage)


async def _end(task: asyncio.Task[None]) -> bool:
    """Cancel the task and wait for its end, whatever happens. Whether whoever waits was cancelled meanwhile."""
    task.cancel()
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            cancelled = True
    return cancelled
