"""A question for later, and what became of it: the events of an answer, or of the error that ended it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from athena_lab.ai.answer import Folder
from athena_lab.ai.later_options import MIB
from athena_lab.ai.types import AnalysisRequest
from athena_lab.errors import DeadlineExceeded, InvalidField, InvalidResponse, Problem, QueueUnusable
from athena_lab.events import AnyEvent, Failed, Started, Token

if TYPE_CHECKING:
    from athena_lab.ai.types import AnalysisResult
    from athena_lab.errors import AthenaError

MAX_BYTES: Final = 4 * MIB
"""Of one question, and of one answer; what is larger is not kept."""


class Question(msgspec.Struct, frozen=True):
    """A question that was taken, and what became of it. ``why``: the last problem, as JSON."""

    id: str
    request: bytes
    why: bytes
    state: Literal["queued", "running", "done"]
    tries: int
    """How often it was asked again."""
    created: float
    due: float
    """When it is asked again, if nobody says before that a provider is back."""
    events: bytes | None = None
    """Of its answer, as a JSON array; None until it is done."""
    spent: int = 0
    """Of the tries that it has with providers."""
    lost: int = 0
    """How often whoever asked it ended since the last that was said; with the one that asks now, while it runs."""

    @property
    def problem(self) -> Problem:
        """The last one."""
        try:
            return msgspec.json.decode(self.why, type=Problem)
        except msgspec.MsgspecError:
            return QueueUnusable("What was said was written by another version of Athena Lab.").problem()


def result(question: Question) -> AnalysisResult | None:
    """What its events amount to; None until it is done. Raises `QueueUnusable` for what cannot be read."""
    if question.events is None:
        return None
    folder = Folder()
    try:
        for event in msgspec.json.decode(question.events, type=tuple[AnyEvent, ...]):
            folder.take(event)
    except msgspec.MsgspecError:
        raise QueueUnusable("That answer was written by another version of Athena Lab.", reason="foreign") from None
    return folder.result()


class TooLarge(Exception):
    """Not to be kept. ``error`` is told instead."""

    def __init__(self, error: InvalidResponse) -> None:
        super().__init__(error.detail)
        self.error = error


class Log:
    """An answer's events, its tokens put together, up to a size."""

    def __init__(self) -> None:
        self._events: list[bytes] = []
        self._text: list[str] = []
        self._size = 0
        self._started: Started | None = None

    def add(self, event: AnyEvent) -> None:
        """Raises `TooLarge` beyond the size."""
        if isinstance(event, Started):
            self._started = event
        if isinstance(event, Token):
            self._text.append(event.text)
            self._grow(len(event.text))
            return
        self._gather()
        data = msgspec.json.encode(event)
        self._events.append(data)
        self._grow(len(data))

    def whole(self) -> bytes:
        self._gather()
        return b"[" + b",".join(self._events) + b"]"

    def _gather(self) -> None:
        if self._text:
            self._events.append(msgspec.json.encode(Token("".join(self._text))))
            self._text.clear()

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MAX_BYTES:
            provider, model = (self._started.provider, self._started.model) if self._started else ("", None)
            detail = f"The answer takes more than {MAX_BYTES:,} bytes."
            raise TooLarge(InvalidResponse(detail, provider=provider, model=model))


def failure(question: Question, error: AthenaError) -> bytes:
    """The events of an answer that never began."""
    problem = error.problem(question.id)
    started = Started(question.id, problem.provider or "", problem.model or "")
    return msgspec.json.encode((started, Failed(problem)))


def expired(question: Question) -> DeadlineExceeded:
    why = question.problem
    detail = f"No provider could be asked in time. The last that was said: {why.detail}"
    return DeadlineExceeded(detail, provider=why.provider, model=why.model, attempts=question.tries)


def request_of(question: Question) -> AnalysisRequest:
    try:
        return msgspec.json.decode(question.request, type=AnalysisRequest)
    except msgspec.MsgspecError:
        raise InvalidField("The question was written by another version of Athena Lab.") from None


def encode(value: msgspec.Struct) -> bytes | None:
    """As JSON; None for what is too large, or holds half of a character, which JSON cannot."""
    try:
        data = msgspec.json.encode(value)
    except UnicodeEncodeError:
        return None
    return data if len(data) <= MAX_BYTES else None
