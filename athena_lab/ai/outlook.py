"""Who answers the next question: whether the first provider by priority can be asked, else another, else nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from athena_lab.ai.types import ProviderState, ProviderStatus

_WHY: Mapping[ProviderState, str] = {
    "unauthorized": "refuses its key",
    "rate_limited": "limits the rate",
    "timeout": "does not answer in time",
    "error": "does not answer",
    "circuit_open": "is left alone",
}


class Outlook(msgspec.Struct, frozen=True):
    """``first``: the first by priority can be asked. ``sentence`` names providers; "" where nothing is to be said."""

    who: Literal["first", "another", "nobody"]
    configured: int
    able: int
    sentence: str


def outlook(configured: Sequence[str], known: Iterable[ProviderStatus]) -> Outlook:
    """``configured`` by priority. Of whom nothing is known, nothing bad is known."""
    told = {status.name: status for status in known}
    unable = {name: told[name] for name in configured if name in told and told[name].state != "available"}
    able = [name for name in configured if name not in unable]
    if not able:
        reasons = "; ".join(map(_reason, unable.values()))
        return Outlook("nobody", len(configured), 0, f"No provider can be asked: {reasons}." if reasons else "")
    if able[0] == configured[0]:
        return Outlook("first", len(configured), len(able), "")
    sentence = f"{_reason(unable[configured[0]])}, {able[0]} answers."
    return Outlook("another", len(configured), len(able), sentence)


def _reason(status: ProviderStatus) -> str:
    """``claude is left alone for 24 s``"""
    why = _WHY.get(status.state, "cannot be asked")
    if status.state == "circuit_open" and status.breaker.forced:
        why = "is left alone, as somebody wished"
    elif status.state == "circuit_open" and status.breaker.retry_after:
        why = f"is left alone for {status.breaker.retry_after:.0f} s"
    return f"{status.name} {why}"
