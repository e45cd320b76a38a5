"""What was tried for an answer: its attempts, and what providers wrote that is no part of it. Folded."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import msgspec

from athena_lab.jupyter.widgets.markdown import render_markdown
from athena_lab.jupyter.widgets.seams import named
from athena_lab.report.display import counted, seconds_text, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from athena_lab.events import Attempt
    from athena_lab.jupyter.widgets.markdown import Citations

MAX_ASIDE = 20_000
"""Characters kept of a text that was set aside."""
MAX_ASIDES = 16
_MAX_ROWS = 100
REFUSED, HEDGED = "refused", "hedged"
"""Why a provider was left, where it is no error's code."""
_ENDS = {
    REFUSED: "declined",
    HEDGED: "was slower than another",
    "provider_timeout": "timed out",
    "provider_unreachable": "not reachable",
    "service_unavailable": "unavailable",
    "circuit_open": "left alone after failures",
}


Who = tuple[str, str]
"""A provider and its model."""


class Aside(msgspec.Struct, frozen=True):
    """``said``: who wrote it and why it is no part of the answer. ``text`` is Markdown, perhaps none."""

    said: str
    text: str
    declined: Who | None = None
    """Who refused, if that is why."""


def reason(code: str) -> str:
    """An error's code in words: ``timed out``, ``rate limited``. Still to be escaped."""
    return _ENDS.get(code) or shown(code.replace("_", " "), 60)


def left(provider: str, model: str, code: str, stop_reason: str = "") -> str:
    """``claude / opus declined (content_filter)``, ``claude / opus broke off (timed out)``."""
    who = named(provider, model)
    if code == REFUSED:
        return f"{who} declined" + (f" ({shown(stop_reason, 60)})" if stop_reason else "")
    return f"{who} {reason(code)}" if code == HEDGED else f"{who} broke off ({reason(code)})"


def cut(text: str) -> str:
    """As much of a text that was set aside as is kept."""
    return text if len(text) <= MAX_ASIDE else text[:MAX_ASIDE] + "…"


def render_asides(asides: Sequence[Aside], citations: Citations) -> str:
    return "".join(_aside(aside, citations) for aside in asides)


def _aside(aside: Aside, citations: Citations) -> str:
    if not aside.text.strip():
        return f'<p class="athena-aside">{escape(aside.said)}.</p>'
    body = render_markdown(aside.text, citations)
    return f'<details class="athena-aside"><summary>{escape(aside.said)}</summary>{body}</details>'


def plain_asides(asides: Sequence[Aside]) -> list[str]:
    """What happened; the text itself is in the cell."""
    return [f"{aside.said}; {counted(len(aside.text), 'character')} set aside." for aside in asides]


def render_attempts(attempts: Sequence[Attempt], declined: Collection[Who] = ()) -> str:
    """A folded table; nothing where nothing was tried. ``declined``: whose attempts without an error are refusals."""
    if not attempts:
        return ""
    titles = ("Provider", "Model", "How it ended", "Wait", "Time", "Tokens", "Cost")
    head = "".join(f"<th>{title}</th>" for title in titles)
    rows = "".join(_row(_cells(attempt, declined)) for attempt in attempts[:_MAX_ROWS])
    return (
        f'<details class="athena-attempts"><summary>{summary(attempts)}</summary>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{escape(_more(attempts))}</details>"
    )


def plain_attempts(attempts: Sequence[Attempt], declined: Collection[Who] = ()) -> list[str]:
    """A line each."""
    more = [_more(attempts)] if _more(attempts) else []
    return [*(_line(_cells(attempt, declined)) for attempt in attempts[:_MAX_ROWS]), *more]


def summary(attempts: Sequence[Attempt]) -> str:
    """``3 attempts, 2 of them failed``."""
    failed = sum(attempt.error is not None for attempt in attempts)
    if failed == len(attempts):
        return "1 attempt, failed" if failed == 1 else f"{failed} attempts, all failed"
    return counted(len(attempts), "attempt") + (f", {failed} of them failed" if failed else "")


def tokens_text(given: int, written: int) -> str:
    """``1,200 + 85``: those of the question, and those of the answer."""
    return f"{given:,} + {written:,}"


def cost_text(cost: float) -> str:
    return f"${cost:.4f}"


def _row(cells: tuple[str, ...]) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _line(cells: tuple[str, ...]) -> str:
    provider, model, ended, wait, took, tokens, cost = cells
    facts = (ended, wait and f"after a wait of {wait}", f"took {took}", tokens and f"{tokens} tokens", cost)
    return f"{' / '.join(part for part in (provider, model) if part)}: {', '.join(fact for fact in facts if fact)}"


def _cells(attempt: Attempt, declined: Collection[Who]) -> tuple[str, ...]:
    about = "about " if attempt.estimated else ""
    used = attempt.input_tokens + attempt.output_tokens
    return (
        shown(attempt.provider, 64),
        shown(attempt.model, 200),
        _ended(attempt, declined),
        seconds_text(attempt.wait) if attempt.wait else "",
        seconds_text(attempt.elapsed),
        about + tokens_text(attempt.input_tokens, attempt.output_tokens) if used else "",
        "" if attempt.cost is None else about + cost_text(attempt.cost),
    )


def _ended(attempt: Attempt, declined: Collection[Who]) -> str:
    refused = attempt.error is None and (attempt.provider, attempt.model) in declined
    ended = "answered" if attempt.error is None and not refused else reason(attempt.error or REFUSED)
    return f"{ended}; shared with the same question, and counted there" if attempt.shared else ended


def _more(attempts: Sequence[Attempt]) -> str:
    return f"And {len(attempts) - _MAX_ROWS:,} more." if len(attempts) > _MAX_ROWS else ""
