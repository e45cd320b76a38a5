"""Every attempt is written down: how long it took, how it ended, what it used and what that costs."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from athena_lab.ai.meter import Count, believable
from athena_lab.ai.send import Traffic
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
            call = replace(call, traffic=Traffic())
            count = Count(call.prompt)
            outcome: str | None = "cancelled"
            error: AthenaError | None = None
            _run(call, tools, 1)
            try:
                async with aclosing(send(call)) as events:
                    async for event in events:
                        if isinstance(event, Usage):
                            event = _priced(event, call, tools)  # noqa: PLW2901 - the same event, with its cost
                        count.see(event)
                        yield event
                outcome = None
            except AthenaError as raised:
                outcome, error = raised.code, raised
                raise
            finally:
                _run(call, tools, -1)
                used, estimated = count.result(error, asked=call.traffic.sent > 0)
                used = _priced(used, call, tools)
                _write_down(call, tools, used, estimated=estimated, elapsed=tools.clock() - began, outcome=outcome)

        return recorded

    return wrap


def _run(call: Call, tools: Tools, change: int) -> None:
    if tools.meter is not None and not call.batched:
        tools.meter.running[call.provider] += change


def _priced(usage: Usage, call: Call, tools: Tools) -> Usage:
    usage = believable(usage, call)
    return usage if tools.meter is None else tools.meter.priced(call, usage)


def _write_down(call: Call, tools: Tools, used: Usage, *, estimated: bool, elapsed: float, outcome: str | None) -> None:
    billed_before = any(attempt.input_tokens or attempt.output_tokens for attempt in call.attempts)
    if tools.meter is not None:
        first = not billed_before
        tools.meter.record(call.provider, call.model, used, first=first, estimated=estimated)
    call.attempts.append(
        Attempt(
            call.provider,
            call.model,
            elapsed=elapsed,
            wait=call.waited,
            error=outcome,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cached_tokens=used.cached_tokens,
            cost=used.cost,
            estimated=estimated,
            sent=call.traffic.sent,
            received=call.traffic.received,
        )
    )
