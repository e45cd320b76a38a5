"""A finished answer as HTML that stands by itself, in the widget and, without a kernel, in a saved notebook."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import msgspec

from athena_lab.errors import Problem
from athena_lab.events import Attempt, Consensus, Recovered, Structured, Usage
from athena_lab.jupyter.widgets.assessment import plain_assessment, render_assessment
from athena_lab.jupyter.widgets.consensus import plain_consensus, render_consensus
from athena_lab.jupyter.widgets.looks import Shown, plain_looks, render_looks
from athena_lab.jupyter.widgets.recovered import plain_recovered, render_recovered, title
from athena_lab.jupyter.widgets.seams import Seam, authors, plain_with_seams, render_with_seams
from athena_lab.jupyter.widgets.tried import (
    Aside,
    cost_text,
    plain_asides,
    plain_attempts,
    render_asides,
    render_attempts,
    tokens_text,
)
from athena_lab.report.display import seconds_text, shown

if TYPE_CHECKING:
    from athena_lab.jupyter.widgets.markdown import Citations

Ending = Literal["completed", "refused", "degraded", "failed", "stopped"]
OFFLINE = "offline"
"""The provider, and the stop reason, of a summary written without AI."""


class Answer(msgspec.Struct, frozen=True):
    """What there is to show when a run is over. ``elapsed`` in seconds; ``text`` is Markdown, as far as it came."""

    question: str
    ending: Ending
    text: str
    provider: str = ""
    model: str = ""
    stop_reason: str = ""
    elapsed: float = 0.0
    cut: bool = False
    """The text was longer than a cell holds."""
    unknown_citations: tuple[str, ...] = ()
    structured: Structured | None = None
    usage: Usage = Usage()
    problem: Problem | None = None
    """Why there is no answer, or none of a provider: then `recovered` says what the text is."""
    seams: tuple[Seam, ...] = ()
    """Where one provider went on with another's text."""
    asides: tuple[Aside, ...] = ()
    """What providers wrote that is no part of the answer."""
    recovered: Recovered | None = None
    consensus: Consensus | None = None
    attempts: tuple[Attempt, ...] = ()
    looks: tuple[Shown, ...] = ()
    """Where the model looked at the sample again."""


def render_answer(answer: Answer, citations: Citations) -> str:
    """The answer with who gave it, how it ended and what is wrong with it. No style sheet, no script."""
    return (
        f'<section class="athena-answer athena-{answer.ending}">'
        f'<p class="athena-question"><b>Question:</b> {escape(shown(answer.question, 2_000))}</p>'
        f'<p class="athena-by">{escape(byline(answer))}</p>'
        f"{render_recovered(answer.recovered) if answer.recovered else ''}"
        f"{_assessed(answer)}{render_with_seams(answer.text, answer.seams, citations)}{_notes(answer)}"
        f"{render_looks(answer.looks)}{render_asides(answer.asides, citations)}"
        f"{render_attempts(answer.attempts, _declined(answer))}</section>"
    )


def _declined(answer: Answer) -> set[tuple[str, str]]:
    last = {(answer.provider, answer.model)} if answer.ending == "refused" else set()
    return {aside.declined for aside in answer.asides if aside.declined} | last


def _assessed(answer: Answer) -> str:
    if answer.consensus is not None:
        return render_consensus(answer.consensus)
    return render_assessment(answer.structured) if answer.structured else ""


def standalone(html: str) -> str:
    """With the style sheet, for an output that has no widget around it."""
    return f"<style>{_style()}</style>{html}"


def plain_answer(answer: Answer) -> str:
    """For a terminal, and for hosts that show no HTML."""
    text = plain_with_seams(answer.text, answer.seams)
    lines = [byline(answer), *_plain_before(answer), *(shown(line) for line in text.splitlines()), *_warnings(answer)]
    tried = (*plain_asides(answer.asides), *plain_attempts(answer.attempts, _declined(answer)))
    return "\n".join((*lines, *plain_looks(answer.looks), *tried))


def _plain_before(answer: Answer) -> list[str]:
    recovered = plain_recovered(answer.recovered) if answer.recovered else []
    if answer.consensus is not None:
        return [*recovered, *plain_consensus(answer.consensus)]
    return [*recovered, *(plain_assessment(answer.structured) if answer.structured else [])]


def byline(answer: Answer) -> str:
    """One line: who answered, how long it took, how it ended. Without text of the sample or the answer."""
    taken = seconds_text(answer.elapsed) + _spent(answer.usage)
    if answer.recovered is not None:
        return title(answer.recovered, taken)
    if OFFLINE in {answer.provider, answer.stop_reason}:
        return f"Summary written without AI, {taken}."
    who = _who(answer)
    endings: dict[Ending, str] = {
        "completed": f"answered in {taken}.",
        "refused": f"declined to answer after {taken}.",
        "degraded": f"answered in {taken}; the answer is incomplete ({shown(answer.stop_reason, 60)}).",
        "failed": f"failed after {taken}.",
        "stopped": f"was stopped after {taken}; what came is kept.",
    }
    return f"{who} {endings[answer.ending]}"


def _who(answer: Answer) -> str:
    if answer.consensus is not None and len(answer.consensus.opinions) > 1:
        given = sum(opinion.assessment is not None for opinion in answer.consensus.opinions)
        return f"{given} of {len(answer.consensus.opinions)} providers"
    return authors(answer.seams, answer.provider, answer.model) or "The question"


def _spent(usage: Usage) -> str:
    """``, 1,200 + 85 tokens, $0.0043``; nothing where the provider tells none."""
    if not usage.input_tokens + usage.output_tokens:
        return ""
    cost = "" if usage.cost is None else f", {cost_text(usage.cost)}"
    return f", {tokens_text(usage.input_tokens, usage.output_tokens)} tokens{cost}"


def _notes(answer: Answer) -> str:
    return "".join(f'<p class="athena-warning" role="alert">{escape(text)}</p>' for text in _warnings(answer))


def _warnings(answer: Answer) -> list[str]:
    warnings = []
    if answer.problem is not None and answer.recovered is None:  # which tells it before the text
        warnings.append(shown(f"{answer.problem.detail} {answer.problem.next_step}", 1_200))
    if answer.unknown_citations:
        ids = ", ".join(shown(finding_id, 100) for finding_id in answer.unknown_citations[:10])
        warnings.append(f"The answer cites findings that the report does not have: {ids}. Distrust what rests on them.")
    if answer.cut:
        warnings.append("The answer was cut: a cell holds 1 MB of text.")
    return warnings


@cache
def _style() -> str:
    return files("athena_lab.jupyter.widgets").joinpath("answer.css").read_text(encoding="utf-8")
