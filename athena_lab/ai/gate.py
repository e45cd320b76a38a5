"""The last look before a request is sent: what was so when it began may not be so any more once it has its place.

While it waited, the provider's breaker may have opened, or a rate limit may have been told. What an error says of when
to come back is learned here too, for all requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.ai.observe import PolicyEvent
from athena_lab.ai.ratelimit import needed, no_room
from athena_lab.errors import APIError, RateLimited

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools


def policy(_options: PipelineOptions, tools: Tools) -> Policy:
    """Raises CircuitOpen, and RateWouldBeExceeded, for which `ratelimit` waits outside of the place."""

    def wrap(send: Send) -> Send:
        async def passed(call: Call) -> AsyncGenerator[Item, None]:
            guard = tools.guards[call.provider]
            if guard.breaker.state == "open":
                raise guard.breaker.refusal(call.provider, call.model)
            limiter = guard.limiter
            tokens = needed(call) if limiter.limits else 0
            if limiter.limits and (wait := limiter.seconds_until(tokens)):
                raise no_room(call, wait)
            limiter.take(tokens)
            try:
                items = send(call)
                try:
                    async for item in items:
                        yield item
                finally:
                    await items.aclose()
            except APIError as error:
                if isinstance(error, RateLimited):
                    tools.note(PolicyEvent("rate_limit_hit", call.provider))
                    limiter.cool_down(error.retry_after)
                elif error.retry_after is not None:
                    limiter.cool_down(error.retry_after)
                raise

        return passed if tools.guards else send

    return wrap
