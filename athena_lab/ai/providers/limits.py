"""What response headers say of a provider's rate limits.

OpenAI, Groq, DeepSeek: ``x-ratelimit-{limit,remaining,reset}-{requests,tokens}``, reset as ``59.6s`` or ``6m0s``.
Mistral: the same, or under ``x-ratelimitbysize-``. Anthropic: ``anthropic-ratelimit-{requests,tokens}-...``, reset as
RFC 3339.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from athena_lab.ai.types import RateLimits, RateWindow

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARTS: Final = ("limit", "remaining", "reset")
_NAMES: Final = {
    what: (
        *(tuple(f"{it}-{part}-{what}" for part in _PARTS) for it in ("x-ratelimit", "x-ratelimitbysize")),
        tuple(f"anthropic-ratelimit-{what}-{part}" for part in _PARTS),
    )
    for what in ("requests", "tokens")
}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_SECONDS: Final = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def rate_limits(headers: Mapping[str, str], now: float) -> RateLimits | None:
    """None where they say nothing. ``now`` in Unix seconds; header names in lower case."""
    requests, tokens = _window(headers, "requests", now), _window(headers, "tokens", now)
    return RateLimits(requests, tokens, now) if requests or tokens else None


def _window(headers: Mapping[str, str], what: Literal["requests", "tokens"], now: float) -> RateWindow | None:
    for names in _NAMES[what]:
        limit, remaining, reset = (headers.get(name, "") for name in names)
        if limit or remaining:
            return RateWindow(_count(limit), _count(remaining), reset_seconds(reset, now))
    return None


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= 15 else None  # noqa: PLR2004 - digits of a sane number


def reset_seconds(text: str, now: float) -> float | None:
    """A duration (``6m0s``), seconds, or an instant (RFC 3339), as seconds from now; None for anything else."""
    text = text.strip().lower()[:64]
    if _DURATION.fullmatch(text):
        return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    try:
        return max(0.0, float(text)) if text.replace(".", "", 1).isdecimal() else _until(text, now)
    except (ValueError, OverflowError):
        return None


def _until(instant: str, now: float) -> float:
    return max(0.0, datetime.fromisoformat(instant.upper()).timestamp() - now)
