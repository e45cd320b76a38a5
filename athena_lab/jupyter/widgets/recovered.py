"""What stands in for an answer that nobody gave: said before it, with the reason."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from athena_lab.ai.notice import age_text
from athena_lab.jupyter.widgets.seams import named
from athena_lab.report.display import shown

if TYPE_CHECKING:
    from athena_lab.events import Recovered

_JOB = re.compile(r"[A-Za-z0-9_-]{1,64}")


def job_of(recovered: Recovered | None) -> str:
    """The job at which the answer will be; "" where there is none, or none that can be one."""
    job = recovered.job if recovered is not None else None
    return job if job and _JOB.fullmatch(job) else ""


def title(recovered: Recovered, taken: str) -> str:
    """In place of who answered."""
    if recovered.how == "stale":
        who, age = named(recovered.provider, recovered.model), age_text(recovered.age or 0.0)
        return f"An earlier answer of {who}, {age} old, since nobody answered now ({taken})."
    return f"Summary written without AI, {'for now, ' if recovered.how == 'queued' else ''}{taken}."


def render_recovered(recovered: Recovered) -> str:
    return f'<p class="athena-warning" role="alert">{escape(why(recovered))}{_kept(recovered)}</p>'


def plain_recovered(recovered: Recovered) -> list[str]:
    """The same, as lines."""
    job = job_of(recovered)
    later = [f'The question is kept as job {job}: await lab.answer("{job}") gives the answer.'] if job else []
    return [why(recovered), *later]


def why(recovered: Recovered) -> str:
    """``Nobody answered: claude answers 503. Ask again in a minute, ...``"""
    return f"Nobody answered: {shown(f'{recovered.error.detail} {recovered.error.next_step}', 1_200)}"


def _kept(recovered: Recovered) -> str:
    job = job_of(recovered)
    if not job:
        return ""
    call = f"<code>await lab.answer(&quot;{job}&quot;)</code>"
    return f" The question is kept as job <code>{job}</code>: {call} gives the answer when a provider is back."
