"""All indicators of compromise of a report, wherever they show: in the sample's bytes and its document's links, under
its layers, in its run, and in the files inside it.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Final, NamedTuple

from athena_lab.report.tree import Lead, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.model import Report

WEB: Final = ("http://", "https://", "ftp://", "ws://", "wss://")
JUDGED: Final = True
"""Layers list only what leads somewhere."""
MAX_LEADS: Final = 32
"""Of one file inside, which is one of up to 512 in a tree."""
MAX_LEAD: Final = 512
"""Characters of one: what is longer is a payload rather than an address, and is in the report of the file itself."""


class Row(NamedTuple):
    """One indicator. ``offset`` in bytes, where there is one; ``leads_somewhere`` is None where nobody has judged it.

    ``source``: as `Indicator.source`; ``document``, ``layer 0``, ``run``; or ``file NAME``, of a hostile name.
    """

    kind: str
    value: str
    offset: int | None
    times: int
    leads_somewhere: bool | None
    tags: tuple[str, ...]
    source: str


def rows(report: Report) -> Iterator[Row]:
    """Each where it shows first."""
    inside = (
        _elsewhere(lead.kind, lead.value, lead.leads_somewhere, f"file {node.name or f'{node.module} {node.index}'}")
        for _, node in walk(report.children)
        for lead in node.leads
    )
    return _where_first(report, chain(_decoded(report), inside))


def leads(report: Report) -> tuple[Lead, ...]:
    """The first of the file's own that lead somewhere, or that it asked for: what a node of the tree tells of it."""
    own = _where_first(report, _decoded(report))
    telling = (row for row in own if row.leads_somewhere is not False and len(row.value) <= MAX_LEAD)
    return tuple(Lead(row.kind, row.value, row.leads_somewhere) for row in islice(telling, MAX_LEADS))


def _where_first(report: Report, more: Iterator[Row]) -> Iterator[Row]:
    """What network found in the bytes, then of ``more`` what is new."""
    seen: set[tuple[str, str]] = set()
    for it in report.network.indicators if report.network else ():
        seen.add((it.kind, it.value))
        yield Row(it.kind, it.value, it.offset, it.count, it.leads_somewhere, it.tags, it.source)
    for row in more:
        if (row.kind, row.value) not in seen:
            seen.add((row.kind, row.value))
            yield row


def _decoded(report: Report) -> Iterator[Row]:
    for document in report.facts.documents if report.facts else ():
        yield from (_url(link.target, "document") for link in document.links if _is_web(link.target))
    for layer in report.deobfuscation.layers if report.deobfuscation else ():
        yield from (_elsewhere(it.kind, it.value, JUDGED, f"layer {layer.index}") for it in layer.indicators)
    for asked in report.behaviour.network if report.behaviour else ():
        if _is_web(asked.target):
            yield _url(asked.target, "run")


def _elsewhere(kind: str, value: str, leads_somewhere: bool | None, source: str) -> Row:  # noqa: FBT001  # a field
    return Row(kind, value, None, 1, leads_somewhere, (), source)


def _is_web(target: str) -> bool:
    return target.lower().startswith(WEB)


def _url(target: str, source: str) -> Row:
    """With scheme and host in small letters, as network writes them."""
    scheme, _, rest = target.partition("://")
    host, slash, path = rest.partition("/")
    return _elsewhere("url", f"{scheme.lower()}://{host.lower()}{slash}{path}", None, source)
