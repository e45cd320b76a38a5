"""Each provider has places of its own: who waits for one has sent nothing, so no limit of the provider's counts."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from athena_lab.errors import DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools


def policy(_options: PipelineOptions, tools: Tools) -> Policy:
    def wrap(send: Send) -> Send:
        async def placed(call: Call) -> AsyncGenerator[Item, None]:
            bulkhead = tools.guards[call.provider].bulkhead
            try:
                await bulkhead.enter(call.expires - tools.clock())
            except TimeoutError:
                raise _waited_too_long(call) from None
            try:
                async with aclosing(send(call)) as items:
                    async for item in items:
                        yield item
            finally:
                bulkhead.leave()

        return placed if tools.guards else send

    return wrap


def _waited_too_long(call: Call) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"The time given for this request is over; it waited for others that {call.provider} is answering.",
        provider=call.provider,
        model=call.model,
        next_step="Ask again when fewer questions run, or raise the provider's workers in athena.toml.",
    )
