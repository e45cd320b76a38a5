"""Consensus: several providers are asked at once, and what they say is merged (`agreement`).

Each is asked through the rest of the pipeline and for itself alone: its request names it, so that failing over sends no
two to the same one. What fails at one is its opinion; only when all fail is the first one's error the answer's, after
what was received.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from athena_lab.ai.meter import total
from athena_lab.ai.router import Lane
from athena_lab.ai.send import Traffic
from athena_lab.ai.states import StreamState
from athena_lab.ai.structured import Reader
from athena_lab.errors import AthenaError, InvalidResponse
from athena_lab.events import FailedOver, Finished, Opinion, Structured, Token, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools
    from athena_lab.ai.states import State
    from athena_lab.ai.types import AnalysisRequest
    from athena_lab.events import Consensus

_MOST_OF_IT: Final = 0.75
"""Of a short time, so much is the providers', whatever the margin."""


class ConsensusOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ai.consensus]``"""

    margin: Annotated[float, Meta(ge=0, le=60)] = 1.0
    """Seconds before the request's deadline, at which those who have not answered are given up, and the rest merged.
    At most a quarter of the time that there is."""


def policy(options: PipelineOptions, tools: Tools) -> Policy:
    limits = options.consensus

    def wrap(send: Send) -> Send:
        def agreed(call: Call) -> AsyncGenerator[Item, None]:
            request = call.request
            if request is None or request.options.consensus == 1 or call.prompt.schema is None:
                return send(call)  # one alone agrees with itself, and without a schema there is nothing to merge
            return _agree(send, call, limits, tools)

        return agreed

    return wrap


async def _agree(send: Send, call: Call, limits: ConsensusOptions, tools: Tools) -> AsyncGenerator[Item, None]:
    asked = call.request.options.consensus if call.request is not None else 1
    branches = [_Branch(call, lane, _expires(call, limits, tools)) for lane in await _lanes(call, asked, tools)]
    call.state.move("connecting")
    async with asyncio.TaskGroup() as group:
        for branch in branches:
            group.create_task(branch.run(send))
    from athena_lab.ai.agreement import merge  # noqa: PLC0415 - of no use where one is asked

    consensus = merge([branch.opinion for branch in branches], asked)
    speaker = _speaker(branches, consensus)
    if speaker.error is not None:
        for item in _received(branches, speaker, consensus):
            yield item
        call.state.move("error")
        raise speaker.error
    if call.state.value == "connecting":
        call.state.move("connected")
    for item in _told(branches, speaker, consensus):
        yield item


async def _lanes(call: Call, count: int, tools: Tools) -> list[Lane]:
    """Whom to ask, the call's own provider first: so many, or as many as are able."""
    lanes = [Lane(call.provider, call.model)]
    tried = call.tried | {call.provider}
    while tools.router is not None and len(lanes) < count:
        lane = await tools.router.next(replace(call, tried=tried))
        if lane is None:
            break
        lanes.append(lane)
        tried.add(lane.provider)
    return lanes


def _expires(call: Call, limits: ConsensusOptions, tools: Tools) -> float:
    """When the branches' time is over: early enough to merge what has come."""
    left = max(0.0, call.expires - tools.clock())
    return call.expires - min(limits.margin, (1 - _MOST_OF_IT) * left)


class _Branch:
    """One provider's part."""

    def __init__(self, call: Call, lane: Lane, expires: float) -> None:
        self.usage = Usage()
        self.end: Finished | None = None
        self.error: AthenaError | None = None
        self._structured: Structured | None = None
        self._text: list[str] = []
        self._whole = call
        self._call = replace(
            call,
            provider=lane.provider,
            model=lane.model,
            request=_bound(call.request, lane),
            expires=expires,
            state=StreamState(self._moved),
            tried=set(),
            traffic=Traffic(),
        )

    async def run(self, send: Send) -> None:
        """Hear its whole answer. What fails is its outcome."""
        try:
            async with aclosing(send(self._call)) as items:
                async for item in items:
                    self._take(item)
        except AthenaError as error:
            self.error = error

    @cached_property
    def structured(self) -> Structured:
        """What became of its answer, once it is over. Where no policy has read it, that is done here."""
        if self._structured is not None or not self._text:
            return self._structured or Structured()
        if self.error is not None:
            return Structured(problem="The answer broke off.", raw="".join(self._text))
        reader = Reader()
        reader.feed("".join(self._text))
        return reader.outcome()

    @property
    def opinion(self) -> Opinion:
        provider, model = self._call.provider, self._call.model
        if self.error is not None:
            return Opinion(provider, model, error=self.error.code)
        if self.structured.assessment is not None:
            return Opinion(provider, model, self.structured.assessment)
        return Opinion(provider, model, error="refused" if self.refused else InvalidResponse.code)

    @property
    def refused(self) -> bool:
        return self.end is not None and self.end.status == "refused"

    def _take(self, item: Item) -> None:
        match item:
            case Usage():
                self.usage = item
            case Token():
                self._text.append(item.text)
            case FailedOver(resumed=False):
                self._text.clear()
            case Structured():
                self._structured = item
            case Finished():
                self.end = item

    def _moved(self, to: State) -> None:
        """The whole is connected as soon as one is."""
        if to == "connected" and self._whole.state.value == "connecting":
            self._whole.state.move(to)


def _bound(request: AnalysisRequest | None, lane: Lane) -> AnalysisRequest | None:
    """The request to this provider alone."""
    if request is None:
        return None
    options = replace(request.options, consensus=1)
    return replace(request, provider=lane.provider, options=options)


def _speaker(branches: Sequence[_Branch], consensus: Consensus) -> _Branch:
    """Whose end is that of the whole.

    Of those behind the verdict whoever is most confident. Where nobody gave an assessment, the first that wrote
    anything; else the first that failed, of those from whom something came if there are any; and where all refused,
    the first.
    """
    if consensus.merged is not None:
        from athena_lab.ai.agreement import behind, spokesman  # noqa: PLC0415 - as above

        given = {branch.opinion.provider: branch for branch in branches}
        return given[spokesman(behind(consensus.opinions, consensus.merged.verdict))[0]]
    return min(branches, key=_rank)


def _rank(branch: _Branch) -> int:
    if branch.error is None:
        return 3 if branch.refused else 0
    return 1 if branch.structured.raw else 2


def _told(branches: Sequence[_Branch], speaker: _Branch, consensus: Consensus) -> Iterator[Item]:
    structured = speaker.structured if consensus.merged is None else Structured(consensus.merged)
    if text := structured.raw if consensus.merged is None else consensus.merged.summary:
        yield Token(text)
    yield _used(branches)
    yield consensus
    yield structured
    if speaker.end is not None:
        yield speaker.end


def _received(branches: Sequence[_Branch], speaker: _Branch, consensus: Consensus) -> Iterator[Item]:
    """What there is to say where all failed: without any text only what it cost, so that something can stand in."""
    if (used := _used(branches)) != Usage():
        yield used
    if speaker.structured.raw:
        yield consensus
        yield speaker.structured


def _used(branches: Sequence[_Branch]) -> Usage:
    used = [branch.usage for branch in branches if branch.usage != Usage()]
    return reduce(total, used) if used else Usage()
