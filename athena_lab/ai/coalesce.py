"""Coalescing: identical questions at the same time share one call, each reader at its own pace.

Who asks first reads the call itself, so that a question asked once costs nothing more. When a second one comes, a task
takes over at the next item and stays at most `AHEAD` items ahead of the furthest reader, so that slow readers slow the
provider. Who joins is given everything from the beginning. When the last reader leaves, the call is closed.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from athena_lab.errors import DeadlineExceeded
from athena_lab.events import FailedOver, Reconnecting

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools
    from athena_lab.ai.states import StreamState

AHEAD: Final = 64
"""Items."""
ENOUGH: Final = 0.5
"""Share of its own time that a question must have left in a call that it joins."""


_UNUSED: Final = asyncio.Event()
"""Stands where a call has one reader, who waits for nobody."""


class CoalesceOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ai.coalesce]``"""

    enabled: bool = True


def policy(options: PipelineOptions, tools: Tools) -> Policy:
    def wrap(send: Send) -> Send:
        running: dict[Hashable, _Shared] = {}

        def lead(key: Hashable, call: Call) -> AsyncGenerator[Item, None]:
            shared = running[key] = _Shared(send(call), call)
            shared.forget = partial(_forget, running, key, shared)
            return shared.lead()

        async def follow(key: Hashable, call: Call) -> AsyncGenerator[Item, None]:
            while (shared := running.get(key)) is not None and shared.serves(call, tools):
                async with aclosing(_follow(shared, call, tools)) as items:
                    async for item in items:
                        yield item
                if not shared.abandoned:
                    return
            async with aclosing(lead(key, call)) as items:
                async for item in items:
                    yield item

        def coalesced(call: Call) -> AsyncGenerator[Item, None]:
            if call.request is None:
                return send(call)
            key = _key(call)
            return follow(key, call) if key in running else lead(key, call)

        return coalesced if options.coalesce.enabled else send

    return wrap


def _key(call: Call) -> Hashable:
    """All that the answer depends on."""
    prompt, request = call.prompt, call.request
    assert request is not None
    tools = repr(prompt.tools) if prompt.tools else ""
    return request.provider, request.model, request.options, prompt.system, prompt.user, tools


def _forget(running: dict[Hashable, _Shared], key: Hashable, shared: _Shared) -> None:
    """Another call may stand there by now: one with more time."""
    if running.get(key) is shared:
        del running[key]


async def _follow(shared: _Shared, call: Call, tools: Tools) -> AsyncGenerator[Item, None]:
    """What the call gives, from its beginning, for a question of its own state and deadline."""
    try:
        async with aclosing(shared.join(lambda: call.expires - tools.clock())) as items:
            async for item in items:
                _mirror(call.state, item)
                yield item
    except TimeoutError:
        raise DeadlineExceeded(
            "The time given for this request is over.", provider=call.provider, model=call.model
        ) from None
    finally:
        if not shared.abandoned:
            call.attempts.extend(replace(attempt, shared=True) for attempt in shared.call.attempts)


def _mirror(state: StreamState, item: Item) -> None:
    """Move the follower's state as the call's own moved."""
    if state.value == "idle":
        state.move("connecting")
    if isinstance(item, Reconnecting | FailedOver):
        state.move("error")
        state.move("reconnecting")
        return
    if state.value == "reconnecting":
        state.move("connecting")
    if state.value == "connecting":
        state.move("connected")


class _Shared:
    """One call and its readers."""

    forget: Callable[[], None]
    """Called once, when nobody may join any more."""

    def __init__(self, source: AsyncGenerator[Item, None], call: Call) -> None:
        self.call = call
        self.abandoned = False
        """Whoever read it was cancelled in the middle, before the task could take over: those who joined begin anew."""
        self._source = source
        self._items: list[Item] = []
        self._readers = 0
        self._furthest = 0
        self._over = self._reading = False
        self._failure: Exception | None = None
        self._changed: asyncio.Event | None = None
        """Made when somebody waits for it."""
        self._nearer = _UNUSED
        self._task: asyncio.Task[None] | None = None

    def serves(self, call: Call, tools: Tools) -> bool:
        """Whether a question may join: it is not over, and has time enough left."""
        now = tools.clock()
        return not self._over and self.call.expires - now >= ENOUGH * (call.expires - now)

    async def lead(self) -> AsyncGenerator[Item, None]:
        """For who asked first: reads the call itself, until somebody joins."""
        self._readers += 1
        position = 0
        try:
            self._reading = True
            async for item in self._source:
                self._reading = False
                self._items.append(item)
                self._furthest = position = position + 1
                if self._readers > 1:
                    self._take_over()
                yield item
                if self._task is not None:
                    break
                self._reading = True
            else:
                self._reading = False
                self._end()
                return
            async with aclosing(self._from(position, lambda: None)) as items:
                async for item in items:
                    yield item
        except Exception as error:
            if self._reading:
                self._end(error)
            raise
        finally:
            self._abandon()
            await self._leave()

    async def join(self, left: Callable[[], float]) -> AsyncGenerator[Item, None]:
        """For everybody else: all from the beginning, once the task has taken over. Nothing where it is abandoned.

        ``left`` gives the seconds until TimeoutError is raised.
        """
        self._readers += 1
        try:
            if self._task is None and not self._reading:
                self._take_over()
            while self._task is None and not self._over:
                await self._change(left())
            if not self.abandoned:
                async with aclosing(self._from(0, left)) as items:
                    async for item in items:
                        yield item
        finally:
            await self._leave()

    async def _from(self, position: int, left: Callable[[], float | None]) -> AsyncGenerator[Item, None]:
        while True:
            while position < len(self._items):
                position += 1
                self._come_to(position)
                yield self._items[position - 1]
            if self._over:
                break
            await self._change(left())
        if self._failure is not None:
            raise self._failure.with_traceback(None)  # one for all readers: it would gather theirs

    def _abandon(self) -> None:
        """Who leads is called away while it reads: nobody can go on from there."""
        if self._reading and not self._over:
            self.abandoned = True
            self._end()
        self._reading = False

    def _take_over(self) -> None:
        self._nearer = asyncio.Event()
        self._task = asyncio.ensure_future(self._read_on())
        self._tell()

    async def _read_on(self) -> None:
        failure: Exception | None = None
        try:
            async with aclosing(self._source):
                async for item in self._source:
                    self._items.append(item)
                    self._tell()
                    while len(self._items) - self._furthest >= AHEAD:
                        self._nearer.clear()
                        await self._nearer.wait()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again where the call is read
            failure = error
        finally:
            self._end(failure)

    def _come_to(self, position: int) -> None:
        if position > self._furthest:
            self._furthest = position
            self._nearer.set()

    def _end(self, failure: Exception | None = None) -> None:
        if not self._over:
            self._over = True
            self._failure = failure
            self.forget()
            self._tell()

    async def _change(self, seconds: float | None) -> None:
        changed = self._changed = self._changed or asyncio.Event()
        async with asyncio.timeout(seconds):
            await changed.wait()

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    async def _leave(self) -> None:
        """The last reader closes the call."""
        self._readers -= 1
        if self._readers:
            return
        self._end()
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._source.aclose()  # here too: a task that is cancelled before its first step closes nothing
