"""All indicators of compromise of a report, wherever they show: in the sample's bytes and its document's links, under
its layers, in its run, in what its code makes, and in the files inside it.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from athena_lab.report.tree import Lead, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.model import Report

HOST: Final = re.compile(r"[a-z]+://(?:[^/@]*@)?([^/:?#]+)")
WEB: Final = ("http://", "https://", "ftp://", "ws://", "wss://")
JUDGED: Final = True
"""Layers and code list only what leads somewhere."""
REACHED: Final = frozenset(("url", "domain", "onion", "ipv4", "ipv6", "email", "bitcoin", "ethereum"))
"""Kinds of what is somewhere else: a path or a registry key is not led to."""
MAX_LEADS: Final = 32
"""Of one file inside, which is one of up to 512 in a tree."""
MAX_LEAD: Final = 512
"""Characters of one: the rest of a longer one is a payload rather than an address."""


class Row(NamedTuple):
    """One indicator. ``offset`` in bytes, where there is one; ``leads_somewhere`` is None where nobody has judged it.

    ``source``: as `Indicator.source`; ``document``, ``layer 0``, ``run``, ``code``; or ``file NAME``, a hostile name.
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
    return _where_first(report, chain(_linked(report), _layered(report), _asked(report), _made(report), inside))


def leads(report: Report) -> tuple[tuple[Lead, ...], int]:
    """Where a file inside leads to, as a node of the tree tells it, and how many more there are.

    First what it asked for in the run and what its layers and links hold: what just stands in its bytes may be there in
    any number. A host whose address is told is not told again.
    """
    told: dict[tuple[str, str], Lead] = {}
    for row in chain(_asked(report), _made(report), _layered(report), _linked(report), _in_bytes(report)):
        if row.kind in REACHED and row.leads_somewhere is not False:
            lead = Lead(row.kind, row.value[:MAX_LEAD], row.leads_somewhere)
            if (known := told.get((lead.kind, lead.value))) is None or known.leads_somewhere is None:
                told[lead.kind, lead.value] = lead
    hosts = {found[1] for kind, value in told if kind == "url" and (found := HOST.match(value))}
    kept = [lead for lead in told.values() if lead.kind == "url" or lead.value not in hosts]
    return tuple(kept[:MAX_LEADS]), max(0, len(kept) - MAX_LEADS)


def _where_first(report: Report, more: Iterator[Row]) -> Iterator[Row]:
    """What network found in the bytes, then of ``more`` what is new."""
    seen: set[tuple[str, str]] = set()
    for row in _in_bytes(report):
        seen.add((row.kind, row.value))
        yield row
    for row in more:
        if (row.kind, row.value) not in seen:
            seen.add((row.kind, row.value))
            yield row


def _in_bytes(report: Report) -> Iterator[Row]:
    for it in report.network.indicators if report.network else ():
        yield Row(it.kind, it.value, it.offset, it.count, it.leads_somewhere, it.tags, it.source)


def _linked(report: Report) -> Iterator[Row]:
    for document in report.facts.documents if report.facts else ():
        yield from (_url(link.target, "document") for link in document.links if _is_web(link.target))


def _layered(report: Report) -> Iterator[Row]:
    for layer in report.deobfuscation.layers if report.deobfuscation else ():
        yield from (_elsewhere(it.kind, it.value, JUDGED, f"layer {layer.index}") for it in layer.indicators)


def _asked(report: Report) -> Iterator[Row]:
    for asked in report.behaviour.network if report.behaviour else ():
        if _is_web(asked.target):
            yield _url(asked.target, "run")


def _made(report: Report) -> Iterator[Row]:
    for it in report.behaviour.addresses if report.behaviour else ():
        yield _elsewhere(it.kind, it.value, JUDGED, "code")


def _elsewhere(kind: str, value: str, leads_somewhere: bool | None, source: str) -> Row:  # noqa: FBT001  # a field
    return Row(kind, value, None, 1, leads_somewhere, (), source)


def _is_web(target: str) -> bool:
    return target.lower().startswith(WEB)


def _url(target: str, source: str) -> Row:
    """With scheme and host in small letters, as network writes them."""
    scheme, _, rest = target.partition("://")
    host, slash, path = rest.partition("/")
    return _elsewhere("url", f"{scheme.lower()}://{host.lower()}{slash}{path}", None, source)
