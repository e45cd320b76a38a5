"""Findings: what a module says that an analyst should know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from athena_lab.report.fact import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Severity = Literal["info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
"""From the least to the worst."""

AnalysisType = Literal["full", "quick", "pattern", "behavior"]

Slot = Literal["analysis", "crypto", "deobfuscation", "patterns", "network", "sandbox", "foreign", "conclusion"]
"""The place of a module's output in ``results`` of a `Report`; ``foreign`` is that of all modules of others."""

Level = Literal["clean-looking", "worth a look", "suspicious", "malicious-looking", "unknown"]


class Evidence(Fact, frozen=True):
    """Where it was seen. ``offset`` and ``length`` in bytes; ``text`` is hostile, cut at 256 characters."""

    offset: int | None = None
    length: int | None = None
    text: str | None = None


class Finding(Fact, frozen=True):
    """One observation.

    ``id`` is a slug of at most 96 characters that the module chooses (``overlay``, ``section-anomaly-2``), unique in
    its output; in a `Report` it is ``<module>/<slug>``, and that is what an answer cites. ``malformed-...`` marks
    structures that contradict themselves.
    """

    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._/-]{0,160}$(?!\n)")]
    severity: Severity
    confidence: Annotated[int, Meta(ge=0, le=100)]
    """Percent."""
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    """Words of the module alone, no text from the sample."""
    detail: str = ""
    """May quote the sample; shown as text only."""
    evidence: tuple[Evidence, ...] = ()
    techniques: tuple[str, ...] = ()
    """ATT&CK ids, ``T1027.002``."""


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By severity, of equal severity the surest first, then by id."""
    return tuple(sorted(findings, key=lambda f: (-SEVERITIES.index(f.severity), -f.confidence, f.id)))


def told(evidence: Sequence[Evidence]) -> list[Evidence]:
    """What says something where no lengths are shown: a place or a text."""
    return [it for it in evidence if it.offset is not None or it.text]
