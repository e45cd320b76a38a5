"""What a reader must know before a text that stands in for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from athena_lab.events import Recovered

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def notice(recovered: Recovered) -> str:
    """``An earlier answer of claude / opus, 3 h old, since nobody answered now.``"""
    if recovered.how == "stale":
        who = " / ".join(part for part in (recovered.provider, recovered.model) if part)
        return f"An earlier answer of {who}, {age_text(recovered.age or 0.0)} old, since nobody answered now."
    if recovered.job:
        return f"Written without AI for now; the question is kept, and its answer will be that of job {recovered.job}."
    return "Written without AI, since nobody answered."


def age_text(seconds: float) -> str:
    """``2 h``, in the largest unit that fits."""
    for unit, size in (("days", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= size * (2 if unit == "days" else 1):
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0.0):.0f} s"
