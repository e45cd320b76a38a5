"""Deadlines: for the whole request, for the first piece of the answer, between two pieces.

What counts is data, not bytes: comments that keep a connection open reach nobody here, so a provider that sends nothing
else is timed out. Time that the reader of the stream takes between two events counts for the whole only.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from athena_lab.errors import DeadlineExceeded, ProviderTimeout

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
            async with aclosing(send(call)) as events:
                while True:
                    event = await _next(events, call, limits, limit, call.expires - tools.clock())
                    if event is None:
                        return
                    limit = "between_tokens"
                    yield event

        return in_time

    return wrap


async def _next(
    events: AsyncGenerator[Item, None], call: Call, limits: DeadlineOptions, limit: Limit, left: float
) -> Item | None:
    """The next event, None at the end.

    Raises DeadlineExceeded when the whole request's time is over, ProviderTimeout when the provider is too slow.
    """
    seconds: float = getattr(limits, limit)
    if left > 0:
        try:
            async with asyncio.timeout(min(seconds, left)) as scope:
                return await anext(events, None)
        except TimeoutError:
            if not scope.expired():
                raise
    if left <= seconds:
        raise DeadlineExceeded("The time given for this request is over.")
    raise ProviderTimeout(
        f"{call.provider} sent nothing for {seconds:g} s.",
        provider=call.provider,
        model=call.model,
        should_retry=False if limit == "first_token" else None,
        next_step=f"Ask again, choose another provider, or raise {limit} under [ai] in athena.toml.",
    )
