"""The files inside that were analysed, as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.report.display import shown
from athena_lab.report.tree import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.tree import Node

MAX_ROWS = 40
MAX_INDENT = 8
MAX_LEADS = 4


def verdict_text(node: Node) -> str:
    """``suspicious (55)``, or why there is none; of bytes that are elsewhere, too, both."""
    verdict = node.level if node.score is None else f"{node.level} ({node.score})"
    if node.status == "analysed":
        return f"{verdict}, {node.reason}" if node.reason else verdict
    reason = f"{node.status.replace('-', ' ')}: {node.reason}"
    return reason if node.level == "unknown" else f"{verdict}, {reason}"


def leads_text(node: Node, at_most: int) -> str:
    """The first of what the file leads to, as it is there, and how many more there are."""
    more = len(node.leads) + node.leads_left_out - at_most
    return ", ".join(lead.value for lead in node.leads[:at_most]) + (f" and {more} more" if more > 0 else "")


def tree_lines(nodes: tuple[Node, ...]) -> Iterator[str]:
    rows = list(walk(nodes))
    if rows:
        yield "Files inside, analysed"
    for depth, node in rows[:MAX_ROWS]:
        name = shown(node.name or f"{node.module} {node.index}", 120)
        indent = "  " * min(depth, MAX_INDENT)
        yield f"  {indent}{name}: {shown(verdict_text(node), 200)}"
        if node.leads:
            yield f"  {indent}  leads to {shown(leads_text(node, MAX_LEADS), 400)}"
    if len(rows) > MAX_ROWS:
        yield f"  ... and {len(rows) - MAX_ROWS} more in report.children"
