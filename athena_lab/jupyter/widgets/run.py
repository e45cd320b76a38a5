"""One question on its way: events in, an `Answer` out. It knows no widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.errors import Problem
from athena_lab.events import AnyEvent, Failed, Finished, Reconnecting, Started, Structured, Token, Usage
from athena_lab.jupyter.widgets.answer import Answer, Ending
from athena_lab.jupyter.widgets.coalesce import Coalescer

if TYPE_CHECKING:
    from collections.abc import Callable

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
                self.note = f"{event.provider}: {event.error}; asked again after {event.wait:.0f} s."
            case Usage():
                self._usage = event
            case Structured():
                self._structured = event
            case Finished():
                self._finished = event
            case Failed():
                self.problem = event.error
            case _:
                pass  # members of a structured answer are shown when it is whole; tool calls are not for the reader

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
            problem=self.problem or (BROKEN_OFF if self._ending() == "failed" else None),
        )

    def _ending(self) -> Ending:
        if self._finished is not None:
            return self._finished.status
        if self.problem is not None:
            return "failed"
        if self.text.full:
            return "degraded"
        return "stopped" if self.stopped else "failed"
