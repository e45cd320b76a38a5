"""A table of figures, printed as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Table(NamedTuple):
    """`note` says what was measured, and how; cells are texts."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [" | ".join(row) for row in (self.columns, ["---"] * len(self.columns), *self.rows)]
        return "\n".join([f"### {self.title}", "", self.note, "", *(f"| {line} |" for line in lines), ""])


def ratio(value: float, base: float) -> str:
    """How many times the base, with two significant digits."""
    times = value / base
    return f"{times:,.0f} x" if times >= 10 else f"{times:.1f} x" if times >= 1 else f"{times:.2f} x"
