"""The conclusion that analysis-engine draws from what all modules say, typed: its `Output.data`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from athena_lab.report.fact import Fact
from athena_lab.report.findings import Level, Severity  # msgspec reads the annotations


class Contribution(Fact, frozen=True):
    """What one finding adds to the score, in points: ``points`` is its severity's weight times its confidence,
    ``counted`` what is left of that beside stronger findings of the same ``group``, which say the same thing.
    """

    finding: str
    severity: Severity
    confidence: Annotated[int, Meta(ge=0, le=100)]
    group: str
    points: float
    counted: float


class Sum(Fact, frozen=True):
    """The points of all groups whose worst finding is of one severity. Of them and of those of lesser severities at
    most ``ceiling`` count together; ``counted`` is what they add.
    """

    severity: Severity
    weight: int
    points: float
    ceiling: int
    counted: float


class Technique(Fact, frozen=True):
    """An ATT&CK technique that findings name. ``name`` and ``tactics`` are those of MITRE's published data, empty for
    an id that it does not have.
    """

    id: str
    name: str
    tactics: tuple[str, ...]
    findings: tuple[str, ...]


class Conclusion(Fact, frozen=True):
    """``score``, 0 - 100, is the sum of what counts of ``sums``; ``contributions`` has the largest, 64 at most."""

    score: Annotated[int, Meta(ge=0, le=100)]
    level: Level
    contributions: tuple[Contribution, ...] = ()
    contributions_left_out: int = 0
    sums: tuple[Sum, ...] = ()
    techniques: tuple[Technique, ...] = ()
