"""What several providers say, merged, as HTML and as text. Everything in it is the models' word, and hostile."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from athena_lab.jupyter.widgets.assessment import plain_card, render_card
from athena_lab.jupyter.widgets.seams import named
from athena_lab.jupyter.widgets.tried import reason
from athena_lab.report.display import shown

if TYPE_CHECKING:
    from athena_lab.events import Consensus, Difference, Opinion

WHOSE = "The models' verdict"
_MAX_VALUE = 400
_MEMBERS = {"iocs": "indicators"}


def render_consensus(consensus: Consensus) -> str:
    """The merged assessment, how far they agree, who says what, and where they differ."""
    merged = render_card(consensus.merged, WHOSE) if consensus.merged is not None else ""
    titles = ("Provider", "Verdict", "Family", "Sure", "Techniques", "Indicators")
    head = "".join(f"<th>{title}</th>" for title in titles)
    rows = "".join(_row(opinion) for opinion in consensus.opinions)
    return (
        f'<section class="athena-consensus">{merged}<p>{escape(agreement(consensus))}</p>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{_differences(consensus)}</section>"
    )


def plain_consensus(consensus: Consensus) -> list[str]:
    """The same, as lines."""
    merged = plain_card(consensus.merged, WHOSE) if consensus.merged is not None else []
    opinions = (f"{_who(opinion)}: {', '.join(filter(None, _said(opinion)))}" for opinion in consensus.opinions)
    differences = (f"They differ in {_member(it)}: {'; '.join(_values(it))}" for it in consensus.differences)
    return [*merged, agreement(consensus), *opinions, *differences]


def agreement(consensus: Consensus) -> str:
    """``2 of 3 providers gave an assessment; 67 % agree on the verdict.``"""
    given = sum(opinion.assessment is not None for opinion in consensus.opinions)
    asked = f"{given} of {len(consensus.opinions)} providers gave an assessment"
    if consensus.agreement is None:
        return f"{asked}."
    return f"{asked}; {consensus.agreement * 100:.0f} % agree on the verdict."


def _row(opinion: Opinion) -> str:
    who = f"<td>{escape(_who(opinion))}</td>"
    if opinion.assessment is None:
        return f'<tr>{who}<td colspan="5">{escape(_said(opinion)[0])}</td></tr>'
    return f"<tr>{who}" + "".join(f"<td>{escape(cell)}</td>" for cell in _said(opinion)) + "</tr>"


def _who(opinion: Opinion) -> str:
    return named(opinion.provider, opinion.model)


def _said(opinion: Opinion) -> tuple[str, ...]:
    found = opinion.assessment
    if found is None:
        return (f"no assessment ({reason(opinion.error)})" if opinion.error else "no assessment",)
    techniques = ", ".join(found.techniques)
    indicators = f"{len(found.iocs)} indicators" if found.iocs else ""
    return (found.verdict, shown(found.family or "", 128), f"{found.confidence} %", techniques, indicators)


def _differences(consensus: Consensus) -> str:
    if not consensus.differences:
        return ""
    items = "".join(f"<li>{escape(_member(it))}: {escape('; '.join(_values(it)))}</li>" for it in consensus.differences)
    return f"<p>Where they differ:</p><ul>{items}</ul>"


def _member(difference: Difference) -> str:
    return _MEMBERS.get(difference.member, shown(difference.member, 60))


def _values(difference: Difference) -> list[str]:
    """``malicious (claude, openai)``, for each value."""
    return [
        f"{shown(value, _MAX_VALUE) or 'none'} ({shown(', '.join(providers), _MAX_VALUE)})"
        for value, providers in difference.said.items()
    ]
