"""Retry: what may pass by waiting is tried again, as long as nothing of an answer has been shown.

tenacity does the trying; it is imported and entered only after the first failure, since a request that succeeds should
not pay for it. A wait is never shorter than what the provider asks for, and one that would outlast the request's own
deadline is not begun.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from athena_lab.ai.observe import PolicyEvent
from athena_lab.errors import APIError, InvalidResponse, NetworkError, RateLimited, ServiceUnavailable
from athena_lab.events import Reconnecting, Token, ToolCall

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    import tenacity

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools

OK = 200


class RetryOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Waits of ``base``, then twice as long each time up to ``cap``, each changed at random by up to ``jitter``."""

    attempts: Annotated[int, Meta(ge=1, le=10)] = 3
    """Requests sent in all, the first one included."""
    base: Annotated[float, Meta(gt=0, le=60)] = 1.0
    """Seconds."""
    cap: Annotated[float, Meta(gt=0, le=600)] = 30.0
    """Seconds."""
    jitter: Annotated[float, Meta(ge=0, le=1)] = 0.25
    """Share of the wait."""
    longest: Annotated[float, Meta(gt=0, le=3_600)] = 120.0
    """Seconds. A provider that asks for a longer wait is not waited for."""
    budget: Annotated[float, Meta(ge=0, le=10_000)] = 20.0
    """Retries of one provider in a burst, all requests together; an outage is not to be multiplied."""
    budget_per_second: Annotated[float, Meta(gt=0, le=1_000)] = 0.5
    """Retries that the budget gets back."""
    budget_ratio: Annotated[float, Meta(ge=0, le=1)] = 0.2
    """Retries that every new request gives it."""


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed later: network errors, 5xx, rate limits, an answer that broke off.

    What the error itself says of it comes first.
    """
    if isinstance(error, APIError) and error.should_retry is not None:
        return error.should_retry
    if isinstance(error, InvalidResponse):
        return error.upstream_status == OK
    return isinstance(error, (NetworkError, RateLimited, ServiceUnavailable))


def delay(attempt: int, asked: float | None, options: RetryOptions, chance: float) -> float:
    """Seconds to wait after so many attempts. ``asked`` is the provider's retry-after, ``chance`` lies in [0, 1)."""
    wait: float = min(options.cap, options.base * 2 ** (attempt - 1))
    wait *= 1 + options.jitter * (2 * chance - 1)
    return wait if asked is None else max(wait, asked)


def policy(options: PipelineOptions, tools: Tools) -> Policy:
    def wrap(send: Send) -> Send:
        def retried(call: Call) -> AsyncGenerator[Item, None]:
            _fill_budget(call, options.retry, tools)
            return _retried(send, call, options, tools)

        return retried

    return wrap


async def _retried(send: Send, call: Call, options: PipelineOptions, tools: Tools) -> AsyncGenerator[Item, None]:
    held = _Held()
    failure: APIError | None = None
    items = send(call)
    try:
        async for item in items:
            for one in held.take(item):
                yield one
            if held.shown:
                break
        async for item in items:
            yield item
    except APIError as error:
        if held.shown:
            raise
        failure = error
    finally:
        await items.aclose()
    if failure is None:
        for one in held.items:
            yield one
        return
    async with aclosing(_again(failure, send, call, options, tools)) as later:
        async for one in later:
            yield one


def _may_retry(error: APIError, call: Call, options: PipelineOptions, tools: Tools) -> bool:
    """By the table. A rule of the settings' own counts for more than what is usual for the error, the provider's word
    for more than that."""
    last = tools.router is None or not options.failover.enabled or tools.router.alone(call)
    refused = error.should_retry is False and error.upstream_status is not None
    usual = is_transient(error) or (error.code in options.recovery.rules and not refused)
    return usual and options.recovery.retries(error, last=last)


def affordable(provider: str, tools: Tools) -> bool:
    """Takes a retry from the provider's budget, if there is one left."""
    guard = tools.guards.get(provider)
    if guard is None:
        return True
    if guard.retries.level < 1:
        return False
    guard.retries.take(1)
    return True


def _fill_budget(call: Call, options: RetryOptions, tools: Tools) -> None:
    if (guard := tools.guards.get(call.provider)) is not None:
        guard.retries.give(options.budget_ratio)


class _Held:
    """What an attempt gives before the first piece that a reader sees: once that is shown, it cannot be taken back."""

    __slots__ = ("items", "shown")

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.shown = False

    def take(self, item: Item) -> Sequence[Item]:
        """What may be shown now. Waits within the attempt at once: the reader should know of them while they last."""
        if isinstance(item, Reconnecting):
            return (item,)
        self.items.append(item)
        if not isinstance(item, Token | ToolCall):
            return ()
        self.shown = True
        shown, self.items = self.items, []
        return shown


async def _again(
    first: APIError, send: Send, call: Call, options: PipelineOptions, tools: Tools
) -> AsyncGenerator[Item, None]:
    """Go on trying, tell of each wait, and give the answer of the attempt that succeeds.

    ``first`` is the failure of the attempt already made, and counts as one. It is raised where it is not to be retried.
    """
    call.state.move("error")
    if not _may_retry(first, call, options, tools):
        raise first
    waits = _Waits(first, call, options, tools)
    failure: APIError | None = first
    async for trial in waits.retrying():
        # Told, waited for and tried out here: inside, tenacity would take a reader that leaves for a failure.
        if trial.retry_state.attempt_number > 1:
            call.state.move("reconnecting")
            tools.note(PolicyEvent("retry", call.provider))
            yield Reconnecting(call.provider, trial.retry_state.attempt_number, waits.wait, waits.error.code)
            await tools.sleep(waits.wait)
            held, failure = _Held(), None
            try:
                async with aclosing(send(replace(call, waited=waits.wait))) as items:
                    async for item in items:
                        for one in (item,) if held.shown else held.take(item):
                            yield one
            except APIError as error:
                if held.shown:
                    raise
                call.state.move("error")
                failure = error
            for one in held.items if failure is None else ():
                yield one
        with trial:
            if failure is not None:
                raise failure


class _Waits:
    """How long to wait, and when to give up, as tenacity asks for it."""

    def __init__(self, first: APIError, call: Call, options: PipelineOptions, tools: Tools) -> None:
        self.error = first
        self.wait = 0.0
        self._call = call
        self._options = options.retry
        self._pipeline = options
        self._tools = tools

    def retrying(self) -> tenacity.AsyncRetrying:
        import tenacity  # noqa: PLC0415 - see the module's docstring

        return tenacity.AsyncRetrying(
            sleep=_no_time,
            wait=self._next_wait,
            stop=self._gives_up,
            retry=tenacity.retry_if_exception(self._may),
            reraise=True,
        )

    def _may(self, error: BaseException) -> bool:
        return isinstance(error, APIError) and _may_retry(error, self._call, self._pipeline, self._tools)

    def _next_wait(self, state: tenacity.RetryCallState) -> float:
        failed = state.outcome.exception() if state.outcome is not None else None
        self.error = failed if isinstance(failed, APIError) else self.error
        self.wait = delay(state.attempt_number, self.error.retry_after, self._options, self._tools.random())
        return self.wait

    def _gives_up(self, state: tenacity.RetryCallState) -> bool:
        too_long = self.wait > self._options.longest or self._tools.clock() + self.wait >= self._call.expires
        return (
            too_long
            or state.attempt_number >= self._options.attempts
            or not affordable(self._call.provider, self._tools)
        )


async def _no_time(_seconds: float) -> None:
    """tenacity's place for the wait, which is made elsewhere."""
