"""Who answers the next question: whether the first provider by priority can be asked, else another, else nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from athena_lab.ai.types import BreakerStatus, ProviderState, ProviderStatus

_WHY: Mapping[ProviderState, str] = {
    "unauthorized": "refuses its key",
    "rate_limited": "limits the rate",
    "timeout": "does not answer in time",
    "error": "does not answer",
}
_TRIED = "failed lately and is tried with the next question"


class Outlook(msgspec.Struct, frozen=True):
    """Of the providers that have all they need. ``sentence`` names some; "" where nothing is to be said."""

    who: Literal["first", "another", "nobody"]
    """The first by priority answers; or another, or the first only perhaps; or nobody."""
    configured: int
    able: int
    sentence: str


def outlook(
    configured: Sequence[str], known: Iterable[ProviderStatus], breakers: Mapping[str, BreakerStatus]
) -> Outlook:
    """``configured`` by priority. Of whom nothing is known, nothing bad is known."""
    states = {status.name: status.state for status in known}
    troubles = {name: _trouble(states.get(name), breakers.get(name)) for name in configured}
    able = [name for name in configured if troubles[name] in {"", _TRIED}]
    if not able:
        reasons = "; ".join(f"{name} {why}" for name, why in troubles.items())
        return Outlook("nobody", len(configured), 0, f"No provider can be asked: {reasons}." if reasons else "")
    first = configured[0]
    if not troubles[first]:
        return Outlook("first", len(configured), len(able), "")
    others = f", {able[0]} answers" if able[0] != first else ""
    return Outlook("another", len(configured), len(able), f"{first} {troubles[first]}{others}.")


def _trouble(state: ProviderState | None, breaker: BreakerStatus | None) -> str:
    """Why a provider may not be able to answer: ``is left alone for 24 s``; "" for no reason."""
    if state == "unauthorized" or breaker is None or breaker.state == "closed":
        return _WHY.get(state, "") if state is not None else ""
    if breaker.forced:
        return "was taken out by hand"
    return f"is left alone for {breaker.retry_after:.0f} s" if breaker.retry_after else _TRIED
