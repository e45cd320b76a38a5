"""The few pieces of HTML that the parts of a report are made of. All text given to them is escaped here."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import msgspec

from athena_lab.report.display import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

T = TypeVar("T")

MAX_CELL = 200
"""Characters of text in one cell."""
MAX_UNBROKEN = 16
"""Characters up to which a cell's code stays on one line."""


class Html(msgspec.Struct, frozen=True):
    """Markup that needs no escaping any more."""

    markup: str


class Row(msgspec.Struct, frozen=True):
    """Cells of text, which is hostile, or of `Html`."""

    cells: tuple[str | Html, ...]
    css: str = ""


@cache
def style() -> str:
    """The style sheet of what has the class ``athena-report``."""
    sheet = files("athena_lab.report").joinpath("report.css").read_text(encoding="utf-8")
    return f"<style>{sheet}</style>"


def take(items: Collection[T], render: Callable[[T], str], max_items: int, budget: int) -> tuple[list[str], int]:
    """The first items within ``budget`` characters, and how many were left out; those are not even rendered."""
    taken: list[str] = []
    used = 0
    for item in islice(items, max_items):
        piece = render(item)
        used += len(piece)
        if used > budget:
            break
        taken.append(piece)
    return taken, len(items) - len(taken)


def code(text: str, limit: int = MAX_CELL) -> Html:
    """As in a program; nothing where there is none."""
    if not text:
        return Html("")
    short = ' class="n"' if len(text) <= MAX_UNBROKEN else ""
    return Html(f"<code{short}>{escape(shown(text, limit))}</code>")


def brief(text: str) -> Html:
    """Words or a number, on one line unless they are long."""
    escaped = escape(shown(text, MAX_CELL))
    return Html(f'<span class="n">{escaped}</span>' if len(text) <= MAX_UNBROKEN else escaped)


def cell(content: str | Html) -> str:
    return content.markup if isinstance(content, Html) else escape(shown(content, MAX_CELL))


def table(
    head: Sequence[str],
    items: Collection[T],
    row: Callable[[T], Row],
    budget: int,
    max_rows: int = 400,
    *,
    kept: str = "report.facts",
) -> str:
    """A table with a row of headings, within ``budget`` characters; says how many rows it leaves out, and that `kept`
    has them.

    Nothing for no items.
    """
    if not items:
        return ""
    taken, left = take(items, lambda item: _row(row(item)), max_rows, budget)
    heads = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(taken)}</tbody></table>{_left(left, kept)}"


def pairs(rows: Collection[tuple[str, str | Html]], budget: int) -> str:
    """A table of names and values; nothing for no rows."""
    if not rows:
        return ""
    taken, left = take(rows, _pair, 200, budget)
    return f"<table class='athena-pairs'><tbody>{''.join(taken)}</tbody></table>{_left(left)}"


def details(summary: str, body: str, *, opened: bool = False) -> str:
    """A part that unfolds; nothing for an empty body."""
    if not body:
        return ""
    return f"<details{' open' if opened else ''}><summary>{escape(shown(summary))}</summary>{body}</details>"


def meter(entropy: float) -> Html:
    """Entropy as a bar and a number. ``<meter>`` passes sanitisers and follows the theme by itself."""
    value = f"{entropy:.2f}"
    return Html(f'<meter min="0" max="8" low="6.5" high="7.2" optimum="4" value="{value}"></meter> {value}')


def _pair(pair: tuple[str, str | Html]) -> str:
    name, value = pair
    head = f'<th scope="row">{escape(shown(name, MAX_CELL))}</th>'
    return f'<tr>{head}<td style="text-align:left">{cell(value)}</td></tr>'


def _row(row: Row) -> str:
    css = f' class="{row.css}"' if row.css else ""
    return f"<tr{css}>{''.join(f'<td>{cell(content)}</td>' for content in row.cells)}</tr>"


def _left(left: int, kept: str = "report.facts") -> str:
    return f"<p>{left} more are not shown here; <code>{kept}</code> has what was kept.</p>" if left else ""
