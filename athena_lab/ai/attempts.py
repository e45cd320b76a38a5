"""Every attempt is written down: how long it took, how it ended, what it used and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.ai.meter import Count, believable
from athena_lab.errors import APIError, AthenaError
from athena_lab.events import Attempt, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools


def policy(_options: PipelineOptions, tools: Tools) -> Policy:
    def wrap(send: Send) -> Send:
        async def recorded(call: Call) -> AsyncGenerator[Item, None]:
            record = _Record(call, tools)
            see = record.count.see
            try:
                events = send(call)
                try:
                    async for event in events:
                        if isinstance(event, Usage):
                            event = _priced(event, call, tools)  # noqa: PLW2901 - the same event, with its cost
                        if record.first is None:
                            record.began()
                        see(event)
                        yield event
                finally:
                    await events.aclose()
                record.outcome = None
            except AthenaError as raised:
                record.outcome, record.error = raised.code, raised
                raise
            finally:
                record.write_down()

        return recorded

    return wrap


class _Record:
    """What is known of one attempt. Made, it runs; written down, it has ended."""

    def __init__(self, call: Call, tools: Tools) -> None:
        self.outcome: str | None = "cancelled"
        self.error: AthenaError | None = None
        self._call = call
        self._tools = tools
        self._sent, self._received = call.traffic.sent, call.traffic.received
        self._began = tools.clock()
        self.first: float | None = None
        """Seconds to the first item."""
        self.count = Count(call.prompt)
        self._run(1)

    def began(self) -> None:
        self.first = self._tools.clock() - self._began

    def write_down(self) -> None:
        call, tools = self._call, self._tools
        self._run(-1)
        used, estimated = self.count.result(self.error, asked=call.traffic.sent > self._sent)
        used = _priced(used, call, tools)
        billed_before = any(attempt.input_tokens or attempt.output_tokens for attempt in call.attempts)
        if tools.meter is not None:
            tools.meter.record(call.provider, call.model, used, first=not billed_before, estimated=estimated)
        call.attempts.append(self._attempt(used, estimated=estimated))
        self._tell()

    def _attempt(self, used: Usage, *, estimated: bool) -> Attempt:
        call = self._call
        return Attempt(
            call.provider,
            call.model,
            elapsed=self._tools.clock() - self._began,
            wait=call.waited,
            first=self.first,
            error=self.outcome,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cached_tokens=used.cached_tokens,
            cost=used.cost,
            estimated=estimated,
            sent=call.traffic.sent - self._sent,
            received=call.traffic.received - self._received,
        )

    def _tell(self) -> None:
        """The other guards of the provider learn from how it went."""
        call, tools = self._call, self._tools
        guard = tools.guards.get(call.provider)
        if self.outcome is None:
            tools.outcome(call.provider, call.model, None)
            if guard is not None and self.first is not None and not call.batched:
                guard.latency.add(self.first)
        elif isinstance(self.error, APIError):
            tools.outcome(call.provider, call.model, self.error)

    def _run(self, change: int) -> None:
        if self._tools.meter is not None and not self._call.batched:
            self._tools.meter.running[self._call.provider] += change


def _priced(usage: Usage, call: Call, tools: Tools) -> Usage:
    usage = believable(usage, call)
    return usage if tools.meter is None else tools.meter.priced(call, usage)
