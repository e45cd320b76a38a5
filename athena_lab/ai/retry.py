"""Retry: what may pass by waiting is tried again, as long as nothing of an answer has been shown.

tenacity does the trying; it is imported and entered only after the first failure, since a request that succeeds should
not pay for it. A wait is never shorter than what the provider asks for, and one that would outlast the request's own
deadline is not begun.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from athena_lab.errors import APIError, InvalidResponse, NetworkError, RateLimited, ServiceUnavailable
from athena_lab.events import Reconnecting, Token, ToolCall

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    import tenacity

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools

Opened = tuple[list["Item"], "AsyncGenerator[Item, None]"]
"""An attempt that came as far as its first token: what came up to there, and the rest."""

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
    limits = options.retry

    def wrap(send: Send) -> Send:
        async def retried(call: Call) -> AsyncGenerator[Item, None]:
            async with AsyncExitStack() as stack:

                async def attempt(call: Call) -> Opened:
                    events = await stack.enter_async_context(aclosing(send(call)))
                    return await _until_shown(events), events

                try:
                    head, rest = await attempt(call)
                except APIError as error:
                    call.state.move("error")
                    if not is_transient(error):
                        raise
                    async with aclosing(_again(error, attempt, call, limits, tools)) as steps:
                        async for step in steps:
                            if isinstance(step, Reconnecting):
                                yield step
                            else:
                                head, rest = step
                for event in head:
                    yield event
                async for event in rest:
                    yield event

        return retried

    return wrap


async def _until_shown(events: AsyncGenerator[Item, None]) -> list[Item]:
    """What comes up to the first piece that a reader sees: once it is shown, an attempt cannot be taken back."""
    head: list[Item] = []
    async for event in events:
        head.append(event)
        if isinstance(event, Token | ToolCall):
            break
    return head


async def _again(
    first: APIError,
    attempt: Callable[[Call], Awaitable[Opened]],
    call: Call,
    options: RetryOptions,
    tools: Tools,
) -> AsyncGenerator[Reconnecting | Opened, None]:
    """Go on trying, and tell of each wait; the last thing is what came of it.

    ``first`` is the failure of the attempt already made, and counts as one.
    """
    import tenacity  # noqa: PLC0415 - see the module's docstring

    wait = 0.0
    error = first

    def next_wait(state: tenacity.RetryCallState) -> float:
        nonlocal wait, error
        failed = state.outcome.exception() if state.outcome is not None else None
        error = failed if isinstance(failed, APIError) else error
        wait = delay(state.attempt_number, error.retry_after, options, tools.random())
        return wait

    def gives_up(state: tenacity.RetryCallState) -> bool:
        too_long = wait > options.longest or tools.clock() + wait >= call.expires
        return too_long or state.attempt_number >= options.attempts

    retrying = tenacity.AsyncRetrying(
        sleep=_no_time,
        wait=next_wait,
        stop=gives_up,
        retry=tenacity.retry_if_exception(is_transient),
        reraise=True,
    )
    async for trial in retrying:
        number = trial.retry_state.attempt_number
        if number > 1:
            # Told and waited for out here: inside, tenacity would take a reader that leaves for a failure.
            call.state.move("reconnecting")
            yield Reconnecting(call.provider, number, wait, error.code)
            await tools.sleep(wait)
        with trial:
            if number == 1:
                raise first
            opened = await _tried(attempt, replace(call, waited=wait))
    yield opened


async def _tried(attempt: Callable[[Call], Awaitable[Opened]], call: Call) -> Opened:
    try:
        return await attempt(call)
    except APIError:
        call.state.move("error")
        raise


async def _no_time(_seconds: float) -> None:
    """tenacity's place for the wait, which is made elsewhere."""
