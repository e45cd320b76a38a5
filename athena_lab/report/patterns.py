"""The facts that the pattern-matcher module reports, typed: its `Output.data`.

Names, tags and metadata are those of the rules, which may be anybody's; matched bytes are the sample's.
"""

from __future__ import annotations

from typing import Literal

from athena_lab.report.fact import Fact


class Place(Fact, frozen=True):
    """One match of a string. ``offset`` in bytes from the start of the sample, ``length`` in bytes."""

    offset: int
    length: int
    data: str
    """The first 64 bytes of it, hexadecimal."""
    xor_key: int = 0
    """With which a string with the modifier ``xor`` is hidden there."""


class Found(Fact, frozen=True):
    """A string of a rule. ``count`` is 1,000 where there may be more; ``places`` has the first 32."""

    id: str
    count: int
    places: tuple[Place, ...]


class RuleMatch(Fact, frozen=True):
    """A YARA rule that matches."""

    rule: str
    namespace: str
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str | int | bool], ...] = ()
    strings: tuple[Found, ...] = ()
    strings_left_out: int = 0


class PatternFacts(Fact, frozen=True):
    """Answer of pattern-matcher's ``analyze`` and ``scan``. ``rules`` were tried."""

    rules: int
    set: Literal["default", "given"]
    """``default``: the rules that come with the module."""
    sha256: str = ""
    """Of the compiled set, where a session kept it."""
    matches: tuple[RuleMatch, ...] = ()
    matches_left_out: int = 0
