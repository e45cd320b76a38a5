"""Deadlines: for the whole request, for the first piece of the answer, between two pieces.

What counts is data, not bytes: comments that keep a connection open reach nobody here, so a provider that sends nothing
else is timed out. Time that the reader of the stream takes between two events counts for the whole only.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta

from athena_lab.errors import DeadlineExceeded, ProviderTimeout
from athena_lab.events import Reconnecting

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools

Seconds = Annotated[float, Meta(gt=0, le=3_600)]
Limit = Literal["first_token", "between_tokens"]


class DeadlineOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In seconds."""

    deadline: Seconds = 120.0
    """For the whole answer, all attempts together, where the request names no time of its own."""
    first_token: Seconds = 60.0
    """From sending an attempt to the first piece of its answer; a model's reasoning counts as a piece.

    A model on a processor alone may need minutes to read a long prompt. Who is silent for so long is not asked again:
    the next attempt would begin to read from the start. `deadline` must leave room for it.
    """
    between_tokens: Seconds = 30.0


def policy(options: PipelineOptions, tools: Tools) -> Policy:
    limits = options.deadline

    def wrap(send: Send) -> Send:
        async def in_time(call: Call) -> AsyncGenerator[Item, None]:
            limit: Limit = "first_token"
            announced = 0.0
            async with aclosing(send(call)) as events:
                with _Watchdog() as watchdog:
                    while True:
                        own = limits.first_token if limit == "first_token" else limits.between_tokens
                        patience, left = own + announced, call.expires - tools.clock()
                        try:
                            event = await watchdog.within(min(patience, left), events)
                        except _Late:
                            raise _too_late(call, limit, patience, left) from None
                        if event is None:
                            return
                        if isinstance(event, Reconnecting):
                            announced = event.wait
                        else:
                            limit, announced = "between_tokens", 0.0
                        yield event

        return in_time

    return wrap


def _too_late(call: Call, limit: Limit, patience: float, left: float) -> DeadlineExceeded | ProviderTimeout:
    """Whose time is over: the whole request's, if it had no more ``left`` than the provider has ``patience``."""
    if left <= patience:
        return DeadlineExceeded("The time given for this request is over.", provider=call.provider, model=call.model)
    return ProviderTimeout(
        f"{call.provider} sent nothing for {patience:g} s.",
        provider=call.provider,
        model=call.model,
        should_retry=False if limit == "first_token" else None,
        next_step=f"Ask again, choose another provider, or raise {limit} under [ai] in athena.toml.",
    )


class _Late(Exception):
    """The watchdog's time was over."""


class _Watchdog:
    """`asyncio.timeout` for every event of a stream, with one timer in all.

    An event only moves the time at which the timer means it; a timer that fires too early goes on waiting. Made for
    each event, timers were an eighth of the whole pipeline's time.
    """

    __slots__ = ("_barked", "_loop", "_task", "_timer", "_when")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._when = 0.0
        self._barked = False

    async def within(self, seconds: float, events: AsyncGenerator[Item, None]) -> Item | None:
        """The next event, None at the end. Raises _Late when it takes longer."""
        if seconds <= 0:
            raise _Late
        self._when = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._when:
            self._set()
        self._task = task = asyncio.current_task()
        assert task is not None
        cancelling = task.cancelling()
        try:
            return await anext(events, None)
        except asyncio.CancelledError:
            if self._barked and task.uncancel() <= cancelling:
                raise _Late from None
            raise
        finally:
            self._task = None

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._when, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._task is None:
            return  # the reader's own time, which is no business of this limit
        if self._loop.time() < self._when:
            self._set()
        else:
            self._barked = True
            self._task.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
