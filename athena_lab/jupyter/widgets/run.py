"""One question on its way: events in, an `Answer` out. It knows no widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.errors import Problem
from athena_lab.events import (
    AnyEvent,
    Attempt,
    Consensus,
    Failed,
    FailedOver,
    Finished,
    Reconnecting,
    Recovered,
    Started,
    Structured,
    Token,
    ToolCall,
    ToolResult,
    Usage,
)
from athena_lab.jupyter.widgets.answer import Answer, Ending
from athena_lab.jupyter.widgets.coalesce import Coalescer
from athena_lab.jupyter.widgets.looks import MAX_LOOKS, Shown, looks_of
from athena_lab.jupyter.widgets.seams import MAX_SEAMS, Seam, named
from athena_lab.jupyter.widgets.tried import HEDGED, MAX_ASIDES, REFUSED, Aside, cut, left, reason
from athena_lab.report.display import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from athena_lab.ai.types import AnalysisResult, SetAside

BROKEN_OFF = Problem(
    title="Answer broke off",
    status=500,
    detail="The answer broke off without saying why: an error in Athena Lab itself.",
    code="internal",
    next_step="What came is kept. Ask again, and report the traceback in the notebook's log.",
)


class Run:
    """What is known of a question while it is being answered. ``clock`` gives monotonic seconds."""

    def __init__(self, question: str, clock: Callable[[], float]) -> None:
        self.question = question
        self.provider = self.model = ""
        self.begun = self.stopped = False
        self.text = Coalescer()
        self.problem: Problem | None = None
        self.note = ""
        """What the reader should know while nothing comes."""
        self._finished: Finished | None = None
        self._structured: Structured | None = None
        self._usage = Usage()
        self._recovered: Recovered | None = None
        self._consensus: Consensus | None = None
        self._attempts: tuple[Attempt, ...] = ()
        self._seams: list[Seam] = []
        self._asides: list[Aside] = []
        self.looks: list[Shown] = []
        self._clock = clock
        self._began = clock()

    @property
    def needs_no_more(self) -> bool:
        return self.text.full

    def take(self, event: AnyEvent) -> None:
        match event:
            case Started():
                self.provider, self.model = event.provider, event.model
            case Token():
                self.text.add(event.text)
                self.note = ""
            case Reconnecting():
                self.note = f"{event.provider}: {reason(event.error)}; asked again after {event.wait:.0f} s."
            case FailedOver():
                self._fail_over(event)
            case Usage() | Structured() | Consensus() | Recovered():
                self._keep(event)
            case ToolCall() | ToolResult():
                self._look(event)
            case Finished():
                self._finished, self._attempts = event, event.attempts
            case Failed():
                self.problem, self._attempts = event.error, event.attempts
            case _:
                pass  # members of a structured answer are shown when it is whole

    def _look(self, event: ToolCall | ToolResult) -> None:
        """A call that nobody runs (it has no number) is not for the reader."""
        if isinstance(event, ToolResult):
            if self.looks and self.looks[-1].call.number == event.number:
                self.looks[-1] = Shown(self.looks[-1].call, event)
            self.note = ""
        elif event.number and len(self.looks) < MAX_LOOKS:
            self.looks.append(Shown(event))
            self.note = f"Call {event.number}: {shown(event.name, 64)}"

    def _keep(self, event: Usage | Structured | Consensus | Recovered) -> None:
        """What is shown at the end."""
        match event:
            case Usage():
                self._usage = event
            case Structured():
                self._structured = event
            case Consensus():
                self._consensus = event
            case Recovered():
                self._recovered = event

    def _fail_over(self, event: FailedOver) -> None:
        if event.resumed:
            self._continue(event)
        else:
            self._set_aside(event)
        self.provider, self.model = event.provider, event.model

    def _continue(self, event: FailedOver) -> None:
        self.note = f"{_left(event)}; {named(event.provider, event.model)} goes on."
        at = len(self.text.text)
        if at and len(self._seams) < MAX_SEAMS:
            self._seams.append(Seam(at, event.provider, event.model, event.left, event.left_model))

    def _set_aside(self, event: FailedOver) -> None:
        text = self.text.text
        told = bool(text) or event.error in {REFUSED, HEDGED}
        said = _left(event) if told else f"{named(event.left, event.left_model)}: {reason(event.error)}"
        self.note = f"{said}; {named(event.provider, event.model)} is asked now."
        if (text or event.error == REFUSED) and len(self._asides) < MAX_ASIDES:
            declined = (event.left, event.left_model) if event.error == REFUSED else None
            self._asides.append(Aside(said, cut(text), declined))
        self.text.restart()
        self._seams.clear()
        self._structured = None

    def answer(self) -> Answer:
        """The end, whatever it was; a stream without a terminal event is a failure."""
        finished = self._finished
        return Answer(
            question=self.question,
            ending=self._ending(),
            text=self.text.text,
            provider=self.provider,
            model=self.model,
            stop_reason=finished.stop_reason if finished else "",
            elapsed=self._clock() - self._began,
            cut=self.text.full,
            unknown_citations=finished.unknown_citations if finished else (),
            structured=self._structured,
            usage=self._usage,
            problem=self._problem(),
            seams=tuple(self._seams),
            asides=tuple(self._asides),
            recovered=self._recovered,
            consensus=self._consensus,
            attempts=self._attempts,
            looks=tuple(self.looks),
        )

    def _problem(self) -> Problem | None:
        if self.problem is None and self._recovered is not None:
            return self._recovered.error
        return self.problem or (BROKEN_OFF if self._ending() == "failed" else None)

    def _ending(self) -> Ending:
        if self._finished is not None:
            return self._finished.status
        if self.problem is not None:
            return "failed"
        if self.text.full:
            return "degraded"
        return "stopped" if self.stopped else "failed"


def _left(event: FailedOver) -> str:
    return left(event.left, event.left_model, event.error, event.stop_reason)


def kept(question: str, result: AnalysisResult) -> Answer:
    """The answer to a question that was kept for later, as it is shown."""
    return Answer(
        question=question,
        ending=result.status,
        text=result.text,
        provider=result.provider or "",
        model=result.model or "",
        stop_reason=result.stop_reason or "",
        elapsed=result.elapsed,
        unknown_citations=result.unknown_citations,
        structured=result.structured,
        usage=result.usage,
        problem=result.error,
        asides=tuple(map(_aside, result.set_aside[:MAX_ASIDES])),
        recovered=result.recovered,
        consensus=result.consensus,
        attempts=result.attempts,
        looks=looks_of(result.tool_calls, result.tool_results),
    )


def _aside(it: SetAside) -> Aside:
    declined = (it.provider, it.model) if it.reason == REFUSED else None
    return Aside(left(it.provider, it.model, it.reason), cut(it.text), declined)
