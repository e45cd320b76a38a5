"""The facts of pattern-matcher as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.report.display import counted
from athena_lab.report.markup import Row, code, details, table

if TYPE_CHECKING:
    from athena_lab.report.patterns import Found, PatternFacts, RuleMatch

BUDGET = 24_000
"""Characters of HTML."""
MAX_STRINGS = 4
"""Shown for each rule."""


def patterns_html(facts: PatternFacts) -> str:
    """The rules that match, with where; nothing where none does."""
    if not facts.matches:
        return ""
    listing = table(("Rule", "Namespace", "Tags", "Where"), facts.matches, _match, BUDGET, kept="report.patterns")
    more = f", {facts.matches_left_out} more left out" if facts.matches_left_out else ""
    title = f"{counted(len(facts.matches), 'rule')} of {facts.rules:,} match{more}"
    return f"<h4>YARA</h4>{details(title, listing, opened=True)}"


def _match(found: RuleMatch) -> Row:
    where = "; ".join(map(_where, found.strings[:MAX_STRINGS])) or "by its condition alone"
    return Row((code(found.rule, 80), found.namespace, ", ".join(found.tags), code(where)))


def _where(found: Found) -> str:
    first = f" at {found.places[0].offset:#x}" if found.places else ""
    return f"{found.id} x{found.count}{first}"
