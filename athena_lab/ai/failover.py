"""Failover: when a provider cannot answer, the next is asked, before the first word or in the middle of the answer.

In the middle the next provider is given the text so far and goes on from there; where that cannot be, as in a
structured answer, it begins anew, and so does the same provider where nobody else is left. A refusal is no failure: the
next provider is asked from the beginning, and what the refusing one wrote is no part of the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from athena_lab.ai.meter import total
from athena_lab.ai.observe import PolicyEvent
from athena_lab.ai.prompt import continued
from athena_lab.ai.retry import affordable, delay, is_transient
from athena_lab.ai.router import Lane
from athena_lab.errors import APIError, AthenaError
from athena_lab.events import FailedOver, Finished, Reconnecting, Token, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.router import Router
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools

REFUSED: Final = "refused"
MOST_RESUMED: Final = 128 * 1024
"""Characters of an answer that another provider is given to go on with."""
_LEAST_TOKENS: Final = 256
_CHARACTERS: Final = 4
"""Of a token, about."""


class FailoverOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ai.failover]``"""

    enabled: bool = True
    restarts: Annotated[int, Meta(ge=0, le=10)] = 2
    """How often a provider whose answer broke off is asked anew, where nobody else is left to go on with it."""


def policy(options: PipelineOptions, tools: Tools) -> Policy:
    def wrap(send: Send) -> Send:
        router = tools.router
        if router is None or not options.failover.enabled:
            return send

        def routed(call: Call) -> AsyncGenerator[Item, None]:
            return _route(send, _Trip(call, router, options, tools), tools)

        return routed

    return wrap


async def _route(send: Send, trip: _Trip, tools: Tools) -> AsyncGenerator[Item, None]:
    going = True
    while going:
        error: AthenaError | None = None
        try:
            items = send(trip.leg)
            try:
                async for item in items:
                    if isinstance(item, Token):  # most are
                        trip.own.append(item.text)
                        yield item
                    elif trip.see(item):
                        yield trip.shown(item)
            finally:
                await items.aclose()
            if trip.refusal is None:
                return
        except AthenaError as failed:
            error = failed
        wait = await trip.move(error)
        going = wait is not None
        if wait:
            yield trip.waiting(wait, error)
            await tools.sleep(wait)
        for item in trip.change:
            yield item
    if trip.broke is not None:
        raise trip.broke


class _Trip:
    """One request on its way from provider to provider."""

    def __init__(self, call: Call, router: Router, options: PipelineOptions, tools: Tools) -> None:
        self.leg = call
        """The call that is being made."""
        self.refusal: Finished | None = None
        self.broke: AthenaError | None = None
        """Why what was kept of the answer broke off."""
        self.change: tuple[Item, ...] = ()
        """What the reader is told of the last turn."""
        self._call = call
        self._router = router
        self._options = options
        self._tools = tools
        self._kept = ""
        """What earlier providers wrote of the answer."""
        self.own: list[str] = []
        """What this one wrote."""
        self._tools_called = False
        self._restarts = 0
        self._usage = self._before = Usage()

    def see(self, item: Item) -> bool:
        """Whether the reader is to see it. The end of a refusal is kept until it is known that nobody else answers."""
        match item:
            case ToolCall():
                self._tools_called = True
            case Usage():
                self._usage = total(self._before, item)
            case FailedOver():
                self.leg = replace(self.leg, provider=item.provider, model=item.model)  # a hedge won
                self._before = self._usage
            case Finished(status="refused"):
                self.refusal = item
                self._tools.note(PolicyEvent("refusal", self.leg.provider))
                return False
        return True

    def shown(self, item: Item) -> Item:
        """The item as the reader sees it: what was used is what all providers used together."""
        if isinstance(item, FailedOver):
            return replace(item, resumed=bool(self._kept))
        return self._usage if isinstance(item, Usage) else item

    async def move(self, error: AthenaError | None) -> float | None:
        """Turn to the next provider; without an error, since the last one refused.

        Seconds to wait before it is asked; None where nobody is left after a refusal. Raises the error where nobody is
        left after one, or nobody else could do better.
        """
        left = Lane(self.leg.provider, self.leg.model)
        if error is not None and not self._options.recovery.moves_on(error):
            raise error
        self._call.tried.add(left.provider)
        lane, wait = await self._router.next(self._next(error)), 0.0
        if lane is None and error is not None:
            lane, wait = left, self._restart_wait(error)
        if lane is None:
            self._end(left)
            return None
        self._tools.note(PolicyEvent("failover", left.provider, REFUSED if error is None else error.code))
        self._turn(left, lane, error)
        return wait

    def waiting(self, wait: float, error: AthenaError | None) -> Reconnecting:
        code = REFUSED if error is None else error.code
        return Reconnecting(self.leg.provider, len(self._call.attempts) + 1, wait, code)

    def _restart_wait(self, error: AthenaError) -> float:
        """Seconds after which the same provider may be asked anew. Raises the error where it may not."""
        self._restarts += 1
        begun = self._kept or self.own or self._tools_called
        if not begun or self._restarts > self._options.failover.restarts or not is_transient(error):
            raise error
        asked = error.retry_after if isinstance(error, APIError) else None
        wait = delay(self._restarts, asked, self._options.retry, self._tools.random())
        too_long = wait > self._options.retry.longest or self._tools.clock() + wait >= self._call.expires
        if too_long or not affordable(self.leg.provider, self._tools):
            raise error
        return wait

    def _end(self, left: Lane) -> None:
        """Nobody is left after a refusal: it stands, unless an answer had begun before it, which stands instead."""
        assert self.refusal is not None
        if self.broke is None:
            self.change = (self.refusal,)
        else:
            self._turn(left, left, None)

    def _turn(self, left: Lane, lane: Lane, error: AthenaError | None) -> None:
        """The next leg, and what the reader is told of it: what is no part of the answer goes, what is comes again."""
        resumed = error is not None and lane.provider != left.provider and self._may_resume
        if resumed:
            self._kept += "".join(self.own)
            self.broke = error
        elif error is not None:
            self._kept, self.broke = "", None
        stop_reason = self.refusal.stop_reason if self.refusal is not None else ""
        code = REFUSED if error is None else error.code
        told = FailedOver(lane.provider, lane.model, left.provider, left.model, code, resumed, stop_reason)
        self.change = (told, Token(self._kept)) if self._kept and not resumed else (told,)
        self.own.clear()
        self._tools_called = False
        self.refusal = None
        self._before = self._usage
        self._call.state.move("error")
        self._call.state.move("reconnecting")
        self.leg = self._leg(lane)

    def _leg(self, lane: Lane) -> Call:
        return replace(self._going_on(self._kept), provider=lane.provider, model=lane.model)

    def _going_on(self, text: str) -> Call:
        """The call for who is to go on behind the text."""
        if not text:
            return self._call
        room = max(_LEAST_TOKENS, self._call.max_tokens - len(text) // _CHARACTERS)
        return replace(self._call, prompt=continued(self._call.prompt, text), max_tokens=room)

    def _next(self, error: AthenaError | None) -> Call:
        """What the next provider must have room for."""
        written = self._kept + "".join(self.own) if error is not None and self._may_resume else self._kept
        return self._going_on(written)

    @property
    def _may_resume(self) -> bool:
        """Not what is longer than the answer may be: whoever wrote that would make the next one bill it."""
        plain = self._call.prompt.schema is None and not self._tools_called
        size = len(self._kept) + sum(map(len, self.own))
        return plain and 0 < size <= min(MOST_RESUMED, 2 * _CHARACTERS * max(_LEAST_TOKENS, self._call.max_tokens))
