"""Each provider has places of its own: who waits for one has sent nothing, so no limit of the provider's counts.

Who has one also holds a place among all attempts, in the whole lab and on the network. These are asked for after it, so
that who waits for one provider keeps nobody from asking another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.bulkheads import Places
from athena_lab.errors import DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools


def policy(_options: PipelineOptions, tools: Tools) -> Policy:
    def wrap(send: Send) -> Send:
        async def placed(call: Call) -> AsyncGenerator[Item, None]:
            places = _places(call, tools)
            try:
                await places.enter()
            except TimeoutError:
                raise _waited_too_long(call) from None
            try:
                items = send(call)
                try:
                    async for item in items:
                        yield item
                finally:
                    await items.aclose()
            finally:
                places.leave()

        return placed if tools.guards or tools.bulkheads else send

    return wrap


def _places(call: Call, tools: Tools) -> Places:
    own = (tools.guards[call.provider].bulkhead,) if tools.guards else ()
    shared = tools.bulkheads.of("ai", "network") if tools.bulkheads is not None else ()
    return Places(own + shared, call.expires - tools.clock())


def _waited_too_long(call: Call) -> DeadlineExceeded:
    return DeadlineExceeded(
        "The time given for this request is over; it waited for others that are being answered.",
        provider=call.provider,
        model=call.model,
        next_step="Ask again when fewer questions run, or raise the workers of the provider, or of [bulkheads] ai, in "
        "athena.toml.",
    )
