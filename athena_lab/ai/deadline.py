"""Deadlines: for the whole request, for the first piece of the answer, between two pieces.

What counts is data, not bytes: comments that keep a connection open reach nobody here, so a provider that sends nothing
else is timed out. Time that the reader of the stream takes between two events counts for the whole only.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from athena_lab.errors import DeadlineExceeded, ProviderTimeout

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools

Seconds = Annotated[float, Meta(gt=0, le=3_600)]


class DeadlineOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In seconds. The whole request's time is the caller's: `AnalysisOptions.deadline`."""

    first_token: Seconds = 60.0
    """From sending an attempt to the first piece of its answer; a model's reasoning counts as a piece."""
    between_tokens: Seconds = 30.0


def policy(options: PipelineOptions, tools: Tools) -> Policy:
    limits = options.deadline

    def wrap(send: Send) -> Send:
        async def in_time(call: Call) -> AsyncGenerator[Item, None]:
            limit = limits.first_token
            async with aclosing(send(call)) as events:
                while True:
                    event = await _next(events, call, limit, call.expires - tools.clock())
                    if event is None:
                        return
                    limit = limits.between_tokens
                    yield event

        return in_time

    return wrap


async def _next(events: AsyncGenerator[Item, None], call: Call, limit: float, left: float) -> Item | None:
    """The next event, None at the end.

    Raises DeadlineExceeded when the whole request's time is over, ProviderTimeout when the provider is too slow.
    """
    if left > 0:
        try:
            async with asyncio.timeout(min(limit, left)) as scope:
                return await anext(events, None)
        except TimeoutError:
            if not scope.expired():
                raise
    if left <= limit:
        raise DeadlineExceeded("The time given for this request is over.")
    raise ProviderTimeout(f"{call.provider} sent nothing for {limit:g} s.", provider=call.provider, model=call.model)
