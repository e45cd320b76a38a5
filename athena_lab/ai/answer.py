"""One answer on its way: the pipeline's items become the events that a reader sees, and events become a result."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from os import urandom
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from athena_lab.ai.citations import find_citations
from athena_lab.ai.notice import notice
from athena_lab.ai.observe import RequestEnded
from athena_lab.ai.send import Progress
from athena_lab.ai.types import AnalysisResult, SetAside
from athena_lab.errors import APIError, AthenaError, Rejected
from athena_lab.events import (
    Consensus,
    Failed,
    FailedOver,
    Finished,
    Member,
    Recovered,
    Started,
    Structured,
    Token,
    ToolCall,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from athena_lab.ai.observe import Observer
    from athena_lab.ai.send import Call, Item
    from athena_lab.ai.states import StreamState
    from athena_lab.errors import Problem
    from athena_lab.events import AnyEvent, Attempt


class Answer:
    """The state of one answer, for which the reader has waited ``elapsed()`` seconds. `events` is used once."""

    def __init__(
        self,
        started: Started,
        state: StreamState,
        *,
        known: Sequence[str],
        attempts: list[Attempt],
        elapsed: Callable[[], float],
        observers: Sequence[Observer],
    ) -> None:
        self._started = started
        self._provider, self._model = started.provider, started.model
        self._state = state
        self._known = known
        self._attempts = attempts
        self._elapsed = elapsed
        self._observers = observers
        self._first: float | None = None
        self._text: list[str] = []
        self._usage = Usage()
        self._outcome: Literal["completed", "refused", "degraded", "failed", "cancelled"] = "cancelled"
        self._problem: Problem | None = None
        self._counts: Counter[type[AnyEvent]] = Counter()

    async def events(self, items: AsyncGenerator[Item, None]) -> AsyncGenerator[AnyEvent, None]:
        """`Started`, what the reader may see of the items, and exactly one end: a named error ends in `Failed`."""
        try:
            self._counts[Started] += 1
            yield self._started
            last: Finished | Failed | None = None
            try:
                try:
                    async for item in items:
                        if isinstance(item, Finished):
                            last = item
                        elif not isinstance(item, Progress):
                            item = self._told(item)  # noqa: PLW2901 - the same event, with what only we know
                            self._note(item)
                            yield item
                finally:
                    await items.aclose()
            except AthenaError as error:
                last = self._failed(error)
            if isinstance(last, Finished):
                last = self._finished(last)
            if last is not None:
                self._counts[type(last)] += 1
                yield last
        finally:
            self._tell()

    def _told(self, item: AnyEvent) -> AnyEvent:
        if not isinstance(item, Recovered):
            return item
        problem = replace(item.error, request_id=self._started.id, attempts=len(self._attempts))
        return replace(item, error=problem)

    def _note(self, item: AnyEvent) -> None:
        self._counts[type(item)] += 1
        match item:
            case Token():
                self._text.append(item.text)
            case Usage():
                self._usage = item
            case FailedOver():
                self._provider, self._model = item.provider, item.model
                if not item.resumed:
                    self._text.clear()
            case Recovered():
                self._problem = item.error
        if self._first is None and isinstance(item, Token | ToolCall | Member):
            self._first = self._elapsed()
        if self._state.value == "connected" and isinstance(item, Token | ToolCall | Member):
            self._state.move("streaming")

    def _finished(self, end: Finished) -> Finished:
        """The provider's end with what only we know. It comes last, when all attempts are written down."""
        cited, unknown = find_citations("".join(self._text), self._known)
        self._outcome = end.status
        self._state.move("completed")
        return replace(
            end,
            citations=cited,
            unknown_citations=unknown,
            attempts=tuple(self._attempts),
            elapsed=self._elapsed(),
        )

    def _failed(self, error: AthenaError) -> Failed:
        if isinstance(error, APIError):
            error.attempts = max(len(self._attempts), 1)
        elif isinstance(error, Rejected):
            error.attempts = len(self._attempts)
        self._outcome, self._problem = "failed", error.problem(self._started.id)
        self._state.move("failed")
        cited, unknown = find_citations("".join(self._text), self._known)
        return Failed(self._problem, cited, unknown, tuple(self._attempts), self._elapsed())

    def _tell(self) -> None:
        ended = RequestEnded(
            id=self._started.id,
            provider=self._provider,
            model=self._model,
            status=self._outcome,
            problem=self._problem,
            elapsed=self._elapsed(),
            first_token=self._first,
            tokens=len(self._text),
            usage=self._usage,
            attempts=tuple(self._attempts),
            events={str(kind.__struct_config__.tag): count for kind, count in self._counts.items()},
        )
        for observer in self._observers:
            observer(ended)


async def fold(events: AsyncIterator[AnyEvent]) -> AnalysisResult:
    """The result that a whole stream amounts to."""
    folder = Folder()
    async for event in events:
        folder.take(event)
        if folder.ended:
            break
    return folder.result()


async def collect(call: Call, items: AsyncGenerator[Item, None]) -> AnalysisResult:
    """The answer of one attempt as a result. Raises what the attempt raises."""
    folder = Folder()
    folder.take(Started(urandom(16).hex(), call.provider, call.model))
    async with aclosing(items):
        async for item in items:
            if not isinstance(item, Progress):
                folder.take(item)
    result = folder.result()
    cited, unknown = find_citations(result.text, call.prompt.material.ids)
    return replace(result, citations=cited, unknown_citations=unknown)


class Folder:
    """A stream of events, as far as it came, as one result."""

    def __init__(self) -> None:
        self._started: Started | None = None
        self._text: list[str] = []
        self._calls: list[ToolCall] = []
        self._usage = Usage()
        self._structured: Structured | None = None
        self._set_aside: list[SetAside] = []
        self._recovered: Recovered | None = None
        self._consensus: Consensus | None = None
        self._who = ("", "")
        self._end: Finished | Failed | None = None

    @property
    def ended(self) -> bool:
        return self._end is not None

    def take(self, event: AnyEvent) -> None:
        match event:
            case Token():
                self._text.append(event.text)
            case Started():
                self._started = event
                self._who = event.provider, event.model
            case FailedOver():
                self._fail_over(event)
            case Recovered():
                self._recovered = event
                self._who = event.provider, event.model
            case Consensus():
                self._consensus = event
            case ToolCall():
                self._calls.append(event)
            case Usage():
                self._usage = event
            case Structured():
                self._structured = event
            case Finished() | Failed():
                self._end = event

    def _fail_over(self, event: FailedOver) -> None:
        self._who = event.provider, event.model
        if event.resumed:
            return
        if self._text:
            self._set_aside.append(SetAside(event.left, event.left_model, event.error, "".join(self._text)))
        self._text.clear()
        self._calls.clear()

    def result(self) -> AnalysisResult:
        """Raises RuntimeError for a stream without its beginning or its terminal event."""
        started, end = self._started, self._end
        if started is None or end is None:
            raise RuntimeError("A stream of events ended without its terminal event.")
        structured = self._structured
        result = AnalysisResult(
            id=started.id,
            status="failed",
            provider=self._who[0],
            model=self._who[1],
            text="".join(self._text),
            notice=notice(self._recovered) if self._recovered else "",
            citations=end.citations,
            unknown_citations=end.unknown_citations,
            verdict=structured.assessment if structured else None,
            structured=structured,
            tool_calls=tuple(self._calls),
            usage=self._usage,
            attempts=end.attempts,
            elapsed=end.elapsed,
            error=self._recovered.error if self._recovered else None,
            set_aside=tuple(self._set_aside),
            recovered=self._recovered,
            consensus=self._consensus,
        )
        if isinstance(end, Failed):
            return replace(result, error=end.error)
        return replace(result, status=end.status, stop_reason=end.stop_reason)
