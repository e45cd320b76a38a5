"""Every attempt is written down, with how long it took and how it ended."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from athena_lab.errors import AthenaError
from athena_lab.events import Attempt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools


def policy(_options: PipelineOptions, tools: Tools) -> Policy:
    def wrap(send: Send) -> Send:
        async def recorded(call: Call) -> AsyncGenerator[Item, None]:
            began = tools.clock()
            outcome: str | None = "cancelled"
            try:
                async with aclosing(send(call)) as events:
                    async for event in events:
                        yield event
                outcome = None
            except AthenaError as error:
                outcome = error.code
                raise
            finally:
                elapsed = tools.clock() - began
                call.attempts.append(
                    Attempt(call.provider, call.model, elapsed=elapsed, wait=call.waited, error=outcome)
                )

        return recorded

    return wrap
