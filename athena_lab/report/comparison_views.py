"""A comparison for a notebook and for a terminal. Its words are the samples': they are escaped and defanged."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from athena_lab.report.display import shown, size_text
from athena_lab.report.markup import Row, code, details, style, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.comparison import Comparison, Property, Shared
    from athena_lab.sample import Sample

BUDGET = 24_000
"""Characters of HTML of each part."""
MAX_ROWS = 100
MAX_IN_TEXT = 5


def to_html(comparison: Comparison) -> str:
    properties = [row for row in comparison.properties if row.first or row.second]
    head = ("", _name(comparison.first), _name(comparison.second), "")
    parts = "".join(_set_html(row) for row in comparison.sets if row.alike is not None)
    return (
        f'{style()}<section class="athena-report"><h3>{escape(_sentence(comparison))}</h3>'
        + table(head, properties, _property, BUDGET)
        + table(("", "Both", "Only first", "Only second", "Alike"), _known(comparison), _counts, BUDGET)
        + parts
        + "</section>"
    )


def to_text(comparison: Comparison) -> str:
    return "\n".join(_lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    yield _sentence(comparison)
    yield f"first   {_name(comparison.first)}, {size_text(comparison.first.size)}, {comparison.first.sha256}"
    yield f"second  {_name(comparison.second)}, {size_text(comparison.second.size)}, {comparison.second.sha256}"
    for row in comparison.properties:
        if row.first or row.second:
            sign = {True: "=", False: "/", None: "?"}[row.same]
            yield f"  {row.name:13} {shown(row.first, 60) or '-'} {sign} {shown(row.second, 60) or '-'}"
    for one in _known(comparison):
        yield (
            f"  {one.what:13} {one.common_count:,} in both, {one.only_first_count:,} only in the first, "
            f"{one.only_second_count:,} only in the second: {one.alike:g} % alike"
        )
        for label, names in (("first", one.only_first), ("second", one.only_second)):
            if names:
                listed = ", ".join(shown(name, 60) for name in names[:MAX_IN_TEXT])
                yield f"    only in the {label}: {listed}{' ...' if len(names) > MAX_IN_TEXT else ''}"


def _sentence(comparison: Comparison) -> str:
    if comparison.identical:
        return "The same bytes."
    likeness = comparison.likeness
    said = [f"{comparison.alike:g} % alike by what is in them"]
    if likeness.ssdeep is not None:
        said.append(f"ssdeep {likeness.ssdeep} of 100")
    if likeness.tlsh is not None:
        said.append(f"TLSH distance {likeness.tlsh}")
    return "; ".join(said) + "."


def _known(comparison: Comparison) -> list[Shared]:
    return [row for row in comparison.sets if row.alike is not None]


def _name(sample: Sample) -> str:
    return shown(sample.name, 60) or sample.sha256[:12]


def _property(row: Property) -> Row:
    sign = {True: "same", False: "different", None: ""}[row.same]
    return Row((row.name, code(row.first, 80), code(row.second, 80), sign))


def _counts(row: Shared) -> Row:
    counts = (row.common_count, row.only_first_count, row.only_second_count)
    return Row((row.what, *(f"{count:,}" for count in counts), f"{row.alike:g} %"))


def _set_html(row: Shared) -> str:
    rows = [
        (label, name)
        for label, names in (("first", row.only_first), ("second", row.only_second), ("both", row.common))
        for name in names[:MAX_ROWS]
    ]
    listing = table(("In", row.what), rows, lambda one: Row((one[0], code(one[1], 160))), BUDGET)
    return details(row.what.capitalize(), listing)
