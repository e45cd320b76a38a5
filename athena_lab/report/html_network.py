"""The facts of network as HTML: indicators, defanged, those first that lead somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.report.display import counted
from athena_lab.report.html_capture import capture_html
from athena_lab.report.markup import Row, code, details, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from athena_lab.report.network import Indicator, NetworkFacts

BUDGET = 16_000
"""Characters of HTML for each table."""


def network_html(facts: NetworkFacts) -> str:
    """Nothing where nothing was found."""
    return (capture_html(facts.capture) if facts.capture else "") + _indicators(facts)


def _indicators(facts: NetworkFacts) -> str:
    if not facts.indicators:
        return ""
    telling = [it for it in facts.indicators if it.leads_somewhere]
    others = [it for it in facts.indicators if not it.leads_somewhere]
    unlisted = f" {facts.not_listed:,} more are not listed." if facts.not_listed else ""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(facts.totals.items()))
    return (
        f"<h4>Indicators</h4><p>{kinds}.{unlisted}</p>"
        + details(counted(len(telling), "indicator"), _table(telling), opened=True)
        + details(f"Leading nowhere, or in honest files too: {counted(len(others), 'indicator')}", _table(others))
    )


def _table(indicators: Sequence[Indicator]) -> str:
    return table(("Kind", "Value", "Offset", "Times", "Said of it"), indicators, _row, BUDGET, kept="report.network")


def _row(it: Indicator) -> Row:
    said = (it.source, *it.tags) if it.source != "bytes" else it.tags
    return Row(
        (
            it.kind,
            code(it.value),
            code("" if it.offset is None else f"{it.offset:#x}"),
            f"{it.count:,}",
            ", ".join(said),
        )
    )
