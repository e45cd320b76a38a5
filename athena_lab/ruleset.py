"""What is said of a set of YARA rules."""

from __future__ import annotations

import msgspec

External = bool | int | float | str
"""A value of an external variable."""


class RuleProblem(msgspec.Struct, frozen=True):
    """Something that rules may be better without. Both numbers count from 1; 0: there is no place to name."""

    level: str
    file: str
    line: int
    column: int
    message: str


class RuleInfo(msgspec.Struct, frozen=True):
    """A rule of a set. What it says of itself is its author's word."""

    name: str
    namespace: str
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str | int | bool], ...] = ()
    is_global: bool = msgspec.field(default=False, name="global")
    is_private: bool = msgspec.field(default=False, name="private")


class RuleSet(msgspec.Struct, frozen=True):
    """A set that is compiled and kept: hand ``session`` to `TriageOptions.sessions` or to `execute`.

    ``sha256`` is of the compiled set, as the facts of each match name it; ``size`` its bytes; ``rules`` how many it
    has, of which ``listed`` has the first 5,000.
    """

    session: str
    sha256: str
    size: int
    rules: int
    namespaces: tuple[str, ...]
    listed: tuple[RuleInfo, ...]
    warnings: tuple[RuleProblem, ...] = ()


class RuleTime(msgspec.Struct, frozen=True):
    """What matching one rule by itself took on one sample. ``seconds`` as the host's clock has them.

    ``stopped``: it had not ended within its deadline, and takes longer.
    """

    rule: str
    namespace: str
    seconds: float
    stopped: bool = False
