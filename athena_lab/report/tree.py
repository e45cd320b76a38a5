"""The files inside a sample that were analysed by themselves, as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from athena_lab.report.conclusion import Technique  # msgspec reads the annotations
from athena_lab.report.fact import Fact
from athena_lab.report.findings import Finding, Level  # msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_WORST = 8
"""Findings that a node names."""
MAX_MISSED = 128
"""Nodes in one tree of files that the budget left out; others do not push them out."""


class Lead(Fact, frozen=True):
    """An indicator of what is somewhere else: an address, a wallet. ``kind`` and ``value`` as `Indicator` has them."""

    kind: str
    value: str
    leads_somewhere: bool | None = True
    """None: it was asked for in the run or is a document's link, and nobody has judged it."""


class Node(Fact, frozen=True, rename="camel"):
    """A file inside. ``name`` is hostile. Its whole report is that of ``lab.triage(node.sample)``."""

    module: str
    """Which module found it, and gives it out under the number ``index``."""
    index: int
    name: str
    kind: str
    size: int
    sha256: str = ""
    """Empty where it was not taken out."""
    format: str = ""
    status: Literal["analysed", "seen", "left-out", "failed"] = "analysed"
    """``seen``: the same bytes are elsewhere in the tree, with their findings; the verdict is here, too, but of the
    sample itself and of what is around. ``left-out``: by its format, or by the budget.
    """
    reason: str = ""
    """Why it was not analysed, or what of it was not."""
    level: Level = "unknown"
    score: int | None = None
    finding_count: int = 0
    worst: tuple[Finding, ...] = ()
    """The worst of its findings."""
    techniques: tuple[Technique, ...] = ()
    """ATT&CK techniques that its findings name."""
    leads: tuple[Lead, ...] = ()
    """Where its run, its layers, its document's links and its bytes lead to: 32, of up to 512 characters each."""
    leads_left_out: int = 0
    children: tuple[Node, ...] = ()
    by_budget: bool = False
    """It was left out since the budget of the whole tree was used up, and might have told something."""


def walk(nodes: tuple[Node, ...], depth: int = 0) -> Iterator[tuple[int, Node]]:
    """Every node with its depth, each before its children."""
    for node in nodes:
        yield depth, node
        yield from walk(node.children, depth + 1)


def techniques_of(own: tuple[Technique, ...], nodes: tuple[Node, ...]) -> tuple[Technique, ...]:
    """A sample's own techniques with those of the files inside it, whose findings have the file's name before them."""
    known = {technique.id: technique for technique in own}
    for _, node in walk(nodes):
        for technique in node.techniques:
            named = tuple(f"{node.name}: {finding}" for finding in technique.findings)
            before = known.get(technique.id)
            known[technique.id] = replace(technique, findings=(*before.findings, *named) if before else named)
    return tuple(known.values())
