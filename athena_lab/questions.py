"""Questions: those that wait for a provider, in the words of the API, and how one may be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab import api
from athena_lab.ai import offline
from athena_lab.ai.question import request_of
from athena_lab.errors import InvalidField

if TYPE_CHECKING:
    from athena_lab.ai.question import Question
    from athena_lab.ai.types import AnalysisRequest


def may_look(request: AnalysisRequest) -> bool:
    """Whether the model may look at the sample again.

    Not where several are asked to agree: they would agree on what each has seen alone, and each look is paid for by
    every one of them. Not in a batch, where nobody waits for a question in the middle.
    """
    options = request.options
    return options.tools and options.consensus == 1 and not options.batch and request.provider != offline.NAME


def queued(question: Question, now: float) -> api.Queued:
    """`now` in Unix seconds."""
    try:
        request = request_of(question)
    except InvalidField:  # of another version: when it is asked, it ends with that
        request = None
    return api.Queued(
        id=question.id,
        question=request.question[: api.MAX_SHOWN] if request else "",
        sample=request.sample if request else None,
        why=question.problem,
        tries=question.tries,
        running=question.state == "running",
        next_try=max(0.0, question.due - now),
        age=max(0.0, now - question.created),
    )
