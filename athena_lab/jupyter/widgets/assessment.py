"""A structured answer's verdict as HTML and as text. Everything in it is the model's word, and hostile."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from athena_lab.report.display import shown

if TYPE_CHECKING:
    from athena_lab.events import Assessment, Ioc, Structured

ONE = "The model's verdict"
_WITH_DOTS = frozenset({"path", "registry", "mutex", "user-agent"})
"""Kinds in which a dot leads nowhere."""
_DOT = re.compile("[.\u3002\uff0e\uff61]")
"""What browsers take for the dot of a host name."""


def render_assessment(structured: Structured) -> str:
    """A card with verdict, techniques and indicators; for an answer that is none, what is wrong with it."""
    found = structured.assessment
    if found is None:
        return f'<p class="athena-warning" role="alert">{escape(_invalid(structured))}</p>'
    return render_card(found)


def render_card(found: Assessment, whose: str = ONE) -> str:
    """Verdict, techniques and indicators. ``whose`` begins the sentence."""
    return (
        f'<section class="athena-assessment athena-verdict-{found.verdict}">'
        f"<p><b>{escape(sentence(found, whose))}</b></p>{_techniques(found)}{_iocs(found)}</section>"
    )


def plain_assessment(structured: Structured) -> list[str]:
    """The same, as lines."""
    found = structured.assessment
    if found is None:
        return [_invalid(structured)]
    return plain_card(found)


def plain_card(found: Assessment, whose: str = ONE) -> list[str]:
    lines = [sentence(found, whose)]
    if found.techniques:
        lines.append("ATT&CK: " + ", ".join(found.techniques))
    return [*lines, *(f"{ioc.kind}: {defanged(ioc)}" for ioc in found.iocs)]


def sentence(found: Assessment, whose: str = ONE) -> str:
    """``The model's verdict: malicious, family Emotet, 85 % sure.``"""
    family = f", family {shown(found.family, 128)}" if found.family else ""
    return f"{whose}: {found.verdict}{family}, {found.confidence} % sure."


def defanged(ioc: Ioc) -> str:
    """As it may be shown: where a model calls something a domain, its looks need not say so."""
    text = shown(ioc.value, 400)
    return text if ioc.kind in _WITH_DOTS else _DOT.sub("[.]", text.replace("[.]", "."))


def _invalid(structured: Structured) -> str:
    problem = shown(structured.problem or "", 300)
    return f"The model gave no valid assessment: {problem} Its text is kept as it came."


def _techniques(found: Assessment) -> str:
    if not found.techniques:
        return ""
    return "<p>ATT&amp;CK: " + ", ".join(f"<code>{escape(name)}</code>" for name in found.techniques) + "</p>"


def _iocs(found: Assessment) -> str:
    rows = "".join(
        f"<tr><td>{escape(ioc.kind)}</td><td><code>{escape(defanged(ioc))}</code></td></tr>" for ioc in found.iocs
    )
    head = "<thead><tr><th>Indicator</th><th>Value, defanged</th></tr></thead>"
    return f"<table>{head}<tbody>{rows}</tbody></table>" if rows else ""
