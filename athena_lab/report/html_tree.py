"""The files inside a sample that were analysed by themselves, as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.report.display import counted, size_text
from athena_lab.report.lines_tree import MAX_INDENT, leads_text, verdict_text
from athena_lab.report.markup import Row, brief, code, details, table
from athena_lab.report.tree import walk

if TYPE_CHECKING:
    from athena_lab.report.tree import Node

BUDGET = 32_000
"""Characters of HTML."""
MAX_LEADS = 2


def tree_html(nodes: tuple[Node, ...]) -> str:
    """A row for each file, below the one that it is in; nothing where there are none."""
    rows = list(walk(nodes))
    if not rows:
        return ""
    analysed = sum(node.status == "analysed" for _, node in rows)
    head = ("File", "Content", "Size", "Verdict", "Worst", "Leads to", "SHA-256")
    listing = table(head, rows, _row, BUDGET, kept="report.children")
    title = f"{counted(len(rows), 'file')}, {analysed} of them analysed"
    return f"<h4>Files inside, analysed</h4>{details(title, listing, opened=True)}"


def _row(row: tuple[int, Node]) -> Row:
    depth, node = row
    name = "└ " * min(depth, MAX_INDENT) + (node.name or f"{node.module} {node.index}")
    more = f" and {node.finding_count - 1} more" if node.finding_count > 1 else ""
    worst = node.worst[0].title + more if node.worst and node.worst[0].severity != "info" else ""
    css = f"athena-{node.worst[0].severity}" if node.worst else ""
    content, size = brief(node.format), brief(size_text(node.size))
    leads = code(leads_text(node, MAX_LEADS)) if node.leads else ""
    return Row((code(name, 120), content, size, verdict_text(node), worst, leads, code(node.sha256)), css)
