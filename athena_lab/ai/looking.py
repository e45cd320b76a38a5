"""The model looks again: functions that it asks for are run, and it goes on with what they came to.

Each turn is a request through the rest of the pipeline, with its own attempts, budget and deadlines. It stands inside
of coalescing, so that who asks the same shares one talk, and outside of failover: a provider that fails in the middle
is left, the next one is given the talk so far, and nothing is run twice. A turn may be hedged; of two that are asked
for it, only the calls of whoever wins are run. The calls of one turn are run one after the other, so that one question
never takes more than one place in the sandbox.

Calls are told to the reader when they are run, not when they are asked for: a turn that breaks off is asked anew.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from athena_lab.ai.meter import total
from athena_lab.ai.observe import PolicyEvent
from athena_lab.ai.prompt import fence, inert
from athena_lab.ai.send import PROGRESS, Carry, Kept, Looked
from athena_lab.ai.states import StreamState
from athena_lab.ai.talk import MAX_CARRIED, Called, Turn, carried_size, distinct, object_text
from athena_lab.events import FailedOver, Finished, Token, ToolCall, ToolResult, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Looks, Policy, Send, Tools

MAX_ARGUMENTS: Final = 32_768
"""Characters of one call's arguments; longer ones are invalid."""
MAX_SHOWN: Final = 4_096
"""Characters of them that the reader is shown."""
UNKNOWN: Final = "unknown"
"""Stands for a function that there is not: in the talk, where its name may be one that no provider takes back, and in
metrics."""


class LookingOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ai.looking]``. Times in seconds."""

    enabled: bool = True
    calls: Annotated[int, Meta(ge=1, le=64)] = 12
    """Of one question, those among them that came to nothing."""
    deadline: Annotated[float, Meta(gt=0, le=3_600)] = 60.0
    """From a question's beginning: after that the model has to answer with what it knows."""
    call_deadline: Annotated[float, Meta(gt=0, le=60)] = 5.0
    """Of one call, in the sandbox."""
    answer_chars: Annotated[int, Meta(ge=256, le=64_000)] = 6_000
    """Characters of a call's result that the model is given."""


def policy(options: PipelineOptions, tools: Tools) -> Policy:
    limits = options.looking

    def wrap(send: Send) -> Send:
        def looking(call: Call) -> AsyncGenerator[Item, None]:
            if call.look is None or not call.prompt.tools:
                return send(call)
            return _talk(send, _Talk(call, call.look, limits, tools))

        return looking

    return wrap


async def _talk(send: Send, talk: _Talk) -> AsyncGenerator[Item, None]:
    try:
        while True:
            items = send(talk.leg)
            try:
                async for item in items:
                    for told in talk.see(item):
                        yield told
            finally:
                await items.aclose()
            if not talk.goes_on:
                break
            async with aclosing(talk.look()) as looked:
                async for event in looked:
                    yield event
        if talk.end is not None:
            yield talk.end
    finally:
        await talk.kept.aclose()


class _Talk:
    """One question's turns."""

    def __init__(self, call: Call, look: Looks, limits: LookingOptions, tools: Tools) -> None:
        self.kept = Kept()
        self._look = look
        self._limits = limits
        self._tools = tools
        self._names = {tool.name for tool in call.prompt.tools}
        self._expires = min(call.expires, tools.clock() + limits.deadline)
        self.leg = replace(call, kept=self.kept, prompt=replace(call.prompt, looks=limits.calls))
        """The call of the turn that is being made."""
        self._earlier = ""
        """What earlier turns wrote that the reader sees: nothing of a structured answer, which is its last turn."""
        self._number = 0
        self._ids: set[str] = set()
        self._usage = self._before = Usage()
        self._begin()

    def _begin(self) -> None:
        self._own: list[str] = []
        self._asked: list[ToolCall] = []
        self._carried: Carry | None = None
        self.end: Finished | None = None

    def see(self, item: Item) -> Iterable[Item]:
        """What the reader sees of an item of this turn."""
        match item:
            case Token():
                return (self._written(item),)
            case FailedOver():
                return self._moved(item)
            case Usage():
                self._usage = total(self._before, item)
                return (self._usage,)
            case ToolCall() | Carry() | Finished():
                self._keep(item)
                return (PROGRESS,)
        return (item,)

    def _keep(self, item: ToolCall | Carry | Finished) -> None:
        """What the reader is told of when the turn is over."""
        if isinstance(item, ToolCall):
            self._asked.append(item)
        elif isinstance(item, Carry):
            self._carried = item
        else:
            self.end = self._ended(item)

    def _written(self, item: Token) -> Token:
        first = not self._own
        self._own.append(item.text)
        if first and self._earlier and not self._earlier.endswith("\n\n"):
            self._earlier += "\n\n"
            return Token(f"\n\n{item.text}")
        return item

    def _moved(self, item: FailedOver) -> Iterator[Item]:
        """Whoever is asked now goes on with the talk as it was before this turn."""
        self.leg = replace(self.leg, provider=item.provider, model=item.model)
        self._asked, self._carried = [], None
        yield item
        if not item.resumed:
            self._own = []
            if self._earlier:
                yield Token(self._earlier)

    @property
    def goes_on(self) -> bool:
        completed = self.end is not None and self.end.status == "completed"
        return completed and bool(self._asked) and not self.leg.prompt.closing

    def _ended(self, end: Finished) -> Finished:
        """A model that asks on and on, and has not written a word, has not answered."""
        silent = not (self._own or self._earlier)
        asks = self._asked and self.leg.prompt.closing
        return replace(end, status="degraded") if silent and asks and end.status == "completed" else end

    async def look(self) -> AsyncGenerator[ToolCall | ToolResult, None]:
        """Run what was asked for, and make the next leg."""
        called = []
        usable = distinct([ask.id for ask in self._asked], self._ids)
        for ask, own_id in zip(self._asked, usable, strict=True):
            self._number += 1
            yield replace(ask, number=self._number, name=inert(ask.name, 64), arguments=_cut(ask.arguments))
            began = self._tools.clock()
            looked = await self._run(ask)
            elapsed = self._tools.clock() - began
            self._tools.note(PolicyEvent("tool_call", self.leg.provider, looked.outcome, self._known(ask.name)))
            name = inert(ask.name, 64)
            yield ToolResult(self._number, name, looked.outcome, looked.text, elapsed, looked.cut)
            called.append(self._called(ask, looked, own_id=own_id))
        self._next(called)

    def _called(self, ask: ToolCall, looked: Looked, *, own_id: bool) -> Called:
        arguments = object_text(ask.arguments, MAX_ARGUMENTS) or "{}"
        called = Called(self._number, ask.id, self._known(ask.name), arguments, "", looked.outcome != "ok")
        what = "could not be run" if called.failed else "gave this"
        result = f"Call {self._number} ({called.name}) {what}:\n{fence(looked.text)}"
        return replace(called, id=ask.id if own_id else called.neutral_id, result=result)

    def _next(self, called: list[Called]) -> None:
        left = self._left()
        over = left <= 0
        told = "No more calls are run: answer now, with what is known." if over else f"{left} more calls may be run."
        called[-1] = replace(called[-1], result=f"{called[-1].result}\n{told}")
        carried = self._carried.what if self._carried is not None else None
        if carried_size(carried) > MAX_CARRIED:
            carried = None
        text = "".join(self._own)
        turn = Turn(self.leg.provider, self.leg.model, text, tuple(called), carried)
        if self.leg.prompt.schema is None:
            self._earlier += text
        prompt = replace(self.leg.prompt, talk=(*self.leg.prompt.talk, turn), closing=over)
        self.leg = replace(self.leg, prompt=prompt, state=StreamState(), waited=0.0)
        self._before = self._usage
        self._begin()

    def _left(self) -> int:
        """Calls that may still be run."""
        if self._tools.clock() >= self._expires:
            return 0
        return max(0, self._limits.calls - self._number)

    async def _run(self, ask: ToolCall) -> Looked:
        seconds = self._expires - self._tools.clock()
        if self._number > self._limits.calls:
            return Looked("refused", f"All {self._limits.calls} calls of this question have been run.")
        if seconds <= 0:
            return Looked("refused", "The time for looking again is over.")
        if object_text(ask.arguments, MAX_ARGUMENTS) is None:
            return Looked("invalid", f"Arguments are a JSON object of at most {MAX_ARGUMENTS:,} characters.")
        limits = self._limits
        try:
            async with asyncio.timeout(seconds):
                looked = await self._look.run(
                    ask.name,
                    ask.arguments,
                    seconds=min(limits.call_deadline, seconds),
                    characters=limits.answer_chars,
                )
        except TimeoutError:
            return Looked("timeout", "It was not done when the time for looking again was over.")
        if len(looked.text) <= limits.answer_chars:
            return looked
        return replace(looked, text=looked.text[: limits.answer_chars], cut=True)

    def _known(self, name: str) -> str:
        return name if name in self._names else UNKNOWN


def _cut(arguments: str) -> str:
    return arguments if len(arguments) <= MAX_SHOWN else arguments[:MAX_SHOWN] + "…"
