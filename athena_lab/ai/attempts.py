"""Every attempt is written down, with how long it took and how it ended."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from athena_lab.errors import AthenaError
from athena_lab.events import Attempt, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools


def policy(_options: PipelineOptions, tools: Tools) -> Policy:
    def wrap(send: Send) -> Send:
        async def recorded(call: Call) -> AsyncGenerator[Item, None]:
            began = tools.clock()
            outcome: str | None = "cancelled"
            usage = Usage()
            try:
                async with aclosing(send(call)) as events:
                    async for event in events:
                        if isinstance(event, Usage):
                            usage = event
                        yield event
                outcome = None
            except AthenaError as error:
                outcome = error.code
                raise
            finally:
                call.attempts.append(
                    Attempt(
                        call.provider,
                        call.model,
                        elapsed=tools.clock() - began,
                        wait=call.waited,
                        error=outcome,
                        input_tokens=usage.input_tokens,
                        output_tokens=usage.output_tokens,
                    )
                )

        return recorded

    return wrap
