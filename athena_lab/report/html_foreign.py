"""What modules of the user's own say beside their findings: names and values of any kind, as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from athena_lab.report.display import shown
from athena_lab.report.foreign import flattened
from athena_lab.report.markup import code, details, pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

BUDGET = 16_000
"""Characters of HTML, for each module."""
MAX_MODULES = 16


def foreign_html(data: Mapping[str, Any]) -> str:
    """By module; nothing where none says anything."""
    tables = "".join(_module(name, value) for name, value in list(data.items())[:MAX_MODULES])
    return f"<h4>Modules of your own</h4>{tables}" if tables else ""


def _module(name: str, data: Any) -> str:
    rows = [(key or "value", code(text)) for key, text in flattened(data)]
    return details(shown(name, 64), pairs(rows, BUDGET), opened=True)
