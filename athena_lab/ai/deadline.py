"""Deadlines: for the whole request, for the first piece of the answer, between two pieces.

What counts is data, not bytes: comments that keep a connection open reach nobody here, so a provider that sends nothing
else is timed out. Time that the reader of the stream takes between two events counts for the whole only.
"""

from __future__ import annotations

import asyncio
import math
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
    limits, clock = options.deadline, tools.clock

    def wrap(send: Send) -> Send:
        async def in_time(call: Call) -> AsyncGenerator[Item, None]:
            watchdog = _Watchdog()
            limit: Limit = "first_token"
            own = patience = limits.first_token
            try:
                events = send(call)
                try:
                    with watchdog:
                        watchdog.watch(patience, call.expires - clock())
                        async for event in events:
                            watchdog.rest()
                            if isinstance(event, Reconnecting):
                                patience = own + event.wait
                            else:
                                limit = "between_tokens"
                                own = patience = limits.between_tokens
                            yield event
                            watchdog.watch(patience, call.expires - clock())
                finally:
                    await events.aclose()
            except _Late as late:
                whole = late.whole
            else:
                return
            raise _too_late(call, limit, patience, whole=whole)

        return in_time

    return wrap


def _too_late(call: Call, limit: Limit, patience: float, *, whole: bool) -> DeadlineExceeded | ProviderTimeout:
    """Whose time is over: the ``whole`` request's, or that for which there is ``patience`` with the provider."""
    if whole:
        return DeadlineExceeded("The time given for this request is over.", provider=call.provider, model=call.model)
    return ProviderTimeout(
        f"{call.provider} sent nothing for {patience:g} s.",
        provider=call.provider,
        model=call.model,
        should_retry=False if limit == "first_token" else None,
        next_step=f"Ask again, choose another provider, or raise {limit} under [ai] in athena.toml.",
    )


class _Late(Exception):
    """The time was over; ``whole``: that of the whole request."""

    def __init__(self, *, whole: bool) -> None:
        self.whole = whole


class _Watchdog:
    """`asyncio.timeout` for every event of a stream, with one timer and no coroutine of its own.

    An event only moves the time at which the timer means it; a timer that fires too early goes on waiting. Made for
    each event, timers were an eighth of the whole pipeline's time.
    Leaving the block raises _Late where the timer ended what was watched.
    """

    __slots__ = ("_barked", "_cancelling", "_loop", "_rings", "_task", "_timer", "_when", "_whole")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._when = 0.0
        self._rings = math.inf
        self._barked = self._whole = False
        self._cancelling = 0

    def watch(self, seconds: float, left: float) -> None:
        """From now on, for so long; ``left`` is the whole request's time. Raises _Late where that is over already."""
        self._whole = left <= seconds
        if self._whole:
            seconds = left
            if left <= 0:
                raise _Late(whole=True)
        self._when = when = self._loop.time() + seconds
        if when < self._rings:
            self._set()
        self._task = task = asyncio.current_task()
        assert task is not None
        self._cancelling = task.cancelling()

    def rest(self) -> None:
        """What comes now is the reader's own time, which is no business of this limit."""
        self._task = None

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings = self._when
        self._timer = self._loop.call_at(self._when, self._look)

    def _look(self) -> None:
        self._timer, self._rings = None, math.inf
        if self._task is None:
            return
        if self._loop.time() < self._when:
            self._set()
        else:
            self._barked = True
            self._task.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        task, self._task = self._task, None
        if self._timer is not None:
            self._timer.cancel()
        called_off = kind is not None and issubclass(kind, asyncio.CancelledError)
        if self._barked and called_off and task is not None and task.uncancel() <= self._cancelling:
            raise _Late(whole=self._whole) from None
