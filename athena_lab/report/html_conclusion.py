"""The conclusion as HTML: the score's arithmetic, and the techniques by tactic."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from athena_lab.report.display import SEVERITY_WORDS, counted, shown, technique_url
from athena_lab.report.markup import Html, Row, code, details, table

if TYPE_CHECKING:
    from athena_lab.report.conclusion import Conclusion, Contribution, Sum, Technique

SUMS_BUDGET = 4_000
POINTS_BUDGET = 16_000
TACTICS_BUDGET = 24_000
"""Characters of HTML."""
KEPT = "report.conclusion"
MAX_NAMED = 4
"""Findings named with a technique."""
TACTICS = (
    "reconnaissance", "resource-development", "initial-access", "execution", "persistence", "privilege-escalation",
    "defense-evasion", "credential-access", "discovery", "lateral-movement", "collection", "command-and-control",
    "exfiltration", "impact",
)  # fmt: skip
"""In ATT&CK's order, which is about that of an attack."""


def conclusion_html(conclusion: Conclusion, techniques: tuple[Technique, ...]) -> str:
    """``techniques`` are those of the conclusion and of files inside."""
    return _score(conclusion) + _techniques(techniques)


def points(number: float) -> str:
    """``44``, ``46.75``."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def by_tactic(techniques: tuple[Technique, ...]) -> list[tuple[str, list[Technique]]]:
    """Techniques under each tactic that they serve; under ``other`` those whose tactics are not known."""
    rows = [(tactic, [one for one in techniques if tactic in one.tactics]) for tactic in TACTICS]
    rows.append(("other", [one for one in techniques if not set(one.tactics).intersection(TACTICS)]))
    return [(tactic, found) for tactic, found in rows if found]


def _score(conclusion: Conclusion) -> str:
    if not conclusion.contributions:
        return ""
    sums = table(
        ("Severity", "Weight", "Points", "At most, with those below", "Counted"), conclusion.sums, _sum, SUMS_BUDGET
    )
    parts = table(("Finding", "Points", "Counted", "With"), conclusion.contributions, _part, POINTS_BUDGET, kept=KEPT)
    more = f"<p>{conclusion.contributions_left_out} smaller ones are in the sums.</p>"
    explained = (
        "<p>A finding has its severity's weight times its confidence. Findings that say the same count half, a quarter "
        "and so on beside the strongest of them, and together as the most severe; of files inside only the worst "
        "counts. What counts of one severity and of those below it has an upper bound.</p>"
    )
    body = explained + sums + parts + (more if conclusion.contributions_left_out else "")
    return f"<h4>Score: {conclusion.score} of 100</h4>" + details("How it adds up", body)


def _sum(row: Sum) -> Row:
    return Row(
        (SEVERITY_WORDS[row.severity], str(row.weight), points(row.points), str(row.ceiling), points(row.counted))
    )


def _part(part: Contribution) -> Row:
    sure = f"{points(part.points)} ({part.confidence} % sure)"
    return Row((code(part.finding, 160), sure, points(part.counted), code(part.group, 120)), f"athena-{part.severity}")


def _techniques(techniques: tuple[Technique, ...]) -> str:
    rows = [(tactic, one) for tactic, found in by_tactic(techniques) for one in found]
    if not rows:
        return ""
    listing = table(("Tactic", "Technique", "Findings"), rows, _technique, TACTICS_BUDGET, kept=KEPT)
    return f"<h4>ATT&amp;CK</h4>{details(counted(len(techniques), 'technique'), listing, opened=True)}"


def _technique(row: tuple[str, Technique]) -> Row:
    tactic, technique = row
    name = escape(shown(f"{technique.id} {technique.name}".strip(), 120))
    url = technique_url(technique.id)
    linked = f'<a href="{url}" target="_blank" rel="noopener noreferrer">{name}</a>' if url else name
    left = len(technique.findings) - MAX_NAMED
    findings = code(", ".join(technique.findings[:MAX_NAMED]), 300).markup + (f" and {left} more" if left > 0 else "")
    return Row((tactic.replace("-", " ").capitalize(), Html(linked), Html(findings)))
