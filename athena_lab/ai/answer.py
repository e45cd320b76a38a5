"""One answer on its way: the pipeline's items become the events that a reader sees, and events become a result."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from athena_lab.ai.citations import find_citations
from athena_lab.ai.observe import RequestEnded
from athena_lab.ai.types import AnalysisResult
from athena_lab.errors import APIError, AthenaError
from athena_lab.events import Failed, Finished, Started, Token, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from athena_lab.ai.observe import Observer
    from athena_lab.ai.send import Item
    from athena_lab.errors import Problem
    from athena_lab.events import AnyEvent, Attempt


class Answer:
    """The state of one answer, for which the reader has waited ``elapsed()`` seconds. `events` is used once."""

    def __init__(
        self,
        started: Started,
        known: Sequence[str],
        attempts: list[Attempt],
        elapsed: Callable[[], float],
        observers: Sequence[Observer],
    ) -> None:
        self._started = started
        self._known = known
        self._attempts = attempts
        self._elapsed = elapsed
        self._observers = observers
        self._first: float | None = None
        self._text: list[str] = []
        self._usage = Usage()
        self._outcome: Literal["completed", "refused", "degraded", "failed", "cancelled"] = "cancelled"
        self._error: str | None = None

    async def events(self, items: AsyncGenerator[Item, None]) -> AsyncGenerator[AnyEvent, None]:
        """`Started`, what the reader may see of the items, and exactly one end: a named error ends in `Failed`."""
        try:
            yield self._started
            last: Finished | Failed | None = None
            try:
                async with aclosing(items):
                    async for item in items:
                        if isinstance(item, Finished):
                            last = item
                        elif isinstance(item, Token | Usage):
                            self._note(item)
                            yield item
            except AthenaError as error:
                last = self._failed(error)
            if isinstance(last, Finished):
                last = self._finished(last)
            if last is not None:
                yield last
        finally:
            self._tell()

    def _note(self, item: Token | Usage) -> None:
        if isinstance(item, Usage):
            self._usage = item
            return
        if self._first is None:
            self._first = self._elapsed()
        self._text.append(item.text)

    def _finished(self, end: Finished) -> Finished:
        """The provider's end with what only we know. It comes last, when all attempts are written down."""
        cited, unknown = find_citations("".join(self._text), self._known)
        self._outcome = end.status
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
        self._outcome, self._error = "failed", error.code
        return Failed(error.problem(self._started.id), tuple(self._attempts), self._elapsed())

    def _tell(self) -> None:
        ended = RequestEnded(
            id=self._started.id,
            provider=self._started.provider,
            model=self._started.model,
            status=self._outcome,
            error=self._error,
            elapsed=self._elapsed(),
            first_token=self._first,
            tokens=len(self._text),
            usage=self._usage,
            attempts=tuple(self._attempts),
        )
        for observer in self._observers:
            observer(ended)


async def fold(events: AsyncIterator[AnyEvent], known: Sequence[str]) -> AnalysisResult:
    """The result that a whole stream amounts to. ``known`` are the ids that may be cited."""
    text: list[str] = []
    started: Started | None = None
    usage = Usage()
    async for event in events:
        match event:
            case Started():
                started = event
            case Token():
                text.append(event.text)
            case Usage():
                usage = event
            case Finished():
                return _result(started, text, usage, event)
            case Failed():
                return _fragment(started, text, usage, event, known)
    raise RuntimeError("A stream of events ended without its terminal event.")


def _result(started: Started | None, text: list[str], usage: Usage, end: Finished) -> AnalysisResult:
    assert started is not None
    return AnalysisResult(
        id=started.id,
        status=end.status,
        provider=started.provider,
        model=started.model,
        text="".join(text),
        citations=end.citations,
        unknown_citations=end.unknown_citations,
        usage=usage,
        attempts=end.attempts,
        stop_reason=end.stop_reason,
        elapsed=end.elapsed,
    )


def _fragment(
    started: Started | None, text: list[str], usage: Usage, end: Failed, known: Sequence[str]
) -> AnalysisResult:
    assert started is not None
    error: Problem = end.error
    cited, unknown = find_citations("".join(text), known)
    return AnalysisResult(
        id=started.id,
        status="failed",
        provider=started.provider,
        model=started.model,
        text="".join(text),
        citations=cited,
        unknown_citations=unknown,
        usage=usage,
        attempts=end.attempts,
        elapsed=end.elapsed,
        error=error,
    )
