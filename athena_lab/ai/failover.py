"""Failover: when a provider cannot answer, the next is asked, before the first word or in the middle of the answer.

In the middle the next provider is given the text so far and goes on from there; where that cannot be, as in a
structured answer, it begins anew, and so does the same provider where nobody else is left. A refusal is no failure: the
next provider is asked from the beginning, and what the refusing one wrote is no part of the answer.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from athena_lab.ai.meter import total
from athena_lab.ai.observe import PolicyEvent
from athena_lab.ai.prompt import continued
from athena_lab.ai.retry import delay, is_transient
from athena_lab.ai.router import Lane
from athena_lab.errors import APIError, AthenaError
from athena_lab.events import FailedOver, Finished, Reconnecting, Token, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.router import Router
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools

REFUSED: Final = "refused"
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
    while True:
        error: AthenaError | None = None
        try:
            async with aclosing(send(trip.leg)) as items:
                async for item in items:
                    if trip.see(item):
                        yield trip.shown(item)
            if trip.refusal is None:
                return
        except AthenaError as failed:
            error = failed
        wait = await trip.move(error)
        if wait is None:
            break
        if wait:
            yield trip.waiting(wait, error)
            await tools.sleep(wait)
        yield trip.change
    if trip.refusal is not None:
        yield trip.refusal


class _Trip:
    """One request on its way from provider to provider."""

    def __init__(self, call: Call, router: Router, options: PipelineOptions, tools: Tools) -> None:
        self.leg = call
        """The call that is being made."""
        self.refusal: Finished | None = None
        self.change = FailedOver("", "", "", "", "")
        """The last one."""
        self._call = call
        self._router = router
        self._options = options
        self._tools = tools
        self._text: list[str] = []
        self._tools_called = False
        self._restarts = 0
        self._usage = self._before = Usage()

    def see(self, item: Item) -> bool:
        """Whether the reader is to see it. The end of a refusal is kept until it is known that nobody else answers."""
        match item:
            case Token():
                self._text.append(item.text)
            case ToolCall():
                self._tools_called = True
            case Usage():
                self._usage = total(self._before, item)
            case FailedOver():
                self._begin_anew(Lane(item.provider, item.model))  # by a hedge that won
            case Finished(status="refused"):
                self.refusal = item
                self._tools.note(PolicyEvent("refusal", self.leg.provider))
                return False
        return True

    def shown(self, item: Item) -> Item:
        """The item as the reader sees it: what was used is what all providers used together."""
        return self._usage if isinstance(item, Usage) else item

    async def move(self, error: AthenaError | None) -> float | None:
        """Turn to the next provider; without an error, since the last one refused.

        Seconds to wait before it is asked; None where the refusal stands. Raises the error where nobody is left, or
        nobody else could do better.
        """
        left = Lane(self.leg.provider, self.leg.model)
        if error is not None and not self._options.recovery.moves_on(error):
            raise error
        self._call.tried.add(left.provider)
        lane, wait = await self._router.next(self._call), 0.0
        if lane is None and error is not None:
            lane, wait = left, self._restart_wait(error)
        if lane is None:
            return None
        code = REFUSED if error is None else error.code
        self._tools.note(PolicyEvent("failover", left.provider, code))
        self._turn(left, lane, code)
        return wait

    def waiting(self, wait: float, error: AthenaError | None) -> Reconnecting:
        code = REFUSED if error is None else error.code
        return Reconnecting(self.leg.provider, len(self._call.attempts) + 1, wait, code)

    def _restart_wait(self, error: AthenaError) -> float:
        """Seconds after which the same provider may be asked anew. Raises the error where it may not."""
        self._restarts += 1
        if not self._text or self._restarts > self._options.failover.restarts or not is_transient(error):
            raise error
        asked = error.retry_after if isinstance(error, APIError) else None
        wait = delay(self._restarts, asked, self._options.retry, self._tools.random())
        if self._tools.clock() + wait >= self._call.expires:
            raise error
        return wait

    def _turn(self, left: Lane, lane: Lane, code: str) -> None:
        resumed = self._can_resume(code) and lane.provider != left.provider
        stop_reason = self.refusal.stop_reason if self.refusal is not None else ""
        self.change = FailedOver(lane.provider, lane.model, left.provider, left.model, code, resumed, stop_reason)
        self._call.state.move("error")
        self._call.state.move("reconnecting")
        if not resumed:
            self._begin_anew(lane)
            return
        so_far = "".join(self._text)
        self._before = self._usage
        self.leg = replace(
            self._call,
            provider=lane.provider,
            model=lane.model,
            prompt=continued(self._call.prompt, so_far),
            max_tokens=max(_LEAST_TOKENS, self._call.max_tokens - len(so_far) // _CHARACTERS),
        )

    def _begin_anew(self, lane: Lane) -> None:
        self._text.clear()
        self._tools_called = False
        self.refusal = None
        self._before = self._usage
        self.leg = replace(self._call, provider=lane.provider, model=lane.model)

    def _can_resume(self, code: str) -> bool:
        plain = self._call.prompt.schema is None and not self._tools_called
        return bool(self._text) and plain and code != REFUSED
